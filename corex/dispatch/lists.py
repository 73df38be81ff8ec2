"""The gate of ops that write whole lists of tensors: the steps of optimizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex.backend.contract import View
from corex.dispatch import levels
from corex.dispatch.launch import launch
from corex.dispatch.record import no_grad
from corex.dispatch.resolve import may_overlap, resolve_uniform, same_view
from corex.dispatch.write import write_interpreted
from corex.layout import DENSE, self_overlaps
from corex.observe import events
from corex.tensor.place import DispatchKey
from corex.tensor.schema import OpSchema
from corex.tensor.tensor import Tensor
from corex.tensor.twins import among


def bind_lists(
    schema: OpSchema, lists: Sequence[Sequence[Tensor]], params: tuple[Any, ...]
) -> None:
    """Applies an op that writes lists of tensors in place, all but the second, and records nothing.

    It runs by a kernel where all tensors share a dispatch key.

    Raises:
        RuntimeError: elements of a written tensor, or of it and its gradient, share memory.
    """
    if not lists[0]:
        return
    if levels.open:
        everyone = [t for part in lists for t in part]
        if not among(everyone) and write_interpreted(schema.name, everyone, lists, (), params):
            return
    key = lists[0][0].key
    alike = _plain(lists, key)
    if not alike:
        _check_memory(schema.name, lists)
        alike = all([t.key is key for tensors in lists for t in tensors])
    found = key.kernels.get(schema.name)
    if found is None:
        found = resolve_uniform(key, schema.name, (key.dtype,))
    reason = found.reason if found.run is None else "the tensors differ in dtype or place"
    if alike and found.run is not None:
        views = _views(lists, key)
        arguments = (*views, *params)
        found = launch(found, schema.name, key.place, arguments, views, 1, params)
        if found.run is not None:
            for tensors in (lists[0], *lists[2:]):
                for t in tensors:
                    t.storage_.version += 1
            return
        reason = found.reason
    assert schema.decomposition is not None
    given = [list(tensors) for tensors in lists]
    with no_grad():
        events.run_parts(
            schema.decomposition, (*lists, *params),
            schema.name, key.place, reason, given[:1], given[1:], params,
        )  # fmt: skip


def _plain(lists: Sequence[Sequence[Tensor]], key: DispatchKey) -> bool:
    """Whether all is row-major, of one key, and no gradient in its parameter's memory."""
    for t, grad in zip(lists[0], lists[1], strict=True):
        if t.key is not key or t._strides is not None or grad.storage_.buffer is t.storage_.buffer:
            return False
    for tensors in lists[1:]:
        for t in tensors:
            if t.key is not key or t._strides is not None:
                return False
    return True


def _check_memory(op: str, lists: Sequence[Sequence[Tensor]]) -> None:
    """All but the gradients, list 1, are written: element by element, in any order.

    Raises:
        RuntimeError: elements of a written tensor, or of it and its gradient, share memory.
    """
    for tensors in (lists[0], *lists[2:]):
        for t in [t for t in tensors if t._strides is not None]:
            if self_overlaps(t.shape, t.strides):
                raise RuntimeError(
                    f"[{op}] unsupported operation: more than one element of the written-to tensor "
                    f"of shape {t.shape} and strides {t._strides} refers to a single memory "
                    f"location. Please clone() the tensor before performing the operation."
                )
    pairs = zip(lists[0], lists[1], strict=True)
    for t, grad in [(t, g) for t, g in pairs if g.storage_.buffer is t.storage_.buffer]:
        if may_overlap(t, grad) and not same_view(t, grad):
            raise RuntimeError(
                f"[{op}] unsupported operation: some elements of the gradient and the written-to "
                f"parameter of shape {t.shape} refer to a single memory location. Please clone() "
                f"the tensor before performing the operation."
            )


def _views(lists: Sequence[Sequence[Tensor]], key: DispatchKey) -> list[list[View]]:
    """What the kernel sees of tensors of one key."""
    # Parameters apart from the rest: each loop then sees one type of tensor, and the interpreter
    # reads the attributes of one type faster than of several.
    dtype = key.dtype
    first = [
        (t.storage_.buffer, dtype, t.shape, t._strides or DENSE[t.shape], t.offset)
        for t in lists[0]
    ]
    rest = [
        [
            (t.storage_.buffer, dtype, t.shape, t._strides or DENSE[t.shape], t.offset)
            for t in tensors
        ]
        for tensors in lists[1:]
    ]
    return [first, *rest]
