"""`assert_close` and `make_tensor`, for the tests of who uses corex."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any, NoReturn

import corex
from corex.dtypes import DType
from corex.tensor.tensor import Tensor

_TOLERANCES = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7), "complex32": (1e-3, 1e-5), "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}  # fmt: skip
"""dtype -> rtol and atol, of others 0; PyTorch's."""

Message = str | Callable[[str], str] | None


class _Comparison:
    """What `assert_close` was asked for."""

    def __init__(self, options: dict[str, Any], msg: Message) -> None:
        self.options = options
        self.msg = msg

    def fail(self, text: str, where: str) -> NoReturn:
        text = f"{text}\n\nThe failure occurred for item {where}" if where else text
        raise AssertionError(
            text if self.msg is None else self.msg(text) if callable(self.msg) else self.msg
        )

    def compare(self, actual: Any, expected: Any, where: str = "") -> None:
        """
        Raises:
            AssertionError: they are not close. TypeError: nothing that can be compared.
        """
        if isinstance(actual, Tensor) and isinstance(expected, Tensor):
            self.tensors(actual, expected, where)
        elif isinstance(actual, Number) and isinstance(expected, Number):
            self.numbers(actual, expected, where)
        elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
            self.mappings(actual, expected, where)
        elif _is_sequence(actual) and _is_sequence(expected):
            self.sequences(actual, expected, where)
        elif actual is None or expected is None:
            if actual is not expected:
                self.fail(f"None mismatch: {actual} is not {expected}", where)
        elif type(actual) is type(expected) and hasattr(actual, "__array__"):
            self.tensors(corex.as_tensor(actual), corex.as_tensor(expected), where)
        else:
            raise TypeError(
                f"No comparison pair was able to handle inputs of type {type(actual)} and "
                f"{type(expected)}."
            )

    def sequences(self, actual: Sequence[Any], expected: Sequence[Any], where: str) -> None:
        if len(actual) != len(expected):
            self.fail(
                f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", where
            )
        for i, (a, b) in enumerate(zip(actual, expected, strict=True)):
            self.compare(a, b, f"{where}[{i}]")

    def mappings(self, actual: Mapping[Any, Any], expected: Mapping[Any, Any], where: str) -> None:
        if set(actual) != set(expected):
            self.fail(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {sorted(set(expected) - set(actual))}\n"
                f"Additional keys in the actual mapping: {sorted(set(actual) - set(expected))}",
                where,
            )
        for key in actual:
            self.compare(actual[key], expected[key], f"{where}[{key!r}]")

    def numbers(self, actual: Any, expected: Any, where: str) -> None:
        if self.options["check_dtype"] and type(actual) is not type(expected):
            self.fail(f"The (d)types do not match: {type(actual)} != {type(expected)}.", where)
        kind = complex if complex in (type(actual), type(expected)) else float
        exact = isinstance(actual, int) and isinstance(expected, int)
        rtol, atol = self.tolerances("" if exact else "float64")
        if actual == expected:
            return
        if actual != actual and expected != expected and self.options["equal_nan"]:
            return
        difference = abs(kind(actual) - kind(expected))
        bound = atol + rtol * abs(expected)
        if math.isfinite(difference) and difference <= bound:
            return
        if isinstance(actual, bool) and isinstance(expected, bool):
            self.fail(f"Booleans mismatch: {actual} is not {expected}", where)
        text = f"Scalars are not {'close' if rtol or atol else 'equal'}!\n\n"
        if not (rtol or atol):
            self.fail(f"{text}Expected {expected} but got {actual}.", where)
        relative = difference / abs(expected) if expected else math.inf
        self.fail(
            f"{text}Expected {expected} but got {actual}.\n"
            f"Absolute difference: {difference} (up to {atol} allowed)\n"
            f"Relative difference: {relative} (up to {rtol} allowed)",
            where,
        )

    def tolerances(self, *dtypes: str) -> tuple[float, float]:
        """rtol and atol: those that were given, or the larger ones of the dtypes."""
        if self.options["rtol"] is not None:
            return self.options["rtol"], self.options["atol"]
        found = [_TOLERANCES.get(name, (0.0, 0.0)) for name in dtypes]
        return max(r for r, _ in found), max(a for _, a in found)

    def tensors(self, actual: Tensor, expected: Tensor, where: str) -> None:
        if actual.shape != expected.shape:
            self.fail(
                "The values for attribute 'shape' do not match: "
                f"{tuple(actual.shape)} != {tuple(expected.shape)}.",
                where,
            )
        for name in ("layout", "device", "dtype"):
            mine, theirs = getattr(actual, name), getattr(expected, name)
            if self.options[f"check_{name}"] and mine != theirs:
                self.fail(
                    f"The values for attribute '{name}' do not match: {mine} != {theirs}.", where
                )
        if actual.layout is not corex.strided or expected.layout is not corex.strided:
            actual, expected = actual.to_dense(), expected.to_dense()
        elif self.options["check_stride"] and actual.stride() != expected.stride():
            self.fail(
                "The values for attribute 'stride()' do not match: "
                f"{actual.stride()} != {expected.stride()}.",
                where,
            )
        rtol, atol = self.tolerances(actual.dtype.name, expected.dtype.name)
        self.values(actual.detach(), expected.detach().to(actual.device), rtol, atol, where)

    def values(self, a: Tensor, b: Tensor, rtol: float, atol: float, where: str) -> None:
        """Compares elements, in the dtype that holds both."""
        dtype = corex.promote_types(a.dtype, b.dtype)
        a, b = a.to(dtype), b.to(dtype)
        if not dtype.is_inexact:
            a, b = (t.to(corex.int64) if dtype.kind != "u" else t for t in (a, b))
        near = corex.isclose(a, b, rtol, atol, equal_nan=self.options["equal_nan"])
        if bool(near.all()):
            return
        wrong, total = int((~near).sum()), near.numel()
        title = "Tensor-likes are not " + ("close" if rtol or atol else "equal")
        if not a.ndim:
            title = title.replace("Tensor-likes", "Scalars")
        wide = corex.complex128 if dtype.is_complex else corex.float64
        away = (a.to(wide) - b.to(wide)).abs().masked_fill(near, 0)
        share = (away / b.to(wide).abs()).masked_fill(near, 0)
        lines = [f"{title}!", ""]
        if a.ndim:
            lines.append(f"Mismatched elements: {wrong} / {total} ({wrong / total:.1%})")
        else:
            lines.append(f"Expected {b.item()} but got {a.item()}.")
        for word, parts, bound in (("absolute", away, atol), ("relative", share, rtol)):
            at = corex.unravel_index(parts.flatten().argmax(), parts.shape) if a.ndim else ()
            index = tuple([int(i) for i in at])
            greatest = f"Greatest {word} difference: {parts[index].item()} at index {index}"
            text = greatest if a.ndim else f"{word.title()} difference: {parts.item()}"
            lines.append(f"{text} (up to {bound} allowed)" if rtol or atol else text)
        self.fail("\n".join(lines), where)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Asserts that `|actual - expected| <= atol + rtol * |expected|` everywhere: in tensors,
    numbers, arrays, and sequences and mappings of them. The defaults depend on the dtype, and are 0
    for integers.

    Raises:
        AssertionError: they are not close, or differ in what is checked beside; with `msg`, or what
            `msg` makes of the text.
        TypeError: values that cannot be compared, or, unless `allow_subclasses`, of two types.
        ValueError: one of rtol and atol alone.
    """
    if (rtol is None) is not (atol is None):
        raise ValueError(
            "rtol and atol must both be specified or both be unspecified, but got no "
            f"{'rtol' if rtol is None else 'atol'} and "
            f"{'atol' if rtol is None else 'rtol'}={atol if rtol is None else rtol}."
        )
    if not allow_subclasses and type(actual) is not type(expected):
        raise TypeError(f"{type(actual)} and {type(expected)} are not the same type")
    options = {
        "rtol": rtol, "atol": atol, "equal_nan": equal_nan, "check_device": check_device,
        "check_dtype": check_dtype, "check_layout": check_layout, "check_stride": check_stride,
    }  # fmt: skip
    _Comparison(options, msg).compare(actual, expected)


def make_tensor(
    *shape: Any,
    dtype: DType,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Random elements, evenly from [low, high): by default from [-9, 9], of bools both.

    Args:
        noncontiguous: a tensor with gaps between its elements, if it has several.
        exclude_zero: 1, or the smallest number of a dtype with fractions, instead of 0.
        memory_format: the order of dims in memory.

    Raises:
        ValueError: low is not below high, or both `noncontiguous` and a memory format.
        RuntimeError: gradients of integers.
    """
    sizes = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"noncontiguous={noncontiguous} and memory_format={memory_format}"
        )
    whole = not dtype.is_inexact
    lowest = 0 if dtype.kind in "bu" else -9
    highest = 2 if dtype.kind == "b" else 10 if whole else 9
    low, high = (lowest if low is None else low), (highest if high is None else high)
    if low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    if requires_grad and whole:
        raise RuntimeError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"dtype={dtype}"
        )
    if whole:
        result = corex.randint(math.ceil(low), math.ceil(high), sizes, device=device).to(dtype)
    elif dtype.is_complex:
        parts = corex.empty(*sizes, 2, dtype=corex.float64, device=device).uniform_(low, high)
        result = corex.view_as_complex(parts).to(dtype)
    else:
        result = corex.empty(sizes, dtype=dtype, device=device).uniform_(low, high)
    if exclude_zero:
        smallest = 1 if whole else corex.finfo(dtype).tiny
        result = result.masked_fill(result == 0, smallest)
    if noncontiguous and result.numel() > 1:
        result = corex.repeat_interleave(result, 2, dim=-1)[..., ::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    return result.requires_grad_() if requires_grad else result
