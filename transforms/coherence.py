"""Identities that must hold between universes and between tables, in every cell before rounding.

Here belong the identities as SQL over ``psu_totals`` (or its sums per cell); each query returns the number of
cells in which its identity does not hold, at 1e-9 relative.

Source: STANDARDS 3.4.
"""

#: Identity in words -> (whole, parts), universes of one cube.
SUMS = {
    "labour force = employed + unemployed": ("labour_force", ("employed", "unemployed")),
    "labour force = employed + self-declared unemployed": ("labour_force", ("employed", "self_declared_unemployed")),
    "working age = labour force + outside the labour force": ("working_age", ("labour_force", "outside_labour_force")),
}

#: Harmonised column of a migration criterion -> the item that holds everybody.
TOTALS = {"place_of_birth": "CBR_BIR_TOTAL", "citizenship_status": "CCT_CIT_TOTAL"}

_DIFFERS = "abs(coalesce(whole, 0) - coalesce(parts, 0)) > 1e-9 * greatest(abs(coalesce(whole, 0)), 1)"


def broken_sums_sql(whole: str, parts: tuple[str, ...], relation: str = "psu_totals") -> str:
    """Return SQL for the number of cells in which a universe is not the sum of its parts.

    Only cubes that count the whole and every part are looked at; a universe without members is 0.
    """
    names = ", ".join(f"'{name}'" for name in (whole, *parts))
    listed = ", ".join(f"'{name}'" for name in parts)
    return f"""
WITH complete AS (
    SELECT cube FROM {relation} WHERE universe IN ({names})
    GROUP BY cube HAVING count(DISTINCT universe) = {len(parts) + 1}
), cells AS (
    SELECT cube, sex, classif1, classif2, sum(total) FILTER (universe = '{whole}') AS whole,
           sum(total) FILTER (universe IN ({listed})) AS parts
    FROM {relation} WHERE universe IN ({names}) AND cube IN (FROM complete) GROUP BY ALL
)
SELECT coalesce(count_if({_DIFFERS}), 0) FROM cells"""


def broken_totals_sql(column: str, relation: str = "psu_totals") -> str:
    """Return SQL for the number of cells by age in which a criterion's total differs from the table without it."""
    return f"""
WITH plain AS (
    SELECT universe, sex, classif1, sum(total) AS whole FROM {relation} WHERE cube = 'age_band' GROUP BY ALL
), crossed AS (
    SELECT universe, sex, classif1, sum(total) AS parts FROM {relation}
    WHERE cube = 'age_band x {column}' AND classif2 = '{TOTALS[column]}' GROUP BY ALL
), both_counted AS (
    SELECT universe FROM plain INTERSECT SELECT universe FROM crossed
)
SELECT coalesce(count_if({_DIFFERS}), 0) FROM plain FULL JOIN crossed USING (universe, sex, classif1)
WHERE universe IN (FROM both_counted)"""
