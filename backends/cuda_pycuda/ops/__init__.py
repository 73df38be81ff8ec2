"""The kernels of the CUDA backend, a file per family.

Each file has the tables `KERNELS` (op -> kernel) and `SIGNATURES` (op -> whether the kernel takes
these dtypes), and `sources()`, what is worth compiling ahead of use.
"""
