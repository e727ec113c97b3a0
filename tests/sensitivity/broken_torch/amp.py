"""Faults of custom Functions in mixed precision, and of the scaling of gradients."""

import functools

import torch

from .autocast import HERE, is_float, on
from .fault import Fault

FUNCTIONS, SCALER = f"{HERE}/custom_function.yaml", f"{HERE}/GradScaler.yaml"


# Custom Functions


def casting(where=lambda: True, enabled=False, eligible=is_float):
    """``custom_fwd`` that casts in other places, leaves autocast on, or casts other tensors; containers never."""

    def override(_):
        def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
            if fwd is None:
                return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

            def decorated(ctx, *args):
                ctx._dtype = torch.get_autocast_dtype(device_type)
                ctx._fwd_used_autocast = cast_inputs is None and on()
                if cast_inputs is None or not where():
                    return fwd(ctx, *args)
                with torch.autocast(device_type, enabled=enabled and on()):
                    return fwd(ctx, *(arg.to(cast_inputs) if eligible(arg) else arg for arg in args))

            return decorated

        return custom_fwd

    return override


def is_narrow(value):
    return is_float(value) and value.dtype != torch.float64


def is_tensor(value):
    return isinstance(value, torch.Tensor) and not value.is_complex()


def switched_off(_):
    """Runs every forward with autocast off."""

    def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
        def decorate(fwd):
            def decorated(ctx, *args):
                ctx._dtype, ctx._fwd_used_autocast = torch.get_autocast_dtype(device_type), False
                with torch.autocast(device_type, enabled=False):
                    return fwd(ctx, *args)

            return decorated

        return decorate(fwd) if fwd else decorate

    return custom_fwd


def left_off(_):
    """Switches autocast on again only where forward returns."""

    def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
        def decorate(fwd):
            def decorated(ctx, *args):
                ctx._dtype, ctx._fwd_used_autocast = torch.get_autocast_dtype(device_type), False
                enabled = torch.is_autocast_enabled(device_type)
                torch.set_autocast_enabled(device_type, False)
                result = fwd(ctx, *args)
                torch.set_autocast_enabled(device_type, enabled)
                return result

            return decorated

        return decorate(fwd) if fwd else decorate

    return custom_fwd


def always_on(_):
    """Runs every backward with autocast on."""

    def custom_bwd(bwd=None, *, device_type):
        def decorate(bwd):
            def decorated(ctx, *grads):
                with torch.autocast(device_type, dtype=ctx._dtype):
                    return bwd(ctx, *grads)

            return decorated

        return decorate(bwd) if bwd else decorate

    return custom_bwd


def silent(_):
    return lambda function: function


def passing(_):
    return lambda bwd=None, *, device_type: bwd or (lambda bwd: bwd)


def in_the_region_of_backward(custom_bwd):
    """Takes the state of forward, but the dtype of the region around backward."""

    def faulty(bwd=None, *, device_type):
        def decorate(bwd):
            def decorated(ctx, *grads):
                with torch.autocast(device_type, enabled=ctx._fwd_used_autocast):
                    return bwd(ctx, *grads)

            return decorated

        return decorate(bwd) if bwd else decorate

    return faulty


# The scaler


def never_skipping(_):
    return lambda self, optimizer, state, *args, **options: optimizer.step(*args, **options)


def with_state(*names, value):
    """A scaler that takes another value of its own during an update."""

    def override(update):
        def faulty(self, new_scale=None):
            kept = {name: getattr(self, name) for name in names}
            for name in names:
                setattr(self, name, value)
            try:
                return update(self, new_scale)
            finally:
                for name in names:
                    setattr(self, name, kept[name])

        return faulty

    return override


def unscaling_twice(step):
    def faulty(self, optimizer, *args, **options):
        state = self._per_optimizer_states[id(optimizer)]
        state["stage"] = torch.amp.grad_scaler.OptState.READY
        return step(self, optimizer, *args, **options)

    return faulty


def all_or_none(_):
    def faulty(self, optimizer, state, *args, **options):
        found = [
            value.item()
            for s in self._per_optimizer_states.values()
            for value in s["found_inf_per_device"].values()
        ]
        return None if sum(found) else optimizer.step(*args, **options)

    return faulty


def last_optimizer_only(update):
    def faulty(self, new_scale=None):
        for key in list(self._per_optimizer_states)[:-1]:
            del self._per_optimizer_states[key]
        return update(self, new_scale)

    return faulty


def at_least_one(update):
    def faulty(self, new_scale=None):
        update(self, new_scale)
        if self._enabled:
            self._scale.clamp_(min=1.0)

    return faulty


def saving(**wrong):
    return lambda state_dict: lambda self: {**state_dict(self), **wrong}


def first_tensor_only(scale):
    def faulty(self, outputs):
        if isinstance(outputs, (list, tuple)) and outputs:
            return type(outputs)([scale(self, outputs[0]), *outputs[1:]])
        return scale(self, outputs)

    return faulty


FAULTS = {
    "custom_fwd does not cast": Fault(
        "torch.amp.custom_fwd", casting(eligible=lambda value: False), f"{FUNCTIONS}::cast-to-low-precision"
    ),
    "custom_fwd casts outside of regions": Fault(
        "torch.amp.custom_fwd", casting(), f"{FUNCTIONS}::nothing-outside"
    ),
    "custom_fwd leaves autocast on": Fault(
        "torch.amp.custom_fwd", casting(on, enabled=True, eligible=is_narrow), f"{FUNCTIONS}::inputs-are-cast"
    ),
    "custom_fwd casts integers": Fault(
        "torch.amp.custom_fwd", casting(on, eligible=is_tensor), f"{FUNCTIONS}::what-is-not-floating"
    ),
    "custom_fwd casts float64": Fault(
        "torch.amp.custom_fwd", casting(on), f"{FUNCTIONS}::float64-is-not-cast"
    ),
    "custom_fwd overlooks containers": Fault(
        "torch.amp.custom_fwd", casting(on, eligible=is_narrow), f"{FUNCTIONS}::what-is-inside-of-containers"
    ),
    "custom_fwd switches autocast off without cast_inputs": Fault(
        "torch.amp.custom_fwd", switched_off, f"{FUNCTIONS}::forward-as-the-region-says"
    ),
    "custom_fwd leaves autocast off after an exception": Fault(
        "torch.amp.custom_fwd", left_off, f"{FUNCTIONS}::region-goes-on"
    ),
    "custom_bwd switches autocast on": Fault(
        "torch.amp.custom_bwd", always_on, f"{FUNCTIONS}::backward-in-the-state-of-forward"
    ),
    "the deprecated custom_bwd does not warn": Fault(
        "torch.cuda.amp.custom_bwd", silent, f"{FUNCTIONS}::deprecated-names"
    ),
    "custom_bwd does nothing": Fault(
        "torch.amp.custom_bwd", passing, f"{FUNCTIONS}::gradients-are-cast-back"
    ),
    "custom_bwd takes the dtype around backward": Fault(
        "torch.amp.custom_bwd", in_the_region_of_backward, f"{FUNCTIONS}::backward-in-the-dtype-of-forward"
    ),
    "the scaler never skips a step": Fault(
        "torch.amp.GradScaler._maybe_opt_step", never_skipping, f"{SCALER}::step-is-skipped"
    ),
    "the scale grows at each update": Fault(
        "torch.amp.GradScaler.update", with_state("_growth_interval", value=1), f"{SCALER}::growth"
    ),
    "the scale does not back off": Fault(
        "torch.amp.GradScaler.update", with_state("_backoff_factor", value=1.0), f"{SCALER}::back-off"
    ),
    "the scale stays above one": Fault("torch.amp.GradScaler.update", at_least_one, f"{SCALER}::below-one"),
    "step divides gradients again": Fault(
        "torch.amp.GradScaler.step", unscaling_twice, f"{SCALER}::unscale-then-clip"
    ),
    "overflow of one optimizer skips the others": Fault(
        "torch.amp.GradScaler._maybe_opt_step", all_or_none, f"{SCALER}::several-optimizers"
    ),
    "update looks at the last optimizer only": Fault(
        "torch.amp.GradScaler.update", last_optimizer_only, f"{SCALER}::one-update"
    ),
    "the growth count is not saved": Fault(
        "torch.amp.GradScaler.state_dict", saving(_growth_tracker=0), f"{SCALER}::resuming"
    ),
    "the scale is not saved": Fault(
        "torch.amp.GradScaler.state_dict", saving(scale=65536.0), f"{SCALER}::resuming"
    ),
    "scale scales the first of several tensors only": Fault(
        "torch.amp.GradScaler.scale", first_tensor_only, f"{SCALER}::several-outputs"
    ),
}
