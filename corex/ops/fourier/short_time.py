"""The transform of overlapping windows of a signal, and its inverse."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from warnings import warn

from corex.dispatch.resolve import check_places
from corex.ops.promotion import require_tensor
from corex.ops.registration import exported
from corex.ops.shape.complex_views import view_as_real
from corex.ops.shape.pad import pad
from corex.ops.shape.parts import fold_windows, unfold
from corex.tensor.tensor import Tensor


def _transforms() -> Any:
    return import_module("corex.ops.fourier.primitives")  # loads NumPy's; most programs do without


@exported()
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The transforms of windows of a signal, (samples) or (batch, samples): (..., frequencies,
    windows).

    Each is of n_fft samples, `hop_length` (n_fft // 4) after the one before, times `window`, of
    `win_length` (n_fft) samples in their middle. With `center` the signal is padded, so that they
    lie around its samples 0, hop_length, ...; else with `align_to_window` so that the windows begin
    there, not the transforms. `normalized` divides by the root of n_fft; `onesided`, the default of
    real numbers, leaves out conjugates. Without `return_complex` the parts are a last dim.

    Raises:
        RuntimeError: not 1-d or 2-d, not floating point, lengths that do not fit, or
            `return_complex` is left open for real numbers.
    """
    require_tensor("stft", input)
    complex_window = window is not None and window.key.dtype.is_complex
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    signal = _centered(input, n_fft, pad_mode) if center else input
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    wants_complex = return_complex
    if wants_complex is None:
        wants_complex = input.key.dtype.is_complex or complex_window
        if not wants_complex:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will "
                "further require that return_complex=True in a future PyTorch release."
            )
    _check_signal(signal, n_fft, hop, length, window)
    batch = signal.unsqueeze(0) if signal.ndim == 1 else signal
    if not center and align_to_window:
        count = 1 + (batch.shape[1] - length) // hop
        before = (n_fft - length) // 2
        batch = pad(batch, [before, before])
        batch = batch.narrow(1, 0, min(batch.shape[1], (count - 1) * hop + n_fft))
    windows = unfold(batch, 1, n_fft, hop)
    weights = _widened(window, length, n_fft, signal)
    if weights is not None:
        windows = windows * weights
    found = _transformed(windows, normalized, onesided).transpose(1, 2)
    if input.ndim == 1:
        found = found.squeeze(0)
    return found if wants_complex else view_as_real(found)


def _centered(input: Tensor, n_fft: int, mode: str) -> Tensor:
    ndim, half = input.ndim, n_fft // 2
    wide = input.reshape((*[1] * (3 - ndim), *input.shape))
    padded = pad(wide, [half, half], mode)
    return padded.reshape(padded.shape[padded.ndim - ndim :])


def _check_signal(t: Tensor, n_fft: int, hop: int, length: int, window: Tensor | None) -> None:
    """
    Raises:
        RuntimeError: see `stft`.
    """
    given = f"stft(corex.{t.key.dtype.scalar}Tensor{list(t.shape)}, n_fft={n_fft}, "
    given += f"hop_length={hop}, win_length={length})"
    if not t.key.dtype.is_inexact:
        raise RuntimeError(f"{given}: expected a tensor of floating point or complex values")
    if t.ndim not in (1, 2):
        raise RuntimeError(f"{given}: expected a 1D or 2D tensor")
    if not 0 < n_fft <= t.shape[-1]:
        raise RuntimeError(f"{given}: expected 0 < n_fft < {t.shape[-1]}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{given}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < length <= n_fft:
        raise RuntimeError(
            f"{given}: expected 0 < win_length <= n_fft, but got win_length={length}"
        )
    if window is not None and window.shape != (length,):
        raise RuntimeError(
            f"{given}: expected a 1D window tensor of size equal to win_length={length}, but got "
            f"window with size {list(window.shape)}"
        )
    if window is not None:
        check_places("stft", [window], t.key.place)


def _widened(window: Tensor | None, length: int, n_fft: int, like: Tensor) -> Tensor | None:
    """The window in the middle of n_fft samples; None for one of n_fft ones."""
    if window is None:
        if length == n_fft:
            return None
        window = like.new_ones((length,))
    before = (n_fft - length) // 2
    return window if length == n_fft else pad(window, [before, n_fft - length - before])


def _transformed(windows: Tensor, normalized: bool, onesided: bool | None) -> Tensor:
    primitives = _transforms()
    windows = primitives.prepared(windows, False)
    scale, last = "root" if normalized else "none", (windows.ndim - 1,)
    if windows.key.dtype.is_complex:
        if onesided:
            raise RuntimeError("Cannot have onesided output if window or input is complex")
        found: Tensor = primitives.c2c(windows, last, scale, True)
    else:
        found = primitives.r2c(windows, last, scale, onesided is None or bool(onesided))
    return found


# ---- inverse -------------------------------------------------------------------------------------
@exported()
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal that `stft` with the same arguments gives `input` of, (frequencies, windows) or
    (batch, frequencies, windows): the inverse transforms, times the window, where they overlap
    added and divided by the sum of the windows' squares. `length` cuts it off or fills it up.

    Raises:
        RuntimeError: not complex, lengths that do not fit, or windows that leave samples out.
    """
    require_tensor("istft", input)
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    given = f"istft(corex.{input.key.dtype.scalar}Tensor{list(input.shape)}, n_fft={n_fft}, "
    given += f"hop_length={hop}, win_length={size})"
    if not input.key.dtype.is_complex:
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    _check_spectrum(given, input, n_fft, hop, size, window, onesided)
    spectrum = input.unsqueeze(0) if input.ndim == 2 else input
    half = input.shape[-2] != n_fft if onesided is None else onesided
    real = input.key.dtype.to_real()
    weights = _widened(window, size, n_fft, input.real)
    if weights is None:
        weights = input.new_ones((n_fft,), dtype=real)
    pieces = _pieces(spectrum.transpose(1, 2), n_fft, normalized, half, return_complex, weights)
    count, whole = pieces.shape[1], n_fft + hop * (pieces.shape[1] - 1)
    signal = fold_windows(pieces * weights, (pieces.shape[0], whole), 1, n_fft, hop)
    squares = (weights * weights).expand((1, count, n_fft))
    envelope = fold_windows(squares, (1, whole), 1, n_fft, hop)
    start = n_fft // 2 if center else 0
    stop = start + length if length is not None else whole - start if center else whole
    signal, envelope = signal[:, start:stop], envelope[:, start:stop]
    if bool((envelope.abs().min() < 1e-11).item()):
        raise RuntimeError(f"{given}: window overlap add min: 1")
    found = signal / envelope
    if length is not None and stop > whole:
        warn(
            "The length of signal is shorter than the length parameter. Result is being padded "
            "with zeros in the tail. Please check your center and hop_length settings.",
            stacklevel=3,
        )
        found = pad(found, [0, stop - whole])
    return found.squeeze(0) if input.ndim == 2 else found


def _check_spectrum(
    given: str,
    t: Tensor,
    n_fft: int,
    hop: int,
    size: int,
    window: Tensor | None,
    onesided: bool | None,
) -> None:
    """
    Raises:
        RuntimeError: see `istft`.
    """
    if not t.numel():
        raise RuntimeError(f"{given}: input tensor cannot be empty.")
    if t.ndim not in (2, 3):
        raise RuntimeError(f"{given}: expected a tensor with 2 or 3 dimensions, but got {t.ndim}")
    half = t.shape[-2] != n_fft if onesided is None else onesided
    if t.shape[-2] != (n_fft // 2 + 1 if half else n_fft):
        raise RuntimeError(
            f"{given}: expected the frequency dimension (3rd to the last) of the input tensor to "
            f"match {'n_fft / 2 + 1' if half else 'n_fft'} when onesided={bool(half)}, but got "
            f"{t.shape[-2]}"
        )
    if not 0 < hop <= size:
        raise RuntimeError(f"{given}: expected 0 < hop_length <= win_length")
    if not 0 < size <= n_fft:
        raise RuntimeError(f"{given}: expected 0 < win_length <= n_fft")
    if window is not None and window.shape != (size,):
        raise RuntimeError(
            f"{given}: Invalid window shape. window has to be 1D and length of `win_length`"
        )
    if window is not None:
        check_places("istft", [window], t.key.place)


def _pieces(
    spectrum: Tensor, n_fft: int, normalized: bool, half: bool, complex_: bool, weights: Tensor
) -> Tensor:
    """The signals of windows, of spectra along the last dim."""
    primitives = _transforms()
    scale, last = "root" if normalized else "size", (spectrum.ndim - 1,)
    if complex_:
        if half:
            raise RuntimeError("Cannot have onesided output if window or input is complex")
        found: Tensor = primitives.c2c(spectrum, last, scale, False)
        return found
    if weights.key.dtype.is_complex:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    if not half:
        spectrum = spectrum[..., : n_fft // 2 + 1]
    return primitives.c2r(spectrum, last, scale, n_fft)  # type: ignore[no-any-return]
