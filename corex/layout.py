"""Pure algebra of shapes, strides and offsets. Nothing here knows of memory or of tensors.

What eager code asks again and again for the same few shapes is cached.

Strides and offsets count elements. Functions that PyTorch users can trigger raise the exception
types PyTorch raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from math import prod
from operator import index
from typing import Any

from corex.errors import OutOfMemoryError

Shape = tuple[int, ...]
Strides = tuple[int, ...]


LARGEST = 2**63 - 1
"""No size, stride or count of elements or bytes may be larger: kernels use 64 bits."""


class _Cache(dict[Shape, Any]):
    """What a function says of a shape, remembered: faster to ask than any decorator."""

    __slots__ = ("compute",)

    def __init__(self, compute: Callable[[Shape], Any]) -> None:
        super().__init__()
        self.compute = compute

    def __missing__(self, shape: Shape) -> Any:
        if len(self) > 4096:
            self.clear()
        shape = integers(shape)
        value = self[shape] = self.compute(shape)
        return value


def integers(sizes: Iterable[Any]) -> tuple[int, ...]:
    """Sizes as plain integers. What is remembered of 3.0 would be told of 3, its equal.

    Raises:
        TypeError: a size that is no integer.
    """
    return tuple([int(index(size)) for size in sizes])


def _count(shape: Shape) -> int:
    """The one place where sizes are multiplied to a number of elements.

    Raises:
        RuntimeError: 2**63 elements or more, also where a later size of 0 would leave none.
    """
    count = 1
    for size in shape:
        count *= size
        if count > LARGEST or size > LARGEST:
            raise RuntimeError(
                f"numel: integer multiplication overflow: a tensor of shape {list(shape)} would "
                f"have 2**63 elements or more"
            )
    return count


def padded_size(size: int, padding: int) -> int:
    """A size with padding on both sides.

    Raises:
        RuntimeError: it has more than 64 bits.
    """
    whole = size + 2 * padding
    if whole > LARGEST:
        raise RuntimeError(f"a padding of {padding} on both sides of size {size} is too much")
    return whole


def _row_major(shape: Shape) -> Strides:
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


DENSE = _Cache(_row_major)
"""`contiguous_strides` as a table, for the hottest paths."""

COUNT = _Cache(_count)
"""`numel` as a table, for the hottest paths."""


def contiguous_strides(shape: Shape) -> Strides:
    """Row-major strides; a size of 0 counts as 1, as in PyTorch."""
    strides: Strides = DENSE[shape]
    return strides


@lru_cache(maxsize=4096)
def numel(shape: Shape) -> int:
    """The number of elements.

    Raises:
        RuntimeError: 2**63 or more.
        TypeError: a size that is no integer.
    """
    return _count(integers(shape))


def _bytes_of(itemsize: int) -> Callable[[Shape], int]:
    def compute(shape: Shape) -> int:
        if max(DENSE[shape], default=0) > LARGEST and 0 in shape:
            raise RuntimeError(f"Stride calculation overflowed for shape {list(shape)}")
        return checked_bytes(prod(shape) * itemsize, shape)

    return compute


def checked_bytes(nbytes: int, shape: Shape) -> int:
    """The bytes of a storage for a tensor of `shape`.

    Raises:
        OutOfMemoryError: there are too many to be addressed.
    """
    if nbytes >= LARGEST or max(shape, default=0) > LARGEST:
        raise OutOfMemoryError(
            f"Storage size calculation overflowed with sizes={list(shape)}: {nbytes} bytes cannot "
            f"be allocated"
        )
    return nbytes


NBYTES = {itemsize: _Cache(_bytes_of(itemsize)) for itemsize in (1, 2, 4, 8, 16)}
"""The bytes of a dense tensor, by the size of an element and by shape."""


@lru_cache(maxsize=4096)
def is_contiguous(shape: Shape, strides: Strides) -> bool:
    """Whether the elements lie dense in row-major order; strides of size-1 dims do not matter.

    Of nothing they always do.
    """
    if 0 in shape:
        return True
    step = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1:
            if stride != step:
                return False
            step *= size
    return True


@lru_cache(maxsize=4096)
def is_dense(shape: Shape, strides: Strides) -> bool:
    """Whether the elements fill an interval of memory without gaps or overlap, in any order."""
    if 0 in shape:
        return True
    step = 1
    for stride, size in sorted((s, n) for n, s in zip(shape, strides, strict=True) if n != 1):
        if stride != step:
            return False
        step *= size
    return True


@lru_cache(maxsize=4096)
def extent(shape: Shape, strides: Strides) -> tuple[int, int]:
    """Lowest and highest element offset that a non-empty view touches, relative to its own."""
    low = high = 0
    for size, stride in zip(shape, integers(strides), strict=True):
        if stride < 0:
            low += (size - 1) * stride
        else:
            high += (size - 1) * stride
    return low, high


@lru_cache(maxsize=4096)
def self_overlaps(shape: Shape, strides: Strides) -> bool:
    """Whether two elements of the view may share memory (exact for views made by slicing)."""
    if 0 in shape:
        return False
    reach = 0
    for stride, size in sorted((abs(s), n) for n, s in zip(shape, strides, strict=True) if n > 1):
        if stride <= reach:
            return True
        reach += stride * (size - 1)
    return False


def normalize_dim(dim: int, ndim: int) -> int:
    """`dim` counted from the front.

    Raises:
        IndexError: out of range; a 0-d tensor accepts -1 and 0, as in PyTorch.
    """
    bound = ndim or 1
    if not -bound <= dim < bound:
        if not hasattr(dim, "__index__"):
            raise TypeError(f"a dim must be an integer, not {type(dim).__name__}")
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], "
            f"but got {dim})"
        )
    return dim + bound if dim < 0 else dim


def normalize_dims(dims: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Dims of a reduction, sorted; None and an empty sequence mean all.

    Raises:
        IndexError: out of range. RuntimeError: a dim appears twice.
    """
    if dims is None:
        return tuple(range(ndim))
    if isinstance(dims, int):
        return (normalize_dim(dims, ndim),) if ndim else _check_scalar_dim(dims)
    if type(dims) is not tuple and hasattr(dims, "__index__"):  # one of NumPy's, or a 0-d tensor
        return normalize_dims(index(dims), ndim)
    found = sorted(normalize_dim(d, ndim) for d in dims)
    for first, second in pairwise(found):
        if first == second:
            raise RuntimeError(f"dim {first} appears multiple times in the list of dims")
    if not ndim:
        return ()
    return tuple(found) if found else tuple(range(ndim))


def _check_scalar_dim(dim: int) -> tuple[int, ...]:
    normalize_dim(dim, 0)
    return ()


@lru_cache(maxsize=4096)
def broadcast_shapes(op: str, *shapes: Shape) -> Shape:
    """The common shape by NumPy's rule.

    Raises:
        RuntimeError: the shapes do not broadcast; names the op, both shapes and the dim at fault.
    """
    shapes = tuple([integers(shape) for shape in shapes])
    if len(shapes) == 2 and shapes[0] == shapes[1]:
        return shapes[0]
    result = [1] * max(map(len, shapes), default=0)
    for shape in shapes:
        start = len(result) - len(shape)
        for i, size in enumerate(shape, start):
            if size != 1:
                if result[i] not in (1, size):
                    raise RuntimeError(
                        f"[{op}] shapes {' and '.join(map(str, map(tuple, shapes)))} do not "
                        f"broadcast: The size of tensor a ({result[i]}) must match the size of "
                        f"tensor b ({size}) at non-singleton dimension {i}"
                    )
                result[i] = size
    return tuple(result)


@lru_cache(maxsize=4096)
def broadcast_strides(shape: Shape, strides: Strides, target: Shape) -> Strides:
    """Strides of a view of `shape` seen as `target`, which it is known to broadcast to."""
    target = integers(target)
    lead = len(target) - len(shape)
    return (0,) * lead + tuple(
        0 if size == 1 and want != 1 else stride
        for size, stride, want in zip(shape, strides, target[lead:], strict=True)
    )


@lru_cache(maxsize=4096)
def result_strides(shape: Shape, *operands: tuple[Shape, Strides]) -> Strides | None:
    """Strides of the result of an elementwise op; None if row-major.

    PyTorch's rule: the dims lie in memory in the operands' order, the first operand's where they
    differ. Each operand is (shape, strides), and broadcasts to `shape`.
    """
    if all(own == shape and is_contiguous(own, strides) for own, strides in operands):
        return None
    first = operands[0][1]
    if all(own == shape and strides == first for own, strides in operands) and is_dense(
        shape, first
    ):
        return first
    seen = [broadcast_strides(own, strides, shape) for own, strides in operands]
    result = [0] * len(shape)
    step = 1
    for dim in _fastest_first(shape, seen):
        result[dim] = step
        step *= max(shape[dim], 1)
    return None if tuple(result) == contiguous_strides(shape) else tuple(result)


def _fastest_first(shape: Shape, seen: Sequence[Strides]) -> list[int]:
    """The dims in the order that they have in operands of these strides."""
    order = list(range(len(shape)))[::-1]
    for start in range(1, len(order)):
        at = start
        for i in range(start - 1, -1, -1):
            compared = _compared(shape, seen, order[i], order[at])
            if compared < 0:
                break
            if compared > 0:
                order[i], order[at] = order[at], order[i]
                at = i
    return order


def order_of_dims(shape: Shape, strides: Strides) -> Shape:
    """The dims as they lie in memory, the slowest first, by the rule of `result_strides`."""
    return tuple(reversed(_fastest_first(shape, [strides])))


@lru_cache(maxsize=4096)
def order_of_indexed(
    rest: Shape, strides: Strides, at: int, indices: tuple[tuple[Shape, Strides], ...]
) -> tuple[Shape | None, Shape | None, int]:
    """The dims of what index tensors of one shape pick, as they lie in memory, the slowest first;
    None if in their own order. With them the dims of the indices alone, and how many others come
    before them; None if others lie between them.

    PyTorch's rule: that of an elementwise op of the indexed tensor, in which the dims of the
    indices, which come at `at`, have the stride 0, and the indices.
    """
    shape = indices[0][0]
    last = at + len(shape)
    whole = (*rest[:at], *shape, *rest[at:])
    padded = (*[1] * at, *shape, *[1] * (len(rest) - at))
    seen = [(*strides[:at], *[0] * len(shape), *strides[at:])]
    for own, steps in indices:
        found = reshape_strides(own, steps, padded)
        seen.append(broadcast_strides(padded, found or contiguous_strides(padded), whole))
    # Dims of size 1 have no place in memory.
    order = [d for d in reversed(_fastest_first(whole, seen)) if whole[d] != 1]
    if order == sorted(order):
        return None, None, 0
    small = [d for d in range(len(whole)) if whole[d] == 1]
    block = [d for d in order if at <= d < last]
    before = order.index(block[0]) if block else 0
    adjacent = block == order[before : before + len(block)]
    block += [d for d in small if at <= d < last]
    others = [d for d in [*order, *small] if d not in block]
    if adjacent:
        order = [*others[:before], *block, *others[before:]]
        return tuple(order), tuple([d - at for d in block]), before
    return (*order, *small), None, 0


def inverse(order: Shape) -> Shape:
    """The permutation that undoes another."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def strides_like(shape: Shape, strides: Strides) -> Strides:
    """Strides of a copy: the same if dense, else dense ones in the same order of dims."""
    if is_contiguous(shape, strides) or is_dense(shape, strides):
        return strides
    return result_strides(shape, (shape, strides)) or contiguous_strides(shape)


@lru_cache(maxsize=4096)
def ordered_strides(shape: Shape, order: Shape) -> Strides:
    """Dense strides with the dims in another order in memory, the slowest first."""
    result = [0] * len(shape)
    dense = contiguous_strides(tuple([shape[d] for d in order]))
    for dim, stride in zip(order, dense, strict=True):
        result[dim] = stride
    return tuple(result)


@lru_cache(maxsize=4096)
def memory_order(strides: Strides) -> Shape:
    """The dims as they lie in memory, the slowest first."""
    return tuple(sorted(range(len(strides)), key=lambda d: -strides[d]))


def _compared(shape: Shape, seen: Sequence[Strides], a: int, b: int) -> int:
    """Whether dim a is faster than dim b (-1), slower (1), or neither (0)."""
    for strides in seen:
        if strides[a] == 0 or strides[b] == 0:
            continue
        if strides[a] != strides[b]:
            return -1 if strides[a] < strides[b] else 1
        if shape[a] > shape[b]:
            return 1
    return 0


@lru_cache(maxsize=4096)
def expand(shape: Shape, strides: Strides, sizes: Shape) -> tuple[Shape, Strides]:
    """`Tensor.expand`: -1 keeps a size.

    Raises:
        RuntimeError: fewer sizes than dims, or a size other than 1 would change.
    """
    lead = len(sizes) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"expand({list(shape)}, size={list(sizes)}): the number of sizes provided "
            f"({len(sizes)}) must be greater or equal to the number of dimensions in the "
            f"tensor ({len(shape)})"
        )
    new_shape = list(sizes)
    new_strides = [0] * len(sizes)
    for i, want in enumerate(sizes):
        size, stride = (shape[i - lead], strides[i - lead]) if i >= lead else (1, 0)
        if want == -1:
            if i < lead:
                raise RuntimeError(
                    f"The expanded size of the tensor (-1) isn't allowed in a leading, "
                    f"non-existing dimension {i}"
                )
            new_shape[i], new_strides[i] = size, stride
        elif size == want:
            new_strides[i] = stride if i >= lead else 0
        elif size != 1 or want < 0:
            raise RuntimeError(
                f"The expanded size of the tensor ({want}) must match the existing size ({size}) "
                f"at non-singleton dimension {i}.  Target sizes: {list(sizes)}.  "
                f"Tensor sizes: {list(shape)}"
            )
    if shape:
        for i in range(lead - 1, -1, -1):  # a new dim of size 1 steps over the rest, as in PyTorch
            if new_shape[i] == 1:
                new_strides[i] = new_shape[i + 1] * new_strides[i + 1]
    expanded = tuple(new_shape)
    numel(expanded)
    return expanded, tuple(new_strides)


@lru_cache(maxsize=4096)
def infer_size(sizes: Shape, count: int) -> Shape:
    """Replaces one -1 in `sizes` so that they hold `count` elements.

    Raises:
        RuntimeError: impossible, ambiguous, or a size below -1.
    """
    known = 1
    unknown = -1
    for i, size in enumerate(sizes):
        if size == -1:
            if unknown >= 0:
                raise RuntimeError("only one dimension can be inferred")
            unknown = i
        elif size < 0:
            raise RuntimeError(
                f"invalid shape dimension {size} at index {i} of shape {list(sizes)}"
            )
        else:
            known *= size
    if unknown < 0:
        if known != count:
            raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {count}")
        return tuple(sizes)
    if known == 0:
        if count:
            raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {count}")
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(sizes)} because the unspecified "
            f"dimension size -1 can be any value and is ambiguous"
        )
    if count % known:
        raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {count}")
    return (*sizes[:unknown], count // known, *sizes[unknown + 1 :])


@lru_cache(maxsize=4096)
def reshape_strides(shape: Shape, strides: Strides, target: Shape) -> Strides | None:
    """Strides that show the same memory as `target` (same element count), or None if none do.

    The stride of a dim of size 1 does not matter, but is the one that PyTorch gives it.
    """
    if not shape:
        return (1,) * len(target)
    if 0 in shape:
        return strides if shape == target else contiguous_strides(target)
    result = [0] * len(target)
    at = len(target) - 1
    step, size, filled = strides[-1], 1, 1  # of the block of dims that are dense in each other
    for d in range(len(shape) - 1, -1, -1):
        size *= shape[d]
        if d and (shape[d - 1] == 1 or strides[d - 1] == size * step):
            continue
        while at >= 0 and (filled < size or target[at] == 1):
            result[at] = filled * step
            filled *= target[at]
            at -= 1
        if filled != size:
            return None
        if d:
            step, size, filled = strides[d - 1], 1, 1
    return tuple(result)


def collapse(shape: Shape, *strides: Strides) -> tuple[Shape, tuple[Strides, ...]]:
    """Merges dims that are adjacent in every one of several same-shaped views.

    Returns the merged shape and one strides tuple per view; size-1 dims vanish.
    """
    sizes: list[int] = []
    columns: list[tuple[int, ...]] = []
    for i, size in enumerate(shape):
        if size == 1:
            continue
        column = tuple(s[i] for s in strides)
        if sizes and all(
            outer == inner * size for outer, inner in zip(columns[-1], column, strict=True)
        ):
            sizes[-1] *= size
            columns[-1] = column
        else:
            sizes.append(size)
            columns.append(column)
    return tuple(sizes), tuple(tuple(c[k] for c in columns) for k in range(len(strides)))


def permutation(dims: Iterable[int], ndim: int) -> tuple[int, ...]:
    """Checked dims of `permute`.

    Raises:
        RuntimeError: not as many dims as the tensor has, or one twice. IndexError: out of range.
    """
    order = tuple(dims)
    if len(order) != ndim:
        raise RuntimeError(
            f"permute(): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal "
            f"to len(dims) = {len(order)}"
        )
    found = tuple(normalize_dim(d, ndim) for d in order)
    if len(set(found)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return found


BasicIndex = int | slice | None
Geometry = tuple[Shape, Strides, int]


def basic_index(
    shape: Shape, strides: Strides, offset: int, items: Sequence[BasicIndex]
) -> Geometry:
    """The view that integers, slices and None make, taken from the first dim on.

    Raises:
        IndexError: an integer out of range. ValueError: a step that is not positive.
    """
    new_shape: list[int] = []
    new_strides: list[int] = []
    dim = 0
    for item in items:
        if item is None:
            new_shape.append(1)
            new_strides.append(shape[dim] * strides[dim] if dim < len(shape) else 1)
            continue
        size, stride = shape[dim], strides[dim]
        if isinstance(item, slice):
            if item.start is None and item.stop is None and item.step is None:
                start, length, step = 0, size, 1
            else:
                start, length, step = slice_dim(size, item)
            new_shape.append(length)
            new_strides.append(stride * step)
            offset += start * stride
        else:
            if not -size <= item < size:
                raise IndexError(
                    f"index {item} is out of bounds for dimension {dim} with size {size}"
                )
            offset += (item + size if item < 0 else item) * stride
        dim += 1
    return (*new_shape, *shape[dim:]), (*new_strides, *strides[dim:]), offset


def slice_dim(size: int, index: slice) -> tuple[int, int, int]:
    """(start, length, step) of a Python slice over a dim.

    Raises:
        ValueError: a step that is not positive, as in PyTorch.
    """
    start, stop, step = index.indices(size) if index.step is None or index.step > 0 else (0, 0, 0)
    if step <= 0:
        raise ValueError("step must be greater than zero")
    return start, max(0, -(-(stop - start) // step)), step
