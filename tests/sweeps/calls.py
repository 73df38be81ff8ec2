"""Sample calls of everything public: what sweeps over all ops run through.

`CALLS` has at least one `Call` for every function in `corex`, every op-like method of `Tensor`
(also in place), and every function of `corex.nn.functional`. Elementwise ops, reductions, in-place
forms and operators get theirs from the tables of ops, so a new one is swept without anyone
remembering; the others stand in the files of `samples/`, and `test_calls.py` fails for a public
name that has none.

A line of `samples/` is run by corex and by PyTorch alike. `name(...)` is `corex.name`, `.name(a,
...)` the method or property of `a`, `F.name(...)` a function of `nn.functional`,
`linalg.name(...)` one of `linalg`, and so for `fft`. Names of tensors are those of
`arguments.TENSORS`; the rest are literals. Marks in front: `-` without gradients (the result does
not vary smoothly, or the function takes none), `~` the values are random or not defined, so that
only shape, dtype and strides can be compared. A call that modifies its first argument gives that
argument as its result.

    for call in CALLS:
        ours = run(call, corex, layout="transposed", gradients=True)
        theirs = run(call, torch, layout="transposed", gradients=True)

- `call.text` is the call's id, such as `softmax(a, 1)`; `call.name` the function's name;
  `call.where` is 'function', 'method', 'functional', 'linalg' or 'fft'. `call.values` says whether
  values can be compared (they cannot where they are random), `call.smooth` whether gradients can,
  `call.inplace` whether the first argument is modified (it is then the result).
- `call.args` and `call.kwargs` are `TensorArg` (name, shape in letters, kind of elements), `Given`
  (value, parameter name, role: number, real, dim, size, count, flag, choice, data, none),
  `DTypeArg` and `Listed`.
- `exists(call, library)` is False for the few methods that PyTorch does not have.
- `build(call, library, ...)` makes the arguments for corex or PyTorch, with the same elements:
  `layout` is a key of `arguments.LAYOUTS`, or a dict from tensor names to keys; `sizes` gives
  letters of the shapes other sizes (`{"N": 0}`); `dtypes` gives tensors, by name, another dtype.
- `run(call, library, ...)` builds, calls and, with `gradients=True`, runs backward from every
  output; the `Outcome` has `value`, `grads` by tensor name, and `error` (the exception), if any.
- `slots(call)` lists the plain arguments, and `replaced(call, slot, value)` is the call with
  another value in one of them: for sweeps over bad or extreme arguments. `slots(call,
  tensors=True)` lists the tensors too.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import corex
from corex.ops.registration import DECLARATIONS
from corex.tensor.schema import REGISTRY
from tests.sweeps.arguments import (
    LAYOUTS,
    TENSORS,
    Arg,
    DTypeArg,
    Given,
    Listed,
    Sizes,
    TensorArg,
    new,
    role_of,
)

_FOLDER = Path(__file__).parent / "samples"
# First in this order: in-place forms and operators take the arguments of the op's first call.
_FIRST = "pointwise linalg shape indexing reduce nn create random methods".split()
SAMPLES = tuple(
    [_FOLDER / f"{family}.txt" for family in _FIRST]
    + [path for path in sorted(_FOLDER.glob("*.txt")) if path.stem not in _FIRST]
)

MODULES = ("linalg", "fft")
"""The modules whose functions are called by their names in them."""

_DTYPES = ("float64", "float32", "int64", "int32", "uint8", "bool")
_CONSTANTS = {"inf": float("inf"), "nan": float("nan"), "slice": slice, "Ellipsis": Ellipsis}


@dataclass(frozen=True)
class Call:
    """One call of one public function; see the module's docstring."""

    text: str
    name: str
    where: str
    args: tuple[Arg, ...]
    kwargs: dict[str, Arg] = field(default_factory=dict, hash=False)
    values: bool = True
    smooth: bool = True

    @property
    def inplace(self) -> bool:
        """Whether the first argument is modified."""
        if self.name.startswith("__"):
            return self.name == "__setitem__" or self.name in _INPLACE_OPERATORS
        return self.name.endswith("_")

    @property
    def target(self) -> Any:
        """What corex calls: a function, or a property."""
        if self.where == "method":
            return inspect.getattr_static(corex.Tensor, self.name)
        return getattr(_owner(self, corex), self.name)

    def tensors(self) -> list[TensorArg]:
        """The tensor arguments, each once."""
        found: dict[str, TensorArg] = {}
        for argument in _flat((*self.args, *self.kwargs.values())):
            if isinstance(argument, TensorArg):
                found[argument.name] = argument
        return list(found.values())


def _flat(arguments: tuple[Arg, ...]) -> Iterator[Arg]:
    for argument in arguments:
        if isinstance(argument, Listed):
            yield from _flat(argument.items)
        else:
            yield argument


# ---- from text to calls ----------------------------------------------------------------------
def parse(line: str) -> Call:
    """The call that a line of `samples/` describes."""
    marks, code = line[0], line
    if marks in "-~":
        code = line[1:]
    where = "function"
    if code.startswith("."):
        where, code = "method", code[1:]
    elif code.startswith("F."):
        where, code = "functional", code[2:]
    elif code.split(".", 1)[0] in MODULES:
        where, code = code.split(".", 1)
    node = ast.parse(code, mode="eval").body
    assert isinstance(node, ast.Call), line
    assert isinstance(node.func, ast.Name), line
    call = Call(line.lstrip("-~"), node.func.id, where, (), {}, marks != "~", marks not in "-~")
    positional, rest = _parameters(call)
    args = []
    for i, item in enumerate(node.args):
        args.append(_argument(item, positional[i] if i < len(positional) else rest))
    kwargs = {k.arg: _argument(k.value, k.arg) for k in node.keywords if k.arg is not None}
    return replace(call, args=tuple(args), kwargs=kwargs)


def _parameters(call: Call) -> tuple[list[str], str]:
    """Names of the positional parameters, and of what takes any number of arguments."""
    target = call.target
    if isinstance(target, property):
        return ["self"], ""
    parameters = inspect.signature(target).parameters.values()
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")
    if rest in ("args", "others") and call.name.endswith("_"):
        base = corex.ops.functions.get(_base(call.name))
        if base is not None:
            return list(inspect.signature(base).parameters), rest
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)]
    return named, rest


def _argument(node: ast.expr, param: str) -> Arg:
    if isinstance(node, ast.Name):
        if node.id in TENSORS:
            return TENSORS[node.id]
        if node.id in _DTYPES:
            return DTypeArg(node.id)
    if isinstance(node, ast.List | ast.Tuple):
        items = tuple([_argument(item, param) for item in node.elts])
        if any(not isinstance(item, Given) for item in items):
            return Listed(list if isinstance(node, ast.List) else tuple, items)
    value = eval(compile(ast.Expression(node), "<call>", "eval"), dict(_CONSTANTS))
    return Given(value, param, role_of(param, value))


# ---- calls that follow from the tables of ops ------------------------------------------------
_INPUT = {
    **dict.fromkeys("sqrt rsqrt reciprocal log log2 log10".split(), "pos"),
    **dict.fromkeys("asin acos atanh log1p tan".split(), "unit"),
    "acosh": "big",
}
"""Where the input of a function of one tensor comes from, if not from the whole line."""

_SECOND = dict.fromkeys("div floor_divide remainder fmod pow".split(), "pos")
_FIRST = {"pow": "pos"}
_STEPS = ("floor_divide", "floor", "ceil", "round", "trunc", "sign")

_BINARY_OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide",
    "mod": "remainder", "pow": "pow", "and": "bitwise_and", "or": "bitwise_or",
    "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
    "eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge",
}  # fmt: skip
_INPLACE_OPERATORS = {f"__i{name}__": op for name, op in _BINARY_OPERATORS.items()}
del _INPLACE_OPERATORS["__ine__"], _INPLACE_OPERATORS["__ieq__"]


def _family_lines() -> Iterator[str]:
    for name, schema in REGISTRY.items():
        if name not in corex.ops.functions:
            continue
        mark = "" if schema.differentiable and name not in _STEPS else "-"
        if schema.family in ("unary", "predicate"):
            first = _INPUT.get(name, "a") if corex.float64 in schema.takes else "i"
            yield f"{mark}{name}({first})"
        elif schema.family in ("binary", "compare"):
            floats = corex.float64 in schema.takes
            first = _FIRST.get(name, "a") if floats else "i"
            second = _SECOND.get(name, "b") if floats else "j"
            yield f"{mark}{name}({first}, {second})"
            if floats:
                yield f"{mark}{name}({first}, {'V' if second == 'pos' else 'v'})"
                yield f"{mark}{name}(c, v)"
        elif schema.family == "reduce":
            yield from (f"{mark}{name}({rest})" for rest in ("a", "a, 1", "a, 0", "t, 1"))


def _base(name: str) -> str:
    """The op behind an in-place form."""
    base = name.removesuffix("_")
    return _FIRST_NAMES.get(base, base)


_FIRST_NAMES = {name: d.names[0] for d in DECLARATIONS if d.function for name in d.names}


def _derived_lines(known: dict[str, str], written: set[str]) -> Iterator[str]:
    """Operators and in-place forms, with the arguments of the op's first call."""
    for name in corex.ops.methods:
        if f".{name}" in written:
            continue
        if name.startswith("__"):
            short = name.strip("_")
            op = _BINARY_OPERATORS.get(short, _BINARY_OPERATORS.get(short[1:], ""))
            if op in known and (short in _BINARY_OPERATORS or short[0] == "i"):
                yield _moved(known[op], name)
        elif name.endswith("_") and _base(name) in known:
            yield _moved(known[_base(name)], name)


def _moved(line: str, name: str) -> str:
    mark = line[0] if line[0] in "-~" else ""
    return f"{mark}.{name}({line.split('(', 1)[1]}"


def _name(line: str) -> str:
    return line.lstrip("-~").split("(", 1)[0]


def all_calls() -> list[Call]:
    """Every sample call, those that the tables imply first."""
    literal = [line for path in SAMPLES for line in path.read_text().splitlines()]
    literal = [line for line in literal if line and not line.startswith("#")]
    lines = [*_family_lines(), *literal]
    known: dict[str, str] = {}
    for line in lines:
        known.setdefault(_name(line).removeprefix("F."), line)
    lines += _derived_lines(known, {_name(line) for line in lines})
    return [parse(line) for line in dict.fromkeys(lines)]


# ---- making and running ----------------------------------------------------------------------
class Built(NamedTuple):
    """A call's arguments for one library.

    Attributes:
        args, kwargs: what is passed.
        tensors: the tensor arguments by name.
        leaves: what receives gradients, by name: the argument itself, or, for the argument that an
            in-place call modifies, the tensor that it is a copy of.
    """

    args: list[Any]
    kwargs: dict[str, Any]
    tensors: dict[str, Any]
    leaves: dict[str, Any]


def build(
    call: Call,
    library: Any,
    layout: str | dict[str, str] = "contiguous",
    gradients: bool = False,
    sizes: Sizes | None = None,
    dtypes: dict[str, str] | None = None,
) -> Built:
    """The arguments of a call for corex or PyTorch; see the module's docstring."""
    built = Built([], {}, {}, {})
    first = call.args[0].name if call.args and isinstance(call.args[0], TensorArg) else ""

    def tensor(argument: TensorArg) -> Any:
        name = argument.name
        if name in built.tensors:
            return built.tensors[name]
        chosen = layout if isinstance(layout, str) else layout.get(name, "contiguous")
        placed = LAYOUTS[chosen](argument.array(sizes, (dtypes or {}).get(name)))
        whole = new(library, placed.memory)
        inexact = whole.dtype.is_floating_point or whole.dtype.is_complex
        wants = gradients and argument.gradient and inexact
        if wants and call.inplace and name == first:
            built.leaves[name] = whole.requires_grad_()
            made = placed.view(whole.clone())
        else:
            made = placed.view(whole)
            if wants:
                built.leaves[name] = made = made.detach().requires_grad_()
        built.tensors[name] = made
        return made

    def value(argument: Arg) -> Any:
        if isinstance(argument, TensorArg):
            return tensor(argument)
        if isinstance(argument, DTypeArg):
            return getattr(library, argument.name)
        if isinstance(argument, Listed):
            return argument.kind([value(item) for item in argument.items])
        return argument.value

    built.args.extend([value(argument) for argument in call.args])
    built.kwargs.update({name: value(argument) for name, argument in call.kwargs.items()})
    return built


def find(call: Call, library: Any) -> Callable[..., Any]:
    """The function of corex or PyTorch that a call calls."""
    if call.where == "method":

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            bound = getattr(self, call.name)
            return bound(*args, **kwargs) if callable(bound) else bound

        return method
    functional = library.nn.functional
    # PyTorch has some functions of corex there alone.
    there = call.where == "function" and not hasattr(library, call.name)
    found: Callable[..., Any] = getattr(functional if there else _owner(call, library), call.name)
    return found


def _owner(call: Call, library: Any) -> Any:
    """The module that has the function."""
    if call.where in MODULES:
        return getattr(library, call.where)
    return library.nn.functional if call.where == "functional" else library


def exists(call: Call, library: Any) -> bool:
    """Whether the library has the function."""
    if call.where == "method":
        return hasattr(library.Tensor, call.name)
    if call.where in MODULES:
        return hasattr(getattr(library, call.where), call.name)
    return hasattr(library, call.name) or hasattr(library.nn.functional, call.name)


def invoke(call: Call, library: Any, built: Built) -> Any:
    """Calls, and returns the result: of an in-place call, the tensor modified."""
    result = find(call, library)(*built.args, **built.kwargs)
    return built.args[0] if call.inplace else result


class Outcome(NamedTuple):
    """What came of a call: the result and gradients, or the exception."""

    value: Any = None
    grads: dict[str, Any] = {}  # noqa: RUF012
    error: Exception | None = None
    built: Built | None = None


def run(
    call: Call,
    library: Any,
    layout: str | dict[str, str] = "contiguous",
    gradients: bool = False,
    sizes: Sizes | None = None,
    dtypes: dict[str, str] | None = None,
) -> Outcome:
    """Builds, calls and, if wanted, runs backward. Exceptions are caught; warnings ignored."""
    gradients = gradients and call.smooth
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        built = build(call, library, layout, gradients, sizes, dtypes)
        try:
            value = invoke(call, library, built)
            if gradients:
                backward(library, value)
        except Exception as error:
            return Outcome(error=error, built=built)
    grads = {name: leaf.grad for name, leaf in built.leaves.items()}
    return Outcome(value, grads, None, built)


def tensors_of(value: Any) -> Iterator[Any]:
    """All tensors in a nest of tuples, lists and dicts."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from tensors_of(item)
    elif hasattr(value, "requires_grad"):
        yield value


def array_of(t: Any) -> Any:
    """The elements of a tensor of either library; PyTorch's conjugates are computed before."""
    return t.detach().resolve_conj().resolve_neg().numpy()


def backward(library: Any, value: Any) -> None:
    """Backward from every output, with gradients that differ from element to element."""
    for t in tensors_of(value):
        if t.requires_grad and t.grad_fn is not None:
            weight = np.cos(np.arange(t.numel()) * 0.7 + 0.3) + 0.2
            weight = weight.astype(str(t.dtype).split(".")[1]).reshape(tuple(t.shape))
            t.backward(new(library, weight), retain_graph=True)


# ---- other arguments in a call ---------------------------------------------------------------
class Slot(NamedTuple):
    """Where an argument stands: its position or keyword, and what is there."""

    key: int | str
    argument: Arg


def slots(call: Call, tensors: bool = False) -> list[Slot]:
    """The plain arguments of a call, and on request its tensors (not those inside of lists)."""
    found = [Slot(key, arg) for key, arg in [*enumerate(call.args), *call.kwargs.items()]]
    kinds = (Given, TensorArg) if tensors else (Given,)
    return [slot for slot in found if isinstance(slot.argument, kinds)]


def replaced(call: Call, slot: Slot, value: Any) -> Call:
    """The call with another value, any Python object, in a slot."""
    given = Given(value, getattr(slot.argument, "param", ""), "data")
    if isinstance(slot.key, str):
        return replace(call, kwargs={**call.kwargs, slot.key: given})
    args = list(call.args)
    args[slot.key] = given
    return replace(call, args=tuple(args))


CALLS = all_calls()
"""Every sample call."""
