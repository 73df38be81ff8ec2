"""What the times should be: the largest acceptable ratio to PyTorch's, case by case.

(For `plugins`, which has no counterpart there, the ratio is that to corex without the plugins.)

`required` goals are what a release has to meet on one thread; `aim` is what the design makes
possible according to measurements of prototypes.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.timing import Spread


@dataclass(frozen=True)
class Goal:
    """The largest acceptable ratio, and whether it is required."""

    limit: float
    required: bool = False

    def __str__(self) -> str:
        return f"{'' if self.required else 'aim '}≤ {self.limit:g}"


def verdict(goal: Goal | None, ratio: Spread | None) -> str:
    """`met` or `missed`, with a question mark if the middle half of the rounds is on both sides."""
    if goal is None or ratio is None:
        return ""
    answer = "met" if ratio.median <= goal.limit else "missed"
    return answer + ("?" if ratio.lower <= goal.limit < ratio.upper else "")


REQUIRED = {
    "tiny/add": 0.7,
    "tiny/add_grad": 0.6,
    "training/sine": 0.2,
    "elementwise/add_1e6": 1.2,
    "elementwise/exp_1e6": 1.2,
    "reductions/sum_1e6": 1.2,
    "gemm/1024": 1.2,
    "startup/import": 0.15,
}

AIM = {
    "tiny/mul": 0.5,
    "tiny/mul_grad": 0.45,
    "tiny/exp": 0.5,
    "tiny/matmul_4x4": 0.5,
    "tiny/backward_node": 0.4,
    "elementwise/add_1e3": 1.0,
    "elementwise/mul_1e3": 1.0,
    "elementwise/relu_1e3": 1.0,
    "elementwise/tanh_1e6": 0.5,
    "elementwise/gelu_tanh_1e6": 0.5,
    "elementwise/gelu_1e6": 1.0,
    "elementwise/log_1e6": 0.65,
    "elementwise/sigmoid_1e6": 0.65,
    "elementwise/add_into_2e7": 0.8,
    "elementwise/copy_into_2e7": 0.8,
    "elementwise/add_temporary_2e7": 0.2,
    "reductions/max_1e6": 0.7,
    "reductions/argmax_1e6": 0.2,
    "reductions/sum_rows_of_10": 1.2,
    "rows/softmax_1000": 0.9,
    "rows/softmax_64": 0.9,
    "rows/softmax_10": 1.2,
    "rows/layer_norm_1000": 0.9,
    "rows/layer_norm_64": 0.9,
    "rows/layer_norm_10": 1.2,
    "gemm/512": 1.0,
    "gemm/128": 1.0,
    "gemm/32": 0.5,
    "gemm/8": 0.5,
    "gemm/bmm_32": 1.05,
    "conv/3x3": 1.1,
    "conv/1x1": 1.1,
    "conv/stem_7x7": 1.1,
    "plugins/add": 1.05,
    "training/mlp": 0.65,
    "training/adam_step": 0.9,
}

GOALS = {name: Goal(limit, required=True) for name, limit in REQUIRED.items()} | {
    name: Goal(limit) for name, limit in AIM.items()
}
