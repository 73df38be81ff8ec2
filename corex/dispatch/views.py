"""Applying views: the gate of the ops that never reach a backend."""

from __future__ import annotations

import weakref
from typing import Any

from corex.dispatch import levels
from corex.dispatch.record import new_node
from corex.layout import DENSE
from corex.tensor.lineage import NO_GRAD, Made, remember, watch
from corex.tensor.modes import mode
from corex.tensor.node import UNREACHED, Node
from corex.tensor.tensor import Tensor, make
from corex.tensor.view_op import ViewOp


def bind_view(op: ViewOp, t: Tensor, params: tuple[Any, ...], made: Made | None = None) -> Tensor:
    """The view `op` of `t`: it shares the storage, is recorded, and known to its base.

    `made` is given if the view may not be written while ops record.
    """
    # `make` and `lineage.register`, written out: small views are made all the time.
    strides = t._strides
    storage = t.storage_
    if levels.open:
        result = hidden(op, t, params)
        storage = result.storage_
    else:
        result = _new(Tensor)
        result.storage_ = storage
        result.key = key = t.key
        if op.rekey is not None:
            result.key = op.rekey(key, *params)
        shape, strides, result.offset = op.geometry(
            t.shape, DENSE[t.shape] if strides is None else strides, t.offset, *params
        )
        result.shape = shape
        result._strides = None if strides == DENSE[shape] else strides
    base = t._base
    if base is None:
        base = t
    node: Node | None
    if mode.enabled:
        node = t._node
        if node is not None:
            node = new_node(op.plan, ((node, t._output_nr),), params, (t.shape,), _VERSIONS)
        if made is None:
            made = t._made
    else:
        node = None if base._node is None else UNREACHED
        made = NO_GRAD
    result._node = node
    result._base = base
    if made is not None:
        result._made = made
    at = storage.version
    if at:
        result._at = at
    views = base._views
    if views is not None and len(views) < base._views_limit:
        views.append(_ref(result))
    else:
        remember(base, result)
    if node is not None and not base._watched:
        watch(base)
    return result


_new = object.__new__
_ref = weakref.ref
_VERSIONS = (None,)


def hidden(op: ViewOp, t: Tensor, params: tuple[Any, ...]) -> Tensor:
    """A view outside the graph, of which no base is told, by whoever interprets the tensor's ops:
    for a moment's use by the runtime."""
    interpreter = levels.handler((t,)) if levels.open else None
    if interpreter is not None:
        with levels.below(interpreter):
            return interpreter.view(op, t, params)
    shape, strides, offset = op.geometry(t.shape, t.strides, t.offset, *params)
    key = t.key
    if op.rekey is not None:
        key = op.rekey(key, *params)
    return make(t.storage_, key, shape, None if strides == DENSE[shape] else strides, offset)


def transformed(op: ViewOp, fresh: Tensor, params: tuple[Any, ...]) -> Tensor:
    """A view of a result that nobody else holds: it is no view to the user, but what the op gives.

    Ops that work on other dims than the user sees end so.
    """
    result = hidden(op, fresh, params)
    node = fresh._node
    if node is not None and mode.enabled:
        edges = ((node, fresh._output_nr),)
        result._node = new_node(op.plan, edges, params, (fresh.shape,), _VERSIONS)
    return result


def renewed_node(op: ViewOp, base: Tensor, params: tuple[Any, ...]) -> Node:
    """The node of a view that is made anew from its base."""
    edges = ((base._node, base._output_nr),)
    return new_node(op.plan, edges, params, (base.shape,), _VERSIONS)
