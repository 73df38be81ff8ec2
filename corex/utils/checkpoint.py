"""Checkpointing, under the name that PyTorch gives it."""

from corex.autograd.checkpoint import CheckpointError, checkpoint, checkpoint_sequential

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential"]
