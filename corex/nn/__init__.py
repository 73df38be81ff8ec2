"""Neural networks: layers, losses, and the modules that hold them, as in `torch.nn`."""

from corex.nn import functional, init, modules, utils
from corex.nn.modules import *  # noqa: F403 - what it lists
from corex.nn.modules import __all__ as _layers
from corex.nn.parameter import (
    Buffer,
    Parameter,
    UninitializedBuffer,
    UninitializedParameter,
)

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "functional",
    "init",
    "modules",
    "utils",
    *_layers,
]
