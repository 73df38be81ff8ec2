"""How sparse tensors are shown: PyTorch's layout, character by character."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from corex import dtypes as dt
from corex.interop.printing import elements, graph_remarks, with_remarks
from corex.ops.sparse.checks import names
from corex.ops.sparse.tensor import CooTensor
from corex.tensor.tensor import Tensor


def _remarks(t: Any) -> Iterator[str]:
    if t.device.type != "cpu":
        yield f"device='{t.device}'"
    yield f"size={tuple(t.shape)}"
    yield f"nnz={t.nnz()}"
    default = dt.get_default_dtype()
    if t.dtype not in (default, default.to_complex(), dt.int64, dt.bool_):
        yield f"dtype={t.dtype!r}"
    yield f"layout={t.layout!r}"
    yield from graph_remarks(t)


def _part(name: str, part: Tensor, indent: int) -> str:
    prefix = f"{name}=tensor("
    text = prefix + elements(part, indent + len(prefix))
    return text if part.numel() else f"{text}, size={tuple(part.shape)}"


def shown(t: Any) -> str:
    """The tensor as PyTorch would show it, with `corex.` in the place of `torch.`."""
    prefix = "tensor("
    indent = len(prefix)
    given = ("indices",) if isinstance(t, CooTensor) else names(t.layout_)
    parts = zip((*given, "values"), t.parts, strict=True)
    text = ("),\n" + " " * indent).join([_part(name, part, indent) for name, part in parts])
    return with_remarks(f"{prefix}{text})", _remarks(t), indent, isinstance(t, CooTensor))


def formatted(t: Any, spec: str) -> str:
    """A tensor has no format but its own."""
    return object.__format__(t, spec)
