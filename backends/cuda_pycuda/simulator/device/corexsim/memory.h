/* Loads and stores with cache hints, clocks, and the spaces of addresses. */
#ifndef COREXSIM_MEMORY_H
#define COREXSIM_MEMORY_H

#define COREXSIM_LOAD(name) \
    template <class T> inline T name(const T *address) { return *address; }
#define COREXSIM_STORE(name) \
    template <class T> inline void name(T *address, T value) { *address = value; }

COREXSIM_LOAD(__ldg)
COREXSIM_LOAD(__ldcg)
COREXSIM_LOAD(__ldca)
COREXSIM_LOAD(__ldcs)
COREXSIM_LOAD(__ldlu)
COREXSIM_LOAD(__ldcv)
COREXSIM_STORE(__stwb)
COREXSIM_STORE(__stcg)
COREXSIM_STORE(__stcs)
COREXSIM_STORE(__stwt)

inline long long clock64()
{
    static long long ticks = 0;
    return ++ticks;
}

inline clock_t clock() { return static_cast<clock_t>(clock64()); }
inline unsigned long long __globaltimer() { return static_cast<unsigned long long>(clock64()); }

inline unsigned __isGlobal(const void *) { return 1; }
inline std::size_t __cvta_generic_to_shared(const void *address)
{
    return reinterpret_cast<std::size_t>(address);
}

#define __builtin_assume(condition) ((void)0)
#define __nv_assume(condition) ((void)0)

#endif
