"""Special functions, an extension that is being considered for the standard: those of corex.

SciPy takes its functions from here where they have the same names, so they stay on the tensor's
device and in its graph. The functions alone: modules beside them would be taken for functions.
"""

from __future__ import annotations

from corex.special import *  # noqa: F403
from corex.special import __all__ as __all__
