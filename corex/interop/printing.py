"""How tensors are shown: PyTorch's layout, character by character.

A large tensor is summarised: only the first and last few entries of each dimension are shown, and
only they are copied to the host.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import dense_copy
from corex.dtypes import DType
from corex.layout import numel
from corex.tensor.lineage import is_overtaken
from corex.tensor.tensor import Tensor, make


@dataclass(slots=True)
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}
_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors are shown, as `torch.set_printoptions`. What is not given stays.

    Args:
        precision: digits after the decimal point.
        threshold: more elements than this are summarised.
        edgeitems: how many entries a summary shows at each end of a dimension.
        linewidth: characters per line.
        profile: "default", "short" or "full", applied before the others.
        sci_mode: scientific notation always (True), never (False), or where it helps (None, which
            is also restored by every call that does not give it).

    Raises:
        ValueError: an unknown profile.
    """
    global _options
    base = _options
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"profile must be one of {sorted(_PROFILES)}, got {profile!r}")
        base = _PROFILES[profile]
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _options = replace(base, **changes, sci_mode=sci_mode)


def get_printoptions() -> dict[str, Any]:
    """The options in force, by name."""
    return asdict(_options)


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Sets the options within a `with` block."""
    global _options
    before = _options
    set_printoptions(**options)
    try:
        yield
    finally:
        _options = before


# ---- elements ----------------------------------------------------------------------------------
class _Format:
    """How every element of one tensor is written: chosen from all of them, so that they align."""

    def __init__(self, values: list[Any], dtype: DType) -> None:
        self.style = "plain"
        self.width = 1
        if not dtype.is_floating_point:
            self.width = max((len(str(value)) for value in set(values)), default=1)
            return
        self.style = "integer"
        numbers = [v for v in values if v != 0 and math.isfinite(v)]
        if not numbers:
            return
        sizes = [abs(v) for v in numbers]
        low, high = min(sizes), max(sizes)
        if _options.sci_mode is None:
            scientific = high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4
        else:
            scientific = _options.sci_mode
        if scientific:
            self.style = "scientific"
        elif any(v != math.ceil(v) for v in numbers):
            self.style = "decimal"
        # Zeros and what is not finite may stick out: they take no part in the width.
        self.width = max(len(self.text(v)) for v in numbers)

    def text(self, value: Any) -> str:
        """One element, not padded."""
        if self.style == "integer":
            return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
        if self.style == "decimal":
            return f"{value:.{_options.precision}f}"
        if self.style == "scientific":
            return f"{value:.{_options.precision}e}"
        return str(value)

    def padded(self, values: Iterable[Any]) -> list[str]:
        """Elements, right-aligned."""
        return [self.text(value).rjust(self.width) for value in values]


class _ComplexFormat:
    """How complex elements are written: each part as the same parts of all elements."""

    def __init__(self, values: list[Any], part: DType) -> None:
        self.re = _Format([value.real for value in values], part)
        self.im = _Format([value.imag for value in values], part)
        self.width = self.re.width + self.im.width + 1

    def padded(self, values: Iterable[Any]) -> list[str]:
        """Elements, of which the real parts are right-aligned."""
        return [self._joined(value) for value in values]

    def _joined(self, value: Any) -> str:
        re, im = self.re.padded([value.real])[0], self.im.text(value.imag)
        return f"{re}{'' if im.startswith('-') else '+'}{im}j"


def _format_for(values: list[Any], dtype: DType) -> _Format | _ComplexFormat:
    return _Format(values, dtype) if dtype.real is None else _ComplexFormat(values, dtype.real)


def _edges(t: Tensor) -> Tensor:
    """A dense copy of what a summary shows: both ends of every long dimension, side by side.

    The two ends of a dimension are one more dimension, of size 2, whose stride leads from the
    first end to the last. So one strided copy fetches everything.
    """
    edge = _options.edgeitems
    shape: list[int] = []
    strides: list[int] = []
    shown = []
    for size, stride in zip(t.shape, t.strides, strict=True):
        if size > 2 * edge:
            shape += [2, edge]
            strides += [(size - edge) * stride, stride]
            shown.append(2 * edge)
        else:
            shape.append(size)
            strides.append(stride)
            shown.append(size)
    picked = dense_copy(make(t.storage_, t.key, tuple(shape), tuple(strides), t.offset))
    return make(picked.storage_, picked.key, tuple(shown))


def _flat(data: Any, ndim: int) -> list[Any]:
    if ndim == 0:
        return [data]
    for _ in range(ndim - 1):
        data = [value for part in data for value in part]
    return list(data)


# ---- layout ------------------------------------------------------------------------------------
def _block(
    data: Any, shape: tuple[int, ...], indent: int, form: _Format | _ComplexFormat, summary: bool
) -> str:
    """Nested brackets around `data`, whose full shape is `shape`; `indent` columns stand before."""
    if not shape:
        return form.padded([data])[0]
    edge = _options.edgeitems
    cut = summary and shape[0] > 2 * edge
    if len(shape) == 1:
        if cut and edge:
            items = [*form.padded(data[:edge]), " ...", *form.padded(data[edge:])]
        else:
            items = ["..."] if cut else form.padded(data)
        per_line = max(1, (_options.linewidth - indent) // (form.width + 2))
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    parts = [_block(part, shape[1:], indent + 1, form, summary) for part in data]
    if cut:
        parts.insert(edge, "...")
    return "[" + ("," + "\n" * (len(shape) - 1) + " " * (indent + 1)).join(parts) + "]"


def elements(t: Tensor, indent: int) -> str:
    """The elements in brackets; the first one stands in column `indent`."""
    count = numel(t.shape)
    if count == 0:
        return "[]"
    summary = count > _options.threshold
    shown = make(t.storage_, t.key, t.shape, t._strides, t.offset)
    if summary:
        if _options.edgeitems == 0 and t.shape:
            return "[...]"
        shown = _edges(t)
    data = shown.tolist()
    form = _format_for(_flat(data, len(t.shape)), t.key.dtype)
    return _block(data, t.shape, indent, form, summary)


def _remarks(t: Tensor) -> Iterator[str]:
    """What is said after the elements: only what is not the default."""
    place = t.key.place
    dtype = t.key.dtype
    default = dt.get_default_dtype()
    if place.device.type != "cpu":
        yield f"device='{place.device}'"
    if numel(t.shape) == 0:
        if len(t.shape) != 1:
            yield f"size={tuple(t.shape)}"
        if dtype is not default:
            yield f"dtype={dtype!r}"
    else:
        if _options.edgeitems == 0:
            yield f"size={tuple(t.shape)}"
        if dtype not in (default, default.to_complex(), dt.int64, dt.bool_):
            yield f"dtype={dtype!r}"
    if is_overtaken(t):
        yield "grad_fn=<Invalid>"
        return
    yield from graph_remarks(t)


def graph_remarks(t: Tensor) -> Iterator[str]:
    """What is said of a tensor's place in the graph."""
    node = t.grad_fn
    if node is not None:
        yield f"grad_fn=<{node.name()}>"
    elif t.requires_grad:
        yield "requires_grad=True"


def tensor_repr(tensor: Tensor) -> str:
    """The tensor as PyTorch would show it, with `corex.` in the place of `torch.`."""
    kind = type(tensor).__name__
    prefix = "tensor(" if kind in ("Tensor", "Parameter") else f"{kind}("
    indent = len(prefix)
    return with_remarks(prefix + elements(tensor, indent), _remarks(tensor), indent)


def with_remarks(text: str, remarks: Iterable[str], indent: int, apart: bool = False) -> str:
    """The text, remarks behind it or, where they find no room or stand `apart`, on further lines,
    and a bracket."""
    column = len(text) - text.rfind("\n") + 1
    for remark in remarks:
        if apart or column + len(remark) + 2 > _options.linewidth:
            apart = False
            text += ",\n" + " " * indent + remark
            column = indent + len(remark)
        else:
            text += ", " + remark
            column += len(remark) + 2
    return text + ")"


def _format(self: Tensor, spec: str) -> str:
    """A 0-d tensor is formatted as its number, everything else only without a format."""
    if not self.shape and type(self) is Tensor:
        return format(self.item(), spec)
    return object.__format__(self, spec)


def install(tensor: type[Tensor]) -> None:
    """Sets `__repr__` (and so `str`) and `__format__`."""
    tensor.__repr__ = tensor_repr  # type: ignore[method-assign, assignment]
    tensor.__format__ = _format  # type: ignore[method-assign, assignment]
