"""Ten plugins at once, with several broken; and what is forgotten when plugins come and go."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

import corex
from corex import cli
from corex.backend import BackendDescriptor, KernelChoice, View
from corex.errors import BackendUnavailableError
from corex.ops import NewOp
from corex.plugins import hookimpl, manager
from corex.tensor.schema import OpSchema
from tests.dispatch.test_bring_up import Memory, MemoryPlugin
from tests.plugins.test_faults import BROKEN, HEAD
from tests.plugins.world import World


class Full:
    """Implements every hook, counts the calls, and answers with things of its own name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: dict[str, int] = {}

    def count(self, hook: str) -> None:
        self.calls[hook] = self.calls.get(hook, 0) + 1

    @hookimpl
    def corex_backends(self) -> Sequence[BackendDescriptor]:
        self.count("backends")
        backend = type("Own", (Memory,), {"name": self.name, "device_type": self.name})
        return [BackendDescriptor(self.name, self.name, lambda: None, backend)]

    @hookimpl
    def corex_select_kernel(self, backend: str, op: str) -> KernelChoice | None:
        self.count("select")
        return None

    @hookimpl
    def corex_ops(self) -> Sequence[object]:
        self.count("ops")
        return [NewOp(OpSchema(f"{self.name}_op", ("a",), decomposition=_twice, family="unary"))]

    @hookimpl
    def corex_op_observer(self) -> None:
        self.count("observer")

    @hookimpl
    def corex_conformance_cases(self) -> Sequence[object]:
        self.count("cases")
        return []


def _twice(a: Any) -> Any:
    return a + a


@pytest.fixture
def full() -> Iterator[list[Full]]:
    """Ten plugins that implement every hook."""
    plugins = [Full(f"full{number}") for number in range(10)]
    for plugin in plugins:
        manager.register(plugin, plugin.name)
    yield plugins
    for plugin in plugins:
        manager.unregister(plugin)


def counted(plugins: list[Full]) -> list[dict[str, int]]:
    return [dict(plugin.calls) for plugin in plugins]


def test_plugins_are_not_asked_again_after_the_first_dispatch(
    full: list[Full], each_backend: str
) -> None:
    weight = corex.ones(3, 2, requires_grad=True)
    optimizer = corex.optim.SGD([weight], lr=0.1)

    def program() -> None:
        a = corex.ones(4, 3)
        b = a + a
        b = (b @ weight).exp().T.sum(0)
        b = b + corex.ops.full3_op(b)
        b[0] = 1.0
        b.softmax(0).mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    program()
    before = counted(full)
    for _ in range(5):
        program()
    assert counted(full) == before
    assert all(calls["ops"] == 1 for calls in before)
    assert all(calls["backends"] == 1 for calls in before)


def test_ten_plugins_leave_the_short_cuts_open(full: list[Full]) -> None:
    with corex.use_backend("cpu_c"):
        a = corex.ones(4)
        assert a.key.direct["add"] is not None
    assert len(full) == 10


def test_working_plugins_among_broken_ones(world: World) -> None:
    good = ["alpha", "beta", "gamma"]
    for name in good:
        world.good(name, extra=OPS.format(name=name))
    broken = dict(itertools.islice(BROKEN.items(), 14))
    for number, (source, target, _, _) in enumerate(broken.values()):
        name = f"bad{number:02}"
        world.install(name, HEAD + source, target and target.replace("broken", name))
    world.install("raising", HEAD + "@hookimpl\ndef corex_ops(): raise OSError('no table')")
    world.install("refused", HEAD + "@hookimpl\ndef corex_ops(): return [3]")
    world.install("deaf", HEAD + "@hookimpl\ndef corex_op_observer(): return 3")
    world.install("picky", HEAD + "@hookimpl\ndef corex_select_kernel(op): return 3")
    output = world.run("""
        import corex
        from corex.plugins import manager
        for name in ("alpha", "beta", "gamma"):
            assert getattr(corex.ops, f"{name}_op")(corex.tensor([2.0])).tolist() == [4]
            assert manager.backend(name).name == name
        print(*sorted({fault.plugin for fault in manager.faults()}))
    """)
    expected = [f"bad{number:02}" for number in range(14)]
    assert output.split() == sorted([*expected, "raising", "refused", "deaf", "picky"])


OPS = """
    from corex.ops import NewOp
    from corex.ops import OpSchema

    @hookimpl
    def corex_ops():
        return [NewOp(OpSchema("{name}_op", ("a",), decomposition=lambda a: a + a,
                               family="unary"))]
"""


def test_the_command_lists_them_all_one_line_each(world: World) -> None:
    world.good("alpha", extra=OPS.format(name="alpha"))
    world.install(
        "faster",
        HEAD + "@hookimpl\ndef corex_select_kernel(backend, op, dtypes):\n"
        "    if (backend, op) == ('reference_py', 'exp') and len(dtypes) == 2:\n"
        "        return KernelChoice(print)\n"
        "@hookimpl\ndef corex_op_observer(): return None\n"
        "corex_priority = 3",
    )
    for number, (source, target, _, _) in enumerate(BROKEN.values()):
        name = f"bad{number:02}"
        world.install(name, HEAD + source, target and target.replace("broken", name))
    out = world.run("from corex.cli import main; main(['backends', '--ops', '--verbose'])")
    assert "alpha_op" in out
    out = world.run("from corex.cli import main; main(['backends'])")
    blocks = out.split("\n\n")
    [plugins] = [block for block in blocks if block.startswith("plugins")]
    rows = [" ".join(line.split()) for line in plugins.splitlines()[2:]]
    assert rows[0] == ("faster faster 1.5 3 kernels for exp on reference_py; an observer of ops")
    assert "alpha alpha 1.5 0 backend alpha; op alpha_op" in rows
    [faults] = [block for block in blocks if block.startswith("plugin faults")]
    lines = faults.splitlines()[2:]
    assert len(lines) == len(BROKEN) >= 12
    assert all(line.startswith("bad") for line in lines)
    assert len({line.index(line.split()[1]) for line in lines}) == 1  # in columns


def test_a_removed_override_gives_the_old_kernel_back(each_backend: str) -> None:
    fill = manager.backend(each_backend).kernels["fill"]

    class Faster:
        def __init__(self, value: float, priority: int = 0) -> None:
            self.value = value
            self.corex_priority = priority

        @hookimpl
        def corex_select_kernel(self, op: str) -> KernelChoice | None:
            return KernelChoice(self.kernel) if op in ("add", "exp") else None

        def kernel(self, out: View, *_: View) -> None:
            fill(out, self.value)

    a = corex.zeros(2)
    model = corex.zeros(2, requires_grad=True)
    programs: list[Callable[[], Any]] = [
        lambda: a + a,
        a.exp,
        lambda: a.clone().add_(a),
        lambda: corex.zeros(2, 2).T.exp()[0],
        lambda: (model + model).detach(),
        lambda: a + corex.zeros(1),
    ]
    before = [program().tolist() for program in programs]
    low, high = Faster(7), Faster(8, 1)
    manager.register(low, "low")
    assert [program().tolist() for program in programs] == [[7, 7]] * len(programs)
    manager.register(high, "high")
    assert [program().tolist() for program in programs] == [[8, 8]] * len(programs)
    manager.unregister("high")
    assert [program().tolist() for program in programs] == [[7, 7]] * len(programs)
    manager.unregister("low")
    assert [program().tolist() for program in programs] == before


def test_an_override_that_declines_leads_to_the_next_in_line(each_backend: str) -> None:
    fill = manager.backend(each_backend).kernels["fill"]

    class Faster:
        def __init__(self, value: float, size: int) -> None:
            self.value, self.size = value, size

        @hookimpl
        def corex_select_kernel(self, op: str) -> KernelChoice | None:
            return KernelChoice(self.kernel, self.accepts) if op == "exp" else None

        def kernel(self, out: View, a: View) -> None:
            fill(out, self.value)

        def accepts(self, out: View, a: View) -> bool:
            return a[2][0] >= self.size

    manager.register(Faster(3, 3), "three")
    manager.register(Faster(2, 2), "two")
    try:
        with corex.placement() as report:
            assert corex.zeros(3).exp().tolist() == [3] * 3
            assert corex.zeros(2).exp().tolist() == [2] * 2
            assert corex.zeros(1).exp().tolist() == [1]
            assert corex.zeros(1).exp_().tolist() == [1]
        found = {row.reason: row.calls for row in report.rows() if row.op == "exp"}
        assert found == {
            "kernel of plugin 'three'": 1,
            "kernel of plugin 'two', as plugin 'three' declined this layout": 1,
            "kernel, as plugin 'three' and plugin 'two' declined this layout": 2,
        }
    finally:
        manager.unregister("three")
        manager.unregister("two")


@pytest.mark.filterwarnings("ignore::corex.FallbackWarning")
def test_a_removed_backend_is_unknown_and_its_tensors_stay_usable() -> None:
    manager.register(MemoryPlugin(), "memory")
    a = corex.ones(2, device="memory")
    a.exp()
    manager.unregister("memory")
    with pytest.raises(BackendUnavailableError, match="'memory'"):
        corex.ones(2, device="memory")
    with pytest.raises(BackendUnavailableError, match="no plugin brings it"):
        corex.ones(2, backend="memory")
    assert (a + a).sin().tolist() == pytest.approx([0.909297427] * 2)
    assert a.cpu().tolist() == [1, 1]
    manager.register(MemoryPlugin(), "memory")
    try:
        assert corex.ones(2, device="memory").tolist() == [1, 1]
    finally:
        manager.unregister("memory")
    del a
    gc.collect()


def test_disabled_plugins_of_every_kind(world: World) -> None:
    world.good("alpha", extra=OPS.format(name="alpha"))
    world.install("loud", HEAD + "@hookimpl\ndef corex_op_observer(): return print")
    world.install("picky", HEAD + "@hookimpl\ndef corex_select_kernel(op): return 3")
    program = """
        import corex
        from corex.plugins import manager
        corex.ones(2)
        print(hasattr(corex.ops, "alpha_op"), len(manager.faults()), *sorted(manager.disabled()))
    """
    assert world.run(program).startswith("OpCall(op='fill'")
    output = world.run(program, COREX_DISABLE="alpha, loud ,picky")
    assert output == "False 0 alpha loud picky\n"


def test_the_command_marks_what_is_usable(capsys: pytest.CaptureFixture[str]) -> None:
    manager.register(Full("whole"), "whole")
    try:
        assert cli.main(["backends"]) == 0
    finally:
        manager.unregister("whole")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "whole whole basic available" in lines
    assert (
        "whole - 0 backend whole; op whole_op; kernels for no op of a usable backend; "
        "an observer of ops; conformance cases"
    ) in lines
