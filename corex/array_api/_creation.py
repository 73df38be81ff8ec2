"""The standard's creation functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import corex
from corex.array_api._promotion import dtype_of, require_array
from corex.device import device as Device
from corex.dtypes import DType
from corex.tensor.tensor import Tensor

Shape = int | Sequence[int]
DeviceLike = Device | str | None


def _sizes(shape: Shape) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: DType | None = None,
    device: DeviceLike = None,
) -> Tensor:
    """Evenly spaced numbers from `start` (by default 0) up to `stop`, which is left out.

    There are none where `step` leads away from `stop`.

    Raises:
        RuntimeError: a step of 0.
    """
    first, last = (0, start) if stop is None else (start, stop)
    if dtype is None:
        whole = all([isinstance(each, int) for each in (first, last, step)])
        dtype = corex.int64 if whole else corex.get_default_dtype()
    if step and (last - first) / step < 0:
        last = first
    found = corex.arange(first, last, step, dtype=dtype.to_real(), device=device)
    return found.to(dtype)


def asarray(
    obj: Any,
    /,
    *,
    dtype: DType | None = None,
    device: DeviceLike = None,
    copy: bool | None = None,
) -> Tensor:
    """An array of numbers, sequences of them, an array, or an object with a protocol for memory.

    The memory is shared where it can be, unless `copy=True`.

    Raises:
        ValueError: `copy=False`, but a copy would be needed.
    """
    wanted = None if dtype is None else dtype_of("asarray", dtype)
    return corex.asarray(obj, dtype=wanted, device=device, copy=copy)


def empty(shape: Shape, *, dtype: DType | None = None, device: DeviceLike = None) -> Tensor:
    """An uninitialised array."""
    return corex.empty(_sizes(shape), dtype=dtype, device=device)


def empty_like(x: Tensor, /, *, dtype: DType | None = None, device: DeviceLike = None) -> Tensor:
    """An uninitialised array of the shape of another."""
    return corex.empty_like(x, dtype=dtype, device=device)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: DType | None = None,
    device: DeviceLike = None,
) -> Tensor:
    """Ones on the k-th diagonal and zeros elsewhere."""
    columns = n_rows if n_cols is None else n_cols
    if not -n_rows < k < columns:
        return zeros((n_rows, columns), dtype=dtype, device=device)
    if not k:
        return corex.eye(n_rows, columns, dtype=dtype, device=device)
    row = corex.arange(n_rows, device=device).unsqueeze(1)
    column = corex.arange(columns, device=device)
    return (row + k == column).to(corex.get_default_dtype() if dtype is None else dtype)


def from_dlpack(x: Any, /, *, device: DeviceLike = None, copy: bool | None = None) -> Tensor:
    """An array over the memory of an object with `__dlpack__`.

    Raises:
        BufferError: nobody here can take its memory, or its dtype is not known.
        ValueError: `copy=False`, but a copy would be needed.
    """
    return corex.from_dlpack(x, device=device, copy=copy)


def full(
    shape: Shape,
    fill_value: complex,
    *,
    dtype: DType | None = None,
    device: DeviceLike = None,
) -> Tensor:
    """An array of one number, by default of the dtype that is the default for its kind."""
    return corex.full(_sizes(shape), fill_value, dtype=dtype, device=device)


def full_like(
    x: Tensor,
    /,
    fill_value: complex,
    *,
    dtype: DType | None = None,
    device: DeviceLike = None,
) -> Tensor:
    """An array of one number, of the shape of another."""
    return corex.full_like(x, fill_value, dtype=dtype, device=device)


def linspace(
    start: complex,
    stop: complex,
    /,
    num: int,
    *,
    dtype: DType | None = None,
    device: DeviceLike = None,
    endpoint: bool = True,
) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`, which `endpoint=False` leaves out."""
    if not endpoint:
        return linspace(start, stop, num + 1, dtype=dtype, device=device)[:-1]
    return corex.linspace(start, stop, num, dtype=dtype, device=device)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinates of a grid, one array per axis; "xy" has the first two axes the other way round.

    Raises:
        ValueError: arrays of several dtypes, or `indexing` neither "xy" nor "ij".
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"[meshgrid] indexing must be 'xy' or 'ij', got {indexing!r}")
    if len({require_array("meshgrid", array).dtype for array in arrays}) > 1:
        raise ValueError("[meshgrid] arrays must have one dtype")
    return tuple(corex.meshgrid(*arrays, indexing=indexing)) if arrays else ()


def ones(shape: Shape, *, dtype: DType | None = None, device: DeviceLike = None) -> Tensor:
    """An array of ones."""
    return corex.ones(_sizes(shape), dtype=dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: DType | None = None, device: DeviceLike = None) -> Tensor:
    """An array of ones of the shape of another."""
    return corex.ones_like(x, dtype=dtype, device=device)


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The lower triangles of matrices, up to the k-th diagonal."""
    return corex.tril(x, k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The upper triangles of matrices, from the k-th diagonal on."""
    return corex.triu(x, k)


def zeros(shape: Shape, *, dtype: DType | None = None, device: DeviceLike = None) -> Tensor:
    """An array of zeros."""
    return corex.zeros(_sizes(shape), dtype=dtype, device=device)


def zeros_like(x: Tensor, /, *, dtype: DType | None = None, device: DeviceLike = None) -> Tensor:
    """An array of zeros of the shape of another."""
    return corex.zeros_like(x, dtype=dtype, device=device)


__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like",
    "linspace", "meshgrid", "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip
