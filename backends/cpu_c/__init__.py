"""The compiled CPU backend: kernels in C, OpenBLAS for matrix products."""
