"""The required core: every kernel that corex does not compose from others.

A kernel gets views, plain tuples (buffer, dtype, shape, strides, offset), outputs first. It writes
every element of its outputs, touches nothing else and returns None. What corex has done before:
checked the arguments, promoted the dtypes, broadcast the shapes, allocated the outputs.
"""

import functools
import math

import numpy as np

LOW = 0xFFFFFFFF  # the low 32 bits


def array(view):
    """The view as an array over the buffer itself; strides may be zero or negative."""
    buffer, dtype, shape, strides, offset = view
    if 0 in shape:
        return np.empty(shape, dtype.name)  # it may point anywhere, even beyond the buffer
    size = dtype.itemsize
    return np.ndarray(shape, dtype.name, buffer, offset * size, [s * size for s in strides])


def kernel(function):
    """Without NumPy's warnings: overflow, 1 / 0 and 0 / 0 have the values that IEEE 754 says."""

    @functools.wraps(function)
    def quiet(*arguments):
        with np.errstate(all="ignore"):
            function(*arguments)

    return quiet


def wide(a):
    """The dtype to add up elements of `a` in: float64, or the integers' own, which wraps around."""
    return np.float64 if a.dtype.kind == "f" else a.dtype


# ---- elementwise: the output and all inputs have one shape -----------------------------------
def elementwise(function, **options):
    """A kernel from a function of arrays: one of NumPy's own writes where it is told to."""

    @kernel
    def run(out, *inputs):
        arrays = map(array, inputs)
        if isinstance(function, np.ufunc):
            function(*arrays, out=array(out), **options)
        else:
            array(out)[...] = function(*arrays)  # which may be wider than the output

    return run


def precise(function):
    """The same, float32 by way of float64: NumPy's own float32 loops may be 4 ulp off."""
    return elementwise(function, dtype=np.float64, casting="unsafe")


def convert(out, a):
    """`out[...] = a`, where what an integer dtype cannot hold becomes its most negative number."""
    if a.dtype.kind == "f" and out.dtype.kind in "iu":
        lowest = -(2.0**31 if out.dtype == np.int32 else 2.0**63)
        a = np.where((a >= lowest) & (a < -lowest), a, lowest).astype(np.int64)
    out[...] = a  # integers wrap around


def no_zero(function):
    """Integer division by zero is an error, as in Python."""

    def checked(a, b):
        if b.dtype.kind in "iu" and not b.all():
            raise ZeroDivisionError("integer division by zero")
        return function(a, b)

    return checked


def power(a, b):
    if a.dtype.kind == "f":
        return np.power(a, b, dtype=np.float64)
    inverse = np.where(np.abs(a) == 1, a ** (b & 1), 0)  # to a negative power
    return np.where(b < 0, inverse, a ** np.maximum(b, 0))


NAMES = {"neg": "negative", "sub": "subtract", "mul": "multiply", "div": "divide", "round": "rint",
         "eq": "equal", "lt": "less", "atan2": "arctan2"}  # fmt: skip
PLAIN = """add sub mul div neg abs sqrt floor round maximum minimum copysign eq lt bitwise_and
    matmul""".split()
PRECISE = "exp expm1 log log1p sin cos tanh atan2".split()
ELEMENTWISE = {
    **{name: elementwise(getattr(np, NAMES.get(name, name))) for name in PLAIN},
    **{name: precise(getattr(np, NAMES.get(name, name))) for name in PRECISE},
    "floor_divide": elementwise(no_zero(np.floor_divide)), "fmod": elementwise(no_zero(np.fmod)),
    "pow": elementwise(power), "erf": elementwise(np.vectorize(math.erf, otypes=[float])),
    "where": elementwise(np.where), "nonzero": elementwise(np.argwhere),
    "copy": kernel(lambda out, a: convert(array(out), array(a))),
}  # fmt: skip


# ---- creation --------------------------------------------------------------------------------
@kernel
def fill(out, value):
    convert(array(out), np.array(value))


@kernel
def arange(out, start, step):
    convert(array(out), start + np.arange(out[2][0]) * step)


# ---- reductions: the last n dimensions of `a` go ---------------------------------------------
def reduction(function):
    """A kernel from a function of rows, which reduces their last dimension."""

    @kernel
    def run(out, a, n):
        kept = out[2]
        array(out)[...] = function(array(a).reshape(*kept, math.prod(a[2][len(kept) :])))

    return run


REDUCTIONS = {
    "sum": reduction(lambda rows: rows.sum(-1, dtype=wide(rows))),
    "prod": reduction(lambda rows: rows.prod(-1, dtype=wide(rows))),
    "amax": reduction(lambda rows: rows.max(-1)),
    "argmax": reduction(lambda rows: rows.argmax(-1)),
}  # fmt: skip


# ---- indices: data that say where to read and write ------------------------------------------
def check(index, low, size, dimension):
    """Every index must be in low ... size - 1."""
    wrong = index[(index < low) | (index >= size)]
    if wrong.size:
        where = f"dimension {dimension} with size {size}"
        raise IndexError(f"index {wrong[0]} is out of bounds for {where}")


def positions(shape, indices):
    """The index arrays, checked, and dense: so NumPy goes through them in order."""
    found = tuple(np.ascontiguousarray(array(index)) for index in indices)
    for dimension, index in enumerate(found):
        check(index, -shape[dimension], shape[dimension], dimension)
    return found


@kernel
def index(out, a, *indices):
    array(out)[...] = array(a)[positions(a[2], indices)]


@kernel
def index_put(out, values, accumulate, *indices):
    where = positions(out[2], indices)
    if accumulate:
        np.add.at(array(out), where, array(values))
    else:
        array(out)[where] = array(values)


# ---- random bits: Philox4x32-10, the same on every backend -----------------------------------
def bits(count, seed, offset):
    """`count` unsigned 64-bit numbers, two from every block, from block `offset` on."""
    block = np.arange((count + 1) // 2, dtype=np.uint64) + np.uint64(offset)
    x0, x1, x2, x3 = block & LOW, block >> 32, block * 0, block * 0
    k0, k1 = seed & LOW, seed >> 32
    for _ in range(10):
        a, b = x0 * 0xD2511F53, x2 * 0xCD9E8D57
        x0, x1, x2, x3 = (b >> 32) ^ x1 ^ k0, b & LOW, (a >> 32) ^ x3 ^ k1, a & LOW
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return np.stack([x1 << 32 | x0, x3 << 32 | x2], -1).reshape(-1)[:count]


@kernel
def random_bits(out, seed, offset):
    array(out)[...] = bits(math.prod(out[2]), seed, offset).view(np.int64).reshape(out[2])


KERNELS = {
    **ELEMENTWISE, **REDUCTIONS, "fill": fill, "arange": arange, "index": index,
    "index_put": index_put, "random_bits": random_bits,
}  # fmt: skip
