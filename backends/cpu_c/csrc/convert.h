/* Numbers from one type to another, defined where C leaves it open. */
#ifndef COREX_CONVERT_H
#define COREX_CONVERT_H

#include "internal.h"

/* Float to integer out of range is undefined in C; saturate nothing, but stay defined. */
COREX_INLINE int64_t to_int64(double x)
{
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}
COREX_INLINE int32_t to_int32(double x)
{
    return x >= -2147483648.0 && x < 2147483648.0 ? (int32_t)x : (int32_t)to_int64(x);
}
COREX_INLINE uint8_t to_uint8(double x) { return (uint8_t)to_int64(x); }

#endif
