"""Recurrent networks: one step by a cell, and whole sequences from lists of weights, step by step,
with the products of all inputs taken at once.

Sequences are (T, N, F), or (N, T, F) with `batch_first`; or packed: the steps of all sequences, the
longest first, one after the other as (sum of `batch_sizes`, F), where `batch_sizes` tells how many
sequences have a step. Weights are w_ih, w_hh and, with biases, b_ih and b_hh of every layer and
direction, and of an LSTM with projections w_hr.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import corex
from corex.tensor.tensor import Tensor

States = list[Tensor]
Cell = Callable[[Tensor, States, Tensor, Any, Any], States]


# ---- one step: gates of the input, states, weights -> states, the output first -------------------
def _simple(activation: Callable[[Tensor], Tensor]) -> Cell:
    def cell(given: Tensor, states: States, w_hh: Tensor, b_hh: Any, w_hr: Any) -> States:
        return [activation(given + corex.linear(states[0], w_hh, b_hh))]

    return cell


def _gru(given: Tensor, states: States, w_hh: Tensor, b_hh: Any, w_hr: Any) -> States:
    r_in, z_in, n_in = given.chunk(3, -1)
    r_hid, z_hid, n_hid = corex.linear(states[0], w_hh, b_hh).chunk(3, -1)
    new = (n_in + (r_in + r_hid).sigmoid() * n_hid).tanh()
    return [(states[0] - new) * (z_in + z_hid).sigmoid() + new]


def _lstm(given: Tensor, states: States, w_hh: Tensor, b_hh: Any, w_hr: Any) -> States:
    hidden, cell = states
    i, f, g, o = (given + corex.linear(hidden, w_hh, b_hh)).chunk(4, -1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    out = o.sigmoid() * cell.tanh()
    return [out if w_hr is None else corex.linear(out, w_hr), cell]


# ---- sequences -----------------------------------------------------------------------------------
def _forward(steps: Sequence[Tensor], first: States, run: Callable[..., States]) -> Any:
    """All outputs, and the states in which every sequence ends."""
    states, outputs, ended = first, [], []
    for step in steps:
        count = step.shape[0]
        if count < states[0].shape[0]:
            ended.append([s[count:] for s in states])
            states = [s[:count] for s in states]
        states = run(step, states)
        outputs.append(states[0])
    ends = [states, *reversed(ended)]
    return outputs, [corex.cat(parts) for parts in zip(*ends, strict=True)]


def _backward(steps: Sequence[Tensor], first: States, run: Callable[..., States]) -> Any:
    """As `_forward`, from the last step on: a sequence begins where it has its last step."""
    outputs: list[Tensor] = []
    states = [s[:0] for s in first]
    for step in reversed(steps):
        count, known = step.shape[0], states[0].shape[0]
        if count > known:
            states = [corex.cat((s, f[known:count])) for s, f in zip(states, first, strict=True)]
        states = run(step, states)
        outputs.append(states[0])
    return outputs[::-1], states


def _layers(
    cell: Cell,
    data: Tensor,
    sizes: list[int],
    states: States,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> tuple[Tensor, States]:
    """Outputs of the last layer as packed steps, and the last states of all layers.

    Raises:
        RuntimeError: not as many weights or states as layers and directions need.
    """
    directions = 2 if bidirectional else 1
    runs = num_layers * directions
    projected = len(states) == 2 and states[0].shape[2] != states[1].shape[2]
    each = (4 if has_biases else 2) + projected
    if len(params) != runs * each or states[0].shape[0] != runs:
        raise RuntimeError(
            f"Expected {runs * each} weights and states of {runs} layers and directions, but got "
            f"{len(params)} weights and states of {states[0].shape[0]}"
        )
    last = []
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            at = layer * directions + direction
            w_ih, w_hh, *rest = params[at * each : (at + 1) * each]
            b_ih, b_hh = rest[:2] if has_biases else (None, None)
            w_hr = rest[-1] if len(rest) % 2 else None
            steps = corex.linear(data, w_ih, b_ih).split(sizes)
            walk = _backward if direction else _forward
            found, ends = walk(
                steps,
                [s[at] for s in states],
                lambda step, own, w=w_hh, b=b_hh, r=w_hr: cell(step, own, w, b, r),
            )
            outputs.append(corex.cat(found))
            last.append(ends)
        data = corex.cat(outputs, -1) if bidirectional else outputs[0]
        if layer < num_layers - 1 and dropout:
            data = corex.dropout(data, dropout, train)
    return data, [corex.stack(parts) for parts in zip(*last, strict=True)]


def _sequences(
    cell: Cell, input: Tensor, hx: States, batch_first: bool, *rest: Any
) -> tuple[Tensor, ...]:
    """
    Raises:
        RuntimeError: an input that is not 3-D, or states of another batch.
    """
    if input.ndim != 3:
        raise RuntimeError(f"input must have 3 dimensions, got {input.ndim}")
    steps = input.transpose(0, 1) if batch_first else input
    length, batch = steps.shape[:2]
    if hx[0].shape[1] != batch:
        raise RuntimeError(f"Expected hidden states of batch {batch}, got {list(hx[0].shape)}")
    data = steps.reshape(length * batch, steps.shape[2])
    out, states = _layers(cell, data, [batch] * length, hx, *rest)
    out = out.reshape(length, batch, out.shape[-1])
    return (out.transpose(0, 1) if batch_first else out, *states)


def _called(cell: Cell, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, ...]:
    """Either form, whose arguments have the same names but for the first ones."""
    names = "hx params has_biases num_layers dropout train bidirectional".split()
    given = dict(zip(["input", *names, "batch_first"], args, strict=False)) | kwargs
    packed = (
        "batch_sizes" in kwargs
        or (len(args) > 3 and isinstance(args[3], list | tuple))
        or (len(args) == 3 and "params" in kwargs)
    )
    if packed:
        given = dict(zip(["data", "batch_sizes", *names], args, strict=False)) | kwargs
    hx = given["hx"]
    states = [hx] if isinstance(hx, Tensor) else list(hx)
    rest: list[Any] = [given[name] for name in names[1:]]
    if not packed:
        return _sequences(cell, given["input"], states, given["batch_first"], *rest)
    out, states = _layers(cell, given["data"], given["batch_sizes"].tolist(), states, *rest)
    return (out, *states)


def lstm(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memories (Hochreiter and Schmidhuber, 1997): outputs, last states and cells.

        lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
        lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)

    `hx` are the first states (layers x directions, N, H) and cells.

    Raises:
        RuntimeError: weights or states that do not fit the layers.
    """
    out, hidden, cells = _called(_lstm, args, kwargs)
    return out, hidden, cells


def _of_one_state(name: str, cell: Cell, what: str) -> Callable[..., tuple[Tensor, Tensor]]:
    def network(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        out, hidden = _called(cell, args, kwargs)
        return out, hidden

    network.__name__ = network.__qualname__ = name
    network.__doc__ = f"{what}: outputs and last states; the arguments are those of `lstm`."
    return network


gru = _of_one_state("gru", _gru, "Gated recurrent units (Cho et al., 2014)")
rnn_tanh = _of_one_state("rnn_tanh", _simple(lambda x: x.tanh()), "Recurrent networks, by tanh")
rnn_relu = _of_one_state("rnn_relu", _simple(lambda x: x.relu()), "Recurrent networks, by relu")


# ---- cells ---------------------------------------------------------------------------------------
def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """A step of a gated recurrent unit (Cho et al., 2014): the next hidden state."""
    (hidden,) = _gru(corex.linear(input, w_ih, b_ih), [hx], w_hh, b_hh, None)
    return hidden


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """A step of a long short-term memory (Hochreiter and Schmidhuber, 1997): state and cell."""
    hidden, cell = _lstm(corex.linear(input, w_ih, b_ih), list(hx), w_hh, b_hh, None)
    return hidden, cell


def _simple_cell(name: str, activation: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    step = _simple(activation)

    def cell(
        input: Tensor,
        hx: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None = None,
        b_hh: Tensor | None = None,
    ) -> Tensor:
        (hidden,) = step(corex.linear(input, w_ih, b_ih), [hx], w_hh, b_hh, None)
        return hidden

    cell.__name__ = cell.__qualname__ = name
    cell.__doc__ = f"A step of a recurrent network, by {name.split('_')[1]}: the next hidden state."
    return cell


rnn_tanh_cell = _simple_cell("rnn_tanh_cell", lambda x: x.tanh())
rnn_relu_cell = _simple_cell("rnn_relu_cell", lambda x: x.relu())
