"""Tensors as Python objects: the constructor, `copy.deepcopy` and `pickle`."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from corex.device import device as Device
from corex.dispatch.devices import find_place
from corex.dispatch.resolve import empty
from corex.dispatch.write import resolved
from corex.dtypes import DType, get_default_dtype
from corex.ops.create.data import tensor as from_data
from corex.ops.shape.views import alias_view, detach, sizes_of
from corex.tensor.lineage import replace_memory
from corex.tensor.storage import Storage, allocate, copy_across, upload
from corex.tensor.tensor import Size, Tensor, make
from corex.tensor.twins import with_bits


def _construct(cls: type[Tensor], *args: Any, device: Device | str | None = None) -> Tensor:
    """`Tensor(2, 3)`: uninitialised; `Tensor([1, 2])`: from data; both of the default dtype.

    A tensor is shared as it is.

    Raises:
        TypeError: arguments that are neither sizes nor one sequence of data.
    """
    if len(args) == 1 and isinstance(args[0], Tensor):
        return detach(args[0])
    return constructed("Tensor", get_default_dtype(), args, device)


def constructed(
    name: str,
    dtype: DType,
    args: tuple[Any, ...],
    device: Device | str | None = None,
    backend: str | None = None,
) -> Tensor:
    """`Tensor(...)` or a typed constructor: sizes, a `Size` of them, or a sequence of data.

    Raises:
        TypeError: neither sizes nor one sequence of data.
    """
    if len(args) == 1 and isinstance(args[0], Size):
        args = args[0]
    if all([isinstance(a, int) for a in args]):
        return empty(find_place(device, backend).key(dtype), sizes_of(args) if args else (0,))
    if len(args) > 1:
        raise TypeError(f"{name}() takes sizes or one sequence of data, got {args!r}")
    if isinstance(args[0], float | complex):
        raise TypeError(f"new(): data must be a sequence (got {type(args[0]).__name__})")
    return from_data(args[0], dtype=dtype, device=device, backend=backend)


def _new_of_type(
    self: Tensor, *args: Any, size: Any = None, device: Device | str | None = None
) -> Tensor:
    """A tensor of this one's dtype and place, by the arguments of the typed constructors: sizes, a
    sequence of data, or a tensor or memory, which is shared.

    Raises:
        TypeError: none of these, or a tensor of another dtype.
    """
    if size is not None:
        args = (Size(size),)
    only = args[0] if len(args) == 1 else None
    if isinstance(only, Storage):
        key = only.place.key(self.dtype)
        return make(only, key, (only.nbytes() // self.dtype.itemsize,))
    if isinstance(only, Tensor):
        if only.dtype is not self.dtype:
            raise TypeError(f"expected a tensor of {self.dtype!r} (got {only.dtype!r})")
        return detach(only)
    if isinstance(only, str):
        raise TypeError("new(): invalid data type 'str'")
    if device is None:
        return constructed("new", self.dtype, args, self.device, self.backend)
    return constructed("new", self.dtype, args, device)


def _as_subclass(self: Tensor, cls: type[Tensor]) -> Tensor:
    """A view of all elements that is of a subclass of Tensor, whose constructor is not called.

    Raises:
        TypeError: not a subclass, or one whose instances have slots of their own.
    """
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError(
            "Creating a Tensor subclass from a class that does not inherit from Tensor is not "
            "possible. Make sure your class inherits from Tensor."
        )
    view = alias_view(self)
    view.__class__ = cls
    return view


def _module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What a module's parameter becomes when a state is loaded: the other's values, written here,
    or with `assign` the other itself; detached."""
    return detach(other if assign else self.copy_(other))


def _copied_storage(storage: Storage, memo: dict[int, Any]) -> Storage:
    found = memo.get(id(storage))
    if found is None:
        nbytes = storage.nbytes()
        found = allocate(storage.place, nbytes)
        if nbytes:
            copy_across(storage.place, storage.buffer, 0, storage.place, found.buffer, nbytes)
        memo[id(storage)] = found
    return found


def deep_copied(self: Tensor, memo: dict[int, Any], grad: bool = True) -> Tensor:
    """A copy with its own memory, which deep-copied views of the same storage share.

    Attributes are copied too; `grad` says whether the gradient is.

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
    result = _assembled(
        type(self), _copied_storage(self.storage_, memo), self.dtype,
        self.shape, self._strides, self.offset, False, None, self.key.place.bits,
    )  # fmt: skip
    if self.key.place.bits:
        replace_memory(result, resolved(result))  # as in PyTorch
    if self.requires_grad:
        result.requires_grad_(True)
    memo[id(self)] = result
    if grad and self._grad is not None:
        result._grad = deep_copied(self._grad, memo)
    _set_attributes(result, deepcopy(_attributes(self), memo))
    return result


def _deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy with its own memory, attributes and gradient.

    Raises:
        RuntimeError: the tensor is not a leaf.
    """
    return deep_copied(self, memo)


def _assembled(
    cls: type[Tensor],
    storage: Storage,
    dtype: DType,
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None,
    offset: int,
    requires_grad: bool,
    attributes: dict[str, Any] | None = None,
    bits: int = 0,
) -> Tensor:
    """A leaf of any subclass over a storage. Its constructor is not called, as it may want more.

    `bits` say what waits to be done to its elements (`tensor/twins.py`)."""
    plain = make(storage, with_bits(storage.place.key(dtype), bits), shape, strides, offset)
    result: Tensor = object.__new__(cls)
    for name in Tensor.__slots__:
        if not name.startswith("__"):
            setattr(result, name, getattr(plain, name))
    if requires_grad:
        result.requires_grad_(True)
    _set_attributes(result, attributes or {})
    return result


def _attributes(tensor: Tensor) -> dict[str, Any]:
    """What users have set on a tensor; what the runtime keeps there has a default in the class."""
    own = {name: value for name, value in vars(tensor).items() if name not in vars(Tensor)}
    for name in _slots_of(type(tensor)):
        if hasattr(tensor, name):
            own[name] = getattr(tensor, name)
    return own


def _set_attributes(tensor: Tensor, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        object.__setattr__(tensor, name, value)


def _slots_of(cls: type) -> list[str]:
    """The slots that subclasses of Tensor add."""
    added = [base for base in cls.__mro__ if issubclass(base, Tensor) and base is not Tensor]
    names = [vars(base).get("__slots__", ()) for base in added]
    slots = [each for found in names for each in ([found] if isinstance(found, str) else found)]
    return [name for name in slots if not name.startswith("__")]


def _reduce(self: Tensor, protocol: Any) -> tuple[Any, ...]:
    """Pickles the storage, once for all its views, and how the tensor views it.

    The tensor comes back as a leaf on the same device, with any backend; gradients, hooks and the
    graph are left out. `copy.copy` gives another tensor over the same memory.
    """
    arguments = (
        type(self), self.storage_, self.dtype, self.shape, self._strides, self.offset,
        self.requires_grad, _attributes(self), self.key.place.bits,
    )  # fmt: skip
    return (_assembled, arguments)


def _reduce_storage(self: Storage, protocol: Any) -> tuple[Any, ...]:
    return (_storage_of, (self.tobytes(), str(self.place.device)))


def _storage_of(data: bytes, device: str) -> Storage:
    place = find_place(device)
    storage = allocate(place, len(data))
    if data:
        upload(place, storage.buffer, 0, memoryview(data))
    return storage


def install(tensor: type[Tensor]) -> None:
    """Sets the constructor and the copy and pickle protocols."""
    tensor.__new__ = staticmethod(_construct)  # type: ignore[method-assign, assignment]
    for name, method in (
        ("new", _new_of_type), ("as_subclass", _as_subclass), ("module_load", _module_load),
    ):  # fmt: skip
        method.__name__, method.__qualname__ = name, f"Tensor.{name}"
        setattr(tensor, name, method)
    tensor.__deepcopy__ = _deepcopy  # type: ignore[method-assign, assignment]
    tensor.__reduce_ex__ = _reduce  # type: ignore[method-assign, assignment]
    Storage.__deepcopy__ = _copied_storage  # type: ignore[attr-defined]
    Storage.__reduce_ex__ = _reduce_storage  # type: ignore[method-assign, assignment]
