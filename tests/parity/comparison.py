"""Running one piece of code with PyTorch and with corex, and comparing everything it shows.

The code is text: statements separated by `;`, the last one an expression. Names that it does not
define are the library's, or inputs from `INPUTS`, made when first used. The outcome is the value
(with dtype, shape, requires_grad and, on request, strides), the gradients of all inputs used, or
the type of the exception.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))


def _floats(shape: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> Callable[[str], Array]:
    return lambda name: _rng(name).uniform(low, high, shape)


def _ints(
    shape: tuple[int, ...], low: int, high: int, dtype: Any = np.int64
) -> Callable[[str], Array]:
    return lambda name: _rng(name).integers(low, high, shape).astype(dtype)


def _given(*values: Any, dtype: Any = None) -> Callable[[str], Array]:
    return lambda name: np.array(values[0] if len(values) == 1 else values, dtype)


SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    1e300,
    -1e-310,
    math.inf,
    -math.inf,
    math.nan,
]

INPUTS: dict[str, Callable[[str], Array]] = {
    # float64, gradients wanted
    "a": _floats((3, 4)),
    "b": _floats((3, 4)),
    "c": _floats((3, 1)),
    "v": _floats((4,)),
    "w": _floats((4,)),
    "s": _floats(()),
    "k": _floats((4, 5)),
    "q": _floats((3, 3)),
    "z": _floats((0, 4)),
    "pos": _floats((3, 4), 0.2, 3.0),
    "unit": _floats((3, 4), -0.95, 0.95),
    "prob": _floats((3, 4), 0.05, 0.95),
    "big": _floats((3, 4), 1.1, 5.0),
    "t": _floats((2, 3, 4)),
    "r": _floats((2, 4, 5)),
    "x": _floats((2, 3, 5, 6)),
    "f": _floats((4, 3, 3, 2)),
    "o": _floats((4,)),
    "ties": lambda name: _rng(name).integers(-2, 3, (3, 4)).astype(np.float64),
    # no gradients
    "special": _given(SPECIAL),
    "special2": _given(
        [0.0, 1.0, -0.0, 2.0, math.nan, 3.0, -1.5, 2.0, 1.0, 0.5, 1.0, 1.0, -math.inf, 1.0]
    ),
    "f32": lambda name: _rng(name).uniform(-2, 2, (3, 4)).astype(np.float32),
    "i": _ints((3, 4), -4, 5),
    "j": _ints((3, 4), 1, 5),
    "i32": _ints((3, 4), -4, 5, np.int32),
    "u8": _ints((3, 4), 0, 200, np.uint8),
    "m": _ints((3, 4), 0, 2, np.bool_),
    "mv": _ints((4,), 0, 2, np.bool_),
    "mr": _ints((3,), 0, 2, np.bool_),
    "at": _ints((3, 4), 0, 3),
    "at4": _ints((3, 2), 0, 4),
    "iv": _given([2, 0, 2, 1]),
    "jv": _given([0, -1, 3, 1]),
    "ic": _given([[0], [2]]),
    "y": _given([1, 0, 3]),
    "zi": _ints((0, 4), 0, 3),
}
NO_GRADIENT = {"special", "special2", "f32"}


class Names(dict[str, Any]):
    """What the code sees: the library, and inputs made at first use."""

    def __init__(self, library: Any, gradients: bool = True) -> None:
        super().__init__(
            nan=math.nan, inf=math.inf, np=np, math=math, F=library.nn.functional, lib=library
        )
        self.library, self.gradients = library, gradients
        self.inputs: dict[str, Any] = {}

    def __missing__(self, name: str) -> Any:
        if name in INPUTS:
            array = INPUTS[name](name)
            dtype = getattr(self.library, array.dtype.name)
            if array.size:
                value = self.library.from_numpy(array).clone()
            else:  # NumPy's strides of empty arrays are 0
                value = self.library.zeros(array.shape, dtype=dtype)
            if self.gradients and value.dtype.is_floating_point and name not in NO_GRADIENT:
                value.requires_grad_()
            self[name] = self.inputs[name] = value
            return value
        if name in _BUILTINS:
            return _BUILTINS[name]
        try:
            return getattr(self.library, name)
        except AttributeError:
            raise LookupError(f"{self.library.__name__} has no {name}") from None


# `sum`, `float` and so on are the library's; what else is built in stays reachable.
_BUILTINS = {
    name: __builtins__[name] if isinstance(__builtins__, dict) else getattr(__builtins__, name)
    for name in ("slice", "len", "list", "tuple", "range", "str", "isinstance", "type", "id", "zip",
                 "next", "iter", "reversed", "repr", "TypeError", "RuntimeError", "getattr",
                 "setattr", "print", "sorted", "enumerate", "object", "dict", "map")
}  # fmt: skip
_BUILTINS |= {"py_int": int, "py_float": float, "py_bool": bool, "py_sum": sum, "py_abs": abs,
              "py_round": round, "py_max": max, "py_min": min, "py_pow": pow}  # fmt: skip


class Outcome:
    """What a piece of code did."""

    def __init__(self, library: Any, code: str, strides: bool, gradients: bool) -> None:
        self.error = ""
        self.kinds: tuple[str, ...] = ()  # the exception's built-in classes, the nearest first
        self.text = ""
        self.value: Any = None
        self.grads: dict[str, Array | None] = {}
        names = Names(library, gradients)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                value = _run(code, names)
                if gradients:
                    _backward(value)
            except (LookupError, SyntaxError, NameError) as error:
                if type(error) not in (IndexError, KeyError):
                    raise
                self._failed(error)
                return
            except Exception as error:
                self._failed(error)
                return
            self.value = plain(value, strides)
            for name, tensor in names.inputs.items():
                grad = tensor.grad
                self.grads[name] = (
                    None if grad is None else grad.detach().resolve_conj().resolve_neg().numpy()
                )

    def _failed(self, error: Exception) -> None:
        kinds = [k.__name__ for k in type(error).__mro__ if k.__module__ == "builtins"]
        self.kinds = tuple([kind for kind in kinds if kind not in ("BaseException", "object")])
        self.error, self.text = self.kinds[0], f"{type(error).__name__}: {error}"


def _run(code: str, names: Names) -> Any:
    body = ast.parse(code).body
    last = body.pop()
    if body:
        exec(compile(ast.Module(body, []), "<case>", "exec"), names, names)
    if not isinstance(last, ast.Expr):
        exec(compile(ast.Module([last], []), "<case>", "exec"), names, names)
        return None
    return eval(compile(ast.Expression(last.value), "<case>", "eval"), names, names)


def tensors_of(value: Any) -> Iterator[Any]:
    """All tensors in a nest of tuples, lists and dicts."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from tensors_of(item)
    elif hasattr(value, "requires_grad"):
        yield value


def _backward(value: Any) -> None:
    for t in tensors_of(value):
        if t.requires_grad and not t.is_leaf:
            weight = np.cos(np.arange(t.numel(), dtype=np.float64) * 0.7 + 0.3) + 0.2
            weight = weight.reshape(tuple(t.shape)).astype(str(t.dtype).split(".")[1])
            library = __import__(type(t).__module__.split(".")[0])
            t.backward(library.from_numpy(weight), retain_graph=True)


def _array(t: Any) -> Array:
    """The elements; NumPy has neither bfloat16 nor complex32."""
    whole, dtype = t.detach(), str(t.dtype).split(".")[1]
    if dtype == "bfloat16":
        whole = whole.float()
    elif dtype == "complex32":
        whole = whole.cfloat()
    array: Array = whole.resolve_conj().resolve_neg().numpy()
    return array


def plain(value: Any, strides: bool = False) -> Any:
    """A value without its library, comparable."""
    if hasattr(value, "requires_grad"):
        shown = {
            "dtype": str(value.dtype).split(".")[1],
            "shape": tuple(value.shape),
            "requires_grad": value.requires_grad,
            "values": _array(value),
        }
        if strides:
            shown |= {
                "stride": tuple(value.stride()),
                "offset": value.storage_offset(),
                "contiguous": value.is_contiguous(),
            }
        return shown
    if isinstance(value, tuple):
        return tuple([plain(item, strides) for item in value])
    if isinstance(value, list):
        return [plain(item, strides) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value).replace("torch.", "").replace("corex.", "")


TOLERANCE = {
    "float64": 1e-10, "float32": 2e-5, "float16": 1e-2, "complex128": 1e-10, "complex64": 2e-5,
}  # fmt: skip


def difference(ours: Any, theirs: Any, rtol: float = 0.0) -> str:
    """What differs between two plain values, or ''."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key, expected in theirs.items():
            if key == "values":
                if text := array_difference(ours[key], expected, rtol):
                    return text
            elif ours[key] != expected:
                return f"{key}: {ours[key]}, PyTorch {expected}"
        return ""
    if isinstance(theirs, tuple | list):
        if type(ours) is not type(theirs) or len(ours) != len(theirs):
            kinds = type(ours).__name__, type(theirs).__name__
            return f"{kinds[0]} of {_len(ours)}, PyTorch {kinds[1]} of {len(theirs)}"
        return next(
            (text for a, b in zip(ours, theirs, strict=True) if (text := difference(a, b, rtol))),
            "",
        )
    if type(ours) is not type(theirs):
        return f"{type(ours).__name__} {ours!r}, PyTorch {type(theirs).__name__} {theirs!r}"
    if isinstance(theirs, float):
        same = ours == theirs or (math.isnan(ours) and math.isnan(theirs))
        return (
            ""
            if same or math.isclose(ours, theirs, rel_tol=rtol or 1e-10)
            else f"{ours!r}, PyTorch {theirs!r}"
        )
    return "" if ours == theirs else f"{ours!r}, PyTorch {theirs!r}"


def _len(value: Any) -> Any:
    return len(value) if isinstance(value, tuple | list) else "?"


def array_difference(ours: Array, theirs: Array, rtol: float = 0.0) -> str:
    """The first element that differs, or ''."""
    if ours.shape != theirs.shape:
        return f"shape {ours.shape}, PyTorch {theirs.shape}"
    if theirs.dtype.kind not in "fc":
        bad = ours != theirs
    else:
        bound = rtol or TOLERANCE[theirs.dtype.name]
        with np.errstate(all="ignore"):
            same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
            bad = ~(same | (np.abs(ours - theirs) <= bound * (np.abs(theirs) + 1e-3)))
    if not bad.any():
        return ""
    at = tuple(int(n[0]) for n in np.nonzero(np.atleast_1d(bad))) if ours.ndim else ()
    return f"element {at}: {ours[at]!r}, PyTorch {theirs[at]!r}"


REFUSALS = ("TypeError", "NotImplementedError")


def compare(
    code: str,
    strides: bool = False,
    gradients: bool = True,
    rtol: float = 0.0,
    strict: bool = False,
) -> str:
    """What differs between corex and PyTorch when both run the code, or ''.

    Unless `strict`, corex may accept arguments that PyTorch does not take or implement.
    """
    import torch

    import corex

    theirs = Outcome(torch, code, strides, gradients)
    ours = Outcome(corex, code, strides, gradients)
    if ours.error != theirs.error and theirs.error not in ours.kinds:
        if not ours.error and theirs.error in REFUSALS and not strict:
            return ""
        return f"{ours.text or ours.value!r}; PyTorch: {theirs.text or theirs.value!r}"
    if text := difference(ours.value, theirs.value, rtol):
        return text
    for name, expected in theirs.grads.items():
        found = ours.grads[name]
        if (found is None) != (expected is None):
            return f"gradient of {name}: {found}, PyTorch {expected}"
        if (
            found is not None
            and expected is not None
            and (text := array_difference(found, expected, rtol))
        ):
            return f"gradient of {name}: {text}"
    return ""


def cases(table: str) -> list[str]:
    """The lines of a table, without remarks and blank lines."""
    lines = [line.split("  # ")[0].strip() for line in table.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
