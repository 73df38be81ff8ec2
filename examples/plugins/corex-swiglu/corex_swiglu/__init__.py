"""Two new ops; `ops.py` declares them, `kernels.py` makes them faster, `cases.py` tests that."""
