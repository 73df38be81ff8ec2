"""Arguments that share memory give what copies of them give; see aliasing.py."""

from __future__ import annotations

import corex
from tests.sweeps.aliasing import (
    is_refusal,
    same,
    shared_calls,
    takes_out,
    wrong_out,
    wrong_sharing,
)
from tests.sweeps.arguments import TensorArg
from tests.sweeps.calls import CALLS, run
from tests.sweeps.writes import PROGRAMS, gradient, result


def test_shared_arguments_are_as_copies(each_backend: str) -> None:
    assert [text for call in shared_calls() for text in wrong_sharing(call)] == []


def test_out_may_be_an_input_or_overlap_one(each_backend: str) -> None:
    assert [text for call in CALLS if takes_out(call) for text in wrong_out(call)] == []


def test_a_write_reads_its_operands_before(each_backend: str) -> None:
    outcomes = {code: (result(code, True), result(code, False)) for code in PROGRAMS}
    wrong = {
        code: (ours, right)
        for code, (ours, right) in outcomes.items()
        if isinstance(right, Exception) or not (is_refusal(ours) or same(ours, right))
    }
    assert wrong == {}


def test_gradients_of_such_writes(each_backend: str) -> None:
    found = {}
    for code in PROGRAMS:
        if not code.startswith(("n", "m", "corex")):
            ours, right = gradient(code, True), gradient(code, False)
            refused = isinstance(ours, RuntimeError) and "modified by an inplace" in str(ours)
            if not (refused or is_refusal(ours) or same(ours, right)):
                found[code] = (ours, right)
    assert found == {}


# What sets every element to the same value, changes only the shape and strides of a tensor, or
# leaves real numbers as they are.
HARMLESS = ("fill_", "zero_", "t_", "squeeze_", "unsqueeze_", "transpose_", "swapaxes_",
            "swapdims_", "detach_", "conj_physical_", "as_strided_", "resize_",
            "resize_as_", "set_")  # fmt: skip


def test_elements_that_share_memory_are_not_written(each_backend: str) -> None:
    wrong = []
    for call in CALLS:
        target = call.args[0] if call.inplace else None
        if not isinstance(target, TensorArg) or not target.letters or call.name in HARMLESS:
            continue
        if call.text == ".__setitem__(a, 0, 2.0)":  # a row is dense
            continue
        error = run(call, corex, {target.name: "expanded"}).error
        if not is_refusal(error):
            wrong.append(f"{call.text}: {error!r}")
    assert wrong == []
