/*
 * Atomics. Threads take turns only where they wait, so plain reads and writes are atomic. A
 * compare-and-swap that fails lets the others go on: it may be somebody spinning on a lock.
 */
#ifndef COREXSIM_ATOMICS_H
#define COREXSIM_ATOMICS_H

namespace corexsim
{

template <class T, class F> inline T update(T *address, F &&operation)
{
    T old = *address;
    *address = operation(old);
    return old;
}

} // namespace corexsim

#define COREXSIM_ATOMIC(name, type, ...) \
    inline type name(type *address, type value) \
    { \
        return corexsim::update(address, [&](type old) -> type { return __VA_ARGS__; }); \
    } \
    inline type name##_block(type *address, type value) { return name(address, value); } \
    inline type name##_system(type *address, type value) { return name(address, value); }

#define COREXSIM_ATOMIC_INTEGERS(name, ...) \
    COREXSIM_ATOMIC(name, int, __VA_ARGS__) \
    COREXSIM_ATOMIC(name, unsigned, __VA_ARGS__) \
    COREXSIM_ATOMIC(name, long long, __VA_ARGS__) \
    COREXSIM_ATOMIC(name, unsigned long long, __VA_ARGS__)

/* Signed 64-bit additions do not exist on a GPU, so they do not here. */
COREXSIM_ATOMIC(atomicAdd, int, (int)((unsigned)old + (unsigned)value))
COREXSIM_ATOMIC(atomicAdd, unsigned, old + value)
COREXSIM_ATOMIC(atomicAdd, unsigned long long, old + value)
COREXSIM_ATOMIC(atomicAdd, float, old + value)
COREXSIM_ATOMIC(atomicAdd, double, old + value)
COREXSIM_ATOMIC(atomicSub, int, (int)((unsigned)old - (unsigned)value))
COREXSIM_ATOMIC(atomicSub, unsigned, old - value)
COREXSIM_ATOMIC(atomicExch, int, ((void)old, value))
COREXSIM_ATOMIC(atomicExch, unsigned, ((void)old, value))
COREXSIM_ATOMIC(atomicExch, unsigned long long, ((void)old, value))
COREXSIM_ATOMIC(atomicExch, float, ((void)old, value))
COREXSIM_ATOMIC_INTEGERS(atomicMin, value < old ? value : old)
COREXSIM_ATOMIC_INTEGERS(atomicMax, value > old ? value : old)
COREXSIM_ATOMIC(atomicAnd, int, old &value)
COREXSIM_ATOMIC(atomicAnd, unsigned, old &value)
COREXSIM_ATOMIC(atomicAnd, unsigned long long, old &value)
COREXSIM_ATOMIC(atomicOr, int, old | value)
COREXSIM_ATOMIC(atomicOr, unsigned, old | value)
COREXSIM_ATOMIC(atomicOr, unsigned long long, old | value)
COREXSIM_ATOMIC(atomicXor, int, old ^ value)
COREXSIM_ATOMIC(atomicXor, unsigned, old ^ value)
COREXSIM_ATOMIC(atomicXor, unsigned long long, old ^ value)
COREXSIM_ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
COREXSIM_ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1)

#define COREXSIM_CAS(type) \
    inline type atomicCAS(type *address, type expected, type value) \
    { \
        type old = *address; \
        if (old == expected) \
            *address = value; \
        else \
            corexsim::runtime->yield(); \
        return old; \
    } \
    inline type atomicCAS_block(type *address, type expected, type value) \
    { \
        return atomicCAS(address, expected, value); \
    } \
    inline type atomicCAS_system(type *address, type expected, type value) \
    { \
        return atomicCAS(address, expected, value); \
    }

COREXSIM_CAS(int)
COREXSIM_CAS(unsigned)
COREXSIM_CAS(unsigned long long)
COREXSIM_CAS(unsigned short)

#endif
