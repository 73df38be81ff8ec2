/* What the parts of the scheduler share: blocks, warps, faults and the words about them. */
#ifndef COREXSIM_SCHEDULER_H
#define COREXSIM_SCHEDULER_H

#include "fiber.h"
#include "simulator.h"

#include <csetjmp>
#include <csignal>

namespace corexsim
{

enum class Status : unsigned char { UNSTARTED, RUNNING, AT_BARRIER, AT_COLLECTIVE, READY, EXITED };

/* One thread of the block that is being run. */
struct Thread {
    Status status;
    Fiber *fiber;
    int line;
    unsigned predicate;
    /* Of a warp collective: */
    Collective op;
    unsigned mask, argument;
    std::uint64_t value, result;
};

struct Block {
    const Launch *launch;
    State *state;
    unsigned threads, live;
    unsigned at_barrier;
    unsigned barrier_result;
    std::uint64_t block_index;
    Thread thread[MAX_THREADS];
    /* By warp, a bit for each lane: there is one, it has exited, it waits at a collective. */
    unsigned lanes[MAX_THREADS / WARP], exited[MAX_THREADS / WARP], waiting[MAX_THREADS / WARP];
    std::vector<Uint3> order; /* the threads, as they are started and released */
    std::vector<Fiber *> ready;
    std::size_t ready_first;
};

extern Block block;

unsigned linear_thread(const State &state);
/* Ends the block and the launch with an error; does not come back. */
[[noreturn]] void stop_block(CUresult code, const std::string &words);
/* Lets others go on until somebody makes the running thread ready. */
void park(unsigned thread);
void make_ready(unsigned thread);
/* From now on it is known of each thread whether it has exited. */
void start_tracking(unsigned running);
/* Tells the thread's warp. */
void lane_exited(unsigned thread);
std::string describe_waiting();
Uint3 unlinear(std::uint64_t index, const Dim3 &dim);
std::string place_words(unsigned thread);
unsigned random_number();

extern const Runtime runtime;

/* While it lives, signals of this thread are the kernel's and lead to `after_fault`. */
class FaultGuard
{
  public:
    FaultGuard();
    ~FaultGuard();
    FaultGuard(const FaultGuard &) = delete;
    FaultGuard &operator=(const FaultGuard &) = delete;

  private:
    stack_t stack_before_ = {};
};

extern sigjmp_buf after_fault;
CUresult report_fault();
bool on_stack_guard(std::uintptr_t address);

std::uint64_t collective(Collective op, unsigned mask, std::uint64_t value, unsigned argument,
                         int line);
unsigned active_mask();
const char *collective_name(Collective op);

} // namespace corexsim

#endif
