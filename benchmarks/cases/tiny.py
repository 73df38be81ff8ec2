"""Four numbers: what a call costs when there is next to nothing to compute."""

from __future__ import annotations

from typing import Any

from benchmarks.case import SAME, Case, Names, floats

NODES = 100


def vectors(lib: Any, requires_grad: bool = False) -> Names:
    """Two vectors of four, a 4x4 matrix, a number in a tensor, an index."""
    names = {
        "a": lib.tensor(floats(4, seed=1)),
        "b": lib.tensor(floats(4, seed=2)),
        "m": lib.tensor(floats(4, 4, seed=3)),
        "s": lib.tensor(0.5),
        "i": lib.tensor([2, 0]),
    }
    if requires_grad:
        for name in "abms":
            names[name].requires_grad_()
    return names


def recorded(lib: Any) -> Names:
    """The same, recorded for backward."""
    return vectors(lib, requires_grad=True)


def chain(lib: Any) -> Names:
    """`y`, made from the leaf `x` by as many multiplications as there are nodes, and a sum."""
    x = lib.tensor(floats(4, seed=1), requires_grad=True)
    factor = lib.tensor(floats(4, seed=2, low=0.9, high=1.1))
    y = x
    for _ in range(NODES - 1):
        y = y * factor
    y = y.sum()

    def gradient() -> Any:
        x.grad = None
        y.backward(retain_graph=True)
        return x.grad

    return {"x": x, "y": y, "gradient": gradient}


def recorder(lib: Any) -> Names:
    """`step()` builds such a chain, runs backward through it and drops it."""
    x = lib.tensor(floats(4, seed=1), requires_grad=True)
    factor = lib.tensor(floats(4, seed=2, low=0.9, high=1.1))

    def step() -> Any:
        x.grad = None
        y = x
        for _ in range(NODES - 1):
            y = y * factor
        y.sum().backward()
        return x.grad

    return {"step": step}


CASES = [
    Case("tiny/add", vectors, "a + b", numpy=SAME),
    Case("tiny/add_grad", recorded, "a + b"),
    Case("tiny/add_number", vectors, "a + 1.5", numpy=SAME),
    Case("tiny/add_broadcast", vectors, "m + a", numpy=SAME),
    Case("tiny/add_inplace", vectors, "a.add_(b)", result="(a + 0).add_(b)"),
    Case("tiny/mul", vectors, "a * b", numpy=SAME),
    Case("tiny/mul_grad", recorded, "a * b"),
    Case("tiny/exp", vectors, "lib.exp(a)", numpy=SAME),
    Case("tiny/exp_grad", recorded, "lib.exp(a)"),
    Case("tiny/less", vectors, "a < b", numpy=SAME),
    Case("tiny/where", vectors, "lib.where(a < b, a, b)", numpy=SAME),
    Case("tiny/sum", vectors, "a.sum()", numpy=SAME),
    Case("tiny/sum_dim", vectors, "m.sum(1)", numpy=SAME),
    Case("tiny/matmul_4x4", vectors, "m @ m", numpy=SAME),
    Case("tiny/matmul_4x4_grad", recorded, "m @ m"),
    Case("tiny/reshape", vectors, "m.reshape(2, 8)", numpy=SAME),
    Case("tiny/transpose", vectors, "m.t()", numpy="m.T"),
    Case("tiny/row", vectors, "m[1]", numpy=SAME),
    Case("tiny/element", vectors, "m[1, 2]", numpy=SAME),
    Case("tiny/slice", vectors, "m[:, 1:3]", numpy=SAME),
    Case("tiny/index_by_tensor", vectors, "m[i]", numpy=SAME),
    Case("tiny/item", vectors, "s.item()", numpy=SAME),
    Case("tiny/cat", vectors, "lib.cat((a, b))", numpy="lib.concatenate((a, b))"),
    Case("tiny/tensor_of_number", vectors, "lib.tensor(1.5)", numpy="lib.array(1.5, 'f4')"),
    Case(
        "tiny/tensor_of_list",
        vectors,
        "lib.tensor([1.0, 2.0, 3.0, 4.0])",
        numpy="lib.array([1.0, 2.0, 3.0, 4.0], 'f4')",
    ),
    Case("tiny/zeros", vectors, "lib.zeros(4)", numpy="lib.zeros(4, 'f4')"),
    Case("tiny/zeros_like", vectors, "lib.zeros_like(a)", numpy=SAME),
    Case(
        "tiny/backward_node",
        chain,
        "y.backward(retain_graph=True)",
        result="gradient()",
        per=NODES,
    ),
    Case("tiny/record_and_backward_node", recorder, "step()", per=NODES),
]
