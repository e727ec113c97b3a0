"""A case: a clause with its samples, ready to be run on any backend, device, mode and dtype."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .spec import Accuracy, Claim, Program, Spec


@dataclass(frozen=True)
class Given:
    """One input of a program.

    ``values`` is float64, complex128, int64 or bool; a floating or complex input is stored in the dtype of the
    line that runs (``dtype`` None) or in one that the spec fixes.
    """

    values: np.ndarray
    requires_grad: bool = False
    dtype: str | None = None
    layout: str = "contiguous"
    """How the tensor lies in memory: contiguous, transposed, channels-last, strided, offset, expanded."""


@dataclass(frozen=True)
class Sample:
    """A program and its inputs. The programs of ``setup`` run before it in the same namespace."""

    name: str
    program: Program
    inputs: Mapping[str, Given]
    setup: tuple[Program, ...] = ()
    dtypes: tuple[str, ...] | None = None
    """The dtypes that this sample makes sense in, where that is not all of the case's."""


@dataclass(frozen=True)
class Case:
    """A clause and how it is checked; one pytest item for each device and mode that it runs in."""

    spec: Spec
    id: str
    says: str
    cites: str
    line: int
    """Line of the clause in the spec file."""
    samples: Callable[[str], Sequence[Sample]]
    """Makes the samples for a mode, in a fixed and reproducible way; called when the case runs, not before."""
    dtypes: tuple[str, ...]
    """Dtypes in which the clause makes sense; a run intersects them with what it was asked for."""
    judge: str = "reference"
    """Which judge is independent of the backend: ``reference`` (runs the program too), or ``literals``,
    ``law`` and ``round trip``, where the clause states all that is needed and the backend runs alone."""
    needs: frozenset[str] = frozenset()
    """Capabilities without which the case is unsupported."""
    accuracy: Accuracy | None = None
    claim: Claim | None = None
    """The part of the spec that makes the claim, where it may say since and until when it is documented."""
    accelerator: bool = False
    """Whether the claim is made for accelerators only, and not for the CPU."""
    modes: tuple[str, ...] = ("eager",)
    """The modes that can transform its programs."""
    shared: bool = True
    """Whether one reference result serves every dtype (false where labels or rounding reach the values)."""

    @cached_property
    def name(self) -> str:
        """The clause as reports name it, without device and mode: ``specs/torch/exp.yaml::value``."""
        return f"{self.spec.relative_path}::{self.id}"

    def applies(self, version: str | None) -> bool:
        """Whether the documentation of a version makes the claim; that of the newest one (None) makes all."""
        return version is None or (
            self.spec.applies(version) and (self.claim is None or self.claim.applies(version))
        )

    def runs(self, device: str, mode: str, dtypes: Sequence[str]) -> bool:
        """Whether the clause claims something of a device in a mode, for any of some dtypes."""
        elsewhere = self.accelerator and device.partition(":")[0] == "cpu"
        return mode in self.modes and not elsewhere and not set(self.dtypes).isdisjoint(dtypes)
