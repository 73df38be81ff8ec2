"""`corex.record`: the distinct op signatures of a program, as lines of JSON, and reading them back.

One line is one signature, in order of first use:

    {"op": "linear", "outputs": [["float32", [8, 4], null]], "inputs": [["float32", [8, 3], null],
     ["float32", [4, 3], null], null], "params": [], "count": 20}

A tensor is [dtype, shape, strides], with null strides for row-major memory; an optional input that
was left out is null; a list of tensors (of `sgd_step`, `adam_step`) is a list of those. Inputs and
parameters are those that kernels get, except that the index tensors of `index_put` are inputs like
any others. The numbers nan and infinity are the strings "nan", "inf" and "-inf".
"""

from __future__ import annotations

import json
import math
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, NamedTuple

from corex import dtypes
from corex.observe.events import OpCall, Specs, TensorSpec, observe
from corex.tensor.schema import REGISTRY

_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_DTYPES = frozenset(dtype.name for dtype in dtypes.ALL)


class Signature(NamedTuple):
    """What distinguishes calls of one op.

    Attributes:
        op: its name.
        outputs: what kernels see of the outputs, without the memory.
        inputs: likewise; None for one left out, a tuple of specs for a list of tensors.
        params: the plain parameters.
        calls: how many there were; "count" in the file.
    """

    op: str
    outputs: tuple[Specs, ...]
    inputs: tuple[Specs, ...]
    params: tuple[Any, ...]
    calls: int = 1

    def line(self) -> str:
        """The signature as a line of a file, without the line's end."""
        fields = {
            "op": self.op,
            "outputs": _plain(self.outputs),
            "inputs": _plain(self.inputs),
            "params": _plain(self.params),
            "count": self.calls,
        }
        return json.dumps(fields, allow_nan=False)


def _plain(value: Any) -> Any:
    """A value in terms of JSON; what JSON and the reader do not know becomes text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    number = getattr(value, "item", None)  # NumPy's scalars
    return _plain(number()) if callable(number) and not getattr(value, "shape", ()) else str(value)


# ---- writing ---------------------------------------------------------------------------------
class Recorder:
    """Counts the distinct signatures of the ops that it is told about."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, tuple[OpCall, list[int]]] = {}

    def add(self, event: OpCall) -> None:
        """Counts one call."""
        key = Signature(event.op, event.outputs, event.inputs, _lasting(event)).line()
        with self._lock:
            self._found.setdefault(key, (event, [0]))[1][0] += 1

    def signatures(self) -> list[Signature]:
        """The signatures so far, in order of first use."""
        with self._lock:
            return [
                Signature(event.op, event.outputs, event.inputs, event.params, count)
                for event, (count,) in self._found.values()
            ]

    def text(self) -> str:
        """The file's content."""
        return "".join(f"{signature.line()}\n" for signature in self.signatures())


def _lasting(event: OpCall) -> tuple[Any, ...]:
    """The parameters without those that are declared to change from call to call."""
    schema = REGISTRY.get(event.op)
    if schema is None:
        return event.params
    names = schema.params[: len(schema.params) - schema.rule_params]
    if len(names) != len(event.params):  # index and index_put, whose indices are inputs here
        return event.params
    changing = schema.changing
    return tuple(
        [None if name in changing else p for name, p in zip(names, event.params, strict=True)]
    )


@contextmanager
def record(file: str | os.PathLike[str] | IO[str]) -> Iterator[Recorder]:
    """Writes the distinct op signatures of the `with` block to a file of JSON lines, at its end.

    All ops of all threads are recorded: those that kernels ran, those that were decomposed, and the
    ops they were made of. The file is written as a whole or not at all, also if the block raises.

    Args:
        file: a path, or an object with `write` that takes text.

    Yields:
        The recorder, whose `signatures()` can be read at any time.

    Raises:
        OSError: the folder does not exist or may not be written to, or the path is a folder; at the
            beginning of the block.
        TypeError: neither a path nor a file of text.
    """
    write = _writer(file)
    recorder = Recorder()
    try:
        with observe(recorder.add):
            yield recorder
    finally:
        write(recorder.text())


def _writer(file: Any) -> Callable[[str], object]:
    if hasattr(file, "write"):
        file.write("")  # a TypeError now rather than at the end, if it takes bytes
        return file.write  # type: ignore[no-any-return]
    target = os.path.realpath(os.fspath(file))
    if os.path.isdir(target):
        raise IsADirectoryError(f"cannot record to {os.fspath(file)}: it is a folder")
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"cannot record to {os.fspath(file)}: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot record to {os.fspath(file)}: {folder} cannot be written to")
    return lambda text: _replace(target, text)


def _replace(target: str, text: str) -> None:
    """Writes a file beside the target, then puts it in the target's place."""
    folder, name = os.path.split(target)
    part = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.part")
    try:
        with open(part, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise


# ---- reading ---------------------------------------------------------------------------------
def read_signatures(path: str | os.PathLike[str]) -> list[Signature]:
    """The signatures in a file that `record` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has another content; names the file and the line.
    """
    found = []
    with open(path, encoding="utf-8") as file:
        try:
            lines = file.read().splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"{os.fspath(path)}: not a text file: {error}") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(_parse(line))
            except ValueError as error:
                raise ValueError(f"{os.fspath(path)}:{number}: {error}") from None
    return found


_FIELDS = ("op", "outputs", "inputs", "params", "count")


def _parse(line: str) -> Signature:
    try:
        value = json.loads(line, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    except RecursionError:
        raise ValueError("not a signature: too deep") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {_short(value)}")
    if value.keys() != set(_FIELDS):
        missing = [name for name in _FIELDS if name not in value]
        extra = sorted(value.keys() - set(_FIELDS))
        problem = f"lacks {', '.join(missing)}" if missing else f"has unknown {', '.join(extra)}"
        raise ValueError(f"the signature {problem}; it has {', '.join(_FIELDS)}")
    op, count = value["op"], value["count"]
    if not isinstance(op, str) or not op:
        raise ValueError(f"op must be a name, got {_short(op)}")
    if type(count) is not int or count < 1:
        raise ValueError(f"count must be a positive integer, got {_short(count)}")
    return Signature(op, _specs(value, "outputs"), _specs(value, "inputs"), _params(value), count)


def _refuse(word: str) -> None:
    raise ValueError(f'not JSON: {word}; write "{word.lower().replace("infinity", "inf")}"')


def _specs(value: dict[str, Any], field: str) -> tuple[Specs, ...]:
    items = value[field]
    if not isinstance(items, list):
        raise ValueError(f"{field} must be a list, got {_short(items)}")
    return tuple(_spec(item, f"{field}[{i}]") for i, item in enumerate(items))


def _spec(item: Any, where: str) -> Specs:
    if item is None:
        return None
    if not isinstance(item, list):
        raise ValueError(f"{where} must be [dtype, shape, strides], got {_short(item)}")
    if not item or not isinstance(item[0], str):
        return tuple(_spec(inner, f"{where}[{i}]") for i, inner in enumerate(item))
    if len(item) != 3:
        raise ValueError(f"{where} must be [dtype, shape, strides], got {_short(item)}")
    dtype, shape, strides = item
    if dtype not in _DTYPES:
        raise ValueError(f"{where}: unknown dtype {dtype!r}")
    if not _integers(shape) or any(size < 0 for size in shape):
        raise ValueError(f"{where}: the shape must be a list of sizes, got {_short(shape)}")
    if strides is not None and (not _integers(strides) or len(strides) != len(shape)):
        raise ValueError(
            f"{where}: the strides must be null or one integer per dimension, got {_short(strides)}"
        )
    return TensorSpec(dtype, tuple(shape), None if strides is None else tuple(strides))


def _integers(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _params(value: dict[str, Any]) -> tuple[Any, ...]:
    params = value["params"]
    if not isinstance(params, list):
        raise ValueError(f"params must be a list, got {_short(params)}")
    return tuple(_param(item) for item in params)


def _param(item: Any) -> Any:
    if isinstance(item, list):
        return tuple(_param(inner) for inner in item)
    if isinstance(item, dict):
        raise ValueError(f"a parameter cannot be {_short(item)}")
    return _WORDS.get(item, item) if isinstance(item, str) else item


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
