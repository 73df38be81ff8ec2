"""Two inputs together: how alike they are, and bilinear forms."""

from __future__ import annotations

from corex.dispatch.record import no_grad
from corex.layout import broadcast_shapes, numel
from corex.ops.linalg.matmul import matmul
from corex.ops.linalg.norms import norm
from corex.ops.pointwise.select import clamp
from corex.ops.registration import function
from corex.ops.shape.views import clone, expand, movedim, reshape, shaped, unsqueeze
from corex.tensor.tensor import Tensor


@function()
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Inner product of the directions of two tensors along a dim."""
    if not eps >= 0:
        raise RuntimeError(f"[cosine_similarity] eps must be non-negative, got: {eps}")
    shape = broadcast_shapes("cosine_similarity", x1.shape, x2.shape)
    a, b = [expand(x, shape) if x.shape != shape else x for x in (x1, x2)]
    # Divided first, as in PyTorch: the product of the lengths may not exist.
    return (a / _length(a, dim, eps) * (b / _length(b, dim, eps))).sum(dim)


def _length(x: Tensor, dim: int, eps: float) -> Tensor:
    """The norm along a dim, at least eps; the limit takes nothing from the gradient."""
    length = clone(norm(x, 2, dim, True))
    with no_grad():
        length.copy_(clamp(length.detach(), min=eps))
    return length


@function()
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1^T W_k x2 + b_k for every output k; weight is (out, in1, in2)."""
    outs, width1, width2 = weight.shape
    lead = input1.shape[:-1]
    rows = numel(lead)
    x1, x2 = reshape(input1, (rows, width1)), reshape(input2, (rows, width2))
    # (n, in1) x (in1, out * in2), then the inner product with x2 for each output.
    left = matmul(x1, reshape(movedim(weight, 0, 1), (width1, outs * width2)))
    result = (reshape(left, (rows, outs, width2)) * unsqueeze(x2, 1)).sum(-1)
    if bias is not None:
        result = result + bias
    return shaped(result, (*lead, outs))
