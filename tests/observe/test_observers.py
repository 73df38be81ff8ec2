"""Observers of ops: what they are told, when they listen, and what happens when they fail."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import corex
from corex import OpCall
from corex.observe.events import Allocation, TensorSpec, Transfer
from corex.observe.placement import Placed
from corex.plugins import hookimpl, manager
from corex.tensor import place
from tests.dispatch.test_bring_up import MemoryPlugin


class Tracer:
    """A plugin whose observer is whatever `observer` is when it is asked."""

    def __init__(self, observer: object) -> None:
        self.observer = observer
        self.asked = 0

    @hookimpl
    def corex_op_observer(self) -> object:
        self.asked += 1
        return self.observer


@pytest.fixture
def register() -> Iterator[Callable[..., Tracer]]:
    names = []

    def add(observer: object, name: str = "tracer") -> Tracer:
        plugin = Tracer(observer)
        manager.register(plugin, name)
        names.append(name)
        return plugin

    yield add
    for name in names:
        if name in manager.plugins():
            manager.unregister(name)
    assert not place.observers


Register = Callable[..., Tracer]


def events(program: Callable[[], object]) -> list[OpCall]:
    found: list[OpCall] = []
    with corex.observe(found.append):
        program()
    return found


def f32(*shape: int, strides: tuple[int, ...] | None = None) -> TensorSpec:
    return TensorSpec("float32", shape, strides)


# ---- what is told ----------------------------------------------------------------------------
def test_a_native_call(each_backend: str) -> None:
    a = corex.ones(2, 3)
    b = corex.ones(3)
    [event] = events(lambda: a + b)
    assert event[:9] == (
        "add", each_backend, "cpu", "native", "kernel",
        (f32(2, 3),), (f32(2, 3), f32(2, 3, strides=(0, 1))), (), 0,
    )  # fmt: skip
    assert event.nbytes == 3 * 24
    assert event.thread == threading.get_ident()
    assert event.stream is None
    assert event.seconds is not None
    assert event.seconds > 0
    [event] = events(lambda: a.T.sum(0))
    assert (event.op, event.inputs, event.params) == ("sum", (f32(2, 3),), (1,))
    [event] = events(a[:, ::2].exp)
    assert event.inputs == (f32(2, 2, strides=(3, 2)),)


@pytest.mark.usefixtures("each_backend")
def test_fast_paths_are_told_too() -> None:
    a = corex.ones(2, 2)
    model = corex.nn.Linear(2, 2)
    optimizer = corex.optim.SGD(model.parameters(), lr=0.1)

    def program() -> None:
        a.add_(a)
        a.zero_()
        (a * 2).tanh()
        model(a).mean().backward()
        optimizer.step()
        a[corex.tensor([0, 1])] = 1.0
        a.scatter_add(1, corex.tensor([[0], [1]]), a)
        corex.rand(2)

    names = {event.op for event in events(program)}
    assert names >= {"add", "fill", "mul", "tanh", "linear", "mean", "sgd_step", "index_put"}
    assert names >= {"scatter_add", "random_uniform"}


def test_lists_and_indices_are_inputs() -> None:
    with corex.use_backend("cpu_c"):
        weights = [corex.ones(2), corex.ones(3)]
        grads = [corex.ones(2), corex.ones(3)]
        step = events(lambda: corex.ops.sgd_step_(weights, grads, [], lr=0.5))[0]
        assert step.outputs == ((f32(2), f32(3)),)
        assert step.inputs == ((f32(2), f32(3)), ())
        assert step.params[0] == 0.5
        a = corex.zeros(4, 2)
        where = corex.tensor([1, 3])
        told = events(lambda: a.index_put_((where,), corex.ones(2, 2)))
        put = next(event for event in told if event.op == "index_put")
        assert put.outputs == (f32(4, 2),)
        assert put.inputs == (f32(2, 2), TensorSpec("int64", (2,)))
        assert put.params == (False,)


def test_an_absent_input_is_none() -> None:
    with corex.use_backend("cpu_c"):
        a = corex.ones(2, 3)
        told = events(lambda: corex.nn.functional.layer_norm(a, (3,)))
        norm = next(event for event in told if event.op == "layer_norm")
        assert norm.inputs == (f32(2, 3), None, None)


def test_a_decomposed_op_comes_before_its_parts() -> None:
    with corex.use_backend("reference_py"):
        a = corex.ones(2)
        told = events(lambda: corex.nn.functional.silu(a))
    assert [(event.op, event.how) for event in told] == [
        ("silu", "decomposed"),
        ("sigmoid", "native"),
        ("mul", "native"),
    ]
    assert told[0].outputs == told[0].inputs == (f32(2),)
    assert "has no kernel 'silu'" in told[0].reason


@pytest.mark.filterwarnings("ignore::corex.FallbackWarning")
def test_a_fallback_tells_what_it_moved() -> None:
    manager.register(MemoryPlugin(), "memory")
    try:
        a = corex.ones(2, 3, device="memory")
        index = corex.tensor([0, 1], device="memory")
        with corex.placement() as found:
            a.exp()
            a.exp()
            a.sin()
            a[index] = 2.0
        rows = {row.op: row for row in found.rows()}
        assert (rows["exp"].how, rows["exp"].calls, rows["exp"].moved) == ("fallback", 2, 2 * 72)
        assert (rows["sin"].calls, rows["sin"].moved) == (1, 72)
        assert rows["index_put"].how == "fallback"
        assert a.tolist() == [[2] * 3] * 2
    finally:
        manager.unregister("memory")


# ---- who listens -----------------------------------------------------------------------------
def test_short_cuts_are_open_again_when_nobody_listens() -> None:
    with corex.use_backend("cpu_c"):
        a = corex.ones(2)
        assert a.key.direct["add"] is not None
        with corex.placement():
            assert a.key.direct["add"] is None
        assert a.key.direct["add"] is not None


def test_nested_reports_and_repeated_rows() -> None:
    a = corex.ones(2)
    with corex.placement() as outer:
        a.exp()
        with corex.placement() as inner:
            a.exp()
            a.exp()
        a.sin()
    assert [(row.op, row.calls) for row in outer.rows()] == [("exp", 3), ("sin", 1)]
    assert [(row.op, row.calls) for row in inner.rows()] == [("exp", 2)]
    assert outer.counts == {Placed(*row[:4]): row.calls for row in outer.rows()}
    assert str(inner).splitlines()[0].split() == [
        *("op", "backend", "how", "calls", "bytes", "moved", "why"),
    ]
    assert len(str(outer).splitlines()) == 3


def test_a_report_counts_every_thread() -> None:
    a = corex.ones(2)

    def work() -> None:
        for _ in range(200):
            a.exp()

    with corex.placement() as found:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    [row] = found.rows()
    assert row.calls == 800


def test_a_report_ends_when_its_block_raises() -> None:
    a = corex.ones(2)
    with contextlib.suppress(ZeroDivisionError), corex.placement() as found:
        a.exp()
        _ = 1 / 0
    a.exp()
    assert found.rows()[0].calls == 1
    assert not place.observers


def test_what_an_observer_computes_is_not_told() -> None:
    a = corex.ones(2)
    seen = []

    def observer(event: OpCall) -> None:
        seen.append(event.op)
        (a + a).exp()

    with corex.observe(observer):
        a.sin()
    assert seen == ["sin"]


def test_a_function_that_raises_is_heard_of_at_the_end() -> None:
    a = corex.ones(2)
    calls = []

    def observer(event: OpCall) -> None:
        calls.append(event)
        raise LookupError("no room")

    def program(divisor: int) -> None:
        with corex.observe(observer):
            assert a.exp().tolist() == pytest.approx([2.718281828] * 2)
            assert not place.observers
            a.sin()
            assert 1 / divisor

    with pytest.raises(LookupError, match="no room"):
        program(1)
    assert len(calls) == 1
    with pytest.raises(ZeroDivisionError):
        program(0)
    with pytest.raises(TypeError, match="takes a function"):
        corex.observe(3).__enter__()  # type: ignore[arg-type]


# ---- plugins ---------------------------------------------------------------------------------
def test_an_observer_of_a_plugin_listens_while_it_is_registered(register: Register) -> None:
    found: list[OpCall] = []
    plugin = register(found.append)
    a = corex.ones(2)
    a.exp()
    assert [event.op for event in found] == ["fill", "exp"]
    manager.unregister(plugin)
    a.exp()
    assert len(found) == 2
    manager.register(plugin, "tracer")
    a.exp()
    assert len(found) == 3


def test_none_means_not_now_and_is_asked_again(register: Register) -> None:
    found: list[OpCall] = []
    plugin = register(None)
    assert not place.observers
    plugin.observer = found.append
    register(None, "another")
    assert place.observers
    corex.ones(2)
    assert [event.op for event in found] == ["fill"]
    plugin.observer = None
    manager.unregister("another")
    assert not place.observers
    assert plugin.asked == 3


def test_an_observer_that_raises_is_dropped_with_a_fault(register: Register) -> None:
    def broken(event: OpCall) -> None:
        raise LookupError(event.op)

    found: list[OpCall] = []
    plugin = register(broken, "broken")
    register(found.append)
    a = corex.ones(2)
    assert a.exp().tolist() == pytest.approx([2.718281828] * 2)
    [fault] = [fault for fault in manager.faults() if fault.plugin == "broken"]
    assert fault.stage == "corex_op_observer"
    assert fault.summary() == "LookupError: fill"
    assert [event.op for event in found] == ["fill", "exp"]
    register(None, "another")  # the same function stays out,
    a.exp()
    assert [fault for fault in manager.faults() if fault.plugin == "broken"] == [fault]
    plugin.observer = found.append  # a new one comes in
    manager.unregister("another")
    assert not [fault for fault in manager.faults() if fault.plugin == "broken"]
    del found[:]
    a.exp()
    assert len(found) == 2


@pytest.mark.parametrize(
    ("observer", "message"), [(5, "callable or None, got 5"), ("x", "callable or None, got 'x'")]
)
def test_an_answer_that_cannot_be_called_is_a_fault(
    register: Register, observer: object, message: str
) -> None:
    register(observer, "odd")
    [fault] = [fault for fault in manager.faults() if fault.plugin == "odd"]
    assert message in fault.summary()
    assert not place.observers


def test_a_hook_that_raises_is_a_fault() -> None:
    class Raising:
        @hookimpl
        def corex_op_observer(self) -> object:
            raise OSError("no socket")

    manager.register(Raising(), "raising")
    try:
        [fault] = [fault for fault in manager.faults() if fault.plugin == "raising"]
        assert fault.summary() == "OSError: no socket"
        corex.ones(2).exp()
    finally:
        manager.unregister("raising")


# ---- COREX_DEBUG=placement -------------------------------------------------------------------
def run(program: str, **environment: str) -> Any:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_environment_asks_for_a_report_at_exit() -> None:
    program = "import corex; a = corex.ones(2); (a + a).exp(); print('done')"
    found = run(program, COREX_DEBUG="traceback,placement", COREX_BACKEND="reference_py")
    assert found.stdout == "done\n"
    title, head, *rows = found.stderr.splitlines()
    assert title == "placement of ops:"
    assert head.split()[:3] == ["op", "backend", "how"]
    assert [row.split()[:4] for row in rows] == [
        [op, "reference_py", "native", "1"] for op in ("fill", "add", "exp")
    ]
    assert run(program, COREX_DEBUG="traceback").stderr == ""


# ---- begin and end ---------------------------------------------------------------------------
class Everything:
    """An observer that takes notes of all there is to hear."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []
        self.events: list[Any] = []

    def begin(self, event: OpCall) -> None:
        self.notes.append(("begin", event.op))
        assert event.seconds is None

    def end(self, event: OpCall) -> None:
        self.notes.append(("end", event.op))
        self.events.append(event)

    def transfer(self, event: Transfer) -> None:
        self.notes.append(("transfer", f"{event.source} to {event.target}"))
        self.events.append(event)

    def allocation(self, event: Allocation) -> None:
        self.notes.append(("allocation", str(event.nbytes)))


def test_begin_and_end_enclose_an_op_and_its_parts() -> None:
    seen = Everything()
    with corex.use_backend("reference_py"):
        a = corex.ones(2)
        with corex.observe(seen):
            corex.nn.functional.silu(a)
    assert [note for note in seen.notes if note[0] != "allocation"] == [
        ("begin", "silu"), ("begin", "sigmoid"), ("end", "sigmoid"),
        ("begin", "mul"), ("end", "mul"), ("end", "silu"),
    ]  # fmt: skip
    sigmoid, mul, silu = seen.events
    assert silu.seconds >= sigmoid.seconds + mul.seconds
    assert silu.start <= sigmoid.start <= mul.start
    assert not silu.error


def test_an_op_that_raises_has_an_end_with_its_error() -> None:
    seen, calls = Everything(), []
    with corex.use_backend("cpu_c"):
        a, index = corex.ones(2), corex.tensor([5])
        with corex.observe(seen), corex.observe(calls.append), pytest.raises(IndexError):
            a[index]
    ends = [event for event in seen.events if event.error]
    assert [event.op for event in ends] == ["index"]
    assert ends[0].error.startswith("IndexError: index 5 is out of bounds")
    assert len([n for n in seen.notes if n[0] == "begin"]) == len(seen.events)
    assert "index" not in [event.op for event in calls]


def test_memory_of_results_is_told() -> None:
    with corex.use_backend("cpu_c"):
        a = corex.ones(3, 4)
        seen = Everything()
        with corex.observe(seen):
            a.exp()
            corex.zeros(5)
    assert [n for n in seen.notes if n[0] == "allocation"] == [
        ("allocation", "48"), ("allocation", "20"),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore::corex.FallbackWarning")
def test_copies_between_devices_are_told_and_counted() -> None:
    manager.register(MemoryPlugin(), "memory")
    try:
        seen = Everything()
        a = corex.ones(2, 3)
        with corex.placement() as found, corex.observe(seen):
            there = a.to("memory")
            there.exp()
            there.to("cpu")
            there.tolist()
            corex.tensor([1.0, 2.0], device="memory")
        told = [e for e in seen.events if isinstance(e, Transfer)]
        asked = [(e.source, e.target, e.nbytes) for e in told if not e.op]
        device = str(there.device)
        assert asked == [
            ("cpu", device, 24), (device, "cpu", 24), (device, "host", 24), ("host", device, 8),
        ]  # fmt: skip
        assert {e.op for e in told} == {"", "exp"}
        assert all(e.seconds >= 0 for e in told)
        rows = {row.reason: row for row in found.rows() if row.how == "copy"}
        assert (rows[f"cpu to {device}"].calls, rows[f"cpu to {device}"].moved) == (1, 24)
        assert len(rows) == 4
    finally:
        manager.unregister("memory")


def test_an_object_with_nothing_to_call_is_refused() -> None:
    with pytest.raises(TypeError, match="takes a function"):
        corex.observe(object()).__enter__()


def test_an_end_that_raises_ends_the_observer_alone() -> None:
    class Broken(Everything):
        def end(self, event: OpCall) -> None:
            raise LookupError("no room")

    a = corex.ones(2)
    broken = Broken()

    def program() -> None:
        with corex.observe(broken):
            assert a.exp().tolist() == pytest.approx([2.718281828] * 2)
            a.sin()

    with pytest.raises(LookupError, match="no room"):
        program()
    assert [note for note in broken.notes if note[0] == "begin"] == [("begin", "exp")]
