"""Averages of weights along training: ``torch.optim.swa_utils``, less its scheduler.

From https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any


def averaging_names(reference: Any) -> dict[str, Any]:
    """The names by what programs call them."""
    names = {
        "AveragedModel": averaged_model(reference),
        "update_bn": update_bn_on(reference),
        "get_swa_avg_fn": lambda: equal,
        "get_ema_avg_fn": exponential,
        "get_swa_multi_avg_fn": lambda: in_place(reference, equal),
        "get_ema_multi_avg_fn": lambda decay=0.999: in_place(reference, exponential(decay)),
    }
    return {f"torch.optim.swa_utils.{name}": value for name, value in names.items()}


def equal(averaged: Any, current: Any, count: Any) -> Any:
    """The mean of ``count`` values, which is ``averaged``, and of one more."""
    return averaged + (current - averaged) / (int(count) + 1)


def exponential(decay: float = 0.999) -> Callable[[Any, Any, Any], Any]:
    """The average in which every value weighs ``decay`` of what the one after it weighs."""
    if not 0 <= decay <= 1:
        raise ValueError(f"a decay is in [0, 1], and not {decay}")
    return lambda averaged, current, count: decay * averaged + (1 - decay) * current


def in_place(reference: Any, average: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], None]:
    """The same for lists of tensors, of which the first is written to."""

    def update(averaged: Iterable[Any], current: Iterable[Any], count: Any) -> None:
        with reference.torch.no_grad():
            for own, its in zip(averaged, current, strict=True):
                own.copy_(average(own, its, count))

    return update


def averaged_model(reference: Any) -> type:
    """The class of models whose parameters are averages of those of another one."""
    torch = reference.torch
    base: Any = torch.nn.Module

    class AveragedModel(base):
        def __init__(
            self,
            model: Any,
            device: Any = None,
            avg_fn: Callable | None = None,
            multi_avg_fn: Callable | None = None,
            use_buffers: bool = False,
        ) -> None:
            super().__init__()
            assert avg_fn is None or multi_avg_fn is None, "avg_fn and multi_avg_fn exclude one another"
            self.module = copy.deepcopy(model)
            self.register_buffer("n_averaged", torch.zeros((), dtype=torch.int64))
            self.multi_avg_fn = multi_avg_fn or in_place(reference, avg_fn or equal)
            self.use_buffers = use_buffers

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return self.module(*args, **kwargs)

        def update_parameters(self, model: Any) -> None:
            averaged, current = list(self.module.parameters()), list(model.parameters())
            buffers = list(zip(self.module.buffers(), model.buffers(), strict=True))
            if self.use_buffers:
                averaged += [own for own, _ in buffers]
                current += [its for _, its in buffers]
            with torch.no_grad():
                if not self.n_averaged:
                    for own, its in zip(averaged, current, strict=True):
                        own.copy_(its)
                else:
                    self.multi_avg_fn(
                        [t.detach() for t in averaged], [t.detach() for t in current], self.n_averaged
                    )
                for own, its in () if self.use_buffers else buffers:
                    own.copy_(its)
                self.n_averaged += 1

    return AveragedModel


def update_bn_on(reference: Any) -> Callable[..., None]:
    """The function that takes the statistics of batch normalization anew from data."""
    torch = reference.torch

    def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
        norms = [
            m for m in model.modules() if "num_batches_tracked" in m._buffers and m.running_mean is not None
        ]
        modes = [(module, module.training) for module in model.modules()]
        options = [norm.options for norm in norms]
        for norm in norms:
            norm.running_mean.zero_()
            norm.running_var.fill_(1)
            norm.num_batches_tracked.zero_()
            norm.options = {**norm.options, "momentum": None}  # a plain average
        if norms:
            model.train()
            with torch.no_grad():
                for batch in loader:
                    model(batch[0] if isinstance(batch, (list, tuple)) else batch)
        for norm, before in zip(norms, options, strict=True):
            norm.options = before
        for module, training in modes:
            module.training = training

    return update_bn
