/* Copies with conversion, constants, selection. */
#include "corex_half.h"
#include "corex_whole.h"
#include "loops.h"

/* The row of the target, then suffix and type of the source. */
#define TO_BOOL(number, NAME, name, to, TO, U, kind, from, TI) \
    LOOP1(copy_##from, to, TI, TO, TI, x != 0)
#define KEEP(number, NAME, name, to, TO, U, kind, from, TI) LOOP1(copy_##from, to, TI, TO, TI, x)
#define CUT(number, NAME, name, to, TO, U, kind, from, TI) \
    LOOP1(copy_##from, to, TI, TO, TI, corex_to_##to(x))
#define FROM_INTEGER(from, TI) \
    COREX_BOOL_ROWS(TO_BOOL, from, TI) COREX_NUMBER_ROWS_LATER(KEEP, from, TI)
#define FROM_FLOAT(from, TI) \
    COREX_BOOL_ROWS(TO_BOOL, from, TI) \
    COREX_INTEGER_ROWS(CUT, from, TI) COREX_FLOAT_ROWS_LATER(KEEP, from, TI)

COREX_AGAIN(COREX_INTEGER_ROWS(COREX_MAKE, FROM_INTEGER))
COREX_AGAIN(COREX_FLOAT_ROWS(COREX_MAKE, FROM_FLOAT))

#define SOURCE(number, NAME, name, from, ...) \
    [COREX_##NAME] = {COREX_BOOL_ROWS(COREX_ENTRY, copy_##from) \
                          COREX_NUMBER_ROWS_LATER(COREX_ENTRY, copy_##from)},

/* Halves become float32 and are made of it; other pairs go by way of that. */
#define OF_HALF(number, NAME, name, sfx, T, ...) \
    LOOP1(copy_##sfx, f32, T, float, T, corex_from_##sfx(x)) \
    LOOP1(copy_f32, sfx, float, T, float, corex_to_##sfx(x))

COREX_HALF_ROWS(OF_HALF)

/* Where the processor has instructions for float16 they convert eight at a time, to the same bits
 * but that a signalling NaN becomes a quiet one. */
#ifdef __F16C__
#include <immintrin.h>

/* Pointers are the loop's own: for all the compiler knows `p` itself might be stored over. */
static void from_f16(char *const *p, const int64_t *s, int64_t n)
{
    const corex_half *a = (const corex_half *)p[1];
    float *o = (float *)p[0];
    const int64_t whole = s[0] == sizeof(float) && s[1] == sizeof(corex_half) ? n : 0;
    int64_t done = 0;
#ifdef __AVX512F__
    for (; done + 16 <= whole; done += 16)
        _mm512_storeu_ps(o + done,
                         _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(a + done))));
#endif
    for (; done + 8 <= whole; done += 8)
        _mm256_storeu_ps(o + done, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(a + done))));
    char *const rest[] = {p[0] + done * s[0], p[1] + done * s[1]};
    copy_f16_f32(rest, s, n - done);
}

static void to_f16(char *const *p, const int64_t *s, int64_t n)
{
    const float *a = (const float *)p[1];
    corex_half *o = (corex_half *)p[0];
    const int64_t whole = s[0] == sizeof(corex_half) && s[1] == sizeof(float) ? n : 0;
    int64_t done = 0;
#ifdef __AVX512F__
    for (; done + 16 <= whole; done += 16)
        _mm256_storeu_si256((__m256i *)(o + done),
                            _mm512_cvtps_ph(_mm512_loadu_ps(a + done), _MM_FROUND_TO_NEAREST_INT));
#endif
    for (; done + 8 <= whole; done += 8)
        _mm_storeu_si128((__m128i *)(o + done),
                         _mm256_cvtps_ph(_mm256_loadu_ps(a + done), _MM_FROUND_TO_NEAREST_INT));
    char *const rest[] = {p[0] + done * s[0], p[1] + done * s[1]};
    copy_f32_f16(rest, s, n - done);
}
#else
#define from_f16 copy_f16_f32
#define to_f16 copy_f32_f16
#endif

#define MOVE(shift, bytes, T, ...) \
    static void move_##bytes(char *const *p, const int64_t *s, int64_t n) \
    { \
        const char *a = p[1]; \
        char *o = p[0]; \
        if (s[0] == sizeof(T) && s[1] == sizeof(T)) { \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) \
                ((T *)o)[i] = ((const T *)a)[i]; \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            *(T *)(o + i * s[0]) = *(const T *)(a + i * s[1]); \
    }

COREX_SIZE_ROWS(MOVE)

/* The scalar is a broadcast second operand: stride 0. */
#define FILL(shift, bytes, T, ...) \
    static void fill_##bytes(char *const *p, const int64_t *s, int64_t n) \
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

COREX_SIZE_ROWS(FILL)

#define WHERE(shift, bytes, T, ...) \
    static void where_##bytes(char *const *p, const int64_t *s, int64_t n) \
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

COREX_SIZE_ROWS(WHERE)

const corex_copy_table COREX_LEVELED(corex_copy) = {
    .convert = {[COREX_BOOL] = {COREX_DTYPE_ROWS(COREX_ENTRY, copy_u8)},
                COREX_AGAIN(COREX_NUMBER_ROWS(SOURCE))},
    .from_half = {[COREX_FLOAT16] = from_f16, [COREX_BFLOAT16] = copy_bf16_f32},
    .to_half = {[COREX_FLOAT16] = to_f16, [COREX_BFLOAT16] = copy_f32_bf16},
    .move = COREX_SIZE_TABLE(move),
    .fill = COREX_SIZE_TABLE(fill),
    .where = COREX_SIZE_TABLE(where),
};
