/*
 * The caching allocator.
 *
 * Sizes are rounded up to classes: multiples of 64 bytes up to 1 KiB, then eight classes per
 * doubling, so at most an eighth is wasted. A freed block goes to its class's list and is handed
 * out again as it is; page faults cost several times as much as the arithmetic on fresh memory.
 * Blocks of 2 MiB and more come from mmap with huge pages, smaller ones from the C library.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "alloc.h"
#include "machine.h"
#include "sizes.h"

#define HUGE_BLOCK ((int64_t)2 << 20)
#define LINEAR_CLASSES (COREX_SMALL_LIMIT / 64)
#define NUM_CLASSES (LINEAR_CLASSES + 8 * 54)

/* A free block, in its own memory. */
typedef struct block {
    struct block *next;
    int64_t size;
} block;

/*
 * Held for a few instructions and never around a system call; who finds it taken gives way before
 * long, as its owner may not be running. A mutex of the C library costs a tenth of a small op.
 */
static atomic_flag lock = ATOMIC_FLAG_INIT;
static block *free_lists[NUM_CLASSES];
static int64_t cached_bytes;        /* in free_lists */
static _Atomic int64_t cache_limit; /* of cached_bytes */
static int64_t memory_limit;        /* of what is reserved: in use or cached */

corex_counters corex_memory;

static _Alignas(64) char nothing[64]; /* the address of blocks of 0 bytes */

static bool try_lock(void)
{
    return !atomic_flag_test_and_set_explicit(&lock, memory_order_acquire);
}

static __attribute__((noinline)) void wait_for_lock(void)
{
    const struct timespec pause = {.tv_nsec = 20000};
    for (int tries = 0; !try_lock(); tries++)
        if (tries >= 1000)
            nanosleep(&pause, NULL); /* also where the owner has a lower priority */
        else if (tries >= 20)
            sched_yield();
}

COREX_INLINE void acquire(void)
{
    if (COREX_UNLIKELY(!try_lock()))
        wait_for_lock();
}

COREX_INLINE void release(void) { atomic_flag_clear_explicit(&lock, memory_order_release); }

/* A fork may catch another thread inside the allocator: it waits until that one is out. */
static void before_fork(void) { acquire(); }
static void after_fork(void) { release(); }

/* While the library is loaded: whoever forks later may never have used a thread of ours. */
__attribute__((constructor)) static void start(void)
{
    memory_limit = corex_machine_memory();
    const int64_t wanted = corex_environment_number("COREX_CPU_MEMORY_BYTES");
    if (wanted > 0)
        memory_limit = COREX_MIN(memory_limit, wanted);
    const char *text = getenv("COREX_CPU_CACHE_BYTES");
    const long long cache = text == NULL || *text == 0 ? -1 : strtoll(text, NULL, 10);
    atomic_store(&cache_limit, cache >= 0 ? cache : memory_limit / 4);
    pthread_atfork(before_fork, after_fork, after_fork);
}

static int class_of(int64_t nbytes)
{
    if (nbytes <= COREX_SMALL_LIMIT)
        return (int)((nbytes + 63) / 64) - 1;
    int log = 63 - __builtin_clzll((uint64_t)(nbytes - 1));
    return LINEAR_CLASSES + 8 * (log - 10) + (int)(((nbytes - 1) >> (log - 3)) & 7);
}

static int64_t class_size(int index)
{
    if (index < LINEAR_CLASSES)
        return 64 * (int64_t)(index + 1);
    int log = 10 + (index - LINEAR_CLASSES) / 8;
    return (int64_t)(8 + (index - LINEAR_CLASSES) % 8 + 1) << (log - 3);
}

int64_t corex_block_size(int64_t nbytes) { return nbytes <= 0 ? 0 : class_size(class_of(nbytes)); }

static void *system_alloc(int64_t size)
{
    if (size < HUGE_BLOCK)
        return aligned_alloc(64, (size_t)size);
    /* Over-reserve, then trim, so that the block starts on a huge page. */
    const int64_t reserve = corex_plus(size, HUGE_BLOCK);
    char *base =
        mmap(NULL, (size_t)reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    char *start = (char *)(((uintptr_t)base + HUGE_BLOCK - 1) & ~(uintptr_t)(HUGE_BLOCK - 1));
    if (start > base)
        munmap(base, (size_t)(start - base));
    munmap(start + size, (size_t)(base + reserve - (start + size)));
#ifdef MADV_HUGEPAGE
    madvise(start, (size_t)size, MADV_HUGEPAGE);
#endif
    return start;
}

static void system_free(void *ptr, int64_t size)
{
    if (size < HUGE_BLOCK)
        free(ptr);
    else
        munmap(ptr, (size_t)size);
}

/* Takes the cached blocks of these classes out of the lists. Caller holds the lock. */
static block *take_cache(int from_class)
{
    block *chain = NULL;
    for (int index = NUM_CLASSES - 1; index >= from_class; index--)
        while (free_lists[index] != NULL) {
            block *victim = free_lists[index];
            free_lists[index] = victim->next;
            victim->size = class_size(index);
            cached_bytes -= victim->size;
            corex_counter_add(&corex_memory.reserved, -victim->size);
            victim->next = chain;
            chain = victim;
        }
    return chain;
}

/* Gives blocks back to the system. Caller does not hold the lock. */
static void free_chain(block *chain)
{
    while (chain != NULL) {
        block *next = chain->next;
        system_free(chain, chain->size);
        chain = next;
    }
}

static int64_t bytes_in_use(void)
{
    return corex_counter_get(&corex_memory.allocated) +
           corex_counter_get(&corex_memory.small_allocated);
}

/* Caller holds the lock. */
static void count_allocation(int64_t nbytes)
{
    corex_counter_add(&corex_memory.allocated, nbytes);
    corex_counter_add(&corex_memory.allocations, 1);
    corex_note_peak(bytes_in_use());
}

void corex_uncount_allocation(int64_t nbytes)
{
    acquire();
    corex_counter_add(&corex_memory.allocated, -nbytes);
    corex_counter_add(&corex_memory.allocations, -1);
    release();
}

static corex_status refuse(int64_t nbytes)
{
    return corex_fail(COREX_ERR_MEMORY,
                      "can't allocate memory on cpu: you tried to allocate %lld bytes "
                      "(%lld in use, %lld reserved, the limit is %lld)",
                      (long long)nbytes, (long long)bytes_in_use(),
                      (long long)corex_counter_get(&corex_memory.reserved),
                      (long long)memory_limit);
}

/* Counts a new block, for which cached ones make way if they must; false if it does not fit. */
static bool reserve(int64_t size, int64_t nbytes)
{
    block *victims = NULL;
    acquire();
    if (size > memory_limit - corex_counter_get(&corex_memory.reserved))
        victims = take_cache(0);
    /* mmap would promise more than there is, and the process would be killed on use. */
    const bool fits = size <= memory_limit - corex_counter_get(&corex_memory.reserved);
    if (fits) {
        corex_counter_add(&corex_memory.reserved, size);
        count_allocation(nbytes);
    }
    release();
    free_chain(victims);
    return fits;
}

static void *new_block(int64_t size, int64_t nbytes)
{
    if (!reserve(size, nbytes))
        return NULL;
    void *ptr = system_alloc(size);
    if (ptr == NULL) {
        corex_empty_cache();
        ptr = system_alloc(size);
    }
    if (ptr == NULL) {
        corex_uncount_allocation(nbytes);
        acquire();
        corex_counter_add(&corex_memory.reserved, -size);
        release();
    }
    return ptr;
}

static void *block_alloc(int64_t nbytes)
{
    const int index = class_of(nbytes);
    const int64_t size = class_size(index);
    acquire();
    block *found = free_lists[index];
    if (COREX_LIKELY(found != NULL)) {
        free_lists[index] = found->next;
        cached_bytes -= size;
        count_allocation(nbytes);
    }
    release();
    return found != NULL ? found : new_block(size, nbytes);
}

corex_status corex_alloc(int64_t nbytes, void **out)
{
    *out = NULL;
    if (nbytes < 0 || nbytes > (INT64_MAX >> 4))
        return refuse(nbytes);
    if (nbytes == 0) {
        acquire();
        count_allocation(0);
        release();
        *out = nothing;
        return COREX_OK;
    }
    *out = block_alloc(nbytes);
    return *out == NULL ? refuse(nbytes) : COREX_OK;
}

/* `counted`: the bytes to take from the count of those in use. */
static void block_free(void *ptr, int64_t nbytes, int64_t counted)
{
    const int index = class_of(nbytes);
    const int64_t size = class_size(index), limit = corex_get_cache_limit();
    block *victims = NULL, *freed = ptr;
    acquire();
    corex_counter_add(&corex_memory.allocated, -counted);
    /* Rather the block just used than older ones of sizes no longer asked for. */
    if (COREX_UNLIKELY(cached_bytes + size > limit && size <= limit))
        victims = take_cache(LINEAR_CLASSES);
    if (COREX_UNLIKELY(cached_bytes + size > limit)) {
        corex_counter_add(&corex_memory.reserved, -size);
        freed->size = size;
        freed->next = victims;
        victims = freed;
    } else {
        freed->next = free_lists[index];
        free_lists[index] = freed;
        cached_bytes += size;
    }
    release();
    free_chain(victims);
}

void corex_free(void *ptr, int64_t nbytes)
{
    if (ptr != NULL && nbytes > 0)
        block_free(ptr, nbytes, nbytes);
}

void corex_free_uncounted(void *ptr, int64_t nbytes) { block_free(ptr, nbytes, 0); }

void corex_empty_cache(void)
{
    acquire();
    block *victims = take_cache(0);
    release();
    free_chain(victims);
}

void corex_set_cache_limit(int64_t nbytes)
{
    atomic_store(&cache_limit, COREX_MAX(nbytes, 0));
    acquire();
    block *victims = cached_bytes > nbytes ? take_cache(0) : NULL;
    release();
    free_chain(victims);
}

int64_t corex_get_cache_limit(void)
{
    return atomic_load_explicit(&cache_limit, memory_order_relaxed);
}

void corex_get_memory_stats(corex_memory_stats *out)
{
    out->allocated_bytes = bytes_in_use();
    out->reserved_bytes = corex_counter_get(&corex_memory.reserved);
    out->peak_allocated_bytes = corex_counter_get(&corex_memory.peak);
    out->allocations = corex_counter_get(&corex_memory.allocations) +
                       corex_counter_get(&corex_memory.small_allocations);
}

corex_status corex_scratch_get(corex_scratch *scratch, int64_t nbytes)
{
    scratch->nbytes = nbytes;
    return corex_alloc(nbytes, &scratch->data);
}

void corex_scratch_release(corex_scratch *scratch)
{
    corex_free(scratch->data, scratch->nbytes);
    scratch->data = NULL;
}
