"""Elementwise ops: broadcasting, promotion of all kinds of operands, `out=`, in-place forms."""

from __future__ import annotations

from tests.fuzz.cases.given import ALL_LAYOUTS, DTYPES, LAYOUTS, Shape, Source, text_of

BINARY = """add sub mul div true_divide maximum minimum fmax fmin eq ne lt le gt ge logical_and
    logical_or logical_xor atan2 hypot copysign pow float_power floor_divide remainder fmod
    bitwise_and bitwise_or bitwise_xor xlogy heaviside logaddexp gcd lcm bitwise_left_shift
    bitwise_right_shift nextafter arctan2 special.xlog1py""".split()
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "==", "<", "&", "|", "^", "<<", ">>", "!=", ">="]
UNARY = """abs neg exp sin sqrt sigmoid floor round sign isnan isfinite logical_not bitwise_not log
    tanh square reciprocal rsqrt cos tan trunc frac expm1 log1p erf relu signbit positive ceil
    log2 log10 angle sgn isinf digamma lgamma acos asin atan asinh acosh atanh deg2rad real
    conj exp2 erfc sinc nan_to_num logit i0 resolve_conj isreal""".split()
TERNARY = ["where", "clamp", "lerp", "addcmul", "addcdiv"]
NUMBERS = ("2", "1.5", "True", "-3", "0", "1 + 2j", "300", "-0.5", "False")
SCALARS = ("np.float32(1.5)", "np.int64(3)", "np.float64(-2.5)", "np.int8(2)", "np.bool_(True)")
SHARED = "bitwise logical gcd lcm shift"


def fitting(source: Source, shape: Shape) -> Shape:
    """A shape that broadcasts with another: fewer dims, or dims of size 1; seldom it does not."""
    start = source.below(len(shape) + 1)
    sizes = [1 if source.chance(25) else n for n in shape[start:]]
    if source.mistake(5):
        sizes = [*sizes, 5]
    if not start and source.chance(10):
        sizes = [source.pick((2, 1, 3)), *sizes]
    return tuple(sizes)


def operand(source: Source, shape: Shape, numbers: bool, grad: bool = False) -> str:
    """A tensor that broadcasts to a shape, a 0-d tensor, or a number."""
    kind = source.pick(("tensor", "tensor", "0-d", "number", "tensor"))
    dtype = "float64" if grad else source.pick(DTYPES)
    if kind == "number" and numbers:
        return source.pick(NUMBERS if source.chance(85) else SCALARS)
    if kind == "0-d":
        return text_of(source, (), dtype, grad=grad)
    values = "special" if source.chance(15) and not grad else "plain"
    return text_of(source, fitting(source, shape), dtype, ALL_LAYOUTS, values, grad)


def binary(source: Source) -> str:
    """A function or operator of two operands, of any two dtypes."""
    shape = source.shape(3)
    grad = source.chance(15)
    kind = "apart" if grad else "special" if source.chance(15) else "plain"
    dtype = "float64" if grad else source.pick(DTYPES)
    lines = [f"x = {text_of(source, shape, dtype, ALL_LAYOUTS, kind, grad)}"]
    other = operand(source, shape, True, grad)
    if other.startswith("new"):
        lines += [f"y = {other}"]
        other = "y"
    first, second = ("x", other) if source.chance(75) else (other, "x")
    form = source.pick(("function", "operator", "method", "inplace", "out"))
    name = source.pick(BINARY)
    if form == "operator":
        lines += [f"r = ({first}) {source.pick(OPERATORS)} ({second})"]
    elif form == "function" or "." in name:
        lines += [f"r = lib.{name}({first}, {second})"]
    elif form == "method":
        lines += [f"r = x.{name}({other})"]
    elif form == "inplace":
        name = source.pick(("add", "mul", "sub", "div", "pow", "remainder", "floor_divide", "fmod",
                            "eq", "lt", "logical_and", "bitwise_or", "copysign", "atan2", "xlogy",
                            "bitwise_left_shift", "float_power", "gcd", "hypot", "__iadd__",
                            "__imul__", "__ior__", "__itruediv__"))  # fmt: skip
        method = name if name.startswith("__") else f"{name}_"
        lines += [f"r = x.{method}({other})"]
    else:
        out = text_of(source, source.pick((shape, shape, (2,), (0,))), source.pick(DTYPES), LAYOUTS)
        lines += [f"o = {out}", f"r = lib.{name}({first}, {second}, out=o)"]
    return "\n".join([*lines, "backward(r)"] if grad else lines)


def ternary(source: Source) -> str:
    """where, clamp, lerp, addcmul and their like."""
    shape = source.shape(3)
    grad = source.chance(20)
    name = source.pick(TERNARY)
    lines, given = [], []
    for k, letter in enumerate("xyz"):
        text = operand(source, shape, numbers=k > 0 and name in ("where", "clamp"), grad=grad)
        if name == "where" and not k:
            text = text_of(source, fitting(source, shape), "bool")
        elif not grad and text.startswith("new") and source.chance(50):
            text = text_of(source, fitting(source, shape), "float32")
        if text.startswith("new"):
            lines += [f"{letter} = {text}"]
            text = letter
        given += [text]
    if name == "clamp" and source.chance(20):
        given[source.between(1, 2)] = "None"
    extra = ", value=2" if name.startswith("addc") and source.chance(30) else ""
    lines += [f"r = lib.{name}({', '.join(given)}{extra})"]
    return "\n".join([*lines, "backward(r)"] if grad else lines)


def unary(source: Source) -> str:
    """A function of one tensor of any dtype, in all forms."""
    shape, name = source.shape(3), source.pick(UNARY)
    grad = source.chance(15)
    dtype = source.pick(("float64", "complex128")) if grad else source.pick(DTYPES)
    kind = "apart" if grad else "special" if source.chance(20) else "plain"
    lines = [f"x = {text_of(source, shape, dtype, ALL_LAYOUTS, kind, grad)}"]
    form = source.pick(("function", "method", "inplace", "out"))
    if form == "inplace" and name not in ("isnan", "isfinite", "isinf", "real", "angle", "signbit",
                                          "isreal", "positive"):  # fmt: skip
        lines += [f"r = x.{name}_()"]
    elif form == "out":
        out = text_of(source, source.pick((shape, shape, (2,), (0,))), source.pick(DTYPES), LAYOUTS)
        lines += [f"o = {out}", f"r = lib.{name}(x, out=o)"]
    else:
        lines += [f"r = lib.{name}(x)" if form == "function" else f"r = x.{name}()"]
    return "\n".join([*lines, "backward(r)"] if grad else lines)


def promotion(source: Source) -> str:
    """Questions about dtypes, and conversions from each to each."""
    first, second = (operand(source, source.shape(1), True) for _ in range(2))
    a, b = source.pick(DTYPES), source.pick(DTYPES)
    return source.pick(
        (
            f"r = str(lib.result_type({first}, {second})).split('.')[1]",
            f"r = str(lib.promote_types(lib.{a}, lib.{b})).split('.')[1]",
            f"r = lib.can_cast(lib.{a}, lib.{b})",
            f"x = {text_of(source, source.shape(3), a)}\nr = x.to(lib.{b})",
            f"x = {text_of(source, source.shape(3), a)}\nr = x.type(lib.{b})",
            f"x = {text_of(source, source.shape(2), a)}\n"
            f"y = {text_of(source, source.shape(2), b)}\nr = y.copy_(x)",
            f"x = {text_of(source, (2, 3), a)}\ny = {text_of(source, (1, 3), b)}\n"
            f"r = lib.cat([x, y])",
            f"x = {text_of(source, (2, 3), a)}\nr = x.view(lib.{b})",
            f"x = {text_of(source, (2, 3), a)}\nr = lib.full_like(x, {source.pick(NUMBERS)})",
            f"x = {text_of(source, (2, 3), a)}\nr = x.fill_({source.pick(NUMBERS)})",
            f"x = {text_of(source, (2, 3), a)}\nr = x.masked_fill(x == 1, {source.pick(NUMBERS)})",
        )
    )
