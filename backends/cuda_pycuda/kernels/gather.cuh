// How a thread takes its elements of a row, and the layouts that rows come in.
#ifndef COREX_GATHER_CUH
#define COREX_GATHER_CUH

// The layout of `ARGS` views: of that many dimensions, or of any where DIMENSIONS is 0.
template <int DIMENSIONS, int ARGS> struct ViewsOf {
    using Type = Layout<DIMENSIONS, ARGS>;
};
template <int ARGS> struct ViewsOf<0, ARGS> {
    using Type = AnyLayout<ARGS>;
};

constexpr int UNROLL = 4; // loads in flight
constexpr int CHUNK = 16; // turns whose sum is rounded on its own, so that long rows stay accurate

// What a thread takes of a row: turns `first`, `first + step`, ... before `end`, VECTOR elements in
// each. `load` fetches a turn, and only that, so that UNROLL of them are under way at once. Before
// the first turn the row has `skipped` elements.
template <typename R, int VECTOR, typename Load>
__device__ inline typename R::State gather(Index first, Index end, Index step, Load load,
                                           Index skipped = 0)
{
    using State = typename R::State;
    State total = R::identity();
    for (Index start = first; start < end; start += step * (UNROLL * CHUNK)) {
        State part[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            part[u] = R::identity();
        Index turn = start;
        for (int chunk = 0; chunk < CHUNK && turn < end; chunk++, turn += step * UNROLL) {
            decltype(load(first)) values[UNROLL];
#pragma unroll
            for (int u = 0; u < UNROLL; u++)
                if (turn + u * step < end)
                    values[u] = load(turn + u * step);
#pragma unroll
            for (int u = 0; u < UNROLL; u++)
                if (turn + u * step < end)
#pragma unroll
                    for (int v = 0; v < VECTOR; v++)
                        part[u] = R::take(part[u], values[u].lanes[v],
                                          skipped + (turn + u * step) * VECTOR + v);
        }
        total = R::combine(total,
                           R::combine(R::combine(part[0], part[1]), R::combine(part[2], part[3])));
    }
    return total;
}

// The same of VECTOR neighbouring rows at once: what lane v of a turn has belongs to row v.
template <typename R, int VECTOR, typename Load>
__device__ inline void gather_across(typename R::State (&total)[VECTOR], Index first, Index end,
                                     Index step, Load load)
{
#pragma unroll
    for (int v = 0; v < VECTOR; v++)
        total[v] = R::identity();
    for (Index start = first; start < end; start += step * (UNROLL * CHUNK)) {
        typename R::State part[VECTOR];
#pragma unroll
        for (int v = 0; v < VECTOR; v++)
            part[v] = R::identity();
        Index turn = start;
        for (int chunk = 0; chunk < CHUNK && turn < end; chunk++, turn += step * UNROLL) {
            decltype(load(first)) values[UNROLL];
#pragma unroll
            for (int u = 0; u < UNROLL; u++)
                if (turn + u * step < end)
                    values[u] = load(turn + u * step);
#pragma unroll
            for (int u = 0; u < UNROLL; u++)
                if (turn + u * step < end)
#pragma unroll
                    for (int v = 0; v < VECTOR; v++)
                        part[v] = R::take(part[v], values[u].lanes[v], turn + u * step);
        }
#pragma unroll
        for (int v = 0; v < VECTOR; v++)
            total[v] = R::combine(total[v], part[v]);
    }
}

#endif
