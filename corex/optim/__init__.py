"""Optimizers and learning-rate schedulers, as in `torch.optim`."""

from corex.optim import lr_scheduler
from corex.optim.adam import Adam, AdamW
from corex.optim.optimizer import Optimizer
from corex.optim.sgd import SGD
from corex.optim.sparse_adam import SparseAdam

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "SparseAdam", "lr_scheduler"]
