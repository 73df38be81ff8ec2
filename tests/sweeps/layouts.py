"""How results lie in memory: their strides, and which argument's memory they show.

`layouts.txt` holds what PyTorch does for every sample call and every layout of its arguments, where
that is not the rule, a row-major result with memory of its own. `python -m tests.sweeps.layouts`
writes it; `make test` compares corex with it, and `make parity` both with PyTorch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sweeps.arguments import LAYOUTS
from tests.sweeps.calls import CALLS, Call, Outcome, exists, run, tensors_of

FILE = Path(__file__).with_name("layouts.txt")
RULE = "own"

# corex's results are row-major and PyTorch's are not: `view` works on them at least as often.
VIEWS = ("t", "squeeze", "unsqueeze", "transpose", "swapaxes", "swapdims")
"""What in-place forms can do to the strides of their argument."""

COMPUTED = {
    "linalg.solve(zb, zt, left=False)",
    "linalg.lu_solve(zb, piv, zt, left=False, adjoint=True)",
}
"""Which in PyTorch give conjugates of what they compute, and here nothing that waits."""

ROW_MAJOR = {"kron(a, c)"}  # which PyTorch refuses for other layouts than two


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a dense tensor."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def described(outcome: Outcome) -> str:
    """Strides and memory of all results: `own` for a row-major one with memory of its own."""
    if outcome.error is not None:
        return "error"
    return "; ".join([_one(t, outcome) for t in tensors_of(outcome.value)]) or RULE


def layouts_of(call: Call) -> list[str]:
    """The layouts that a call is tried with: only complex numbers have conjugates."""
    complex_ones = any([t.kind.dtype.startswith("complex") for t in call.tensors()])
    return [layout for layout in LAYOUTS if complex_ones or layout != "conjugated"]


def _one(t: Any, outcome: Outcome) -> str:
    waits = " conj" * t.is_conj() + " neg" * t.is_neg() if hasattr(t, "is_conj") else ""
    return _place(t, outcome) + waits


def _place(t: Any, outcome: Outcome) -> str:
    assert outcome.built is not None
    strides = tuple(t.stride())
    text = "" if strides == row_major(tuple(t.shape)) else str(strides).replace(" ", "")
    memory = _address(t)
    for name, argument in outcome.built.tensors.items():
        if argument is t:
            return f"{text} is {name}".strip()
        if memory == _address(argument) and t.numel():
            return f"{text} of {name}{t.storage_offset() - argument.storage_offset():+}".strip()
    return text or RULE


def _address(t: Any) -> int:
    return int(t.untyped_storage().data_ptr())


def compared(call: Call) -> bool:
    """Whether a call's layout is of interest: an in-place one returns its argument as it was."""
    return not call.inplace or call.name.rstrip("_") in VIEWS


def table(library: Any) -> dict[str, dict[str, str]]:
    """Call -> layout -> description, for all calls that the library has."""
    return {
        call.text: {layout: described(run(call, library, layout)) for layout in layouts_of(call)}
        for call in CALLS
        if exists(call, library) and compared(call)
    }


def written(found: dict[str, dict[str, str]]) -> str:
    """The table as text: under each kind of layout its calls, in alphabetical order."""
    blocks: dict[str, list[str]] = {}
    known = {call.text: call for call in CALLS}
    for text, by_layout in sorted(found.items()):
        by_description: dict[str, list[str]] = {}
        for layout, description in by_layout.items():
            by_description.setdefault(description, []).append(layout)
        for description, layouts in by_description.items():
            if set(description.split("; ")) != {RULE}:
                names = "all" if layouts == layouts_of(known[text]) else " ".join(layouts)
                blocks.setdefault(f"{names}: {description}", []).append(text)
    texts = ["\n    ".join([head, *calls]) for head, calls in sorted(blocks.items())]
    return "\n".join(texts) + "\n"


def read() -> dict[tuple[str, str], str]:
    """(call, layout) -> what PyTorch does, where it is not the rule."""
    found = {}
    names, description = "", ""
    for line in FILE.read_text().splitlines():
        if not line.startswith(" "):
            names, description = line.split(": ", 1)
            continue
        for layout in LAYOUTS if names == "all" else names.split():
            found[line.strip(), layout] = description
    return found


def differs(call: Call, layout: str, expected: str, outcome: Outcome) -> str:
    """What differs from `expected`, or ''. Errors, and where PyTorch has one, are not compared."""
    ours = described(outcome)
    if call.text in COMPUTED:
        expected = expected.removesuffix(" conj")
    if "error" in (ours, expected) or ours == expected:
        return ""
    parts = set(ours.split("; "))
    if parts == {RULE} and (call.text in ROW_MAJOR or set(expected.split("; ")) == {RULE}):
        return ""
    return f"{call.text}, {layout}: {ours}, PyTorch {expected}"


if __name__ == "__main__":
    import torch

    FILE.write_text(written(table(torch)))
