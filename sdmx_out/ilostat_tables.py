"""Tables in the shape of ILOSTAT's bulk download, and beside each the precision it has no room for.

Here belong the columns of the bulk, quality and dictionary files. Both files of an indicator have the
same rows in the same order.
"""

from collections.abc import Iterator, Mapping

import duckdb

from schemas.codes import CodeList
from schemas.indicators import Indicator
from sdmx_out.catalogue import is_test_code, marked
from sdmx_out.csv_text import csv_lines, line_sql, literal, stream_lines
from sdmx_out.published_rows import TABLE

_CELL = ("ref_area", "source", "indicator", "sex", "classif1", "classif2")
BULK_COLUMNS = (*_CELL, "time", "obs_value", "obs_status", "note_classif", "note_indicator", "note_source")
QUALITY_COLUMNS = (
    *(*_CELL, "time", "se", "lower", "upper", "cv", "df", "p_value", "significance"),
    *("n_band", "method", "obs_status", "conf_status", "reason"),
)
DICTIONARY_COLUMNS = ("code", "label_en", "label_fr", "label_es", "order", "is_total")


def bulk_lines(connection: duckdb.DuckDBPyConnection, indicator: str, freq: str) -> Iterator[str]:
    """One line per cell in ILOSTAT's bulk columns, ordered by area, source, cell and period."""
    return _lines(connection, indicator, freq, BULK_COLUMNS)


def quality_lines(connection: duckdb.DuckDBPyConnection, indicator: str, freq: str) -> Iterator[str]:
    """One line per cell with its standard error, significance and status, in the order of the bulk file."""
    return _lines(connection, indicator, freq, QUALITY_COLUMNS)


def _lines(connection: duckdb.DuckDBPyConnection, indicator: str, freq: str, columns: tuple[str, ...]) -> Iterator[str]:
    fields = ["time_ilostat" if column == "time" else column for column in columns]
    query = (
        f"SELECT {line_sql(fields)} FROM {TABLE} "
        f"WHERE indicator = {literal(indicator)} AND freq = {literal(freq)} "
        "ORDER BY ref_area, source, sex, classif1 NULLS FIRST, classif2 NULLS FIRST, time"
    )
    return stream_lines(connection, columns, query)


def dictionary_lines(codes: CodeList, *, has_test_areas: bool) -> Iterator[str]:
    """One line per code of a list, in the list's order; test areas only where the release has one."""
    items = [item for item in codes.items if has_test_areas or not is_test_code(item.code)]
    return csv_lines(
        DICTIONARY_COLUMNS,
        (
            {
                "code": item.code,
                "label_en": item.en,
                "label_fr": item.fr,
                "label_es": item.es,
                "order": str(item.order),
                "is_total": "Y" if item.is_total else "N",
            }
            for item in sorted(items, key=lambda item: (item.order, item.code))
        ),
    )


def indicator_lines(indicators: Mapping[str, Indicator], *, is_test: bool) -> Iterator[str]:
    """One line per indicator of the whole catalogue, computed or not, in the dictionary's columns."""
    rows = []
    for order, indicator_id in enumerate(sorted(indicators), start=1):
        title = marked(indicators[indicator_id].title, is_test=is_test)
        labels = {f"label_{language}": text for language, text in title.items()}
        rows.append({"code": indicator_id, **labels, "order": str(order), "is_total": "N"})
    return csv_lines(DICTIONARY_COLUMNS, rows)
