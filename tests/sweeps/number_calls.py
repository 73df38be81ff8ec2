"""The places where a number enters, and the numbers that are put there.

Each line is an expression, evaluated for corex (`xp`) and PyTorch alike, with a number `n` and
small tensors of one dtype: `x` = [1, 0, 5], `y` = [[1, 0], [5, 2]]. `m` is a mask, `i` are
positions. Marks in front: `~` the values are random, so that only the error or the dtype is
compared; `.` for floating-point tensors alone (PyTorch does not take others, corex may).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Final

import numpy as np

DTYPES: Final = ("bool", "uint8", "int32", "int64", "float32", "float64")

NUMBERS: Final[dict[str, Any]] = {
    "300": 300,
    "-1": -1,
    "-300": -300,
    "2**31": 2**31,
    "2**32": 2**32,
    "2**63-1": 2**63 - 1,
    "2**63": 2**63,
    "2**64-1": 2**64 - 1,
    "2**64": 2**64,
    "-2**63": -(2**63),
    "-2**63-1": -(2**63) - 1,
    "10**30": 10**30,
    "1e19": 1e19,
    "1e300": 1e300,
    "300.7": 300.7,
    "0.5": 0.5,
    "-1.5": -1.5,
    "inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
    "True": True,
    "int64(300)": np.int64(300),
    "float32(0.5)": np.float32(0.5),
    "Fraction": Fraction(1, 2),
}

TABLE: Final = """
# ---- arithmetic
x + n
n + x
x - n
n - x
x * n
x / n
n / x
x // n
x % n
x ** n
n ** x
xp.add(x, n)
xp.add(x, x, alpha=n)
xp.sub(x, x, alpha=n)
xp.rsub(x, n)
xp.fmod(x, n)
xp.remainder(x, n)
xp.floor_divide(x, n)
xp.div(x, n, rounding_mode="trunc")
xp.pow(x, n)
xp.float_power(x, n)
xp.xlogy(x, n)
xp.addmm(y, y, y, beta=n)
xp.addmm(y, y, y, alpha=n)
xp.addmv(x[:2], y, x[:2], beta=n)
xp.addr(y, x[:2], x[:2], alpha=n)
xp.baddbmm(y[None], y[None], y[None], beta=n)
xp.addbmm(y, y[None], y[None], alpha=n)
xp.addcmul(x, x, x, value=n)
.xp.addcdiv(x, x, x + 1, value=n)
.xp.lerp(x, x + 1, n)
x.add_(n)
x.sub_(n)
x.mul_(n)
x.div_(n)
x.floor_divide_(n)
x.remainder_(n)
x.fmod_(n)
x.pow_(n)
x.add_(x, alpha=n)
x[::2] + n
x[:, None] * n
# ---- bits
x & n
x | n
n ^ x
x << n
x >> n
x.bitwise_and_(n)
# ---- comparisons
x == n
x != n
x < n
x <= n
x > n
x >= n
n < x
n == x
x.eq_(n)
x.lt_(n)
x[::2] < n
xp.ge(x, n)
# ---- bounds
x.clamp(max=n)
x.clamp(min=n)
x.clamp(n, n)
x.clamp_(max=n)
x.clamp_min(n)
x.clamp_max(n)
xp.clip(x, min=n)
.F.hardtanh(x, -1, n)
.F.threshold(x, 0, n)
.F.threshold(x, n, 0)
xp.nan_to_num(x, n)
xp.nan_to_num(x / 0, posinf=n)
# ---- written values
x.fill_(n)
x.masked_fill(m, n)
x.masked_fill_(m, n)
xp.where(m, x, n)
xp.where(m, n, x)
x.where(m, n)
put(x, 0, n)
put(x, slice(0, 2), n)
put(x, m, n)
put(x, i, n)
put(x, (), n)
x.index_fill(0, i, n)
x.index_fill_(0, i, n)
x.scatter(0, i, n)
x.scatter_(0, i, n)
x.new_full((2,), n)
xp.full((2,), n, dtype=x.dtype)
xp.full((2,), n)
xp.full_like(x, n)
xp.scalar_tensor(n, dtype=x.dtype)
F.pad(x, (1, 0), value=n)
xp.index_add(x, 0, i, x[:2], alpha=n)
# ---- lists
xp.tensor([n], dtype=x.dtype)
xp.tensor(n, dtype=x.dtype)
xp.tensor([n])
xp.tensor([[n, 1]], dtype=x.dtype)
xp.as_tensor([n, 0.5], dtype=x.dtype)
x.new_tensor([n])
# ---- ranges
xp.arange(n, n, dtype=x.dtype)
xp.arange(0, 3, n, dtype=x.dtype)
xp.linspace(0, n, 3, dtype=x.dtype)
xp.linspace(n, n, 1, dtype=x.dtype)
xp.logspace(0, 1, 2, base=n, dtype=x.dtype)
~xp.randint(0, n, (2,), dtype=x.dtype)
~xp.randint(n, (2,))
~x.random_(n)
~x.random_(0, n)
~x.uniform_(n, n)
~x.normal_(0, n)
~x.bernoulli_(n)
# ---- parameters of functions of floats
.F.leaky_relu(x, n)
.F.elu(x, n)
.F.celu(x, n)
.F.softplus(x, n)
.F.softshrink(x, n)
.F.hardshrink(x, n)
.F.layer_norm(x, (3,), eps=n)
.F.normalize(x, n, 0)
.xp.norm(x, n)
.xp.dist(x, x, n)
.xp.var(x, correction=n)
xp.logit(x, n)
.F.huber_loss(x, x + 1, delta=n)
.F.smooth_l1_loss(x, x + 1, beta=n)
.F.dropout(x, n, False)
"""

CALLS: Final = [line for line in TABLE.strip().splitlines() if not line.startswith("#")]

_OPERATORS: Final = ("==", "!=", "<", "<=", ">", ">=", "eq", "ne", "lt", "le", "gt", "ge")


def dtypes_of(call: str) -> tuple[str, ...]:
    """The dtypes with which an expression is tried."""
    return DTYPES[4:] if call.startswith(".") else DTYPES


def compares(call: str) -> bool:
    """Whether an expression compares `x` with `n`."""
    return any(word.split("(")[0] in _OPERATORS for word in call.split()) or any(
        f".{word}_(" in call or f".{word}(" in call for word in _OPERATORS[6:]
    )


def exactly(call: str, dtype: str, n: Any) -> str | None:
    """The outcome of a comparison of integers, which is exact here and wraps in PyTorch."""
    whole = isinstance(n, int) and not isinstance(n, bool) and -(2**63) <= n < 2**64
    if not (compares(call) and whole and dtype in ("bool", "uint8", "int32", "int64")):
        return None
    values: Any = np.array([1, 0, 1 if dtype == "bool" else 5], object)
    kind = dtype if "_(" in call else "bool"
    function = {"x.eq_(n)": "x == n", "x.lt_(n)": "x < n", "xp.ge(x, n)": "x >= n"}.get(call, call)
    found = np.asarray(eval(function, {"x": values, "n": n})).astype(kind)
    return shown(kind, found.tolist())


def outcome(call: str, library: Any, functional: Any, dtype: str, n: Any) -> str:
    """The dtype and values, or the exception's type, of an expression."""
    random, call = call.startswith("~"), call.lstrip("~.")
    kind = getattr(library, dtype)
    x = library.tensor([1, 0, 5], dtype=kind)
    names = {
        "xp": library, "F": functional, "n": n, "x": x,
        "y": library.tensor([[1, 0], [5, 2]], dtype=kind),
        "m": library.tensor([True, False, True]), "i": library.tensor([2, 0]), "put": _put,
    }  # fmt: skip
    try:
        value = eval(call, names)
    except Exception as error:
        return f"!{_public(type(error)).__name__}"
    if not hasattr(value, "tolist"):
        return type(value).__name__
    return shown(str(value.dtype).rpartition(".")[2], None if random else value.tolist())


def _put(x: Any, key: Any, n: Any) -> Any:
    x[key] = n
    return x


def _public(kind: type[BaseException]) -> type[BaseException]:
    """The built-in exception that an exception is.

    A dtype that is not implemented and a division by zero are RuntimeErrors in PyTorch; here they
    have types of their own.
    """
    found = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    return RuntimeError if found in (NotImplementedError, ZeroDivisionError) else found


def shown(dtype: str, value: Any) -> str:
    """A dtype and nested lists, floats to four digits."""
    if value is None:
        return dtype
    return dtype + _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, bool):
        return "TF"[not value]
    return f"{value or 0:.4g}" if isinstance(value, float) else str(value)
