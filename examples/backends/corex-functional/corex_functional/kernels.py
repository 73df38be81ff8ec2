"""The required kernels as pure functions: arrays and parameters in, an array out."""

import math

import numpy as np

LOW = 0xFFFFFFFF  # the low 32 bits


# ---- elementwise -----------------------------------------------------------------------------
def converted(dtype, a):
    """`a` as another dtype: what an integer cannot hold becomes its most negative number."""
    a = np.asarray(a)
    if a.dtype.kind == "f" and dtype in ("int32", "int64", "uint8"):
        lowest = np.float32(-(2.0**31) if dtype == "int32" else -(2.0**63))
        a = np.where((a >= lowest) & (a < -lowest), a, lowest).astype(np.int64)
    return a.astype(dtype)


def no_zero(function):
    """Integer division by zero is an error, as in Python."""

    def checked(a, b):
        if b.dtype.kind in "iu" and not b.all():
            raise ZeroDivisionError("integer division by zero")
        return function(a, b)

    return checked


def power(a, b):
    if a.dtype.kind == "f":
        return np.power(a, b, dtype=np.float64)  # this one unit of the device is a wide one
    inverse = np.where(np.abs(a) == 1, a ** (b & 1), 0)  # to a negative power
    return np.where(b < 0, inverse, a ** np.maximum(b, 0))


PLAIN = """add sub mul div neg abs sqrt floor exp expm1 log log1p sin cos tanh maximum minimum
    copysign bitwise_and where""".split()
NAMES = {
    "sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative", "abs": "absolute",
}  # fmt: skip
ELEMENTWISE = {
    **{name: getattr(np, NAMES.get(name, name)) for name in PLAIN},
    "eq": np.equal, "lt": np.less, "round": np.rint, "atan2": np.arctan2, "pow": power,
    "erf": np.vectorize(math.erf, otypes=[float]), "floor_divide": no_zero(np.floor_divide),
    "fmod": no_zero(np.fmod),
}  # fmt: skip


# ---- reductions: the last n dimensions of `a` go ---------------------------------------------
def reduction(function):
    def run(a, n):
        kept = a.shape[: a.ndim - n]
        return function(np.ascontiguousarray(a).reshape(*kept, math.prod(a.shape[a.ndim - n :])))

    return run


def own(rows):
    """What to add up in: integers in their own dtype, which wraps around."""
    return rows.dtype


REDUCTIONS = {
    "sum": reduction(lambda rows: rows.sum(-1, dtype=own(rows))),
    "prod": reduction(lambda rows: rows.prod(-1, dtype=own(rows))),
    "amax": reduction(lambda rows: rows.max(-1)),
    "argmax": reduction(lambda rows: rows.argmax(-1)),
}


# ---- indices ---------------------------------------------------------------------------------
def positions(shape, indices):
    """The index arrays, once they are known to be in range."""
    for dimension, index in enumerate(indices):
        wrong = index[(index < -shape[dimension]) | (index >= shape[dimension])]
        if wrong.size:
            where = f"dimension {dimension} with size {shape[dimension]}"
            raise IndexError(f"index {wrong[0]} is out of bounds for {where}")
    return tuple(map(np.ascontiguousarray, indices))


def index(a, *indices):
    return a[positions(a.shape, indices)]


def index_put(before, values, accumulate, *indices):
    where, result = positions(before.shape, indices), before.copy()
    if accumulate:
        np.add.at(result, where, values)
    else:
        result[where] = values
    return result


# ---- random bits: Philox4x32-10 --------------------------------------------------------------
def random_bits(count, seed, offset):
    block = np.arange((count + 1) // 2, dtype=np.uint64) + np.uint64(offset)
    x0, x1, x2, x3 = block & LOW, block >> 32, block * 0, block * 0
    k0, k1 = seed & LOW, seed >> 32
    for _ in range(10):
        a, b = x0 * 0xD2511F53, x2 * 0xCD9E8D57
        x0, x1, x2, x3 = (b >> 32) ^ x1 ^ k0, b & LOW, (a >> 32) ^ x3 ^ k1, a & LOW
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return np.stack([x1 << 32 | x0, x3 << 32 | x2], -1).reshape(-1)[:count].view(np.int64)
