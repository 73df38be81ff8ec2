"""`torch.backends`: switches of libraries that PyTorch computes with. corex has no such libraries,
so that settings are kept and change nothing; what is asked is answered truly.

Backends of corex are told of by `corex backends`, `corex.backend` and `corex.accelerator`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import corex

__all__ = ["cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]


class _Switches:
    """Settings by name; others are an AttributeError."""

    _name: str
    _available: bool | None

    def __init__(self, name: str, available: bool | None = None, **settings: Any) -> None:
        fields = self.__dict__
        fields["_name"], fields["_available"] = name, available
        fields.update(settings)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__dict__:
            raise AttributeError(f"corex.backends.{self._name} has no setting {name!r}")
        self.__dict__[name] = value

    def __repr__(self) -> str:
        return f"<corex.backends.{self._name}>"

    def is_available(self) -> bool:
        """Whether the library is there."""
        if self._available is None:
            return bool(corex.cuda.is_available())
        return bool(self._available)

    def is_built(self) -> bool:
        """Whether corex was built for it."""
        return bool(self._available)

    def version(self) -> None:
        """None: it has none."""

    @contextmanager
    def flags(self, **settings: Any) -> Iterator[None]:
        """Settings for a while."""
        before = {name: getattr(self, name) for name in settings}
        try:
            for name, value in settings.items():
                setattr(self, name, value)
            yield
        finally:
            self.__dict__.update(before)


cudnn = _Switches(
    "cudnn", False, enabled=True, benchmark=False, benchmark_limit=10, deterministic=False,
    allow_tf32=True,
)  # fmt: skip
mkl = _Switches("mkl", False)
mkldnn = _Switches("mkldnn", False, enabled=True, deterministic=False, allow_tf32=True)
mps = _Switches("mps", False)
openmp = _Switches("openmp", False)
opt_einsum = _Switches("opt_einsum", False, enabled=True, strategy="auto")
cuda = _Switches(
    "cuda",
    None,
    matmul=_Switches(
        "cuda.matmul", None, allow_tf32=False, allow_fp16_reduced_precision_reduction=True,
        allow_bf16_reduced_precision_reduction=True,
    ),
)  # fmt: skip
