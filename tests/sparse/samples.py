"""Sparse tensors to call functions with, in corex or PyTorch, and what a call comes to.

`calls.txt` and `gradients.txt` have one expression a line; `xp` is the library, the other names are
those of `tensors`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FOLDER = Path(__file__).parent


def lines(name: str) -> list[str]:
    """The expressions of a file."""
    return (FOLDER / name).read_text().splitlines()


def tensors(xp: Any, uncoalesced: bool = False) -> dict[str, Any]:
    """Named tensors: x, y, u, h of coordinates, xc coalesced, c, c2, bc, cc compressed, d, q dense;
    x, q, w and cc require gradients where the name of the file says so (`leaves`)."""
    i, v = xp.tensor([[0, 1, 1], [2, 0, 2]]), xp.tensor([3.0, 4.0, 5.0])
    x = xp.sparse_coo_tensor(i, v, (2, 3))
    d = xp.arange(6.0).reshape(2, 3)
    b = xp.zeros(2, 3, 3)
    b[:, 0, 1] = 1
    b[:, 2, 2] = 2
    return {
        "xp": xp, "i": i, "v": v, "x": x, "xc": x.coalesce(), "d": d,
        "y": xp.sparse_coo_tensor([[0, 0], [0, 2]], [1.0, 2.0], (2, 3)),
        "u": xp.sparse_coo_tensor([[0, 0, 1], [2, 2, 0]], [1.0, 2.0, 3.0], (2, 3)),
        "h": xp.sparse_coo_tensor([[0, 2]], xp.ones(2, 2), (3, 2)),
        "c": d.to_sparse_csr(),
        "c2": xp.tensor([[0.0, 0.0, 1.0], [2.0, 0.0, 0.0]]).to_sparse_csr(),
        "bc": b.to_sparse_csr(),
    }  # fmt: skip


def leaves(xp: Any, uncoalesced: bool) -> dict[str, Any]:
    """Those that require gradients: x of coordinates, which may come twice, q dense, w values, cc
    compressed; and what they are combined with."""
    x = (
        xp.sparse_coo_tensor([[0, 0, 1], [2, 2, 0]], [1.0, 2.0, 3.0], (2, 3), requires_grad=True)
        if uncoalesced
        else xp.sparse_coo_tensor([[0, 1], [2, 0]], [1.0, 2.0], (2, 3), requires_grad=True)
    )
    return {
        "x": x,
        "q": xp.arange(6.0).reshape(2, 3).requires_grad_(),
        "w": xp.tensor([1.0, 2.0, 3.0], requires_grad=True),
        "cc": xp.sparse_csr_tensor(
            [0, 1, 3], [2, 0, 2], [1.0, 2.0, 3.0], size=(2, 3), requires_grad=True
        ),
    }


class Gradients(NamedTuple):
    """The type of the node, and the gradients of the leaves as arrays, or the error."""

    label: str
    dense: dict[str, Any]
    layouts: dict[str, str]


def gradients(xp: Any, line: str, uncoalesced: bool) -> Gradients:
    """The gradients of a weighted sum of what the expression gives."""
    given = leaves(xp, uncoalesced)
    fixed = {key: value for key, value in tensors(xp).items() if key not in given}
    result = eval(line, {}, {**fixed, **given})
    label = result.grad_fn.name()
    whole = result.to_dense()
    weights = xp.arange(1.0, whole.numel() + 1).reshape(whole.shape)
    (whole * weights).sum().backward()
    grads = {name: t.grad for name, t in given.items() if t.grad is not None}
    dense = {name: np.asarray(g.to_dense().tolist()) for name, g in grads.items()}
    return Gradients(label, dense, {name: _layout(g) for name, g in grads.items()})


def _layout(t: Any) -> str:
    return str(t.layout).rpartition(".")[2]


def outcome(xp: Any, line: str) -> str:
    """How the result is shown, whether coordinates are coalesced, or the type of the error."""
    try:
        result = eval(line, {}, tensors(xp))
        text = repr(result)
        if _layout(result) == "sparse_coo" if hasattr(result, "layout") else False:
            text = f"{result.is_coalesced()} {text}"
    except Exception as error:
        return next(
            kind.__name__
            for kind in (IndexError, TypeError, NotImplementedError, ValueError, RuntimeError)
            if isinstance(error, kind)
        )
    return re.sub(r"\s+", " ", text.replace("corex.", "torch."))
