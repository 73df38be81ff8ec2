"""Families of ops that are loaded when one of their names is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import corex
from corex.generated import Table
from corex.ops import late
from tools import late_names

PROGRAMS = {
    "nothing is loaded by the import": """
        import sys, corex
        from corex.ops import late
        assert not {f"corex.ops.{name}" for name in late.FAMILIES} & set(sys.modules)
    """,
    "a function, a method, one of a class": """
        import corex
        assert corex.ones(3).cumsum(0).tolist() == [1, 2, 3]
        assert corex.cumsum(corex.ones(3), 0).tolist() == [1, 2, 3]
        assert corex.Tensor.std is corex.Tensor.__dict__["std"]
        assert corex.Tensor.triu_(corex.ones(2, 2)).tolist() == [[1, 1], [0, 1]]
        assert corex.ops.bincount is corex.bincount is vars(corex)["bincount"]
    """,
    "names are there before": """
        import corex
        for name in corex.ops.functions.names():
            assert name in dir(corex) and name in corex.__all__ and name in dir(corex.ops)
        for name in corex.ops.methods.names():
            assert name in dir(corex.Tensor)
        assert "softmax" in corex.ops.functions and "std" in dir(corex.ones(1))
    """,
    "a subclass that calls the method it overrides": """
        import corex
        class Loud(corex.Tensor):
            def std(self, *args):
                return super().std(*args) + 1
        assert corex.ones(3).as_subclass(Loud).std().item() == 1
    """,
    "what a program puts there stays": """
        import corex
        corex.std, corex.Tensor.var = 1, 2
        corex.std_mean(corex.ones(3))
        assert corex.std == 1 and corex.Tensor.var == 2 and corex.ops.std is not corex.std
    """,
    "the registry": """
        import corex
        from corex.tensor.schema import REGISTRY
        assert "softmax" in REGISTRY and REGISTRY.get("gelu").name == "gelu"
        assert REGISTRY.get("nonsense") is None
        try:
            REGISTRY["nonsense"]
        except KeyError:
            pass
        assert len(list(REGISTRY)) == len(REGISTRY) == len(dict(REGISTRY)) == len({**REGISTRY})
        assert REGISTRY["max_pool2d"] in list(REGISTRY.values())
    """,
    "from corex import": """
        from corex import *
        from corex import softmax
        assert einsum("i->", ones(3)).item() == 3
    """,
    "unknown names": """
        import corex
        for owner in (corex, corex.Tensor, corex.ones(1), corex.ops):
            assert not hasattr(owner, "nonsense")
    """,
    "a function through pickle": """
        import pickle, corex
        assert pickle.loads(b"ccorex\\nsoftmax\\n.") is corex.softmax
        assert pickle.loads(pickle.dumps(corex.stack)) is corex.stack
    """,
    "two threads": """
        import threading, corex
        names = [n for n in corex.ops.functions.names() if not corex.ops.functions.has(n)]
        start, found = threading.Barrier(4), [[] for _ in range(4)]
        def look(k):
            start.wait()
            for name in names[k % 2 :: 2] + names[1 - k % 2 :: 2]:
                found[k].append((name, getattr(corex, name)))
        threads = [threading.Thread(target=look, args=(k,)) for k in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert all(dict(f) == dict(found[0]) and len(f) == len(names) for f in found)
    """,
    "a plugin's op cannot have such a name": """
        import corex
        from corex.ops import extension
        assert "softmax" in extension._reserved and "gelu" in extension._reserved
    """,
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_in_a_process_of_its_own(name: str) -> None:
    lines = [line[8:] for line in PROGRAMS[name].splitlines()]
    ran = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_the_names_are_written_down() -> None:
    assert late_names.path().read_text() == late_names.written(), "run `make stubs`"


def test_all_is_loaded_in_the_end() -> None:
    corex.ops.functions.complete()
    corex.ops.methods.complete()
    for family in late.FAMILIES:
        assert f"corex.ops.{family}" in sys.modules
    for name in corex.ops.methods:
        assert not isinstance(vars(corex.Tensor)[name], late.Later)


def test_a_table_completes_itself() -> None:
    def load() -> None:
        loads.append(1)
        table.update(b=2, c=3)

    looks = [
        list, len, dict, repr, lambda t: t == {}, lambda t: list(t.items()), lambda t: t | {},
        lambda t: {} | t, lambda t: list(t.values()), lambda t: t["b"], lambda t: t.get("c"), set,
        sorted, lambda t: {**t}, lambda t: list(t.keys()), lambda t: t.complete(),
    ]  # fmt: skip
    for look in looks:
        loads: list[int] = []
        table: Table[int] = Table({"a": 1})
        table.expect(["b", "c"], load)
        assert table["a"] == 1
        assert table.get("a") == 1
        assert "b" in table
        assert "d" not in table
        assert table.names() == ["a", "b", "c"]
        assert not table.has("b")
        assert not loads
        look(table)
        assert table.has("b")
        assert loads == [1]
        assert list(table.items()) == [("a", 1), ("b", 2), ("c", 3)]
    with pytest.raises(KeyError, match="d"):
        table["d"]
