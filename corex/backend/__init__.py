"""All that a backend may import from corex, beside `corex.dtypes`: the contract, and an allocator.

`docs/kernels.md` lists every kernel with its arguments.
"""

from corex.backend.allocator import CachingAllocator as CachingAllocator
from corex.backend.allocator_blocks import Block as Block
from corex.backend.allocator_blocks import BorrowedBuffer as BorrowedBuffer
from corex.backend.allocator_blocks import CachedBuffer as CachedBuffer
from corex.backend.allocator_blocks import PrivatePool as PrivatePool
from corex.backend.allocator_driver import MemoryDriver as MemoryDriver
from corex.backend.contract import *  # noqa: F403
from corex.backend.contract import __all__ as _contract

__all__ = [
    *_contract,
    "Block",
    "BorrowedBuffer",
    "CachedBuffer",
    "CachingAllocator",
    "MemoryDriver",
    "PrivatePool",
]
