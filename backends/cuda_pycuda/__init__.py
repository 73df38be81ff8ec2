"""The CUDA backend of corex: kernels compiled at run time by PyCUDA."""
