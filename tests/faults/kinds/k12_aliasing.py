"""Which results show the memory of an argument, and what arguments that share memory give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import corex
from tests.sweeps.aliasing import is_refusal, outcome, same
from tests.sweeps.writes import PROGRAMS, gradient, result

KIND = "12: views where PyTorch has none, and the other way round; writes over their own operands"


def cube() -> corex.Tensor:
    """A (2, 3, 4) tensor."""
    return corex.arange(24.0).view(2, 3, 4)


VIEWS: dict[str, Callable[[corex.Tensor], Any]] = {
    "reshape": lambda x: x.reshape(6, 4),
    "reshape to its own shape": lambda x: x.reshape(x.shape),
    "flatten": lambda x: x.flatten(1),
    "flatten of nothing": lambda x: x.flatten(1, 1),
    "ravel": lambda x: x.ravel(),
    "contiguous": lambda x: x.contiguous(),
    "to its own dtype": lambda x: x.to(x.dtype),
    "float": lambda x: x.float(),
    "type_as": lambda x: x.type_as(x),
    "expand": lambda x: x.expand(5, 2, 3, 4),
    "squeeze": lambda x: x[:1].squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "diagonal": lambda x: x.diagonal(0, 1, 2),
    "unfold": lambda x: x.unfold(2, 2, 1),
    "movedim": lambda x: x.movedim(0, 2),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "narrow": lambda x: x.narrow(2, 1, 2),
    "view_as": lambda x: x.view_as(x),
    "atleast_3d": lambda x: corex.atleast_3d(x[0]),
    "einsum of one operand": lambda x: corex.einsum("abc->cab", x),
    "einsum of a diagonal": lambda x: corex.einsum("bii->bi", x[:, :, :3]),
    "x[:, 1]": lambda x: x[:, 1],
    "x[...]": lambda x: x[...],
    "x[:, None]": lambda x: x[:, None],
    "positive": lambda x: corex.positive(x),
    "chunk": lambda x: x.chunk(2, 2)[1],
    "split": lambda x: x.split(3, 2)[1],
    "tensor_split": lambda x: x.tensor_split(2, 1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "hsplit": lambda x: x.hsplit(3)[1],
    "broadcast_tensors": lambda x: corex.broadcast_tensors(x, x[0])[1],
    "meshgrid": lambda x: corex.meshgrid(x[0, 0], x[0, :, 0], indexing="ij")[1],
    "cpu": lambda x: x.cpu(),
}
COPIES: dict[str, Callable[[corex.Tensor], Any]] = {
    "clone": lambda x: x.clone(),
    "to with copy": lambda x: x.to(x.dtype, copy=True),
    "reshape of a transposed": lambda x: x.transpose(0, 1).reshape(6, 4),
    "flatten of a transposed": lambda x: x.T.flatten(),
    "contiguous of a transposed": lambda x: x.T.contiguous(),
    "x[[0, 1]]": lambda x: x[[0, 1]],
    "flip of nothing": lambda x: x.flip(()),
    "roll by nothing": lambda x: x.roll(0, 0),
    "diag": lambda x: corex.diag(x[0]),
    "pad by nothing": lambda x: corex.nn.functional.pad(x, (0, 0)),
    "repeat once": lambda x: x.repeat(1, 1, 1),
    "tril of all": lambda x: x.tril(10),
    "cat of one": lambda x: corex.cat([x]),
    "sum over nothing": lambda x: x[:1].sum(0),
    "index_select": lambda x: x.index_select(0, corex.tensor([0, 1])),
}


def _shares(function: Callable[[corex.Tensor], Any], wanted: bool) -> None:
    x = cube()
    y = function(x)
    assert (y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()) is wanted
    before = y.clone()
    x.add_(100)
    assert y.equal(before) is not wanted


def _as_of_copies(code: str) -> None:
    ours, right = result(code, True), result(code, False)
    assert not isinstance(right, Exception), right
    assert is_refusal(ours) or same(ours, right), (ours, right)


def _gradient_as_of_copies(code: str) -> None:
    ours, right = gradient(code, True), gradient(code, False)
    refused = isinstance(ours, RuntimeError) and "modified by an inplace" in str(ours)
    assert refused or is_refusal(ours) or same(ours, right), (ours, right)


def _expanded(write: Callable[[corex.Tensor], Any]) -> None:
    target = corex.ones(3, 1).expand(3, 4)
    assert is_refusal(outcome(lambda: write(target)))


REFUSED: dict[str, Callable[[corex.Tensor], Any]] = {
    "add_": lambda t: t.add_(1),
    "exp_": lambda t: t.exp_(),
    "copy_": lambda t: t.copy_(corex.ones(3, 4)),
    "mul_ by itself": lambda t: t.mul_(t),
    "out=": lambda t: corex.add(corex.ones(3, 4), 1, out=t),
    "matmul, out=": lambda t: corex.matmul(corex.ones(3, 2), corex.ones(2, 4), out=t),
    "normal_": lambda t: t.normal_(),
    "clamp_": lambda t: t.clamp_(0, 1),
    "scatter_": lambda t: t.scatter_(1, corex.tensor([[0]]), 1.0),
}


def cases(backend: str) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, function in VIEWS.items():
        yield f"{name} shows its argument", partial(_shares, function, True)
    for name, function in COPIES.items():
        yield f"{name} copies", partial(_shares, function, False)
    for code in PROGRAMS:
        yield code, partial(_as_of_copies, code)
        if not code.startswith(("n", "m", "corex")):
            yield f"gradient of {code}", partial(_gradient_as_of_copies, code)
    for name, write in REFUSED.items():
        yield f"{name} of an expanded tensor", partial(_expanded, write)
