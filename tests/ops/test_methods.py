"""Methods that are no functions, in-place forms of compositions, and operators."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import corex
from corex.autograd.gradcheck import gradcheck
from tests.ops.inputs import INPUTS, LAYOUTS

pytestmark = [
    pytest.mark.usefixtures("each_backend"),
    pytest.mark.filterwarnings("ignore::corex.FallbackWarning"),
]


def tensor(name: str, leaf: bool = False) -> corex.Tensor:
    made = corex.tensor(INPUTS[name](name))
    return made.requires_grad_() if leaf else made


# ---- in place: the function's result, in the tensor's memory -------------------------------------
IN_PLACE: dict[str, tuple[Any, ...]] = {
    "frac": (), "deg2rad": (), "rad2deg": (), "sinc": (), "erfc": (), "nan_to_num": (),
    "lerp": ("b", 0.3), "addcmul": ("b", "v"), "addcdiv": ("b", "pos"), "xlogy": ("pos",),
    "float_power": (2,), "clamp": (-0.5, 1.0), "clamp_min": (0.1,), "clamp_max": (0.1,),
    "clip": (-0.5, 1.0), "cumsum": (1,), "cumprod": (1,), "tril": (), "triu": (1,),
    "masked_fill": ("M", 3.0), "masked_scatter": ("M", "b"), "index_copy": (1, "K", "b"),
    "index_add": (1, "K", "b"), "index_fill": (1, "Y", 2.0), "scatter": (1, "TO", 2.0),
    "scatter_add": (1, "TO", "b"), "eq": ("b",), "ne": (1.0,), "lt": ("b",), "le": ("v",),
    "gt": ("b",), "ge": ("c",), "logical_and": ("b",), "logical_or": ("b",), "logical_xor": ("b",),
    "logical_not": (), "pow": (2,), "square": (), "true_divide": ("pos",), "multiply": ("b",),
    "addmv": ("q", "w"), "addr": ("c1", "v"),
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in IN_PLACE if n not in ("addmv", "addr")])
def test_in_place(name: str) -> None:
    given = [tensor(x) if isinstance(x, str) else x for x in IN_PLACE[name]]
    want = getattr(corex, name)(tensor("a"), *given)
    for layout in LAYOUTS.values():
        target = layout(INPUTS["a"]("a"))
        pointer = target.data_ptr()
        assert getattr(target, f"{name}_")(*given) is target
        assert target.data_ptr() == pointer
        np.testing.assert_array_equal(target.numpy(), want.numpy().astype("float64"))
    leaf = tensor("a", leaf=True)
    with pytest.raises(RuntimeError, match="leaf"):
        getattr(leaf, f"{name}_")(*given)


SMOOTH = [n for n in IN_PLACE if n not in (
    "eq ne lt le gt ge logical_and logical_or logical_xor logical_not addmv addr float_power"
).split()]  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_of_in_place(name: str) -> None:
    given = [tensor(x) if isinstance(x, str) else x for x in IN_PLACE[name]]
    floating = [
        i for i, x in enumerate(given) if isinstance(x, corex.Tensor) and x.dtype.kind == "f"
    ]
    leaves = [tensor("a", leaf=True)] + [given[i].clone().requires_grad_() for i in floating]

    def run(x: corex.Tensor, *others: corex.Tensor) -> corex.Tensor:
        arguments = list(given)
        for i, other in zip(floating, others, strict=True):
            arguments[i] = other
        target = x * 1
        getattr(target, f"{name}_")(*arguments)
        return target

    assert gradcheck(run, leaves)


# ---- methods only --------------------------------------------------------------------------------
METHODS = {
    "a.view(3, 2)": "a.reshape(3, 2)",
    "a.view(-1)": "a.reshape(-1)",
    "a.view_as(b)": "a",
    "a.reshape_as(b)": "a",
    "c.expand(2, 3)": "np.broadcast_to(c, (2, 3))",
    "c.expand(-1, 3)": "np.broadcast_to(c, (2, 3))",
    "c.expand_as(a)": "np.broadcast_to(c, (2, 3))",
    "a.repeat(2, 1)": "np.tile(a, (2, 1))",
    "v.repeat(2, 2)": "np.tile(v, (2, 2))",
    "d.unfold(1, 2, 1)": "np.lib.stride_tricks.sliding_window_view(d, 2, 1)",
    "d.unfold(1, 2, 2)": "np.lib.stride_tricks.sliding_window_view(d, 2, 1)[:, ::2]",
    "a.contiguous()": "a",
    "a.t().contiguous()": "a.T",
    "t.T": "t.T",
    "t.mT": "np.swapaxes(t, 1, 2)",
    "a.H": "a.T",
    "t.mH": "np.swapaxes(t, 1, 2)",
    "a.sum_to_size(2, 1)": "a.sum(1, keepdims=True)",
    "a.sum_to_size(3)": "a.sum(0)",
    "a.type_as(b)": "a",
    "a.to(corex.float64)": "a",
    "a.cpu()": "a",
    "a.double()": "a",
    "(a * 1).copy_(b)": "b",
    "(a * 1).copy_(v)": "np.broadcast_to(v, (2, 3))",
    "(a * 1).fill_(2.0)": "0 * a + 2.0",
    "(a * 1).zero_()": "0 * a",
    "(a * 1).t_()": "a.T",
    "(a * 1).transpose_(0, 1)": "a.T",
    "(a * 1).swapaxes_(0, 1)": "a.T",
    "(a * 1).swapdims_(0, 1)": "a.T",
    "(c * 1).squeeze_(1)": "c[:, 0]",
    "(a * 1).unsqueeze_(1)": "a[:, None]",
}


@pytest.mark.parametrize("code", METHODS)
def test_methods(code: str) -> None:
    names = [n for n in "abcdvt" if n in set(code.replace("corex", ""))]
    arrays = {n: INPUTS[n](n) for n in "abcdvt"}
    want = eval(METHODS[code], {"np": np, **arrays})
    for layout in LAYOUTS.values():
        if "view" in code and layout is not LAYOUTS["contiguous"]:
            continue
        got = eval(code, {"corex": corex, **{n: layout(arrays[n]) for n in "abcdvt"}})
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-14)
    leaves = [tensor(n, leaf=True) for n in names]
    assert gradcheck(
        lambda *xs: eval(code, {"corex": corex, **dict(zip(names, xs, strict=True))}), leaves
    )


def test_conversions() -> None:
    x = corex.tensor([0.0, 1.5, -2.5])
    assert x.long().tolist() == [0, 1, -2]
    assert x.int().dtype is corex.int32
    assert x.bool().tolist() == [False, True, True]
    assert corex.tensor([3.9, 200.0]).byte().tolist() == [3, 200]
    assert x.double().dtype is corex.float64
    assert x.long().float().dtype is corex.float32
    assert x.to(corex.int32).dtype is corex.int32
    assert x.to(x) is x
    assert x.to(corex.float32, copy=True) is not x


def test_new_tensors_follow_their_source() -> None:
    x = corex.ones(2, dtype=corex.int32)
    made = {
        "new_zeros": x.new_zeros((2, 2)), "new_ones": x.new_ones(2, 2),
        "new_empty": x.new_empty(2, 2),
        "new_full": x.new_full((2, 2), 7), "new_tensor": x.new_tensor([[1, 2], [3, 4]]),
        "new_empty_strided": x.new_empty_strided((2, 2), (1, 2)),
    }  # fmt: skip
    for name, result in made.items():
        assert (result.dtype, result.shape, result.backend) == (x.dtype, (2, 2), x.backend), name


def test_data_and_detach_share_memory() -> None:
    x = corex.ones(3, requires_grad=True)
    x.data[0] = 5
    x.detach()[1] = 6
    assert x.tolist() == [5.0, 6.0, 1.0]
    y = (x * 2).detach_()
    assert not y.requires_grad
    assert y.is_leaf


# ---- operators -----------------------------------------------------------------------------------
BINARY = "add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift eq ne lt le gt ge".split()


@pytest.mark.parametrize("name", BINARY)
def test_operators(name: str) -> None:
    apply = getattr(operator, name)
    whole = name in ("and_", "or_", "xor", "lshift", "rshift")
    a = np.array([[5, 3, 2], [1, 4, 6]]) if whole else INPUTS["pos"]("pos")
    b = np.array([1, 2, 3]) if whole else INPUTS["pos"]("other")[0]
    number = 2 if whole else 1.5
    x, y = corex.tensor(a), corex.tensor(b)
    for got, want in [
        (apply(x, y), apply(a, b)),
        (apply(x, number), apply(a, number)),
        (apply(number, x), apply(number, a)),
    ]:
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-15)
    if name in ("eq", "ne", "lt", "le", "gt", "ge"):
        return
    target = x.clone()
    same = target
    target = getattr(operator, f"i{name.rstrip('_')}")(target, y)
    assert target is same
    np.testing.assert_allclose(target.numpy(), apply(a, b), rtol=1e-12)


def test_unary_operators_and_matmul() -> None:
    a = INPUTS["a"]("a")
    x = corex.tensor(a)
    assert (-x).tolist() == (-a).tolist()
    assert (+x) is x
    assert abs(x).tolist() == abs(a).tolist()
    assert (~corex.tensor([True, False])).tolist() == [False, True]
    np.testing.assert_allclose((x @ x.t()).numpy(), a @ a.T, rtol=1e-13)
    with pytest.raises(TypeError):
        x @ 2.0
    with pytest.raises(TypeError):
        x + "text"
    with pytest.raises(RuntimeError, match="bool"):
        +corex.tensor([True])


# ---- shape errors name the op and the shapes ---------------------------------------------------
ERRORS = [
    ("a @ a", RuntimeError, r"\[matmul\].*\(2, 3\).*\(2, 3\).*do not align"),
    ("corex.mm(a, d.t())", RuntimeError, r"\[mm\].*\(2, 3\).*\(4, 3\)"),
    ("corex.bmm(t, t)", RuntimeError, "Expected size for first two dimensions"),
    ("corex.dot(v, v[:2])", RuntimeError, r"\[dot\].*\[3\].*\[2\]"),
    ("a.view(4, 4)", RuntimeError, r"'\[4, 4\]' is invalid for input of size 6"),
    ("a.t().view(-1)", RuntimeError, "view size is not compatible"),
    ("a.reshape(-1, -1)", RuntimeError, "only one dimension can be inferred"),
    ("a.permute(0, 0)", RuntimeError, "duplicate dims"),
    ("a.transpose(0, 2)", IndexError, r"range of \[-2, 1\], but got 2"),
    ("a.expand(3, 3)", RuntimeError, r"expanded size.*\(3\).*existing size \(2\)"),
    ("a.squeeze(3)", IndexError, "Dimension out of range"),
    ("a[2]", IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
    ("a[0, 0, 0]", IndexError, "too many indices for tensor of dimension 2"),
    ("a[corex.tensor([0, 5])]", IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
    ("a[corex.ones(3, dtype=corex.bool)]", IndexError, r"shape of the mask \[3\].*\[2, 3\]"),
    ("a.gather(1, corex.tensor([[7]]))", RuntimeError, "index 7 is out of bounds for dimension 1"),
    ("a.index_select(1, corex.tensor([3]))", IndexError, "index 3 is out of bounds"),
    ("corex.cat([a, d])", RuntimeError, "Sizes of tensors must match except in dimension 0"),
    ("corex.stack([a, d])", RuntimeError, r"equal size.*\[2, 3\].*\[3, 4\]"),
    ("corex.linear(a, d)", RuntimeError, r"\[linear\].*\(2, 3\).*\(3, 4\)"),
    ("corex.einsum('ij,jk', a, a)", RuntimeError, "label 'j' has size 3.*but 2"),
    ("corex.tensordot(a, a, 1)", RuntimeError, "contracted dimensions need to match"),
    ("corex.where(a > 0, a, d)", RuntimeError, r"\[where\].*\(2, 3\).*\(3, 4\)"),
    ("corex.softmax(a, 2)", IndexError, "Dimension out of range"),
    ("corex.softmax(a.long(), 1)", NotImplementedError, r"\[softmax\].*Long"),
    ("corex.ops.layer_norm(a, (2,))", RuntimeError, r"normalized_shape=\[2\].*\[2, 3\]"),
    ("corex.ops.conv2d(t, t)", RuntimeError, "Expected 3D .* or 4D"),
    ("corex.ops.max_pool2d(a, 2)", RuntimeError, r"Expected 3D or 4D input"),
    ("corex.ops.cross_entropy(a, corex.tensor([0, 9]))", IndexError, "Target 9 is out of bounds"),
    ("a.copy_(d)", RuntimeError, r"\[copy_\].*\(3, 4\).*\(2, 3\)"),
    ("a.masked_fill(a, 1)", RuntimeError, "boolean masks"),
    ("corex.full_like(a, 'x')", TypeError, "."),
    ("corex.sort(a, 5)", IndexError, "Dimension out of range"),
    ("corex.topk(a, 9)", RuntimeError, "k out of range"),
]


@pytest.mark.parametrize("code, error, text", ERRORS, ids=[e[0] for e in ERRORS])
def test_errors(code: str, error: type[Exception], text: str) -> None:
    names = {n: tensor(n) for n in "adtv"}
    with pytest.raises(error, match=text):
        eval(code, {"corex": corex, **names})


MIXED = [
    "x @ y.t()", "corex.cat([x, y])", "corex.where(x > 0, x, y)", "x[y.long()]",
    "x.gather(1, y.long())",
    "corex.ops.mse_loss(x, y)", "corex.ops.linear(x, y)", "x.index_add(0, corex.tensor([0, 1]), y)",
    "x.add_(y)", "corex.einsum('ij,ij->', x, y)", "corex.ops.layer_norm(x, (3,), y[0])",
]  # fmt: skip


@pytest.mark.parametrize("code", MIXED)
def test_mixed_backends(code: str) -> None:
    x = tensor("pos")
    y = tensor("prob").to(backend="cpu_c" if x.backend == "reference_py" else "reference_py")
    if code == "x[y.long()]":
        assert eval(code).backend == x.backend  # positions are brought over
        return
    with pytest.raises(RuntimeError, match="reference_py.*cpu_c|cpu_c.*reference_py"):
        eval(code, {"corex": corex, "x": x, "y": y})
