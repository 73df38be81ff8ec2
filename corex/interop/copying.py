"""Copying tensors with Python's own means: `copy.copy`, `copy.deepcopy` and pickle."""

from __future__ import annotations

from typing import Any

from corex.dispatcher import find_place
from corex.dtypes import DType
from corex.errors import BackendUnavailableError
from corex.graph import mode
from corex.ops.create_host import from_array
from corex.storage import Storage
from corex.tensor import Tensor, make


def _copied_storage(tensor: Tensor, memo: dict[int, Any]) -> Storage:
    """A copy of the whole storage, one for all tensors over it that are copied together."""
    known = memo.get(id(tensor.storage_))
    if known is None:
        count = tensor.storage_.size // tensor.key.dtype.itemsize
        fresh: Tensor = make(tensor.storage_, tensor.key, (count,)).clone()
        known = memo[id(tensor.storage_)] = fresh.storage_
        memo.setdefault(id(memo), []).append(tensor.storage_)  # ids stay taken while memo lives
    storage: Storage = known
    return storage


def deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A leaf over memory of its own; views that are copied together still share theirs.

    Raises:
        RuntimeError: the tensor is the result of a recorded computation.
    """
    if id(self) in memo:
        known: Tensor = memo[id(self)]
        return known
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment; copy tensor.detach() instead"
        )
    storage = _copied_storage(self, memo)
    result = make(storage, self.key, self.shape, self._strides, self.offset)
    memo[id(self)] = result
    if self.requires_grad:
        result.requires_grad_()
    if self.grad is not None:
        result.grad = deepcopy(self.grad, memo)
    return result


def shallow_copy(self: Tensor) -> Tensor:
    """Another tensor over the same memory, a leaf that requires gradients as this one does."""
    result = make(self.storage_, self.key, self.shape, self._strides, self.offset)
    return result.requires_grad_(self.requires_grad)


def reduce(self: Tensor, protocol: Any) -> tuple[Any, ...]:
    """What pickle stores: the elements, the dtype, the place, and whether gradients are required.

    Raises:
        RuntimeError: the tensor is the result of a recorded computation.
    """
    if not self.is_leaf and mode.enabled:
        raise RuntimeError("only leaf tensors can be pickled; pickle tensor.detach() instead")
    array = self.detach().cpu().contiguous().numpy()
    where = str(self.device), self.backend
    return (_rebuild, (array, self.key.dtype, where, self.requires_grad))


def _rebuild(array: Any, dtype: DType, where: tuple[str, str], requires_grad: bool) -> Tensor:
    device, backend = where
    try:
        place = find_place(device, backend)
    except BackendUnavailableError:
        place = find_place(device)  # another backend for the same kind of device
    return from_array(array, place, dtype).requires_grad_(requires_grad)


def install(cls: type[Tensor]) -> None:
    """Sets the methods on Tensor."""
    methods = {"__deepcopy__": deepcopy, "__copy__": shallow_copy, "__reduce_ex__": reduce}
    for name, method in methods.items():
        setattr(cls, name, method)
