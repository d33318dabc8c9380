"""What a derivation is: a column, the columns it needs, and its SQL for one survey and round."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.periods import Period
from schemas.survey_spec import SurveySpec


@dataclass(frozen=True)
class Context:
    """What a derivation may depend on besides a person's row.

    Attributes:
        spec: the survey: its area and the parameters it declares.
        period: the reference period of the round.
        known: the columns that are there: questions that the survey asks, and what was derived before.
    """

    spec: SurveySpec
    period: Period
    known: frozenset[str]


def _always(context: Context) -> bool:
    return True


@dataclass(frozen=True)
class Derived:
    """One derived column.

    Attributes:
        column: its name in the concept dictionary.
        needs: columns without which it is not made.
        sql: gives its SQL over the columns known.
        when: further condition, where what the survey asks is not told by columns alone.
    """

    column: str
    needs: tuple[str, ...]
    sql: Callable[[Context], str]
    when: Callable[[Context], bool] = _always
