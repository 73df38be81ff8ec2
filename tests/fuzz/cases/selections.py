"""Joining, gathering and scattering: cat and stack, gather and scatter, index_* and their kin."""

from __future__ import annotations

from tests.fuzz.cases.given import ALL_LAYOUTS, DTYPES, LAYOUTS, Shape, Source, text_of
from tests.fuzz.cases.reductions import a_dim

JOINS = ("cat", "stack", "hstack", "vstack", "dstack", "column_stack", "concat", "block_diag",
         "broadcast_tensors", "meshgrid", "cartesian_prod")  # fmt: skip


def join(source: Source) -> str:
    """cat, stack and their kin, of tensors that differ in one dim, in dtype or in layout."""
    shape = source.shape(3)
    d = a_dim(source, len(shape))
    count = source.between(1, 3)
    grad = source.chance(20)
    name = source.pick(JOINS)
    lines = []
    for letter in "xyz"[:count]:
        sizes = list(shape)
        if name in ("cat", "concat") and sizes and -len(sizes) <= d < len(sizes):
            sizes[d] = source.pick((sizes[d], 1, 2, 0))
        if source.mistake(5):
            sizes = [*sizes, 2]
        dtype = "float64" if grad else source.pick(DTYPES)
        if name in ("meshgrid", "cartesian_prod"):
            sizes, dtype = sizes[:1], "float64"
        made = text_of(source, tuple(sizes), dtype, ALL_LAYOUTS, grad=grad)
        lines += [f"{letter} = {made}"]
    names = ", ".join("xyz"[:count])
    if name in ("cat", "stack", "concat"):
        lines += [f"r = lib.{name}([{names}], {d})"]
    elif name in ("block_diag", "broadcast_tensors", "cartesian_prod"):
        lines += [f"r = lib.{name}({names})"]
    elif name == "meshgrid":
        lines += [f"r = lib.meshgrid({names}, indexing={source.pick(('ij', 'xy'))!r})"]
    else:
        lines += [f"r = lib.{name}([{names}])"]
    return "\n".join([*lines, "backward(r)"] if grad else lines)


def _index(source: Source, shape: Shape, size: int, repeats: bool, d: int) -> str:
    """An index tensor of a shape, with entries below `size`."""
    count = 1
    for n in shape:
        count *= n
    low = 0
    if repeats or not shape:
        values = [source.between(low, size - 1) if size else 0 for _ in range(count)]
    else:  # along the dim all different
        order = source.order(max(size, 1))
        inner = 1
        for n in shape[d + 1 :]:
            inner *= n
        values = [order[k // inner % shape[d] % len(order)] for k in range(count)]
    if values and source.mistake(5):
        values[-1] = source.pick((size, -size - 1, 99))
    dtype = source.pick(("int32", "float32", "uint8")) if source.mistake(4) else "int64"
    return f"lib.tensor({values}, dtype=lib.{dtype}).reshape({shape})"


def gather(source: Source) -> str:
    """gather, scatter and take_along_dim along a dim, each with any index that fits."""
    shape = source.shape(3)
    d = a_dim(source, len(shape))
    whole = d % len(shape) if shape and -len(shape) <= d < len(shape) else 0
    grad = source.chance(30)
    dtype = "float64" if grad else source.pick(DTYPES)
    name = source.pick(("gather", "scatter", "scatter_add", "take_along_dim", "scatter_reduce",
                        "scatter_", "scatter_add_"))  # fmt: skip
    sizes = [source.between(1, n) if n and source.chance(30) else n for n in shape]
    size = shape[whole] if shape else 1
    if shape and name in ("gather", "take_along_dim") and source.chance(40):
        sizes[whole] = source.pick((2, 3, 1, 0))
    if source.mistake(5):
        sizes = [n + 1 for n in sizes]
    repeats = name in ("gather", "take_along_dim", "scatter_add", "scatter_add_", "scatter_reduce")
    index = _index(source, tuple(sizes), size, repeats, whole)
    layouts = LAYOUTS if name.endswith("_") else ALL_LAYOUTS
    lines = [f"x = {text_of(source, shape, dtype, layouts, grad=grad)}", f"i = {index}"]
    if name in ("gather", "take_along_dim"):
        return _ended([*lines, f"r = lib.{name}(x, {'i, ' if name[0] == 't' else ''}{d}"
                       f"{', i' if name[0] == 'g' else ''})"], grad)  # fmt: skip
    value = source.pick(("v", "v", "2.5", "3")) if name in ("scatter", "scatter_") else "v"
    if value == "v":
        other = source.pick(DTYPES) if source.mistake(5) else dtype
        lines += [f"v = {text_of(source, tuple(sizes), other, ALL_LAYOUTS, grad=grad)}"]
    extra = ""
    if name == "scatter_reduce":
        reduce = source.pick(("sum", "amax", "amin", "prod", "mean"))
        extra = f", {reduce!r}, include_self={source.chance(60)}"
    if name.endswith("_"):
        lines += ["y = x * 1"] if grad else ["y = x"]
        return _ended([*lines, f"r = y.{name}({d}, i, {value})"], grad)
    return _ended([*lines, f"r = lib.{name}(x, {d}, i, {value}{extra})"], grad)


def rows(source: Source) -> str:
    """index_select, index_add, index_copy, index_fill, take, masked_select, repeat_interleave."""
    shape = source.shape(3)
    d = a_dim(source, len(shape))
    whole = d % len(shape) if shape and -len(shape) <= d < len(shape) else 0
    size = shape[whole] if shape else 1
    grad = source.chance(30)
    dtype = "float64" if grad else source.pick(DTYPES)
    name = source.pick(("index_select", "index_add", "index_copy", "index_fill", "take",
                        "masked_select", "masked_fill", "repeat_interleave", "tril", "triu",
                        "roll", "rot90", "repeat", "tile", "where", "masked_scatter", "nonzero",
                        "argwhere", "bucketize", "isin", "index_reduce"))  # fmt: skip
    count = source.pick((2, 1, 3, 0))
    repeats = name in ("index_select", "take", "index_add")
    index = _index(source, (min(count, size) if not repeats else count,), size, repeats, 0)
    lines = [f"x = {text_of(source, shape, dtype, ALL_LAYOUTS, grad=grad)}"]
    mask = tuple(n if source.chance(80) else 1 for n in shape)
    if name in ("index_select", "index_add", "index_copy", "index_fill", "take", "index_reduce"):
        lines += [f"i = {index}"]
    if name in ("index_add", "index_copy", "index_reduce"):
        rest = source.mistake(6)
        lines += [f"v = x.detach().index_select({d}, i.long().clamp(0))"]
        lines += [f"v = v{'[:0]' if rest else ' * 2' if dtype != 'bool' else ''}"]
    form = {
        "index_select": f"lib.index_select(x, {d}, i)",
        "index_add": f"lib.index_add(x, {d}, i, v, alpha={source.pick((1, 2))})",
        "index_copy": f"lib.index_copy(x, {d}, i, v)",
        "index_reduce": f"lib.index_reduce(x, {d}, i, v, {source.pick(('amax', 'mean'))!r})",
        "index_fill": f"lib.index_fill(x, {d}, i, {source.pick(('2', '1.5', 'lib.tensor(1)'))})",
        "take": "lib.take(x, i)",
        "masked_select": f"lib.masked_select(x, new({mask}, 'bool', 3))",
        "masked_fill": f"lib.masked_fill(x, new({mask}, 'bool', 3), {source.pick(('2', '-1.5'))})",
        "masked_scatter": f"lib.masked_scatter(x, new({mask}, 'bool', 3), x.detach().flip(0))",
        "repeat_interleave": source.pick((f"lib.repeat_interleave(x, {count}, dim={d})",
                                          f"lib.repeat_interleave(x, {count})")),
        "tril": f"lib.tril(x, {source.between(-2, 2)})",
        "triu": f"lib.triu(x, {source.between(-2, 2)})",
        "roll": source.pick((f"lib.roll(x, {count})", f"lib.roll(x, ({count},), ({d},))")),
        "rot90": f"lib.rot90(x, {count})",
        "repeat": f"x.repeat({', '.join(str(source.pick((2, 1, 3, 0))) for _ in range(3))})",
        "tile": f"lib.tile(x, ({count}, 2))",
        "where": "lib.where(x == x.detach().flip(0))",
        "nonzero": "lib.nonzero(x)",
        "argwhere": "lib.argwhere(x)",
        "bucketize": f"lib.bucketize(x.detach(), lib.tensor([-1., 0., 1.5]), "
        f"right={source.chance(50)})",
        "isin": "lib.isin(x.detach(), lib.tensor([1, 2]))",
    }[name]  # fmt: skip
    return _ended([*lines, f"r = {form}"], grad)


def _ended(lines: list[str], grad: bool) -> str:
    return "\n".join([*lines, "backward(r)"] if grad else lines)
