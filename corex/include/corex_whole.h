/*
 * corex_whole.h - integers of floats: towards zero, and defined where C leaves it open.
 *
 * What does not fit int32 or int64 (NaN neither) is the most negative number, as the instructions
 * of x86 have it; narrower ones and uint32 are the low bits of int64. uint64 goes on where int64
 * ends.
 */
#ifndef COREX_WHOLE_H
#define COREX_WHOLE_H

#include <stdint.h>

static inline int64_t corex_to_i64(double x)
{
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}

static inline int32_t corex_to_i32(double x)
{
    return x >= -2147483648.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}

static inline uint64_t corex_to_u64(double x)
{
    return x >= 9223372036854775808.0
               ? (uint64_t)corex_to_i64(x - 9223372036854775808.0) ^ (uint64_t)1 << 63
               : (uint64_t)corex_to_i64(x);
}

static inline uint8_t corex_to_u8(double x) { return (uint8_t)corex_to_i64(x); }
static inline int8_t corex_to_i8(double x) { return (int8_t)corex_to_i64(x); }
static inline uint16_t corex_to_u16(double x) { return (uint16_t)corex_to_i64(x); }
static inline int16_t corex_to_i16(double x) { return (int16_t)corex_to_i64(x); }
static inline uint32_t corex_to_u32(double x) { return (uint32_t)corex_to_i64(x); }

#endif
