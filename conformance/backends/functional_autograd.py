"""Autograd of functional backends: torch's interface over one function, the framework's own ``vjp``.

A backward replays the program between the inputs and the outputs as one pure function and hands it to ``vjp``
whole. So every rule of differentiation that is judged, the chain rule included, is the framework's. With
``create_graph`` the gradients are themselves recorded as the results of a call that contains this ``vjp``, and
their derivatives come from the framework differentiating through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .contract import Unsupported
from .functional_trace import Trace, Value

if TYPE_CHECKING:
    from .functional_shell import Shell
    from .functional_tensor import Tensor


def _several(tensors: Any) -> tuple[Any, ...]:
    return tuple(tensors) if isinstance(tensors, (tuple, list)) else (tensors,)


class Autograd:
    """``torch.autograd`` and ``torch.func`` of one shell."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    # torch.autograd

    def backward(
        self,
        tensors: Any,
        grad_tensors: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Adds gradients to ``.grad`` of the leaves, and of tensors that were asked to retain theirs."""
        outputs = _several(tensors)
        values, cotangents = self._started(outputs, grad_tensors)
        if inputs is None:
            trace = Trace(values)
            targets = [(leaf.leaf, leaf) for leaf in trace.leaves]
            targets += [(value.keeper(), value) for value in trace.met.values() if value.keeper]
        else:
            targets = [(tensor, tensor.value) for tensor in _several(inputs)]
        wanted = [value for _, value in targets]
        gradients = self._gradients(
            values, cotangents, wanted, bool(retain_graph or create_graph), create_graph
        )
        for (tensor, _), gradient in zip(targets, gradients, strict=True):
            if gradient is not None and tensor is not None:
                self._accumulate(tensor, gradient, create_graph)

    def grad(
        self,
        outputs: Any,
        inputs: Any,
        grad_outputs: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        allow_unused: bool | None = None,
        materialize_grads: bool = False,
    ) -> tuple[Tensor | None, ...]:
        """The gradients, as tensors."""
        shell = self.shell
        shell.note("torch.autograd.grad")
        targets = _several(inputs)
        values, cotangents = self._started(_several(outputs), grad_outputs)
        for tensor in targets:
            if not tensor.requires_grad:
                raise RuntimeError("one of the differentiated tensors does not require grad")
        retain = create_graph if retain_graph is None else retain_graph
        wanted = [tensor.value for tensor in targets]
        gradients = self._gradients(values, cotangents, wanted, retain, create_graph)
        if materialize_grads:
            pairs = zip(gradients, targets, strict=True)
            return tuple(shell.torch.zeros_like(t) if g is None else g for g, t in pairs)
        if not allow_unused and any(gradient is None for gradient in gradients):
            raise RuntimeError("one of the differentiated tensors was not used; pass allow_unused=True")
        return tuple(gradients)

    def _started(self, outputs: Sequence[Tensor], given: Any) -> tuple[list[Value], list[Value]]:
        """The outputs that need a gradient, and the cotangent of each."""
        shell = self.shell
        cotangents = [None] * len(outputs) if given is None else list(_several(given))
        if len(cotangents) != len(outputs):
            raise RuntimeError(f"{len(outputs)} outputs, but {len(cotangents)} gradients for them")
        values, seeds = [], []
        for output, cotangent in zip(outputs, cotangents, strict=True):
            if cotangent is None:
                if not output.requires_grad:
                    raise RuntimeError("an output does not require grad and has no grad_fn")
                if output.numel() != 1:
                    raise RuntimeError(
                        "a gradient can be created implicitly only for an output of one element"
                    )
                if output.is_complex():
                    raise RuntimeError("a gradient can be created implicitly only for real outputs")
                cotangent = shell.torch.ones_like(output)
            elif cotangent.shape != output.shape:
                raise RuntimeError(f"a gradient of shape {cotangent.shape} for an output of {output.shape}")
            if not output.requires_grad:
                raise RuntimeError("an output does not require grad and has no grad_fn")
            values.append(output.value)
            seeds.append(cotangent.value)
        return values, seeds

    def _gradients(
        self, outputs: list[Value], cotangents: list[Value], wanted: list[Value], retain: bool, create: bool
    ) -> list[Tensor | None]:
        """The gradients of all leaves by one ``vjp``, and of each wanted value inside the program by one more.

        For those the program is cut at the value, and nowhere else: a gradient is always the whole one.
        """
        whole = Trace(outputs)
        reached = whole.between(wanted)
        whole.check(reached)
        found: list[Tensor | None] = [None] * len(wanted)
        leaves = [i for i, value in enumerate(wanted) if value.call is None and id(value) in whole.met]
        inner = [[i] for i, value in enumerate(wanted) if value.call is not None and id(value) in whole.met]
        for group in ([leaves] if leaves else []) + inner:
            cut = [wanted[i] for i in group]
            for i, gradient in zip(group, self._pull_back(outputs, cotangents, cut, create), strict=True):
                found[i] = gradient
        if not retain:
            for call in reached:
                call.freed = True
        return found

    def _pull_back(
        self, outputs: list[Value], cotangents: list[Value], wanted: list[Value], create: bool
    ) -> list[Tensor]:
        shell = self.shell
        trace = Trace(outputs, frozenset(map(id, wanted)))
        cut = [id(value) for value in wanted]
        others = trace.leaves if create else []
        kept = [id(value) for value in others]
        count, rest = len(cut), len(cut) + len(kept)

        def gradients(*arrays: Any) -> list[Any]:
            constants = dict(zip(kept, arrays[count:rest], strict=True))

            def program(*inputs: Any) -> list[Any]:
                return trace.replay({**constants, **dict(zip(cut, inputs, strict=True))})

            _, pull_back = shell.backend.vjp(program, arrays[:count])
            return list(pull_back(list(arrays[rest:])))

        return shell.record(
            "torch.autograd.grad", gradients, (*wanted, *others, *cotangents), recording=create
        )

    def _accumulate(self, tensor: Tensor, gradient: Tensor, create: bool) -> None:
        """torch's rules for who owns the sum."""
        held = tensor.kept_grad
        if held is None:
            tensor.kept_grad = gradient
        elif create:
            tensor.kept_grad = held + gradient  # type: ignore[operator]
        elif held.shared():
            raise Unsupported("views: accumulating into memory that another tensor shares")
        else:
            with self.shell.torch.no_grad():
                held.replace((held + gradient).value.array)  # type: ignore[operator]

    # torch.func

    def jvp(self, func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False) -> Any:
        """``torch.func.jvp``, by the framework's own."""
        shell = self.shell
        shell.note("torch.func.jvp")
        derivative = shell.backend.jvp
        if derivative is None:
            raise Unsupported("forward-mode")
        lowered = _Lowered(shell, func, primals)
        count = len(lowered.inputs)
        directions = [tensor.value for tensor in shell.tensors_in(tangents)]
        if len(directions) != count:
            raise RuntimeError(f"{count} primals, but {len(directions)} tangents")

        def both(*arrays: Any) -> list[Any]:
            outputs, slopes = derivative(lowered, arrays[:count], arrays[count:])
            return [*outputs, *slopes]

        made = shell.record("torch.func.jvp", both, (*lowered.inputs, *directions))
        return lowered.rebuilt(made[: lowered.size]), lowered.rebuilt(made[lowered.size :])

    def vjp(self, func: Callable[..., Any], *primals: Any) -> Any:
        """``torch.func.vjp``: the result, and the function that pulls cotangents back."""
        shell = self.shell
        shell.note("torch.func.vjp")
        lowered = _Lowered(shell, func, primals)
        count = len(lowered.inputs)
        made = shell.record("torch.func.vjp", lowered, lowered.inputs)

        def pull_back(*cotangents: Any) -> tuple[Any, ...]:
            given = [tensor.value for tensor in shell.tensors_in(cotangents)]

            def gradients(*arrays: Any) -> list[Any]:
                return list(shell.backend.vjp(lowered, arrays[:count])[1](list(arrays[count:])))

            return tuple(shell.record("torch.func.vjp", gradients, (*lowered.inputs, *given)))

        return lowered.rebuilt(made), pull_back

    def grad_and_value(
        self, func: Callable[..., Any], argnums: int | tuple[int, ...] = 0
    ) -> Callable[..., Any]:
        """``torch.func.grad_and_value``."""

        def transformed(*args: Any, **kwargs: Any) -> Any:
            positions = _several(argnums)

            def chosen(*parts: Any) -> Any:
                whole = list(args)
                for position, part in zip(positions, parts, strict=True):
                    whole[position] = part
                return func(*whole, **kwargs)

            result, pull_back = self.vjp(chosen, *(args[position] for position in positions))
            if result.dim():
                raise RuntimeError(
                    f"the function has to return a scalar, not a tensor of shape {result.shape}"
                )
            gradients = pull_back(self.shell.torch.ones_like(result))
            return (gradients if isinstance(argnums, tuple) else gradients[0]), result

        return transformed

    def func_grad(self, func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
        """``torch.func.grad``."""
        both = self.grad_and_value(func, argnums)
        return lambda *args, **kwargs: both(*args, **kwargs)[0]


class _Lowered:
    """A function of tensors as a function of arrays; remembers the structure of what it returned last."""

    def __init__(self, shell: Shell, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        self.shell, self.function, self.arguments = shell, function, tuple(arguments)
        self.inputs = [tensor.value for tensor in shell.tensors_in(self.arguments)]
        self.result: Any = None
        self.size = 0

    def __call__(self, *arrays: Any) -> list[Any]:
        shell = self.shell
        with shell.transforming():
            tensors = iter([shell.Tensor(Value(array)) for array in arrays])
            self.result = self.function(*shell.mapped(self.arguments, lambda _: next(tensors)))
        outputs = [tensor.value.array for tensor in shell.tensors_in(self.result)]
        self.size = len(outputs)
        return outputs

    def rebuilt(self, tensors: Sequence[Tensor]) -> Any:
        """Tensors in the structure that the function returned."""
        source = iter(tensors)
        return self.shell.mapped(self.result, lambda _: next(source))
