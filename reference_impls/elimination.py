"""Linear systems, determinants and Cholesky factors of object arrays: what LAPACK is to float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def batched(function: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """Maps a function of matrices over leading dimensions, which broadcast."""
    lead = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    arrays = tuple(np.broadcast_to(a, lead + a.shape[-2:]) for a in arrays)
    results = [np.asarray(function(*(a[i] for a in arrays))) for i in np.ndindex(*lead)]
    out = np.empty((len(results), *results[0].shape) if results else (0,), object)
    for i, result in enumerate(results):
        out[i] = result[()]
    return out.reshape(lead + out.shape[1:])


def _reduced(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
    """Elimination below the diagonal with the largest pivots; with determinant zero it stops early."""
    a, b, n, determinant = a.copy(), b.copy(), len(a), 1
    for i in range(n):
        pivot = i + max(range(n - i), key=lambda k: abs(a[i + k, i]))  # noqa: B023
        if a[pivot, i] == 0:
            return a, b, a[pivot, i] * 0
        if pivot != i:
            a[[i, pivot]], b[[i, pivot]] = a[[pivot, i]], b[[pivot, i]]
            determinant = -determinant
        determinant = determinant * a[i, i]
        for k in range(i + 1, n):
            factor = a[k, i] / a[i, i]
            a[k] = a[k] - factor * a[i]
            b[k] = b[k] - factor * b[i]
    return a, b, determinant


def solve(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x with a x = b."""
    upper, x, determinant = _reduced(a, b)
    if determinant == 0:
        raise np.linalg.LinAlgError("the matrix is singular")
    for i in reversed(range(len(upper))):
        x[i] = (x[i] - (upper[i, i + 1 :] @ x[i + 1 :] if i + 1 < len(upper) else 0)) / upper[i, i]
    return x


def determinant(a: np.ndarray) -> np.ndarray:
    return np.asarray(_reduced(a, a[:, :0])[2])


def cholesky(a: np.ndarray, sqrt: Callable[[Any], Any]) -> np.ndarray:
    """The lower triangular factor with a positive diagonal, of the lower triangle of ``a``."""
    n = len(a)
    factor = np.zeros((n, n), object)
    for j in range(n):
        for i in range(j, n):
            rest = a[i, j] - sum(factor[i, k] * np.conjugate(factor[j, k]) for k in range(j))
            if i == j and not rest.real > 0:
                raise np.linalg.LinAlgError("the matrix is not positive definite")
            factor[i, j] = sqrt(rest.real) if i == j else rest / factor[j, j]
    return factor
