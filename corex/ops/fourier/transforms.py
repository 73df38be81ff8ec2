"""The functions of `corex.fft`: discrete Fourier transforms along one dim or several.

Sizes cut the input off or fill it up with zeros. `norm` says which of the two directions divides by
the number n of points: "backward" (the default), "forward", or "ortho", both by the root of n.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from corex.dispatch.views import transformed
from corex.layout import normalize_dim
from corex.ops.fourier.primitives import Dims, c2c, c2r, prepared, r2c
from corex.ops.promotion import require_tensor
from corex.ops.shape.complex_views import CONJUGATE
from corex.ops.shape.pad import pad
from corex.tensor.tensor import Tensor

Sizes = int | Sequence[int] | None


# ---- arguments -----------------------------------------------------------------------------------
def scale_of(norm: str | None, forward: bool) -> str:
    """What the transform of a direction divides by.

    Raises:
        RuntimeError: another norm than the three.
    """
    if norm is None or norm == "backward":
        return "none" if forward else "size"
    if norm == "forward":
        return "size" if forward else "none"
    if norm == "ortho":
        return "root"
    raise RuntimeError(f'Invalid normalization mode: "{norm}"')


def _one_dim(t: Tensor, dim: int) -> int:
    if not t.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return normalize_dim(dim, t.ndim)


def _check_size(n: int) -> None:
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")


def _resized(t: Tensor, dims: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """The tensor with these sizes: cut off, or filled up with zeros."""
    for dim, size in zip(dims, sizes, strict=True):
        if t.shape[dim] > size:
            t = t.narrow(dim, 0, size)
    missing = [0] * (2 * t.ndim)
    for dim, size in zip(dims, sizes, strict=True):
        missing[2 * (t.ndim - 1 - dim) + 1] = size - t.shape[dim]
    return pad(t, missing) if any(missing) else t


def _several(t: Tensor, s: Sizes, dim: Sizes) -> tuple[Dims, Dims]:
    """The dims, and their sizes.

    Raises:
        RuntimeError: a dim twice, as many sizes as dims are not given, or sizes below 1.
    """
    wanted = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    sizes = None if s is None else (s,) if isinstance(s, int) else tuple(s)
    dims = tuple(range(t.ndim))
    if wanted is not None:
        dims = tuple([_one_dim(t, d) for d in wanted])
        if len(set(dims)) < len(dims):
            raise RuntimeError("FFT dims must be unique")
    if sizes is None:
        sizes = tuple([t.shape[d] for d in dims])
    else:
        if wanted is not None and len(wanted) != len(sizes):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
        if len(sizes) > t.ndim:
            raise RuntimeError(
                f"Got shape with {len(sizes)} values but input tensor only has {t.ndim} dimensions."
            )
        if wanted is None:
            dims = dims[t.ndim - len(sizes) :]
        sizes = tuple([t.shape[d] if n == -1 else n for d, n in zip(dims, sizes, strict=True)])
    for n in sizes:
        _check_size(n)
    return dims, sizes


def _halved(name: str, t: Tensor, s: Sizes, dim: Sizes) -> tuple[Dims, Dims, int]:
    """The dims, the sizes of a half-sided input, and the last size of the result."""
    dims, sizes = _several(t, s, dim)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    last = s if s is None or isinstance(s, int) else s[-1]
    size = 2 * (t.shape[dims[-1]] - 1) if last is None or last == -1 else sizes[-1]
    _check_size(size)
    return dims, (*sizes[:-1], size // 2 + 1), size


def _real_input(name: str, t: Tensor, value: str) -> Tensor:
    if require_tensor(f"fft.{name}", t).key.dtype.is_complex:
        raise RuntimeError(
            f"{name} expects a real{value} input tensor, but got {t.key.dtype.scalar}"
        )
    return prepared(t, False)


# ---- along one dim -------------------------------------------------------------------------------
def _both_sides(input: Tensor, n: int | None, dim: int, norm: str | None, forward: bool) -> Tensor:
    t = prepared(input, False)
    at = _one_dim(t, dim)
    size = t.shape[at] if n is None else n
    _check_size(size)
    t = _resized(t, (at,), (size,))
    scale = scale_of(norm, forward)
    if t.key.dtype.is_complex:
        return c2c(t, (at,), scale, forward)
    found = r2c(t, (at,), scale, False)
    return found if forward else transformed(CONJUGATE, found, ())


def _to_half(
    name: str, input: Tensor, n: int | None, dim: int, norm: str | None, forward: bool
) -> Tensor:
    t = _real_input(name, input, "")
    at = _one_dim(t, dim)
    size = t.shape[at] if n is None else n
    _check_size(size)
    found = r2c(_resized(t, (at,), (size,)), (at,), scale_of(norm, forward), True)
    return found if forward else transformed(CONJUGATE, found, ())


def _of_half(input: Tensor, n: int | None, dim: int, norm: str | None, forward: bool) -> Tensor:
    t = prepared(input, True)
    at = _one_dim(t, dim)
    size = 2 * (t.shape[at] - 1) if n is None else n
    _check_size(size)
    if n is not None:
        t = _resized(t, (at,), (n // 2 + 1,))
    scale = scale_of(norm, forward)
    return c2r(t.conj().resolve_conj() if forward else t, (at,), scale, size)


def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The transform sum(x[j] exp(-2 pi i j k / n)), complex.

    Raises:
        RuntimeError: 16-bit floats, no points, or another norm. IndexError: no such dim.
    """
    return _both_sides(require_tensor("fft.fft", input), n, dim, norm, True)


def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `fft`: sum(X[k] exp(2 pi i j k / n)) / n.

    Raises:
        RuntimeError, IndexError: as `fft`.
    """
    return _both_sides(require_tensor("fft.ifft", input), n, dim, norm, False)


def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The first n // 2 + 1 values of the `fft` of real numbers; the others are conjugates.

    Raises:
        RuntimeError, IndexError: as `fft`; or the input is complex.
    """
    return _to_half("rfft", input, n, dim, norm, True)


def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `rfft`, of n real numbers: 2 * (size - 1) by default.

    Raises:
        RuntimeError, IndexError: as `fft`.
    """
    return _of_half(require_tensor("fft.irfft", input), n, dim, norm, False)


def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The `fft`, real, of n numbers whose second half are conjugates of the first, which is given.

    Raises:
        RuntimeError, IndexError: as `fft`.
    """
    return _of_half(require_tensor("fft.hfft", input), n, dim, norm, True)


def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `hfft`: the first n // 2 + 1 values of the `ifft` of real numbers.

    Raises:
        RuntimeError, IndexError: as `fft`; or the input is complex.
    """
    return _to_half("ihfft", input, n, dim, norm, False)


# ---- along several dims --------------------------------------------------------------------------
def _complex_n(input: Tensor, s: Sizes, dim: Sizes, norm: str | None, forward: bool) -> Tensor:
    t = prepared(input, True)
    dims, sizes = _several(t, s, dim)
    return c2c(_resized(t, dims, sizes), dims, scale_of(norm, forward), forward)


def fftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Tensor:
    """`fft` along dims, by default all, or the last ones that sizes `s` are given for.

    Raises:
        RuntimeError: as `fft`; or a dim twice. IndexError: no such dim.
    """
    return _complex_n(require_tensor("fft.fftn", input), s, dim, norm, True)


def ifftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Tensor:
    """The inverse of `fftn`.

    Raises:
        RuntimeError, IndexError: as `fftn`.
    """
    return _complex_n(require_tensor("fft.ifftn", input), s, dim, norm, False)


def rfftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Tensor:
    """`rfft` along the last of the dims, then `fft` along the others.

    Raises:
        RuntimeError, IndexError: as `fftn`; or the input is complex, or there is no dim.
    """
    t = _real_input("rfftn", input, "-valued")
    dims, sizes = _several(t, s, dim)
    if not dims:
        raise RuntimeError("rfftn must transform at least one axis")
    return r2c(_resized(t, dims, sizes), dims, scale_of(norm, True), True)


def irfftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Tensor:
    """The inverse of `rfftn`.

    Raises:
        RuntimeError, IndexError: as `fftn`; or there is no dim.
    """
    t = prepared(require_tensor("fft.irfftn", input), True)
    dims, sizes, size = _halved("irfftn", t, s, dim)
    return c2r(_resized(t, dims, sizes), dims, scale_of(norm, False), size)


def hfftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Tensor:
    """`fft` along all dims but the last, then `hfft` along that.

    Raises:
        RuntimeError, IndexError: as `fftn`; or there is no dim.
    """
    t = prepared(require_tensor("fft.hfftn", input), True)
    dims, sizes, size = _halved("hfftn", t, s, dim)
    t = _resized(t, dims, sizes)
    scale = scale_of(norm, True)
    if len(dims) > 1:
        t = c2c(t, dims[:-1], scale, True)
    return c2r(t.conj().resolve_conj(), dims[-1:], scale, size)


def ihfftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Tensor:
    """The inverse of `hfftn`.

    Raises:
        RuntimeError, IndexError: as `fftn`; or the input is complex, or there is no dim.
    """
    t = _real_input("ihfftn", input, "-valued")
    dims, sizes = _several(t, s, dim)
    if not dims:
        raise RuntimeError("ihfftn must transform at least one axis")
    scale = scale_of(norm, False)
    found = r2c(_resized(t, dims, sizes), dims[-1:], scale, True)
    found = transformed(CONJUGATE, found, ())
    return found if len(dims) == 1 else c2c(found, dims[:-1], scale, False)


def _of_two(several: Callable[..., Tensor], doc: str) -> Callable[..., Tensor]:
    def two(
        input: Tensor, s: Sizes = None, dim: Sizes = (-2, -1), norm: str | None = None
    ) -> Tensor:
        return several(input, s, dim, norm)

    two.__doc__ = f"{doc}\n\n    Raises:\n        RuntimeError, IndexError: as `fftn`.\n    "
    two.__name__ = two.__qualname__ = several.__name__[:-1] + "2"
    return two


fft2: Any = _of_two(fftn, "`fftn` along two dims, by default the last.")
ifft2: Any = _of_two(ifftn, "`ifftn` along two dims, by default the last.")
rfft2: Any = _of_two(rfftn, "`rfftn` along two dims, by default the last.")
irfft2: Any = _of_two(irfftn, "`irfftn` along two dims, by default the last.")
hfft2: Any = _of_two(hfftn, "`hfftn` along two dims, by default the last.")
ihfft2: Any = _of_two(ihfftn, "`ihfftn` along two dims, by default the last.")
