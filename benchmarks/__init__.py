"""corex beside PyTorch and NumPy, in one process: `python -m benchmarks --help`."""
