/* See fiber.h. */
#include "fiber.h"

namespace corexsim
{

#ifdef COREXSIM_UCONTEXT

void prepare_fiber(Fiber &fiber, FiberEntry entry)
{
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack;
    fiber.context.uc_stack.ss_size = fiber.stack_bytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, entry, 0);
}

#else

/*
 * What a call may not change is pushed here and popped there: six registers and the floating-point
 * control words. The signal mask stays, the same for all.
 */
__asm__(".text\n"
        ".globl corexsim_switch\n"
        ".hidden corexsim_switch\n"
        ".type corexsim_switch, @function\n"
        "corexsim_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size corexsim_switch, .-corexsim_switch\n");

void prepare_fiber(Fiber &fiber, FiberEntry entry)
{
    auto top =
        reinterpret_cast<std::uintptr_t>(fiber.stack + fiber.stack_bytes) & ~std::uintptr_t{15};
    auto *slot = reinterpret_cast<void **>(top);
    *--slot = nullptr; /* as if called: the stack is 8 off a multiple of 16 at the entry */
    *--slot = reinterpret_cast<void *>(entry);
    for (int i = 0; i < 6; i++)
        *--slot = nullptr;
    fiber.stack_pointer = slot;
}

#endif

} // namespace corexsim
