"""Ops that plugins bring: declared, found, differentiated, replaced by kernels, and taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

import corex
from corex import Tensor, dtypes
from corex.autograd import gradcheck, gradgradcheck
from corex.backend import KernelChoice, View
from corex.errors import PluginError
from corex.ops import NewOp, extension
from corex.plugins import hookimpl, manager
from corex.tensor.schema import REGISTRY, OpSchema
from tests.plugins.world import World


def cube(name: str = "cube", **more: Any) -> NewOp:
    fields: dict[str, Any] = {
        "derivative": {"a": lambda g, a: g * (a * a * 3)},
        "decomposition": lambda a: a * a * a,
        "family": "unary",
        "doc": "a ** 3.",
        **more,
    }
    return NewOp(OpSchema(name, ("a",), **fields))


GATED = NewOp(
    OpSchema(
        "gated",
        ("a", "b"),
        lambda a, b, scale: [(a.shape, a.key.dtype)],
        ("scale",),
        derivative={
            "a": lambda g, b, scale: g * b.sigmoid() * scale,
            "b": lambda g, a, b, scale: g * a * b.sigmoid() * (1 - b.sigmoid()) * scale,
        },
        decomposition=lambda a, b, scale: a * b.sigmoid() * scale,
        tier=2,
    )
)
SPREAD = NewOp(
    OpSchema(
        "spread",
        ("a",),
        lambda a: [(a.shape[:-1], a.key.dtype), (a.shape[:-1], a.key.dtype)],
        joint=lambda needs, g, y: [g.unsqueeze(-1) + y.unsqueeze(-1) * 0],
        decomposition=lambda a: (a.sum(-1), a.amax(-1)),
    )
)


DOUBLED = cube("doubled", derivative=None, decomposition=lambda a: a + a)


class Ops:
    """A plugin with the ops it is given, and kernels by op."""

    def __init__(
        self,
        *declarations: object,
        priority: int = 0,
        kernels: dict[str, KernelChoice] | None = None,
    ) -> None:
        self.corex_priority = priority
        self.declarations = declarations
        self.kernels = kernels or {}
        self.asked = 0

    @hookimpl
    def corex_ops(self) -> Sequence[object]:
        self.asked += 1
        return self.declarations

    @hookimpl
    def corex_select_kernel(self, backend: str, op: str) -> KernelChoice | None:
        return self.kernels.get(op)


@pytest.fixture
def register() -> Iterator[Callable[..., Ops]]:
    """Registers plugins, and unregisters them at the end."""
    names = []

    def add(*declarations: object, name: str = "p", **more: Any) -> Ops:
        plugin = Ops(*declarations, **more)
        manager.register(plugin, name)
        names.append(name)
        return plugin

    yield add
    for name in names:
        if name in manager.plugins():
            manager.unregister(name)


Register = Callable[..., Ops]


def faults_of(plugin: str) -> list[str]:
    return [f.summary() for f in manager.faults() if f.plugin == plugin and f.stage == "corex_ops"]


@pytest.mark.usefixtures("each_backend")
def test_an_elementwise_op_is_like_a_built_in_one(register: Register) -> None:
    register(cube(), cube("double", derivative=None, decomposition=lambda a: a + a))
    a = corex.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=corex.float64, requires_grad=True)
    assert corex.ops.cube(a).tolist() == [[1, -8], [0.125, 27]]
    assert corex.ops.cube(a.T).tolist() == [[1, 0.125], [-8, 27]]
    assert gradcheck(corex.ops.cube, (a,))
    assert gradgradcheck(corex.ops.cube, (a,))
    assert gradcheck(corex.ops.double, (a,))
    out = corex.empty(2, 2, dtype=corex.float64)
    assert corex.ops.cube(a.detach(), out=out) is out
    assert out.tolist() == [[1, -8], [0.125, 27]]
    with pytest.raises(NotImplementedError, match=r"\[cube\].*int64"):
        corex.ops.cube(corex.tensor([1]))
    assert corex.ops.cube.__name__ == "cube"
    assert corex.ops.cube.__doc__ == "a ** 3."
    assert "cube" in dir(corex.ops)
    assert REGISTRY["cube"].family == "unary"
    assert not hasattr(a, "cube")


@pytest.mark.usefixtures("each_backend")
def test_a_binary_op_broadcasts(register: Register) -> None:
    schema = OpSchema(
        "midpoint",
        ("a", "b"),
        derivative={"a": lambda g: g * 0.5, "b": lambda g: g * 0.5},
        decomposition=lambda a, b: (a + b) * 0.5,
        promote="float",
        family="binary",
    )
    register(NewOp(schema))
    a = corex.ones(2, 1, dtype=corex.float64, requires_grad=True)
    b = corex.zeros(3, dtype=corex.float64, requires_grad=True)
    assert corex.ops.midpoint(a, b).tolist() == [[0.5] * 3] * 2
    assert gradcheck(corex.ops.midpoint, (a, b))
    assert corex.ops.midpoint(corex.tensor([1]), 2).tolist() == [1.5]


@pytest.mark.usefixtures("each_backend")
def test_a_generic_op_takes_inputs_then_parameters(register: Register) -> None:
    register(GATED, SPREAD)
    a = corex.tensor([1.0, -2.0], dtype=corex.float64, requires_grad=True)
    b = corex.tensor([0.0, 0.5], dtype=corex.float64, requires_grad=True)
    expected = (a * b.sigmoid() * 3).tolist()
    assert corex.ops.gated(a, b, 3).tolist() == expected
    assert corex.ops.gated(scale=3, b=b, a=a).tolist() == expected
    assert gradcheck(lambda a, b: corex.ops.gated(a, b, 2.0), (a, b))
    assert gradgradcheck(lambda a, b: corex.ops.gated(a, b, 2.0), (a, b))
    total, largest = corex.ops.spread(a)
    assert (total.item(), largest.item()) == (-1, 1)
    assert total.requires_grad
    with corex.placement() as report:
        corex.ops.gated(a, b, 3)
    assert report.rows()[0][:3] == ("gated", corex.get_backend(), "decomposed")


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((1, 2, 3), {}, r"gated\(\).*Tensor"),
        ((), {"a": 1}, "missing arguments: b, scale"),
        ((1, 2, 3, 4), {}, "takes 3 arguments"),
        ((1, 2), {"a": 3}, "got the argument 'a' twice"),
        ((1, 2), {"size": 3}, "'size' which it does not take"),
    ],
)
def test_a_generic_op_checks_its_arguments(
    register: Register, args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    register(GATED)
    with pytest.raises(TypeError, match=message):
        corex.ops.gated(*args, **kwargs)


def test_a_generic_op_checks_dtypes_and_places(register: Register) -> None:
    register(GATED)
    a = corex.ones(2)
    with pytest.raises(RuntimeError, match=r"\[gated\].*float32, float64"):
        corex.ops.gated(a, a.double(), 1)
    with pytest.raises(NotImplementedError, match=r"\[gated\].*int64"):
        corex.ops.gated(a.long(), a.long(), 1)
    with pytest.raises(RuntimeError, match="same device"):
        corex.ops.gated(a.to(backend="cpu_c"), a.to(backend="reference_py"), 1)


def test_optional_inputs_may_be_left_out(register: Register) -> None:
    schema = OpSchema(
        "shifted",
        ("a", "b?"),
        lambda a, b: [(a.shape, a.key.dtype)],
        decomposition=lambda a, b: a if b is None else a + b,
        promote="float",
    )
    register(NewOp(schema))
    a = corex.tensor([1, 2])
    assert corex.ops.shifted(a).tolist() == [1.0, 2.0]
    assert corex.ops.shifted(a, a).tolist() == [2.0, 4.0]
    assert corex.ops.shifted(a, None).dtype is corex.float32


def test_a_function_of_its_own_prepares_the_arguments(register: Register) -> None:
    def gated(input: Tensor, scale: float = 2.0) -> Tensor:
        a, b = input.chunk(2, -1)
        result: Tensor = corex.ops.call(GATED.schema, (a, b), (scale,))
        return result

    def doubled(input: Tensor) -> Tensor:
        result: Tensor = corex.ops.call(DOUBLED.schema, (input + 0,))
        return result

    register(NewOp(GATED.schema, gated), NewOp(DOUBLED.schema, doubled))
    assert corex.ops.doubled(corex.ones(2)).tolist() == [2, 2]
    x = corex.tensor([[1.0, 0.0]], dtype=corex.float64, requires_grad=True)
    assert corex.ops.gated(x).tolist() == [[1.0]]
    assert gradcheck(corex.ops.gated, (x,))


def test_the_plugin_offers_a_kernel_for_any_backend(each_backend: str, register: Register) -> None:
    fill = manager.backend(each_backend).kernels["fill"]

    def kernel(out: View, a: View) -> None:
        fill(out, 7)

    def dense(out: View, a: View) -> bool:
        return a[3] == out[3]

    register(cube(), kernels={"cube": KernelChoice(kernel, dense)})
    a = corex.ones(2, 3, requires_grad=True)
    with corex.placement() as report:
        assert corex.ops.cube(a).tolist() == [[7] * 3] * 2
        assert corex.ops.cube(a.T).tolist() == [[1] * 2] * 3
    rows = {(row.how, row.reason) for row in report.rows() if row.op == "cube"}
    names = "float32, float32"
    assert rows == {
        ("native", "kernel of plugin 'p'"),
        (
            "decomposed",
            f"'{each_backend}' has no kernel 'cube' for ({names}), and plugin 'p' declined this "
            "layout",
        ),
    }
    corex.ops.cube(a).sum().backward()
    assert a.grad is not None
    assert a.grad.tolist() == [[3] * 3] * 2


def test_without_a_derivative_gradients_take_the_decomposition(register: Register) -> None:
    def kernel(*views: View) -> None:
        raise AssertionError("it would lose the gradient")

    plain = cube(derivative=None)
    schema = OpSchema(
        "pair", ("a",), lambda a: [(a.shape, a.key.dtype)], decomposition=lambda a: a * 2
    )
    choice = KernelChoice(kernel)
    register(plain, NewOp(schema), kernels={"cube": choice, "pair": choice})
    a = corex.ones(2, requires_grad=True)
    with corex.placement() as report:
        (corex.ops.cube(a) + corex.ops.pair(a)).sum().backward()
    assert a.grad is not None
    assert a.grad.tolist() == [5, 5]
    assert report.how("cube") == report.how("pair") == {"decomposed"}
    with pytest.raises(AssertionError):
        corex.ops.cube(a.detach())


def test_unregistering_takes_the_ops_away_and_registering_brings_them_back(
    register: Register,
) -> None:
    plugin = register(cube())
    function = corex.ops.cube
    a = corex.tensor([2.0])
    for _ in range(2):
        manager.unregister(plugin)
        assert "cube" not in REGISTRY
        assert "cube" not in dir(corex.ops)
        assert not hasattr(corex.ops, "cube")
        manager.register(plugin, "p")
        assert corex.ops.cube(a).tolist() == [8]
    assert function(a).tolist() == [8]
    assert extension.owners() == {"cube": "p"}


def test_a_hook_is_asked_once_per_registration(register: Register) -> None:
    plugin = register(cube())
    function = corex.ops.cube
    register(cube("other"), name="q")
    assert plugin.asked == 1
    assert corex.ops.cube is function


def test_the_name_goes_to_the_plugin_with_precedence(register: Register) -> None:
    def answer(text: str) -> Callable[..., str]:
        return lambda: text

    low, high = cube(), cube()
    register(NewOp(low.schema, answer("low")), name="a")
    register(NewOp(high.schema, answer("high")), name="z", priority=1)
    register(NewOp(cube().schema, answer("last")), name="b")
    assert corex.ops.cube() == "high"
    assert REGISTRY["cube"] is high.schema
    assert faults_of("a") == [
        "PluginError: the name 'cube' is taken, by plugin 'z', which has precedence"
    ]
    manager.unregister("z")
    assert corex.ops.cube() == "low"
    assert not faults_of("a")
    assert "plugin 'a'" in faults_of("b")[0]


def test_a_broken_declaration_does_not_take_the_name(register: Register) -> None:
    register(cube(decomposition=None), name="a", priority=9)
    register(cube(), name="b")
    assert corex.ops.cube(corex.tensor([2.0])).tolist() == [8]


NO_RESULT = OpSchema("odd", ("a",), decomposition=lambda a: a)

FAULTY: dict[str, tuple[object, str]] = {
    "built-in op": (cube("matmul"), "taken, by corex itself"),
    "built-in function": (cube("arange"), "taken, by corex itself"),
    "internal op": (cube("index_put"), "taken, by corex itself"),
    "submodule": (cube("pointwise"), "taken, by corex itself"),
    "not a declaration": ("cube", "expected a corex.ops.NewOp, got 'cube'"),
    "bare schema": (cube().schema, "expected a corex.ops.NewOp"),
    "schema of another type": (NewOp("cube"), "must be a corex.ops.OpSchema"),  # type: ignore[arg-type]
    "function not callable": (NewOp(cube("odd").schema, 3), "must be callable"),  # type: ignore[arg-type]
    "not an identifier": (cube("odd one"), "must be a Python identifier, got 'odd one'"),
    "keyword": (cube("lambda"), "must be a Python identifier"),
    "underscore": (cube("_odd"), "must not begin with an underscore"),
    "unknown input": (
        cube("odd", derivative={"b": lambda g: g}),
        "derivatives for unknown inputs ['b']",
    ),
    "unknown value": (
        cube("odd", derivative={"a": lambda g, b: g * b}),
        "the derivative of 'a' needs b",
    ),
    "derivative without g": (cube("odd", derivative={"a": lambda: 0}), "too few arguments"),
    "derivative is no function": (cube("odd", derivative={"a": 3}), "not a callable"),
    "no result rule": (NewOp(NO_RESULT), "no result rule"),
    "no decomposition": (cube("odd", decomposition=None), "no decomposition"),
    "wrong count": (cube("odd", family="binary"), "must have 2 input(s)"),
    "no input": (NewOp(OpSchema("odd", (), decomposition=lambda: 0)), "first input"),
    "two of one name": (
        NewOp(OpSchema("odd", ("a", "a"), lambda a: [], decomposition=lambda a: a)),
        "of one name",
    ),
}


@pytest.mark.parametrize("kind", FAULTY)
def test_a_faulty_declaration_is_kept_and_harms_no_other(register: Register, kind: str) -> None:
    declaration, text = FAULTY[kind]
    before = dict(REGISTRY)
    register(cube("good"), declaration, cube("better"), name="faulty")
    assert corex.ops.good(corex.tensor([2.0])).tolist() == [8]
    assert corex.ops.better(corex.tensor([2.0])).tolist() == [8]
    [message] = faults_of("faulty")
    assert text in message
    assert {name for name in REGISTRY if name not in before} == {"good", "better"}
    assert not hasattr(corex.ops, "odd")
    with pytest.raises(AttributeError, match="'odd'") as raised:
        _ = corex.ops.odd
    if isinstance(declaration, NewOp) and getattr(declaration.schema, "name", "") == "odd":
        assert "plugin 'faulty' failed at corex_ops" in str(raised.value)
        assert isinstance(raised.value.__cause__, (PluginError, TypeError))
    manager.unregister("faulty")
    assert dict(REGISTRY) == before
    assert not faults_of("faulty")


def test_twice_in_one_plugin(register: Register) -> None:
    register(cube(), cube())
    assert faults_of("p") == ["PluginError: op 'cube' is declared twice"]
    assert corex.ops.cube(corex.tensor([2.0])).tolist() == [8]


@pytest.mark.parametrize("answer", [None, "cube", cube()])
def test_the_hook_must_answer_with_a_list(answer: object) -> None:
    class Odd:
        @hookimpl
        def corex_ops(self) -> object:
            return answer

    manager.register(Odd(), "odd")
    try:
        assert "must return a list of corex.ops.NewOp" in faults_of("odd")[0]
        with pytest.raises(AttributeError, match=r"'some_op'; perhaps because plugin 'odd'"):
            _ = corex.ops.some_op
    finally:
        manager.unregister("odd")


def test_a_hook_that_raises_is_kept_and_asked_no_more() -> None:
    class Raising:
        calls = 0

        @hookimpl
        def corex_ops(self) -> object:
            Raising.calls += 1
            raise OSError("no table")

        @hookimpl
        def corex_op_observer(self) -> object:
            raise SystemExit(3)

    manager.register(Raising(), "raising")
    try:
        manager.register(Ops(cube()), "p")
        manager.unregister("p")
        assert Raising.calls == 1
        assert faults_of("raising") == ["OSError: no table"]
        with pytest.raises(AttributeError, match="OSError: no table"):
            _ = corex.ops.cube
    finally:
        manager.unregister("raising")
    assert not faults_of("raising")


def test_a_hook_may_register_another_plugin() -> None:
    inner = Ops(cube())

    class Outer:
        @hookimpl
        def corex_ops(self) -> object:
            manager.register(inner, "inner")
            return []

    manager.register(Outer(), "outer")
    try:
        assert corex.ops.cube(corex.tensor([2.0])).tolist() == [8]
    finally:
        manager.unregister("outer")
        manager.unregister("inner")


def test_installed_ops_are_found_lazily_and_can_be_disabled(world: World) -> None:
    world.install(
        "cubes",
        """
        import pluggy
        from corex.ops import NewOp
        from corex.ops import OpSchema
        hookimpl = pluggy.HookimplMarker("corex")

        @hookimpl
        def corex_ops():
            return [NewOp(OpSchema("cube", ("a",), decomposition=lambda a: a * a * a,
                                   derivative={"a": lambda g, a: g * a * a * 3}, family="unary"))]
        """,
    )
    program = """
        import sys
        import corex
        print("cubes_plugin" in sys.modules, "cube" in dir(corex.ops))
        print(hasattr(corex.ops, "cube"), "cube" in dir(corex.ops))
        try:
            print(corex.ops.cube(corex.tensor([2.0])).tolist())
        except AttributeError as error:
            print(error)
    """
    assert world.run(program).split() == ["False", "False", "True", "True", "[8.0]"]
    lines = world.run(program, COREX_DISABLE="cubes").splitlines()
    assert lines[:2] == ["False False", "False False"]
    assert lines[2].endswith("no attribute 'cube'; COREX_DISABLE blocks cubes")


def test_dtypes_reach_the_selector(register: Register) -> None:
    seen = []

    class Asking:
        @hookimpl
        def corex_select_kernel(self, op: str, dtypes: Any) -> None:
            if op == "cube":
                seen.append(dtypes)

    register(cube())
    manager.register(Asking(), "asking")
    try:
        corex.ops.cube(corex.zeros(2, dtype=corex.float64))
    finally:
        manager.unregister("asking")
    assert (dtypes.float64, dtypes.float64) in seen
