/*
 * Runs the blocks of a grid one after another. The threads of a block share one fiber as long as
 * none waits: a kernel without barriers is a loop. A thread that waits keeps its fiber, and
 * another one goes on with the threads that have not been started.
 */
#include "scheduler.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace corexsim
{

Block block;

namespace
{

Fiber main_fiber;
std::vector<Fiber> fibers; /* never more than threads in a block */
std::vector<Fiber *> free_fibers;
Fiber *current = nullptr;
CUresult outcome;
std::uint64_t random_state;

void make_fibers()
{
    if (!fibers.empty())
        return;
    std::size_t bytes = (config.stack_bytes + PAGE - 1) / PAGE * PAGE + PAGE;
    auto *stacks = static_cast<unsigned char *>(
        mmap(nullptr, bytes * (MAX_THREADS + 1), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (stacks == MAP_FAILED)
        std::abort();
    fibers.resize(MAX_THREADS + 1);
    for (Fiber &fiber : fibers) {
        mprotect(stacks, PAGE, PROT_NONE);
        fiber.stack = stacks;
        fiber.stack_bytes = bytes;
        stacks += bytes;
    }
}

void reset_fibers()
{
    free_fibers.clear();
    for (auto fiber = fibers.rbegin(); fiber != fibers.rend(); ++fiber)
        free_fibers.push_back(&*fiber);
}

void fiber_main();

Fiber *fresh_fiber()
{
    Fiber *fiber = free_fibers.back();
    free_fibers.pop_back();
    prepare_fiber(*fiber, fiber_main);
    return fiber;
}

unsigned linear(const Uint3 &index, const Dim3 &dim)
{
    return index.x + dim.x * (index.y + dim.y * index.z);
}

std::string exited_words()
{
    unsigned exited = block.threads - block.live;
    return std::to_string(block.live) + " threads wait at __syncthreads and " +
           std::to_string(exited) + (exited == 1 ? " has exited" : " have exited");
}

/* Lets everybody through if the last one has come. */
void check_barrier()
{
    if (block.at_barrier == 0 || block.at_barrier < block.live)
        return;
    if (block.live < block.threads && !config.allow_exited)
        stop_block(CUDA_ERROR_LAUNCH_FAILED,
                   "divergent barrier: " + exited_words() + "; " + describe_waiting());
    int line = 0;
    unsigned result = 0;
    for (unsigned thread = 0; thread < block.threads; thread++) {
        const Thread &one = block.thread[thread];
        if (one.status != Status::AT_BARRIER)
            continue;
        if (line && one.line != line)
            stop_block(CUDA_ERROR_LAUNCH_FAILED,
                       "divergent barrier: threads wait at different calls of __syncthreads; " +
                           describe_waiting());
        line = one.line;
        result += one.predicate != 0;
    }
    block.barrier_result = result;
    block.at_barrier = 0;
    for (const Uint3 &index : block.order) {
        unsigned thread = linear(index, block.state->block_dim);
        if (block.thread[thread].status == Status::AT_BARRIER)
            make_ready(thread);
    }
}

Fiber *next_fiber()
{
    if (block.state->next != block.state->end)
        return fresh_fiber();
    if (block.ready_first == block.ready.size())
        stop_block(CUDA_ERROR_LAUNCH_FAILED,
                   "the threads wait for each other for ever; " + describe_waiting());
    if (config.order == Order::SHUFFLED) {
        std::size_t count = block.ready.size() - block.ready_first;
        std::swap(block.ready[block.ready_first],
                  block.ready[block.ready_first + random_number() % count]);
    }
    Fiber *next = block.ready[block.ready_first++];
    if (block.ready_first == block.ready.size()) {
        block.ready.clear();
        block.ready_first = 0;
    }
    return next;
}

void switch_to(Fiber *next)
{
    Fiber *self = current;
    if (next == self)
        return;
    current = next;
    switch_fiber(*self, *next);
}

void fiber_main()
{
    block.launch->function->kernel->run(block.launch->arguments.data());
    /* No thread is left to start, and all that ran here have exited. */
    bool finished = !block.state->tracking || block.live == 0;
    Fiber *next = finished ? &main_fiber : next_fiber();
    free_fibers.push_back(current);
    switch_to(next);
    std::abort();
}

unsigned barrier(unsigned predicate, int line)
{
    unsigned self = linear_thread(*block.state);
    start_tracking(self);
    Thread &thread = block.thread[self];
    thread.status = Status::AT_BARRIER;
    thread.predicate = predicate;
    thread.line = line;
    block.at_barrier++;
    check_barrier();
    park(self);
    return block.barrier_result;
}

void thread_exit()
{
    unsigned self = linear_thread(*block.state);
    block.thread[self].status = Status::EXITED;
    block.live--;
    lane_exited(self);
    check_barrier();
}

void yield()
{
    unsigned self = linear_thread(*block.state);
    start_tracking(self);
    make_ready(self);
    park(self);
}

void stop(Stop why, const char *file, int line, const char *message, const void *address)
{
    std::string place = file ? std::string(file) + ":" + std::to_string(line) + ": " : "";
    auto where = reinterpret_cast<std::uintptr_t>(address);
    switch (why) {
    case Stop::TRAP: stop_block(CUDA_ERROR_LAUNCH_FAILED, place + "__trap()");
    case Stop::ASSERT: stop_block(CUDA_ERROR_ASSERT, place + "assertion `" + message + "` failed");
    case Stop::MISALIGNED:
        stop_block(CUDA_ERROR_MISALIGNED_ADDRESS,
                   place + "misaligned access to " + message + " at " + describe_address(where));
    case Stop::INDEX: stop_block(CUDA_ERROR_ILLEGAL_ADDRESS, place + message);
    case Stop::DIVISION:
    case Stop::SHIFT: stop_block(CUDA_ERROR_LAUNCH_FAILED, place + message);
    }
    std::abort();
}

void poison_shared(const Launch &launch, unsigned char *statics)
{
    for (const SharedRange &range : launch.function->shared)
        std::memset(statics + range.offset, 0xFF, range.bytes);
    if (launch.dynamic_shared)
        std::memset(block.state->dynamic_shared, 0xFF, launch.dynamic_shared);
}

void order_threads(const Dim3 &dim)
{
    block.order.resize(block.threads);
    for (unsigned i = 0; i < block.threads; i++) {
        bool down = config.order == Order::DESCENDING;
        block.order[i] = unlinear(down ? block.threads - 1 - i : i, dim);
    }
}

void run_block(const Launch &launch, unsigned char *statics)
{
    State &state = *block.state;
    if (config.order == Order::SHUFFLED)
        for (unsigned i = block.threads; i > 1; i--)
            std::swap(block.order[i - 1], block.order[random_number() % i]);
    state.next = block.order.data();
    state.end = state.next + block.threads;
    state.tracking = false;
    block.live = block.threads;
    block.at_barrier = 0;
    block.ready.clear();
    block.ready_first = 0;
    poison_shared(launch, statics);
    current = &main_fiber;
    switch_to(fresh_fiber());
}

/* The block that is the i-th to be run. */
std::uint64_t block_at(std::uint64_t i, std::uint64_t count, std::uint64_t offset,
                       std::uint64_t step)
{
    switch (config.order) {
    case Order::ASCENDING: return i;
    case Order::DESCENDING: return count - 1 - i;
    case Order::SHUFFLED: break;
    }
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(i) * step + offset) % count);
}

std::uint64_t gcd(std::uint64_t a, std::uint64_t b) { return b ? gcd(b, a % b) : a; }

CUresult run_blocks(const Launch &launch, unsigned char *statics)
{
    std::uint64_t count = static_cast<std::uint64_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
    /* A step without a common divisor visits each block once, and needs no table. */
    std::uint64_t offset = random_number() % count;
    std::uint64_t step = random_number() % count | 1;
    while (gcd(step, count) != 1)
        step++;
    FaultGuard guard;
    if (sigsetjmp(after_fault, 0)) {
        reset_fibers();
        return report_fault();
    }
    outcome = CUDA_SUCCESS;
    for (std::uint64_t i = 0; i < count; i++) {
        block.block_index = block_at(i, count, offset, step);
        block.state->block = unlinear(block.block_index, launch.grid);
        run_block(launch, statics);
        if (outcome != CUDA_SUCCESS) {
            reset_fibers();
            return outcome;
        }
    }
    counters[BLOCKS] += count;
    return CUDA_SUCCESS;
}

/* The end of the buffer is the end of a page, after which nothing may be touched. */
unsigned char *dynamic_shared(unsigned bytes)
{
    static unsigned char *end = nullptr;
    std::size_t most = (MAX_SHARED_OPTIN + PAGE - 1) / PAGE * PAGE;
    if (!end) {
        void *map =
            mmap(nullptr, most + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
            std::abort();
        end = static_cast<unsigned char *>(map) + most;
        mprotect(end, PAGE, PROT_NONE);
    }
    return end - (bytes + 15) / 16 * 16;
}

} // namespace

unsigned random_number()
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>(random_state >> 33);
}

unsigned linear_thread(const State &state) { return linear(state.thread, state.block_dim); }

void make_ready(unsigned thread)
{
    block.thread[thread].status = Status::READY;
    /* The thread that runs has no fiber yet: park() gives it the one it is on. */
    block.ready.push_back(block.thread[thread].fiber ? block.thread[thread].fiber : current);
}

void start_tracking(unsigned running)
{
    State &state = *block.state;
    if (!state.tracking) {
        state.tracking = true;
        for (unsigned i = 0; i < block.threads; i++)
            block.thread[i] = Thread{};
        for (unsigned first = 0; first < block.threads; first += WARP) {
            unsigned count = std::min(WARP, block.threads - first);
            block.lanes[first / WARP] = count == WARP ? ~0u : (1u << count) - 1;
            block.exited[first / WARP] = block.waiting[first / WARP] = 0;
        }
        /* Those that were started before and did not wait have exited. */
        for (const Uint3 *one = block.order.data(); one != state.next; one++) {
            unsigned thread = linear(*one, state.block_dim);
            if (thread == running)
                continue;
            block.thread[thread].status = Status::EXITED;
            block.exited[thread / WARP] |= 1u << thread % WARP;
        }
        block.live = block.threads - static_cast<unsigned>(state.next - block.order.data()) + 1;
    }
    block.thread[running].status = Status::RUNNING;
    block.thread[running].fiber = nullptr;
}

void park(unsigned thread)
{
    Thread &self = block.thread[thread];
    Uint3 index = block.state->thread;
    self.fiber = current;
    current->thread = thread;
    switch_to(next_fiber());
    self.fiber = nullptr;
    self.status = Status::RUNNING;
    block.state->thread = index;
}

void stop_block(CUresult code, const std::string &words)
{
    outcome = fail(code, "%s: %s", place_words(linear_thread(*block.state)).c_str(), words.c_str());
    switch_to(&main_fiber);
    std::abort();
}

bool on_stack_guard(std::uintptr_t address)
{
    for (const Fiber &fiber : fibers)
        if (address - reinterpret_cast<std::uintptr_t>(fiber.stack) < PAGE)
            return true;
    return false;
}

const Runtime runtime = {barrier, collective, active_mask, yield, thread_exit, stop};

CUresult run_grid(const Launch &launch)
{
    const Module &info = *launch.function->module->info;
    make_fibers();
    if (free_fibers.empty())
        reset_fibers();
    random_state = config.seed * 0x9E3779B97F4A7C15u + 0x2545F4914F6CDD1Du;
    block.launch = &launch;
    block.state = info.state;
    block.threads = launch.block.x * launch.block.y * launch.block.z;
    *info.runtime = &runtime;
    info.state->block_dim = launch.block;
    info.state->grid_dim = launch.grid;
    info.state->dynamic_shared_bytes = launch.dynamic_shared;
    info.state->dynamic_shared = dynamic_shared(launch.dynamic_shared);
    order_threads(launch.block);
    unsigned char *statics = nullptr;
    if (info.shared_anchor)
        statics = static_cast<unsigned char *>(info.shared_anchor()) -
                  launch.function->module->anchor_offset;
    return run_blocks(launch, statics);
}

} // namespace corexsim
