"""`torch.jit`'s names: functions and modules run as they are, for there is nothing to script.

`trace` runs its function on the example inputs, twice, and checks that it gives the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar

import corex

__all__ = [
    "Final",
    "ScriptModule",
    "TracerWarning",
    "annotate",
    "export",
    "fork",
    "freeze",
    "ignore",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "load",
    "onednn_fusion_enabled",
    "optimized_execution",
    "save",
    "script",
    "script_if_tracing",
    "trace",
    "trace_module",
    "unused",
    "wait",
]

T = TypeVar("T")
ScriptModule = corex.nn.Module
_isinstance = isinstance


class TracerWarning(Warning):
    """A traced function did something else when it ran again."""


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """The function, class or module itself."""
    return obj


script_if_tracing = script


def export(fn: T) -> T:
    """The method itself."""
    return fn


def unused(fn: T) -> T:
    """The method itself."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The method itself; also a decorator with arguments."""
    return drop if callable(drop) else lambda fn: fn


def freeze(mod: T, *args: Any, **kwargs: Any) -> T:
    """The module itself."""
    return mod


def _flat(result: Any) -> list[Any]:
    if _isinstance(result, dict):
        result = list(result.values())
    if _isinstance(result, tuple | list):
        return [t for one in result for t in _flat(one)]
    return [result]


def trace(
    func: T,
    example_inputs: Any = None,
    optimize: Any = None,
    check_trace: bool = True,
    check_inputs: Any = None,
    check_tolerance: float = 1e-5,
    strict: bool = True,
    example_kwarg_inputs: dict[str, Any] | None = None,
    **kwargs: Any,
) -> T:
    """The function or module itself, which has run on the example inputs; twice if `check_trace`,
    with a warning if the results differ."""
    call: Any = func
    args = example_inputs if _isinstance(example_inputs, tuple | list) else (example_inputs,)
    args, named = ((), example_kwarg_inputs) if example_kwarg_inputs else (args, {})
    with corex.no_grad():
        first = _flat(call(*args, **named))
        again = _flat(call(*args, **named)) if check_trace else first
        for a, b in zip(first, again, strict=True):
            both = _isinstance(a, corex.Tensor) and _isinstance(b, corex.Tensor)
            if both and not corex.allclose(a, b, check_tolerance, check_tolerance, equal_nan=True):
                warnings.warn(
                    "Trace had nondeterministic nodes: the function gave another result when it "
                    "ran again on the same inputs",
                    TracerWarning,
                    stacklevel=2,
                )
    return func


def trace_module(mod: T, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> T:
    """The module itself, each of whose methods named in `inputs` has run on its inputs."""
    for name, given in inputs.items():
        trace(getattr(mod, name), given)
    return mod


def is_scripting() -> bool:
    """False."""
    return False


def is_tracing() -> bool:
    """False."""
    return False


def annotate(the_type: Any, the_value: T) -> T:
    """The value."""
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """`isinstance`, without a look at what containers hold."""
    return _isinstance(obj, getattr(target_type, "__origin__", target_type))


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The function's result, at once; `wait` gives it."""
    return func(*args, **kwargs)


def wait(future: T) -> T:
    """What `fork` gave."""
    return future


@contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """Changes nothing."""
    yield


def onednn_fusion_enabled() -> bool:
    """False."""
    return False


def save(m: Any, f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """
    Raises:
        NotImplementedError: always; a module's `state_dict()` can be saved.
    """
    raise NotImplementedError(
        "corex.jit.save: programs cannot be saved; save the module's state_dict() by corex.save()"
    )


def load(f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """
    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(
        "corex.jit.load: programs cannot be loaded; load a state_dict by corex.load()"
    )
