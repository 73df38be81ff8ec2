// Philox4x32-10: every number depends on its position alone, so threads do not matter.
//
// DISTRIBUTION is Bits, Uniform or Normal, T the elements. A thread makes one block of the
// generator: two elements of Bits and Uniform, one of Normal.

struct Pair {
    unsigned long long first, second;
};

__device__ inline Pair philox(unsigned long long block, unsigned long long seed)
{
    unsigned x0 = unsigned(block), x1 = unsigned(block >> 32), x2 = 0, x3 = 0;
    unsigned k0 = unsigned(seed), k1 = unsigned(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const unsigned long long a = 0xD2511F53ull * x0, b = 0xCD9E8D57ull * x2;
        x0 = unsigned(b >> 32) ^ x1 ^ k0;
        x2 = unsigned(a >> 32) ^ x3 ^ k1;
        x1 = unsigned(b);
        x3 = unsigned(a);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {x1 * 0x100000000ull + x0, x3 * 0x100000000ull + x2};
}

// How many elements a block of the generator gives, and each of them.
template <typename T> struct Bits {
    static constexpr int EACH = 2;
    __device__ static T element(Pair bits, int which)
    {
        return T(which == 0 ? bits.first : bits.second);
    }
};

template <typename T> struct Uniform {
    static constexpr int EACH = 2;
    __device__ static T element(Pair bits, int which)
    {
        const unsigned long long own = which == 0 ? bits.first : bits.second;
        return T(own >> (64 - digits_of<T>)) * T(1.0 / (1ll << digits_of<T>));
    }
};

template <typename T> struct Normal {
    static constexpr int EACH = 1;
    // Box and Muller, in float64; u1 is in (0, 1], where the logarithm is finite.
    __device__ static T element(Pair bits, int)
    {
        const double u1 = double((bits.first >> 11) + 1) * (1.0 / (1ll << 53));
        const double u2 = double(bits.second >> 11) * (1.0 / (1ll << 53));
        return T(sqrt(-2.0 * log(u1)) * cos(6.283185307179586 * u2));
    }
};

// `out` is contiguous. Two elements are written at once where that is possible. In a captured
// graph, `state` is where each replay finds the seed, and what is to be added to the offset.
extern "C" __global__ void generate(T *out, long long count, unsigned long long seed,
                                    unsigned long long offset, const unsigned long long *state)
{
    using D = DISTRIBUTION<T>;
    if (state) {
        seed = state[0];
        offset += state[1];
    }
    const bool aligned = is_aligned(out, sizeof(T) * D::EACH);
    for (Index i = grid_thread(); i < (count + D::EACH - 1) / D::EACH; i += grid_threads()) {
        const Pair bits = philox(offset + (unsigned long long)i, seed);
        Vector<T, D::EACH> made;
#pragma unroll
        for (int k = 0; k < D::EACH; k++)
            made.lanes[k] = D::element(bits, k);
        const long long first = (long long)i * D::EACH;
        if (aligned && first + D::EACH <= count)
            store_vector<D::EACH>(out, i, made);
        else
            for (int k = 0; k < D::EACH && first + k < count; k++)
                out[first + k] = made.lanes[k];
    }
}
