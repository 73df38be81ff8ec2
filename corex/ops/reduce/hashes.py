"""Numbers by which tensors can be told apart."""

from __future__ import annotations

from corex import dtypes as dt
from corex.layout import normalize_dims, numel
from corex.ops.promotion import cast, require_kinds
from corex.ops.registration import exported
from corex.ops.shape.parts import slice_view
from corex.ops.shape.reinterpret import reinterpreted
from corex.ops.shape.views import permute, reshape
from corex.tensor.tensor import Tensor


@exported(out="same")
def hash_tensor(
    input: Tensor, dim: int | tuple[int, ...] | None = (), *, keepdim: bool = False, mode: int = 0
) -> Tensor:
    """The exclusive or of the bits of all elements, or of those along dims, as uint64: of integers
    as int64, of others as float64.

    Raises:
        RuntimeError: an unknown mode, no dim of a tensor without elements, or a dim twice.
        NotImplementedError: complex numbers. IndexError: a dim out of range, or without elements.
    """
    if mode:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    require_kinds("hash_tensor", "buif", input)
    over = (dim,) if isinstance(dim, int) else tuple(dim or ())
    if not over and not input.numel():
        raise RuntimeError(
            "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify "
            "the reduction dim with the 'dim' argument."
        )
    dims = normalize_dims(over or None, input.ndim)
    kept = [d for d in range(input.ndim) if d not in dims]
    whole = cast(
        input.detach().resolve_neg(), dt.float64 if input.key.dtype.is_floating_point else dt.int64
    )
    shape = tuple([input.shape[d] for d in kept])
    for d in dims:
        if not input.shape[d]:
            raise IndexError(f"hash_tensor(): Expected reduction dim {d} to have non-zero size.")
    count = numel(tuple([input.shape[d] for d in dims]))
    bits = reshape(permute(whole, (*kept, *dims)), (*shape, count))
    bits = _folded(reinterpreted(bits.contiguous(), dt.int64))
    if keepdim:
        bits = reshape(bits, tuple([1 if d in dims else n for d, n in enumerate(input.shape)]))
    return reinterpreted(bits, dt.uint64)


def _folded(bits: Tensor) -> Tensor:
    """The exclusive or along the last dim, by halves."""
    last = bits.ndim - 1
    count = bits.shape[last]
    while count > 1:
        half, odd = divmod(count, 2)
        joined = slice_view(bits, last, 0, half).bitwise_xor(slice_view(bits, last, half, half))
        if odd:
            slice_view(joined, last, 0, 1).bitwise_xor_(slice_view(bits, last, count - 1, 1))
        bits, count = joined, half
    return bits.select(last, 0)
