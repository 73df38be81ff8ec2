/* The allocator's inside, for the Python buffer type that keeps small blocks of its own. */
#ifndef COREX_ALLOC_H
#define COREX_ALLOC_H

#include "internal.h"

/* Up to here classes are 64 bytes apart. */
#define COREX_SMALL_LIMIT 1024

/*
 * Each half has one writer at a time: small_* changes under Python's lock, the rest under the
 * allocator's. So relaxed loads and stores do, which cost nothing.
 */
typedef struct corex_counters {
    _Atomic int64_t allocated, reserved, allocations;
    _Atomic int64_t small_allocated, small_allocations;
    _Atomic int64_t peak;
} corex_counters;

extern corex_counters corex_memory;

COREX_INLINE int64_t corex_counter_get(_Atomic int64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

COREX_INLINE int64_t corex_counter_add(_Atomic int64_t *counter, int64_t by)
{
    int64_t sum = corex_counter_get(counter) + by;
    atomic_store_explicit(counter, sum, memory_order_relaxed);
    return sum;
}

COREX_INLINE void corex_note_peak(int64_t now)
{
    if (COREX_UNLIKELY(now > corex_counter_get(&corex_memory.peak)))
        atomic_store_explicit(&corex_memory.peak, now, memory_order_relaxed);
}

/* What a request of nbytes really takes. */
int64_t corex_block_size(int64_t nbytes);
/* Replaces an allocation that was counted here by one counted as small. */
void corex_uncount_allocation(int64_t nbytes);
/* corex_free for such a block. */
void corex_free_uncounted(void *ptr, int64_t nbytes);

#endif
