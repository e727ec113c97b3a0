"""Faults in averages of weights: ``torch.optim.swa_utils``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .fault import Override
from .interface import Faults, Method

SWA = "torch.optim.swa_utils"


# The averaged model


def _around(change: Callable[[Any, Any, Callable[[], None]], None]) -> Override:
    """An update that something else is done to, before it or after."""
    return lambda right: lambda self, model: change(self, model, lambda: right(self, model))


def _count(by: int) -> Override:
    def change(self: Any, model: Any, update: Callable[[], None]) -> None:
        update()
        self.n_averaged += by

    return _around(change)


def _counted_first(self: Any, model: Any, update: Callable[[], None]) -> None:
    """The count that the average is told is one too large."""
    self.n_averaged += 1
    update()
    self.n_averaged -= 1


@contextmanager
def _without(self: Any, name: str) -> Iterator[None]:
    """The buffers or the parameters stay as they are."""
    kept = [(tensor, tensor.detach().clone()) for tensor in getattr(self.module, name)()]
    yield
    for tensor, value in kept:
        tensor.detach().copy_(value)


def _buffers_stay(self: Any, model: Any, update: Callable[[], None]) -> None:
    with _without(self, "buffers"):
        update()


def _frozen_stay(self: Any, model: Any, update: Callable[[], None]) -> None:
    frozen = [(p, p.detach().clone()) for p in self.module.parameters() if not p.requires_grad]
    update()
    for parameter, value in frozen:
        parameter.detach().copy_(value)


def _first_only(self: Any, model: Any, update: Callable[[], None]) -> None:
    rest = [(p, p.detach().clone()) for p in list(self.module.parameters())[1:]]
    update()
    for parameter, value in rest:
        parameter.detach().copy_(value)


def _source_follows(self: Any, model: Any, update: Callable[[], None]) -> None:
    update()
    for own, its in zip(self.module.parameters(), model.parameters(), strict=True):
        its.detach().copy_(own.detach())


def _drops_gradients(self: Any, model: Any, update: Callable[[], None]) -> None:
    update()
    model.zero_grad()


def _last_value(self: Any, model: Any, update: Callable[[], None]) -> None:
    update()
    for own, its in zip(self.module.parameters(), model.parameters(), strict=True):
        own.detach().copy_(its.detach())


def _other_buffers(self: Any, model: Any, update: Callable[[], None]) -> None:
    self.use_buffers = not self.use_buffers
    update()
    self.use_buffers = not self.use_buffers


def _without_option(name: str) -> Override:
    def __init__(right: Method) -> Method:
        return lambda self, model, **options: right(
            self, model, **{k: v for k, v in options.items() if k != name}
        )

    return __init__


def _built(change: Callable[[Any, Any], Any]) -> Override:
    """Something happens to a model that was just made."""

    def __init__(right: Method) -> Method:
        def faulty(self: Any, model: Any, *args: Any, **options: Any) -> None:
            right(self, model, *args, **options)
            change(self, model)

        return faulty

    return __init__


def _shares(self: Any, model: Any) -> None:
    self.module = model


def _shares_buffers(self: Any, model: Any) -> None:
    for name, buffer in model.named_buffers(recurse=False):
        self.module._buffers[name] = buffer


def _transient_count(self: Any, model: Any) -> None:
    self.register_buffer("n_averaged", self.n_averaged, persistent=False)


def _floating_count(self: Any, model: Any) -> None:
    self.n_averaged = self.n_averaged.to(next(model.parameters()).dtype)


def _frozen(self: Any, model: Any) -> None:
    model.requires_grad_(False)


def _exclusive(right: Method) -> Method:
    def __init__(self: Any, model: Any, **options: Any) -> None:
        if "multi_avg_fn" in options:
            options.pop("avg_fn", None)
        right(self, model, **options)

    return __init__


MODEL: Faults = {
    "count starts at one": ("__init__", _built(lambda self, model: self.n_averaged.fill_(1))),
    "count not raised": ("update_parameters", _count(-1)),
    "count raised by two": ("update_parameters", _count(1)),
    "count raised before": ("update_parameters", _around(_counted_first)),
    "count not saved": ("__init__", _built(_transient_count)),
    "count is no integer": ("__init__", _built(_floating_count)),
    "model not copied": ("__init__", _built(_shares)),
    "buffers not copied": ("__init__", _built(_shares_buffers)),
    "source frozen": ("__init__", _built(_frozen)),
    "avg_fn ignored": ("__init__", _without_option("avg_fn")),
    "multi_avg_fn ignored": ("__init__", _without_option("multi_avg_fn")),
    "use_buffers ignored": ("__init__", _without_option("use_buffers")),
    "use_buffers reversed": ("update_parameters", _around(_other_buffers)),
    "both averages accepted": ("__init__", _exclusive),
    "buffers stay": ("update_parameters", _around(_buffers_stay)),
    "frozen parameters stay": ("update_parameters", _around(_frozen_stay)),
    "only the first parameter": ("update_parameters", _around(_first_only)),
    "the last value": ("update_parameters", _around(_last_value)),
    "source follows": ("update_parameters", _around(_source_follows)),
    "source's gradients dropped": ("update_parameters", _around(_drops_gradients)),
    "never updated": ("update_parameters", _around(lambda self, model, update: None)),
    "keywords not passed on": ("forward", lambda right: lambda self, *args, **kwargs: self.module(*args)),
    "source's forward": ("forward", lambda right: lambda self, *args, **kwargs: args[0]),
}


# The averages


def _of_one(change: Callable[[Callable, Any, Any, Any], Any]) -> Override:
    """The function for one tensor is another."""

    def getter(right: Method) -> Method:
        def faulty(*decay: Any) -> Callable[[Any, Any, Any], Any]:
            average = right(*decay)
            return lambda own, its, count: change(average, own, its, count)

        return faulty

    return getter


def _complement(right: Method) -> Method:
    return lambda decay=0.999: right(1 - decay)


def _unchecked(right: Method) -> Method:
    return lambda decay=0.999: right(min(max(decay, 0), 1))


def _open_range(right: Method) -> Method:
    def getter(decay: float = 0.999) -> Any:
        return right(0.5 if decay in (0, 1) else decay)

    return getter


def _written(average: Callable, own: Any, its: Any, count: Any) -> Any:
    return own.detach().copy_(average(own, its, count))


def _of_first_only(average: Callable, own: list, its: list, count: Any) -> None:
    average(own[:1], its[:1], count)


def _to_both(average: Callable, own: list, its: list, count: Any) -> None:
    average(own, its, count)
    for mine, other in zip(own, its, strict=True):
        other.detach().copy_(mine.detach())


def _returned(average: Callable, own: list, its: list, count: Any) -> list:
    average(own, its, count)
    return own


def _renewed(average: Callable, own: list, its: list, count: Any) -> None:
    own[:] = [tensor.clone() for tensor in own]
    average(own, its, count)


FUNCTIONS: dict[str, Override] = {
    "count one too small": _of_one(lambda average, own, its, count: average(own, its, int(count) - 0.5)),
    "count one too large": _of_one(lambda average, own, its, count: average(own, its, int(count) + 1)),
    "old and new exchanged": _of_one(lambda average, own, its, count: average(its, own, count)),
}
RANGES: dict[str, Override] = {
    "complement of the decay": _complement,
    "range not checked": _unchecked,
    "open range": _open_range,
    "default of 0.99": lambda right: lambda decay=0.99: right(decay),
    "decay with the count": lambda right: (
        lambda decay=0.999: lambda own, its, n: right(decay ** int(n))(own, its, n)
    ),
}
ONE: dict[str, Override] = {"written to": _of_one(_written)}
MANY: dict[str, Override] = {
    "only the first tensor": _of_one(_of_first_only),
    "written to both": _of_one(_to_both),
    "lists returned": _of_one(_returned),
    "not in place": _of_one(_renewed),
}
AVERAGES: Faults = {
    f"{getter}: {mutator}": (getter, override)
    for getter, changes in {
        "get_swa_avg_fn": {**FUNCTIONS, **ONE},
        "get_ema_avg_fn": {**RANGES, **ONE},
        "get_swa_multi_avg_fn": MANY,
        "get_ema_multi_avg_fn": {**RANGES, **MANY},
    }.items()
    for mutator, override in changes.items()
}


# Batch normalization


def _norms(model: Any) -> list[Any]:
    return [module for module in model.modules() if "num_batches_tracked" in module._buffers]


def _batches(change: Callable[[list[Any]], list[Any]]) -> Override:
    """The pass goes over other batches."""
    return lambda right: lambda loader, model, device=None: right(change(list(loader)), model, device)


def _finally(change: Callable[[Any, list[Any]], None]) -> Override:
    """Something happens to the model after the pass."""

    def update_bn(right: Method) -> Method:
        def faulty(loader: Any, model: Any, device: Any = None) -> None:
            before = [(norm, [buffer.clone() for buffer in norm.buffers()]) for norm in _norms(model)]
            right(loader, model, device)
            change(model, before)

        return faulty

    return update_bn


def _momentum_lost(model: Any, before: list[Any]) -> None:
    for norm, _ in before:
        norm.options = {**norm.options, "momentum": None}


def _count_kept(model: Any, before: list[Any]) -> None:
    for norm, values in before:
        for buffer, value in zip(norm.buffers(), values, strict=True):
            if not buffer.is_floating_point():
                buffer += value


def _own_momentum(right: Method) -> Method:
    """The statistics follow the momentum of each layer."""

    def update_bn(loader: Any, model: Any, device: Any = None) -> None:
        right([], model, device)
        model.train()
        for batch in loader:
            model(batch[0] if isinstance(batch, (list, tuple)) else batch)

    return update_bn


def _not_reset(right: Method) -> Method:
    """The statistics of before count like one batch more."""

    def update_bn(loader: Any, model: Any, device: Any = None) -> None:
        kept = [(norm, norm.running_mean.clone(), norm.running_var.clone()) for norm in _norms(model)
                if norm.running_mean is not None]  # fmt: skip
        right(loader, model, device)
        for norm, mean, variance in kept:
            norm.running_mean.add_(mean).div_(2)
            norm.running_var.add_(variance).div_(2)

    return update_bn


def _recording(right: Method) -> Method:
    """Gradients are enabled within the model."""

    def enter(module: Any, args: Any) -> None:
        module._ref.modes.state = (True, False)

    def update_bn(loader: Any, model: Any, device: Any = None) -> None:
        handles = [module.register_forward_pre_hook(enter) for module in model.modules()]
        right(loader, model, device)
        for handle in handles:
            handle.remove()

    return update_bn


def _in_evaluation(right: Method) -> Method:
    """The model is run in the mode that it is in."""

    def update_bn(loader: Any, model: Any, device: Any = None) -> None:
        if model.training:
            right(loader, model, device)
        else:
            right([], model, device)
            for batch in loader:
                model(batch[0] if isinstance(batch, (list, tuple)) else batch)

    return update_bn


def _all_buffers_reset(model: Any, before: list[Any]) -> None:
    for module in model.modules():
        for name, buffer in module._buffers.items():
            if name.startswith("running") and module not in [norm for norm, _ in before]:
                buffer.zero_()


def _affine_reset(model: Any, before: list[Any]) -> None:
    for norm, _ in before:
        if getattr(norm, "weight", None) is not None:
            norm.weight.detach().fill_(1)


def _last(batch: Any) -> Any:
    return batch[-1] if isinstance(batch, (list, tuple)) else batch


BATCH_NORM: Faults = {
    "momentum not restored": ("update_bn", _finally(_momentum_lost)),
    "momentum of the layer": ("update_bn", _own_momentum),
    "statistics not reset": ("update_bn", _not_reset),
    "count not reset": ("update_bn", _finally(_count_kept)),
    "left in training": ("update_bn", _finally(lambda model, before: model.train())),
    "left in evaluation": ("update_bn", _finally(lambda model, before: model.eval())),
    "run in its mode": ("update_bn", _in_evaluation),
    "first batch only": ("update_bn", _batches(lambda batches: batches[:1])),
    "last batch twice": ("update_bn", _batches(lambda batches: batches + batches[-1:])),
    "last element": ("update_bn", _batches(lambda batches: [_last(batch) for batch in batches])),
    "recorded": ("update_bn", _recording),
    "other buffers reset": ("update_bn", _finally(_all_buffers_reset)),
    "weights reset": ("update_bn", _finally(_affine_reset)),
    "nothing done": ("update_bn", lambda right: lambda loader, model, device=None: None),
}

AVERAGING: dict[str, dict[str, Faults]] = {
    "torch/optim/swa_utils/AveragedModel": {f"{SWA}.AveragedModel": MODEL},
    "torch/optim/swa_utils/averaging_functions": {SWA: AVERAGES},
    "torch/optim/swa_utils/update_bn": {SWA: BATCH_NORM},
}
"""For each topic the faults of what it is about, by the class or the namespace that they are in."""
