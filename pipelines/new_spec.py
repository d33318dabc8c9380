"""The command ``ilms new-spec``: a draft of a specification from a file and its labels.

Here belongs talking to the terminal. Reading, weighing and writing belong to ``pipelines.scaffold``.
"""

import json
import re
from pathlib import Path
from typing import Any

import click

from pipelines.home import Home
from schemas.codes import load_code_lists
from schemas.periods import Period, PeriodError
from schemas.survey_tables import GUESS

_KEY = re.compile(r"([A-Z]{3})_([A-Z][A-Z0-9]{0,19})")


def _survey(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, str]:
    found = _KEY.fullmatch(value)
    if found is None or found[1] not in load_code_lists()["AREA"].codes:
        raise click.BadParameter("write a country in ISO 3166-1 alpha-3, _ and a name in capitals, such as ESP_EPA")
    return found[1], found[2]


def _period(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Period | None:
    try:
        return Period.parse(value) if value else None
    except PeriodError as error:
        raise click.BadParameter(str(error)) from None


def _readable(**options: Any) -> click.Path:
    return click.Path(exists=True, dir_okay=False, path_type=Path, **options)


@click.command(name="new-spec")
@click.argument("file", type=_readable())
@click.option("--survey", required=True, callback=_survey, metavar="ISO3_NAME", help="Key of the survey, e.g. ESP_EPA.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="this folder",
    help="Folder that holds the <ISO3> folders.",
)
@click.option("--layout", type=_readable(), help="Table of a fixed-width file: variable, start, end or width, label.")
@click.option("--labels", type=_readable(), help="Table of labels: variable, code, label.")
@click.option("--period", callback=_period, metavar="PERIOD", help="Reference period of the file, e.g. 2013-Q4.")
@click.option("--encoding", help="Encoding of the file. [default: detected]")
@click.option("--sheet", help="Sheet of a workbook. [default: the only one]")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")
@click.pass_obj
def new_spec(
    home: Home,
    file: Path,
    *,
    survey: tuple[str, str],
    out: Path,
    layout: Path | None,
    labels: Path | None,
    period: Period | None,
    encoding: str | None,
    sheet: str | None,
    as_json: bool,
) -> None:
    """Draft the specification folder <ISO3>/<NAME> of a FILE of one row per person.

    Variables and codes are guessed by names, labels and values. Every guess is marked, and check-spec refuses the
    draft until a person has confirmed all of them. A folder that exists is never written over.
    """
    from pipelines.scaffold.draft import make_draft
    from pipelines.scaffold.folder import check_target, draft_texts, write_folder
    from pipelines.scaffold.material import read_material
    from pipelines.teller import Teller

    area, survey_id = survey
    folder = out / area / survey_id
    check_target(folder)
    home.prepare()
    tell = Teller()
    with home.scratch() as scratch:
        material = read_material(
            file, scratch, layout=layout, labels=labels, encoding=encoding, sheet=sheet, progress=tell
        )
        tell("looking for concepts")
        draft = make_draft(material, area)
    write_folder(folder, draft_texts(draft, material, area, survey_id, period))
    tell.clear()
    answer = _answer(draft, material)
    if as_json:
        click.echo(json.dumps({"survey": f"{area}_{survey_id}", "folder": str(folder), **answer}, ensure_ascii=False))
        return
    click.echo(_told(f"{area}_{survey_id}", folder, answer))


def _answer(draft: Any, material: Any) -> dict[str, Any]:
    concepts = {}
    for name, item in draft.concepts.items():
        rows = draft.codes.get(name, ())
        open_codes = sum(row.target_code == GUESS for row in rows)
        concepts[name] = {
            "from": "rules" if item.rules else item.expression or item.variable,
            "codes": len(rows),
            "open_codes": open_codes,
            "evidence": item.evidence,
        }
    return {
        "file": material.file,
        "rows": material.rows,
        "variables": len(material.variables),
        "concepts": concepts,
        "not_found": list(draft.absent),
        "warnings": list(material.warnings),
    }


def _told(key: str, folder: Path, answer: dict[str, Any]) -> str:
    concepts = answer["concepts"]
    lines = [f"{key}: {answer['rows']:,} rows, {answer['variables']} variables in {answer['file']}"]
    lines += [f"  note: {text}" for text in answer["warnings"]]
    for name, item in concepts.items():
        codes = f" [{item['codes'] - item['open_codes']} of {item['codes']} codes]" if item["codes"] else ""
        lines.append(f"  guessed  {name:28} {item['from']}{codes}")
    lines += [f"  none     {name}" for name in answer["not_found"]]
    codes = sum(item["codes"] for item in concepts.values())
    open_codes = sum(item["open_codes"] for item in concepts.values())
    lines.append(f"{len(concepts)} concepts guessed, {len(answer['not_found'])} without a variable.")
    lines.append(f"{codes:,} codes listed, {open_codes:,} of them without a guess.")
    lines += [
        f"Written: {folder}",
        "Next:",
        f"  1. Read {folder / 'survey.toml'} from top to bottom; confirm or correct every guess, and answer NOTES.md.",
        f"  2. ilms check-spec {folder}",
        f"  3. ilms check-spec {folder} --file {answer['file']} --period PERIOD",
    ]
    return "\n".join(lines)
