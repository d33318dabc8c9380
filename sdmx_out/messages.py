"""SDMX-CSV 1.0 data messages: one line per observation, streamed.

Here belong the columns of the two dataflows of an indicator: the one in ILO's shape, and the twin of our
own agency with the standard error as its measure. Structures do not belong here.
"""

from collections.abc import Iterator, Mapping

import duckdb

from schemas.codes import SdmxStatus
from schemas.indicators import Indicator
from sdmx_out.catalogue import dataflow_reference, dimension_columns
from sdmx_out.csv_text import line_sql, literal, stream_lines
from sdmx_out.published_rows import TABLE

ATTRIBUTES = {
    "OBS_STATUS": "obs_status",
    "UNIT_MEASURE_TYPE": "unit_measure_type",
    "UNIT_MEASURE": "unit_measure",
    "UNIT_MULT": "unit_mult",
    "SOURCE": "source",
    "NOTE_SOURCE": "note_source",
    "NOTE_INDICATOR": "note_indicator",
    "NOTE_CLASSIF": "note_classif",
    "DECIMALS": "decimals",
    "UPPER_BOUND": "upper",
    "LOWER_BOUND": "lower",
}
MISSING = "O"
TWIN_ATTRIBUTES = {
    "OBS_STATUS": "obs_status",
    "CONF_STATUS": "conf_status",
    "UNIT_MEASURE_TYPE": "unit_measure_type",
    "UNIT_MEASURE": "unit_measure",
    "UNIT_MULT": "unit_mult",
    "SOURCE": "source",
    "NOTE_SOURCE": "note_source",
    "CV": "cv",
    "DF": "df",
    "P_VALUE": "p_value",
    "N_BAND": "n_band",
    "METHOD": "method",
    "UPPER_BOUND": "upper",
    "LOWER_BOUND": "lower",
}


def data_lines(connection: duckdb.DuckDBPyConnection, indicator: Indicator) -> Iterator[str]:
    """One line per observation of the indicator's own dataflow, ordered by its key."""
    return _lines(connection, indicator, "obs_value", ATTRIBUTES, is_twin=False)


def twin_lines(
    connection: duckdb.DuckDBPyConnection, indicator: Indicator, status_map: Mapping[str, SdmxStatus]
) -> Iterator[str]:
    """One line per observation of the standard error's dataflow, ordered by its key.

    Args:
        connection: holds the release's rows.
        indicator: whose twin is written.
        status_map: ILOSTAT's status letter ('' included) -> its codes in the cross-domain lists.
    """
    letters = " ".join(
        f"WHEN {literal(letter)} THEN {literal(status_map[letter].obs_status)}" for letter in sorted(status_map)
    )
    # A published estimate without a standard error (no design variables) has a missing twin value.
    status = f"CASE WHEN obs_value IS NOT NULL AND se IS NULL THEN '{MISSING}' ELSE CASE obs_status {letters} END END"
    attributes = {**TWIN_ATTRIBUTES, "OBS_STATUS": status}
    return _lines(connection, indicator, "se", attributes, is_twin=True)


def _lines(
    connection: duckdb.DuckDBPyConnection,
    indicator: Indicator,
    measure: str,
    attributes: Mapping[str, str],
    *,
    is_twin: bool,
) -> Iterator[str]:
    dimensions = dimension_columns(indicator)
    columns = {
        "DATAFLOW": literal(dataflow_reference(indicator, is_twin=is_twin)),
        "REF_AREA": "ref_area",
        "FREQ": "freq",
        "MEASURE": literal(indicator.measure_code),
        **dimensions,
        "TIME_PERIOD": "time",
        "OBS_VALUE": measure,
        **attributes,
    }
    fields = ", ".join(f"{expression} AS {name}_" for name, expression in columns.items())
    order = ", ".join(f"{name}_" for name in ("REF_AREA", "FREQ", *dimensions, "TIME_PERIOD"))
    query = (
        f"SELECT {line_sql([f'{name}_' for name in columns])} FROM "
        f"(SELECT {fields} FROM {TABLE} WHERE indicator = {literal(indicator.id)}) ORDER BY {order}"
    )
    return stream_lines(connection, list(columns), query)
