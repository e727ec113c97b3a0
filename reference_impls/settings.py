"""Settings of a thread: whether backward looks for nan, and on which threads it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .grad_mode import Modes

if TYPE_CHECKING:
    from .tape import Node


class Setting:
    """A value that holds from the call on, and in a ``with`` block only to its end."""

    _modes: Modes
    _name: str

    def __init__(self, value: Any) -> None:
        self._before = getattr(self._modes, self._name)
        setattr(self._modes, self._name, value)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        setattr(self._modes, self._name, self._before)


class SetMultithreadingEnabled(Setting):
    """The reference runs backward on the calling thread in any case."""

    _name = "multithreading"

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))


class SetDetectAnomaly(Setting):
    """Whether anomalies are detected, and whether a nan is one."""

    _name = "anomaly"

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__((bool(mode), check_nan))


class DetectAnomaly:
    """While active, a function whose backward returns nan is an error."""

    _set: type[SetDetectAnomaly]

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan

    def __enter__(self) -> None:
        self._inside = self._set(True, self._check_nan)

    def __exit__(self, *exception: object) -> None:
        self._inside.__exit__()


def check(node: Node, grads: Sequence[Any]) -> None:
    """Raises where backward of a node made a nan."""
    for index, grad in enumerate(grads):
        array = getattr(grad, "array", None)
        if array is not None and array.dtype.kind in "fc" and np.isnan(array).any():
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {index}th output.")


def for_reference(modes: Modes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Names of ``torch.autograd``, and those of ``torch`` that ask for what is set."""

    def own(name: str, base: type, **members: Any) -> Any:
        return type(name, (base,), {"_modes": modes, "__doc__": base.__doc__, **members})

    setter = own("set_detect_anomaly", SetDetectAnomaly)
    return {
        "set_detect_anomaly": setter,
        "detect_anomaly": own("detect_anomaly", DetectAnomaly, _set=setter),
        "set_multithreading_enabled": own("set_multithreading_enabled", SetMultithreadingEnabled),
    }, {
        "is_anomaly_enabled": lambda: modes.anomaly[0],
        "is_anomaly_check_nan_enabled": lambda: modes.anomaly[1],
    }
