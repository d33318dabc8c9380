"""Countries as offices write them, in SQL: the normalised key of a text, and how codes are looked up by it.

The key is that of ``schemas.countries.country_key``, and what it means is said there.
"""

from collections.abc import Iterable, Mapping

from schemas.countries import ONE_LETTER, PLAIN, REMOVED, TWO_LETTERS, country_key, load_country_names
from schemas.expressions import quote_text


def country_key_sql(expression: str) -> str:
    """Return SQL for the key of a text: NULL for NULL, '' for a text that can be no country.

    Equal to ``country_key`` for all letters that both sides know: DuckDB's ``strip_accents`` removes the marks of
    the canonical decomposition, ``upper`` gives capitals of one letter, its regular expressions know the categories
    L and N.
    """
    folded = f"upper(strip_accents({expression}))"
    for letter, letters in TWO_LETTERS.items():
        folded = f"replace({folded}, {quote_text(letter)}, {quote_text(letters)})"
    folded = f"translate({folded}, {quote_text(''.join(ONE_LETTER))}, {quote_text(''.join(ONE_LETTER.values()))})"
    words = rf"trim(regexp_replace({folded}, '[^\p{{L}}\p{{N}}]+', ' ', 'g'))"
    return (
        f"CASE WHEN regexp_full_match({expression}, {quote_text(PLAIN)}) THEN upper(trim({expression})) "
        f"ELSE regexp_replace({words}, {quote_text(REMOVED)}, '') END"
    )


def country_lookup_sql(rows: Mapping[str, str], texts: str) -> str:
    """Return SQL for a relation (source_code, target_code) of the source texts that mean a country.

    Args:
        rows: source code -> target: keys, and texts of the office as they stand, which go first.
        texts: SQL for a relation (text) of the source texts, each once: a key is made for every text, not every row.
    """
    named = load_country_names()
    own = {code: to for code, to in rows.items() if not code or (code not in named and code != country_key(code))}
    keys = sorted(rows.keys() - own.keys())
    values = ", ".join(f"({quote_text(code)}, {quote_text(target)})" for code, target in sorted(own.items()))
    # Thousands of keys: one text to split is read ten times as fast as VALUES. A key has letters, digits and blanks.
    return (
        "(SELECT text AS source_code, NULLIF(COALESCE(own.target, named.target), 'NULL') AS target_code "
        f"FROM (SELECT text, NULLIF({country_key_sql('text')}, '') AS key FROM ({texts})) "
        f"LEFT JOIN (VALUES {values or '(NULL, NULL)'}) AS own(code, target) ON own.code = text "
        f"LEFT JOIN (SELECT {_split_sql(keys)} AS code, {_split_sql(rows[key] for key in keys)} AS target) AS named "
        "ON named.code = key WHERE own.code IS NOT NULL OR named.code IS NOT NULL)"
    )


def _split_sql(texts: Iterable[str]) -> str:
    return f"unnest(string_split({quote_text('|'.join(texts))}, '|'))"
