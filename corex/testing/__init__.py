"""The conformance suite: cases generated from the op tables, and what runs and reports them.

`corex conformance NAME` and `pytest --pyargs corex.testing.conformance --corex-backend NAME` are
the ways in; `docs/conformance.md` is the manual.

`assert_close` and `make_tensor` are for the tests of programs that use corex.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from corex.testing.assertions import assert_close, make_tensor

__all__ = ["assert_close", "make_tensor"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in __all__:
            return getattr(importlib.import_module("corex.testing.assertions"), name)
        raise AttributeError(f"module 'corex.testing' has no attribute '{name}'")
