/*
 * corex_dtypes.h - the dtypes, one row each; what differs from dtype to dtype is expanded from
 * them.
 *
 * A row is X(number, NAME, name, suffix, type, twin, kind, ...):
 *   number  of the ABI, which never changes; COREX_NAME is the constant of that value
 *   name    a string, as in Python
 *   suffix  of its loops: add_i32
 *   type    of an element; a bool is a byte, 0 or 1
 *   twin    unsigned, at least as wide: what integer arithmetic wraps around in (of 16 bits 32,
 *           for C would multiply them as ints, which overflow); of floats the type
 *   kind    'b', 'u', 'i' or 'f', as in Python
 * What follows X in the lists below is handed on to it. A kernel is for the lists that it is
 * expanded over, and for no other row: a dtype that is not computed with directly gets a list of
 * its own.
 */
#ifndef COREX_DTYPES_H
#define COREX_DTYPES_H

#include <stdint.h>

/* Elements of 16 bits that are floats. */
typedef uint16_t corex_half;
typedef uint16_t corex_bfloat;

typedef struct corex_complex32 {
    corex_half re, im;
} corex_complex32;
typedef struct corex_complex64 {
    float re, im;
} corex_complex64;
typedef struct corex_complex128 {
    double re, im;
} corex_complex128;

#define COREX_BOOL_ROWS(X, ...) X(0, BOOL, "bool", b, uint8_t, uint8_t, 'b', __VA_ARGS__)
#define COREX_INTEGER_ROWS(X, ...) \
    X(1, UINT8, "uint8", u8, uint8_t, uint8_t, 'u', __VA_ARGS__) \
    X(8, UINT16, "uint16", u16, uint16_t, uint32_t, 'u', __VA_ARGS__) \
    X(9, UINT32, "uint32", u32, uint32_t, uint32_t, 'u', __VA_ARGS__) \
    X(10, UINT64, "uint64", u64, uint64_t, uint64_t, 'u', __VA_ARGS__) \
    X(6, INT8, "int8", i8, int8_t, uint8_t, 'i', __VA_ARGS__) \
    X(7, INT16, "int16", i16, int16_t, uint32_t, 'i', __VA_ARGS__) \
    X(2, INT32, "int32", i32, int32_t, uint32_t, 'i', __VA_ARGS__) \
    X(3, INT64, "int64", i64, int64_t, uint64_t, 'i', __VA_ARGS__)
#define COREX_FLOAT_ROWS(X, ...) \
    X(4, FLOAT32, "float32", f32, float, float, 'f', __VA_ARGS__) \
    X(5, FLOAT64, "float64", f64, double, double, 'f', __VA_ARGS__)
/* Floats of 16 bits: C has no arithmetic for them. corex_half.h has what makes floats of them. */
#define COREX_HALF_ROWS(X, ...) \
    X(11, FLOAT16, "float16", f16, corex_half, corex_half, 'f', __VA_ARGS__) \
    X(12, BFLOAT16, "bfloat16", bf16, corex_bfloat, corex_bfloat, 'f', __VA_ARGS__)

#define COREX_NUMBER_ROWS(X, ...) \
    COREX_INTEGER_ROWS(X, __VA_ARGS__) COREX_FLOAT_ROWS(X, __VA_ARGS__)
/* Complex numbers: two parts, the real one first. */
#define COREX_COMPLEX_ROWS(X, ...) \
    X(13, COMPLEX32, "complex32", c32, corex_complex32, corex_complex32, 'c', __VA_ARGS__) \
    X(14, COMPLEX64, "complex64", c64, corex_complex64, corex_complex64, 'c', __VA_ARGS__) \
    X(15, COMPLEX128, "complex128", c128, corex_complex128, corex_complex128, 'c', __VA_ARGS__)

/* What C computes with, and with the others what memory can hold. */
#define COREX_DTYPE_ROWS(X, ...) COREX_BOOL_ROWS(X, __VA_ARGS__) COREX_NUMBER_ROWS(X, __VA_ARGS__)
#define COREX_HELD_ROWS(X, ...) \
    COREX_DTYPE_ROWS(X, __VA_ARGS__) \
    COREX_HALF_ROWS(X, __VA_ARGS__) COREX_COMPLEX_ROWS(X, __VA_ARGS__)

/* What only moves elements has one loop per size: X(log2 of the bytes, bytes, type, ...). */
#define COREX_SIZE_ROWS(X, ...) \
    X(0, 1, uint8_t, __VA_ARGS__) \
    X(1, 2, uint16_t, __VA_ARGS__) \
    X(2, 4, uint32_t, __VA_ARGS__) \
    X(3, 8, uint64_t, __VA_ARGS__) X(4, 16, corex_complex128, __VA_ARGS__)
#define COREX_NUM_SIZES 5

/* ---- numbers and sets of them ---- */
#define COREX_NUMBER_OF(number, NAME, ...) COREX_##NAME = number,
#define COREX_ONE_MORE(...) +1
#define COREX_BIT_OF(number, ...) | (1 << (number))

typedef enum corex_dtype { COREX_HELD_ROWS(COREX_NUMBER_OF) } corex_dtype;

enum { COREX_NUM_DTYPES = 0 COREX_HELD_ROWS(COREX_ONE_MORE) };

/* Sets of dtypes, as bits. */
enum {
    COREX_BOOLS = 0 COREX_BOOL_ROWS(COREX_BIT_OF),
    COREX_INTEGERS = 0 COREX_INTEGER_ROWS(COREX_BIT_OF),
    COREX_FLOATS = 0 COREX_FLOAT_ROWS(COREX_BIT_OF),
    COREX_HALVES = 0 COREX_HALF_ROWS(COREX_BIT_OF),
    COREX_COMPLEX = 0 COREX_COMPLEX_ROWS(COREX_BIT_OF),
    COREX_WHOLE = COREX_BOOLS | COREX_INTEGERS,
    COREX_NUMBERS = COREX_INTEGERS | COREX_FLOATS,
    COREX_ALL = 0 COREX_DTYPE_ROWS(COREX_BIT_OF),
    COREX_MOVED = COREX_ALL | COREX_HALVES,
    COREX_HELD = COREX_MOVED | COREX_COMPLEX
};

/* Whether a dtype is in a set. */
#define COREX_AMONG(set, dtype) (((set) >> (dtype) & 1) != 0)

#endif
