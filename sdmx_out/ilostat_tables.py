"""Tables in the shape of ILOSTAT's bulk download, with codes alone or with labels, and beside each its precision.

Here belong the columns of the bulk, quality and dictionary files. All files of an indicator have the same rows in the
same order.
"""

from collections.abc import Iterator, Mapping

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from schemas.codes import CodeList
from schemas.indicators import Indicator
from sdmx_out.catalogue import is_test_code, lists_of_type, marked
from sdmx_out.csv_text import BATCH_ROWS, csv_field, csv_line, csv_lines, line_sql, literal, stream_lines
from sdmx_out.published_rows import TABLE

_CELL = ("ref_area", "source", "indicator", "sex", "classif1", "classif2")
BULK_COLUMNS = (*_CELL, "time", "obs_value", "obs_status", "note_classif", "note_indicator", "note_source")
QUALITY_COLUMNS = (
    *(*_CELL, "time", "se", "lower", "upper", "cv", "df", "p_value", "significance"),
    *("n_band", "method", "obs_status", "conf_status", "reason"),
)
#: Columns that hold codes, in the order of the bulk file; with labels each is followed by `<column>.label`.
CODED = (*_CELL, "obs_status", "note_classif", "note_indicator", "note_source")
_ROWS = "table_rows"
_NOTES = ("note_classif", "note_indicator", "note_source")
DICTIONARY_COLUMNS = ("code", "label_en", "label_fr", "label_es", "order", "is_total")


def select_table(connection: duckdb.DuckDBPyConnection, indicator: str, freq: str) -> None:
    """Set the rows of an indicator and frequency apart, ordered by area, source, cell and period.

    The files of the table are written from them until another table is selected.

    Args:
        connection: holds the rows of the release.
        indicator: id.
        freq: of the rows.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS SELECT * REPLACE (time_ilostat AS time) FROM {TABLE} "
        f"WHERE indicator = {literal(indicator)} AND freq = {literal(freq)} "
        f"ORDER BY ref_area, source, sex, classif1 NULLS FIRST, classif2 NULLS FIRST, {TABLE}.time"
    )


def bulk_lines(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """One line per cell of the selected table in ILOSTAT's bulk columns."""
    return _lines(connection, BULK_COLUMNS)


def quality_lines(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """One line per cell with its standard error, significance and status, in the order of the bulk file."""
    return _lines(connection, QUALITY_COLUMNS)


def labelled_blocks(connection: duckdb.DuckDBPyConnection, labels: Mapping[str, Mapping[str, str]]) -> Iterator[bytes]:
    """The bulk file with a column of labels beside every column of codes, as ILOSTAT gives it for `type=both`.

    Args:
        connection: holds the selected table.
        labels: column -> code -> label in the language of the file, as ``labels_of`` gives them.
    """
    columns = [
        name for column in BULK_COLUMNS for name in ((column, f"{column}.label") if column in CODED else (column,))
    ]
    yield (csv_line(columns) + "\n").encode()
    # A column without any value has no type of its own.
    fields_sql = ", ".join(f"CAST({column} AS VARCHAR)" for column in BULK_COLUMNS)
    for batch in connection.sql(f"SELECT {fields_sql} FROM {_ROWS}").to_arrow_reader(BATCH_ROWS):
        fields: list[pa.Array] = []
        for column, values in zip(BULK_COLUMNS, batch.columns, strict=True):
            if column not in CODED:
                fields.append(values.fill_null(""))
                continue
            # Every code is spelled and labelled once.
            coded = values.fill_null("").dictionary_encode()
            codes = coded.dictionary.to_pylist()
            for texts in (codes, [_label(column, code, labels[column]) if code else "" for code in codes]):
                fields.append(pa.array(map(csv_field, texts), pa.string()).take(coded.indices))
        yield ("\n".join(pc.binary_join_element_wise(*fields, ",").to_pylist()) + "\n").encode()


def labels_of(
    indicator: Indicator,
    code_lists: Mapping[str, CodeList],
    notes: Mapping[str, Mapping[str, str]],
    language: str,
    *,
    is_test: bool,
) -> dict[str, Mapping[str, str]]:
    """Return column -> code -> label for the tables of an indicator.

    Args:
        indicator: whose tables are labelled.
        code_lists: all code lists by id.
        notes: notes of our own that no list has: id -> language -> text.
        language: en, fr or es.
        is_test: whether the title says that this is no national statistic.
    """

    def of(*lists: CodeList) -> dict[str, str]:
        return {item.code: getattr(item, language) for codes in lists for item in codes.items}

    classifs = [of(*lists_of_type(code_lists, kind)) for kind in indicator.dimensions if kind != "SEX"]
    told = of(code_lists["NOTE"]) | {note: texts[language] for note, texts in notes.items()}
    return {
        "ref_area": of(code_lists["AREA"]),
        "source": of(code_lists["SOURCE"]),
        "indicator": {indicator.id: marked(indicator.title, is_test=is_test)[language]},
        "sex": of(code_lists["SEX"]),
        **{f"classif{number}": names for number, names in enumerate((*classifs, {}, {})[:2], start=1)},
        "obs_status": of(code_lists["OBS_STATUS"]),
        **dict.fromkeys(_NOTES, told),
    }


def _label(column: str, code: str, labels: Mapping[str, str]) -> str:
    """Label of a code; of a source the label of its type and its name; of joined notes all of them."""
    if column == "source":
        kind, _, name = code.partition(":")
        return f"{labels.get(kind, kind)} - {name}" if name else labels.get(kind, kind)
    if column in _NOTES:
        return " | ".join(labels.get(note, note) for note in code.split("_"))
    return labels.get(code, code)


def _lines(connection: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> Iterator[str]:
    return stream_lines(connection, columns, f"SELECT {line_sql(columns)} FROM {_ROWS}")


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
