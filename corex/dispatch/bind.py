"""The gate: the one place where an op is applied.

An op runs by its own kernel (or one for a wider dtype, which is found in its place), else by its
decomposition, else by a host backend's kernel. Before, whoever interprets the ops of this thread
may do something else with it; afterwards it is recorded, if it must be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from corex.dispatch import levels
from corex.dispatch.fallback import on_host, run_fallback
from corex.dispatch.launch import launch
from corex.dispatch.record import finish, no_grad, record, unhurried
from corex.dispatch.resolve import (
    TWINS,
    Resolution,
    check_places,
    dtype_of,
    empty,
    empty_with,
    may_overlap,
    resolve,
    resolve_uniform,
    same_view,
    view,
    view_as,
)
from corex.dispatch.write import copy, fill, resolved_all, write, write_interpreted
from corex.dtypes import DType
from corex.layout import (
    DENSE,
    broadcast_strides,
    memory_order,
    ordered_strides,
    result_strides,
    strides_like,
)
from corex.observe import events
from corex.tensor import place as places
from corex.tensor.modes import mode
from corex.tensor.place import DispatchKey, Place
from corex.tensor.schema import OpSchema, unlisted
from corex.tensor.tensor import Tensor, alias, make
from corex.tensor.twins import among

__all__ = ["copy", "fill", "write", "write_interpreted"]

Shape = tuple[int, ...]
Spec = tuple[Shape, DType]


# ---- ops with a result rule ----------------------------------------------------------------------
def bind(
    schema: OpSchema,
    inputs: tuple[Tensor | None, ...],
    params: tuple[Any, ...] = (),
    order: Shape | None = None,
) -> Any:
    """Applies an op: checks places, applies the result rule, runs it, and records it for autograd.

    The op's own checks and promotions are done by its public function before. `order` says how its
    results had best lie in memory, as `empty` takes it; they are row-major where that cannot be.
    """
    if levels.open:
        if among(inputs):
            return _bind_twins(schema, inputs, params, order)
        interpreted = _interpreted(schema, inputs, params)
        if interpreted is not None:
            outs, inputs = interpreted
            return finish(schema, inputs, params, outs)
    first = inputs[0]
    assert first is not None
    place = first.key.place
    for t in inputs:
        if t is not None and t.key.place is not place:
            check_places(schema.name, inputs[1:], place)
            if among(inputs):
                return _bind_twins(schema, inputs, params, order)
    assert schema.result is not None
    specs: list[Spec] = schema.result(*inputs, *params)
    found = first.key.kernels.get(schema.name) if schema.uniform else None
    if found is None:
        found = _resolve_for(schema, place, specs, inputs)
    kernel_params = params[: -schema.rule_params] if schema.rule_params else params
    if found.run is not None:
        if found.accepts is not None:  # it might decline what is not row-major
            order = None
        outs = [empty(place.keys[dtype.index], shape, order) for shape, dtype in specs]
        arguments = (
            *[view(t) for t in outs],
            *[None if t is None else view(t) for t in inputs],
            *kernel_params,
        )
        found = launch(
            found, schema.name, place, arguments, (*outs, *inputs), len(outs), kernel_params
        )
        if found.run is not None:
            return finish(schema, inputs, params, outs)
    elif found is TWINS:
        return _bind_twins(schema, inputs, params, order)
    dtypes = _dtypes_of(specs, inputs) if found.host else ()
    if composes(schema, inputs) and not on_host(found, place, schema.name, dtypes):
        return events.run_parts(
            _decomposed, (schema, inputs, params, order),
            schema.name, place, found.reason, specs, inputs, kernel_params,
        )  # fmt: skip
    outs = [empty(place.keys[dtype.index], shape) for shape, dtype in specs]
    run_fallback(schema.name, outs, inputs, kernel_params, found)
    return finish(schema, inputs, params, outs)


def _bind_twins(
    schema: OpSchema, inputs: tuple[Any, ...], params: tuple[Any, ...], order: Shape | None
) -> Any:
    """`bind`, where inputs are twins: they are resolved first. What is saved is the twins."""
    given = resolved_all(inputs)
    if not schema.differentiable:  # its parts are recorded
        return bind(schema, given, params, order)
    with no_grad():
        result = bind(schema, given, params, order)
    outs = [result] if isinstance(result, Tensor) else list(result)
    found = finish(schema, inputs, params, outs)
    unhurried(outs[0]._node)
    return found


def _decomposed(
    schema: OpSchema, inputs: tuple[Any, ...], params: tuple[Any, ...], order: Shape | None
) -> Any:
    if not schema.differentiable:
        return _parts(schema, inputs, params)
    with no_grad():
        result = _parts(schema, inputs, params)
    outs = [result] if isinstance(result, Tensor) else list(result)
    kept = schema.columns
    outs = [alias(t) if i in kept else _as_from_a_kernel(t, order) for i, t in enumerate(outs)]
    return finish(schema, inputs, params, outs)


def _steps(schema: OpSchema, inputs: Sequence[Any]) -> Callable[..., Any] | None:
    """What the op is composed of on these inputs."""
    if schema.complex_steps is not None:
        for t in inputs:
            if isinstance(t, Tensor) and t.key.dtype.is_complex:
                return schema.complex_steps
    return schema.decomposition


def composes(schema: OpSchema, inputs: Sequence[Any]) -> bool:
    """Whether the op is composed of others where there is no kernel for these inputs."""
    return _steps(schema, inputs) is not None


def _parts(schema: OpSchema, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """The decomposition; of 16-bit floats in the wider dtype: only the result is rounded."""
    steps = _steps(schema, inputs)
    assert steps is not None
    narrow = next((t.key for t in inputs if isinstance(t, Tensor) and _is_narrow(t.key)), None)
    if narrow is None:
        return steps(*inputs, *params)
    dtype, wide = narrow.dtype, narrow.dtype.compute
    assert wide is not None
    result = steps(*[_converted(t, dtype, wide) for t in inputs], *params)
    if isinstance(result, Tensor):
        return _converted(result, wide, dtype)
    return [_converted(t, wide, dtype) for t in result]


def _is_narrow(key: DispatchKey) -> bool:
    """Whether it is of floats that another dtype on the same place is computed in."""
    dtype = key.dtype
    compute = dtype.compute
    return dtype.is_inexact and compute is not None and key.place.holds(compute)


def _converted(t: Any, of: DType, to: DType) -> Any:
    return cast(t, to) if isinstance(t, Tensor) and t.key.dtype is of else t


def _as_from_a_kernel(t: Tensor, order: Shape | None) -> Tensor:
    """What a decomposition gave, in the layout that was asked for."""
    if order is None and t.is_contiguous():
        return alias(t)
    if order is not None and t.strides == ordered_strides(t.shape, order):
        return alias(t)
    return dense_copy(t, order=order)


def _interpreted(
    schema: OpSchema,
    inputs: tuple[Any, ...],
    params: tuple[Any, ...],
    spec: Spec | None = None,
    out: Tensor | None = None,
) -> tuple[list[Tensor], tuple[Any, ...]] | None:
    """The results by whoever interprets this op, outside the graph, and what to record as its
    inputs: those of lower levels are recorded there. None if nobody interprets it."""
    interpreter = levels.handler(inputs if out is None else (*inputs, out))
    if interpreter is None:
        return None
    with levels.below(interpreter):
        result = interpreter.op(schema, inputs, params, spec, out)
    if result is NotImplemented:
        assert composes(schema, inputs), f"[{schema.name}] {interpreter} has no rule for it"
        with no_grad():
            result = _parts(schema, inputs, params)
    outs = [result] if isinstance(result, Tensor) else list(result)
    return outs, inputs if interpreter.sees_all else levels.own(interpreter, inputs)


def _dtypes_of(specs: Sequence[Spec], inputs: Sequence[Tensor | None]) -> tuple[DType, ...]:
    given = [t.key.dtype for t in inputs if t is not None]
    return (*[dtype for _, dtype in specs], *given)


def _resolve_for(
    schema: OpSchema, place: Place, specs: Sequence[Spec], inputs: Sequence[Tensor | None]
) -> Resolution:
    dtypes = _dtypes_of(specs, inputs)
    if schema.uniform:
        return resolve_uniform(inputs[0].key, schema.name, dtypes)  # type: ignore[union-attr]
    return resolve(place, schema.name, dtypes)


# ---- elementwise ops -----------------------------------------------------------------------------
def bind_pointwise(
    schema: OpSchema,
    inputs: tuple[Any, ...],
    params: tuple[Any, ...],
    shape: Shape,
    dtype: DType,
    out: Tensor | None = None,
    numbers: bool = False,
) -> Tensor:
    """Applies an elementwise op to operands of the right dtypes, which broadcast to `shape`.

    With `numbers`, some operands are numbers, and stand for elements of the dtype of the others.
    With `out`, which has `shape` and `dtype` and is checked by the caller, the result is written
    there and nothing is recorded.
    """
    if levels.open:
        if among((*inputs, out)):
            return _pointwise_twins(schema, inputs, params, shape, dtype, out, numbers)
        interpreted = _interpreted(schema, inputs, params, (shape, dtype), out)
        if interpreted is not None:
            outs, inputs = interpreted
            return outs[0] if out is not None else _recorded(schema, inputs, params, outs[0])
    tensors = _tensors(inputs) if numbers else inputs
    key = tensors[0].key
    place = key.place
    uniform = dtype is key.dtype
    strided = graph = False
    for t in tensors:
        if t.key is not key:
            uniform = False
            if t.key.place is not place:
                check_places(schema.name, tensors[1:], place)
                if among(tensors):
                    return _pointwise_twins(schema, inputs, params, shape, dtype, out, numbers)
        if t._strides is not None:
            strided = True
        if t._node is not None:
            graph = True
    found = key.kernels.get(schema.name) if uniform else None
    if found is None:
        dtypes = _dtypes(schema, inputs, dtype) if numbers else (dtype, *map(dtype_of, inputs))
        found = (
            resolve_uniform(key, schema.name, dtypes)
            if uniform
            else resolve(place, schema.name, dtypes)
        )
        if found is TWINS:
            return _pointwise_twins(schema, inputs, params, shape, dtype, out, numbers)
    operands = inputs
    if numbers and not found.numbers:  # the kernel, or the decomposition, wants tensors
        numbers = False
        own = place.keys[computing(schema, inputs, dtype).index]
        operands = tuple([number_tensor(t, own) if type(t) in NUMBERS else t for t in inputs])
    if out is None:
        own = place.keys[dtype.index]
        if strided and found.accepts is None:
            seen = [(t.shape, t._strides or DENSE[t.shape]) for t in tensors]
            result = empty_with(own, shape, result_strides(shape, *seen))
        else:
            result = empty(own, shape)
    else:
        result = out
        operands = tuple([t if t is out else _without_overlap(t, out) for t in operands])
    if found.run is not None:
        dense = DENSE[shape]
        views = [(result.storage_.buffer, dtype, shape, result._strides or dense, result.offset)]
        for t in operands:
            if numbers and type(t) in NUMBERS:
                views.append(t)
                continue
            strides = t._strides or dense
            if t.shape != shape:
                strides = broadcast_strides(t.shape, t._strides or DENSE[t.shape], shape)
            views.append((t.storage_.buffer, t.key.dtype, shape, strides, t.offset))
        arguments = (*views, *params)
        if numbers and places.observers:
            alone = (None, computing(schema, inputs, dtype), shape, (0,) * len(shape), 0)
            views = [alone if type(v) in NUMBERS else v for v in views]
        found = launch(found, schema.name, place, arguments, views, 1, params)
        if found.run is not None:
            return _recorded(schema, inputs, params, result) if graph and out is None else result
    dtypes = (dtype, *[t.key.dtype for t in operands]) if found.host else ()
    if composes(schema, operands) and not on_host(found, place, schema.name, dtypes):
        shown = [view_as(t, shape) for t in operands] if places.observers else ()
        unrecorded = out is not None or schema.differentiable
        with no_grad() if unrecorded else nullcontext():
            composed: Tensor = events.run_parts(
                _parts, (schema, operands, params),
                schema.name, place, found.reason, [result], shown, params,
            )  # fmt: skip
            if out is not None:
                write("copy", [out], [composed])
                return out
            if strided and unrecorded and composed._strides != result._strides:
                write("copy", [result], [composed])  # laid out as by a kernel
                composed = result
        return _recorded(schema, inputs, params, alias(composed)) if unrecorded else composed
    expanded = [alias_as(t, shape) for t in operands]
    run_fallback(schema.name, [result], expanded, params, found)
    return result if out is not None else _recorded(schema, inputs, params, result)


def _pointwise_twins(
    schema: OpSchema,
    inputs: tuple[Any, ...],
    params: tuple[Any, ...],
    shape: Shape,
    dtype: DType,
    out: Tensor | None,
    numbers: bool,
) -> Tensor:
    """`bind_pointwise`, where operands are twins: they are resolved first."""
    given = resolved_all(inputs)
    if out is None and not schema.differentiable:  # its parts are recorded
        return bind_pointwise(schema, given, params, shape, dtype, None, numbers)
    with no_grad():
        straight = out if out is not None and not out.key.place.bits else None
        result = bind_pointwise(schema, given, params, shape, dtype, straight, numbers)
        if out is not None:
            if out is not result:
                write("copy", [out], [result])
            return out
    result = _recorded(schema, inputs, params, result)
    unhurried(result._node)
    return result


NUMBERS = frozenset({bool, int, float, complex})


def _tensors(inputs: Sequence[Any]) -> tuple[Tensor, ...]:
    return tuple([t for t in inputs if type(t) not in NUMBERS])


def _dtypes(schema: OpSchema, inputs: Sequence[Any], dtype: DType) -> tuple[DType, ...]:
    own = computing(schema, inputs, dtype)
    return (dtype, *[own if type(t) in NUMBERS else t.key.dtype for t in inputs])


def computing(schema: OpSchema, inputs: Sequence[Any], dtype: DType) -> DType:
    """The dtype of the elements that numbers among the operands stand for: the result's, unless
    that is a truth value."""
    return _tensors(inputs)[0].key.dtype if schema.family == "compare" else dtype


def number_tensor(value: bool | int | float, key: DispatchKey) -> Tensor:
    """A 0-d tensor of a number, made on the current stream: integers wrap around, floats round."""
    result = empty(key, ())
    fill(result, value)
    return result


def alias_as(t: Tensor, shape: Shape) -> Tensor:
    """A tensor over the same memory, broadcast to `shape`, outside the graph."""
    strides = broadcast_strides(t.shape, t.strides, shape)
    return make(t.storage_, t.key, shape, strides, t.offset)


def _recorded(
    schema: OpSchema, inputs: tuple[Any, ...], params: tuple[Any, ...], result: Tensor
) -> Tensor:
    if mode.enabled and schema.differentiable:
        for t in inputs:
            if type(t) not in NUMBERS and t._node is not None:
                shapes = tuple([None if type(t) in NUMBERS else t.shape for t in inputs])
                same = all([s is None or s == result.shape for s in shapes])
                record(schema, inputs, params, (result,), None if same else shapes)
                break
    return result


def rebind(
    schema: OpSchema,
    inputs: tuple[Any, ...],
    params: tuple[Any, ...],
    spec: Spec | None,
    out: Tensor | None,
) -> Any:
    """Applies an op as an interpreter was handed it."""
    if spec is None:
        return bind(schema, inputs, params)
    numbers = any([type(t) in NUMBERS for t in inputs])
    return bind_pointwise(schema, inputs, params, *spec, out, numbers)


# ---- copies --------------------------------------------------------------------------------------
def _without_overlap(t: Any, out: Tensor) -> Any:
    if type(t) in NUMBERS:
        return t
    if t.storage_.buffer is not out.storage_.buffer or same_view(t, out) or not may_overlap(t, out):
        return t
    return dense_copy(t)


def empty_like(t: Tensor, key: DispatchKey | None = None) -> Tensor:
    """An uninitialised tensor with the order of dims that `t` has in memory, as in PyTorch."""
    strides = t._strides
    if strides is None:
        return empty(key or t.key.own, t.shape)
    return empty_with(key or t.key.own, t.shape, strides_like(t.shape, strides))


def copy_like(t: Tensor, key: DispatchKey | None = None) -> Tensor:
    """A copy in the layout of `empty_like`, converted to the key's dtype. No autograd."""
    result = empty_like(t, key)
    copy(result, t)
    return result


def cast(t: Tensor, dtype: DType) -> Tensor:
    """`t` converted to `dtype`, differentiably between floating-point and complex types."""
    if t.key.dtype is dtype:
        return t
    result = copy_like(t, t.key.place.keys[dtype.index])
    if t._node is not None and mode.enabled and dtype.is_inexact:
        record(TO_COPY, (t,), (t.key.dtype,), (result,))
    return result


TO_COPY = unlisted("to_copy", ("a",), {"a": lambda g, source: cast(g, source)}, ("source",))
TO_COPY.analytic = False


def order_for(op: str, tensors: Sequence[Tensor], order: Shape | None) -> Shape | None:
    """`order` for the outputs of a kernel that `write` will call with tensors of these dtypes.

    None, for row-major ones, where it might decline others or is not there.
    """
    if order is None or levels.open:
        return None
    found = resolve(tensors[0].key.own.place, op, tuple([t.key.dtype for t in tensors]))
    return order if found.run is not None and found.accepts is None else None


def order_of(t: Tensor) -> Shape | None:
    """The dims of a tensor as they lie in memory, the slowest first; None if it is row-major."""
    return None if t._strides is None else memory_order(t._strides)


def dense_copy(t: Tensor, key: DispatchKey | None = None, order: Shape | None = None) -> Tensor:
    """A copy on the same place, converted to the key's dtype, laid out by `empty`. No autograd."""
    result = empty(key or t.key.own, t.shape, order)
    copy(result, t)
    return result
