"""The kernels of the CUDA backend, a file per family.

Each file has the table `KERNELS` (op -> kernel), whose kernels take the dtypes that docs/kernels.md
says, and `sources()`, what is worth compiling ahead of use.
"""
