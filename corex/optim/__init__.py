"""Optimizers and learning-rate schedulers, as in `torch.optim`."""

from corex.optim import lr_scheduler
from corex.optim.adam import Adam, AdamW
from corex.optim.optimizer import Optimizer
from corex.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler"]
