"""Differences that are meant, each with its reason; `docs/differences.md` tells users of them.

A predicate is asked with the text of the case and what differs. It is as narrow as the text allows:
a difference of the same kind for another cause is found all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tests.fuzz.cases.compared import Difference


class Meant(NamedTuple):
    """Why the libraries differ, and where."""

    reason: str
    applies: Callable[[str, Difference], bool]


def reason(code: str, found: Difference) -> str:
    """Why a difference is meant, or '' if it is not."""
    return next((meant.reason for meant in MEANT if meant.applies(code, found)), "")


def _theirs(found: Difference) -> str:
    return f"{type(found.theirs).__name__}: {found.theirs}" if found.theirs else ""


def _accepted(*texts: str) -> Callable[[str, Difference], bool]:
    """corex does it, and PyTorch's refusal has one of the texts."""
    return lambda code, found: (
        found.kind == "accepted" and any([text in _theirs(found) for text in texts])
    )


def _either(found: Difference, *texts: str) -> bool:
    return any([text in found.text for text in texts])


def _theirs_has(found: Difference, *texts: str) -> bool:
    return any([text in str(found.theirs) for text in texts])


def _empty(code: str) -> bool:
    """Whether a tensor without elements is made."""
    return re.search(r"new\(\((0,|[^)]*[ (]0[,)])|tensor\(\[\]", code) is not None


def _two_refusals(found: Difference) -> bool:
    return " for " in found.kind


def _told_first(code: str, found: Difference) -> bool:
    unsupported = ("not implemented for", "does not support", "only supports", "not supported",
                   "Expected a floating", "expected a floating", "can't be cast", "must match",
                   "dtypes match", "leaf Variable", "scalar type",
                   "either float or double", "value cannot be converted")  # fmt: skip
    return _two_refusals(found) and _either(found, *unsupported)


MEANT = (
    Meant(
        "dtypes that PyTorch has no kernel for",
        lambda code, found: found.kind == "accepted" and "NotImplementedError" in _theirs(found),
    ),
    Meant("arguments of types that PyTorch does not take", _accepted("TypeError")),
    Meant("index tensors of int8 and int16", _accepted("must be long, int, byte or bool")),
    Meant("NumPy's truth values index as Python's", _accepted("(got numpy.bool)")),
    Meant(
        "a list of lists is one index tensor",
        lambda code, found: "[[[" in code or "[[]]" in code or ", [[" in code,
    ),
    Meant(
        "lists, arrays and NumPy's numbers are values that can be written",
        lambda code, found: "can't assign a " in found.text and ("np." in code or "= [" in code),
    ),
    Meant(
        "a position that is out of range is told also where nothing is read",
        lambda code, found: found.kind == "refused" and "out of bounds" in found.text,
    ),
    Meant(
        "a second ellipsis is refused, as in NumPy",
        lambda code, found: code.count("...") > 1 and _either(found, "ellipsis", "Ellipsis"),
    ),
    Meant(
        "division of integers by zero is a ZeroDivisionError",
        lambda code, found: "ZeroDivisionError" in found.kind,
    ),
    Meant(
        "NumPy's truth values are truth values; PyTorch takes them for floats",
        lambda code, found: "np.bool_" in code,
    ),
    Meant(
        "integers of more than 64 bits are an OverflowError",
        lambda code, found: "10**20" in code,
    ),
    Meant(
        "which of two mistakes is told first, a dtype or an argument", _told_first
    ),
    Meant(
        "a wrong type is a TypeError, where functions of PyTorch's that are written in Python miss "
        "an attribute",
        lambda code, found: found.kind.startswith("TypeError for "),
    ),
    Meant(
        "ops on tensors without elements refuse what they refuse of others",
        lambda code, found: _empty(code) and (found.kind == "refused" or _two_refusals(found)),
    ),
    Meant(
        "a gradient of zeros is one, where PyTorch has none",
        lambda code, found: found.kind == "gradient" and "zeros: PyTorch None" in found.text,
    ),
    Meant(
        "some functions take complex numbers, too",
        lambda code, found: found.kind == "accepted" and "complex" in str(found.theirs).lower(),
    ),
    Meant(
        "writes that overlap themselves are refused wherever that can be told",
        lambda code, found: found.kind == "refused" and "single memory location" in found.text,
    ),
    Meant(
        "a leaf that requires gradients is not written to by ops without a derivative either",
        lambda code, found: found.kind == "refused" and "a leaf Variable" in found.text,
    ),
    Meant("memory of NumPy's arrays makes way for a larger result", _accepted("not resizable")),
    Meant("steps have the derivative 0", _accepted("derivative for aten::")),
    Meant("byte masks are masks also of writes", _accepted("only supports boolean masks")),
    Meant(
        "an `out` of any dtype that the result can be cast to",
        _accepted("Found dtype", "non-boolean outputs", "only supports bool tensor for result"),
    ),
    Meant(
        "comparisons of integers are exact",
        lambda code, found: found.kind == "values"
        and re.search(r"[<>]=?|\b[gl][et]_?\b", code) is not None
        and ("np.True_" in found.text or re.search(r"\.[gl][et]_\(", code) is not None),
    ),
    Meant(
        "the sign of NaN is nobody's",
        lambda code, found: ("copysign" in code or "signbit" in code) and "special" in code,
    ),
    Meant(
        "gradients of bounds that are larger than what they limit",
        _accepted("doesn't match the broadcast shape"),
    ),
    Meant(
        "results of three operands lie as the first sums do where their layouts differ",
        lambda code, found: found.kind == "strides"
        and re.search(r"lib\.(lerp|addcmul|addcdiv|where|clamp)\(", code) is not None,
    ),
    Meant(
        "a view of the own dtype is a view, with its graph",
        lambda code, found: found.kind in ("view", "gradient", "requires_grad")
        and ".view(lib." in code,
    ),
    Meant(
        "more dtypes than PyTorch takes",
        _accepted("Autograd not support dtype", "either float or double dtype",
                  "Expected a long tensor for index", "Expected dtype int64 for index",
                  "MKL FFT error", "mixed dtype", "expected scalar type",
                  "Expected out tensor to have dtype",
                  "Unsupported dtype",
                  "Low precision dtypes not supported",
                  "doesn't handle types other than float and double",
                  "provided dtype must match"),
    ),
    Meant(
        "complex numbers have no order, not even one alone",
        lambda code, found: found.kind == "refused" and "Sort does not support" in found.text,
    ),
    Meant(
        "what equals nothing is not the most frequent",
        lambda code, found: "lib.mode(" in code and "special" in code and found.kind == "values",
    ),
    Meant(
        "what PyTorch asserts is told by an error of the argument's",
        lambda code, found: found.kind.endswith(" for AssertionError"),
    ),
    Meant("a truth value is no dtype", lambda code, found: ".to(True)" in code),
    Meant(
        "`out` and arguments by position where PyTorch's functions do not take them",
        lambda code, found: found.kind.endswith(" for TypeError")
        and _theirs_has(found, "unexpected keyword argument 'out'", "positional argument"),
    ),
    Meant(
        "a position out of range is an IndexError, where PyTorch's class depends on the shapes",
        lambda code, found: found.kind == "IndexError for RuntimeError"
        and _theirs_has(found, "out of bounds", "out of DATA bounds", "out of range",
                        "Expected dim <"),
    ),
    Meant(
        "bounds of complex dtype have no order",
        lambda code, found: found.kind == "refused" and "lib.clamp(" in code and "complex" in code,
    ),
    Meant(
        "the finite part of an infinite complex number is rounded by its own",
        lambda code, found: found.kind == "values" and "complex" in found.text
        and "inf" in found.text,
    ),
    Meant("what PyTorch finds no memory for", _accepted("can't allocate memory")),
    Meant(
        "what LAPACK leaves behind of a matrix that is not positive-definite",
        lambda code, found: "cholesky_ex(" in code and found.kind == "values",
    ),
    Meant(
        "windows of a negative size, in which PyTorch finds something",
        lambda code, found: found.kind == "refused"
        and "kernel_size should be greater than zero" in found.text,
    ),
    Meant(
        "attention of scale 0, where PyTorch multiplies a mask's infinity by 0",
        lambda code, found: found.kind == "values" and "scale=0" in code and "nan" in found.text,
    ),
    Meant("what fails inside of PyTorch", _accepted("INTERNAL ASSERT FAILED")),
    Meant(
        "layouts that have no part in tensors without elements",
        lambda code, found: found.kind == "accepted" and _empty(code) and "stride" in found.text,
    ),
    Meant(
        "results of integers that are written to an `out` have no part in a graph",
        _accepted("arguments don't support automatic differentiation"),
    ),
    Meant(
        "angles of complex numbers lie as their input does",
        lambda code, found: found.kind == "strides" and "angle" in code,
    ),
    Meant(
        "truth values are found in the input's dtype, not in that of `out`",
        lambda code, found: found.kind == "values" and "out=o" in code
        and re.search(r"lib\.(any|all)\(", code) is not None,
    ),
    Meant(
        "no derivative of a variance of fewer elements than are subtracted",
        lambda code, found: found.kind == "gradient" and "correction=" in code,
    ),
    Meant(
        "which of equal entries is chosen, and so which has the gradient",
        lambda code, found: found.kind == "gradient" and "'repeated'" in code
        and re.search(r"lib\.(kthvalue|median|nanmedian|mode)\(", code) is not None,
    ),
    Meant(
        "differences of nothing are recorded, and a dim is checked for none at all",
        lambda code, found: "lib.diff(" in code and found.kind in ("is_leaf", "refused",
                                                                  "requires_grad", "gradient"),
    ),
    Meant(
        "the order of what equals nothing",
        lambda code, found: "lib.unique" in code and "special" in code,
    ),
    Meant(
        "the branch of a complex logarithm",
        lambda code, found: "logcumsumexp" in code and "complex" in code,
    ),
    Meant(
        "attention drops out on the CPU, too", _accepted("do not support dropout"),
    ),
    Meant(
        "views that PyTorch does not track are views here",
        lambda code, found: found.kind == "view" and "unsafe_" in code,
    ),
    Meant("a flat copy is no view", lambda code, found: found.kind == "view" and "ravel()" in code),
    Meant(
        "PyTorch's median reads beyond what repeats",
        lambda code, found: "median" in code and "'repeated'" in code and found.kind == "values",
    ),
)  # fmt: skip
