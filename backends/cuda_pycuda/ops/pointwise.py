"""Ops whose every result depends on one element of each operand: a table, and one way to run it.

The expressions are in `kernels/unary.cuh` and `kernels/binary.cuh`, the loops in
`kernels/elementwise.cu`. Memory without gaps is read sixteen bytes at a time; an operand that is
one element for all, and one that is a Python number, cost no memory traffic.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from corex.backend import Kernel, View
from corex.dtypes import DType
from corex_cuda_pycuda.elements import ALL, BITS, C_TYPES, FLOAT, INTEGER, NUMBER, usual
from corex_cuda_pycuda.ops.packing import STATIC_RANK, plan, widened
from corex_cuda_pycuda.runtime import Device, Function, Source, device_of

THREADS: Final = 256
WAVES: Final = 32
"""Blocks per multiprocessor, at most; threads loop over the rest."""
VECTOR_BYTES: Final = 16
ARRAY, ELEMENT, NUMBER_GIVEN = 0, 1, 2
"""Where the dense kernel finds an operand, as in `kernels/elementwise.cu`."""


class Op(NamedTuple):
    """A functor of `kernels/*.cuh` and what surrounds it.

    Attributes:
        functor: its name.
        arity: how many operands it has.
        to_bool: whether the result is bool.
        divides: whether integers are divided, so that a zero is a fault.
        chooses: whether the first operand is bool, whatever the others are.
        parameter: whether it takes a number.
    """

    functor: str
    arity: int
    to_bool: bool = False
    divides: bool = False
    chooses: bool = False
    parameter: bool = False

    def source(self, dtype: DType, index: str, dims: int | None, width: int = 1) -> Source:
        """The module for one dtype: dense memory, or views of `dims` dimensions (0: any), of which
        `width` neighbours move at once."""
        c_type = C_TYPES[dtype]
        defines = [
            ("OP", self.functor),
            ("T", c_type),
            ("First", "bool" if self.chooses else c_type),
            ("INDEX", index),
            ("ARITY", str(self.arity)),
        ]
        if dims is not None:
            defines += (("DIMS", str(dims)), ("WIDTH", str(width)))
        if self.divides and dtype in INTEGER:
            defines.append(("DIVIDES", "1"))
        if self.parameter:
            defines.append(("PARAMETER", "1"))
        return Source("elementwise.cu", tuple(defines))


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


# ---- the table -----------------------------------------------------------------------------
_UNARY: Final = {
    NUMBER: "neg abs sign square relu",
    FLOAT: "floor ceil round trunc sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin "
    "cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid erf erfc gelu gelu_tanh silu",
    BITS: "bitwise_not",
}
_PREDICATE: Final = {ALL: "logical_not", FLOAT: "isnan isinf isfinite signbit"}
_BINARY: Final = {
    ALL: "add mul maximum minimum",
    NUMBER: "sub floor_divide remainder fmod pow",
    FLOAT: "div fmax fmin atan2 hypot copysign sigmoid_backward tanh_backward relu_backward "
    "gelu_backward gelu_tanh_backward silu_backward",
    BITS: "bitwise_and bitwise_or bitwise_xor",
    INTEGER: "bitwise_left_shift bitwise_right_shift",
}
_COMPARE: Final = {ALL: "eq ne lt le gt ge logical_and logical_or logical_xor"}
_DIVIDING: Final = ("floor_divide", "remainder", "fmod")

OPS: Final[dict[str, Op]] = {}
"""Every functor by the name of its op; `gelu_tanh` is `gelu` with its parameter set."""
TAKES: Final[dict[str, frozenset[DType]]] = {}
"""The dtypes of each, of its last operand."""


def _enter(table: dict[frozenset[DType], str], arity: int, to_bool: bool) -> None:
    for held, names in table.items():
        for name in names.split():
            OPS[name] = Op(_camel(name), arity, to_bool, name in _DIVIDING)
            TAKES[name] = held


_enter(_UNARY, 1, False)
_enter(_PREDICATE, 1, True)
_enter(_BINARY, 2, False)
_enter(_COMPARE, 2, True)
OPS["where"], TAKES["where"] = Op("Where", 3, chooses=True), ALL
OPS["mse_loss_backward"] = Op("MseLossBackward", 3, parameter=True)
TAKES["mse_loss_backward"] = FLOAT


# ---- how to walk ---------------------------------------------------------------------------
class Walk(NamedTuple):
    """What the strides of an op's views decide.

    Attributes:
        elements: how many there are.
        dims: None for dense memory, else the rank of the layout (0: any).
        sources: of dense memory, where each operand is found.
        index_type: the C type of indices.
        layout: the packed layout, if there is one.
        wide: the packed layout for vectors, where rows are made of them.
        aligned: for each view, whether that needs it to begin at a vector.
    """

    elements: int
    dims: int | None
    sources: tuple[int, ...]
    index_type: str
    layout: bytes
    wide: bytes = b""
    aligned: tuple[bool, ...] = ()


@lru_cache(maxsize=4096)
def _walk(lanes: int, shape: tuple[int, ...], *strides: tuple[int, ...]) -> Walk:
    found = plan(shape, *strides)
    arity = len(strides) - 1
    if found.dense:
        return Walk(found.count, None, (ARRAY,) * arity, found.index, b"")
    one_line = found.rank == 1 and found.strides[0] == (1,)
    if one_line and all(s in ((0,), (1,)) for s in found.strides):
        sources = tuple(ELEMENT if s == (0,) else ARRAY for s in found.strides[1:])
        return Walk(found.count, None, sources, found.index, b"")
    dims = found.rank if found.rank <= STATIC_RANK else 0
    wide = widened(found, lanes)
    if wide is None:
        return Walk(found.count, dims, (), found.index, found.layout)
    aligned = tuple([step[-1] != 0 for step in wide.strides])
    return Walk(found.count, dims, (), found.index, found.layout, wide.layout, aligned)


# ---- running -------------------------------------------------------------------------------
class Launcher:
    """An op for one dtype on one device: its functions, and what all its launches share."""

    __slots__ = (
        "aligned", "dense", "device", "dtype", "head", "index", "lanes", "most", "op", "strided",
        "unaligned", "words",
    )  # fmt: skip

    def __init__(self, device: Device, op: Op, dtype: DType, index: str) -> None:
        self.device = device
        self.op = op
        self.dtype = dtype
        self.index = index
        self.most = device.properties.multiprocessors * WAVES
        self.lanes = lanes = VECTOR_BYTES // dtype.itemsize
        # Of what each array's address must be a multiple, less one: vectors of bools are shorter.
        masks = [VECTOR_BYTES - 1] * (op.arity + 1)
        masks[0] = lanes - 1 if op.to_bool else masks[0]
        masks[1] = lanes - 1 if op.chooses else masks[1]
        self.aligned = tuple(masks)
        self.head = struct.Struct("=QqQd" + "Qq" * op.arity)
        self.words = struct.Struct("=QqQd" + "Q" * op.arity)
        self.dense: Function | None = None
        self.unaligned: Function | None = None
        self.strided: dict[tuple[int, int], Function] = {}

    def run_dense(
        self, count: int, sources: tuple[int, ...], addresses: list[int], parameter: float = 0.0
    ) -> None:
        """Launches on dense memory: addresses of the output and of each operand.

        Of a NUMBER_GIVEN, the address is the number's eight bytes."""
        aligned = self.aligned
        misplaced = addresses[0] & aligned[0]
        pairs: list[int] = []
        for k, source in enumerate(sources, 1):
            address = addresses[k]
            pairs += (address, source)
            if source == ARRAY:
                misplaced |= address & aligned[k]
        if misplaced:
            function, items = self.unaligned or self._load("dense_unaligned"), count
        else:
            function, items = self.dense or self._load("dense"), -(-count // self.lanes)
        device = self.device
        packed = self.head.pack(addresses[0], count, device.fault_word, parameter, *pairs)
        self._launch(function, items, packed)

    def run_strided(self, walk: Walk, addresses: list[int], parameter: float = 0.0) -> None:
        """Launches on views."""
        count, width, layout, dims = walk.elements, 1, walk.layout, walk.dims or 0
        if walk.wide and not any(
            [
                needed and address & mask
                for needed, address, mask in zip(walk.aligned, addresses, self.aligned, strict=True)
            ]
        ):
            count, width, layout = count // self.lanes, self.lanes, walk.wide
        function = self.strided.get((dims, width)) or self._load("strided", dims, width)
        fault_word = self.device.fault_word
        packed = self.words.pack(addresses[0], count, fault_word, parameter, *addresses[1:])
        self._launch(function, -(-count // (4 if width == 1 else 2)), packed + layout)

    def _launch(self, function: Function, items: int, arguments: bytes) -> None:
        threads = THREADS if items >= THREADS else -(-items // 32) * 32
        grid = min(-(-items // threads), self.most)
        self.device.launch(function, (grid, 1, 1), (threads, 1, 1), arguments)

    def _load(self, name: str, dims: int | None = None, width: int = 1) -> Function:
        source = self.op.source(self.dtype, self.index, dims, width)
        function = self.device.function(source, name)
        if dims is not None:
            self.strided[dims, width] = function
        elif name == "dense":
            self.dense = function
        else:
            self.unaligned = function
        return function


_launchers: dict[tuple[int, str, int, str], Launcher] = {}


def launcher(device: Device, op: Op, dtype: DType, index: str) -> Launcher:
    """The launcher of an op for one dtype; there is one of each."""
    key = (device.index, op.functor, dtype.index, index)
    found = _launchers.get(key)
    if found is None:
        found = _launchers[key] = Launcher(device, op, dtype, index)
    return found


def run(op: Op, views: tuple[View, ...], parameter: float = 0.0) -> None:
    """Launches an op on views, the output first."""
    out, dtype = views[0], views[-1][1]
    walk = _walk(VECTOR_BYTES // dtype.itemsize, out[2], *[view[3] for view in views])
    if walk.elements == 0:
        return
    addresses = [view[0].ptr + view[4] * view[1].itemsize for view in views]
    found = launcher(device_of(out[0]), op, dtype, walk.index_type)
    if walk.dims is None:
        found.run_dense(walk.elements, walk.sources, addresses, parameter)
    else:
        found.run_strided(walk, addresses, parameter)


# ---- the kernels ---------------------------------------------------------------------------
def _kernel(name: str) -> Kernel:
    op = OPS[name]

    def kernel(*views: View) -> None:
        run(op, views)

    return kernel


def _with_tanh(name: str, tanh_name: str) -> Kernel:
    exact, by_tanh = OPS[name], OPS[tanh_name]

    def kernel(*arguments: Any) -> None:
        run(by_tanh if arguments[-1] else exact, arguments[:-1])

    return kernel


def mse_loss_backward(out: View, g: View, a: View, b: View) -> None:
    """g * 2 (a - b) / n; g has no dimensions."""
    count = 1
    for size in out[2]:
        count *= size
    buffer, dtype, _, _, offset = g
    spread = (buffer, dtype, out[2], (0,) * len(out[2]), offset)
    run(OPS["mse_loss_backward"], (out, spread, a, b), 2.0 / count if count else 0.0)


KERNELS: dict[str, Callable[..., None]] = {
    name: _kernel(name) for name in OPS if "gelu" not in name
}
KERNELS["gelu"] = _with_tanh("gelu", "gelu_tanh")
KERNELS["gelu_backward"] = _with_tanh("gelu_backward", "gelu_tanh_backward")
KERNELS["mse_loss_backward"] = mse_loss_backward


WIDE_SAMPLE: Final = ("exp", "neg", "logical_not", "add", "floor_divide", "eq", "where")
"""Ops that are compiled for views that move by vectors, too: a loop is the same for all ops."""


def sources() -> Iterator[Source]:
    """Every op and dtype: dense memory, and views of two dimensions; some by vectors."""
    for name, op in OPS.items():
        for dtype in usual(TAKES[name]):
            yield op.source(dtype, "int", None)
            yield op.source(dtype, "int", 2)
            if name in WIDE_SAMPLE:
                yield op.source(dtype, "int", 2, VECTOR_BYTES // dtype.itemsize)
