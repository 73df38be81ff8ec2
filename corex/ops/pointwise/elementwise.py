"""How elementwise ops are called: a short cut for the common case, and the general way.

The short cuts (`corex.dispatch.template`) take dense operands of one shape and one dispatch key, or
a Python number. Everything else (broadcasting, promotion, strides, `out=`, backends without direct
kernels) goes to `general`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatch import levels, template
from corex.dispatch.bind import bind_pointwise
from corex.dispatch.launch import launch
from corex.dispatch.resolve import check_overlap, check_places
from corex.dtypes import DType
from corex.errors import LayoutError
from corex.layout import DENSE, broadcast_shapes
from corex.ops.inplace import check_inplace, finish_inplace, old_value
from corex.ops.out import require_out, write_out
from corex.ops.places import brought, common_place
from corex.ops.pointwise.exact import exact
from corex.ops.promotion import Number, as_number, cast, operand_number, require_tensor, result_type
from corex.tensor import place as places
from corex.tensor.place import DispatchKey
from corex.tensor.schema import OpSchema
from corex.tensor.tensor import TENSOR_TYPES, Tensor

_new = object.__new__
_BOOL = dt.bool_.index
_Operand = Tensor | Number


def unary_function(schema: OpSchema) -> Callable[..., Tensor]:
    """The function of a unary op."""

    def otherwise(input: Any, out: Tensor | None) -> Tensor:
        t = require_tensor(schema.name, input)
        if schema.of_complex is not None and t.is_complex() and type(t) in TENSOR_TYPES:
            result: Tensor = schema.of_complex(t)
            return result if out is None else write_out(out, result, schema.name)
        return general(schema, (t,), (), out)

    return _named(template.unary(schema, otherwise), schema)


def binary_operator(schema: OpSchema) -> Callable[[Tensor, Any], Any]:
    """The operator method of a binary op, `a + b`: NotImplemented for foreign operands."""
    name = schema.name
    to_bool = schema.family == "compare"
    takes = schema.takes

    def otherwise(self: Tensor, other: Any) -> Any:
        if type(other) in TENSOR_TYPES:
            key = self.key
            if other.key is key and key.dtype in takes:  # nothing to promote
                output = dt.bool_ if to_bool else key.dtype
                shape = self.shape
                if other.shape != shape:
                    shape = broadcast_shapes(name, shape, other.shape)
                return bind_pointwise(schema, (self, other), (), shape, output)
            return general(schema, (self, other))
        key = self.key
        if type(other) is float and key.dtype.keeps_floats and key.dtype in takes:
            output = dt.bool_ if to_bool else key.dtype  # the number cannot but fit
            return bind_pointwise(schema, (self, other), (), self.shape, output, None, True)
        if isinstance(other, bool | int | float):
            return general(schema, (self, other))
        converted = as_number(other)
        if converted is None:
            return _with_array(schema, self, other)
        return general(schema, (self, converted))

    return _named(template.binary(schema, otherwise), schema)


def _with_array(schema: OpSchema, a: Any, b: Any) -> Any:
    """A tensor with a NumPy array on either side, where the array's own operator is of no use.

    Equality it would leave to identity, and `array / tensor` to the tensor.
    """
    if isinstance(a, Tensor) and schema.name in ("eq", "ne") and is_array(b):
        return general(schema, (a, a.__array_wrap__(b)))
    if isinstance(b, Tensor) and schema.name == "div" and is_array(a):
        return general(schema, (b.__array_wrap__(a), b))
    return NotImplemented


def is_array(value: Any) -> bool:
    """Whether this is an array of numbers of NumPy's, which need not be imported."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray) and value.dtype.kind in "buifc"


def is_operand(value: Any) -> bool:
    """Whether an operator takes this operand: a tensor, or a number of Python's or NumPy's."""
    return isinstance(value, Tensor | bool | int | float) or as_number(value) is not None


def reflected_operator(schema: OpSchema) -> Callable[[Tensor, Any], Any]:
    """The reflected operator method, `2 - a`."""

    def otherwise(self: Tensor, other: Any) -> Any:
        if type(other) in TENSOR_TYPES:  # only if called by name: `a - b` asks a first
            return general(schema, (other, self))
        number = other if isinstance(other, bool | int | float) else as_number(other)
        if number is None:
            return _with_array(schema, other, self)
        return general(schema, (number, self))

    return _named(template.reflected(schema, otherwise), schema)


def binary_function(schema: OpSchema, numbers: str = "both") -> Callable[..., Tensor]:
    """The function of a binary op, `corex.maximum(a, b)`; also serves as the method.

    `numbers` says which operands may be numbers: both, the second, or none.
    """
    name = schema.name
    operator = binary_operator(schema)

    def of_tensors(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
        if out is None and type(input) in TENSOR_TYPES and type(other) in TENSOR_TYPES:
            return operator(input, other)  # type: ignore[no-any-return]
        return general(
            schema, (_only_tensor(name, input, 0), _only_tensor(name, other, 1)), (), out
        )

    def of_tensor(input: Tensor, other: _Operand, *, out: Tensor | None = None) -> Tensor:
        if out is None and type(input) in TENSOR_TYPES:
            result = operator(input, other)
            if result is not NotImplemented:
                return result  # type: ignore[no-any-return]
        return general(schema, (_only_tensor(name, input, 0), operand(name, other, 1)), (), out)

    if numbers != "both":
        return _named(of_tensors if numbers == "none" else of_tensor, schema)

    def op(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
        if out is None and type(input) in TENSOR_TYPES:
            result = operator(input, other)  # type: ignore[arg-type]
            if result is not NotImplemented:
                return result  # type: ignore[no-any-return]
        return general(schema, (operand(name, input, 0), operand(name, other, 1)), (), out)

    return _named(op, schema)


def inplace_function(
    schema: OpSchema, operator: bool = False, tensors: bool = False
) -> Callable[..., Tensor]:
    """The in-place method, `a.add_(b)`; as an operator NotImplemented for foreign operands. Numbers
    are no operands of one of `tensors`."""

    name = schema.name
    plain = schema.family in ("unary", "binary")
    count = len(schema.inputs) - 1

    def op(self: Tensor, *others: Any, other: Any = None) -> Tensor:
        if other is not None:
            others = (*others, other)
        if len(others) != count:
            raise TypeError(
                f"{name}_() takes {count} operands besides the tensor, not {len(others)}"
            )
        if tensors and not isinstance(others[0], Tensor):
            _only_tensor(f"{name}_", others[0], 1)
        if plain and self._base is None and self._node is None and self._strides is None:
            # Dense, outside the graph, and with operands that fit: nothing to check or record.
            found = self.key.kernels.get(name)
            if found is not None and found.accepts is None and found.run is not None:
                views = _fitting(self, others, found.numbers)
                if views is not None and not (places.observers or levels.open):
                    launch(found, name, self.key.place, (views[0], *views))
                    self.storage_.version += 1
                    return self
        if operator and not is_operand(others[0]):
            return NotImplemented  # type: ignore[no-any-return]
        return inplace(schema, self, others)

    op.__name__ = op.__qualname__ = f"{schema.name}_"
    op.__doc__ = f"In-place version of `{schema.name}`; returns the tensor itself."
    return op


def _fitting(self: Tensor, others: tuple[Any, ...], numbers: bool) -> list[Any] | None:
    """Views of a dense tensor and of operands of its own key and shape, or (for a kernel that takes
    them) numbers; else None."""
    key = self.key
    shape = self.shape
    dense = DENSE[shape]
    views: list[Any] = [(self.storage_.buffer, key.dtype, shape, dense, self.offset)]
    for other in others:
        kind = type(other)
        if kind in TENSOR_TYPES:
            if (
                other.key is not key
                or other.shape != shape
                or other._node is not None
                or other._strides is not None
                or (other.storage_.buffer is self.storage_.buffer and other.offset != self.offset)
            ):
                return None
            views.append((other.storage_.buffer, key.dtype, shape, dense, other.offset))
        elif numbers and (
            (kind is float and key.dtype.keeps_floats)
            or (kind is int and key.dtype.kind in "if" and -_WORD <= other < _WORD)
        ):
            views.append(other)
        else:
            return None
    return views


_WORD = 2**63


def inplace(
    schema: OpSchema, self: Tensor, others: tuple[Any, ...], params: tuple[Any, ...] = ()
) -> Tensor:
    """Runs an elementwise op with its first input as output, and rebases the graph.

    Raises:
        RuntimeError: a leaf that requires gradients, a result that does not fit the tensor's shape
            or dtype, or overlapping elements.
    """
    operands = (self, *[operand(schema.name, other, i) for i, other in enumerate(others, 1)])
    try:
        requires = check_inplace(schema.name, self, operands)
        for other in operands[1:]:
            if isinstance(other, Tensor):
                check_overlap(f"{schema.name}_", self, other)
        operands, output = _promoted(schema, operands)
    except LayoutError as reached:
        return reached.answer(f"{schema.name}_", operands, {})  # type: ignore[no-any-return]
    numbers = any([not isinstance(t, Tensor) for t in operands])
    shape = self.shape
    for t in operands:
        if isinstance(t, Tensor) and t.shape and t.shape != shape:
            shape = broadcast_shapes(schema.name, shape, t.shape)
    if shape != self.shape:
        raise RuntimeError(
            f"[{schema.name}_] output with shape {list(self.shape)} doesn't match the broadcast "
            f"shape {list(shape)}"
        )
    if output is not self.key.dtype and not dt.can_cast(output, self.key.dtype):
        raise RuntimeError(
            f"[{schema.name}_] result type {output.name} can't be cast to the desired output type "
            f"{self.key.dtype.name}"
        )
    target = operands[0]
    if target is not self or output is not self.key.dtype:
        assert isinstance(target, Tensor)
        check_places(schema.name, [target], self.key.place)
        result = bind_pointwise(schema, operands, params, shape, output, numbers=numbers)
        return self.copy_(result)
    if not requires:
        bind_pointwise(schema, operands, params, shape, output, self, numbers)
        self.storage_.version += 1
        return self
    # As in PyTorch, the target's old value is copied if the derivative needs it. Other inputs keep
    # the version from before the write, so that backward finds if their old values are gone.
    edges = tuple(
        [(t._node, t._output_nr) if isinstance(t, Tensor) else (None, 0) for t in operands]
    )
    inputs = (old_value(schema, operands), *operands[1:])
    versions = [t.storage_.version if isinstance(t, Tensor) else None for t in inputs]
    bind_pointwise(schema, operands, params, shape, output, self, numbers)
    self.storage_.version += 1
    finish_inplace(schema, self, inputs, params, edges, versions)
    return self


def general(
    schema: OpSchema,
    operands: tuple[_Operand, ...],
    params: tuple[Any, ...] = (),
    out: Tensor | None = None,
) -> Tensor:
    """Promotion, broadcasting, any layout, any backend, and `out=`.

    Raises:
        RuntimeError: shapes do not broadcast, mixed places, or a dtype the op does not take.
    """
    try:
        if schema.family == "compare":
            schema, operands = exact(schema, operands)
        if out is not None:
            require_out(schema.name, out)
            for operand in operands:
                if isinstance(operand, Tensor):
                    check_overlap(schema.name, out, operand)
        operands, output = _promoted(schema, operands)
    except LayoutError as reached:
        return reached.answer(schema.name, operands, {"out": out})  # type: ignore[no-any-return]
    tensors = [t for t in operands if isinstance(t, Tensor)]
    numbers = len(tensors) < len(operands)
    shape = tensors[0].shape
    for t in tensors:
        if t.shape != shape:
            shape = broadcast_shapes(schema.name, *[t.shape for t in tensors])
            break
    if out is None:
        return bind_pointwise(schema, operands, params, shape, output, None, numbers)
    if _takes(out, shape, tensors[0].key.place.keys[output.index], tensors):
        bind_pointwise(schema, operands, params, shape, output, out, numbers)
        out.storage_.version += 1
        return out
    result = bind_pointwise(schema, operands, params, shape, output, None, numbers)
    return write_out(out, result, schema.name)


def _takes(out: Tensor, shape: tuple[int, ...], key: DispatchKey, inputs: Sequence[Tensor]) -> bool:
    """Whether a kernel may write straight to `out`: nothing to convert, resize or record."""
    return (
        out.key is key
        and out.shape == shape
        and out._node is None
        and out._base is None
        and out._strides is None
        and all([t._node is None for t in inputs])
    )


def _promoted(
    schema: OpSchema, operands: tuple[_Operand, ...]
) -> tuple[tuple[_Operand, ...], DType]:
    """Operands of the computing dtype (numbers stay numbers), and the result's dtype."""
    first = operands[0]
    key = first.key if isinstance(first, Tensor) else None
    if key is not None and key.dtype in schema.takes:
        output = dt.bool_ if schema.family in _TO_BOOL else key.dtype
        for other in operands[1:]:
            if not isinstance(other, Tensor):
                kind = type(other)
                fits = (kind is float and key.dtype.keeps_floats) or (
                    kind is int and key.dtype.kind != "b"
                )
                if fits and len(operands) == 2:
                    return (first, operand_number(other, key.dtype, schema.name)), output
                break
            if other.key is not key:
                break
        else:  # the common case: nothing to promote
            return operands, output
    given = [operand for operand in operands if isinstance(operand, Tensor)]
    if not given:
        raise TypeError(f"{schema.name}(): at least one operand must be a Tensor")
    place = given[0].key.place
    mixed = any([t.key.place is not place for t in given])
    if mixed:
        place = common_place(schema.name, given)
    dtype = key.dtype if key and len(operands) == 1 else result_type(*operands)
    if schema.name == "sub":
        _check_sub(operands)
    if dtype not in schema.takes:
        if schema.promote == "float" and dtype.category < 2:
            dtype = dt.get_default_dtype()
        elif schema.promote == "int" and dtype.kind == "b":
            dtype = dt.int64
        else:
            raise _unsupported(schema, dtype)
    result = [
        cast(o, dtype) if isinstance(o, Tensor) else operand_number(o, dtype, schema.name)
        for o in operands
    ]
    if mixed:
        result = [brought(o, place) if isinstance(o, Tensor) else o for o in result]
    return tuple(result), dt.bool_ if schema.family in _TO_BOOL else dtype


_TO_BOOL = ("compare", "predicate")
_BOOL_HINTS = {
    "sub": "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
    "`logical_xor()` operator instead.",
    "relu": "Boolean inputs not supported for relu",
    "neg": "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
    "invert a mask, use the `~` or `logical_not()` operator instead.",
}


def _check_sub(operands: tuple[_Operand, ...]) -> None:
    """Raises RuntimeError where a truth value is subtracted, or subtracted from."""
    kinds = [
        o.key.dtype.kind == "b" if isinstance(o, Tensor) else o is True or o is False
        for o in operands
    ]
    if any(kinds) and not all(kinds):
        raise RuntimeError(
            "[sub] Subtraction, the `-` operator, with a bool tensor is not supported. If you are "
            "trying to invert a mask, use the `~` or `logical_not()` operator instead."
        )


_KINDS = {
    "b": "bool",
    "u": "unsigned integer",
    "i": "integer",
    "f": "floating-point",
    "c": "complex",
}


def _unsupported(schema: OpSchema, dtype: DType) -> RuntimeError:
    if dtype is dt.bool_ and schema.name in _BOOL_HINTS:
        return RuntimeError(f"[{schema.name}] {_BOOL_HINTS[schema.name]}")
    taken = dict.fromkeys(d.kind for d in dt.ALL if d in schema.takes)
    wanted = ", ".join(_KINDS[kind] for kind in taken)
    return NotImplementedError(
        f'[{schema.name}] "{schema.name}" not implemented for {dtype!r}; it takes {wanted} tensors'
    )


def _only_tensor(op: str, value: Any, position: int) -> Tensor:
    """
    Raises:
        TypeError: no tensor.
    """
    if isinstance(value, Tensor):
        return value
    raise TypeError(
        f"{op}(): argument '{('input', 'other')[position]}' (position {position + 1}) must be "
        f"Tensor, not {type(value).__name__}"
    )


def operand(op: str, value: Any, position: int) -> _Operand:
    """A tensor, or a number as Python's own.

    Raises:
        TypeError: neither.
    """
    if isinstance(value, Tensor):
        return value
    number = as_number(value)
    if number is None:
        name = ("input", "other", "third")[position]
        raise TypeError(
            f"{op}(): argument '{name}' (position {position + 1}) must be Tensor or number, not "
            f"{type(value).__name__}"
        )
    return number


def _named(op: Callable[..., Any], schema: OpSchema) -> Callable[..., Any]:
    op.__name__ = op.__qualname__ = schema.name
    op.__doc__ = schema.doc
    return op
