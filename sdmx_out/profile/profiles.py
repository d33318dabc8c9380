"""Country profiles of a release: one page per area and language, for a browser and on paper.

Here belong which files there are and what they are called. What a profile says, and how it looks, does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

from schemas.codes import CodeList
from sdmx_out.catalogue import LANGUAGES
from sdmx_out.profile.content import Edition, content
from sdmx_out.profile.document import pdf
from sdmx_out.profile.figures import Profile, availability_of, cells_sql, read_profile
from sdmx_out.profile.page import html
from sdmx_out.profile.words import wording

FOLDER = "profiles"
_TABLE = "profile_rows"
_LISTS = ("CBR_BRT", "CCT_CTZ")


def title() -> Mapping[str, str]:
    """Return what a profile is called, by language."""
    return wording()["head"]["title"]


def profile_html(
    connection: duckdb.DuckDBPyConnection,
    area: str,
    language: str,
    edition: Edition,
    availability: Sequence[Path] = (),
) -> bytes:
    """Return one area's profile as a page.

    Args:
        connection: the engine that holds the rows of a release (``published_rows.load_rows``).
        area: code of AREA.
        language: en, fr or es.
        edition: what profiles of the release share.
        availability: Parquet files that say why a whole table is not published.
    """
    return html(content(_read(connection, area, edition, availability), language, edition))


def profile_pdf(
    connection: duckdb.DuckDBPyConnection,
    area: str,
    language: str,
    edition: Edition,
    availability: Sequence[Path] = (),
) -> bytes:
    """Return one area's profile as one page of A4; arguments as for ``profile_html``."""
    return pdf(content(_read(connection, area, edition, availability), language, edition))


def profile_files(
    connection: duckdb.DuckDBPyConnection,
    areas: Sequence[str],
    edition: Edition,
    availability: Sequence[Path] = (),
) -> Iterator[tuple[str, bytes]]:
    """Yield the names inside a release and the bytes of all profiles, one area after the other.

    Args:
        connection: the engine that holds the rows of a release.
        areas: codes of AREA.
        edition: what profiles of the release share.
        availability: Parquet files that say why a whole table is not published.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS {cells_sql()} ORDER BY ref_area")
    told, countries = availability_of(connection, availability), countries_of(edition.code_lists)
    try:
        for area in areas:
            profile = read_profile(connection, area, countries=countries, availability=told, table=_TABLE)
            for language in LANGUAGES:
                said = content(profile, language, edition)
                yield f"{FOLDER}/{area}_{language}.html", html(said)
                yield f"{FOLDER}/{area}_{language}.pdf", pdf(said)
    finally:
        connection.execute(f"DROP TABLE {_TABLE}")


def countries_of(code_lists: Mapping[str, CodeList]) -> dict[str, frozenset[str]]:
    """Return the codes that stand for one country each, by list: no total, no group, no rest."""
    return {
        name: frozenset(
            item.code for item in code_lists[name].items if item.level == 1 and item.code not in _rest(name)
        )
        for name in _LISTS
    }


def _rest(name: str) -> tuple[str, str]:
    return f"{name}_TOTAL", f"{name}_X"


def _read(connection: duckdb.DuckDBPyConnection, area: str, edition: Edition, availability: Sequence[Path]) -> Profile:
    told = availability_of(connection, availability)
    return read_profile(connection, area, countries=countries_of(edition.code_lists), availability=told)
