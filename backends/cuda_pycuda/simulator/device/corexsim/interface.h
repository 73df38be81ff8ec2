/*
 * What a compiled kernel module and the simulated driver know of each other. Both include this
 * file, and a module says in its `abi` which version it was compiled with.
 */
#ifndef COREXSIM_INTERFACE_H
#define COREXSIM_INTERFACE_H

#include <cstdint>

namespace corexsim
{

constexpr unsigned ABI = 1;

struct Uint3 {
    unsigned x, y, z;
};

struct Dim3 {
    unsigned x, y, z;
    constexpr Dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
    constexpr Dim3(Uint3 v) : x(v.x), y(v.y), z(v.z) {}
    constexpr operator Uint3() const { return Uint3{x, y, z}; }
};

/* Lives in the module, so that threadIdx is one load; the driver writes it. */
struct State {
    Uint3 thread;
    Uint3 block;
    Dim3 block_dim;
    Dim3 grid_dim;
    const Uint3 *next; /* the threads of the block that have not been started */
    const Uint3 *end;
    unsigned char *dynamic_shared;
    unsigned dynamic_shared_bytes;
    bool tracking; /* a thread of the block waits, so the driver wants to know who exits */
};

enum Collective : int {
    SYNC_WARP,
    SHUFFLE,
    BALLOT,
    MATCH_ANY,
    MATCH_ALL,
    REDUCE_ADD,
    REDUCE_MIN,
    REDUCE_MAX,
    REDUCE_UMIN,
    REDUCE_UMAX,
    REDUCE_AND,
    REDUCE_OR,
    REDUCE_XOR,
    COLLECTIVES,
};

enum class Stop : int { TRAP, ASSERT, MISALIGNED, INDEX, DIVISION, SHIFT };

/* What the driver does for a running kernel. */
struct Runtime {
    /* Waits for all threads of the block; the number of those whose predicate was not 0. */
    unsigned (*barrier)(unsigned predicate, int line);
    /* Waits for the lanes of the mask; `argument` is the source lane of a shuffle. */
    std::uint64_t (*collective)(Collective op, unsigned mask, std::uint64_t value,
                                unsigned argument, int line);
    unsigned (*active_mask)();
    void (*yield)();       /* lets other threads go on: somebody spins */
    void (*thread_exit)(); /* called where State::tracking is set */
    void (*stop)(Stop why, const char *file, int line, const char *message, const void *address);
};

struct Parameter {
    unsigned offset, size;
    bool pointer;
};

struct Kernel {
    const char *name;
    const void *function;
    /* Runs the thread State::next and those after it, until none is left to start. */
    void (*run)(const unsigned char *arguments);
    const Parameter *parameters;
    unsigned parameter_count;
    unsigned argument_bytes; /* without padding at the end */
    unsigned alignment;
    unsigned max_threads; /* of __launch_bounds__, or 0 */
    const Kernel *next;
};

struct Module {
    unsigned abi;
    State *state;
    const Runtime **runtime;
    const Kernel *const *kernels;
    void *(*shared_anchor)(); /* an address in the static shared memory, or null if there is none */
};

} // namespace corexsim

#endif
