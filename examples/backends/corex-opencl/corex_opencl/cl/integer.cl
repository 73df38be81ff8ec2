// Integer arithmetic that C leaves undefined or defines differently. T is the type, U its unsigned
// form, in which everything wraps around.

#if IS_SIGNED
#define NEGATIVE(x) ((x) < 0)
#else
#define NEGATIVE(x) 0
#endif

// The divisor is never 0: that was checked before.
static inline T quotient(T a, T b)
{
#if IS_SIGNED
    if (b == -1)
        return (T)(-(U)a); // the most negative number divided by -1 overflows
#endif
    const T q = a / b;
    return (T)(NEGATIVE(a) != NEGATIVE(b) && q * b != a ? q - 1 : q);
}

static inline T rest(T a, T b)
{
#if IS_SIGNED
    if (b == -1)
        return 0;
#endif
    return (T)(a % b);
}

static inline T modulo(T a, T b)
{
    const T r = rest(a, b);
    return (T)(r != 0 && NEGATIVE(r) != NEGATIVE(b) ? r + b : r);
}

static inline T integer_power(T a, T b)
{
    if (NEGATIVE(b)) {
        if (a == 1)
            return 1;
        return (T)(NEGATIVE(a) && a + 1 == 0 ? ((b & 1) ? -1 : 1) : 0);
    }
    U result = 1, base = (U)a;
    for (U left = (U)b; left != 0; left >>= 1) {
        if (left & 1)
            result *= base;
        base *= base;
    }
    return (T)result;
}

static inline T left_shift(T a, T b) { return NEGATIVE(b) || b >= BITS ? 0 : (T)((U)a << (U)b); }

static inline T right_shift(T a, T b)
{
    return NEGATIVE(b) || b >= BITS ? (T)-NEGATIVE(a) : (T)(a >> b);
}
