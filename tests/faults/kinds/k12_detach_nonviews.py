"""`detach_()` works on every result that is no view, and `_is_view()` says which are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import corex
from corex.nn import functional

KIND = "12: detach_() takes results for views"

NO_VIEWS = """
x[:, index] | x[index] | x[x > 0] | x[:, index, None] | x.index_select(1, index) | x.take(index)
x.gather(1, index2) | x.scatter(0, index2, 1.0) | x.take_along_dim(index2, 1)
x.softmax(0) | x.log_softmax(0) | x.sort(0).values | x.sort(0).indices | x.argsort(0)
x.topk(2, 0).values | x.topk(3, 1).indices | x.kthvalue(1, 0).values | x.median(0).values
x.max(1).values | x.max(1).indices | x.min(0, keepdim=True).values | x.cumsum(0) | x.cumprod(0)
x.sum(1, True) | x.mean(0, True) | x.prod(1, True) | x.amax((0, 1), True) | x.argmax(1, True)
x.norm(1, 1, True) | x.logsumexp(1) | x.sum_to_size(1, 3) | (x > 0).all(0, True)
x @ x[0] | x[0] @ x.t() | x[0] @ x[0] | x[0].dot(x[1]) | x.mv(x[0]) | t3 @ t3.mT | t3 @ x.t()
x.flip(0) | x.flip(0, 1) | x.roll(1) | x.rot90() | x.fliplr() | x.repeat(2, 1) | x.tile((2, 2))
x.t().reshape(-1) | x.t().flatten() | x.t().contiguous() | x.clone()
x.expand(2, 2, 3).reshape(-1) | x.diag() | x[0].diag() | corex.diag_embed(x) | corex.kron(x, x)
corex.cartesian_prod(x[0], x[1]) | corex.stack([x, x]) | corex.cat([x, x]) | x.unique()
x.repeat_interleave(corex.tensor([1, 2]), 0) | corex.randint(0, 5, (3, 4)) | corex.randperm(4)
F.embedding(index, x) | F.linear(t3, x) | F.layer_norm(x, (3,)) | F.layer_norm(t3, (2, 3))
F.group_norm(x[None], 1) | F.conv1d(t3, w) | F.pad(t3, (1, 1), mode="reflect")
F.normalize(x) | F.one_hot(index) | F.gelu(x.t())
x.masked_select(x > 0) | x.where(x > 0, x.t().t()) | x.float().t() + 1
x.t() * 2 | x.double() + 0 | x.tril() | x.square() | -x.t()
x.var(1, keepdim=True) | x.std(0) | x.t().cumsum(1) | x.unbind()[0] * 1 | x.masked_fill(x > 0, 0)
""".replace("\n", " | ")

VIEWS = """
x.t() | x[0] | x[:, 1:] | x[None] | x[...] | x.view(-1) | x.reshape(6) | x.flatten() | x.ravel()
x.squeeze() | x.unsqueeze(0) | x.expand(2, 2, 3) | x.permute(1, 0) | x.transpose(0, 1) | x.T | x.mT
x.split(1)[0] | x.chunk(2)[1] | x.unbind()[0] | x.narrow(1, 0, 2) | x.select(0, 1) | x.diagonal()
x.unfold(1, 2, 1) | x.as_strided((2,), (1,)) | x.view_as(x) | x.movedim(0, 1)
x.unflatten(1, (3, 1)) | x.tensor_split(2)[0] | x.broadcast_to((2, 2, 3))
(x * 1)[0] | x.sum(1, True).squeeze(1)
""".replace("\n", " | ")

NEITHER = "x.detach() | x.data | x.contiguous() | x.expand(2, 3).contiguous() * 1"


def _names() -> dict[str, object]:
    x = corex.tensor([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
    return {
        "corex": corex,
        "F": functional,
        "x": x,
        "t3": x.expand(2, 2, 3).clone(),
        "w": corex.ones(1, 2, 2),
        "index": corex.tensor([0, 1]),
        "index2": corex.tensor([[0, 1], [1, 0]]),
    }


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    for codes, is_view in ((NO_VIEWS, False), (NEITHER, False), (VIEWS, True)):
        for code in filter(None, map(str.strip, codes.split("|"))):
            for gradient in (False, True):
                name = f"{code}, requires_grad={gradient}"
                yield name, lambda c=code, v=is_view, g=gradient: _check(c, v, g)


def _check(code: str, is_view: bool, gradient: bool) -> None:
    names = _names()
    if gradient:
        names = {
            name: value.requires_grad_()
            if isinstance(value, corex.Tensor) and value.is_floating_point()
            else value
            for name, value in names.items()
        }
    result = eval(code, names)
    assert result._is_view() == is_view, f"_is_view() is {result._is_view()}"
    if is_view:
        refused = False
        try:
            result.detach_()
        except RuntimeError:
            refused = True
        assert refused, "detach_() of a view is an error"
    elif "contiguous()" not in code or result is not names["x"]:
        assert result.detach_() is result
        assert not result.requires_grad
