"""Recurrent networks, over whole sequences and step by step."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import corex
from corex import Tensor
from corex.nn import init
from corex.nn.functional import recurrent
from corex.nn.modules.module import Module
from corex.nn.parameter import Parameter
from corex.nn.utils.rnn import PackedSequence

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What recurrent networks share.

    Args:
        mode: 'LSTM', 'GRU', 'RNN_TANH' or 'RNN_RELU'.
        input_size: features of a step.
        hidden_size: features of a state.
        num_layers: how many networks follow each other.
        bias: whether to learn additive biases.
        batch_first: whether sequences are (N, T, F) rather than (T, N, F).
        dropout: the probability with which a layer's output is zeroed, but for the last one's.
        bidirectional: whether a second network walks from the end.
        proj_size: features that an LSTM's hidden state is projected to; 0: none.
        device: where the parameters are made.
        dtype: their element type.

    Raises:
        TypeError: a hidden size that is no integer. ValueError: sizes or a dropout out of range.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        _check_sizes(hidden_size, num_layers, proj_size, dropout)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._flat_weights_names: list[str] = []
        self._all_weights: list[list[str]] = []
        out = proj_size or hidden_size
        rows = _GATES[mode] * hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse") if bidirectional else ("",):
                width = input_size if layer == 0 else out * (2 if bidirectional else 1)
                shapes = {"weight_ih": (rows, width), "weight_hh": (rows, out)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}  # type: ignore[dict-item]
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = [f"{name}_l{layer}{suffix}" for name in shapes]
                for name, shape in zip(names, shapes.values(), strict=True):
                    setattr(self, name, Parameter(corex.empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(names)
                self._flat_weights_names += names
        self.reset_parameters()

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of every layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing: parameters lie where they are."""

    def reset_parameters(self) -> None:
        """Draws new values, uniform in ±1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    # ---- checks --------------------------------------------------------------------------------
    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """
        Raises:
            ValueError: another dtype than the weights'. RuntimeError: another shape.
        """
        weight = self._flat_weights[0]
        if input.dtype != weight.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: "
                f"model.to({input.dtype})"
            )
        wanted = 2 if batch_sizes is not None else 3
        if input.dim() != wanted:
            raise RuntimeError(f"input must have {wanted} dimensions, got {input.dim()}")
        if input.size(-1) != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{input.size(-1)}"
            )

    def _state_shape(self, batch: int, size: int) -> tuple[int, int, int]:
        return (self.num_layers * (2 if self.bidirectional else 1), batch, size)

    def check_hidden_size(
        self,
        hx: Tensor,
        expected_hidden_size: tuple[int, ...],
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:
        """
        Raises:
            RuntimeError: a state of another shape.
        """
        if tuple(hx.shape) != expected_hidden_size:
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    # ---- running -------------------------------------------------------------------------------
    def _sizes(self) -> tuple[int, ...]:
        """The features of the states: of an LSTM, the hidden state's and the cell's."""
        out = self.proj_size or self.hidden_size
        return (out, self.hidden_size) if self.mode == "LSTM" else (out,)

    def _states(self, given: Any, input: Tensor, batch: int, single: bool) -> list[Tensor]:
        sizes = self._sizes()
        if given is None:
            return [input.new_zeros(self._state_shape(batch, size)) for size in sizes]
        states = [given] if isinstance(given, Tensor) else list(given)
        wanted = 2 if single else 3
        for state in states:
            if state.dim() != wanted:
                kind = "unbatched 2-D" if single else "batched 3-D"
                raise RuntimeError(
                    f"For {kind} input, hx should also be {wanted}-D but got {state.dim()}-D tensor"
                )
        if single:
            states = [state.unsqueeze(1) for state in states]
        names = ("hidden[0]", "hidden[1]") if len(sizes) == 2 else ("hidden",)
        for name, state, size in zip(names, states, sizes, strict=True):
            self.check_hidden_size(
                state, self._state_shape(batch, size), f"Expected {name} size {{}}, got {{}}"
            )
        return states

    def _run(self, data: Tensor, states: list[Tensor], *sizes: Tensor) -> tuple[Tensor, ...]:
        function = getattr(recurrent, self.mode.lower())
        rest = () if sizes else (self.batch_first,)
        found: tuple[Tensor, ...] = function(
            data, *sizes, states[0] if len(states) == 1 else tuple(states), self._flat_weights,
            self.bias, self.num_layers, self.dropout, self.training, self.bidirectional, *rest,
        )  # fmt: skip
        return found

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Sequences (T, N, F), (N, T, F) with `batch_first`, one of (T, F), or a `PackedSequence`,
        and the first states (layers x directions, N, H), or zeros -> the outputs of the last
        layer, and the last states of all; an LSTM has pairs of states.

        Raises:
            ValueError, RuntimeError: an input or a state of another dtype or shape.
        """
        if isinstance(input, PackedSequence):
            return self._run_packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.dim()}D instead"
            )
        single = input.dim() == 2
        if single:
            input = input.unsqueeze(0 if self.batch_first else 1)
        self.check_input(input, None)
        batch = input.shape[0 if self.batch_first else 1]
        out, *states = self._run(input, self._states(hx, input, batch, single))
        if single:
            out = out.squeeze(0 if self.batch_first else 1)
            states = [state.squeeze(1) for state in states]
        return out, self._result(states)

    def _result(self, states: Sequence[Tensor]) -> Any:
        return tuple(states) if len(states) == 2 else states[0]

    def _run_packed(self, input: PackedSequence, hx: Any) -> Any:
        data, sizes, order, back = input
        self.check_input(data, sizes)
        states = self._states(hx, data, int(sizes[0]), False)
        if hx is not None and order is not None:
            states = [state.index_select(1, order) for state in states]
        out, *states = self._run(data, states, sizes)
        if back is not None:
            states = [state.index_select(1, back) for state in states]
        return PackedSequence(out, sizes, order, back), self._result(states)

    def extra_repr(self) -> str:
        """The sizes, and whatever differs from the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if not self.bias:
            text += f", bias={self.bias}"
        if self.batch_first:
            text += f", batch_first={self.batch_first}"
        if self.dropout:
            text += f", dropout={self.dropout}"
        if self.bidirectional:
            text += f", bidirectional={self.bidirectional}"
        return text


def _check_sizes(hidden: Any, layers: int, projected: int, dropout: Any) -> None:
    number = isinstance(dropout, int | float) and not isinstance(dropout, bool)
    if not number or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            "being zeroed"
        )
    if dropout > 0 and layers == 1:
        warnings.warn(
            f"dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={layers}",
            stacklevel=4,
        )
    if not isinstance(hidden, int):
        raise TypeError(f"hidden_size should be of type int, got: {type(hidden).__name__}")
    if hidden <= 0:
        raise ValueError("hidden_size must be greater than zero")
    if layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if projected < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if projected >= hidden:
        raise ValueError("proj_size has to be smaller than hidden_size")


class RNN(RNNBase):
    """`h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or relu (Elman, 1990).

    Takes input_size, hidden_size, num_layers, nonlinearity ('tanh' or 'relu'), bias, batch_first,
    dropout, bidirectional, device and dtype; see `RNNBase`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            self.nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            self.nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        nonlinearity = self.nonlinearity
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997); with projections, Sak et al.,
    2014.

    Takes input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
    device and dtype; see `RNNBase`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units (Cho et al., 2014).

    Takes input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device and
    dtype; see `RNNBase`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


# ---- cells -------------------------------------------------------------------------------------
class RNNCellBase(Module):
    """What cells share.

    Args:
        input_size: features of a step.
        hidden_size: features of a state.
        bias: whether to learn additive biases.
        num_chunks: how many gates there are.
        device: where the parameters are made.
        dtype: their element type.
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        where = {"device": device, "dtype": dtype}
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(corex.empty((rows, input_size), **where))
        self.weight_hh = Parameter(corex.empty((rows, hidden_size), **where))
        for name in ("bias_ih", "bias_hh"):
            if bias:
                setattr(self, name, Parameter(corex.empty(rows, **where)))
            else:
                self.register_parameter(name, None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new values, uniform in ±1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes, and whatever differs from the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.bias else text + ", bias=False"

    def _step(self, name: str, input: Tensor, hx: Any) -> Any:
        function = getattr(recurrent, name)
        return function(input, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def _batched(self, input: Tensor, states: Sequence[Tensor] | None, count: int) -> Any:
        """Rows and states as batches, and whether they were none."""
        name = type(self).__name__
        for what, t in (("input", input), *(("hidden", s) for s in states or ())):
            if t.dim() not in (1, 2):
                raise ValueError(f"{name}: Expected {what} to be 1D or 2D, got {t.dim()}D instead")
        single = input.dim() == 1
        rows = input.unsqueeze(0) if single else input
        if states is None:
            states = [rows.new_zeros((rows.shape[0], self.hidden_size))] * count
        elif single:
            states = [state.unsqueeze(0) for state in states]
        return rows, states, single


class RNNCell(RNNCellBase):
    """One step of `RNN`.

    Args:
        input_size: features of a step.
        hidden_size: features of a state.
        bias: whether to learn additive biases.
        nonlinearity: 'tanh' or 'relu'.
        device: where the parameters are made.
        dtype: their element type.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """(N, input_size) or (input_size,) and a state, or zeros -> the next state.

        Raises:
            ValueError: another number of dims. RuntimeError: an unknown nonlinearity.
        """
        rows, states, single = self._batched(input, None if hx is None else [hx], 1)
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        result = self._step(f"rnn_{self.nonlinearity}_cell", rows, states[0])
        return result.squeeze(0) if single else result  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """The sizes, and whatever differs from the default."""
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else f"{text}, nonlinearity={self.nonlinearity}"


class LSTMCell(RNNCellBase):
    """One step of `LSTM`.

    Args:
        input_size: features of a step.
        hidden_size: features of a state.
        bias: whether to learn additive biases.
        device: where the parameters are made.
        dtype: their element type.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """(N, input_size) or (input_size,) and a state and cell, or zeros -> the next ones.

        Raises:
            ValueError: another number of dims.
        """
        rows, states, single = self._batched(input, hx, 2)
        hidden, cell = self._step("lstm_cell", rows, states)
        return (hidden.squeeze(0), cell.squeeze(0)) if single else (hidden, cell)


class GRUCell(RNNCellBase):
    """One step of `GRU`.

    Args:
        input_size: features of a step.
        hidden_size: features of a state.
        bias: whether to learn additive biases.
        device: where the parameters are made.
        dtype: their element type.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """(N, input_size) or (input_size,) and a state, or zeros -> the next state.

        Raises:
            ValueError: another number of dims.
        """
        rows, states, single = self._batched(input, None if hx is None else [hx], 1)
        result = self._step("gru_cell", rows, states[0])
        return result.squeeze(0) if single else result  # type: ignore[no-any-return]
