"""Reductions, scans and sorting, against PyTorch: every function, input and form of `dim`."""

from __future__ import annotations

import re

import pytest

from tests.parity.comparison import cases, compare

pytest.importorskip("torch")

NAMES = """
    sum mean prod amax amin argmax argmin any all count_nonzero var std max min logsumexp norm
    aminmax cumsum cumprod sort argsort std_mean var_mean nansum nanmean median
""".split()
INPUTS = "t f32 i u8 m i32 ties s z special t.transpose(0,2) t[:,::2]".split()
DIMS = [
    "", "0", "-1", "1", "dim=0, keepdim=True", "dim=-1, keepdim=True", "(0,1)", "[0,-1]",
    "dim=(0,), keepdim=True", "5", "-4", "(0,0)", "None", "dim=None, keepdim=True", "'a'",
    "0, True", "keepdim=True",
]  # fmt: skip
EXTRA = {
    "var": ["correction=0", "unbiased=False", "0, False", "0, True, True", "False"],
    "norm": ["p=1", "p=inf", "p=-inf", "p=3", "1,0", "'fro'", "2,(0,1)", "p=1.5,dim=0", "p=0.5"],
    "sort": ["descending=True", "dim=0, descending=True", "0, True", "stable=True"],
    "sum": ["()", "axis=0", "dim=0,dtype=float32", "dtype=float64"],
    "prod": ["axis=0", "dtype=float64"],
    "cumsum": ["0,dtype=float64"],
    "cumprod": ["0,dtype=float64"],
    "amax": ["()", "axis=(0,)"],
    "argmax": ["axis=0"],
    "any": ["axis=0"],
    "nansum": ["0,dtype=float64"],
}
EXTRA |= {"std": EXTRA["var"], "std_mean": EXTRA["var"], "var_mean": EXTRA["var"]}
EXTRA |= {"argsort": EXTRA["sort"], "amin": EXTRA["amax"], "argmin": EXTRA["argmax"]}
EXTRA |= {"max": ["axis=1"], "min": ["axis=-1"], "all": EXTRA["any"]}

# Where corex differs on purpose, and why.
QUIRKS = {
    r"^(argmax|argmin|prod|max|min|aminmax)\(.*(\(0|\[0|\(\))": "corex takes several dims, too",
    r"'a'\)$|\(0,0\)\)$": "with two things wrong, corex may complain about another one first",
    r"^(mean|var|std|std_mean|var_mean|nanmean|norm)\((i|u8|m|i32), ": "the same",
    r"^(max|min)\(z, (None|dim=None, keepdim=True|keepdim=True)\)": "the same",
    r"^norm\(.*, (0|0, True|'a'|-4)\)|^norm\(s, -1": "p is a number of elements, or no norm",
    r"^norm\((z|ties), -1\)": "the same",
    r"^(var|std|std_mean|var_mean)\(s.*": "the variance of one element",
    r"^(sum|mean|prod|cumsum)\(.*dtype=float32": "PyTorch rounds the gradient to float32",
    r"^(median|sort|argsort)\((ties|i|u8|m|i32), .*": "order of ties",
    r"^(sort|argsort)\((ties|i|u8|m|i32)\)": "order of ties",
}


def ordinary(code: str) -> bool:
    return not any(re.search(pattern, code) for pattern in QUIRKS)


@pytest.mark.parametrize("name", NAMES)
def test_reduction(name: str) -> None:
    codes = [f"{name}({x}, {dim})" if dim else f"{name}({x})" for x in INPUTS for dim in DIMS]
    codes += [f"{name}({x}, {dim})" for x in ("t", "ties", "z") for dim in EXTRA.get(name, [])]
    codes += [f"{x}.{name}()" for x in ("t", "i", "m")]
    found = [f"{c}: {text}" for c in codes if ordinary(c) and (text := compare(c))]
    assert not found


MORE = cases("""
    topk(t,2)
    topk(t,2,0)
    topk(t,2,dim=0,largest=False)
    topk(t,1,-1,True,False)
    topk(t,9)
    topk(t,-1)
    topk(t,0)
    topk(s,1)
    topk(i.float()+b.float().detach(),k=3)
    kthvalue(t,1)
    kthvalue(t,2,0)
    kthvalue(t,2,1,True)
    kthvalue(t,0)
    kthvalue(t,9)
    kthvalue(s,1)
    sort(i,stable=True), sort(ties,stable=True,dim=0), argsort(i,stable=True)
    sort(ties,stable=True,descending=True)
    sort(special), argsort(special,descending=True)
    sort(m,stable=True), sort(u8)
    median(a), median(a,0), median(a,1,True), median(ties), median(special), median(i)
    median(z)
    max(a), max(a,b), max(a,1), max(a,dim=0,keepdim=True), a.max(), a.max(0), min(input=a,other=b)
    max(ties), min(ties), amax(ties), amin(ties,1), max(ties,0).values
    max(a,1)[0], max(a,1).indices, aminmax(a).min, aminmax(a,dim=0).max
    var(a[:1],0), std(a[:1],0)
    std(a*0), std(a*0+1,0), norm(a*0), norm(a*0,dim=1), norm(a*0,p=3,dim=1), norm(a*0,1)
    var(z,correction=-1), std(z.t(),1,correction=-2.5)
    var(s,correction=0), var_mean(a,1,keepdim=True), std_mean(a,(0,1),correction=0)
    logsumexp(tensor([-inf,-inf]),0), logsumexp(tensor([inf,1.]),0), logsumexp(a*1000,1)
    prod(a*0), prod(ties), prod(ties,1), prod(a[:,:1],1), prod(z), prod(z,0)
    cumsum(t,1), cumsum(t,0), cumsum(i,1), cumsum(m,0), cumsum(s,0), cumsum(z,0), cumsum(z,1)
    cumprod(t,1), cumprod(ties,0), cumprod(i,1), cumprod(s,0), cumprod(z,0), cumprod(a[:,:1],1)
    r0=a*1; r0.cumsum_(1); r0
    r0=a*1; r0.cumprod_(0); r0
    nansum(special), nanmean(special[:8]), nansum(i), nansum(tensor([nan,nan]))
    sum(t.expand(2,2,3,4),(0,2)), sum(c.expand(3,4),1), mean(v.expand(3,4),0)
    sum(f32), mean(f32,0), sum(f32*1e6,dtype=float64)
    sum(u8), sum(m), prod(u8), sum(m,0), mean(m,dtype=float32), mean(i,0,dtype=float64)
    any(special), all(special), any(a>0,1), all(a>-9), any(zeros(0)), all(zeros(0,3),0)
    argmax(tensor([1.,nan,3.,nan])), argmin(tensor([1.,nan,3.,nan])), amax(special), max(special)
    max(tensor([1.,nan,3.]),0), min(special,0)
    argmax(tensor([3,1,3])), argmin(tensor([1,1,0,0])), argmax(zeros(2,2)), argmax(a.t(),1,True)
    argmax(z)
    argmax(z,0)
    argmax(z,1)
    a.sum_to_size(3,1), a.sum_to_size(4), a.sum_to_size((1,1)), a.sum_to_size(3,4)
    a.sum_to_size(2)
    sum(a,(1,0)), a.sum((0,)), a.sum(dim=(0,1),keepdim=True), a.sum(-2), a.mean((-1,-2))
    bincount(at.flatten()), bincount(y,minlength=6), bincount(y,weights=ones(3)), bincount(y[:0])
    bincount(i.flatten())
    bincount(a)
    unique(i), unique(ties), unique(i,return_inverse=True), unique(m), unique(z)
    unique(i,return_inverse=True,return_counts=True), unique(i,sorted=True,return_counts=True)
    unique_consecutive(tensor([1,1,2,2,1])), unique_consecutive(tensor([1,1,2,1]),return_counts=True)
    trace(q), trace(a), trace(i)
    trace(t)
""")  # noqa: E501


@pytest.mark.parametrize("code", MORE)
def test_more(code: str) -> None:
    assert not compare(code)
