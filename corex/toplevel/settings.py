"""Switches of the whole program that PyTorch has, as far as they mean something here."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import corex
from corex.autograd import anomaly
from corex.device import device as Device
from corex.dispatch import devices
from corex.dtypes import DType
from corex.errors import warn
from corex.interop import typed
from corex.tensor.storage import Storage
from corex.tensor.tensor import Tensor

_state: dict[str, Any] = {"deterministic": 0, "matmul": "highest", "warn": False}


# ---- defaults ------------------------------------------------------------------------------------
def set_default_device(device: Any) -> None:
    """Where new tensors of this thread go unless told; None leaves it to `set_backend` again.

    Raises:
        RuntimeError: nobody serves the device type, or it has no such number.
    """
    devices.set_default_device(device)


def get_default_device() -> Device:
    """Where new tensors go unless told: by `with corex.device(...)`, `set_default_device` or
    `set_backend`."""
    return devices.find_place().device


def set_default_tensor_type(t: Any) -> None:
    """`set_default_dtype` by a constructor, such as `corex.DoubleTensor`, or its name.

    Raises:
        TypeError: none of a floating-point dtype.
    """
    warn(
        "set_default_tensor_type() is deprecated; use set_default_dtype() and set_default_device()"
    )
    if isinstance(t, str):
        t = getattr(typed, t.removeprefix("corex."), t)
    dtype = getattr(t, "dtype", None)
    if not isinstance(dtype, DType):
        raise TypeError(
            "invalid type object: only floating-point types are supported as the default type"
        )
    if not dtype.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    corex.set_default_dtype(dtype)


def get_device_module(device: Any = None) -> ModuleType:
    """The module about a device's type, such as `corex.cuda`; without a device about that of the
    accelerator, or the processor where there is none.

    Raises:
        RuntimeError: no device, or there is no module about its type.
    """
    if device is None:
        name = devices.accelerator_type() or "cpu"
    elif isinstance(device, Device | str):
        name = Device(device).type
    else:
        raise RuntimeError(f"Invalid value of device '{device}', expect corex.device, str, or None")
    module = getattr(corex, name, None)
    if not isinstance(module, ModuleType):
        raise RuntimeError(
            f"Device '{name}' does not have a corresponding module registered as 'corex.{name}'."
        )
    return module


# ---- how to compute ------------------------------------------------------------------------------
def set_float32_matmul_precision(precision: str) -> None:
    """How far products of float32 may be rounded inside: "highest", "high" or "medium". None of
    corex's backends rounds more than float32 does, which all three permit."""
    if precision not in ("highest", "high", "medium"):
        warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            "setFloat32MatmulPrecision call has no effect."
        )
        return
    _state["matmul"] = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` has set."""
    return str(_state["matmul"])


def set_flush_denormal(mode: bool) -> bool:
    """Whether numbers next to 0 are now computed as 0: False, for corex's kernels never do that."""
    if not isinstance(mode, bool):
        raise TypeError(f"set_flush_denormal expects a bool, but got {type(mode).__name__}")
    return False


_MODES = ("default", "warn", "error")


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Asks for kernels that give the same bits each time, which those of corex's CPU backends do
    whether asked or not.

    Raises:
        TypeError: not a bool.
    """
    if not isinstance(mode, bool):
        raise TypeError(
            "use_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not "
            f"{type(mode).__name__}"
        )
    _state["deterministic"] = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """Whether the program has asked for them."""
    return bool(_state["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it has asked for no more than a warning where there are none."""
    return bool(_state["deterministic"] == 1)


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by a number or name: 0 "default", 1 "warn", 2 "error".

    Raises:
        TypeError: neither. RuntimeError: another number or name.
    """
    if not isinstance(debug_mode, int | str):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str):
        if debug_mode not in _MODES:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got "
                f"{debug_mode}"
            )
        debug_mode = _MODES.index(debug_mode)
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    _state["deterministic"] = debug_mode


def get_deterministic_debug_mode() -> int:
    """What `set_deterministic_debug_mode` has set, as a number."""
    return int(_state["deterministic"])


# ---- warnings ------------------------------------------------------------------------------------
def set_warn_always(b: bool, /) -> None:
    """Asks for warnings each time, not once for all, which is how corex's are told in any case: as
    Python's filters have it.

    Raises:
        RuntimeError: not a bool.
    """
    if not isinstance(b, bool):
        raise RuntimeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    _state["warn"] = b


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` has set."""
    return bool(_state["warn"])


# ---- anomalies -----------------------------------------------------------------------------------
def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on (`autograd.detect_anomaly`)."""
    return anomaly.is_anomaly_enabled()


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for NaN gradients."""
    return anomaly.is_anomaly_check_nan_enabled()


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Switches anomaly mode on or off."""
    anomaly.set_detect_anomaly(enabled, check_nan)


# ---- automatic lower precision -------------------------------------------------------------------
def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether ops choose lower precision themselves: never."""
    return False


def is_autocast_cpu_enabled() -> bool:
    """Whether they do on the processor: never."""
    return False


def is_autocast_ipu_enabled() -> bool:
    """Whether they do on IPUs: never."""
    return False


def is_autocast_xla_enabled() -> bool:
    """Whether they do on XLA devices: never."""
    return False


# ---- what things are -----------------------------------------------------------------------------
def typename(obj: Any, /) -> str:
    """The type of an object with its module; of a tensor that of its dtype."""
    if isinstance(obj, Tensor):
        return obj.type_name()
    named = obj if hasattr(obj, "__qualname__") or hasattr(obj, "__name__") else type(obj)
    module = getattr(named, "__module__", "") or ""
    name = getattr(named, "__qualname__", None) or named.__name__
    return str(name) if module in ("", "builtins") else f"{module}.{name}"


def is_storage(obj: Any, /) -> bool:
    """Whether it is the memory of tensors."""
    return isinstance(obj, Storage)


def is_inference(input: Tensor) -> bool:
    """See `Tensor.is_inference`."""
    return input.is_inference()


def is_distributed(input: Tensor) -> bool:
    """See `Tensor.is_distributed`."""
    return input.is_distributed()


def is_vulkan_available() -> bool:
    """Whether tensors can be on Vulkan devices: as soon as a backend of that type is usable."""
    try:
        return devices.find_place("vulkan").device.type == "vulkan"
    except RuntimeError:
        return False
