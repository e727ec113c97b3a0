"""What a hostile file asks for is not done by `torch.load` with weights only; without, it is."""

import copyreg
import io
import os
import pickle
import sys
import tarfile
import zipfile
from contextlib import suppress

import pytest
import torch

from .hostile import EXTENSION, MODULE, PICKLES, named, program, python, reduced

LEGACY = (0x1950A86A20F9469CFC6C, 1001, {}, [], [])
"""The pickles of a legacy file, plain."""

pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")


def archive(data):
    """A zip archive as `torch.save` makes it, but for the pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for name, content in (("data.pkl", data), ("byteorder", b"little"), ("version", b"3\n")):
            members.writestr(f"archive/{name}", content)
    return file.getvalue()


def legacy(data, place=3):
    """A legacy file, one of whose pickles is hostile."""
    parts = [pickle.dumps(part, protocol=2) for part in LEGACY]
    parts[place] = data
    return b"".join(parts)


def tar(path, data):
    """A file of the oldest format, before version 0.1.10, whose first pickle is hostile."""
    with tarfile.open(path, "w") as members:
        entry = tarfile.TarInfo("storages")
        entry.size = len(data)
        members.addfile(entry, io.BytesIO(data))


@pytest.fixture
def marks(tmp_path, monkeypatch):
    """A folder for marks, and all that hostile pickles rely on."""
    folder = tmp_path / "marks"
    folder.mkdir()
    (tmp_path / f"{MODULE}.py").write_text(f"{python(str(folder / 'import'))}\nanything = None\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    copyreg.add_extension("os", "system", EXTENSION)
    yield folder
    copyreg.remove_extension("os", "system", EXTENSION)
    copyreg.clear_extension_cache()
    sys.modules.pop(MODULE, None)


def left(marks):
    """The names of the marks that were left."""
    return [name for name in os.listdir(marks) if not name.endswith(".beside")]


def try_to_load(file, weights_only):
    """Whether it loads."""
    try:
        torch.load(file, weights_only=weights_only)
    except Exception:
        return False
    return True


def test_there_are_enough(tmp_path):
    """Fifty pickles, and no two are the same."""
    assert len({make(str(tmp_path / "mark")) for make in PICKLES.values()}) == len(PICKLES) >= 50


@pytest.mark.parametrize("contain", [archive, legacy])
@pytest.mark.parametrize("name", PICKLES)
def test_weights_only_runs_nothing(name, contain, marks):
    """Every hostile pickle is refused, leaves no mark and imports nothing; with trust it does leave its mark."""
    data = contain(PICKLES[name](str(marks / "mark")))
    with pytest.raises(pickle.UnpicklingError):
        torch.load(io.BytesIO(data), weights_only=True)
    assert left(marks) == []
    assert MODULE not in sys.modules
    try_to_load(io.BytesIO(data), weights_only=False)
    assert left(marks) != []


@pytest.mark.parametrize("place", range(len(LEGACY)))
def test_every_pickle_of_a_legacy_file(place, marks):
    data = legacy(reduced(named("os", "system"), str(marks / "mark")), place)
    assert not try_to_load(io.BytesIO(data), weights_only=True)
    assert left(marks) == []
    try_to_load(io.BytesIO(data), weights_only=False)
    assert left(marks) == ["mark"]


def test_a_tar_file(marks, tmp_path):
    path = tmp_path / "hostile.pt"
    tar(path, reduced(named("os", "system"), str(marks / "mark")))
    assert not try_to_load(path, weights_only=True)
    assert left(marks) == []
    try_to_load(path, weights_only=False)
    assert left(marks) == ["mark"]


@pytest.mark.parametrize("name", PICKLES)
def test_looking_into_a_file_runs_nothing(name, marks):
    """`get_unsafe_globals_in_checkpoint` takes a pickle apart and does not run it."""
    data = archive(PICKLES[name](str(marks / "mark")))
    with suppress(Exception):  # what it cannot read it may refuse
        torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
    assert left(marks) == []
    assert MODULE not in sys.modules


def test_harmless(marks):
    """The same containers load what is not hostile."""
    for contain in (archive, legacy):
        assert torch.load(io.BytesIO(contain(program(pickle.EMPTY_LIST))), weights_only=True) == []
