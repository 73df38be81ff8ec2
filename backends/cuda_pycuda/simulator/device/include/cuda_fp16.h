/* __half and __half2, as far as corexsim/small_float.h goes. */
#ifndef COREXSIM_CUDA_FP16_H
#define COREXSIM_CUDA_FP16_H

#include "corexsim/small_float.h"

extern "C++" {

COREXSIM_SMALL_FLOAT(__half, __half_raw, float_to_half, half_to_float)
COREXSIM_SMALL_FUNCTIONS(__half)
COREXSIM_SMALL_PAIR(__half, __half2)

typedef __half half;
typedef __half2 half2;

inline half2 make_half2(half a, half b) { return {a, b}; }
inline __half __float2half(float a) { return __half(a); }
inline __half __float2half_rn(float a) { return __half(a); }
inline __half __double2half(double a) { return __half(a); }
inline float __half2float(__half a) { return float(a); }
inline __half __int2half_rn(int a) { return __half(a); }
inline __half __uint2half_rn(unsigned a) { return __half(a); }
inline int __half2int_rn(__half a) { return __float2int_rn(float(a)); }
inline int __half2int_rz(__half a) { return __float2int_rz(float(a)); }
inline __half __ushort_as_half(unsigned short bits) { return __half_raw{bits}; }
inline unsigned short __half_as_ushort(__half a) { return a.__x; }
inline __half __short_as_half(short bits) { return __half_raw{static_cast<unsigned short>(bits)}; }
inline short __half_as_short(__half a) { return static_cast<short>(a.__x); }
inline __half2 __halves2half2(__half a, __half b) { return {a, b}; }
inline __half2 __half2half2(__half a) { return {a, a}; }
inline __half2 __float2half2_rn(float a) { return {__half(a), __half(a)}; }
inline __half2 __floats2half2_rn(float a, float b) { return {__half(a), __half(b)}; }
inline __half2 __float22half2_rn(float2 a) { return {__half(a.x), __half(a.y)}; }
inline float2 __half22float2(__half2 a) { return {float(a.x), float(a.y)}; }
inline float __low2float(__half2 a) { return float(a.x); }
inline float __high2float(__half2 a) { return float(a.y); }
inline __half __low2half(__half2 a) { return a.x; }
inline __half __high2half(__half2 a) { return a.y; }

} // extern "C++"

#endif
