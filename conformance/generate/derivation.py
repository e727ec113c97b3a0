"""What all derived checks of an operator share: its calls, their text, and the samples made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ..case import Case, Sample
from ..spec.words import COMPLEX, FLOATING, INTEGER
from .arguments import Arguments, arguments
from .common import case, generated, prelude

if TYPE_CHECKING:
    from ..spec import Body, OperatorSpec


class Derivation:
    """One overload of an operator, as its checks are derived from it."""

    def __init__(self, spec: OperatorSpec, body: Body, prefix: str) -> None:
        self.spec, self.body, self.prefix = spec, body, prefix
        self.name = str(spec.operator)
        also = spec.also if body.also is None else body.also
        self.inplace = [n for n in also if n.endswith("_")]
        self.modules = [
            n for n in also if n.rpartition(".")[2][0].isupper() and not n.startswith("torch.Tensor")
        ]
        self.aliases = [n for n in also if n not in self.inplace and n not in self.modules]
        self.line = body.line
        # Samples that differ in their values alone share one program, and so its compiled form.
        self.program = cache(lambda text: generated(text, spec))
        self.calls = cache(lambda: list(arguments(body, str(spec.operator) + prefix)))

    @property
    def dtypes(self) -> tuple[str, ...]:
        offered: set[str] = {d for i in self.body.inputs.values() for d in i.dtype} or set(FLOATING)
        return tuple(d for d in (*FLOATING, *COMPLEX, *INTEGER, "bool") if d in offered)

    @property
    def continuous(self) -> bool:
        """Whether it has a derivative: a floating input that matters and a floating result."""
        inputs = [i for i in self.body.inputs.values() if set(i.dtype) & set(FLOATING)]
        return not {"bool", "int64"}.issuperset(self.body.result) and any(i.differentiable for i in inputs)

    def case(self, id: str, says: str, samples: Callable[[str], Sequence[Sample]], **options: Any) -> Case:
        dtypes = options.pop("dtypes", self.dtypes)
        return case(self.spec, self.prefix + id, says, samples, line=self.line, dtypes=dtypes, **options)

    def sample(
        self, call: Arguments, text: str, gradients: Sequence[str] = (), name: str | None = None
    ) -> Sample:
        inputs = call.with_gradients(gradients) if gradients else dict(call.tensors)
        return Sample(name or call.name, self.program(text), inputs, (prelude(),), call.dtypes)

    def result(self, call: Arguments, mode: str) -> str:
        """Statements that leave the result under that name: the bare call, or the call as a mode transforms it."""
        if mode == "eager":
            return f"result = {call.text(self.name)}\n"
        tensors = ", ".join(call.tensors)
        function = f"@transformed\ndef function({tensors}):\n    return {call.text(self.name)}\n"
        return function + f"result = function({tensors})\n"

    def differentiable(self, call: Arguments) -> tuple[str, ...]:
        return call.differentiable(self.body) if set(call.dtypes) & set(FLOATING + COMPLEX) else ()

    def smooth(self) -> Iterator[tuple[Arguments, tuple[str, ...]]]:
        """The real calls that can be differentiated, with the tensors by which."""
        for call in self.calls():
            if set(call.dtypes) & set(FLOATING) and (names := self.differentiable(call)):
                yield call, names

    def module_forms(self, call: Arguments) -> list[str]:
        """The call as each module makes it: called with the required tensors, built with the rest.

        A module has no argument `training`; it is switched to that mode.
        """
        forward = [n for n in call.tensors if n in call.required]
        named = [n for n in self.body.forward if n in call.others]
        given = ", ".join([*forward, *(f"{n}={call.others[n]}" for n in named)])
        default = self.body.signature.defaults.get("training")
        mode = f".train({call.others.get('training', default.text)})" if default else ""
        without = [*forward, *named, "training"]
        return [f"{call.text(module, without=without)}{mode}({given})" for module in self.modules]

    def plain(self) -> list[Arguments]:
        """The calls of each argument list with their first shape, in floating dtypes."""
        return [call for call in self.calls() if call.plain]
