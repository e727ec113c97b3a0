"""Initial values of parameters: ``torch.nn.init``.

The distributions are those of the documentation: https://docs.pytorch.org/docs/stable/nn.init.html
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .reference import Reference

GAINS = {
    **dict.fromkeys(("linear", "sigmoid"), 1.0),
    **{f"conv{transposed}{d}d": 1.0 for transposed in ("", "_transpose") for d in (1, 2, 3)},
    "tanh": 5 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3 / 4,
}
"""How much a weight has to make up for what a nonlinearity takes away."""
SLOPE = 0.01
"""The negative slope of a leaky relu that is not told another."""


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """The gain of a nonlinearity; ``param`` is the negative slope of a leaky relu."""
    if nonlinearity == "leaky_relu":
        slope = SLOPE if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise ValueError(f"a slope has to be a number, not {slope!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in GAINS:
        raise ValueError(f"no gain is known of {nonlinearity!r}")
    return GAINS[nonlinearity]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many inputs an output is made of, and how many outputs an input goes into."""
    if len(shape) < 2:
        raise ValueError(f"a weight of shape {shape} has no fans")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def xavier(shape: tuple[int, ...], gain: float) -> float:
    """The standard deviation that suits both directions."""
    return gain * math.sqrt(2.0 / max(sum(fans(shape)), 1))


def kaiming(shape: tuple[int, ...], a: float, mode: str, nonlinearity: str) -> float:
    """The standard deviation that suits one direction."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"there is no mode {mode!r}")
    fan = fans(shape)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def bound(deviation: float) -> float:
    """The uniform distribution of a standard deviation goes this far to both sides."""
    return math.sqrt(3.0) * deviation


def zeros_of(sparsity: float, rows: int) -> int:
    """How many elements of a column are zero."""
    return math.ceil(sparsity * rows)


def identities(shape: tuple[int, ...], groups: int) -> np.ndarray:
    """A convolution that leaves as many channels of each group alone as there are."""
    values = np.zeros(shape)
    outputs = shape[0] // groups
    centre = tuple(size // 2 for size in shape[2:])
    for group in range(groups):
        for channel in range(min(outputs, shape[1])):
            values[(group * outputs + channel, channel, *centre)] = 1.0
    return values


def semi_orthogonal(values: np.ndarray) -> np.ndarray:
    """A matrix of that shape whose rows are orthonormal, or its columns where these are fewer."""
    q, r = np.linalg.qr(values.T if values.shape[0] < values.shape[1] else values)
    q = q * np.sign(np.diagonal(r))
    return q.T if values.shape[0] < values.shape[1] else q


def truncated(draw: Any, low: float, high: float) -> np.ndarray:
    """Draws again what lies outside; ``draw`` makes values of the whole shape."""
    values = draw()
    while (outside := (values < low) | (values > high)).any():
        values = np.where(outside, draw(), values)
    return values


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.nn.init``."""

    def filled(tensor: Any, values: Any) -> Any:
        with ref.no_grad():
            return tensor.copy_(ref.torch.tensor(values, dtype=ref.torch.float64))

    def numbers(tensor: Any, generator: Any) -> np.ndarray:
        """Standard normal ones."""
        return ref.torch.randn(tensor.array.shape, generator=generator, dtype=ref.torch.float64).array

    def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
        with ref.no_grad():
            return tensor.uniform_(a, b, generator=generator)

    def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
        with ref.no_grad():
            return tensor.normal_(mean, std, generator=generator)

    def trunc_normal_(
        tensor: Any,
        mean: float = 0.0,
        std: float = 1.0,
        a: float = -2.0,
        b: float = 2.0,
        generator: Any = None,
    ) -> Any:
        return filled(tensor, truncated(lambda: mean + std * numbers(tensor, generator), a, b))

    def constant_(tensor: Any, val: float) -> Any:
        with ref.no_grad():
            return tensor.fill_(val)

    def eye_(tensor: Any) -> Any:
        if tensor.ndim != 2:
            raise ValueError(f"a matrix is needed, not {tensor.ndim} dimensions")
        return filled(tensor, np.eye(*tensor.array.shape))

    def dirac_(tensor: Any, groups: int = 1) -> Any:
        if tensor.ndim not in (3, 4, 5):
            raise ValueError(f"the weight of a convolution is needed, not {tensor.ndim} dimensions")
        if tensor.array.shape[0] % groups:
            raise ValueError(f"{tensor.array.shape[0]} channels do not make {groups} groups")
        return filled(tensor, identities(tensor.array.shape, groups))

    def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
        limit = bound(xavier(tensor.array.shape, gain))
        return uniform_(tensor, -limit, limit, generator)

    def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
        return normal_(tensor, 0.0, xavier(tensor.array.shape, gain), generator)

    def kaiming_uniform_(
        tensor: Any,
        a: float = 0,
        mode: str = "fan_in",
        nonlinearity: str = "leaky_relu",
        generator: Any = None,
    ) -> Any:
        limit = bound(kaiming(tensor.array.shape, a, mode, nonlinearity))
        return uniform_(tensor, -limit, limit, generator)

    def kaiming_normal_(
        tensor: Any,
        a: float = 0,
        mode: str = "fan_in",
        nonlinearity: str = "leaky_relu",
        generator: Any = None,
    ) -> Any:
        return normal_(tensor, 0.0, kaiming(tensor.array.shape, a, mode, nonlinearity), generator)

    def orthogonal_(tensor: Any, gain: float = 1, generator: Any = None) -> Any:
        shape = tensor.array.shape
        if len(shape) < 2:
            raise ValueError(f"at least a matrix is needed, not {len(shape)} dimensions")
        values = numbers(tensor, generator).reshape(shape[0], math.prod(shape[1:]))
        return filled(tensor, gain * semi_orthogonal(values).reshape(shape)) if values.size else tensor

    def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
        if tensor.ndim != 2:
            raise ValueError(f"a matrix is needed, not {tensor.ndim} dimensions")
        values = std * numbers(tensor, generator)
        rows, columns = values.shape
        for column in range(columns):
            order = ref.torch.randperm(rows, generator=generator).array
            values[order[: zeros_of(sparsity, rows)], column] = 0.0
        return filled(tensor, values)

    underscored = [
        uniform_, normal_, constant_, eye_, dirac_, xavier_uniform_, xavier_normal_, kaiming_uniform_,
        kaiming_normal_, orthogonal_, sparse_,
    ]  # fmt: skip
    return {
        "calculate_gain": lambda nonlinearity, param=None: calculate_gain(nonlinearity, param),
        "trunc_normal_": trunc_normal_,
        "ones_": lambda tensor: constant_(tensor, 1.0),
        "zeros_": lambda tensor: constant_(tensor, 0.0),
        **{function.__name__: function for function in underscored},
        **{function.__name__.rstrip("_"): function for function in underscored},
    }
