"""Tensors over the memory of files."""

from __future__ import annotations

import mmap
import os
from typing import Any

import corex
from corex.dtypes import DType
from corex.tensor.tensor import Tensor


def from_file(
    filename: str,
    shared: bool | None = None,
    size: int | None = 0,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """The first `size` elements of a file, without a copy. With `shared` writes go to the file,
    which grows to that size or is made; else they stay in the tensor.

    Raises:
        RuntimeError: a file that cannot be opened, or is too short.
    """
    dtype = dtype or corex.get_default_dtype()
    count = size or 0
    wanted = count * dtype.itemsize
    access = os.O_RDWR | os.O_CREAT if shared else os.O_RDONLY
    mode = "read-write" if shared else "read-only"
    try:
        file = os.open(filename, access, 0o600)
    except OSError as error:
        raise RuntimeError(
            f"unable to open file <{filename}> in {mode} mode: {error.strerror} ({error.errno})"
        ) from error
    try:
        length = os.fstat(file).st_size
        if length < wanted:
            if not shared:
                raise RuntimeError(
                    f"file <{filename}> size <{length}> is smaller than the required mapping size "
                    f"<{wanted}>"
                )
            os.ftruncate(file, wanted)
        if not count:
            return corex.empty(0, dtype=dtype, device=device, requires_grad=requires_grad)
        kind = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
        memory = mmap.mmap(file, wanted, access=kind)
    finally:
        os.close(file)
    result = corex.frombuffer(memory, dtype=dtype)
    result = result if device is None else result.to(device)
    return result.requires_grad_(requires_grad)
