"""Sequences of different lengths in one tensor: padded, or packed without padding (``torch.nn.utils.rnn``).

A packed batch holds, for each time step, the elements of those sequences that last so long, longest sequence first:
https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html
"""

from __future__ import annotations

from functools import partialmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from . import dtypes

if TYPE_CHECKING:
    from .reference import Reference

SIDES = ("right", "left")
"""Where padding may go."""


class _Parts(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Parts):
    """A batch of sequences, step by step."""

    def __new__(
        cls, data: Any, batch_sizes: Any, sorted_indices: Any = None, unsorted_indices: Any = None
    ) -> Any:
        if unsorted_indices is None and sorted_indices is not None:
            unsorted_indices = sorted_indices.argsort()
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Converts the data only."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._replace(data=data)

    cpu = partialmethod(to, "cpu")
    double = partialmethod(to, dtypes.float64)
    float = partialmethod(to, dtypes.float32)
    half = partialmethod(to, dtypes.float16)
    long = partialmethod(to, dtypes.int64)
    int = partialmethod(to, dtypes.int32)
    short = partialmethod(to, dtypes.int16)
    char = partialmethod(to, dtypes.int8)
    byte = partialmethod(to, dtypes.uint8)


def places(lengths: list[int], order: list[int]) -> tuple[list[int], list[int]]:
    """Time and sequence of every element of the packed data, for sequences in descending order of length."""
    pairs = [(time, s) for time in range(max(lengths)) for s in order if time < lengths[s]]
    times, sequences = zip(*pairs, strict=True)
    return list(times), list(sequences)


def lengths_of(packed: PackedSequence) -> tuple[list[int], list[int]]:
    """The lengths of the sequences in their original order, and that order from long to short."""
    sizes = packed.batch_sizes.tolist()
    descending = [sum(size > place for size in sizes) for place in range(sizes[0])]
    order = list(range(sizes[0])) if packed.sorted_indices is None else packed.sorted_indices.tolist()
    lengths = [0] * len(order)
    for length, sequence in zip(descending, order, strict=True):
        lengths[sequence] = length
    return lengths, order


def check(shape: tuple[int, ...], lengths: list[int], enforce_sorted: bool) -> None:
    """Refuses lengths that no padded batch of (time, sequence, ...) can have."""
    if len(shape) < 2:
        raise RuntimeError(f"a padded batch has two dimensions at least, not {len(shape)}")
    if len(lengths) != shape[1]:
        raise RuntimeError(f"{shape[1]} sequences have {len(lengths)} lengths")
    if min(lengths, default=0) < 1 or max(lengths) > shape[0]:
        raise RuntimeError(f"lengths lie between 1 and {shape[0]}; these are {lengths}")
    if enforce_sorted and lengths != sorted(lengths, reverse=True):
        raise RuntimeError(f"the lengths {lengths} are not in descending order")


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.nn.utils.rnn``."""
    F = ref.ops

    def indices(numbers: list[int]) -> Any:
        return ref.torch.tensor(numbers, dtype=dtypes.int64)

    def invert_permutation(permutation: Any) -> Any:
        """The permutation that undoes another."""
        return None if permutation is None else F.argsort(permutation)

    def pack_padded_sequence(
        input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
    ) -> PackedSequence:
        """Leaves the padding out."""
        lengths = [int(n) for n in (lengths.tolist() if isinstance(lengths, ref.Tensor) else lengths)]
        padded = F.transpose(input, 0, 1) if batch_first else input
        check(tuple(padded.shape), lengths, enforce_sorted)
        order = sorted(range(len(lengths)), key=lambda sequence: -lengths[sequence])
        times, sequences = places(lengths, order)
        sizes = indices([times.count(time) for time in range(max(lengths))])
        found = None if enforce_sorted else indices(order)
        return PackedSequence(padded[indices(times), indices(sequences)], sizes, found)

    def pad_packed_sequence(
        sequence: PackedSequence,
        batch_first: bool = False,
        padding_value: float = 0.0,
        total_length: int | None = None,
    ) -> tuple[Any, Any]:
        """The padded batch in its original order, and the lengths."""
        lengths, order = lengths_of(sequence)
        total = max(lengths) if total_length is None else total_length
        if total < max(lengths):
            raise ValueError(f"a sequence of {max(lengths)} steps does not fit into {total}")
        shape = (total, len(lengths), *sequence.data.shape[1:])
        empty = ref.torch.full(shape, padding_value, dtype=sequence.data.dtype)
        times, sequences = places(lengths, order)
        padded = F.index_put(empty, (indices(times), indices(sequences)), sequence.data)
        return (F.transpose(padded, 0, 1) if batch_first else padded), indices(lengths)

    def pad_sequence(
        sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
    ) -> Any:
        """Sequences stacked after each was brought to the length of the longest."""
        if padding_side not in SIDES:
            raise RuntimeError(f"padding_side is one of {SIDES}, not {padding_side!r}")
        sequences = list(sequences)
        longest = max(sequence.shape[0] for sequence in sequences)
        padded = []
        for sequence in sequences:
            shape = (longest - sequence.shape[0], *sequence.shape[1:])
            padding = ref.torch.full(shape, padding_value, dtype=sequence.dtype)
            padded.append(F.cat([sequence, padding] if padding_side == "right" else [padding, sequence], 0))
        return F.stack(padded, 0 if batch_first else 1)

    def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
        """The sequences of a padded batch."""
        batch = F.unbind(padded_sequences, 0 if batch_first else 1)
        return [s[: int(length)] for s, length in zip(batch, lengths.tolist(), strict=True)]

    def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
        """Packs sequences that were never padded."""
        lengths = [sequence.shape[0] for sequence in sequences]
        return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)

    def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
        """The sequences of a packed batch in their original order."""
        return unpad_sequence(*pad_packed_sequence(packed_sequences))

    functions = (
        invert_permutation,
        pack_padded_sequence,
        pad_packed_sequence,
        pad_sequence,
        unpad_sequence,
        pack_sequence,
        unpack_sequence,
    )
    return {"PackedSequence": PackedSequence, **{function.__name__: function for function in functions}}
