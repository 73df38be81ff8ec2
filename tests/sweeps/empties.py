"""Every sample call with sizes of 0, one letter of the shapes after the other, and all at once.

`empties.txt` holds what PyTorch does: dtypes and shapes of the results, what is in those that are
not empty, the gradients, or the class of the exception. `python -m tests.sweeps.empties` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.sweeps.calls import CALLS, Call, Outcome, array_of, exists, run, tensors_of

FILE = Path(__file__).with_name("empties.txt")

# Where corex differs, and why: the call, or its name.
KNOWN = {
    "conv2d": "without channels the result is the bias; PyTorch's has no channels either",
    "conv1d": "without channels the result is the bias; PyTorch's has no channels either",
    "group_norm": "gradients are zeros, PyTorch's NaN",
    "asinh_": "PyTorch has no derivative",
    "acosh_": "PyTorch has no derivative",
    "atanh_": "PyTorch has no derivative",
    "arcsinh_": "PyTorch has no derivative",
    "arccosh_": "PyTorch has no derivative",
    "arctanh_": "PyTorch has no derivative",
    "batch_norm": "PyTorch takes the first of no weights",
    "adaptive_avg_pool2d": "PyTorch refuses backward without channels",
    "adaptive_avg_pool1d": "PyTorch refuses backward without channels",
    "detach_": "PyTorch refuses views",
    "index_add": "an index into nothing is refused by another class",
    "index_add_": "an index into nothing is refused by another class",
    "index_fill": "an index into nothing is refused by another class",
    "index_fill_": "an index into nothing is refused by another class",
    "index_copy": "an index into nothing is refused by another class",
    "index_copy_": "an index into nothing is refused by another class",
    "bilinear": "PyTorch cannot tell a size of -1 of nothing",
    "multi_margin_loss": "PyTorch does not write the mean of no rows",
    "embedding_bag": "PyTorch counts offsets in steps of 0",
    "multilabel_margin_loss": "PyTorch does not write the mean of no rows",
    "channel_shuffle": "PyTorch cannot tell a size of -1 of nothing",
    "native_channel_shuffle": "PyTorch cannot tell a size of -1 of nothing",
    "pixel_shuffle": "PyTorch cannot tell a size of -1 of nothing",
    "pixel_unshuffle": "PyTorch cannot tell a size of -1 of nothing",
    "instance_norm": "PyTorch takes the first of no weights",
    'F.interpolate(x, (3, 4), mode="area")': "PyTorch refuses backward without channels",
    "F.scaled_dot_product_attention(heads, heads2, heads2, p5)": "PyTorch's mask has no gradient",
    "linear_cross_entropy": "a target into nothing is refused by another class",
    "F.cross_entropy(t, yt)": "a target into nothing is refused by another class",
    **dict.fromkeys(
        """
        fft fft2 fftn ifft ifft2 ifftn rfft rfft2 rfftn irfft irfft2 irfftn hfft hfft2 hfftn ihfft
        ihfft2 ihfftn stft
        """.split(),
        "PyTorch's library refuses a batch of no transforms",
    ),
}


# Of no rows the content of PyTorch's memory is seen, whatever that is.
UNWRITTEN = {"multi_margin_loss", "multilabel_margin_loss"}


def combinations(call: Call) -> Iterator[tuple[str, ...]]:
    """Which letters are 0."""
    letters = sorted({letter for t in call.tensors() for letter in t.letters if letter.isalpha()})
    for letter in letters:
        yield (letter,)
    if len(letters) > 1:
        yield tuple(letters)


def layouts(call: Call) -> tuple[str, ...]:
    """Of nothing, and of nothing at an offset; the copy that a call modifies is made without."""
    return ("contiguous",) if call.inplace else ("contiguous", "offset")


def outcome(call: Call, library: Any, letters: tuple[str, ...], layout: str) -> Outcome:
    """What comes of a call with these sizes."""
    return run(call, library, layout, gradients=True, sizes=dict.fromkeys(letters, 0))


def described(call: Call, found: Outcome) -> str:
    """An outcome as text."""
    if found.error is not None:
        return f"error {_kinds(found.error)[0]}"
    values = call.values and call.name not in UNWRITTEN
    text = "; ".join([_one(t, values) for t in tensors_of(found.value)]) or repr(found.value)
    grads = [
        f"{name}{_content(grad)}"
        for name, grad in sorted(found.grads.items())
        if grad is not None and grad.numel()
    ]
    return " | ".join([text, *grads])


def _kinds(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]


def _one(t: Any, values: bool) -> str:
    dtype = str(t.dtype).split(".")[1]
    return f"{dtype}{tuple(t.shape)}" + (_content(t) if values and t.numel() else "")


def _content(t: Any) -> str:
    """The one value that all elements have, or a number that depends on all of them."""
    flat = array_of(t)
    if flat.dtype.kind == "c":
        flat = flat.real + 2 * flat.imag
    flat = np.asarray(flat, np.float64).reshape(-1)
    if np.isnan(flat).all() or (flat == flat[0]).all():
        return f" = {flat[0] + 0.0:.5g}"
    return f" ~ {float(flat @ np.cos(np.arange(flat.size) + 0.5)):.5g}"


def table(library: Any) -> dict[tuple[str, str], str]:
    """(call, letters) -> description, for all calls that the library has."""
    return {
        (call.text, " ".join(letters)): described(
            call, outcome(call, library, letters, "contiguous")
        )
        for call in CALLS
        if exists(call, library)
        for letters in combinations(call)
    }


def written(found: dict[tuple[str, str], str]) -> str:
    """The table as text: under each description, the calls that have it, in alphabetical order."""
    blocks: dict[str, dict[str, list[str]]] = {}
    for (text, letters), description in sorted(found.items()):
        blocks.setdefault(description, {}).setdefault(text, []).append(letters)
    lines = []
    for description, calls in sorted(blocks.items()):
        lines.append(description)
        lines += [f"    {text} @ {', '.join(sizes)}" for text, sizes in calls.items()]
    return "\n".join(lines) + "\n"


def read() -> dict[tuple[str, str], str]:
    """(call, letters) -> what PyTorch does."""
    found, description = {}, ""
    for line in FILE.read_text().splitlines():
        if not line.startswith("    "):
            description = line
            continue
        text, sizes = line.strip().rsplit(" @ ", 1)
        for letters in sizes.split(", "):
            found[text, letters] = description
    return found


def differs(call: Call, found: Outcome, expected: str) -> str:
    """What differs from PyTorch's description, or ''."""
    ours = described(call, found)
    if ours == expected or call.name in KNOWN or call.text in KNOWN:
        return ""
    if found.error is not None and expected.removeprefix("error ") in _kinds(found.error):
        return ""
    return f"{ours} ({found.error}), PyTorch {expected}" if found.error else f"{ours}, {expected}"


if __name__ == "__main__":
    import torch

    FILE.write_text(written(table(torch)))
