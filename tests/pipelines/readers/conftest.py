"""How the readers' tests read a file and look at what was stored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.readers.read import ExtractInfo, Field, FileLayout, write_raw_extract
from schemas.errors import InputError


def make_layout(format: str = "csv", *fields: Any, **options: Any) -> FileLayout:
    """A layout; a field is a name, or (name, start, width)."""
    made = tuple(
        Field(name=f, label="") if isinstance(f, str) else Field(f[0], "", start=f[1], width=f[2]) for f in fields
    )
    defaults: dict[str, Any] = {"member": None, "encoding": None, "delimiter": None, "header": True}
    return FileLayout(format=format, fields=made, **(defaults | options))


class Desk:
    """One place to read files at, which sees that nothing is left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work_dir = folder / "work"
        self.store = folder / "store"
        self.work_dir.mkdir()
        self.store.mkdir()

    def file(self, content: bytes, name: str = "persons.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def read(self, path: Path, layout: FileLayout, **options: Any) -> tuple[ExtractInfo, dict[str, list[Any]]]:
        target = self.store / "raw.parquet"
        info = write_raw_extract(path, layout, target, display_name=path.name, work_dir=self.work_dir, **options)
        assert list(self.work_dir.iterdir()) == []
        assert list(self.store.iterdir()) == [target]
        table = pq.read_table(target)
        assert table.column_names == ["row_number", *info.columns]
        columns = table.to_pydict()
        assert columns.pop("row_number") == list(range(1, info.rows + 1))
        return info, columns

    def refuse(self, path: Path, layout: FileLayout, **options: Any) -> InputError:
        target = self.store / "raw.parquet"
        with pytest.raises(InputError) as caught:
            write_raw_extract(path, layout, target, display_name=path.name, work_dir=self.work_dir, **options)
        assert list(self.work_dir.iterdir()) == []
        assert list(self.store.iterdir()) == []
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        return caught.value


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def layout() -> Callable[..., FileLayout]:
    return make_layout
