/* Warp collectives: the lanes of a mask meet, and each takes away its result. */
#include "scheduler.h"

#include <algorithm>

namespace corexsim
{

namespace
{

/* What a lane gets that asks one that is not there: on a GPU undefined, here a NaN. */
constexpr std::uint64_t POISON = ~std::uint64_t{0};

std::uint64_t reduce(Collective op, std::uint64_t a, std::uint64_t b)
{
    auto x = static_cast<unsigned>(a), y = static_cast<unsigned>(b);
    auto i = static_cast<int>(x), j = static_cast<int>(y);
    switch (op) {
    case REDUCE_ADD: return x + y;
    case REDUCE_MIN: return static_cast<unsigned>(std::min(i, j));
    case REDUCE_MAX: return static_cast<unsigned>(std::max(i, j));
    case REDUCE_UMIN: return std::min(x, y);
    case REDUCE_UMAX: return std::max(x, y);
    case REDUCE_AND: return x & y;
    case REDUCE_OR: return x | y;
    default: return x ^ y;
    }
}

/* All lanes of `there` have arrived: their results. */
void compute(Thread *lanes, unsigned there, Collective op)
{
    std::uint64_t all = 0;
    bool first = true, equal = true;
    for (unsigned lane = 0; lane < WARP; lane++) {
        if (!(there >> lane & 1))
            continue;
        std::uint64_t value = lanes[lane].value;
        if (op == BALLOT)
            all |= std::uint64_t{value != 0} << lane;
        else if (op >= REDUCE_ADD)
            all = first ? value : reduce(op, all, value);
        else if (first)
            all = value;
        equal = equal && (op == BALLOT || value == all);
        first = false;
    }
    for (unsigned lane = 0; lane < WARP; lane++) {
        if (!(there >> lane & 1))
            continue;
        Thread &thread = lanes[lane];
        switch (op) {
        case SHUFFLE:
            thread.result = thread.argument < WARP && (there >> thread.argument & 1)
                                ? lanes[thread.argument].value
                                : POISON;
            break;
        case MATCH_ANY:
            thread.result = 0;
            for (unsigned other = 0; other < WARP; other++)
                if ((there >> other & 1) && lanes[other].value == thread.value)
                    thread.result |= std::uint64_t{1} << other;
            break;
        case MATCH_ALL: thread.result = equal ? there : 0; break;
        case SYNC_WARP: thread.result = 0; break;
        default: thread.result = all; break;
        }
    }
}

} // namespace

const char *collective_name(Collective op)
{
    static const char *const NAMES[] = {
        "__syncwarp",        "__shfl_sync",       "a vote (__ballot_sync, __any_sync, __all_sync)",
        "__match_any_sync",  "__match_all_sync",  "__reduce_add_sync",
        "__reduce_min_sync", "__reduce_max_sync", "__reduce_min_sync",
        "__reduce_max_sync", "__reduce_and_sync", "__reduce_or_sync",
        "__reduce_xor_sync"};
    return op < COLLECTIVES ? NAMES[op] : "a warp operation";
}

namespace
{

/*
 * Lets the group go on to which this lane belongs, if all of it has come: the lanes of its mask
 * that have not exited, each with the same operation and mask.
 */
void check_group(unsigned warp, unsigned lane)
{
    Thread *lanes = block.thread + warp * WARP;
    const Thread &asking = lanes[lane];
    unsigned there = asking.mask & block.lanes[warp] & ~block.exited[warp];
    if ((there & block.waiting[warp]) != there)
        return;
    for (unsigned other = 0; other < WARP; other++)
        if ((there >> other & 1) &&
            (lanes[other].op != asking.op || lanes[other].mask != asking.mask))
            return;
    compute(lanes, there, asking.op);
    block.waiting[warp] &= ~there;
    for (unsigned i = 0; i < WARP; i++) {
        unsigned other = config.order == Order::DESCENDING ? WARP - 1 - i : i;
        if (there >> other & 1)
            make_ready(warp * WARP + other);
    }
}

} // namespace

void lane_exited(unsigned thread)
{
    unsigned warp = thread / WARP;
    block.exited[warp] |= 1u << thread % WARP;
    /* Who waits for this lane does so no longer. */
    for (unsigned lane = 0; block.waiting[warp] && lane < WARP; lane++)
        if (block.waiting[warp] >> lane & 1)
            check_group(warp, lane);
}

std::uint64_t collective(Collective op, unsigned mask, std::uint64_t value, unsigned argument,
                         int line)
{
    unsigned self = linear_thread(*block.state);
    start_tracking(self);
    unsigned lane = self % WARP, warp = self / WARP;
    if (!(mask >> lane & 1)) {
        char words[160];
        std::snprintf(words, sizeof(words),
                      "lane %u calls %s in line %d with mask 0x%08x, which leaves "
                      "the lane out",
                      lane, collective_name(op), line, mask);
        stop_block(CUDA_ERROR_LAUNCH_FAILED, words);
    }
    Thread &thread = block.thread[self];
    thread.op = op;
    thread.mask = mask;
    thread.value = value;
    thread.argument = argument;
    thread.line = line;
    thread.status = Status::AT_COLLECTIVE;
    block.waiting[warp] |= 1u << lane;
    check_group(warp, lane);
    park(self);
    return thread.result;
}

unsigned active_mask()
{
    unsigned self = linear_thread(*block.state);
    start_tracking(self);
    return block.lanes[self / WARP] & ~block.exited[self / WARP];
}

} // namespace corexsim
