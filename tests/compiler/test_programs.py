"""Graphs by hand, run by the interpreter and by compilers, against NumPy."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import corex
from corex.backend import KernelChoice, View
from corex.backend.graph import GraphBuilder, GraphError, Literal, plan, read, written
from corex.compiler import Program, prepare
from corex.dispatch.devices import place_of
from corex.dispatch.levels import interpreting
from corex.dtypes import bool_, float32, float64, int64
from corex.plugins import hookimpl, manager
from tests.compiler import graphs
from tests.compiler.toy import Bare, Breaks, Declines, Functional, Toy, installed
from tests.dispatch.interpreters import Tape

KINDS = {kind.name: kind for kind in (Toy, Declines, Functional, Bare)}


@pytest.fixture(params=["reference_py", "cpu_c", *KINDS])
def where(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param not in KINDS:
        yield request.param
        return
    with installed(KINDS[request.param]) as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", corex.FallbackWarning)
        yield name


def values(*shape: int, dtype: str = "float32") -> np.ndarray[Any, Any]:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


def at(where: str, array: Any) -> corex.Tensor:
    return corex.tensor(array).to(backend=where)


def prepared(graph: Any, where: str) -> Program:
    program = prepare(graph, backend=where)
    compiles = where == "toy" and graph.name not in ("stepped", "picked")
    assert program.how == ("compiled" if compiles else "interpreted")
    return program


def equal(t: corex.Tensor, expected: Any) -> None:
    assert t.shape == np.shape(expected)
    np.testing.assert_allclose(t.tolist(), expected, rtol=1e-5, atol=1e-6)


# ---- one graph of each kind --------------------------------------------------------------------
def test_an_op_that_broadcasts(where: str) -> None:
    x, b = values(2, 3), values(3)
    [y] = prepared(graphs.added(), where)([at(where, x), at(where, b)])
    equal(y, x + b)
    assert y.backend == where


def test_a_layer(where: str) -> None:
    x, w, b = values(4, 6), values(6, 8), values(8)
    program = prepared(graphs.layer(), where)
    for factor in (1, -2):
        [y] = program([at(where, t) for t in (x * factor, w, b)])
        equal(y, np.maximum(x * factor @ w + b, 0))


def test_a_reduction(where: str) -> None:
    x = values(3, 4, dtype="float64")
    sums, count = prepared(graphs.reduced(), where)([at(where, x)])
    equal(sums, x.sum(0))
    assert count.tolist() == (x.sum(0) > 0).sum()


def test_strides(where: str) -> None:
    x, expected = values(4, 6), np.zeros((6, 8))
    [y] = prepared(graphs.strided(), where)([at(where, x)])
    expected[1:5, 1:7:2] = 2 * x[:, ::-2]
    equal(y, expected)


def test_state_and_changing_numbers(where: str) -> None:
    x, total, calls = values(5), values(1, 5)[0], 0
    state = [at(where, total), at(where, np.array(0))]
    program = prepared(graphs.counted(), where)
    for rate in (0.5, 2, -1.25):
        before, after = program([at(where, x)], state, {"rate": rate, "more": 3})
        equal(before, total)
        total, calls = total + x * np.float32(rate), calls + 3
        equal(after, total)
        assert after.storage_ is state[0].storage_
        assert state[1].tolist() == calls
    assert state[0].storage_.version == 3


def test_lists(where: str) -> None:
    params, grads = [values(3), values(2, 2)], [values(1, 3)[0], values(2, 2) + 1]
    momenta = [np.zeros_like(p) for p in params]
    states = [[at(where, t) for t in part] for part in (params, momenta)]
    program = prepared(graphs.stepped(), where)
    for lr in (0.1, 0.05):
        program([at(where, g) for g in grads], [*states[0], *states[1]], {"lr": lr})
        for p, g, m in zip(params, grads, momenta, strict=True):
            m[...] = 0.9 * m + (g + 0.1 * p)
            p -= lr * m
    for found, expected in zip([*states[0], *states[1]], [*params, *momenta], strict=True):
        equal(found, expected)


def test_positions(where: str) -> None:
    table, rows = values(5, 3), np.array([3, -4])
    found, copy = prepared(graphs.picked(), where)([at(where, table), at(where, rows)])
    equal(found, table[rows])
    table[rows] *= 2
    equal(copy, table)


def test_constants(where: str) -> None:
    program = prepared(graphs.constant(), where)
    [y] = program([at(where, values(3))])
    equal(y, values(3) * [1, 2, 3])


def test_random_programs_with_memory_that_is_used_again(where: str) -> None:
    for seed in range(4):
        graph = graphs.chained(seed)
        inputs = [values(graph.values[i].shape[0], dtype="float64") for i in face_of(graph)]
        found = prepared(graph, where)([at(where, t) for t in inputs])
        for t, expected in zip(found, by_numpy(graph, inputs), strict=True):
            equal(t, expected)


def face_of(graph: Any) -> list[int]:
    return [i for i, v in enumerate(graph.values) if graph.storages[v.storage].role == "input"]


def by_numpy(graph: Any, inputs: list[Any]) -> list[Any]:
    """Every value an array of its own."""
    now: dict[int, Any] = dict(zip(face_of(graph), inputs, strict=True))
    functions = {"add": np.add, "mul": np.multiply, "maximum": np.maximum, "neg": np.negative}
    for op in graph.ops:
        given = [now[o] if isinstance(o, int) else o.number for o in op.inputs]
        now[op.outputs[0]] = functions[op.kernel](*given)
    return [now[i] for i in graph.results]


# ---- how it is handed over ---------------------------------------------------------------------
def test_a_compiler_writes_a_program() -> None:
    with installed(Toy) as name:
        backend = place_of(name).backend
        prepare(graphs.layer(), backend=name)
        assert isinstance(backend, Toy)
        assert "v4[...] = v3 + v9" in backend.sources[0]


def test_a_compiler_that_breaks_is_told_of() -> None:
    with installed(Breaks) as name:
        with pytest.warns(
            corex.CompilationWarning, match="'breaks' failed: SyntaxError: cannot"
        ) as w:
            program = prepare(graphs.added(), backend=name)
        assert w[0].filename == __file__
        assert program.how == "interpreted"
        assert "SyntaxError" in program.reason
        [y] = program([at(name, values(2, 3)), at(name, values(3))])
        equal(y, values(2, 3) + values(3))


class Override:
    """Puts a kernel that writes 42 before the backend's own `relu`."""

    @hookimpl
    def corex_select_kernel(self, op: str, backend: str) -> KernelChoice | None:
        return KernelChoice(self.kernel) if (op, backend) == ("relu", "toy") else None

    def kernel(self, out: View, a: View) -> None:
        manager.backend("toy").kernels["fill"](out, 42)


def test_a_kernel_of_a_plugin_is_not_compiled_away() -> None:
    with installed(Toy) as name:
        manager.register(Override(), "override")
        try:
            program = prepare(graphs.layer(), backend=name)
            assert prepare(graphs.added(), backend=name).how == "compiled"
        finally:
            manager.unregister("override")
        assert program.how == "interpreted"
        assert program.reason == "plugin 'override' replaces the kernel 'relu'"


def test_observers_hear_of_a_compiled_graph() -> None:
    with installed(Toy) as name:
        program = prepare(graphs.layer(), backend=name)
        given = [at(name, t) for t in (values(4, 6), values(6, 8), values(8))]
        calls: list[Any] = []
        with corex.observe(calls.append), corex.placement() as report:
            program(given)
        [call] = calls
        assert (call.op, call.how) == ("graph layer", "compiled")
        assert [spec.shape for spec in call.inputs] == [(4, 6), (6, 8), (8,)]
        assert [spec.shape for spec in call.outputs] == [(4, 8)]
        assert call.seconds > 0
        assert report.how("graph layer") == {"compiled"}


def test_the_feature_has_a_name() -> None:
    assert "compile" in corex.backend.FEATURES
    assert "compile" in Toy().features
    assert "compile" not in Bare().features


def test_memory_without_addresses_gets_buffers_of_its_own() -> None:
    with installed(Functional) as name:
        program = prepare(graphs.layer(), backend=name)
        assert program.graph.arena is None
        assert [slot.nbytes for slot in program.graph.slots] == [128, 128]
        backend = place_of(name).backend
        assert isinstance(backend, Functional)
        given = [at(name, t) for t in (values(4, 6), values(6, 8), values(8))]
        backend.sizes.clear()
        program(given)
        assert backend.sizes == [128, 128, 128]


def test_one_arena_where_memory_has_addresses(each_backend: str) -> None:
    program = prepare(graphs.layer(), backend=each_backend)
    assert program.graph.arena is not None
    assert program.graph.arena.nbytes == 256


def test_a_plan_made_elsewhere_is_replaced() -> None:
    with installed(Functional) as name:
        program = prepare(plan(graphs.layer(), arena=True), backend=name)
        assert program.graph.arena is None


# ---- the kernels are those that the dispatcher chooses -----------------------------------------
def hows(program: Program, *given: Any) -> dict[str, set[str]]:
    with corex.placement() as report:
        program(*given)
    return {row.op: report.how(row.op) for row in report.rows()}


def test_ops_without_a_kernel_are_decomposed_or_run_on_the_host() -> None:
    g = GraphBuilder("mixed")
    x = g.input(float32, (4, 3))
    means, gains = g.temporary(float32, (4,), "means"), g.temporary(float32, (4,), "gains")
    y = g.output(float32, (4,))
    g.op("mean", [means], [x], [1])
    g.op("silu", [gains], [means])
    g.op("exp", [y], [gains])
    with installed(Bare) as name:
        program = prepare(g.build([y]), backend=name)
        x0 = values(4, 3)
        with pytest.warns(corex.FallbackWarning):
            found = hows(program, [at(name, x0)])
        assert found["mean"] == found["silu"] == {"decomposed"}
        assert found["exp"] == {"fallback"}
        means0 = x0.mean(1)
        equal(program([at(name, x0)])[0], np.exp(means0 / (1 + np.exp(-means0))))
        corex.set_strict(True)
        try:
            with pytest.raises(corex.KernelUnavailableError, match=r"\[sum\]|\[exp\]|\[sigmoid\]"):
                program([at(name, x0)])
        finally:
            corex.set_strict(False)


def test_what_a_result_rule_needs_is_known_to_the_decomposition() -> None:
    g = GraphBuilder("pooled")
    grad = g.input(float32, (1, 1, 2, 2), "grad")
    where_ = g.input(int64, (1, 1, 2, 2), "where")
    y = g.output(float32, (1, 1, 4, 4))
    g.op("max_pool2d_backward", [y], [grad, where_])
    places = np.array([[[[0, 3], [9, 15]]]])
    expected = np.zeros(16, "float32")
    expected[places.ravel()] = values(1, 1, 2, 2).ravel()
    with installed(Bare) as bare, warnings.catch_warnings():
        warnings.simplefilter("ignore", corex.FallbackWarning)
        for name, how in ((bare, "decomposed"), ("cpu_c", "native")):
            program = prepare(g.build([y]), backend=name)
            given = [at(name, values(1, 1, 2, 2)), at(name, places)]
            assert hows(program, given)["max_pool2d_backward"] == {how}
            equal(program(given)[0], expected.reshape(1, 1, 4, 4))


def test_random_numbers_with_a_kernel_or_without(where: str) -> None:
    """Two draws: the second begins where the first ended."""
    g = GraphBuilder("drawn")
    seed, offset = g.number("int", "seed"), g.number("int", "offset")
    y, z = g.output(float32, (2, 3)), g.output(float32, (5,), "z")
    g.op("random_uniform", [y], params=[seed, offset])
    g.op("random_normal", [z], params=[seed, replace(offset, plus=3)])
    program = prepare(g.build([y, z]), backend=where)
    generator = corex.Generator().manual_seed(2**63 + 5)
    expected = [corex.rand(2, 3, generator=generator), corex.randn(5, generator=generator)]
    found = program((), (), {"seed": 2**63 + 5, "offset": 0})
    for t, other in zip(found, expected, strict=True):
        equal(t, other.tolist())


def test_observers_see_the_ops() -> None:
    calls: list[Any] = []
    program = prepare(graphs.counted(), backend="cpu_c")
    state = [corex.zeros(5).to(backend="cpu_c"), corex.tensor(0).to(backend="cpu_c")]
    with corex.observe(calls.append):
        program([at("cpu_c", values(5))], state, {"rate": 2.0, "more": 1})
    names = [call.op for call in calls]
    assert [n for n in names if n != "fill"] == ["copy", "mul", "add", "add", "mul"]
    mul = calls[names.index("mul")]
    assert [spec.shape for spec in (*mul.outputs, *mul.inputs)] == [(5,)] * 3
    assert mul.how == "native"


# ---- memory ------------------------------------------------------------------------------------
def test_parts_of_larger_memory(where: str) -> None:
    """The tensors that are given may begin anywhere."""
    table = at(where, values(4, 6))
    [y] = prepared(graphs.constant(), where)([table[2, 1:4]])
    equal(y, values(4, 6)[2, 1:4] * [1, 2, 3])
    big = at(where, np.zeros(9, "float32"))
    state = [big[3:8], at(where, np.array([5, 6]))[1]]
    prepared(graphs.counted(), where)([at(where, values(5))], state, {"rate": 1.0, "more": 1})
    equal(big, [0, 0, 0, *values(5), 0])
    assert state[1].tolist() == 7


def test_nothing_is_left(each_backend: str) -> None:
    place = place_of(each_backend)
    program = prepare(graphs.layer(), backend=each_backend)
    given = [at(each_backend, t) for t in (values(4, 6), values(6, 8), values(8))]
    program(given)
    gc.collect()
    before = place.backend.memory_stats(0)["allocated_bytes"]
    for _ in range(5):
        program(given)
    gc.collect()
    assert place.backend.memory_stats(0)["allocated_bytes"] == before


def test_calls_from_many_threads(where: str) -> None:
    program = prepared(graphs.layer(), where)
    w, b = values(6, 8), values(8)
    fixed = [at(where, w), at(where, b)]
    wrong: list[Any] = []

    def work(number: int) -> None:
        for i in range(10):
            x = values(4, 6) * (number + i)
            [y] = program([at(where, x), *fixed])
            if not np.allclose(y.tolist(), np.maximum(x @ w + b, 0), rtol=1e-4, atol=1e-5):
                wrong.append((number, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- what is refused ---------------------------------------------------------------------------
@pytest.fixture
def adding() -> Program:
    return prepare(graphs.added(), backend="cpu_c")


def test_wrong_tensors_are_refused(adding: Program) -> None:
    x, b = at("cpu_c", values(2, 3)), at("cpu_c", values(3))
    with pytest.raises(ValueError, match="takes 2 tensors of role input, got 1"):
        adding([x])
    with pytest.raises(ValueError, match=r"input b is float32 of shape \(3,\) .* got float64"):
        adding([x, b.double()])
    with pytest.raises(ValueError, match=r"strides \(3, 1\), got float32 .* strides \(1, 2\)"):
        adding([at("cpu_c", values(3, 2)).t(), b])
    with pytest.raises(ValueError, match="runs on cpu of backend 'cpu_c', got a tensor of cpu of"):
        adding([x, at("reference_py", values(3))])


def test_wrong_numbers_are_refused() -> None:
    program = prepare(graphs.counted(), backend="cpu_c")
    given = [at("cpu_c", values(5))], [at("cpu_c", values(5)), at("cpu_c", np.array(0))]
    with pytest.raises(ValueError, match=r"takes the numbers \['more', 'rate'\], got \['rate'\]"):
        program(*given, {"rate": 1.0})
    with pytest.raises(ValueError, match="more is of kind int, got 1.5"):
        program(*given, {"rate": 1.0, "more": 1.5})


def test_memory_that_is_shared_is_refused() -> None:
    program = prepare(graphs.counted(), backend="cpu_c")
    total, calls = at("cpu_c", values(5)), at("cpu_c", np.array(0))
    with pytest.raises(RuntimeError, match="share memory, and the program writes there"):
        program([total], [total, calls], {"rate": 1.0, "more": 1})
    wide = at("cpu_c", values(6))
    with pytest.raises(RuntimeError, match="x and total share memory|total and x share memory"):
        program([wide[:5]], [wide[1:], calls], {"rate": 1.0, "more": 1})
    adding = prepare(graphs.added(), backend="cpu_c")
    [y] = adding([wide.reshape(2, 3), wide[3:]])  # both are read
    equal(y, values(6).reshape(2, 3) + values(6)[3:])


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(GraphError, match="result 9"):
        prepare(replace(graphs.added(), results=(9,)), backend="cpu_c")


def test_dtypes_that_the_device_does_not_hold_are_refused() -> None:
    class Half(Toy):
        name = "half"

        def dtypes(self, device: int) -> Any:
            return (bool_, int64, float32)

    g = GraphBuilder("wide")
    y = g.output(float64, ())
    g.op("fill", [y], params=[1])
    with installed(Half) as name, pytest.raises(TypeError, match="holds no float64 tensors"):
        prepare(g.build([y]), backend=name)


def test_an_interpreter_is_not_passed_by(adding: Program) -> None:
    given = [at("cpu_c", values(2, 3)), at("cpu_c", values(3))]
    with (
        interpreting(Tape()),
        pytest.raises(RuntimeError, match="runs kernels, which no interpreter"),
    ):
        adding(given)


def test_errors_of_kernels_come_through(where: str) -> None:
    program = prepared(graphs.picked(), where)
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        program([at(where, values(5, 3)), at(where, np.array([7, 0]))])


def test_numbers_that_a_kernel_does_not_take(where: str) -> None:
    """They become views of one element: literal, changing, and beside the other dtype of where."""
    g = GraphBuilder("picky")
    cond, x, n = g.input(bool_, (3,), "cond"), g.input(int64, (3,)), g.number("int", "n")
    t, y = g.temporary(int64, (3,)), g.output(int64, (3,))
    g.op("where", [t], [cond, n, x])
    g.op("sub", [y], [Literal(10), t])
    program = prepare(g.build([y]), backend=where)
    given = [at(where, np.array([True, False, True])), at(where, np.array([1, 2, 3]))]
    for n_ in (7, -7):
        assert program(given, (), {"n": n_})[0].tolist() == [10 - n_, 8, 10 - n_]


def test_a_choice_between_numbers(where: str) -> None:
    g = GraphBuilder("choice")
    cond, y = g.input(bool_, (3,), "cond"), g.output(float32, (3,))
    g.op("where", [y], [cond, 1.5, Literal(-2)])
    [found] = prepare(g.build([y]), backend=where)([at(where, np.array([True, False, True]))])
    assert found.tolist() == [1.5, -2, 1.5]


def test_nothing_takes_no_memory(where: str) -> None:
    g = GraphBuilder("nothing")
    x, t, y = g.input(float32, (0, 3)), g.temporary(float32, (0, 3)), g.output(float32, (3,))
    g.op("neg", [t], [x])
    g.op("sum", [y], [g.view_of(t, (3, 0), (1, 3), 7, "turned")], [1])
    [found] = prepare(g.build([y]), backend=where)([at(where, values(0, 3))])
    assert found.tolist() == [0, 0, 0]


def test_reads_and_writes_are_known() -> None:
    graph = graphs.stepped()
    [op] = graph.ops
    names = [graph.values[i].name for i in written(op)]
    assert names == ["p0", "p1", "m0", "m1"]
    assert [graph.values[i].name for i in read(op)] == ["p0", "p1", "g0", "g1", "m0", "m1"]
    put = graphs.picked().ops[3]
    assert put.outputs[0] in read(put)
