"""A dtype without kernels is computed in a wider one: float32 in float64, float16 in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import corex
from corex import Tensor
from corex.backend import DTYPES, Backend, BackendDescriptor, KernelChoice
from corex.dtypes import DType, float16, float32, float64
from corex.nn import functional as F
from corex.plugins import hookimpl, manager
from corex.tensor.schema import OpSchema
from tests.ops.pointwise.test_elementwise import OPS, arguments

ELEMENTWISE = [schema for schema in OPS if float32 in schema.takes and hasattr(corex, schema.name)]


class Narrow(Backend):
    """Memory and kernels of `cpu_c`, of which `copy` alone takes some dtype."""

    name = "narrow"
    device_type = "narrow"

    def __init__(self, dtype: DType = float32) -> None:
        self.dtype = dtype
        self.real = manager.backend("cpu_c")
        self.allocate = self.real.allocate  # type: ignore[method-assign]
        self.nbytes = self.real.nbytes  # type: ignore[method-assign]
        self.native = {"copy"}
        self.missing: set[str] = set()
        self.accepts: Callable[..., bool] | None = None
        self.numbers = False

    def dtypes(self, device: int) -> tuple[DType, ...]:
        return self.real.dtypes(0)

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        if op in self.missing or (self.dtype in dtypes and op not in self.native):
            return None
        choice = self.real.select(op, dtypes)
        if choice is None or op in ("copy", "fill"):
            return choice
        return choice._replace(accepts=self.accepts, numbers=self.numbers)

    def copy_from_host(self, buffer: object, start: int, source: memoryview) -> None:
        self.real.copy_from_host(buffer, start, source)

    def copy_to_host(self, buffer: object, start: int, target: memoryview) -> None:
        self.real.copy_to_host(buffer, start, target)


class Plugin:
    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("narrow", "narrow", lambda: None, lambda: self.backend)]


@contextmanager
def installed(backend: Narrow) -> Iterator[Narrow]:
    plugin = Plugin(backend)
    manager.register(plugin)
    try:
        yield backend
    finally:
        manager.unregister(plugin)
        corex.forget_kernels()


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Narrow]:
    monkeypatch.setattr(float32, "compute", float64)
    with installed(Narrow()) as found:
        yield found


def there(array: Any) -> Tensor:
    """On the device, floats as float32."""
    found = np.asarray(array)
    return corex.tensor(found.astype("float32") if found.dtype.kind == "f" else found).to("narrow")


def wide(t: Tensor) -> Tensor:
    """The same elements on the CPU, floats in float64: what the wider dtype computes with."""
    found = t.detach().to("cpu")
    return found.double() if found.is_floating_point() else found


def check(how: str, op: str, call: Callable[..., Any], *tensors: Tensor) -> None:
    """The result is that of float64, rounded once, and the report says how it came about."""
    with corex.placement() as report:
        got = call(*tensors)
    assert report.how(op) == {how}, report
    want = call(*map(wide, tensors))
    for mine, theirs in zip(
        *[r if isinstance(r, tuple) else (r,) for r in (got, want)], strict=True
    ):
        if theirs.is_floating_point():
            theirs = theirs.float()
        assert mine.dtype is theirs.dtype
        np.testing.assert_array_equal(mine.detach().to("cpu").numpy(), theirs.numpy())


# ---- values ----------------------------------------------------------------------------------
ARITHMETIC = ("add", "sub", "mul", "div", "floor_divide", "remainder", "fmod", "copysign")


@pytest.mark.parametrize("schema", ELEMENTWISE, ids=lambda schema: schema.name)
def test_elementwise_ops(backend: Narrow, schema: OpSchema) -> None:
    function = getattr(corex, schema.name)
    tensors = [there(array) for array in arguments(schema, (3, 4), "float32")]
    check("upcast", schema.name, function, *tensors)
    check("upcast", schema.name, function, *[t.t() for t in tensors])
    check("upcast", schema.name, function, *[t[1:, ::2] for t in tensors])
    check("upcast", schema.name, function, *[t[:0] for t in tensors])
    check("upcast", schema.name, function, *[t[0, 0] for t in tensors])
    if len(tensors) == 2:
        check("upcast", schema.name, function, tensors[0], tensors[1][0])
        check("upcast", schema.name, function, tensors[0][:, :1], tensors[1][:1].expand(3, 4))
    numbers = schema.family == "compare" or schema.name in ARITHMETIC
    if len(tensors) == 2 and numbers and not schema.name.startswith("logical"):
        check("upcast", schema.name, lambda a: function(a, 2), tensors[0])


@pytest.mark.parametrize("numbers", [False, True])
def test_numbers_written_results_and_in_place(backend: Narrow, numbers: bool) -> None:
    backend.numbers = numbers
    a = there(np.linspace(-2, 2, 12).reshape(3, 4))
    check("upcast", "mul", lambda a: 0.1 * a, a)
    check("upcast", "add", lambda a: a + 1 / 3, a)
    check("upcast", "sub", lambda a: 16777217 - a, a)  # which float32 would round before
    check("upcast", "lt", lambda a: a < 1e-50, a)
    with corex.placement() as report:
        b = a.clone()
        b[:, 1:].exp_()
        b += 1
        out = corex.empty(3, 4, device="narrow")
        corex.add(a, b, out=out)
    assert report.how("exp") == report.how("add") == {"upcast"}
    want = wide(a)
    want[:, 1:] = want[:, 1:].exp().float().double()
    want = (want + 1).float()
    assert corex.equal(b.to("cpu"), want)
    assert corex.equal(out.to("cpu"), (wide(a) + want.double()).float())


def _index_put(a: Tensor, index: Tensor, values: Tensor) -> Tensor:
    result = a.clone()
    result.index_put_((index,), values, accumulate=True)
    result.index_put_((index[:2],), values[2:], accumulate=False)
    return result


CALLS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "sum": (lambda a: a.sum(1), [(3, 5)]),
    "mean": (lambda a: a.mean(), [(3, 5)]),
    "amax": (lambda a: a.amax(0), [(3, 5)]),
    "argmax": (lambda a: a.argmax(1), [(3, 5)]),
    "cumsum": (lambda a: a.cumsum(0), [(3, 5)]),
    "argsort": (lambda a: a.argsort(1), [(3, 5)]),
    "softmax": (lambda a: a.t().softmax(1), [(3, 5)]),
    "matmul": (lambda a, b: a @ b.t(), [(3, 5), (4, 5)]),
    "linear": (F.linear, [(3, 5), (4, 5), (4,)]),
    "conv2d": (F.conv2d, [(2, 3, 5, 5), (4, 3, 3, 3)]),
    "layer_norm": (lambda a, w, b: F.layer_norm(a, (5,), w, b), [(3, 5), (5,), (5,)]),
    "max_pool2d": (lambda a: F.max_pool2d(a, 2, return_indices=True), [(2, 3, 4, 4)]),
    "avg_pool2d": (lambda a: F.avg_pool2d(a, 2), [(2, 3, 4, 4)]),
    "mse_loss": (F.mse_loss, [(3, 5), (3, 5)]),
    "gelu": (F.gelu, [(3, 5)]),
    "where": (lambda a, b: corex.where(a > b, a, b), [(3, 5), (5,)]),
    "index": (lambda a, i: a[i], [(3, 5), "index"]),
    "index_put": (_index_put, [(3, 5), "index", (4, 5)]),
    "gather": (lambda a, i: a.gather(0, i[:, None]), [(3, 5), "index"]),
    "scatter_add": (lambda a, i, b: a.scatter_add(0, i[:, None], b), [(3, 5), "index", (4, 5)]),
    "fill": (lambda a: corex.full_like(a, 0.1), [(3, 5)]),
}  # fmt: skip


@pytest.mark.parametrize("op", CALLS)
def test_other_kernels(backend: Narrow, op: str) -> None:
    call, shapes = CALLS[op]
    generator = np.random.default_rng(1)
    tensors = [
        there(np.array([2, 0, 1, 2])) if shape == "index" else there(generator.normal(size=shape))
        for shape in shapes
    ]
    check("upcast", op, call, *tensors)


def test_gradients_and_training(backend: Narrow) -> None:
    a = there(np.linspace(-1, 1, 12).reshape(3, 4)).requires_grad_()
    b = there(np.linspace(0, 1, 4)).requires_grad_()
    (a.tanh() * b).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert a.grad.dtype is b.grad.dtype is float32
    x, y = wide(a).requires_grad_(), wide(b).requires_grad_()
    (x.tanh() * y).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    np.testing.assert_allclose(a.grad.to("cpu").numpy(), x.grad.numpy(), rtol=1e-6)
    np.testing.assert_allclose(b.grad.to("cpu").numpy(), y.grad.numpy(), rtol=1e-6)
    with corex.placement() as report:
        corex.optim.SGD([a, b], lr=0.1, momentum=0.9).step()
    assert report.how("sgd_step") == {"decomposed"}
    want = x.detach() - 0.1 * x.grad
    np.testing.assert_allclose(a.detach().to("cpu").numpy(), want.numpy(), rtol=1e-6)


# ---- the order of ways -----------------------------------------------------------------------
def test_a_kernel_of_the_dtype_goes_first(backend: Narrow) -> None:
    backend.native |= {"exp"}
    with corex.placement() as report:
        a = there([1.0, 2.0]).exp()
        a.double().log()
    assert report.how("exp") == {"native"}
    assert report.how("log") == {"native"}
    assert corex.equal(a.to("cpu"), corex.tensor([1.0, 2.0]).exp())


def test_the_reason_names_what_is_missing_and_what_ran(backend: Narrow) -> None:
    with corex.placement() as report:
        there([1.0]).exp()
    [row] = [row for row in report.rows() if row.op == "exp"]
    assert (row.backend, row.how, row.moved) == ("narrow", "upcast", 0)
    assert row.reason == "'narrow' has no kernel 'exp' for (float32, float32): computed in float64"


def test_without_a_wider_kernel_it_is_decomposed_or_falls_back(backend: Narrow) -> None:
    backend.missing |= {"silu", "erf"}
    a = there([0.5, 1.0])
    with corex.placement() as report:
        F.silu(a)
    assert report.how("silu") == {"decomposed"}
    assert report.how("sigmoid") == {"native"}  # in float64, of which the steps are
    with pytest.warns(corex.FallbackWarning, match="no kernel 'erf'"), corex.placement() as report:
        a.erf()
    assert report.how("erf") == {"fallback"}


def test_random_numbers_have_the_bits_of_their_own_dtype(backend: Narrow) -> None:
    corex.manual_seed(3)
    with corex.placement() as report:
        drawn = corex.rand(1000, device="narrow")
    assert report.how("random_uniform") == {"decomposed"}
    corex.manual_seed(3)
    assert corex.equal(drawn.to("cpu"), corex.rand(1000))


def test_a_wider_kernel_that_may_decline_is_no_way(backend: Narrow) -> None:
    backend.accepts = lambda *views: False
    a = there([0.5, 1.0])
    with pytest.warns(corex.FallbackWarning, match="no kernel 'log'"), corex.placement() as report:
        a.log()
    assert report.how("log") == {"fallback"}


def test_nothing_is_computed_without_copies_both_ways(backend: Narrow) -> None:
    a = there([0.5, 1.0])
    backend.native.clear()
    corex.forget_kernels()
    with pytest.warns(corex.FallbackWarning, match="exp"), corex.placement() as report:
        a.exp()
    assert report.how("exp") == {"fallback"}


def test_an_error_leaves_what_is_written_alone(backend: Narrow) -> None:
    a = there(np.ones((3, 2)))
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        a.index_put_((there(np.array([0, 7])),), there(np.zeros((2, 2))))
    assert corex.equal(a.to("cpu"), corex.ones(3, 2))


def test_dtypes_that_are_computed_in_are_left_alone(backend: Narrow) -> None:
    """Integers, and kernels of the wider dtype, notice nothing."""
    with corex.placement() as report:
        there(np.arange(4)) * 2
        there([1.5]).double() * 2
    assert report.how("mul") == {"native"}


# ---- float16 -----------------------------------------------------------------------------------
HALF: dict[str, Callable[[Tensor], Tensor]] = {
    "exp": lambda t: t.exp(),
    "add": lambda t: t + t.t()[0][:1],
    "mul": lambda t: t * 0.1,
    "sum": lambda t: t.sum(0),
    "matmul": lambda t: t @ t.t(),
    "softmax": lambda t: t.softmax(1),
    "layer_norm": lambda t: F.layer_norm(t, (6,)),
}


@pytest.fixture
def halves() -> Iterator[Tensor]:
    """Numbers in float16, on a backend of which `copy` alone takes them."""
    with installed(Narrow(float16)):
        numbers = np.random.default_rng(0).normal(size=(4, 6)).astype("float16")
        yield corex.tensor(numbers, device="narrow")


@pytest.mark.parametrize("op", HALF)
def test_halves_are_computed_in_float32(halves: Tensor, op: str) -> None:
    with corex.placement() as report:
        mine = HALF[op](halves)
    assert report.how(op) == {"upcast"}
    assert mine.dtype is float16
    assert corex.equal(mine.to("cpu"), HALF[op](halves.to("cpu").float()).half())


def test_halves_are_trained(halves: Tensor) -> None:
    weight = halves.clone().requires_grad_()
    optimizer = corex.optim.SGD([weight], lr=0.5)
    before = (weight.float() ** 2).sum().item()
    for _ in range(3):
        optimizer.zero_grad()
        (weight * weight).mean().backward()
        assert weight.grad is not None
        assert weight.grad.dtype is float16
        optimizer.step()
    assert (weight.float() ** 2).sum().item() < before


def test_halves_are_drawn_and_shown(halves: Tensor) -> None:
    drawn = corex.rand(5000, device="narrow", dtype=float16)
    assert drawn.dtype is float16
    assert bool((drawn < 1).all())
    assert "dtype=corex.float16" in repr(halves[0, :1].reshape(()))


@pytest.mark.parametrize("dtype", [float16, corex.bfloat16])
def test_a_backend_without_them_refuses_them(dtype: DType) -> None:
    class Six(Narrow):
        def dtypes(self, device: int) -> tuple[DType, ...]:
            return DTYPES

    with installed(Six(dtype)), pytest.raises(TypeError, match=f"holds no {dtype.name} tensors"):
        corex.ones(2, device="narrow").to(dtype)
