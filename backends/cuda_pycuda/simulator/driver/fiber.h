/*
 * Stacks that take turns. On x86-64 the switch is a dozen instructions, elsewhere it is ucontext,
 * which is twenty times slower (it asks the kernel for the signal mask) but works everywhere.
 */
#ifndef COREXSIM_FIBER_H
#define COREXSIM_FIBER_H

#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__) && !defined(COREXSIM_UCONTEXT)
#define COREXSIM_UCONTEXT
#endif

#ifdef COREXSIM_UCONTEXT
#include <ucontext.h>
#endif

namespace corexsim
{

using FiberEntry = void (*)();

struct Fiber {
    unsigned char *stack = nullptr; /* its lowest page may not be touched */
    std::size_t stack_bytes = 0;
    unsigned thread = 0; /* which thread of the block parked here */
#ifdef COREXSIM_UCONTEXT
    ucontext_t context;
#else
    void *stack_pointer = nullptr;
#endif
};

/* Makes the fiber begin with `entry`, which must not return. */
void prepare_fiber(Fiber &fiber, FiberEntry entry);

#ifdef COREXSIM_UCONTEXT

inline void switch_fiber(Fiber &from, Fiber &to) { swapcontext(&from.context, &to.context); }

#else

extern "C" void corexsim_switch(void **from, void *to);

inline void switch_fiber(Fiber &from, Fiber &to)
{
    corexsim_switch(&from.stack_pointer, to.stack_pointer);
}

#endif

} // namespace corexsim

#endif
