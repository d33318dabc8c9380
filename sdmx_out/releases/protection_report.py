"""The protection report of a release candidate: what its approver must know before it becomes public.

Here belong how the reports of areas and years are joined, what is told of the difference from the release before, and
how the report is spelled as a page and as text. Nothing in it is a value that is not published: hidden figures appear
as counts and by name only.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from math import inf
from pathlib import Path
from typing import Any

from schemas.codes import CodeList
from schemas.errors import InputError, Problem
from sdmx_out.releases.changes import CHANGES, Change

FILE, PAGE = "protection.json", "protection.html"
#: What stands in the public summary of one release.
SUMMARY = ("shown", "hidden", "audit")
COUNTS = ("cells", "confidential", "secondary", "unreliable")
REASONS = {
    "confidential": "confidential: a person or household could be learnt",
    "secondary": "confidential by subtraction: another hidden figure could be computed from it",
    "unreliable": "unreliable: too few observations",
    "withdrawn": "withdrawn after publication",
}
#: Rows that the page and the text list at most; the file has up to ten times as many.
LISTED = 200
_KEPT = 2000

Report = dict[str, Any]


def join(files: Mapping[str, Path]) -> Report:
    """Return the protection reports of areas and years, and their sums.

    Args:
        files: partition -> its ``protection.json``; one that does not exist is listed under ``without_report``.

    Returns:
        ``areas`` (partition -> report as it is), ``without_report``, ``indicators`` (id -> counts), ``information``
        (one entry per unit), ``suppression``, ``attack`` (with ``passed``, which is None where nothing was audited).

    Raises:
        InputError: a report cannot be read.
    """
    areas = {name: _read(name, path) for name, path in sorted(files.items()) if path.is_file()}
    indicators: dict[str, Counter[str]] = {}
    information: dict[str, Counter[str]] = {}
    for report in areas.values():
        for identifier, counts in report["by_indicator"].items():
            indicators.setdefault(identifier, Counter()).update({name: counts.get(name, 0) for name in COUNTS})
        lost = report["information"]
        amounts = {name: lost[name] for name in ("total", "lost_primary", "lost_secondary")}
        information.setdefault(lost["unit"], Counter()).update(amounts)
    return {
        "areas": areas,
        "without_report": sorted(set(files) - set(areas)),
        "indicators": {identifier: dict(indicators[identifier]) for identifier in sorted(indicators)},
        "information": [{"unit": unit, **information[unit]} for unit in sorted(information)],
        "suppression": _suppression([report["suppression"] for report in areas.values()]),
        "attack": _attack({name: report["attack"] for name, report in areas.items()}),
    }


def _read(partition: str, path: Path) -> Report:
    try:
        report = json.loads(path.read_bytes())
        for part in ("by_indicator", "information", "suppression", "attack"):
            report[part].keys()
        return dict(report)
    except (ValueError, TypeError, KeyError, AttributeError):
        message = f"the report of {partition} is not what protection writes"
        problem = Problem(FILE, None, "PROTECTION_UNREADABLE", message, "write protected_estimates again")
        raise InputError([problem]) from None


def _suppression(parts: Sequence[Mapping[str, Any]]) -> Report:
    summed = {name: sum(part.get(name, 0) for part in parts) for name in ("cells", "equations", "components", "solves")}
    largest = max((part.get("largest_component", 0) for part in parts), default=0)
    methods = sorted({str(part["method"]) for part in parts if part.get("method")})
    return {**summed, "largest_component": largest, "methods": methods}


def _attack(parts: Mapping[str, Mapping[str, Any]]) -> Report:
    summed = {
        name: sum(part.get(name, 0) for part in parts.values())
        for name in ("targets", "protected", "solves", "components")
    }
    leaks = [{"partition": name, **leak} for name, part in parts.items() for leak in part.get("leaks", [])]
    earlier = sorted({str(name) for part in parts.values() for name in part.get("earlier_releases", [])})
    is_passed = not leaks and summed["protected"] >= summed["targets"]
    return {
        **summed,
        "leaks": leaks,
        "earlier_releases": earlier,
        "passed": is_passed if parts else None,
    }


def public_summary(rows: Mapping[str, int], shown: int, joined: Report) -> Report:
    """Return what the public is told: rows shown, hidden by reason, and how the audit ended.

    Args:
        rows: reason -> number of rows without a value.
        shown: number of rows with a value.
        joined: what ``join`` returned.
    """
    attack = joined["attack"]
    audit = None if attack["passed"] is None else {"passed": attack["passed"], "figures": attack["targets"]}
    return {"shown": shown, "hidden": dict(sorted(rows.items())), "audit": audit}


def difference(
    changes: Sequence[Change], previous: str | None, code_lists: Mapping[str, CodeList], largest_change: float
) -> Report:
    """Return the difference from the release before.

    Args:
        changes: cells that differ.
        previous: id of the release before, or None.
        code_lists: all code lists by id; they say which codes are totals.
        largest_change: share of the value before, above which a changed total is listed.

    Returns:
        ``by_kind``, ``by_indicator``, ``withdrawn`` (cells without a value), and ``totals`` that changed by more, the
        largest change first. Both their numbers were or will be public.
    """
    totals = {item.code for codes in code_lists.values() for item in codes.items if item.is_total} | {""}
    gone = [_cell(change) for change in changes if change.kind == "withdrawn"]
    revised = (change for change in changes if change.kind == "revised" and set(change.cell[2:]) <= totals)
    changed = [
        {**_cell(change), "before": change.before[0], "after": change.after[0], "change": _share(change)}
        for change in revised
    ]
    large = [row for row in changed if row["change"] is None or abs(row["change"]) > largest_change]
    large.sort(key=lambda row: (-abs(row["change"]) if row["change"] is not None else -inf, str(row["indicator"])))
    counts = Counter((change.indicator, change.kind) for change in changes)
    return {
        "previous": previous,
        "by_kind": {kind: sum(change.kind == kind for change in changes) for kind in CHANGES},
        "by_indicator": {
            identifier: {kind: counts[identifier, kind] for kind in CHANGES}
            for identifier in sorted({identifier for identifier, _ in counts})
        },
        "withdrawn": gone[:_KEPT],
        "largest_change": largest_change,
        "totals": large[:_KEPT],
        "totals_count": len(large),
    }


def _cell(change: Change) -> dict[str, Any]:
    names = ("ref_area", "time", "sex", "classif1", "classif2")
    return {"indicator": change.indicator, "freq": change.freq, **dict(zip(names, change.cell, strict=True))}


def _share(change: Change) -> float | None:
    """Return the change as a share of the value before; None where that was 0."""
    before, after = float(change.before[0]), float(change.after[0])
    return round((after - before) / abs(before), 6) if before else None


def without_values(report: Report, covered: Any = None) -> Report:
    """Return the report without numbers of cells that are withdrawn, or of all where nothing is said."""
    told = report["difference"]
    kept = [] if covered is None else [row for row in told["totals"] if not covered(row)]
    return {**report, "difference": {**told, "totals": kept}}


def as_bytes(report: Report) -> bytes:
    """Return the report as the file that is kept beside a candidate."""
    return (json.dumps(report, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def verdict(report: Report) -> str:
    """Return in one sentence how the attack on the candidate ended."""
    attack = report["attack"]
    if attack["passed"] is None:
        return "No attack was made: the protected tables have no protection report."
    if attack["passed"]:
        return f"The attack recovered none of {attack['targets']:,} confidential figures."
    leaks = len(attack["leaks"]) or attack["targets"] - attack["protected"]
    return (
        f"The attack came too near to {leaks:,} of {attack['targets']:,} confidential figures: it cannot be released."
    )


def page(report: Report) -> str:
    """Return the report as a page: headings, tables with captions, no scripts."""
    from jinja2 import Environment, select_autoescape

    environment = Environment(autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True)
    source = resources.files("sdmx_out").joinpath(f"templates/{PAGE}").read_text(encoding="utf-8")
    environment.filters |= {"grouped": _grouped, "percent": _percent, "cell": _cell_text}
    environment.filters |= {"change": _change, "reason": _reason}
    return environment.from_string(source).render(
        report=report, verdict=verdict(report), counts=COUNTS, kinds=CHANGES, listed=LISTED
    )


def text(report: Report) -> Iterator[str]:
    """Yield the lines of the report for a terminal."""
    before = report["difference"]["previous"]
    yield f"{report['id']}: {report['kind']} release, made by {report['maker']} on {report['made_on']}"
    yield verdict(report)
    for leak in report["attack"]["leaks"][:LISTED]:
        yield f"  {leak['partition']}: {leak['figure']} by {'; '.join(map(str, leak['equations']))}"
    if report["without_report"]:
        yield f"  without a protection report: {', '.join(report['without_report'])}"
    yield f"rows: {report['rows']['shown']:,} shown"
    for reason, count in report["rows"]["hidden"].items():
        yield f"  {count:,} hidden, {_reason(reason)}"
    for lost in report["information"]:
        yield f"information lost: {_lost(lost)}"
    yield f"difference from {before or 'nothing: this is the first release'}"
    if before:
        yield "  " + ", ".join(f"{count:,} {kind}" for kind, count in report["difference"]["by_kind"].items())
        yield f"  totals that changed by more than {_percent(report['difference']['largest_change'])}: " + (
            f"{report['difference']['totals_count']:,}"
        )
        for row in report["difference"]["totals"][:LISTED]:
            yield f"    {row['indicator']} {_cell_text(row)}: {row['before']} -> {row['after']} ({_change(row)})"


def _lost(lost: Mapping[str, Any]) -> str:
    primary, secondary = (_percent(_part(lost, name)) for name in ("lost_primary", "lost_secondary"))
    return f"{primary} by primary and {secondary} by secondary suppression ({lost['unit']})"


def _part(lost: Mapping[str, Any], name: str) -> float:
    return lost[name] / lost["total"] if lost["total"] else 0.0


def _reason(reason: str) -> str:
    return "; ".join(REASONS.get(part, part or "no reason given") for part in reason.split(";"))


def _grouped(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}".rstrip("0").rstrip(".")


def _percent(share: float | None) -> str:
    return "from 0" if share is None else f"{100 * share:.1f} %"


def _change(row: Mapping[str, Any]) -> str:
    return _percent(row["change"]) if row["change"] is None else f"{100 * row['change']:+.1f} %"


def _cell_text(row: Mapping[str, Any]) -> str:
    return " ".join(row[name] for name in ("ref_area", "time", "sex", "classif1", "classif2") if row[name])
