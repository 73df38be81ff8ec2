"""The oracle of last resort: the op's decomposition, run in float64 on the reference backend.

For an op that has no formula here, such as one from a plugin: its decomposition is then the
definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from corex.tensor.schema import REGISTRY
from corex.testing.arrays import Array, Expected
from corex.testing.case import Case


def outputs(case: Case, inputs: Sequence[Array | None]) -> list[Expected]:
    """What the decomposition gives.

    Raises:
        ValueError: the op has neither a decomposition nor a formula.
    """
    import corex

    schema = REGISTRY[case.op]
    if schema.decomposition is None:
        raise ValueError(f"op {case.op!r} has neither an oracle nor a decomposition")
    params = [case.fields[name] for name in schema.params]
    with corex.use_backend("reference_py"), corex.no_grad():
        tensors = [None if a is None else corex.tensor(np.array(a, order="C")) for a in inputs]
        result: Any = schema.decomposition(*tensors, *params)
    listed = list(result) if isinstance(result, tuple | list) else [result]
    main = case.fields["dtype"]
    found = []
    for t in listed:
        values = t.numpy()
        scale = np.abs(values) + 1 if t.is_floating_point() else None
        dtype = main if t.is_floating_point() else t.dtype.name
        found.append(Expected(values, dtype, ulps=64, scale=scale))
    return found
