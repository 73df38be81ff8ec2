"""Elementwise ops of sparse tensors: those that leave zero zero, sums, products, quotients.

A function of the values alone is a composition: coalesce, take the values, compute, put them at the
same places. So its derivatives are those of the dense function.
"""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex import ops
from corex.dispatch.record import no_grad
from corex.layout import broadcast_shapes, numel
from corex.ops.promotion import as_number, result_type
from corex.ops.reduce.search import searchsorted
from corex.ops.shape.join import stack
from corex.ops.sparse.components import at_same_places, coalesce, values_of
from corex.ops.sparse.convert import (
    element_places,
    sparse_mask,
    to_sparse,
    values_at,
)
from corex.ops.sparse.graph import recorded, titled
from corex.ops.sparse.places import (
    counting,
    flat,
    found_at,
    joined,
    positions,
    sparse_sizes,
    spread,
    summed,
)
from corex.ops.sparse.table import (
    COMPRESSED,
    COO,
    INPLACE,
    OF_VALUES,
    compressed_op,
    coo_op,
    sparse_op,
    unsupported,
)
from corex.ops.sparse.tensor import CompressedTensor, CooTensor, SparseTensor, coo, with_values
from corex.tensor.tensor import Tensor, alias

_Z = "abs asin asinh atan atanh ceil deg2rad erf erfinv expm1 floor frac log1p rad2deg relu round"
_ZEROS = f"{_Z} sgn sign sin sinh sqrt tan tanh trunc".split()
_PREDICATES = "isinf isnan isneginf isposinf signbit".split()
_BOTH = [*_ZEROS, *_PREDICATES]


def merged(t: Any) -> Any:
    """Coordinates that are different; compressed tensors as they are."""
    return coalesce(t) if isinstance(t, CooTensor) else t


# ---- functions of one tensor ---------------------------------------------------------------------
def _of_values(name: str) -> Any:
    function = getattr(ops, name)

    def op(input: Any, *, decimals: int = 0) -> Any:
        if decimals:
            raise unsupported(name, input)
        t = merged(input)
        result = at_same_places(t, function(values_of(t)))
        return titled(result, "Log1P" if name == "log1p" else name.capitalize())

    op.__name__ = name
    op.__doc__ = f"`{name}` of the stored elements."
    return op


for _name in _BOTH:
    sparse_op(_name)(_of_values(_name))
compressed_op("angle")(_of_values("angle"))
INPLACE.update(_ZEROS)
OF_VALUES.update(_ZEROS)


@coo_op("nan_to_num")
def nan_to_num(input: Any, *args: Any, **kwargs: Any) -> Any:
    """`nan_to_num` of the stored elements."""
    t = merged(input)
    return titled(at_same_places(t, ops.nan_to_num(values_of(t), *args, **kwargs)), "NanToNum")


@coo_op("pow")
def power(input: Any, exponent: Any) -> Any:
    """The stored elements to the power of a positive number.

    Raises:
        RuntimeError: a tensor, or a number that is not positive, of which zeros would not be zero.
    """
    if not isinstance(input, SparseTensor):
        raise unsupported("pow", exponent)
    number = exponent.item() if isinstance(exponent, Tensor) and not exponent.shape else exponent
    if as_number(number) is None:
        raise unsupported("pow", input)
    if number == 0:
        raise RuntimeError("pow only supports sparse tensors with exponents other than 0")
    t = merged(input)
    return titled(at_same_places(t, ops.pow(values_of(t), number)), "Pow")


@coo_op("float_power")
def float_power(input: Any, exponent: Any) -> Any:
    """`pow` in float64, or complex128."""
    wide = dt.complex128 if input.is_complex() else dt.float64
    return power(input.to(wide), exponent)


@coo_op("square")
def square(input: Any) -> Any:
    """The squares of the stored elements."""
    return power(input, 2)


def _linear(name: str, title: str) -> None:
    """A function that may be taken of each value alone, whether its coordinate comes again or not,
    and whose derivative is itself."""
    function = getattr(ops, name)

    @sparse_op(name)
    def op(input: Any) -> Any:
        with no_grad():
            result = with_values(input, function(input.values_))
        return recorded(result, title, (input,), (lambda g: op(g) if _s(g) else function(g),))

    op.__doc__ = f"`{name}` of the stored elements."


def _s(g: Any) -> bool:
    return isinstance(g, SparseTensor)


_linear("neg", "Neg")
_linear("conj_physical", "ConjPhysical")
INPLACE.update(("neg", "conj_physical"))


@sparse_op("conj")
def conj(input: Any) -> Any:
    """The complex conjugates; real tensors as they are."""
    return input.conj_physical() if input.is_complex() else input


@sparse_op("positive", "resolve_conj", "resolve_neg", "contiguous_like")
def positive(input: Any) -> Any:
    """The tensor itself."""
    return input


@sparse_op("real")
def real(input: Any) -> Any:
    """The real parts; real tensors as they are."""
    if not input.is_complex():
        return input
    t = merged(input)
    return titled(at_same_places(t, ops.real(values_of(t))), "Real")


@coo_op("imag")
def imag(input: Any) -> Any:
    """The imaginary parts."""
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    t = merged(input)
    return titled(at_same_places(t, ops.imag(values_of(t))), "Imag")


# ---- sums ----------------------------------------------------------------------------------------
@sparse_op("add")
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """input + alpha * other: sparse tensors of one shape, or a dense and a sparse one.

    Raises:
        RuntimeError: shapes that differ, or a sparse tensor and a number.
    """
    return _sum("add", "Add", input, other, alpha)


@sparse_op("sub")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """input - alpha * other; see `add`."""
    return _sum("sub", "Sub", input, other, -alpha)


@sparse_op("__rsub__", "rsub")
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """other - alpha * input; see `add`."""
    return sub(other, input, alpha=alpha)


@sparse_op("__radd__")
def radd(input: Any, other: Any) -> Any:
    """other + input; see `add`."""
    return add(other, input)


INPLACE.update(("add", "sub"))


def _sum(name: str, title: str, a: Any, b: Any, alpha: Any) -> Any:
    if not isinstance(a, SparseTensor):
        if not isinstance(a, Tensor):
            raise RuntimeError(
                "add(sparse, dense) is not supported. Use add(dense, sparse) instead."
            )
        return _dense_sum(title, a, b, alpha)
    if not isinstance(b, SparseTensor):
        if isinstance(a, CooTensor) or not isinstance(b, Tensor) or b.shape != a.shape:
            raise RuntimeError(
                "add(sparse, dense) is not supported. Use add(dense, sparse) instead."
            )
        return _dense_sum(title, b * alpha, a, 1)
    if a.shape != b.shape:
        raise RuntimeError(
            f"add: expected sizes of 'self' and 'other' to match, but {list(a.shape)} != "
            f"{list(b.shape)}"
        )
    dtype = result_type_of(a, b)
    with no_grad():
        result: Any
        if isinstance(a, CompressedTensor):
            result = _compressed_sum(a, b, alpha, dtype)
        elif isinstance(a, CooTensor):
            result = _coo_sum(a, b, alpha, dtype)
    return recorded(
        result, title, (a, b),
        (lambda g: _to(g, a.dtype), lambda g: _to(_scaled(g, _conjugate(alpha)), b.dtype)),
    )  # fmt: skip


def _conjugate(number: Any) -> Any:
    return number.conjugate() if isinstance(number, complex) else number


def _scaled(g: Any, number: Any) -> Any:
    return g if number == 1 else g * number


def _to(g: Any, dtype: dt.DType) -> Any:
    if not dtype.is_complex and g.is_complex():
        g = ops.real(g)
    return g if g.dtype is dtype else g.to(dtype)


def result_type_of(a: Any, b: Any) -> dt.DType:
    """What two operands, which may be sparse, are computed in."""
    return result_type(*[_stand_in(one) for one in (a, b)])


def _stand_in(value: Any) -> Any:
    """A dense tensor with as many dims, as far as promotion asks for."""
    if not isinstance(value, SparseTensor):
        return value
    values = value.values_
    return values if value.shape else values.new_zeros(())


def _coo_sum(a: CooTensor, b: Any, alpha: Any, dtype: dt.DType) -> CooTensor:
    if not isinstance(b, CooTensor):
        b = to_sparse(b)
    if a.sparse_dims != b.sparse_dims:
        raise RuntimeError(
            f"add: expected 'self' and 'other' to have same density, but 'self' has "
            f"{a.sparse_dims} sparse dimensions while 'other' has {b.sparse_dims} sparse dimensions"
        )
    left = a.values_.to(dtype)
    right = _scaled(b.values_.to(dtype), alpha).to(dtype)
    whole = coo(joined([a.indices_, b.indices_], 1), joined([left, right], 0), a.shape, False)
    if a.coalesced_ and b.coalesced_:
        return summed(whole)
    # What is the first (second, ...) at its place in one and in the other becomes one element.
    ranks = joined([_occurrences(a), _occurrences(b)], 0)
    sizes = (numel(sparse_sizes(a)), a.nnz() + b.nnz())
    ranked = coo(stack([positions(whole), ranks]), whole.values_, (*sizes, *left.shape[1:]), False)
    found = summed(ranked)
    indices = spread(found.indices_.select(0, 0), sparse_sizes(a))
    return coo(indices, found.values_, a.shape)


def _occurrences(t: CooTensor) -> Tensor:
    """How many elements at the same place come before each."""
    places = positions(t)
    order = places.argsort(stable=True)
    ordered = places.index_select(0, order)
    numbers = counting(t.nnz(), places) - searchsorted(ordered, ordered)
    return numbers.index_select(0, order.argsort())


def _compressed_sum(a: CompressedTensor, b: Any, alpha: Any, dtype: dt.DType) -> Any:
    left, right = to_sparse(a), to_sparse(b)
    whole = _coo_sum(left, right, alpha, dtype)
    whole.coalesced_ = True
    blocks = a.blocksize if a.blocksize != (1, 1) else None
    return to_sparse(whole, layout=a.layout_, blocksize=blocks)


def _dense_sum(title: str, a: Tensor, b: Any, alpha: Any) -> Any:
    if a.shape != b.shape:
        raise RuntimeError(
            f"add: expected 'self' and 'other' to have same size, but self has size "
            f"{list(a.shape)} while other has size {list(b.shape)} (FYI: dense-sparse addition "
            f"does not currently support broadcasting)"
        )
    dtype = result_type_of(a, b)
    with no_grad():
        if isinstance(b, CooTensor):
            indices, values, dims = b.indices_, b.values_, b.sparse_dims
        else:
            (indices, values), dims = element_places(b), b.batch_dims + 2
        rows = alias(a).to(dtype).reshape((numel(a.shape[:dims]), *a.shape[dims:]))
        values = _scaled(values.to(dtype), alpha).to(dtype)
        rows = rows.index_add(0, flat(indices, a.shape[:dims]), values)
        result = rows.reshape(a.shape)
    return recorded(
        result, title, (a, b),
        (lambda g: _to(g, a.dtype), lambda g: _to(_scaled(g, _conjugate(alpha)), b.dtype)),
    )  # fmt: skip


# ---- products ------------------------------------------------------------------------------------
@sparse_op("mul")
def mul(input: Any, other: Any) -> Any:
    """Products; what is stored in both (of a dense tensor everything is) is in the result.

    Raises:
        RuntimeError: shapes that do not fit.
    """
    a, b = (input, other) if isinstance(input, SparseTensor) else (other, input)
    if as_number(b) is not None or not isinstance(b, Tensor):
        return _by_number("mul", "Mul", a, b)
    if not isinstance(b, SparseTensor):
        return _by_dense(a, b)
    if isinstance(a, CompressedTensor):
        blocks = a.blocksize if a.blocksize != (1, 1) else None
        product = mul(to_sparse(a), to_sparse(b))
        return titled(to_sparse(product, layout=a.layout_, blocksize=blocks), "Mul")
    if not isinstance(b, CooTensor):
        b = to_sparse(b)
    return _by_coo(a, b)  # type: ignore[arg-type]


sparse_op("__rmul__")(mul)
INPLACE.update(("mul", "div", "floor_divide"))


def _by_number(name: str, title: str, t: Any, number: Any) -> Any:
    """An op with a number, or a tensor without dims, that is linear in the tensor."""
    function = getattr(ops, name)
    factor = number
    if isinstance(number, Tensor) and number.requires_grad:
        factor = number.detach()
    dtype = None
    if isinstance(factor, Tensor):
        dtype = result_type_of(t, factor)
        factor = factor.to(t.device)
    with no_grad():
        values = function(t.values_, factor)
        if dtype is not None and name == "mul":
            values = values.to(dtype)
        result = with_values(t, values)

    def back(g: Any) -> Any:
        share = ops.conj(factor) if isinstance(factor, Tensor) else _conjugate(factor)
        return _to(function(g, share), t.dtype)

    def of_number(g: Any) -> Any:
        whole = merged(g * (conj(t) if name == "mul" else conj(t) * (-1 / (factor * factor))))
        return _to(values_of(whole).sum(), number.dtype)

    inputs = (t, number if isinstance(number, Tensor) else None)
    return recorded(result, title, inputs, (back, of_number))


def _by_dense(t: Any, dense: Tensor) -> Any:
    if not dense.shape:
        return _by_number("mul", "Mul", t, dense)
    shape = broadcast_shapes("mul", t.shape, dense.shape)
    if shape != t.shape:
        raise RuntimeError(
            f"mul(sparse, dense): the sparse operand is not broadcast, but the shapes are "
            f"{list(t.shape)} and {list(dense.shape)}"
        )
    dtype = result_type_of(t, dense)
    wide = dense.detach().expand(t.shape)
    with no_grad():
        found = sparse_mask(wide, t).values_
        result = with_values(t, t.values_.to(dtype) * found.to(dtype))

    def to_sparse_operand(g: Any) -> Any:
        return _to(g * ops.conj(dense), t.dtype)

    def to_dense_operand(g: Any) -> Any:
        found = _to(g * conj(t), dense.dtype)
        if found.shape == dense.shape:
            return found
        return (found.to_dense() if _s(found) else found).sum_to_size(dense.shape)

    return recorded(result, "Mul", (t, dense), (to_sparse_operand, to_dense_operand), (dense,))


def _by_coo(a: CooTensor, b: CooTensor) -> Any:
    if a.shape != b.shape or a.sparse_dims != b.sparse_dims:
        if a.shape != b.shape:
            return _broadcast_product(a, b)
        raise RuntimeError(
            "sparse_binary_op_intersection_cpu(): expects sparse inputs with equal dimensionality, "
            "number of sparse dimensions, and shape of sparse dimensions"
        )
    dtype = result_type_of(a, b)
    with no_grad():
        both = a.coalesced_ and b.coalesced_
        result = _at_common_places(a, b, dtype) if both else _at_places_of_one(a, b, dtype)
    return recorded(
        result, "Mul", (a, b),
        (lambda g: _to(g * conj(b), a.dtype), lambda g: _to(g * conj(a), b.dtype)),
    )  # fmt: skip


def _at_common_places(x: CooTensor, y: CooTensor, dtype: dt.DType) -> CooTensor:
    """The product of coalesced tensors."""
    if x.nnz() < y.nnz():
        at, there = found_at(positions(y), positions(x))
        of_x = there.nonzero().reshape((-1,))
        of_y = at.index_select(0, of_x)
    else:
        at, there = found_at(positions(x), positions(y))
        of_y = there.nonzero().reshape((-1,))
        of_x = at.index_select(0, of_y)
    left = x.values_.index_select(0, of_x).to(dtype)
    right = y.values_.index_select(0, of_y).to(dtype)
    return coo(x.indices_.index_select(1, of_x), left * right, x.shape, True)


def _at_places_of_one(a: CooTensor, b: CooTensor, dtype: dt.DType) -> CooTensor:
    """The product with the elements of the operand that is not coalesced, or has fewer."""
    if not a.nnz() or not b.nnz():
        values = a.values_.narrow(0, 0, 0).to(dtype)
        return coo(a.indices_.narrow(1, 0, 0), values, a.shape)
    if a.coalesced_ is not b.coalesced_:
        known, source = (a, b) if a.coalesced_ else (b, a)
    else:
        known, source = (a, b) if a.nnz() >= b.nnz() else (b, a)
    found = values_at(known, source.indices_, source.sparse_dims)
    return coo(source.indices_, source.values_.to(dtype) * found.to(dtype), a.shape)


def _broadcast_product(a: CooTensor, b: CooTensor) -> Tensor:
    broadcast_shapes("mul", a.shape, b.shape)
    raise RuntimeError(
        "sparse_binary_op_intersection_cpu(): expects sparse inputs with equal dimensionality, "
        "number of sparse dimensions, and shape of sparse dimensions"
    )


# ---- quotients -----------------------------------------------------------------------------------
@sparse_op("div")
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """The stored elements divided by a number, or a tensor without dims.

    Raises:
        RuntimeError: another divisor. NotImplementedError: a sparse one.
    """
    divisor = _divisor(input, other, "div")
    if rounding_mode is None:
        return _by_number("div", "Div", input, divisor)
    t = merged(input)
    values = ops.div(values_of(t), divisor, rounding_mode=rounding_mode)
    return titled(at_same_places(t, values), "Div")


@coo_op("floor_divide")
def floor_divide(input: Any, other: Any) -> Any:
    """The stored elements divided by a number, rounded down; see `div`."""
    divisor = _divisor(input, other, "floor_divide")
    t = merged(input)
    return at_same_places(t, ops.floor_divide(values_of(t), divisor))


def _divisor(input: Any, other: Any, name: str) -> Any:
    if not isinstance(input, SparseTensor):
        raise unsupported("reciprocal" if name == "div" else name, other)
    if isinstance(other, SparseTensor):
        if not other.shape:
            return other.to_dense()
        raise RuntimeError(
            "Sparse division requires a scalar or zero-dim dense tensor divisor (got a sparse "
            "divisor)"
        )
    if isinstance(other, Tensor) and other.shape:
        raise RuntimeError(
            f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape "
            f"{list(other.shape)} for divisor)"
        )
    return other


COO["__truediv__"] = COMPRESSED["__truediv__"] = div
COO["__floordiv__"] = COO["floor_divide"]
COO["__pow__"] = COO["pow"]
for _table in (COO, COMPRESSED):
    _table["__add__"], _table["__sub__"], _table["__mul__"] = add, sub, mul
    _table["__neg__"], _table["__abs__"] = _table["neg"], _table["abs"]
    _table["__pos__"] = positive
