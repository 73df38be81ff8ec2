"""All that a backend may import from corex, beside `corex.dtypes`: the contract, and an allocator.

`docs/kernels.md` lists every kernel with its arguments.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from corex.backend.contract import *  # noqa: F403
from corex.backend.contract import __all__ as _contract
from corex.backend.elements import pack as pack
from corex.backend.elements import unpack as unpack
from corex.backend.signatures import widened as widened

if TYPE_CHECKING:
    from corex.backend.allocator import CachingAllocator as CachingAllocator
    from corex.backend.allocator_blocks import Block as Block
    from corex.backend.allocator_blocks import BorrowedBuffer as BorrowedBuffer
    from corex.backend.allocator_blocks import CachedBuffer as CachedBuffer
    from corex.backend.allocator_blocks import PrivatePool as PrivatePool
    from corex.backend.allocator_driver import MemoryDriver as MemoryDriver
    from corex.backend.bridge import CBackend as CBackend
    from corex.backend.bridge import get_include as get_include
    from corex.backend.graph import Graph as Graph

__all__ = [
    *_contract,
    "Block",
    "BorrowedBuffer",
    "CBackend",
    "CachedBuffer",
    "CachingAllocator",
    "Graph",
    "MemoryDriver",
    "PrivatePool",
    "get_include",
    "pack",
    "unpack",
    "widened",
]


# What is read by those backends alone that need it: devices with memory, compilers, C.
_LATE = {
    "CachingAllocator": "allocator",
    **dict.fromkeys(("Block", "BorrowedBuffer", "CachedBuffer", "PrivatePool"), "allocator_blocks"),
    "MemoryDriver": "allocator_driver",
    "Graph": "graph",
    **dict.fromkeys(("CBackend", "get_include"), "bridge"),
}

if not TYPE_CHECKING:  # else every name would seem to exist

    def __getattr__(name: str) -> Any:
        if name in _LATE:
            found = getattr(import_module(f"corex.backend.{_LATE[name]}"), name)
            globals()[name] = found
            return found
        raise AttributeError(f"module 'corex.backend' has no attribute '{name}'")

    def __dir__() -> list[str]:
        return [*{*globals(), *__all__}]
