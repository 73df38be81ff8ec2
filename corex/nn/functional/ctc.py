"""Connectionist temporal classification: how likely labels are, over all alignments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import corex
from corex import Tensor
from corex.autograd.function import Function, once_differentiable
from corex.ops.nn.loss import reduced


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability of each target, of log-probabilities (T, N, C) or (T, C).

    Targets (N, S), or one after the other; 'mean' divides each loss by its target's length. The
    gradient is that of log_softmax's input, as PyTorch's; it has no gradient itself.

    Source: Graves et al., "Connectionist temporal classification" (2006).

    Raises:
        RuntimeError: lengths that do not fit, or a blank that is no class.
    """
    if not log_probs.is_floating_point():
        raise RuntimeError(f'"ctc_loss" not implemented for {log_probs.dtype!r}')
    single = log_probs.dim() == 2
    rows = log_probs.unsqueeze(1) if single else log_probs
    steps, count, classes = rows.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    given, wanted = _lengths(input_lengths, rows), _lengths(target_lengths, rows)
    if given.numel() != count or wanted.numel() != count:
        raise RuntimeError("input_lengths and target_lengths must be of size batch_size")
    if count and (int(given.max()) > steps or int(given.min()) < 0 or int(wanted.min()) < 0):
        raise RuntimeError(
            f"Expected input_lengths to have values of at most {steps} and none to be negative"
        )
    labels = _padded(targets, wanted, blank)
    loss: Tensor = _Ctc.apply(rows, labels, given, wanted, blank)
    if zero_infinity:
        loss = corex.where(loss == math.inf, corex.zeros_like(loss), loss)
    if reduction == "mean":
        return (loss / corex.clamp(wanted, min=1).to(loss.dtype)).mean()
    loss = reduced(loss, reduction)
    return loss.squeeze(0) if single and reduction == "none" else loss


def _lengths(lengths: Any, like: Tensor) -> Tensor:
    if not isinstance(lengths, Tensor):
        values = list(lengths) if isinstance(lengths, Sequence) else [None]
        if None in values or any([isinstance(one, float | complex | str) for one in values]):
            raise TypeError(f"ctc_loss(): lengths must be integers, not {lengths!r}")
        lengths = corex.tensor(values, dtype=corex.int64, device=like.device)
    flat: Tensor = lengths.long().reshape((-1,)).to(like.device)
    return flat


def _padded(targets: Tensor, lengths: Tensor, blank: int) -> Tensor:
    """(N, S) labels; what is behind a target's end is blank."""
    count = lengths.numel()
    longest = int(lengths.max()) if count else 0
    place = corex.arange(longest, device=targets.device)
    beyond = place >= lengths.unsqueeze(1)
    if targets.dim() == 2:
        if targets.shape[0] != count or targets.shape[1] < longest:
            raise RuntimeError(
                f"Expected tensor to have size at least {longest} at dimension 1, but got size "
                f"{targets.shape[1]} for argument #2 'targets'"
            )
        labels = targets[:, :longest]
    else:
        total = int(lengths.sum())
        if targets.numel() != total:
            raise RuntimeError(
                f"Expected targets of {total} labels, as target_lengths add up to, but got "
                f"{targets.numel()}"
            )
        first = (lengths.cumsum(0) - lengths).unsqueeze(1)
        at = corex.clamp(first + place, max=max(total - 1, 0)).reshape((-1,))
        labels = targets.index_select(0, at).reshape((count, longest)) if total else beyond.long()
    return labels.long().masked_fill(beyond, blank)


class _Ctc(Function):
    """Losses (N), by the sums over the beginnings (alpha) and ends (beta) of all alignments."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, labels: Tensor, given: Tensor, wanted: Tensor, blank: int
    ) -> Tensor:
        """alpha[t, n, s]: alignments of t + 1 steps that end in state s of `_with_blanks`."""
        states = _with_blanks(labels, blank)
        at = states.unsqueeze(0).expand((rows.shape[0], *states.shape))
        emitted = rows.gather(2, at)
        alpha = _paths(emitted, states)
        ends = _final(alpha, given, wanted)
        ctx.save_for_backward(rows, emitted, states, given, wanted, alpha, ends)
        return -ends

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        """exp(row) less the share of the alignments that pass through each class at each step."""
        rows, emitted, states, given, wanted, alpha, ends = ctx.saved_tensors
        steps = rows.shape[0]
        time = corex.arange(steps, device=rows.device).unsqueeze(1)
        running = (time < given).unsqueeze(2)
        beta = _backwards(emitted, states, given, wanted)
        shares = corex.exp(alpha + beta - emitted - ends.unsqueeze(1))
        passing = corex.zeros_like(rows).scatter_add(
            2, states.unsqueeze(0).expand(shares.shape), corex.where(running, shares, 0.0)
        )
        result = corex.where(running, corex.exp(rows) - passing, 0.0) * grad.unsqueeze(1)
        return corex.where((grad == 0).unsqueeze(1), 0.0, result), None, None, None, None


def _with_blanks(labels: Tensor, blank: int) -> Tensor:
    """A blank before, between and behind labels: (N, 2 S + 1)."""
    count, longest = labels.shape
    between = corex.full_like(labels, blank)
    pairs = corex.stack([between, labels], 2).reshape((count, 2 * longest))
    return corex.cat([pairs, labels.new_full((count, 1), blank)], 1)


def _skips(states: Tensor) -> Tensor:
    """Which states may follow the one before the last: labels that differ from it."""
    same = states[:, 2:] == states[:, :-2]
    skips = corex.pad(same.logical_not(), (min(2, states.shape[1]), 0))
    odd = corex.arange(states.shape[1], device=states.device).remainder(2) == 1
    return skips & odd


def _paths(emitted: Tensor, states: Tensor) -> Tensor:
    """The sums of all beginnings: one step after the other, all states at once."""
    blocked = _skips(states).logical_not()
    current = emitted[0].clone()
    current[:, 2:] = -math.inf
    rows = [current]
    for t in range(1, emitted.shape[0]):
        before = corex.pad(rows[-1], (2, 0), value=-math.inf)
        skipped = before[:, :-2].masked_fill(blocked, -math.inf)
        rows.append(_log_sum(rows[-1], before[:, 1:-1], skipped) + emitted[t])
    return corex.stack(rows)


def _log_sum(*terms: Tensor) -> Tensor:
    """log(sum(exp)), -inf of nothing but -inf."""
    top = terms[0]
    for term in terms[1:]:
        top = corex.maximum(top, term)
    top = top.masked_fill(top == -math.inf, 0.0)
    total = corex.exp(terms[0] - top)
    for term in terms[1:]:
        total = total + corex.exp(term - top)
    return corex.log(total) + top


def _final(alpha: Tensor, given: Tensor, wanted: Tensor) -> Tensor:
    """The sums of the alignments that are complete: (N)."""
    count, width = alpha.shape[1:]
    # No step at all is right for no label alone.
    last = corex.clamp(given - 1, min=0).reshape((1, count, 1)).expand((1, count, width))
    ends = alpha.gather(0, last)[0]
    blank = ends.gather(1, (2 * wanted).unsqueeze(1))[:, 0]
    label = ends.gather(1, corex.clamp(2 * wanted - 1, min=0).unsqueeze(1))[:, 0]
    label = label.masked_fill(wanted == 0, -math.inf)
    total = _log_sum(blank, label)
    return corex.where(given == 0, corex.where(wanted == 0, 0.0, -math.inf), total)


def _backwards(emitted: Tensor, states: Tensor, given: Tensor, wanted: Tensor) -> Tensor:
    """The sums of all ends, each sequence from its own last step on."""
    steps, _, width = emitted.shape
    state = corex.arange(width, device=emitted.device)
    final = (state == 2 * wanted.unsqueeze(1)) | (state == 2 * wanted.unsqueeze(1) - 1)
    # A state can be skipped to, so the one two before may skip.
    blocked = corex.pad(_skips(states), (0, 2))[:, 2:].logical_not()
    current = corex.full_like(emitted[0], -math.inf)
    rows = []
    for t in reversed(range(steps)):
        after = corex.pad(current, (0, 2), value=-math.inf)
        skipped = after[:, 2:].masked_fill(blocked, -math.inf)
        moved = _log_sum(current, after[:, 1:-1], skipped) + emitted[t]
        start = emitted[t].masked_fill(final.logical_not(), -math.inf)
        current = corex.where((given - 1 == t).unsqueeze(1), start, moved)
        rows.append(current)
    return corex.stack(rows[::-1])
