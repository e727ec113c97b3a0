"""What is timed: the calls and steps whose sizes the ``bench:`` entries of specs declare.

A piece of work is a program that leaves a function called ``work``, so that everything before it (inputs, cotangents,
the state of an optimizer) is made once and is not timed. The same program runs on the backend that is measured and
on the reference that counts what there is to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..backends.contract import Backend, Unsupported, missing_name
from ..case import Given, Sample
from ..generate.arguments import Arguments, arguments
from ..generate.common import generated, prelude
from ..observe import Recorder
from ..run import make_inputs, namespace
from ..spec import Body, OperatorSpec, OptimizerSpec, Program, Spec, program_module
from ..spec.models import Bench
from ..spec.words import FLOATING

PARAMETERS, SHAPE = 64, (128, 128)
"""The parameters of an optimizer that is timed: a million numbers in as many tensors as a small network has."""
IMPLEMENTATIONS = {"for-loop": "foreach=False", "foreach": "foreach=True", "fused": "fused=True"}
"""How an optimizer is asked for each of its implementations."""
FORWARD, BACKWARD = "forward", "forward+backward"


@dataclass(frozen=True)
class Work:
    """One thing to be timed, on any backend, device and dtype."""

    spec: Spec
    id: str
    """The entry of ``bench:``, with its overload where there are several."""
    variant: str
    """Forward or with backward; of an optimizer, the implementation."""
    line: int
    program: Program
    inputs: Mapping[str, Given] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    operations: float | None = None
    """Those that the spec states, where it does."""

    def prepare(self, backend: Backend, device: str, dtype: str) -> dict[str, Any]:
        """The namespace that the program leaves; ``work`` in it is what is timed.

        Raises `Unsupported` where the backend lacks what it takes.
        """
        for capability in sorted(self.needs & backend.lacks.keys()):
            raise Unsupported(f"{capability}: {backend.lacks[capability]}")
        for name in self.program.names:
            if lacking := missing_name(backend.torch, name):
                raise Unsupported(lacking)
        names = namespace(backend, device, "eager", dtype, Recorder(backend, both=False))
        sample = Sample(self.id, self.program, self.inputs)
        try:
            names |= make_inputs(sample, backend, device, dtype)
            with program_module("conformance_bench", names) as module:
                prelude().run(module.__dict__)
                return self.program.run(module.__dict__)
        except Exception as error:
            if what := backend.is_unsupported(error):
                raise Unsupported(what) from error
            raise


def works(spec: Spec) -> Iterator[Work]:
    """All that a spec wants timed, in its order."""
    if isinstance(spec, OperatorSpec):
        for overload, body in spec.bodies.items():
            for id, entry in body.bench.items():
                name = f"{overload}-{id}" if overload else str(id)
                yield from _calls(spec, body, name, entry, id.line)
    elif isinstance(spec, OptimizerSpec):
        for id, entry in spec.bench.items():
            yield from _steps(spec, str(id), entry, id.line)


def _calls(spec: OperatorSpec, body: Body, id: str, entry: Bench, line: int) -> Iterator[Work]:
    call = arguments_of(body, id, entry, f"{spec.operator}:bench")
    text = call.text(str(spec.operator))
    operations = None if entry.operations is None else float(entry.operations.evaluate({}))
    needs = frozenset(spec.needs)
    program = generated(f"def work():\n    return {text}\n", spec)
    yield Work(spec, id, FORWARD, line, program, dict(call.tensors), needs, operations)
    if names := call.differentiable(body):
        program = generated(
            f"cotangents = tuple(torch.ones_like(part) for part in differentiable({text}))\n"
            f"def work():\n    return torch.autograd.grad(differentiable({text}), ({', '.join(names)},), cotangents)\n",
            spec,
        )
        yield Work(
            spec, id, BACKWARD, line, program, call.with_gradients(names), needs | {"autograd"}, operations
        )


def arguments_of(body: Body, id: str, entry: Bench, key: str) -> Arguments:
    """The call of an entry, its tensors in floating dtypes."""
    alone = body.model_copy(update={"tries": {id: entry.call}})
    return next(
        call for call in arguments(alone, key) if call.name == id and set(call.dtypes) & set(FLOATING)
    )


def _steps(spec: OptimizerSpec, id: str, entry: Bench, line: int) -> Iterator[Work]:
    for name, option in IMPLEMENTATIONS.items():
        if option.partition("=")[0] in spec.signature.names:
            needs = frozenset({*spec.needs, "optimizers"})
            program = step_program(spec, f"{entry.call.text}, {option}", PARAMETERS, SHAPE)
            yield Work(spec, id, name, line, program, needs=needs)


def step_program(spec: OptimizerSpec, options: str, count: int, shape: tuple[int, ...]) -> Program:
    """A step of parameters whose state exists already, for their first step has been taken."""
    return generated(
        f"parameters = [torch.tensor(pattern({shape}, i), dtype=dtype, device=device, requires_grad=True) "
        f"for i in range({count})]\n"
        "for i, parameter in enumerate(parameters):\n"
        "    parameter.grad = like(parameter, i + 1)\n"
        f"optimizer = {spec.optimizer}(parameters, {options})\n"
        "optimizer.step()\n"
        "work = optimizer.step\n",
        spec,
    )


def synchronised(work: Callable[[], Any], backend: Backend, device: str) -> Callable[[], Any]:
    """The work, done when it returns."""

    def whole() -> Any:
        result = work()
        backend.synchronize(device)
        return result

    return whole
