"""Random damage to saved files, and what `torch.load` makes of it.

A corruption is a number: it says which kind of file is damaged, how, and where. As a program (``python -m
tests.serialization.corruptions FIRST LAST``) this loads a range of them, one line of JSON for each: damage may crash
the process, and then whoever started it still knows which one it was.
"""

from __future__ import annotations

import io
import json
import random
import resource
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch

SEED = 20260101
FILES = Path(__file__).with_name("files")
MEMORY = 16 * 2**30
"""Address space that a load may ask for: a damaged length may be any number."""

REFUSED, EQUAL, ALTERED = "refused", "equal", "altered"


def made() -> dict[str, Any]:
    """Something of everything that is loaded with weights only, small."""
    numbers = torch.arange(24.0).reshape(4, 6)
    param = torch.nn.Parameter(numbers[0].clone())
    moments = {"step": torch.tensor(1.0), "exp_avg": numbers[1] / 8, "exp_avg_sq": numbers[2] / 64}
    group = {"lr": 0.125, "betas": (0.9, 0.999), "foreach": None, "maximize": False, "params": [0]}
    return {
        "model": {"weight": param, "count": torch.tensor(3), "mask": torch.tensor([True, False, True])},
        "views": [numbers, numbers.t(), numbers[1:, ::2], numbers[:1].expand(5, 6)],
        "complex": torch.tensor([1 + 2j, 3 - 4j], dtype=torch.complex128).conj(),
        "half": torch.tensor([0.5, -2.0], dtype=torch.bfloat16),
        "empty": torch.empty(0, 3, dtype=torch.int16),
        "sparse": torch.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse(),
        "optimizer": {"state": {0: moments}, "param_groups": [group]},
        "epoch": (7, 0.25, "seven", None, True),
    }


@cache
def whole(legacy: bool) -> bytes:
    """A file as it was saved. It is kept, since a legacy file holds addresses, and is another one in every process."""
    return (FILES / ("legacy.pt" if legacy else "archive.pt")).read_bytes()


@cache
def value(legacy: bool) -> Any:
    """What is in it."""
    return torch.load(io.BytesIO(whole(legacy)), weights_only=True)


def write_files() -> None:
    """Makes the files anew (``python -m tests.serialization.corruptions``)."""
    for name, archive in (("archive.pt", True), ("legacy.pt", False)):
        torch.save(made(), FILES / name, _use_new_zipfile_serialization=archive)


def same(one: Any, other: Any) -> bool:
    """Whether two loaded values are the same down to the bits; what is damaged is looked at, not computed with."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if not isinstance(one, torch.Tensor):
        return bool(one == other)
    looks = ("dtype", "shape", "layout", "device", "requires_grad")
    if any(getattr(one, look) != getattr(other, look) for look in looks):
        return False
    if one.layout is not torch.strided:
        return same(one._indices(), other._indices()) and same(one._values(), other._values())
    if (one.stride(), one.is_conj(), one.is_neg()) != (other.stride(), other.is_conj(), other.is_neg()):
        return False
    return torch.equal(_bits(one), _bits(other))


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().resolve_conj().resolve_neg().reshape(-1).contiguous().view(torch.uint8)


# Ways to damage a file


def flip_bit(data: bytearray, dice: random.Random) -> None:
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def change_byte(data: bytearray, dice: random.Random) -> None:
    data[dice.randrange(len(data))] = dice.randrange(256)


def cut(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data)) :]


def lose_bytes(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data))
    del data[start : start + dice.choice([1, 2, 16, 64])]


def insert_bytes(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data))
    data[start:start] = dice.randbytes(dice.choice([1, 2, 16, 64]))


def blank_block(data: bytearray, dice: random.Random) -> None:
    start, length = dice.randrange(len(data)), dice.choice([8, 64, 512])
    data[start : start + length] = bytes(len(data[start : start + length]))


def repeat_block(data: bytearray, dice: random.Random) -> None:
    """One block in the place of another, as a disk that mixes up its sectors gives."""
    source, target, length = dice.randrange(len(data)), dice.randrange(len(data)), dice.choice([8, 64, 512])
    block = data[source : source + length]
    data[target : target + len(block)] = block


DAMAGE: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_bit,
    change_byte,
    cut,
    lose_bytes,
    insert_bytes,
    blank_block,
    repeat_block,
)
WAYS = ("archive in memory", "archive mapped", "legacy in memory", "legacy on disk")


def damaged(number: int) -> tuple[str, str, bytes]:
    """The way that a corruption is loaded, the kind of damage, and the file."""
    way = WAYS[number % len(WAYS)]
    dice = random.Random(SEED * 10**6 + number)
    damage = dice.choice(DAMAGE)
    data = bytearray(whole(way.startswith("legacy")))
    damage(data, dice)
    return way, damage.__name__, bytes(data)


def load(way: str, data: bytes, folder: Path) -> Any:
    if way.endswith("memory"):
        return torch.load(io.BytesIO(data), weights_only=True)
    path = folder / "damaged.pt"
    path.unlink(missing_ok=True)  # what is mapped from an earlier one stays as it was
    path.write_bytes(data)
    return torch.load(path, weights_only=True, mmap=way.endswith("mapped"))


def checksums_tell(data: bytes) -> bool:
    """Whether the checksums of an archive show the damage."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.testzip() is not None
    except Exception:
        return True


def outcome(number: int, folder: Path) -> dict[str, Any]:
    """What became of one corruption."""
    way, damage, data = damaged(number)
    told = {"number": number, "way": way, "damage": damage}
    try:
        loaded = load(way, data, folder)
    except Exception as error:
        return told | {"outcome": REFUSED, "error": type(error).__name__}
    if same(loaded, value(way.startswith("legacy"))):
        return told | {"outcome": EQUAL}
    told |= {"outcome": ALTERED}
    return told if way.startswith("legacy") else told | {"checksums tell": checksums_tell(data)}


def main(first: int, last: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, last):
            print(
                json.dumps({"number": number, "outcome": "crashed"}), flush=True
            )  # until it is known better
            print(json.dumps(outcome(number, Path(folder))), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:])) if sys.argv[1:] else write_files()
