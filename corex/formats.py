"""How a tensor lies in memory, by PyTorch's names: layouts and memory formats."""

from __future__ import annotations

from typing import Final

from corex.layout import is_contiguous


class _Named:
    """A value that is known by its name in `corex`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"corex.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class Layout(_Named):
    """Which elements of a tensor are in memory; of `strided` ones all are."""

    __slots__ = ()


class MemoryFormat(_Named):
    """In which order the dims of a tensor lie in memory."""

    __slots__ = ()


strided: Final = Layout("strided")
sparse_coo: Final = Layout("sparse_coo")
sparse_csr: Final = Layout("sparse_csr")
sparse_csc: Final = Layout("sparse_csc")
sparse_bsr: Final = Layout("sparse_bsr")
sparse_bsc: Final = Layout("sparse_bsc")
contiguous_format: Final = MemoryFormat("contiguous_format")
preserve_format: Final = MemoryFormat("preserve_format")
channels_last: Final = MemoryFormat("channels_last")
channels_last_3d: Final = MemoryFormat("channels_last_3d")


def order_in(format: MemoryFormat, ndim: int) -> tuple[int, ...] | None:
    """The dims in the order of a memory format, the slowest first; None for row-major.

    Raises:
        RuntimeError: a format that follows another tensor, or is one of other numbers of dims.
    """
    if format is contiguous_format:
        return None
    dims = {channels_last: 4, channels_last_3d: 5}.get(format)
    if dims is None:
        raise RuntimeError(f"unsupported memory format {format!r}")
    if ndim != dims:
        raise RuntimeError(f"required rank {dims} tensor to use {format.name} format")
    return (0, *range(2, ndim), 1)


def is_in(format: MemoryFormat, shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether elements with these strides lie as a memory format says."""
    if format is not contiguous_format and len(shape) != {channels_last: 4}.get(format, 5):
        return False
    order = order_in(format, len(shape)) or range(len(shape))
    return is_contiguous(tuple([shape[d] for d in order]), tuple([strides[d] for d in order]))
