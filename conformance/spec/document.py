"""YAML text to plain data that remembers its places, with the scalars of YAML 1.2.

PyYAML's parser supplies events; what they mean is decided here, because YAML 1.1's resolver makes ``no`` a
boolean, ``017`` the number 15 and ``1e-3`` a string. Mappings become ``Map``, sequences ``Seq``, strings and
all keys ``Text``. What a spec has no use for (anchors, tags, several documents) is a fault, and so is what
would silently mean something else (duplicate keys, an unquoted ``None``).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from .faults import Fault, quote
from .text import Text

PARSER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
DEEPEST = 20
"""No spec nests deeper; a limit keeps a hostile file from exhausting the stack of whoever walks the data."""
INTEGER = re.compile(r"[-+]?[0-9]+")
RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITE = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}
NUMERIC_START = frozenset("0123456789+-.")
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


class Mark(NamedTuple):
    """Where a value starts, and how a scalar was written."""

    line: int
    column: int
    raw: str = ""


class Map(dict[Text, Any]):
    """A mapping with the places of its values (its keys are ``Text`` and know theirs)."""

    __slots__ = ("mark", "marks", "flow")

    def __init__(self, mark: Mark, flow: bool) -> None:
        super().__init__()
        self.mark, self.flow = mark, flow
        self.marks: dict[str, Mark] = {}

    def key(self, name: str) -> Text | None:
        """The key as it was written, with its place."""
        return next((key for key in self if key == name), None)


class Seq(list[Any]):
    """A sequence with the places of its items."""

    __slots__ = ("mark", "marks")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: list[Mark] = []


class Empty:
    """The value of a key after which nothing was written."""

    def __repr__(self) -> str:
        return "nothing"


class TooDeep(Exception):
    """A document is nested too deep to be read."""


class Broken:
    """Stands for a value that is already reported as a fault."""


EMPTY = Empty()
BROKEN = Broken()


class Reader:
    """Reads one document; ``faults`` collects what is wrong with it."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        self.lines = self.text.split("\n")
        self.faults: list[Fault] = []
        self.next_event: Any = None

    def fault(self, line: int, column: int, message: str, suggestion: str = "") -> None:
        self.faults.append(Fault(self.file, line, column, message, suggestion))

    def read(self) -> Any:
        """The document's data, or ``BROKEN`` where it cannot be parsed at all."""
        for number, line in enumerate(self.lines, 1):
            if not line.isprintable():
                for found in FORBIDDEN.finditer(line):
                    code = f"U+{ord(found.group()):04X}"
                    self.fault(number, found.start() + 1, f"the character {code} does not belong in a spec")
        if self.faults:
            return BROKEN
        try:
            self.next_event = PARSER(self.text).get_event
            return self.document()
        except TooDeep:
            pass  # reported, and not read to its end: the parser takes quadratic time for that
        except yaml.MarkedYAMLError as error:
            self.syntax_error(error)
        except yaml.YAMLError as error:
            self.fault(1, 1, f"not YAML: {error}")
        return BROKEN

    def syntax_error(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        line = min(line, len(self.lines))
        shown = self.lines[line - 1]
        message = f"not YAML: {error.problem or error.context}" + (
            f": {quote(shown)}" if shown.strip() else ""
        )
        hint = ""
        if "\t" in shown[:column]:
            hint = "indent with spaces, not tabs"
        elif error.problem and "mapping values are not allowed" in error.problem:
            hint = "a text that holds `: ` is quoted, or a `|` block"
        self.fault(line, column, message, hint)

    def document(self) -> Any:
        """The first document; a second one is a fault."""
        root: Any = EMPTY
        documents = 0
        while type(event := self.next_event()) is not yaml.StreamEndEvent:
            if type(event) is yaml.DocumentStartEvent:
                documents += 1
                mark: Any = event.start_mark
                if event.version or event.tags:
                    self.fault(mark.line + 1, mark.column + 1, "a spec has no `%` directives")
                if documents == 1:
                    root = self.value(self.next_event(), 1)[0]
                else:
                    self.fault(mark.line + 1, mark.column + 1, "a second document: one file is one spec")
                    self.skip(self.next_event())
        return root

    def value(self, event: Any, depth: int) -> tuple[Any, Mark]:
        """What an event starts, read to its end."""
        kind = type(event)
        start = event.start_mark
        line, column = start.line + 1, start.column + 1
        if kind is yaml.AliasEvent:
            self.fault(line, column, f"`*{event.anchor}`: a spec has no aliases", "write the value again")
            return BROKEN, Mark(line, column)
        if event.anchor is not None:
            self.fault(line, column, f"`&{event.anchor}`: a spec has no anchors", "write the value again")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.fault(line, column, f"`{tag}`: a spec has no tags")
        if kind is yaml.ScalarEvent:
            return self.scalar(event, line, column), Mark(line, column, event.value)
        mark = Mark(line, column)
        if depth > DEEPEST:
            self.fault(line, column, f"nested more than {DEEPEST} deep")
            raise TooDeep
        if kind is yaml.MappingStartEvent:
            return self.mapping(Map(mark, bool(event.flow_style)), depth), mark
        sequence = Seq(mark)
        while type(event := self.next_event()) is not yaml.SequenceEndEvent:
            item, place = self.value(event, depth + 1)
            sequence.append(item)
            sequence.marks.append(place)
        return sequence, mark

    def mapping(self, mapping: Map, depth: int) -> Map:
        while type(event := self.next_event()) is not yaml.MappingEndEvent:
            mark = event.start_mark
            line, column = mark.line + 1, mark.column + 1
            if type(event) is not yaml.ScalarEvent:
                self.fault(line, column, "a key is a plain word, not a list, a map or an alias")
                self.skip(event)
                self.skip(self.next_event())
                continue
            if event.anchor is not None or event.tag is not None:
                self.fault(line, column, f"the key {quote(event.value)} has an anchor or a tag")
            key = Text(event.value, self.file, line, column, event.style or "")
            value, place = self.value(self.next_event(), depth + 1)
            if key in mapping:
                first = mapping.key(key)
                at = f" (first on line {first.line})" if first else ""
                self.fault(line, column, f"the key {quote(key)} is written twice{at}")
            else:
                mapping[key] = value
                mapping.marks[key] = place
        if mapping.flow:
            self.mend(mapping)
        return mapping

    def mend(self, mapping: Map) -> None:
        """Reports values that a comma cut in two: the flow mapping ``{x: leaf(3, 4)}`` has the key ``4)``."""
        cut: Text | None = None
        joined = ""
        for key in list(mapping):
            if cut is not None and mapping[key] is EMPTY:
                joined += f", {key}"
                del mapping[key]
                if is_open(joined):
                    continue
                mark = mapping.marks[cut]
                mapping[cut] = BROKEN
                hint = "inside `{...}` quote it, or give each key a line of its own"
                self.fault(mark.line, mark.column, f"{quote(joined)} is cut at its comma", hint)
                cut = None
            else:
                value = mapping[key]
                cut = key if isinstance(value, Text) and not value.style and is_open(value) else None
                joined = mapping.marks[key].raw

    def skip(self, event: Any) -> None:
        """Reads past whatever an event starts."""
        depth = 0
        while True:
            kind = type(event)
            if kind in (yaml.MappingStartEvent, yaml.SequenceStartEvent):
                depth += 1
            elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
                depth -= 1
            if depth <= 0:
                return
            event = self.next_event()

    def scalar(self, event: Any, line: int, column: int) -> Any:
        """The value of a scalar by YAML 1.2's core rules, with `true`, `false`, `null` in lower case only."""
        raw: str = event.value
        style: str = event.style or ""
        if (style == "|" or style == ">") and not raw.strip():
            return EMPTY
        if style == "|" or style == ">":
            return self.block(raw, style, line, column)
        if style:
            return Text(raw, self.file, line, column + 1, style, False, event.end_mark.line == line - 1)
        if raw == "":
            return EMPTY
        if raw[0] in NUMERIC_START:
            number = self.number(raw, line, column)
            if number is not None:
                return number
        elif raw == "true" or raw == "false":
            return raw == "true"
        elif raw == "null" or raw == "~":
            return None
        elif raw.lower() == "none":
            self.fault(line, column, f"unquoted `{raw}`", 'write `"None"` for Python\'s, `null` for no value')
            return BROKEN
        end = event.end_mark
        rest = self.lines[end.line][end.column :].lstrip()
        return Text(raw, self.file, line, column, style, rest[:1] == "#", end.line == line - 1)

    def number(self, raw: str, line: int, column: int) -> int | float | object | None:
        try:
            if INTEGER.fullmatch(raw):
                return int(raw)
            if RADIX.fullmatch(raw):
                return int(raw, 0)
        except ValueError:
            self.fault(line, column, f"{quote(raw)}: a number of {len(raw)} digits")
            return BROKEN
        if FLOAT.fullmatch(raw):
            number = float(raw)
            if number in INFINITE.values():
                self.fault(line, column, f"{quote(raw)} overflows", "write `inf`")
                return BROKEN
            return number
        return INFINITE.get(raw)

    def block(self, raw: str, style: str, line: int, column: int) -> Text:
        """A block scalar: a literal one starts on the next line, where its first full line is indented."""
        if style == ">":
            return Text(raw, self.file, line, column, style, False, False)
        offset, content = next((n, text) for n, text in enumerate(raw.split("\n")) if text.strip())
        indent = len(self.lines[line + offset]) - len(content)
        return Text(raw, self.file, line + 1, indent + 1, style, False, False)


def is_open(text: str) -> bool:
    """Whether a text has brackets that it does not close."""
    return any(text.count(left) > text.count(right) for left, right in ("()", "[]"))
