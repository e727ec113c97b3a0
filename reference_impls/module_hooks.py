"""Hooks of modules: around forward, and where gradients enter and leave a module."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import views
from .hooks import Hooks, RemovableHandle
from .tape import Node

if TYPE_CHECKING:
    from .nn import Module
    from .reference import Reference


class ForwardHook(NamedTuple):
    """A hook of forward, with what it was registered for."""

    function: Callable
    with_kwargs: bool = False
    always_call: bool = False

    def before(self, module: Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments as the hook leaves them."""
        if not self.with_kwargs:
            replaced = self.function(module, args)
            return (args if replaced is None else _tuple(replaced)), kwargs
        replaced = self.function(module, args, kwargs)
        if replaced is None:
            return args, kwargs
        if not isinstance(replaced, tuple) or len(replaced) != 2:
            raise RuntimeError("a forward pre-hook with kwargs returns None or (args, kwargs)")
        return replaced

    def after(self, module: Module, args: tuple, kwargs: dict, result: Any) -> Any:
        """The result as the hook leaves it."""
        given = (module, args, kwargs, result) if self.with_kwargs else (module, args, result)
        replaced = self.function(*given)
        return result if replaced is None else replaced


class ModuleHooks:
    """The hooks of one module, or those of all modules."""

    def __init__(self) -> None:
        self.before, self.after = Hooks(), Hooks()
        self.gradients_enter, self.gradients_leave = Hooks(), Hooks()
        self.saving, self.saved, self.loading, self.loaded = Hooks(), Hooks(), Hooks(), Hooks()
        self.registered: dict[str, Hooks] = {kind: Hooks() for kind in ("parameter", "buffer", "module")}
        """Hooks of all modules, for what they come to hold."""

    def of_forward(self, hook: Callable, *, with_kwargs=False, always_call=False) -> RemovableHandle:
        return self.after.add(ForwardHook(hook, with_kwargs, always_call))


def call(module: Module, everywhere: ModuleHooks, own: ModuleHooks, args: tuple, kwargs: dict) -> Any:
    """Runs forward with the hooks of all modules and then the module's own around it."""
    called: list[ForwardHook] = []
    result = None
    try:
        for hook in (*everywhere.before.snapshot(), *own.before.snapshot()):
            args, kwargs = hook.before(module, args, kwargs)
        gates = _gates(module, everywhere, own)
        if gates is not None:
            args = gates.enter(args)
        result = module.forward(*args, **kwargs)
        for hook in (*everywhere.after.snapshot(), *own.after.snapshot()):
            called.append(hook)
            result = hook.after(module, args, kwargs, result)
        return result if gates is None else gates.leave(result)
    except Exception:
        for hook in (*everywhere.after.snapshot(), *own.after.snapshot()):
            if hook.always_call and not any(hook is other for other in called):
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    result = hook.after(module, args, kwargs, result)
        raise


def _gates(module: Module, everywhere: ModuleHooks, own: ModuleHooks) -> Gates | None:
    enter = (*everywhere.gradients_enter.snapshot(), *own.gradients_enter.snapshot())
    leave = (*everywhere.gradients_leave.snapshot(), *own.gradients_leave.snapshot())
    return Gates(module, enter, leave) if enter or leave else None


class Gate(Node):
    """The identity of several tensors: their cotangents pass through it together."""

    passing: Callable[[list[Any]], Sequence[Any]]
    """What is done to them on their way."""

    def name(self) -> str:
        return "BackwardHookFunctionBackward"

    def run(self, ref: Reference, grads: list[Any], wanted: Sequence[bool]) -> Sequence[Any]:
        return self.passing(grads)


class Gates:
    """One call of a module with backward hooks: a gate at its inputs, and one at its outputs.

    Gradients come in through the outputs and go out through the inputs, if any of these need them. At the inputs,
    a tensor without influence has a gradient of zero.
    """

    def __init__(self, module: Module, enter: Sequence[Callable], leave: Sequence[Callable]) -> None:
        self._module = module
        self._ref = module._ref
        self._enter, self._leave = enter, leave
        self._inputs: tuple[bool, ...] = ()
        self._outputs: tuple[bool, ...] = ()
        """Which of them are tensors."""
        self._guarded = False
        """Whether there is a gate at the inputs."""
        self._entered: tuple[Any, ...] | None = None
        """The gradients of the outputs, on their way through the module."""

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """What forward gets in place of the arguments: views of the tensors."""
        self._inputs = tuple(isinstance(a, self._ref.Tensor) for a in args)
        self._given = [(a.array.shape, a.dtype) for a in args if isinstance(a, self._ref.Tensor)]
        passed = self._through(args, self._out_of_inputs)
        self._guarded = passed is not args
        return passed

    def leave(self, result: Any) -> Any:
        """What the caller gets in place of the result."""
        if not isinstance(result, (tuple, self._ref.Tensor)):
            return result
        self._outputs = tuple(isinstance(r, self._ref.Tensor) for r in _tuple(result))
        results = self._through(_tuple(result), self._into_outputs)
        if not isinstance(result, tuple):
            return results[0]
        return type(result)(*results) if hasattr(result, "_fields") else results

    def _through(self, values: tuple[Any, ...], passing: Callable) -> tuple[Any, ...]:
        ref = self._ref
        tensors = [value for value in values if isinstance(value, ref.Tensor)]
        if not ref.modes.grad or not any(tensor.requires_grad for tensor in tensors):
            return values
        edges = [ref.edge(tensor) for tensor in tensors]
        gate = Gate(ref.next_sequence(), edges, [(t.array.shape, t.dtype) for t in tensors])
        gate.passing = passing
        seen = []
        for index, tensor in enumerate(tensors):
            with ref.no_grad():
                view = ref.ops.alias(tensor)
            if edges[index] is not None:
                view.node, view.output_nr = gate, index
                if view.origin is not None:
                    view.origin.refusal = views.CUSTOM
                    view.origin.version = view.cell[0]
            seen.append(view)
        following = iter(seen)
        return tuple(next(following) if isinstance(v, ref.Tensor) else v for v in values)

    def _into_outputs(self, grads: list[Any]) -> Sequence[Any]:
        entered = _spread(self._outputs, grads)
        for hook in self._enter:
            entered = _replaced(entered, hook(self._module, entered), "grad_output")
        if self._guarded:
            self._entered = entered
        else:
            nothing = (None,) * len(self._inputs)
            for hook in self._leave:
                replaced = hook(self._module, nothing, entered)
                if any(grad is not None for grad in _tuple(replaced)):
                    raise RuntimeError(
                        "a backward hook gave a gradient to a module none of whose inputs needs one"
                    )
        return _picked(self._outputs, entered)

    def _out_of_inputs(self, grads: list[Any]) -> Sequence[Any]:
        if self._entered is None:  # they did not come through the outputs
            return grads
        zeros = [self._ref.zeros(shape, dtype) for shape, dtype in self._given]
        leaving = _spread(self._inputs, [z if g is None else g for g, z in zip(grads, zeros, strict=True)])
        for hook in self._leave:
            leaving = _replaced(leaving, hook(self._module, leaving, self._entered), "grad_input")
        self._entered = None
        return _picked(self._inputs, leaving)


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _spread(tensors: tuple[bool, ...], grads: Sequence[Any]) -> tuple[Any, ...]:
    """One entry for each argument, None for what is no tensor."""
    following = iter(grads)
    return tuple(next(following) if is_tensor else None for is_tensor in tensors)


def _picked(tensors: tuple[bool, ...], grads: Sequence[Any]) -> list[Any]:
    return [grad for grad, is_tensor in zip(grads, tensors, strict=True) if is_tensor]


def _replaced(grads: tuple[Any, ...], replaced: Any, what: str) -> tuple[Any, ...]:
    if replaced is None:
        return grads
    replaced = _tuple(replaced)
    if len(replaced) != len(grads):
        raise RuntimeError(f"a backward hook returned {len(replaced)} gradients for a {what} of {len(grads)}")
    return replaced


def for_modules(everywhere: ModuleHooks) -> dict[str, Any]:
    """The names of ``torch.nn.modules.module``: hooks of all modules."""

    def before(hook: Callable) -> RemovableHandle:
        return everywhere.before.add(ForwardHook(hook))

    def registering(kind: str) -> Callable:
        return lambda hook: everywhere.registered[kind].add(hook)

    return {
        "register_module_forward_pre_hook": before,
        "register_module_forward_hook": everywhere.of_forward,
        "register_module_full_backward_pre_hook": everywhere.gradients_enter.add,
        "register_module_full_backward_hook": everywhere.gradients_leave.add,
        **{
            f"register_module_{kind}_registration_hook": registering(kind)
            for kind in ("parameter", "buffer", "module")
        },
    }
