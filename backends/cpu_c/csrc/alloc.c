/*
 * The caching allocator.
 *
 * Sizes are rounded up to classes: multiples of 64 bytes up to 1 KiB, then eight classes per
 * doubling, so at most an eighth is wasted. A freed block goes to its class's list and is handed
 * out again as it is; page faults cost several times as much as the arithmetic on fresh memory.
 * Blocks of 2 MiB and more come from mmap with huge pages, smaller ones from the C library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/sysinfo.h>
#endif

#include "alloc.h"

#define HUGE_BLOCK ((int64_t)2 << 20)
#define LINEAR_CLASSES (COREX_SMALL_LIMIT / 64)
#define NUM_CLASSES (LINEAR_CLASSES + 8 * 54)

typedef struct block {
    struct block *next;
} block;

static atomic_flag lock = ATOMIC_FLAG_INIT;
static block *free_lists[NUM_CLASSES];
static int64_t cached_bytes;     /* in free_lists */
static int64_t cache_limit = -1; /* -1: not yet decided */
static int64_t memory_limit;     /* what the machine has */

corex_counters corex_memory;

static _Alignas(64) char nothing[64]; /* the address of blocks of 0 bytes */

static void acquire(void)
{
    while (COREX_UNLIKELY(atomic_flag_test_and_set_explicit(&lock, memory_order_acquire)))
        ;
}

static void release(void) { atomic_flag_clear_explicit(&lock, memory_order_release); }

/* A fork may catch another thread inside the allocator; its lists are then whole or lost. */
void corex_alloc_before_fork(void) { acquire(); }
void corex_alloc_after_fork(void) { release(); }

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

static int64_t machine_memory(void)
{
    int64_t total = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
#ifdef __linux__
    struct sysinfo info;
    if (sysinfo(&info) == 0)
        total = (int64_t)(info.totalram + info.totalswap) * info.mem_unit;
    long long group;
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "r");
    if (file != NULL) {
        if (fscanf(file, "%lld", &group) == 1 && group > 0 && group < total)
            total = group;
        fclose(file);
    }
#endif
    return total;
}

static void decide_limits(void)
{
    if (cache_limit >= 0)
        return;
    memory_limit = machine_memory();
    const char *text = getenv("COREX_CPU_CACHE_BYTES");
    long long wanted = text == NULL || *text == 0 ? -1 : strtoll(text, NULL, 10);
    cache_limit = wanted >= 0 ? wanted : memory_limit / 4;
}

static void *system_alloc(int64_t size)
{
    if (size < HUGE_BLOCK)
        return aligned_alloc(64, (size_t)size);
    /* Over-reserve, then trim, so that the block starts on a huge page. */
    int64_t reserve = size + HUGE_BLOCK;
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

/* Caller holds the lock. */
static void drop_cache(int from_class)
{
    for (int index = NUM_CLASSES - 1; index >= from_class; index--)
        while (free_lists[index] != NULL) {
            block *victim = free_lists[index];
            int64_t size = class_size(index);
            free_lists[index] = victim->next;
            cached_bytes -= size;
            corex_counter_add(&corex_memory.reserved, -size);
            system_free(victim, size);
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
                      "cannot allocate %lld bytes on cpu (%lld in use, the machine has %lld)",
                      (long long)nbytes, (long long)bytes_in_use(), (long long)memory_limit);
}

/* Caller holds the lock. */
static void *block_alloc(int64_t nbytes)
{
    int index = class_of(nbytes);
    block *found = free_lists[index];
    int64_t size = class_size(index);
    if (COREX_LIKELY(found != NULL)) {
        free_lists[index] = found->next;
        cached_bytes -= size;
        return found;
    }
    decide_limits();
    /* mmap would promise more than there is, and the process would be killed on use. */
    if (size > memory_limit - bytes_in_use())
        return NULL;
    void *ptr = system_alloc(size);
    if (ptr == NULL) {
        drop_cache(0);
        ptr = system_alloc(size);
    }
    if (ptr != NULL)
        corex_counter_add(&corex_memory.reserved, size);
    return ptr;
}

corex_status corex_alloc(int64_t nbytes, void **out)
{
    if (nbytes < 0 || nbytes > (INT64_MAX >> 4)) {
        decide_limits();
        return refuse(nbytes);
    }
    acquire();
    void *ptr = nbytes == 0 ? nothing : block_alloc(nbytes);
    if (ptr != NULL)
        count_allocation(nbytes);
    release();
    *out = ptr;
    return ptr == NULL ? refuse(nbytes) : COREX_OK;
}

/* Caller holds the lock. */
static void block_free(void *ptr, int64_t nbytes)
{
    int index = class_of(nbytes);
    int64_t size = class_size(index);
    decide_limits();
    /* Rather the block just used than older ones of sizes no longer asked for. */
    if (cached_bytes + size > cache_limit && size <= cache_limit)
        drop_cache(LINEAR_CLASSES);
    if (cached_bytes + size > cache_limit) {
        corex_counter_add(&corex_memory.reserved, -size);
        system_free(ptr, size);
    } else {
        ((block *)ptr)->next = free_lists[index];
        free_lists[index] = ptr;
        cached_bytes += size;
    }
}

void corex_free(void *ptr, int64_t nbytes)
{
    if (ptr == NULL)
        return;
    acquire();
    corex_counter_add(&corex_memory.allocated, -nbytes);
    if (nbytes > 0)
        block_free(ptr, nbytes);
    release();
}

void corex_free_uncounted(void *ptr, int64_t nbytes)
{
    acquire();
    block_free(ptr, nbytes);
    release();
}

void corex_empty_cache(void)
{
    acquire();
    drop_cache(0);
    release();
}

void corex_set_cache_limit(int64_t nbytes)
{
    acquire();
    decide_limits();
    cache_limit = COREX_MAX(nbytes, 0);
    if (cached_bytes > cache_limit)
        drop_cache(0);
    release();
}

int64_t corex_get_cache_limit(void)
{
    decide_limits();
    return cache_limit;
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
