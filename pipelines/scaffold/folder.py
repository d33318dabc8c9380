"""The folder of a drafted specification: the texts of its files, and writing them whole or not at all.

Here belongs how a draft is written down. What is proposed belongs to ``draft``.
"""

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipelines.scaffold.draft import ConceptDraft, Draft
from pipelines.scaffold.material import Material
from schemas.concepts import load_concepts
from schemas.errors import Problem, SpecError
from schemas.periods import Period
from schemas.survey_files import TABLES

#: Most codes of a variable that may be named in messages.
_CLOSED = 20

_BLOCKS = ("worked_one_hour", "job_search", "available")
_NOT_FOUND = "? no variable found: say why, or give the variable"

_HEAD = """\
# Draft of {key}, made by ilms new-spec from {file}: {rows:,} rows, {variables} variables.
#
# Every line with guess = true, every text that begins with ? and every target that begins with ? is a guess. Correct
# it or confirm it, then remove the mark; ilms check-spec refuses the draft until no mark is left.
# What the keys mean: docs/describe-a-survey.md and the definitions in schemas/dictionary/.
"""

_NOTES = """\
# {key}

Draft made from {file}. Answer below, half a page in all, for the next statistician; then remove the questions.

- **Source.** Who made the file, from which survey and period, under which licence? Is it the whole file?
- **Design.** How were households drawn? What are stratum and PSU, and does every person have them? Replicate weights?
- **Weight.** What does it sum to, and is it calibrated on foreigners? Are there implied decimals?
- **Residence.** Who is listed: usual residents, or also visitors? 12 or 6 months?
- **Labour force.** Which questions make the status? Who is not asked what? Is the absence judged by its reason alone?
- **Migration.** Who is asked for country of birth, citizenship, arrival? What do blanks mean?
- **Classifications.** Which version of ISIC, ISCO and ISCED; how many digits; are leading zeros lost?
- **Codes without a document.** Which codes of the file does the questionnaire not explain?
- **Checks.** Which published totals does the file reproduce?
{warnings}"""


def draft_texts(draft: Draft, material: Material, area: str, survey_id: str, period: Period | None) -> dict[str, str]:
    """Return relative name -> text of every file of the folder.

    Args:
        draft: what is proposed.
        material: the file that it was made from.
        area: the survey's country, ISO 3166-1 alpha-3.
        survey_id: the survey's id within the country.
        period: the file's reference period, where it was given.
    """
    key = f"{area}_{survey_id}"
    head = _HEAD.format(key=key, file=_comment(material.file), rows=material.rows, variables=len(material.variables))
    sections = [
        head,
        _survey(draft, material, area, survey_id, period),
        _population(),
        _design(draft),
        _labour_force(draft),
        _file(draft, material),
        _concepts(draft),
        _not_collected(draft),
    ]
    warnings = "".join(f"- {_comment(text)}\n" for text in material.warnings)
    if warnings:
        warnings = f"\nSeen while reading:\n\n{warnings}"
    texts = {
        "survey.toml": "\n".join(section for section in sections if section),
        "layout.csv": _table(
            "layout.csv",
            ((item.name, item.label, item.start or "", item.width or "") for item in material.variables),
        ),
        "NOTES.md": _NOTES.format(key=key, file=_comment(material.file), warnings=warnings),
    }
    for name, codes in draft.codes.items():
        texts[f"codes/{name}.csv"] = _table(
            "codes/", ((row.source_code, row.source_label, row.target_code, "", "", row.note) for row in codes)
        )
    for name, rules in draft.rules.items():
        texts[f"rules/{name}.csv"] = _table(
            "rules/", ((order, rule.when, rule.value, rule.note) for order, rule in enumerate(rules, start=1))
        )
    return texts


def check_target(folder: Path) -> None:
    """Refuse to write over a specification.

    Raises:
        SpecError: SPEC_EXISTS.
    """
    if folder.exists() or folder.is_symlink():
        label = f"{folder.parent.name}/{folder.name}"
        remedy = "Remove it, or write the draft elsewhere with --out"
        raise SpecError([Problem(label, None, "SPEC_EXISTS", "the folder exists and is left as it is", remedy)])


def write_folder(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the files of a folder <ISO3>/<SURVEY> that does not exist yet, whole or not at all.

    Raises:
        SpecError: SPEC_EXISTS where the folder exists.
    """
    check_target(folder)
    root = folder.parent.parent
    root.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".new-spec-", dir=root))
    try:
        for name, text in texts.items():
            path = part / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        part.chmod(0o755)
        folder.parent.mkdir(exist_ok=True)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


# --- survey.toml ---------------------------------------------------------------------------------


def _section(name: str, lines: Iterable[tuple[str, str]]) -> str:
    """Return one section; each line with its comment."""
    return f"[{name}]\n" + "".join(f"{line:36} # {note}\n" if note else f"{line}\n" for line, note in lines)


def _survey(draft: Draft, material: Material, area: str, survey_id: str, period: Period | None) -> str:
    names = [item.variable for name, item in draft.concepts.items() if item.variable and name in draft.codes]
    by_name = material.by_name
    closed = [name for name in dict.fromkeys(names) if 0 < by_name[name].profile.distinct <= _CLOSED]
    frequency = period.frequency if period is not None else "A"
    lines = [
        (f"area = {_text(area)}", "ISO 3166-1 alpha-3"),
        (f"id = {_text(survey_id)}", f"rounds are {area}_{survey_id}_<period>"),
        ('title = {en = "? name of the survey; look at every key of this section", fr = "?", es = "?"}', ""),
        ('organisation = {en = "? name of the office", fr = "?", es = "?"}', ""),
        ('source = "BA"', "BA labour force survey, AA population census, BX other household survey"),
        (f"frequency = {_text(frequency)}", "A yearly, S half-yearly, Q quarterly, M monthly"),
        ('extract = "test"', "national; test for a file that is no national data (released apart)"),
        ("precedence = 50", "of two sources for one figure the lower is published"),
        ("closed_codes = []", "variables whose codes may be named in messages: no rare groups"),
    ]
    lines += [(f"# closed_codes = {_list(closed)}", "")] if closed else []
    if period is not None:
        lines.append((f'periods = {{from = "{period}", to = ""}}', "rounds that the specification holds for"))
    return _section("survey", lines)


def _population() -> str:
    return _section(
        "population",
        [
            ('coverage = {en = "? who is covered; look at every key of this section", fr = "?", es = "?"}', ""),
            ("working_age = 15", "lower limit of the questions on work"),
            ("usual_residence_months = 12", "12 or 6: who counts as a resident"),
            ("residence_by_design = true", "true where only usual residents are listed"),
            ('reference_week = "? which days the questions on work are about"', ""),
            ("notes = []", 'ILOSTAT notes such as "S5:40", "T2:84": schemas/code_lists/NOTE.csv'),
        ],
    )


def _design(draft: Draft) -> str:
    variance = "taylor" if "psu" in draft.concepts else "none"
    return _section(
        "design",
        [
            (f'variance = "{variance}"', "taylor (needs psu), replicates, deff or none: docs, Estimation"),
            ('lonely_psu = "fail"', "a stratum with one PSU: fail, remove, certainty, adjust or average"),
            ("confidential_below_5 = true", ""),
        ],
    )


def _labour_force(draft: Draft) -> str:
    dictionary = load_concepts()
    of_work = {"employed", "not_employed", "outside_labour_force", "absent"}
    given = {name for name in draft.concepts if dictionary[name].universe in of_work}
    given |= set(draft.concepts) & {*_BLOCKS, "declared_labour_force_status"}
    if not given:
        return "# No [labour_force]: no variable of work was found.\n"
    is_blocks = set(_BLOCKS) <= set(draft.concepts)
    source, icls = ("building_blocks", "19") if is_blocks else ("declared", "13")
    test = "full" if {"absence_months", "absence_paid"} & set(draft.concepts) else "reason"
    return _section(
        "labour_force",
        [
            (f'source = "{source}"', "building_blocks (the questions) or declared (a status in the file)"),
            (f'icls = "{icls}"', "which resolution feeds the published ids"),
            (f'absence_test = "{test}"', "full where duration or pay of an absence is asked"),
            ("notes = []", ""),
        ],
    )


def _file(draft: Draft, material: Material) -> str:
    lines = ["[[file]]", 'name = "persons"', f"format = {_text(material.format)}"]
    for key, value in (
        ("member", material.member),
        ("encoding", material.encoding),
        ("delimiter", material.delimiter if material.format == "csv" else None),
        ("sheet", material.sheet),
    ):
        if value:
            lines.append(f"{key} = {_text(value)}")
    variable = draft.record_type
    if variable is not None and material.format in ("csv", "fwf"):
        codes = _list(sorted(variable.profile.values))
        lines.append(f"# If {_comment(variable.name)} ({_comment(variable.label)}) tells record types apart:")
        lines.append(f"# records = {{variable = {_text(variable.name)}, codes = {codes}}}")
    return "\n".join(lines) + "\n"


def _concepts(draft: Draft) -> str:
    lines = ["[concepts]"]
    lines += [
        f"{name} = {{{_entry(item)}, guess = true}}  # {_comment(item.evidence)}"
        for name, item in draft.concepts.items()
    ]
    return "\n".join(lines) + "\n"


def _entry(item: ConceptDraft) -> str:
    if item.rules:
        return "rules = true"
    parts = [
        f"expression = {_text(item.expression)}" if item.expression else f"variable = {_text(item.variable or '')}"
    ]
    if item.codes:
        parts.append(f"codes = {_text(item.codes)}")
    if item.classification:
        parts.append(f"classification = {_text(item.classification)}")
    if item.missing:
        parts.append(f"missing = {_list(item.missing)}")
    return ", ".join(parts)


def _not_collected(draft: Draft) -> str:
    lines = ["[not_collected]", "# Readers of the tables see these reasons."]
    lines += [f"{name} = {_text(_NOT_FOUND)}" for name, is_expected in draft.absent.items() if is_expected]
    rare = [name for name, is_expected in draft.absent.items() if not is_expected]
    if rare:
        lines.append("# Asked in few surveys: delete the lines that no reader would look for.")
        lines += [f"{name} = {_text(_NOT_FOUND)}" for name in rare]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _comment(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _table(kind: str, rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(TABLES[kind])
    writer.writerows(rows)
    return out.getvalue()
