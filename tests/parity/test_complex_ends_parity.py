"""Functions of complex numbers at zeros, infinities, NaN and mixtures of them: PyTorch's values.

Both follow annex G of the C standard, which leaves some signs open: those are not compared.
"""

from __future__ import annotations

import cmath
import itertools
import math

import pytest
import torch

import corex

NAMES = """
    acos acosh asin asinh atan atanh cos cosh exp exp2 expm1 log log10 log2 sin sinh sqrt tan tanh
""".split()
PARTS = (0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan)
POINTS = [complex(re, im) for re, im in itertools.product(PARTS, PARTS)]


def is_same(ours: float, theirs: float) -> bool:
    if math.isnan(theirs):
        return math.isnan(ours)
    return math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-7)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("each_backend")
def test_special_points(name: str, dtype: str) -> None:
    ours = getattr(corex, name)(corex.tensor(POINTS, dtype=getattr(corex, dtype))).tolist()
    function, kind = getattr(torch, name), getattr(torch, dtype)
    wrong = []
    for point, found in zip(POINTS, ours, strict=True):
        # One by one, as PyTorch's vectors give other values at some of them.
        wanted = function(torch.tensor(point, dtype=kind)).item()
        alike = is_same(found.real, wanted.real) and is_same(found.imag, wanted.imag)
        if not alike and not has_open_sign(found, wanted):
            wrong.append((point, found, wanted))
    assert wrong == []


def has_open_sign(found: complex, wanted: complex) -> bool:
    """Whether the results differ in the sign of an infinity beside a NaN alone."""
    signs = [abs(z.real) if cmath.isinf(z) and z.real else z.real for z in (found, wanted)]
    parts = [abs(z.imag) if cmath.isinf(z) and z.imag else z.imag for z in (found, wanted)]
    beside_nan = math.isnan(wanted.real) or math.isnan(wanted.imag)
    return beside_nan and is_same(*signs) and is_same(*parts)


@pytest.mark.usefixtures("each_backend")
def test_a_layout_with_gaps_has_them_too() -> None:
    pairs = corex.tensor([[complex(math.inf, math.nan), 1j]] * 3)
    assert [math.isinf(z.real) for z in corex.exp(pairs[:, 0]).tolist()] == [True] * 3
    pairs[:, 0].exp_()
    assert math.isinf(pairs[0, 0].real.item())
    assert cmath.isclose(pairs[0, 1].item(), 1j)
