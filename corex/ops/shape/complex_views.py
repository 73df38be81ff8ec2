"""Views of other elements than memory's: the parts of complex numbers, conjugates, negatives.

A conjugate is a view whose dispatch key is a twin (`tensor/twins.py`): nothing is computed before a
kernel wants to read it.
"""

from __future__ import annotations

from corex.dispatch import levels
from corex.dispatch.views import bind_view
from corex.errors import MissingAttributeError
from corex.ops.promotion import cast, require_tensor
from corex.ops.registration import exported, function, method, tensor_property
from corex.tensor.place import DispatchKey
from corex.tensor.tensor import Tensor
from corex.tensor.twins import CONJ, NEG, with_bits
from corex.tensor.view_op import Geometry, declare_view

Shape = tuple[int, ...]


def _doubled(strides: Shape) -> Shape:
    return tuple([2 * stride for stride in strides])


def _real(shape: Shape, strides: Shape, offset: int) -> Geometry:
    return shape, _doubled(strides), 2 * offset


def _imag(shape: Shape, strides: Shape, offset: int) -> Geometry:
    return shape, _doubled(strides), 2 * offset + 1


def _as_real(shape: Shape, strides: Shape, offset: int) -> Geometry:
    return (*shape, 2), (*_doubled(strides), 1), 2 * offset


def _as_complex(shape: Shape, strides: Shape, offset: int) -> Geometry:
    if not shape or shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any([stride % 2 for stride, size in zip(strides[:-1], shape[:-1], strict=True) if size > 1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    if offset % 2:
        raise RuntimeError("Tensor must have a storage_offset divisible by 2")
    return shape[:-1], tuple([stride // 2 for stride in strides[:-1]]), offset // 2


def _real_key(key: DispatchKey) -> DispatchKey:
    return with_bits(key.place.key(key.dtype.to_real()), key.place.bits & NEG)


def _imag_key(key: DispatchKey) -> DispatchKey:
    found = _real_key(key)
    return _negated(found) if key.place.bits & CONJ else found


def _complex_key(key: DispatchKey) -> DispatchKey:
    return with_bits(key.place.key(key.dtype.to_complex()), key.place.bits)


def _conjugated(key: DispatchKey) -> DispatchKey:
    return with_bits(key, key.place.bits ^ CONJ)


def _negated(key: DispatchKey) -> DispatchKey:
    return with_bits(key, key.place.bits ^ NEG)


def _same(shape: Shape, strides: Shape, offset: int) -> Geometry:
    return shape, strides, offset


def _to_complex(g: Tensor) -> Tensor:
    return cast(g, g.key.dtype.to_complex())


def _pairs_as_complex(g: Tensor) -> Tensor:
    return view_as_complex(g.contiguous().resolve_neg())


def _as_pairs(g: Tensor) -> Tensor:
    return view_as_real(resolve_conj(g))


REAL = declare_view(
    "real", "RealBackward0", _real, lambda g, shape: _to_complex(g), True, _real_key
)
IMAG = declare_view(
    "imag", "ImagBackward0", _imag, lambda g, shape: _to_complex(g) * 1j, True, _imag_key
)
VIEW_AS_REAL = declare_view(
    "view_as_real", "ViewAsRealBackward0", _as_real,
    lambda g, shape: _pairs_as_complex(g), False, _real_key,
)  # fmt: skip
VIEW_AS_COMPLEX = declare_view(
    "view_as_complex", "ViewAsComplexBackward0", _as_complex,
    lambda g, shape: _as_pairs(g), False, _complex_key,
)  # fmt: skip
CONJUGATE = declare_view(
    "conj", "ConjBackward0", _same, lambda g, shape: g.conj(), rekey=_conjugated
)
NEGATIVE = declare_view(
    "neg_view", "NegViewBackward0", _same, lambda g, shape: -g, True, rekey=_negated
)


def _set_real(self: Tensor, value: Tensor) -> None:
    self.real.copy_(value)


def _set_imag(self: Tensor, value: Tensor) -> None:
    self.imag.copy_(value)


@tensor_property("real", doc="The real parts, as a view; a real tensor itself.", setter=_set_real)
def _real_property(self: Tensor) -> Tensor:
    """The real parts, as a view; a real tensor itself."""
    return bind_view(REAL, self, ()) if self.key.dtype.is_complex else self


@tensor_property("imag", doc="The imaginary parts of a complex tensor, a view.", setter=_set_imag)
def _imag_property(self: Tensor) -> Tensor:
    """The imaginary parts, as a view.

    Raises:
        RuntimeError, AttributeError: the tensor is not complex.
    """
    if not self.key.dtype.is_complex:
        raise MissingAttributeError("imag is not implemented for tensors with non-complex dtypes.")
    return bind_view(IMAG, self, ())


@function("real")
def real(input: Tensor) -> Tensor:
    """The real parts, as a view; a real tensor itself."""
    found: Tensor = require_tensor("real", input).real
    return found


@function("imag")
def imag(input: Tensor) -> Tensor:
    """The imaginary parts, as a view.

    Raises:
        RuntimeError: the tensor is not complex.
    """
    found: Tensor = require_tensor("imag", input).imag
    return found


@function()
def view_as_real(input: Tensor) -> Tensor:
    """The parts of complex elements along a new last dim of size 2, as a view.

    Raises:
        RuntimeError: the tensor is not complex.
    """
    if not require_tensor("view_as_real", input).key.dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    if input.key.place.bits & CONJ:
        raise RuntimeError(
            "view_as_real doesn't work on unresolved conjugated tensors.  To resolve the conjugate "
            "tensor so you can view it as real, use self.resolve_conj(); however, be warned that "
            "the resulting tensor will NOT alias the original."
        )
    return bind_view(VIEW_AS_REAL, input, ())


@function()
def view_as_complex(input: Tensor) -> Tensor:
    """The complex elements whose parts lie along the last dim, of size 2, as a view.

    Raises:
        RuntimeError: the tensor is not floating point, or its strides do not allow it.
    """
    if require_tensor("view_as_complex", input).key.dtype.complex is None:
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {input.key.dtype.scalar}"
        )
    return bind_view(VIEW_AS_COMPLEX, input, ())


@exported()
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is a complex one."""
    return require_tensor("is_complex", input).key.dtype.is_complex


# ---- conjugates and negatives ----------------------------------------------------------------
@exported(quick="method")
def conj(input: Tensor) -> Tensor:
    """The conjugates, a view: they are computed when they are read; a real tensor itself."""
    if not require_tensor("conj", input).key.dtype.is_complex:
        return input
    if levels.open and input.key.place.level:  # an interpreter's tensors have no memory to view
        found: Tensor = input.conj_physical()
        return found
    return bind_view(CONJUGATE, input, ())


@function("_neg_view")
@method("_neg_view")
def neg_view(self: Tensor) -> Tensor:
    """The negatives, a view: they are computed when they are read."""
    if levels.open and require_tensor("_neg_view", self).key.place.level:
        return -self
    return bind_view(NEGATIVE, self, ())


@exported()
def resolve_conj(input: Tensor) -> Tensor:
    """The tensor, or a copy of one whose conjugates are yet to be computed."""
    waits = require_tensor("resolve_conj", input).key.place.bits & CONJ
    found: Tensor = input.clone() if waits else input
    return found


@exported()
def resolve_neg(input: Tensor) -> Tensor:
    """The tensor, or a copy of one whose negatives are yet to be computed."""
    waits = require_tensor("resolve_neg", input).key.place.bits & NEG
    found: Tensor = input.clone() if waits else input
    return found


@exported()
def is_conj(input: Tensor) -> bool:
    """Whether the tensor shows the conjugates of what is in memory."""
    return bool(require_tensor("is_conj", input).key.place.bits & CONJ)


@exported()
def is_neg(input: Tensor) -> bool:
    """Whether the tensor shows the negatives of what is in memory."""
    return bool(require_tensor("is_neg", input).key.place.bits & NEG)
