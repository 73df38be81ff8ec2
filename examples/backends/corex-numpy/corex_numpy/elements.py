"""Optional elementwise kernels and reductions: one call of NumPy's in place of a few kernels."""

import numpy as np

from corex_numpy.kernels import elementwise, no_zero, precise, reduction, ufunc


def sigmoid(a):
    small = np.exp(-np.abs(a, dtype=np.float64))  # at most 1: it cannot overflow
    return np.where(a < 0, small, 1) / (1 + small)


PLAIN = """square ceil trunc reciprocal isnan isinf isfinite signbit fmax fmin logical_not
    logical_and logical_or logical_xor bitwise_or bitwise_xor""".split()
PRECISE = "exp2 log2 log10 tan sinh cosh hypot".split()
KERNELS = {
    **{name: ufunc(getattr(np, name)) for name in PLAIN},
    "bitwise_not": ufunc(np.invert), "ne": ufunc(np.not_equal), "le": ufunc(np.less_equal),
    "gt": ufunc(np.greater), "ge": ufunc(np.greater_equal),
    "bitwise_left_shift": ufunc(np.left_shift), "bitwise_right_shift": ufunc(np.right_shift),
    **{name: precise(getattr(np, name)) for name in PRECISE},
    "asin": precise(np.arcsin), "acos": precise(np.arccos), "atan": precise(np.arctan),
    "asinh": precise(np.arcsinh), "acosh": precise(np.arccosh), "atanh": precise(np.arctanh),
    "sigmoid": elementwise(sigmoid), "rsqrt": elementwise(lambda a: 1 / np.sqrt(a)),
    "sign": elementwise(lambda a: (a > 0) * 1 - (a < 0)),  # 0 of NaN, unlike NumPy's
    "relu": elementwise(lambda a: np.where(a <= 0, 0, a)),  # NaN <= 0 is false: NaN stays
    "remainder": elementwise(no_zero(np.remainder)),
    "amin": reduction(lambda rows: rows.min(-1)),
    "argmin": reduction(lambda rows: rows.argmin(-1)),
    "any": reduction(lambda rows: rows.any(-1)), "all": reduction(lambda rows: rows.all(-1)),
}  # fmt: skip
