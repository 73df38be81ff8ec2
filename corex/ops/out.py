"""`out=`: results written over tensors that the caller hands over.

Functions whose declaration has an `out` get the argument from here: they compute as without it, and
the result is copied. A rule says which dtypes `out` may have:

- "cast": any that the result can be cast to, as for elementwise ops.
- "same": the result's own.
- "truth": bool and uint8, whichever of them the result is.
- "any": any.
- "dtype": any; the function computes in it, as with the argument `dtype`.
- "new": the same, of a function that makes a tensor: also its device.

Of several results each has its own `out`, in a tuple, of its own dtype.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from corex.dispatch.record import no_grad
from corex.dispatch.resolve import check_places, empty
from corex.dtypes import DType, bool_, can_cast, uint8
from corex.errors import warn
from corex.generated import Signature
from corex.layout import is_dense, numel, self_overlaps
from corex.ops.registration import Out
from corex.tensor.lineage import replace_memory
from corex.tensor.modes import mode
from corex.tensor.tensor import Tensor, make


def write_out(
    out: Tensor, result: Tensor, op: str, rule: Out = "cast", quiet: bool = False
) -> Tensor:
    """Copies a result into `out`, which gets its shape, with a warning (unless `quiet`) if it had
    elements in another.

    Raises:
        RuntimeError: `out` requires gradients, or has another place or a dtype that the rule does
            not allow, or elements that overlap.
    """
    _check(require_out(op, out), result, op, rule)
    return _store(out, result, op, quiet)


def require_out(op: str, out: Any) -> Tensor:
    """
    Raises:
        TypeError: `out` is no tensor.
    """
    if isinstance(out, Tensor):
        return out
    raise _not_out(op, "Tensor", out)


def _check(out: Tensor, result: Tensor, op: str, rule: Out) -> None:
    check_places(op, [out], result.key.place)
    if out._node is not None and mode.enabled or result._node is not None:
        raise RuntimeError(
            f"{op}(): functions with out=... arguments don't support automatic "
            f"differentiation, but one of the arguments requires grad."
        )
    check_dtype(op, out.key.dtype, result.key.dtype, rule)
    if out._strides is not None and self_overlaps(out.shape, out._strides):
        raise RuntimeError(
            f"[{op}] unsupported operation: more than one element of the written-to tensor refers "
            f"to a single memory location. Please clone() the tensor before performing the "
            f"operation."
        )


def check_dtype(op: str, target: DType, own: DType, rule: Out) -> None:
    """
    Raises:
        RuntimeError: the rule does not let a result of dtype `own` into a tensor of another.
    """
    if target is own or rule == "any":
        return
    if rule == "truth":
        if target is bool_ or target is uint8:
            return
        raise RuntimeError(f"{op} only supports bool tensor for result, got: {target.scalar}")
    if rule != "cast":
        raise RuntimeError(f"[{op}] the result is {own.name}, and cannot go to {target.name}")
    if not can_cast(own, target):
        raise RuntimeError(
            f"[{op}] result type {own.name} can't be cast to the desired output type {target.name}"
        )


def _store(out: Tensor, result: Tensor, op: str, quiet: bool) -> Tensor:
    if out.shape != result.shape:
        if numel(out.shape) and not quiet:
            warn(
                f"An output with one or more elements was resized since it had shape "
                f"{list(out.shape)}, which does not match the required output shape "
                f"{list(result.shape)}. To reuse an output of {op}, resize it to zero elements "
                f"first: t.resize_(0)."
            )
        _resize(out, result)
    with no_grad():
        out.copy_(result)
    return out


def _resize(out: Tensor, result: Tensor) -> None:
    """Gives `out` the shape of a result and the order of its dims: over its own memory, from its
    first element on, or over new memory if that has not the room."""
    strides = result._strides
    if strides is not None and not is_dense(result.shape, strides):
        strides = None
    room = out.storage_.nbytes() // out.key.dtype.itemsize - out.offset
    if numel(result.shape) <= room:
        made = make(out.storage_, out.key, result.shape, strides, out.offset)
    else:
        made = empty(out.key.own, result.shape)
        made._strides = strides
    replace_memory(out, made)


def into(
    out: Any,
    name: str,
    rule: Out,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Calls the function and writes its result, or results, over `out`, which is returned.

    Raises:
        TypeError: `out` is no tensor, or not a tuple of as many as there are results.
        RuntimeError: see `write_out`. Nothing is written then.
    """
    given = (out,) if isinstance(out, Tensor) else out
    if (
        not isinstance(given, tuple | list)
        or not given
        or not all([isinstance(t, Tensor) for t in given])
    ):
        raise _not_out(name, "Tensor", out)
    wanted = kwargs.pop("requires_grad", False) if rule == "new" else False
    if rule in ("dtype", "new") and isinstance(out, Tensor):
        kwargs = {**kwargs, **_place_of(out, rule, kwargs)}
    found = function(*args, **kwargs)
    several = isinstance(found, tuple)
    results = found if several else (found,)
    if several is isinstance(out, Tensor) or len(results) != len(given):
        raise _not_out(name, f"tuple of {len(results)} Tensors" if several else "Tensor", out)
    for one, result in zip(given, results, strict=True):
        _check(one, result, name, "same" if several else rule)
    for one, result in zip(given, results, strict=True):
        _store(one, result, name, rule == "new")
    if several:
        made = getattr(type(found), "_make", tuple)  # a named tuple, as without `out`
        return made(given)
    return out.requires_grad_() if wanted else out


def _place_of(out: Tensor, rule: Out, kwargs: dict[str, Any]) -> dict[str, Any]:
    """What `out` says of the result, where the call does not."""
    found: dict[str, Any] = {} if kwargs.get("dtype") else {"dtype": out.key.dtype}
    if rule == "new" and kwargs.get("device") is None and kwargs.get("backend") is None:
        found.update(device=out.key.place.device, backend=out.key.place.name)
    return found


def _not_out(name: str, wanted: str, out: Any) -> TypeError:
    what = type(out).__name__
    if isinstance(out, tuple | list):
        what = f"{what} of {len(out)}"
    return TypeError(f"{name}(): argument 'out' must be {wanted}, not {what}")


# ---- what is seen of it --------------------------------------------------------------------------
def parameter(result: str) -> inspect.Parameter:
    """The parameter `out` of a function, by what its annotation says of the result."""
    kind = "Tensor | None" if result == "Tensor" else "Any"
    if result in ("ValuesIndices", "MinMax"):
        kind = "tuple[Tensor, Tensor] | None"
    return inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """A function's signature, with `out`."""

    def make() -> inspect.Signature:
        own = inspect.signature(function)
        parameters = [*own.parameters.values(), parameter(str(own.return_annotation))]
        return own.replace(parameters=parameters)

    return Signature(make)
