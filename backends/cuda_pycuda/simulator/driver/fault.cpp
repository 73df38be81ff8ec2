/*
 * Signals of a running kernel: a wrong address, a division, a launch that takes too long. They end
 * the launch, not the process; a signal of any other code is left to whoever handled it before.
 */
#include "scheduler.h"

#include <cstdlib>
#include <ctime>
#include <sys/syscall.h>
#include <unistd.h>

namespace corexsim
{

sigjmp_buf after_fault;

namespace
{

constexpr std::size_t SIGNAL_STACK = 64 << 10;
constexpr int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr int SIGNAL_COUNT = sizeof(SIGNALS) / sizeof(*SIGNALS);

/* Set where a kernel runs in this thread: signals are the kernel's then. */
thread_local volatile sig_atomic_t in_kernel = 0;
volatile std::uintptr_t fault_address;
volatile int fault_signal;
struct sigaction before[SIGNAL_COUNT];

int timeout_signal() { return SIGRTMIN + 7; }

void on_fault(int signal, siginfo_t *info, void *)
{
    if (in_kernel) {
        fault_address = reinterpret_cast<std::uintptr_t>(info->si_addr);
        fault_signal = signal;
        siglongjmp(after_fault, 1);
    }
    /* Not ours: happens again, with the action that was there before. */
    for (int i = 0; i < SIGNAL_COUNT; i++)
        if (SIGNALS[i] == signal)
            sigaction(signal, &before[i], nullptr);
}

/* A timer that tells this thread that its launch takes too long. */
timer_t *thread_timer()
{
    static thread_local timer_t timer;
    static thread_local bool made = false;
    if (!made) {
        struct sigevent event = {};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = timeout_signal();
#ifdef sigev_notify_thread_id
        event.sigev_notify_thread_id = static_cast<pid_t>(syscall(SYS_gettid));
#else
        event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
#endif
        struct sigaction action = {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        sigaction(timeout_signal(), &action, nullptr);
        made = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
    }
    return made ? &timer : nullptr;
}

void set_timer(double seconds)
{
    if (config.timeout <= 0)
        return;
    struct itimerspec when = {};
    when.it_value.tv_sec = static_cast<time_t>(seconds);
    when.it_value.tv_nsec =
        static_cast<long>((seconds - static_cast<double>(when.it_value.tv_sec)) * 1e9);
    if (timer_t *timer = thread_timer())
        timer_settime(*timer, 0, &when, nullptr);
}

} // namespace

/* The signals' stack is not the kernel's, which may be full. */
FaultGuard::FaultGuard()
{
    static unsigned char *const stack = static_cast<unsigned char *>(std::malloc(SIGNAL_STACK));
    stack_t ours = {};
    ours.ss_sp = stack;
    ours.ss_size = SIGNAL_STACK;
    sigaltstack(&ours, &stack_before_);
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (int i = 0; i < SIGNAL_COUNT; i++)
        sigaction(SIGNALS[i], &action, &before[i]);
    in_kernel = 1;
    set_timer(config.timeout);
}

FaultGuard::~FaultGuard()
{
    set_timer(0);
    in_kernel = 0;
    for (int i = 0; i < SIGNAL_COUNT; i++)
        sigaction(SIGNALS[i], &before[i], nullptr);
    sigaltstack(&stack_before_, nullptr);
}

CUresult report_fault()
{
    std::string words;
    CUresult code = CUDA_ERROR_ILLEGAL_ADDRESS;
    std::uintptr_t address = fault_address;
    if (fault_signal == timeout_signal()) {
        code = CUDA_ERROR_LAUNCH_TIMEOUT;
        words = "still running after " + std::to_string(static_cast<long>(config.timeout)) +
                " seconds (COREX_CUDA_SIM_TIMEOUT)";
    } else if (fault_signal == SIGFPE) {
        code = CUDA_ERROR_LAUNCH_FAILED;
        words = "integer division by zero";
    } else if (fault_signal == SIGILL) {
        code = CUDA_ERROR_LAUNCH_FAILED;
        words = "illegal instruction";
    } else if (on_stack_guard(address)) {
        words = "the thread's stack is full (recursion, or large arrays; COREX_CUDA_SIM_STACK is "
                "its size)";
    } else {
        words = "access to " + describe_address(address);
    }
    return fail(code, "%s: %s", place_words(linear_thread(*block.state)).c_str(), words.c_str());
}

} // namespace corexsim
