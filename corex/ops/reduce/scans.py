"""Running maxima and log-sums along a dim, by doubling: log2(n) passes of whole-tensor ops.

A pass combines each entry with that `step` before it, which holds what came before. Besides the
result a pass needs about two more tensors of its size.
"""

from __future__ import annotations

from collections.abc import Callable

from corex import dtypes as dt
from corex import return_types
from corex.dispatch.record import no_grad
from corex.layout import normalize_dim
from corex.ops.composed import composition
from corex.ops.create.ranges import arange
from corex.ops.indexing.gather import gather
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, counted, require_tensor
from corex.ops.registration import exported
from corex.ops.shape.join import cat
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import expand, reshape
from corex.return_types import ValuesIndices
from corex.tensor.tensor import Tensor


def positions_along(input: Tensor, dim: int) -> Tensor:
    """The position along a dim of every entry, int64, as an expanded view."""
    place = input.key.place
    line = arange(input.shape[dim], device=place.device, backend=place.name)
    return expand(reshape(line, (-1, *[1] * (input.ndim - 1 - dim))), input.shape)


def _running_places(input: Tensor, dim: int, reached: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Where the extreme of the entries so far is: the last of equals, and the last NaN."""
    values = counted(input) if input.key.dtype is dt.bool_ else input
    places, size, step = positions_along(input, dim) + 0, input.shape[dim], 1
    while step < size:
        earlier, later = slice_view(values, dim, 0, size - step), _from(values, dim, step)
        stays = reached(later, earlier)
        if values.is_floating_point():
            stays = later.isnan().logical_or(stays.logical_and(earlier.isnan().logical_not()))
        before = slice_view(places, dim, 0, size - step)
        moved = where(stays, _from(places, dim, step), before)
        places = cat([slice_view(places, dim, 0, step), moved], dim)
        moved = where(stays, later, earlier)
        values = cat([slice_view(values, dim, 0, step), moved], dim)
        step *= 2
    return places


def _from(t: Tensor, dim: int, start: int) -> Tensor:
    return slice_view(t, dim, start, t.shape[dim] - start)


def _running(
    op: str, input: Tensor, dim: int, reached: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    dim = normalize_dim(dim, require_tensor(op, input).ndim)
    if not input.shape:
        return input * 1, cast(input.detach(), dt.int64).new_zeros(())
    with no_grad():
        places = _running_places(input.detach(), dim, reached)
    return gather(input, dim, places), places


@exported(out="same")
def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """The largest entry so far along a dim, and where it is: the last of equals; NaN stays."""
    return return_types.cummax(*_running("cummax", input, dim, lambda later, it: later >= it))


@exported(out="same")
def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """The smallest entry so far along a dim, and where it is: the last of equals; NaN stays."""
    return return_types.cummin(*_running("cummin", input, dim, lambda later, it: later <= it))


# ---- logarithms of running sums --------------------------------------------------------------
def _log_sums(a: Tensor, dim: int) -> Tensor:
    size, step = a.shape[dim], 1
    result = a.clone()
    while step < size:
        sums = _from(result, dim, step).logaddexp(slice_view(result, dim, 0, size - step))
        result = cat([slice_view(result, dim, 0, step), sums], dim)
        step *= 2
    return result


def _log_sums_back(g: Tensor, a: Tensor, y: Tensor, dim: int) -> Tensor:
    """exp(a) times the sums, from the end, of g exp(-y): as logarithms, by the sign of g."""
    logs = g.abs().log() - y

    def part(chosen: Tensor) -> Tensor:
        kept = where(chosen, logs, -float("inf"))
        return (_log_sums(kept.flip([dim]), dim).flip([dim]) + a).exp()

    return part(g > 0) - part(g < 0)


_LOG_SUMS = composition("logcumsumexp", ("a",), _log_sums, {"a": _log_sums_back}, ("dim",))


@exported(out="same")
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """The logarithm of running sums of exponentials along a dim.

    Raises:
        NotImplementedError: not a floating-point tensor.
    """
    if not require_tensor("logcumsumexp", input).is_floating_point():
        raise NotImplementedError(f'"logcumsumexp_out_cpu" not implemented for {input.key.dtype!r}')
    dim = normalize_dim(dim, input.ndim)
    return _LOG_SUMS(input, dim) if input.shape else input * 1
