"""Results lie in memory as PyTorch's do: strides, and whose memory they show."""

from __future__ import annotations

import pytest

import corex
from tests.sweeps.calls import CALLS, Outcome, run, tensors_of
from tests.sweeps.layouts import ROW_MAJOR, RULE, compared, described, differs, layouts_of, read

# PyTorch's results are views of something inside of the function, too.
VIEWS_OF_NOTHING = {
    "nonzero(m, as_tuple=True)",
    "where(m)",
    "unravel_index(j, (3, 4))",
    "unravel_index(k, 6)",
    "F.max_pool1d(t, 2)",
    "F.max_pool1d(t, 2, ())",
    "F.max_pool1d(ti, 2, return_indices=True)",
    "F.max_pool1d_with_indices(t, 2)",
    "F.adaptive_avg_pool1d(t, 2)",
    "stft(a, 4, 1, return_complex=True)",
    'stft(a, 2, 1, pad_mode="constant", onesided=False, return_complex=False)',
    "stft(v, 3, 2, window=vsign3, center=False, return_complex=True)",
    "stft(za, 4, 1, 2, normalized=True)",
}


@pytest.mark.parametrize(
    "each_backend",
    ["cpu_c", pytest.param("reference_py", marks=pytest.mark.full)],  # whom strides hardly touch
    indirect=True,
)
def test_results_are_laid_out_as_in_pytorch(each_backend: str) -> None:
    expected = read()
    wrong, views = [], []
    for call in CALLS:
        for layout in layouts_of(call):
            outcome = run(call, corex, layout)
            if compared(call):
                theirs = expected.get((call.text, layout), RULE)
                wrong.append(differs(call, layout, theirs, outcome))
            if call.text not in VIEWS_OF_NOTHING and _is_view_of_nothing(outcome):
                views.append(f"{call.text}, {layout}")
    assert [text for text in wrong if text] == []
    assert views == [], "detach_ refuses views; only results that show an argument may be ones"


def _is_view_of_nothing(outcome: Outcome) -> bool:
    parts = described(outcome).split("; ")
    return any(
        t._base is not None
        for t, part in zip(tensors_of(outcome.value), parts, strict=False)
        if " of " not in f" {part}" and " is " not in f" {part}"
    )


def test_every_exception_is_a_call() -> None:
    texts = {call.text for call in CALLS}
    assert (ROW_MAJOR | VIEWS_OF_NOTHING) - texts == set()
    assert {text for text, _ in read()} - texts == set()
