"""Custom functions: what they save, return and may not do."""

from __future__ import annotations

import gc
import weakref

import pytest

import corex
from corex.autograd import Function, grad, gradcheck
from corex.autograd.function import once_differentiable


def leaf(values):
    return corex.tensor(values, dtype=corex.float64, requires_grad=True)


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class Scale(Function):
    """In the style with setup_context; returns nothing for the number."""

    @staticmethod
    def forward(x, factor=2.0):
        return x * factor

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.factor = inputs[1]

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None


def test_forward_and_backward() -> None:
    x = leaf([1.0, 2.0])
    y = Cube.apply(x)
    assert y.grad_fn.name() == "CubeBackward"
    assert y.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 12.0]


def test_derivatives_of_higher_order() -> None:
    x = leaf([0.3, -0.7])
    assert gradcheck(Cube.apply, x)
    assert corex.autograd.gradgradcheck(Cube.apply, x)
    assert corex.autograd.gradgradcheck(Exp.apply, x)


def test_setup_context_and_default_arguments() -> None:
    x = leaf([1.0, 2.0])
    (Scale.apply(x) + Scale.apply(x, factor=5.0)).sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]
    with pytest.raises(TypeError, match="no keyword arguments"):
        Cube.apply(x=x)


def test_forward_records_nothing() -> None:
    class Probe(Function):
        @staticmethod
        def forward(ctx, x):
            assert not corex.is_grad_enabled()
            assert x.requires_grad
            assert ctx.needs_input_grad == (True,)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            assert not corex.is_grad_enabled()
            return g * 2

    Probe.apply(leaf(1.0)).backward()


def test_without_gradients_nothing_is_recorded() -> None:
    assert Cube.apply(corex.tensor(2.0)).grad_fn is None
    with corex.no_grad():
        assert not Cube.apply(leaf(2.0)).requires_grad


def test_needs_input_grad_per_argument() -> None:
    seen = []

    class Mul(Function):
        @staticmethod
        def forward(ctx, a, b, n):
            ctx.save_for_backward(a, b)
            return a * b * n

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            a, b = ctx.saved_tensors
            return g * b, g * a, None

    a, b = leaf(2.0), corex.tensor(3.0, dtype=corex.float64)
    Mul.apply(a, b, 1).backward()
    assert seen == [(True, False, False)]
    assert b.grad is None
    assert Mul.apply(a, b, 1).grad_fn.next_functions[1] == (None, 0)


def test_multiple_outputs_and_missing_gradients() -> None:
    seen = []

    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            seen.append((g.tolist(), h.tolist()))
            return g * 2 + h * 3

    x = leaf([1.0, 1.0])
    first, second = Both.apply(x)
    assert (first.output_nr, second.output_nr) == (0, 1)
    second.sum().backward(retain_graph=True)
    (first + second).sum().backward()
    assert seen == [([0.0, 0.0], [1.0, 1.0]), ([1.0, 1.0], [1.0, 1.0])]
    assert x.grad.tolist() == [8.0, 8.0]


def test_set_materialize_grads() -> None:
    seen = []

    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            seen.append((g is None, h is None))
            return h * 3

    x = leaf(1.0)
    Both.apply(x)[1].backward()
    assert seen == [(True, False)]


def test_none_as_gradient() -> None:
    class Stop(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, g):
            return None, g

    a, b = leaf(1.0), leaf(2.0)
    (Stop.apply(a * 2, b) * 3).backward()
    assert a.grad is None
    assert b.grad.item() == 3.0


def test_mark_non_differentiable() -> None:
    class SortLike(Function):
        @staticmethod
        def forward(ctx, x):
            copy, index = x * 1, x * 0
            ctx.mark_non_differentiable(index)
            return copy, index

        @staticmethod
        def backward(ctx, g, h):
            assert h.tolist() == [0.0, 0.0]
            return g

    x = leaf([1.0, 2.0])
    copy, index = SortLike.apply(x)
    assert copy.requires_grad
    assert not index.requires_grad
    copy.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_integer_outputs_are_not_differentiable() -> None:
    class Index(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1, x.long(), "text"

        @staticmethod
        def backward(ctx, g, h, text):
            assert text is None
            return g

    out, index, text = Index.apply(leaf([1.0]))
    assert not index.requires_grad
    assert text == "text"
    out.sum().backward()


class DoubleInPlace(Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_mark_dirty() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    z = DoubleInPlace.apply(y)
    assert z is y
    assert z.grad_fn.name() == "DoubleInPlaceBackward"
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        DoubleInPlace.apply(leaf(1.0))


def test_what_is_overwritten_loses_its_gradient() -> None:
    x = leaf([1.0, 2.0])
    for y in (x * 1, x[:1] * 1, (x * 1)[:1]):
        y.retain_grad()
        y.sum().backward(inputs=[y], retain_graph=True)
        assert y.grad is not None
        DoubleInPlace.apply(y)
        assert y.grad is None
        assert y.retains_grad
        y.sum().backward()
        assert set(y.grad.tolist()) == {1.0}


def test_dirty_inputs_must_be_returned() -> None:
    class Forgets(DoubleInPlace):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x * 1

    with pytest.raises(RuntimeError, match="marked as dirty"):
        Forgets.apply(leaf(1.0) * 1)


def test_an_input_returned_unchanged_becomes_a_view() -> None:
    class Identity(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 10

    x = leaf([1.0, 2.0])
    y = Identity.apply(x)
    assert y is not x
    assert y.data_ptr() == x.data_ptr()
    y.sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]
    with pytest.raises(RuntimeError, match="Output 0 of IdentityBackward is a view and is being"):
        y.add_(1)
    with corex.no_grad():
        y.add_(1)


def test_wrong_gradients() -> None:
    def function(returned, count=1):
        class Wrong(Function):
            @staticmethod
            def forward(ctx, *args):
                return args[0] * 1

            @staticmethod
            def backward(ctx, g):
                return returned

        return Wrong

    x = leaf([1.0, 2.0, 3.0])
    one = corex.ones(3, dtype=corex.float64)
    cases = [
        ((one,), (x, x), "returned an incorrect number of gradients \\(expected 2, got 1\\)"),
        ((one, one), (x,), "returned an incorrect number of gradients \\(expected 1, got 2\\)"),
        ((one, one), (x, 3), "different than None at position 2"),
        (corex.ones(2), (x,), "returned an invalid gradient at index 0 - got \\[2\\] but expected"),
    ]
    for returned, args, text in cases:
        with pytest.raises(RuntimeError, match=text):
            function(returned).apply(*args).sum().backward()
    with pytest.raises(TypeError, match="got int"):
        function(3).apply(x).sum().backward()
    y = function((one, None, None)).apply(x)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


def test_gradients_are_summed_and_cast_to_the_input() -> None:
    class Expand(Function):
        @staticmethod
        def forward(ctx, x):
            return x.expand(4, 3)

        @staticmethod
        def backward(ctx, g):
            return g.double()

    x = corex.ones(3, requires_grad=True)
    Expand.apply(x).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0, 4.0]
    assert x.grad.dtype == corex.float32


def test_saved_tensors_are_checked_and_freed() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    z = Cube.apply(y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()
    w = Cube.apply(x)
    w.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        _ = w.grad_fn.saved_tensors
    with pytest.raises(RuntimeError, match="second time"):
        w.sum().backward()

    class Bad(Cube):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3)
            return x * 1

    with pytest.raises(TypeError, match="can only save variables"):
        Bad.apply(x)


def test_saved_outputs_make_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        y = Exp.apply(leaf([1.0, 2.0]))
        node = weakref.ref(y.grad_fn)
        (saved,) = y.grad_fn.saved_tensors
        assert saved.grad_fn is y.grad_fn
        del saved
        del y
        assert node() is None
    finally:
        gc.enable()


def test_attributes_of_the_context() -> None:
    class Keeps(Function):
        @staticmethod
        def forward(ctx, x, n):
            ctx.n, ctx.outputs, ctx.edges = n, "mine", "too"
            return x * n

        @staticmethod
        def backward(ctx, g):
            assert (ctx.outputs, ctx.edges) == ("mine", "too")
            return g * ctx.n, None

    x = leaf(1.0)
    y = Keeps.apply(x, 4)
    assert y.grad_fn.n == 4
    y.backward()
    assert x.grad.item() == 4.0


def test_once_differentiable() -> None:
    class Once(Cube):
        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            assert not corex.is_grad_enabled()
            (x,) = ctx.saved_tensors
            return g * 3 * x * x

    x = leaf(2.0)
    assert grad(Once.apply(x), x)[0].item() == 12.0
    scale = leaf(1.0)
    (first,) = grad(Once.apply(x) * scale, x, create_graph=True)
    with pytest.raises(RuntimeError, match="trying to differentiate twice"):
        first.backward()


def test_backward_may_be_called_inside_backward() -> None:
    class Inner(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.detach().sin()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            with corex.enable_grad():
                y = x.detach().requires_grad_()
                return grad(y.sin(), y, g)[0]

    x = leaf([0.1, 0.2])
    Inner.apply(x).sum().backward()
    assert x.grad.tolist() == pytest.approx(x.detach().cos().tolist())


def test_misuse() -> None:
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        instance = Cube()
    with pytest.raises(RuntimeError, match="Legacy autograd function"):
        instance(corex.tensor(1.0))

    class Empty(Function):
        pass

    with pytest.raises(NotImplementedError, match="implement the forward function"):
        Empty.apply(corex.tensor(1.0))

    class NoBackward(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

    with pytest.raises(NotImplementedError, match="either the backward or vjp method"):
        NoBackward.apply(leaf(1.0)).backward()


def test_exceptions_keep_their_type() -> None:
    class Fails(Cube):
        @staticmethod
        def backward(ctx, g):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Fails.apply(leaf(1.0)).backward()
