"""The state of the random generator, which programs can read, put back and fork."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .dtypes import uint8

if TYPE_CHECKING:
    from .reference import Reference

WIDTHS = {"state": 16, "inc": 16, "has_uint32": 1, "uinteger": 4}
"""Bytes of each number that the state of a PCG64 consists of."""


def read(generator: np.random.Generator) -> np.ndarray:
    """The state of a generator as bytes."""
    known: dict[str, Any] = dict(generator.bit_generator.state)
    numbers = known | known["state"]
    packed = b"".join(int(numbers[name]).to_bytes(width) for name, width in WIDTHS.items())
    return np.frombuffer(packed, np.uint8).copy()


def write(generator: np.random.Generator, state: np.ndarray) -> None:
    """Puts a generator into a state that was read."""
    if state.size != sum(WIDTHS.values()):
        raise RuntimeError(f"a state of the generator has {sum(WIDTHS.values())} bytes, not {state.size}")
    packed, numbers = state.astype(np.uint8).tobytes(), {}
    for name, width in WIDTHS.items():
        numbers[name], packed = int.from_bytes(packed[:width]), packed[width:]
    inner = {name: numbers.pop(name) for name in ("state", "inc")}
    generator.bit_generator.state = {"bit_generator": "PCG64", "state": inner, **numbers}


@contextmanager
def kept(ref: Reference, enabled: bool = True) -> Iterator[None]:
    """Afterwards the generator goes on as if nothing had been drawn meanwhile."""
    state = read(ref.arithmetic.generator)
    try:
        yield
    finally:
        if enabled:
            write(ref.arithmetic.generator, state)


def for_reference(ref: Reference) -> tuple[dict[str, Any], dict[str, Any]]:
    """Names of both ``torch`` and ``torch.random``, and of the latter alone."""

    def get_rng_state() -> Any:
        """The state of the generator, in bytes."""
        return ref.tensor_from(read(ref.arithmetic.generator), uint8)

    def set_rng_state(new_state: Any) -> None:
        """Puts the generator into a state that ``get_rng_state`` returned."""
        write(ref.arithmetic.generator, new_state.array)

    def fork_rng(devices: Any = None, enabled: bool = True, device_type: Any = None) -> Any:
        """Random numbers that are drawn in the block leave no trace in the generator."""
        return kept(ref, enabled)

    return {"get_rng_state": get_rng_state, "set_rng_state": set_rng_state}, {"fork_rng": fork_rng}
