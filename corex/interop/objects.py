"""Tensors as Python objects: the constructor, `copy.deepcopy` and `pickle`."""

from __future__ import annotations

from typing import Any

from corex.device import device as Device
from corex.dtypes import DType, get_default_dtype
from corex.ops.create_data import tensor as from_data
from corex.ops.views import contiguous, sizes_of
from corex.resolution import empty
from corex.selection import find_place
from corex.storage import Storage, adopt
from corex.tensor import Tensor, make


def _construct(cls: type[Tensor], *args: Any, device: Device | str | None = None) -> Tensor:
    """`Tensor(2, 3)`: uninitialised; `Tensor([1, 2])`: from data; both of the default dtype.

    Raises:
        TypeError: arguments that are neither sizes nor one sequence of data.
    """
    if not args or all(isinstance(a, int) for a in args):
        key = find_place(device).key(get_default_dtype())
        result = empty(key, sizes_of(args) if args else (0,))
    elif len(args) == 1:
        result = from_data(args[0], dtype=get_default_dtype(), device=device)
    else:
        raise TypeError(f"Tensor() takes sizes or one sequence of data, got {args!r}")
    return result


def _copied_storage(storage: Storage, memo: dict[int, Any]) -> Storage:
    found = memo.get(id(storage))
    if found is None:
        backend = storage.place.backend
        nbytes = storage.nbytes()
        found = adopt(storage.place, backend.allocate(nbytes, storage.place.index))
        data = memoryview(bytearray(nbytes))
        if nbytes:
            backend.copy_to_host(storage.buffer, 0, data)
            backend.copy_from_host(found.buffer, 0, data)
        memo[id(storage)] = found
    return found


def _deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy with its own memory, which deep-copied views of the same storage share.

    Raises:
        RuntimeError: the tensor is not a leaf.
    """
    if id(self) in memo:
        return memo[id(self)]  # type: ignore[no-any-return]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment. Use .detach() or .clone() first."
        )
    storage = _copied_storage(self.storage_, memo)
    result = make(storage, self.key, self.shape, self._strides, self.offset)
    if self.requires_grad:
        result.requires_grad_(True)
    memo[id(self)] = result
    if self._grad is not None:
        result._grad = _deepcopy(self._grad, memo)
    return result


def _rebuild(
    data: bytes, shape: tuple[int, ...], dtype: DType, device: str, requires_grad: bool
) -> Tensor:
    key = find_place(device).key(dtype)
    result = empty(key, shape)
    if data:
        key.place.backend.copy_from_host(result.storage_.buffer, 0, memoryview(data))
    return result.requires_grad_(requires_grad)


def _reduce(self: Tensor, protocol: Any) -> tuple[Any, ...]:
    """Pickles the values; the tensor comes back on the same device type, with any backend."""
    source = contiguous(self.detach())
    target = bytearray(source.nbytes)
    if target:
        start = source.offset * source.itemsize
        place = source.key.place
        place.backend.copy_to_host(source.storage_.buffer, start, memoryview(target))
    arguments = (bytes(target), self.shape, self.dtype, str(self.device), self.requires_grad)
    return (_rebuild, arguments)


def install(tensor: type[Tensor]) -> None:
    """Sets the constructor and the copy and pickle protocols."""
    tensor.__new__ = staticmethod(_construct)  # type: ignore[method-assign, assignment]
    tensor.__deepcopy__ = _deepcopy  # type: ignore[method-assign, assignment]
    tensor.__reduce_ex__ = _reduce  # type: ignore[method-assign, assignment]
