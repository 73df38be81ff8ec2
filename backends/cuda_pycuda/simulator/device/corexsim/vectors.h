/* The vector types, with CUDA's alignments, and their make_ functions. */
#ifndef COREXSIM_VECTORS_H
#define COREXSIM_VECTORS_H

typedef corexsim::Uint3 uint3;
typedef corexsim::Dim3 dim3;
typedef unsigned char uchar;

#define COREXSIM_VECTORS(name, type, align2, align4) \
    struct name##1 { type x; }; \
    struct __attribute__((aligned(align2))) name##2 { type x, y; }; \
    COREXSIM_##name##3 struct __attribute__((aligned(align4))) name##4 { type x, y, z, w; }; \
    constexpr name##1 make_##name##1(type x) { return {x}; } \
    constexpr name##2 make_##name##2(type x, type y) { return {x, y}; } \
    constexpr name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; } \
    constexpr name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }

/* uint3 is the type of threadIdx, and known already. */
#define COREXSIM_THREE(name, type) \
    struct name##3 { type x, y, z; };
#define COREXSIM_char3 COREXSIM_THREE(char, signed char)
#define COREXSIM_uchar3 COREXSIM_THREE(uchar, unsigned char)
#define COREXSIM_short3 COREXSIM_THREE(short, short)
#define COREXSIM_ushort3 COREXSIM_THREE(ushort, unsigned short)
#define COREXSIM_int3 COREXSIM_THREE(int, int)
#define COREXSIM_uint3
#define COREXSIM_long3 COREXSIM_THREE(long, long)
#define COREXSIM_ulong3 COREXSIM_THREE(ulong, unsigned long)
#define COREXSIM_longlong3 COREXSIM_THREE(longlong, long long)
#define COREXSIM_ulonglong3 COREXSIM_THREE(ulonglong, unsigned long long)
#define COREXSIM_float3 COREXSIM_THREE(float, float)
#define COREXSIM_double3 COREXSIM_THREE(double, double)

COREXSIM_VECTORS(char, signed char, 2, 4)
COREXSIM_VECTORS(uchar, unsigned char, 2, 4)
COREXSIM_VECTORS(short, short, 4, 8)
COREXSIM_VECTORS(ushort, unsigned short, 4, 8)
COREXSIM_VECTORS(int, int, 8, 16)
COREXSIM_VECTORS(uint, unsigned, 8, 16)
COREXSIM_VECTORS(long, long, 16, 16)
COREXSIM_VECTORS(ulong, unsigned long, 16, 16)
COREXSIM_VECTORS(longlong, long long, 16, 16)
COREXSIM_VECTORS(ulonglong, unsigned long long, 16, 16)
COREXSIM_VECTORS(float, float, 8, 16)
COREXSIM_VECTORS(double, double, 16, 16)

#endif
