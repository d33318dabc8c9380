"""The formats of messages that can be checked, and who reads which of them.

Here belong their names and the table of readers, as found by trying. How a format is checked or read does not belong
here.
"""

from collections.abc import Mapping
from typing import Literal

from sdmx_out.messages.formats import DataFormat

StructureFormat = Literal["structure-ml-2.1", "structure-ml-3.0", "structure-json-2.0"]
MetadataFormat = Literal["metadata-ml-2.1", "metadata-ml-3.0", "metadata-json-2.0"]
MessageFormat = DataFormat | StructureFormat | MetadataFormat
Reader = Literal["sdmx1", "pysdmx", "own"]

#: Structure-specific data: valid only by the schema of their own data structure.
STRUCTURE_SPECIFIC: tuple[MessageFormat, ...] = ("sdmx-ml-2.1", "sdmx-ml-2.1-flat", "sdmx-ml-3.0", "sdmx-ml-3.0-flat")
#: Format -> readers. sdmx1 knows SDMX-CSV from 2.0 on. Neither library reads data in SDMX-JSON as published (sdmx1 a
#: draft with its parts at the top, pysdmx none at all): `own` is a decoder that shares nothing with the writer.
READERS: Mapping[DataFormat, tuple[Reader, ...]] = {
    "sdmx-csv-1.0": ("pysdmx",),
    "sdmx-csv-2.0": ("sdmx1", "pysdmx"),
    "sdmx-ml-2.1": ("sdmx1", "pysdmx"),
    "sdmx-ml-2.1-flat": ("sdmx1", "pysdmx"),
    "sdmx-ml-2.1-generic": ("sdmx1", "pysdmx"),
    "sdmx-ml-2.1-generic-flat": ("sdmx1", "pysdmx"),
    "sdmx-ml-3.0": ("sdmx1", "pysdmx"),
    "sdmx-ml-3.0-flat": ("sdmx1", "pysdmx"),
    "sdmx-json-1.0": ("own",),
    "sdmx-json-2.0": ("own",),
}
