"""Sparse tensors as Python objects: copies, other dtypes and devices, the graph, pickling."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy as _deepcopy
from typing import Any, NoReturn

from corex.device import device as Device
from corex.dispatch.record import no_grad
from corex.dtypes import ALL, DType
from corex.formats import Layout, MemoryFormat, sparse_coo
from corex.interop.objects import _attributes, _set_attributes
from corex.ops.sparse.graph import recorded
from corex.ops.sparse.places import summed
from corex.ops.sparse.table import compressed_op, coo_op, sparse_op
from corex.ops.sparse.tensor import (
    KINDS,
    CompressedTensor,
    CooTensor,
    SparseTensor,
    compressed,
    coo,
    with_values,
)
from corex.tensor.tensor import Tensor


# ---- copies --------------------------------------------------------------------------------------
def _with_parts(t: SparseTensor, parts: Sequence[Tensor]) -> Any:
    if isinstance(t, CooTensor):
        return coo(parts[0], parts[1], t.shape, t.coalesced_)
    return compressed(t.layout_, parts[0], parts[1], parts[2], t.shape)


@sparse_op("clone")
def clone(input: Any, *, memory_format: MemoryFormat | None = None) -> Any:
    """A copy with its own memory."""
    with no_grad():
        result = _with_parts(input, [part.clone() for part in input.parts])
    return recorded(result, "Clone", (input,), (lambda g: g,))


@sparse_op("detach", "data")
def detach(input: Any) -> Any:
    """The same tensor outside the graph."""
    return input.shallow()


@sparse_op("detach_")
def detach_(input: Any) -> Any:
    """Takes the tensor out of the graph."""
    input._node, input._output_nr = None, 0
    return input


@sparse_op("copy_")
def copy_(input: Any, src: Any, non_blocking: bool = False) -> Any:
    """Makes this tensor what another of its layout is, converted.

    Raises:
        RuntimeError: another layout, or shapes that differ.
    """
    both = isinstance(input, SparseTensor), isinstance(src, SparseTensor)
    if not all(both):
        raise RuntimeError(
            f"copy_() between dense and sparse Tensors is not implemented! Found self type = "
            f"{input.type()} and src type = {src.type()}"
        )
    if input.layout_ is not src.layout_ or input.shape != src.shape:
        raise RuntimeError(
            f"copy_(): expected a tensor of layout {input.layout!r} and shape {list(input.shape)}, "
            f"but got {src.layout!r} and {list(src.shape)}"
        )
    if input is not src:
        with no_grad():
            found = src.to(device=input.device, dtype=input.dtype).clone()
        input.adopt(found)
        recorded(input, "Copy", (None, src), (None, lambda g: g.to(src.dtype)))
    return input


# ---- dtypes and devices --------------------------------------------------------------------------
def converted(t: Any, dtype: DType) -> Any:
    """The tensor with values of another dtype."""
    if t.dtype is dtype:
        return t
    with no_grad():
        result = with_values(t, t.values_.to(dtype))
    return recorded(result, "ToCopy", (t,), (lambda g: g.to(t.dtype),))


@sparse_op("to")
def to(input: Any, *args: Any, **kwargs: Any) -> Any:
    """The tensor with another dtype, or on another device; itself, if that is what it has."""
    if args and isinstance(args[0], SparseTensor):
        args = (args[0].values_, *args[1:])
    if "other" in kwargs and isinstance(kwargs["other"], SparseTensor):
        kwargs = {**kwargs, "other": kwargs["other"].values_}
    with no_grad():
        values = input.values_.to(*args, **kwargs)
        if values is input.values_:
            return input
        where = {"device": values.device, "backend": values.backend}
        parts = [part.to(**where) for part in input.parts[:-1]]
        result = _with_parts(input, [*parts, values])
    kind, home = input.dtype, {"device": input.device, "backend": input.backend}
    return recorded(result, "ToCopy", (input,), (lambda g: g.to(dtype=kind, **home),))


@sparse_op("cpu")
def cpu(input: Any, **options: Any) -> Any:
    """The tensor in host memory."""
    return to(input, "cpu") if input.device.type != "cpu" else input


@sparse_op("cuda")
def cuda(input: Any, device: Any = None, **options: Any) -> Any:
    """The tensor on a CUDA device."""
    wanted = Device("cuda", device) if device is None or isinstance(device, int) else device
    return to(input, wanted)


@sparse_op("type_as")
def type_as(input: Any, other: Any) -> Any:
    """The tensor with the dtype of another."""
    return to(input, other)


def _cast_method(name: str, dtype: DType) -> None:
    @sparse_op(name)
    def convert(input: Any, **options: Any) -> Any:
        return converted(input, dtype)


for _dtype in ALL:
    if _dtype.kind != "u" or _dtype.itemsize == 1:
        _cast_method(_dtype.aliases[0] if _dtype.is_complex else _dtype.scalar.lower(), _dtype)


@coo_op("type")
def type_(input: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type, such as 'corex.sparse.FloatTensor'; or the tensor as another.

    Raises:
        ValueError: an unknown type name.
    """
    if dtype is None:
        return input.type_name()
    found = getattr(dtype, "dtype", dtype)
    if isinstance(found, str):
        name = found.rpartition(".")[2]
        known = [one for one in ALL if one.type_name == name]
        if not known:
            raise ValueError(f"invalid type: {dtype!r}")
        found = known[0]
    return converted(input, found)


@coo_op("type_name")
def type_name(input: Any) -> str:
    """The name of the tensor's type, such as 'corex.sparse.FloatTensor'."""
    return f"corex.sparse.{input.dtype.type_name}"


@compressed_op("type", "type_name")
def type_of_compressed(input: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The tensor as another type; it has no name."""
    if dtype is None:
        raise RuntimeError("Unimplemented backend SparseCsrCPU")
    return converted(input, getattr(dtype, "dtype", dtype))


# ---- the graph -----------------------------------------------------------------------------------
@sparse_op("backward")
def backward(input: Any, gradient: Any = None, *args: Any, **kwargs: Any) -> None:
    """Adds the gradients of this tensor to the `.grad` of the leaves; it needs its own.

    Raises:
        RuntimeError: no gradient.
    """
    from corex.autograd.api import backward as run

    run(input, gradient, *args, **kwargs)


# ---- numbers -------------------------------------------------------------------------------------
@sparse_op("item")
def item(input: Any) -> Any:
    """The only element.

    Raises:
        RuntimeError: there are several.
    """
    count = input.numel()
    if count != 1:
        raise RuntimeError(f"a Tensor with {count} elements cannot be converted to Scalar")
    with no_grad():
        values = summed(input).values_ if isinstance(input, CooTensor) else input.values_
        return values.sum().to(input.dtype).item()


@sparse_op("__bool__", "is_nonzero")
def truth(input: Any) -> bool:
    """Whether the only element is not zero.

    Raises:
        RuntimeError: there are several.
    """
    if input.numel() != 1:
        raise RuntimeError(
            "Boolean value of Tensor with "
            + ("no values" if not input.numel() else "more than one value")
            + " is ambiguous"
        )
    return bool(item(input))


def _conversion(kind: type) -> None:
    @sparse_op(f"__{kind.__name__}__")
    def convert(input: Any) -> Any:
        if input.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return kind(item(input))


for _kind in (float, int, complex):
    _conversion(_kind)


@sparse_op("__index__")
def as_index(input: Any) -> int:
    """The only element, of integers.

    Raises:
        TypeError: not one integer.
    """
    if input.numel() != 1 or input.dtype.is_inexact:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(item(input))


@sparse_op("__setitem__")
def assign(input: Any, key: Any, value: Any) -> NoReturn:
    """Raises TypeError."""
    raise TypeError("Cannot assign to a sparse tensor")


@sparse_op("is_same_size")
def is_same_size(input: Any, other: Any) -> bool:
    """Whether shapes are the same."""
    return bool(input.shape == other.shape)


# ---- memory --------------------------------------------------------------------------------------
@coo_op("stride")
def stride(input: Any, dim: int | None = None) -> Any:
    """Zeros: there are no strides."""
    return (0,) * len(input.shape) if dim is None else 0


@sparse_op("storage_offset")
def storage_offset(input: Any) -> int:
    """0."""
    return 0


@coo_op("is_contiguous")
def is_contiguous(input: Any, **options: Any) -> bool:
    """False."""
    return False


@sparse_op("is_pinned")
def is_pinned(input: Any, device: Any = None) -> bool:
    """Whether the values are in pinned memory."""
    return bool(input.values_.is_pinned())


def _raising(names: str, error: type[Exception], of_coo: str, of_compressed: str = "") -> None:
    """Names that raise an error which says what there is not."""

    def entered(message: str) -> Any:
        def refuse(input: Any, *args: Any, **kwargs: Any) -> NoReturn:
            raise error(message.format(KINDS[input.layout_]))

        return refuse

    for name in names.split():
        coo_op(name)(entered(of_coo))
        compressed_op(name)(entered(of_compressed or of_coo))


_NO_STORAGE = "Cannot access storage of {}TensorImpl"
_raising("storage untyped_storage", NotImplementedError, _NO_STORAGE)
_raising(
    "data_ptr tolist",
    RuntimeError,
    "Cannot access data pointer of Tensor that doesn't have storage",
)
_raising(
    "numpy __array__", TypeError,
    "can't convert {} layout tensor to numpy. Use Tensor.to_dense() first.",
)  # fmt: skip
_raising(
    "reshape flatten", RuntimeError, "reshape is not implemented for sparse tensors",
    "Sparse CSR tensors do not have is_contiguous",
)  # fmt: skip
_raising(
    "contiguous", RuntimeError, "unsupported memory format option Contiguous",
    "Sparse CSR tensors do not have is_contiguous",
)  # fmt: skip
_raising("expand", RuntimeError, "expand is unsupported for {} tensors")


@compressed_op("stride", "strides")
def no_strides(input: Any, dim: int | None = None) -> NoReturn:
    """Raises RuntimeError."""
    raise RuntimeError("Sparse CSR tensors do not have strides")


@compressed_op("is_contiguous")
def not_contiguous(input: Any, **options: Any) -> NoReturn:
    """Raises RuntimeError."""
    raise RuntimeError("Sparse CSR tensors do not have is_contiguous")


# ---- copy, deepcopy, pickle ----------------------------------------------------------------------
def rebuilt(
    layout: Layout, parts: tuple[Tensor, ...], shape: tuple[int, ...], coalesced: bool,
    requires_grad: bool, attributes: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """A leaf of these parts."""
    if layout is sparse_coo:
        result: Any = coo(parts[0], parts[1], shape, coalesced)
    else:
        result = compressed(layout, parts[0], parts[1], parts[2], shape)
    if requires_grad:
        result.requires_grad_()
    _set_attributes(result, attributes or {})
    return result


def _own(t: SparseTensor) -> dict[str, Any]:
    kept = ("shape", "layout_", "indices_", "values_", "coalesced_", "pointers_", "others_")
    return {name: value for name, value in _attributes(t).items() if name not in kept}


def reduce(self: Any, protocol: Any) -> tuple[Any, ...]:
    """Pickles indices and values; the tensor comes back as a leaf."""
    coalesced = isinstance(self, CooTensor) and self.coalesced_
    arguments = (
        self.layout_, self.parts, tuple(self.shape), coalesced, self.requires_grad, _own(self),
    )  # fmt: skip
    return rebuilt, arguments


def deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    """A copy with its own memory, attributes and gradient.

    Raises:
        RuntimeError: the tensor is not a leaf.
    """
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment. Use .detach() or .clone() first."
        )
    result = _with_parts(self, [_deepcopy(part, memo) for part in self.parts])
    memo[id(self)] = result
    if self.requires_grad:
        result.requires_grad_()
    if self._grad is not None:
        result._grad = _deepcopy(self._grad, memo)
    _set_attributes(result, _deepcopy(_own(self), memo))
    return result


def nbytes(self: Any) -> int:
    """Bytes of all elements, of a compressed tensor.

    Raises:
        RuntimeError: coordinates.
    """
    if isinstance(self, CompressedTensor):
        return self.numel() * self.itemsize
    raise RuntimeError(
        "nbytes is not defined for sparse tensors.  If you want the size of the constituent "
        "tensors, add the nbytes of the indices and values.  If you want the size of the  "
        "equivalent dense tensor, multiply numel() by element_size()"
    )
