"""Checking derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from corex.autograd.api import _gradients
from corex.autograd.grad_mode import enable_grad, no_grad
from corex.layout import numel
from corex.tensor.tensor import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Matrix = list[list[float]]
"""Jacobian by [input element][output element]."""


class GradcheckError(RuntimeError):
    """A derivative disagrees with finite differences; the message says where and by how much."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
) -> bool:
    """Whether the derivatives of `func` agree with central differences.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple; those that require gradients should be float64.
        eps: the step of the differences.
        atol, rtol: agreement is |analytic - numeric| <= atol + rtol * |numeric|.
        raise_exception: raise on disagreement; otherwise return False.
        nondet_tol: how much two backward passes may differ.
        check_undefined_grad: also check that missing gradients of some outputs are handled.

    Raises:
        GradcheckError: a disagreement. ValueError: no input requires gradients.
    """
    given = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    if not any(isinstance(t, Tensor) and t.requires_grad for t in given):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them "
            "have requires_grad=True."
        )
    try:
        _check(func, given, eps, atol, rtol, nondet_tol)
        if check_undefined_grad:
            _check_missing(func, given)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Whether the second derivatives of `func` agree with differences of the first.

    Args:
        grad_outputs: where to differentiate with respect to the outputs' gradients; by default
            fixed, irregular values.
        others: as for `gradcheck`.

    Raises:
        GradcheckError: a disagreement. ValueError: no input requires gradients.
    """
    given = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    wanted = [i for i, t in enumerate(given) if isinstance(t, Tensor) and t.requires_grad]
    outputs = _outputs(func, given)
    if grad_outputs is None:
        firsts = tuple(_irregular(output) for output in outputs)
    else:
        firsts = tuple(grad_outputs) if isinstance(grad_outputs, tuple | list) else (grad_outputs,)

    def gradient(*values: Any) -> tuple[Any, ...]:
        args = values[: len(given)]
        vectors = values[len(given) :]
        sources = tuple(args[i] for i in wanted)
        found = _gradients(_outputs(func, args), sources, vectors, True, True, True)
        return tuple(value for value in found if value is not None and value.requires_grad)

    return gradcheck(
        gradient,
        (*given, *firsts),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=False,
    )


def _irregular(like: Tensor) -> Tensor:
    """Values without pattern or zeros, the same in every run, that require gradients."""
    with no_grad():
        result: Tensor = like.detach().clone()
        for k, index in enumerate(_indices(result.shape)):
            result[index] = 0.3 + (k * 0.618033988749895) % 1.0
        result.requires_grad_()
    return result


def _outputs(func: Callable[..., Any], inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    with enable_grad():
        found = func(*inputs)
    values = found if isinstance(found, tuple | list) else (found,)
    return tuple(t for t in values if isinstance(t, Tensor) and t.requires_grad)


def _indices(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return product(*map(range, shape))


def _flat(tensor: Tensor) -> list[float]:
    values: list[float] = tensor.detach().reshape(-1).tolist()
    return values


# ---- the two Jacobians -----------------------------------------------------------------------
def _numeric(
    func: Callable[..., Any], inputs: tuple[Any, ...], wanted: Tensor, eps: float, count: int
) -> list[Matrix]:
    """One matrix per output, for the input `wanted`, which is changed in place and restored."""
    result: list[Matrix] = [[] for _ in range(count)]
    data = wanted.detach()
    for index in _indices(data.shape):
        before = data[index].item()
        with no_grad():
            data[index] = before + eps
        high = [_flat(t) for t in _outputs(func, inputs)]
        with no_grad():
            data[index] = before - eps
        low = [_flat(t) for t in _outputs(func, inputs)]
        with no_grad():
            data[index] = before
        for matrix, above, below in zip(result, high, low, strict=True):
            matrix.append([(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)])
    return result


def _analytic(output: Tensor, inputs: tuple[Any, ...]) -> list[Matrix]:
    """One matrix per input."""
    columns: list[list[list[float]]] = [[] for _ in inputs]
    first = output.detach() * 0
    for index in _indices(output.shape):
        with no_grad():
            seed = first.clone()
            seed[index] = 1.0
        found = _gradients((output,), inputs, (seed,), True, False, True)
        for column, value, source in zip(columns, found, inputs, strict=True):
            if value is None:
                column.append([0.0] * numel(source.shape))
                continue
            if value.shape != source.shape:
                raise GradcheckError(
                    f"Analytical gradient has incorrect size: {list(value.shape)} for an input of "
                    f"shape {list(source.shape)}"
                )
            column.append(_flat(value))
    return [[list(row) for row in zip(*column, strict=True)] for column in columns]


def _check(
    func: Callable[..., Any],
    inputs: tuple[Any, ...],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
) -> None:
    count = len(_outputs(func, inputs))
    positions = [i for i, t in enumerate(inputs) if isinstance(t, Tensor) and t.requires_grad]
    sources = tuple(inputs[i] for i in positions)
    numeric = [_numeric(func, inputs, source, eps, count) for source in sources]
    # Only now: the differences wrote to the inputs, which a graph made before would find.
    for k, output in enumerate(_outputs(func, inputs)):
        analytic = _analytic(output, sources)
        again = _analytic(output, sources)
        for j, position in enumerate(positions):
            _compare_passes(analytic[j], again[j], k, position, nondet_tol)
            place = (k, position, tuple(output.shape), tuple(sources[j].shape))
            _compare(analytic[j], numeric[j][k], place, atol, rtol)


def _compare_passes(first: Matrix, second: Matrix, output: int, source: int, tol: float) -> None:
    for row, other in zip(first, second, strict=True):
        for a, b in zip(row, other, strict=True):
            if abs(a - b) > tol:
                raise GradcheckError(
                    f"Backward is not reentrant, i.e., running backward with same input and "
                    f"grad_output multiple times gives different values, although analytical "
                    f"gradient matches numerical gradient. The tolerance for nondeterminism was "
                    f"{tol}. Output {output}, input {source}: {a!r} and {b!r}"
                )


def _compare(
    analytic: Matrix,
    numeric: Matrix,
    place: tuple[int, int, tuple[int, ...], tuple[int, ...]],
    atol: float,
    rtol: float,
) -> None:
    output, source, output_shape, source_shape = place
    wrong = []
    for i, index in zip(range(len(numeric)), _indices(source_shape), strict=True):
        for j, other in zip(range(len(numeric[i])), _indices(output_shape), strict=True):
            a, b = (analytic[i][j] if analytic else 0.0), numeric[i][j]
            if not abs(a - b) <= atol + rtol * abs(b):
                wrong.append((index, other, a, b))
    if wrong:
        index, other, a, b = max(wrong, key=lambda item: abs(item[2] - item[3]))
        total = sum(map(len, numeric))
        raise GradcheckError(
            f"Jacobian mismatch for output {output} with respect to input {source}: at output "
            f"position {list(other)}, input position {list(index)} the analytical derivative is "
            f"{a!r}, the numerical one {b!r}; {len(wrong)} of {total} entries differ by more than "
            f"atol={atol}, rtol={rtol}.\nnumerical:{numeric}\nanalytical:{analytic}\n"
        )


def _check_missing(func: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
    """Backward must cope if only some of the outputs have a gradient."""
    outputs = _outputs(func, inputs)
    if len(outputs) < 2:
        return
    sources = tuple(t for t in inputs if isinstance(t, Tensor) and t.requires_grad)
    for k, output in enumerate(outputs):
        try:
            _gradients((output,), sources, (output.detach() * 0,), True, False, True)
        except Exception as error:
            raise GradcheckError(
                f"Expected backward function to handle undefined output grads: with a gradient for "
                f"output {k} alone it raised {type(error).__name__}: {error}"
            ) from error
