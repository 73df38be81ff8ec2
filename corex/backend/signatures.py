"""Which dtypes the views of a kernel have: the column of docs/kernels.md, as a table.

`Backend.select` answers by it, so that a backend that merely fills `kernels` claims no more than
the contract asks for. A dtype that comes after this API version is in no set here: a kernel takes
it if its backend says so (`Backend.takes`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from corex.dtypes import DType, bool_, float32, float64, int32, int64, of_kinds, uint8

DTYPES: Final = (bool_, uint8, int32, int64, float32, float64)
"""The dtypes of this API version; one that comes later is held only by who says so."""

ALL: Final = frozenset(DTYPES)
NUMBER: Final = ALL - {bool_}
FLOAT: Final = frozenset((float32, float64))
INTEGER: Final = NUMBER - FLOAT
BITS: Final = INTEGER | {bool_}
BOOL: Final = frozenset((bool_,))

_FIXED: Final = {"b": bool_, "i": int64}


class Signature(NamedTuple):
    """What a kernel takes.

    Attributes:
        views: a letter for each view: T the dtype that all such views have, x any, b bool, i int64.
            Outputs stand before '|'; what follows '?' may be left out; a '*' at the end repeats the
            last view. Without '|' the kernel takes lists of views.
        of: the dtypes that T and x stand for.
    """

    views: str
    of: frozenset[DType]

    @property
    def lists(self) -> bool:
        """Whether the kernel takes lists, and is asked for with the one dtype of all views."""
        return "|" not in self.views

    @property
    def outputs(self) -> int:
        """How many views come first that are written."""
        return self.views.find("|")

    @property
    def operands(self) -> int:
        """How many arguments can be operands, outputs among them; 0 where that is not fixed."""
        return 0 if "*" in self.views else sum(letter.isalpha() for letter in self.views)

    def fits(self, dtypes: tuple[DType, ...], of: Collection[DType]) -> bool:
        """Whether views may have these dtypes, with other ones for T and x."""
        letters = self.views.replace("|", "")
        least = len(letters.partition("?")[0].rstrip("*"))
        letters = letters.replace("?", "")
        if letters[-1] == "*":
            letters = letters[:-1] + letters[-2] * (len(dtypes) - len(letters) + 1)
        if not least <= len(dtypes) <= len(letters):
            return False
        given = list(zip(letters, dtypes, strict=False))
        common = {dtype for letter, dtype in given if letter == "T"}
        return len(common) <= 1 and all(
            dtype is _FIXED[letter] if letter in _FIXED else dtype in of for letter, dtype in given
        )

    def example(self, dtype: DType) -> tuple[DType, ...]:
        """The dtypes of the views that none may leave out, where T is `dtype`."""
        letters = self.views.replace("|", "").partition("?")[0].rstrip("*")
        return tuple([_FIXED.get(letter, dtype) for letter in letters])


def fits(op: str, dtypes: tuple[DType, ...], of: Collection[DType] | None = None) -> bool:
    """Whether a kernel takes views of these dtypes, outputs first.

    `of`: what it computes with, where that is not what the contract asks for. Of an op that is not
    in the contract nothing is known but that.
    """
    signature = SIGNATURES.get(op)
    if signature is None:
        held = ALL if of is None else of
        return all(dtype in held for dtype in dtypes)
    return signature.fits(dtypes, signature.of if of is None else of)


_TABLE: Final = (
    ("copy", "x|x", ALL),
    ("fill", "T|", ALL),
    ("arange", "T|", NUMBER),
    # unary
    ("neg abs sign square relu", "T|T", NUMBER),
    (
        "floor ceil round trunc sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos "
        "tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid erf erfc gelu silu",
        "T|T",
        FLOAT,
    ),
    ("bitwise_not", "T|T", BITS),
    ("logical_not", "b|T", ALL),
    ("isnan isinf isfinite signbit", "b|T", FLOAT),
    # binary
    ("add mul maximum minimum", "T|TT", ALL),
    ("sub floor_divide remainder fmod pow", "T|TT", NUMBER),
    ("div fmax fmin atan2 hypot copysign", "T|TT", FLOAT),
    ("eq ne lt le gt ge logical_and logical_or logical_xor", "b|TT", ALL),
    ("bitwise_and bitwise_or bitwise_xor", "T|TT", BITS),
    ("bitwise_left_shift bitwise_right_shift", "T|TT", INTEGER),
    ("sigmoid_backward tanh_backward relu_backward gelu_backward silu_backward", "T|TT", FLOAT),
    ("where", "T|bTT", ALL),
    # along dimensions
    ("sum prod", "T|T", NUMBER),
    ("mean", "T|T", FLOAT),
    ("amax amin", "T|T", ALL),
    ("argmax argmin", "i|T", NUMBER),
    ("any all", "T|T", BOOL),
    ("cumsum cumprod", "T|T", NUMBER),
    ("prod_others logcumsumexp", "T|T", FLOAT),
    ("chain", "T|TT", FLOAT),
    ("argcummax argcummin", "i|T", ALL),
    ("argsort argselect", "i|T", ALL),
    ("tril triu", "T|T", ALL),
    ("softmax log_softmax", "T|T", FLOAT),
    ("softmax_backward log_softmax_backward", "T|TT", FLOAT),
    ("layer_norm", "TTT|T?TT", FLOAT),
    ("layer_norm_backward", "T|TTTT?T", FLOAT),
    # products
    ("matmul", "T|TT", NUMBER),
    ("linear conv2d", "T|TT?T", FLOAT),
    ("conv2d_backward_input conv2d_backward_weight", "T|TT", FLOAT),
    # positions
    ("index index_put", "T|Ti*", ALL),
    ("nonzero", "i|T", BOOL),
    ("gather", "T|Ti", ALL),
    ("scatter_add", "T|iT", NUMBER),
    # pooling, losses, optimizers
    ("max_pool2d", "Ti|T", FLOAT),
    ("max_pool2d_backward", "T|Ti", FLOAT),
    ("avg_pool2d avg_pool2d_backward", "T|T", FLOAT),
    ("mse_loss", "T|TT", FLOAT),
    ("mse_loss_backward", "T|TTT", FLOAT),
    ("sgd_step adam_step", "T*", FLOAT),
    # random numbers
    ("random_bits", "T|", frozenset((int64,))),
    ("random_uniform random_normal", "T|", FLOAT),
)


def _rows() -> Iterator[tuple[str, Signature]]:
    for names, views, of in _TABLE:
        for name in names.split():
            yield name, Signature(views, of)


SIGNATURES: Final = dict(_rows())
"""Every kernel of the contract."""

_KINDS: Final = {ALL: "buif", NUMBER: "uif", FLOAT: "f", INTEGER: "ui", BITS: "bui"}


def widened(op: str) -> frozenset[DType]:
    """The dtypes of a kernel that computes with all of the kinds it is asked for, those that came
    after this API version among them. Not of random numbers, which other dtypes draw otherwise."""
    of = SIGNATURES[op].of
    return of if op.startswith("random_") or of not in _KINDS else of_kinds(_KINDS[of])


UPDATES: Final = frozenset(("index_put", "scatter_add"))
"""Kernels that also read their output."""
