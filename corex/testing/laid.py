"""Tensors in the layouts of a case, for ops on complex numbers that are composed of others.

They stand in memory of their own with guards around them, as a kernel's arguments do. Negative
strides are left out: no tensor has such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import corex
from corex.tensor.place import Place
from corex.testing import apply
from corex.testing.arrays import Array, Placed
from corex.testing.case import Case
from corex.testing.result import FAILED, UNSUPPORTED
from corex.testing.spec import Spec, operands
from corex.testing.verdict import Findings, Verdict


def outputs(found: Findings, place: Place, spec: Spec, case: Case) -> list[corex.Tensor]:
    """The op's outputs; what it does to memory that it must leave alone goes to `found`.

    Raises:
        Verdict: tensors cannot be laid out so, or there is no such op in place.
    """
    given = operands(spec, case)
    memory = _Memory(place, given, case.fields.get("sharing") == "shared")
    tensors = [None if item is None else memory.tensor(item) for item in given]
    if case.fields.get("sharing") != "inplace":
        outs = apply.outputs(spec, case, tensors)
        found.attempt(memory.check, None)
        return outs
    target: Any = tensors[0]
    method = getattr(target, f"{case.op}_", None)
    if method is None:
        raise Verdict(UNSUPPORTED, message="no kernel, and no method in place")
    if method(*tensors[1:]) is not target:
        raise Verdict(FAILED, "result", f"decomposed: `{case.op}_` returns another tensor")
    found.attempt(memory.check, given[0])
    return [target]


class _Memory:
    """The memory of arguments on a place: of each its own, or one storage of all."""

    def __init__(self, place: Place, given: Sequence[Placed | None], shared: bool) -> None:
        items = list({id(item): item for item in given if item is not None}.values())
        self.tensors: dict[int, corex.Tensor] = {}
        if shared and len({item.dtype for item in items}) == 1:
            whole = _upload(place, np.concatenate([item.memory for item in items]))
            pieces = list(whole.split([len(item.memory) for item in items]))
        else:
            pieces = [_upload(place, item.memory) for item in items]
        self.pieces = {id(item): (item, t) for item, t in zip(items, pieces, strict=True)}

    def tensor(self, item: Placed) -> corex.Tensor:
        """The tensor of an argument; of the same argument the same tensor."""
        if id(item) not in self.tensors:
            _, piece = self.pieces[id(item)]
            array = item.array
            strides = tuple(stride // array.itemsize for stride in array.strides)
            if array.size and any(stride < 0 for stride in strides):
                raise Verdict(UNSUPPORTED, message="no kernel, and tensors have no such strides")
            offset = item.offset if array.size else 0
            start = piece.storage_offset() + offset
            strides = tuple(max(stride, 0) for stride in strides)
            self.tensors[id(item)] = piece.as_strided(array.shape, strides, start)
        return self.tensors[id(item)]

    def check(self, written: Placed | None) -> None:
        """Every byte that is no element of what was written must be the old one.

        Raises:
            Verdict: it is not.
        """
        for item, piece in self.pieces.values():
            after, before = apply.array_of(piece), item.memory
            if item is written:
                before = before.copy()
                item.read(before)[...] = item.read(after)
            if after.tobytes() != before.tobytes():
                check = "guards" if item is written else "inputs"
                raise Verdict(FAILED, check, "decomposed: memory around the result was written")


def _upload(place: Place, memory: Array) -> corex.Tensor:
    return corex.tensor(memory, device=place.device, backend=place.name)
