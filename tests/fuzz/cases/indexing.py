"""Indexing, get and set: every mix of what may stand in the brackets, right and wrong."""

from __future__ import annotations

from tests.fuzz.cases.given import ALL_LAYOUTS, DTYPES, LAYOUTS, Shape, Source, text_of

INDEX_DTYPES = ("int32", "int64", "uint8")
WRONG_DTYPES = ("int8", "int16", "float32", "complex64")


def _integer(source: Source, size: int) -> int:
    if source.mistake(4):
        return source.pick((size, -size - 1, 100))
    return source.between(-size, size - 1) if size else source.pick((0, -1))


def _slice(source: Source, size: int) -> str:
    bound = [*range(-size - 1, size + 2)]
    start, stop = ("" if source.chance(40) else str(source.pick(bound)) for _ in range(2))
    step = (
        ""
        if source.chance(50)
        else ":" + str(source.pick((0, -1) if source.mistake(5) else (1, 2, 3, 7)))
    )
    return f"{start}:{stop}{step}"


def _distinct(source: Source, size: int, count: int) -> list[int]:
    """Positions that are all different, counted from either end."""
    found = source.order(size)[:count]
    return [n - size if source.chance(25) else n for n in found]


def _list(source: Source, size: int, repeats: bool) -> str:
    count = source.pick((2, 2, 1, 3, 0))
    if repeats and count:
        values = [_integer(source, size) for _ in range(count)]
    else:
        values = _distinct(source, size, count)
    form = source.pick(("list", "tensor", "column", "nested", "array", "tensor"))
    if form == "list":
        return str(values)
    if form == "nested":
        return f"[{values}]" if values else "[]"
    if form == "array":
        return f"np.array({values}, dtype=np.{source.pick(('int64', 'int32'))})"
    dtype = source.pick(INDEX_DTYPES) if source.chance(20) else "int64"
    dtype = source.pick(WRONG_DTYPES) if source.mistake(4) else dtype
    text = f"lib.tensor({values}, dtype=lib.{dtype})"
    return f"{text}[:, None]" if form == "column" else text


def _mask(source: Source, sizes: Shape) -> str:
    count = source.pick((1, 1, 2, 3))
    covered = sizes[:count]
    if source.mistake(5):
        covered = tuple([n + 1 for n in covered])
    if len(covered) == 1 and source.chance(40):
        return str([source.chance(50) for _ in range(covered[0])])
    return f"new({covered}, 'bool', {source.below(25)})"


RARE = (
    "True",
    "False",
    "lib.tensor(True)",
    "lib.tensor(0)",
    "np.int64(0)",
    "lib.tensor(False)",
    "range(1)",
    "slice(None)",
    "[[]]",
    "np.array(0)",
    "lib.tensor(0, dtype=lib.uint8)",
)
WRONG = ("1.0", "'x'", "np.bool_(True)", "lib.tensor([])", "lib.tensor(9)", "{}")  # fmt: skip


def _one(source: Source, kind: str, size: int, repeats: bool) -> str:
    if kind == "int":
        return str(_integer(source, size))
    return _slice(source, size) if kind == "slice" else _list(source, size, repeats)


def key(source: Source, shape: Shape, repeats: bool = True) -> str:
    """The text of an index of a shape; `repeats`: positions may come twice."""
    items: list[str] = []
    at, dots = 0, False
    wanted = source.below(len(shape) + 1)
    while at < wanted or (at < len(shape) and source.chance(15)) or source.mistake(3):
        size = shape[at] if at < len(shape) else 2
        kind = source.pick(("int", "slice", "list", "mask", "none", "dots", "list", "rare"))
        if kind == "none":
            items.append("None")
            continue
        if kind == "rare":
            items.append(source.pick(WRONG if source.mistake(20) else RARE))
            at += 1
            continue
        if kind == "dots":
            if dots and not source.mistake(10):
                kind = "slice"
            else:
                items.append("...")
                dots, at = True, max(at, source.below(len(shape) + 1))
                continue
        if kind == "mask":
            items.append(_mask(source, shape[at:]))
            at += items[-1].count(",") if items[-1].startswith("new((") else 1
            continue
        items.append(_one(source, kind, size, repeats))
        at += 1
    if len(items) == 1 and source.chance(80):
        return items[0]
    return f"{', '.join(items)}," if len(items) == 1 else ", ".join(items) or "()"


def _dtype(source: Source) -> str:
    return source.pick(DTYPES) if source.chance(30) else "float64"


def get(source: Source) -> str:
    """`x[key]`, with its gradient."""
    shape, dtype = source.shape(4), _dtype(source)
    grad = dtype == "float64" and source.chance(50)
    lines = [f"x = {text_of(source, shape, dtype, ALL_LAYOUTS, grad=grad)}"]
    lines += [f"y = x[{key(source, shape)}]"]
    return "\n".join([*lines, "backward(y)"] if grad else lines)


VALUES = ("2", "-1.5", "True", "lib.tensor(3, dtype=x.dtype)", "np.float64(1.5)", "np.int64(4)",
          "lib.tensor([7], dtype=x.dtype)", "3")  # fmt: skip
WRONG_VALUES = ("None", "'a'", "[1, 2]", "300", "lib.tensor(True)", "inf", "np.array([1., 2.])",
                "lib.tensor(1j)", "np.float32(1.5)", "1 + 2j", "lib.tensor(2.5)")  # fmt: skip


def put(source: Source) -> str:
    """`x[key] = value`, of a leaf, a tensor with a graph, or a view."""
    shape, dtype = source.shape(4), _dtype(source)
    grad = dtype == "float64" and source.chance(40)
    constant = source.chance(45)
    made = text_of(source, shape, dtype, LAYOUTS, grad=grad)
    lines = [f"x = {made}"]
    target = "x"
    if grad and not source.chance(10):
        lines += ["y = x * 1"]
        target = "y"
    where = key(source, shape, repeats=constant)
    if constant:
        value = source.pick(WRONG_VALUES if source.mistake(25) else VALUES)
        number = value.replace(".", "").lstrip("-").isdigit()
        form = source.pick(("{t}[{k}] = {v}", "{t}[{k}] += {v}" if number else "{t}[{k}] = {v}"))
        lines += [form.format(t=target, k=where, v=value)]
    else:
        lines += _tensor_value(source, shape, dtype, grad, where, target)
    return "\n".join([*lines, f"backward({target})"] if grad else lines)


def _tensor_value(
    source: Source, shape: Shape, dtype: str, grad: bool, where: str, target: str
) -> list[str]:
    kind = source.below(3)
    if source.mistake(15):
        other = text_of(source, source.shape(3), _dtype(source))
        return [f"v = {other}", f"{target}[{where}] = v"]
    if kind == 0:
        return [f"v = {target}.detach()[{where}] * 2", f"{target}[{where}] = v"]
    if kind == 1:
        again = text_of(source, shape, dtype, ALL_LAYOUTS, grad=grad)
        return [f"w = {again}", f"v = w[{where}]", f"{target}[{where}] = v"]
    return [
        f"v = {target}.detach()[{where}]",
        "v = v[:1] * 3 if v.dim() else v",
        f"{target}[{where}] = v",
    ]


def index_put(source: Source) -> str:
    """`index_put` with and without accumulation, and what else takes lists of positions."""
    shape, dtype = source.shape(3), _dtype(source)
    grad = dtype == "float64" and source.chance(40)
    accumulate = source.chance(60)
    indices = []
    for size in shape[: source.between(1, 3)] or (2,):
        if source.mistake(5):
            indices.append("None")
        elif source.chance(15):
            indices.append(f"new(({size},), 'bool', {source.below(25)})")
        elif accumulate:
            values = [_integer(source, size) for _ in range(source.pick((2, 3, 1)))]
            indices.append(f"lib.tensor({values})")
        else:
            values = _distinct(source, size, source.pick((2, 3, 1)))
            indices.append(f"lib.tensor({values}, dtype=lib.int64)")
    lines = [f"x = {text_of(source, shape, dtype, LAYOUTS, grad=grad)}"]
    where = f"({', '.join(indices)},)"
    value = source.pick(("lib.tensor(2)", "v", "v", "v[:1]"))
    if "v" in value:
        if not source.mistake(15):
            lines += [f"v = x.detach()[{where}] * 2"]
        else:
            lines += [f"v = {text_of(source, source.shape(2), dtype)}"]
        if "[" in value:
            value = "(v[:1] if v.dim() else v)"
    if value.startswith("lib"):
        value = "lib.tensor(2, dtype=x.dtype)" if not source.mistake(10) else value
    form = source.pick(("x.index_put", "lib.index_put"))
    call = f"lib.index_put(x, {where}, {value}, accumulate={accumulate})"
    if form == "x.index_put":
        call = f"x.index_put({where}, {value}, {accumulate})"
    lines += [f"y = {call}"]
    return "\n".join([*lines, "backward(y)"] if grad else lines)
