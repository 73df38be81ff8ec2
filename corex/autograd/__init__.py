"""Automatic differentiation: backward passes, grad modes, custom functions, gradient checks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from corex.autograd import graph
from corex.autograd.anomaly import (
    detect_anomaly,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    set_detect_anomaly,
)
from corex.autograd.api import GradientEdge, backward, get_gradient_edge, grad
from corex.autograd.function import Function
from corex.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from corex.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from corex.autograd.variable import Variable

if TYPE_CHECKING:
    from corex.autograd import functional

__all__ = [
    "Function",
    "GradcheckError",
    "GradientEdge",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "get_gradient_edge",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]


if not TYPE_CHECKING:  # else every name would seem to exist

    def __getattr__(name: str) -> Any:
        if name == "functional":
            return import_module("corex.autograd.functional")
        raise AttributeError(f"module 'corex.autograd' has no attribute '{name}'")

    def __dir__() -> list[str]:
        return [*{*globals(), *__all__}]
