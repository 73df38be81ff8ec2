"""CUDA graphs, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from corex.accelerator.graphs import Graph, GraphedFunction, capture, is_current_stream_capturing

__all__ = ["CUDAGraph", "GraphedFunction", "graph", "is_current_stream_capturing"]


class CUDAGraph(Graph):
    """Work on the current CUDA device between `capture_begin` and `capture_end`, to be replayed.

    What is allocated in between is the graph's; tensors that are left of it hold, after each
    replay, what that replay computed. Random numbers go on from replay to replay.
    """

    def __init__(self, keep_graph: bool = False) -> None:
        super().__init__(keep_graph, device_type="cuda")


def graph(
    target: Any,
    pool: Any = None,
    stream: Any = None,
    capture_error_mode: str = "thread_local",
    *,
    warmup: int = 2,
) -> Any:
    """Of a `CUDAGraph`: a context manager that captures. Of a function: a `GraphedFunction`.

    Arguments:
        pool: the memory of another graph, see `CUDAGraph.capture_begin`.
        stream: accepted for PyTorch's sake; a capture always has a stream of its own.
        warmup: how many calls of the function run as usual, before the one that is captured.
    """
    return capture(target, pool, warmup, "cuda")
