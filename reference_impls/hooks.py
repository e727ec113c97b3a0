"""Hooks: ordered collections of them, their handles, and the hooks of ``torch.autograd.graph``."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reference import Reference


class Hooks:
    """Hooks in the order of their registration."""

    def __init__(self) -> None:
        self._hooks: dict[int, Any] = {}
        self._keys = itertools.count()

    def add(self, hook: Any, prepend: bool = False) -> RemovableHandle:
        """Registers a hook to run after the others, or before them."""
        key = next(self._keys)
        self._hooks = {key: hook, **self._hooks} if prepend else {**self._hooks, key: hook}
        return RemovableHandle(self, key)

    def remove(self, key: int) -> None:
        self._hooks.pop(key, None)

    def snapshot(self) -> tuple[Any, ...]:
        """The hooks of one round: one that is removed meanwhile still takes part in it."""
        return tuple(self._hooks.values())


class RemovableHandle:
    """Removes a hook. It keeps neither the hook nor its tensor alive."""

    def __init__(self, hooks: Hooks, key: int) -> None:
        self._hooks = weakref.ref(hooks)
        self.id = key

    def remove(self) -> None:
        hooks = self._hooks()
        if hooks is not None:
            hooks.remove(self.id)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.autograd.graph``."""
    from .tape import Node

    modes = ref.modes

    class saved_tensors_hooks:  # noqa: N801 - torch's name
        """While active, ``pack`` receives every tensor that is saved, and ``unpack`` has to give it back."""

        def __init__(self, pack_hook: Callable, unpack_hook: Callable) -> None:
            self._pair = (pack_hook, unpack_hook)

        def __enter__(self) -> None:
            if modes.no_saved_hooks is not None:
                raise RuntimeError(modes.no_saved_hooks)
            modes.saved_hooks = (*modes.saved_hooks, self._pair)

        def __exit__(self, *exception: object) -> None:
            modes.saved_hooks = modes.saved_hooks[:-1]

    class save_on_cpu(saved_tensors_hooks):  # noqa: N801
        """Saved tensors go to the CPU, where the reference has them anyway."""

        def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
            super().__init__(lambda tensor: tensor, lambda packed: packed)

    def register_multi_grad_hook(tensors: Sequence[Any], fn: Callable, *, mode: str = "all") -> Any:
        """``fn`` runs once a backward: with all gradients when they are there, or with the first."""
        if mode not in ("all", "any"):
            raise ValueError(f"mode is 'all' or 'any', not {mode!r}")
        return _MultiGradHook(ref, tuple(tensors), fn, mode)

    return {
        "Node": Node,
        "saved_tensors_hooks": saved_tensors_hooks,
        "save_on_cpu": save_on_cpu,
        "register_multi_grad_hook": register_multi_grad_hook,
    }


class _MultiGradHook:
    """Handle and state of one multi-gradient hook; the state is kept for each running backward."""

    def __init__(self, ref: Reference, tensors: tuple[Any, ...], fn: Callable, mode: str) -> None:
        self._ref = ref
        self._fn = fn
        self._mode = mode
        self._nodes = [ref.edge(tensor) for tensor in tensors]
        self._seen: dict[int, list[Any]] = {}
        self._left: dict[int, int] = {}
        self.handles = [tensor.register_hook(self._arrived(i)) for i, tensor in enumerate(tensors)]

    def _arrived(self, index: int) -> Callable:
        def hook(grad: Any) -> None:
            run = self._ref.modes.running[-1]
            key = run.number
            if key not in self._seen:
                self._seen = {key: [None] * len(self._nodes)}  # an earlier run is over
                self._left = {key: sum(run.will_reach(node) for node, _ in self._nodes)}
                if self._mode == "any":
                    self._fn(grad)
            self._seen[key][index] = grad
            self._left[key] -= 1
            if self._mode == "all" and self._left[key] == 0:
                self._fn(self._seen[key])

        return hook

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _MultiGradHook:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()
