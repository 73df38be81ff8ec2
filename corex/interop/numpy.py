"""A tensor as NumPy arrays, Python numbers and lists, and the special methods that ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from corex.backend.elements import READERS, nested
from corex.dtypes import ALL
from corex.layout import numel
from corex.ops.create.host import from_numpy, host_bytes
from corex.ops.promotion import Number, as_number
from corex.ops.shape.parts import unbind
from corex.tensor.tensor import Tensor
from corex.tensor.twins import CONJ

if TYPE_CHECKING:
    import numpy as np

_SIZES = tuple(dtype.itemsize for dtype in ALL)


# ---- numbers and lists -------------------------------------------------------------------------
def item(self: Tensor) -> Number:
    """The only element as a Python number.

    Raises:
        RuntimeError: the tensor has more or fewer elements than one.
    """
    if self.shape and numel(self.shape) != 1:
        raise RuntimeError(
            f"a Tensor with {numel(self.shape)} elements cannot be converted to Scalar"
        )
    key = self.key
    index = key.dtype.index
    host = key.place.backend.host_view(self.storage_.buffer)
    if host is None:
        return READERS[index](host_bytes(self))[0]  # type: ignore[no-any-return]
    return READERS[index](host, self.offset * _SIZES[index])[0]  # type: ignore[no-any-return]


def tolist(self: Tensor) -> Any:
    """The elements as nested lists of Python numbers; of a 0-d tensor, the number."""
    shape = self.shape
    if not shape:
        return item(self)
    if not numel(shape):
        return _empty_lists(shape)
    return nested(self.key.dtype, host_bytes(self), shape)


def _empty_lists(shape: tuple[int, ...]) -> list[Any]:
    if len(shape) == 1:
        return []
    return [_empty_lists(shape[1:]) for _ in range(shape[0])]


def _only(self: Tensor) -> Number:
    if self.shape and numel(self.shape) != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return item(self)


def _float(self: Tensor) -> float:
    """The only element as a float."""
    return float(_real(self))


def _int(self: Tensor) -> int:
    """The only element as an int, fractions cut off."""
    return int(_real(self))


def _real(self: Tensor) -> Number:
    number = _only(self)
    if isinstance(number, complex):
        if number.imag != 0:
            raise RuntimeError(
                f"value cannot be converted to type double without overflow: {number}"
            )
        return number.real
    return number


def _complex(self: Tensor) -> complex:
    """The only element as a complex number."""
    return complex(_only(self))


def _bool(self: Tensor) -> bool:
    """Whether the only element is not zero."""
    if self.shape:
        count = numel(self.shape)
        if count > 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        if count == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
    return bool(item(self))


def _index(self: Tensor) -> int:
    """The only element, which is an integer, as an index."""
    if numel(self.shape) != 1 or self.key.dtype.is_inexact:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(item(self))


# ---- as a container ----------------------------------------------------------------------------
def _iter(self: Tensor) -> Iterator[Tensor]:
    """The slices along the first dimension, as views."""
    if not self.shape:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self, 0))


def _contains(self: Tensor, element: Any) -> bool:
    """Whether any element equals `element`, a number or a tensor that broadcasts."""
    if not isinstance(element, Tensor) and as_number(element) is None:
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )
    return bool((self == element).any().item())


# ---- NumPy -------------------------------------------------------------------------------------
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray[Any, Any]:
    """The tensor's own memory as a NumPy array: writes through either are seen by the other.

    With `force`, a detached copy in host memory where that is impossible.

    Raises:
        TypeError: the memory is not the host's, or NumPy has no such dtype.
        RuntimeError: the tensor requires gradients.
    """
    import numpy as np

    place = self.key.place
    if self._node is not None and not force:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    dtype = self.key.dtype
    if not dtype.numpy:
        raise TypeError(f"Got unsupported ScalarType {dtype.scalar}")
    host = place.backend.host_view(self.storage_.buffer)
    if host is None:
        if not force:
            if place.bits:
                raise _unresolved(place.bits)
            raise TypeError(
                f"can't convert {place.device} device type tensor to numpy. Use Tensor.cpu() to "
                f"copy the tensor to host memory first."
            )
        data = np.frombuffer(host_bytes(self), dtype.name)
        return data.reshape(self.shape)
    if not numel(self.shape):
        return np.empty(self.shape, dtype.name)
    size = dtype.itemsize
    strides = self._strides
    return np.ndarray(
        self.shape,
        dtype.name,
        host,
        self.offset * size,
        None if strides is None else tuple([s * size for s in strides]),
    )


def _unresolved(bits: int) -> RuntimeError:
    what, cure = ("conjugate", "conj") if bits & CONJ else ("negative", "neg")
    return RuntimeError(
        f"Can't call numpy() on Tensor that has {what} bit set. Use "
        f"tensor.resolve_{cure}().numpy() instead."
    )


def _array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
    """What `np.asarray` and `np.array` get: the memory itself unless dtype or `copy` need a copy.

    Raises:
        ValueError: `copy=False`, but the dtype differs.
    """
    data = numpy(self)
    if dtype is not None and data.dtype != dtype:
        if copy is False:
            raise ValueError(
                f"Unable to avoid copy while creating an array as requested: the tensor is "
                f"{data.dtype}, not {dtype}"
            )
        return data.astype(dtype)
    return data.copy() if copy else data


def _array_wrap(
    self: Tensor, array: np.ndarray[Any, Any], context: Any = None, return_scalar: bool = False
) -> Tensor:
    """Makes the result of a NumPy function of a tensor a tensor again."""
    return from_numpy(array)


methods: dict[str, Callable[..., Any]] = {
    "item": item,
    "tolist": tolist,
    "numpy": numpy,
    "__float__": _float,
    "__int__": _int,
    "__complex__": _complex,
    "__bool__": _bool,
    "__index__": _index,
    "__iter__": _iter,
    "__contains__": _contains,
    "__array__": _array,
    "__array_wrap__": _array_wrap,
}


def install(tensor: type[Tensor]) -> None:
    """Sets the methods, and the priority by which NumPy leaves operators to the tensor."""
    for name, method in methods.items():
        setattr(tensor, name, method)
    tensor.__array_priority__ = 1000
