"""Where corex differed from PyTorch, and was meant to, until it did as PyTorch does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fuzz.cases.compared import compare

pytest.importorskip("torch")

# Cases of one line: statements with `; ` between them.
STRIDED = """
x = new((3,), 'float64', grad=True); r = x.expand(2, 3).as_strided((4,), (1,), 0); backward(r)
x = new((5,), 'float64', grad=True); r = x.unfold(0, 3, 1).as_strided((2, 2), (1, 1)); backward(r)
x = new((2, 3), 'float64', grad=True); r = x.expand(2, 2, 3).as_strided((), (), 4); backward(r)
"""
BRACKETS = """
x = new((2, 3), 'float32'); x[True] = new((3,), 'int64'); x[...] = new((1, 1, 3), 'int64')
x = new((2, 3), 'float64'); x[False] = new((3,), 'float64', grad=True)
x = new((2, 3), 'float64', grad=True); x[False] = new((9,), 'int64')
x = new((2, 3), 'float64', grad=True); x[True] = 1
x = new((2, 3), 'float64'); x[False] = 'a'
x = new((2, 3), 'float64'); x[True, 0] = lib.tensor(2)
x = new((2, 3), 'float64'); x[lib.tensor([0])] = lib.tensor(2)
x = new((2, 3), 'float64'); x[new((2,), 'bool'), 1:] = new((1,), 'float32', grad=True); backward(x)
x = new((2, 3), 'uint8'); x[[True, False]] = lib.tensor(300)
x = new((2, 3), 'int64'); x[[True, False]] = lib.tensor([[2.5]])
x = new((2, 3), 'float64'); x.index_put_((new((2,), 'bool'),), lib.tensor(2), True)
"""
LAYOUTS = """
x = new((2, 1, 4, 3), 'float64', layout='turned', grad=True); r = x[[1, 0, 0]]; backward(r)
x = new((2, 3, 4), layout='rolled'); r = (x[lib.tensor([1, 1])], x[:, [2, 0]], x[..., [3, 1]])
x = new((2, 3, 4), layout='turned'); r = (x[[1, 0], :, [0, 3]], x[[True, True]], x[..., None, [1]])
x = new((2, 3, 4), layout='turned'); r = x[:, new((2, 3), 'int64', layout='turned') % 3]
x = new((2, 3, 4)); r = x[new((2, 3), 'int64', layout='turned') % 2]
x = new((3, 1, 2)).expand(3, 4, 2); r = (x[[1, 2]], x[:, [0, 1]], x[new((3, 4), 'bool')])
"""
OUT = """
x = new((2, 3), 'float64', layout='turned'); w = lib.zeros(9); o = w[1:3]; r = lib.exp(x, out=o)
x = new((2, 3), 'float64'); o = lib.zeros(9, dtype=lib.float64); r = lib.sum(x, 1, out=o)
x = new((2, 3), 'float64'); o = lib.zeros(1, dtype=lib.float64); r = lib.cat((x, x), out=o)
x = new((2, 3), 'float64'); o = lib.zeros(6, 2, dtype=lib.float64).t(); r = lib.mm(x, x.t(), out=o)
x = lib.arange(6.); o = x[:2]; r = lib.add(x[2:5], 1, out=o)
x = lib.arange(6.); o = x[:2]; r = lib.add(x, 1, out=o)
x = lib.arange(3.); o = lib.zeros(4).expand(2, 4); r = lib.add(x, 1, out=o)
x = lib.arange(3.); o = lib.zeros(2, dtype=lib.int64); r = lib.add(x, 1, out=o)
x = lib.arange(3.); o = lib.zeros(2, requires_grad=True); r = lib.add(x, 1, out=o)
x = lib.arange(3.).requires_grad_() * 1; o = lib.zeros(2); r = lib.add(x, 1, out=o)
x = new((3,), 'float32'); o = (lib.zeros(2), lib.zeros(2, dtype=lib.int64)); r = lib.sort(x, out=o)
"""
OLD_FORMS = """
x = new((3,)); w = new((3,), 'float64', 2); r = (x.add(2, w), lib.sub(x, 0.5, w), lib.add(x, 2, w))
x = new((3,)); w = new((3,), 'float64', 2); x.add_(-2, w); x.sub_(3, w); x.addcmul_(2, w, w)
x = new((3,), 'float64', grad=True); w = new((3,)); r = lib.add(x, 2, w) + w.add(3, x); backward(r)
x = new((3,)); w = new((3,), 'float64', 2, kind='apart'); r = lib.addcdiv(x, 0.5, w, w)
m = new((2, 2)); r = (lib.addmm(2, m, 3, m, m), lib.addmm(2, m, m, m), m.addmm(2, 3, m, m))
m = new((2, 2)); m.addmm_(2, 3, m, m); r = lib.addmm(2, m, m, m, out=lib.empty(0).double())
m = new((2, 2)); v = m[0]; r = (v.addmv(2, m, v), lib.addr(2, m, 3, v, v), m.addr(2, v, v))
b = new((2, 2, 2)); r = (lib.baddbmm(2, b, b, b), b[0].addbmm(2, 3, b, b))
x = new((3,)); r = x.add(x, 3)
x = new((3,)); r = lib.add(x, 3, x, alpha=2)
x = new((3,)); r = lib.add(x, 'a', x)
x = new((3,)); r = lib.add(3, x, x)
x = new((3,)); r = lib.addcmul(x, 3, x)
"""


def _cases(*groups: str) -> list[str]:
    return [line for group in groups for line in group.strip().splitlines()]


@pytest.mark.parametrize("case", _cases(STRIDED, BRACKETS, LAYOUTS, OUT, OLD_FORMS))
def test_no_difference(case: str) -> None:
    found = compare(case.replace("; ", "\n"))
    assert found is None, found


def test_second_derivative_of_a_view_from_before_its_base() -> None:
    def both(lib: Any) -> list[float]:
        x = lib.arange(3.0)[1:].requires_grad_()
        w = lib.ones(2).requires_grad_()
        (g,) = lib.autograd.grad(x.as_strided((2,), (1,), 0), x, w, create_graph=True)
        return [*g.tolist(), *lib.autograd.grad(g.sum(), w)[0].tolist()]

    import torch

    import corex

    assert both(corex) == both(torch) == [1.0, 0.0, 0.0, 1.0]
