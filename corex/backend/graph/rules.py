"""Which shapes the views of a kernel have: the column of docs/kernels.md, as functions.

A rule gets the shapes of outputs, inputs (None for what is left out, and for numbers) and indices,
and the parameters, and says whether they belong together. Of a kernel without a rule nothing is
known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, Final

from corex.backend.graph.parts import Parameter, Shape
from corex.backend.signatures import SIGNATURES

Shapes = Sequence[Any]
Rule = Callable[[Shapes, Shapes, Any, Sequence[Shape]], Any]


def _same(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return len({shape for shape in (*outs, *ins) if shape is not None}) == 1


def _one(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return len(outs) == 1 and not ins


def _line(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return _one(outs, ins, params, indices) and len(outs[0]) == 1


def _reduced(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    kept: int = len(ins[0]) - params[0]
    return kept >= 0 and ins[0][:kept] == outs[0]


def _matrices(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    (batch, m, k), (other, inner, n) = ins
    return batch == other and k == inner and outs[0] == (batch, m, n)


def _linear(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    (m, k), (n, inner) = ins[:2]
    bias = ins[2] if len(ins) > 2 else None
    return k == inner and bias in (None, (n,)) and outs[0] == (m, n)


def _mean_error(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return outs[0] == () and ins[0] == ins[1]


def _mean_error_back(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return ins[0] == () and outs[0] == ins[1] == ins[2]


def _layer_norm(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    rows, n = ins[0]
    return list(outs) == [(rows, n), (rows,), (rows,)] and all(s in (None, (n,)) for s in ins[1:])


def _layer_norm_back(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    rows, n = ins[1]
    alike = outs[0] == ins[0] == ins[1] and ins[2] == ins[3] == (rows,)
    return alike and all(shape in (None, (n,)) for shape in ins[4:])


def _picked(whole: Shape, rows: Shape, indices: Sequence[Shape]) -> bool:
    count = rows[0]
    return all(i == (count,) for i in indices) and rows[1:] == whole[len(indices) :]


def _index(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    where = (*ins[1:], *indices)
    return len(where) > 0 and _picked(ins[0], outs[0], where)


def _index_put(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return len(indices) > 0 and _picked(outs[0], ins[0], indices)


def _positions(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return len(outs[0]) == 2 and outs[0][1] == len(ins[0])


def _within(inner: Shape, outer: Shape) -> bool:
    pairs = zip(inner, outer, strict=True)
    return all(a <= b for a, b in pairs)


def _gather(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return outs[0] == ins[1] and _within(outs[0][:-1], ins[0][:-1])


def _scatter(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return _within(ins[0], ins[1]) and _within(ins[0][:-1], outs[0][:-1])


def _selected(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    fits = 0 <= params[0] <= ins[0][-1] - outs[0][-1]
    return outs[0][:-1] == ins[0][:-1] and fits


def _window(x: Shape, y: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any) -> bool:
    """Whether windows over an image of x's height and width are as many as y's."""
    return all(
        (x[2 + i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 == y[2 + i]
        for i in (0, 1)
    )


def _conv(x: Shape, w: Shape, y: Shape, params: Any) -> bool:
    stride, padding, dilation, groups = params
    channels = x[1] == w[1] * groups and y[:2] == (x[0], w[0])
    return channels and _window(x, y, w[2:], stride, padding, dilation)


def _conv2d(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    bias = ins[2] if len(ins) > 2 else None
    return bias in (None, ins[1][:1]) and _conv(ins[0], ins[1], outs[0], params)


def _conv2d_input(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return _conv(outs[0], ins[1], ins[0], params)


def _conv2d_weight(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return _conv(ins[1], outs[0], ins[0], params)


def _pool(x: Shape, y: Shape) -> bool:
    return len(x) == len(y) == 4 and x[:2] == y[:2]


def _max_pool(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return outs[0] == outs[1] and _pool(ins[0], outs[0])


def _max_pool_back(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return ins[0] == ins[1] and _pool(outs[0], ins[0])


def _avg_pool(outs: Shapes, ins: Shapes, params: Any, indices: Any) -> Any:
    return _pool(ins[0], outs[0])


_TABLE: Final[tuple[tuple[str, Rule, str], ...]] = (
    ("fill random_bits random_uniform random_normal", _one, "one output, no inputs"),
    ("arange", _line, "one output of one dimension"),
    (
        "copy neg abs sign square relu floor ceil round trunc sqrt rsqrt reciprocal exp exp2 expm1 "
        "log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid "
        "erf erfc gelu silu bitwise_not logical_not isnan isinf isfinite signbit add mul maximum "
        "minimum sub floor_divide remainder fmod pow div fmax fmin atan2 hypot copysign eq ne lt "
        "le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor "
        "bitwise_left_shift bitwise_right_shift sigmoid_backward tanh_backward relu_backward "
        "gelu_backward silu_backward where cumsum cumprod prod_others logcumsumexp chain argcummax "
        "argcummin argsort tril triu softmax log_softmax softmax_backward log_softmax_backward",
        _same,
        "one shape for all",
    ),
    (
        "sum prod mean amax amin argmax argmin any all",
        _reduced,
        "an output of the input's shape without its last n dimensions",
    ),
    ("matmul", _matrices, "(B, M, N) of (B, M, K) and (B, K, N)"),
    ("linear", _linear, "(M, N) of (M, K), (N, K) and (N,)"),
    ("mse_loss", _mean_error, "() of two inputs of one shape"),
    ("mse_loss_backward", _mean_error_back, "one shape but for the gradient, which is ()"),
    ("layer_norm", _layer_norm, "(rows, n), (rows,), (rows,) of (rows, n), (n,), (n,)"),
    ("layer_norm_backward", _layer_norm_back, "(rows, n) of (rows, n) twice, (rows,) twice, (n,)"),
    ("index", _index, "(n, *rest) of (D1..Dk, *rest) and k indices (n,)"),
    ("index_put", _index_put, "(D1..Dk, *rest), values (n, *rest) and k indices (n,)"),
    ("nonzero", _positions, "(count, dimensions of the input)"),
    ("argselect", _selected, "entries from the first wanted on, of those of the input's rows"),
    ("gather", _gather, "the index's shape, within the input's but for the last dimension"),
    ("scatter_add", _scatter, "an index within src, and within the output but for the last"),
    ("conv2d", _conv2d, "(N, O, *) of (N, C, H, W), (O, C / groups, h, w) and (O,)"),
    ("conv2d_backward_input", _conv2d_input, "the shape of conv2d's input"),
    ("conv2d_backward_weight", _conv2d_weight, "the shape of conv2d's weight"),
    ("max_pool2d", _max_pool, "(N, C, *) twice, of (N, C, H, W)"),
    ("max_pool2d_backward", _max_pool_back, "(N, C, H, W) of (N, C, *) twice"),
    ("avg_pool2d", _avg_pool, "(N, C, *) of (N, C, H, W)"),
    ("avg_pool2d_backward", _avg_pool, "(N, C, H, W) of (N, C, *)"),
)

RULES: Final = {name: (rule, words) for names, rule, words in _TABLE for name in names.split()}

NUMERIC: Final = {
    name
    for name, (rule, _) in RULES.items()
    if rule is _same and SIGNATURES[name].views in ("T|TT", "b|TT", "T|bTT")
} - {"softmax_backward", "log_softmax_backward"}
"""Kernels that may be called with numbers among their operands: the binary ones, and `where`."""


def shape_problem(
    kernel: str,
    outs: Shapes,
    ins: Shapes,
    params: Sequence[Parameter],
    indices: Sequence[Shape],
) -> str:
    """What is wrong with the shapes of a call; empty if they are right, or nothing is known."""
    if kernel not in RULES:
        return ""
    rule, words = RULES[kernel]
    try:
        if rule(outs, ins, params, indices):
            return ""
    except (TypeError, ValueError, IndexError, AttributeError):
        pass  # there are fewer or other things than the rule takes apart
    shown = f"outputs {_shown(outs)}, inputs {_shown((*ins, *indices))}"
    return f"shapes do not fit: {shown}, parameters {tuple(params)}; the kernel has {words}"


def list_problem(lists: Sequence[Sequence[Shape]]) -> str:
    """What is wrong with the shapes of lists of views; empty if nothing is.

    Each tensor has the shape of those at its position in the other lists. A list may be empty.
    """
    full = [list(part) for part in takewhile(bool, lists)]
    if not full or any(any(part) for part in lists[len(full) :]):
        return "there is nothing in a list before the last"
    if any(part != full[0] for part in full):
        return f"the lists differ in shapes: {', '.join(_shown(part) for part in full)}"
    return ""


def _shown(shapes: Shapes) -> str:
    return "[" + ", ".join("-" if s is None else str(tuple(s)) for s in shapes) + "]"
