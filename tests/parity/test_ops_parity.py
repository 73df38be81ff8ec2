"""Elementwise functions, methods, in-place forms and operators, against PyTorch.

Every function is called on every kind of input; each test collects all differences of one function.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

import corex
from tests.parity.comparison import Outcome, compare

pytest.importorskip("torch")

UNARY = """
    neg abs sign square floor ceil round trunc sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10
    log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid erf erfc relu frac
    sinc deg2rad rad2deg positive negative absolute arcsin arccosh fix logical_not bitwise_not isnan
    isinf isfinite signbit isposinf isneginf nan_to_num clone
""".split()
UNARY_INPUTS = """
    a unit pos big special f32 i i32 u8 m t.transpose(0,2) a[::2] c.expand(3,4) z s
""".split()

BINARY = """
    add sub mul div floor_divide remainder fmod pow maximum minimum fmax fmin atan2 hypot copysign
    eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor
    bitwise_left_shift bitwise_right_shift logaddexp logaddexp2 xlogy heaviside float_power rsub
    true_divide subtract multiply divide arctan2 greater greater_equal less less_equal not_equal
    max min dist
""".split()
BINARY_INPUTS = [
    "a,b", "a,c", "a,v", "c,v", "s,a", "a,s", "pos,a", "pos,pos*2", "i,j", "a,i", "i,a", "u8,i32",
    "i32,i", "m,i", "m,m", "i,m", "m,a", "f32,a", "special,special2", "special2,special", "z,v",
    "a,2", "a,2.5", "a,True", "i,2", "i,2.5", "i,True", "u8,3", "m,True", "m,2", "m,1.5",
    "ties,ties.t().reshape(3,4)", "a,a", "a.t(),k[:,:3]", "a,r", "a,None", "a,'x'", "2,a", "2.5,i",
    "2,i", "True,m", "i,-1", "a,-1", "pos,0", "a,0", "s,s", "i[0,0],a", "i,s",
    "a[:, ::2],b[:, 1::2]", "c.expand(3,4),b",
]  # fmt: skip
IN_PLACE = [
    "r0=a*1; r0.{0}_(b); r0", "r0=a*1; r0.{0}_(2); r0", "r0=pos*1; r0.{0}_(v); r0",
    "r0=c*1; r0.{0}_(a); r0", "r0=i*1; r0.{0}_(j); r0", "r0=i*1; r0.{0}_(2.5); r0",
    "r0=m.clone(); r0.{0}_(m); r0", "r0=pos.detach().clone(); r0.{0}_(i); r0",
    "r0=pos.detach().clone(); r0.{0}_(a); r0", "r0=pos*1; r0[0].{0}_(v); r0",
    "r0=pos*1; r0.{0}_(r0.detach().clone()); r0",
]  # fmt: skip

OPERATORS = "+ - * / // % ** & | ^ << >> == != < <= > >= @".split()
OPERANDS = [
    "a,b", "a,v", "i,j", "m,m", "m,i", "a,2", "2,a", "2.5,a", "i,2", "2,i", "True,i", "a,None",
    "None,a", "'x',a", "a,[1,2,3,4]", "i,2.5", "m,2", "u8,1", "1.5,m", "s,a", "a,np.float64(2)",
    "i,np.int64(2)", "np.float64(2),a", "pos,-1", "i,-1", "pos,.5", "a,k", "a,t",
]  # fmt: skip

# Where corex differs on purpose, and why.
QUIRKS = {
    r"floor_divide|//": "no derivative in PyTorch; ZeroDivisionError, as in Python",
    r"(remainder|fmod)\(.*(i(32)?,|,i|,m|zeros)": "ZeroDivisionError, as in Python",
    r"remainder\(2(\.5)?,a|(2|2\.5|np\.float64\(2\))(\*1; r0)? %=? a": "PyTorch has no derivative",
    r"r0=(2|2\.5|np\.float64\(2\))\*1; r0 %= a": "PyTorch has no derivative",
    r"2 % i|True % i|m % i|i % m|r0=.* %= [im]": "ZeroDivisionError, as in Python",
    r"square": "PyTorch squares booleans as integers",
    r"signbit.*out=": "out may have any dtype that bool casts to",
    r"(sub|subtract|rsub).*(m|True)|-=? (m|True)|(m|True)(\*1; r0 -=| - )": "1 - mask is allowed",
    r"r0=.*\.(eq|ne|[lg][te]|greater|greater_equal|less|less_equal|not_equal)_": "no zeros left",
    r"r0=.*\.logical_\w+_": "PyTorch lets the gradient pass through a logical op in place",
    r"heaviside": "PyTorch has no derivative",
    r"(atan2|arctan2)\((m,a|f32,a)": "PyTorch negates the boolean; it rounds to float32 in between",
    r"hypot_|atan2_\(2.5|arctan2_\(2.5": "another error type",
    r"(max|min)\((a|i),2\.5\)": "another error type",
    r"xlogy|float_power|dist": "numbers and integers in more places",
    r"\.detach\(\)\.clone\(\); r0\.(fmax|fmin|maximum|minimum)_": "has no in-place form",
    r"logaddexp2?\(m,a": "PyTorch negates the boolean",
    r"pow_\(i\)|\*\*=|m \*\* 2.5": "checks in another order",
}


def ordinary(code: str) -> bool:
    return not any(re.search(pattern, code) for pattern in QUIRKS)


def differences(codes: list[str]) -> list[str]:
    found = []
    for code in codes:
        if ordinary(code) and (text := compare(code)):
            found.append(f"{code}: {text}")
    return found


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    codes = [f"{name}({x})" for x in UNARY_INPUTS]
    codes += [f"{name}(input=a)", f"a.{name}()"]
    if name != "clone":
        codes += [f"r0={x}; r0.{name}_(); r0" for x in ("a*1", "i*1", "m.clone()", "t.mT*1")]
    if name not in ("relu", "clone", "nan_to_num", "positive") and not name.startswith("is"):
        codes.append(f"{name}(a.detach(), out=zeros(3,4,dtype=float64))")
    if name in ("erfc", "frac", "sinc", "deg2rad", "rad2deg"):
        codes.pop()  # compositions have no out=
    assert not differences(codes)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    codes = [f"{name}({operands})" for operands in BINARY_INPUTS]
    codes += [f"a.{name}(b)", f"a.{name}(2)", f"{name}(input=a, other=b)"]
    if name == "float_power":
        codes[-1] = "float_power(input=a, exponent=b)"
    if name in ("rsub", "heaviside"):
        codes = codes[:-3]
    if name in ("pow", "heaviside"):
        codes = [code for code in codes if "other=" not in code]
    assert not differences(codes)


@pytest.mark.parametrize(
    "name",
    [n for n in BINARY if n not in ("maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2",
                                    "rsub", "max", "min", "dist")],
)  # fmt: skip
def test_in_place(name: str) -> None:
    assert not differences([code.format(name) for code in IN_PLACE])


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators(operator: str) -> None:
    codes = []
    for pair in OPERANDS:
        left, right = pair.split(",", 1)
        codes.append(f"{left} {operator} {right}")
        if operator not in ("==", "!=", "<", "<=", ">", ">=", "@"):
            codes.append(f"r0={left}*1; r0 {operator}= {right}; r0")
    assert not differences(codes)


MORE = """
    add(a,b,alpha=2)
    add(i,j,alpha=2)
    add(i,j,alpha=2.5)
    sub(a,v,alpha=-0.5)
    a.add(b,alpha=3), a.sub(2,alpha=3)
    r0=a*1; r0.add_(b,alpha=2); r0
    r0=a*1; r0.sub_(b,alpha=s.item()); r0
    div(a,b,rounding_mode='floor')
    div(a,b,rounding_mode='trunc')
    div(i,j,rounding_mode='trunc')
    div(i,j,rounding_mode='floor')
    div(i,j,rounding_mode='foo')
    div(a,0.7,rounding_mode='trunc')
    r0=a*1; r0.div_(b,rounding_mode='trunc'); r0
    r0=i*1; r0.div_(j,rounding_mode='trunc'); r0
    r0=i*1; r0.div_(j); r0
    round(a,decimals=1)
    round(a*100,decimals=-1)
    a.round(decimals=2)
    pow(pos,2), pow(pos,3), pow(pos,0.5), pow(pos,-1), pow(2,a), pow(2.5,i), pow(pos,i)
    pow(a,0), pow(a,1), pow(a,2.0), pow(i,0), pow(i,2.0), pow(i,0.5), pow(m,2), pow(u8,2)
    pow(a*0,2), pow(a*0,0), pow(pos*0,a*0)
    pow(2,3)
    2**i, (-2)**i, 2.0**i, True**i
    abs(a*0), (a*0).sqrt(), (a*0).sign()
    addcmul(a,b,v), addcmul(a,b,v,value=0.5), addcmul(i,j,j,value=2), addcmul(c,v,s)
    addcmul(a,b,k)
    addcdiv(a,b,pos), addcdiv(a,b,pos,value=-2), addcdiv(a,b,v,value=2)
    addcdiv(i,j,j)
    r0=a*1; r0.addcmul_(a,b,value=2); r0
    r0=a*1; r0.addcdiv_(b,pos,value=3); r0
    lerp(a,b,0.3), lerp(a,b,unit), lerp(a,b,s), lerp(a,v,0.7), lerp(c,b,0.5)
    lerp(a,k,0.7)
    lerp(i,j,0.5)
    lerp(a,f32,.5)
    r0=a*1; r0.lerp_(b,0.9); r0
    heaviside(ties.detach(),v.detach())
    heaviside(ties.detach(),i)
    xlogy(a,pos), xlogy(ties,pos), xlogy(a,2.0), xlogy(2,pos)
    logaddexp(a,b), logaddexp(a,a), logaddexp2(a,v), logaddexp(special,special2)
    logaddexp(i,j)
    logit(prob), logit(a,eps=0.1), logit(prob,0.2)
    float_power(pos,2), float_power(i,j), float_power(2,i)
    dist(a,b), dist(a,b,1), dist(a,b,inf)
    clamp(a,-1,1), clamp(a,b,b+1), clamp(ties,-1,1), clamp(i,0.5), clamp(u8,3,100), clamp(special,0,1)
    erfc(tensor([0.,1.,2.,2.5,3.,5.,8.,20.,27.,-3.,inf,-inf,nan],dtype=float64))
    sinc(tensor([0.,1e-9,0.5,1.,2.,-0.3],dtype=float64))
    add(a,b,out=zeros(3,4)), add(i,j,out=zeros(3,4))
    add(a.detach(),b.detach(),out=zeros(3,4))
    add(a.detach(),b.detach(),out=zeros(0))
    add(a.detach(),b.detach(),out=zeros(3,4,dtype=int64))
    add(i,j,out=zeros(3,4,dtype=bool))
    add(i,2.5,out=zeros(3,4,dtype=int32))
    mul(i,j,out=zeros(4,3).t())
    r0=zeros(4,3,dtype=float64).t(); add(a.detach(),1,out=r0); r0
    r0=a.detach().clone(); add(r0,r0,out=r0); r0
    r0=a.detach().clone(); r0.mul_(r0); r0
    r0=a*1; r0.mul_(r0); r0
    a.add_(1)
    a[0].add_(1)
    a.detach().expand(2,3,4).add_(1)
    s.expand(3).add_(1)
    result_type(a,2), result_type(i,2.5), result_type(i,s), result_type(u8,i32), result_type(m,True)
    can_cast(float32,int64), can_cast(int64,float32), can_cast(int64,uint8), can_cast(bool,uint8)
    promote_types(int32,float32), promote_types(uint8,int32), promote_types(bool,bool)
""".strip().splitlines()  # noqa: E501

# PyTorch refuses overlaps of dense layouts; the others, which it does not find, corex copies first.
REFUSED = [
    "r0=a.detach().clone(); add(r0[1:],1,out=r0[:-1]); r0",
    "r0=a.detach().clone(); r0[1:].add_(r0[:-1]); r0[1:]",
    "r0=a.detach().clone(); r0[1:].add_(r0[:-1], alpha=2); r0[1:]",
    "r0=q.detach().clone(); r0.add_(r0.t()); r0",
    "r0=q.detach().clone(); r0.mul_(r0[0]); r0",
    "r0=q.detach().clone(); r0.mul_(r0[0,0]); r0",
    "r0=q.detach().clone(); r0.lerp_(r0.t(), 0.5); r0",
    "r0=q.detach().clone(); r0[1:].copy_(r0[:-1]); r0",
    "r0=q.detach().clone(); r0[1:]=r0[:-1]; r0",
    "r0=q.detach().clone(); r0[None].copy_(r0); r0",
]
OVERLAPS = {
    "r0=a.detach().clone(); r0[:,1:].copy_(r0[:,:-1]); r0[:,1:]": "a[:,:-1]*1",
    "r0=a.detach().clone(); r0[:,:-1]=r0[:,1:]; r0[:,:-1]": "a[:,1:]*1",
}


@pytest.mark.parametrize("code", REFUSED)
def test_overlapping_writes_that_are_refused(code: str) -> None:
    assert not compare(code)
    assert Outcome(corex, code, False, False).error == "RuntimeError"


@pytest.mark.parametrize("code", OVERLAPS)
def test_overlapping_writes(code: str) -> None:
    got = Outcome(corex, code, False, False).value
    want = Outcome(corex, OVERLAPS[code], False, False).value["values"]
    rows = got["values"][: len(want)]
    np.testing.assert_array_equal(rows, want)


@pytest.mark.parametrize("code", [line.strip() for line in MORE])
def test_more(code: str) -> None:
    assert not compare(code)
