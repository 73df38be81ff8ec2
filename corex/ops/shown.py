"""What a view shows of the memory of its base, whichever ops led there, and the way back.

For most views that is a shape, strides and an offset. The elements may besides be the parts of the
base's, or made of its elements as their parts, and conjugated or negated.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from corex import dtypes as dt
from corex.dispatch.bind import dense_copy, write
from corex.dispatch.resolve import empty
from corex.dispatch.views import bind_view, renewed_node
from corex.layout import extent, numel, self_overlaps
from corex.tensor.lineage import renew_with
from corex.tensor.node import Node
from corex.tensor.storage import allocate
from corex.tensor.tensor import Tensor, alias, make
from corex.tensor.twins import CONJ, NEG
from corex.tensor.view_op import VIEWS, Geometry, ViewOp, declare_view

Shape = tuple[int, ...]


def _strided(shape: Shape, strides: Shape, offset: int, *params: Any) -> Geometry:
    return params[:3]


def _into_strided(
    g: Tensor,
    shape: Shape,
    size: Shape,
    stride: Shape,
    offset: int,
    base_strides: Shape,
    base_offset: int,
) -> Tensor:
    return scatter_view(g, shape, base_strides, size, stride, offset - base_offset)


# Its parameters: the view's geometry, then the strides and the offset of what it is a view of.
AS_STRIDED = declare_view("as_strided", "AsStridedBackward0", _strided, _into_strided, True)


def scatter_view(
    g: Tensor,
    base_shape: tuple[int, ...],
    base_strides: tuple[int, ...],
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
) -> Tensor:
    """The gradient of a base whose strided view has gradient `g`: zeros outside the view.

    A view in which elements overlap adds up; elements of the base that lie at one place have equal
    parts of what arrives there.
    """
    low, high = extent(base_shape, base_strides)
    if numel(shape):
        reach = extent(shape, strides)
        low, high = min(low, offset + reach[0]), max(high, offset + reach[1])
    flat = _zeros(g, max(high - low + 1, 1))
    if self_overlaps(shape, strides):
        flat.index_put_((_places(g, shape, strides, offset - low),), g.reshape(-1), accumulate=True)
    elif numel(shape):
        flat.as_strided(shape, strides, offset - low).copy_(g)
    if self_overlaps(base_shape, base_strides):
        where = _places(g, base_shape, base_strides, -low)
        ones = _zeros(g, 1).fill_(1).expand(where.shape)
        flat /= _zeros(g, flat.shape[0]).index_put_((where,), ones, accumulate=True).clamp_(min=1)
    result = flat.as_strided(base_shape, base_strides, -low)
    return alias(result, result._node)


def _zeros(like: Tensor, count: int) -> Tensor:
    """So many zeros in a row."""
    key = like.key.own
    made = make(allocate(key.place, count * key.dtype.itemsize, key.dtype), key, (count,))
    write("fill", [made], [], (0,))
    return made


def _places(like: Tensor, shape: Shape, strides: Shape, offset: int) -> Tensor:
    """Where the elements of a layout lie in memory, one after the other."""
    count = offset + extent(shape, strides)[1] + 1
    index = empty(like.key.place.key(dt.int64), (count,))
    write("arange", [index], [], (0, 1))
    return dense_copy(make(index.storage_, index.key, shape, strides, offset)).reshape(-1)


class Shown(NamedTuple):
    """What a view shows of its base.

    Attributes:
        shape, strides: the view's.
        offset: of the view's first element from the base's, in elements of the view.
        parts: whether the view's elements are parts of the base's.
        pairs: whether the view's elements have those of the base as their parts.
        bits: what is done to the base's elements: CONJ, NEG or both.
    """

    shape: Shape
    strides: Shape
    offset: int
    parts: bool
    pairs: bool
    bits: int


def shown(view: Tensor, base: Tensor) -> Shown:
    """What `view` shows of `base`."""
    own, of = view.key, base.key
    parts = of.dtype.is_complex and not own.dtype.is_complex
    pairs = own.dtype.is_complex and not of.dtype.is_complex
    start, bits = base.offset, own.place.bits ^ of.place.bits
    if parts:
        start *= 2
        if not (of.place.bits & CONJ and (view.offset - start) % 2):
            bits &= NEG
        else:  # imaginary parts, which are negated in memory
            bits = (bits ^ NEG) & NEG
    elif pairs:
        start //= 2
    return Shown(view.shape, view.strides, view.offset - start, parts, pairs, bits)


def look(whole: Tensor, at: Shown) -> Tensor:
    """The same view of a tensor that has the base's shape and strides, in the graph."""
    if at.parts:
        whole = bind_view(VIEWS["view_as_real"], whole, ())
    shape, strides, offset = at.shape, at.strides, at.offset
    if at.pairs:
        shape, strides, offset = _as_parts(shape, strides, offset)
    found = whole.as_strided(shape, strides, offset + whole.offset)
    if at.pairs:
        found = bind_view(VIEWS["view_as_complex"], found, ())
    if at.bits & CONJ:
        found = bind_view(VIEWS["conj"], found, ())
    return bind_view(VIEWS["neg_view"], found, ()) if at.bits & NEG else found


def _as_parts(shape: Shape, strides: Shape, offset: int) -> Geometry:
    return (*shape, 2), (*[2 * stride for stride in strides], 1), 2 * offset


def _into_base(g: Tensor, shape: Shape, at: Shown, strides: Shape) -> Tensor:
    """The gradient of the base, which has `shape` and `strides`, of that of the view."""
    if at.bits & CONJ:
        g = g.conj()
    if at.bits & NEG:
        g = -g
    place: Geometry = (at.shape, at.strides, at.offset)
    if at.pairs:
        return scatter_view(
            bind_view(VIEWS["view_as_real"], g.resolve_conj(), ()), shape, strides,
            *_as_parts(*place),
        )  # fmt: skip
    if not at.parts:
        return scatter_view(g, shape, strides, *place)
    sizes, steps, _ = _as_parts(shape, strides, 0)
    both = scatter_view(g, sizes, steps, *place)
    return bind_view(VIEWS["view_as_complex"], both.contiguous(), ())


def _nowhere(shape: Shape, strides: Shape, offset: int, at: Shown, _: Shape) -> Geometry:
    return at[:3]


_SHOWN = ViewOp("shown", "AsStridedBackward0", _nowhere, _into_base, True)


def _node_from_base(base: Tensor, view: Tensor) -> Node:
    if view.key is base.key:
        own = (view.shape, view.strides, view.offset)
        return renewed_node(AS_STRIDED, base, (*own, base.strides, base.offset))
    return renewed_node(_SHOWN, base, (shown(view, base), base.strides))


renew_with(_node_from_base)
