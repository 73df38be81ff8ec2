"""What a graph may be, how it prints, and how it is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from corex.backend.graph import (
    Graph,
    GraphBuilder,
    GraphError,
    Literal,
    Op,
    from_json,
    plan,
    problems,
    to_json,
    verify,
)
from corex.dtypes import bool_, float32, float64, int32, int64
from tests.compiler.graphs import BY_HAND, added, chained, constant, counted, layer, stepped


@pytest.mark.parametrize("build", BY_HAND)
def test_graphs_by_hand_are_graphs(build: Callable[[], Graph]) -> None:
    assert problems(build()) == []


def test_graphs_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        added().name = "other"  # type: ignore[misc]


TEXT = """\
graph layer, version 1 (provisional)
storages
  x        input      96 bytes
  w        input      192 bytes
  b        input      32 bytes
  product  temporary  128 bytes  slot 0 at 0
  moved    temporary  128 bytes  slot 1 at 128
  y        output     128 bytes
values
  x          float32(4, 6)            in x
  w          float32(6, 8)            in w
  b          float32(8)               in b
  product    float32(4, 8)            in product
  moved      float32(4, 8)            in moved
  y          float32(4, 8)            in y
  product.2  float32(1, 4, 8)         in product
  x.2        float32(1, 4, 6)         in x
  w.2        float32(1, 6, 8)         in w
  b.2        float32(4, 8) by (0, 1)  in b
ops
  product.2 = matmul(x.2, w.2)
  moved = add(product, b.2)
  y = relu(moved)
results
  y
arena of 256 bytes, aligned to 64"""


def test_text() -> None:
    assert str(plan(layer())) == TEXT


def test_text_of_numbers_and_lists() -> None:
    text = str(counted())
    assert "change = mul(x, <rate>)" in text
    assert "calls = mul(calls, 1)" in text
    assert "rate  float" in text
    assert "sgd_step([p0, p1], [g0, g1], [m0, m1], <lr>, 0.9, 0.0, 0.1, False" in str(stepped())


# ---- JSON --------------------------------------------------------------------------------------
@pytest.mark.parametrize("build", [*BY_HAND, lambda: plan(chained(1)), lambda: plan(layer())])
def test_json_round_trip(build: Callable[[], Graph]) -> None:
    graph = build()
    text = to_json(graph)
    assert from_json(text) == graph
    assert to_json(from_json(text)) == text
    assert json.loads(text)["version"] == 1


def test_json_keeps_every_number() -> None:
    g = GraphBuilder()
    x, y = g.input(float64, (2,)), g.output(float64, (2,))
    g.op("fill", [y], params=[-0.0])
    for number in (0.1, math.inf, -math.inf, 5e-324):
        g.op("add", [y], [x, number])
    g.op("add", [y], [x, Literal(2**60)])
    g.op("gelu", [y], [x], [True])
    again = from_json(to_json(g.build([y])))
    assert again == g.build([y])
    assert math.copysign(1, again.ops[0].params[0]) == -1  # type: ignore[arg-type]
    assert type(again.ops[5].inputs[1].number) is int  # type: ignore[union-attr]
    assert again.ops[6].params == (True,)
    assert from_json(to_json(replace(again, ops=(Op("fill", (1,), (), (math.nan,)),)))).ops


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "no JSON"),
        ("[]", "no corex graph"),
        ('{"format": "corex graph", "version": 2}', "version 2"),
        ('{"format": "corex graph", "version": 1}', "damaged"),
        (to_json(constant()).replace("float32", "float33"), "damaged: KeyError"),
        (to_json(constant()).replace('"slot"', '"slat"'), "damaged"),
    ],
)
def test_damaged_json(text: str, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_json(text)


# ---- what is no graph --------------------------------------------------------------------------
class Wrong:
    """Builders of graphs with one fault each, and what is said of it."""

    def use_before_definition(self, g: GraphBuilder) -> str:
        x, y = g.input(float32, (3,)), g.output(float32, (3,))
        g.op("add", [y], [x, g.temporary(float32, (3,))])
        return "it reads t, of which something has not been written yet"

    def half_defined(self, g: GraphBuilder) -> str:
        t, y = g.temporary(float32, (4, 4)), g.output(float32, (4, 4))
        g.op("fill", [g.view_of(t, (4, 2), (4, 2), 0)], params=[1])
        g.op("fill", [g.view_of(t, (4, 1), (4, 2), 1)], params=[1])
        g.op("neg", [g.view_of(y, (4, 2), (4, 2), 0)], [g.view_of(t, (4, 2), (4, 2), 0)])
        g.op("neg", [y], [t])
        return r"op 3, y = neg\(t\): it reads t, of which"

    def unwritten_result(self, g: GraphBuilder) -> str:
        y = g.output(float32, (2, 3))
        g.op("fill", [g.view_of(y, (2, 2), (3, 1), 0)], params=[0])
        return "result y is not written, or not all of it"

    def output_without_result(self, g: GraphBuilder) -> str:
        g.op("fill", [g.output(float32, (2,), "spare")], params=[0])
        return "storage spare is an output, and no result lives in it"

    def written_input(self, g: GraphBuilder) -> str:
        x = g.input(float32, (3,))
        g.op("neg", [x], [x])
        return "it writes x, which is in a storage of role input"

    def written_constant(self, g: GraphBuilder) -> str:
        g.op("fill", [g.constant(float32, (1,), bytes(4))], params=[0])
        return "storage of role constant"

    def dtypes(self, g: GraphBuilder) -> str:
        x, y = g.input(float32, (3,)), g.output(float64, (3,))
        g.op("add", [y], [x, x])
        return r"the kernel does not take \(float64, float32, float32\)"

    def integers(self, g: GraphBuilder) -> str:
        x, y = g.input(int32, (3,)), g.output(int32, (3,))
        g.op("exp", [y], [x])
        return r"the kernel does not take \(int32, int32\)"

    def positions(self, g: GraphBuilder) -> str:
        x, i, y = g.input(float32, (3,)), g.input(int32, (2,)), g.output(float32, (2,))
        g.op("index", [y], [x, i])
        return r"does not take \(float32, float32, int32\)"

    def compared(self, g: GraphBuilder) -> str:
        x, y = g.input(float32, (3,)), g.output(float32, (3,))
        g.op("lt", [y], [x, 2.0])
        return "does not take"

    def only_numbers(self, g: GraphBuilder) -> str:
        g.op("add", [g.output(float32, ())], [1.0, 2.0])
        return "all operands are numbers"

    def numbers_of_a_row(self, g: GraphBuilder) -> str:
        x, y = g.input(float32, (3,)), g.output(float32, (3,))
        g.op("softmax_backward", [y], [x, 1.0])
        return "the kernel takes no numbers among its operands"

    def parameters(self, g: GraphBuilder) -> str:
        g.op("sum", [g.output(float32, ())], [g.input(float32, (3,))], [[1]])
        return r"op 0, sum: \[1\] is no plain parameter"

    def shapes(self, g: GraphBuilder) -> str:
        x, y = g.input(float32, (3,)), g.output(float32, (2, 3))
        g.op("add", [y], [x, y])
        return r"shapes do not fit: outputs \[\(2, 3\)\], inputs \[\(3,\), \(2, 3\)\]"

    def product(self, g: GraphBuilder) -> str:
        x, y = g.input(float32, (1, 2, 3)), g.output(float32, (1, 2, 2))
        g.op("matmul", [y], [x, x])
        return r"the kernel has \(B, M, N\)"

    def reduction(self, g: GraphBuilder) -> str:
        g.op("sum", [g.output(float32, (2,))], [g.input(float32, (2, 3))], [2])
        return "without its last n dimensions"

    def arguments(self, g: GraphBuilder) -> str:
        g.op("sum", [g.output(float32, (2,))], [g.input(float32, (2, 3))])
        return "shapes do not fit"

    def outputs(self, g: GraphBuilder) -> str:
        y = g.output(float32, (2,))
        g.op("layer_norm", [y], [g.input(float32, (2, 2)), None, None], [1e-5])
        return "it has 1 outputs, the kernel 3"

    def lists(self, g: GraphBuilder) -> str:
        x = g.state(float32, (2,))
        g.op("sgd_step", [x], [x, x], [0.1, 0, 0, 0, False, False, False])
        return "the kernel takes lists of views"

    def no_lists(self, g: GraphBuilder) -> str:
        x = g.state(float32, (2,))
        g.list_op("add", [[x], [x]])
        return "it takes no lists"

    def uneven_lists(self, g: GraphBuilder) -> str:
        a, b = g.state(float32, (2,)), g.input(float32, (3,))
        g.list_op("sgd_step", [[a], [b], []], [0.1, 0, 0, 0, False, False, False])
        return "the lists differ in shapes"

    def broadcast_output(self, g: GraphBuilder) -> str:
        y = g.output(float32, (3,))
        g.op("fill", [g.view_of(y, (2, 3), (0, 1), 0, "rows")], params=[0])
        return "elements of rows, which is written, share memory"

    def partial_overlap(self, g: GraphBuilder) -> str:
        x = g.state(float32, (4,))
        g.op("neg", [g.view_of(x, (3,), (1,), 1, "tail")], [g.view_of(x, (3,), (1,), 0, "head")])
        return "it writes tail, which overlaps head, which it reads"

    def outputs_that_overlap(self, g: GraphBuilder) -> str:
        x = g.input(float32, (1, 1, 2, 2))
        y = g.storage("output", 8, "y")
        out = g.view(y, float32, (1, 1, 1, 1), name="a")
        where = g.view(y, int64, (1, 1, 1, 1), name="b")
        g.op("max_pool2d", [out, where], [x], [(2, 2), (2, 2), (0, 0), (1, 1)])
        return "it writes a and b, which overlap"

    def beyond(self, g: GraphBuilder) -> str:
        x = g.input(float32, (4,))
        g.op("fill", [g.output(float32, ())], params=[0])
        g.view_of(x, (2, 2), (2, 2), 0, "wide")
        return "value wide, .* touches bytes 0 to 20 of x, which has 16"

    def before(self, g: GraphBuilder) -> str:
        g.view_of(g.input(float32, (4,)), (3,), (-1,), 1)
        return "touches bytes -4 to 8"

    def constant_without_data(self, g: GraphBuilder) -> str:
        g.storage("constant", 8)
        return "a constant has data"

    def constant_with_other_data(self, g: GraphBuilder) -> str:
        g.constant(float32, (2,), bytes(4))
        return "its data are 4 bytes of 8"

    def missing_value(self, g: GraphBuilder) -> str:
        g.op("neg", [7], [g.input(float32, ())])
        return "value 7 is not there"

    def missing_number(self, g: GraphBuilder) -> str:
        other = GraphBuilder()
        other.number("int")
        g.op("fill", [g.output(float32, ())], params=[other.number("int")])
        return "number 1 is not there"


@pytest.mark.parametrize("fault", [name for name in vars(Wrong) if not name.startswith("_")])
def test_what_is_wrong_is_said(fault: str) -> None:
    g = GraphBuilder(fault)
    message = getattr(Wrong(), fault)(g)
    graph = g.build()
    shown = [i for i, value in enumerate(graph.values) if value.name == "y"]
    with pytest.raises(GraphError, match=message):
        verify(g.build(shown))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"version": 2}, "version 2, this corex has version 1"),
        ({"results": (99,)}, "result 99 is not there"),
        ({"results": (4,)}, "result moved lives in a temporary, which the caller does not have"),
        ({"values": layer().values + layer().values[:1]}, "two values are called x"),
        ({"storages": layer().storages[:5]}, "in storage 5, which is not there"),
    ],
)
def test_what_is_wrong_with_the_whole(change: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        verify(replace(layer(), **change))


def test_what_is_written_part_by_part_is_written() -> None:
    g = GraphBuilder()
    t, y = g.temporary(bool_, (5, 6)), g.output(bool_, (5, 6))
    for column in range(6):
        g.op("fill", [g.view_of(t, (5,), (-6,), 24 + column)], params=[column])
    g.op("logical_not", [y], [t])
    verify(g.build([y]))


def test_memory_seen_as_two_dtypes() -> None:
    g = GraphBuilder()
    storage = g.storage("temporary", 8, "t")
    low = g.view(storage, int32, (1,))
    high = g.view(storage, int32, (1,), offset=1)
    y = g.output(int64, (1,))
    g.op("fill", [low], params=[1])
    reading = Op("copy", (y,), (g.view(storage, int64, (1,), name="both"),))
    graph = g.build([y])
    assert "it reads both" in problems(replace(graph, ops=(*graph.ops, reading)))[0]
    g.op("fill", [high], params=[0])
    graph = g.build([y])
    verify(replace(graph, ops=(*graph.ops, reading)))


def test_first_step_of_momentum_reads_no_momentum() -> None:
    g = GraphBuilder()
    p, grad, m = g.state(float32, (2,)), g.input(float32, (2,)), g.output(float32, (2,), "m")
    g.list_op("sgd_step", [[p], [grad], [m]], [0.1, 0.9, 0.0, 0.0, False, False, True])
    verify(g.build([m]))
    g.list_op("sgd_step", [[p], [grad], [g.output(float32, (2,), "n")]],
              [0.1, 0.9, 0.0, 0.0, False, False, False])  # fmt: skip
    assert "it reads n" in problems(g.build([m]))[0]
