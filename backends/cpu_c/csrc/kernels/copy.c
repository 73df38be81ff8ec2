/* Copies with conversion, constants, selection. */
#include "convert.h"
#include "loops.h"

#define KEEP(x) (x)
#define NONZERO(x) ((x) != 0)

/* source suffix, source type; then for each target: suffix, type, conversion */
#define MAKE(from, TI, to, TO, convert) LOOP1(copy_##from, to, TI, TO, TI, convert(x))
#define FROM_INTEGER(from, TI) \
    MAKE(from, TI, b, uint8_t, NONZERO) \
    MAKE(from, TI, u8, uint8_t, KEEP) \
    MAKE(from, TI, i32, int32_t, KEEP) \
    MAKE(from, TI, i64, int64_t, KEEP) \
    MAKE(from, TI, f32, float, KEEP) \
    MAKE(from, TI, f64, double, KEEP)
#define FROM_FLOAT(from, TI) \
    MAKE(from, TI, b, uint8_t, NONZERO) \
    MAKE(from, TI, u8, uint8_t, to_uint8) \
    MAKE(from, TI, i32, int32_t, to_int32) \
    MAKE(from, TI, i64, int64_t, to_int64) \
    MAKE(from, TI, f32, float, KEEP) \
    MAKE(from, TI, f64, double, KEEP)

FROM_INTEGER(u8, uint8_t)
FROM_INTEGER(i32, int32_t)
FROM_INTEGER(i64, int64_t)
FROM_FLOAT(f32, float)
FROM_FLOAT(f64, double)

#define ROW(from) \
    {copy_##from##_b,   copy_##from##_u8,  copy_##from##_i32, \
     copy_##from##_i64, copy_##from##_f32, copy_##from##_f64}

/* The scalar is a broadcast second operand: stride 0. */
#define FILL(name, T) \
    static void name(char *const *p, const int64_t *s, int64_t n) \
    { \
        const T value = *(const T *)p[1]; \
        if (s[0] == sizeof(T)) { \
            T *o = (T *)p[0]; \
            for (int64_t i = 0; i < n; i++) \
                o[i] = value; \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            *(T *)(p[0] + i * s[0]) = value; \
    }

FILL(fill_1, uint8_t)
FILL(fill_4, uint32_t)
FILL(fill_8, uint64_t)

#define WHERE(name, T) \
    static void name(char *const *p, const int64_t *s, int64_t n) \
    { \
        const char *c = p[1], *a = p[2], *b = p[3]; \
        char *o = p[0]; \
        if (s[0] == sizeof(T) && s[1] == 1 && s[2] == sizeof(T) && s[3] == sizeof(T)) { \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) { \
                const T x = ((const T *)a)[i], y = ((const T *)b)[i]; \
                ((T *)o)[i] = ((const uint8_t *)c)[i] ? x : y; \
            } \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            *(T *)(o + i * s[0]) = \
                c[i * s[1]] ? *(const T *)(a + i * s[2]) : *(const T *)(b + i * s[3]); \
    }

WHERE(where_1, uint8_t)
WHERE(where_4, uint32_t)
WHERE(where_8, uint64_t)

const corex_copy_table COREX_LEVELED(corex_copy) = {
    .convert = {ROW(u8), ROW(u8), ROW(i32), ROW(i64), ROW(f32), ROW(f64)},
    .fill = {fill_1, fill_4, fill_8},
    .where = {where_1, where_4, where_8},
};
