"""Helpers for training: limits on gradients, and parameters as one vector."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import corex
from corex import Tensor


def _listed(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _grads(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def _like(other: Tensor, t: Tensor) -> Tensor:
    """`t` with the dtype of `other`, on its device of its backend."""
    if t.dtype is other.dtype and t.device == other.device and t.backend == other.backend:
        return t
    return t.to(device=other.device, backend=other.backend, dtype=other.dtype)


def _gathered(scalars: list[Tensor]) -> Tensor:
    """0-d tensors, possibly from several devices, as one vector where the first of them is."""
    return corex.stack([_like(scalars[0], scalar) for scalar in scalars])


def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """The norm of all elements of all tensors together.

    Raises:
        RuntimeError: it is not finite and `error_if_nonfinite` is set.
    """
    norm_type = float(norm_type)
    listed = _listed(tensors)
    if not listed:
        return corex.tensor(0.0)
    total: Tensor
    with corex.no_grad():
        if norm_type == math.inf:
            total = _gathered([corex.abs(t).max() for t in listed]).max()
        elif norm_type == 2.0:
            total = corex.sqrt(_gathered([(t * t).sum() for t in listed]).sum())
        else:
            powers = [(corex.abs(t) ** norm_type).sum() for t in listed]
            total = _gathered(powers).sum() ** (1.0 / norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scales all gradients down together so that their norm is at most `max_norm`.

    Returns:
        The norm before.

    Raises:
        ValueError: a norm that is no number.
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.
    """
    max_norm, norm_type = float(max_norm), float(norm_type)
    grads = _grads(parameters)
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    with corex.no_grad():
        # The factor stays a tensor: reading it would wait for the device.
        factor = corex.clamp(max_norm / (total + 1e-6), max=1.0)
        for grad in grads:
            grad.mul_(_like(grad, factor))
    return total


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Keeps every element of the gradients within ±`clip_value`."""
    bound = float(clip_value)
    with corex.no_grad():
        for grad in _grads(parameters):
            grad.clamp_(-bound, bound)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters in one row."""
    return corex.cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copies the elements of one row into the parameters, in order.

    Raises:
        TypeError: `vec` is no tensor.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected corex.Tensor, but got: {type(vec).__name__}")
    start: Any = 0
    with corex.no_grad():
        for parameter in parameters:
            count = parameter.numel()
            parameter.copy_(vec[start : start + count].reshape(parameter.shape))
            start += count
