"""Reductions and scans in all their forms; sorting and selecting among ties and NaN."""

from __future__ import annotations

from tests.fuzz.cases.given import ALL_LAYOUTS, DTYPES, LAYOUTS, Shape, Source, text_of

SUMS = ("sum", "mean", "prod", "nansum", "nanmean", "cumsum", "cumprod")
MANY_DIMS = ("sum", "mean", "amax", "amin", "any", "all", "count_nonzero", "logsumexp", "var",
             "std", "nansum", "nanmean", "aminmax", "norm")  # fmt: skip
ONE_DIM = ("prod", "argmax", "argmin", "max", "min", "median", "nanmedian", "mode", "kthvalue",
           "cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "softmax", "log_softmax",
           "sort", "argsort", "topk", "diff", "msort", "quantile", "nanquantile", "trapezoid",
           "unique_consecutive", "unique", "flip", "renorm")  # fmt: skip


PARTS = ("0.5", "0.3", "0.", "1.", "lib.tensor([0.25, 0.5]).to(x.dtype)")


def a_dim(source: Source, count: int) -> int:
    """A dim of a tensor of so many; seldom there is none such."""
    if source.mistake(4):
        return source.pick((count, -count - 1, 9)) if count else 3
    return source.between(-count, count - 1) if count else source.pick((0, -1))


def _dims(source: Source, count: int) -> str:
    dims = source.order(count)[: source.between(1, count)] if count else [0]
    dims = [d - count if source.chance(25) and count else d for d in dims]
    if source.mistake(3):
        dims = [*dims, dims[0]]
    return source.pick((str(dims), str(tuple(dims))))


def _input(source: Source, shape: Shape, names: tuple[str, ...] = DTYPES) -> tuple[str, bool]:
    grad = source.chance(25)
    dtype = "float64" if grad else source.pick(names)
    kind = source.pick(("plain", "plain", "special")) if not grad else "apart"
    return text_of(source, shape, dtype, ALL_LAYOUTS, kind, grad), grad


def reduce(source: Source) -> str:
    """A reduction over no dim, one, or several."""
    shape, name = source.shape(4), source.pick(MANY_DIMS)
    made, grad = _input(source, shape)
    given = ["x"]
    if name == "norm":
        given += [source.pick(("2", "1", "inf", "0", "3", "-inf"))]
    if source.chance(75):
        many = source.chance(40) and name not in ("aminmax",)
        given += [f"dim={_dims(source, len(shape)) if many else a_dim(source, len(shape))}"]
        if source.chance(40) and name not in ("count_nonzero",):
            given += ["keepdim=True"]
    elif name == "logsumexp":
        given += ["dim=()"]
    if name in SUMS and source.chance(25):
        given += [f"dtype=lib.{source.pick(DTYPES)}"]
    if name in ("var", "std") and source.chance(40):
        given += [f"correction={source.pick((0, 2, 1))}"]
    lines = [f"x = {made}"]
    if source.chance(10) and name != "aminmax":
        lines += [f"o = {text_of(source, (0,), source.pick(DTYPES), LAYOUTS[:1])}"]
        given += ["out=o"]
    lines += [f"r = lib.{name}({', '.join(given)})"]
    return "\n".join([*lines, "backward(r)"] if grad else lines)


def along(source: Source) -> str:
    """What runs along one dim: scans, orders, positions of extremes."""
    shape, name = source.shape(4), source.pick(ONE_DIM)
    made, grad = _input(source, shape)
    d = a_dim(source, len(shape))
    lines = [f"x = {made}"]
    keep = ", keepdim=True" if source.chance(30) else ""
    form = {
        "sort": f"x, dim={d}, descending={source.chance(40)}, stable=True",
        "argsort": f"x, dim={d}, descending={source.chance(40)}, stable=True",
        "topk": f"x, {source.between(0, 3)}, dim={d}, largest={source.chance(60)}",
        "kthvalue": f"x, {source.between(1, 3)}, dim={d}{keep}",
        "diff": f"x, n={source.between(0, 3)}, dim={d}",
        "msort": "x",
        "quantile": f"x, {source.pick(PARTS)}, dim={d}{keep}",
        "nanquantile": f"x, {source.pick(('0.5', '0.3'))}, dim={d}{keep}",
        "unique": source.pick(("x", f"x, dim={d}", "x, return_inverse=True, return_counts=True")),
        "unique_consecutive": source.pick(("x", f"x, dim={d}", "x, True, True")),
        "flip": f"x, ({d},)",
        "renorm": f"x, 2, {d}, 1.5",
        "trapezoid": f"x, dim={d}",
    }.get(name)  # fmt: skip
    if form is None:
        form = f"x, dim={d}"
        if name in ("prod", "argmax", "argmin", "max", "min", "median", "nanmedian", "mode"):
            form = f"x, {d}{keep}" if source.chance(80) else "x"
        if name in SUMS or name.endswith("softmax"):
            form += f", dtype=lib.{source.pick(DTYPES)}" if source.chance(20) else ""
    lines += [f"r = lib.{name}({form})"]
    if name == "topk":  # which of equal entries are taken is not defined
        lines[-1] += ".values"
    if name in ("median", "nanmedian", "mode", "kthvalue") and "x, " in form:
        lines[-1] += ".values"
    return "\n".join([*lines, "backward(r)"] if grad else lines)
