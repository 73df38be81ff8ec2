"""Other people's arrays and objects: NumPy, Python numbers, and the protocols between libraries."""
