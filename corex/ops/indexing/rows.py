"""Rows by number: the two primitives that every index of tensors comes to, `index` and `index_put`.

Their normal form: the indexed dims in front, and one flat index tensor for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from corex import dtypes as dt
from corex.dispatch.bind import dense_copy, order_for, order_of, write
from corex.dispatch.record import record
from corex.dispatch.resolve import check_places, empty
from corex.layout import numel
from corex.ops.create.convert import full_on
from corex.ops.promotion import require_tensor
from corex.ops.registration import exported
from corex.ops.shape.views import reshape, shaped
from corex.tensor.modes import mode
from corex.tensor.schema import ANY, OpSchema, declare
from corex.tensor.tensor import Tensor, alias

Shape = tuple[int, ...]

INDEX = declare(
    OpSchema(
        "index",
        ("a",),
        None,
        ("indices",),
        {"a": lambda g, a_shape, indices: _index_back(g, a_shape, _unchanged(indices))},
        takes=ANY,
        analytic=False,
        family="index",
        uniform=False,
        doc="a[i1, i2, ...] for flat int64 index tensors over the leading dims.",
    )
)


INDEX_PUT = declare(
    OpSchema(
        "index_put",
        ("a", "values"),
        None,
        ("indices", "accumulate"),
        {
            "a": lambda g, indices, accumulate: (
                g if accumulate else _zeroed(g, _unchanged(indices))
            ),
            "values": lambda g, indices: get_rows(g, _unchanged(indices)),
        },
        takes=ANY,
        analytic=False,
        family="index",
        uniform=False,
        fresh=False,
        doc="a with a[i1, i2, ...] = values, or += values.",
    )
)


class Indices(tuple[Tensor, ...]):
    """The index tensors of a recorded op, which is given them as a parameter, with their versions.

    (Masks are not among them: they became positions before.)
    """

    versions: tuple[int, ...]

    @classmethod
    def of(cls, indices: Sequence[Tensor]) -> Indices:
        """Index tensors as they are now."""
        result = cls(indices)
        result.versions = tuple([t.storage_.version for t in indices])
        return result

    def check(self) -> None:
        """
        Raises:
            RuntimeError: one was modified in place since.
        """
        for t, version in zip(self, self.versions, strict=True):
            if t.storage_.version != version:
                raise RuntimeError(
                    f"one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: an index tensor [{t.type_name()} {list(t.shape)}] is at "
                    f"version {t.storage_.version}; expected version {version} instead. Hint: make "
                    f"a copy with .clone() before changing it."
                )


def _unchanged(indices: Sequence[Tensor]) -> Sequence[Tensor]:
    if isinstance(indices, Indices):
        indices.check()
    return indices


def get_rows(a: Tensor, indices: Sequence[Tensor], order: Shape | None = None) -> Tensor:
    """Normal form of `index`: (D1..Dk, *rest) and k index tensors (n,) -> (n, *rest).

    `order` is that of the result in memory.
    """
    check_places("index", indices, a.key.place)
    order = order_for("index", (a, a, *indices), order)
    result = empty(a.key.own, (indices[0].shape[0], *a.shape[len(indices) :]), order)
    write("index", [result], [a, *indices])
    if a._node is not None and mode.enabled:
        record(INDEX, (a,), (Indices.of(indices),), (result,))
    return result


def _index_back(g: Tensor, shape: Shape, indices: Sequence[Tensor]) -> Tensor:
    order = order_of(g)
    if order is not None:  # the gradient lies in memory as that of the rows does
        last = len(indices) - 1
        order = tuple([d + last for k in order for d in (range(-last, 1) if k == 0 else (k,))])
    order = order_for("index_put", (g, g, *indices), order)
    return put_rows(full_on(g, shape, 0, order), g, indices, True, fresh=True)


def _zeroed(g: Tensor, indices: Sequence[Tensor]) -> Tensor:
    shape = (indices[0].shape[0], *g.shape[len(indices) :])
    return put_rows(g, g.new_zeros(shape), indices, False, order_of(g))


def put_rows(
    a: Tensor,
    values: Tensor,
    indices: Sequence[Tensor],
    accumulate: bool,
    order: Shape | None = None,
    fresh: bool = False,
) -> Tensor:
    """Out of place `index_put` in normal form; `order` is that of the result in memory.

    The memory of an `a` that is fresh, which nobody else will look at, becomes the result's.
    """
    order = order_for("index_put", (a, values, *indices), order)
    result = alias(a) if fresh else dense_copy(a, order=order)
    write_rows(result, values, indices, accumulate)
    if mode.enabled and (a._node is not None or values._node is not None):
        record(INDEX_PUT, (a, values), (Indices.of(indices), accumulate), (result,))
    return result


def write_rows(target: Tensor, values: Tensor, indices: Sequence[Tensor], accumulate: bool) -> None:
    shared = values.storage_.buffer is target.storage_.buffer
    run_index_put(target, dense_copy(values) if shared else values, indices, accumulate)


def run_index_put(
    target: Tensor, values: Tensor, indices: Sequence[Tensor], accumulate: bool
) -> None:
    """Calls the kernel, whose parameter stands before the index views."""
    check_places("index_put", [values, *indices], target.key.place)
    write("index_put", [target], [values], (accumulate,), indices)


def refuse_negative(op: str, index: Tensor, size: int) -> Tensor:
    """For functions that, unlike `t[index]`, do not count negative positions from the end.

    Returns the index to use. On a device that the host would have to wait for, that has negative
    positions moved out of range, where the kernel finds them.

    Raises:
        IndexError: a negative position.
    """
    if not numel(index.shape):
        return index
    known = index.detach()
    if known.key.place.backend.host_view(known.storage_.buffer) is None:
        return known - (known < 0) * size
    lowest = known.amin().item()
    if lowest < 0:
        raise IndexError(f"[{op}] index out of range in self: {lowest} is not in 0 .. {size - 1}")
    return index


@exported(out="same")
def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements by their position in the flattened tensor.

    Raises:
        RuntimeError: an index that is not int64. IndexError: out of range.
    """
    if require_tensor("take", index, "index").key.dtype is not dt.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype!r}")
    check_places("take", [index], input.key.place)
    return shaped(get_rows(reshape(input, -1), [reshape(index, -1)]), index.shape)
