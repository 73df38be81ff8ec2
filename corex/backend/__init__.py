"""All that a backend may import from corex, beside `corex.dtypes`: the contract.

`docs/kernels.md` lists every kernel with its arguments.
"""

from corex.backend.contract import *  # noqa: F403
from corex.backend.contract import __all__ as __all__
