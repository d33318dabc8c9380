"""Writing what a registry serves into the project's data files.

Here belongs what is taken over: new codes are added at the end of their list, labels are replaced. A code that is
served no more stays, because surveys map to it; it is for a person to remove. All files are written or none.
"""

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from schemas.codes import (
    Code,
    CodeList,
    read_code_lists,
    read_country_groups,
    read_hierarchy,
    read_status_map,
)
from sdmx_out.files import TEMPORARY_PREFIX
from sdmx_out.structure_pull.difference import place_of
from sdmx_out.structure_pull.registry import ServedCode

_COLUMNS = ("code", "label_en", "label_fr", "label_es", "order", "level", "parent", "is_total")
_AREA_COLUMNS = ("iso2", "iso_numeric", "is_test")


def updated(codes: CodeList, served: Sequence[ServedCode]) -> CodeList:
    """Return a list with the served labels and codes; a language that is not served gets the first that is."""
    there = {code.code: code for code in served}
    items = [_relabelled(item, there.get(item.code)) for item in codes.items]
    known = {item.code for item in items}
    for code in served:
        if code.code in known or not code.labels:
            continue
        parent = code.parent if code.parent in known else None
        new = Code(
            code=code.code, en="", fr="", es="", order=items[-1].order + 1, level=2 if parent else 1,
            is_total=False, parent=parent,
        )  # fmt: skip
        items.append(_relabelled(new, code))
        known.add(code.code)
    return replace(codes, items=tuple(items))


def _relabelled(item: Code, served: ServedCode | None) -> Code:
    if served is None or not served.labels:
        return item
    first = next(iter(served.labels.values()))
    return replace(
        item,
        en=served.labels.get("en") or item.en or first,
        fr=served.labels.get("fr") or item.fr or first,
        es=served.labels.get("es") or item.es or first,
    )


def file_text(codes: CodeList) -> str:
    """Return the file of a list as the project writes it."""
    is_area = codes.id == "AREA"
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(_COLUMNS + _AREA_COLUMNS if is_area else _COLUMNS)
    for item in codes.items:
        row = [item.code, item.en, item.fr, item.es, item.order, item.level, item.parent or "", _yes(item.is_total)]
        writer.writerow([*row, item.iso2, item.iso_numeric, _yes(item.is_test)] if is_area else row)
    return made.getvalue()


def _yes(value: bool) -> str:
    return "Y" if value else "N"


def update_files(
    folder: Path,
    code_lists: Mapping[str, CodeList],
    served: Mapping[str, Sequence[ServedCode]],
    held: Mapping[str, Sequence[CodeList]],
) -> list[str]:
    """Write the lists that change, and return their names.

    Args:
        folder: of the code lists.
        code_lists: as they are now.
        served: served list -> its codes.
        held: served list -> lists of ours that it holds.

    Raises:
        SpecError: the lists would not agree with each other; nothing was written.
    """
    changed: dict[str, str] = {}
    for name, codes in served.items():
        for ours in held[name]:
            its = [code for code in codes if place_of(code.code, held[name]) is ours]
            new = updated(code_lists[ours.id], its)
            if new != code_lists[ours.id]:
                changed[f"{ours.id}.csv"] = file_text(new)
    with TemporaryDirectory() as trial_name:
        trial = Path(trial_name) / "code_lists"
        shutil.copytree(folder, trial)
        for file, text in changed.items():
            (trial / file).write_text(text, encoding="utf-8")
        lists = read_code_lists(trial)
        read_hierarchy(trial, lists)
        read_country_groups(trial, lists)
        read_status_map(trial, lists)
    for file, text in changed.items():
        temporary = folder / f"{TEMPORARY_PREFIX}{file}"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / file)
    return sorted(changed)
