/* Binary functions that outweigh their addressing: division, powers, shifts, libm, gradients. */
#include "loops.h"
#include "vecmath.h"

/* ---- division; a zero divisor of integers was refused before ---- */

/* -1 apart: the most negative number divided by it overflows, which traps. */
#define FLOOR_DIVIDE(x, y) \
    ((T)(y) == (T) - 1 && (T) - 1 < 0 \
         ? (T)(0 - (U)(x)) \
         : (T)((x) / (y) - (((x) % (y) != 0) & (((x) < 0) != ((y) < 0)))))
#define FMOD(x, y) ((T)(y) == (T) - 1 && (T) - 1 < 0 ? (T)0 : (T)((x) % (y)))

/* One for each type, since (x - r) / y must round as its arithmetic does. */
#define FLOAT_DIVISION(T, f) \
    COREX_INLINE T float_floor_divide##f(T x, T y) \
    { \
        if (y == 0) \
            return x / y; \
        T r = fmod##f(x, y), q = (x - r) / y; \
        if (r != 0 && (r < 0) != (y < 0)) \
            q -= 1; \
        if (q == 0) \
            return copysign##f(0, x / y); \
        T whole = floor##f(q); \
        return q - whole > (T)0.5 ? whole + 1 : whole; \
    } \
\
    COREX_INLINE T float_remainder##f(T x, T y) \
    { \
        T r = fmod##f(x, y); \
        if (r == 0) \
            return copysign##f(0, y); \
        return (r < 0) != (y < 0) ? r + y : r; \
    }
FLOAT_DIVISION(double, )
FLOAT_DIVISION(float, f)

/* Square and multiply, wrapping. */
COREX_INLINE uint64_t power(uint64_t base, uint64_t exponent)
{
    uint64_t result = 1;
    for (; exponent != 0; exponent >>= 1, base *= base)
        if (exponent & 1)
            result *= base;
    return result;
}

COREX_INLINE int64_t signed_power(int64_t base, int64_t exponent)
{
    if (exponent >= 0)
        return (int64_t)power((uint64_t)base, (uint64_t)exponent);
    return base == 1 ? 1 : base == -1 ? 1 - 2 * (exponent & 1) : 0;
}

#define WIDTH ((int)sizeof(T) * CHAR_BIT)
#define OUT_OF_WIDTH(y) ((y) < 0 || (y) >= WIDTH)

#define INTEGER_OPS(X) \
    X(LOOP2_SLOW, floor_divide, FLOOR_DIVIDE(x, y)) \
    X(LOOP2_SLOW, remainder, \
      y == (T) - 1 && (T) - 1 < 0 ? 0 : x % y + (x % y != 0 && (x < 0) != (y < 0) ? y : 0)) \
    X(LOOP2_SLOW, fmod, FMOD(x, y)) \
    X(LOOP2_SLOW, pow, \
      (T) - 1 > 0 ? power((uint64_t)x, (uint64_t)y) : signed_power((int64_t)x, (int64_t)y)) \
    X(LOOP2_SLOW, bitwise_left_shift, OUT_OF_WIDTH(y) ? 0 : (U)x << (int)y) \
    X(LOOP2_SLOW, bitwise_right_shift, OUT_OF_WIDTH(y) ? (x < 0 ? -1 : 0) : x >> (int)y)

/* The derivative of x Phi(x) is Phi(x) + x phi(x). */
#define GELU_SLOPE(x) (VM_PHI(x) + (x) * (T)0.3989422804014327 * VM_EXP((T) - 0.5 * (x) * (x)))

/* s + x s (1 - s) 2u', s = sigmoid(2u), u as in gelu */
#define GELU_TANH_SLOPE(s, x) \
    ((s) + (x) * (s) * (1 - (s)) * (T)1.5957691216057308 * (1 + (T)0.134145 * (x) * (x)))
#define GELU_TANH_SIGMOID(x) \
    VM_SIGMOID((T)1.5957691216057308 * ((x) + (T)0.044715 * (x) * (x) * (x)))
#define SILU_SLOPE(s, x) ((s) * (1 + (x) * (1 - (s))))

/* x is the incoming gradient, y the forward's operand */
#define FLOAT_OPS(X) \
    X(LOOP2_SLOW, floor_divide, COREX_TG2(float_floor_divide, x, y)) \
    X(LOOP2_SLOW, remainder, COREX_TG2(float_remainder, x, y)) \
    X(LOOP2_SLOW, fmod, COREX_TG2(fmod, x, y)) \
    X(LOOP2_SLOW, pow, COREX_TG2(pow, x, y)) \
    X(LOOP2_SLOW, atan2, COREX_TG2(atan2, x, y)) \
    X(LOOP2_SLOW, hypot, COREX_TG2(hypot, x, y)) \
    X(LOOP2, copysign, COREX_TG2(copysign, x, y)) \
    X(LOOP2, gelu_backward, x *GELU_SLOPE(y)) \
    X(LOOP2, gelu_tanh_backward, x *GELU_TANH_SLOPE(GELU_TANH_SIGMOID(y), y)) \
    X(LOOP2, silu_backward, x *SILU_SLOPE(VM_SIGMOID(y), y))

#define MAKE_INTEGER(LOOP, name, expr) OVER_INTEGER(LOOP, name, expr)
#define MAKE_FLOAT(LOOP, name, expr) OVER_FLOAT(LOOP, name, expr)

INTEGER_OPS(MAKE_INTEGER)
FLOAT_OPS(MAKE_FLOAT)

#define ENTRY(op, rows, ...) {.name = #op, .loops = rows(op), .cost = 16, __VA_ARGS__},

static const corex_op rows[] = {
    ENTRY(floor_divide, COREX_NUMBER_TABLE, .checked = true) ENTRY(remainder, COREX_NUMBER_TABLE,
                                                                   .checked = true)
        ENTRY(fmod, COREX_NUMBER_TABLE, .checked = true) ENTRY(pow, COREX_NUMBER_TABLE)
            ENTRY(atan2, COREX_FLOAT_TABLE) ENTRY(hypot, COREX_FLOAT_TABLE)
                ENTRY(copysign, COREX_FLOAT_TABLE) ENTRY(bitwise_left_shift, COREX_INTEGER_TABLE)
                    ENTRY(bitwise_right_shift, COREX_INTEGER_TABLE)
                        ENTRY(gelu_backward, COREX_FLOAT_TABLE)
                            ENTRY(gelu_tanh_backward, COREX_FLOAT_TABLE)
                                ENTRY(silu_backward, COREX_FLOAT_TABLE)};

const corex_op_table COREX_LEVELED(corex_slow_binary) = {rows, sizeof rows / sizeof rows[0]};
