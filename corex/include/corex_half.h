/*
 * corex_half.h - floats of 16 bits as float32 and back, element by element, in integer arithmetic
 * that compilers turn into vectors.
 *
 * Rounding is to nearest, to even where two are near; beyond the range to infinity. A NaN of
 * bfloat16 is the one that PyTorch makes.
 */
#ifndef COREX_HALF_H
#define COREX_HALF_H

#include <string.h>

#include "corex_dtypes.h"

static inline uint32_t corex_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float corex_float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* ---- bfloat16: the upper half of a float32 ---- */
static inline float corex_from_bf16(corex_bfloat x) { return corex_float_of((uint32_t)x << 16); }

static inline corex_bfloat corex_to_bf16(float x)
{
    const uint32_t bits = corex_bits_of(x);
    const uint32_t near = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
    return (corex_bfloat)(x != x ? 0x7FC0u : near);
}

/* ---- float16 ---- */
/*
 * The digits are moved to where float32 has them. A multiplication by 2^112 then adds what the
 * exponents' offsets differ by, and makes normal numbers of subnormal ones; infinities and NaN come
 * out too small and are put right.
 */
static inline float corex_from_f16(corex_half x)
{
    const uint32_t digits = (uint32_t)(x & 0x7FFFu) << 13, sign = (uint32_t)(x >> 15) << 31;
    const float scaled = corex_float_of(digits) * corex_float_of(0x77800000u);
    const uint32_t special = (x & 0x7C00u) == 0x7C00u ? 0x7F800000u : 0u;
    return corex_float_of(corex_bits_of(scaled) | special | sign);
}

/*
 * Of a normal result the surplus digits are rounded off as integers. Below, adding 0.5 leaves the
 * digits of a subnormal one, rounded, at the end of the sum.
 */
static inline corex_half corex_to_f16(float x)
{
    const uint32_t bits = corex_bits_of(x), sign = bits >> 16 & 0x8000u, size = bits & 0x7FFFFFFFu;
    const uint32_t small = corex_bits_of(corex_float_of(size) + 0.5f) - 0x3F000000u;
    const uint32_t normal = (size - 0x38000000u + 0xFFFu + (size >> 13 & 1u)) >> 13;
    const uint32_t special = size > 0x7F800000u ? 0x7E00u | (size >> 13 & 0x3FFu) : 0x7C00u;
    const uint32_t finite = size < 0x38800000u ? small : normal;
    return (corex_half)(sign | (size >= 0x477FF000u ? special : finite));
}

#endif
