"""Indexing along a dim, by a vector or element by element, with many shapes, against PyTorch."""

from __future__ import annotations

from itertools import product

import pytest

from tests.parity.comparison import compare

torch = pytest.importorskip("torch")

SELVES = ["s*1", "v*1", "a*1", "i.clone()", "m.clone()"]
DIMS = [0, 1, -1]
POSITIONS = ["0", "[0]", "[2,0]", "[0,0]", "[1]", "[9]", "[-1]", "[[0]]", "[]"]
SOURCES = ["s", "v[:1]", "v[:2]", "v[:0]", "a[:1]", "a[:2]", "a[:,:1]", "a[:,:2]", "a[:1,:1]"]
BEYOND = ("[9]", "[-1]")  # PyTorch's class depends on the dims


def index(positions: str, dtype: str = "int64") -> str:
    return f"tensor({positions},dtype={dtype})"


def source(text: str, self: str) -> str:
    """A source of the tensor's dtype."""
    return f"({text}).to(({self}).dtype)"


@pytest.mark.parametrize("self", SELVES)
@pytest.mark.parametrize("op", ["index_add", "index_copy"])
def test_with_a_source(op: str, self: str) -> None:
    different = []
    gradients = self != "s*1"  # PyTorch has none for several positions
    for dim, at, given in product(DIMS, POSITIONS, SOURCES):
        if op == "index_add" and (at in BEYOND or given == "s"):
            continue
        for name in (op, f"{op}_"):
            code = f"({self}).{name}({dim},{index(at)},{source(given, self)})"
            text = compare(code, gradients=gradients)
            different += [f"{code}: {text}"] if text else []
    assert different == []


@pytest.mark.parametrize("self", SELVES)
def test_without_a_source(self: str) -> None:
    different = []
    for dim, at in product(DIMS, POSITIONS):
        calls = [
            f"index_fill({dim},{index(at)},3)",
            f"index_fill_({dim},{index(at)},3)",
            f"index_fill({dim},{index(at)},tensor(3))",
        ]
        if at not in BEYOND:
            calls.append(f"index_select({dim},{index(at)})")
        for call in calls:
            code = f"({self}).{call}"
            text = compare(code)
            different += [f"{code}: {text}"] if text else []
    assert different == []


@pytest.mark.parametrize(
    "code",
    [
        "s.index_add(0,{},s)",
        "s.index_add(0,{},s,alpha=2)",
        "s.index_select(0,tensor([1]))",
        "a.index_add(0,tensor([True,False,True]),a[:2])",
        "a.index_fill(0,tensor([True,False,True]),3)",
        "a.index_copy(0,tensor([True,False,True]),a[:2])",
        "a.index_add(0,tensor([0],dtype=uint8),a[:1])",
        "a.index_fill(0,tensor([0],dtype=uint8),3)",
        "a.index_copy(0,tensor([0],dtype=uint8),a[:1])",
        "a.index_add(0,tensor([0.0]),a[:1])",
        "a.index_fill(0,tensor([0.0]),3)",
        "a.index_copy(0,tensor([0.0]),a[:1])",
        "a.index_fill(0,{},v[:1].detach())",
        "a.index_copy(0,{},a[:1].float())",
        "r0=s*1; r0[None][0].index_fill_(0,{},2); r0",
        "r0=(v*1).detach(); r0[3].index_fill_(0,{},2); r0",
        "v[2].index_fill_(0,{},2)",
        "r0=a*1; r0.select(1,0)[1].index_fill_(0,{},2); r0",
        # Nothing there is refused before shapes are compared.
        "z.detach().index_put_((tensor([0]),),z.detach())",
        "z.detach()[tensor([0,0])]=a.detach()",
        "z.detach().index_put_((tensor([0]),),a.detach()[:1],accumulate=True)",
        "r0=zeros(3,0,2); r0[tensor([0]),tensor([0])]=zeros(5,5)",
        "r0=zeros(3,0,2); r0[tensor([0])]=zeros(5,5)",
        "r0=zeros(0,2); r0[tensor([],dtype=int64)]=zeros(1,2); r0",
        "zeros(0,2)[tensor([0])]",
    ],
)
def test_one(code: str) -> None:
    assert not compare(code.format(index("[0]")))


@pytest.mark.parametrize("op", ["index_add", "index_select"])
@pytest.mark.parametrize("at", BEYOND)
def test_out_of_range(op: str, at: str) -> None:
    import corex

    a = corex.ones(3, 4)
    positions = corex.tensor(eval(at))
    with pytest.raises(IndexError):
        a.index_add(0, positions, a[:1]) if op == "index_add" else a.index_select(0, positions)


# ---- element by element ------------------------------------------------------------------------
GRIDS = [*POSITIONS[:-1], "[[0,1]]", "[[0,1],[1,0]]", "[]", "[[],[]]"]


@pytest.mark.parametrize("self", ["s*1", "v*1", "a*1", "a[:0]", "i.clone()"])
@pytest.mark.parametrize("op", ["scatter", "scatter_add"])
def test_scatter(op: str, self: str) -> None:
    different = []
    fits = SOURCES[1:] if self not in ("s*1", "v*1") else SOURCES  # else of another class
    for dim, at, given in product(DIMS, GRIDS, fits):
        if self[0] in "ai" and "v" in given and at != "[]":
            continue
        code = f"({self}).{op}({dim},{index(at)},{source(given, self)})"
        text = compare(code, gradients=False)  # PyTorch's need a source of the index's shape
        different += [f"{code}: {text}"] if text else []
    assert different == []


@pytest.mark.parametrize("self", ["s*1", "v*1", "a*1", "a[:0]", "i.clone()"])
def test_gather(self: str) -> None:
    different = []
    for dim, at in product(DIMS, GRIDS):
        calls = [f"gather({dim},{index(at)})", f"scatter({dim},{index(at)},3)"]
        if at not in BEYOND and self != "s*1":
            calls.append(f"take_along_dim({index(at)},{dim})")
        for call in calls:
            code = f"({self}).{call}"
            text = compare(code)
            different += [f"{code}: {text}"] if text else []
    assert different == []


def test_take_along_the_dim_of_a_number() -> None:
    import corex

    for library in (corex, torch):
        number, first = library.tensor(2.5), library.tensor(0)
        assert library.take_along_dim(number, first).tolist() == [2.5]
        for dim in (0, -1):
            with pytest.raises(IndexError):
                number.take_along_dim(first, dim)
        with pytest.raises(RuntimeError):
            number.take_along_dim(library.tensor([0]), 0)
