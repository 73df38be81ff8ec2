"""Numbers that a dtype cannot hold, wherever a number enters: literals, both CPU backends.

`number_ranges.txt` holds PyTorch's answers (comparisons of integers with integers are exact here,
where PyTorch wraps around). It is rewritten by

    python -m tests.sweeps.test_number_ranges

with PyTorch installed. `number_ranges_known.txt` lists, by expression, what is not so yet, and why;
an entry of it that is right fails the test, so that the list only shrinks.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import corex
import corex.nn.functional as F
from tests.sweeps.calls import CALLS as SAMPLES
from tests.sweeps.calls import slots
from tests.sweeps.number_calls import CALLS, NUMBERS, dtypes_of, exactly, outcome

FOLDER = Path(__file__).parent
LITERALS = FOLDER / "number_ranges.txt"
KNOWN = FOLDER / "number_ranges_known.txt"

Case = tuple[str, str, str]
"""An expression, a dtype and the name of a number."""

# Functions whose samples have numbers, but which say nothing about dtypes.
ELSEWHERE = {
    "isclose": "tolerances are floats",
    "allclose": "tolerances are floats",
    "fill_diagonal": "by `fill_`",
    "slice_inverse": "positions",
    "movedim": "numbers of dims",
    "moveaxis": "numbers of dims",
    "narrow": "positions",
    "hamming_window": "weights of a float window",
    "kaiser_window": "a parameter of a float window",
    "unfold": "positions",
    "narrow_copy": "positions",
    "fftfreq": "a distance of samples",
    "rfftfreq": "a distance of samples",
    "fft2": "sizes",
    "fftn": "sizes",
    "ifftn": "sizes",
    "irfftn": "sizes",
    "slice_copy": "positions",
    "slice_scatter": "positions",
    "unfold_copy": "positions",
    "randint_like": "bounds, as randint's",
    "exponential": "a parameter of floats",
    "geometric": "a probability",
    "cauchy": "parameters of floats",
    "log_normal": "parameters of floats",
    "bucketize": "values to compare",
    "cdist": "a parameter of floats",
    "cov": "a parameter of floats",
    "cumulative_trapezoid": "a parameter of floats",
    "gradient": "a parameter of floats",
    "histc": "bounds of floats",
    "histogram": "bounds of floats",
    "histogramdd": "bounds of floats",
    "nanquantile": "a parameter of floats",
    "quantile": "a parameter of floats",
    "polygamma": "an order",
    "nonzero_static": "positions",
    "linear_cross_entropy": "a probability",
    "fractional_max_pool2d": "a ratio of sizes",
    "fractional_max_pool2d_with_indices": "a ratio of sizes",
    "fractional_max_pool3d_with_indices": "a ratio of sizes",
    "mvlgamma": "a dimension",
    "renorm": "a parameter of floats",
    "searchsorted": "values to compare",
    "trapezoid": "a parameter of floats",
    "dropout1d": "as dropout",
    "dropout2d": "as dropout",
    "vector_norm": "a float order",
    "matrix_norm": "one of six orders",
    "cond": "one of six orders",
    "rms_norm": "eps, as layer_norm's",
    "batch_norm": "momentum and eps, as layer_norm's",
    "group_norm": "eps, as layer_norm's",
    "cross_entropy": "a probability",
    "hinge_embedding_loss": "the margin is an operand of arithmetic",
    "margin_ranking_loss": "the margin is an operand of arithmetic",
    **dict.fromkeys(
        """
        alpha_dropout cosine_embedding_loss dropout3d feature_alpha_dropout gumbel_softmax
        instance_norm interpolate local_response_norm lp_pool1d lp_pool2d
        lp_pool3d multi_head_attention_forward multi_margin_loss pairwise_distance pdist rrelu
        scaled_dot_product_attention triplet_margin_loss
        upsample
        """.split(),
        "composed in nn.functional: an operand of arithmetic, or as dropout",
    ),
}


def cases() -> Iterator[Case]:
    """Everything that is tried."""
    for call in CALLS:
        for dtype in dtypes_of(call):
            for name in NUMBERS:
                yield call, dtype, name


@cache
def literals() -> dict[Case, str]:
    """The committed answers; those of one line share an outcome."""
    found: dict[Case, str] = {}
    call = dtype = ""
    for line in LITERALS.read_text().splitlines():
        if not line.startswith(" "):
            call = line
        elif not line.startswith("    "):
            dtype = line.strip()
        else:
            names, _, result = line.strip().partition(" -> ")
            found.update({(call, dtype, name): result for name in names.split()})
    return found


def expected(case: Case) -> str:
    """The committed answer, but where the number itself answers and not the tensor."""
    # Until Python 3.13 a Fraction made itself a float before it raised itself to any power.
    if case[0] == "n ** x" and case[2] == "Fraction" and sys.version_info >= (3, 13):
        return "!TypeError"
    return literals()[case]


@cache
def known() -> dict[str, dict[tuple[str, str], str]]:
    """By expression: (dtype, number) -> why it is not PyTorch's."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    reason = call = ""
    for line in KNOWN.read_text().splitlines():
        if line.startswith("# "):
            reason = line[2:]
        elif line and not line.startswith(" "):
            call = line
        elif line:
            dtypes, _, names = line.strip().partition(": ")
            entries = found.setdefault(call, {})
            for dtype in dtypes.split():
                entries.update({(dtype, name): reason for name in names.split()})
    return found


@pytest.mark.parametrize("call", CALLS)
def test_numbers(each_backend: str, call: str) -> None:
    wrong, right = [], []
    exceptions = known().get(call, {})
    for dtype in dtypes_of(call):
        for name, number in NUMBERS.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = outcome(call, corex, F, dtype, number)
            want = expected((call, dtype, name))
            if got != want and (dtype, name) not in exceptions:
                wrong.append(f"{dtype}, n = {name}: {got}, not {want}")
            if got == want and (dtype, name) in exceptions:
                right.append(f"{dtype}: {name}")
    assert not wrong
    assert not right, f"take these out of {KNOWN.name}"


def test_the_lists_name_what_is_tried() -> None:
    tried = set(cases())
    assert set(literals()) == tried
    assert {(call, *rest) for call, rows in known().items() for rest in rows} <= tried


def test_every_function_that_takes_numbers_is_tried() -> None:
    def takes_numbers(sample: Any) -> bool:
        return any(slot.argument.role in ("number", "real") for slot in slots(sample))

    names = {s.name for s in SAMPLES if takes_numbers(s) and not s.name.startswith("__")}
    words = " ".join(CALLS)
    tried = {n for n in names if any(f".{n.rstrip('_')}{end}(" in words for end in ("", "_"))}
    assert {n.rstrip("_") for n in names - tried} == set(ELSEWHERE), "see number_calls.py"


def test_complex_numbers_need_complex_tensors(each_backend: str) -> None:
    x = corex.ones(3)
    assert (x + 1j).dtype is corex.full((2,), 1j).dtype is corex.complex64
    for use in (lambda: x.fill_(1j), lambda: x < 1j, lambda: x.add_(1j), lambda: x.clamp(1j)):
        with pytest.raises((RuntimeError, TypeError)):
            use()


# ---- PyTorch ---------------------------------------------------------------------------------
def _of_torch(case: Case) -> str:
    import torch

    call, dtype, name = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = outcome(call, torch, torch.nn.functional, dtype, NUMBERS[name])
    return exactly(call, dtype, NUMBERS[name]) or theirs


@pytest.mark.parity
def test_the_literals_are_pytorchs() -> None:
    assert [case for case in cases() if expected(case) != _of_torch(case)] == []


def _write() -> None:
    lines: list[str] = []
    for call in CALLS:
        lines.append(call)
        for dtype in dtypes_of(call):
            lines.append(f"  {dtype}")
            shared: dict[str, list[str]] = {}
            for name in NUMBERS:
                shared.setdefault(_of_torch((call, dtype, name)), []).append(name)
            lines += [f"    {' '.join(names)} -> {result}" for result, names in shared.items()]
    LITERALS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    _write()
