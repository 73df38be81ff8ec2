"""What the array API standard asks of tensors themselves, beyond PyTorch's methods."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from corex.device import device as Device
from corex.ops.create.convert import to
from corex.tensor.tensor import Tensor

VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")
"""The versions of the standard that `corex.array_api` satisfies."""


def _array_namespace(self: Tensor, /, *, api_version: str | None = None) -> Any:
    """The module `corex.array_api`, whose functions take this tensor.

    Raises:
        ValueError: a version that is not known.
    """
    if api_version is not None and api_version not in VERSIONS:
        raise ValueError(
            f"[__array_namespace__] there is no version {api_version!r} of the array API standard; "
            f"there are {', '.join(VERSIONS)}"
        )
    return importlib.import_module("corex.array_api")


def _to_device(self: Tensor, device: Device | str, /, *, stream: Any = None) -> Tensor:
    """The tensor on a device: itself if it is there.

    Raises:
        ValueError: a stream, which is chosen by `corex.accelerator.stream` instead.
    """
    if stream is not None:
        raise ValueError("[to_device] stream must be None; use corex.accelerator.stream")
    return to(self, device=device)


methods: dict[str, Callable[..., Any]] = {
    "__array_namespace__": _array_namespace,
    "to_device": _to_device,
}


def install(tensor: type[Tensor]) -> None:
    """Sets the methods."""
    for name, method in methods.items():
        setattr(tensor, name, method)
