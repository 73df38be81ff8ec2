"""Writes `docs/parity.md`: which of PyTorch's public names corex has, and how many calls agree.

`make parity` runs it. What the page says of corex follows from `read` and `counts`, which need no
PyTorch, so that a test can hold the committed page against the code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import corex
from tests.sweeps.calls import CALLS
from tests.sweeps.layouts import ROW_MAJOR

PAGE = Path(__file__).parents[2] / "docs" / "parity.md"

SPACES = {
    "torch": "",
    "Tensor": "Tensor",
    "nn.functional": "nn.functional",
    "linalg": "linalg",
    "special": "special",
    "fft": "fft",
    "signal.windows": "signal.windows",
    "masked": "masked",
}
"""What the page calls a namespace -> where corex has it."""

ABSENT = {
    r"q_.*|.*quant.*|fbgemm.*|int_repr|qscheme|choose_qparams.*": "quantisation is not planned",
    r".*sparse.*": "PyTorch's own machinery",
    r"eig|symeig|solve|lstsq": "PyTorch removed it: there the name says so and raises",
    r"names|.*rename.*|align_.*|refine_names|has_names": "named dims are not planned",
    r"cudnn.*|miopen.*|.*mkldnn.*|.*cudnn|xpu|ipu|hpu|mtia|cuda.*": "of other devices and their "
    "libraries",
    r".*autocast.*": "there is no autocast yet",
    r"sym_fresh_size|.*dlpack.*|storage_type|has_.*|_.*"
    r"|.*python.*|.*compile.*|.*jit.*|vmap|parse_.*|import_ir_.*|unify_type_list|merge_type_.*|cond"
    r"|fork|wait|init_num_threads|thread_safe_generator|index|handle_torch_function"
    r"|boolean_dispatch|assert_int_or_pair|Optional": "PyTorch's own machinery",
    r".*padded_tensor|.*masked_tensor": "tensors of several shapes and masked ones are not planned",
    r"reinforce": "PyTorch removed it: there the name says so and raises",
}
"""Names that corex has not -> why; of the rest: not yet."""

DIFFERENT = dict.fromkeys(
    ROW_MAJOR, "results are row-major; PyTorch refuses most transposed matrices"
)
"""Calls that differ -> why. (`ACCURACY` and its kin in `test_calls_parity` bound what may.)"""


ABOUT = """
Written by `make parity` from PyTorch {version}: which of its public names corex has, how many
sample calls (`tests/sweeps/samples`, and those made from the tables of ops) are compared with it in
values, dtypes, shapes and gradients, and in strides and memory for every layout of their arguments,
and how many differ. A name without a number has no calls of its own: aliases, properties, and what
other files of `tests/parity` compare, such as all of `special`, `signal.windows` and `masked`.
"""


def space_of(call: Any) -> str:
    """The namespace in which a sample call finds its function."""
    places = {"method": "Tensor", "functional": "nn.functional", "linalg": "linalg"}
    return places.get(call.where, "torch")


def counts() -> Counter[tuple[str, str]]:
    """(namespace, name) -> how many sample calls there are."""
    return Counter([(space_of(call), call.name) for call in CALLS])


def home(space: str) -> Any:
    """corex's namespace, or None."""
    found: Any = corex
    for part in filter(None, SPACES[space].split(".")):
        found = getattr(found, part, None)
    return found


def reason(name: str) -> str:
    """Why a name is absent."""
    return next((why for pattern, why in ABSENT.items() if re.fullmatch(pattern, name)), "not yet")


def read() -> dict[str, tuple[dict[str, int], set[str]]]:
    """What the committed page says: namespace -> present names with their calls, absent names."""
    found: dict[str, tuple[dict[str, int], set[str]]] = {}
    space, present = "", False
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            space = line[3:].strip("` ")
            found[space] = ({}, set())
        elif line.startswith(("Present", "Absent")):
            present = line.startswith("Present")
        elif space and present and line.startswith("`"):
            counted = re.findall(r"`(\w+)` ?(\d*)", line)
            found[space][0].update({name: int(count or 0) for name, count in counted})
        if space and line.startswith("- "):
            found[space][1].update(re.findall(r"`(\w+)`", line))
    return found


# ---- from PyTorch ----------------------------------------------------------------------------
def names(space: str) -> list[str]:
    """PyTorch's public functions (or methods and properties) of a namespace."""
    import torch
    from torch import overrides

    home: Any = {"torch": torch, "Tensor": torch.Tensor, "masked": torch.masked}.get(space)
    if home is None:
        home = torch
        for part in space.split("."):
            home = getattr(home, part)
    public = [n for n in dir(home) if not n.startswith("_")]
    if space == "Tensor":
        return public
    functions = [n for n in public if _is_function(getattr(home, n))]
    if space == "torch":
        known = {id(f) for fs in overrides.get_overridable_functions().values() for f in fs}
        known |= {id(f) for f in overrides.get_ignored_functions() if callable(f)}
        return [n for n in functions if id(getattr(home, n)) in known]
    named = getattr(home, "__all__", None)
    return [n for n in functions if n in named] if named and space != "nn.functional" else functions


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type | ModuleType)


def _different() -> dict[tuple[str, str], list[str]]:
    """(namespace, name) -> reasons of the calls that differ."""
    import torch

    from tests.parity.test_calls_parity import differs
    from tests.sweeps.calls import exists

    found: dict[tuple[str, str], list[str]] = {}
    for call in CALLS:
        why = DIFFERENT.get(call.text, "")
        if not why and exists(call, torch) and differs(call):
            why = "values"
        if why:
            found.setdefault((space_of(call), call.name), []).append(why)
    return found


def _wrapped(words: list[str]) -> Iterator[str]:
    line = ""
    for word in words:
        if len(line) + len(word) > 98:
            yield line
            line = ""
        line += (" " if line else "") + word
    yield line


def page() -> str:
    """The page's text."""
    import torch

    calls, different = counts(), _different()
    lists = {space: names(space) for space in SPACES}
    rows, parts = [], []
    for space, own in lists.items():
        place = home(space)
        present = [n for n in own if place is not None and hasattr(place, n)]
        absent = [n for n in own if n not in present]
        total = sum(calls[space, n] for n in present)
        bad = {n: different[space, n] for n in present if (space, n) in different}
        rows.append(
            f"| `{space}` | {len(own)} | {len(present)} | {total} | "
            f"{sum(len(whys) for whys in bad.values())} |"
        )
        parts += ["", f"## `{space}`", "", "Present, with the number of sample calls:", ""]
        words = [f"`{n}` {calls[space, n]}" if calls[space, n] else f"`{n}`" for n in present]
        parts += list(_wrapped(words)) if words else ["none"]
        if bad:
            parts += ["", "Different:", "", "| name | calls | why |", "|---|---|---|"]
            parts += [f"| {n} | {len(whys)} | {whys[0]} |" for n, whys in bad.items()]
        if absent:
            parts += ["", "Absent:", ""]
            groups: dict[str, list[str]] = {}
            for name in absent:
                groups.setdefault(reason(name), []).append(f"`{name}`")
            parts += [f"- {why}: {', '.join(group)}" for why, group in sorted(groups.items())]
    about = ABOUT.format(version=torch.__version__.split("+")[0])
    head = [
        "# PyTorch's public names",
        "",
        *about.strip().splitlines(),
        "",
        "| namespace | public names | present | calls compared | different |",
        "|---|---|---|---|---|",
        *rows,
    ]
    return "\n".join([*head, *parts]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
