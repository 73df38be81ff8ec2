"""Optional elementwise kernels and reductions: one call of NumPy's in place of a few kernels."""

import numpy as np

from corex_numpy.kernels import elementwise, no_zero, precise, reduction


def sigmoid(a):
    small = np.exp(-np.abs(a, dtype=np.float64))  # at most 1: it cannot overflow
    return np.where(a < 0, small, 1) / (1 + small)


NAMES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "bitwise_not": "invert", "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift", "ne": "not_equal", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal",
}  # fmt: skip
PLAIN = """square ceil trunc reciprocal isnan isinf isfinite signbit fmax fmin ne le gt ge
    logical_not logical_and logical_or logical_xor bitwise_not bitwise_or bitwise_xor
    bitwise_left_shift bitwise_right_shift""".split()
PRECISE = "exp2 log2 log10 tan sinh cosh hypot asin acos atan asinh acosh atanh".split()
KERNELS = {
    **{name: elementwise(getattr(np, NAMES.get(name, name))) for name in PLAIN},
    **{name: precise(getattr(np, NAMES.get(name, name))) for name in PRECISE},
    "sigmoid": elementwise(sigmoid), "rsqrt": elementwise(lambda a: 1 / np.sqrt(a)),
    "sign": elementwise(lambda a: (a > 0) * 1 - (a < 0)),  # 0 of NaN, unlike NumPy's
    "relu": elementwise(lambda a: np.where(a <= 0, 0, a)),  # NaN <= 0 is false: NaN stays
    "remainder": elementwise(no_zero(np.remainder)),
    "amin": reduction(lambda rows: rows.min(-1)),
    "argmin": reduction(lambda rows: rows.argmin(-1)),
    "any": reduction(lambda rows: rows.any(-1)), "all": reduction(lambda rows: rows.all(-1)),
}  # fmt: skip
