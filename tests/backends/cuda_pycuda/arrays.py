"""Arrays on the device, as the views that kernels take."""

from __future__ import annotations

from typing import Any

import numpy as np

from corex.backend import contiguous_strides
from corex.dtypes import by_name

Array = np.ndarray[Any, Any]
View = tuple[Any, ...]


class Arrays:
    """Arrays on the device, as views, and back."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.rng = np.random.default_rng(0)

    def up(self, values: Array) -> View:
        """A dense view of a copy."""
        dense = np.ascontiguousarray(values)
        buffer = self.backend.allocate(dense.nbytes, 0)
        if dense.nbytes:
            raw = memoryview(dense.reshape(-1).view(np.uint8))
            self.backend.copy_from_host(buffer, 0, raw)
        strides = contiguous_strides(values.shape)
        return (buffer, by_name(values.dtype.name), values.shape, strides, 0)

    def empty(self, shape: tuple[int, ...], dtype: str) -> View:
        """A dense view of something."""
        return self.up(np.empty(shape, dtype))

    def down(self, view: View) -> Array:
        """The values of a dense view."""
        result = np.empty(view[2], view[1].name)
        raw = memoryview(result.reshape(-1).view(np.uint8))
        self.backend.copy_to_host(view[0], 0, raw)
        return result

    def call(self, op: str, *arguments: Any) -> None:
        """Runs a kernel; arrays become views."""
        given = [self.up(a) if isinstance(a, np.ndarray) else a for a in arguments]
        self.backend.kernels[op](*given)

    def numbers(self, shape: tuple[int, ...], dtype: str) -> Array:
        """Small whole numbers, with which sums are exact in every dtype."""
        return self.rng.integers(0 if dtype == "uint8" else -4, 5, shape).astype(dtype)

    # ---- views that are not dense ----
    def placed(self, values: Array, offset: int = 0, gap: int = 0, step: int = 1) -> View:
        """A view of rows: `offset` elements behind the beginning of memory, rows that are `gap`
        elements longer than they have to be, elements that are `step` apart. What lies between is
        garbage, and `around` says whether it still is."""
        *lead, count = values.shape
        rows = int(np.prod(lead))
        row = count * step + gap
        memory = np.full(offset + rows * row + GUARD, GARBAGE, np.uint8).repeat(
            values.dtype.itemsize
        )
        view = memory.view(values.dtype)
        inside = view[offset : offset + rows * row].reshape(rows, row)
        inside[:, : count * step : step] = values.reshape(rows, count)
        buffer, dtype, *_ = self.up(view)
        strides = (*[s * row for s in contiguous_strides(tuple(lead))], step)
        return (buffer, dtype, values.shape, strides, offset)

    def taken(self, view: View) -> Array:
        """The values of such a view, after a look at what lies around them."""
        buffer, dtype, shape, strides, offset = view
        size = buffer.nbytes // dtype.itemsize
        memory = self.down((buffer, dtype, (size,), (1,), 0))
        apart = tuple(step * dtype.itemsize for step in strides)
        strided = np.lib.stride_tricks.as_strided
        kept = strided(memory[offset:], shape, apart).copy()
        raw = memory.view(np.uint8)
        strided(raw[offset * dtype.itemsize :], (*shape, dtype.itemsize), (*apart, 1))[...] = (
            GARBAGE
        )
        rows = int(np.prod(shape[:-1])) * (strides[-2] if len(shape) > 1 else 0)
        assert (raw[: (offset + rows + GUARD) * dtype.itemsize] == GARBAGE).all()
        return kept


GARBAGE = 0xC5
GUARD = 4
"""Elements behind the last row, at least."""
