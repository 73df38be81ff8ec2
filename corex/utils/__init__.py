"""What training programs need besides tensors and layers: data, and hook handles."""

from corex.utils import data, dlpack

__all__ = ["data", "dlpack"]
