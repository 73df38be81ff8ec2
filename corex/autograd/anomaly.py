"""Anomaly mode: backward reports the forward operation behind a failure or a NaN."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from corex.autograd.grad_mode import no_grad
from corex.errors import warn
from corex.observe import events
from corex.tensor.place import change_observers

_lock = threading.Lock()
_state = {"enabled": False, "nan": True}


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return _state["enabled"]


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for NaN gradients."""
    return _state["nan"]


def _apply(enabled: bool, nan: bool) -> None:
    with _lock:
        changed = enabled != _state["enabled"]
        _state["enabled"], _state["nan"] = enabled, nan
        if changed:
            events.forward_trace = _trace if enabled else None
            # The flat fast paths of ops record no traceback, so they are closed meanwhile.
            change_observers(1 if enabled else -1)


def _trace() -> str:
    return "".join(traceback.format_stack()[:-3])


class _Restoring:
    """On leaving, anomaly mode is again what it was `_before`."""

    _before: tuple[bool, bool]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _apply(*self._before)


class set_detect_anomaly(_Restoring):  # noqa: N801 - PyTorch's name
    """Switches anomaly mode on or off, at once; as a context manager, until its end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = (_state["enabled"], _state["nan"])
        _apply(bool(mode), bool(check_nan))

    def __enter__(self) -> None:
        return None


class detect_anomaly(_Restoring):  # noqa: N801 - PyTorch's name
    """Context manager: forward keeps tracebacks, backward shows the one behind a failure.

    With `check_nan`, a NaN gradient is a failure. Everything is slower meanwhile.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._nan = check_nan
        self._before = (False, True)
        warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
        )

    def __enter__(self) -> None:
        self._before = (_state["enabled"], _state["nan"])
        _apply(True, self._nan)


def check_nan(node: Any, grads: Sequence[Any]) -> None:
    """Raises RuntimeError if a gradient that `node` returned holds a NaN."""
    if not _state["nan"]:
        return
    with no_grad():
        for i, grad in enumerate(grads):
            if grad is not None and bool((grad != grad).any()):
                raise RuntimeError(
                    f"Function '{node.name()}' returned nan values in its {i}th output."
                )


def explain(node: Any) -> None:
    """Warns with the traceback of the forward call that made `node`."""
    if node.forward_trace is None:
        warn(
            f"Error detected in {node.name()}. No forward pass information available. Enable "
            f"detect anomaly during forward pass for more information.",
        )
        return
    warn(
        f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n"
        f"{node.forward_trace}",
    )
