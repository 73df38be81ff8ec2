"""The softmax of many classes by clusters (Grave et al., "Efficient softmax approximation for
GPUs", 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import corex
from corex import Tensor
from corex.nn import functional
from corex.nn.modules.container import ModuleList, Sequential
from corex.nn.modules.linear import Linear
from corex.nn.modules.module import Module


class _ASMoutput(NamedTuple):
    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities of classes, the rare ones in clusters with fewer features.

    Args:
        in_features: the size of each input row.
        n_classes: how many classes there are, the most frequent first.
        cutoffs: at which classes clusters begin, ascending.
        div_value: by what the features are divided from cluster to cluster.
        head_bias: whether the head learns an additive bias.
        device: where the parameters are made.
        dtype: their element type.

    Raises:
        ValueError: cutoffs that do not ascend between 1 and `n_classes` - 1.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(set(cutoffs))
            or min(cutoffs) <= 0
            or max(cutoffs) > n_classes - 1
            or any(int(c) != c for c in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an "
                "increasing order, where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // div_value ** (i + 1))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, False, device, dtype),
                    Linear(hidden, size, False, device, dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draws new values."""
        self.head.reset_parameters()
        for tail in self.tail:
            for linear in tail.children():
                linear.reset_parameters()

    def forward(self, input: Tensor, target: Tensor) -> _ASMoutput:
        """(N, in_features) and (N,), or one of each -> the targets' log-probabilities `output`, and
        `loss`, the mean of their negatives.

        Raises:
            RuntimeError: shapes that do not fit, or a target that is no class.
        """
        if input.dim() not in (1, 2) or target.dim() != input.dim() - 1:
            raise RuntimeError(
                "input should be 2D with a 1D target, or 1D with a 0D target; got shapes "
                f"{list(input.shape)} and {list(target.shape)}"
            )
        rows, labels = (input, target) if input.dim() == 2 else (input[None], target[None])
        if rows.shape[0] != labels.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{int(labels.min())}, {int(labels.max())}] were found. "
            )
        output = self._of_labels(rows, labels)
        loss = (-output).mean()
        return _ASMoutput(output if input.dim() == 2 else output.squeeze(0), loss)

    def _of_labels(self, rows: Tensor, labels: Tensor) -> Tensor:
        """The log-probability of each row's label: a cluster is computed for its own rows only."""
        in_head = labels
        places, found = [], []
        for i in range(self.n_clusters):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            mask = (labels >= low) & (labels < high)
            at = mask.nonzero().squeeze(1)
            if not at.numel():
                continue
            scores = functional.log_softmax(self.tail[i](rows.index_select(0, at)), dim=1)
            found.append(scores.gather(1, (labels[at] - low).unsqueeze(1)).squeeze(1))
            places.append(at)
            in_head = in_head.masked_fill(mask, self.shortlist_size + i)
        heads = functional.log_softmax(self.head(rows), dim=1)
        output = heads.gather(1, in_head.unsqueeze(1)).squeeze(1)
        for at, scores in zip(places, found, strict=True):
            output = output.index_add(0, at, scores)
        return output

    def _get_full_log_prob(self, input: Tensor, head_output: Tensor) -> Tensor:
        heads = functional.log_softmax(head_output, dim=1)
        parts = [heads[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            inside = functional.log_softmax(tail(input), dim=1)
            parts.append(inside + heads[:, self.shortlist_size + i].unsqueeze(1))
        return corex.cat(parts, 1)

    def log_prob(self, input: Tensor) -> Tensor:
        """(N, in_features) -> the log-probabilities (N, n_classes)."""
        return self._get_full_log_prob(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """(N, in_features) -> the most probable class of each row, (N,)."""
        head_output = self.head(input)
        best = corex.argmax(head_output, dim=1)
        if not bool((best >= self.shortlist_size).any()):
            return best
        return corex.argmax(self._get_full_log_prob(input, head_output), dim=1)
