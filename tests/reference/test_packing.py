"""Packed batches of the reference: every sequence by itself, against loops in plain NumPy."""

import numpy as np
import pytest

from reference_impls import Reference

LENGTHS = [2, 5, 1, 4]
REF = Reference()
RNN = REF.torch.nn.utils.rnn


def padded():
    return REF.torch.tensor(np.arange(60.0).reshape(5, 4, 3), requires_grad=True)


def test_elements_step_by_step_and_longest_first():
    packed = RNN.pack_padded_sequence(padded(), LENGTHS, enforce_sorted=False)
    values = padded().detach().numpy()
    expected = [values[t, s] for t in range(5) for s in (1, 3, 0, 2) if t < LENGTHS[s]]
    np.testing.assert_array_equal(packed.data.detach().numpy(), expected)
    assert packed.batch_sizes.tolist() == [4, 3, 2, 2, 1]
    assert packed.sorted_indices.tolist() == [1, 3, 0, 2]
    assert packed.unsorted_indices.tolist() == [2, 0, 3, 1]


def test_padding_comes_back_where_it_was():
    packed = RNN.pack_padded_sequence(padded(), LENGTHS, enforce_sorted=False)
    again, lengths = RNN.pad_packed_sequence(packed, padding_value=-1.0, total_length=6)
    assert lengths.tolist() == LENGTHS
    expected = np.full((6, 4, 3), -1.0)
    for s, length in enumerate(LENGTHS):
        expected[:length, s] = padded().detach().numpy()[:length, s]
    np.testing.assert_array_equal(again.detach().numpy(), expected)


@pytest.mark.parametrize("lengths", [[5, 4, 2, 0], [6, 4, 2, 1], [5, 4, 2], [5, 4, 2, 1, 1], [1, 2, 4, 5]])
def test_refuses_lengths_that_no_batch_has(lengths):
    with pytest.raises(RuntimeError):
        RNN.pack_padded_sequence(padded(), lengths)


def test_a_recurrent_layer_runs_each_sequence_by_itself():
    torch = REF.torch
    x = padded()
    weights = [torch.tensor(np.linspace(-1.0, 1.0, n).reshape(2, -1)) for n in (6, 4)]
    weights += [-weight for weight in weights]
    start = torch.tensor(np.linspace(-1.0, 1.0, 16).reshape(2, 4, 2))
    packed = RNN.pack_padded_sequence(x / 60, LENGTHS, enforce_sorted=False)
    options = (weights, False, 1, 0.0, False, True, False)
    output, last = torch.rnn_tanh(packed, start, *options)
    together, lengths = RNN.pad_packed_sequence(output)
    for s, length in enumerate(LENGTHS):
        state = start.numpy()[0, s]
        for t in range(length):
            state = np.tanh(
                x.detach().numpy()[t, s] / 60 @ weights[0].numpy().T + state @ weights[1].numpy().T
            )
            np.testing.assert_allclose(together.detach().numpy()[t, s, :2], state, rtol=1e-12)
        np.testing.assert_allclose(last.detach().numpy()[0, s], state, rtol=1e-12)
    (gradient,) = torch.autograd.grad(together.sum(), x)
    for s, length in enumerate(LENGTHS):
        assert np.all(gradient.numpy()[:length, s] != 0)
        assert np.all(gradient.numpy()[length:, s] == 0)
