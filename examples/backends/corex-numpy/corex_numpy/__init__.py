"""A corex backend in NumPy: the result of the tutorial, to be read and to be copied from."""
