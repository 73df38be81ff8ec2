"""What corex says of a fault names the program's line, and the op with what it was called with."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import corex
from corex import nn
from corex.backend import Backend, BackendDescriptor, DirectKernel, KernelChoice
from corex.dispatch import fallback
from corex.dtypes import DType
from corex.plugins import hookimpl, manager
from corex_reference_py.backend import ReferenceBackend

KINDS: dict[str, type[Exception]] = {"exp": ZeroDivisionError, "sub": KeyError, "relu": IndexError}


class Raising(ReferenceBackend):
    """Its kernels of some ops raise, direct ones too, and it has no `erf` and no `log`."""

    name = "raising"
    device_type = "raising"

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        if op in KINDS:
            return KernelChoice(self._refuse(op))
        return None if op in ("erf", "log") else super().select(op, dtypes)

    def direct(self, op: str, dtype: DType) -> DirectKernel | None:
        return self._refuse(op) if op in ("relu", "sub") else None

    def _refuse(self, op: str) -> Callable[..., Any]:
        def kernel(*arguments: Any) -> None:
            raise KINDS.get(op, RuntimeError)("out of order")

        return kernel


class Plugin:
    def __init__(self, name: str = "raising", make: Callable[[], Backend] = Raising) -> None:
        self.row = BackendDescriptor(name, name, lambda: None, make)

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [self.row]


@pytest.fixture(autouse=True)
def raising() -> Iterator[None]:
    manager.register(Plugin(), "raising")
    before = set(fallback._warned)
    yield
    fallback._warned.clear()
    fallback._warned.update(before)
    manager.unregister("raising")


def told(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


CALLS: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "a kernel": (
        lambda a: a.t().exp(),
        ZeroDivisionError,
        "in kernel 'exp' of backend 'raising' on raising:0, called with: "
        "float32 (3, 2) with strides (1, 3), float32 (3, 2) with strides (1, 3)",
    ),
    "a view": (
        lambda a: a[1:].exp(),
        ZeroDivisionError,
        "called with: float32 (1, 3), float32 (1, 3) from element 3",
    ),
    "a direct kernel": (
        lambda a: a.relu(),
        IndexError,
        "in kernel 'relu' of backend 'raising' on raising:0, called with: float32 (2, 3)",
    ),
    "a direct kernel of two": (lambda a: a - a, KeyError, "with: float32 (2, 3), float32 (2, 3)"),
    "a direct kernel and a number": (lambda a: a - 2.5, KeyError, "float32 (2, 3), 2.5"),
}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes came with Python 3.11")
@pytest.mark.parametrize("name", CALLS)
def test_an_exception_of_a_kernel_carries_op_place_and_arguments(name: str) -> None:
    call, kind, text = CALLS[name]
    a = corex.ones(2, 3, device="raising")
    with pytest.raises(kind) as raised:
        call(a)
    assert text in told(raised.value)
    assert len(raised.value.__notes__) == 1
    assert raised.value.args == ("out of order",)


def test_where_exceptions_take_no_notes_the_message_tells() -> None:
    from corex.dispatch.notes import note

    class OldError(Exception):
        add_note = property()  # there is none

    error = OldError("out of order")
    note(error, "exp", corex.ones(1, device="raising").key.place, ([1, 2, 3, 4, 5, 6, 7], None))
    assert str(error) == (
        "out of order\nin kernel 'exp' of backend 'raising' on raising:0, called with: "
        "[1, 2, 3, 4, 5, 6, ... 1 more], None"
    )


def here() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_a_fallback_names_the_line_of_the_program() -> None:
    a = corex.ones(2, 3, device="raising")
    module = nn.GELU()
    for call in (
        lambda: (a.erf(), here()),
        lambda: (a.t().log(), here()),
        lambda: (module(a), here()),
        lambda: (corex.log(a), here()),
    ):
        fallback._warned.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _, line = call()
        assert {(w.filename, w.lineno) for w in caught} == {(__file__, line)}


def test_a_fallback_warns_at_all() -> None:
    with pytest.warns(corex.FallbackWarning, match="no kernel 'log'"):
        corex.ones(2, device="raising").log()


def refuse() -> Backend:
    raise OSError("no device node")


def test_a_backend_that_fails_to_start_names_the_line_of_the_program() -> None:
    manager.register(Plugin("failing", refuse), "failing")
    with warnings.catch_warnings(record=True) as caught, suppress(corex.BackendUnavailableError):
        warnings.simplefilter("always")
        line = here() + 1
        corex.ones(2, device="failing")
    manager.unregister("failing")
    [warning] = [w for w in caught if "no device node" in str(w.message)]
    assert (warning.filename, warning.lineno) == (__file__, line)


def test_other_advice_names_the_line_of_the_program() -> None:
    a = corex.ones(2, 3)
    target = corex.ones(3)
    for call in (
        lambda: (corex.tensor(a), here()),
        lambda: (nn.MSELoss()(a, target), here()),
        lambda: (nn.functional.mse_loss(a, target), here()),
        lambda: (nn.Linear(0, 3), here()),
        lambda: (corex.autograd.detect_anomaly(), here()),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _, line = call()
        assert [(w.filename, w.lineno) for w in caught][:1] == [(__file__, line)]
