"""What the contract asks for, tier by tier, as the documentation lists it."""

from __future__ import annotations

import inspect
from typing import Final, NamedTuple

from corex.backend.contract import Backend
from corex.dtypes import ALL as DTYPES
from corex.dtypes import DType
from corex.tensor.schema import (
    ALL,
    BITS,
    BOOL,
    COMPLEX,
    FLOAT,
    INTEGER,
    NUMBER,
    REGISTRY,
    OpSchema,
)

MEMORY: Final = (
    "device_count", "dtypes", "allocate", "nbytes", "copy_from_host", "copy_to_host", "synchronize",
)  # fmt: skip
"""The methods of tier 0."""

OPTIONAL: Final = (
    "host_view", "wrap_host", "data_ptr", "memory_stats", "empty_cache", "dlpack_device",
    "allocate_pinned", "copy_from_host_async", "copy_to_host_async",
    "wrap_pointer", "stream_handle", "lead_stream", "follow_stream", "copy_device", "warm",
)  # fmt: skip
"""The methods that only some memory can have."""

KINDS: Final = {
    ALL: "all", NUMBER: "number", FLOAT: "float", INTEGER: "integer", BITS: "bits", BOOL: "bool",
}  # fmt: skip
"""Names for the dtypes that an op takes, as in docs/kernels.md."""


class Op(NamedTuple):
    """A kernel of the contract.

    Attributes:
        name: its name.
        tier: 1 or 2.
        family: the table it stands in.
        inputs: the tensors it reads; a trailing '?' marks an optional one.
        params: the plain parameters.
        takes: what its main operand may hold.
        doc: what it computes.
        composed: whether it has a decomposition into other ops.
    """

    name: str
    tier: int
    family: str
    inputs: tuple[str, ...]
    params: tuple[str, ...]
    takes: frozenset[DType]
    doc: str
    composed: bool

    @property
    def names(self) -> list[str]:
        """The names of the dtypes its main operand may hold."""
        return [dtype.name for dtype in DTYPES if dtype in self.takes]

    @property
    def dtypes(self) -> str:
        """The same in a word, where there is one."""
        return KINDS.get(self.takes, " ".join(self.names))


# The kernels that no op of the frontend stands for, and so no schema declares.
UNDECLARED: Final = (
    Op("copy", 1, "memory", ("a",), (), ALL, "Element by element, from any dtype to any.", False),
    Op("fill", 1, "memory", (), ("value",), ALL, "Every element = the number `value`.", False),
    Op("arange", 1, "memory", (), ("start", "step"), NUMBER, "out[i] = start + i * step.", False),
)


def ops() -> list[Op]:
    """Every kernel of the contract, by tier and family, in order of declaration."""
    listed = [*UNDECLARED, *map(_op, filter(_own, REGISTRY.values()))]
    families = list(dict.fromkeys((op.tier, op.family) for op in listed))
    families.sort(key=lambda key: key[0])
    return sorted(listed, key=lambda op: families.index((op.tier, op.family)))


def _own(schema: OpSchema) -> bool:
    """Whether corex declares the op; one of a plugin has its decomposition from there."""
    return schema.decomposition is None or schema.decomposition.__module__.startswith("corex.")


def _op(schema: OpSchema) -> Op:
    params = schema.params[: len(schema.params) - schema.rule_params]
    return Op(
        name=schema.name,
        tier=schema.tier,
        family=schema.family,
        inputs=schema.inputs,
        params=params,
        takes=schema.takes - COMPLEX,
        doc=schema.doc,
        composed=schema.decomposition is not None,
    )


def method(name: str) -> tuple[str, str]:
    """A method of `Backend` as it is called, and the first sentence about it."""
    function = getattr(Backend, name)
    arguments = list(inspect.signature(function).parameters)[1:]
    paragraph = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    return f"{name}({', '.join(arguments)})", f"{paragraph.split('. ')[0].rstrip('.')}."
