"""Sparse tensors: indices and values, which are dense tensors, and what ops mean for them.

Nothing here is loaded before a program asks for a sparse tensor (`corex.sparse.loaded`).
"""
