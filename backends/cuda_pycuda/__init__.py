"""The CUDA backend of corex (not built yet: a placeholder that reports so)."""
