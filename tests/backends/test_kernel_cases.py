"""The kernel tests are tested: kernels with one fault each, which `check` must find."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from corex.backend import View
from corex_reference_py.backend import ReferenceBackend
from corex_reference_py.views import cells, load, positions, store
from tests.backends import kernel_cases
from tests.backends.kernel_cases import check
from tests.backends.kernel_data import SCENARIOS, In, Out, numbers


def correct(out: View, a: View) -> None:
    store(out, [-x for x in load(a)])


def past_the_end(out: View, a: View) -> None:
    correct(out, a)
    cells(out)[max(positions(out)) + 1] = 0


def before_the_start(out: View, a: View) -> None:
    correct(out, a)
    if out[4]:
        cells(out)[min(positions(out)) - 1] = 0


def input_changed(out: View, a: View) -> None:
    correct(out, a)
    cells(a)[positions(a)[0]] = 123


def one_element_forgotten(out: View, a: View) -> None:
    last = cells(out)[positions(out)[-1]]
    correct(out, a)
    cells(out)[positions(out)[-1]] = last


def slightly_wrong(out: View, a: View) -> None:
    store(out, [-x * (1 + 1e-5) for x in load(a)])


def nan_lost(out: View, a: View) -> None:
    store(out, [-x if x == x else 0 for x in load(a)])


def infinity_clipped(out: View, a: View) -> None:
    store(out, [max(-3.4e38, min(3.4e38, -x)) if x == x else x for x in load(a)])


def strides_ignored(out: View, a: View) -> None:
    buffer, dtype, shape, _, offset = a
    dense = np.empty(shape).strides
    correct(out, (buffer, dtype, shape, tuple(s // 8 for s in dense), offset))


FAULTS = [
    past_the_end,
    before_the_start,
    input_changed,
    one_element_forgotten,
    slightly_wrong,
    nan_lost,
    infinity_clipped,
    strides_ignored,
]


def negate_everywhere(monkeypatch: pytest.MonkeyPatch, kernel: Callable[..., None]) -> None:
    backend = ReferenceBackend()
    backend.kernels = {"neg": kernel}
    monkeypatch.setattr(kernel_cases, "load", lambda name: backend)
    for name, (shape, out_layout, layouts) in SCENARIOS.items():
        if 0 not in shape:
            a = In(numbers("float32", shape, "faults", name), "float32", layouts[0])
            check("faulty", "neg", Out(-a.exact, "float32", out_layout), a)


def test_a_correct_kernel_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    negate_everywhere(monkeypatch, correct)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[View, View], None]
) -> None:
    with pytest.raises((pytest.fail.Exception, AssertionError)):
        negate_everywhere(monkeypatch, fault)


def test_a_missing_required_kernel_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = ReferenceBackend()
    backend.kernels = {}
    monkeypatch.setattr(kernel_cases, "load", lambda name: backend)
    with pytest.raises(pytest.fail.Exception, match="declines"):
        check("empty", "neg", Out([-1.0], "float32"), In([1.0], "float32"))
