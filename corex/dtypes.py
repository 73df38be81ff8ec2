"""Element types: one row each, and what follows from the rows.

A row says all that corex knows of a dtype; nothing elsewhere lists them. To add one, add its row
here, its row in each backend that shall hold it, and kernels there (CONTRIBUTING.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple


class Row(NamedTuple):
    """What is known of a dtype.

    Attributes:
        name: the public name, as in `corex.float32`.
        itemsize: size of one element in bytes.
        kind: 'b' boolean, 'u' unsigned, 'i' signed, 'f' floating point, 'c' complex.
        format: the `struct`/buffer-protocol character of one element; empty where there is none.
        scalar: PyTorch's word for it, as in "expected scalar type Long".
        numpy: the array interface's name, without byte order; empty where NumPy has none.
        dlpack: DLPack's type code; it says bits besides.
        safetensors: its name in safetensors files; empty where they have none.
        aliases: PyTorch's other names, as in `corex.long`.
        digits: binary digits of precision; of an integer, those of its largest value.
        exponents: of a float, those of the smallest normal number and of the largest one.
        compute: the name of the dtype in which an op runs that has no kernel for this one.
    """

    name: str
    itemsize: int
    kind: str
    format: str
    scalar: str
    numpy: str
    dlpack: int
    safetensors: str
    aliases: tuple[str, ...]
    digits: int
    exponents: tuple[int, int] = (0, 0)
    compute: str | None = None


_SINGLE: Final = "float32"
_C64: Final = "complex64"

# fmt: off
ROWS: Final = (
    Row("bool",     1, "b", "?", "Bool",     "b1", 6, "BOOL", (),           1),
    Row("uint8",    1, "u", "B", "Byte",     "u1", 1, "U8",   (),           8),
    Row("uint16",   2, "u", "H", "UInt16",   "u2", 1, "U16",  (),          16, compute="int32"),
    Row("uint32",   4, "u", "I", "UInt32",   "u4", 1, "U32",  (),          32, compute="int64"),
    Row("uint64",   8, "u", "Q", "UInt64",   "u8", 1, "U64",  (),          64),
    Row("int8",     1, "i", "b", "Char",     "i1", 0, "I8",   (),           7, compute="int32"),
    Row("int16",    2, "i", "h", "Short",    "i2", 0, "I16",  ("short",),  15, compute="int32"),
    Row("int32",    4, "i", "i", "Int",      "i4", 0, "I32",  ("int",),    31),
    Row("int64",    8, "i", "q", "Long",     "i8", 0, "I64",  ("long",),   63),
    Row("float16",  2, "f", "e", "Half",     "f2", 2, "F16",  ("half",),   11, (-14, 15), _SINGLE),
    Row("bfloat16", 2, "f", "",  "BFloat16", "",   4, "BF16", (), 8, (-126, 127), _SINGLE),
    Row("float32",  4, "f", "f", "Float",    "f4", 2, "F32",  ("float",),  24, (-126, 127)),
    Row("float64",  8, "f", "d", "Double",   "f8", 2, "F64",  ("double",), 53, (-1022, 1023)),
    Row("complex32",   4, "c", "", "ComplexHalf", "",    5, "",      ("chalf",), 11,
        (-14, 15), _C64),
    Row("complex64",   8, "c", "", "ComplexFloat", "c8",  5, "C64",  ("cfloat",), 24,
        (-126, 127)),
    Row("complex128", 16, "c", "", "ComplexDouble", "c16", 5, "", ("cdouble",), 53,
        (-1022, 1023)),
)
# fmt: on

CATEGORY: Final[dict[str, int]] = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
"""Kind -> boolean, integer, floating or complex, in the order of PyTorch's promotion."""


class DType:
    """An element type. Instances are unique, so they are compared with `is`.

    Attributes:
        index: the position in `ALL`; a stable small integer for tables.
        category: 0 boolean, 1 integer, 2 floating point, 3 complex.
        is_floating_point: whether it is of kind 'f'.
        is_complex: whether elements are complex numbers.
        is_inexact: whether it is of kind 'f' or 'c': what gradients are of.
        real: of a complex dtype that of its parts, else None.
        complex: of a floating dtype that of complex numbers of such parts, or None.
        is_signed: whether negative values can be represented.
        keeps_floats: whether a Python float beside a tensor of it takes part as it is; beside a
            16-bit float it is rounded first (`ops.promotion.operand_number`).
        type_name: what PyTorch calls a tensor of it, as in 'FloatTensor'.
        compute: the dtype in which an op runs that has no kernel for this one, or None.
        and those of `Row`.
    """

    __slots__ = (
        "aliases",
        "category",
        "complex",
        "compute",
        "digits",
        "dlpack",
        "exponents",
        "format",
        "index",
        "is_complex",
        "is_floating_point",
        "is_inexact",
        "is_signed",
        "itemsize",
        "keeps_floats",
        "kind",
        "name",
        "numpy",
        "real",
        "safetensors",
        "scalar",
        "type_name",
    )

    def __init__(self, row: Row, index: int) -> None:
        self.index = index
        self.name = row.name
        self.itemsize = row.itemsize
        self.kind = row.kind
        self.category = CATEGORY[row.kind]
        self.format = row.format
        self.scalar = row.scalar
        self.type_name = f"{row.scalar}Tensor"
        self.numpy = row.numpy
        self.dlpack = row.dlpack
        self.safetensors = row.safetensors
        self.aliases = row.aliases
        self.digits = row.digits
        self.exponents = row.exponents
        self.is_floating_point = row.kind == "f"
        self.is_complex = row.kind == "c"
        self.is_inexact = row.kind in "fc"
        self.is_signed = row.kind in "ifc"
        self.keeps_floats = row.kind == "f" and row.compute is None
        # Set when all are there:
        self.compute: DType | None = None
        self.real: DType | None = None
        self.complex: DType | None = None

    def to_real(self) -> DType:
        """The dtype of the parts of a complex one; of another itself."""
        return self.real or self

    def to_complex(self) -> DType:
        """The complex dtype whose parts are of this one, or wide enough for it; of one itself."""
        return self if self.is_complex else self.complex or BY_NAME["complex64"]

    @property
    def __numpy_dtype__(self) -> Any:
        """NumPy's dtype of the same elements, which `np.dtype` and `dtype=` ask for from NumPy 2.4.

        Raises:
            AttributeError: NumPy has none.
        """
        if not self.numpy:
            raise AttributeError(f"NumPy has no dtype for {self!r}")
        import numpy as np

        return np.dtype(self.name)

    def __repr__(self) -> str:
        return f"corex.{self.name}"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (by_name, (self.name,))


ALL: Final[tuple[DType, ...]] = tuple(DType(row, index) for index, row in enumerate(ROWS))
BY_NAME: Final[dict[str, DType]] = {dtype.name: dtype for dtype in ALL}
for _row in ROWS:
    BY_NAME[_row.name].compute = None if _row.compute is None else BY_NAME[_row.compute]

for _dtype in ALL:
    for _part in ALL:
        alike = (_dtype.digits, _dtype.exponents) == (_part.digits, _part.exponents)
        if alike and (_dtype.kind, _part.kind) == ("c", "f"):
            _dtype.real, _part.complex = _part, _dtype

bool_: Final = BY_NAME["bool"]
uint8: Final = BY_NAME["uint8"]
uint16: Final = BY_NAME["uint16"]
uint32: Final = BY_NAME["uint32"]
uint64: Final = BY_NAME["uint64"]
int8: Final = BY_NAME["int8"]
int16: Final = BY_NAME["int16"]
int32: Final = BY_NAME["int32"]
int64: Final = BY_NAME["int64"]
float16: Final = BY_NAME["float16"]
bfloat16: Final = BY_NAME["bfloat16"]
float32: Final = BY_NAME["float32"]
float64: Final = BY_NAME["float64"]
complex32: Final = BY_NAME["complex32"]
complex64: Final = BY_NAME["complex64"]
complex128: Final = BY_NAME["complex128"]

ALIASES: Final[dict[str, DType]] = {alias: dtype for dtype in ALL for alias in dtype.aliases}
"""PyTorch's other names for the same types."""


PYTHON_TYPES: Final[dict[Any, DType]] = {
    bool: bool_, int: int64, float: float64, complex: complex128,
}  # fmt: skip
"""What Python's own types mean where a dtype is asked for."""


def by_name(name: str) -> DType:
    """The dtype called `name`; KeyError if there is none."""
    return BY_NAME[name]


def as_dtype(name: str, value: Any) -> DType:
    """A dtype, or what one of Python's types means as one; `name` is the function that asks.

    Raises:
        TypeError: anything else.
    """
    if isinstance(value, DType):
        return value
    for kind, dtype in PYTHON_TYPES.items():
        if value is kind:
            return dtype
    raise TypeError(f"{name}(): argument 'dtype' must be corex.dtype, not {type(value).__name__}")


def of_kinds(kinds: str) -> frozenset[DType]:
    """The dtypes of some kinds, as in `of_kinds("ui")`."""
    return frozenset(dtype for dtype in ALL if dtype.kind in kinds)


# ---- promotion -------------------------------------------------------------------------------
class Promotion(dict[tuple[DType, DType], DType]):
    """What two tensors of the same priority are computed in, for each pair of some dtypes."""

    def __init__(self, dtypes: Iterable[DType]) -> None:
        known = sorted(dtypes, key=lambda dtype: dtype.itemsize)
        found = {(a, b): _promoted(a, b, known) for a in known for b in known}
        super().__init__({pair: dtype for pair, dtype in found.items() if dtype is not None})

    def __missing__(self, pair: tuple[DType, DType]) -> DType:
        """Raises RuntimeError: PyTorch has no common dtype for them."""
        names = " and ".join(dtype.scalar for dtype in pair)
        raise RuntimeError(
            f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{names}; convert one of them first"
        )


def _promoted(a: DType, b: DType, known: list[DType]) -> DType | None:
    """PyTorch's rule: the higher category wins; within one, what is just wide enough for both.

    Complex numbers must also be wide enough for the floats that they meet.
    """
    if a is b:
        return a
    if any(_is_bare(dtype) for dtype in (a, b)) and "f" not in (a.kind, b.kind):
        return None
    high, low = (a, b) if a.category >= b.category else (b, a)
    if high.category > low.category and low.kind != "f":
        return high
    fits = (d for d in known if d.category == high.category and _holds(d, a) and _holds(d, b))
    return next(fits, None)


def _is_bare(dtype: DType) -> bool:
    """Whether it is one of the wide unsigned ones, which PyTorch promotes to floats alone."""
    return dtype.kind == "u" and dtype.itemsize > 1


def _holds(dtype: DType, other: DType) -> bool:
    """Whether every value (of a complex dtype: every part) of `other` is one of `dtype`."""
    return (
        dtype.digits >= other.digits
        and dtype.is_signed >= other.is_signed
        and dtype.exponents[0] <= other.exponents[0]
        and dtype.exponents[1] >= other.exponents[1]
    )


PROMOTION: Final = Promotion(ALL)


def promote_types(type1: DType, type2: DType) -> DType:
    """The smallest dtype that both `type1` and `type2` convert to, as `torch.promote_types`.

    Raises:
        TypeError: an argument is not a dtype. RuntimeError: there is none, as PyTorch has it.
    """
    return PROMOTION[as_dtype("promote_types", type1), as_dtype("promote_types", type2)]


def can_cast(from_: DType, to: DType) -> bool:
    """Whether an in-place op may store a `from_` result in a `to` tensor, as `torch.can_cast`.

    Raises:
        TypeError: an argument is not a dtype.
    """
    from_, to = as_dtype("can_cast", from_), as_dtype("can_cast", to)
    if to.kind == "b":
        return from_.kind == "b"
    return from_.category <= to.category


# ---- limits ----------------------------------------------------------------------------------
class finfo:  # noqa: N801 - PyTorch's name
    """Limits of a floating-point dtype, or of the parts of a complex one, as `torch.finfo`."""

    def __init__(self, dtype: DType | None = None) -> None:
        dtype = get_default_dtype() if dtype is None else as_dtype("finfo", dtype).to_real()
        if not dtype.is_floating_point:
            raise TypeError(
                f"finfo() requires a floating point input type. Use iinfo to handle {dtype!r}"
            )
        mantissa = dtype.digits - 1
        least, greatest = dtype.exponents
        self.dtype = dtype.name
        self.bits = dtype.itemsize * 8
        self.eps = 2.0**-mantissa
        self.max = (2.0 - self.eps) * 2.0**greatest
        self.min = -self.max
        self.tiny = self.smallest_normal = 2.0**least
        self.resolution = 10.0 ** -int(mantissa * 0.30103)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:  # noqa: N801 - PyTorch's name
    """Limits of an integer dtype, as `torch.iinfo`."""

    def __init__(self, dtype: DType) -> None:
        dtype = as_dtype("iinfo", dtype)
        if dtype.kind not in "ui":
            raise TypeError(f"iinfo() requires an integer input type, got {dtype!r}")
        self.dtype = dtype.name
        self.bits = dtype.itemsize * 8
        self.min = -(1 << dtype.digits) if dtype.is_signed else 0
        self.max = (1 << dtype.digits) - 1

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


# ---- the default -----------------------------------------------------------------------------
_default = float32


def get_default_dtype() -> DType:
    """The dtype of tensors made from Python floats."""
    return _default


def set_default_dtype(d: DType) -> None:
    """Sets the dtype of tensors made from Python floats.

    Raises:
        TypeError: not a floating-point dtype.
    """
    global _default
    if not isinstance(d, DType) or not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _default = d
