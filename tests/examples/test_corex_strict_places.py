"""Several devices and backends at once: what may meet, what may not, and how tensors travel."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import corex
import corex.nn.functional as F
from corex import Tensor
from corex.backend import Backend, BackendDescriptor
from corex.plugins import hookimpl, manager
from corex.tensor.schema import REGISTRY, OpSchema
from tests.ops.expressions import lines
from tests.ops.inputs import INPUTS
from tests.ops.pointwise.test_elementwise import IN_PLACE, OPS, arguments, dtypes_of, public

pytestmark = pytest.mark.usefixtures("strict")

A, B = "strict:0", "strict:1"
PAIRS = [(A, B), (B, A), (B, "cpu"), ("cpu", A)]
BINARY = [schema for schema in OPS if len(schema.inputs) == 2]


def ones(*shape: int, on: str = A, **options: Any) -> Tensor:
    return corex.ones(shape, device=on, **options)


def number(value: float = 2.0, **options: Any) -> Tensor:
    """A CPU tensor without dimensions."""
    return corex.tensor(value, device="cpu", **options)


def refused(call: Callable[[], Any], here: str, there: str) -> None:
    """Expects the error that names both places and the fix."""
    with pytest.raises(RuntimeError, match=r"Expected all tensors to be on the same") as caught:
        call()
    text = str(caught.value)
    for place in (here, there):
        assert f"{place} of backend " in text
    assert ".to(" in text


# ---- what may not meet -------------------------------------------------------------------------
def pair(schema: OpSchema, here: str, there: str) -> tuple[Tensor, Tensor]:
    kind = "float32" if corex.float64 in schema.takes else dtypes_of(schema)[-1]
    first, second = arguments(schema, (2, 3), kind)
    return corex.tensor(first, device=here), corex.tensor(second, device=there)


@pytest.mark.parametrize("schema", BINARY, ids=lambda schema: schema.name)
@pytest.mark.parametrize("here, there", PAIRS)
def test_elementwise_ops(schema: OpSchema, here: str, there: str) -> None:
    a, b = pair(schema, here, there)
    refused(lambda: public(schema)(a, b), here, there)
    refused(lambda: public(schema)(a, b[:1]), here, there)
    refused(lambda: public(schema)(a, b.t().contiguous().t()), here, there)
    if hasattr(a, f"{schema.name}_"):
        before = a.tolist()
        refused(lambda: getattr(a, f"{schema.name}_")(b), here, there)
        assert (a.tolist(), a._version) == (before, 0)


@pytest.mark.parametrize("schema", OPS, ids=lambda schema: schema.name)
def test_out_on_another_device(schema: OpSchema) -> None:
    if not hasattr(corex, schema.name) or schema.name == "relu":
        return
    kind = "float32" if corex.float64 in schema.takes else dtypes_of(schema)[-1]
    given = [corex.tensor(v, device=A) for v in arguments(schema, (2, 3), kind)]
    result = public(schema)(*given)
    for out in (result.to(B), corex.empty(0, dtype=result.dtype, device="cpu")):
        refused(lambda out=out: public(schema)(*given, out=out), A, str(out.device))


class Names(dict[str, Any]):
    """The inputs of the table of expressions on one device, but for one on another."""

    def __init__(self, here: str, there: str, away: str = "") -> None:
        super().__init__(inf=math.inf, t_=corex.t)
        self.here, self.there, self.away = here, there, away
        self.used: list[str] = []

    def __missing__(self, name: str) -> Any:
        if name not in INPUTS:
            return getattr(corex, name) if hasattr(corex, name) else getattr(corex.ops, name)
        array = INPUTS[name](name)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        self.used.append(name)
        place = self.there if name == self.away else self.here
        self[name] = found = corex.tensor(array, device=place)
        return found


# They only make views; add an `s`, which is a CPU number; or take indices from the CPU.
ALLOWED = ("broadcast_tensors", "baddbmm(s", "addbmm(s", "index_put(")
LINES = [line[0] for line in lines() if not line[0].startswith(("float_power", *ALLOWED))]


@pytest.mark.parametrize("code", LINES)
@pytest.mark.parametrize("here, there", PAIRS[1:])
def test_every_function(code: str, here: str, there: str) -> None:
    names = Names(here, there)
    eval(code, names)
    if len(names.used) > 1:
        for away in names.used:
            mixed = Names(here, there, away)
            refused(lambda mixed=mixed: eval(code, mixed), here, there)


index = corex.tensor([1, 0])
OTHERS: dict[str, Callable[[], Any]] = {
    "index from another accelerator": lambda: ones(3)[index.to(B)],
    "mask from another accelerator": lambda: ones(2)[ones(2, on=B) > 0],
    "index_put_": lambda: ones(3).index_put_((index.to(B),), ones(2)),
    "values of index_put_": lambda: ones(3).index_put_((index,), ones(2, on=B)),
    "setitem by index": lambda: ones(3).__setitem__(index, ones(2, on=B)),
    "scatter_": lambda: ones(3).scatter_(0, index.to(B), 1.0),
    "gather": lambda: ones(3).gather(0, index.to(B)),
    "index_add_": lambda: ones(3).index_add_(0, index.to(B), ones(2)),
    "masked_fill_": lambda: ones(2).masked_fill_(ones(2, on=B) > 0, 1.0),
    "three inputs": lambda: corex.where(ones(2) > 0, ones(2, on=B), 0.0),
    "0-d on an accelerator": lambda: ones(2) + ones(on=B),
    "both 0-d": lambda: ones() + ones(on=B),
    "clamp": lambda: ones(2).clamp(ones(2, on=B)),
    "clamp_": lambda: ones(on=B).clamp_(ones()),
    "lerp": lambda: corex.lerp(ones(2), ones(2), ones(2, on=B)),
    "addmm_": lambda: ones(2, 2, on=B).addmm_(ones(2, 2), ones(2, 2)),
    "matmul out": lambda: corex.matmul(ones(2, 2), ones(2, 2), out=ones(2, 2, on=B)),
    "mm out": lambda: corex.mm(ones(2, 2), ones(2, 2), out=ones(2, 2, on=B)),
    "cat out": lambda: corex.cat([ones(2)], out=ones(2, on=B)),
    "stack out": lambda: corex.stack([ones(2)], out=ones(1, 2, on=B)),
    "clamp out": lambda: corex.clamp(ones(2), 0, out=ones(2, on=B)),
    "div out": lambda: corex.div(ones(2), 2, rounding_mode="trunc", out=ones(2, on=B)),
    "linear": lambda: corex.nn.Linear(2, 2, device=B)(ones(1, 2)),
    "bias": lambda: F.linear(ones(1, 2), ones(2, 2), ones(2, on=B)),
    "embedding": lambda: corex.nn.Embedding(3, 2, device=B)(index.to(A)),
    "running statistics": lambda: corex.nn.BatchNorm1d(3, device=B)(ones(2, 3)),
    "cross_entropy": lambda: F.cross_entropy(ones(2, 3), index.to(B)),
    "class weights": lambda: F.cross_entropy(ones(2, 3), index.to(A), ones(3, on=B)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_ways_of_mixing(name: str) -> None:
    refused(OTHERS[name], A, B)


def test_gradients_elsewhere() -> None:
    a = ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"strict:1.*strict:0"):
        (a * 2).backward(ones(2, on=B))
    with pytest.raises(RuntimeError, match=r"strict:1.*strict:0"):
        a.grad = ones(2, on=B)


# ---- numbers from the CPU ------------------------------------------------------------------------
@pytest.mark.parametrize("schema", BINARY, ids=lambda schema: schema.name)
def test_a_cpu_number_goes_with_an_accelerators_tensors(schema: OpSchema) -> None:
    a, b = pair(schema, A, A)
    one = b[0, 0].cpu()
    got = public(schema)(a, one)
    assert str(got.device) == A
    assert corex.equal(got, public(schema)(a, b[0, 0]))
    assert str(public(schema)(one, a[0, 0]).device) == A
    if schema in IN_PLACE and schema.family == "binary":
        assert getattr(a.clone(), f"{schema.name}_")(one).tolist() == got.tolist()
        refused(lambda: getattr(one, f"{schema.name}_")(a[0, 0]), "cpu", A)


def test_functions_that_take_cpu_numbers() -> None:
    mask = ones(2) > 0
    results = [
        corex.where(mask, number(), ones(2)), corex.where(mask, number(), 3.0),
        corex.where(number() > 0, ones(2) * 2, 0.0), ones(2).masked_fill(mask, number()),
        ones(2).masked_fill_(mask, number()), ones(2).clamp(number()), ones(2).fill_(number()),
        corex.lerp(ones(2), ones(2) * 3, number(0.5)), corex.addcmul(ones(2), ones(2), number(1)),
        corex.add(ones(2), number(1), out=ones(2)), ones(2).copy_(number()),
    ]  # fmt: skip
    for result in results:
        assert (str(result.device), result.tolist()) == (A, [2, 2])
    assert (ones(2, dtype=corex.int64) * number(2.5)).dtype is corex.float32
    refused(lambda: corex.add(ones(2), number(), out=corex.ones(2)), A, "cpu")


def test_gradients_of_cpu_numbers() -> None:
    for multiply in (lambda x, y: x * y, lambda x, y: (x * 1).mul_(y)):
        a, b = number(3.0, requires_grad=True), ones(2, requires_grad=True)
        multiply(b, a).sum().backward()
        assert a.grad is not None
        assert b.grad is not None
        assert (str(a.grad.device), a.grad.item()) == ("cpu", 2)
        assert (str(b.grad.device), b.grad.tolist()) == (A, [3, 3])


def test_indices_from_the_cpu() -> None:
    a = corex.arange(3.0, device=A)
    assert (a[index].tolist(), str(a[index].device)) == ([1, 0], A)
    assert a[corex.tensor([True, False, True])].tolist() == [0, 2]
    assert a[[2, 0]].tolist() == a[np.array([2, 0])].tolist() == [2, 0]
    assert corex.eye(3, device=A)[index, index.to(A)].tolist() == [1, 1]
    a[index] = 5.0
    a[index[:1]] = number(7.0)
    a[2:] = corex.ones(1)
    a.index_put_((index[1:],), number(9.0))
    assert a.tolist() == [9, 7, 1]


# ---- travelling ----------------------------------------------------------------------------------
@pytest.mark.parametrize("source", [A, B, "cpu"])
@pytest.mark.parametrize("target", [A, B, "cpu"])
def test_every_way_and_its_derivative(source: str, target: str) -> None:
    a = corex.arange(6.0, device=source).reshape(2, 3).t().requires_grad_()
    b = a.to(target)
    assert (str(b.device), b.tolist()) == (target, a.tolist())
    assert (b is a) == (source == target)
    (b**3).sum().backward()
    assert a.grad is not None
    assert (str(a.grad.device), a.grad.tolist()) == (source, (a.detach() ** 2 * 3).tolist())
    (g,) = corex.autograd.grad((a.to(target) ** 3).sum(), a, create_graph=True)
    assert corex.autograd.grad(g.sum(), a)[0].tolist() == (a.detach() * 6).tolist()
    whole = corex.zeros(3, 4, device=target)
    whole[:, ::2].copy_(a[:, :2])
    assert whole[:, ::2].tolist() == a[:, :2].tolist()


def test_numbers_and_strings_of_devices() -> None:
    assert str(ones(1, on="strict").device) == "strict:0"
    assert ones(1).device == corex.device("strict", 0) == corex.device("strict:0")
    assert ones(1).device != ones(1, on=B).device
    assert str(corex.ones(1).to(1).device) == "strict:1"
    assert str(ones(1, on=B).to(0).device) == "strict:0"
    assert str(corex.ones(1, device=1).device) == "strict:1"
    assert str(ones(1).new_zeros(1, device=1).device) == "strict:1"
    assert str(corex.zeros_like(ones(1, on=B)).device) == "strict:1"
    assert str(ones(1, on=B).to("strict").device) == "strict:0"
    if not corex.cuda.is_available():
        with pytest.raises(corex.BackendUnavailableError, match="'cuda'"):
            ones(1).cuda(0)  # never another accelerator
    with corex.use_backend("strict"):
        assert str(corex.ones(1).device) == "strict:0"
        assert str(corex.ones(1, device=1).device) == "strict:1"
    for call in (
        lambda: ones(1, on="strict:2"),
        lambda: ones(1).to(2),
        lambda: ones(1).to("strict:9"),
    ):
        with pytest.raises(RuntimeError, match=r"invalid device ordinal.*2 device\(s\)"):
            call()


# ---- the fallback --------------------------------------------------------------------------------
class Plugin:
    """A backend with the memory of strict, and of its kernels only `copy` and `fill`."""

    def __init__(self) -> None:
        self.descriptor = BackendDescriptor("bare", "bare", lambda: None, self.make)

    def make(self) -> Backend:
        kind: Any = type(manager.backend("strict"))

        class Bare(kind):  # type: ignore[misc]
            name = device_type = "bare"

            def select(self, op: str, dtypes: Any) -> Any:
                return super().select(op, dtypes) if op in ("copy", "fill") else None

        return Bare()

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [self.descriptor]


@pytest.fixture
def bare() -> Iterator[str]:
    plugin = Plugin()
    manager.register(plugin, "bare")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", corex.FallbackWarning)
        yield "bare"
    manager.unregister(plugin)


@pytest.mark.parametrize("place", ["bare:0", "bare:1"])
@pytest.mark.parametrize("name", [s.name for s in REGISTRY.values() if s.family in
                                  ("unary", "binary", "predicate", "compare")])  # fmt: skip
def test_the_fallback_changes_nothing(bare: str, name: str, place: str) -> None:
    schema = REGISTRY[name]
    kind = "float32" if corex.float64 in schema.takes else dtypes_of(schema)[-1]
    values = arguments(schema, (2, 3), kind)
    there = [corex.tensor(v, device=place) for v in values]
    if schema.differentiable and kind == "float32":
        there[0].requires_grad_()
    got = public(schema)(*there)
    want = public(schema)(*[corex.tensor(v) for v in values])
    assert (got.dtype, str(got.device)) == (want.dtype, place)
    assert got.requires_grad == there[0].requires_grad
    assert got.flatten().tolist() == pytest.approx(want.flatten().tolist(), rel=1e-5)
    if got.requires_grad:
        got.sum().backward()
        assert there[0].grad is not None
        assert (there[0].grad.dtype, str(there[0].grad.device)) == (corex.float32, place)


def test_a_program_on_fallbacks_alone(bare: str) -> None:
    def losses(place: str) -> list[float]:
        corex.manual_seed(0)
        network = corex.nn.Sequential(
            corex.nn.Linear(3, 4), corex.nn.GELU(), corex.nn.Linear(4, 2)
        ).to(place)
        x = corex.randn(5, 3, device=place)
        y = corex.tensor([0, 1, 1, 0, 1], device=place)
        optimizer = corex.optim.Adam(network.parameters(), lr=0.1)
        found = []
        for _ in range(3):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(x), y)
            assert str(loss.device) == place
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        assert {str(p.device) for p in network.parameters()} == {place}
        return found

    expected = losses("cpu")
    for place in ("bare:0", "bare:1"):
        assert losses(place) == pytest.approx(expected, rel=1e-4)
