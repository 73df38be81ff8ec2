"""Tensors whose elements follow from their positions: ranges, identity, triangles, grids."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import index
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import bind, dense_copy, write
from corex.dispatch.resolve import check_places, check_room
from corex.dtypes import DType
from corex.layout import numel
from corex.ops.create.constant import (
    DeviceLike,
    DTypeLike,
    dtype_of,
    finished,
    key_for,
    new_tensor_of,
    number_of,
)
from corex.ops.places import converted, exact_place
from corex.ops.pointwise.binary import gt, lt
from corex.ops.pointwise.powers import pow_
from corex.ops.pointwise.select import masked_fill
from corex.ops.promotion import Number, check_bits, check_fits, real_number, require_tensor
from corex.ops.registration import exported, function
from corex.ops.shape.views import expand, reshape
from corex.tensor.place import DispatchKey
from corex.tensor.schema import ANY, OpSchema, declare
from corex.tensor.tensor import Tensor, make


# ---- ranges ------------------------------------------------------------------------------------
@function()
def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """`start`, `start + step`, ... before `end`: 1-d, int64 unless an argument is floating point.

    `arange(end)` starts at 0. The length is `ceil((end - start) / step)`.

    Raises:
        TypeError: an argument is no number, or bool is asked for.
        RuntimeError: step is 0 or leads away from the end, or a bound is not finite.
    """
    if start is None and end is None:
        raise TypeError("arange() missing 1 required positional argument: 'end'")
    if end is None:
        start, end = 0, start
    elif start is None:
        start = 0
    first = number_of("arange", "start", start)
    last = number_of("arange", "end", end)
    stride = number_of("arange", "step", step)
    for bound in (first, last, stride):
        check_bits(bound)
    floats = float in (type(first), type(last), type(stride))
    default = dt.get_default_dtype() if floats else dt.int64
    key = key_for("arange", dtype, default, device, backend, out)
    _check_not_bool("arange", key.dtype)
    if not key.dtype.is_floating_point:
        for bound in (first, last, stride):
            check_fits(bound, dt.int64)
    count = _range_length(first, last, stride, key.dtype)
    result = new_tensor_of(key, (count,))
    number = float if key.dtype.is_floating_point else int
    write("arange", (result,), (), (number(first), number(stride)))
    return finished("arange", result, out, requires_grad)


def _range_length(start: Number, end: Number, step: Number, dtype: DType) -> int:
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"[arange] unsupported range: {start} -> {end}")
    if step == 0:
        raise RuntimeError("[arange] step must be nonzero")
    if (end < start) if step > 0 else (end > start):
        raise RuntimeError(
            f"[arange] upper bound and lower bound inconsistent with step sign: start {start}, "
            f"end {end}, step {step}"
        )
    if dtype is not dt.int64:
        return math.ceil((float(end) - float(start)) / step)
    # In integers: exact, after fractions are cut off.
    if int(step) == 0:
        raise ValueError(f"[arange] step must be nonzero, but {step} is 0 as an integer")
    return -((int(start) - int(end)) // int(step))


def _check_not_bool(name: str, dtype: DType) -> None:
    if dtype is dt.bool_:
        raise NotImplementedError(f"[{name}] not implemented for dtype bool")


@function()
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """`steps` equally spaced numbers from `start` to `end`, both included.

    Each half is counted from its own end, so that the last element is `end` exactly.

    Raises:
        TypeError: an argument is no number. RuntimeError: a negative number of steps.
    """
    key = key_for("linspace", dtype, None, device, backend, out)
    result = _spaced("linspace", key, start, end, steps)
    result = converted(result, key.dtype, key.place)
    return finished("linspace", result, out, requires_grad)


@function()
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """`base` to the power of `linspace(start, end, steps)`, computed in float64.

    Raises:
        TypeError: an argument is no number. RuntimeError: a negative number of steps.
    """
    key = key_for("logspace", dtype, None, device, backend, out)
    base = real_number(base, "logspace", "base")
    if steps:
        _check_not_bool("logspace", key.dtype)
    exponents = _spaced("logspace", key, start, end, steps)
    wide = dt.complex128 if key.dtype.is_complex else dt.float64
    exact = converted(exponents, wide, exact_place(key.place))
    powers = pow_(base, exact)
    result = converted(powers, key.dtype, key.place)
    return finished("logspace", result, out, requires_grad)


def _spaced(name: str, key: DispatchKey, start: Any, end: Any, steps: int) -> Tensor:
    """The numbers of linspace, in the key's dtype.

    For an integer dtype they are float64, between bounds whose fractions are cut off, and on the
    host if the key's device holds no float64.
    """
    if key.dtype.is_complex:
        return _spaced_pairs(name, key, start, end, steps)
    if steps:
        _check_not_bool(name, key.dtype)
    first = _bound(name, "start", start, key.dtype)
    last = _bound(name, "end", end, key.dtype)
    try:
        count = index(steps)
    except TypeError:
        raise TypeError(
            f"{name}(): argument 'steps' must be int, not {type(steps).__name__}"
        ) from None
    if count < 0:
        raise RuntimeError(f"[{name}] number of steps must be non-negative, got {count}")
    if not key.dtype.is_floating_point:
        if count > 1:
            first, last = float(int(first)), float(int(last))
        key = exact_place(key.place).key(dt.float64)
    result = new_tensor_of(key, (count,))
    if count == 1:
        write("fill", (result,), (), (first,))
    elif count:
        step = (last - first) / (count - 1)
        half = count // 2
        front = make(result.storage_, key, (half,))
        back = make(result.storage_, key, (count - half,), (-1,), count - 1)
        write("arange", (front,), (), (first, step))
        write("arange", (back,), (), (last, -step))
    return result


def _spaced_pairs(name: str, key: DispatchKey, start: Any, end: Any, steps: int) -> Tensor:
    """As `_spaced`, of complex numbers: real and imaginary parts each by themselves."""
    first, last = number_of(name, "start", start), number_of(name, "end", end)
    part = key.place.key(key.dtype.to_real())
    real, imag = [
        converted(_spaced(name, part, a, b, steps), key.dtype, key.place)
        for a, b in ((first.real, last.real), (first.imag, last.imag))
    ]
    return real if not first.imag and not last.imag else real + imag * 1j


def _bound(name: str, argument: str, value: Any, dtype: DType) -> float:
    if isinstance(value, Tensor) and value.shape:
        raise RuntimeError(
            f"{name} only supports 0-dimensional start and end tensors, but got {argument} with "
            f"{value.ndim} dimension(s)."
        )
    number = number_of(name, argument, value)
    check_fits(number, dtype)
    wraps = isinstance(number, int) and dtype.kind == "u"
    return float(number % (1 << dtype.digits) if wraps else number)


# ---- identity and triangles --------------------------------------------------------------------
@function()
def eye(
    n: int,
    m: int | None = None,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Ones on the main diagonal of an n x m matrix (m defaults to n), zeros elsewhere.

    Raises:
        TypeError: not integers. RuntimeError: a negative size.
    """
    sizes = []
    for name, size in (("n", n), ("m", n if m is None else m)):
        if not hasattr(size, "__index__"):
            raise TypeError(f"eye(): argument '{name}' must be int, not {type(size).__name__}")
        sizes.append(index(size))
        if sizes[-1] < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {sizes[-1]}")
    rows, columns = sizes
    key = key_for("eye", dtype, None, device, backend, out)
    result = new_tensor_of(key, (rows, columns))
    write("fill", (result,), (), (0,))
    diagonal = make(result.storage_, key, (min(rows, columns),), (columns + 1,))
    write("fill", (diagonal,), (), (1,))
    return finished("eye", result, out, requires_grad)


def _outside(like: Tensor, diagonal: int, lower: bool) -> Tensor:
    """True where `tril` (or `triu`) writes zeros, for the last two dims of `like`."""
    rows, columns = like.shape[-2:]
    place = like.key.place
    positions = []
    for start, count in ((diagonal, rows), (0, columns)):
        one = new_tensor_of(place.keys[dt.int64.index], (count,))
        write("arange", (one,), (), (start, 1))
        positions.append(one)
    row, column = positions
    compare = lt if lower else gt
    return compare(reshape(row, rows, 1), column)


def _triangle(name: str, lower: bool) -> Callable[..., Tensor]:
    def compose(a: Tensor, diagonal: int) -> Tensor:
        if not numel(a.shape):
            return dense_copy(a)
        return masked_fill(a, _outside(a, diagonal, lower), 0)

    schema = declare(
        OpSchema(
            name,
            inputs=("a",),
            params=("diagonal",),
            result=lambda a, diagonal: [(a.shape, a.key.dtype)],
            derivative={"a": lambda g, diagonal: op(g, diagonal)},
            decomposition=compose,
            tier=2,
            takes=ANY,
            analytic=False,
            family="create",
            doc=f"The {'lower' if lower else 'upper'} triangle of matrices, zeros elsewhere.",
        )
    )

    def op(input: Tensor, diagonal: int = 0) -> Tensor:
        require_tensor(name, input)
        if input.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        result: Tensor = bind(schema, (input,), (index(diagonal),))
        return result

    op.__name__ = op.__qualname__ = name
    op.__doc__ = (
        f"{schema.doc}\n\n    `diagonal` counts upwards from the main one.\n\n    Raises:\n"
        f"        RuntimeError: fewer than two dimensions."
    )
    return op


tril = exported(inplace=True, out="same")(_triangle("tril", lower=True))
triu = exported(inplace=True, out="same")(_triangle("triu", lower=False))


def _below(row: int, col: int, edge: int) -> int:
    """How many entries of a row x col matrix stand left of column `i + edge` in their row i."""

    def up_to(last: int) -> int:
        if last <= col:
            return max(last, 0) * (max(last, 0) + 1) // 2
        return col * (col + 1) // 2 + (last - col) * col

    return up_to(row - 1 + edge) - up_to(edge - 1)


def _triangle_indices(name: str, lower: bool) -> Callable[..., Tensor]:
    def op(
        row: int,
        col: int,
        offset: int = 0,
        *,
        dtype: DTypeLike = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        backend: str | None = None,
    ) -> Tensor:
        from corex.ops.create.data import tensor

        if row < 0 or col < 0:
            raise RuntimeError(f"{name}: row and col must be non-negative, got {row} and {col}")
        wanted = dtype_of(name, dtype) or dt.int64
        if wanted not in (dt.int32, dt.int64):
            raise NotImplementedError(f'"{name}" not implemented for {wanted.scalar!r}')
        count = _below(row, col, offset + 1) if lower else row * col - _below(row, col, offset)
        check_room(key_for(name, wanted, None, device, backend), (2, count))
        rows: list[int] = []
        columns: list[int] = []
        for i in range(row):
            edge = min(max(i + offset + lower, 0), col)
            chosen = range(edge) if lower else range(edge, col)
            rows += [i] * len(chosen)
            columns += chosen
        result = tensor([rows, columns], dtype=wanted, device=device, backend=backend)
        return result.requires_grad_(requires_grad)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = (
        f"Row and column numbers of the {'lower' if lower else 'upper'} triangle, 2 x count."
    )
    return op


tril_indices = function()(_triangle_indices("tril_indices", lower=True))
triu_indices = function()(_triangle_indices("triu_indices", lower=False))


# ---- grids -------------------------------------------------------------------------------------
@function()
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Each 1-d (or 0-d) tensor expanded along the dimensions of all others; views, no copies.

    `indexing="xy"` swaps the first two dimensions, as in NumPy; the default is "ij".

    Raises:
        RuntimeError: no tensors, more than one dimension, mixed dtypes, or another indexing.
    """
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else tensors
    if not given:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    for t in given:
        if require_tensor("meshgrid", t, "tensors").ndim > 1:
            raise RuntimeError(
                f"meshgrid: Expected 0D or 1D tensor in the tensor list but got shape "
                f"{list(t.shape)}"
            )
        if t.key.own is not given[0].key.own:
            check_places("meshgrid", [t], given[0].key.place)
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(given) > 1
    order = [given[1], given[0], *given[2:]] if swap else list(given)
    shape = tuple(t.shape[0] if t.shape else 1 for t in order)
    grids = []
    for i, t in enumerate(order):
        sizes = [1] * len(order)
        sizes[i] = shape[i]
        grids.append(expand(reshape(t, sizes), shape))
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)
