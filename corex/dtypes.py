"""Element types, their limits, and the promotion table.

Adding a dtype is one row in `_ROWS`, one row in `_PROMOTION_ORDER`'s table, and one column in
each backend's kernels.
"""

from __future__ import annotations

from typing import Final


class DType:
    """An element type. Instances are unique, so they are compared with `is`.

    Attributes:
        name: the public name, as in `corex.float32`.
        itemsize: size of one element in bytes.
        kind: 'b' boolean, 'u' unsigned, 'i' signed, 'f' floating point (NumPy's letters).
        format: the `struct`/buffer-protocol character of one element.
        index: the position in `ALL`; a stable small integer for tables.
    """

    __slots__ = ("format", "index", "is_floating_point", "itemsize", "kind", "name")

    def __init__(self, name: str, itemsize: int, kind: str, fmt: str, index: int) -> None:
        self.name = name
        self.itemsize = itemsize
        self.kind = kind
        self.format = fmt
        self.index = index
        self.is_floating_point = kind == "f"

    @property
    def is_complex(self) -> bool:
        """Whether elements are complex numbers (none of today's dtypes is)."""
        return self.kind == "c"

    @property
    def is_signed(self) -> bool:
        """Whether negative values can be represented."""
        return self.kind in "if"

    def __repr__(self) -> str:
        return f"corex.{self.name}"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (by_name, (self.name,))


# name, bytes, kind, buffer-protocol format
_ROWS: Final = (
    ("bool", 1, "b", "?"),
    ("uint8", 1, "u", "B"),
    ("int32", 4, "i", "i"),
    ("int64", 8, "i", "q"),
    ("float32", 4, "f", "f"),
    ("float64", 8, "f", "d"),
)

ALL: Final[tuple[DType, ...]] = tuple(DType(*row, index) for index, row in enumerate(_ROWS))
BY_NAME: Final[dict[str, DType]] = {dtype.name: dtype for dtype in ALL}

bool_, uint8, int32, int64, float32, float64 = ALL

# PyTorch's other names for the same types.
ALIASES: Final[dict[str, DType]] = {
    "float": float32,
    "double": float64,
    "int": int32,
    "long": int64,
}


def by_name(name: str) -> DType:
    """The dtype called `name`; KeyError if there is none."""
    return BY_NAME[name]


# The promotion table, both operands tensors of the same priority. Written out, because a table
# can be read and checked against PyTorch's documentation, while a rule can only be believed.
_HEADER: Final = (bool_, uint8, int32, int64, float32, float64)
_TABLE: Final = (
    # bool    uint8    int32    int64    float32  float64
    (bool_, uint8, int32, int64, float32, float64),  # bool
    (uint8, uint8, int32, int64, float32, float64),  # uint8
    (int32, int32, int32, int64, float32, float64),  # int32
    (int64, int64, int64, int64, float32, float64),  # int64
    (float32, float32, float32, float32, float32, float64),  # float32
    (float64, float64, float64, float64, float64, float64),  # float64
)
PROMOTION: Final[dict[tuple[DType, DType], DType]] = {
    (row, column): _TABLE[i][j] for i, row in enumerate(_HEADER) for j, column in enumerate(_HEADER)
}


def promote_types(a: DType, b: DType) -> DType:
    """The smallest dtype that both `a` and `b` convert to, as `torch.promote_types`.

    Raises:
        TypeError: an argument is not a dtype.
    """
    try:
        return PROMOTION[a, b]
    except KeyError:
        raise TypeError(f"promote_types() takes two dtypes, got {a!r} and {b!r}") from None


# Order of the categories in PyTorch's promotion with scalars and 0-d tensors.
CATEGORY: Final[dict[str, int]] = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def can_cast(from_: DType, to: DType) -> bool:
    """Whether an in-place op may store a `from_` result in a `to` tensor, as `torch.can_cast`."""
    if to.kind == "b":
        return from_.kind == "b"
    return CATEGORY[from_.kind] <= CATEGORY[to.kind]


class finfo:  # noqa: N801 - PyTorch's name
    """Limits of a floating-point dtype, as `torch.finfo`."""

    def __init__(self, dtype: DType | None = None) -> None:
        dtype = get_default_dtype() if dtype is None else dtype
        if not dtype.is_floating_point:
            raise TypeError(
                f"finfo() requires a floating point input type. Use iinfo to handle {dtype!r}"
            )
        mantissa, low_exponent, high_exponent = _FLOAT_LAYOUT[dtype.name]
        self.dtype = dtype.name
        self.bits = dtype.itemsize * 8
        self.eps = 2.0**-mantissa
        self.max = (2.0 - self.eps) * 2.0**high_exponent
        self.min = -self.max
        self.tiny = self.smallest_normal = 2.0**low_exponent
        self.resolution = 10.0 ** -int(mantissa * 0.30103)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


# mantissa bits, smallest normal exponent, largest exponent (IEEE 754)
_FLOAT_LAYOUT: Final = {"float32": (23, -126, 127), "float64": (52, -1022, 1023)}


class iinfo:  # noqa: N801 - PyTorch's name
    """Limits of an integer dtype, as `torch.iinfo`."""

    def __init__(self, dtype: DType) -> None:
        if dtype.kind not in "ui":
            raise TypeError(f"iinfo() requires an integer input type, got {dtype!r}")
        self.dtype = dtype.name
        self.bits = dtype.itemsize * 8
        self.min = 0 if dtype.kind == "u" else -(1 << (self.bits - 1))
        self.max = (1 << (self.bits - (dtype.kind == "i"))) - 1

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


_default = float32


def get_default_dtype() -> DType:
    """The dtype of tensors made from Python floats."""
    return _default


def set_default_dtype(dtype: DType) -> None:
    """Sets the dtype of tensors made from Python floats.

    Raises:
        TypeError: `dtype` is not a floating-point dtype.
    """
    global _default
    if not isinstance(dtype, DType) or not dtype.is_floating_point:
        raise TypeError(
            f"only floating-point types are supported as the default type, got {dtype!r}"
        )
    _default = dtype
