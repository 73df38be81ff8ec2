"""Functions that PyTorch's own tests, decompositions and derivatives call, most of them under names
that begin with an underscore: other forms of ops that have public names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import corex
import corex.nn.functional as F
from corex.dtypes import DType
from corex.nn.functional.resize import resized
from corex.ops.out import write_out
from corex.ops.shape.views import contiguous
from corex.tensor.tensor import Tensor
from corex.toplevel.layers import native_batch_norm


# ---- normalised exponentials ---------------------------------------------------------------------
def _check_half(name: str, half_to_float: bool) -> None:
    """
    Raises:
        RuntimeError: softmax would convert, which PyTorch does on GPUs alone.
    """
    if half_to_float:
        raise RuntimeError(f"{name} with half to float conversion is not supported on CPU")


def _softmax(input: Tensor, dim: int, half_to_float: bool) -> Tensor:
    """See `softmax`."""
    _check_half("softmax", half_to_float)
    return corex.softmax(input, dim)


def _log_softmax(input: Tensor, dim: int, half_to_float: bool) -> Tensor:
    """See `log_softmax`."""
    _check_half("softmax", half_to_float)
    return corex.log_softmax(input, dim)


def _safe_softmax(input: Tensor, dim: int, dtype: DType | None = None) -> Tensor:
    """`softmax`, but 0 where a whole slice is masked: is minus infinity everywhere."""
    result = corex.softmax(input, dim, dtype=dtype)
    return result.masked_fill((input == -math.inf).all(dim, keepdim=True), 0)


def _softmax_backward_data(
    grad_output: Tensor,
    output: Tensor,
    dim: int,
    input_dtype: DType,
    *,
    grad_input: Tensor | None = None,
) -> Tensor:
    """The gradient of `softmax` from that of its result, and the result; over `grad_input`."""
    total = (grad_output * output).sum(dim, keepdim=True)
    result = (output * (grad_output - total)).to(input_dtype)
    return result if grad_input is None else write_out(grad_input, result, "_softmax_backward_data")


def _log_softmax_backward_data(
    grad_output: Tensor, output: Tensor, dim: int, input_dtype: DType
) -> Tensor:
    """The gradient of `log_softmax` from that of its result, and the result."""
    total = grad_output.sum(dim, keepdim=True)
    return (grad_output - output.exp() * total).to(input_dtype)


# ---- indices -------------------------------------------------------------------------------------
def _within(input: Tensor, indices: Sequence[Tensor | None]) -> tuple[Any, ...]:
    """The indices, those out of range moved to the next position."""
    found: list[Any] = []
    for size, index in zip(input.shape, indices, strict=False):
        found.append(slice(None) if index is None else index.clamp(-size, size - 1))
    return tuple(found)


def _unsafe_index(input: Tensor, indices: Sequence[Tensor | None]) -> Tensor:
    """`input[indices]`, None for all of a dim."""
    return input[tuple([slice(None) if index is None else index for index in indices])]


def _unsafe_index_put(
    input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """See `index_put`."""
    return corex.index_put(input, indices, values, accumulate)  # type: ignore[arg-type]


def _unsafe_masked_index(
    input: Tensor, mask: Tensor, indices: Sequence[Tensor | None], fill: Any
) -> Tensor:
    """`input[indices]` where the mask is True, elsewhere `fill`; there indices may be out of
    range."""
    if not input.numel():
        shape = corex.broadcast_shapes(*[i.shape for i in (mask, *indices) if i is not None])
        return input.new_full((*shape, *input.shape[len(indices) :]), fill)
    return input[_within(input, indices)].masked_fill(mask.logical_not(), fill)


def _unsafe_masked_index_put_accumulate(
    input: Tensor, mask: Tensor, indices: Sequence[Tensor | None], values: Tensor
) -> Tensor:
    """The input with `values` added at the indices where the mask is True."""
    if not input.numel():
        return input.clone()
    result = input.clone()
    used = values.masked_fill(mask.logical_not(), 0)
    return result.index_put_(_within(input, indices), used, accumulate=True)


# ---- parts ---------------------------------------------------------------------------------------
def _chunk_cat(
    tensors: Sequence[Tensor], dim: int, num_chunks: int, *, out: Tensor | None = None
) -> Tensor:
    """Every tensor in `num_chunks` parts along a dim, the last filled up with zeros; part i of all
    is row i of the result, (sizes before the dim, num_chunks, elements).

    Raises:
        RuntimeError: no tensors, no parts, or sizes before the dim that differ. IndexError: no
            such dim.
    """
    if not tensors:
        raise RuntimeError("_chunk_cat expects a non-empty input tensor list")
    if num_chunks < 1:
        raise RuntimeError("_chunk_cat expects positive num_chunks")
    ndim = tensors[0].ndim
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got "
            f"{dim})"
        )
    dim %= ndim
    parts = []
    for tensor in tensors:
        if not tensor.numel():
            raise RuntimeError("_chunk_cat expects non-empty tensor")
        if tensor.ndim <= dim or tensor.shape[:dim] != tensors[0].shape[:dim]:
            raise RuntimeError(
                "_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors"
            )
        missing = -tensor.shape[dim] % num_chunks
        padding = [0, 0] * (tensor.ndim - dim - 1) + [0, missing]
        whole = F.pad(tensor, padding) if missing else tensor
        parts.append(whole.reshape(*tensor.shape[:dim], num_chunks, -1))
    return corex.cat(parts, -1, out=out)


def _stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """See `stack`."""
    return corex.stack(tensors, dim)


def _shape_as_tensor(input: Tensor) -> Tensor:
    """The sizes, as a tensor of int64."""
    return corex.tensor(list(input.shape), dtype=corex.int64)


def _dim_arange(like: Tensor, dim: int) -> Tensor:
    """0, 1, 2, ... for every position along a dim."""
    return corex.arange(like.shape[dim], dtype=corex.int64, device=like.device)


# ---- layers --------------------------------------------------------------------------------------
def _native_batch_norm_legit(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Any,
    running_var: Any,
    training: Any,
    momentum: Any = None,
    eps: Any = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """`native_batch_norm`; the running statistics may be left out, so that `training` comes
    fourth."""
    if eps is None:
        running_mean, running_var, training, momentum, eps = (
            None, None, running_mean, running_var, training,
        )  # fmt: skip
    return native_batch_norm(
        input, weight, bias, running_mean, running_var, training, momentum, eps
    )


def _native_batch_norm_legit_no_training(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor,
    running_var: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """`native_batch_norm` by the running statistics."""
    return native_batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)


def _batch_norm_with_update(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor,
    running_var: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`native_batch_norm` in training, and an empty tensor for what other devices keep."""
    found = native_batch_norm(input, weight, bias, running_mean, running_var, True, momentum, eps)
    return (*found, input.new_empty(0, dtype=corex.uint8))


def _upsample_bilinear2d_aa(
    input: Tensor,
    output_size: Sequence[int] | None,
    align_corners: bool,
    scale_factors: Any = None,
    scales_w: float | None = None,
    *,
    scales_h: float | None = None,
) -> Tensor:
    """`nn.functional.interpolate` of images with weights as wide as the input's steps: to a size,
    as if by the factors `scales_h` and `scales_w`, or by `scale_factors`."""
    result: Tensor
    if output_size is None:
        result = F.interpolate(
            input, None, scale_factors, "bilinear", align_corners, antialias=True
        )
        return result
    result = contiguous(input)
    scales = (scale_factors if scales_h is None else scales_h, scales_w)
    for dim, (size, scale) in enumerate(zip(output_size, scales, strict=True), 2):
        result = resized(result, dim, size, scale, "bilinear", align_corners, True)
    return result


def native_dropout_backward(grad_output: Tensor, mask: Tensor, scale: float) -> Tensor:
    """The gradient of `native_dropout`: scaled where elements were kept, else 0."""
    return grad_output * (mask.to(grad_output.dtype) * scale)


# ---- asking --------------------------------------------------------------------------------------
def _is_all_true(input: Tensor) -> Tensor:
    """`all` of a tensor of bools.

    Raises:
        RuntimeError: another dtype.
    """
    _require_bools("_is_all_true", input)
    return input.all()


def _is_any_true(input: Tensor) -> Tensor:
    """`any` of a tensor of bools.

    Raises:
        RuntimeError: another dtype.
    """
    _require_bools("_is_any_true", input)
    return input.any()


def _require_bools(name: str, input: Tensor) -> None:
    if input.dtype is not corex.bool:
        raise RuntimeError(f"[{name}] expected a tensor of bools, got {input.dtype!r}")


def _assert(condition: Any, message: str) -> None:
    """
    Raises:
        AssertionError: with the message, if the condition does not hold.
    """
    if not bool(condition):
        raise AssertionError(message)


def _assert_async(input: Tensor, assert_msg: str = "") -> None:
    """
    Raises:
        RuntimeError: the only element is 0.
    """
    if not bool(input):
        raise RuntimeError(assert_msg or "Expected Tensor with single nonzero value, but got zero")


def _check(cond: bool, message: Any = None) -> None:
    """
    Raises:
        RuntimeError: with what `message` returns, if the condition does not hold.
    """
    _checked(RuntimeError, cond, message)


def _check_index(cond: bool, message: Any = None) -> None:
    """As `_check`, with an IndexError."""
    _checked(IndexError, cond, message)


def _check_value(cond: bool, message: Any = None) -> None:
    """As `_check`, with a ValueError."""
    _checked(ValueError, cond, message)


def _check_type(cond: bool, message: Any = None) -> None:
    """As `_check`, with a TypeError."""
    _checked(TypeError, cond, message)


def _check_not_implemented(cond: bool, message: Any = None) -> None:
    """As `_check`, with a NotImplementedError."""
    _checked(NotImplementedError, cond, message)


def _checked(error: type[Exception], cond: Any, message: Any) -> None:
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is None:
        raise error(
            "Expected cond to be True, but got False. (Could this error message be improved? If "
            "so, please report an enhancement request to PyTorch.)"
        )
    if not callable(message):
        raise TypeError("message must be a callable")
    raise error(str(message()))


TENSORS = """
    _batch_norm_with_update _chunk_cat _dim_arange _is_all_true _is_any_true _log_softmax
    _log_softmax_backward_data _native_batch_norm_legit _native_batch_norm_legit_no_training
    _safe_softmax _shape_as_tensor _softmax _softmax_backward_data _stack _unsafe_index
    _unsafe_index_put _unsafe_masked_index _unsafe_masked_index_put_accumulate
    _upsample_bilinear2d_aa native_dropout_backward
""".split()
"""The functions of tensors."""

OTHERS = """
    _assert _assert_async _check _check_index _check_not_implemented _check_type _check_value
""".split()
"""The functions of conditions."""
