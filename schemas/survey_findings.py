"""What the checks of a specification share: what a folder is compared with, and the problems found.

Here belongs noting a problem at its line. The checks themselves are in schemas.survey_checks and
schemas.survey_tables.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.codes import CodeList
from schemas.concepts import Concept, Universe
from schemas.countries import HistoricalRule
from schemas.errors import Problem
from schemas.expressions import Expression, ExpressionError, Kind, parse_expression
from schemas.survey_files import toml_line

#: A variable compared with the empty text.
_BLANK_TEXT = re.compile(r"""[\w"]\s*(=|<>|!=)\s*''(?!')""")


@dataclass
class Findings:
    """The folder under check and its problems so far.

    Attributes:
        label: name of the folder in problems, <ISO3>/<SURVEY>.
        dictionary: concepts by name.
        code_lists: code lists by id.
        universes: universes by name.
        problems: found so far.
        columns: variables of layout.csv with their kind in the rule language.
        toml_text: text of survey.toml, for lines.
        place: folder of the tables under check, with its slash; empty for those of persons.
        section: section of survey.toml that holds the concepts under check.
        historical_states: what the survey makes of states that no longer exist.
    """

    label: str
    dictionary: Mapping[str, Concept]
    code_lists: Mapping[str, CodeList]
    universes: Mapping[str, Universe]
    problems: list[Problem] = field(default_factory=list)
    columns: dict[str, Kind] = field(default_factory=dict)
    toml_text: str = ""
    place: str = ""
    section: str = "concepts"
    historical_states: HistoricalRule = "refuse"

    def path(self, file: str) -> str:
        """The name of a file in problems."""
        return f"{self.label}/{self.place if file.startswith(('codes/', 'rules/')) else ''}{file}"

    def add(self, file: str, row: int | None, rule: str, message: str, remedy: str) -> None:
        """Note one problem."""
        self.problems.append(Problem(self.path(file), row, rule, message, remedy))

    def add_toml(self, section: str, key: str | None, rule: str, message: str, remedy: str) -> None:
        """Note one problem of survey.toml at the line of a key."""
        self.add("survey.toml", toml_line(self.toml_text, section, key), rule, message, remedy)

    def declared(self, variable: str, section: str, key: str) -> None:
        """Note a variable that layout.csv does not declare."""
        if variable not in self.columns:
            message = f"variable {variable!r} is not in layout.csv"
            self.add_toml(
                section,
                key,
                "SPEC_VARIABLE_UNKNOWN",
                message,
                "Declare it, or correct its spelling (case counts)",
            )

    def known(self, name: str, section: str) -> Concept | None:
        """The concept of a name, or None and a problem."""
        if name in self.dictionary:
            return self.dictionary[name]
        near = difflib.get_close_matches(name, self.dictionary, n=1)
        remedy = f"Did you mean {near[0]}?" if near else "Use a name of schemas/dictionary"
        message = f"there is no concept {name!r}"
        self.add_toml(section, name, "SPEC_CONCEPT_UNKNOWN", message, remedy)
        return None

    def expression(self, text: str, expect: Kind, file: str, row: int | None) -> Expression | None:
        """An expression of the kind expected, or None and a problem."""
        if _BLANK_TEXT.search(text):
            message = "a variable is compared with the empty text, but a blank answer is NULL in every file format"
            self.add(file, row, "EXPRESSION_BLANK", message, "Write IS NULL or IS NOT NULL")
            return None
        try:
            return parse_expression(text, self.columns, expect=expect)
        except ExpressionError as error:
            self.add(file, row, error.rule, error.message, error.remedy)
            return None
