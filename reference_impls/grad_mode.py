"""Grad modes: whether new results are recorded. One state for each thread of each reference."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, NamedTuple


class Frame(NamedTuple):
    """A function transform, or a dual level, that is under way."""

    kind: str
    """``forward``, ``dual`` (a forward level that the user entered), ``reverse`` or ``vmap``."""
    level: int
    size: int = 0
    """Of a vmap: the number of slices."""
    randomness: str = ""


class Modes(threading.local):
    """What a thread has switched on. The attributes of the class are the initial state of every thread."""

    grad: bool = True
    inference: bool = False
    saved_hooks: tuple[tuple[Callable, Callable], ...] = ()
    """Pairs (pack, unpack) of ``saved_tensors_hooks``, innermost last."""
    frames: tuple[Frame, ...] = ()
    """The function transforms and dual levels that are under way, innermost last."""
    no_saved_hooks: str | None = None
    """What to tell who uses ``saved_tensors_hooks`` where they are disabled."""
    anomaly: tuple[bool, bool] = (False, True)
    """Whether anomalies are detected, and whether a nan is one."""
    multithreading: bool = True
    early_stop: bool | None = None
    """Whether checkpoints stop as soon as nothing more is needed, whatever they were told."""
    exec_group: int | None = None
    """A number of the backward passes for which a checkpoint runs again only once."""
    running: tuple[Any, ...] = ()
    """Backward passes that are under way, innermost last."""
    keeps_copies: bool = False
    """Whether saved tensors are kept apart from later writes."""

    @property
    def state(self) -> tuple[bool, bool]:
        return self.grad, self.inference

    @state.setter
    def state(self, state: tuple[bool, bool]) -> None:
        self.grad, self.inference = state


class GradMode:
    """A context manager and a decorator that sets the mode and restores what it found.

    A subclass for one reference has that reference's ``_modes``.
    """

    _modes: Modes

    def _wanted(self) -> tuple[bool, bool]:
        raise NotImplementedError

    def __enter__(self) -> None:
        # One object may be entered again while it is active (a decorated function that recurses).
        stack = self.__dict__.setdefault("_found", [])
        stack.append(self._modes.state)
        self._modes.state = self._wanted()

    def __exit__(self, *exception: object) -> None:
        self._modes.state = self.__dict__["_found"].pop()

    def _again(self) -> GradMode:
        """What to enter for one call of a decorated function."""
        return self

    def __call__(self, function: Callable) -> Callable:
        if inspect.isgeneratorfunction(function):
            return self._decorate_generator(function)

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return decorated

    def _decorate_generator(self, function: Callable) -> Callable:
        """The mode holds while the generator runs, and not while its caller does."""

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            resume = functools.partial(next, generator)
            while True:
                try:
                    with self._again():
                        produced = resume()
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield produced
                except GeneratorExit:
                    with self._again():
                        generator.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)
                else:
                    resume = functools.partial(generator.send, sent)

        return decorated


class NoGrad(GradMode):
    """Nothing is recorded, except by factories that are asked for ``requires_grad=True``."""

    def __new__(cls, function: Callable | None = None) -> Any:
        mode = super().__new__(cls)
        return mode if function is None else mode(function)

    def _wanted(self) -> tuple[bool, bool]:
        return False, self._modes.inference


class EnableGrad(NoGrad):
    """Records again inside ``no_grad``, but not in inference mode."""

    def _wanted(self) -> tuple[bool, bool]:
        return not self._modes.inference, self._modes.inference


class SetGradEnabled(GradMode):
    """A mode by value. It holds from the call on, with or without ``with``."""

    def __init__(self, mode: bool) -> None:
        self._mode = bool(mode)
        self._before = self._modes.state
        self._modes.state = self._wanted()

    def _wanted(self) -> tuple[bool, bool]:
        return self._mode and not self._modes.inference, self._modes.inference

    def __enter__(self) -> None:
        self.__dict__.setdefault("_found", []).append(self._before)
        self._modes.state = self._wanted()

    def __call__(self, function: Callable) -> Callable:
        self._modes.state = self._before  # a decorator changes nothing until the function is called
        return super().__call__(function)

    def _again(self) -> SetGradEnabled:
        return type(self)(self._mode)


class InferenceMode(GradMode):
    """As ``no_grad``; besides, what is made in it can never take part in autograd."""

    _mode: bool

    def __new__(cls, mode: bool | Callable = True) -> Any:
        made = super().__new__(cls)
        if callable(mode):
            made._mode = True
            return made(mode)
        made._mode = mode
        return made

    def _wanted(self) -> tuple[bool, bool]:
        return not self._mode, self._mode


def for_reference(modes: Modes) -> dict[str, Any]:
    """The names that a reference's ``torch`` gets from here."""

    def own(name: str, base: type) -> type:
        return type(name, (base,), {"_modes": modes, "__doc__": base.__doc__})

    return {
        "no_grad": own("no_grad", NoGrad),
        "enable_grad": own("enable_grad", EnableGrad),
        "set_grad_enabled": own("set_grad_enabled", SetGradEnabled),
        "inference_mode": own("inference_mode", InferenceMode),
        "is_grad_enabled": lambda: modes.grad,
        "is_inference_mode_enabled": lambda: modes.inference,
    }
