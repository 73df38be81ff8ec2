"""What a plugin brought does not outlive it, whoever was asking for it when it went."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pluggy
import pytest

import corex
from corex.backend import Backend, BackendDescriptor, KernelChoice, View
from corex.dispatch import devices as selection
from corex.dispatch.bind import copy, fill
from corex.errors import BackendUnavailableError
from corex.plugins import manager
from corex.tensor import place

hookimpl = pluggy.HookimplMarker("corex")
VALUE = 77.0


class Strange:
    """Kernels that write 77 everywhere; each question of the dispatcher is told to `asked`."""

    def __init__(self, only: str = "") -> None:
        self.only = only
        self.asked: Callable[[str], object] = lambda op: None

    @hookimpl
    def corex_select_kernel(self, backend: str, op: str, dtypes: tuple) -> KernelChoice | None:
        if backend not in ("reference_py", "cpu_c") or op not in (
            [self.only] if self.only else OPS
        ):
            return None
        self.asked(op)
        write = corex.plugins.manager.backend(backend).select("fill", (dtypes[0],)).run

        def run(out: View | list[View], *rest: object) -> None:
            for target in out if isinstance(out, list) else [out]:
                write(target, VALUE)

        return KernelChoice(run)


def _step(a: corex.Tensor) -> corex.Tensor:
    corex.sgd_step_([a], [a], [None], 0.0, 0.0, 0.0, 0.0, False, False, True)
    return a


def _filled(a: corex.Tensor) -> corex.Tensor:
    fill(a, 5.0)
    return a


def _copied(a: corex.Tensor) -> corex.Tensor:
    target = corex.zeros_like(a)
    copy(target, a)
    return target


OPS: dict[str, Callable[[corex.Tensor], corex.Tensor]] = {
    "neg": lambda a: -a,  # a direct kernel
    "add": lambda a: a + corex.ones(2, 1),  # the key's table, by broadcasting
    "mul": lambda a: a.mul_(a.exp()),  # the key's table, in place
    "isnan": lambda a: a.isnan().float(),  # the place's table
    "sum": lambda a: a.sum(),
    "softmax": lambda a: a.softmax(1),
    "matmul": lambda a: a @ a.t(),
    "index": lambda a: a[corex.tensor([1, 0])],
    "fill": _filled,
    "copy": _copied,
}


@pytest.fixture
def strange() -> Iterator[Strange]:
    plugin = Strange()
    manager.register(plugin, "strange")
    yield plugin
    if "strange" in manager.plugins():
        manager.unregister(plugin)


def _unregister_while_asked(plugin: Strange, op: str) -> Callable[[str], None]:
    """In the middle of the first question about `op`, another thread removes the plugin."""
    done = []

    def asked(about: str) -> None:
        if about == op and not done:
            done.append(1)
            thread = threading.Thread(target=manager.unregister, args=(plugin,))
            thread.start()
            thread.join()

    return asked


@pytest.mark.parametrize("op", OPS)
def test_a_kernel_that_was_asked_for_when_its_plugin_went_is_not_kept(
    each_backend: str, strange: Strange, op: str
) -> None:
    a = corex.tensor([[0.5, 1.0], [2.0, -3.0]])
    strange.only = op
    strange.asked = _unregister_while_asked(strange, op)
    OPS[op](a.clone())  # answered by the plugin, which was there when it was asked
    assert "strange" not in manager.plugins()
    after = OPS[op](a.clone()).tolist()
    selection.forget_kernels()
    assert after == OPS[op](a.clone()).tolist()
    assert str(VALUE) not in str(after)


def test_a_kernel_that_was_asked_for_when_its_plugin_came_is_not_kept(each_backend: str) -> None:
    a = corex.ones(2, 2)
    plugin = Strange("sum")

    class Late:
        """Is asked first, and lets a plugin with precedence come meanwhile."""

        corex_priority = -1

        @hookimpl
        def corex_select_kernel(self, op: str) -> None:
            if op == "sum" and "strange" not in manager.plugins():
                thread = threading.Thread(target=manager.register, args=(plugin, "strange"))
                thread.start()
                thread.join()

    manager.register(Late(), "late")
    try:
        a.sum()
        assert a.sum().item() == VALUE
    finally:
        manager.unregister("late")
        manager.unregister(plugin)


def test_observers_see_every_call_from_the_moment_they_listen(each_backend: str) -> None:
    a, seen = corex.ones(2, 2), []
    listening = []

    class Slow:
        @hookimpl
        def corex_select_kernel(self, op: str) -> None:
            if op == "exp" and not listening:
                listening.append(corex.observe(seen.append))
                thread = threading.Thread(target=listening[0].__enter__)
                thread.start()
                thread.join()

    manager.register(Slow(), "slow")
    try:
        a.exp()
        seen.clear()
        a.exp()
        assert [event.op for event in seen] == ["exp"]
    finally:
        listening[0].__exit__(None, None, None)
        manager.unregister("slow")


def test_threads_that_compute_while_plugins_come_and_go(each_backend: str) -> None:
    a = corex.tensor([[0.5, 1.0], [2.0, -3.0]])
    right = {op: OPS[op](a.clone()).tolist() for op in OPS}
    plugin, wrong, rounds = Strange(), [], 12
    barrier = threading.Barrier(4)

    def compute() -> None:
        with corex.use_backend(each_backend):
            for _ in range(rounds):
                barrier.wait()  # the plugin comes and goes
                for op in OPS:
                    OPS[op](a.clone())
                barrier.wait()  # it has gone
                wrong.extend(op for op in OPS if OPS[op](a.clone()).tolist() != right[op])
                barrier.wait()

    threads = [threading.Thread(target=compute) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(rounds):
        manager.register(plugin, "strange")
        barrier.wait()
        manager.unregister(plugin)
        barrier.wait()
        barrier.wait()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- backends ---------------------------------------------------------------------------------
class Memory(Backend):
    """Host memory without kernels."""

    name = "forgotten"
    device_type = "cpu"

    def allocate(
        self, nbytes: int, device: int, dtype: object = None, shape: object = None
    ) -> bytearray:
        return bytearray(nbytes)

    def nbytes(self, buffer: bytearray) -> int:
        return len(buffer)

    def copy_from_host(self, buffer: bytearray, offset: int, data: memoryview) -> None:
        buffer[offset : offset + len(data)] = data

    def copy_to_host(self, buffer: bytearray, offset: int, data: memoryview) -> None:
        data[:] = buffer[offset : offset + len(data)]


class Bringer:
    def __init__(self, probed: Callable[[], object] = lambda: None) -> None:
        self.probed = probed

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        def probe() -> None:
            self.probed()

        return [BackendDescriptor("forgotten", "cpu", probe, Memory, 1000)]


def test_the_usual_backend_is_not_one_that_went_while_it_was_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COREX_BACKEND", raising=False)
    monkeypatch.setattr(selection, "_default", [])
    plugin = Bringer()
    choose = manager.default_backend_name

    def slow() -> str:
        found = choose()
        if "bringer" in manager.plugins():
            thread = threading.Thread(target=manager.unregister, args=(plugin,))
            thread.start()
            thread.join()
        return found

    manager.register(plugin, "bringer")
    monkeypatch.setattr(manager, "default_backend_name", slow)
    monkeypatch.setattr(selection._current, "stack", ())
    assert selection.get_backend() == "forgotten"  # asked while it was there
    assert selection.get_backend() != "forgotten"
    assert corex.ones(2).backend == selection.get_backend()


def test_no_new_tensor_is_made_on_a_backend_that_has_gone() -> None:
    plugin = Bringer()
    manager.register(plugin, "bringer")
    with corex.use_backend("forgotten"):
        corex.empty(2)
        manager.unregister(plugin)
        with pytest.raises(BackendUnavailableError, match="forgotten"):
            corex.empty(2)
        with pytest.raises(BackendUnavailableError, match="forgotten"):
            corex.empty(2, device="cpu", backend="forgotten")
        manager.register(plugin, "bringer")
        fresh = corex.empty(2)
        assert manager.holds(fresh.key.place.backend)
        manager.unregister(plugin)


def test_a_place_made_while_its_plugin_went_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = Bringer()
    manager.register(plugin, "bringer")
    make = place.Place.__init__

    def slow(self: place.Place, *arguments: object) -> None:
        make(self, *arguments)
        manager.unregister(plugin)

    monkeypatch.setattr(selection.Place, "__init__", slow)
    selection.place_of("forgotten")
    monkeypatch.undo()
    assert ("forgotten", 0) not in selection._places


def test_the_backends_are_never_seen_by_halves() -> None:
    stop, problems = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            names = manager.descriptors()
            problems.extend({"cpu_c", "reference_py"} - names.keys())

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(50):
        manager.register(plugin := Bringer(), "bringer")
        manager.unregister(plugin)
    stop.set()
    thread.join()
    assert problems == []
