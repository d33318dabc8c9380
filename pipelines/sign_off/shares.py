"""The shares of each harmonised code, this round beside the round before.

Here belongs which change is worth a look, and where the round before is found.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.check_spec import harmonised, weight_total
from pipelines.engine import open_engine
from pipelines.home import Home
from pipelines.sign_off.facts import Share, shares, stored_relation
from pipelines.storage import current
from schemas.concepts import load_concepts
from schemas.periods import Period
from schemas.survey_spec import SurveySpec

#: A share moved when it changed by so much of 1, or by this factor, ...
MOVED_POINTS = 0.05
MOVED_FACTOR = 2.0
#: ... in a category of so many rows in either round.
MOVED_ROWS = 30


@dataclass(frozen=True)
class Before:
    """The round before.

    Attributes:
        period: its reference period.
        files: names of its files; none where it was taken from the data folder.
        weights: sum of its weights.
        shares: column -> its codes with their shares.
    """

    period: Period
    files: tuple[str, ...]
    weights: float
    shares: Mapping[str, tuple[Share, ...]]


@dataclass(frozen=True)
class Change:
    """One harmonised code in both rounds; shares are of 1."""

    code: str
    rows_before: int
    share_before: float
    rows: int
    share: float

    @property
    def difference(self) -> float:
        """Share now less share before."""
        return self.share - self.share_before

    @property
    def has_moved(self) -> bool:
        """Whether the change is worth a look, and rests on enough rows."""
        if max(self.rows, self.rows_before) < MOVED_ROWS:
            return False
        low, high = sorted((self.share, self.share_before))
        return high - low >= MOVED_POINTS or (high > low and high >= MOVED_FACTOR * low)


def compared(now: Sequence[Share], before: Sequence[Share]) -> tuple[Change, ...]:
    """Return the codes of a column in both rounds: those that moved first, then the largest."""
    old = {share.code: share for share in before}
    changes = [
        Change(share.code, old[share.code].rows, old[share.code].share, share.rows, share.share)
        if share.code in old
        else Change(share.code, 0, 0.0, share.rows, share.share)
        for share in now
    ]
    seen = {share.code for share in now}
    changes += [Change(share.code, share.rows, share.share, 0, 0.0) for share in before if share.code not in seen]
    return tuple(sorted(changes, key=lambda item: (not item.has_moved, -max(item.share, item.share_before), item.code)))


def round_before(
    home: Home,
    spec: SurveySpec,
    files: Sequence[Path],
    period: Period,
    progress: Callable[[str], None],
) -> Before | None:
    """Return the shares of another round: from its files, or else from the data folder where it is valid there.

    Args:
        home: data folder.
        spec: the specification, by which the files are read.
        files: the round's files; none to look into the data folder.
        period: the round's reference period.
        progress: told the steps.

    Raises:
        InputError: a file cannot be read.
    """
    if files:
        with harmonised(home, spec, files, period, progress) as this:
            found = shares(this.connection, this.steps.columns, load_concepts(), "work")
            return Before(period, tuple(file.name for file in files), weight_total(this.connection), found)
    table = current(home.store, "harmonised_persons", f"{spec.key}_{period}")
    if table is None or not table.is_valid:
        return None
    with home.scratch() as scratch, open_engine(scratch, [home.store]) as connection:
        relation = stored_relation(table)
        columns = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
        known = [name for name in columns if name in load_concepts()]
        found = shares(connection, known, load_concepts(), relation)
    return Before(period, (), float(table.facts["weight_total"]), found)
