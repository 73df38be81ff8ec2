"""array-api-extra over tensors."""

from __future__ import annotations

import array_api_extra as xpx
import pytest

from tests.downstream.comparing import check
from tests.downstream.test_scipy import DATA

CALLS = """
xpx.angle(c)
xpx.apply_where(v > 0.2, v, xp.log, fill_value=0.0)
xpx.apply_where(v > 0.2, (v, w), lambda a, b: a / b, lambda a, b: a * b)
xpx.argpartition(n, 3)[3:4]
xpx.at(v, 0).set(5.0)
xpx.at(v)[b].add(1.0)
xpx.at(v)[1:3].multiply(2.0)
xpx.at(v, b).max(0.5)
xpx.at(v, 2).add(1.0, copy=False)
xpx.atleast_nd(v, ndim=2)
xpx.cov(x)
xpx.create_diagonal(v)
xpx.isclose(v, w)
xpx.isin(lab, lab[:1])
xpx.kron(sq, sq)
xpx.lazy_apply(lambda z: z + 1, v, as_numpy=True)
xpx.nan_to_num(v)
xpx.nunique(lab)
xpx.pad(x, 1)
xpx.partition(n, 3)[3:4]
xpx.searchsorted(xp.sort(n), m)
xpx.setdiff1d(v, w)
xpx.sinc(v)
xpx.union1d(v, w)
xpx.unravel_index(lab, (2, 2))
""".strip().split("\n")


@pytest.mark.parametrize("call", CALLS)
def test_calls(call: str) -> None:
    check(call, {"xpx": xpx}, DATA)


def test_one_hot_is_of_the_default_dtype() -> None:
    check("xpx.one_hot(lab, 3)", {"xpx": xpx}, DATA, dtypes=False)
