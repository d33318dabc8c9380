"""Strict reading of the TOML catalogues of this package: problems name the file, the line and the entry.

Here belong the shapes that all of them share. What each catalogue holds is said in its own module.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.errors import Problem, SpecError

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class TomlFile:
    """A TOML file's content with its text, so that problems can name a line.

    Attributes:
        file: the file's name.
        text: its text.
        values: its content.
    """

    file: str
    text: str
    values: Mapping[str, Any]

    def row_of_table(self, table: str) -> int | None:
        """Return the line of a table's header, e.g. of ``[indicators.MST_XWAP_SEX_AGE_CBR_NB]``."""
        return self._row(rf"\s*\[{{1,2}}\s*{re.escape(table)}\s*\]")

    def row_of_key(self, key: str) -> int | None:
        """Return the line on which a key is first set."""
        return self._row(rf"\s*{re.escape(key)}\s*=")

    def _row(self, pattern: str) -> int | None:
        lines = enumerate(self.text.splitlines(), 1)
        return next((number for number, line in lines if re.match(pattern, line)), None)


def parse_toml(path: Path) -> TomlFile:
    """Return a TOML file's content.

    Raises:
        SpecError: if the file is missing, not UTF-8 or not TOML.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        return TomlFile(path.name, text, tomllib.loads(text))
    except FileNotFoundError:
        problem = Problem(path.name, None, "TOML_NOT_FOUND", "the file does not exist", "add the file")
    except UnicodeDecodeError:
        problem = Problem(path.name, None, "TOML_SYNTAX", "not UTF-8", "save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        message = f"not TOML: {error}"
        row = int(line.group(1)) if line else None
        problem = Problem(path.name, row, "TOML_SYNTAX", message, "mend the line")
    raise SpecError([problem]) from None


def read_entry(model: type[_Model], values: object, source: TomlFile, table: str) -> _Model:
    """Return one table of a TOML file as a model.

    Args:
        model: what the table must look like.
        values: the table's content.
        source: the file it stands in.
        table: the table's dotted name; '' for the whole file.

    Raises:
        SpecError: with one problem per wrong, missing or unknown key.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        place = f"[{table}] " if table else ""
        row = source.row_of_table(table) if table else None
        keys = ", ".join(model.model_fields)
        raise SpecError(
            [
                Problem(
                    source.file,
                    row,
                    "TOML_VALUE",
                    f"{place}{'.'.join(map(str, detail['loc'])) or 'entry'}: {detail['msg']}",
                    f"keys are {keys}",
                )
                for detail in error.errors()
            ]
        ) from None


def read_entries(model: type[_Model], source: TomlFile, table: str = "") -> dict[str, _Model]:
    """Return the sub-tables of a table (or of the whole file) as models, by name, in file order.

    Raises:
        SpecError: with the problems of all of them.
    """
    entries = source.values.get(table, {}) if table else source.values
    problems: list[Problem] = []
    found: dict[str, _Model] = {}
    for name, values in entries.items():
        dotted = f"{table}.{name}" if table else name
        try:
            found[name] = read_entry(model, values, source, dotted)
        except SpecError as error:
            problems += error.problems
    if not entries:
        problems.append(Problem(source.file, None, "TOML_VALUE", f"no entries of {table or 'any name'}", "add them"))
    if problems:
        raise SpecError(problems)
    return found
