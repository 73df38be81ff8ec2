"""Running a case in PyTorch and in corex, and saying what differs.

Names of a case: `lib`, the library; `new`, which makes tensors (`given.py`); `np`; `backward(y)`,
which walks back from `y` with gradients that differ from element to element. Every name that the
case assigns is compared: values, dtype, shape, strides, offset, whether it is a view and a leaf,
whose memory it shows, and its gradient; after an exception also what was there before.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

import corex
from tests.fuzz.cases.given import maker

TOLERANCE = {
    "float64": 1e-9, "float32": 5e-5, "float16": 4e-3, "bfloat16": 3e-2,
    "complex128": 1e-9, "complex64": 5e-5, "complex32": 4e-3,
}  # fmt: skip


FILE = "<case>"


class Difference(NamedTuple):
    """Where the libraries part.

    Attributes:
        kind: in a word, such as `strides` or `error`.
        text: what corex has, and what PyTorch.
        theirs: PyTorch's exception, if it raised one.
    """

    kind: str
    text: str
    theirs: Exception | None = None


class Run:
    """A case in one library: its names, and the exception that ended it."""

    def __init__(self, lib: Any, code: CodeType) -> None:
        self.names: dict[str, Any] = {
            "lib": lib, "new": maker(lib), "np": np, "inf": math.inf, "nan": math.nan,
            "backward": backward,
        }  # fmt: skip
        self.error: Exception | None = None
        given = set(self.names)
        try:
            exec(code, self.names)
        except Exception as error:
            self.error = error
        self.made = {k: v for k, v in self.names.items() if k not in given and k[0] != "_"}

    @property
    def raised(self) -> str:
        """The nearest class of Python's own that the exception belongs to, or ''."""
        if self.error is None:
            return ""
        kinds = [k for k in type(self.error).__mro__ if k.__module__ == "builtins"]
        return kinds[0].__name__

    def tensors(self) -> dict[str, Any]:
        """All tensors, by the name or the place where they are."""
        found: dict[str, Any] = {}
        for name, value in self.made.items():
            found.update(_tensors(name, value))
        return found


def _tensors(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, tuple | list):
        for k, item in enumerate(value):
            yield from _tensors(f"{name}[{k}]", item)
    elif hasattr(value, "requires_grad"):
        yield name, value


def backward(y: Any) -> None:
    """Walks back from every tensor of `y` that has a graph."""
    for _, t in _tensors("", y):
        if t.requires_grad:
            weight = np.cos(np.arange(t.numel()) * 0.7 + 0.3) + 0.2
            lib = __import__(type(t).__module__.split(".")[0])
            given = lib.from_numpy(weight.reshape(tuple(t.shape))).to(t.dtype)
            t.backward(given, retain_graph=True)


def values_of(t: Any) -> Any:
    """The elements of a tensor of either library."""
    whole = t.detach()
    if getattr(whole, "_is_zerotensor", bool)():
        whole = whole.clone()
    if str(t.dtype).endswith("bfloat16"):
        whole = whole.float()
    elif str(t.dtype).endswith("complex32"):
        whole = whole.cfloat()
    return whole.resolve_conj().resolve_neg().numpy()


def run(code: str) -> tuple[Run, Run]:
    """A case in both libraries: corex, PyTorch."""
    import torch

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        compiled = compile(code, FILE, "exec")
        theirs = Run(torch, compiled)
        ours = Run(corex, compiled)
    return ours, theirs


def compare(code: str, strides: bool = True) -> Difference | None:
    """What differs between corex and PyTorch when both run a case, or None."""
    ours, theirs = run(code)
    found = _errors(ours, theirs)
    if found is None and ours.error is not None:
        found = _touched(ours, code)
    elif found is None:
        # What passes through another dtype is as precise as that one, which does not show.
        bound = TOLERANCE["bfloat16"] if "out=" in code or "dtype=lib" in code else 0.0
        found = _names(ours, theirs, strides, bound)
    return found._replace(theirs=theirs.error) if found else None


def _touched(failed: Run, code: str) -> Difference | None:
    """What a statement that failed has changed nevertheless."""
    frame = failed.error.__traceback__ if failed.error is not None else None
    while frame is not None and frame.tb_frame.f_code.co_filename != FILE:
        frame = frame.tb_next
    if frame is None or frame.tb_lineno == 1:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = "\n".join(code.split("\n")[: frame.tb_lineno - 1])
        before = Run(corex, compile(part, FILE, "exec")).tensors()
    now = failed.tensors()
    for name, t in before.items():
        if found := _tensor(name, now[name], t, True, 0.0):
            return Difference("touched", f"by a call that failed, {found.text}")
    return None


def _errors(ours: Run, theirs: Run) -> Difference | None:
    if ours.error is None and theirs.error is None:
        return None
    if ours.error is not None and theirs.error is not None:
        if isinstance(ours.error, _class_of(theirs)):
            return None
        kind = f"{ours.raised} for {theirs.raised}"
    else:
        kind = "accepted" if ours.error is None else "refused"
    return Difference(kind, f"{ours.error!r}, PyTorch {theirs.error!r}")


def _class_of(run: Run) -> type[BaseException]:
    kinds = [k for k in type(run.error).__mro__ if k.__module__ == "builtins"]
    return kinds[0]  # type: ignore[return-value]


def _names(ours: Run, theirs: Run, strides: bool, bound: float) -> Difference | None:
    mine, other = ours.tensors(), theirs.tensors()
    if list(mine) != list(other):
        return Difference("names", f"{list(mine)}, PyTorch {list(other)}")
    for name, expected in other.items():
        if found := _tensor(name, mine[name], expected, strides, bound):
            return found
    for name, expected in theirs.made.items():
        if isinstance(expected, bool | int | float | complex | str):
            found_plain = ours.made[name]
            if isinstance(expected, str):
                expected = expected.replace("torch.", "corex.")
            same = found_plain == expected or (found_plain != found_plain and expected != expected)
            if type(found_plain) is not type(expected) or not same:
                return Difference("number", f"{name} is {found_plain!r}, PyTorch {expected!r}")
    return _memory(mine, other) if strides else None


def _tensor(name: str, ours: Any, theirs: Any, strides: bool, bound: float) -> Difference | None:
    asked: list[tuple[str, Callable[[Any], Any]]] = [
        ("dtype", lambda t: str(t.dtype).split(".")[1]),
        ("shape", lambda t: tuple(t.shape)),
        ("requires_grad", lambda t: t.requires_grad),
    ]
    if strides:
        asked += [("strides", _strides), ("is_leaf", lambda t: t.is_leaf)]
    for what, ask in asked:
        a, b = ask(ours), ask(theirs)
        if a != b:
            return Difference(what, f"{name}: {what} {a}, PyTorch {b}")
    if text := values_differ(values_of(ours), values_of(theirs), str(theirs.dtype)[6:], bound):
        return Difference("values", f"{name}: {text}")
    a, b = (t.grad if t.is_leaf else None for t in (ours, theirs))
    if (a is None) != (b is None):
        given = a if b is None else b
        shown = "zeros" if not values_of(given).any() else str(given)
        pair = (shown, "None") if b is None else ("None", shown)
        return Difference("gradient", f"{name}.grad is {pair[0]}: PyTorch {pair[1]}")
    if a is not None and b is not None:
        text = values_differ(values_of(a), values_of(b), str(b.dtype)[6:], bound)
        return Difference("gradient", f"{name}.grad: {text}") if text else None
    return None


def _strides(t: Any) -> list[int]:
    """The strides that matter: of more than one element, or none, there are none."""
    if 0 in t.shape:
        return []
    return [step for size, step in zip(t.shape, t.stride(), strict=True) if size != 1]


def _memory(ours: dict[str, Any], theirs: dict[str, Any]) -> Difference | None:
    """Whether the same tensors show the same memory, at the same offset, and as views.

    A view of what nobody else holds is none to anybody, and has its offset for itself.
    """
    groups = []
    for tensors in (ours, theirs):
        places = [t.untyped_storage().data_ptr() for t in tensors.values()]
        groups.append([p and places.index(p) for p in places])
    if groups[0] == groups[1]:
        return _views(ours, theirs, groups[0])
    at = next(k for k, (a, b) in enumerate(zip(*groups, strict=True)) if a != b)
    name = list(theirs)[at]
    if not theirs[name].numel():
        return None
    shown = [f"that of {list(theirs)[g[at]]}" if g[at] != at else "its own" for g in groups]
    return Difference("memory", f"{name} shows memory: {shown[0]}, PyTorch {shown[1]}")


def _views(ours: dict[str, Any], theirs: dict[str, Any], groups: list[int]) -> Difference | None:
    for place, (name, expected) in zip(groups, theirs.items(), strict=True):
        if groups.count(place) == 1 or not expected.numel():
            continue
        first = list(theirs)[place]
        for what, ask in (
            ("offset", lambda t, base: t.storage_offset() - base.storage_offset()),
            ("view", lambda t, _: t._is_view()),
        ):
            a, b = ask(ours[name], ours[first]), ask(expected, theirs[first])
            if a != b:
                return Difference(what, f"{name}: {what} {a}, PyTorch {b}")
    return None


def values_differ(ours: Any, theirs: Any, dtype: str, bound: float = 0.0) -> str:
    """The first element that differs by more than the bound, or the dtype's own, or ''."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"{ours.shape} of {ours.dtype}, PyTorch {theirs.shape} of {theirs.dtype}"
    same = ours == theirs
    if np.all(same):
        return ""
    if theirs.dtype.kind in "fc":
        bound = bound or TOLERANCE[dtype]
        with np.errstate(all="ignore"):
            near = np.abs(ours - theirs) <= bound * (np.abs(theirs) + 0.1)
        same = same | near | _both_nan(ours, theirs)
    bad = np.argwhere(~same)
    if not len(bad):
        return ""
    at = tuple(bad[0].tolist())
    return f"element {at}: {ours[at]!r}, PyTorch {theirs[at]!r}"


def _both_nan(a: Any, b: Any) -> Any:
    """Where both are no numbers; which part of a complex number is none is not told."""
    return np.isnan(a) & np.isnan(b)
