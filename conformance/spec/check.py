"""Faults that no single value shows: names out of scope, ids used twice, arguments that do not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .document import Map
from .faults import Fault, did_you_mean, quote
from .formula import Formula
from .signature import Arguments, Signature
from .source import Source, SourceError
from .text import Text


class Check:
    """Collects the faults of one spec."""

    def __init__(self, file: str, data: Map, partial: bool = False) -> None:
        self.file, self.data = file, data
        self.partial = partial
        """Whether wrong parts of the spec were left out; then nothing is reported as missing."""
        self.faults: list[Fault] = []

    def fault(self, where: Text, message: str, suggestion: str = "") -> None:
        self.faults.append(Fault(self.file, where.line, where.column, message, suggestion))

    def missing(self, where: Text, message: str, suggestion: str = "") -> None:
        if not self.partial:
            self.fault(where, message, suggestion)

    def key(self, *path: str) -> Text:
        """The key at the end of a path of keys, or the nearest one above that is there."""
        level, found = self.data, next(iter(self.data), Text("", self.file))
        for name in path:
            key = level.key(name) if isinstance(level, Map) else None
            if key is None:
                break
            level, found = level[key], key
        return found

    def source(self, source: Source | None, *known: Collection[str]) -> None:
        """Faults for the names in a text that are not known where it stands."""
        if source is not None:
            for remark in source.unknown(*known):
                self.faults.append(remark.at(self.file))

    def sources(self, sources: Iterable[Source], *known: Collection[str]) -> None:
        for source in sources:
            self.source(source, *known)

    def bind(
        self,
        signature: Signature,
        arguments: Arguments,
        key: Text,
        without: Collection[str] = (),
        supplied: Collection[str] | None = None,
    ) -> None:
        """Faults for arguments that do not fit a signature; those of no arguments stand at ``key``."""
        try:
            signature.bind(arguments, without=without, supplied=supplied)
        except SourceError as error:
            for remark in error.remarks:
                line, column = (
                    (remark.line, remark.column) if arguments.text.strip() else (key.line, key.column)
                )
                self.faults.append(Fault(self.file, line, column, remark.message, remark.suggestion))

    def known(self, used: Iterable[Text], known: Collection[str], what: str) -> None:
        """Faults for words that name nothing."""
        for word in used:
            if word not in known:
                self.fault(word, f"{quote(word)} is not {what}", did_you_mean(word, sorted(known)))

    def known_not(self, used: Iterable[Text], taken: Collection[str]) -> None:
        """Faults for ids that belong to derived clauses."""
        for id in used:
            if id in taken:
                self.fault(id, f"the id {quote(id)} belongs to a clause that is derived from every spec")

    def unique(self, *groups: Iterable[Text]) -> None:
        """Faults for ids that are used twice."""
        first: dict[str, Text] = {}
        for group in groups:
            for id in group:
                if id in first:
                    self.fault(id, f"the id {quote(id)} is used twice (first on line {first[id].line})")
                first.setdefault(id, id)

    def unused(self, given: Iterable[Text], program: Source) -> None:
        """Faults for inputs that a program never reads."""
        for name in given:
            if name not in program.free and name not in program.bound:
                self.fault(name, f"{quote(name)} is given and never used")

    def assigned(self, update: Formula, names: Collection[str], what: str) -> None:
        """Faults for assignments to names that may only be read."""
        for name, node in update.assignments().items():
            if name in names:
                line, column = update.place(node)
                self.faults.append(Fault(self.file, line, column, f"{quote(name)} is {what}"))
