"""Coverage and quality of a round: what is published beside its figures, so that a reader can judge them.

Here belongs what STANDARDS 0.19 asks for: coverage, response, proxies, unknown birth and citizenship, calibration
on foreigners, and the ratio to stocks published elsewhere (for information only). The facts become public, so that
none is given that rests on fewer than five persons, or from which fewer than five could be learnt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines.findings import Finding, finding
from schemas.codes import load_code_lists
from schemas.concepts import load_universes
from schemas.periods import Period
from schemas.survey_model import ReferenceStockSection, Titles
from schemas.survey_spec import SurveySpec

ITEMS, VALUES = "QUALITY_ITEM", "QUALITY_VALUE"
LANGUAGES = ("en", "fr", "es")

#: Unit of QUALITY_UNIT -> decimals of its values.
DECIMALS = {"NUMBER": 0, "THOUSANDS": 3, "SHARE": 4, "RATIO": 4}

#: Columns of the rows that are published.
COLUMNS = ("ref_area", "survey", "time", "item", "value", "unit", "note_en", "note_fr", "note_es")

FEWEST_PERSONS = 5
PROXY_SHARE_WARNING = 0.50
RESPONSE_RATE_WARNING = 0.60
EARNINGS_RESPONSE_WARNING = 0.70

#: Lower age limit of the stocks that are always given.
ADULT = 15

#: Criterion -> column, code of those who are counted, and their items.
_CRITERIA = {
    "birth": ("place_of_birth", "CBR_BIR_FOREIGN", "FOREIGN_BORN", "UNKNOWN_BIRTH"),
    "citizenship": ("citizenship_status", "CCT_CIT_NONCIT", "NON_CITIZENS", "UNKNOWN_CITIZENSHIP"),
}
_PLACES = ("institutions", "camps", "barracks", "workers_accommodation")
_EXTRACTS = {"national": "NATIONAL", "test": "TEST", "synthetic": "SYNTHETIC"}
_METHODS = {"taylor": "TAYLOR", "replicates": "REPLICATES", "deff": "DEFF", "none": "NONE"}

#: Columns that tell foreigners: weights raked to totals of one of them are calibrated on foreigners.
_OF_FOREIGNERS = {"place_of_birth", "country_of_birth", "citizenship_status", "country_of_citizenship", "citizenship_1"}
_AGED = {
    "en": "Ages {age} and over, {year}. Source: {source}",
    "fr": "{age} ans et plus, {year}. Source : {source}",
    "es": "{age} años y más, {year}. Fuente: {source}",
}
_ALL_AGES = {
    "en": "All ages, {year}. Source: {source}",
    "fr": "Tous âges, {year}. Source : {source}",
    "es": "Todas las edades, {year}. Fuente: {source}",
}
_SOURCE = {"en": "Source: {source}", "fr": "Source : {source}", "es": "Fuente: {source}"}

Fact = dict[str, Any]
Facts = dict[str, Fact]


@dataclass(frozen=True)
class _Tally:
    """Persons of a set, counted and weighted."""

    n: int
    weight: float


def quality_facts(
    connection: duckdb.DuckDBPyConnection,
    spec: SurveySpec,
    period: Period,
    columns: Sequence[str],
    relation: str = "work",
) -> Facts:
    """Return item of QUALITY_ITEM -> value, unit (QUALITY_UNIT) and notes in three languages.

    Shares are rounded to four decimals, totals are in thousands with three. A value is None where its question was
    not asked, or where it would tell of fewer than five persons; its notes then say so.

    Args:
        connection: DuckDB with the relation.
        spec: the survey.
        period: the round's reference period.
        columns: harmonised columns of the relation.
        relation: one row per person of the whole round.
    """
    count = _Counter(connection, relation, frozenset(columns))
    facts: Facts = {"EXTRACT": _coded(_EXTRACTS[spec.survey.extract]), "COVERAGE": _told(spec.population.coverage)}
    quality = spec.quality
    territory = quality.territory if quality else None
    facts["TERRITORY"] = _told(territory) if territory else _missing("TEXT", "NOT_REPORTED")
    for place in _PLACES:
        facts[place.upper()] = _coded(getattr(quality, place).upper() if quality else "UNKNOWN")
    facts |= _sample(count, spec)
    facts |= _response(count, spec, period)
    facts["CALIBRATED"] = _coded(_calibrated(spec))
    facts |= _non_residents(count, spec)
    for criterion in _CRITERIA:
        facts |= _unknown(count, criterion)
        facts |= _stocks(count, spec, period, criterion)
    return facts


class _Counter:
    """Counts sets of persons of one relation."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, relation: str, columns: frozenset[str]) -> None:
        self.connection, self.relation, self.columns = connection, relation, columns

    def has(self, *names: str) -> bool:
        """Whether every column is there."""
        return self.columns.issuperset(names)

    def knows(self, universe: str) -> bool:
        """Whether every column that a universe reads is there."""
        return self.columns.issuperset(load_universes()[universe].needs)

    def tally(self, condition: str) -> _Tally:
        """Count the persons that meet a condition."""
        row = self._row(f"count(*) FILTER ({condition}), coalesce(sum(weight) FILTER ({condition}), 0)")
        return _Tally(int(row[0]), float(row[1]))

    def distinct(self, expression: str) -> int:
        """Count the different values of an expression."""
        return int(self._row(f"count(DISTINCT {expression})")[0])

    def _row(self, selected: str) -> tuple[Any, ...]:
        row = self.connection.execute(f"SELECT {selected} FROM {self.relation}").fetchone()
        assert row is not None
        return row


def within(universe: str, condition: str = "TRUE") -> str:
    """Return SQL for the persons of a universe that meet a condition."""
    return f"({load_universes()[universe].condition.sql()}) AND ({condition})"


# --- one fact ------------------------------------------------------------------------------------


def _label(code: str) -> dict[str, str]:
    item = next(item for item in load_code_lists()[VALUES].items if item.code == code)
    return {"en": item.en, "fr": item.fr, "es": item.es}


def _coded(code: str) -> Fact:
    return {"value": code, "unit": "CODE", "note": _label(code)}


def _told(texts: Titles) -> Fact:
    return {"value": None, "unit": "TEXT", "note": {language: getattr(texts, language) for language in LANGUAGES}}


def _missing(unit: str, reason: str) -> Fact:
    return {"value": None, "unit": unit, "note": _label(reason)}


def _given(value: float, unit: str, note: Mapping[str, str] | None = None) -> Fact:
    number: float = round(value, DECIMALS[unit]) if DECIMALS[unit] else round(value)
    return {"value": number, "unit": unit, "note": dict(note or dict.fromkeys(LANGUAGES, ""))}


def _is_few(n: int) -> bool:
    return 0 < n < FEWEST_PERSONS


def _number(n: int) -> Fact:
    return _missing("NUMBER", "FEW_PERSONS") if _is_few(n) else _given(n, "NUMBER")


def _share(part: _Tally, whole: _Tally, *, is_weighted: bool) -> Fact:
    """Return a share, unless it, its complement or its whole rests on fewer than five persons."""
    below, above = (part.weight, whole.weight) if is_weighted else (part.n, whole.n)
    if whole.n < FEWEST_PERSONS or _is_few(part.n) or _is_few(whole.n - part.n) or above <= 0:
        return _missing("SHARE", "FEW_PERSONS")
    return _given(below / above, "SHARE")


# --- groups of facts -----------------------------------------------------------------------------


def _sample(count: _Counter, spec: SurveySpec) -> Facts:
    facts: Facts = {"PERSONS": _given(count.tally("TRUE").n, "NUMBER")}
    stratum = "stratum" if count.has("stratum") else "''"
    for item, column, expression in (
        ("HOUSEHOLDS", "household_id", "household_id"),
        ("PSUS", "psu", f"CASE WHEN psu IS NOT NULL THEN ({stratum}, psu) END"),
        ("STRATA", "stratum", "stratum"),
    ):
        is_there = count.has(column)
        facts[item] = _given(count.distinct(expression), "NUMBER") if is_there else _missing("NUMBER", "NOT_COLLECTED")
    facts["SE_METHOD"] = _coded(_METHODS[spec.design.variance])
    return facts


def _response(count: _Counter, spec: SurveySpec, period: Period) -> Facts:
    """Response of households, of persons, by another person, and to the question on earnings (STANDARDS 0.13)."""
    everybody = count.tally("TRUE")
    silent = count.tally("exclusion = 'NON_RESPONDENT'")
    facts: Facts = {"RESPONSE_RATE": _missing("SHARE", "NOT_REPORTED")}
    for reported in spec.quality.rounds if spec.quality else ():
        if reported.period == period:
            facts["RESPONSE_RATE"] = _given(reported.response_rate, "SHARE", _noted(_SOURCE, source=reported.source))
    facts["NON_RESPONDENTS"] = _missing("NUMBER", "NOT_REPORTED")
    facts["NON_RESPONDENT_SHARE"] = _missing("SHARE", "NOT_REPORTED")
    if "exclusion" in spec.concepts:
        facts["NON_RESPONDENTS"] = _number(silent.n)
        facts["NON_RESPONDENT_SHARE"] = _share(silent, everybody, is_weighted=False)
    facts["PROXY_SHARE"] = facts["EARNINGS_RESPONSE"] = _missing("SHARE", "NOT_COLLECTED")
    if count.has("is_proxy") and count.knows("working_age"):
        proxies = count.tally(within("working_age", "is_proxy"))
        known = count.tally(within("working_age", "is_proxy IS NOT NULL"))
        facts["PROXY_SHARE"] = _share(proxies, known, is_weighted=False)
    if count.has("monthly_earnings") and count.knows("employees"):
        reported_pay = count.tally(within("employees", "monthly_earnings IS NOT NULL"))
        facts["EARNINGS_RESPONSE"] = _share(reported_pay, count.tally(within("employees")), is_weighted=False)
    return facts


def _calibrated(spec: SurveySpec) -> str:
    margins = spec.calibration.margins if spec.calibration is not None else ()
    if any(_OF_FOREIGNERS & set(margin.concepts) for margin in margins):
        return "YES"
    calibrated = spec.quality.calibrated_on_foreigners if spec.quality else None
    return {True: "YES", False: "NO", None: "UNKNOWN"}[calibrated]


def _non_residents(count: _Counter, spec: SurveySpec) -> Facts:
    """Return the persons present who are not usual residents, where the survey sees them (STANDARDS 0.15)."""
    is_derived = not spec.population.residence_by_design and count.has("months_of_stay", "intended_stay_months")
    if not (is_derived or "residence_status" in spec.concepts):
        return {
            "NON_RESIDENTS": _missing("NUMBER", "NOT_COLLECTED"),
            "NON_RESIDENTS_WEIGHTED": _missing("THOUSANDS", "NOT_COLLECTED"),
        }
    present = count.tally("exclusion IS NULL AND residence_status = 'RES_PRESENT_NON_RESIDENT'")
    weighted = _missing("THOUSANDS", "FEW_PERSONS")
    if not _is_few(present.n):
        weighted = _given(present.weight / 1000, "THOUSANDS")
    return {"NON_RESIDENTS": _number(present.n), "NON_RESIDENTS_WEIGHTED": weighted}


def _unknown(count: _Counter, criterion: str) -> Facts:
    column, _, _, item = _CRITERIA[criterion]
    if not (count.has(column) and count.knows("working_age")):
        return dict.fromkeys((item, f"{item}_PERSONS"), _missing("SHARE", "NOT_COLLECTED"))
    unknown = count.tally(within("working_age", f"ends_with({column}, '_X')"))
    residents = count.tally(within("working_age"))
    return {
        item: _share(unknown, residents, is_weighted=True),
        f"{item}_PERSONS": _share(unknown, residents, is_weighted=False),
    }


# --- stocks, and stocks published elsewhere ------------------------------------------------------


def reference_stocks(spec: SurveySpec, period: Period, criterion: str) -> dict[str, ReferenceStockSection]:
    """Return ADULT and ALL -> the published stock of a criterion to compare a round with.

    ADULT has a minimum age, the nearest to 15; ALL has none. Of several years the nearest is taken, and of two that
    are as near, the earlier.
    """
    own = [stock for stock in spec.reference_stocks if stock.criterion == criterion]
    own.sort(key=lambda stock: (abs(stock.minimum_age - ADULT), abs(stock.year - period.year), stock.year))
    adult = [stock for stock in own if stock.minimum_age]
    everybody = [stock for stock in own if not stock.minimum_age]
    return {name: found[0] for name, found in (("ADULT", adult), ("ALL", everybody)) if found}


def _stocks(count: _Counter, spec: SurveySpec, period: Period, criterion: str) -> Facts:
    """Return the residents of a criterion in thousands: 15 and over, and at the ages of published stocks.

    Total, parts and other ages are published as well: a total from which a difference would tell of fewer than five
    persons is not given.
    """
    column, code, item, _ = _CRITERIA[criterion]
    references = reference_stocks(spec, period, criterion)
    if not count.has(column):
        facts = {item: _missing("THOUSANDS", "NOT_COLLECTED")}
        measured: dict[int, Fact] = dict.fromkeys((stock.minimum_age for stock in references.values()), facts[item])
    else:
        measured = _measured(count, spec, column, code, [ADULT, *(s.minimum_age for s in references.values())])
        facts = {item: measured[ADULT]}
    for group, stock in references.items():
        note = _noted(
            _AGED if stock.minimum_age else _ALL_AGES, age=stock.minimum_age, year=stock.year, source=stock.source
        )
        mine = measured[stock.minimum_age]
        facts[f"{item}_{group}"] = mine
        facts[f"{item}_{group}_REFERENCE"] = _given(stock.value / 1000, "THOUSANDS", note)
        ratio: Fact = {**mine, "unit": "RATIO"}
        if mine["value"] is not None:
            ratio = _given(mine["value"] * 1000 / stock.value, "RATIO", note)
        facts[f"{item}_{group}_RATIO"] = ratio
    return facts


def _measured(count: _Counter, spec: SurveySpec, column: str, code: str, ages: Sequence[int]) -> dict[int, Fact]:
    """Return minimum age -> residents with a code, in thousands."""
    published = count.tally(within("working_age", f"{column} = '{code}'")).n if count.knows("working_age") else 0
    others = [published]
    found: dict[int, Fact] = {}
    for age in dict.fromkeys(ages):
        condition = _aged(count, spec, age)
        if condition is None:
            found[age] = _missing("THOUSANDS", "NO_SINGLE_AGES")
            continue
        parts = {
            value: count.tally(within("population", f"{condition} AND {column} = '{value}'"))
            for value in _parts(column)
        }
        mine = parts[code]
        is_few = mine.n == 0 or any(_is_few(part.n) for part in parts.values())
        if is_few or any(_is_few(abs(mine.n - other)) for other in others):
            found[age] = _missing("THOUSANDS", "FEW_PERSONS")
            continue
        others.append(mine.n)
        found[age] = _given(mine.weight / 1000, "THOUSANDS")
    return found


def _parts(column: str) -> list[str]:
    version = {"place_of_birth": "CBR_BIR", "citizenship_status": "CCT_CIT"}[column]
    return [item.code for item in load_code_lists()[version].items if not item.is_total]


def _aged(count: _Counter, spec: SurveySpec, age: int) -> str | None:
    """Return SQL: at least so old; None where the survey's ages do not tell."""
    if age == 0:
        return "TRUE"
    if count.has("age"):
        return f"coalesce(age >= {age}, FALSE)"
    return "is_working_age" if age == spec.population.working_age else None


def _noted(template: Mapping[str, str], **values: object) -> dict[str, str]:
    return {language: template[language].format(**values) for language in LANGUAGES}


# --- what is wrong with them, and what is published ----------------------------------------------


def quality_findings(facts: Mapping[str, Fact]) -> list[Finding]:
    """Return a warning per fact that users should be wary of."""
    found = []

    def warn(rule: str, text: str, concept: str = "") -> None:
        found.append(finding(rule, "harmonised_persons", text, concept=concept))

    proxies, response, earnings = (
        facts[item]["value"] for item in ("PROXY_SHARE", "RESPONSE_RATE", "EARNINGS_RESPONSE")
    )
    if proxies is not None and proxies > PROXY_SHARE_WARNING:
        warn("PROXY_SHARE", f"{proxies:.1%} of the residents of working age were answered for by others", "is_proxy")
    if response is not None and response < RESPONSE_RATE_WARNING:
        warn("RESPONSE_RATE_LOW", f"the office reports a response rate of {response:.1%}")
    if earnings is not None and earnings < EARNINGS_RESPONSE_WARNING:
        warn("EARNINGS_RESPONSE", f"{earnings:.1%} of the employees reported their earnings", "monthly_earnings")
    is_asked = any(facts[item]["note"] != _label("NOT_COLLECTED") for item in ("FOREIGN_BORN", "NON_CITIZENS"))
    if is_asked and facts["CALIBRATED"]["value"] != "YES":
        told = "are not" if facts["CALIBRATED"]["value"] == "NO" else "are not known to be"
        text = f"the weights {told} calibrated on foreign-born persons or non-citizens; {_compared(facts)}"
        warn("WEIGHTS_NOT_CALIBRATED", text, "weight")
    return found


def _compared(facts: Mapping[str, Fact]) -> str:
    """Return the ratios to stocks published elsewhere, in words."""
    ratios = {
        (words, group): facts[f"{item}_{group}_RATIO"]
        for item, words in (("FOREIGN_BORN", "foreign-born residents"), ("NON_CITIZENS", "non-citizens"))
        for group in ("ADULT", "ALL")
        if f"{item}_{group}_RATIO" in facts
    }
    if not ratios:
        return "no published stock is given to compare with"
    told = [
        f"{words} are {ratio['value']:.2f} of the published stock ({ratio['note']['en']})"
        for (words, _), ratio in ratios.items()
        if ratio["value"] is not None
    ]
    return "; ".join(told) or "the ratio to the published stock is not given, for too few persons or ages not asked"


def ordered(facts: Mapping[str, Fact]) -> list[tuple[str, str, Fact]]:
    """Return (item, English title, fact) in the order of QUALITY_ITEM."""
    return [(item.code, item.en, facts[item.code]) for item in load_code_lists()[ITEMS].items if item.code in facts]


def spelled(fact: Mapping[str, Any]) -> str:
    """Return a fact's value as it is printed; '' where there is none."""
    value = fact["value"]
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:.{DECIMALS[fact['unit']]}f}"


def quality_rows(spec: SurveySpec, period: Period, facts: Mapping[str, Fact]) -> list[tuple[str, ...]]:
    """Return one row per item in the columns COLUMNS, all of them text."""
    key = (spec.survey.area, spec.key, period.sdmx)
    return [
        (*key, item, spelled(fact), fact["unit"], *(fact["note"][language] for language in LANGUAGES))
        for item, _, fact in ordered(facts)
    ]
