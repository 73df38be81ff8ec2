"""Sums of products named by labels or dims: einsum, tensordot, and their everyday special cases.

They permute and reshape their operands into batches of matrices and let `matmul` do the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex.layout import normalize_dim, numel, result_strides
from corex.ops.linalg.matmul import added, bmm, dot, matmul, mm, mv, outer
from corex.ops.promotion import Number, require_kinds, require_tensor
from corex.ops.reduce.reductions import sum_
from corex.ops.registration import exported, function
from corex.ops.shape.join import stack
from corex.ops.shape.parts import diagonal
from corex.ops.shape.views import expand, movedim, permute, relaid, reordered, reshape, shaped
from corex.tensor.tensor import Tensor
from corex.tensor.twins import CONJ

_ELLIPSIS = [f"...{i}" for i in range(64)]  # labels of the dims that an ellipsis covers


# ---- einsum ----------------------------------------------------------------------------------
@function()
def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products by labelled dims, such as 'bij,bjk->bik'; '...' stands for further dims.

    Raises:
        RuntimeError: an equation that is malformed or does not fit the operands.
    """
    if len(operands) == 1 and isinstance(operands[0], tuple | list):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): must provide at least one operand")
    tensors = [require_tensor("einsum", t, "operands") for t in operands]
    terms, output = _parse(equation, tensors)
    tensors, terms = _without_repeats(tensors, terms)
    _check_sizes(tensors, terms)
    result, labels = tensors[0], terms[0]
    for i, (other, term) in enumerate(zip(tensors[1:], terms[1:], strict=True), 2):
        later = set(output).union(*terms[i:])
        pair = [(result, labels), (other, term)]
        if i == len(tensors) and _comes_first(term, labels, output):
            pair.reverse()  # so that the product's dims have the output's order, if possible
        result, labels = _product(*pair[0], *pair[1], later)
    rest = tuple([i for i, label in enumerate(labels) if label not in output])
    if rest:
        result = sum_(result, rest)
        labels = [label for label in labels if label in output]
    order = [labels.index(label) for label in output]
    fresh = rest or len(tensors) > 1
    return reordered(result, order) if fresh else permute(result, order)


def _comes_first(term: list[str], other: list[str], output: list[str]) -> bool:
    """Whether the first label of the output that only one operand has is `term`'s."""
    alone = [label for label in output if (label in term) != (label in other)]
    return bool(alone) and alone[0] in term


def _parse(equation: str, tensors: Sequence[Tensor]) -> tuple[list[list[str]], list[str]]:
    left, arrow, right = equation.replace(" ", "").partition("->")
    words = left.split(",")
    if len(words) != len(tensors):
        raise RuntimeError(
            f"einsum(): the equation '{equation}' has {len(words)} operand(s), but {len(tensors)} "
            f"were given"
        )
    terms = []
    covered = 0
    for word, t in zip(words, tensors, strict=True):
        labels = _labels(word, equation)
        spare = t.ndim - sum(label != "..." for label in labels)
        if spare < 0 or (spare and "..." not in labels):
            raise RuntimeError(
                f"einsum(): the subscripts '{word}' do not fit an operand of shape {list(t.shape)}"
            )
        if "..." in labels:
            covered = max(covered, spare)
            at = labels.index("...")
            # The covered dims align at their ends, as in broadcasting.
            labels[at : at + 1] = _ELLIPSIS[64 - spare :]
        terms.append(labels)
    dots = _ELLIPSIS[64 - covered :]
    if not arrow:
        names = sorted({label for term in terms for label in term if len(label) == 1})
        once = [name for name in names if sum(term.count(name) for term in terms) == 1]
        return terms, [*dots, *once]
    output = _labels(right, equation)
    if "..." in output:
        at = output.index("...")
        output[at : at + 1] = dots
    known = {label for term in terms for label in term}
    for label in output:
        if output.count(label) > 1 or label not in known:
            raise RuntimeError(
                f"einsum(): the output label '{label}' of '{equation}' appears twice, or in no "
                f"operand"
            )
    return terms, output


def _labels(word: str, equation: str) -> list[str]:
    head, dots, tail = word.partition("...")
    letters = head + tail
    if not all(c.isascii() and c.isalpha() for c in letters):
        raise RuntimeError(f"einsum(): invalid subscripts '{word}' in '{equation}'")
    return [*head, *(["..."] if dots else []), *tail]


def _without_repeats(
    tensors: Sequence[Tensor], terms: Sequence[list[str]]
) -> tuple[list[Tensor], list[list[str]]]:
    """Labels that an operand repeats become its diagonal."""
    results, names = [], []
    for t, term in zip(tensors, terms, strict=True):
        labels = list(term)
        for label in term:
            while labels.count(label) > 1:
                first = labels.index(label)
                second = labels.index(label, first + 1)
                if t.shape[first] != t.shape[second]:
                    raise RuntimeError(
                        f"einsum(): label '{label}' is repeated for sizes {t.shape[first]} and "
                        f"{t.shape[second]} of an operand of shape {list(t.shape)}"
                    )
                t = diagonal(t, 0, first, second)
                labels = [name for i, name in enumerate(labels) if i not in (first, second)] + [
                    label
                ]
        results.append(t)
        names.append(labels)
    return results, names


def _check_sizes(tensors: Sequence[Tensor], terms: Sequence[list[str]]) -> None:
    sizes: dict[str, int] = {}
    for t, term in zip(tensors, terms, strict=True):
        for label, size in zip(term, t.shape, strict=True):
            if sizes.setdefault(label, size) == 1:
                sizes[label] = size
            elif size not in (1, sizes[label]):
                raise RuntimeError(
                    f"einsum(): label '{label}' has size {sizes[label]} in one operand, but {size} "
                    f"in an operand of shape {list(t.shape)}"
                )


def _product(
    a: Tensor, a_labels: list[str], b: Tensor, b_labels: list[str], wanted: set[str]
) -> tuple[Tensor, list[str]]:
    """The product of two operands, summed over the labels that nobody wants any more."""
    a, a_labels = _summed_alone(a, a_labels, b_labels, wanted)
    b, b_labels = _summed_alone(b, b_labels, a_labels, wanted)
    shared = [label for label in a_labels if label in b_labels]
    batch = [label for label in shared if label in wanted]
    inner = [label for label in shared if label not in wanted]
    only_a = [label for label in a_labels if label not in shared]
    only_b = [label for label in b_labels if label not in shared]
    size = {
        label: max(a.shape[a_labels.index(label)], b.shape[b_labels.index(label)])
        if 0 not in (a.shape[a_labels.index(label)], b.shape[b_labels.index(label)])
        else 0
        for label in shared
    }
    size |= {label: a.shape[a_labels.index(label)] for label in only_a}
    size |= {label: b.shape[b_labels.index(label)] for label in only_b}
    shape = (
        numel(tuple([size[label] for label in batch])),
        numel(tuple([size[label] for label in only_a])),
        numel(tuple([size[label] for label in inner])),
        numel(tuple([size[label] for label in only_b])),
    )
    left = _arranged(a, a_labels, [*batch, *only_a, *inner], size)
    right = _arranged(b, b_labels, [*batch, *inner, *only_b], size)
    product = bmm(reshape(left, shape[:3]), reshape(right, (shape[0], *shape[2:])))
    labels = [*batch, *only_a, *only_b]
    return reshape(product, tuple([size[label] for label in labels])), labels


def _summed_alone(
    t: Tensor, labels: list[str], others: list[str], wanted: set[str]
) -> tuple[Tensor, list[str]]:
    alone = [i for i, label in enumerate(labels) if label not in wanted and label not in others]
    if not alone:
        return t, labels
    return sum_(t, tuple(alone)), [label for i, label in enumerate(labels) if i not in alone]


def _arranged(t: Tensor, labels: list[str], order: list[str], size: dict[str, int]) -> Tensor:
    placed = permute(t, [labels.index(label) for label in order])
    return expand(placed, tuple([size[label] for label in order]))


# ---- tensordot and friends ---------------------------------------------------------------------
@function(out="same")
def tensordot(a: Tensor, b: Tensor, dims: int | Sequence[Any] | Tensor = 2) -> Tensor:
    """Sums products over pairs of dims: the last of `a` and the first of `b`, or two lists.

    Raises:
        RuntimeError: sizes or numbers of dims that differ.
    """
    require_tensor("tensordot", a, "a")
    require_tensor("tensordot", b, "b")
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims from 0 to the number of dims of both tensors, got {dims} "
                f"for shapes {list(a.shape)} and {list(b.shape)}"
            )
        dims_a, dims_b = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        dims_a, dims_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(dims_a) != len(dims_b):
        raise RuntimeError("both dimension lists should have same length")
    over_a = [normalize_dim(d, a.ndim) for d in dims_a]
    over_b = [normalize_dim(d, b.ndim) for d in dims_b]
    for i, j in zip(over_a, over_b, strict=True):
        if a.shape[i] == 1 or b.shape[j] == 1:  # one broadcasts: its partner is summed first
            if b.shape[j] == 1:
                a = sum_(a, i, True, dtype=a.key.dtype)
            else:
                b = sum_(b, j, True, dtype=b.key.dtype)
        elif a.shape[i] != b.shape[j]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} "
                f"and second has size {b.shape[j]} in dim {j}"
            )
    rest_a = [d for d in range(a.ndim) if d not in over_a]
    rest_b = [d for d in range(b.ndim) if d not in over_b]
    count = numel(tuple([a.shape[d] for d in over_a]))
    lead, tail = [a.shape[d] for d in rest_a], [b.shape[d] for d in rest_b]
    left = reshape(permute(a, [*rest_a, *over_a]), (numel(tuple(lead)), count))
    right = reshape(permute(b, [*over_b, *rest_b]), (count, numel(tuple(tail))))
    return shaped(mm(left, right), (*lead, *tail))


@exported(out="same")
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums products over both last dims; the product with a 0-d tensor.

    Raises:
        RuntimeError: last dims of different sizes.
    """
    if not input.shape or not other.shape:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    if len(input.shape) == len(other.shape) == 1:
        return dot(input, other)
    return tensordot(input, other, ([-1], [-1]))


@exported(out="same")
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Inner product of two vectors (of the conjugate of the first, if complex)."""
    a, b = require_tensor("vdot", input), require_tensor("vdot", other, "other")
    if b.key.place.bits & CONJ and not a.key.place.bits & CONJ:  # as lazily as its arguments
        found: Tensor = dot(a, b.conj()).conj()
        return found
    return dot(a.conj(), b)


@exported(inplace=True, out="same")
def addmv(
    input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """beta * input + alpha * (mat @ vec)."""
    return added("addmv", input, beta, alpha, lambda: mv(mat, vec))


@exported(inplace=True, out="cast")
def addr(
    input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2)."""
    if input._strides is not None and input.ndim == vec1.ndim + vec2.ndim == 2:
        rows, columns = shape = (*vec1.shape, *vec2.shape)
        operands = (input.shape, input._strides), ((rows, 1), (1, 0)), ((1, columns), (0, 1))
        broadcasts = all(n in (1, size) for n, size in zip(input.shape, shape, strict=True))
        if broadcasts and result_strides(shape, *operands) == (1, rows):
            return relaid(addr(input.t(), vec2, vec1, beta=beta, alpha=alpha), (1, 0))
    if type(alpha) in (int, float) and not alpha:  # other than matrices, vectors are looked at
        return added("addr", input, beta, 1, lambda: outer(vec1, vec2) * alpha, elementwise=True)
    return added("addr", input, beta, alpha, lambda: outer(vec1, vec2), elementwise=True)


@exported(inplace=True, out="same")
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """beta * input + alpha * the sum over the batch of batch1 @ batch2."""

    def product() -> Tensor:
        products = bmm(batch1, batch2)
        return sum_(products, 0, dtype=products.key.dtype)

    return added("addbmm", input, beta, alpha, product)


@exported()
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal.

    Raises:
        RuntimeError: not a matrix.
    """
    if require_tensor("trace", input).ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    require_kinds("trace", "uifc", input)
    return sum_(diagonal(input))


@exported(out="cast")
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker product: blocks of `other`, one for every element of `input`."""
    ndim = max(input.ndim, other.ndim)
    a = (*[1] * (ndim - input.ndim), *input.shape)
    b = (*[1] * (ndim - other.ndim), *other.shape)
    left = reshape(input, [size for s in a for size in (s, 1)])
    right = reshape(other, [size for s in b for size in (1, s)])
    return shaped(left * right, tuple([s * r for s, r in zip(a, b, strict=True)]))


@exported(out="same")
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Vector product along a dim of size 3 (the first such dim by default).

    Raises:
        RuntimeError: no dim of size 3.
    """
    if dim is None:
        found = [d for d, size in enumerate(input.shape) if size == 3]
        if not found:
            raise RuntimeError(f"cross: no dimension of size 3 in input: {list(input.shape)}")
        dim = found[0]
    dim = normalize_dim(dim, input.ndim)
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"cross: inputs dimension {dim} must have length 3, got shapes {list(input.shape)} and "
            f"{list(other.shape)}"
        )
    require_kinds("cross", "uifc", input, other)
    a, b = movedim(input, dim, 0), movedim(other, dim, 0)
    parts = [a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3] for i in range(3)]
    return stack(parts, dim)


def positive_power(input: Tensor, n: int) -> Tensor:
    """Square matrices times themselves, n >= 0 times in all."""
    result: Tensor | None = None
    square = input
    while n:
        if n & 1:
            result = square if result is None else matmul(result, square)
        n >>= 1
        if n:
            square = matmul(square, square)
    if result is not None:
        return result.clone() if result is input else result
    eye = input.new_zeros(input.shape)
    diagonal(eye, 0, -2, -1).fill_(1)
    if input._node is None:
        return eye
    return input.contiguous().clone().copy_(eye)  # whose gradient is 0, and not None
