"""The parts of the graph that programs may name, where PyTorch has them."""

from corex.autograd.api import GradientEdge, get_gradient_edge
from corex.tensor.node import Node

__all__ = ["GradientEdge", "Node", "get_gradient_edge"]
