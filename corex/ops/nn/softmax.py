"""Softmax along a dim, its logarithm, and softmin."""

from __future__ import annotations

from typing import Any

from corex.dispatch.bind import bind, order_of
from corex.dtypes import as_dtype
from corex.layout import normalize_dim, numel
from corex.ops.promotion import cast, require_kinds, require_tensor
from corex.ops.registration import exported, function
from corex.ops.shape.views import call_along, shaped, unsqueeze
from corex.tensor.schema import OpSchema, declare, like_first
from corex.tensor.tensor import Tensor


def _softmax_steps(a: Tensor) -> Tensor:
    e = (a - a.amax(-1, True)).exp()
    return e / e.sum(-1, True)


def _log_softmax_steps(a: Tensor) -> Tensor:
    shifted = a - a.amax(-1, True)
    return shifted - shifted.exp().sum(-1, True).log()


SOFTMAX = declare(
    OpSchema(
        "softmax", ("a",), like_first,
        derivative={"a": lambda g, y: _softmax_grad(g, y)},
        decomposition=_softmax_steps,
        tier=2, family="rows", doc="exp(a) / sum(exp(a)) along the last dim.",
    )
)  # fmt: skip


LOG_SOFTMAX = declare(
    OpSchema(
        "log_softmax", ("a",), like_first,
        derivative={"a": lambda g, y: _log_softmax_grad(g, y)},
        decomposition=_log_softmax_steps,
        tier=2, family="rows", doc="a - log(sum(exp(a))) along the last dim.",
    )
)  # fmt: skip


SOFTMAX_BACKWARD = declare(
    OpSchema(
        "softmax_backward", ("g_out", "out"), like_first,
        derivative={
            "g_out": lambda g, out: _softmax_grad(g, out),
            "out": lambda g, g_out, out: g * (g_out - (g_out * out).sum(-1, True))
            - g_out * (g * out).sum(-1, True),
        },
        decomposition=lambda g_out, out: out * (g_out - (g_out * out).sum(-1, True)),
        tier=2, family="rows", doc="Gradient of softmax's input.",
    )
)  # fmt: skip


LOG_SOFTMAX_BACKWARD = declare(
    OpSchema(
        "log_softmax_backward", ("g_out", "out"), like_first,
        derivative={
            "g_out": lambda g, out: g - (g * out.exp()).sum(-1, True),
            "out": lambda g, g_out, out: -g * out.exp() * g_out.sum(-1, True),
        },
        decomposition=lambda g_out, out: g_out - out.exp() * g_out.sum(-1, True),
        tier=2, family="rows", doc="Gradient of log_softmax's input.",
    )
)  # fmt: skip


def _softmax_grad(g: Tensor, y: Tensor) -> Tensor:
    result: Tensor = bind(SOFTMAX_BACKWARD, (g, y), (), order_of(y))
    return result


def _log_softmax_grad(g: Tensor, y: Tensor) -> Tensor:
    result: Tensor = bind(LOG_SOFTMAX_BACKWARD, (g, y), (), order_of(y))
    return result


def _along(schema: OpSchema, input: Tensor, dim: int | None, dtype: Any) -> Tensor:
    a = require_tensor(schema.name, input)
    if dtype is not None:
        a = cast(a, as_dtype(schema.name, dtype))
    if numel(a.shape):
        require_kinds(schema.name, "f", a)
    if dim is None:
        dim = 0 if a.ndim in (0, 1, 3) else 1
    dim = normalize_dim(dim, a.ndim)
    if not a.shape:
        return shaped(bind(schema, (unsqueeze(a, 0),)), ())
    if 0 in a.shape:
        # as empty, and saves its result as well
        return a.exp() if a.is_floating_point() else a.clone()
    return call_along(schema, a, dim)


@exported(out="same")
def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """exp(input) / sum(exp(input)) along a dim, without overflow.

    Raises:
        RuntimeError: not a floating-point tensor. IndexError: dim out of range.
    """
    return _along(SOFTMAX, input, dim, dtype)


@exported(out="same")
def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """log(softmax(input)) along a dim, accurately.

    Raises:
        RuntimeError: not a floating-point tensor. IndexError: dim out of range.
    """
    return _along(LOG_SOFTMAX, input, dim, dtype)


@function()
def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """softmax(-input)."""
    return softmax(-input, dim, dtype)
