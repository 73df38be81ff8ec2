/* Elementwise functions of one operand: three tables, and what is made of them. */
#include "loops.h"
#include "vecmath.h"

COREX_INLINE bool sign_of_float(float x) { return vm_bits(x) >> 31; }
COREX_INLINE bool sign_of_double(double x) { return signbit(x) != 0; }
#define SIGN_BIT(x) _Generic((x), float: sign_of_float, default: sign_of_double)(x)

/* x / 2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
#define GELU_TANH(x) \
    ((x) * VM_SIGMOID((T)1.5957691216057308 * ((x) + (T)0.044715 * (x) * (x) * (x))))

/* name, expression, cost relative to an addition */
#define INTEGER_OPS(X) \
    X(neg, (U)(0 - (U)x), 1) \
    X(abs, (U)(x < 0 ? 0 - (U)x : (U)x), 1) \
    X(sign, (x > 0) - (x < 0), 1) \
    X(square, (U)((uint64_t)x * (uint64_t)x), 1) \
    X(relu, x > 0 ? x : 0, 1) \
    X(bitwise_not, (U) ~(U)x, 1)

#define FLOAT_OPS(X) \
    X(neg, -x, 1) \
    X(abs, COREX_TG(fabs, x), 1) \
    X(sign, (T)(x > 0) - (T)(x < 0), 1) \
    X(square, x *x, 1) \
    X(relu, !(x <= 0) ? x : 0, 1) \
    X(floor, COREX_TG(floor, x), 1) \
    X(ceil, COREX_TG(ceil, x), 1) \
    X(round, COREX_TG(nearbyint, x), 1) \
    X(trunc, COREX_TG(trunc, x), 1) \
    X(sqrt, COREX_TG(sqrt, x), 2) \
    X(rsqrt, 1 / COREX_TG(sqrt, x), 2) \
    X(reciprocal, 1 / x, 1) \
    X(exp, VM_EXP(x), 4) \
    X(exp2, VM_EXP2(x), 4) \
    X(expm1, VM_EXPM1(x), 4) \
    X(log, VM_LOG(x), 4) \
    X(log2, VM_LOG2(x), 4) \
    X(log10, VM_LOG10(x), 4) \
    X(log1p, VM_LOG1P(x), 4) \
    X(tan, COREX_TG(tan, x), 16) \
    X(asin, COREX_TG(asin, x), 16) \
    X(acos, COREX_TG(acos, x), 16) \
    X(atan, COREX_TG(atan, x), 16) \
    X(sinh, COREX_TG(sinh, x), 16) \
    X(cosh, COREX_TG(cosh, x), 16) \
    X(tanh, VM_TANH(x), 4) \
    X(asinh, COREX_TG(asinh, x), 16) \
    X(acosh, COREX_TG(acosh, x), 16) \
    X(atanh, COREX_TG(atanh, x), 16) \
    X(sigmoid, VM_SIGMOID(x), 4) \
    X(erf, VM_ERF(x), 4) \
    X(erfc, VM_ERFC(x), 4) \
    X(gelu, x *VM_PHI(x), 8) \
    X(gelu_tanh, GELU_TANH(x), 8) \
    X(silu, x *VM_SIGMOID(x), 4)

#define TEST_OPS(X) \
    X(isnan, x != x, 1) \
    X(isinf, COREX_TG(fabs, x) == (T)INFINITY, 1) \
    X(isfinite, COREX_TG(fabs, x) < (T)INFINITY, 1) \
    X(signbit, SIGN_BIT(x), 1)

/* sin and cos of float32: vectors, unless a block has numbers too large to reduce that way. */
#define TRIG_BLOCK 256
#define TRIG(name, quarter) \
    static void name##_block(float *o, const float *a, int64_t n) \
    { \
        COREX_INDEPENDENT \
        for (int64_t i = 0; i < n; i++) { \
            const float x = a[i]; \
            const float y = vm_trig(x, quarter); \
            o[i] = (quarter) == 0 && x == 0 ? x : y; \
        } \
    } \
    static void name##_f32(char *const *p, const int64_t *s, int64_t n) \
    { \
        const bool dense = s[0] == sizeof(float) && s[1] == sizeof(float); \
        for (int64_t start = 0; start < n; start += TRIG_BLOCK) { \
            const int64_t count = COREX_MIN(TRIG_BLOCK, n - start); \
            const char *a = p[1] + start * s[1]; \
            char *o = p[0] + start * s[0]; \
            int large = !dense; \
            for (int64_t i = 0; dense && i < count; i++) \
                large |= !(fabsf(((const float *)a)[i]) <= VM_TRIG_LIMIT); \
            if (!large) \
                name##_block((float *)o, (const float *)a, count); \
            else \
                for (int64_t i = 0; i < count; i++) \
                    *(float *)(o + i * s[0]) = name##f(*(const float *)(a + i * s[1])); \
        } \
    } \
    LOOP1(name, f64, double, double, double, name(x))

#define MAKE_INTEGER(name, expr, cost) OVER_INTEGER(LOOP1, name, expr)
#define MAKE_FLOAT(name, expr, cost) OVER_FLOAT(LOOP1, name, expr)
#define MAKE_TEST(name, expr, cost) OVER_FLOAT_TO_BOOL(LOOP1, name, expr)

INTEGER_OPS(MAKE_INTEGER)
FLOAT_OPS(MAKE_FLOAT)
TEST_OPS(MAKE_TEST)
TRIG(sin, 0)
TRIG(cos, 1)
OVER_ALL_TO_BOOL(LOOP1, logical_not, x == 0)

/* ops of numbers have both an integer and a float expression above */
#define NUMBER_NAMES(X) X(neg) X(abs) X(sign) X(square) X(relu)
#define ENTRY_NUMBER(op) {.name = #op, .loops = COREX_NUMBER_TABLE(op), .cost = 1},
#define ENTRY_FLOAT(op, expr, weight) {.name = #op, .loops = COREX_FLOAT_TABLE(op), .cost = weight},
#define ENTRY_TEST(op, expr, weight) \
    {.name = #op, .loops = COREX_FLOAT_TABLE(op), .to_bool = true, .cost = weight},

/* A name is looked up from the front, so that the number rows hide their float-only twins. */
static const corex_op rows[] = {
    NUMBER_NAMES(ENTRY_NUMBER) FLOAT_OPS(ENTRY_FLOAT) TEST_OPS(ENTRY_TEST) ENTRY_FLOAT(
        sin, , 8) ENTRY_FLOAT(cos, , 8){
        .name = "logical_not", .loops = COREX_ANY_TABLE(logical_not), .to_bool = true, .cost = 1},
    {.name = "bitwise_not", .loops = BITS_TABLE(bitwise_not, logical_not_u8), .cost = 1},
};

const corex_op_table COREX_LEVELED(corex_unary) = {rows, sizeof rows / sizeof rows[0]};
