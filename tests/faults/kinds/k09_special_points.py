"""Values and gradients at saturated, tied, vanishing and infinite arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

import corex
from tests.special_points.differences import compared
from tests.special_points.literals import decoded, load
from tests.special_points.run import run

KIND = "9: derivatives at saturated and special points were NaN, cancelled, or shared ties wrongly"

LINES = """
    F.binary_cross_entropy(prob,target,**none) F.normalize(zeros) F.cosine_similarity(zeros,ones,1)
    atan2(p,q) F.huber_loss(p,q,**none) F.smooth_l1_loss(p,q,**none) logit(a) sinc(a) F.elu(a)
    F.celu(a) F.selu(a) clamp(a,-1,1) clamp(p,q) F.hardtanh(a) fmax(p,q) max(r) norm(r,inf,1)
    xlogy(p,q) logaddexp(p,q) F.logsigmoid(a) abs(a) sign(a) F.relu(a) F.prelu(r,weight) lerp(p,q,q)
    addcdiv(p,p,q) logsumexp(r,1) F.hardswish(a) F.mish(a) std(r,1) F.kl_div(p,q,**none)
""".split()


def _check(line: str, dtype: str) -> None:
    found = compared(line, dtype, run(corex, line, dtype), decoded(load()[dtype][line]))
    assert not found, found


def _bce() -> None:
    p = corex.tensor([0.0, 1.0], requires_grad=True)
    corex.nn.BCELoss(reduction="sum")(p, corex.tensor([1.0, 0.0])).backward()
    np.testing.assert_allclose(p.grad.numpy(), [-1e12, 1e12])


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """The examples, and their lines of the table of special points."""
    yield "BCELoss at 0 and 1", _bce
    for line in LINES:
        for dtype in ("float32", "float64"):
            yield f"{line} {dtype}", lambda line=line, dtype=dtype: _check(line, dtype)
