"""Checks of the device that is registered from Python; `test_privateuse1.py` runs them in a process of their own."""

import numpy as np
import pytest
import torch

from conformance.backends import resolve
from conformance.backends.torch_privateuse1 import DeviceTensor
from reference_impls.dtypes import NAMES

BACKEND = resolve("privateuse1")


def made(*values, requires_grad=False):
    return BACKEND.from_numpy(np.array(values), "float64", "conformance", requires_grad)


@pytest.mark.parametrize("dtype", NAMES)
def test_round_trip(dtype):
    values = np.array([0, 1, 3]) if NAMES[dtype].category == 1 else np.array([0.0, 1.0, 1.0])
    tensor = BACKEND.from_numpy(values, dtype, "conformance")
    assert (BACKEND.dtype_of(tensor), tensor.device.type) == (dtype, "conformance")
    assert np.array_equal(BACKEND.to_numpy(tensor), values)


def test_factories():
    for tensor in (
        torch.ones(2, device="conformance"),
        torch.tensor([1.0, 1.0], device="conformance"),
        made(1, 1),
    ):
        assert isinstance(tensor, DeviceTensor) and tensor.device == torch.device("conformance", 0)
        assert tensor.tolist() == [1, 1]
    with BACKEND.running("conformance", "eager"):
        assert torch.zeros(2).device.type == "conformance"


def test_devices_do_not_mix():
    with pytest.raises(RuntimeError):
        made(1.0, 2.0) + torch.ones(2)
    assert (made(1.0, 2.0) + torch.tensor(1.0)).tolist() == [2, 3]


def test_autograd():
    x = made(1.0, 2.0, requires_grad=True)
    (x**3).sum().backward()
    assert x.grad.device.type == "conformance" and x.grad.tolist() == [3, 12]


def test_views_and_versions():
    base = made(1.0, 2.0, 3.0)
    view = base[:2]
    view.zero_()
    assert view._base is base and base.tolist() == [0, 0, 3] and base._version == 1
    x = made(1.0, requires_grad=True)
    y = x.exp()
    y.detach().zero_()
    with pytest.raises(RuntimeError):
        y.sum().backward()


def test_conjugates_are_resolved():
    z = torch.tensor([1 + 2j], device="conformance")
    assert (z * z.conj()).tolist() == [5 + 0j]
    assert z.conj().imag.tolist() == [-2]


def test_modules_move_and_convert():
    module = torch.nn.Linear(2, 1).to("conformance", torch.float64)
    assert (module.weight.device.type, module.weight.dtype) == ("conformance", torch.float64)
    module(made(1.0, 2.0)).sum().backward()
    assert module.weight.grad.tolist() == [[1, 2]]


def test_transforms():
    assert torch.func.jvp(torch.func.grad(lambda x: (x**3).sum()), (made(2.0),), (made(1.0),))[
        1
    ].tolist() == [12]


def test_missing_kernel_is_named():
    with pytest.raises(NotImplementedError) as caught:
        torch.nn.LSTM(2, 2).to("conformance")(torch.ones(1, 1, 2, device="conformance"))
    assert BACKEND.is_unsupported(caught.value) == "aten::_thnn_fused_lstm_cell"
