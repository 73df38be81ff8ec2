/* Barriers and warp collectives. Lines come along so that a diagnostic can name them. */
#ifndef COREXSIM_SYNCHRONIZATION_H
#define COREXSIM_SYNCHRONIZATION_H

#define __syncthreads() ((void)::corexsim::runtime->barrier(1, __LINE__))
#define __syncthreads_count(predicate) \
    ((int)::corexsim::runtime->barrier((predicate) ? 1 : 0, __LINE__))
#define __syncthreads_or(predicate) \
    ((int)(::corexsim::runtime->barrier((predicate) ? 1 : 0, __LINE__) != 0))
#define __syncthreads_and(predicate) \
    ((int)(::corexsim::runtime->barrier((predicate) ? 0 : 1, __LINE__) == 0))

namespace corexsim
{

/* __syncthreads_and counts the threads that say no, which the barrier's count is for. */

inline unsigned lane()
{
    unsigned thread =
        state.thread.x + state.block_dim.x * (state.thread.y + state.block_dim.y * state.thread.z);
    return thread % 32;
}

template <class T> inline std::uint64_t to_bits(T value)
{
    static_assert(sizeof(T) <= 8, "a lane exchanges at most 8 bytes");
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
}

template <class T> inline T from_bits(std::uint64_t bits)
{
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

template <class T> inline T shuffle(unsigned mask, T value, unsigned source, int line)
{
    return from_bits<T>(runtime->collective(SHUFFLE, mask, to_bits(value), source, line));
}

/* The lanes of one segment, `width` of them, exchange among themselves. */
template <class T>
inline T shuffle_idx(int line, unsigned mask, T value, int source, int width = 32)
{
    unsigned first = lane() / static_cast<unsigned>(width) * static_cast<unsigned>(width);
    return shuffle(mask, value,
                   first + static_cast<unsigned>(source) % static_cast<unsigned>(width), line);
}

template <class T>
inline T shuffle_up(int line, unsigned mask, T value, unsigned delta, int width = 32)
{
    unsigned self = lane(),
             first = self / static_cast<unsigned>(width) * static_cast<unsigned>(width);
    return shuffle(mask, value, self - first >= delta ? self - delta : self, line);
}

template <class T>
inline T shuffle_down(int line, unsigned mask, T value, unsigned delta, int width = 32)
{
    unsigned self = lane(),
             first = self / static_cast<unsigned>(width) * static_cast<unsigned>(width);
    unsigned end = first + static_cast<unsigned>(width);
    return shuffle(mask, value, self + delta < end ? self + delta : self, line);
}

template <class T> inline T shuffle_xor(int line, unsigned mask, T value, int bits, int width = 32)
{
    unsigned self = lane(), source = self ^ static_cast<unsigned>(bits);
    unsigned end = self / static_cast<unsigned>(width) * static_cast<unsigned>(width) +
                   static_cast<unsigned>(width);
    return shuffle(mask, value, source < end ? source : self, line);
}

inline unsigned ballot(unsigned mask, bool predicate, int line)
{
    return static_cast<unsigned>(runtime->collective(BALLOT, mask, predicate, 0, line));
}

inline void sync_warp(int line, unsigned mask = 0xFFFFFFFFu)
{
    runtime->collective(SYNC_WARP, mask, 0, 0, line);
}

template <class T> inline unsigned match_any(int line, unsigned mask, T value)
{
    return static_cast<unsigned>(runtime->collective(MATCH_ANY, mask, to_bits(value), 0, line));
}

template <class T> inline unsigned match_all(int line, unsigned mask, T value, int *all)
{
    auto found =
        static_cast<unsigned>(runtime->collective(MATCH_ALL, mask, to_bits(value), 0, line));
    *all = found != 0;
    return found;
}

template <class T>
inline T reduce(int line, Collective of_int, Collective of_unsigned, unsigned mask, T value)
{
    static_assert(sizeof(T) == 4 && std::is_integral<T>::value, "int or unsigned");
    return from_bits<T>(runtime->collective(std::is_signed<T>::value ? of_int : of_unsigned, mask,
                                            to_bits(value), 0, line));
}

} // namespace corexsim

#define __syncwarp(...) (::corexsim::sync_warp(__LINE__, ##__VA_ARGS__))
#define __shfl_sync(...) (::corexsim::shuffle_idx(__LINE__, __VA_ARGS__))
#define __shfl_up_sync(...) (::corexsim::shuffle_up(__LINE__, __VA_ARGS__))
#define __shfl_down_sync(...) (::corexsim::shuffle_down(__LINE__, __VA_ARGS__))
#define __shfl_xor_sync(...) (::corexsim::shuffle_xor(__LINE__, __VA_ARGS__))
#define __ballot_sync(mask, predicate) (::corexsim::ballot(mask, (predicate) != 0, __LINE__))
#define __any_sync(mask, predicate) \
    ((int)(::corexsim::ballot(mask, (predicate) != 0, __LINE__) != 0))
#define __all_sync(mask, predicate) \
    ((int)(::corexsim::ballot(mask, (predicate) == 0, __LINE__) == 0))
#define __match_any_sync(...) (::corexsim::match_any(__LINE__, __VA_ARGS__))
#define __match_all_sync(...) (::corexsim::match_all(__LINE__, __VA_ARGS__))
#define __activemask() (::corexsim::runtime->active_mask())

#define COREXSIM_REDUCE(of_int, of_unsigned, ...) \
    (::corexsim::reduce(__LINE__, ::corexsim::of_int, ::corexsim::of_unsigned, __VA_ARGS__))
#define __reduce_add_sync(...) COREXSIM_REDUCE(REDUCE_ADD, REDUCE_ADD, __VA_ARGS__)
#define __reduce_min_sync(...) COREXSIM_REDUCE(REDUCE_MIN, REDUCE_UMIN, __VA_ARGS__)
#define __reduce_max_sync(...) COREXSIM_REDUCE(REDUCE_MAX, REDUCE_UMAX, __VA_ARGS__)
#define __reduce_and_sync(...) COREXSIM_REDUCE(REDUCE_AND, REDUCE_AND, __VA_ARGS__)
#define __reduce_or_sync(...) COREXSIM_REDUCE(REDUCE_OR, REDUCE_OR, __VA_ARGS__)
#define __reduce_xor_sync(...) COREXSIM_REDUCE(REDUCE_XOR, REDUCE_XOR, __VA_ARGS__)

/* The order of memory accesses is that of the text here; whoever spins lets others go on. */
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
inline void __nanosleep(unsigned) { corexsim::runtime->yield(); }
inline void __trap()
{
    corexsim::runtime->stop(corexsim::Stop::TRAP, nullptr, 0, nullptr, nullptr);
}
inline void __brkpt() {}

#endif
