"""YAML 1.2 scalars, and the places that data remembers."""

from __future__ import annotations

import math

import pytest

from conformance.spec.document import EMPTY, Map, Reader
from conformance.spec.text import Text


def read(text: str) -> Map:
    reader = Reader(text, "file.yaml")
    data = reader.read()
    assert reader.faults == []
    assert isinstance(data, Map)
    return data


SCALARS = [
    ("true", True),
    ("false", False),
    ("True", "True"),
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("null", None),
    ("~", None),
    ("Null", "Null"),
    ("", EMPTY),
    ("0", 0),
    ("17", 17),
    ("-17", -17),
    ("+17", 17),
    ("017", 17),
    ("0o17", 15),
    ("0x1F", 31),
    ("1_000", "1_000"),
    ("0b11", "0b11"),
    ("12:30", "12:30"),
    ("1e-3", 1e-3),
    ("1E5", 1e5),
    ("1.", 1.0),
    (".5", 0.5),
    ("-.5e+1", -5.0),
    ("1.5.2", "1.5.2"),
    (".", "."),
    ("-", "-"),
    (".inf", math.inf),
    ("-.inf", -math.inf),
    ("-inf", "-inf"),
    ("nan", "nan"),
    ("2026-01-02", "2026-01-02"),
    ("=", "="),
    ('"1"', "1"),
    ("'true'", "true"),
    ('"None"', "None"),
    ("nothing", "nothing"),
]


@pytest.mark.parametrize(("written", "value"), [pair for pair in SCALARS if pair[0] != "-"])
def test_scalar(written: str, value: object) -> None:
    found = read(f"key: {written}\n")["key"]
    assert found == value
    assert type(found) is (Text if isinstance(value, str) else type(value))


def test_nan() -> None:
    assert math.isnan(read("key: .nan\n")["key"])


@pytest.mark.parametrize(
    "written", ["nan", "none", "None", "null", "true", "no", "1", "017", "1e3", "~", "2026-01-02"]
)
def test_a_key_is_always_a_string(written: str) -> None:
    assert [*read(f"{written}: x\n")] == [written]
    assert [*read(f"{{{written}: x}}\n")] == [written]


@pytest.mark.parametrize("written", ["None", "none", "NONE"])
def test_unquoted_none_is_a_fault(written: str) -> None:
    reader = Reader(f"a: [1, {written}]\n", "file.yaml")
    reader.read()
    assert [(f.line, f.column, f.message) for f in reader.faults] == [(1, 8, f"unquoted `{written}`")]


PLACES = [
    ("key: value\n", 1, 6, "value"),
    ("key:   value\n", 1, 8, "value"),
    ("key: 'value'\n", 1, 7, "value"),
    ('key: "value"\n', 1, 7, "value"),
    ("key:\n  value\n", 2, 3, "value"),
    ("key: |\n  value\n", 2, 3, "value\n"),
    ("key: | # a comment\n    value\n", 2, 5, "value\n"),
    ("key: |-\n  value\n", 2, 3, "value"),
    ("key: |\n\n  value\n", 2, 3, "\nvalue\n"),
    ("key: |2\n     value\n", 2, 3, "   value\n"),
    ("key: |\n  # a comment of Python\n  value\n", 2, 3, "# a comment of Python\nvalue\n"),
    ("a: 1\r\nkey: |\r\n  one\r\n  two\r\n", 3, 3, "one\ntwo\n"),
    ("\ufeffkey: value\n", 1, 6, "value"),
    ("clé: value\n", 1, 6, "value"),
]


@pytest.mark.parametrize(("written", "line", "column", "value"), PLACES)
def test_text_knows_its_place(written: str, line: int, column: int, value: str) -> None:
    text = list(read(written).values())[-1]
    assert (text.file, text.line, text.column, text) == ("file.yaml", line, column, value)


def test_keys_and_values_know_their_places() -> None:
    data = read("a: 1\nb:\n  - x\n  - {c: 2, d: 3}\n")
    assert [(key, key.line, key.column) for key in data] == [("a", 1, 1), ("b", 2, 1)]
    assert data.marks["a"] == (1, 4, "1")
    assert data["b"].marks == [(3, 5, "x"), (4, 5, "")]
    inner = data["b"][1]
    assert [(key, key.line, key.column) for key in inner] == [("c", 4, 6), ("d", 4, 12)]
    assert inner.marks["d"] == (4, 15, "3")


def test_what_follows_a_plain_text_is_noticed() -> None:
    data = read("a: cut # here\nb: whole#here\nc: 'quoted' # here\n")
    assert [data[key].cut for key in data] == [True, False, False]
