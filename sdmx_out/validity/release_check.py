"""The validity gate: every message of a release is looked at before anybody sees it.

Here belongs which files are looked at, and how. What is wrong with one of them is found in the modules beside this one;
whether the release then appears is decided elsewhere.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
from sdmx.model import v21

from schemas.errors import Problem
from sdmx_out.csv_text import read_csv
from sdmx_out.messages.dataflow import Dataflow, read_dataflow
from sdmx_out.messages.formats import DataFormat
from sdmx_out.messages.parquet_data import observations_of
from sdmx_out.validity.csv_check import csv_problems, is_same_text, parquet_problems
from sdmx_out.validity.differences import csv_differences, differences, row_differences
from sdmx_out.validity.formats import READERS, MetadataFormat, Reader, StructureFormat
from sdmx_out.validity.metadata_check import metadata_problems, metadata_structure_problems
from sdmx_out.validity.problems import problem
from sdmx_out.validity.sample import Limits, choose
from sdmx_out.validity.schema_check import schema_problems
from sdmx_out.validity.structure_check import STRUCTURE_READERS, read_definitions, structure_problems
from sdmx_out.validity.verdict import Verdict

CONTENTS = "toc.csv"
WITHDRAWN = "withdrawn"
#: Problems after which no more messages are looked at: a release with so many has one cause.
MOST = 50
#: Messages between two words on how far the check is.
_TOLD_EVERY = 200
#: Rows of a Parquet file that are kept to compare the other files of its dataflow with.
_KEPT = 200_000
_STRUCTURES: StructureFormat = "structure-ml-2.1"


@dataclass(frozen=True)
class Layout:
    """Where a release has its messages.

    Attributes:
        data: folder of a release -> format of the messages in it, one file per dataflow.
        parquet: folder of the Parquet files, `<dataflow>.parquet`.
        deltas: folder of what changed since the release before, `<dataflow>.csv` in SDMX-CSV 2.0.
        structures: file -> format; one of them is in SDMX-ML 2.1, which readers of data are given.
        metadata: file of reference metadata -> format; a release may have none of them.
        metadata_structures: file of their structures -> format.
    """

    data: Mapping[str, DataFormat] = field(
        default_factory=lambda: {
            "data/sdmx-csv": "sdmx-csv-1.0",
            "data/sdmx-csv-2.0": "sdmx-csv-2.0",
            "data/sdmx-ml-2.1": "sdmx-ml-2.1",
            "data/sdmx-ml-3.0": "sdmx-ml-3.0",
            "data/sdmx-json-2.0": "sdmx-json-2.0",
        }
    )
    parquet: str = "data/parquet"
    deltas: str = "data/delta"
    structures: Mapping[str, StructureFormat] = field(
        default_factory=lambda: {
            "structure/structures.xml": "structure-ml-2.1",
            "structure/structures-3.0.xml": "structure-ml-3.0",
            "structure/structures.json": "structure-json-2.0",
        }
    )
    metadata: Mapping[str, MetadataFormat] = field(
        default_factory=lambda: {
            "metadata/reference_metadata_surveys_2.1.xml": "metadata-ml-2.1",
            "metadata/reference_metadata_rounds_2.1.xml": "metadata-ml-2.1",
            "metadata/reference_metadata_3.0.xml": "metadata-ml-3.0",
            "metadata/reference_metadata_2.0.json": "metadata-json-2.0",
        }
    )
    metadata_structures: Mapping[str, StructureFormat] = field(
        default_factory=lambda: {
            "metadata/metadata_structures_2.1.xml": "structure-ml-2.1",
            "metadata/metadata_structures_3.0.xml": "structure-ml-3.0",
            "metadata/metadata_structures_2.0.json": "structure-json-2.0",
        }
    )


@dataclass(frozen=True)
class _Message:
    """A data file that the contents list."""

    file: str
    dataflow: str
    rows: int
    format: DataFormat | Literal["parquet"]


@dataclass
class _Tally:
    """Files and observations that were looked at."""

    files: int = 0
    observations: int = 0

    def add(self, message: _Message) -> None:
        self.files += 1
        self.observations += message.rows

    def told(self, of: int) -> dict[str, object]:
        return {"files": self.files, "of": of, "observations": self.observations}


def check_release(  # noqa: PLR0913 - what may be different in tests and later releases
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    *,
    layout: Layout | None = None,
    limits: Limits | None = None,
    expected: Callable[[str], str] | None = None,
    seed: str = "",
    told: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Look at all messages of a frozen release or candidate.

    Structures are validated, their references followed, and read back. Every row of SDMX-CSV and Parquet is checked and
    compared. XML and JSON are validated and read back, whole up to the limits and by a stated sample above.

    Args:
        folder: with the files that its table of contents lists.
        connection: any engine; it need not hold anything.
        layout: where messages are.
        limits: how much of a large release is looked at.
        expected: dataflow id -> query of its observations that ``connection`` can be asked; the release's own Parquet
            files if None.
        seed: what tells this release from others, for the sample.
        told: is given a line of progress now and then.
    """
    check = _Check(folder, connection, layout or Layout(), limits or Limits(), expected, seed, told)
    return check.verdict()


class _Check:
    def __init__(  # noqa: PLR0913 - the arguments of check_release
        self,
        folder: Path,
        connection: duckdb.DuckDBPyConnection,
        layout: Layout,
        limits: Limits,
        expected: Callable[[str], str] | None,
        seed: str,
        told: Callable[[str], None],
    ) -> None:
        self.folder, self.connection, self.layout, self.limits, self.told = folder, connection, layout, limits, told
        self.expected, self.seed = expected, seed
        self.problems: list[Problem] = []
        self.validated: dict[str, _Tally] = {}
        self.read: dict[str, _Tally] = {}
        self.rows = _Tally()
        self.broken: set[str] = set()
        self.checked_rows: tuple[str, pa.Table] | None = None
        self.structures = self.metadata = self.deltas = 0

    def verdict(self) -> Verdict:
        definitions = self._check_structures()
        listed = list(self._listed())
        messages = [message for message in listed if message.dataflow in definitions]
        for message in listed:
            if message.dataflow not in definitions:
                text = f"the contents list {message.dataflow}, which has no structure"
                self.problems.append(problem(message.file, "STRUCTURE_UNRESOLVED", text))
        self._check_metadata()
        flows = {name: read_dataflow(definition) for name, definition in definitions.items()}
        self._check_deltas(flows)
        sizes = {message.dataflow: message.rows for message in messages}
        chosen = {
            name: choose(sizes, limit, self.seed, self.limits.dataflows)
            for name, limit in (
                ("read_back", self.limits.read_back),
                ("xml", self.limits.xml),
                ("json", self.limits.json),
            )
        }
        is_whole = True
        # The messages of a dataflow one after the other, Parquet first: the others are compared with it.
        messages.sort(key=lambda message: (message.dataflow, message.format != "parquet", message.file))
        for count, message in enumerate(messages, 1):
            if len(self.problems) >= MOST:
                is_whole = False
                break
            self._check(message, definitions[message.dataflow], flows[message.dataflow], chosen)
            if count % _TOLD_EVERY == 0 or count == len(messages):
                self.told(f"checked {count:,} of {len(messages):,} messages")
        return Verdict(tuple(self.problems), self._checked(messages, definitions, sizes, chosen, is_whole=is_whole))

    def _check_structures(self) -> dict[str, v21.DataflowDefinition]:
        formats = self.layout.structures
        main = next(file for file, message_format in formats.items() if message_format == _STRUCTURES)
        path = self.folder / main
        if not path.is_file() or schema_problems(path, _STRUCTURES):
            # Without structures nothing else can be looked at.
            found = schema_problems(path, _STRUCTURES, file=main) if path.is_file() else [_missing(main)]
            self.problems += found
            return {}
        definitions = read_definitions(path)
        flows = {name: read_dataflow(definition) for name, definition in definitions.items()}
        for file, message_format in formats.items():
            if not (self.folder / file).is_file():
                self.problems.append(_missing(file))
                continue
            # The definitions are what sdmx1 reads in the first of them.
            readers: tuple[Reader, ...] = ("pysdmx",) if file == main else STRUCTURE_READERS[message_format]
            self.problems += structure_problems(self.folder / file, message_format, flows, file=file, readers=readers)
            self.structures += 1
        self.told(f"checked {self.structures} structure messages of {len(flows)} dataflows")
        return definitions

    def _check_metadata(self) -> None:
        found = {
            **{file: partial(metadata_problems, message_format=kind) for file, kind in self.layout.metadata.items()},
            **{
                file: partial(metadata_structure_problems, message_format=kind)
                for file, kind in self.layout.metadata_structures.items()
            },
        }
        for file, problems in found.items():
            if (self.folder / file).is_file():
                self.problems += problems(self.folder / file, file=file)
                self.metadata += 1

    def _check_deltas(self, flows: Mapping[str, Dataflow]) -> None:
        """Check every row of the deltas; those of a dataflow that is gone have no structure any more."""
        for path in sorted((self.folder / self.layout.deltas).glob("*.csv")):
            if flow := flows.get(path.stem):
                file = path.relative_to(self.folder).as_posix()
                self.problems += csv_problems(path, "sdmx-csv-2.0", flow, self.connection, file=file, is_delta=True)
                self.deltas += 1

    def _listed(self) -> Iterator[_Message]:
        """Data files that the contents list; those that are not there, or there and not listed, are problems."""
        seen: set[str] = set()
        for row in read_csv(self.folder / CONTENTS):
            message_format = self._format_of(row["file"])
            if message_format is None or row["status"] == WITHDRAWN:
                continue
            seen.add(row["file"])
            if (self.folder / row["file"]).is_file():
                yield _Message(row["file"], row["dataflow"], int(row["rows"]), message_format)
            else:
                self.problems.append(_missing(row["file"]))
        for folder in (*self.layout.data, self.layout.parquet):
            for path in sorted((self.folder / folder).glob("*")):
                if (file := path.relative_to(self.folder).as_posix()) not in seen:
                    self.problems.append(problem(file, "CONTENTS_DIFFER", "the table of contents does not list it"))

    def _format_of(self, file: str) -> DataFormat | Literal["parquet"] | None:
        folder = file.rpartition("/")[0]
        return "parquet" if folder == self.layout.parquet else self.layout.data.get(folder)

    def _query(self, flow: str) -> str | None:
        """Query of what a dataflow's messages have to say."""
        if self.expected is not None:
            return self.expected(flow)
        path = self.folder / self.layout.parquet / f"{flow}.parquet"
        return observations_of(path) if path.is_file() else None

    def _check(
        self,
        message: _Message,
        definition: v21.DataflowDefinition,
        dataflow: Dataflow,
        chosen: Mapping[str, list[str]],
    ) -> None:
        path, file = self.folder / message.file, message.file
        if message.format != "parquet" and message.format.startswith("sdmx-csv"):
            is_valid = self._is_as_checked(message, message.format, dataflow) or self._check_rows(
                message, dataflow, csv_problems(path, message.format, dataflow, self.connection, file=file)
            )
        elif message.format == "parquet":
            found = parquet_problems(path, dataflow, self.connection, file=file)
            if self._check_rows(message, dataflow, found):
                self._keep_rows(message, dataflow)
            elif self.expected is None:
                self.broken.add(dataflow.id)
            return
        else:
            is_valid = self._validate(message, message.format, dataflow, chosen)
        if is_valid and dataflow.id not in self.broken and dataflow.id in chosen["read_back"]:
            query = self._query(dataflow.id)
            if query is not None:
                self.problems += differences(
                    path, message.format, definition, self.connection, query, file=file, dataflow=dataflow
                )
                self.read.setdefault(message.format, _Tally()).add(message)

    def _validate(
        self, message: _Message, message_format: DataFormat, dataflow: Dataflow, chosen: Mapping[str, list[str]]
    ) -> bool:
        """Validate a message in XML or JSON if it is one of the chosen; return whether no fault is known."""
        if dataflow.id not in chosen["json" if "json" in message_format else "xml"]:
            return True
        found = schema_problems(self.folder / message.file, message_format, dataflow, file=message.file)
        self.problems += found
        self.validated.setdefault(message_format, _Tally()).add(message)
        return not found

    def _keep_rows(self, message: _Message, dataflow: Dataflow) -> None:
        """Keep the rows of a Parquet file that was checked, until the next dataflow, if they are not too many."""
        self.checked_rows = None
        if message.rows <= _KEPT:
            names = ", ".join(f'"{item.id}"' for item in dataflow.components)
            query = f"SELECT {names} FROM ({observations_of(self.folder / message.file)})"
            self.checked_rows = (dataflow.id, self.connection.sql(query).to_arrow_table())

    def _is_as_checked(self, message: _Message, message_format: DataFormat, dataflow: Dataflow) -> bool:
        """Whether a message in SDMX-CSV has, text for text, the rows that were checked and compared before."""
        if self.checked_rows is None or self.checked_rows[0] != dataflow.id:
            return False
        if not is_same_text(self.folder / message.file, message_format, dataflow, self.checked_rows[1]):
            return False
        self.rows.add(message)
        return True

    def _check_rows(self, message: _Message, dataflow: Dataflow, found: list[Problem]) -> bool:
        """Compare all rows of a valid SDMX-CSV or Parquet file; return whether no fault is known."""
        path, file = self.folder / message.file, message.file
        self.rows.add(message)
        if not found and dataflow.id not in self.broken:
            query = self._query(dataflow.id)
            if query is None:
                text = f"there is no {self.layout.parquet}/{dataflow.id}.parquet to compare it with"
                found = [problem(file, "CONTENTS_DIFFER", text)]
            elif message.format != "parquet":
                found = csv_differences(path, message.format, dataflow, self.connection, query, file=file)
            else:
                found = self._parquet_differences(message, dataflow, query)
        self.problems += found
        return not found

    def _parquet_differences(self, message: _Message, dataflow: Dataflow, query: str) -> list[Problem]:
        path, file = self.folder / message.file, message.file
        (told,) = self.connection.execute(f"SELECT count(*) FROM ({observations_of(path)})").fetchall()
        if told[0] != message.rows:
            text = f"the table of contents tells of {message.rows:,} rows, and there are {told[0]:,}"
            return [problem(file, "CONTENTS_DIFFER", text)]
        if self.expected is None:
            return []
        return row_differences(self.connection, dataflow, observations_of(path), query, file, "the file", is_exact=True)

    def _checked(
        self,
        messages: list[_Message],
        definitions: Mapping[str, v21.DataflowDefinition],
        sizes: Mapping[str, int],
        chosen: Mapping[str, list[str]],
        *,
        is_whole: bool,
    ) -> dict[str, object]:
        of = Counter[str](message.format for message in messages)
        return {
            "structures": {
                "files": self.structures,
                "dataflows": len(definitions),
                "readers": {name: list(STRUCTURE_READERS[name]) for name in self.layout.structures.values()},
            },
            "metadata": {"files": self.metadata},
            "deltas": {"files": self.deltas},
            "rows_of_csv_and_parquet": {"files": self.rows.files, "observations": self.rows.observations},
            "valid_by_schema": {name: tally.told(of[name]) for name, tally in sorted(self.validated.items())},
            "read_back": {
                name: {"readers": list(READERS[name]), **self.read[name].told(of[name])}
                for name in READERS
                if name in self.read
            },
            "dataflows": {
                name: {"chosen": len(flows), "of": len(sizes), "is_whole": len(flows) == len(sizes)}
                | ({} if len(flows) == len(sizes) else {"limit": getattr(self.limits, name), "names": flows})
                for name, flows in chosen.items()
            },
            "seed": self.seed,
            "is_whole": is_whole,
        }


def _missing(file: str) -> Problem:
    return problem(file, "CONTENTS_DIFFER", "the file is not there")
