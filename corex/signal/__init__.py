"""Signal processing: window functions."""

from corex.signal import windows

__all__ = ["windows"]
