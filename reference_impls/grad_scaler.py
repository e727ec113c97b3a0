"""``torch.amp.GradScaler``: losses are scaled up, gradients down again, and steps with overflow are skipped.

As documented at https://docs.pytorch.org/docs/stable/amp.html#torch.amp.GradScaler
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .dtypes import float16, float32

if TYPE_CHECKING:
    from .reference import Reference


class Iteration:
    """What a scaler knows of one optimizer, from the first call that concerns it to ``update``."""

    def __init__(self) -> None:
        self.unscaled = self.stepped = self.overflow = False


class GradScaler:
    """A scale that grows while gradients stay finite, and is reduced when they do not."""

    _ref: Reference

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and (growth_factor <= 1.0 or backoff_factor >= 1.0):
            raise RuntimeError("a scale grows by a factor above one, and is reduced by one below one")
        self._enabled = enabled
        self._scale = float(init_scale)
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        """How many iterations in a row had no overflow since the scale grew."""
        self._has_scaled = False
        self._iterations: dict[Any, Iteration] = {}

    # One iteration

    def scale(self, outputs: Any) -> Any:
        """A tensor, or each of an iterable of them, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, self._ref.Tensor):
            self._has_scaled = True
            return self._ref.ops.mul(outputs, self._ref.tensor_from(np.array(self._scale), float32))
        if not isinstance(outputs, Iterable):
            raise ValueError(f"expected a tensor or an iterable of tensors, not {type(outputs).__name__}")
        scaled = [self.scale(output) for output in outputs]
        if isinstance(outputs, tuple):
            return type(outputs)(*scaled) if hasattr(outputs, "_fields") else type(outputs)(scaled)
        return scaled

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of an optimizer by the scale, and looks for overflow in them."""
        if not self._enabled:
            return
        iteration = self._iteration(optimizer)
        if iteration.unscaled or iteration.stepped:
            raise RuntimeError("these gradients are unscaled already")
        grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if any(grad.dtype is float16 for grad in grads):
            raise ValueError("gradients of float16 cannot be unscaled: they would underflow")
        with self._ref.no_grad():
            for grad in grads:
                iteration.overflow |= self._overflows(grad)
                grad.div_(self._scale)
        iteration.unscaled = True

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """A step of the optimizer with unscaled gradients, unless there was overflow in them."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("a scaler that is enabled takes no closures")
        iteration = self._iteration(optimizer)
        if iteration.stepped:
            raise RuntimeError("this optimizer was stepped already")
        if not iteration.unscaled:
            self.unscale_(optimizer)
        iteration.stepped = True
        return None if iteration.overflow else optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """The scale of the next iteration."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._iterations:
            raise RuntimeError("no optimizer was stepped since the last update")
        else:
            self._adapt(any(iteration.overflow for iteration in self._iterations.values()))
        self._iterations = {}

    def _adapt(self, overflow: bool) -> None:
        if overflow:
            self._scale *= self._backoff_factor
            self._growth_tracker = 0
            return
        self._growth_tracker += 1
        if self._growth_tracker >= self._growth_interval:
            self._scale *= self._growth_factor
            self._growth_tracker = 0

    def _overflows(self, grad: Any) -> bool:
        return not bool(self._ref.torch.isfinite(grad).all())

    def _iteration(self, optimizer: Any) -> Iteration:
        if not self._has_scaled:
            raise RuntimeError("nothing was scaled yet")
        return self._iterations.setdefault(optimizer, Iteration())

    # What it is set to

    def is_enabled(self) -> bool:
        return self._enabled

    def get_scale(self) -> float:
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next iterations depend on."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues as the scaler did that the state is from."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("an empty state: was it that of a disabled scaler?")
        for name in self.state_dict():
            setattr(self, f"_{name.removeprefix('_')}", state_dict[name])


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.amp`` that scale gradients."""
    return {"GradScaler": type("GradScaler", (GradScaler,), {"_ref": ref, "__doc__": GradScaler.__doc__})}
