"""Ops that come with plugins: `NewOp`, and entering what the hook `corex_ops` brings.

    @hookimpl
    def corex_ops():
        return [NewOp(OpSchema("cube", ("a",), derivative={"a": lambda g, a: g * (a * a * 3)},
                               decomposition=lambda a: a * a * a, family="unary", doc="a ** 3."))]

makes `corex.ops.cube`, on every backend: by the kernel that a backend or a plugin has for it
(`corex_select_kernel` is asked for `cube` as for any op), else by its decomposition. It stands in
the registry of ops as long as its plugin is registered. There is no method `Tensor.cube`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, NamedTuple

from corex.dispatch import bind as dispatcher
from corex.dtypes import get_default_dtype
from corex.errors import PluginError
from corex.layout import broadcast_shapes
from corex.observe import events
from corex.ops.pointwise.elementwise import binary_function, unary_function
from corex.ops.promotion import cast, require_tensor, result_type
from corex.plugins import manager
from corex.tensor.modes import mode
from corex.tensor.place import forget_kernels
from corex.tensor.schema import REGISTRY, OpSchema, check_formulas
from corex.tensor.tensor import Tensor

HOOK = "corex_ops"


@dataclass(frozen=True)
class NewOp:
    """The declaration of an op that a plugin brings.

    Attributes:
        schema: what the op is. It needs a decomposition, and, outside the elementwise families
            (unary, predicate, binary, compare), a result rule.
        function: what `corex.ops.NAME` is to be, where arguments have to be checked or prepared
            before they are passed to `corex.ops.call(schema, inputs, params)`. By default it
            follows from the schema: elementwise ops promote and broadcast and take `out=`; others
            take the inputs, then the parameters, by position or name.
    """

    schema: OpSchema
    function: Callable[..., Any] | None = None


# ---- from a declaration to a function --------------------------------------------------------
def call(schema: OpSchema, inputs: tuple[Tensor | None, ...], params: tuple[Any, ...] = ()) -> Any:
    """Runs an op on tensors that need no preparation any more, and records it for autograd.

    An op without a derivative has that of its decomposition, which therefore runs, and not a
    kernel, where gradients are to be recorded.

    Raises:
        RuntimeError: the tensors are on different devices or backends.
    """
    if schema.result is None:
        return _elementwise(schema)(*inputs)
    if not schema.differentiable and mode.enabled and _any_requires_grad(inputs):
        return _composed(schema, inputs, params, schema.result(*inputs, *params))
    return dispatcher.bind(schema, inputs, params)


def _any_requires_grad(inputs: tuple[Any, ...]) -> bool:
    return any([isinstance(t, Tensor) and t._node is not None for t in inputs])


def _composed(
    schema: OpSchema, inputs: tuple[Any, ...], params: tuple[Any, ...], specs: Sequence[Any]
) -> Any:
    assert schema.decomposition is not None
    tensors = [t for t in inputs if t is None or isinstance(t, Tensor)]
    place = next(t.key.place for t in tensors if t is not None)
    passed = params[: -schema.rule_params] if schema.rule_params else params
    return events.run_parts(
        schema.decomposition, (*inputs, *params),
        schema.name, place, _NO_DERIVATIVE, specs, tensors, passed,
    )  # fmt: skip


_NO_DERIVATIVE = "it has no derivative of its own, and gradients are recorded"


def make_function(declaration: NewOp) -> Callable[..., Any]:
    """What `corex.ops.NAME` is."""
    schema, function = declaration.schema, declaration.function
    if function is not None:
        return function
    if schema.family in _ELEMENTWISE:
        return _elementwise(schema)
    return _generic(schema)


_ELEMENTWISE: dict[str, tuple[int, Callable[[OpSchema], Callable[..., Any]]]] = {
    "unary": (1, unary_function),
    "predicate": (1, unary_function),
    "binary": (2, binary_function),
    "compare": (2, binary_function),
}
"""Family -> how many inputs it has, and what makes its functions."""


def _elementwise(schema: OpSchema) -> Callable[..., Any]:
    run = _ELEMENTWISE[schema.family][1](schema)
    if schema.differentiable or schema.family in ("predicate", "compare"):
        return run

    def op(*args: Any, **kwargs: Any) -> Any:
        if mode.enabled and not kwargs and _any_requires_grad(args):
            shapes = [t.shape for t in args if isinstance(t, Tensor)]
            spec = (broadcast_shapes(schema.name, *shapes), result_type(*args))
            return _composed(schema, args, (), [spec])
        return run(*args, **kwargs)

    return _named(op, schema)


def _generic(schema: OpSchema) -> Callable[..., Any]:
    """A function of the inputs, then the parameters; optional inputs at the end may be left out."""
    names = [name.rstrip("?") for name in schema.inputs]
    optional = [name.endswith("?") for name in schema.inputs]
    count = len(names)
    spare = frozenset() if schema.params else frozenset(names[count - _trailing(optional) :])
    expected = [*names, *schema.params]

    def op(*args: Any, **kwargs: Any) -> Any:
        given = _bind(schema.name, expected, spare, args, kwargs)
        inputs = tuple(
            [
                None if value is None and free else require_tensor(schema.name, value, name)
                for value, free, name in zip(given, optional, names, strict=False)
            ]
        )
        return call(schema, _checked(schema, inputs), tuple(given[count:]))

    return _named(op, schema)


def _trailing(flags: list[bool]) -> int:
    """How many flags at the end are set."""
    return next((i for i, flag in enumerate(reversed(flags)) if not flag), len(flags))


def _bind(
    op: str,
    names: list[str],
    spare: frozenset[str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> list[Any]:
    """The arguments in order; None for those in `spare` that were left out.

    Raises:
        TypeError: too many, too few, unknown or twice.
    """
    if len(args) > len(names):
        raise TypeError(
            f"{op}() takes {len(names)} arguments ({', '.join(names)}), not {len(args)}"
        )
    values = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names or name in values:
            problem = "twice" if name in values else "which it does not take"
            raise TypeError(f"{op}() got the argument '{name}' {problem}")
        values[name] = value
    missing = [name for name in names if name not in values and name not in spare]
    if missing:
        raise TypeError(f"{op}() missing arguments: {', '.join(missing)}")
    return [values.get(name) for name in names]


def _checked(schema: OpSchema, inputs: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
    """The inputs, with integers made floating point where the op asks for that.

    Raises:
        NotImplementedError: a dtype that the op does not take.
        RuntimeError: dtypes that differ, where the op is for one dtype.
    """
    tensors = [t for t in inputs if t is not None]
    if schema.promote == "float" and all(not t.key.dtype.is_inexact for t in tensors):
        dtype = get_default_dtype()
        inputs = tuple([None if t is None else cast(t, dtype) for t in inputs])
        tensors = [t for t in inputs if t is not None]
    first = tensors[0].key.dtype
    for t in tensors:
        if schema.uniform and t.key.dtype is not first:
            names = ", ".join(t.key.dtype.name for t in tensors)
            raise RuntimeError(f"[{schema.name}] expected tensors of one dtype, but got {names}")
    if first not in schema.takes:
        raise NotImplementedError(f'[{schema.name}] "{schema.name}" not implemented for {first!r}')
    return inputs


def _named(op: Callable[..., Any], schema: OpSchema) -> Callable[..., Any]:
    op.__name__ = op.__qualname__ = schema.name
    op.__doc__ = schema.doc
    return op


# ---- checking --------------------------------------------------------------------------------
def check(declaration: object) -> NewOp:
    """The argument, if it is a sound declaration.

    Raises:
        PluginError: it is not; the message says what is wrong.
    """
    if not isinstance(declaration, NewOp):
        raise PluginError(f"expected a corex.ops.NewOp, got {declaration!r}")
    schema = declaration.schema
    if not isinstance(schema, OpSchema):
        raise PluginError(f"a NewOp's schema must be a corex.ops.OpSchema, got {schema!r}")
    if declaration.function is not None and not callable(declaration.function):
        raise PluginError(f"the function of op {schema.name!r} must be callable")
    name = schema.name
    if not isinstance(name, str) or not name.isidentifier() or iskeyword(name):
        raise PluginError(f"an op's name must be a Python identifier, got {name!r}")
    if name.startswith("_"):
        raise PluginError(f"an op's name must not begin with an underscore, as {name!r} does")
    try:
        check_formulas(schema)
    except ValueError as error:
        raise PluginError(str(error)) from error
    if schema.decomposition is None:
        raise PluginError(
            f"op {name!r} has no decomposition, and no backend is bound to have a kernel for it"
        )
    if not schema.inputs or schema.inputs[0].endswith("?"):
        raise PluginError(f"the first input of op {name!r} must be a tensor that is always given")
    _check_family(schema)
    return declaration


def _check_family(schema: OpSchema) -> None:
    if schema.family not in _ELEMENTWISE:
        if schema.result is None:
            known = ", ".join(_ELEMENTWISE)
            raise PluginError(
                f"op {schema.name!r} of family {schema.family!r} has no result rule, which only "
                f"ops of the families {known} can do without"
            )
        return
    count = _ELEMENTWISE[schema.family][0]
    if len(schema.inputs) != count or schema.params:
        raise PluginError(
            f"op {schema.name!r} of family {schema.family!r} must have {count} input(s) and no "
            "parameters"
        )


# ---- what the plugins bring ------------------------------------------------------------------
class _Entry(NamedTuple):
    plugin: str
    declaration: NewOp
    function: Callable[..., Any]


_lock = threading.RLock()
_namespace: dict[str, Any] = {}
_reserved: frozenset[str] = frozenset()
_entered: dict[str, _Entry] = {}
_seen = -1  # at how many changes of the plugins this was up to date
_busy = False


def start(namespace: dict[str, Any], names: Iterable[str]) -> None:
    """Puts the functions of plugins' ops into `namespace`, whose present names are reserved, as are
    `names`."""
    global _namespace, _reserved
    _namespace = namespace
    _reserved = frozenset([*namespace, *names, *REGISTRY.names()])
    manager.on_change(refresh)


def refresh() -> None:
    """Enters and removes ops until they are those of the plugins that are registered."""
    global _seen, _busy
    with _lock:
        if _busy:  # a hook has registered a plugin; the loop below will see it
            return
        _busy = True
        try:
            while _seen != manager.changes:
                changes = manager.changes
                _enter(_found())
                _seen = changes
        finally:
            _busy = False


def _found() -> dict[str, _Entry]:
    """The plugins' sound declarations, by op; what is wrong with the others is kept as faults."""
    found: dict[str, _Entry] = {}
    faults = []
    for plugin, answer in manager.answers(HOOK, once=True):
        if not isinstance(answer, list | tuple):
            error = PluginError(f"{HOOK} must return a list of corex.ops.NewOp, got {answer!r}")
            faults.append(manager.fault(plugin, HOOK, error))
            continue
        for item in answer:
            try:
                entry = _entry(plugin, item, found)
                found[entry.declaration.schema.name] = entry
            except Exception as error:
                name = getattr(getattr(item, "schema", None), "name", None)
                op = name if isinstance(name, str) else None
                faults.append(manager.fault(plugin, HOOK, error, op=op))
    manager.replace_faults(HOOK, faults)
    return found


def _entry(plugin: str, item: object, found: dict[str, _Entry]) -> _Entry:
    declaration = check(item)
    name = declaration.schema.name
    if name in _reserved:
        raise PluginError(f"the name {name!r} is taken, by corex itself")
    if name in found:
        owner = found[name].plugin
        raise PluginError(
            f"op {name!r} is declared twice"
            if owner == plugin
            else f"the name {name!r} is taken, by plugin {owner!r}, which has precedence"
        )
    now = _entered.get(name)
    if now is not None and now.plugin == plugin and now.declaration is declaration:
        return now
    return _Entry(plugin, declaration, make_function(declaration))


def _enter(found: dict[str, _Entry]) -> None:
    gone = [name for name, entry in _entered.items() if found.get(name) is not entry]
    new = {name: entry for name, entry in found.items() if _entered.get(name) is not entry}
    for name in gone:
        del _entered[name], REGISTRY[name], _namespace[name]
    for name, entry in new.items():
        _entered[name] = entry
        REGISTRY[name] = entry.declaration.schema
        _namespace[name] = entry.function
    if gone or new:
        forget_kernels()


def owners() -> dict[str, str]:
    """The plugins' ops that are usable, each with the plugin that brings it."""
    manager.load()
    refresh()
    with _lock:
        return {name: entry.plugin for name, entry in _entered.items()}


def find(name: str) -> Any:
    """The function of a plugin's op, for `corex.ops.NAME`.

    Raises:
        AttributeError: there is none; says which plugin may be to blame.
    """
    message = f"module 'corex.ops' has no attribute {name!r}"
    if name.startswith("_"):
        raise AttributeError(message)
    owners()
    entry = _entered.get(name)
    if entry is not None:
        return entry.function
    faults = [fault for fault in manager.faults() if fault.may_concern_op(name)]
    certain = [fault for fault in faults if fault.op == name]
    if certain:
        raise AttributeError(f"{message}: {certain[0]}") from certain[0].exception
    if faults:
        message += f"; perhaps because {'; '.join(map(str, faults))}"
    if manager.disabled():
        message += f"; COREX_DISABLE blocks {', '.join(sorted(manager.disabled()))}"
    raise AttributeError(message)
