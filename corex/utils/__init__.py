"""What training programs need besides tensors and layers: data, and hook handles."""

from corex.utils import data

__all__ = ["data"]
