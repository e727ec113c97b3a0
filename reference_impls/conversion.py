"""What a tensor is as a Python number: for every kind of tensor that has ``numpy``, ``shape`` and ``dtype``."""

from __future__ import annotations

from typing import Any

import numpy as np


class Conversion:
    """Conversions of a tensor to arrays, lists and numbers."""

    dtype: Any
    shape: Any

    def numpy(self, *, force: bool = False) -> np.ndarray:
        raise NotImplementedError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.numpy(), dtype)

    def tolist(self) -> Any:
        return self.numpy(force=True).tolist()

    def item(self) -> Any:
        if self.shape.numel() != 1:
            raise RuntimeError(
                f"a tensor with {self.shape.numel()} elements cannot be converted to a number or a bool"
            )
        return self.numpy(force=True).reshape(()).item()

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.dtype.category > 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __hash__(self) -> int:
        return id(self)
