"""Derivatives of whole functions: Jacobians, Hessians, and their products with vectors.

All functions take `func` and its inputs (one tensor or a tuple) and answer in the same structure.
With `create_graph` the result is differentiable with respect to the inputs; with `strict` an
output that does not depend on an input is an error instead of zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.autograd.api import _gradients, _ones_like, _zeros_like
from corex.autograd.grad_mode import enable_grad
from corex.layout import numel
from corex.ops.shape.join import stack
from corex.tensor.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = tuple[Any, ...]
Func = Callable[..., Any]


def _tuple(value: Any, what: str) -> tuple[bool, Tensors]:
    several = isinstance(value, tuple)
    values = value if several else (value,)
    for i, item in enumerate(values):
        if not isinstance(item, Tensor):
            where = f"the value at index {i} has" if several else "the given value has"
            raise TypeError(
                f"The {what} must be either a Tensor or a tuple of Tensors but {where} type "
                f"{type(item)}."
            )
    return several, values


def _prepared(inputs: Tensors, create_graph: bool) -> Tensors:
    """Inputs of a fresh graph; with `create_graph` it is joined to the caller's."""
    return tuple(
        t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_()
        for t in inputs
    )


def _finished(values: Any, create_graph: bool) -> Any:
    if create_graph:
        return values
    if isinstance(values, tuple):
        return tuple(_finished(value, False) for value in values)
    return values.detach()


def _shaped(values: Tensors, several: bool) -> Any:
    return values if several else values[0]


def _checked_vector(v: Any, like: Tensors, what: str) -> Tensors:
    if v is None:
        if len(like) != 1 or numel(like[0].shape) != 1:
            raise RuntimeError(
                f"The vector v can only be None if the {what} is a single Tensor with a single "
                f"element."
            )
        return (_ones_like(like[0]),)
    _, vectors = _tuple(v, "vector v")
    if len(vectors) != len(like):
        raise RuntimeError(
            f"The vector v has {len(vectors)} tensors, but the {what} has {len(like)}"
        )
    for i, (vector, tensor) in enumerate(zip(vectors, like, strict=True)):
        if vector.shape != tensor.shape:
            raise RuntimeError(
                f"v has invalid size: entry {i} should be {list(tensor.shape)} but got "
                f"{list(vector.shape)}"
            )
    return vectors


def _check_output(outputs: Tensors, strict: bool, what: str) -> None:
    if not strict:
        return
    for i, output in enumerate(outputs):
        if not output.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs "
                f"must be computed in a differentiable manner from the input when running in "
                f"strict mode ({what})."
            )


def _grads(
    outputs: Tensors,
    inputs: Tensors,
    vectors: Tensors,
    create_graph: bool,
    keep: bool,
    strict: bool,
) -> Tensors:
    """Gradients of sum(outputs * vectors), with zeros where nothing depends on an input."""
    pairs = [(o, v) for o, v in zip(outputs, vectors, strict=True) if o.requires_grad]
    found: list[Tensor | None] = [None] * len(inputs)
    if pairs:
        found = _gradients(
            tuple(o for o, _ in pairs),
            inputs,
            tuple(v for _, v in pairs),
            keep or create_graph,
            create_graph,
            True,
        )
    if strict:
        for i, value in enumerate(found):
            if value is None:
                raise RuntimeError(
                    f"The output of the user-provided function is independent of input {i}. This "
                    f"is not allowed in strict mode."
                )
    return tuple(
        _zeros_like(t) if value is None else value for value, t in zip(found, inputs, strict=True)
    )


def vjp(
    func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), v · J): the vector times the Jacobian of `func`.

    Raises:
        TypeError: inputs, outputs or v are not tensors. RuntimeError: v does not fit the outputs.
    """
    with enable_grad():
        several, given = _tuple(inputs, "inputs given to vjp")
        fresh = _prepared(given, create_graph)
        out_several, outputs = _tuple(func(*fresh), "outputs of the user-provided function")
        _check_output(outputs, strict, "vjp")
        vectors = _checked_vector(v, outputs, "output of the user-provided function")
        found = _grads(outputs, fresh, vectors, create_graph, False, strict)
    return (
        _finished(_shaped(outputs, out_several), create_graph),
        _finished(_shaped(found, several), create_graph),
    )


def jvp(
    func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), J · v): the Jacobian of `func` times the vector, by two backward passes.

    Raises:
        TypeError: inputs, outputs or v are not tensors. RuntimeError: v does not fit the inputs.
    """
    with enable_grad():
        _, given = _tuple(inputs, "inputs given to jvp")
        fresh = _prepared(given, create_graph)
        vectors = _checked_vector(v, fresh, "input to the user-provided function")
        out_several, outputs = _tuple(func(*fresh), "outputs of the user-provided function")
        _check_output(outputs, strict, "jvp")
        # v · J is linear in v; its derivative with respect to v is J.
        dummies = tuple(_zeros_like(o).requires_grad_() for o in outputs)
        rows = _grads(outputs, fresh, dummies, True, True, strict)
        found = _grads(rows, dummies, vectors, create_graph, False, False)
    return (
        _finished(_shaped(outputs, out_several), create_graph),
        _finished(_shaped(found, out_several), create_graph),
    )


def jacobian(
    func: Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of `func`: for output shape O and input shape I, a tensor of shape O + I.

    Several outputs give a tuple over outputs, several inputs a tuple over inputs within.
    `vectorize` and `strategy` are accepted for PyTorch's sake; rows are computed one by one.

    Raises:
        TypeError: inputs or outputs are not tensors. ValueError: an unknown strategy.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode", got {strategy!r}'
        )
    with enable_grad():
        several, given = _tuple(inputs, "inputs given to jacobian")
        fresh = _prepared(given, create_graph)
        out_several, outputs = _tuple(func(*fresh), "outputs of the user-provided function")
        _check_output(outputs, strict, "jacobian")
        result = []
        for output in outputs:
            rows = _rows(output, fresh, create_graph, strict)
            result.append(_shaped(rows, several))
    return _finished(_shaped(tuple(result), out_several), create_graph)


def _rows(output: Tensor, inputs: Tensors, create_graph: bool, strict: bool) -> Tensors:
    count = numel(output.shape)
    flat = output.reshape(-1)
    columns: list[list[Tensor]] = [[] for _ in inputs]
    for k in range(count):
        grads = _grads((flat[k],), inputs, (_ones_like(flat[k]),), create_graph, True, strict)
        for column, value in zip(columns, grads, strict=True):
            column.append(value)
    return tuple(
        stack(column).reshape((*output.shape, *t.shape))
        if column
        else t.new_zeros((*output.shape, *t.shape))
        for column, t in zip(columns, inputs, strict=True)
    )


def _scalar(func: Func, what: str) -> Func:
    def checked(*inputs: Any) -> Any:
        output = func(*inputs)
        several, values = _tuple(output, "outputs of the user-provided function")
        if several or numel(values[0].shape) != 1:
            raise RuntimeError(
                f"The function given to {what} should return a single Tensor with a single element"
            )
        return values[0].reshape(())

    return checked


def hessian(
    func: Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a scalar function: for input shape I, a tensor of shape I + I.

    Several inputs give a tuple of tuples.

    Raises:
        TypeError: inputs or output are not tensors. RuntimeError: the output is not a scalar.
    """
    several, _ = _tuple(inputs, "inputs given to hessian")
    scalar = _scalar(func, "hessian")

    def gradient(*values: Any) -> Any:
        return jacobian(scalar, values if several else values[0], True, strict)

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(
    func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), v · H): the vector times the Hessian of a scalar function.

    Raises:
        TypeError: inputs, output or v are not tensors. RuntimeError: v does not fit the inputs, or
            the output is not a scalar.
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "vhp")


def hvp(
    func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), H · v): the Hessian of a scalar function times the vector.

    The Hessian is symmetric, so this is `vhp` by another name.

    Raises:
        TypeError: inputs, output or v are not tensors. RuntimeError: v does not fit the inputs, or
            the output is not a scalar.
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "hvp")


def _hessian_product(
    func: Func, inputs: Any, v: Any, create_graph: bool, strict: bool, what: str
) -> tuple[Any, Any]:
    with enable_grad():
        several, given = _tuple(inputs, f"inputs given to {what}")
        fresh = _prepared(given, create_graph)
        vectors = _checked_vector(v, fresh, "input to the user-provided function")
        output = _scalar(func, what)(*fresh)
        _check_output((output,), strict, what)
        first = _grads((output,), fresh, (_ones_like(output),), True, True, strict)
        found = _grads(first, fresh, vectors, create_graph, False, strict)
    return _finished(output, create_graph), _finished(_shaped(found, several), create_graph)
