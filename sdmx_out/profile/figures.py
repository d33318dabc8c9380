"""What a country profile tells of one area: published figures with their limits, or why there is none.

One figure per cell of ``release_rows``. Here belongs which cells a profile takes, of which period. How they are worded
and drawn does not belong here, and nothing is computed but what the published countries leave of a published total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

import duckdb

from sdmx_out.csv_text import literal
from sdmx_out.published_rows import TABLE

Name = Literal["birth", "citizenship"]
Missing = Literal[
    "", "confidential", "unreliable", "withdrawn", "not_collected", "not_computed", "no_observation", "absent"
]

#: Everyone of working age, by the first version that an area has.
AGES = ("AGE_YTHADULT_YGE15", "AGE_AGGREGATE_TOTAL", "AGE_10YRBANDS_TOTAL")
SEXES = ("SEX_T", "SEX_M", "SEX_F")
RATES = ("TEAP", "TEMP", "TUNE")
STRUCTURE = (
    *(("ECO", "ECO_SECTOR_AGR"), ("ECO", "ECO_SECTOR_IND"), ("ECO", "ECO_SECTOR_SER")),
    *(("OCU", "OCU_SKILL_L3-4"), ("OCU", "OCU_SKILL_L2"), ("OCU", "OCU_SKILL_L1")),
    *(("STE", "STE_AGGREGATE_EES"), ("STE", "STE_AGGREGATE_SLF")),
)
TOP = 5
#: Periods that a trend shows at most, the latest.
TREND = 12

#: What availability says of a whole table -> why a figure is missing.
_STATES: Mapping[str, Missing] = {
    "not_collected": "not_collected",
    "not_computed": "not_computed",
    "no_observation": "no_observation",
    "withdrawn": "withdrawn",
    "unreliable_table": "unreliable",
}
_FREQUENCIES = ("A", "S", "Q", "M")


@dataclass(frozen=True)
class Figure:
    """One cell.

    Attributes:
        value: thousand persons, per cent, points or local currency; None where there is none.
        lower: lower limit of the 95 % interval, where the release has one.
        upper: upper limit.
        status: ILOSTAT's letter of a published value (U: low reliability, B: break), or ''.
        missing: why there is no value; '' where there is one.
        is_significant: whether a comparison differs from 0; None where that is not told.
        notes: notes on the indicator.
    """

    value: Decimal | None = None
    lower: Decimal | None = None
    upper: Decimal | None = None
    status: str = ""
    missing: Missing = "absent"
    is_significant: bool | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A rate of migrants beside that of natives, and the published difference."""

    rate: str
    migrants: Figure
    natives: Figure
    difference: Figure


@dataclass(frozen=True)
class Part:
    """Employed migrants of one sector, skill level or status, and their share of all who are employed there."""

    kind: str
    code: str
    employed: Figure
    share: Figure


@dataclass(frozen=True)
class Migrants:
    """Everything that is told of migrants by one criterion.

    Attributes:
        name: the criterion.
        population: international migrants of working age.
        workers: international migrant workers by sex.
        employed: employed migrants.
        share: of all who are employed, per cent.
        inflow: migrants who arrived in the period.
        earnings: mean monthly earnings of migrant and of native employees.
        gap: how much less migrants earn, in per cent of what natives do.
        rates: participation, employment and unemployment.
        parts: where they work, at which skill level, in which status.
        origins: countries with the most migrants, the most first.
        other: what is left of the published total; None where that is not published or nothing is listed.
        trend: period -> migrant workers.
    """

    name: Name
    population: Figure
    workers: Mapping[str, Figure]
    employed: Figure
    share: Figure
    inflow: Figure
    earnings: tuple[Figure, Figure]
    gap: Figure
    rates: tuple[Comparison, ...]
    parts: tuple[Part, ...]
    origins: tuple[tuple[str, Figure], ...]
    other: Decimal | None
    trend: tuple[tuple[str, Figure], ...]


@dataclass(frozen=True)
class Profile:
    """What one area's profile is made of, in no language.

    Attributes:
        area: code of AREA.
        freq: frequency of the period that is told of; '' where the area has no figure.
        time: that period, as SDMX spells it.
        source: code of SOURCE of the survey behind the figures, or ''.
        survey: its identifier.
        notes: codes of NOTE on the source.
        migrants: by birth, by citizenship.
        abroad: nationals abroad, outflow, returned citizens, return migrant workers.
    """

    area: str
    freq: str
    time: str
    source: str
    survey: str
    notes: tuple[str, ...]
    migrants: tuple[Migrants, Migrants]
    abroad: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class _Codes:
    """Where the figures by one criterion stand."""

    name: Name
    table: str
    migrant: str
    native: str
    workers: str
    share: str
    inflow: str
    countries: str
    difference: str
    gap: str
    country_list: str


_CRITERIA = (
    _Codes(
        name="birth",
        table="CBR",
        migrant="CBR_BIR_FOREIGN",
        native="CBR_BIR_NATIVE",
        workers="XMW_LFFB_SEX_AGE_NB",
        share="XSH_FORE",
        inflow="MFL_FPOP_SEX_CBR_NB",
        countries="MST_FORP_SEX_CBR_NB",
        difference="XDB",
        gap="XGB_EARA_SEX_RT",
        country_list="CBR_BRT",
    ),
    _Codes(
        name="citizenship",
        table="CCT",
        migrant="CCT_CIT_NONCIT",
        native="CCT_CIT_CITIZEN",
        workers="XMW_LFNC_SEX_AGE_NB",
        share="XSH_NCTE",
        inflow="MFL_NCIT_SEX_CCT_NB",
        countries="MST_NCTP_SEX_CCT_NB",
        difference="XDC",
        gap="XGC_EARA_SEX_RT",
        country_list="CCT_CTZ",
    ),
)
#: What is told of nationals: name -> indicator and its total.
_ABROAD: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "abroad": ("MNA_TPOP_SEX_CRS_NB", ("CRS_RES_TOTAL",)),
    "outflow": ("MNA_OPOP_SEX_CDS_NB", ("CDS_DES_TOTAL",)),
    "returned": ("MNA_XRET_SEX_CPR_NB", ("CPR_PRV_TOTAL",)),
    "return_workers": ("XMW_RIMW_SEX_AGE_NB", AGES),
}


def _indicators() -> tuple[str, ...]:
    names = [indicator for indicator, _ in _ABROAD.values()]
    for codes in _CRITERIA:
        names += [codes.workers, codes.inflow, codes.countries, codes.gap, f"MST_EARA_SEX_{codes.table}_NB"]
        names += [f"MST_{measure}_SEX_AGE_{codes.table}_NB" for measure in ("XWAP", "TEMP")]
        names += [f"MST_{rate}_SEX_AGE_{codes.table}_RT" for rate in RATES]
        names += [f"{codes.difference}_{rate}_SEX_RT" for rate in RATES]
        for kind in ("ECO", "OCU", "STE"):
            names += [f"MST_TEMP_SEX_{kind}_{codes.table}_NB", f"{codes.share}_SEX_{kind}_RT"]
    return tuple(names)


INDICATORS = _indicators()
_COUNTRIES = tuple(codes.countries for codes in _CRITERIA)
_FIRST = (
    *AGES,
    *(code for _, code in STRUCTURE),
    "ECO_SECTOR_TOTAL",
    *(code for codes in _CRITERIA for code in (codes.migrant, codes.native, f"{codes.country_list}_TOTAL")),
    *(code for _, codes in _ABROAD.values() for code in codes),
)

_COLUMNS = (
    *("indicator", "freq", "time", "sex", "classif1", "classif2", "obs_value", "lower", "upper", "obs_status"),
    *("conf_status", "reason", "significance", "note_indicator", "note_source", "source", "survey"),
)
_Row = dict[str, str | None]
_Key = tuple[str, str, str, str, str | None, str | None]


def cells_sql(table: str = TABLE) -> str:
    """Return the query of all cells that profiles take, of every area."""
    indicators, first, countries = (", ".join(map(literal, names)) for names in (INDICATORS, _FIRST, _COUNTRIES))
    return (
        f"SELECT ref_area, {', '.join(_COLUMNS)} FROM {table} WHERE indicator IN ({indicators}) "
        f"AND sex IN ({', '.join(map(literal, SEXES))}) "
        f"AND (classif1 IS NULL OR classif1 IN ({first}) OR (indicator IN ({countries}) AND sex = 'SEX_T'))"
    )


def availability_of(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> dict[tuple[str, ...], str]:
    """Return what is said of whole tables: (area, indicator, frequency, period) -> state.

    Args:
        connection: an engine that may read the files.
        files: Parquet files of availability, one row per indicator, area, survey and period.
    """
    if not files:
        return {}
    paths = ", ".join(literal(str(path)) for path in sorted(files))
    names = ", ".join(map(literal, INDICATORS))
    query = (
        "SELECT ref_area, indicator, freq, replace(time, 'M', ''), min(availability) "
        f"FROM read_parquet([{paths}]) WHERE indicator IN ({names}) AND availability <> 'published' "
        "GROUP BY ALL ORDER BY ALL"
    )
    return {tuple(row[:4]): row[4] for row in connection.execute(query).fetchall()}


def read_profile(
    connection: duckdb.DuckDBPyConnection,
    area: str,
    *,
    countries: Mapping[str, frozenset[str]],
    availability: Mapping[tuple[str, ...], str] | None = None,
    table: str = TABLE,
) -> Profile:
    """Return the figures of one area's latest year, or of its latest period where it has no year.

    Args:
        connection: the engine that holds the rows of a release.
        area: code of AREA.
        countries: list of countries -> its codes that are one country each.
        availability: what ``availability_of`` returned.
        table: ``release_rows``, or a table made by ``cells_sql``.
    """
    query = cells_sql(table) + f" AND ref_area = {literal(area)}"
    fetched = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM ({query})").fetchall()
    rows: list[_Row] = [dict(zip(_COLUMNS, values, strict=True)) for values in fetched]
    return _Reader(area, rows, countries, availability or {}).profile()


class _Reader:
    """Finds the cells of one area."""

    def __init__(
        self,
        area: str,
        rows: Sequence[_Row],
        countries: Mapping[str, frozenset[str]],
        availability: Mapping[tuple[str, ...], str],
    ) -> None:
        self.area, self.countries, self.availability = area, countries, availability
        self.cells: dict[_Key, _Row] = {_key(row): row for row in rows}
        self.freq, self.time = _latest(rows)

    def profile(self) -> Profile:
        here = [row for key, row in sorted(self.cells.items(), key=_order) if key[1:3] == (self.freq, self.time)]
        source = next((row["source"] or "" for row in here), "")
        notes = dict.fromkeys(note for row in here for note in _notes(row["note_source"]))
        birth, citizenship = (self._migrants(codes) for codes in _CRITERIA)
        return Profile(
            area=self.area,
            freq=self.freq,
            time=self.time,
            source=source.split(":")[0] if ":" in source else "",
            survey=next((row["survey"] or "" for row in here), ""),
            notes=tuple(notes),
            migrants=(birth, citizenship),
            abroad={name: self._total(indicator, codes) for name, (indicator, codes) in _ABROAD.items()},
        )

    def _migrants(self, codes: _Codes) -> Migrants:
        origins, other = self._origins(codes)
        earnings = f"MST_EARA_SEX_{codes.table}_NB"
        employed = f"MST_TEMP_SEX_AGE_{codes.table}_NB"
        return Migrants(
            name=codes.name,
            population=self._total(f"MST_XWAP_SEX_AGE_{codes.table}_NB", AGES, codes.migrant),
            workers={sex: self._total(codes.workers, AGES, sex=sex) for sex in SEXES},
            employed=self._total(employed, AGES, codes.migrant),
            share=self._total(f"{codes.share}_SEX_ECO_RT", ("ECO_SECTOR_TOTAL",)),
            inflow=self._total(codes.inflow, (f"{codes.country_list}_TOTAL",)),
            earnings=(self._total(earnings, (codes.migrant,)), self._total(earnings, (codes.native,))),
            gap=self._total(codes.gap, (None,)),
            rates=tuple(self._comparison(codes, rate) for rate in RATES),
            parts=tuple(self._part(codes, kind, code) for kind, code in STRUCTURE),
            origins=origins,
            other=other,
            trend=self._trend(codes.workers),
        )

    def _comparison(self, codes: _Codes, rate: str) -> Comparison:
        indicator = f"MST_{rate}_SEX_AGE_{codes.table}_RT"
        return Comparison(
            rate=rate,
            migrants=self._total(indicator, AGES, codes.migrant),
            natives=self._total(indicator, AGES, codes.native),
            difference=self._total(f"{codes.difference}_{rate}_SEX_RT", (None,)),
        )

    def _part(self, codes: _Codes, kind: str, code: str) -> Part:
        return Part(
            kind=kind,
            code=code,
            employed=self._total(f"MST_TEMP_SEX_{kind}_{codes.table}_NB", (code,), codes.migrant),
            share=self._total(f"{codes.share}_SEX_{kind}_RT", (code,)),
        )

    def _total(
        self, indicator: str, firsts: Sequence[str | None], second: str | None = None, sex: str = "SEX_T"
    ) -> Figure:
        """The figure under the first of these codes that has a row."""
        for first in firsts:
            row = self.cells.get((indicator, self.freq, self.time, sex, first, second))
            if row is not None:
                return _figure(row)
        state = self.availability.get((self.area, indicator, self.freq, self.time), "")
        return Figure(missing=_STATES.get(state, "absent"))

    def _origins(self, codes: _Codes) -> tuple[tuple[tuple[str, Figure], ...], Decimal | None]:
        """The largest published countries, and what they leave of the published total."""
        prefix = f"{codes.country_list}_"
        here = (codes.countries, self.freq, self.time, "SEX_T")
        found = {
            str(key[4]): _figure(row)
            for key, row in self.cells.items()
            if key[:4] == here and key[4] in self.countries[codes.country_list] and key[5] is None
        }
        shown = [(code, figure) for code, figure in found.items() if figure.value is not None]
        shown.sort(key=lambda item: (-(item[1].value or 0), item[0]))
        top = tuple(shown[:TOP])
        whole = self._total(codes.countries, (f"{prefix}TOTAL",)).value
        if whole is None or not top:
            return top, None
        return top, max(whole - sum((figure.value or Decimal(0) for _, figure in top), Decimal(0)), Decimal(0))

    def _trend(self, indicator: str) -> tuple[tuple[str, Figure], ...]:
        """The latest periods of the coarsest frequency that has two."""
        for freq in _FREQUENCIES:
            found: dict[str, Figure] = {}
            for age in AGES:
                for key, row in self.cells.items():
                    if key[:2] == (indicator, freq) and key[3:5] == ("SEX_T", age):
                        found.setdefault(key[2], _figure(row))
            if sum(figure.value is not None for figure in found.values()) > 1:
                return tuple(sorted(found.items())[-TREND:])
        return ()


def _key(row: _Row) -> _Key:
    texts = tuple(row[column] or "" for column in ("indicator", "freq", "time", "sex"))
    return (texts[0], texts[1], texts[2], texts[3], row["classif1"] or None, row["classif2"] or None)


def _order(item: tuple[_Key, _Row]) -> tuple[str, ...]:
    """Headline figures of migrants first, so that the source of these is told."""
    key = item[0]
    return ("" if key[0].startswith("MST_XWAP") else "1", *(part or "" for part in key))


def _latest(rows: Sequence[_Row]) -> tuple[str, str]:
    """Frequency and period of the latest year, else of the latest period; stocks of migrants decide."""
    stocks = [row for row in rows if str(row["indicator"])[:3] in ("MST", "XMW")] or list(rows)
    for frequencies in (("A",), ("S", "Q", "M")):
        periods = [(_end(str(row["time"])), str(row["freq"]), str(row["time"])) for row in stocks]
        found = [period for period in periods if period[1] in frequencies]
        if found:
            _, freq, time = max(found)
            return freq, time
    return "", ""


def _end(time: str) -> tuple[int, int]:
    """Year and last month of a period."""
    year, _, part = time.partition("-")
    months = {"Q": 3, "S": 6}.get(part[:1], 1)
    return int(year), int(part.lstrip("QSM")) * months if part else 12


def _figure(row: _Row) -> Figure:
    if row["obs_value"] is None:
        return Figure(missing=_reason(row["reason"] or "", row["obs_status"] or "", row["conf_status"] or ""))
    told = row["significance"] or ""
    return Figure(
        value=Decimal(row["obs_value"]),
        lower=_decimal(row["lower"]),
        upper=_decimal(row["upper"]),
        status=row["obs_status"] or "",
        missing="",
        is_significant=told == "significant" if told else None,
        notes=_notes(row["note_indicator"]),
    )


def _decimal(text: str | None) -> Decimal | None:
    return Decimal(text) if text else None


def _notes(text: str | None) -> tuple[str, ...]:
    return tuple(note for note in (text or "").split("_") if note)


def _reason(reason: str, status: str, confidentiality: str) -> Missing:
    """Why a cell is empty; confidentiality before few observations, which it goes with."""
    parts = reason.split(";")
    if "withdrawn" in parts or status == "N":
        return "withdrawn"
    if {"confidential", "secondary"} & {*parts} or confidentiality in ("C", "D") or status == "C":
        return "confidential"
    return "unreliable"
