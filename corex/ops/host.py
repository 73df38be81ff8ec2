"""Host primitives: ops whose steps NumPy does in host memory, for the tensors of any device.

Where a library that is there anyway has what a backend would need a thousand lines for (LAPACK),
the steps of an op are a function of NumPy arrays. The op itself is like every other: it has a name,
a result rule and a derivative, passes the gate, is seen by interpreters and reports, and a backend
that has a kernel of that name runs it instead. What is special is its decomposition alone: it reads
the inputs' memory, computes, and makes the results where the inputs are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.dispatch.bind import bind
from corex.dispatch.fallback import is_strict
from corex.dispatch.resolve import empty, empty_with
from corex.dtypes import BY_NAME
from corex.errors import KernelUnavailableError
from corex.layout import contiguous_strides
from corex.observe import events
from corex.ops.create.host import host_bytes
from corex.tensor.place import Place
from corex.tensor.schema import OpSchema, check_formulas
from corex.tensor.storage import upload
from corex.tensor.tensor import Tensor

HOSTED: dict[str, OpSchema] = {}
"""Every host primitive of the modules that were loaded, by name."""


def host_op(
    name: str,
    inputs: tuple[str, ...],
    steps: Callable[..., Any],
    result: Callable[..., Any],
    derivative: dict[str, Callable[..., Any]] | None = None,
    params: tuple[str, ...] = (),
    outputs: int = 1,
    columns: tuple[int, ...] = (),
    joint: Callable[..., Any] | None = None,
    label: str = "",
    analytic: bool = True,
) -> Callable[..., Any]:
    """The function that applies the host primitive: to its inputs, then its parameters; `order`
    says how its results had best lie in memory, as `bind` takes it.

    `steps(*arrays, *params)` gives one array or a tuple of them, of the shapes and dtypes that
    `result(*tensors, *params)` says; it must not write the arrays it gets. The other arguments are
    those of `OpSchema`.
    """
    count = len(inputs)

    def decomposition(*arguments: Any) -> Any:
        place = arguments[0].key.place
        with events.falling_back(name):
            arrays = [read(name, t) for t in arguments[:count]]
            found = steps(*arrays, *arguments[count:])
            several = found if isinstance(found, tuple) else (found,)
            made = tuple([written(place, a, i in columns) for i, a in enumerate(several)])
        return made if isinstance(found, tuple) else made[0]

    schema = OpSchema(
        name, inputs, result, params, derivative, joint, decomposition, tier=2, cost="products",
        family="host", uniform=False, label=label, outputs=outputs, columns=columns,
        analytic=analytic,
    )  # fmt: skip
    check_formulas(schema)
    HOSTED[name] = schema

    def run(*arguments: Any, order: tuple[int, ...] | None = None) -> Any:
        return bind(schema, arguments[:count], arguments[count:], order)

    run.__name__ = run.__qualname__ = name
    return run


def read(op: str, t: Tensor) -> Any:
    """A tensor's elements as an array that must not be written.

    Raises:
        KernelUnavailableError: the tensor is not in host memory, and strict mode wants it to stay
            where it is.
    """
    import numpy as np

    if is_strict() and t.key.place.device.type != "cpu":
        raise KernelUnavailableError(
            f"[{op}] is computed on the host, and strict mode forbids that for {t.key.place}"
        )
    return np.frombuffer(host_bytes(t), t.key.dtype.name).reshape(t.shape)


def written(place: Place, array: Any, columns: bool = False) -> Tensor:
    """A tensor of an array's elements; with `columns`, each column of its matrices in one piece."""
    import numpy as np

    key = place.keys[BY_NAME[array.dtype.name].index]
    shape = array.shape
    if columns and len(shape) > 1:
        array = np.swapaxes(array, -1, -2)
        *batch, down, across = contiguous_strides(array.shape)
        result = empty_with(key, shape, (*batch, across, down))
    else:
        result = empty(key, shape)
    if array.size:
        flat: Any = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        upload(place, result.storage_.buffer, 0, memoryview(flat))
    return result
