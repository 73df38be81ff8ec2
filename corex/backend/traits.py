"""What a device is like where it differs from an ideal one, said by its backend and tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from corex.dtypes import DType

CEILING: Final = 64.0
"""No declaration makes an elementwise kernel conform that is further off, in ulp."""


@dataclass(frozen=True)
class Traits:
    """How a device computes, as far as programs can tell. The defaults are the contract's.

    Whatever is declared here weakens what the conformance suite expects, and the suite prints it
    beside what it measured.

    Attributes:
        subnormals: 'kept', or 'flushed' where kernels may take and give zero for a float too small
            for full precision.
        ulps: family of ops -> by how many units in the last place a result may be off, where that
            is more than the contract allows. Families are those of the op table: 'unary',
            'binary', 'reduce', 'matmul', ... Of elementwise families more than 64 does not count.
        held_only: dtypes that the device stores and copies, but does not compute with.
        index_bits: 64, or 32 where no tensor may have 2^31 elements or more.
        memory: 'mutable', or 'functional' where a kernel replaces a buffer's content as a whole:
            two threads must not write to one buffer at a time.
        accumulation: 'deterministic', or 'free' where sums may differ in the last bits from call to
            call.
        errors: 'in order' if a kernel raises what depends on values (an index out of range), or
            'deferred' where the next `synchronize` or `copy_to_host` may do so.
    """

    subnormals: Literal["kept", "flushed"] = "kept"
    ulps: Mapping[str, float] = field(default_factory=dict)
    held_only: frozenset[DType] = frozenset()
    index_bits: Literal[32, 64] = 64
    memory: Literal["mutable", "functional"] = "mutable"
    accumulation: Literal["deterministic", "free"] = "deterministic"
    errors: Literal["in order", "deferred"] = "in order"

    def ulps_of(self, family: str, otherwise: float) -> float:
        """The bound for an op of a family whose own one is `otherwise`."""
        declared = self.ulps.get(family, otherwise)
        if family in ELEMENTWISE:
            declared = min(declared, CEILING)
        return max(declared, otherwise)

    def weakened(self) -> dict[str, str]:
        """What differs from the contract: the name of each such trait, and what it is in words."""
        found = {}
        for name, text in _WORDS.items():
            value = getattr(self, name)
            if value != getattr(IDEAL, name):
                found[name] = text.format(_shown(value))
        return found


ELEMENTWISE: Final = frozenset({"unary", "binary", "activation", "ternary"})

_WORDS: Final = {
    "subnormals": "subnormal numbers are {}",
    "ulps": "results may be off by more ulp than the contract allows: {}",
    "held_only": "held, but not computed with: {}",
    "index_bits": "tensors are indexed by {} bits",
    "memory": "memory is {}: one thread writes to a buffer at a time",
    "accumulation": "the order of sums is {}: the last bits may differ from call to call",
    "errors": "errors that depend on values are {}",
}


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{family} {bound:g}" for family, bound in value.items())
    if isinstance(value, frozenset):
        return ", ".join(sorted(dtype.name for dtype in value))
    return str(value)


IDEAL: Final = Traits()
