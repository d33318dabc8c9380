"""Content constraints: what is there, and what may be there by the catalogue."""

from datetime import date

import duckdb
import pytest
from sdmx.model import v21

from schemas.codes import load_code_lists, load_status_map
from schemas.indicators import load_indicators
from sdmx_out.structures.constraints import Observed, held_by_flow, observed
from sdmx_out.structures.release_structures import release_message
from tests.sdmx_out.example import EMPLOYMENT, FOREIGN, STAY
from tests.sdmx_out.messages.flows import connection
from tests.sdmx_out.structures import whole


def _codes(constraint: v21.ContentConstraint) -> dict[str, list[str]]:
    (region,) = constraint.data_content_region
    return {
        component.id: [value.value for value in selection.values]
        for component, selection in region.member.items()
        if component.id != "TIME_PERIOD"
    }


@pytest.mark.parametrize("twin", ["", "_SE"])
def test_an_actual_constraint_tells_what_is_there_in_the_order_of_the_lists(twin: str) -> None:
    """Hidden cells are observations without a value: SEX_M has none but such."""
    constraint = whole.message().constraint[f"CCA_DF_{EMPLOYMENT}{twin}"]
    assert _codes(constraint) == {
        "REF_AREA": ["XAA"],
        "FREQ": ["A", "Q"],
        "MEASURE": ["MST_TEMP_NB"],
        "SEX": ["SEX_T", "SEX_M", "SEX_F"],
        "AGE": ["AGE_AGGREGATE_TOTAL", "AGE_AGGREGATE_Y15-24"],
        "CBR": ["CBR_BIR_NATIVE", "CBR_BIR_FOREIGN"],
    }
    assert constraint.maintainer.id == ("ILMS" if twin else "ILO")
    assert [flow.id for flow in constraint.content] == [f"DF_{EMPLOYMENT}{twin}"]


def test_a_constraint_reaches_from_the_first_day_of_the_first_period_to_the_last_of_the_last() -> None:
    """The year 2013 holds its fourth quarter; a month ends on its last day."""
    held = held_by_flow(connection(), [load_indicators()[name] for name in (EMPLOYMENT, STAY)])
    assert (held[f"DF_{EMPLOYMENT}"].start, held[f"DF_{EMPLOYMENT}"].end) == (date(2013, 1, 1), date(2013, 12, 31))
    assert (held[f"DF_{STAY}"].start, held[f"DF_{STAY}"].end) == (date(2013, 3, 1), date(2013, 3, 31))


def test_without_observations_there_is_no_actual_constraint() -> None:
    engine = duckdb.connect()
    empty = "SELECT 'a' AS SEX, '2013' AS TIME_PERIOD WHERE false"
    assert observed(engine, empty, ("SEX",)) is None
    some = "SELECT unnest(['b', 'a', 'b']) AS SEX, unnest(['2013-S1', '2013-Q4', '2012-12']) AS TIME_PERIOD"
    assert observed(engine, some, ("SEX",)) == Observed({"SEX": ["a", "b"]}, date(2012, 12, 1), date(2013, 12, 31))


def test_a_code_that_no_list_has_is_refused() -> None:
    held = {f"DF_{STAY}": Observed({"SEX": ["SEX_T", "SEX_Q"]}, date(2013, 1, 1), date(2013, 12, 31))}
    with pytest.raises(ValueError, match="SEX has no code SEX_Q"):
        release_message(
            [load_indicators()[STAY]],
            load_code_lists(),
            load_status_map(),
            prepared=whole.DAY,
            is_test=True,
            has_test_areas=False,
            held=held,
            provided={},
        )


@pytest.mark.parametrize("twin", ["", "_SE"])
def test_an_allowed_constraint_has_the_items_of_the_declared_versions(twin: str) -> None:
    constraint = whole.message().constraint[f"CCR_DF_{EMPLOYMENT}{twin}"]
    lists = load_code_lists()
    indicator = load_indicators()[EMPLOYMENT]
    allowed = _codes(constraint)
    assert list(allowed) == ["FREQ", "MEASURE", "SEX", "AGE", "CBR"]
    assert allowed["FREQ"] == ["A", "S", "Q", "M"]
    assert allowed["MEASURE"] == ["MST_TEMP_NB"]
    assert allowed["SEX"] == ["SEX_T", "SEX_M", "SEX_F", "SEX_O"]
    for dimension, versions in (("AGE", indicator.classif1_versions), ("CBR", indicator.classif2_versions)):
        assert sorted(allowed[dimension]) == sorted(item.code for name in versions for item in lists[name].items)
    assert "AGE_5YRBANDS_Y15-19" not in allowed["AGE"]
    assert "CBR_BRT_KEN" not in allowed["CBR"]


def test_what_is_there_may_be_there() -> None:
    constraints = whole.message().constraint
    for name in whole.CHOSEN:
        actual, allowed = _codes(constraints[f"CCA_DF_{name}"]), _codes(constraints[f"CCR_DF_{name}"])
        for dimension in allowed:
            assert set(actual[dimension]) <= set(allowed[dimension]), (name, dimension)


@pytest.mark.parametrize("has_test_areas", [False, True])
def test_test_areas_may_be_there_only_where_their_codes_are(has_test_areas: bool) -> None:
    made = release_message(
        [load_indicators()[FOREIGN]],
        load_code_lists(),
        load_status_map(),
        prepared=whole.DAY,
        is_test=False,
        has_test_areas=has_test_areas,
        held={},
        provided={},
    )
    assert set(made.constraint) == {f"CCR_DF_{FOREIGN}", f"CCR_DF_{FOREIGN}_SE"}
    assert ("CBR_BRT_XAA" in _codes(made.constraint[f"CCR_DF_{FOREIGN}"])["CBR"]) is has_test_areas


def test_every_dataflow_of_the_catalogue_has_an_allowed_constraint() -> None:
    constraints = whole.catalogue().constraint
    for name, indicator in load_indicators().items():
        for twin in ("", "_SE"):
            allowed = _codes(constraints[f"CCR_DF_{name}{twin}"])
            assert allowed["MEASURE"] == [indicator.measure_code]
            assert list(allowed) == ["FREQ", "MEASURE", *indicator.dimensions]
            assert all(allowed.values()), name
