"""The short cuts: flat functions for dense operands, generated from one template.

The gate (`bind`, `launch`, `record`) is what an op means; a generated function does the same for
the common case, without a helper in between, because the most travelled code of corex is measured
in tens of nanoseconds: it asks the dispatch key for a direct kernel, makes the result around the
kernel's buffer, and hangs the node on it. Where anything is not as expected (a stride, another
dtype, no direct kernel) the caller goes on to the gate. `tests/dispatch/test_template.py` holds
every short cut against the gate.

In the texts that declarations give, `{a}` stands for the two arguments `a.storage_.buffer,
a.offset` of a direct kernel.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatch import levels
from corex.dispatch.notes import note
from corex.generated import NAME, Table, function_when_called
from corex.layout import COUNT
from corex.tensor.modes import mode
from corex.tensor.node import OpNode
from corex.tensor.place import DispatchKey, closed
from corex.tensor.schema import OpSchema
from corex.tensor.storage import Storage
from corex.tensor.tensor import TENSOR_TYPES, Tensor, wrap

SHORT_CUTS: Table[list[Callable[..., Any]]] = Table()
"""Every generated function, by the name of its op."""

_SCOPE: dict[str, Any] = {
    "__name__": __name__,
    "mode": mode, "new": object.__new__, "Storage": Storage, "Tensor": Tensor, "OpNode": OpNode,
    "TENSOR_TYPES": TENSOR_TYPES, "wrap": wrap, "BOOL": dt.bool_.index,
    "COUNT": COUNT, "levels": levels, "note": note,
}  # fmt: skip

_Write = Callable[[dict[str, Any]], str]
"""Writes the text of a function, and enters what it refers to into a scope."""

_WRAP = """\
storage = new(Storage)
storage.buffer = buffer
storage.place = key.place
storage.version = 0
result = new(Tensor)
result.storage_ = storage
result.key = {key}
result.shape = {shape}
result._strides = None
result.offset = 0
result._node = None
"""

# A second tensor over the result: to save the result itself would be a cycle.
_KEEP = """\
kept = new(Tensor)
kept.storage_ = storage
kept.key = result.key
kept.shape = result.shape
kept._strides = None
kept.offset = 0
kept._node = None
"""

_NODE = """\
node = new(OpNode)
node.plan = plan_{number}
node.edges = {edges}
node.params = {params}
node.shapes = None
node.saved = {saved}
node.versions = {versions}
result._node = node
"""


_CALL = """\
try:
    buffer = {call}
except Exception as error:
    note(error, {op!r}, key.place, {shown})
    raise
"""


# ---- pieces of source ----------------------------------------------------------------------------
def _indented(text: str, by: int) -> str:
    return "".join(f"{'    ' * by}{line}\n" for line in text.splitlines())


def _tuple(items: Sequence[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _memory(text: str) -> str:
    return re.sub(r"\{(\w+)\}", r"\1.storage_.buffer, \1.offset", text)


def _recording(
    schema: OpSchema, names: Sequence[str], scope: dict[str, Any], params: str, loose: str = ""
) -> str:
    """Makes the node, if any input (whose nodes are in n0, n1, ...) has one.

    `loose` is the name of an input that may be a number or None, and then has no version.
    """
    if not schema.differentiable:
        return ""
    count = len(names)
    choices = [needs for needs in itertools.product((True, False), repeat=count) if any(needs)]
    text = f"if ({' or '.join(f'n{i} is not None' for i in range(count))}) and mode.enabled:\n"
    for number, needs in enumerate(choices):
        plan = scope[f"plan_{number}"] = schema.plan(needs)
        keeps = any(position >= count for position in plan.save)
        if count > 1:
            asked = " and ".join(f"n{i} is {'not ' * need}None" for i, need in enumerate(needs))
            text += f"    {'elif' if number else 'if'} {asked}:\n"
        saved, versions = _saved(plan.save, names, loose)
        edges = [
            f"(n{i}, {name}._output_nr)" if need else "(None, 0)"
            for i, (name, need) in enumerate(zip(names, needs, strict=True))
        ]
        body = (_KEEP if keeps else "") + _NODE.format(
            number=number, edges=_tuple(edges), params=params, saved=saved, versions=versions
        )
        text += _indented(body, 2 if count > 1 else 1)
    return text


def _saved(save: Sequence[int], names: Sequence[str], loose: str) -> tuple[str, str]:
    saved, versions = [], []
    for position in save:
        if position < 0:
            saved.append(f"{names[-1 - position]}.shape")
            versions.append("None")
        elif position >= len(names):
            saved.append("kept")
            versions.append("0")
        else:
            name = names[position]
            saved.append(name)
            version = f"{name}.storage_.version"
            versions.append(f"{version} if type({name}) in TENSOR_TYPES else None"
                            if name == loose else version)  # fmt: skip
    return _tuple(saved), _tuple(versions)


def _function(
    op: str, name: str, first: Callable[..., Any], write: _Write, doc: str = ""
) -> Callable[..., Any]:
    function = function_when_called(first, name, f"short cut of {op}", write, _SCOPE)
    function.__doc__ = doc
    function.__module__ = "corex"
    SHORT_CUTS.setdefault(op, []).append(function)
    return function


def _result_key(schema: OpSchema) -> str:
    return "key.place.keys[BOOL]" if schema.family in ("compare", "predicate") else "key"


# ---- what is called first: see `function_when_called` --------------------------------------------
def ready() -> Callable[..., Any]:
    """Each function has its own."""
    raise NotImplementedError


def _first_unary(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    return ready()(input, out=out)  # type: ignore[no-any-return]


def _first_binary(self: Tensor, other: Any) -> Any:
    return ready()(self, other)


def _first_flat(*inputs):  # type: ignore[no-untyped-def]
    return ready()(*inputs)


def _first_backward(node, grad):  # type: ignore[no-untyped-def]
    return ready()(node, grad)


# ---- elementwise ops -----------------------------------------------------------------------------
def unary(schema: OpSchema, otherwise: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function of a unary op; `otherwise(input, out)` sees to what is not dense."""

    def write(scope: dict[str, Any]) -> str:
        scope["otherwise"] = otherwise
        return _unary_text(schema, scope)

    return _function(schema.name, schema.name, _first_unary, write, schema.doc)


def _unary_text(schema: OpSchema, scope: dict[str, Any]) -> str:
    source = f"""\
def {NAME}(input, *, out=None):
    if type(input) in TENSOR_TYPES and input._strides is None and out is None:
        key = input.key
        direct = key.direct[{NAME!r}]
        if direct is not None:
"""
    call = "direct(input.shape, input.storage_.buffer, input.offset)"
    source += _indented(_CALL.format(call=call, op=NAME, shown="(input,)"), 3)
    source += "            if buffer is not None:\n"
    source += _indented(_WRAP.format(key=_result_key(schema), shape="input.shape"), 4)
    recording = _recording(schema, ("input",), scope, "()")
    if recording:
        source += _indented("n0 = input._node\n" + recording, 4)
    return source + "                return result\n    return otherwise(input, out)\n"


_FITS = """(kind is float and key.dtype.keeps_floats) or (
    kind is int and key.dtype.kind != "b"
)"""


def binary(schema: OpSchema, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """The operator method of a binary op on tensors of one key and shape, or a tensor and a number;
    `otherwise(self, other)` sees to everything else."""

    def write(scope: dict[str, Any]) -> str:
        scope["otherwise"] = otherwise
        return _binary_text(schema, scope)

    return _function(schema.name, schema.name, _first_binary, write, schema.doc)


def _binary_text(schema: OpSchema, scope: dict[str, Any]) -> str:
    call = f"direct({_memory('shape, {self}, {other}')})"
    pair = _CALL.format(call=call, op=NAME, shown="(self, other)")
    call = "direct(shape, self.storage_.buffer, self.offset, other, 0)"
    number = _CALL.format(call=call, op=NAME, shown="(self, other)")
    source = f"""\
def {NAME}(self, other):
    kind = type(other)
    key = self.key
    if self._strides is None:
        shape = self.shape
        buffer = n1 = None
        if kind in TENSOR_TYPES:
            if other.key is key and other._strides is None and other.shape == shape:
                direct = key.direct[{NAME!r}]
                if direct is not None:
{_indented(pair, 5)}\
                    n1 = other._node
        elif {_FITS}:
            direct = key.direct[{NAME!r}]
            if direct is not None:
{_indented(number, 4)}\
        if buffer is not None:
"""
    source += _indented(_WRAP.format(key=_result_key(schema), shape="shape"), 3)
    recording = _recording(schema, ("self", "other"), scope, "()", loose="other")
    if recording:
        source += _indented("n0 = self._node\n" + recording, 3)
    return source + "            return result\n    return otherwise(self, other)\n"


def reflected(schema: OpSchema, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """The reflected operator method, `2 - a`; `otherwise(self, other)` sees to the rest."""

    def write(scope: dict[str, Any]) -> str:
        scope["otherwise"] = otherwise
        return _reflected_text(schema, scope)

    return _function(schema.name, schema.name, _first_binary, write, schema.doc)


def _reflected_text(schema: OpSchema, scope: dict[str, Any]) -> str:
    source = f"""\
def {NAME}(self, other):
    kind = type(other)
    key = self.key
    if self._strides is None and ({_FITS}):
        direct = key.direct[{NAME!r}]
        if direct is not None:
"""
    call = "direct(self.shape, other, 0, self.storage_.buffer, self.offset)"
    source += _indented(_CALL.format(call=call, op=NAME, shown="(other, self)"), 3)
    source += "            if buffer is not None:\n"
    source += _indented(_WRAP.format(key=_result_key(schema), shape="self.shape"), 4)
    recording = _recording(schema, ("other", "self"), scope, "()", loose="other")
    if recording:
        source += _indented("n0 = None\nn1 = self._node\n" + recording, 4)
    return source + "                return result\n    return otherwise(self, other)\n"


# ---- other ops -----------------------------------------------------------------------------------
def flat(
    schema: OpSchema,
    inputs: Sequence[str],
    arguments: str,
    *,
    shape: str,
    params: str = "()",
    optional: str = "",
    prepare: str = "",
) -> Callable[..., Tensor | None]:
    """A function of dense inputs, known to be of one key: the result, or None if it must be found
    by the gate.

    Args:
        inputs: their names; `optional` is the one that may be None.
        arguments: of the direct kernel.
        shape: of the result.
        params: of the node.
        prepare: statements before the call.
    """

    def write(scope: dict[str, Any]) -> str:
        return _flat_text(schema, inputs, arguments, scope, shape, params, optional, prepare)

    return _function(schema.name, schema.name, _first_flat, write)


def _flat_text(
    schema: OpSchema,
    inputs: Sequence[str],
    arguments: str,
    scope: dict[str, Any],
    shape: str,
    params: str,
    optional: str,
    prepare: str,
) -> str:
    first = inputs[0]
    strided = [
        f"{one} is not None and {one}._strides is not None"
        if one == optional
        else f"{one}._strides is not None"
        for one in inputs
    ]
    source = f"""\
def {NAME}({", ".join(inputs)}):
    if {" or ".join(strided)}:
        return None
    key = {first}.key
    direct = key.direct[{NAME!r}]
    if direct is None:
        return None
"""
    source += _indented(prepare, 1)
    call = f"direct({_memory(arguments)})"
    source += _indented(_CALL.format(call=call, op=NAME, shown=_tuple(inputs)), 1)
    source += "    if buffer is None:\n        return None\n"
    source += _indented(_WRAP.format(key="key", shape=shape), 1)
    nodes = "".join(
        f"n{i} = None if {one} is None else {one}._node\n"
        if one == optional
        else f"n{i} = {one}._node\n"
        for i, one in enumerate(inputs)
    )
    source += _indented(nodes + _recording(schema, inputs, scope, params, loose=optional), 1)
    return source + "    return result\n"


def backward(
    kernels: Sequence[str], saved: Sequence[str], body: str, guard: str = ""
) -> Callable[[OpNode, Tensor], Any]:
    """`Plan.fast` by direct kernels: gradients of dense saved tensors, or None.

    `body` calls the kernels, which have their names with `_kernel`, on `grad` and the saved
    tensors, and returns one gradient per input; `guard` is what else must hold.
    """

    def write(_: dict[str, Any]) -> str:
        return _backward_text(kernels, saved, body, guard)

    return _function(kernels[-1], "fast", _first_backward, write)


def _backward_text(kernels: Sequence[str], saved: Sequence[str], body: str, guard: str) -> str:
    name = kernels[-1]
    source = f"def {NAME}(node, grad):\n    saved = node.saved\n    key = grad.key\n"
    source += "".join(f"    {one}_kernel = key.direct[{one!r}]\n" for one in kernels)
    missing = [f"{one}_kernel is None" for one in kernels]
    missing.append("(levels.open and levels.busy())")
    source += f"    if saved is None or grad._strides is not None or {' or '.join(missing)}:\n"
    source += "        return None\n"
    source += "    for value, version in zip(saved, node.versions):\n"
    source += "        if value._strides is not None or value.storage_.version != version:\n"
    source += "            return None\n"
    if saved:
        source += f"    {_tuple(saved)[1:-1]} = saved\n"
    if guard:
        source += f"    if not ({guard}):\n        return None\n"
    source += f"    try:\n{_indented(_memory(body), 2)}"
    shown = _tuple(["grad", *saved])
    source += f"    except Exception as error:\n        note(error, {name!r}, key.place, {shown})\n"
    return source + "        raise\n"


def direct_write(key: DispatchKey, op: str, *arguments: Any) -> bool:
    """Runs a direct kernel that writes existing memory; False if there is none, or if this thread's
    ops are somebody else's."""
    direct = key.direct[op]
    if direct is None or closed():
        return False
    try:
        direct(*arguments)
    except Exception as error:
        note(error, op, key.place, arguments)
        raise
    return True


def direct_buffer(key: DispatchKey, op: str, *arguments: Any) -> Any:
    """What a direct kernel makes; None if there is none."""
    direct = key.direct[op]
    if direct is None:
        return None
    try:
        return direct(*arguments)
    except Exception as error:
        note(error, op, key.place, arguments)
        raise
