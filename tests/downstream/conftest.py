"""SciPy takes arrays of other libraries only if this is set before it is imported: also where this
folder is asked for by name, without `make downstream`."""

from __future__ import annotations

import os

os.environ["SCIPY_ARRAY_API"] = "1"
