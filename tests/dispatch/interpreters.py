"""Two small interpreters, a tape and a batch: what passes the gate is enough for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex import Tensor
from corex.dispatch.bind import rebind, write
from corex.dispatch.levels import Interpreter, Unwritten, interpreting
from corex.dispatch.lists import bind_lists
from corex.dispatch.views import bind_view, hidden
from corex.ops.shape.views import dense_clone
from corex.ops.shown import AS_STRIDED
from corex.tensor.schema import REGISTRY, OpSchema
from corex.tensor.storage import Storage
from corex.tensor.tensor import make
from corex.tensor.view_op import ViewOp

Changes = dict[str, Callable[[Any], Any]]


class Tape(Interpreter):
    """Takes notes of what its thread does, to do it again: with the memory that was there before as
    it is then, and what was made on the way made anew."""

    sees_all = True

    def __init__(self) -> None:
        self.steps: list[tuple[Any, ...]] = []

    def op(self, schema: OpSchema, inputs: Any, params: Any, spec: Any, out: Any) -> Any:
        result = rebind(schema, inputs, params, spec, out)
        made = () if out is not None else result if isinstance(result, tuple) else (result,)
        self.steps.append((schema, spec, noted((inputs, params, out)), noted(made)))
        return result

    def view(self, op: ViewOp, t: Tensor, params: Any) -> Tensor:
        return hidden(op, t, params)  # whoever reads or writes it is noted with its geometry

    def write(self, name: str, outs: Any, inputs: Any, params: Any, indices: Any) -> None:
        run_write(name, outs, inputs, params, indices)
        self.steps.append((name, None, noted((outs, inputs, params, indices)), ()))

    def replay(self, changes: Changes, *results: Tensor) -> list[Tensor]:
        """Runs the steps again, with other values of changing parameters; what became of
        `results`."""
        now: dict[int, Storage] = {}
        for op, spec, given, made in self.steps:
            if isinstance(op, str):
                outs, inputs, params, indices = renewed(given, now)
                run_write(op, outs, inputs, changed(REGISTRY.get(op), params, changes), indices)
                continue
            inputs, params, out = renewed(given, now)
            result = rebind(op, inputs, changed(op, params, changes), spec, out)
            fresh = result if isinstance(result, tuple) else (result,)
            for old, new in zip(made, fresh, strict=bool(made)):
                now[id(old[0])] = new.storage_
        return [renewed(noted(t), now) for t in results]


def run_write(name: str, outs: Any, inputs: Any, params: Any, indices: Any) -> None:
    lists = isinstance(outs[0], list | tuple)
    bind_lists(REGISTRY[name], outs, params) if lists else write(
        name, outs, inputs, params, indices
    )


class Note(tuple[Any, ...]):
    """(storage, key, shape, strides, offset) of a tensor."""


def noted(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple([noted(item) for item in value])
    if not isinstance(value, Tensor):
        return value
    return Note((value.storage_, value.key, value.shape, value._strides, value.offset))


def renewed(value: Any, now: dict[int, Storage]) -> Any:
    if isinstance(value, Note):
        return make(now.get(id(value[0]), value[0]), *value[1:])
    return tuple([renewed(item, now) for item in value]) if isinstance(value, tuple) else value


def changed(schema: OpSchema | None, params: Any, changes: Changes) -> Any:
    names = schema.params if schema is not None else ()
    moving = schema.changing if schema is not None else ()
    return tuple(
        [
            changes[names[i]](p) if i < len(names) and names[i] in moving else p
            for i, p in enumerate(params)
        ]
    )


class Batch(Interpreter):
    """Runs pointwise ops and views for many inputs at once, which lie along a first dim that the
    program does not see. Behind a tensor of its own stands, as its buffer, the one with that dim.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def of(self, t: Tensor) -> Tensor:
        """What the program sees of a tensor with the first dim."""
        storage = Storage()
        storage.buffer, storage.version = t, 0
        storage.place = place = self.over(t.key.place)
        return make(storage, place.key(t.dtype), t.shape[1:], t.stride()[1:], t.offset)

    def whole(self, t: Any, ndim: int = 0) -> Any:
        """Its tensor with the first dim, and at least `ndim` others; any other as it is."""
        if not isinstance(t, Tensor) or getattr(t.key.place, "interpreter", None) is not self:
            return t
        all, fill = t.storage_.buffer, max(0, ndim - t.ndim)
        shape = (self.size, *[1] * fill, *t.shape)
        strides = (all.stride(0), *[0] * fill, *t.stride())
        return bind_view(AS_STRIDED, all, (shape, strides, t.offset, all.stride(), all.offset))

    def op(self, schema: OpSchema, inputs: Any, params: Any, spec: Any, out: Any) -> Any:
        if spec is None or out is not None:
            raise NotImplementedError(f"no rule for {schema.name}")
        shape, dtype = spec
        given = tuple([self.whole(t, len(shape)) for t in inputs])
        return self.of(rebind(schema, given, params, ((self.size, *shape), dtype), None))

    def view(self, op: ViewOp, t: Tensor, params: Any) -> Tensor:
        shape, strides, offset = op.geometry(t.shape, t.stride(), t.offset, *params)
        return make(t.storage_, t.key, shape, strides, offset)

    def write(self, name: str, outs: Any, inputs: Any, params: Any, indices: Any) -> None:
        if name != "copy" or not isinstance(outs[0].storage_.buffer, Unwritten):
            raise NotImplementedError(f"no rule for {name}")
        outs[0].storage_.buffer = dense_clone(self.whole(inputs[0]))


def batched(function: Callable[..., Tensor], *dims: int | None) -> Callable[..., Tensor]:
    """`function` for each entry of the first dim of the arguments whose entry in `dims` is 0."""

    def call(*arguments: Tensor) -> Tensor:
        size = next(t.shape[0] for t, dim in zip(arguments, dims, strict=True) if dim == 0)
        batch = Batch(size)
        with interpreting(batch):
            given = [
                t if dim is None else batch.of(t) for t, dim in zip(arguments, dims, strict=True)
            ]
            return batch.whole(function(*given))

    return call
