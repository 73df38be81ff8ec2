"""What version this is, by PyTorch's names."""

from __future__ import annotations

from corex import __version__

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "xpu"]

debug = False
cuda: str | None = None
"""The version of CUDA that it was built for: none, as kernels are compiled where they run."""
git_version = "unknown"
hip: str | None = None
xpu: str | None = None
