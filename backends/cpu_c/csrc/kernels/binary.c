/* Elementwise functions of two operands: arithmetic, comparisons, logic, gradients. */
#include "loops.h"

#define WRAP(operator) (U)((uint64_t)(U)x operator(uint64_t)(U) y)

/* name, expression */
#define INTEGER_OPS(X) \
    X(add, WRAP(+)) \
    X(sub, WRAP(-)) \
    X(mul, WRAP(*)) \
    X(maximum, x > y ? x : y) \
    X(minimum, x < y ? x : y) \
    X(bitwise_and, (U)x &(U)y) \
    X(bitwise_or, (U)x | (U)y) \
    X(bitwise_xor, (U)x ^ (U)y)

/* maximum: a NaN in x must win over any y, and a NaN in y compares false. */
#define FLOAT_OPS(X) \
    X(add, x + y) \
    X(sub, x - y) \
    X(mul, x *y) \
    X(div, x / y) \
    X(maximum, x > y || x != x ? x : y) \
    X(minimum, x < y || x != x ? x : y) \
    X(fmax, x >= y || y != y ? x : y) \
    X(fmin, x <= y || y != y ? x : y) \
    X(sigmoid_backward, x * y * (1 - y)) \
    X(tanh_backward, x * (1 - y * y)) \
    X(relu_backward, !(y <= 0) ? x : 0)

#define TO_BOOL_OPS(X) \
    X(eq, x == y) \
    X(ne, x != y) \
    X(lt, x < y) \
    X(le, x <= y) \
    X(gt, x > y) \
    X(ge, x >= y) \
    X(logical_and, (x != 0) & (y != 0)) \
    X(logical_or, (x != 0) | (y != 0)) \
    X(logical_xor, (x != 0) ^ (y != 0))

#define MAKE_INTEGER(name, expr) OVER_INTEGER(LOOP2, name, expr)
#define MAKE_FLOAT(name, expr) OVER_FLOAT(LOOP2, name, expr)
#define MAKE_TO_BOOL(name, expr) OVER_ALL_TO_BOOL(LOOP2, name, expr)

INTEGER_OPS(MAKE_INTEGER)
FLOAT_OPS(MAKE_FLOAT)
TO_BOOL_OPS(MAKE_TO_BOOL)

#define ENTRY(op, rows, ...) {.name = #op, .loops = rows(op), .cost = 1, __VA_ARGS__},
#define ENTRY_TO_BOOL(op, expr) ENTRY(op, COREX_ANY_TABLE, .to_bool = true)
#define ENTRY_BITS(op) {.name = #op, .loops = BITS_TABLE(op, op##_u8), .cost = 1},
static const corex_op rows[] = {
    {.name = "add", .loops = ANY_TABLE_BUT(add, bitwise_or_u8), .cost = 1},
    {.name = "mul", .loops = ANY_TABLE_BUT(mul, bitwise_and_u8), .cost = 1},
    ENTRY(sub, COREX_NUMBER_TABLE) ENTRY(div, COREX_FLOAT_TABLE) ENTRY(maximum, COREX_ANY_TABLE)
        ENTRY(minimum, COREX_ANY_TABLE) ENTRY(fmax, COREX_FLOAT_TABLE)
            ENTRY(fmin, COREX_FLOAT_TABLE) ENTRY(sigmoid_backward, COREX_FLOAT_TABLE)
                ENTRY(tanh_backward, COREX_FLOAT_TABLE) ENTRY(relu_backward, COREX_FLOAT_TABLE)
                    TO_BOOL_OPS(ENTRY_TO_BOOL) ENTRY_BITS(bitwise_and) ENTRY_BITS(bitwise_or)
                        ENTRY_BITS(bitwise_xor)};

const corex_op_table COREX_LEVELED(corex_binary) = {rows, sizeof rows / sizeof rows[0]};
