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
    """Base of the grad modes: a context manager whose `clone` serves each call of a function."""

    def clone(self) -> _Switch:
        """A fresh one with the same arguments."""
        return type(self)()

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raise NotImplementedError

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
    """Sets grad mode to `wanted` between enter and exit."""

    wanted = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        # `@no_grad` without parentheses decorates too.
        instance = object.__new__(cls)
        return instance if function is None else instance(function)

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
        _set(self.mode)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _set(self._before)


class inference_mode(_Switch):  # noqa: N801 - PyTorch's name
    """As `no_grad`, and `is_inference_mode_enabled()` answers True; `inference_mode(False)` undoes
    an outer one."""

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        instance = object.__new__(cls)
        if isinstance(mode, bool):
            instance.mode = mode
            return instance
        instance.mode = True
        return instance(mode)

    mode: bool

    def clone(self) -> _Switch:
        """A fresh one with the same arguments."""
        found: _Switch = inference_mode(self.mode)
        return found

    def __enter__(self) -> None:
        self._before = (is_grad_enabled(), _inference.enabled)
        _set(not self.mode)
        _inference.enabled = self.mode

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        grad, _inference.enabled = self._before
        _set(grad)


def _set(enabled: bool) -> None:
    mode.enabled = enabled
