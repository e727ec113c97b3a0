"""Runs a program with its inputs on a backend."""

from __future__ import annotations

import traceback
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reference_impls.dtypes import COMPONENT, INTEGER, NAMES, to_complex

from .backends.contract import Backend, Unsupported, missing_name
from .case import Given, Sample
from .observe import Observation, Recorder
from .spec import program_module
from .tools import tools

SEED = 20260101
"""Seeds the backend's generator before each program."""


@dataclass
class Ran:
    """What a run left: its observations, how it ended, and the inputs as it left them."""

    observations: list[Observation]
    error: Exception | None = None
    error_line: int = 0
    traceback: str = ""
    after: dict[str, np.ndarray] = field(default_factory=dict)
    written: frozenset[str] = frozenset()
    """The inputs that the program wrote to: values may end where they began, versions do not."""


def stored(given: Given, dtype: str) -> str:
    """The dtype that an input is stored in on a line of ``dtype``."""
    if given.dtype is not None:
        return given.dtype
    kind, line = given.values.dtype.kind, NAMES[dtype]
    if kind == "f":
        return COMPONENT.get(line, line).name
    if kind == "c":
        return to_complex(line).name
    return "bool" if kind == "b" else dtype if line.category == INTEGER else "int64"


def make_inputs(sample: Sample, backend: Backend, device: str, dtype: str) -> dict[str, Any]:
    """The inputs of a sample as tensors of a backend."""
    made = {}
    for name, given in sample.inputs.items():
        tensor = backend.from_numpy(given.values, stored(given, dtype), device, False)
        if given.layout != "contiguous":
            tensor = backend.lay_out(tensor, given.layout)
        made[name] = backend.require_grad(tensor) if given.requires_grad else tensor
    return made


def namespace(backend: Backend, device: str, mode: str, dtype: str, recorder: Recorder) -> dict[str, Any]:
    """What every program finds beside its inputs."""
    return {
        "torch": backend.torch,
        "device": device,
        "dtype": getattr(backend.torch, dtype, None),
        "transformed": backend.transform(mode),
        **recorder.names(),
        **tools(backend),
    }


def run(sample: Sample, backend: Backend, device: str, mode: str, dtype: str, both: bool = False) -> Ran:
    """Run a sample's program.

    ``both`` evaluates the right sides of equalities too (the reference does, and a backend that is judged by a
    law). Raises `Unsupported` where the backend lacks something; any other exception is part of what ran.
    """
    program = sample.program
    for name in program.names:
        if lacking := missing_name(backend.torch, name):
            raise Unsupported(lacking)
    recorder = Recorder(backend, both)
    ran = Ran(recorder.observations)
    backend.seed(SEED)
    with warnings.catch_warnings(), np.errstate(all="ignore"), backend.running(device, mode):
        warnings.simplefilter("ignore")
        inputs: dict[str, Any] = {}
        versions: dict[str, int] = {}
        try:
            inputs = make_inputs(sample, backend, device, dtype)
            versions = {name: getattr(tensor, "_version", 0) for name, tensor in inputs.items() if both}
            names = namespace(backend, device, mode, dtype, recorder) | inputs
            with program_module("conformance_program", names) as module:
                for part in (*sample.setup, program):
                    part.run(module.__dict__)
        except Exception as error:
            if what := backend.is_unsupported(error):
                raise Unsupported(what) from error
            ran.error, ran.error_line = error, _line_of(error, program.text.file)
            ran.traceback = "".join(traceback.format_exception(error, limit=-8))
        recorder.settle()
        ran.after = {name: backend.to_numpy(tensor) for name, tensor in inputs.items()}
        if both:
            ran.written = frozenset(
                name
                for name, tensor in inputs.items()
                if getattr(tensor, "_version", 0) != versions.get(name)
                or not same(ran.after[name], sample.inputs[name].values)
            )
    return ran


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays hold the same values, nan being equal to nan."""
    if a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes():
        return True  # nearly always, and at a tenth of the cost
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _line_of(error: Exception, file: str) -> int:
    """The innermost line of the spec file that an exception passed through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return lines[-1] or 0 if lines else 0
