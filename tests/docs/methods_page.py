"""The page of methods: a hand-written frame, and tables made of the catalogue, the profiles and the code.

The frame is ``methods_frame.md``; ``{{name}}`` in it stands for the table that is made by ``name`` here. Words that
belong to a code of the program stand in a mapping whose keys must be exactly those codes, so that the page cannot fall
behind.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from pipelines.explain_parts import FORMULAS
from pipelines.explain_text import TIME_RULES
from schemas.codes import load_code_lists
from schemas.concepts import load_absentee_universes, load_universes
from schemas.indicators import CONTRASTS, Indicator, Measure, TimeRule, load_indicators
from schemas.reliability import FOLDER, RuleSet, load_profile
from schemas.replicates import replicate_factors
from schemas.survey_estimation import ReplicateMethod, ReplicatesSection
from schemas.toml_files import parse_toml
from transforms.coherence import VERSIONS_AGREE, identities
from transforms.measures import COMPARISONS, SCALES
from transforms.time_rules import RULE_OF_WINDOW
from transforms.variance import LONELY_PSU_POLICIES

FRAME = Path(__file__).with_name("methods_frame.md")
CATALOGUE = Path(__file__).parents[2] / "schemas" / "catalogue"

#: File of the catalogue -> its heading, in the order of the page.
TOPICS = {
    "stocks": "Stocks of migrants by labour force status",
    "labour_force": "Labour force, underutilisation, informality, domestic work",
    "workers": "International migrant workers, for-work and return migrants, stay and residence",
    "flows": "Inflows",
    "abroad": "Nationals abroad, their outflow and return",
    "earnings": "Earnings and the migrant pay gap",
    "comparisons": "Migrant shares and differences between migrants and natives",
    "changes": "Changes on a year earlier",
}

#: Kind of measure -> score of a sampling unit; the persons that must be enough, of the figure and of its parts.
SCORES: Mapping[Measure, tuple[str, str]] = {
    "count": ("z = x", "the cell"),
    "rate": ("z = (y - R x) / X", "the denominator; numerator and complement too"),
    "mean": ("z = (y - M x) / X", "who told y"),
    "median": ("z_Q = -(se(Q) / se(F)) z_F", "who told y"),
    "difference": ("z = z_migrants - z_natives", "the smaller side; the parts of both rates"),
    "gap": ("z = -(z_migrants - (M_migrants / M_natives) z_natives) / M_natives", "the smaller side"),
    "factor_gap": ("z = sum over f of (W_f z_G,f + (G_f - G) w_f) / sum of W_f", "sum over f of the smaller side"),
    "change": ("z = z_now - z_before", "the smaller side; the parts of both rates"),
    "net": ("z = z_persons - z_absentees", "the smaller side"),
}

#: Policy -> what a stratum with a single PSU contributes.
POLICIES = {
    "fail": "the round is refused (default)",
    "remove": "0",
    "certainty": "0",
    "adjust": "(1 - f) z^2: the deviation from 0 in place of the stratum's own mean",
    "average": "the mean contribution of the other strata with members of the cell; none where all are single",
}

#: Method -> scale in words, and the same as a function of the number of replicates and Fay's rho.
REPLICATES: Mapping[ReplicateMethod, tuple[str, Callable[[int, float], float]]] = {
    "BRR": ("1 / R", lambda n, rho: 1 / n),
    "Fay": ("1 / (R (1 - rho)^2)", lambda n, rho: 1 / (n * (1 - rho) ** 2)),
    "JK1": ("(R - 1) / R", lambda n, rho: (n - 1) / n),
    "JK2": ("1", lambda n, rho: 1.0),
    "JKn": ("1, with the rscales (n_h - 1) / n_h that the specification gives", lambda n, rho: 1.0),
    "bootstrap": ("1 / R, or the scale that the office states", lambda n, rho: 1 / n),
    "SDR": ("4 / R", lambda n, rho: 4 / n),
    "other": ("as the office states it", lambda n, rho: 1.0),
}

#: Threshold -> verdict (C: confidential) and words; {p} is the value in per cent, {v} as it stands, {w} the width that
#: is always enough, {d} the persons of the rule on dominance.
THRESHOLDS = {
    "n_suppress": ("S", "n < {v}"),
    "n_unreliable": ("U", "n < {v}"),
    "size_suppress": ("S", "counts below {v}"),
    "size_unreliable": ("U", "counts below {v}"),
    "cv_suppress": ("S", "CV > {p} %"),
    "cv_unreliable": ("U", "CV > {p} %"),
    "count_relative_width_suppress": ("S", "counts: 95 % interval wider than {p} % of the count"),
    "df_unreliable": ("U", "df < {v}"),
    "rate_n_suppress": ("S", "rates: denominator or effective sample below {v}"),
    "rate_se_suppress": ("S", "rates: standard error > {p} points"),
    "rate_se_unreliable": ("U", "rates: standard error > {p} points"),
    "rate_width_suppress": ("S", "rates: 95 % interval {p} points wide or more"),
    "rate_relative_width_suppress": ("S", "rates: interval wider than {w} points and than {p} % of p (U: of 1 - p)"),
    "rate_width_published": ("", "part of the rule on relative width"),
    "n_confidential": ("C", "n or a part < {v}"),
    "households_confidential": ("C", "households < {v}"),
    "psu_confidential": ("C", "PSUs < {v}"),
    "dominance_persons": ("", "part of the rule on dominance"),
    "dominance_share": ("C", "means: {d} persons have more than {p} % of the total"),
    "p_percent": ("C", "means: total less the two largest < {p} % of the largest"),
    "group_disclosure_n": ("C", "everybody of a group of fewer than {v} in one item"),
    "protection_share": ("", "not a rule: how far bounds must reach"),
    "protection_persons": ("", "not a rule: how far bounds must reach"),
    "table_share": ("S", "whole tables: share of S of {v} or more"),
}


def methods_page() -> str:
    """Return the page: the frame with every table put in."""
    tables = {"indicators": indicators, "universes": universes, "measures": measures, "lonely": lonely}
    tables |= {"replicates": replicates, "time_rules": time_rules, "profiles": profiles, "identities": identity_list}
    frame = FRAME.read_text(encoding="utf-8")
    named = set(re.findall(r"\{\{(\w+)\}\}", frame))
    assert named == set(tables), f"the frame and the tables differ: {sorted(named ^ set(tables))}"
    return re.sub(r"\{\{(\w+)\}\}", lambda found: "\n".join(tables[found[1]]()), frame)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = list(head)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _same(one: Iterable[Any], other: Iterable[Any]) -> None:
    assert set(one) == set(other), f"words and codes differ: {sorted(set(one) ^ set(other))}"


# --- what is measured ----------------------------------------------------------------------------


def measures() -> list[str]:
    """Return a row per kind of measure."""
    _same(SCORES, get_args(Measure))
    _same(FORMULAS, get_args(Measure))
    rows = []
    for kind in get_args(Measure):
        limits = "Woodruff" if kind == "median" else SCALES.get(kind, "its own")
        told = "p-value" if kind in COMPARISONS else "CV"
        score, persons = SCORES[kind]
        rows.append((kind.replace("_", " "), FORMULAS[kind], score, f"{limits}; {told}", persons))
    return _table(("kind", "figure", "score z of a unit", "limits; beside them", "n"), rows)


def indicators() -> list[str]:
    """Return a table per topic with a row for every indicator."""
    catalogue, lines, told = load_indicators(), [], 0
    _same([*TOPICS, "classifications"], [path.stem for path in CATALOGUE.glob("*.toml")])
    for topic, heading in TOPICS.items():
        names = parse_toml(CATALOGUE / f"{topic}.toml").values["indicators"]
        rows = [_indicator_row(catalogue[name]) for name in names]
        told += len(rows)
        head = ("indicator", "title", "figure", "classifications", "year", "agency")
        lines += [f"**{heading}** (`schemas/catalogue/{topic}.toml`)", "", *_table(head, rows), ""]
    assert told == len(catalogue)
    return lines[:-1]


def _indicator_row(one: Indicator) -> tuple[str, ...]:
    versions = (" or ".join(named) for named in (one.classif1_versions, one.classif2_versions) if named)
    marks = [one.agency, *(["lower bound"] if one.is_lower_bound else [])]
    return (
        f"`{one.id}`", one.title["en"], f"{one.measure.replace('_', ' ')}: {_figure(one)}", " x ".join(versions),
        one.time_rule, ", ".join(marks),
    )  # fmt: skip


def _figure(one: Indicator) -> str:
    """Return what a figure is of: universe, denominator, quantity, what is compared."""
    text = f"`{one.universe}`" + (" of absentees" if one.relation == "absentees" else "")
    if one.denominator:
        text += f" / `{one.denominator}`"
    if one.subtrahend:
        text += f" - `{one.subtrahend}` of absentees"
    if one.quantity:
        text = f"{one.statistic + ' ' if one.statistic else ''}`{one.quantity}` of {text}"
    if one.contrast:
        migrants, natives = (item.rsplit("_", 1)[1] for item in CONTRASTS[one.contrast])
        text += f", {migrants} and {natives}"
    return text + (f" within `{one.factor}`" if one.factor else "")


def universes() -> list[str]:
    """Return a row per universe that a table of the catalogue is about."""
    used = {(one.relation, name) for one in load_indicators().values() for name in (one.universe, one.denominator)}
    used |= {("absentees", one.subtrahend) for one in load_indicators().values()}
    rows = []
    for relation, known in (("persons", load_universes()), ("absentees", load_absentee_universes())):
        for name, universe in known.items():
            if (relation, name) in used:
                of = " of absentees" if relation == "absentees" else ""
                rows.append((f"`{name}`{of}", universe.definition, universe.paragraph))
    return _table(("universe", "who", "source"), rows)


# --- how precise, which year ---------------------------------------------------------------------


def lonely() -> list[str]:
    """Return a row per policy for strata with a single PSU."""
    _same(POLICIES, LONELY_PSU_POLICIES)
    return _table(
        ("`lonely_psu`", "a stratum with a single PSU contributes"), ((f"`{k}`", v) for k, v in POLICIES.items())
    )


def replicates() -> list[str]:
    """Return a row per method of replication; the words are held against the constants that are used."""
    _same(REPLICATES, get_args(ReplicateMethod))
    rows = []
    for method, (words, scale) in REPLICATES.items():
        for number in (4, 80):
            section = ReplicatesSection(
                method=method, variables=("W{1..80}",), fay_rho=0.3 if method == "Fay" else None
            )
            used, rscales = replicate_factors(section, number)
            assert abs(used - scale(number, 0.3)) < 1e-15, method
            assert rscales == (1.0,) * number
        rows.append((f"`{method}`", words))
    return _table(("`method`", "scale; rscales are 1 unless said otherwise"), rows)


def time_rules() -> list[str]:
    """Return a row per time rule."""
    _same(TIME_RULES, get_args(TimeRule))
    kinds: dict[str, list[str]] = {rule: [] for rule in TIME_RULES}
    for one in load_indicators().values():
        if one.measure not in kinds[one.time_rule]:
            kinds[one.time_rule].append(one.measure)
    assert set(RULE_OF_WINDOW.values()) <= set(TIME_RULES)
    rows = ((f"`{rule}`", words, ", ".join(kinds[rule]).replace("_", " ")) for rule, words in TIME_RULES.items())
    return _table(("`time_rule`", "a year is made", "of"), rows)


# --- what is published ---------------------------------------------------------------------------


def profiles() -> list[str]:
    """Return a row per profile of schemas/reliability."""
    fields = set(RuleSet.model_fields) - {"table_share_decimals", "table_share_applies", "exempt_versions"}
    _same(THRESHOLDS, fields)
    names = sorted((path.stem for path in FOLDER.glob("*.toml")), key=lambda name: (name != "ilo", name))
    rows = []
    for name in names:
        (rules,) = load_profile(name).rule_sets
        told: dict[str, list[str]] = {"S": [], "C": [], "U": [], "": []}
        enough = f"{100 * (rules.rate_width_published or 0):g}"
        for key, (verdict, words) in THRESHOLDS.items():
            value = getattr(rules, key)
            if value is not None:
                told[verdict].append(
                    words.format(v=f"{value:g}", p=f"{100 * value:g}", w=enough, d=rules.dominance_persons)
                )
        rows.append((f"`{name}`", *("; ".join(told[verdict]) for verdict in ("S", "C", "U"))))
    return _table(("profile", "not published (S)", "confidential", "unreliable (U)"), rows)


def identity_list() -> list[str]:
    """Return the identities that are looked for between all tables of the catalogue, one kind a line."""
    lists, rows = load_code_lists(), []
    for one in load_indicators().values():
        for first in one.classif1_versions or (None,):
            for second in one.classif2_versions or (None,):
                items = {f"classif{n}": v and lists[v].total for n, v in ((1, first), (2, second))}
                row = {"indicator": one.id, "ref_area": "XAA", "survey": "XAA_LFS", "freq": "Q", "time": "2024-Q1"}
                rows.append({**row, "sex": "SEX_T", **items, "value": 0.0, "n": 0, "n_numerator": 0})
    kinds: dict[str, list[str]] = {}
    for name in (one.name for one in identities(pd.DataFrame(rows))):
        about, _, what = name.rpartition(": ")
        if name == VERSIONS_AGREE:
            about, kind = "versions of one table", "every table agrees"
        elif not about:
            about, kind = name, "between universes and items"
            for ending in (" = migrants - natives", " = 100 x (natives - migrants) / natives"):
                if name.endswith(ending):
                    about, kind = name.removesuffix(ending), ending.removeprefix(" = ")
        elif what.startswith("items are sums of "):
            about, kind = f"{about} of {what.removeprefix('items are sums of ')}", "items are sums of a finer version's"
        else:
            kind = what
        kinds.setdefault(kind, []).append(about)
    return [f"- {kind}: {'; '.join(abouts)}." for kind, abouts in kinds.items()]
