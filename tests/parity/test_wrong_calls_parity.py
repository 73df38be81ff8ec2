"""Wrong calls that were once answered otherwise than PyTorch answers them, one of each kind."""

from __future__ import annotations

import pytest

from tests.fuzz.cases.compared import compare

CASES = (
    # an argument of a wrong type, which another error told first
    "a = new((3, 4), 'float64', 1)\nr = lib.div(a, a, rounding_mode=0)",
    "a = new((3, 4), 'float64', 1)\nr = lib.nn.functional.interpolate(a[None], size='x')",
    "a = new((3, 4), 'float64', 1)\nr = lib.linalg.matrix_rank(a, 'x')",
    "a = new((3, 4), 'float64', 1)\nr = lib.linalg.matrix_norm(a, 2, -9)",
    "a = new((2, 3, 4), 'float64', 1)\nr = lib.moveaxis(a, (0, 1), 9)",
    "x = new((2, 4, 5, 6), 'float64', 1)\nr = lib.nn.functional.adaptive_max_pool2d(x, 'x')",
    "a = new((3, 4), 'float64', 1)\nr = lib.nn.functional.gelu(a, approximate=-1)",
    "a = new((3, 4), 'float64', 1)\nr = lib.linalg.cond(a, [1, 2])",
    "r = lib.concat(lib.ones(2))",
    "r = lib.atleast_2d([1.0, 2.0])",
    "r = lib.ones(2).type_as(3)",
    # a method in place, whose arguments are those of the function
    "a = new((3, 4), 'float64', 1)\ni = lib.zeros(3, 2, dtype=lib.int64)\n"
    "r = a.scatter_reduce_(1, i, new((3, 2), 'float64', 2), (1,))",
    "a = new((4,), 'float64', 1)\nr = a.as_strided_((2, 2), -19, 0)",
    # a check that was missing
    "a = new((3, 4), 'float64', 1)\nr = lib.nn.functional.cosine_similarity(a, a, 1, nan)",
    "a = new((3, 4), 'float64', 1)\nr = lib.nn.functional.pdist(a, nan)",
    "a = new((3, 4), 'float64', 1)\nr = lib.nn.functional.leaky_relu(a, 1j)",
    "a = new((3, 4), 'int64', 1)\nr = lib.nn.functional.soft_margin_loss(a, a.double())",
    "a = new((5, 4), 'float64', 1)\nr = lib.ormqr(a, new((2, 4), 'float64', 2), a)",
    "v = new((4,), 'float64', 1)\n"
    "r = lib.nn.functional.margin_ranking_loss(v, v, new((2, 4), 'float64', 2), 0.5)",
    "a = new((2, 4, 4), 'float64', 1)\np = lib.ones(4, dtype=lib.int32)\n"
    "r = lib.linalg.lu_solve(a, p, a)",
    "a = new((5, 5), 'float64', 1)\nr = lib.ormqr(a, new((4,), 'float64', 2), a)",
    "a = new((3, 4), 'float64', 1)\nr = lib.isclose(a, a, 0.1, nan)",
    "a = new((3, 4), 'float64', 1)\nr = lib.histogram(a, 3, weight=lib.ones(3, 4))",
    "i = lib.zeros(2, dtype=lib.int64)\nr = lib.unravel_index(i, 0)",
    "r = lib.einsum('ii->i')",
    "a = new((3, 4), 'float64', 1)\n"
    "r = lib.nn.functional.kl_div(a, a, 0, reduction='batchmean', log_target=True)",
    # a right call that was refused, or of another result
    "r = lib.histogram(lib.tensor([0.0, 0.303, 1.0]), density=True)",
    "i = new((3, 4), 'int64', 1)\nr = lib.hash_tensor(i, None)",
    "a = new((3, 4), 'float32', 1)\nr = lib.nn.functional.huber_loss(a, new((3, 4), 'float64', 2))",
    "a = new((3, 4), 'float64', 1)\n"
    "r = lib.nn.functional.binary_cross_entropy_with_logits(a, a.sigmoid(), None, None, 0)",
    "a = new((3, 4), 'float64', 1)\nw = new((4, 1), 'float64', 2)\n"
    "r = lib.nn.functional.batch_norm(a, w[:, 0], w[:, 0] ** 2, w, w)",
)


@pytest.mark.parametrize("code", CASES)
def test_a_wrong_call_is_answered_as_pytorch_answers_it(code: str) -> None:
    found = compare(code)
    assert found is None, f"{code}\n{found}"
