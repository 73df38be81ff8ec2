"""The arguments of sample calls: tensors described by name, in any memory layout, and numbers.

A tensor's shape is written with letters, so that a sweep can give a letter another size in all
tensors of a call at once. Its elements depend on its name and shape alone: corex and PyTorch get
the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Sizes = dict[str, int]

SIZES: Sizes = {
    "1": 1, "2": 2, "3": 3, "4": 4, "6": 6, "8": 8,
    "M": 3, "N": 4, "K": 5, "Q": 4, "B": 2, "L": 2,
    "C": 4, "H": 5, "W": 6, "O": 2, "G": 2, "I": 3, "J": 2,
}  # fmt: skip
"""The usual size of each letter; a digit is a size that belongs to the call."""


class Kind(NamedTuple):
    """Which elements a tensor has."""

    name: str  # any, positive, unit, prob, big, definite, sign, integer, count, index, mask
    dtype: str = "float64"
    low: float = -2.0
    high: float = 2.0


ANY = Kind("any")
POSITIVE = Kind("positive", low=0.3, high=2.5)
UNIT = Kind("unit", low=-0.9, high=0.9)
PROB = Kind("prob", low=0.1, high=0.9)
BIG = Kind("big", low=1.2, high=3.0)
DEFINITE = Kind("definite")
PIVOT = Kind("pivot", "int32")
SAMPLE = Kind("sample", low=0.05, high=0.95)
SIGN = Kind("sign")
COMPLEX = Kind("any", "complex128")
HERMITIAN = Kind("definite", "complex128")
FIXED = Kind("positive", low=0.2, high=2.0)
SINGLE = Kind("any", "float32")
INTEGER = Kind("integer", "int64", -4, 5)
COUNT = Kind("count", "int64", 1, 5)
BYTE = Kind("count", "uint8", 0, 200)
MASK = Kind("mask", "bool", 0, 2)


@dataclass(frozen=True)
class TensorArg:
    """A tensor argument.

    Attributes:
        name: what the table calls it.
        letters: one per dim, keys of `SIZES`.
        kind: which elements it has.
        bound: for indices, the letter of the dim that they point into; then `!`: no index twice.
        gradient: whether gradients are wanted, if it is floating-point.
    """

    name: str
    letters: str
    kind: Kind
    bound: str = ""
    gradient: bool = True

    def shape(self, sizes: Sizes | None = None) -> tuple[int, ...]:
        """The shape, with other sizes for some letters."""
        table = SIZES if sizes is None else {**SIZES, **sizes}
        return tuple([table[letter] for letter in self.letters])

    def array(self, sizes: Sizes | None = None, dtype: str | None = None) -> Array:
        """The elements, in row-major order."""
        shape, kind = self.shape(sizes), self.kind
        rng = np.random.default_rng([*self.name.encode(), *shape])
        if self.bound:
            values = self._indices(rng, shape, sizes)
        elif kind.name == "sign":
            values = rng.integers(0, 2, shape) * 2 - 1
        elif kind is PIVOT:  # every row is swapped with the last one
            values = np.full(shape, shape[-1])
        elif kind.dtype.startswith(("float", "complex")):
            values = rng.uniform(kind.low, kind.high, shape)
            if kind.dtype == "complex128":
                values = values + 1j * rng.uniform(kind.low, kind.high, shape)
            if kind.name == "definite":  # symmetric, and well away from singular
                turned = np.swapaxes(values, -1, -2).conj()
                values = values @ turned + np.eye(shape[-1]) * kind.high
        else:
            values = rng.integers(int(kind.low), int(kind.high), shape)
        return np.asarray(values, dtype=dtype or kind.dtype)

    def _indices(
        self, rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes | None
    ) -> Array:
        bound = ({**SIZES, **(sizes or {})})[self.bound[0]]
        if self.bound.endswith("!") and len(shape) > 1:  # in no row, or in no image of a batch
            lead = shape[: max(len(shape) - 2, 1)]
            order = rng.permuted(np.broadcast_to(np.arange(bound), (*lead, bound)), axis=-1)
            return order[..., : math.prod(shape[len(lead) :])].reshape(shape)
        if self.bound.endswith("!") and bound >= shape[-1]:
            return rng.permutation(bound)[: shape[-1]]
        return rng.integers(0, max(bound, 1), shape)


def _table() -> dict[str, TensorArg]:
    rows: dict[Kind, str] = {
        ANY: """
            a:MN b:MN c:M1 v:N w:N h:M s: s1:1 o:K n2:O n3:M n4:C N4:C d:NK e:KN q:NN p:MK h2:M2
            t:BMN r:BNK P:BMK W:KNN z3:M3 Z3:M3 x:BCHW f:OCIJ fg:OGIJ f1:OMJ f0:OB22 A:ML A0:LN B:L
            p3:MN p5:MK r0:BKN heads:BLMN heads2:BLKN heads1:B1KN cols:B8Q
            cols0:8Q pts:44 B2:B3N Z4:B2222 U3:B323 P6:BM46 vol:BO3HW f3:OO232 g3:21222 t1:MO3
            t2:CM22 g2:C122 t3:OM222 maps:223 maps3:234 places:BML2 mh:MB4 mk:KB4 mb:4 mq:44 lp:624
            places3:B2ML3
        """,
        POSITIVE: "pos:MN pos2:MN V:N",
        FIXED: "mean:N var:N weight:N",
        UNIT: "unit:MN",
        PROB: "prob:MN prob2:MN",
        BIG: "big:MN",
        DEFINITE: "sp:NN sb:BNN",
        PIVOT: "piv:BN",
        SIGN: "sign:MN vsign:N vsign3:M",
        COMPLEX: "za:MN zt:BMN zr:BNK zd:NK zk:KN zm:MK zq:NN zv:N",
        HERMITIAN: "zp:NN zb:BNN",
        INTEGER: "i:MN id:NK xi:BCHW fi:OCIJ ti:BMN t1i:MO3 w1i:OM3 t2i:CM22 voli:BO3HW f3i:OO232",
        SAMPLE: "at2:BC2 at3:BO3",
        SINGLE: "f32:MN t32:B48 r32:B84",
        COUNT: "j:MN k:N",
        BYTE: "u8:MN",
        MASK: "m:MN m2:MN keys:MK",
    }
    found = {}
    for kind, words in rows.items():
        for word in words.split():
            name, letters = word.split(":")
            gradient = kind not in (FIXED, SAMPLE, SIGN, SINGLE)
            found[name] = TensorArg(name, letters, kind, gradient=gradient)
    indices = """
        y:M:N yt:BN:M l:L:N L:L:M u:L:N! g:ML:N G:LN:M labels:MN:N ct:22:3 spots:MN:8!
        spots2:B323:8! spots3:B2222:8!
    """
    for word in indices.split():
        name, letters, bound = word.split(":")
        found[name] = TensorArg(name, letters, Kind("index", "int64"), bound)
    return found


TENSORS = _table()
"""Every tensor that the table of calls may name."""


# ---- memory layouts --------------------------------------------------------------------------
class Placed(NamedTuple):
    """Elements as they lie in memory, and how a tensor of either library is a view of them."""

    memory: Array
    view: Callable[[Any], Any]


def _dense(array: Array) -> Array:
    """The elements in row-major order; `np.ascontiguousarray` would make 0-d arrays 1-d."""
    return np.asarray(array, order="C")


def _contiguous(array: Array) -> Placed:
    return Placed(array, lambda whole: whole)


def _transposed(array: Array) -> Placed:
    order = tuple(range(array.ndim))[::-1]
    return Placed(_dense(array.transpose(order)), lambda w: w.permute(order))


def _last_first(array: Array) -> Placed:
    """The last dim is the slowest in memory, as `x.movedim(0, -1)` makes it."""
    if array.ndim < 2:
        return _contiguous(array)
    memory = _dense(np.moveaxis(array, -1, 0))
    return Placed(memory, lambda w: w.permute((*range(1, array.ndim), 0)))


def _channels_last(array: Array) -> Placed:
    """Images whose channels are the fastest dim in memory."""
    if array.ndim not in (4, 5):
        return _contiguous(array)
    back = (0, array.ndim - 1, *range(1, array.ndim - 1))
    return Placed(_dense(np.moveaxis(array, 1, -1)), lambda w: w.permute(back))


def _sliced(array: Array) -> Placed:
    """Every second entry of something larger, from an offset."""
    memory = np.full([2 * n + 1 for n in array.shape], 1).astype(array.dtype)
    memory[tuple([slice(1, None, 2)] * array.ndim)] = array
    where = tuple([slice(1, None, 2)] * array.ndim)
    return Placed(memory, lambda w: w[where] if where else w)


def _steps(array: Array) -> Placed:
    """Column by column, every second entry of the last dim."""
    if array.ndim < 2:
        return _sliced(array)
    order = tuple(range(array.ndim))[::-1]
    shape = (2 * array.shape[-1] + 1, *array.shape[-2::-1])
    memory = np.ones(shape).astype(array.dtype)
    memory[1::2] = array.transpose(order)
    return Placed(memory, lambda w: w[1::2].permute(order))


def _offset(array: Array) -> Placed:
    """Dense, but not from the beginning of its memory."""
    memory = np.stack([np.ones_like(array), array])
    return Placed(memory, lambda w: w[1])


def _expanded(array: Array) -> Placed:
    """The first entry of the first dim, seen as often as the dim is long."""
    if array.ndim == 0 or not array.size:
        return _contiguous(array)
    return Placed(_dense(array[:1]), lambda w: w.expand(array.shape))


def _conjugated(array: Array) -> Placed:
    """The conjugates of what is in memory; real elements as they are."""
    if array.dtype.kind != "c":
        return _contiguous(array)
    return Placed(array.conj(), lambda w: w.conj())


LAYOUTS: dict[str, Callable[[Array], Placed]] = {
    "contiguous": _contiguous,
    "transposed": _transposed,
    "last_first": _last_first,
    "channels_last": _channels_last,
    "sliced": _sliced,
    "steps": _steps,
    "offset": _offset,
    "expanded": _expanded,
    "conjugated": _conjugated,
}
"""Layout name -> how an array is laid out. `expanded` shows row 0 again and again."""


def new(library: Any, array: Array) -> Any:
    """A contiguous tensor of corex or PyTorch with the elements of `array`."""
    if not array.size:  # NumPy's strides of empty arrays are 0
        return library.zeros(array.shape, dtype=getattr(library, array.dtype.name))
    return library.from_numpy(_dense(array)).clone()


# ---- other arguments -------------------------------------------------------------------------
@dataclass(frozen=True)
class Given:
    """An argument that is no tensor.

    Attributes:
        value: what is passed.
        param: the parameter's name in corex.
        role: number (arithmetic in the tensor's dtype), real (a float of the function's own), dim,
            size, count, flag, choice, data, none.
    """

    value: Any
    param: str
    role: str


@dataclass(frozen=True)
class DTypeArg:
    """A dtype, by name."""

    name: str


@dataclass(frozen=True)
class Listed:
    """A list or tuple with tensors in it."""

    kind: type
    items: tuple[Arg, ...]


Arg = TensorArg | Given | DTypeArg | Listed

_ROLES = {
    "number": """value other min max alpha beta fill_value nan posinf neginf exponent start end step
        low high src weight input base self condition s values source""",
    "real": """eps rtol atol p threshold lambd negative_slope min_val max_val margin delta momentum
        q d dx spacing maxnorm range ord median sigma
        label_smoothing mean std norm_type correction lower upper tau scale dropout_p swap var
        scale_factor output_ratio""",
    "dim": "dim dims dim0 dim1 dim2 axis start_dim end_dim dimension destination more",
    "size": """size sizes shape output_size kernel_size stride padding dilation normalized_shape
        repeats shifts pad split_size_or_sections indices_or_sections row col
        split_size split_sizes physical_layout input_lengths target_lengths output_padding""",
    "count": """mode k n m chunks num_samples diagonal offset steps length index groups num_groups
        num_classes minlength ignore_index padding_idx decimals storage_offset divisor_override
        r bins N ind test_elements edge_order
        output_nr count window_length upscale_factor downscale_factor
        embed_dim_to_check num_heads blank n_fft hop_length win_length""",
    "data": "data obj key args",
    "choice": "device reduction",
}
ROLES = {param: role for role, params in _ROLES.items() for param in params.split()}
"""Parameter name -> role, for arguments whose value does not tell it."""


def role_of(param: str, value: Any) -> str:
    """The role of a plain argument.

    Raises:
        LookupError: the parameter is new; it belongs into `_ROLES`.
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, str):
        return "choice"
    if param in ROLES:
        return ROLES[param]
    raise LookupError(f"give the parameter {param!r} (here {value!r}) a role in _ROLES")
