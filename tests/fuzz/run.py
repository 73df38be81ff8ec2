"""Running a program in PyTorch and in corex, step by step, and saying where they part."""

from __future__ import annotations

import importlib
import re
import warnings
import weakref
from collections.abc import Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np

import corex
from tests.fuzz.functions import functions
from tests.fuzz.generate import Program

LENGTH = 14
_SAVE_LESS = ("clamp", "> 0", ".var(", ".logsumexp(", ".prod(")
_OWN_REASONS = (
    "this checkpoint() is not necessary",  # corex knows one kind of checkpoint, which needs no such
    "A different number of tensors was saved",  # arguments keep their places in the graph
    "Recomputed values for the following tensors",  # likewise
    "has been detached in-place",  # likewise
    "some elements of the input tensor and the written-to tensor",  # one and the same element
    "INTERNAL ASSERT FAILED",
    "has been moved into the graph interior",  # a leaf that was detached, and written after
)
# The first that an error is: one of a missing attribute may be a RuntimeError, too.
_BUILT_IN = (IndexError, TypeError, ValueError, RuntimeError, AttributeError, NameError)


@lru_cache(maxsize=4096)
def _code(statement: str) -> CodeType:
    return compile(statement, "<program>", "exec")


@lru_cache
def _given(name: str) -> dict[str, Any]:
    lib = importlib.import_module(name)
    tools = importlib.import_module(f"{name}.utils.checkpoint")
    return {"lib": lib, "checkpoint": tools.checkpoint, **functions(lib)}


class Side:
    """One library's run."""

    def __init__(self, name: str) -> None:
        self.names: dict[str, Any] = dict(_given(name))
        self.log: list[Any] = []
        self.names["log"] = self.log
        self.names["kept"] = []
        self.kind = self.names["lib"].Tensor

    def step(self, statement: str) -> str | None:
        """Runs one statement; the kind of exception that it raises, or None."""
        try:
            exec(_code(statement), self.names)
        except Exception as error:
            self.error = error
            return next((k.__name__ for k in _BUILT_IN if isinstance(error, k)), repr(error))
        return None

    def tensors(self) -> dict[str, Any]:
        return {
            name: t for name, t in self.names.items() if name[0] == "t" and isinstance(t, self.kind)
        }


def _ask(t: Any, what: str) -> Any:
    try:
        return getattr(t, what)
    except RuntimeError:
        return "RuntimeError"


def _steps(shape: Sequence[int], strides: Sequence[int]) -> list[int]:
    """The strides that matter."""
    return [stride for size, stride in zip(shape, strides, strict=True) if size != 1]


def _values(t: Any) -> Any:
    return t.detach().numpy()


def _totals(log: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What each hook saw, in one entry: its name and the sums of its numbers."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name, *numbers in log:
        found.setdefault(name, []).append(tuple(numbers))
    return [(name, *map(sum, zip(*parts, strict=True))) for name, parts in found.items()]


def _differ(mine: Any, theirs: Any, loose: bool) -> bool:
    a, b = _values(mine), _values(theirs)
    if a.shape != b.shape or a.dtype != b.dtype:
        return True
    if a.dtype.kind in "ib":
        return not np.array_equal(a, b)
    tolerance = 2e-4 if loose else 1e-9
    with np.errstate(all="ignore"):
        return not np.allclose(a, b, tolerance, tolerance, equal_nan=True)


def _compare(name: str, mine: Any, theirs: Any, deep: bool, loose: bool) -> str | None:
    """What is different about a tensor, corex's and PyTorch's."""
    if mine.dtype.name != str(theirs.dtype).removeprefix("torch."):
        return f"{name}.dtype is {mine.dtype}, not {theirs.dtype}"
    if mine.shape != tuple(theirs.shape):
        return f"{name}.shape is {mine.shape}, not {tuple(theirs.shape)}"
    for what in ("requires_grad", "is_leaf") if deep else ("requires_grad",):
        a, b = _ask(mine, what), _ask(theirs, what)
        if a != b:
            return f"{name}.{what} is {a}, not {b}"
    if mine._is_view() != theirs._is_view():
        return f"{name}._is_view() is {mine._is_view()}, not {theirs._is_view()}"
    base = theirs._base
    if (
        base is not None
        and mine._base.strides == base.stride()
        and _steps(mine.shape, mine.strides) != _steps(mine.shape, theirs.stride())
    ):
        return f"{name}.stride() is {mine.strides}, not {theirs.stride()}"
    if _differ(mine, theirs, loose):
        return f"{name} is {_values(mine).tolist()}, not {_values(theirs).tolist()}"
    a, b = mine.grad, theirs.grad
    if mine.retains_grad and not theirs.retains_grad and b is None:
        return None  # a view that PyTorch took for a leaf, as nobody had asked for its node
    if (a is None) != (b is None):
        return f"{name}.grad is {a}, not {b}"
    if a is not None and _differ(a, b, loose):
        return f"{name}.grad is {_values(a).tolist()}, not {_values(b).tolist()}"
    return None


def _of_gradients(found: str, theirs: Any) -> bool:
    """Whether a difference is one that gradients may have: views are none in corex, and those of
    tensors without elements may be parts of a graph."""
    return "_is_view() is False" in found or (not theirs.numel() and ".requires_grad " in found)


class DifferenceError(Exception):
    """corex did something else than PyTorch."""


class Pair:
    """Both runs."""

    def __init__(self, deep: bool) -> None:
        self.mine, self.theirs = Side("corex"), Side("torch")
        self.deep = deep
        self.ended = False
        self.loose = False  # whether there is float32
        self.gradients: set[str] = set()
        self.saving: list[str] = []
        self.versions: dict[str, tuple[Any, int]] = {}
        # Whether PyTorch calls the hooks of what a checkpoint's function reads once for each pass
        # within the pass, with a part of the gradient.
        self.parts = False
        self.recomputed = False  # whether there is a checkpoint
        self.counts = True  # whether versions are compared: PyTorch's stay with a replaced memory

    def step(self, statement: str) -> None:
        """Runs a statement in both.

        Raises:
            DifferenceError: they part.
        """
        self.saving += [word for word in _SAVE_LESS if word in statement]
        self.loose = self.loose or any(k in statement for k in ("float32", ".float()", "int64"))
        if "autograd.grad" in statement:
            # PyTorch's may be views of what nobody sees.
            self.gradients.add(statement.split(",")[0].split()[-1])
        self.recomputed = self.recomputed or "checkpoint(" in statement
        self.parts = self.parts or "use_reentrant=True" in statement
        self.counts = self.counts and ".data = " not in statement
        if self.leaves_graph_behind(statement):
            self.ended = True
            return
        expected = self.theirs.step(statement)
        found = self.mine.step(statement)
        if found is None and expected is not None and self.looks_late():
            expected = self.theirs.step(statement)
        if found is None and expected is not None and self.keeps_less(statement):
            self.ended = True
            return
        if found != expected and found is not None and self.differs_by_design(statement):
            self.ended = True
            return
        if found != expected:
            shown = self.mine.error if found else self.theirs.error
            raise DifferenceError(f"raised {found}, not {expected}: {shown}")
        if expected is not None and ("backward" in statement or "autograd.grad" in statement):
            self.ended = True  # what a pass has done before it failed depends on its order
            return
        self.check()

    def leaves_graph_behind(self, statement: str) -> bool:
        """Whether a graph knows nothing of what the statement does, so that what follows depends on
        what either library keeps."""
        if ".data." in statement and ".prod(" in self.saving:
            return True  # PyTorch saves the result of a product
        if ".data" in statement and self.recomputed and not statement.endswith(".data"):
            return True  # PyTorch computes again from what is there then
        turned = re.search(r"no_grad\(\):\n +(t\d+)\.(t|squeeze|unsqueeze|transpose)_\(", statement)
        if turned is None or turned[1] not in self.theirs.tensors():
            return False
        return bool(self.theirs.names[turned[1]].requires_grad)  # graphs note shapes in PyTorch

    def looks_late(self) -> bool:
        """Whether PyTorch took a view for a leaf, because a write by another way gave its base a
        node and nobody has asked for the view's since. Then it is asked for here."""
        if "a leaf Variable that requires grad" not in str(self.theirs.error):
            return False
        for t in self.theirs.tensors().values():
            _ask(t, "grad_fn")
        return True

    def keeps_less(self, statement: str) -> bool:
        """Whether PyTorch refuses a pass only because it saved a tensor that corex does not need,
        or for another reason of its own.

        corex saves masks where PyTorch saves inputs (`clamp`), or the values of an index.
        """
        error = str(self.theirs.error)
        if any(reason in error for reason in _OWN_REASONS):
            return True
        if " view" in error and any(
            t._is_view() and name in re.findall(r"\w+", statement) and self.is_gradient(name)
            for name, t in self.theirs.tensors().items()
        ):
            return True  # corex returns no views
        if "retain_grad" in statement and " view " in error:
            return True  # where nothing is recorded, corex does not ask for its node
        if "inputs=[" in statement and "by an inplace" in error:
            return True  # PyTorch also runs the nodes of what the pass is to end at
        return "a second time" in error or (bool(self.saving) and "by an inplace" in error)

    def differs_by_design(self, statement: str) -> bool:
        """Whether corex refuses what PyTorch does not, or in another way, and means to."""
        error = str(self.mine.error)
        if "a checkpointed function reads" in error:
            return True  # PyTorch computes from what was changed
        if "by an inplace" in error and self.recomputed:
            return True  # likewise
        if "refers to a single memory" in error:  # gradients of means and sums may be expanded
            words = re.findall(r"\w+", statement)
            return any(name in words and self.is_gradient(name) for name in self.mine.tensors())
        if "inplace with grad mode enabled" in error and isinstance(self.theirs.error, TypeError):
            return True  # which of two mistakes is told first
        if "a second time" in error and "inputs=[" in statement:
            return True  # PyTorch's product of matrices ends in a view, which keeps nothing
        if not isinstance(self.mine.error, IndexError):
            return False
        # What is empty has no entries to take, whatever else there is to say against it.
        theirs = str(self.theirs.error)
        return ".unbind(" in statement or "setStorage" in theirs or " view " in theirs

    def is_gradient(self, name: str) -> bool:
        """Whether the tensor is what `autograd.grad` returned, by whatever name."""
        t = self.mine.names[name]
        return any(t is self.mine.names.get(gradient) for gradient in self.gradients)

    def check(self) -> None:
        mine, theirs = self.mine.tensors(), self.theirs.tensors()
        # corex's results are row-major where PyTorch's keep the order of the inputs' dims; what
        # follows may then be a view in one and a copy in the other.
        for name, t in theirs.items():
            if name in mine and t.is_contiguous() != mine[name].is_contiguous():
                self.ended = self.ended or mine[name].is_contiguous() or self.is_gradient(name)
        for name in theirs:
            if name not in mine:
                raise DifferenceError(f"there is no tensor {name}")
            found = _compare(name, mine[name], theirs[name], self.deep, self.loose)
            if found is not None and not (
                self.is_gradient(name) and _of_gradients(found, theirs[name])
            ):
                raise DifferenceError(found)
            # How often an op itself wrote to its result is its own business.
            a, b = mine[name]._version, theirs[name]._version
            first = self.versions.get(name)
            if first is None or first[0]() is not mine[name]:
                self.versions[name] = (weakref.ref(mine[name]), a - b)
            elif a - b != first[1] and self.counts:
                raise DifferenceError(f"{name}._version is {a}, not {b + first[1]}")
        a, b = sorted(self.mine.log, key=str), sorted(self.theirs.log, key=str)
        if self.parts:
            a, b = _totals(a), _totals(b)
        same = [x[0] for x in a] == [y[0] for y in b]
        if not same or any(not np.allclose(x[1:], y[1:], 1e-4, 1e-4, equal_nan=True)
                           for x, y in zip(a, b, strict=True)):  # fmt: skip
            raise DifferenceError(f"hooks saw {a}, not {b}")


def run(statements: Sequence[str], deep: bool) -> str | None:
    """Runs a program; the first difference, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pair = Pair(deep)
        for number, statement in enumerate(statements):
            try:
                pair.step(statement)
            except DifferenceError as difference:
                return f"after step {number + 1}: {difference}"
            if pair.ended:
                break
    return None


class FailureError(Exception):
    """A program in which the libraries part: its text can be run."""


def program(seed: int) -> None:
    """Draws the program of a seed and runs it.

    Raises:
        FailureError: the libraries part; its text is the smallest such program that was found.
    """
    drawn = Program(seed)
    deep = drawn.random.random() < 0.5
    statements: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pair = Pair(deep)
        for _ in range(drawn.random.randrange(5, LENGTH)):
            statements.append(drawn.next())
            try:
                pair.step(statements[-1])
            except DifferenceError:
                break
            if pair.ended:
                return
            drawn.tensors = pair.theirs.tensors()
        else:
            return
    small, difference = shrink(statements, deep)
    raise FailureError(text(small, seed, difference))


def shrink(statements: list[str], deep: bool) -> tuple[list[str], str]:
    """Leaves out steps as long as the libraries part."""
    difference = run(statements, deep)
    if difference is None:
        return statements, "(the difference does not come again)"
    shorter = True
    while shorter:
        shorter = False
        for at in range(len(statements) - 1, -1, -1):
            fewer = statements[:at] + statements[at + 1 :]
            found = run(fewer, deep)
            if found is not None and "no tensor" not in found:
                statements, difference, shorter = fewer, found, True
    return statements, difference


def text(statements: Sequence[str], seed: int, difference: str) -> str:
    """A program to run by itself: `python program.py corex` or `... torch`."""
    lines = [
        f"# Seed {seed}. {difference}",
        "import importlib, sys",
        "lib = importlib.import_module(sys.argv[1])",
        "checkpoint = importlib.import_module(sys.argv[1] + '.utils.checkpoint').checkpoint",
        "log, kept = [], []",
    ]
    if any(".apply(" in s for s in statements):
        lines += ["from tests.fuzz.functions import functions", "globals().update(functions(lib))"]
    return "\n".join([*lines, *statements, ""])


def seeds(first: int, count: int, backend: str = "cpu_c", show: int = 10) -> list[str]:
    """Runs the programs of `count` seeds; the texts of those that fail, `show` at most."""
    failures: list[str] = []
    with corex.use_backend(backend):
        for seed in range(first, first + count):
            try:
                program(seed)
            except FailureError as failure:
                failures.append(str(failure))
                if len(failures) >= show:
                    break
    return failures
