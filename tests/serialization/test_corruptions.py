"""Two thousand damaged files: each is refused, or loaded equal, or altered where the format promises nothing."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .conftest import COUNTS
from .corruptions import ALTERED, EQUAL, REFUSED, WAYS, made, same, value

COUNT, AT_ONCE = 2000, 2
PATIENCE = 300
"""Seconds; the whole takes about ten."""
MOST_ALTERED = 0.1
"""The share of corruptions that may change a value unnoticed: most of a small file is structure, which tells."""
ROOT = Path(__file__).parents[2]


def fates(first: int, last: int) -> dict[int, dict]:
    """What became of a range of corruptions. One that ends the process is `crashed`, and the rest is tried after it."""
    found: dict[int, dict] = {}
    while first < last:
        command = [sys.executable, "-m", "tests.serialization.corruptions", str(first), str(last)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
        told = [json.loads(line) for line in ran.stdout.splitlines()]
        assert told, ran.stderr
        found |= {fate["number"]: fate for fate in told}
        first = told[-1]["number"] + 1
    return found


@pytest.fixture(scope="module")
def corruptions():
    size = COUNT // AT_ONCE
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = list(pool.map(fates, range(0, COUNT, size), range(size, COUNT + size, size)))
    return [fate for part in parts for fate in part.values()]


@pytest.mark.parametrize("legacy", [False, True])
def test_files(legacy):
    """The files hold what they were made from, and differ from something else."""
    assert same(value(legacy), made())
    other = made()
    other["optimizer"]["param_groups"][0]["lr"] = 0.25
    assert not same(value(legacy), other)
    other = made()
    other["views"][1] = other["views"][1].contiguous()
    assert not same(value(legacy), other)


def test_all_are_accounted_for(corruptions, record_property):
    """Each corruption has one of three fates, and none ends the process."""
    fates_of = {
        way: Counter(fate["outcome"] for fate in corruptions if fate.get("way") == way) for way in WAYS
    }
    record_property(COUNTS, {way: dict(counts) for way, counts in fates_of.items()})
    assert sorted(fate["number"] for fate in corruptions) == list(range(COUNT))
    assert [fate for fate in corruptions if fate["outcome"] not in (REFUSED, EQUAL, ALTERED)] == []


def test_a_cut_file_is_refused(corruptions):
    """See ``specs/serialization/damage.yaml::cut`` and its neighbours."""
    assert {fate["outcome"] for fate in corruptions if fate.get("damage") == "cut"} == {REFUSED}


def test_altered_values(corruptions):
    """What `altered-numbers` and its neighbours in ``damage.yaml`` say: nobody compares the checksums that tell."""
    altered = [fate for fate in corruptions if fate["outcome"] == ALTERED]
    assert {fate["way"] for fate in altered} == set(WAYS)
    assert [fate for fate in altered if not fate.get("checksums tell", True)] == []
    assert len(altered) < MOST_ALTERED * COUNT
