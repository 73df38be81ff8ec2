"""Matrix products: one primitive over batches of matrices, and PyTorch's functions on top."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.dispatch import levels, template
from corex.dispatch.bind import bind, write
from corex.dispatch.record import record
from corex.dispatch.resolve import check_places, empty
from corex.dispatch.views import hidden
from corex.errors import LayoutError
from corex.layout import broadcast_shapes, numel
from corex.ops.composed import composition
from corex.ops.out import write_out
from corex.ops.pointwise import complex_steps
from corex.ops.promotion import Number, factor, require_tensor
from corex.ops.registration import exported, function, operator
from corex.ops.shape.views import UNSQUEEZE, expand, reshape, shaped, unsqueeze
from corex.tensor.modes import mode
from corex.tensor.schema import ARITHMETIC, INEXACT, OpSchema, declare
from corex.tensor.tensor import TENSOR_TYPES, Tensor, make
from corex.tensor.twins import CONJ

# g @ b^T and a^T @ g of dense matrices.
_matmul_backward_direct = template.backward(
    ("linear", "linear_backward"),
    (),
    """\
needs, shape = node.plan.needs, grad.shape
da = db = None
if needs[0]:
    b = saved[-1]
    rows = (shape[0], b.shape[0])
    da = wrap(key, linear_kernel(rows, {grad}, shape, {b}, b.shape, None, 0), rows)
if needs[1]:
    # As the weight's gradient of a linear layer with gradient `a` and input `grad`.
    a = saved[0]
    rows = (a.shape[1], shape[1])
    only = (False, True, False)
    _, buffer, _ = linear_backward_kernel(only, {a}, a.shape, {grad}, shape, None, 0, rows)
    db = wrap(key, buffer, rows)
return (da, db)""",
    guard="len(grad.shape) == 2",
)


MATMUL = declare(
    OpSchema(
        "matmul",
        ("a", "b"),
        lambda a, b: [((*a.shape[:-1], b.shape[-1]), a.key.dtype)],
        derivative={
            "a": lambda g, b: _product(g, b.mT),
            "b": lambda g, a: _product(a.mT, g),
        },
        fast=_matmul_backward_direct,
        takes=ARITHMETIC,
        complex_steps=complex_steps.matmul,
        family="matmul",
        label="MmBackward0",
        doc="(B, M, K) x (B, K, N) -> (B, M, N).",
    )
)


def _linear_backward(needs: tuple[bool, ...], g: Tensor, a: Tensor, weight: Tensor) -> list[Any]:
    rows = g if g.ndim == 2 else reshape(g, (-1, weight.shape[0]))
    inputs = a if a.ndim == 2 else reshape(a, (-1, weight.shape[1]))
    return [
        shaped(_product(rows, weight), a.shape) if needs[0] else None,
        _product(rows.mT, inputs) if needs[1] else None,
        rows.sum(0) if needs[2] else None,
    ]


# All gradients of a dense layer by one kernel; rows are the dims before the last.
_linear_backward_direct = template.backward(
    ("linear_backward",),
    ("a", "weight"),
    """\
g_shape, a_shape = grad.shape, a.shape
if len(a_shape) != 2:
    count = COUNT[a_shape[:-1]]
    g_shape, a_shape = (count, g_shape[-1]), (count, a_shape[-1])
da, dw, db = linear_backward_kernel(
    node.plan.needs, {grad}, g_shape, {a}, a_shape, {weight}, weight.shape
)
return (
    None if da is None else wrap(key, da, a.shape),
    None if dw is None else wrap(key, dw, weight.shape),
    None if db is None else wrap(key, db, weight.shape[:1]),
)""",
)


def _linear_by_matmul(a: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product = _product(a, weight.mT)
    return product if bias is None else product + bias


LINEAR = declare(
    OpSchema(
        "linear",
        ("a", "weight", "bias?"),
        lambda a, weight, bias: [((a.shape[0], weight.shape[0]), a.key.dtype)],
        joint=_linear_backward,
        fast=_linear_backward_direct,
        decomposition=_linear_by_matmul,
        tier=2,
        cost="products",
        takes=INEXACT,
        family="linear",
        label="AddmmBackward0",
        doc="(M, K) x (N, K)^T + (N,) -> (M, N).",
    )
)


_flat_product = template.flat(
    MATMUL,
    ("a", "b"),
    "shape, {a}, a.shape, {b}, b.shape",
    shape="shape",
    prepare="shape = (a.shape[0], b.shape[1])",
)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """(M, K) x (K, N), or a batch of them; shapes and dtypes are known to fit."""
    if len(a.shape) == 3:
        result: Tensor = bind(MATMUL, (a, b))
        return result
    flat = _flat_product(a, b)
    if flat is not None:
        return flat
    if levels.open or a.key.dtype.is_complex:
        return _mm(a, b)
    # The same without views, for strided matrices' sake.
    check_places("matmul", (b,), a.key.place)
    result = empty(a.key.own, (a.shape[0], b.shape[1]))
    write("matmul", (_batched(result),), (_batched(a), _batched(b)))
    if mode.enabled and (a._node is not None or b._node is not None):
        record(MATMUL, (a, b), (), (result,))
    return result


def _batched(t: Tensor) -> Tensor:
    """A matrix as a batch of one, outside the graph."""
    strides = None if t._strides is None else (0, *t._strides)
    return make(t.storage_, t.key, (1, *t.shape), strides, t.offset)


def _mm_steps(a: Tensor, b: Tensor) -> Tensor:
    """The product of two matrices as a batch of one."""
    batched = bind(MATMUL, (hidden(UNSQUEEZE, a, (0,)), hidden(UNSQUEEZE, b, (0,))))
    return shaped(batched, batched.shape[1:])


_mm = composition(
    "mm", ("a", "b"), _mm_steps, MATMUL.derivative or {}, label="MmBackward0", broadcasts=False
)


def _checked(op: str, a: Any, b: Any) -> None:
    require_tensor(op, a, "input")
    require_tensor(op, b, "other")
    if a.key is not b.key and a.key.own is not b.key.own:
        check_places(op, (b,), a.key.place)
        raise RuntimeError(
            f"[{op}] expected a and b to have the same dtype, but got: {a.key.dtype.name} != "
            f"{b.key.dtype.name}"
        )
    if a.key.dtype.kind == "b":
        raise NotImplementedError(f"[{op}] \"{op}\" not implemented for 'Bool'")


def _align(op: str, a: Tensor, b: Tensor, inner: int) -> None:
    if a.shape[-1] != inner:
        which = "second-to-last dim" if b.ndim > 1 else "last dim"
        raise RuntimeError(
            f"[{op}] shapes {a.shape} and {b.shape} do not align: last dim of a is "
            f"{a.shape[-1]}, {which} of b is {inner} (mat1 and mat2 shapes cannot be multiplied)"
        )


@exported(quick=True)
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrix product, with vectors and broadcast batches, as NumPy's `@`.

    Raises:
        RuntimeError: sizes that do not align, 0-d arguments, or different dtypes.
    """
    if type(input) in TENSOR_TYPES and type(other) in TENSOR_TYPES and out is None:
        left, right = input.shape, other.shape
        if (
            len(left) == 2
            and len(right) == 2
            and left[1] == right[0]
            and input.key is other.key
            and input.key.dtype.kind != "b"
        ):
            return _product(input, other)
    try:
        _checked("matmul", input, other)
    except LayoutError as reached:
        found: Tensor = reached.answer("matmul", (input, other), {"out": out})
        return found
    if out is not None:
        return write_out(out, matmul(input, other), "matmul", "same")
    na, nb = input.ndim, other.ndim
    if na == 2 and nb == 2:
        _align("matmul", input, other, other.shape[0])
        return _product(input, other)
    if na == 0 or nb == 0:
        raise RuntimeError(
            f"[matmul] both arguments to matmul need to be at least 1D, but they are {na}D and "
            f"{nb}D"
        )
    _align("matmul", input, other, other.shape[-2] if nb > 1 else other.shape[0])
    if na == 1 and nb == 1:
        return dot(input, other)
    if na == 1:
        rows = matmul(unsqueeze(input, 0), other)
        return shaped(rows, (*rows.shape[:-2], rows.shape[-1]))
    if nb == 1:
        columns = matmul(input, unsqueeze(other, 1))
        return shaped(columns, columns.shape[:-1])
    if nb == 2 and input.is_contiguous():
        # One large product instead of a batch of small ones.
        flat = (
            _product(reshape(input, (-1, input.shape[-1])), other)
            if numel(input.shape)
            else (
                input.new_zeros((numel(input.shape[:-1]), other.shape[-1])) + _nothing(input, other)
            )
        )
        return shaped(flat, (*input.shape[:-1], other.shape[-1]))
    batch = broadcast_shapes("matmul", input.shape[:-2], other.shape[:-2])
    a = _as_batch(input, batch)
    b = _as_batch(other, batch)
    return shaped(_product(a, b), (*batch, input.shape[-2], other.shape[-1]))


def _nothing(a: Tensor, b: Tensor) -> Tensor:
    """A zero that depends on both (empty) operands, so that gradients have the right shapes."""
    return a.sum() * 0 + b.sum() * 0


def _as_batch(t: Tensor, batch: tuple[int, ...]) -> Tensor:
    shape = (*batch, *t.shape[-2:])
    return reshape(expand(t, shape), (numel(batch), *t.shape[-2:]))


@operator("__matmul__")
def matmul_operator(self: Tensor, other: Any) -> Any:
    """`self @ other`; NotImplemented for what is no tensor."""
    return matmul(self, other) if isinstance(other, Tensor) else NotImplemented


@operator("__rmatmul__")
def rmatmul(self: Tensor, other: Any) -> Any:
    """`other @ self`; NotImplemented for what is no tensor."""
    return matmul(other, self) if isinstance(other, Tensor) else NotImplemented


@exported(quick=True)
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Product of two matrices.

    Raises:
        RuntimeError: not matrices, or sizes that do not align.
    """
    try:
        _checked("mm", input, mat2)
    except LayoutError as reached:
        found: Tensor = reached.answer("mm", (input, mat2), {"out": out})
        return found
    for name, t in (("self", input), ("mat2", mat2)):
        if t.ndim != 2:
            raise RuntimeError(f"[mm] {name} must be a matrix, got shape {t.shape}")
    _align("mm", input, mat2, mat2.shape[0])
    result = _product(input, mat2)
    return result if out is None else write_out(out, result, "mm", "same")


@exported(out="same")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Products of two batches of matrices.

    Raises:
        RuntimeError: not 3-d, or sizes that do not align.
    """
    _checked("bmm", input, mat2)
    for t in (input, mat2):
        if t.ndim != 3:
            raise RuntimeError(f"[bmm] batch1 and batch2 must be 3D tensors, got shape {t.shape}")
    if input.shape[0] != mat2.shape[0] or input.shape[2] != mat2.shape[1]:
        raise RuntimeError(
            f"[bmm] Expected size for first two dimensions of batch2 tensor to be: "
            f"[{input.shape[0]}, {input.shape[2]}] but got: [{mat2.shape[0]}, {mat2.shape[1]}]."
        )
    return _product(input, mat2)


@exported(out="same")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Product of a matrix and a vector.

    Raises:
        RuntimeError: other shapes.
    """
    _checked("mv", input, vec)
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(
            f"[mv] vector + matrix @ vector expected, got shapes {input.shape} and {vec.shape}"
        )
    return matmul(input, vec)


@exported(out="same")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Inner product of two vectors.

    Raises:
        RuntimeError: not vectors of one length.
    """
    _checked("dot", input, tensor)
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(
            f"[dot] 1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors"
        )
    if input.shape != tensor.shape:
        raise RuntimeError(
            f"[dot] inconsistent tensor size, expected tensor {list(input.shape)} and src "
            f"{list(tensor.shape)} to have the same number of elements"
        )
    if not input.shape[0]:
        return (input * tensor).sum()
    if input.key.place.bits & tensor.key.place.bits & CONJ:  # as lazily as its arguments
        found: Tensor = dot(input.conj(), tensor.conj()).conj()
        return found
    return shaped(_product(unsqueeze(input, 0), unsqueeze(tensor, 1)), ())


@exported("outer", "ger", out="cast")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Outer product of two vectors.

    Raises:
        RuntimeError: not vectors.
    """
    if require_tensor("outer", input).ndim != 1 or require_tensor("outer", vec2).ndim != 1:
        raise RuntimeError(
            f"[outer] Expected 1-D arguments, got shapes {input.shape} and {vec2.shape}"
        )
    return unsqueeze(input, 1) * vec2


@exported(inplace=True, out="same")
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""
    return added("addmm", input, beta, alpha, lambda: mm(mat1, mat2))


@exported(inplace=True, out="same")
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2)."""
    return added("baddbmm", input, beta, alpha, lambda: bmm(batch1, batch2))


def added(
    op: str, input: Tensor, beta: Any, alpha: Any, product: Callable[[], Tensor],
    elementwise: bool = False,
) -> Tensor:  # fmt: skip
    """beta * input + alpha * product; what is multiplied by 0 is not looked at. Dtypes are promoted
    where the product is elementwise.

    Raises:
        RuntimeError: else they differ.
    """
    dtype = require_tensor(op, input).key.dtype
    if type(beta) is not int or beta != 1:
        beta = factor(beta, dtype, op, "beta", elementwise)
    if type(alpha) is not int or alpha != 1:
        alpha = factor(alpha, dtype, op, "alpha", elementwise)
    found = product()
    if found.key.dtype is not dtype and not elementwise:
        raise RuntimeError(
            f"[{op}] expected all tensors to have the same dtype, but got {dtype.name} to be added "
            f"to, and {found.key.dtype.name} in the product"
        )
    return _added(input, found, beta, alpha)


def _added_steps(input: Tensor, product: Tensor, beta: Number, alpha: Number) -> Tensor:
    if alpha == 0:
        scaled = product.new_zeros(product.shape)
    else:
        scaled = product if alpha == 1 else product * alpha
    if beta == 0:
        return scaled
    return scaled + (input if beta == 1 else input * beta)  # laid out as the product is


_added = composition(
    "addmm", ("input", "product"), _added_steps,
    {
        "input": lambda g, beta: g if beta == 1 else g * beta,
        "product": lambda g, alpha: g if alpha == 1 else g * alpha,
    },
    ("beta", "alpha"), fresh=False,
)  # fmt: skip


@function(quick=True)
def linear(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, *, out: Tensor | None = None
) -> Tensor:
    """input @ weight^T + bias over the last dim; weight is (out, in), or (in,) for one output.

    Raises:
        RuntimeError: sizes that do not align, or different dtypes.
    """
    if out is not None:
        return write_out(out, linear(input, weight, bias), "linear", "same")
    try:
        sizes, weight_sizes = input.shape, weight.shape
        fits = (
            sizes
            and weight.key is input.key
            and len(weight_sizes) == 2
            and sizes[-1] == weight_sizes[1]
            and (bias is None or (bias.key is input.key and bias.shape == weight_sizes[:1]))
        )
    except LayoutError as reached:
        found: Tensor = reached.answer("linear", (input, weight, bias), {})
        return found
    except AttributeError:  # no tensor among them; nothing is asked where all is well
        for name, given in (("input", input), ("weight", weight), ("bias", bias)):
            require_tensor("linear", given, name)
        raise
    if fits:
        return _linear(input, weight, bias)
    _checked("linear", input, weight)
    if bias is not None:
        _checked("linear", input, bias)
    if not input.shape:
        raise RuntimeError("[linear] both arguments need to be at least 1D, but they are 0D")
    if weight.ndim == 1:
        product = matmul(input, weight)
        return product if bias is None else product + bias
    if weight.ndim != 2 or input.shape[-1] != weight.shape[1]:
        raise RuntimeError(
            f"[linear] input of shape {input.shape} and weight of shape {weight.shape} do not "
            f"align: last dim of input is {input.shape[-1]}, last dim of weight is "
            f"{weight.shape[-1]} (mat1 and mat2 shapes cannot be multiplied)"
        )
    # What is left is a bias that broadcasts in another way.
    result = _linear(input, weight, None)
    return result if bias is None else result + bias


_ROWS = """\
sizes = a.shape
outs = weight.shape[0]
if len(sizes) == 2:
    rows, shape = sizes, (sizes[0], outs)
else:
    rows, shape = (COUNT[sizes[:-1]], sizes[-1]), (*sizes[:-1], outs)
"""
_flat_linear = template.flat(
    LINEAR,
    ("a", "weight", "bias"),
    "(rows[0], outs), {a}, rows, {weight}, weight.shape, "
    "None if bias is None else bias.storage_.buffer, 0 if bias is None else bias.offset",
    shape="shape",
    optional="bias",
    prepare=_ROWS,
)


def _linear(a: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`linear` of fitting operands; dims before the last are rows, one matrix if dense."""
    flat = _flat_linear(a, weight, bias)
    if flat is not None:
        return flat
    sizes = a.shape
    rows = a if len(sizes) == 2 else reshape(a, (numel(sizes[:-1]), sizes[-1]))
    if not a.key.dtype.is_inexact:  # the kernels take floating-point tensors
        called = _linear_by_matmul(rows, weight, bias)
    else:
        called = bind(LINEAR, (rows, weight, bias))
    return called if len(sizes) == 2 else shaped(called, (*sizes[:-1], weight.shape[0]))
