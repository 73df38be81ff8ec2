"""Indexing, get and set, against PyTorch: a table of all forms, and random combinations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.parity.comparison import compare

pytest.importorskip("torch")

MATRIX = """
    0 | -1 | 2 | 3 | -4 | True | False | None | ... | : | ::2 | 1: | :-1 | -2: | 5: | 2:1 | -10:10
    1:2,1:3 | :,1 | ...,1 | ...,0:2 | 0,... | None,0 | 0,None | :,None | None,...,None | ...,None
    0,1 | -1,-1 | 0,1,2 | (0,1) | [0,1] | [0,2,0] | [-1] | [] | [0,1],[1,2] | [0,1],[[1],[2]]
    [0,1],1 | 1,[0,1] | :,[0,1] | [0,1],: | ::2,[0,1] | [[0]],[1,2] | None,[0,1] | [0,1],None
    [0,1],None,[1,2] | [0,1],...,[1,2] | ...,[1,2] | [True,False,True] | [True,False]
    [0,1],[True,True,False,False] | m | m,0 | mr | mr,0 | 0,mv | :,mv | mr,mv | mr[:2] | mr,[0,1]
    ~m | m.t() | at[:,0] | at,at | at[:2,:2],at[:2,:2] | ic,y | ic,: | iv[iv<3] | iv | jv | jv,0
    :,jv | -1,jv | tensor(1) | tensor(-1) | tensor([1]) | tensor([5]) | tensor([-4]) | tensor(True)
    tensor(False) | tensor([True,False,True]) | tensor(1.0) | tensor([1.0]) | tensor([],dtype=int64)
    tensor([],dtype=int64),0 | tensor([0,1],dtype=int32) | np.array([0,1]) | np.int64(1) | 1.0 | {}
    np.array([True,False,True]) | (slice(None),[0,1]) | tensor(1): | tensor(0):tensor(2)
    :,tensor([1,0]),None | True,0 | 0,True | True,[0,1] | False,[0] | None,None | range(2)
    :,range(2) | (tensor([0,1]),tensor([1,0])) | [tensor([0,1]),tensor([1,0])]
    [tensor(0),tensor(1)] | [slice(0,1)] | [None] | [...] | slice(0,2) | y:
    zeros(0,4,dtype=bool) | zeros(3,4,dtype=bool)
    zeros(3,dtype=bool) | ones(3,4,dtype=bool),0 | m,None | None,m | m[None],0 | [0,1],m[0] | 1:,[0]
"""
CUBE = """
    0,[0,1],[1,2] | [0,1],:,[1,2] | [0,1],[0,2],[1,3] | :,[0,2],[1,3] | [0,1],[0,2]
    [[0],[1]],:,[[1,2]] | 0,:,[1,2] | :,0,[1,2] | [1,0],0 | [1,0],0,: | [1,0],:,0 | 0,:,0
    :,[0,1],0 | 0,[0,1],: | ...,[0,1],: | [0,1],None,None,:,[1,2] | None,[0,1],:,[1,2]
    [0,1],1:,[1,2] | 1:,[0,1],::2 | ::1,mr,[1] | :,mr | :,mr,:2 | :,m | 0,m | ones(2,3,dtype=bool)
    ones(2,3,dtype=bool),[0] | :,:,mv | :,mr,mv | [True,False],:,mv | [1],...,mv | ...,mr,0
    1,mr,1:3 | :,ic,y | ic[:,0],ic,y | [0,1,0],[0,1,2],0 | ic[:,0]*0,:,ic[:,0]
"""
GET = ["a[{0}]", "i[{0}]", "a.t()[{0}]", "a[{0}].sum()", "m[{0}]", "z[{0}]"]
SET = [
    "r0=a*1; r0[{0}]=5; r0",
    "r0=a*1; r0[{0}]=s; r0",
    "r1=a.detach()[{0}]; r0=a*1; r0[{0}]=r1*2; r0",
    "r1=a.detach()[{0}]; r0=(a*1).t().clone().t(); r0[{0}]=r1*b.sum(); r0",
    "r0=i.clone(); r0[{0}]=2.5; r0",
    "r0=i.clone(); r0[{0}]=True; r0",
    "r0=a.detach().clone(); r0[{0}]+=1; r0",
    "r0=a*1; r0[{0}]*=b[{0}]; r0",
    "r0=a*1; r0[{0}]=v; r0",
    "r0=a*1; r0[{0}]=None; r0",
    "r0=a*1; r0[{0}]=np.float64(3); r0",
    "r0=a*1; r1=r0[1:]; r0[{0}]=7; r1.sum()",
]
SET_CUBE = [
    "r0={1}*1; r0[{0}]=3.5; r0",
    "r0={1}*1; r0[{0}]=s; r0",
    "r0={1}*1; r0[{0}]=r0.detach()[{0}]*s; r0",
    "r0={1}*1; r1=r0[1:]; r0[{0}]=7; r1.sum()",
    "r0=({1}*1).detach(); r0[{0}]+=1; r0",
]
# A write at `False` writes nothing, and PyTorch does not record it.
UNRECORDED = {"False", "tensor(False)", "False,[0]"}


def indices(table: str) -> list[str]:
    return [
        part.strip() for line in table.splitlines() for part in line.split(" | ") if part.strip()
    ]


@pytest.mark.parametrize("index", indices(MATRIX))
def test_get(index: str) -> None:
    found = [code for case in GET if (text := compare(code := case.format(index)))]
    assert not found, text


@pytest.mark.parametrize("index", indices(MATRIX))
def test_set(index: str) -> None:
    for case in SET:
        code = case.format(index)
        gradients = index not in UNRECORDED
        assert not compare(code, gradients=gradients), code


@pytest.mark.parametrize("index", indices(CUBE))
def test_three_dims(index: str) -> None:
    for source in ("t", "t.transpose(0,1).contiguous().transpose(0,1)"):
        for code in [f"{source}[{index}]", *[case.format(index, source) for case in SET_CUBE]]:
            assert not compare(code), code


@pytest.mark.parametrize(
    "code",
    [
        "r0=a*1; r0[[0,1]]=i[[0,1]]; r0",
        "r0=i.clone(); r0[mr]=f32[mr]; r0",
        "r0=a*1; r0[m]=tensor(2); r0",
        "r0=a*1; r0[0]=i[0]; r0",
        "r0=i.clone(); r0[:,1]=f32[:,1]; r0",
        "r0=a*1; r0[:2]=k; r0",
        "r0=a*1; r0[0]=b[None,None,0]; r0",
        "r0=a*1; r0[[0,1]]=b[None,:2]; r0",
        "r0=a*1; r0[...]=b; r0",
        "r0=a*1; r0[:]=v; r0",
        "a[0]=1",
        "a[[0]]=1",
        "a[m]=1",
        "r0=a.detach(); r0[0]=b[0]; r0",
        "r0=a.detach().clone(); r0[mv.expand(3,4)]=0; r0",
        "r0=ones(3,1).expand(3,4); r0[0]=1",
        "a[:0].index_put_((tensor([0]),),a[:0])",
        "a[:0][[0]]=a[0]",
        "a[0,0].index_fill_(0,tensor([0]),2)",
        "r0=(a*1)[:0]; r0.index_put_((tensor([0]),),r0*2)",
        "r0=(a*1)[:0]; r0[[0,0]]=r0*2",
        "a['x']",
        "a[0,'x']",
        "a[object()]",
    ],
)
def test_values(code: str) -> None:
    assert not compare(code)


# A list of lists is one index tensor, as NumPy has it and PyTorch has announced.
@pytest.mark.parametrize("index", ["[[0,1],[1,2]]", "[[0,1]]", "[[0],[1]]"])
def test_nested_lists(index: str) -> None:
    import corex

    a = corex.arange(12).reshape(3, 4)
    assert corex.equal(a[eval(index)], a[corex.tensor(eval(index))])


# ---- random combinations ---------------------------------------------------------------------
SHAPE = (3, 2, 4)


@st.composite
def one_index(draw: Any, size: int) -> str:
    kind = draw(st.sampled_from(["int", "slice", "list", "mask", "tensor"]))
    if kind == "int":
        return str(draw(st.integers(-size, size - 1)))
    if kind == "slice":
        bound = st.none() | st.integers(-size - 1, size + 1)
        start, stop = draw(bound), draw(bound)
        step = draw(st.integers(1, 3))
        return f"{'' if start is None else start}:{'' if stop is None else stop}:{step}"
    entries = st.lists(st.integers(-size, size - 1), min_size=2, max_size=2)
    if kind == "list":
        return str(draw(entries))
    if kind == "tensor":
        return f"tensor({[draw(entries) for _ in range(draw(st.integers(1, 2)))]})"
    flags = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return f"tensor({flags})"


@st.composite
def whole_index(draw: Any) -> str:
    count = draw(st.integers(0, len(SHAPE)))
    at_end = draw(st.booleans())
    sizes = SHAPE[len(SHAPE) - count :] if at_end else SHAPE[:count]
    items = [draw(one_index(size)) for size in sizes]
    if at_end:
        items.insert(0, "...")
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), "None")
    return (
        ", ".join(items)
        if len(items) != 1
        else f"({items[0]},)"
        if ":" not in items[0]
        else items[0]
    )


BASE = "r0=arange(24.0,dtype=float64).reshape(3,2,4).{0}*s"


@settings(max_examples=250, derandomize=True, deadline=None, database=None)
@given(index=whole_index(), layout=st.sampled_from(["clone()", "mT.clone().mT", "flip(0)"]))
def test_random_get(index: str, layout: str) -> None:
    code = f"{BASE.format(layout)}; r0[{index or '()'}]"
    assert not compare(code), code


@settings(max_examples=250, derandomize=True, deadline=None, database=None)
@given(index=whole_index(), layout=st.sampled_from(["clone()", "mT.clone().mT", "flip(0)"]))
def test_random_set(index: str, layout: str) -> None:
    index = index or "()"
    # Values that do not depend on the order of writes to equal positions.
    code = f"{BASE.format(layout)}; r0[{index}]=r0.detach()[{index}]*2+s*0+1; r0"
    if "tensor([[" in index or "[" in index:
        code = f"{BASE.format(layout)}; r0[{index}]=s*3; r0"
    assert not compare(code), code


SIZES = st.lists(st.sampled_from([0, 1, 1, 2, 3]), max_size=4)


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(first=SIZES, second=SIZES, third=SIZES)
def test_random_broadcasting(first: list[int], second: list[int], third: list[int]) -> None:
    def make(sizes: list[int]) -> str:
        return f"arange(1.0,{max(1, _count(sizes)) + 1})[:{_count(sizes)}].reshape({tuple(sizes)})"

    a, b, c = make(first), make(second), make(third)
    for code in (
        f"r0=({a}).requires_grad_(); r1=({b}).requires_grad_(); (r0*r1).sum().backward(); "
        f"r0*r1, r0.grad, r1.grad",
        f"where({a}>2,{b},{c})",
        f"r0={a}; r0.add_({b}); r0",
        f"broadcast_tensors({a},{b},{c})",
        f"clamp({a},{b},{c})",
    ):
        assert not compare(code), code


def _count(sizes: list[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result
