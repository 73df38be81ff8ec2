/* Numbers from one type to another, defined where C leaves it open. */
#ifndef COREX_CONVERT_H
#define COREX_CONVERT_H

#include "internal.h"

/* Float to integer towards zero. What does not fit (NaN neither), undefined in C, is the most
 * negative number, as the instructions of x86 have it; uint8 is the low byte of int64. */
COREX_INLINE int64_t to_i64(double x)
{
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}
COREX_INLINE int32_t to_i32(double x)
{
    return x >= -2147483648.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}
COREX_INLINE uint8_t to_u8(double x) { return (uint8_t)to_i64(x); }

#endif
