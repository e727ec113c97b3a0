"""Recurrent networks: Elman's, GRU and LSTM, in layers, in both directions, with projections.

``parameters`` lists, for each layer and then each direction, the weights of input and of state, their biases
where ``bias``, and the projection where the state has one: the order of ``torch.nn.LSTM``'s flat weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..composites.registry import composite


def _lstm_cell(F: Any, gates: Any, state: tuple[Any, Any], weights: Any) -> tuple[Any, tuple[Any, Any]]:
    hidden, cell = state
    i, f, g, o = F.chunk(gates + F.linear(hidden, weights.hidden, weights.hidden_bias), 4, -1)
    cell = F.sigmoid(f) * cell + F.sigmoid(i) * F.tanh(g)
    hidden = F.sigmoid(o) * F.tanh(cell)
    if weights.projection is not None:
        hidden = F.linear(hidden, weights.projection)
    return hidden, (hidden, cell)


def _gru_cell(F: Any, gates: Any, state: tuple[Any], weights: Any) -> tuple[Any, tuple[Any]]:
    (hidden,) = state
    r, z, n = F.chunk(gates, 3, -1)
    hr, hz, hn = F.chunk(F.linear(hidden, weights.hidden, weights.hidden_bias), 3, -1)
    reset, update = F.sigmoid(r + hr), F.sigmoid(z + hz)
    new = F.tanh(n + reset * hn)
    hidden = (1 - update) * new + update * hidden
    return hidden, (hidden,)


def _elman_cell(nonlinearity: str) -> Callable[..., Any]:
    def cell(F: Any, gates: Any, state: tuple[Any], weights: Any) -> tuple[Any, tuple[Any]]:
        total = gates + F.linear(state[0], weights.hidden, weights.hidden_bias)
        hidden = F.tanh(total) if nonlinearity == "tanh" else F.relu(total)
        return hidden, (hidden,)

    return cell


class _Weights:
    """The parameters of one direction of one layer."""

    def __init__(self, parameters: Sequence[Any], bias: bool, projected: bool) -> None:
        rest = list(parameters)
        self.input, self.hidden = rest.pop(0), rest.pop(0)
        self.input_bias: Any = rest.pop(0) if bias else None
        self.hidden_bias: Any = rest.pop(0) if bias else None
        self.projection = rest.pop(0) if projected else None


def _direction(
    F: Any, cell: Any, input: Any, state: tuple, weights: _Weights, reverse: bool
) -> tuple[Any, tuple]:
    """One direction of one layer over (time, batch, features)."""
    gates = F.unbind(F.linear(input, weights.input, weights.input_bias), 0)
    outputs = []
    for step in reversed(gates) if reverse else gates:
        hidden, state = cell(F, step, state, weights)
        outputs.append(hidden)
    return F.stack(outputs[::-1] if reverse else outputs, 0), state


def _packed(
    F: Any, cell: Any, packed: Any, state: tuple[Any, ...], *rest: Any
) -> tuple[Any, tuple[Any, ...]]:
    """Every sequence of a packed batch by itself, as if there were no others."""
    sizes = packed.batch_sizes.tolist()
    starts = [sum(sizes[:time]) for time in range(len(sizes))]
    batch = range(sizes[0])
    order = list(batch) if packed.sorted_indices is None else packed.sorted_indices.tolist()
    rows, outputs, finals = [], [], {}
    for place in batch:  # in the packed batch; the states keep the original order
        own = [start + place for start, size in zip(starts, sizes, strict=True) if size > place]
        start = tuple(F.select(s, 1, order[place]) for s in state)
        output, finals[order[place]] = recurrent(
            F, cell, F.index_select(packed.data, 0, F.as_tensor(np.array(own))), start, *rest
        )
        rows += own
        outputs.append(output)
    data = F.index_select(F.cat(outputs, 0), 0, F.as_tensor(np.argsort(rows)))
    parts = zip(*(finals[sequence] for sequence in batch), strict=True)
    return packed._replace(data=data), tuple(F.stack(list(part), 1) for part in parts)


def recurrent(
    F: Any,
    cell: Callable[..., Any],
    input: Any,
    state: tuple[Any, ...],
    parameters: Sequence[Any],
    bias: bool,
    num_layers: int,
    dropout: float,
    training: bool,
    bidirectional: bool,
    batch_first: bool,
    projected: bool = False,
) -> tuple[Any, tuple[Any, ...]]:
    """The output of the last layer at every time, and the final states of every layer and direction.

    A packed batch gives a packed output.
    """
    if hasattr(input, "batch_sizes"):
        rest = (parameters, bias, num_layers, dropout, training, bidirectional, batch_first, projected)
        return _packed(F, cell, input, state, *rest)
    directions = 2 if bidirectional else 1
    size = 2 + 2 * bool(bias) + bool(projected)
    if len(parameters) != size * num_layers * directions:
        raise RuntimeError(f"{size * num_layers * directions} parameters are needed, not {len(parameters)}")
    batched = input.ndim == 3
    if not batched:
        input, state = F.unsqueeze(input, 1), tuple(F.unsqueeze(s, 1) for s in state)
    elif batch_first:
        input = F.transpose(input, 0, 1)
    expected = (num_layers * directions, input.shape[1])
    if any(s.shape[:-1] != expected for s in state):
        raise RuntimeError(
            f"the states of {expected} layers and sequences are not {[s.shape for s in state]}"
        )
    finals = []
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            index = layer * directions + direction
            weights = _Weights(parameters[index * size : (index + 1) * size], bias, projected)
            start = tuple(F.select(s, 0, index) for s in state)
            out, final = _direction(F, cell, input, start, weights, reverse=direction == 1)
            outputs.append(out)
            finals.append(final)
        input = F.cat(outputs, -1) if bidirectional else outputs[0]
        if dropout and training and layer < num_layers - 1:
            input = F.dropout(input, dropout, True)
    states = tuple(F.stack(list(parts), 0) for parts in zip(*finals, strict=True))
    if not batched:
        return F.squeeze(input, 1), tuple(F.squeeze(s, 1) for s in states)
    return (F.transpose(input, 0, 1) if batch_first else input), states


@composite("lstm", "none")
def lstm(
    F: Any,
    input: Any,
    hx: tuple[Any, Any],
    params: Sequence[Any],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Any, Any, Any]:
    """Arguments in the order of ``torch.lstm``. A hidden state shorter than the cell's is a projection."""
    projected = hx[0].shape[-1] != hx[1].shape[-1]
    out, (hidden, cell) = recurrent(
        F,
        _lstm_cell,
        input,
        tuple(hx),
        params,
        has_biases,
        num_layers,
        dropout,
        train,
        bidirectional,
        batch_first,
        projected,
    )
    return out, hidden, cell


@composite("gru", "none")
def gru(
    F: Any,
    input: Any,
    hx: Any,
    params: Sequence[Any],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Any, Any]:
    """Arguments in the order of ``torch.gru``."""
    out, (hidden,) = recurrent(
        F, _gru_cell, input, (hx,), params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )
    return out, hidden


def _elman(F: Any, nonlinearity: str, input: Any, hx: Any, *rest: Any) -> tuple[Any, Any]:
    out, (hidden,) = recurrent(F, _elman_cell(nonlinearity), input, (hx,), *rest)
    return out, hidden


@composite("rnn_tanh", "none")
def rnn_tanh(F: Any, input: Any, hx: Any, *rest: Any) -> tuple[Any, Any]:
    """Arguments in the order of ``torch.rnn_tanh``: those of ``gru``."""
    return _elman(F, "tanh", input, hx, *rest)


@composite("rnn_relu", "none")
def rnn_relu(F: Any, input: Any, hx: Any, *rest: Any) -> tuple[Any, Any]:
    """Arguments in the order of ``torch.rnn_relu``: those of ``gru``."""
    return _elman(F, "relu", input, hx, *rest)
