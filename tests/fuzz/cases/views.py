"""Chains of views: what shows which memory with which strides, and what PyTorch refuses."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.cases.given import ALL_LAYOUTS, DTYPES, Source, text_of


def dim(source: Source, count: int = 3) -> int:
    """A dim, counted from either end; seldom there is none such."""
    return source.pick((9, -9)) if source.mistake(4) else source.between(-count, count - 1)


def _sizes(source: Source) -> str:
    sizes = [source.pick((2, 3, 4, 6, 1, -1, 12)) for _ in range(source.between(1, 3))]
    return ", ".join(map(str, sizes))


def _fitted(source: Source) -> str:
    """Sizes for `view` that fit most often: computed from the tensor itself."""
    return source.pick(
        ("-1", "t.shape", "t.shape[:1] + (-1,)", "(-1,) + t.shape[-1:]", "(1,) + t.shape + (1,)",
         "t.shape[::-1]", "(-1, 2)", "(2, -1)", "t.shape[:-2] + (-1,)", "(t.numel(),)")
    )  # fmt: skip


def _forms(source: Source) -> dict[str, Callable[[], str]]:
    d, e = dim(source), dim(source)
    n = source.pick((1, 2, 3, 0, -1))
    dtype = source.pick(DTYPES)
    order = source.order(source.between(1, 4))
    half = source.pick((1, 2, 3, 0))
    return {
        "view": lambda: f".view({_fitted(source) if source.chance(70) else _sizes(source)})",
        "reshape": lambda: f".reshape({_fitted(source) if source.chance(70) else _sizes(source)})",
        "transpose": lambda: f".transpose({d}, {e})",
        "permute": lambda: f".permute({order})" if source.chance(50) else
        ".permute([*range(t.dim() - 1, -1, -1)])",
        "expand": lambda: source.pick((".expand(2, *t.shape)", ".expand(t.shape)", ".expand(-1)",
                                       f".expand({_sizes(source)})")),
        "narrow": lambda: f".narrow({d}, {source.below(2)}, {half})",
        "select": lambda: f".select({d}, {source.between(-1, 1)})",
        "slice": lambda: source.pick(("[1:]", "[..., ::2]", "[:, 1:]", "[None]", "[:0]", "[..., 0]",
                                      "[-2:, ...]", "[0]", "[::3]", "[..., None, :1]")),
        "diagonal": lambda: f".diagonal({source.between(-1, 1)}, {d}, {e})",
        "unfold": lambda: f".unfold({d}, {half}, {source.pick((1, 2, 3))})",
        "squeeze": lambda: source.pick((".squeeze()", f".squeeze({d})", f".squeeze(({d}, {e}))")),
        "unsqueeze": lambda: f".unsqueeze({d})",
        "flatten": lambda: source.pick((".flatten()", f".flatten({d}, {e})", ".ravel()")),
        "unflatten": lambda: f".unflatten({d}, ({_sizes(source)},))",
        "split": lambda: f".split({half}, {d})[{source.pick((0, -1))}]",
        "chunk": lambda: f".chunk({half}, {d})[{source.pick((0, -1))}]",
        "tensor_split": lambda: f".tensor_split({half}, {d})[{source.pick((0, -1))}]",
        "movedim": lambda: f".movedim({d}, {e})",
        "T": lambda: source.pick((".mT", ".T", ".mH", ".H", ".t()", ".adjoint()")),
        "dtype": lambda: f".view(lib.{dtype})",
        "complex": lambda: source.pick((".real", ".imag", ".view_as_real", ".conj()",
                                        ".view_as_complex")),
        "detach": lambda: source.pick((".detach()", ".view_as(t)", ".data", "[...]", ".alias()")),
        "swap": lambda: f".{source.pick(('swapaxes', 'swapdims'))}({d}, {e})",
        "copy": lambda: source.pick((".contiguous()", ".clone()", ".flip(0)", ".roll(1, 0)")),
        "unbind": lambda: f".unbind({d})[{source.pick((0, -1))}]",
        "as_strided": lambda: source.pick(
            (".as_strided((2, 2), (1, 2))", f".as_strided(({half},), ({half},), {half})",
             ".as_strided(t.shape, t.stride())", ".as_strided((2,), (-1,))",
             ".as_strided((9,), (9,))", ".as_strided((2, 2), (1,))")),
        "atleast": lambda: source.pick(("1", "2", "3")),
        "split_sizes": lambda: f".split([{half}, {n}], {d})[0]",
    }  # fmt: skip


def step(source: Source, name: str) -> str:
    """The text of one more view of the tensor of a name."""
    forms = _forms(source)
    kind = source.pick(list(forms))
    text = forms[kind]()
    if kind == "atleast":
        return f"lib.atleast_{text}d({name})"
    if text.startswith(".view_as_") and not text.endswith(")"):
        return f"lib.{text[1:]}({name})"
    return f"{name}{text}".replace("t.", f"{name}.").replace("(t)", f"({name})")


def chain(source: Source) -> str:
    """Up to four views, each of the one before, and a write to the last."""
    dtype = source.pick(DTYPES) if source.chance(40) else "float64"
    grad = dtype in ("float64", "complex128") and source.chance(25)
    lines = [f"a = {text_of(source, source.shape(4), dtype, ALL_LAYOUTS, grad=grad)}"]
    names = "abcde"
    count = source.between(1, 4)
    for k in range(count):
        lines += [f"{names[k + 1]} = {step(source, names[k])}"]
    last = names[count]
    if grad:
        lines += [f"backward({last})"]
    elif source.chance(40):
        write = source.pick(("fill_(7)", "zero_()", "mul_(2)", f"copy_({last} * 2)"))
        lines += [f"{last}.{write}"]
    elif source.chance(30):
        lines += [f"n = ({last}.is_contiguous(), {last}.numel(), {last}.element_size())"]
    return "\n".join(lines)
