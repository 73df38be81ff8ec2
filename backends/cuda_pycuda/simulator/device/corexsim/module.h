/* What makes a shared object a module: its state, its kernels, and how they are called. */
#ifndef COREXSIM_MODULE_H
#define COREXSIM_MODULE_H

#include <assert.h>

namespace corexsim
{

static State state;
static const Runtime *runtime;
static const Kernel *kernels;

inline bool next_thread()
{
    if (state.next == state.end)
        return false;
    state.thread = *state.next++;
    return true;
}

template <class T> constexpr unsigned align_to(unsigned offset)
{
    return (offset + alignof(T) - 1) / alignof(T) * alignof(T);
}

template <auto F> struct Launcher;

/* Unpacks the arguments as the kernel's own signature says. */
template <class... A, void (*F)(A...)> struct Launcher<F> {
    struct Layout {
        Parameter parameters[sizeof...(A) + 1];
        unsigned bytes, alignment;
    };

    static constexpr Layout layout()
    {
        Layout out{};
        unsigned i = 0;
        out.alignment = 1;
        ((out.bytes = align_to<A>(out.bytes),
          out.parameters[i++] = {out.bytes, sizeof(A), std::is_pointer<A>::value},
          out.bytes += sizeof(A),
          out.alignment = alignof(A) > out.alignment ? alignof(A) : out.alignment),
         ...);
        return out;
    }

    static constexpr Layout LAYOUT = layout();

    template <std::size_t... I>
    static void run(const unsigned char *arguments, std::index_sequence<I...>)
    {
        while (next_thread()) {
            F(*reinterpret_cast<const std::remove_reference_t<A> *>(
                arguments + LAYOUT.parameters[I].offset)...);
            if (state.tracking)
                runtime->thread_exit();
        }
    }

    static void run(const unsigned char *arguments)
    {
        run(arguments, std::index_sequence_for<A...>());
    }
};

/* Written by nvcc.py behind each kernel. */
template <auto F> struct Registration {
    Kernel kernel;

    explicit Registration(const char *name, unsigned max_threads = 0, unsigned = 0)
        : kernel{name,
                 reinterpret_cast<const void *>(F),
                 &Launcher<F>::run,
                 Launcher<F>::LAYOUT.parameters,
                 sizeof(Launcher<F>::LAYOUT.parameters) / sizeof(Parameter) - 1,
                 Launcher<F>::LAYOUT.bytes,
                 Launcher<F>::LAYOUT.alignment,
                 max_threads,
                 kernels}
    {
        kernels = &kernel;
    }
};

/* Each module ends with an object that has this, see nvcc.py. */
constexpr Module describe(void *(*shared_anchor)())
{
    return {ABI, &state, &runtime, &kernels, shared_anchor};
}

/* `extern __shared__ T name[]` becomes `T *name = dynamic_shared<T>()`. */
template <class T> inline T *dynamic_shared()
{
    return reinterpret_cast<T *>(state.dynamic_shared);
}

} // namespace corexsim

static const uint3 &threadIdx = corexsim::state.thread;
static const uint3 &blockIdx = corexsim::state.block;
static const dim3 &blockDim = corexsim::state.block_dim;
static const dim3 &gridDim = corexsim::state.grid_dim;
constexpr int warpSize = 32;

/* The compiler's checks (-fsanitize=...) call these. The layouts are those of its runtime. */
namespace corexsim
{

struct SourceLocation {
    const char *file;
    unsigned line, column;
};

struct TypeDescriptor {
    unsigned short kind, info;
    char name[1];
};

struct TypeMismatch {
    SourceLocation at;
    const TypeDescriptor *type;
    unsigned char log_alignment, check;
};

struct OutOfBounds {
    SourceLocation at;
    const TypeDescriptor *array, *index;
};

} // namespace corexsim

#define COREXSIM_CHECK extern "C" __attribute__((visibility("hidden"), used, noinline)) inline void

namespace corexsim
{

inline void stop_at(Stop why, const SourceLocation &at, const char *words,
                    const void *address = nullptr)
{
    runtime->stop(why, at.file, static_cast<int>(at.line), words, address);
}

} // namespace corexsim

COREXSIM_CHECK __ubsan_handle_type_mismatch_v1(void *data, void *address)
{
    auto *found = static_cast<corexsim::TypeMismatch *>(data);
    corexsim::stop_at(corexsim::Stop::MISALIGNED, found->at, found->type->name, address);
}

COREXSIM_CHECK __ubsan_handle_out_of_bounds(void *data, void *index)
{
    auto *found = static_cast<corexsim::OutOfBounds *>(data);
    char words[192];
    std::snprintf(words, sizeof(words), "index %td is out of bounds for %.120s",
                  reinterpret_cast<std::ptrdiff_t>(index), found->array->name);
    corexsim::stop_at(corexsim::Stop::INDEX, found->at, words);
}

COREXSIM_CHECK __ubsan_handle_divrem_overflow(void *data, void *, void *)
{
    corexsim::stop_at(corexsim::Stop::DIVISION, static_cast<corexsim::OutOfBounds *>(data)->at,
                      "integer division by zero, or of the smallest number by -1");
}

COREXSIM_CHECK __ubsan_handle_shift_out_of_bounds(void *data, void *, void *)
{
    corexsim::stop_at(corexsim::Stop::SHIFT, static_cast<corexsim::OutOfBounds *>(data)->at,
                      "a shift by a negative count, or by the width or more");
}

#endif
