"""Faults of what a gradient scaler is set to, keeps and saves, and of one that is disabled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls.grad_scaler import GradScaler

from ..tape.fault import Fault, instead
from .scaling import before, method

STATE = ("scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker")


def _without(name: str, value: Any) -> Fault:
    """A state in which one entry is what it was at the beginning."""
    return method(
        "state_dict", lambda right: lambda self: {**right(self), **({name: value} if self._enabled else {})}
    )


def _not_loading(name: str) -> Fault:
    def change(right: Callable[..., Any]) -> Callable[..., Any]:
        def load_state_dict(self: Any, state: Any) -> None:
            right(self, {**state, name: self.state_dict()[name]} if state and self._enabled else state)

        return load_state_dict

    return method("load_state_dict", change)


def _emptying(right: Callable[..., Any]) -> Callable[..., Any]:
    def load_state_dict(self: Any, state: Any) -> None:
        right(self, state)
        state.clear()

    return load_state_dict


def _enabled_while(name: str) -> Fault:
    """A method that does not see that the scaler is disabled."""

    def change(right: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            before, self._enabled, self._has_scaled = self._enabled, True, True
            try:
                return right(self, *args, **kwargs)
            finally:
                self._enabled = before

        return method

    return method(name, change)


def _default(name: str, value: Any) -> Fault:
    names = ("init_scale", "growth_factor", "backoff_factor", "growth_interval", "enabled")

    def change(right: Callable[..., Any]) -> Callable[..., Any]:
        def __init__(self: Any, device: str = "cuda", *args: Any, **kwargs: Any) -> None:
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            right(self, device, **{name: value, **given})

        return __init__

    return method("__init__", change)


def _unchecked(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        growth, backoff = kwargs.pop("growth_factor", None), kwargs.pop("backoff_factor", None)
        right(self, *args, **kwargs)
        self._growth_factor = self._growth_factor if growth is None else growth
        self._backoff_factor = self._backoff_factor if backoff is None else backoff

    return __init__


def _checked_always(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, enabled: bool = True, **kwargs: Any) -> None:
        right(self, *args, **kwargs)
        self._enabled = enabled

    return __init__


FAULTS: dict[str, Fault] = {
    "factors are not checked": method("__init__", _unchecked),
    "factors of disabled scalers are checked": method("__init__", _checked_always),
    "smaller first scale": _default("init_scale", 2.0**15),
    "larger growth factor": _default("growth_factor", 4.0),
    "smaller back-off factor": _default("backoff_factor", 0.25),
    "shorter interval": _default("growth_interval", 1000),
    "disabled by default": _default("enabled", False),
    "enabled is ignored": before("scale", lambda self: setattr(self, "_enabled", True)),
    **{
        f"disabled: {name}": _enabled_while(name)
        for name in (
            "scale",
            "unscale_",
            "step",
            "update",
            "get_scale",
            "is_enabled",
            "state_dict",
            "load_state_dict",
        )
    },
    "enabled scalers say they are not": (instead(GradScaler, "is_enabled", lambda self: False),),
    **{
        f"{name} does nothing": (instead(GradScaler, name, lambda self, value: None),)
        for name in ("set_growth_factor", "set_backoff_factor", "set_growth_interval", "load_state_dict")
    },
    **{
        f"{name} gives the default": (instead(GradScaler, name, lambda self, value=value: value),)
        for name, value in (
            ("get_scale", 65536.0),
            ("get_growth_factor", 2.0),
            ("get_backoff_factor", 0.5),
            ("get_growth_interval", 2000),
        )
    },
    **{
        f"{name} is not saved": _without(name, value)
        for name, value in zip(STATE, (65536.0, 2.0, 0.5, 2000, 0), strict=True)
    },
    **{f"{name} is not loaded": _not_loading(name) for name in STATE},
    "an entry too many": method(
        "state_dict", lambda right: lambda self: {**right(self), "enabled": True} if self._enabled else {}
    ),
    "loading empties the source": method("load_state_dict", _emptying),
    "an empty state is accepted": method(
        "load_state_dict", lambda right: lambda self, state: right(self, state) if state else None
    ),
}
