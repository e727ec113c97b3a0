"""The functional backends on which the shell is tested."""

import numpy as np
import pytest

from .frameworks import Framework


@pytest.fixture(scope="module", params=["functions", "jax"])
def backend(request):
    """The framework of the tests, and JAX where it is installed."""
    if request.param == "functions":
        return Framework()
    pytest.importorskip("jax")
    from conformance.backends.jax_backend import JaxBackend

    return JaxBackend()


@pytest.fixture
def torch(backend):
    """The namespace of the backend."""
    backend.supplied()
    return backend.torch


@pytest.fixture
def leaf(backend):
    """Makes a leaf in float64 that requires grad."""
    return lambda *values: backend.from_numpy(np.array(values), "float64", "cpu", True)


@pytest.fixture
def same(backend):
    """Asserts that a tensor holds these values, to rounding."""

    def same(tensor, expected):
        np.testing.assert_allclose(backend.to_numpy(tensor), expected, rtol=1e-14)

    return same
