"""Switching the recording of ops off and on, as context managers and as decorators."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, TypeVar

from corex.tensor.modes import mode

F = TypeVar("F", bound=Callable[..., Any])


class _Inference(threading.local):
    enabled = False


_inference = _Inference()


def is_grad_enabled() -> bool:
    """Whether ops record in this thread."""
    return mode.enabled


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on in this thread."""
    return _inference.enabled


class _Switch:
    """Sets grad mode to `wanted` in a block or, by a `clone` each, in the calls of a function."""

    wanted: bool

    def clone(self) -> _Switch:
        """A fresh one with the same arguments."""
        return type(self)()

    def __enter__(self) -> None:
        self._before = mode.enabled
        mode.enabled = self.wanted

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        mode.enabled = self._before

    def __call__(self, function: F) -> F:
        """Decorates a function, or a generator function whose body then runs in this mode."""
        if inspect.isgeneratorfunction(function):
            return _wrap_generator(self.clone, function)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


def _wrap_generator(clone: Callable[[], _Switch], function: F) -> F:
    # The mode holds while the body runs, never while it is suspended.
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        body = function(*args, **kwargs)
        try:
            with clone():
                answer = body.send(None)
            while True:
                try:
                    request = yield answer
                except GeneratorExit:
                    with clone():
                        body.close()
                    raise
                except BaseException as error:
                    with clone():
                        answer = body.throw(error)
                else:
                    with clone():
                        answer = body.send(request)
        except StopIteration as stop:
            return stop.value

    return wrapper  # type: ignore[return-value]


class _Grad(_Switch):
    """One whose mode is known, so that it takes no arguments."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        # `@no_grad` without parentheses decorates too.
        instance = object.__new__(cls)
        return instance if function is None else instance(function)


class no_grad(_Grad):  # noqa: N801 - PyTorch's name
    """Ops inside record nothing, and their results do not require gradients."""

    wanted = False


class enable_grad(_Grad):  # noqa: N801 - PyTorch's name
    """Ops inside record, also within `no_grad`."""

    wanted = True


class set_grad_enabled(_Switch):  # noqa: N801 - PyTorch's name
    """Sets grad mode, at once; as a context manager, until its end; as a decorator, in calls."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(
                f"set_grad_enabled(): argument 'enabled' (position 1) must be bool, not "
                f"{type(mode).__name__}"
            )
        self.mode = mode
        self._before = is_grad_enabled()
        _set(self.mode)

    def clone(self) -> _Switch:
        """A fresh one with the same arguments."""
        return set_grad_enabled(self.mode)

    def __call__(self, function: F) -> F:
        """Decorates a function; grad mode itself is put back to what it was."""
        _set(self._before)
        return super().__call__(function)

    def __enter__(self) -> None:
        _set(self.mode)  # to go back to what was before it was made


class inference_mode(_Switch):  # noqa: N801 - PyTorch's name
    """As `no_grad`, and `is_inference_mode_enabled()` answers True; `inference_mode(False)` undoes
    an outer one."""

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        instance = object.__new__(cls)
        instance.mode = mode if isinstance(mode, bool) else True
        instance.wanted = not instance.mode
        return instance if isinstance(mode, bool) else instance(mode)

    mode: bool

    def clone(self) -> _Switch:
        """A fresh one with the same arguments."""
        found: _Switch = inference_mode(self.mode)
        return found

    def __enter__(self) -> None:
        super().__enter__()
        self._outer = _inference.enabled
        _inference.enabled = self.mode

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, value, trace)
        _inference.enabled = self._outer


def _set(enabled: bool) -> None:
    mode.enabled = enabled
