"""What programs ask about CUDA devices, answered from the installed backends."""

from __future__ import annotations

from corex.plugins.manager import manager


def device_count() -> int:
    """How many CUDA devices an installed backend can use here; 0 without such a backend."""
    for name, descriptor in manager.descriptors().items():
        if descriptor.device_type == "cuda" and manager.unavailable_reason(name) is None:
            return manager.backend(name).device_count()
    return 0


def is_available() -> bool:
    """Whether there is a CUDA device and a backend for it."""
    return device_count() > 0
