"""The long algorithms against loops that a person can check, and their derivatives against differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from reference_impls import dtypes
from reference_impls.reference import Reference

from . import differences

REF = Reference()
RANDOM = np.random.default_rng(0)


def numbers(*shape):
    return RANDOM.integers(-16, 17, shape) / 8


def tensor(array):
    return REF.tensor_from(array, dtypes.float64, requires_grad=True)


def correlated(x, w, stride, padding, dilation, groups):
    """Convolution by its definition: one product at a time."""
    dims = w.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in padding])
    sizes = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], w.shape[2:], stride, dilation, strict=True)
    ]
    out = np.zeros((x.shape[0], w.shape[0], *sizes))
    per_in, per_out = w.shape[1], w.shape[0] // groups
    for b, o, c in itertools.product(range(x.shape[0]), range(w.shape[0]), range(per_in)):
        channel = (o // per_out) * per_in + c
        for place in np.ndindex(*sizes):
            for tap in np.ndindex(*w.shape[2:]):
                source = tuple(place[i] * stride[i] + tap[i] * dilation[i] for i in range(dims))
                out[(b, o, *place)] += x[(b, channel, *source)] * w[(o, c, *tap)]
    return out


CONVOLUTIONS = [
    # input, weight, stride, padding, dilation, groups
    ((2, 3, 7), (4, 3, 3), (2,), (1,), (2,), 1),
    ((1, 4, 5, 6), (6, 2, 2, 3), (1, 2), (1, 0), (2, 1), 2),
    ((2, 2, 3, 4, 3), (3, 2, 2, 2, 1), (1, 1, 1), (0, 1, 0), (1, 1, 1), 1),
    ((1, 3, 4), (3, 1, 1), (3,), (0,), (1,), 3),
]


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolution(case):
    """Every stride, padding, dilation and grouping gives the sums of the definition."""
    shape, form, *options = case
    x, w, b = numbers(*shape), numbers(*form), numbers(form[0])
    out = REF.ops.convolution(tensor(x), tensor(w), tensor(b), *options)
    expected = correlated(x, w, *options) + b.reshape(-1, *[1] * (len(form) - 2))
    np.testing.assert_array_equal(out.array, expected)


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_transposed_convolution_is_the_adjoint(case):
    """<y, conv(x)> equals <conv_transposed(y), x>, for the output padding that restores the size of x."""
    shape, form, stride, padding, dilation, groups = case
    x, w = numbers(*shape), numbers(*form)
    y = numbers(*correlated(x, w, stride, padding, dilation, groups).shape)
    span = [d * (k - 1) + 1 for d, k in zip(dilation, form[2:], strict=True)]
    reached = [(n - 1) * s + d - 2 * p for n, s, d, p in zip(y.shape[2:], stride, span, padding, strict=True)]
    missing = tuple(n - r for n, r in zip(shape[2:], reached, strict=True))
    back = REF.ops.convolution(tensor(y), tensor(w), None, stride, padding, dilation, groups, True, missing)
    assert tuple(back.shape) == shape
    left = np.sum(y * correlated(x, w, stride, padding, dilation, groups))
    np.testing.assert_allclose(np.sum(back.array * x), left, rtol=1e-13)


def test_padding_by_name():
    """``same`` keeps the size, the odd element on the right; ``valid`` pads nothing."""
    x, w = numbers(1, 1, 5), numbers(1, 1, 4)
    same = REF.ops.convolution(tensor(x), tensor(w), None, 1, "same")
    by_hand = correlated(np.pad(x, [(0, 0), (0, 0), (1, 2)]), w, (1,), (0,), (1,), 1)
    np.testing.assert_array_equal(same.array, by_hand)
    assert REF.ops.convolution(tensor(x), tensor(w), None, 1, "valid").shape[2] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        {"groups": 2},
        {"stride": 0},
        {"dilation": 0},
        {"padding": -1},
        {"padding": (1, 1)},
        {"padding": "same", "stride": 2},
        {"transposed": True, "output_padding": 1},
    ],
)
def test_convolution_refuses(arguments):
    """Arguments that make no sense raise RuntimeError, whatever NumPy would have said."""
    with pytest.raises(RuntimeError):
        REF.ops.convolution(tensor(numbers(1, 3, 5)), tensor(numbers(3, 3, 2)), **arguments)


def gates(x, h, parameters, n):
    w, u, b, c = parameters
    return np.split(w @ x + b, n), np.split(u @ h + c, n)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, state, p):
    h, c = state
    (i, f, g, o), (hi, hf, hg, ho) = gates(x, h, p, 4)
    c = sigmoid(f + hf) * c + sigmoid(i + hi) * np.tanh(g + hg)
    return sigmoid(o + ho) * np.tanh(c), c


def gru_step(x, state, p):
    (h,) = state
    (r, z, n), (hr, hz, hn) = gates(x, h, p, 3)
    update = sigmoid(z + hz)
    return ((1 - update) * np.tanh(n + sigmoid(r + hr) * hn) + update * h,)


def tanh_step(x, state, p):
    ((a,), (b,)) = gates(x, state[0], p, 1)
    return (np.tanh(a + b),)


def unrolled(step, x, states, parameters, layers):
    """Both directions of every layer, one sequence and one step at a time."""
    finals = []
    for layer in range(layers):
        outputs = []
        for direction in range(2):
            k = layer * 2 + direction
            p, state, out = parameters[4 * k : 4 * k + 4], tuple(s[k] for s in states), []
            for row in x[::-1] if direction else x:
                state = step(row, state, p)
                out.append(state[0])
            outputs.append(out[::-1] if direction else out)
            finals.append(state)
        x = np.concatenate(outputs, -1)
    return x, [np.stack(parts) for parts in zip(*finals, strict=True)]


@pytest.mark.parametrize(
    ("name", "step", "count", "states"),
    [("lstm", lstm_step, 4, 2), ("gru", gru_step, 3, 1), ("rnn_tanh", tanh_step, 1, 1)],
)
@pytest.mark.parametrize("batch_first", [False, True])
def test_recurrent(name, step, count, states, batch_first):
    """Two layers in both directions give what the unrolled loop gives, for every sequence of the batch."""
    time, batch, features, hidden, layers = 3, 2, 2, 3, 2
    x = numbers(time, batch, features)
    start = [numbers(2 * layers, batch, hidden) for _ in range(states)]
    parameters = []
    for layer in range(layers):
        for _ in range(2):
            inputs = features if layer == 0 else 2 * hidden
            parameters += [numbers(count * hidden, inputs), numbers(count * hidden, hidden)]
            parameters += [numbers(count * hidden), numbers(count * hidden)]
    given = tuple(tensor(s) for s in start)
    out, *finals = getattr(REF.ops, name)(
        tensor(np.swapaxes(x, 0, 1) if batch_first else x),
        given if states == 2 else given[0],
        [tensor(p) for p in parameters],
        True,
        layers,
        0.0,
        False,
        True,
        batch_first,
    )
    actual = np.swapaxes(out.array, 0, 1) if batch_first else out.array
    for b in range(batch):
        expected, last = unrolled(step, x[:, b], [s[:, b] for s in start], parameters, layers)
        np.testing.assert_allclose(actual[:, b], expected, rtol=1e-13, atol=1e-15)
        for final, e in zip(finals, last, strict=True):
            np.testing.assert_allclose(final.array[:, b], e, rtol=1e-13, atol=1e-15)


def test_lstm_with_projection_and_without_batch():
    """A projected state is narrower than the cell; an unbatched sequence gives an unbatched result."""
    x, hidden, cell = numbers(4, 2), numbers(1, 2), numbers(1, 3)
    parameters = [numbers(12, 2), numbers(12, 2), numbers(12), numbers(12), numbers(2, 3)]

    def projected(row, state, p):
        h, c = lstm_step(row, state, p)
        return parameters[4] @ h, c

    state, expected = (hidden[0], cell[0]), []
    for row in x:
        state = projected(row, state, parameters[:4])
        expected.append(state[0])
    out, last, last_cell = REF.ops.lstm(
        tensor(x),
        (tensor(hidden), tensor(cell)),
        [tensor(p) for p in parameters],
        True,
        1,
        0.0,
        False,
        False,
        False,
    )
    np.testing.assert_allclose(out.array, expected, rtol=1e-13)
    np.testing.assert_allclose(last.array[0], state[0], rtol=1e-13)
    np.testing.assert_allclose(last_cell.array[0], state[1], rtol=1e-13)


DERIVATIVES = {
    "convolution": (lambda F, x, w: F.convolution(x, w, None, 2, 1, 2, 2), (1, 4, 5), (2, 2, 2)),
    "transposed": (lambda F, x, w: F.convolution(x, w, None, 2, 1, 1, 1, True, 1), (1, 2, 3), (2, 1, 3)),
    "lstm": (
        lambda F, x, w: F.lstm(
            x,
            (F.zeros(1, 1, 2), F.zeros(1, 1, 2)),
            [w[:, :1], w[:, 1:3], w[:, 3], w[:, 4]],
            True,
            1,
            0.0,
            False,
            False,
            False,
        )[0],
        (2, 1, 1),
        (8, 5),
    ),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives(name):
    """First and second derivatives by both arguments, against differences at 200 bits."""
    function, *shapes = DERIVATIVES[name]
    ref = differences.multiprecise()
    xp = ref.arithmetic
    arrays = [xp.from_numpy(numbers(*shape)) for shape in shapes]
    directions = [xp.from_numpy(numbers(*shape)) for shape in shapes]

    def slopes(arrays):
        """The loss, its derivative along the directions, and the derivatives of that."""
        leaves = [ref.tensor_from(a, dtypes.float64, requires_grad=True) for a in arrays]
        loss = (function(ref.ops, *leaves) ** 3).sum()
        first = ref.torch.autograd.grad(loss, leaves, create_graph=True)
        along = sum(
            (g * ref.tensor_from(d, dtypes.float64)).sum() for g, d in zip(first, directions, strict=True)
        )
        second = ref.torch.autograd.grad(along, leaves)
        twice = sum(differences.inner(xp, g.array, d) for g, d in zip(second, directions, strict=True))
        return loss.array[()], along.array[()], twice

    step = differences.STEP
    _, first, second = slopes(arrays)
    plus, minus = (
        slopes([a + d * h for a, d in zip(arrays, directions, strict=True)]) for h in (step, -step)
    )
    for analytic, k in ((first, 0), (second, 1)):
        difference = (plus[k] - minus[k]) / (2 * step)
        assert abs(analytic - difference) <= differences.RELATIVE * max(abs(analytic), 1)
