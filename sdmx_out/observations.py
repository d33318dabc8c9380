"""The observations of an indicator's two dataflows, as queries over the rows of a release.

Here belongs which column of the release is which component: of the dataflow in ILO's shape, and of the twin of our own
agency with the standard error as its measure. How messages spell them is said in ``messages``.
"""

from collections.abc import Mapping

from schemas.codes import SdmxStatus
from schemas.indicators import Indicator
from sdmx_out.catalogue import dimension_columns
from sdmx_out.csv_text import literal
from sdmx_out.published_rows import TABLE

_ATTRIBUTES = {
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
#: OBS_STATUS of a published estimate without a standard error (no design variables): its twin value is missing.
MISSING = "O"
_TWIN_ATTRIBUTES = {
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


def observations_sql(indicator: Indicator) -> str:
    """Query of the indicator's own dataflow.

    One row per observation, ordered by its key without time, then by time; one text column per component in the order
    of the data structure, named as it is; NULL where a component has no value.
    """
    return _sql(indicator, "obs_value", _ATTRIBUTES)


def twin_observations_sql(indicator: Indicator, status_map: Mapping[str, SdmxStatus]) -> str:
    """Query of the standard errors' dataflow, of the same shape.

    Args:
        indicator: whose twin is meant.
        status_map: ILOSTAT's status letter ('' included) -> its codes in the cross-domain lists.
    """
    letters = " ".join(
        f"WHEN {literal(letter)} THEN {literal(status_map[letter].obs_status)}" for letter in sorted(status_map)
    )
    status = f"CASE WHEN obs_value IS NOT NULL AND se IS NULL THEN '{MISSING}' ELSE CASE obs_status {letters} END END"
    return _sql(indicator, "se", {**_TWIN_ATTRIBUTES, "OBS_STATUS": status})


def _sql(indicator: Indicator, measure: str, attributes: Mapping[str, str]) -> str:
    dimensions = dimension_columns(indicator)
    columns = {
        "REF_AREA": "ref_area",
        "FREQ": "freq",
        "MEASURE": literal(indicator.measure_code),
        **dimensions,
        "TIME_PERIOD": "time",
        "OBS_VALUE": measure,
        **attributes,
    }
    fields = ", ".join(f"nullif({expression}, '') AS \"{name}\"" for name, expression in columns.items())
    order = ", ".join(f'"{name}"' for name in ("REF_AREA", "FREQ", *dimensions, "TIME_PERIOD"))
    return f"SELECT * FROM (SELECT {fields} FROM {TABLE} WHERE indicator = {literal(indicator.id)}) ORDER BY {order}"
