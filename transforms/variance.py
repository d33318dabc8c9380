"""Standard errors by Taylor linearisation, from psu_totals.

Here belong the variance of totals and ratios under a stratified multistage design, lonely PSU policies
and confidence limits. What a cell is, and when its figure is published, belong elsewhere.

    V(T) = sum_h (1 - f_h) n_h / (n_h - 1) sum_i (z_hi - zbar_h)^2

with z_hi the sum over the persons of PSU i in stratum h (total: w y; ratio R = Y / X: w (y - R x) / X),
n_h the PSUs of stratum h in the FULL sample; a PSU without members has z = 0 and counts in n_h.
Deviations are taken from the stratum mean before squaring: the one-pass form cancels.

Source: Wolter (2007) Introduction to Variance Estimation, chapters 2 and 6; R survey 4.1.1 for the
lonely PSU policies (STANDARDS 7.1).
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

LONELY_PSU_POLICIES = ("fail", "remove", "certainty", "adjust", "average")

CONFIDENCE_LEVEL = 0.95

#: Columns that identify a cell within one cube and universe.
CELL = "sex, classif1, classif2"


def lonely_strata_sql() -> str:
    """Return SQL for the strata with a single PSU in the full sample of a round (``sample_design``)."""
    return "SELECT round, stratum FROM sample_design GROUP BY ALL HAVING count(*) = 1 ORDER BY ALL"


def _same_cell(one: str, two: str) -> str:
    return (
        f"{one}.sex = {two}.sex AND {one}.classif1 IS NOT DISTINCT FROM {two}.classif1 "
        f"AND {one}.classif2 IS NOT DISTINCT FROM {two}.classif2"
    )


def _scores_sql(cube: str, numerator: str, denominator: str | None, rounds: int) -> str:
    """Return SQL for one score z per cell x round x stratum x PSU (``scores``), and the cell's ``figures``."""
    if denominator is None:
        members = f"""
members AS (
    SELECT {CELL}, round, stratum, psu, total, n, n AS n_numerator, n_households
    FROM psu_totals WHERE cube = '{cube}' AND universe = '{numerator}'
)"""
        estimate, parts, score = f"sum(total) / {rounds}", "n", f"m.total / {rounds}"
    else:
        members = f"""
members AS (
    SELECT x.sex, x.classif1, x.classif2, x.round, x.stratum, x.psu, x.total AS x, coalesce(y.total, 0) AS y,
           x.n, coalesce(y.n, 0) AS n_numerator, x.n_households
    FROM (FROM psu_totals WHERE cube = '{cube}' AND universe = '{denominator}') AS x
    LEFT JOIN (FROM psu_totals WHERE cube = '{cube}' AND universe = '{numerator}') AS y
      ON {_same_cell("y", "x")} AND y.round = x.round AND y.stratum = x.stratum AND y.psu = x.psu
)"""
        estimate = "sum(y) / nullif(sum(x), 0)"
        parts = "least(n, n_numerator, n_complement)"
        score = "(m.y - f.estimate * m.x) / f.x"
    x = ", sum(x) AS x" if denominator else ""
    return f"""{members}, by_round AS (
    SELECT {CELL}, round, sum(n) AS n, sum(n_numerator) AS n_numerator FROM members GROUP BY ALL
), largest AS (
    SELECT {CELL}, max(n)::BIGINT AS n, max(n_numerator)::BIGINT AS n_numerator,
           max(n - n_numerator)::BIGINT AS n_complement FROM by_round GROUP BY {CELL}
), figures AS (
    SELECT {CELL}, {estimate} AS estimate{x}, sum(n)::BIGINT AS n, sum(n_numerator)::BIGINT AS n_numerator,
           sum(n_households)::BIGINT AS n_households, count(DISTINCT (stratum, psu)) AS n_psu,
           count(DISTINCT stratum) AS n_strata
    FROM members GROUP BY {CELL}
), smallest AS (
    SELECT {CELL}, {parts} AS n_smallest FROM largest
), scores AS (
    SELECT m.sex, m.classif1, m.classif2, m.round, m.stratum, m.psu, {score} AS z
    FROM members AS m JOIN figures AS f ON {_same_cell("f", "m")}
    WHERE f.estimate IS NOT NULL
)"""


def estimates_sql(
    cube: str, numerator: str, denominator: str | None, *, has_psu: bool, lonely_psu: str, rounds: int = 1
) -> str:
    """Return SQL for the estimates of one indicator with their standard errors.

    Grain: one row per cell of the cube that has members of the denominator (of the numerator where there
    is none). Columns: sex, classif1, classif2, estimate (persons, or a proportion), se, df, n (persons in the
    denominator, summed over rounds), n_numerator, n_smallest (the smallest of the parts that the figure discloses,
    each in the round where it is largest: a panel repeats persons), n_households, n_psu (PSUs with members).

    Args:
        cube: name of the cube in ``psu_totals``.
        numerator: universe counted, or the numerator of the rate.
        denominator: universe of the denominator; None for a count.
        has_psu: False where the file has no design variables: se and df are then NULL, never invented.
        lonely_psu: policy for strata with a single PSU, as R survey defines it; ``fail`` must have been
            refused before.
        rounds: number of rounds averaged. Counts are means over the rounds; rates are ratios of the
            summed totals. Rounds that share PSUs are correlated: with u_i the sum over rounds of
            sqrt(n/(n-1)) (z_i - zbar), V = sum_h sum_i u_i^2, which is the sum of the rounds' variances and of
            twice their covariances over the PSUs they share.

    Reads ``psu_totals`` and ``sample_design``, both with a column ``round``. The degrees of freedom are
    those of the cell's domain: PSUs with members minus strata with members.
    """
    scores = _scores_sql(cube, numerator, denominator, rounds)
    counts = "n, n_numerator, n_smallest, n_households"
    smallest = f"JOIN smallest AS e ON {_same_cell('e', 'f')}"
    if not has_psu:
        return f"""
WITH {scores}
SELECT f.sex, f.classif1, f.classif2, estimate, NULL::DOUBLE AS se, NULL::BIGINT AS df, {counts}, NULL::BIGINT AS n_psu
FROM figures AS f {smallest} WHERE estimate IS NOT NULL"""
    single = "sum_of_squares" if lonely_psu == "adjust" else "0"
    inflation = "count(*) / nullif(count_if(n_h > 1), 0)" if lonely_psu == "average" else "1"
    return f"""
WITH strata AS (
    SELECT round, stratum, count(*) AS n_h FROM sample_design GROUP BY ALL
), {scores}, means AS (
    SELECT {CELL}, s.round, s.stratum, n_h, sum(z) / n_h AS mean, count(*) AS m, sum(z * z) AS sum_of_squares
    FROM scores AS s JOIN strata USING (round, stratum) GROUP BY {CELL}, s.round, s.stratum, n_h
), centred AS (
    SELECT s.sex, s.classif1, s.classif2, s.round, s.stratum, s.psu, z - mean AS d, n_h, m, mean, sum_of_squares
    FROM scores AS s JOIN means AS t ON {_same_cell("t", "s")} AND t.round = s.round AND t.stratum = s.stratum
), deviations AS (
    SELECT {CELL}, round, stratum, any_value(n_h) AS n_h, any_value(sum_of_squares) AS sum_of_squares,
           sum(d ** 2) + (any_value(n_h) - any_value(m)) * any_value(mean) ** 2 AS squares
    FROM centred GROUP BY {CELL}, round, stratum
), variances AS (
    SELECT {CELL}, round,
           sum(CASE WHEN n_h > 1 THEN n_h / (n_h - 1) * squares ELSE {single} END) * {inflation} AS variance
    FROM deviations GROUP BY {CELL}, round
){_covariances_sql() if rounds > 1 else ""}, total_variance AS (
    SELECT {CELL}, CASE WHEN count(variance) = count(*) THEN greatest(sum(variance), 0) END AS variance
    FROM {"(FROM variances UNION ALL BY NAME FROM covariances)" if rounds > 1 else "variances"} GROUP BY {CELL}
)
SELECT f.sex, f.classif1, f.classif2, estimate, sqrt(variance) AS se, n_psu - n_strata AS df,
       {counts}, n_psu
FROM figures AS f {smallest} LEFT JOIN total_variance AS v ON {_same_cell("v", "f")}
WHERE estimate IS NOT NULL"""


def _covariances_sql() -> str:
    """Return SQL for twice the covariance of every pair of rounds, over the PSUs that both sampled."""
    return f"""
, shared AS (
    SELECT a.round AS one, b.round AS two, stratum, psu
    FROM sample_design AS a JOIN sample_design AS b USING (stratum, psu) WHERE a.round < b.round
), n_shared AS (
    SELECT one, two, stratum, count(*) AS c FROM shared GROUP BY ALL
), left_side AS (
    SELECT c.*, two FROM centred AS c JOIN shared AS p ON p.one = c.round AND p.stratum = c.stratum AND p.psu = c.psu
), right_side AS (
    SELECT c.*, one FROM centred AS c JOIN shared AS p ON p.two = c.round AND p.stratum = c.stratum AND p.psu = c.psu
), pairs AS (
    SELECT coalesce(a.sex, b.sex) AS sex, coalesce(a.classif1, b.classif1) AS classif1,
           coalesce(a.classif2, b.classif2) AS classif2, coalesce(a.round, b.one) AS one,
           coalesce(a.two, b.round) AS two,
           coalesce(a.stratum, b.stratum) AS stratum, a.d AS d_one, b.d AS d_two
    FROM left_side AS a FULL JOIN right_side AS b
      ON {_same_cell("a", "b")} AND a.round = b.one AND a.two = b.round AND a.stratum = b.stratum AND a.psu = b.psu
), stratum_pairs AS (
    SELECT p.sex, p.classif1, p.classif2, p.one, p.two, p.stratum,
           sum(coalesce(d_one, -coalesce(t.mean, 0)) * coalesce(d_two, -coalesce(u.mean, 0))) AS products,
           count(*) AS seen, any_value(coalesce(t.mean, 0)) AS mean_one, any_value(coalesce(u.mean, 0)) AS mean_two
    FROM pairs AS p
    LEFT JOIN means AS t ON {_same_cell("t", "p")} AND t.round = p.one AND t.stratum = p.stratum
    LEFT JOIN means AS u ON {_same_cell("u", "p")} AND u.round = p.two AND u.stratum = p.stratum
    GROUP BY ALL
), unseen AS (
    SELECT t.sex, t.classif1, t.classif2, t.round AS one, u.round AS two, t.stratum,
           t.mean AS mean_one, u.mean AS mean_two
    FROM means AS t JOIN means AS u ON {_same_cell("t", "u")} AND t.stratum = u.stratum AND t.round < u.round
), covariances AS (
    SELECT k.sex, k.classif1, k.classif2,
           2 * sqrt(h1.n_h / (h1.n_h - 1) * h2.n_h / (h2.n_h - 1))
             * (coalesce(s.products, 0) + (n.c - coalesce(s.seen, 0)) * k.mean_one * k.mean_two) AS variance
    FROM unseen AS k
    JOIN n_shared AS n ON n.one = k.one AND n.two = k.two AND n.stratum = k.stratum
    JOIN strata AS h1 ON h1.round = k.one AND h1.stratum = k.stratum AND h1.n_h > 1
    JOIN strata AS h2 ON h2.round = k.two AND h2.stratum = k.stratum AND h2.n_h > 1
    LEFT JOIN stratum_pairs AS s ON {_same_cell("s", "k")} AND s.one = k.one AND s.two = k.two AND s.stratum = k.stratum
)"""


def with_limits(estimates: pd.DataFrame, *, is_rate: bool, level: float = CONFIDENCE_LEVEL) -> pd.DataFrame:
    """Return the estimates with confidence limits and CV: one row per cell, as given.

    Limits use t with the degrees of freedom of the cell's domain: on the logit scale for proportions,
    on the log scale for totals. They are missing where the standard error, the degrees of freedom
    or the scale does not allow them (SE absent, df below 1, proportion of 0 or 1, total of 0).

    Args:
        estimates: columns ``estimate``, ``se``, ``df``.
        is_rate: True where ``estimate`` is a proportion.
        level: confidence level.
    """
    value = estimates["estimate"].to_numpy(dtype=float)
    se = estimates["se"].to_numpy(dtype=float, na_value=np.nan)
    df = estimates["df"].to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = stdtrit(np.where(df >= 1, df, np.nan), (1 + level) / 2)
        if is_rate:
            half = t * se / (value * (1 - value))
            centre = np.log(value / (1 - value))
            lower, upper = 1 / (1 + np.exp(half - centre)), 1 / (1 + np.exp(-half - centre))
            usable = (value > 0) & (value < 1) & np.isfinite(half)
        else:
            half = t * se / value
            lower, upper = value * np.exp(-half), value * np.exp(half)
            usable = (value > 0) & np.isfinite(half)
        cv = np.where(value > 0, se / value, np.nan)
    return estimates.assign(lower=np.where(usable, lower, np.nan), upper=np.where(usable, upper, np.nan), cv=cv)
