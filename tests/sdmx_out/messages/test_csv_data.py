"""SDMX-CSV messages: exact bytes of both versions, labels in three languages, quotes, and two readers."""

import csv
import io
from collections.abc import Iterator
from typing import get_args

import duckdb
import pytest
import sdmx
from pysdmx.io import read_sdmx

from sdmx_out.messages import csv_data
from sdmx_out.messages.header import Action, Header
from sdmx_out.messages.labels import LANGUAGES, Language, name_in, position_sql, translated_sql
from tests.sdmx_out.messages import flows

FLOW = "ILMS:DF_XCH_TEMP_SEX_AGE_CBR_NB(1.0)"
SOURCE = "BA:XAA_LFS (TEST EXTRACT - not a national statistic)"
CHANGE = flows.dataflow(flows.CHANGE)
ALL = [(name, is_twin) for name in flows.INDICATORS for is_twin in (False, True)]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with flows.connection() as engine:
        yield engine


def _text(
    connection: duckdb.DuckDBPyConnection,
    indicator: str = flows.CHANGE,
    query: str | None = None,
    *,
    is_twin: bool = False,
    header: Header = flows.HEADER,
    **options: object,
) -> str:
    given = flows.query(indicator, is_twin=is_twin) if query is None else query
    flow = flows.dataflow(indicator, is_twin=is_twin)
    return b"".join(csv_data.blocks(connection, flow, given, header, **options)).decode()  # type: ignore[arg-type]


def test_version_1_with_codes(connection: duckdb.DuckDBPyConnection) -> None:
    assert _text(connection) == (
        "DATAFLOW,REF_AREA,FREQ,MEASURE,SEX,AGE,CBR,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MEASURE_TYPE,UNIT_MEASURE,"
        "UNIT_MULT,SOURCE,NOTE_SOURCE,NOTE_INDICATOR,NOTE_CLASSIF,DECIMALS,UPPER_BOUND,LOWER_BOUND\n"
        f"{FLOW},XAA,A,XCH_TEMP_NB,SEX_T,AGE_AGGREGATE_TOTAL,CBR_BIR_NATIVE,2013,-12.346,,NB,PS,3,{SOURCE},"
        "R1:3513_S5:40_ILMS:TEST,T2:84,,1,1237.02,9.50000\n"
    )


def test_version_1_with_labels(connection: duckdb.DuckDBPyConnection) -> None:
    assert _text(connection, labels="both", language="fr") == (
        "DATAFLOW,REF_AREA: Zone de référence,FREQ: Fréquence,MEASURE: Mesure,SEX: Sexe,AGE: Âge,"
        "CBR: Lieu ou pays de naissance,TIME_PERIOD: Période,OBS_VALUE,OBS_STATUS: Statut de l'observation,"
        "UNIT_MEASURE_TYPE: Type d'unité de mesure,UNIT_MEASURE: Unité de mesure,UNIT_MULT: Multiplicateur d'unité,"
        "SOURCE: Source,NOTE_SOURCE: Notes sur la source,NOTE_INDICATOR: Notes sur l'indicateur,"
        "NOTE_CLASSIF: Notes sur la classification,DECIMALS: Décimales,"
        "UPPER_BOUND: Limite supérieure de confiance (95 %),LOWER_BOUND: Limite inférieure de confiance (95 %)\n"
        f'"{FLOW}: {CHANGE.names["fr"]}",XAA: Zone d\'essai A,A: Annuel,{_both("MEASURE", "XCH_TEMP_NB", "fr")},'
        "SEX_T: Total,AGE_AGGREGATE_TOTAL: Total,CBR_BIR_NATIVE: Nés dans le pays,2013,-12.346,,NB: Nombre,"
        f"PS: Personnes,3: Milliers,{SOURCE},R1:3513_S5:40_ILMS:TEST,T2:84,,1,1237.02,9.50000\n"
    )


def test_version_2_with_codes(connection: duckdb.DuckDBPyConnection) -> None:
    first = _text(connection)
    assert _text(connection, version="2.0") == first.replace("DATAFLOW", "STRUCTURE,STRUCTURE_ID,ACTION").replace(
        FLOW, f"dataflow,{FLOW},R"
    )


def test_version_2_with_labels(connection: duckdb.DuckDBPyConnection) -> None:
    head, row, *_ = _text(connection, version="2.0", labels="both").splitlines()
    assert head.startswith("STRUCTURE,STRUCTURE_ID,ACTION,REF_AREA: Reference area,FREQ: Frequency,MEASURE: Measure,")
    assert ",TIME_PERIOD: Time period,OBS_VALUE: Observation value,OBS_STATUS: Observation status," in head
    assert row.startswith(f'dataflow,"{FLOW}: {CHANGE.names["en"]}",R,XAA: Test area A,A: Annual,')
    assert ",SEX_T: Total,AGE_AGGREGATE_TOTAL: Total,CBR_BIR_NATIVE: Native-born,2013,-12.346,,NB: Number," in row


def test_version_2_with_names_in_columns_of_their_own(connection: duckdb.DuckDBPyConnection) -> None:
    text = _text(connection, version="2.0", labels="name", language="es")
    head, row = csv.reader(io.StringIO(text))
    assert head[:8] == [
        *("STRUCTURE", "STRUCTURE_ID", "STRUCTURE_NAME", "ACTION"),
        *("REF_AREA", "Área de referencia", "FREQ", "Frecuencia"),
    ]
    assert row[:8] == ["dataflow", FLOW, CHANGE.names["es"], "R", "XAA", "Área de prueba A", "A", "Anual"]
    told = dict(zip(head, row, strict=True))
    assert (told["SEX"], told["Sexo"]) == ("SEX_T", "Total")
    assert (told["TIME_PERIOD"], told["Período"]) == ("2013", "")
    assert (told["OBS_VALUE"], told["Valor de la observación"]) == ("-12.346", "")
    assert (told["OBS_STATUS"], told["Estado de la observación"]) == ("", "")
    assert (told["SOURCE"], told["Fuente"]) == (SOURCE, "")


def test_version_1_has_no_columns_of_names(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ValueError, match="labels=id and labels=both"):
        _text(connection, labels="name")


@pytest.mark.parametrize(
    ("action", "letter"), list(zip(get_args(Action), ("R", "A", "D", "I"), strict=True)), ids=get_args(Action)
)
def test_the_action_of_the_header(connection: duckdb.DuckDBPyConnection, action: Action, letter: str) -> None:
    header = Header(id="TEST", prepared=flows.HEADER.prepared, is_test=True, action=action)
    (row,) = csv.DictReader(io.StringIO(_text(connection, version="2.0", header=header)))
    assert row["ACTION"] == letter


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("indicator", "is_twin"), ALL)
def test_every_code_has_its_label_in_every_language(
    connection: duckdb.DuckDBPyConnection, indicator: str, language: Language, *, is_twin: bool
) -> None:
    flow = flows.dataflow(indicator, is_twin=is_twin)
    codes = csv.DictReader(io.StringIO(_text(connection, indicator, is_twin=is_twin)))
    text = _text(connection, indicator, is_twin=is_twin, version="2.0", labels="both", language=language)
    head, *labelled = csv.reader(io.StringIO(text))
    rows = list(codes)
    assert len(rows) == len(labelled) > 0
    assert head[3:] == [f"{item.id}: {item.names[language]}" for item in flow.components]
    for row, found in zip(rows, labelled, strict=True):
        assert found[1] == f"{flow.reference}: {flow.names[language]}"
        assert found[3:] == [
            f"{row[item.id]}: {item.codes[row[item.id]][language]}" if item.codes and row[item.id] else row[item.id]
            for item in flow.components
        ]


@pytest.mark.parametrize("labels", ["id", "name", "both"])
def test_fields_are_quoted_where_they_must_be(connection: duckdb.DuckDBPyConnection, labels: str) -> None:
    note = 'a "note", of\r\ntwo lines: ñ é ≥'
    spelled = note.replace("'", "''")
    query = f"SELECT * REPLACE ('{spelled}' AS NOTE_SOURCE, 'x,y' AS SEX) FROM ({flows.query(flows.CHANGE)})"
    text = _text(connection, query=query, version="2.0", labels=labels)
    assert '"a ""note"", of\r\ntwo lines: ñ é ≥"' in text
    _, row = csv.reader(io.StringIO(text, newline=""))
    assert note in row
    # A code that no list has stands without a label.
    assert "x,y" in row


def test_labels_are_quoted_where_they_must_be() -> None:
    texts = ['"a, b"', "c"]
    with duckdb.connect() as engine:
        found = engine.execute(
            f"SELECT {translated_sql('x', ['A', 'B'], texts)}, {position_sql('x', ['A', 'B'])} "
            "FROM (VALUES ('B'), ('A'), ('C'), (NULL)) AS t(x)"
        ).fetchall()
    assert found == [("c", 1), ('"a, b"', 0), (None, None), (None, None)]


def test_a_name_that_is_missing_is_taken_from_another_language() -> None:
    assert name_in({"en": "a", "es": "b"}, "es") == "b"
    assert name_in({"en": "a", "es": "b"}, "fr") == "a"
    assert name_in({"es": "b"}, "en") == "b"
    assert name_in({}, "en") == ""


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_nothing_to_say_is_a_header_line(connection: duckdb.DuckDBPyConnection, version: str) -> None:
    query = f"SELECT * FROM ({flows.query(flows.CHANGE)}) WHERE false"
    text = _text(connection, query=query, version=version)
    assert text.count("\n") == 1
    assert text.endswith(",DECIMALS,UPPER_BOUND,LOWER_BOUND\n")


def test_many_rows_come_in_order_and_in_blocks(connection: duckdb.DuckDBPyConnection) -> None:
    query = (
        "SELECT * REPLACE (lpad(CAST(i AS VARCHAR), 6, '0') AS NOTE_CLASSIF) "
        f"FROM ({flows.query(flows.CHANGE)}), range(40000) AS many(i) ORDER BY NOTE_CLASSIF"
    )
    whole = []
    for threads in (1, 4):
        connection.execute(f"SET threads = {threads}")
        blocks = list(csv_data.blocks(connection, CHANGE, f"SELECT * EXCLUDE (i) FROM ({query})", flows.HEADER))
        assert max(map(len, blocks)) < 1 << 22
        assert len(blocks) > 2
        whole.append(b"".join(blocks))
    connection.execute("RESET threads")
    assert whole[0] == whole[1]
    notes = [row["NOTE_CLASSIF"] for row in csv.DictReader(io.StringIO(whole[0].decode()))]
    assert notes == [f"{number:06}" for number in range(40000)]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(("indicator", "is_twin"), ALL)
def test_pysdmx_reads_every_cell(
    connection: duckdb.DuckDBPyConnection, indicator: str, version: str, *, is_twin: bool
) -> None:
    text = _text(connection, indicator, is_twin=is_twin, version=version)
    (dataset,) = read_sdmx(text).data or []
    flow = flows.dataflow(indicator, is_twin=is_twin)
    assert str(dataset.structure).endswith(flow.reference)
    # It makes numbers of what looks like numbers.
    found = dataset.data.astype(object).where(dataset.data.notna(), "").astype(str).to_dict("records")
    wanted = _rows(text, [item.id for item in flow.components])
    for row in (*found, *wanted):
        row |= {item.id: float(row[item.id]) for item in flow.components if item.is_number and row[item.id]}
    assert found == wanted


@pytest.mark.parametrize(("indicator", "is_twin"), ALL)
def test_sdmx1_reads_every_cell_of_version_2(
    connection: duckdb.DuckDBPyConnection, indicator: str, *, is_twin: bool
) -> None:
    text = _text(connection, indicator, is_twin=is_twin, version="2.0")
    flow = flows.dataflow(indicator, is_twin=is_twin)
    definition = flows.structures().dataflow[flow.id]
    message = sdmx.read_sdmx(io.BytesIO(text.encode()), format="csv", structure=definition)
    (dataset,) = message.data
    found = [
        {
            **{name: str(value.value) for name, value in observation.key.values.items()},
            flow.measure.id: observation.value or "",
            **{name: str(value.value) for name, value in observation.attached_attribute.items()},
        }
        for observation in dataset.obs
    ]
    assert found == _rows(text, [item.id for item in flow.components])


def _both(component: str, code: str, language: Language) -> str:
    names = next(item for item in CHANGE.components if item.id == component).codes[code]
    return f"{code}: {names[language]}"


def _rows(text: str, names: list[str]) -> list[dict[str, str | float]]:
    return [{name: row[name] for name in names} for row in csv.DictReader(io.StringIO(text, newline=""))]
