"""A release: an immutable folder with everything that the public gets, and what it came from.

Here belong what a release is made of, its identity, its figures and its README. How its files are written is said in
``release_content``; how a candidate becomes public, in ``candidates`` and ``gate``.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from schemas.codes import CodeList, SdmxStatus
from schemas.indicators import Indicator
from schemas.roles import LARGEST_CHANGE
from sdmx_out.catalogue import TEST_AREAS
from sdmx_out.metadata.report import Report as MetadataReport
from sdmx_out.releases.protection_report import REASONS

Kind = Literal["default", "test"]
State = Literal["waiting", "approved", "published", "rejected", "reopened", "superseded"]
LATEST: dict[Kind, str] = {"default": "latest", "test": "latest-test"}
TEST_PREFIX = "test-"
TITLE = {
    "en": "Labour migration statistics",
    "fr": "Statistiques de migration de main-d'œuvre",
    "es": "Estadísticas de migración laboral",
}
STRUCTURES = "structure/structures.xml"
STRUCTURES_30, STRUCTURES_JSON = "structure/structures-3.0.xml", "structure/structures.json"
CHANGES, PROVENANCE, README, TOC, FACTS = "changes.csv", "provenance.json", "README.txt", "toc.csv", "release.json"
#: Files, and folders of files, that tell of a release or follow from its other files, its date and the release before;
#: they do not decide whether it is a new one.
ABOUT = (
    *(CHANGES, PROVENANCE, README, STRUCTURES_30, STRUCTURES_JSON, "notes/"),
    *("data/delta/", "data/deleted/", "data/ilostat-both/", "data/parquet/"),
    *("data/sdmx-csv-2.0/", "data/sdmx-json-2.0/", "data/sdmx-ml-2.1/", "data/sdmx-ml-3.0/"),
    *("metadata/reference_metadata_", "metadata/metadata_structures_", "profiles/", "workbooks/"),
)


@dataclass(frozen=True)
class Request:
    """What a release is made of.

    Attributes:
        tables: Parquet files of protected estimates, one row per cell.
        availability: Parquet files that say what is published and why the rest is not.
        indicators: the whole catalogue of indicators by id.
        code_lists: all code lists by id.
        status_map: ILOSTAT's status letter, '' included -> its codes in the cross-domain lists.
        release_date: the only date that a release knows.
        provenance: files, specifications and code that the numbers came from; JSON values.
        draft: whether the release says that it is not final.
        kind: `test` marks titles, sources and notes, and has its own `latest-test`.
        title: of the release, by language.
        quality: Parquet files of the coverage and quality of rounds.
        protection: partition -> protection report; one that does not exist is told of as missing.
        largest_change: share of the value before, above which a changed total is shown to the approver.
        is_protection_required: whether a missing protection report forbids the release.
        organisations: survey -> language -> name of who is behind it; every survey of the tables is there.
        reports: reference metadata of surveys and rounds.
        writer: tells the code that writes releases from other versions of it; what follows from files that did not
            change is taken from the release before only if the same code wrote it.
        is_full: whether more is written than the tables and SDMX-CSV 1.0: all other formats, workbooks, profiles,
            reference metadata.
        told: is given a line of progress now and then.
    """

    tables: Sequence[Path]
    availability: Sequence[Path]
    indicators: Mapping[str, Indicator]
    code_lists: Mapping[str, CodeList]
    status_map: Mapping[str, SdmxStatus]
    release_date: date
    provenance: Mapping[str, object]
    draft: bool = False
    kind: Kind = "default"
    title: Mapping[str, str] = field(default_factory=lambda: TITLE)
    quality: Sequence[Path] = ()
    protection: Mapping[str, Path] = field(default_factory=dict)
    largest_change: float = LARGEST_CHANGE
    is_protection_required: bool = False
    organisations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    reports: Sequence[MetadataReport] = ()
    writer: str = ""
    is_full: bool = True
    told: Callable[[str], None] = lambda _: None

    @property
    def is_test(self) -> bool:
        """Whether it is made of test extracts."""
        return self.kind == "test"


@dataclass(frozen=True)
class ReleaseResult:
    """What making a release came to.

    Attributes:
        folder: the folder that holds these numbers: the release, or the candidate that waits.
        is_new: whether it was made by this call.
        files: number of files in it.
        rows: number of cells, suppressed ones included.
        indicators: number of indicators with at least one row.
        areas: number of areas with at least one row.
        changes: cells by kind of change since the release before; empty for a first release.
        state: `published`, `waiting` for an approver, or `rejected` before with the same content.
        identifier: of the candidate or release.
        comment: why it was rejected; '' otherwise.
    """

    folder: Path
    is_new: bool
    files: int
    rows: int
    indicators: int
    areas: int
    changes: Mapping[str, int] = field(default_factory=dict)
    state: State = "published"
    identifier: str = ""
    comment: str = ""


def latest_release(target_root: Path, kind: Kind) -> Path | None:
    """Folder of the latest release of a kind, or None."""
    link = target_root / LATEST[kind]
    return target_root / link.readlink().name if link.is_symlink() and link.is_dir() else None


def read_facts(folder: Path) -> dict[str, object]:
    """What `release.json` says."""
    facts: dict[str, object] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return facts


def content_sha256(hashes: Mapping[str, str], structures: bytes, facts: Mapping[str, object]) -> str:
    """SHA-256 of the names and hashes of all content; structures count without their date.

    Args:
        hashes: file -> sha256; files that only tell of the release are left out of account.
        structures: the structures without their date.
        facts: kind, draft, title and formats; releases that were made before there was a choice have tables.
    """
    told = {name: digest for name, digest in hashes.items() if not name.startswith(ABOUT)}
    told[STRUCTURES] = hashlib.sha256(structures).hexdigest()
    named = {name: facts[name] for name in ("kind", "draft", "title")}
    if facts.get("formats", "tables") != "tables":
        named["formats"] = facts["formats"]
    return hashlib.sha256(json_text({**named, "files": told}).encode()).hexdigest()


def result_of(folder: Path, *, is_new: bool, state: State = "published", comment: str = "") -> ReleaseResult:
    """Return what a folder's `release.json` says as a result."""
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    totals: dict[str, int] = {}
    for counts in facts["changes"].values() if is_new else ():
        for kind, count in counts.items():
            totals[kind] = totals.get(kind, 0) + count
    return ReleaseResult(
        folder=folder,
        is_new=is_new,
        files=facts["files"],
        rows=facts["rows"],
        indicators=len(facts["indicators"]),
        areas=len(facts["areas"]),
        changes={kind: count for kind, count in sorted(totals.items()) if count},
        state=state,
        identifier=facts["release_id"],
        comment=comment,
    )


def json_text(value: Mapping[str, object]) -> str:
    """Return JSON that a person can read, the same for the same value."""
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def readme(facts: Mapping[str, object]) -> str:
    """Return the text that a release begins with."""
    title = facts["title"]
    notes = []
    if facts["kind"] == "test":
        notes.append("TEST EXTRACT: computed from files that are no national data. Not a national statistic.")
    areas = facts["areas"]
    if isinstance(areas, list) and (invented := sorted(set(areas) & set(TEST_AREAS))):
        notes.append(f"SYNTHETIC: {' and '.join(invented)} are invented countries; their figures describe nobody.")
    if facts["draft"]:
        notes.append("DRAFT: these numbers are not final and must not be cited.")
    return _README.format(
        title=title["en"] if isinstance(title, dict) else "",
        release_id=facts["release_id"],
        release_date=facts["release_date"],
        notes="".join(f"{note}\n" for note in notes) and "\n" + "".join(f"{note}\n" for note in notes),
        protection="".join(f"  {line}\n" for line in _protection(facts["protection"])),
        more=_MORE if facts.get("formats") == "all" else "",
        corrections="".join(_corrections(facts["corrects"], facts["changes"])),
    )


def _protection(told: object) -> list[str]:
    assert isinstance(told, dict)
    lines = [f"{told['shown']:,} figures are shown"]
    for reason, count in told["hidden"].items():
        words = "; ".join(REASONS.get(part, part or "no reason given") for part in reason.split(";"))
        lines.append(f"{count:,} are not: {words}")
    if audit := told["audit"]:
        passed = "could not be recovered" if audit["passed"] else "DID NOT PASS"
        lines.append(f"{audit['figures']:,} confidential figures were attacked from what is published: {passed}")
    return lines


def _corrections(corrects: object, changes: object) -> list[str]:
    """Lines on figures that were published before and are different now."""
    if corrects is None or not isinstance(changes, dict):
        return []
    lines = ["", f"Corrections since {corrects}"]
    for kind, words in (("revised", "figures were revised"), ("withdrawn", "figures are published no more")):
        counts = {indicator: told[kind] for indicator, told in changes.items() if told[kind]}
        if counts:
            lines.append(f"  {sum(counts.values()):,} {words}")
            lines += [f"    {indicator}: {count:,}" for indicator, count in counts.items()]
    lines.append("  changes.csv lists them.")
    return [f"{line}\n" for line in lines]


_MORE = """                     (structures-3.0.xml: SDMX-ML 3.0; structures.json: SDMX-JSON 2.0)
  workbooks/         per area and language the tables of the ILMS questionnaire (ilms) and of the ASEAN model (asean),
                     with charts; workbooks/indicators/: every figure of an indicator on one sheet, for a pivot table
  profiles/          one page per area and language: the main figures, their intervals and definitions (HTML and PDF)
  notes/             what is new, revised and withdrawn since the release before, in words
  metadata/          how each survey is made, and how far each round can be trusted, as pages, CSV and SDMX
  data/ilostat-both/ the tables of data/ilostat/ with a column of labels beside every column of codes (gzip)
  data/parquet/      one file per dataflow; numbers also as printed (<NAME>_TEXT); LAST_UPDATE of every observation
  data/sdmx-.../     SDMX-CSV 2.0, SDMX-ML 2.1 and 3.0 (structure-specific) and SDMX-JSON 2.0 (gzip)
  data/delta/        what to do to the data of the release before to have these (SDMX-CSV 2.0 with ACTION)
  data/deleted/      keys of observations that are gone, with the date
"""
_README = """{title}
Release {release_id} of {release_date}
{notes}
Protection
{protection}{corrections}
What is here
  toc.csv            one line per file: rows, areas, periods, last update, sha256; status says what was withdrawn
  availability.csv   what is published and, for the rest, why it is not
  quality.csv        coverage and quality of every round behind the figures: response, proxies, unknown birth and
                     citizenship, calibration (items: dictionary/QUALITY_ITEM.csv; totals in thousands)
  data/ilostat/      one file per indicator and frequency, in the columns of ILOSTAT's bulk download
  data/quality/      beside each: standard error, 95 % limits, CV, degrees of freedom, p-value, method, status
  data/sdmx-csv/     SDMX-CSV 1.0: DF_<indicator> has the values, DF_<indicator>_SE the standard errors
  structure/         SDMX-ML 2.1 structures of both
{more}  dictionary/        codes with English, French and Spanish labels
  changes.csv        cells that are new, revised, withdrawn or flagged since the release before
  withdrawals.csv    figures that were withdrawn after publication, with date and reason
  provenance.json    files, specifications and code that the numbers came from
  release.json       this release in figures, and the release before

How to read
  Counts are in thousands with 3 decimals (unit multiplier 3); rates are in per cent, differences of rates in points.
  Differences, gaps, changes and net flows may be below 0. Their p_value is of a two-sided t test of 0 (6 decimals);
  significance says `significant` below 0.05. They have no CV.
  Notes (note_source, note_indicator) are codes of dictionary/NOTE.csv, joined by `_`; those of ILMS are our own.
  Standard errors and limits have 6 significant digits, in the unit of the value.
  An empty obs_value is not published: obs_status C is confidential (conf_status C, or D where another hidden figure
  could be computed from it), S unreliable, N withdrawn; the reason stands in data/quality/. U marks a published value
  of low reliability.
  A line of data/quality/ and the line at the same place in data/ilostat/ describe the same cell.
  A file never changes, unless figures in it are withdrawn: they are then taken out of every release, and toc.csv says
  so (status, status_date, status_reason). `latest` points to the newest release.
"""
