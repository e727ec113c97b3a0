"""Attention against loops over queries, keys and heads."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from conformance.assemble import assemble
from conformance.spec import load
from reference_impls import dtypes
from reference_impls.reference import Reference

FOLDER = Path(__file__).parents[2] / "specs/torch/nn/functional"
NAMES = ("scaled_dot_product_attention", "multi_head_attention_forward", "linear")
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def ref():
    return assemble([load(FOLDER / f"{name}.yaml") for name in NAMES], Reference())


def numbers(*shape):
    return RANDOM.integers(-16, 17, shape) / 8


def leaf(ref, array):
    return ref.tensor_from(array, dtypes.of_array(np.asarray(array)), requires_grad=array.dtype.kind == "f")


def attended(q, k, v, scale, visible=None, added=None):
    """One query after the other; nothing where nothing is visible."""
    out = np.zeros((len(q), v.shape[1]))
    weights = np.zeros((len(q), len(k)))
    for i, query in enumerate(q):
        seen = [j for j in range(len(k)) if visible is None or visible[i, j]]
        scores = {j: scale * float(query @ k[j]) + (0.0 if added is None else added[i, j]) for j in seen}
        total = math.fsum(math.exp(s) for s in scores.values())
        for j, score in scores.items():
            weights[i, j] = math.exp(score) / total
            out[i] += weights[i, j] * v[j]
    return out, weights


@pytest.mark.parametrize("mask", ["none", "boolean", "numbers", "causal"])
@pytest.mark.parametrize("groups", [1, 3])
def test_scaled_dot_product(ref, mask, groups):
    """Each head of the query attends to the head of the key that its group shares."""
    q, k, v = numbers(2, 6, 3, 4), numbers(2, 6 // groups, 5, 4), numbers(2, 6 // groups, 5, 2)
    visible = {"boolean": RANDOM.random((2, 6, 3, 5)) > 0.7, "causal": np.tri(3, 5, dtype=bool)}.get(mask)
    added = numbers(6, 1, 5) if mask == "numbers" else None
    given = {"boolean": visible, "numbers": added}.get(mask)
    out = ref.torch.nn.functional.scaled_dot_product_attention(
        *(leaf(ref, x) for x in (q, k, v)),
        attn_mask=None if given is None else leaf(ref, given),
        is_causal=mask == "causal",
        enable_gqa=groups > 1,
    )
    for n, h in itertools.product(range(2), range(6)):
        seen = None if visible is None else np.broadcast_to(visible, (2, 6, 3, 5))[n, h]
        more = None if added is None else np.broadcast_to(added, (2, 6, 3, 5))[n, h]
        expected, _ = attended(q[n, h], k[n, h // groups], v[n, h // groups], 0.5, seen, more)
        np.testing.assert_allclose(out.array[n, h], expected, rtol=1e-13, atol=1e-14)


def test_a_row_without_keys_sends_no_gradient(ref):
    """Where nothing is visible the value is zero, and so is every gradient; the other rows have theirs."""
    q, k, v = (leaf(ref, numbers(2, 3)) for _ in range(3))
    mask = leaf(ref, np.array([[False, False], [True, True]]))
    out = ref.torch.nn.functional.scaled_dot_product_attention(q, k, v, mask)
    slopes = ref.torch.autograd.grad(out.sum(), (q, k, v))
    assert not out.array[0].any()
    assert not slopes[0].array[0].any()
    assert slopes[0].array[1].any()
    assert all(np.isfinite(slope.array).all() for slope in slopes)


def test_gradient_by_differences(ref):
    """The gradient of each input, mask included, is that of central differences."""
    arrays = [numbers(3, 4), numbers(5, 4), numbers(5, 2), numbers(3, 5)]
    weights = numbers(3, 2)

    def value(*given):
        tensors = [leaf(ref, x) for x in given]
        out = ref.torch.nn.functional.scaled_dot_product_attention(*tensors, scale=-0.75)
        return (out * leaf(ref, weights)).sum(), tensors

    total, tensors = value(*arrays)
    for number, slope in enumerate(ref.torch.autograd.grad(total, tensors)):
        direction = numbers(*arrays[number].shape)
        step = 2.0**-17

        def moved(sign, number=number, direction=direction, step=step):
            given = list(arrays)
            given[number] = given[number] + sign * step * direction
            return float(value(*given)[0].array)

        difference = (moved(1) - moved(-1)) / (2 * step)
        np.testing.assert_allclose((slope.array * direction).sum(), difference, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("appended", [False, True])
def test_heads(ref, appended):
    """Projections, heads side by side, masks that hide, and what is appended after them."""
    length, keys, batch, size, heads = 3, 5, 2, 4, 2
    x, y, z = numbers(length, batch, size), numbers(keys, batch, size), numbers(keys, batch, size)
    packed, bias, joined, last = numbers(12, 4), numbers(12), numbers(4, 4), numbers(4)
    more = (numbers(1, 1, 4), numbers(1, 1, 4)) if appended else (None, None)
    hidden, padding = RANDOM.random((batch * heads, length, keys)) > 0.6, numbers(batch, keys)
    tensors = [leaf(ref, a) if a is not None else None for a in (x, y, z, packed, bias, *more, joined, last)]
    output, weights = ref.torch.nn.functional.multi_head_attention_forward(
        *tensors[:3], size, heads, *tensors[3:7], appended, 0.0, *tensors[7:],
        attn_mask=leaf(ref, hidden), key_padding_mask=leaf(ref, padding), average_attn_weights=False,
    )  # fmt: skip
    for n in range(batch):
        columns = []
        for h in range(heads):
            part = slice(2 * h, 2 * h + 2)
            q, k, v = (
                a[:, n] @ packed[4 * i : 4 * i + 4].T + bias[4 * i : 4 * i + 4]
                for i, a in enumerate((x, y, z))
            )
            visible = ~hidden[n * heads + h]
            added = np.broadcast_to(padding[n], (length, keys))
            if appended:
                k, v = (
                    np.concatenate([a, b[0], np.zeros((1, 4))]) for a, b in zip((k, v), more, strict=True)
                )
                visible = np.concatenate([visible, np.ones((length, 2), bool)], 1)
                added = np.concatenate([added, np.zeros((length, 2))], 1)
            out, expected = attended(q[:, part], k[:, part], v[:, part], 1 / math.sqrt(2), visible, added)
            np.testing.assert_allclose(weights.array[n, h], expected, rtol=1e-12, atol=1e-14)
            columns.append(out)
        np.testing.assert_allclose(
            output.array[:, n], np.concatenate(columns, 1) @ joined.T + last, rtol=1e-12, atol=1e-13
        )
