"""What the workbooks say in words of one language: labels, units, periods, sources, notes, reasons.

Here belongs how codes become words. The words themselves are data: ``wording.toml`` and the code lists.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from schemas.codes import Code, CodeList
from schemas.indicators import Indicator
from sdmx_out.catalogue import TEST_NOTE, TEST_TITLE, WITHDRAWN_LABEL, WITHDRAWN_NOTE
from sdmx_out.workbooks.tables import words_of

#: States of the availability table, the one that says most first.
_STATES = ("withdrawn", "unreliable_table", "not_computed", "no_observation", "not_collected")
_NAME = re.compile(r"[a-z_]+")


@dataclass(frozen=True)
class Phrases:
    """Words of one language.

    Attributes:
        language: en, fr or es.
        code_lists: all code lists by id.
        is_test: whether a test extract is told of.
    """

    language: str
    code_lists: Mapping[str, CodeList]
    is_test: bool
    _seen: dict[str, dict[str, str]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Wording by key."""
        return words_of(self.language)

    @cached_property
    def _notes(self) -> Mapping[str, str]:
        types = self._labels("NOTE_TYPE")
        own = {WITHDRAWN_NOTE: WITHDRAWN_LABEL[self.language], TEST_NOTE: TEST_TITLE[self.language]}
        for code, label in self._labels("NOTE").items():
            kind = code.split(":")[0]
            is_own = kind == "ILMS" or kind not in types
            own[code] = label if is_own else self.words["note"].format(type=types[kind], note=label)
        return own

    def _labels(self, name: str) -> dict[str, str]:
        if name not in self._seen:
            self._seen[name] = {item.code: self.label(item) for item in self.code_lists[name].items}
        return self._seen[name]

    def label(self, item: Code) -> str:
        """Return an item's label."""
        return str(getattr(item, self.language))

    def name(self, list_id: str, code: str) -> str:
        """Return the label of a code of a list; the code itself where the list does not have it."""
        return self._labels(list_id).get(code, code)

    def note(self, code: str) -> str:
        """Return a note in words; its id where no list has it."""
        return self._notes.get(code, code)

    def source(self, text: str) -> str:
        """Return a source in words: its type by its label, its name as it is."""
        if self.is_test:
            text = text.replace(TEST_TITLE["en"], TEST_TITLE[self.language])
        kind, separator, name = text.partition(":")
        return f"{self.name('SOURCE', kind)}, {name}" if separator else text

    def unit(self, indicator: Indicator) -> str:
        """Return the unit of an indicator's figures."""
        measure = self.name("UNIT_MEASURE", indicator.unit_measure)
        if indicator.unit_mult == 0:
            return measure
        return f"{measure} ({self.name('UNIT_MULT', str(indicator.unit_mult)).lower()})"

    def period(self, time: str) -> str:
        """Return a period as readers write it."""
        year, _, rest = time.partition("-")
        if not rest:
            return year
        kind, number = (rest[0], rest[1:]) if rest[0].isalpha() else ("M", rest)
        return self.words[f"period_{kind}"].format(year=year, number=number)

    def reason(self, rows: Iterable[Mapping[str, str]]) -> str | None:
        """Return why an indicator has no figures in an area, from its rows of the availability table."""
        told: dict[str, set[str]] = {}
        for row in rows:
            told.setdefault(row["availability"], set()).update(_NAME.findall(row["reason"]))
        state = next((state for state in _STATES if state in told), None)
        if state is None:
            return None
        lacking = sorted(f"needs_{name}" for name in told[state] if f"needs_{name}" in self.words)
        if state != "not_collected" or not lacking:
            return self.words[state]
        return self.words["lacks"].format(
            reason=self.words[state], columns=", ".join(self.words[key] for key in lacking)
        )

    def list_title(self, codes: CodeList) -> str:
        """Return the title of a classification version."""
        return codes.title[self.language]
