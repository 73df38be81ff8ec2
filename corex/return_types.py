"""The named tuples that ops with several results return; each prints under its op's name."""

from __future__ import annotations

from typing import Any, NamedTuple

from corex.tensor.tensor import Tensor


def described(result: Any) -> str:
    name = type(result).__name__
    fields = ",\n".join(f"{field}={getattr(result, field)!r}" for field in result._fields)
    return f"corex.return_types.{name}(\n{fields})"


class ValuesIndices(NamedTuple):
    """Entries of a tensor, and where along a dim they were."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return described(self)


class MinMax(NamedTuple):
    """The smallest and largest entries of a tensor."""

    min: Tensor
    max: Tensor

    def __repr__(self) -> str:
        return described(self)


class aminmax(MinMax):  # noqa: N801 - all of these have their op's name
    """The result of `corex.aminmax`."""

    __slots__ = ()


class cummax(ValuesIndices):  # noqa: N801
    """The result of `corex.cummax`."""

    __slots__ = ()


class cummin(ValuesIndices):  # noqa: N801
    """The result of `corex.cummin`."""

    __slots__ = ()


class frexp(NamedTuple):  # noqa: N801
    """The result of `corex.frexp`."""

    mantissa: Tensor
    exponent: Tensor

    def __repr__(self) -> str:
        return described(self)


class histogram(NamedTuple):  # noqa: N801
    """The result of `corex.histogram`."""

    hist: Tensor
    bin_edges: Tensor

    def __repr__(self) -> str:
        return described(self)


class histogramdd(NamedTuple):  # noqa: N801
    """The result of `corex.histogramdd`."""

    hist: Tensor
    bin_edges: tuple[Tensor, ...]

    def __repr__(self) -> str:
        return described(self)


class kthvalue(ValuesIndices):  # noqa: N801
    """The result of `corex.kthvalue`."""

    __slots__ = ()


class max(ValuesIndices):  # noqa: N801
    """The result of `corex.max` along a dim."""

    __slots__ = ()


class median(ValuesIndices):  # noqa: N801
    """The result of `corex.median` along a dim."""

    __slots__ = ()


class min(ValuesIndices):  # noqa: N801
    """The result of `corex.min` along a dim."""

    __slots__ = ()


class mode(ValuesIndices):  # noqa: N801
    """The result of `corex.mode`."""

    __slots__ = ()


class nanmedian(ValuesIndices):  # noqa: N801
    """The result of `corex.nanmedian` along a dim."""

    __slots__ = ()


class sort(ValuesIndices):  # noqa: N801
    """The result of `corex.sort`."""

    __slots__ = ()


class topk(ValuesIndices):  # noqa: N801
    """The result of `corex.topk`."""

    __slots__ = ()
