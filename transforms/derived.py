"""Columns derived from harmonised ones once labour force status is known: which, and in which order.

Here belongs the order; what a column means is said in the concept dictionary, how it is made in the modules of
the topics. A column is made only where every column that it needs is there: what a survey does not ask is
absent, and never a column of NULLs.
"""

from collections.abc import Collection, Iterator

from transforms import flows, job_quality, labour_underutilisation
from transforms.derivation import Context, Derived

DERIVED: tuple[Derived, ...] = (*labour_underutilisation.DERIVED, *job_quality.DERIVED, *flows.DERIVED)


def derived_columns(context: Context, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield (column, SQL) of every column that can be derived, each after what it needs.

    Args:
        context: the survey and the round.
        known: columns that are there already; one that a survey gives itself is not derived.
    """
    there = set(known)
    for derived in DERIVED:
        if derived.column in there or not there.issuperset(derived.needs):
            continue
        now = Context(context.spec, context.period, frozenset(there))
        if derived.when(now):
            there.add(derived.column)
            yield derived.column, derived.sql(now)
