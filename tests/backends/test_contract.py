"""What every backend owes the contract: the way in and out of NumPy, copies, seeds and layouts."""

import numpy as np
import pytest

from conformance.backends import resolve
from conformance.backends.contract import CAPABILITIES, Unsupported
from reference_impls.dtypes import NAMES

from .frameworks import Framework


@pytest.fixture(scope="module", params=["torch", "reference", "functions", "jax"])
def any_backend(request):
    if request.param == "functions":
        return Framework()
    pytest.importorskip(request.param if request.param != "reference" else "numpy")
    return resolve(request.param)


VALUES = {
    0: np.array([[True, False, True]]),
    1: np.array([[0, 1, 100]]),
    2: np.array([[0.0, -0.0, 1 / 3, -1.5, np.inf, -np.inf, np.nan]]),
    3: np.array([[0, 1 / 3 - 0.5j, complex(-np.inf, 2)]]),
}
WIDE = {0: np.bool_, 1: np.int64, 2: np.float64, 3: np.complex128}


@pytest.mark.parametrize("dtype", NAMES)
def test_round_trip(any_backend, dtype):
    """Values come back rounded once to the dtype, in the widest dtype of their kind; shapes survive."""
    if dtype not in any_backend.dtypes:
        pytest.skip(f"{any_backend.name} has no {dtype}")
    label = NAMES[dtype]
    values = VALUES[label.category]
    for shaped in (values, values[:, :0], values[0, 1]):
        tensor = any_backend.from_numpy(np.asarray(shaped), dtype, any_backend.devices[0])
        assert any_backend.is_tensor(tensor)
        assert any_backend.dtype_of(tensor) == dtype
        seen = any_backend.to_numpy(tensor)
        assert seen.dtype == WIDE[label.category]
        expected = label.round(np.asarray(shaped))
        assert np.array_equal(seen, expected, equal_nan=label.category > 1)
        if label.category == 2:
            assert np.array_equal(np.signbit(seen), np.signbit(expected))


def test_the_source_is_copied(any_backend):
    """Writing to the array afterwards does not reach the tensor."""
    values = np.array([1.0, 2.0])
    tensor = any_backend.from_numpy(values, "float64", any_backend.devices[0])
    values[0] = 7
    assert any_backend.to_numpy(tensor).tolist() == [1, 2]


def test_freeze(any_backend):
    """A frozen copy does not see a later write."""
    tensor = any_backend.from_numpy(np.array([1.0, 2.0]), "float64", any_backend.devices[0])
    frozen = any_backend.freeze(tensor)
    tensor.zero_()
    assert any_backend.to_numpy(frozen).tolist() == [1, 2]
    assert any_backend.to_numpy(tensor).tolist() == [0, 0]


def test_seed(any_backend):
    """The same seed gives the same numbers."""

    def drawn(seed):
        any_backend.seed(seed)
        return any_backend.to_numpy(any_backend.torch.rand(5)).tolist()

    assert drawn(3) == drawn(3) != drawn(4)


def test_requires_grad(any_backend):
    """Leaves are made as asked."""
    device = any_backend.devices[0]
    assert any_backend.from_numpy(np.ones(2), "float64", device, True).requires_grad
    tensor = any_backend.from_numpy(np.ones(2), "float64", device)
    assert not tensor.requires_grad
    assert any_backend.require_grad(tensor).requires_grad


def test_lacks_is_documented(any_backend):
    """It lacks nothing that has no description, and gives a reason for what it lacks."""
    assert any_backend.lacks.keys() <= CAPABILITIES.keys()
    assert all(any_backend.lacks.values())


def test_describes_itself(any_backend):
    """Facts for the header of the results are texts."""
    assert all(isinstance(word, str) for fact in any_backend.describe().items() for word in fact)


@pytest.mark.parametrize("layout", ["contiguous", "transposed", "strided", "offset", "expanded"])
def test_layouts(layout):
    """Each layout keeps the values, and is what it is called."""
    backend = resolve("torch")
    rows = (
        np.broadcast_to(np.array([1.0, 2.0, 3.0]), (2, 3))
        if layout == "expanded"
        else np.arange(6.0).reshape(2, 3)
    )
    tensor = backend.lay_out(backend.from_numpy(rows, "float64", "cpu"), layout)
    assert backend.to_numpy(tensor).tolist() == rows.tolist()
    is_so = {
        "contiguous": tensor.is_contiguous(),
        "transposed": tensor.stride() == (1, 2),
        "strided": tensor.stride()[-1] == 2,
        "offset": tensor.storage_offset() == 3,
        "expanded": tensor.stride()[0] == 0,
    }
    assert is_so[layout]


def test_no_layouts():
    """A backend without layouts says so by the name of the capability."""
    with pytest.raises(Unsupported, match="strides"):
        Framework().lay_out(None, "transposed")


def test_what_an_assembled_module_lacks_is_unsupported():
    """The reference's modules have a forward; another method of theirs is missing, not wrong."""
    backend = resolve("reference")
    module = backend.torch.nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])
    with pytest.raises(AttributeError) as caught:
        module.log_prob(None)
    assert "log_prob" in backend.is_unsupported(caught.value)


def test_a_derivative_that_is_not_there_is_unsupported():
    """torch says of some operators that they have no derivative in a mode; of no other exception is that taken."""
    backend = resolve("torch")
    torch = backend.torch
    x = torch.zeros(2, 3)
    with pytest.raises(NotImplementedError) as forward:
        torch.func.jvp(lambda y: torch.conv_tbc(y[None], x[None].mT, x[0, :2], 0), (x,), (x,))
    assert "conv_tbc" in str(backend.is_unsupported(forward.value))
    leaf = torch.zeros(2, 1, 3).requires_grad_()
    loss = torch.nn.functional.ctc_loss(leaf, torch.tensor([[1]]), (2,), (1,))
    (slope,) = torch.autograd.grad(loss, leaf, create_graph=True)
    with pytest.raises(RuntimeError) as second:
        slope.sum().backward()
    assert "_ctc_loss_backward" in str(backend.is_unsupported(second.value))
    (slope,) = torch.autograd.grad(torch.nn.functional.pdist(leaf[0].T).sum(), leaf, create_graph=True)
    with pytest.raises(RuntimeError) as quoted:
        slope.sum().backward()
    assert "_pdist_backward" in str(backend.is_unsupported(quoted.value))
    for other in (RuntimeError("a dtype is not implemented"), NotImplementedError("not for this dtype")):
        assert backend.is_unsupported(other) is None
