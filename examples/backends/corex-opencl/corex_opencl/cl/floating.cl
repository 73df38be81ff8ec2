// Floating-point functions that OpenCL C does not have, or not to the last digit. REAL is the type
// they are computed in.

static inline REAL floor_quotient(REAL a, REAL b)
{
    if (b == 0)
        return a / b;
    const REAL rest = fmod(a, b);
    REAL q = (a - rest) / b;
    if (rest != 0 && (b < 0) != (rest < 0))
        q -= 1;
    if (q == 0)
        return copysign((REAL)0, a / b);
    const REAL whole = floor(q);
    return q - whole > (REAL)0.5 ? whole + 1 : whole;
}

static inline REAL real_modulo(REAL a, REAL b)
{
    const REAL rest = fmod(a, b);
    if (rest == 0)
        return copysign(rest, b);
    return (b < 0) != (rest < 0) ? rest + b : rest;
}

static inline REAL logistic(REAL a)
{
    const REAL small = exp(-fabs(a));
    return (a < 0 ? small : (REAL)1) / (1 + small);
}

static inline REAL normal_cdf(REAL a)
{
    return (REAL)0.5 * erfc(-a * (REAL)0.70710678118654752440);
}

static inline REAL gelu(REAL a)
{
    const REAL p = normal_cdf(a);
    return p == 0 ? (REAL)0 : a * p;
}

static inline REAL gelu_slope(REAL a)
{
    const REAL density = exp(-a * a / 2) * (REAL)0.39894228040143267794;
    return normal_cdf(a) + (density == 0 ? (REAL)0 : a * density);
}

// gelu's other form: half a times 1 + tanh(bend), and bend's derivative.
static inline REAL bend(REAL a)
{
    return (REAL)0.79788456080286535588 * (a + (REAL)0.044715 * a * a * a);
}

static inline REAL gelu_tanh(REAL a)
{
    const REAL p = 1 + tanh(bend(a));
    return p == 0 ? (REAL)0 : (REAL)0.5 * a * p;
}

static inline REAL gelu_tanh_slope(REAL a)
{
    const REAL t = tanh(bend(a));
    const REAL falling = 1 - t * t;
    const REAL slope = (REAL)0.79788456080286535588 * (1 + (REAL)(3 * 0.044715) * a * a);
    return (REAL)0.5 * (1 + t) + (falling == 0 ? (REAL)0 : (REAL)0.5 * a * falling * slope);
}

static inline REAL silu(REAL a)
{
    const REAL s = logistic(a);
    return s == 0 ? (REAL)0 : a * s;
}

static inline REAL silu_slope(REAL a)
{
    const REAL s = logistic(a);
    return s == 0 ? (REAL)0 : s * (1 + a * (1 - s));
}
