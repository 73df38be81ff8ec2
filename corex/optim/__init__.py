"""Optimizers and learning-rate schedulers, as in `torch.optim`."""

from corex.optim import lr_scheduler
from corex.optim.adam import Adam, AdamW
from corex.optim.adaptive import Adadelta, Adafactor, Adagrad, RMSprop, Rprop
from corex.optim.averaged import ASGD, Muon
from corex.optim.moments import Adamax, NAdam, RAdam
from corex.optim.optimizer import Optimizer
from corex.optim.sgd import SGD
from corex.optim.sparse_adam import SparseAdam

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SparseAdam",
    "lr_scheduler",
]
