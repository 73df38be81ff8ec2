"""Gather and scatter: reading and writing along one dim at positions given per element."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import bind, dense_copy, order_for, order_of, write
from corex.dispatch.fallback import on_host
from corex.dispatch.record import record
from corex.dispatch.resolve import check_places, empty, resolve
from corex.layout import broadcast_shapes, normalize_dim, numel
from corex.observe import events
from corex.ops.create.convert import full_on
from corex.ops.indexing.brackets import getitem
from corex.ops.indexing.rows import get_rows, put_rows, refuse_negative
from corex.ops.promotion import cast, require_tensor, written
from corex.ops.registration import exported
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import expand, order_back, permute, reordered, reshape, shaped
from corex.tensor.modes import mode
from corex.tensor.plan import passed
from corex.tensor.schema import ANY, ARITHMETIC, OpSchema, declare
from corex.tensor.tensor import Tensor, alias

Shape = tuple[int, ...]


def _grid(index: Tensor) -> list[Tensor]:
    """Positions along every dim but the last, for each element of `index`, flat."""
    place = index.key.place
    result = []
    for d, size in enumerate(index.shape[:-1]):
        line = empty(place.key(dt.int64), (size,))
        write("arange", [line], [], (0, 1))
        shape = [1] * index.ndim
        shape[d] = size
        result.append(reshape(expand(reshape(line, shape), index.shape), -1))
    return result


def _gather_by_index(a: Tensor, index: Tensor) -> Tensor:
    index = refuse_negative("gather", index, a.shape[-1])
    positions = [*_grid(index), reshape(index, -1)]
    return shaped(get_rows(a, positions), index.shape)


def _scatter_by_index(a: Tensor, index: Tensor, src: Tensor) -> Tensor:
    index = refuse_negative("scatter_add", index, a.shape[-1])
    source = getitem(src, tuple([slice(0, n) for n in index.shape]))
    return put_rows(a, reshape(source, -1), [*_grid(index), reshape(index, -1)], True)


def _gather_back(g: Tensor, shape: Shape, index: Tensor) -> Tensor:
    order = order_for("scatter_add", (g, index, g), order_of(g))
    return scatter_add_last(full_on(g, shape, 0, order), index, g, fresh=True)


GATHER = declare(
    OpSchema(
        "gather", ("a", "index"), lambda a, index: [(index.shape, a.key.dtype)],
        derivative={"a": lambda g, a_shape, index: _gather_back(g, a_shape, index)},
        decomposition=_gather_by_index,
        tier=2, takes=ANY, family="index", analytic=False, uniform=False,
        doc="out[..., j] = a[..., index[..., j]].",
    )
)  # fmt: skip
SCATTER_ADD = declare(
    OpSchema(
        "scatter_add", ("a", "index", "src"), lambda a, index, src: [(a.shape, a.key.dtype)],
        derivative={
            "a": passed,
            "src": lambda g, index, src_shape: _padded(gather_last(g, index), src_shape),
        },
        decomposition=_scatter_by_index,
        tier=2, takes=ARITHMETIC, family="index", analytic=False, uniform=False,
        doc="a with a[..., index[..., j]] += src[..., j].",
    )
)  # fmt: skip


def gather_last(a: Tensor, index: Tensor, order: Shape | None = None) -> Tensor:
    """`gather` along the last dim; `order` is that of the result in memory."""
    result: Tensor = bind(GATHER, (a, index), (), order)
    return result


def scatter_add_last(
    a: Tensor, index: Tensor, src: Tensor, order: Shape | None = None, fresh: bool = False
) -> Tensor:
    """Out of place `scatter_add` along the last dim, by the kernel where there is one.

    `order` is that of the result in memory. The memory of an `a` that is fresh, which nobody else
    will look at, becomes the result's.
    """
    place = a.key.place
    check_places("scatter_add", (index, src), place)
    dtypes = (a.key.dtype, index.key.dtype, src.key.dtype)
    found = resolve(place, "scatter_add", dtypes)
    if found.run is None and not on_host(found, place, "scatter_add", dtypes):
        composed: Tensor = events.run_parts(
            _scatter_by_index, (a.detach(), index, src.detach()),
            "scatter_add", place, found.reason, [a], [index, src],
        )  # fmt: skip
    else:
        order = None if found.accepts is not None else order
        composed = alias(a) if fresh else dense_copy(a, order=order)
        write("scatter_add", [composed], [index, src])
    if mode.enabled and (a._node is not None or src._node is not None):
        record(SCATTER_ADD, (a, index, src), (), (composed,))
    return composed


def _padded(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The gradient of `src`, whose entries beyond the index were not used."""
    if g.shape == shape:
        return g
    result = g.new_zeros(shape)
    getitem(result, tuple([slice(0, n) for n in g.shape])).copy_(g)
    return result


def _check_gather(op: str, a: Tensor, dim: int, index: Tensor) -> int:
    require_tensor(op, index, "index")
    dim = normalize_dim(dim, a.ndim)
    if not numel(index.shape):
        return dim  # it names nothing, whatever its shape and dtype
    if index.key.dtype.kind != "i":
        raise RuntimeError(f"{op}(): Expected dtype int32/int64 for index")
    if max(index.ndim, 1) != max(a.ndim, 1):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor: {op} got "
            f"{index.ndim} and {a.ndim}"
        )
    for d, (have, size) in enumerate(zip(index.shape, a.shape, strict=False)):
        if d != dim and have > size:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be no "
                f"larger than self {list(a.shape)} apart from dimension {dim}"
            )
    return dim


def _last(t: Tensor, dim: int) -> Tensor:
    if not t.shape:
        return reshape(t, 1)
    order = [d for d in range(t.ndim) if d != dim]
    return t if dim == t.ndim - 1 else permute(t, [*order, dim])


def _order(ndim: int, dim: int) -> Shape | None:
    """That of a result in memory whose last dim goes to `dim`."""
    return None if dim >= ndim - 1 else order_back(ndim, dim)


def _unlast(t: Tensor, dim: int, like: Tensor) -> Tensor:
    if not like.shape:
        return shaped(t, ())
    return t if dim == t.ndim - 1 else reordered(t, order_back(t.ndim, dim))


@exported(out="same")
def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on; out has the index's shape.

    Raises:
        RuntimeError: an index of another dtype, dimension or size, or out of range.
    """
    dim = _check_gather("gather", require_tensor("gather", input), dim, index)
    if not numel(index.shape):
        none = cast(_nothing(index, input), dt.int64)
        return shaped(gather_last(_last(input, dim), none), index.shape)
    at = _last(cast(index, dt.int64), dim)
    try:
        result = gather_last(_last(input, dim), at, _order(index.ndim, dim))
    except IndexError as error:
        raise _out_of_range(error, dim) from None
    return _unlast(result, dim, index)


def _out_of_range(error: IndexError, dim: int) -> RuntimeError:
    """The kernel's error, of PyTorch's type and with the caller's dim."""
    return RuntimeError(re.sub(r"dimension \d+", f"dimension {dim}", str(error)))


def _nothing(t: Tensor, like: Tensor) -> Tensor:
    """No entries of `t`, as many dims as `like` has."""
    return reshape(slice_view(reshape(t, -1), 0, 0, 0), (0,) * max(like.ndim, 1))


def _scatter_values(
    op: str, self: Tensor, dim: int, index: Tensor, src: Any
) -> tuple[int, Tensor, Tensor]:
    """The dim, the index and its values, checked."""
    dim = _check_gather(op, self, dim, index)
    index = cast(index, dt.int64)
    source = src if isinstance(src, Tensor) else expand(written(src, self.key.own), index.shape)
    if source.key.dtype is not self.key.dtype:
        raise RuntimeError(f"{op}(): Expected self.dtype to be equal to src.dtype")
    if not numel(index.shape):
        return dim, _nothing(index, self), _nothing(source, self)
    wanted, found = index.shape or (1,), source.shape or (1,)
    if len(wanted) != len(found):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as src tensor: {op} got "
            f"{index.ndim} and {source.ndim}"
        )
    if any(i > s for i, s in zip(wanted, found, strict=True)):
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger than src "
            f"{list(source.shape)} in every dimension"
        )
    return dim, index, source


@exported(inplace=True, out="same")
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`input` with self[index[i][j]][j] += src[i][j] for dim 0, and so on.

    Raises:
        RuntimeError: dtypes or sizes that do not fit, or out of range.
    """
    dim, index, source = _scatter_values("scatter_add", input, dim, index, src)
    at = _last(index, dim)
    try:
        result = scatter_add_last(
            _last(input, dim), at, _last(source, dim), _order(input.ndim, dim)
        )
    except IndexError as error:
        raise _out_of_range(error, dim) from None
    return _unlast(result, dim, input)


@exported(inplace=True, out="same")
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Tensor:
    """`input` with self[index[i][j]][j] = src[i][j] for dim 0, and so on; src may be a number.

    With `reduce` "add" or "multiply" entries are added to those there, or multiplied with them.

    Raises:
        RuntimeError: dtypes or sizes that do not fit, or out of range; another `reduce`.
    """
    given = value if src is None else src
    if reduce is not None:
        return _scatter_joined(input, dim, index, given, reduce)
    dim, index, source = _scatter_values("scatter", input, dim, index, given)
    order = _order(input.ndim, dim)
    a, at, s = _last(input, dim), _last(index, dim), _last(source, dim)
    s = getitem(s, tuple([slice(0, n) for n in at.shape]))
    try:
        at = refuse_negative("scatter", at, a.shape[-1])
        result = put_rows(a, reshape(s, -1), [*_grid(at), reshape(at, -1)], False, order)
    except IndexError as error:
        raise _out_of_range(error, dim) from None
    return _unlast(result, dim, input)


def _scatter_joined(input: Tensor, dim: int, index: Tensor, given: Any, reduce: str) -> Tensor:
    if reduce not in ("add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    dim, index, source = _scatter_values("scatter", input, dim, index, given)
    joined = "sum" if reduce == "add" else "prod"
    if input.key.dtype is dt.bool_ and reduce == "add":
        joined = "amax"
    # That file is made of this one's functions.
    reduced = import_module("corex.ops.indexing.reduced")
    result: Tensor = reduced.scatter_reduce(input, dim, index, source, joined)
    return result


@exported(out="same")
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Entries along a dim, broadcasting the other dims.

    Raises:
        RuntimeError: as for `gather`. IndexError: a dim of a tensor that has none.
    """
    if dim is None:
        return gather(reshape(input, -1), 0, reshape(indices, -1))
    if require_tensor("take_along_dim", indices, "indices").key.dtype is not dt.int64:
        raise RuntimeError(
            f"take_along_dim(): dtype of indices should be Long but got {indices.key.dtype.scalar}"
        )
    if indices.ndim != input.ndim:
        raise RuntimeError(
            f"take_along_dim(): input and indices should have the same number of dimensions, but "
            f"got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    lead = [list(s) for s in (input.shape, indices.shape)]
    for sizes in lead:
        sizes[dim] = 1
    shape = broadcast_shapes("take_along_dim", tuple(lead[0]), tuple(lead[1]))
    own = (*shape[:dim], input.shape[dim], *shape[dim + 1 :])
    at = (*shape[:dim], indices.shape[dim], *shape[dim + 1 :])
    # Unlike those of `gather`, positions count from the end, too.
    indices = indices.remainder(input.shape[dim]) if input.shape[dim] else indices
    return gather(expand(input, own), dim, expand(indices, at))
