/*
 * The thread pool: our own, because OpenMP's hangs in a forked child.
 *
 * One job at a time. The caller works too; whoever finds the pool busy (or is a worker) runs its
 * loop alone. Threads start on first use, and again in a forked child.
 */
#include <pthread.h>

#include "internal.h"
#include "machine.h"
#include "sizes.h"

#define MAX_THREADS 256
#define SPINS 2000

typedef struct job {
    corex_body body;
    void *context;
    int64_t n, chunk;
    _Atomic int64_t next;   /* the first element nobody has taken */
    _Atomic int unfinished; /* workers that have not yet left the job */
} job;

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    int started;         /* worker threads alive */
    uint64_t generation; /* counts jobs, so that a worker takes each once */
    int wanted;          /* workers below this number take part */
    job *job;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER};

static atomic_flag busy = ATOMIC_FLAG_INIT;
static _Atomic int thread_count; /* 0: not yet decided */
static _Thread_local bool inside_worker;

/* As PyTorch reads them: what is said of MKL goes before what is said of OpenMP. */
static int default_threads(void)
{
    static const char *const names[] = {"COREX_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"};
    for (int k = 0; k < 3; k++) {
        const int64_t count = corex_environment_number(names[k]);
        if (count > 0)
            return (int)COREX_MIN(count, MAX_THREADS);
    }
    return COREX_MIN(corex_machine_processors(), MAX_THREADS);
}

int corex_get_num_threads(void)
{
    int count = atomic_load_explicit(&thread_count, memory_order_relaxed);
    if (count == 0) {
        count = default_threads();
        atomic_store(&thread_count, count);
    }
    return count;
}

corex_status corex_set_num_threads(int count)
{
    if (count < 1 || count > MAX_THREADS)
        return corex_fail(COREX_ERR_VALUE, "the number of threads must be 1 to %d, got %d",
                          MAX_THREADS, count);
    atomic_store(&thread_count, count);
    return COREX_OK;
}

int corex_parallel_threads(void) { return inside_worker ? 1 : corex_get_num_threads(); }

static void take_chunks(job *work)
{
    for (;;) {
        int64_t begin = atomic_fetch_add(&work->next, work->chunk);
        if (begin >= work->n)
            return;
        work->body(work->context, begin, COREX_MIN(corex_plus(begin, work->chunk), work->n));
    }
}

static void *worker(void *argument)
{
    int number = (int)(intptr_t)argument;
    uint64_t seen = 0;
    inside_worker = true;
    pthread_mutex_lock(&pool.mutex);
    for (;;) {
        while (pool.job == NULL || pool.generation == seen || number >= pool.wanted)
            pthread_cond_wait(&pool.wake, &pool.mutex);
        seen = pool.generation;
        job *work = pool.job;
        pthread_mutex_unlock(&pool.mutex);
        take_chunks(work);
        pthread_mutex_lock(&pool.mutex);
        if (atomic_fetch_sub(&work->unfinished, 1) == 1)
            pthread_cond_signal(&pool.done);
    }
    return NULL;
}

/* The workers do not exist in the child: start from nothing. */
static void after_fork_in_child(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pool.mutex = mutex;
    pool.wake = pool.done = cond;
    pool.started = 0;
    pool.job = NULL;
    atomic_flag_clear(&busy);
    inside_worker = false;
}

/* While the library is loaded, so that no fork comes before it. */
__attribute__((constructor)) static void install_fork_handler(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

/* Returns how many workers there are, at most `count`. Caller owns the pool. */
static int start_workers(int count)
{
    while (pool.started < count) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        int failed = pthread_create(&thread, &attributes, worker, (void *)(intptr_t)pool.started);
        pthread_attr_destroy(&attributes);
        if (failed)
            break;
        pool.started++;
    }
    return COREX_MIN(pool.started, count);
}

static void run_with(int workers, job *work)
{
    atomic_store(&work->unfinished, workers);
    pthread_mutex_lock(&pool.mutex);
    pool.job = work;
    pool.wanted = workers;
    pool.generation++;
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.mutex);

    inside_worker = true;
    take_chunks(work);
    inside_worker = false;

    for (int spin = 0; spin < SPINS && atomic_load(&work->unfinished) > 0; spin++)
        ;
    pthread_mutex_lock(&pool.mutex);
    while (atomic_load(&work->unfinished) > 0)
        pthread_cond_wait(&pool.done, &pool.mutex);
    pool.job = NULL;
    pthread_mutex_unlock(&pool.mutex);
}

void corex_parallel_for(int64_t n, int64_t grain, corex_body body, void *context)
{
    if (n <= 0)
        return;
    grain = COREX_MAX(grain, 1);
    int threads = n <= grain ? 1 : corex_parallel_threads();
    if (threads > 1 + (n - 1) / grain)
        threads = (int)(1 + (n - 1) / grain);
    if (threads <= 1 || atomic_flag_test_and_set(&busy)) {
        body(context, 0, n);
        return;
    }
    int workers = start_workers(threads - 1);
    if (workers > 0) {
        /* Four chunks per thread even out unequal speeds. */
        int64_t chunk = COREX_MAX(grain, 1 + (n - 1) / (4 * threads));
        job work = {.body = body, .context = context, .n = n, .chunk = chunk};
        run_with(workers, &work);
    } else {
        body(context, 0, n);
    }
    atomic_flag_clear(&busy);
}
