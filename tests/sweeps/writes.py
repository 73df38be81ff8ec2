"""Programs that write to tensors which are their own operands, as such and with copies instead."""

from __future__ import annotations

from typing import Any

import corex
from tests.sweeps.aliasing import outcome

# Writes whose operand `y` is the target `x` itself, seen in another way.
PROGRAMS = """
x.add_(y)
x.mul_(y)
x.sub_(y.t())
x.copy_(y.t())
x.div_(y[0])
x.mul_(y[:, :1])
x.addmm_(y, y)
x.addcmul_(y, y.t())
x.lerp_(y.t(), y)
x.clamp_(y[0], y[1])
x.maximum_(y.t())
x.where(x > 0.5, y.t())
x.masked_fill_(y > 0.5, y[0, 0])
x.masked_scatter_(y > 0.5, y.t())
x.fill_(y[0, 1])
x[1:].copy_(y[:-1])
x[:-1].add_(y[1:])
x[1:].mul_(y[:-1])
x.view(-1)[1:].copy_(y.reshape(-1)[:-1])
x.view(-1)[:-1].sub_(y.reshape(-1)[1:])
x.__setitem__(0, y[1])
x.__setitem__((slice(None), 0), y[0])
x.__setitem__(slice(None), y.t())
x.__setitem__([0, 1, 2], y[[1, 2, 0]])
x.__setitem__([0, 1, 2], y.t())
x.__setitem__(y > 0.5, y[0, 0])
x.index_add_(0, rows, y.t())
x.index_copy_(0, rows, y.t())
x.scatter_(0, places, y.t())
x.scatter_add_(1, places, y)
x.cumsum_(0)
x.tril_()
x.t().add_(y)
x.t().copy_(y)
corex.add(y, y.t(), out=x)
corex.matmul(y, y, out=x)
corex.mul(y[0], y, out=x)
corex.cat([y[1:], y[:1]], out=x)
corex.stack([y[0], y[2], y[1]], out=x)
n.index_fill_(0, k, 7)
n.__setitem__(k, k)
n.__setitem__(k, k * 2)
n.scatter_(0, k, k)
n.scatter_add_(0, k, k)
n.index_add_(0, k, k)
n.index_copy_(0, k, k)
n.index_put_((k,), k)
n.index_put_((k,), k, accumulate=True)
n.copy_(k[k])
m.masked_fill_(w, False)
m.__setitem__(w, False)
m.logical_xor_(w)
m.masked_scatter_(w, w)
m.bitwise_and_(w.t())
""".strip().splitlines()


def names(shared: bool, gradients: bool = False) -> dict[str, Any]:
    """`x`, `n` and `m`, and what may be the same memory: `y`, `k` and `w`."""
    leaf = corex.tensor([[0.3, 0.8, 0.2], [0.6, 0.4, 0.9], [0.1, 0.7, 0.5]], dtype=corex.float64)
    leaf.requires_grad_(gradients)
    x = leaf * 1.0
    n = corex.tensor([2, 0, 1])
    m = corex.tensor([[True, False, True], [False, True, True], [True, True, False]])
    y, k, w = (x, n, m) if shared else (x.clone(), n.clone(), m.clone())
    rows, places = corex.tensor([2, 0, 1]), corex.tensor([[2, 0, 1], [0, 1, 2], [1, 2, 0]])
    return {"leaf": leaf, "x": x, "n": n, "m": m, "y": y, "k": k, "w": w, "rows": rows,
            "places": places, "corex": corex}  # fmt: skip


def result(code: str, shared: bool) -> Any:
    """What the three targets hold after the program."""
    known = names(shared)

    def written() -> Any:
        exec(code, known)
        return [known["x"], known["n"], known["m"]]

    return outcome(written)


def gradient(code: str, shared: bool) -> Any:
    """The gradient of the first target's origin; or the refusal of a value that was written."""
    known = names(shared, gradients=True)

    def backward() -> Any:
        exec(code, known)
        weight = corex.arange(1.0, 10.0, dtype=corex.float64).view(3, 3).cos()
        (known["x"] * weight).sum().backward()
        return [known["leaf"].grad]

    return outcome(backward)
