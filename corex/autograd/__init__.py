"""Automatic differentiation: backward passes, grad modes, custom functions, gradient checks."""

from corex.autograd.anomaly import (
    detect_anomaly,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    set_detect_anomaly,
)
from corex.autograd.api import GradientEdge, backward, get_gradient_edge, grad
from corex.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

__all__ = [
    "GradientEdge",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "get_gradient_edge",
    "grad",
    "inference_mode",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
