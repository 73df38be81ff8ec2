"""A sample of the cases that `make fuzz` draws, and that differences are found and made short."""

from __future__ import annotations

import pytest

import corex
from tests.fuzz.cases import running
from tests.fuzz.cases.compared import compare
from tests.fuzz.cases.families import FAMILIES

SAMPLE = 40


@pytest.mark.parametrize("family", FAMILIES)
def test_sample(family: str) -> None:
    assert running.search(family, 1, SAMPLE) == ""


@pytest.mark.parametrize("family", ["get", "put", "views", "binary"])
def test_sample_on_the_reference(family: str) -> None:
    assert running.search(family, 2, SAMPLE // 2, "reference_py") == ""


def test_a_difference_is_found_and_made_short(monkeypatch: pytest.MonkeyPatch) -> None:
    right = corex.Tensor.unsqueeze
    monkeypatch.setattr(corex.Tensor, "unsqueeze", lambda t, dim: right(t, 0))
    found = running.search("views", 0, 500)
    code = found.split("new = maker(lib)\n")[1]
    assert "unsqueeze" in code
    assert len(code.splitlines()) <= 6, code  # the tensor, a few views, a pass, what differs


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("r = x + (0 if lib.__name__ == 'torch' else 1)", "values"),
        ("r = x.clone() if lib.__name__ == 'torch' else x[:]", "memory"),
        ("r = x.to(lib.float32) if lib.__name__ == 'torch' else x", "dtype"),
        ("r = x.mT.clone() if lib.__name__ == 'torch' else x.mT.contiguous()", "strides"),
        ("r = x[5] if lib.__name__ == 'torch' else x", "accepted"),
        ("r = x if lib.__name__ == 'torch' else x[5]", "refused"),
        ("r = x[5] if lib.__name__ == 'torch' else x.view(5)", "RuntimeError for IndexError"),
        ("if lib.__name__ == 'corex': x.add_(1)\nr = x[5]", ""),
        ("x.add_(lib.__name__ == 'corex'), x[5]", "touched"),
        ("(x * (3 if lib.__name__ == 'torch' else 2)).sum().backward()", "gradient"),
    ],
)
def test_what_is_compared(change: str, kind: str) -> None:
    grad = ", grad=True" if kind == "gradient" else ""
    found = compare(f"x = new((2, 3), 'float64'{grad})\n{change}")
    assert (found.kind if found else "") == kind


# What was wrong once, in the words of the case that found it.
FOUND = """
x = new((1, 2), 'float64'); x[()] += 3
x = new((2, 2), 'float64'); y = x[lib.tensor(0, dtype=lib.uint8)]
x = new((3, 3), 'float64'); x[..., [[]]] += 1
x = new((2,), 'complex64'); x[0] = None
x = new((1, 4), 'float64'); y = x.index_put((lib.tensor([0]), lib.tensor([0])), lib.ones(1, 1))
x = new((), 'float64'); y = x.narrow(-2, 0, 2)
x = new((), 'float64'); y = x.unflatten(-1, (3, 1))
x = new((), 'float64'); y = x.chunk(3, 2)
x = new((), 'float64'); y = x.tensor_split(3, -2)
x = new((), 'float64'); y = x.movedim(0, 0)
x = new((), 'float64'); y = (x.mT, x.mH, x.H, x.adjoint())
x = new((2, 3, 4), 'float64'); y = x.H
x = new((2, 3), 'float64'); y = lib.broadcast_tensors(x, x[:1])
x = new((3,), 'float64'); y = x.log_(x)
x = new((3,), 'float64'); y = x.fmod_()
x = new((3,), 'float64'); y = x.atan2_(2)
x = new((), 'bfloat16', 3); y = lib.nextafter(x, -x)
x = new((), 'complex64'); y = lib.prod(x, -1)
x = new((3, 0), 'float64', grad=True); r = lib.renorm(x, 2, 0, 1.5); backward(r)
x = new((2, 2), 'int32'); r = lib.renorm(x, 2, 9, 1.5)
x = new((2,), 'complex64'); r = lib.sort(x)
x = new((2,), 'complex64'); r = lib.unique(x)
x = new((2,), 'complex64'); r = lib.topk(x, 1)
x = new((2,), 'float64'); r = lib.any(x, out=lib.empty(0, dtype=lib.uint8))
x = new((), 'float64'); r = lib.cartesian_prod(x, x)
x = new((), 'float64'); r = lib.take_along_dim(x, lib.tensor(0), 0)
x = new((2,), 'complex64'); r = lib.scatter_reduce(x, 0, lib.tensor([1, 1]), x, 'mean')
x = new((2,), 'float64'); r = lib.scatter_reduce(x, 0, lib.tensor([-1, 1]), x, 'amax')
x = new((1,), 'bool'); r = lib.index_copy(x, 0, lib.tensor([0]), lib.tensor([1]))
x = new((0,), 'float64'); r = lib.index_select(x, 0, lib.tensor([0]))
x = new((2, 3), 'float64', layout='turned'); r = (lib.rot90(x, 0), lib.roll(x, 0, 0))
x = new((), 'int16'); r = lib.clamp(x, 2, lib.tensor(7, dtype=lib.int32))
x = new((2,), 'float32'); r = lib.lerp(x, x + 1, new((), 'uint8', 3))
x = new((2,), 'complex128'); r = lib.addcdiv(x, new((2,), 'float32', 3), new((2,), 'float32', 5))
x = new((2, 3), 'float64', layout='turned'); o = lib.empty(0); r = lib.sub(x.float(), 1, out=o)
x = new((2,), 'bool'); r = x.fill_(1 + 2j)
x = new((2, 3), 'bool'); r = lib.full_like(x, 1 + 2j)
x = new((3, 2), 'complex64', layout='turned', kind='apart'); r = (x.pow(x), x.rsqrt(), x.sgn())
x = new((2,), 'float32'); r = lib.lerp(x, x + 1, new((), 'complex64', 3))
x = new((), 'bool'); r = (lib.msort(x), lib.masked_scatter(x, x, x))
x = new((), 'int64'); r = lib.block_diag(x, new((2,), 'int32'))
x = new((4,), 'uint8'); r = lib.pow(x, -3, out=lib.empty(0))
x = new((2,), 'float32'); r = lib.bucketize(new((2,), 'bool'), lib.tensor([0.5]))
x = new((2,), 'float64', grad=True); r = lib.special.xlog1py(x * 0, x + 3); backward(r)
x = new((3,), 'float64'); r = lib.exp(x, out=3)
x = new((3,), 'float64'); r = lib.sum(x, dtype=lib.int64)
x = new((2, 3), 'float64'); r = lib.linalg.qr(x, 0)
"""


@pytest.mark.parametrize("case", FOUND.strip().splitlines())
def test_what_was_wrong(case: str) -> None:
    found = compare(case.replace("; ", "\n"))
    assert found is None, found
