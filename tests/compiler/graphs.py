"""Graphs built by hand, and at random."""

from __future__ import annotations

import random

from corex.backend.graph import Graph, GraphBuilder, Literal
from corex.dtypes import bool_, float32, float64, int64


def added() -> Graph:
    """y = x + b, of (2, 3) and a row that is broadcast."""
    g = GraphBuilder("added")
    x, b = g.input(float32, (2, 3), "x"), g.input(float32, (3,), "b")
    y = g.output(float32, (2, 3))
    g.op("add", [y], [x, g.view_of(b, (2, 3), (0, 1), 0, "rows of b")])
    return g.build([y])


def layer() -> Graph:
    """y = relu(x @ w + b), of (4, 6), (6, 8) and (8,)."""
    g = GraphBuilder("layer")
    x, w, b = g.input(float32, (4, 6)), g.input(float32, (6, 8), "w"), g.input(float32, (8,), "b")
    product, moved = g.temporary(float32, (4, 8), "product"), g.temporary(float32, (4, 8), "moved")
    y = g.output(float32, (4, 8))
    g.op(
        "matmul",
        [g.view_of(product, (1, 4, 8), (32, 8, 1), 0)],
        [g.view_of(x, (1, 4, 6), (24, 6, 1), 0), g.view_of(w, (1, 6, 8), (48, 8, 1), 0)],
    )
    g.op("add", [moved], [product, g.view_of(b, (4, 8), (0, 1), 0)])
    g.op("relu", [y], [moved])
    return g.build([y])


def reduced() -> Graph:
    """Sums of the columns of (3, 4), in float64, and how many of them are positive."""
    g = GraphBuilder("reduced")
    x = g.input(float64, (3, 4))
    sums, positive = g.output(float64, (4,), "sums"), g.temporary(bool_, (4,), "positive")
    numbers, count = g.temporary(int64, (4,), "numbers"), g.output(int64, (), "count")
    g.op("sum", [sums], [g.view_of(x, (4, 3), (1, 4), 0, "x.t")], [1])
    g.op("gt", [positive], [sums, 0.0])
    g.op("copy", [numbers], [positive])
    g.op("sum", [count], [numbers], [1])
    return g.build([sums, count])


def strided() -> Graph:
    """Each other column of (4, 6), backwards, doubled, written into a part of what was zeros."""
    g = GraphBuilder("strided")
    x, y = g.input(float32, (4, 6)), g.output(float32, (6, 8))
    g.op("fill", [y], params=[0])
    part = g.view_of(y, (4, 3), (8, 2), 9, "part")
    g.op("mul", [part], [g.view_of(x, (4, 3), (6, -2), 5, "backwards"), 2.0])
    return g.build([y])


def counted() -> Graph:
    """In place: total += x * rate; the number of calls, times `scale`; what total was before."""
    g = GraphBuilder("counted")
    x = g.input(float32, (5,))
    total, calls = g.state(float32, (5,), "total"), g.state(int64, (), "calls")
    rate, more = g.number("float", "rate"), g.number("int", "more")
    before, change = g.output(float32, (5,), "before"), g.temporary(float32, (5,), "change")
    g.op("copy", [before], [total])
    g.op("mul", [change], [x, rate])
    g.op("add", [total], [total, change])
    g.op("add", [calls], [calls, more])
    g.op("mul", [calls], [calls, Literal(1)])
    return g.build([before, total])


def stepped() -> Graph:
    """One step of SGD with momentum on two parameters."""
    g = GraphBuilder("stepped")
    shapes = [(3,), (2, 2)]
    params = [g.state(float32, s, f"p{i}") for i, s in enumerate(shapes)]
    grads = [g.input(float32, s, f"g{i}") for i, s in enumerate(shapes)]
    momenta = [g.state(float32, s, f"m{i}") for i, s in enumerate(shapes)]
    lr = g.number("float", "lr")
    numbers = [lr, 0.9, 0.0, 0.1, False, False, False]
    g.list_op("sgd_step", [params, grads, momenta], numbers)
    return g.build(params)


def picked() -> Graph:
    """Rows of a table by position, and the same rows put into a copy of it, doubled."""
    g = GraphBuilder("picked")
    table, where = g.input(float32, (5, 3), "table"), g.input(int64, (2,), "where")
    rows, twice = g.output(float32, (2, 3), "rows"), g.temporary(float32, (2, 3), "twice")
    copy = g.output(float32, (5, 3), "copy")
    g.op("index", [rows], [table, where])
    g.op("mul", [twice], [rows, 2.0])
    g.op("copy", [copy], [table])
    g.op("index_put", [copy], [twice], [False], [where])
    return g.build([rows, copy])


def constant() -> Graph:
    """y = x * c, and c is known."""
    import struct

    g = GraphBuilder("constant")
    x, y = g.input(float32, (3,)), g.output(float32, (3,))
    g.op("mul", [y], [x, g.constant(float32, (3,), struct.pack("3f", 1, 2, 3))])
    return g.build([y])


BY_HAND = (added, layer, reduced, strided, counted, stepped, picked, constant)


def chained(seed: int, ops: int = 30) -> Graph:
    """Adds and multiplies what there is, in blocks of several sizes, in place now and then."""
    random_ = random.Random(seed)
    g = GraphBuilder(f"chained {seed}")
    sizes = [random_.choice([0, 1, 3, 16, 17, 40]) for _ in range(4)]
    live = {n: [g.input(float64, (n,), f"x{n}")] for n in sizes}
    for _ in range(ops):
        n = random_.choice(sizes)
        a, b = random_.choice(live[n][-4:]), random_.choice(live[n][-4:])
        kernel = random_.choice(["add", "mul", "maximum"])
        if random_.random() < 0.25 and len(live[n]) > 1:
            target = random_.choice(live[n][1:])
        else:
            target = g.temporary(float64, (n,))
        g.op(kernel, [target], [a, random_.choice([b, 0.5])])
        if target not in live[n]:
            live[n].append(target)
    results = []
    for n in {*sizes}:
        y = g.output(float64, (n,), f"y{n}")
        g.op("neg", [y], [live[n][-1]])
        results.append(y)
    return g.build(results)
