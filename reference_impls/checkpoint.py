"""Checkpoints: ``torch.utils.checkpoint``. What backward needs is not kept but computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from . import random_state
from .saved import Packed, Saved, save
from .tape import Node

if TYPE_CHECKING:
    from .grad_mode import Modes
    from .reference import Reference
    from .tensor import Tensor


class CheckpointError(RuntimeError):
    """What was computed again is not what had been computed."""


def noop_context_fn() -> tuple[AbstractContextManager, AbstractContextManager]:
    """Nothing around the function, neither the first time nor again."""
    return nullcontext(), nullcontext()


class GraphExecGroup:
    """Meanwhile a checkpoint runs again once at most, in however many backward passes its parts are."""

    _modes: Modes
    _next: Callable[[], int]

    def __enter__(self) -> None:
        self._before = self._modes.exec_group
        self._modes.exec_group = -self._next()

    def __exit__(self, *exception: object) -> None:
        self._modes.exec_group = self._before


class DefaultDeviceType:
    """The kind of device whose random state is kept where no tensor tells. The reference has only the CPU's."""

    _device = "cuda"

    @classmethod
    def set_device_type(cls, device: str = "cuda") -> None:
        cls._device = device

    @classmethod
    def get_device_type(cls) -> str:
        return cls._device


class Enough(Exception):  # noqa: N818 - no error
    """Everything that backward needs has been computed again."""


class Inputs(Node):
    """What a checkpointed function was called with. It is no part of the graph, and names an error."""


class Frame:
    """One call of a checkpointed function. In place of the tensors that it saves, their numbers are kept."""

    def __init__(
        self,
        ref: Reference,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        around: AbstractContextManager,
        preserve_rng_state: bool,
        check: bool,
        early_stop: bool,
    ) -> None:
        self.ref, self.function, self.kwargs, self.around = ref, function, kwargs, around
        self.inputs = Inputs(ref.next_sequence(), (), [])
        self.args = [save(ref, a) if isinstance(a, ref.Tensor) else a for a in args]
        self.check, self.early_stop = check, early_stop
        self.state = random_state.read(ref.arithmetic.generator) if preserve_rng_state else None
        self.saved: list[Any] = []
        """Shape and dtype of what was saved, in order."""
        self.values: list[Tensor] = []
        """The same tensors, computed again for the backward pass ``run``."""
        self.run: int | None = None

    def pack(self, tensor: Tensor) -> int:
        self.saved.append((tensor.array.shape, tensor.dtype))
        return len(self.saved) - 1

    def unpack(self, number: int) -> Tensor:
        modes = self.ref.modes
        run = modes.exec_group or (modes.running[-1].number if modes.running else None)
        if run is None or run != self.run:
            self.values = []
            self._compute_again()
            self.run = run
        return self.values[number]

    def _compute_again(self) -> None:
        ref = self.ref
        args = [a.unpack(ref, self.inputs) if isinstance(a, (Saved, Packed)) else a for a in self.args]
        hooks = ref.torch.autograd.graph.saved_tensors_hooks(self._keep, self.values.__getitem__)
        with random_state.kept(ref) if self.state is not None else nullcontext():
            if self.state is not None:
                random_state.write(ref.arithmetic.generator, self.state)
            try:
                with ref.torch.enable_grad(), hooks, self.around:
                    self.function(*args, **self.kwargs)
            except Enough as enough:
                if enough.args[0] is not self:
                    raise
        if len(self.values) != len(self.saved):
            raise CheckpointError(
                f"a checkpointed function saved {len(self.saved)} tensors, and {len(self.values)} when it ran again"
            )
        found = [(tensor.array.shape, tensor.dtype) for tensor in self.values]
        for number, (before, now) in enumerate(zip(self.saved, found, strict=True)):
            if self.check and before != now:
                raise CheckpointError(
                    f"tensor {number} that a checkpointed function saved was {before}, now {now}"
                )

    def _keep(self, tensor: Tensor) -> int:
        self.values.append(self.ref.wrap(tensor.array.copy(), tensor.dtype, tensor.exact))
        if self.early_stop and len(self.values) == len(self.saved):
            raise Enough(self)
        return len(self.values) - 1


def _reentrant(ref: Reference, function: Any) -> Any:
    """The variant that records nothing, and starts a backward pass of its own in backward."""

    class CheckpointFunction(function):
        @staticmethod
        def forward(ctx: Any, function: Callable, preserve_rng_state: bool, *args: Any) -> Any:
            ctx.function = function
            ctx.state = random_state.read(ref.arithmetic.generator) if preserve_rng_state else None
            ctx.others = [None if isinstance(a, ref.Tensor) else a for a in args]
            ctx.tensors = [i for i, a in enumerate(args) if isinstance(a, ref.Tensor)]
            ctx.save_for_backward(*(args[i] for i in ctx.tensors))
            return function(*args)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            if ref.modes.running[-1].targets is not None:
                raise RuntimeError(
                    "a reentrant checkpoint works with backward() without `inputs` only; pass use_reentrant=False"
                )
            args = list(ctx.others)
            for i, tensor in zip(ctx.tensors, ctx.saved_tensors, strict=True):
                args[i] = tensor.detach().requires_grad_(tensor.requires_grad)
            with random_state.kept(ref) if ctx.state is not None else nullcontext():
                if ctx.state is not None:
                    random_state.write(ref.arithmetic.generator, ctx.state)
                with ref.torch.enable_grad():
                    results = ctx.function(*args)
            results = results if isinstance(results, tuple) else (results,)
            pairs = [
                (r, g)
                for r, g in zip(results, grads, strict=True)
                if isinstance(r, ref.Tensor) and r.requires_grad
            ]
            if not pairs:
                raise RuntimeError("no result of a checkpointed function requires grad")
            ref.backward([r for r, _ in pairs], [g for _, g in pairs])
            return (None, None, *(a.grad if isinstance(a, ref.Tensor) else None for a in args))

    return CheckpointFunction


def for_reference(ref: Reference, custom: Any) -> dict[str, Any]:
    """The names of ``torch.utils.checkpoint``; ``custom`` is the base of custom functions."""
    modes = ref.modes
    reentrant = _reentrant(ref, custom)
    number = staticmethod(ref.next_sequence)

    def checkpoint(
        function: Callable[..., Any],
        *args: Any,
        use_reentrant: bool | None = None,
        context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
        determinism_check: str = "default",
        debug: bool = False,
        early_stop: bool = True,
        preserve_rng_state: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Runs a function whose intermediate values are computed again in backward."""
        if use_reentrant is None:
            raise ValueError("use_reentrant has to be given")
        if use_reentrant:
            if kwargs:
                raise ValueError(f"unexpected keyword arguments: {', '.join(kwargs)}")
            if context_fn is not noop_context_fn or debug:
                raise ValueError("context_fn and debug need use_reentrant=False")
            return reentrant.apply(function, preserve_rng_state, *args)
        if determinism_check not in ("default", "none"):
            raise ValueError(f"determinism_check is 'default' or 'none', not {determinism_check!r}")
        around, around_again = context_fn()
        if not modes.grad:
            with around:
                return function(*args, **kwargs)
        if modes.early_stop is not None:
            early_stop = modes.early_stop
        checked = determinism_check == "default"
        frame = Frame(ref, function, args, kwargs, around_again, preserve_rng_state, checked, early_stop)
        with ref.torch.autograd.graph.saved_tensors_hooks(frame.pack, frame.unpack), around:
            return function(*args, **kwargs)

    def checkpoint_sequential(
        functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
    ) -> Any:
        """Runs functions one after the other, in segments; all but the last segment are checkpointed."""
        preserve = kwargs.pop("preserve_rng_state", True)
        if kwargs:
            raise ValueError(f"unexpected keyword arguments: {', '.join(kwargs)}")
        chain = list(functions.children()) if hasattr(functions, "children") else list(functions)
        size = len(chain) // segments
        for start in range(0, size * (segments - 1), size):
            part = _in_turn(chain[start : start + size])
            input = checkpoint(part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
        return _in_turn(chain[size * (segments - 1) :])(input)

    @contextmanager
    def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
        """Whether checkpoints whose forward runs meanwhile stop as soon as nothing more is needed."""
        before, modes.early_stop = modes.early_stop, enable
        try:
            yield
        finally:
            modes.early_stop = before

    return {
        "checkpoint": checkpoint,
        "checkpoint_sequential": checkpoint_sequential,
        "set_checkpoint_early_stop": set_checkpoint_early_stop,
        "noop_context_fn": noop_context_fn,
        "GraphExecGroup": type("GraphExecGroup", (GraphExecGroup,), {"_modes": modes, "_next": number}),
        "DefaultDeviceType": type("DefaultDeviceType", (DefaultDeviceType,), {}),
        "CheckpointError": CheckpointError,
    }


def _in_turn(functions: list[Callable]) -> Callable[[Any], Any]:
    def run(input: Any) -> Any:
        for function in functions:
            input = function(input)
        return input

    return run
