/*
 * Uses the allocator, the pool, the iterator and products from several threads at once, and forks
 * meanwhile. Built with a thread sanitizer by backends/cpu_c/tsan.py; it needs no Python.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corex_cpu.h"

#define THREADS 4
#define ROUNDS 10

static atomic_int failures;

static void expect(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "wrong: %s (%s)\n", what, corex_last_error());
        atomic_fetch_add(&failures, 1);
    }
}

/* A block that is written, and given back. */
static float *block(int64_t count, float value)
{
    void *found;
    expect(corex_alloc(count * (int64_t)sizeof(float), &found) == COREX_OK, "alloc");
    for (int64_t i = 0; i < count; i++)
        ((float *)found)[i] = value;
    return found;
}

static void give_back(float *found, int64_t count)
{
    corex_free(found, count * (int64_t)sizeof(float));
}

static void allocate(unsigned seed)
{
    for (int k = 0; k < 40; k++) {
        const int64_t count = 1 + rand_r(&seed) % (k % 8 == 0 ? 1000000 : 3000);
        float *found = block(count, 1);
        expect(found[count - 1] == 1, "a block of one's own");
        give_back(found, count);
    }
    if (seed % 7 == 0)
        corex_empty_cache();
    corex_memory_stats stats;
    corex_get_memory_stats(&stats);
    expect(stats.reserved_bytes >= 0, "stats");
}

/* Shared among the pool's threads: transposed, so that the iterator walks line by line. */
static void iterate(void)
{
    int64_t shape[] = {300, 400}, dense[] = {400, 1}, turned[] = {1, 300}, none[] = {0};
    float *a = block(120000, 2), *b = block(120000, 3), *out = block(120000, 0), sum = 0;
    corex_view va = {a, shape, dense, 2, COREX_FLOAT32}, vb = {b, shape, turned, 2, COREX_FLOAT32};
    corex_view vo = {out, shape, dense, 2, COREX_FLOAT32};
    corex_view total = {&sum, none, none, 0, COREX_FLOAT32};
    expect(corex_binary(corex_binary_op("add"), &vo, &va, &vb) == COREX_OK, "add");
    expect(corex_unary(corex_unary_op("square"), &vo, &vo) == COREX_OK, "square");
    expect(corex_reduce(corex_reduce_op("sum"), &total, &vo, 2) == COREX_OK, "sum");
    expect(sum == 25.0f * 120000, "sum of squares");
    give_back(a, 120000);
    give_back(b, 120000);
    give_back(out, 120000);
}

static void multiply(void)
{
    int64_t shape[] = {2, 96, 96}, strides[] = {9216, 96, 1};
    float *a = block(18432, 1), *out = block(18432, 0);
    corex_view va = {a, shape, strides, 3, COREX_FLOAT32};
    corex_view vo = {out, shape, strides, 3, COREX_FLOAT32};
    expect(corex_matmul(&vo, &va, &va) == COREX_OK, "matmul");
    expect(out[0] == 96 && out[18431] == 96, "product");
    give_back(a, 18432);
    give_back(out, 18432);
}

static void *work(void *number)
{
    for (int round = 0; round < ROUNDS; round++) {
        allocate((unsigned)(round * THREADS) + (unsigned)(intptr_t)number);
        iterate();
        multiply();
    }
    return NULL;
}

/* The child of a fork beside working threads: it can do everything anew. */
static void fork_once(void)
{
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        allocate(1);
        iterate();
        multiply();
        _exit(atomic_load(&failures) != 0);
    }
    int status = 0;
    expect(waitpid(pid, &status, 0) == pid && status == 0, "a forked child");
}

int main(int argc, char **argv)
{
    const int forks = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t threads[THREADS];
    corex_set_num_threads(3);
    for (intptr_t k = 0; k < THREADS; k++)
        pthread_create(&threads[k], NULL, work, (void *)k);
    for (int k = 0; k < forks; k++)
        fork_once();
    for (int k = 0; k < 20; k++) {
        corex_set_num_threads(1 + k % 4);
        corex_set_cache_limit((int64_t)(k % 3) << 22);
    }
    for (int k = 0; k < THREADS; k++)
        pthread_join(threads[k], NULL);
    printf("%d wrong\n", atomic_load(&failures));
    return atomic_load(&failures) != 0;
}
