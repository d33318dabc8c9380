"""What is told of how a figure was made, as sections of lines.

Here belong words alone; numbers that are confidential or rest on fewer than five persons are left out, for the sum of
one person is the person's value. No identifier of a person, household or sampling unit is told, and no row number.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import duckdb
import numpy as np

from pipelines.engine import open_engine, path_literal
from pipelines.explain import CELL_COLUMNS, TOLERANCE, Check, Figure, cell_versions
from pipelines.explain_parts import FORMULAS, codes_of
from pipelines.explain_status import deciding_rules, table_share
from pipelines.fingerprint import code_fingerprint
from pipelines.home import Home
from pipelines.intake import latest_receipt
from pipelines.protected import TEST_SUFFIX
from pipelines.rounds import ROUND_TABLES
from pipelines.storage import Table, current
from schemas.codes import load_code_lists
from schemas.concepts import load_absentee_universes, load_universes
from schemas.indicators import Relation, TimeRule
from schemas.reliability import profile_of
from sdmx_out.public import Wanted, find_release, read_rows
from sdmx_out.releases.release import LATEST
from transforms.figures import known_items
from transforms.measures import SCALES
from transforms.stocks import cube_of

#: Title and lines.
Section = tuple[str, list[str]]

TIME_RULES: Mapping[TimeRule, str] = {
    "average": "mean over the periods of the survey's own frequency, all of which must be there",
    "recompute": "from numerator and denominator averaged over the periods, never the mean of rates",
    "weighted_mean": "over the persons of all periods, each with the weight divided by the number of periods",
    "sum": "sum over the periods",
    "year_before": "told by the interviews of the year after, as an annual figure",
    "flow": "as the survey tells when people came or left: twelve months or residence a year ago -> average; calendar "
    "year -> year_before; reference period -> sum",
}

_WITHHELD = "confidential, or rests on fewer than 5 persons or a part that does: not shown here (ilms estimates has it)"


def sections(home: Home, figure: Figure, check: Check) -> Iterator[Section]:
    """Yield everything that is told of a figure."""
    protected = _protected_row(home, figure)
    yield "FIGURE", _figure(figure, check)
    yield "DEFINITION", _definition(figure)
    yield "FILTER", _filter(home, figure)
    yield "FORMULA", _formula(figure, check)
    yield "SOURCE", _source(home, figure)
    yield "VARIANCE", _variance(figure, check)
    yield "CALIBRATION", _calibration(figure)
    yield "STATUS", _status(figure, check, protected)
    yield "CHECKS", _checks(home, figure)
    yield "RELEASE", _release(home, figure)
    yield "NOTES", _notes(protected)
    yield "CODE", _code()


def title(figure: Figure) -> str:
    """Return what is explained, in one line."""
    cell = " x ".join(f"{item}" for item in figure.cell if item is not None)
    return f"{figure.indicator.id} {figure.row['ref_area']} {figure.row['time']} {cell}"


# --- the figure and what it means ----------------------------------------------------------------


def _is_shown(figure: Figure, check: Check) -> bool:
    """Whether numbers may be printed: few persons, or one who has most of a total, could be learnt from them."""
    return check.taken.is_shown and "confidential" not in figure.row["reason"]


def _figure(figure: Figure, check: Check) -> list[str]:
    row, indicator = figure.row, figure.indicator
    if _is_shown(figure, check):
        lines = [f"value {_number(row['value'])} {_unit(figure)}"]
        precision = {"standard error": row["se"], "CV": row["cv"], "p-value of no difference": row["p_value"]}
        lines += [f"{name} {_number(value)}" for name, value in precision.items() if value is not None]
        if row["lower"] is not None:
            lines.append(f"95 % limits {_number(row['lower'])} to {_number(row['upper'])}")
    else:
        lines = [_WITHHELD]
    persons = f"n = {row['n']:,} persons"
    if indicator.is_comparison:
        persons += " of the smaller side"
    if indicator.denominator:
        persons += f" (numerator {row['n_numerator']:,})"
    behind = [f"{row[name]:,} {word}" for name, word in _BEHIND.items() if row[name] is not None]
    return [*lines, ", ".join([f"{persons}, {len(figure.made.rounds)} round(s)", *behind])]


_BEHIND = {"n_households": "households in the round where they are most", "n_psu": "PSUs with members"}


def _unit(figure: Figure) -> str:
    indicator = figure.indicator
    if indicator.unit_measure == "PT":
        return "percentage points" if indicator.measure in ("difference", "change") else "per cent"
    label = {item.code: item.en for item in load_code_lists()["UNIT_MEASURE"].items}[indicator.unit_measure].lower()
    return f"thousand {label}" if indicator.unit_mult == 3 else label


def _definition(figure: Figure) -> list[str]:
    indicator = figure.indicator
    lines = [f"{indicator.title['en']} (agency {indicator.agency})"]
    lines.append(f"{indicator.measure}: {FORMULAS[indicator.measure]}")
    roles: list[tuple[str, Relation, str | None]] = [
        ("numerator" if indicator.denominator else "who", indicator.relation, indicator.universe),
        ("denominator", indicator.relation, indicator.denominator),
        ("subtracted", "absentees", indicator.subtrahend),
    ]
    for role, relation, name in roles:
        if name is not None:
            universe = (load_universes() if relation == "persons" else load_absentee_universes())[name]
            lines.append(f"{role}: {name} of harmonised_{relation}: {universe.definition}")
            lines.append(f"  rule: {universe.condition.text}")
            lines += [f"  source: {universe.paragraph}"] if universe.paragraph else []
    compared = {"quantity": indicator.quantity, "compared by": indicator.contrast, "groups": indicator.factor}
    lines += [f"{name}: {column}" for name, column in compared.items() if column]
    lines.append(f"a year: {figure.rule}: {TIME_RULES[figure.rule]}")  # type: ignore[index]
    return [*lines, *(["a lower bound: a household survey sees a part only"] if indicator.is_lower_bound else [])]


def _filter(home: Home, figure: Figure) -> list[str]:
    """Return the conditions beside the rule of the universe, and the base codes of every item of the cell."""
    indicator, (_, one, two) = figure.indicator, cube_of(figure.indicator)
    columns = {"sex": "sex", "classif1": indicator.classif1_concept, "classif2": indicator.classif2_concept}
    dimensions = {column: dimension for dimension, (column, _) in cell_versions(indicator).items()}
    lines = []
    with home.scratch() as scratch, open_engine(scratch, [home.store]) as connection:
        for place in CELL_COLUMNS:
            column, item = columns[place], figure.row[place]
            if column and item:
                own = {"sex": "sex", one: "code1", two: "code2"}[column]
                held = _codes_held(connection, figure, own)
                label = {code.code: code.en for code in load_code_lists()[known_items()[item][0]].items}[item]
                lines.append(f"{dimensions[place]} {item} ({label}): {_condition(column, item, held)}")
    if indicator.quantity:
        lines.append(f"{indicator.quantity} IS NOT NULL")
    return lines or ["none: everybody of the universe"]


def _codes_held(connection: duckdb.DuckDBPyConnection, figure: Figure, column: str) -> list[str]:
    files = ", ".join(path_literal(table.data) for table in figure.totals.values())
    (_, one, two), relation = cube_of(figure.indicator), figure.indicator.relation
    name = " x ".join(part for part in (one, two) if part) or "total"
    name += "" if relation == "persons" else f" of {relation}"
    query = f"SELECT DISTINCT {column} FROM read_parquet([{files}], union_by_name = true) WHERE cube = ?"
    return sorted(code for (code,) in connection.execute(query, [name]).fetchall())


def _condition(column: str, item: str, held: list[str]) -> str:
    codes = codes_of(column, item, held)
    if codes == held:
        return f"{column}: all codes, the unknown included"
    known = [code for code in codes if code]
    return f"{column} IN ({', '.join(known)})" + (" or empty" if "" in codes else "")


def _formula(figure: Figure, check: Check) -> list[str]:
    taken, lines, is_shown = check.taken, [], _is_shown(figure, check)
    for part in taken.parts:
        sums = ""
        if is_shown:
            sums = f"sum of w {part.weight:,.3f}, "
            sums += "" if np.isnan(part.amount) else f"sum of w y {part.amount:,.3f}, "
        by_round = f" ({', '.join(f'{n:,}' for n in part.persons)} by round)" if len(part.persons) > 1 else ""
        lines.append(f"{part.name}: {sums}n {part.n:,}{by_round}")
    if is_shown:
        lines.append(f"{taken.formula} = {_number(taken.value)}")
    else:
        lines.append(_WITHHELD)
    # A figure that is not reproduced is what somebody looks at this for: said here and by the exit code.
    equal = f"equal to the stored figure: relative difference {check.relative:.1e}"
    if check.relative <= TOLERANCE:
        lines.append(f"made anew by plain sums of psu_totals{' and persons' if _is_median(figure) else ''}: {equal}")
    if check.differences:
        lines += [f"NOT REPRODUCED: {name} differs from what is stored" for name in check.differences]
    else:
        lines.append("made anew by the estimation: value, standard error, limits, n, status equal the stored ones")
    return lines


def _is_median(figure: Figure) -> bool:
    return "median" in (figure.indicator.measure, figure.indicator.statistic)


# --- what it was made from -----------------------------------------------------------------------


def _source(home: Home, figure: Figure) -> list[str]:
    spec, made = figure.support.spec, figure.made
    lines = [f"survey {spec.key}: {spec.survey.title.en}, precedence {spec.survey.precedence}"]
    others = [f"{key} ({precedence})" for key, precedence in sorted(figure.rivals.items()) if key != spec.key]
    lines += [f"other surveys of the area and year (precedence): {', '.join(others)}"] if others else []
    lines.append(f"specification in force: sha256 {spec.sha256}")
    if len(made.rounds) > 1:
        lines.append(f"{len(made.rounds)} rounds stacked, weights divided by {len(made.rounds)}")
    for group, names in (("round", made.rounds), ("round of the year before", made.before)):
        for name in names:
            lines += _round_lines(home, group, name, figure.totals[name], spec.sha256)
    return lines


def _round_lines(home: Home, group: str, name: str, totals: Table, sha256: str) -> list[str]:
    receipt = latest_receipt(home, name)
    is_newest = receipt is not None and receipt.sha256 == totals.facts["file_sha256"]
    lines = [f"{group} {name}: file sha256 {totals.facts['file_sha256']}, psu_totals {totals.input_hash}"]
    if receipt is not None and is_newest:
        named = ", ".join(f"{file.name} ({file.sha256[:12]})" for file in receipt.files)
        lines.append(f"  receipt {receipt.number}: {named}")
    else:
        lines.append("  another file was received since; run makes the figure anew")
    if totals.facts["specification_sha256"] != sha256:
        lines.append(f"  made by another specification, sha256 {totals.facts['specification_sha256']}")
    return lines


def _variance(figure: Figure, check: Check) -> list[str]:
    spec, design, row = figure.support.spec, check.stack.design, figure.row
    measure = figure.indicator.measure
    lines = [f"method: {row['method']}"]
    if spec.replicates is not None and spec.design.variance == "replicates":
        given = spec.replicates
        centre = "the full sample" if given.mse else "the mean of the replicates"
        lines.append(f"{len(given.columns)} replicates, scale {given.scale:g}, squares around {centre}")
    elif design is not None and spec.design.variance == "taylor":
        strata = int(design.stratum.max()) + 1
        psus = design.units if design.psu is None else int(design.psu.max()) + 1
        fpc = "none (taken as with replacement)" if design.population is None else "at the first stage"
        fpc = "at both stages" if design.psu is not None else fpc
        lines.append(
            f"design of the stacked sample: {strata:,} strata, {psus:,} PSUs; lonely PSU: {design.lonely_psu}; "
            f"finite population correction: {fpc}"
        )
    elif spec.design.variance == "deff":
        lines.append("every person a sampling unit, variance times the design effect that the office states")
    if row["df"] is not None:
        lines.append(f"degrees of freedom of the cell: {row['df']:g}{_free(figure)}")
    if row["lower"] is not None:
        scale = "Woodruff, on the scale of shares" if measure == "median" else SCALES.get(measure, "the figure's own")
        lines.append(f"limits: Student's t, 95 %, {scale}{'' if measure == 'median' else ' scale'}")
    return lines


def _free(figure: Figure) -> str:
    """Return how degrees of freedom come about, where they follow from the design."""
    row = figure.row
    if figure.support.spec.design.variance != "taylor" or row["n_psu"] is None:
        return ""
    if figure.indicator.is_comparison:
        return " (PSUs less strata with members, of the side that has fewer)"
    return f" = {row['n_psu']:,} PSUs - {row['n_psu'] - int(row['df']):,} strata with members"


def _calibration(figure: Figure) -> list[str]:
    spec = figure.support.spec
    if spec.calibration is None:
        return ["none here: the weights are the office's"]
    lines = [f"margin {margin.name}: {' x '.join(margin.concepts)}" for margin in spec.calibration.margins]
    for name, table in figure.persons.items():
        told = table.facts.get("calibration", {})
        factors = ", ".join(
            f"{key.replace('_', ' ')} {told[key]}"
            for key in ("iterations", "smallest_factor", "largest_factor")
            if key in told
        )
        lines.append(f"{name}: {factors}")
    return lines


# --- what became of it ---------------------------------------------------------------------------


def _status(figure: Figure, check: Check, protected: Mapping[str, Any] | None) -> list[str]:
    spec, row, side = figure.support.spec, figure.row, check.taken.side
    profile = profile_of(spec.reliability)
    scale = 100.0 if figure.indicator.unit_measure_type == "RT" else 10.0**-figure.indicator.unit_mult
    words = {"S": "S, not published", "U": "U, published as unreliable", "B": "B, published, break in series"}
    reason = f": {row['reason']}" if row["reason"] else ""
    lines = [f"the cell by itself: {words.get(row['status'], 'published')}{reason}"]
    lines.append(f"profile {profile.name}; n = {side.n:,}, smallest part disclosed = {side.n_smallest:,}")
    rules = list(deciding_rules(spec, figure.indicator, row, side.n_smallest, scale, check.broken))
    for verdict in dict.fromkeys(verdict for _, verdict in rules):
        lines.append(f"  {verdict}: {', '.join(rule for rule, own in rules if own == verdict)}")
    if not spec.design.confidential_below_5:
        lines.append("  few observations are not confidential in this country (confidential_below_5 = false)")
    if protected is not None and protected["conf_status"] == "D":
        lines.append(
            "hidden beside confidential figures of linked tables: with it they could be worked out (docs/protection.md)"
        )
    elif protected is not None and protected["conf_status"] == "C" and "confidential" not in str(row["reason"]):
        lines.append("hidden because a figure that it tells of is confidential")
    return [*lines, _table_line(figure, is_protected=protected is not None)]


def _table_line(figure: Figure, *, is_protected: bool) -> str:
    """Return what the rule on whole tables says of the figure's table."""
    profile = profile_of(figure.support.spec.reliability)
    share, is_exempt = table_share(figure.table, figure.row, profile)
    limit = min((rules.table_share for rules in profile.rule_sets if rules.table_share is not None), default=None)
    told = f"{share:.2f} of the observed cells of its table are S"
    if is_exempt:
        return f"{told}: tables by country are exempt from the rule on tables"
    if limit is None:
        return told
    if figure.protected is not None and not is_protected:
        return f"its table is NOT PUBLISHED as a whole: {told}, the limit is {limit:g}"
    return f"its table is published: {told}, the limit is {limit:g}"


def _protected_row(home: Home, figure: Figure) -> Mapping[str, Any] | None:
    if figure.protected is None or not figure.protected.is_valid:
        return None
    with home.scratch() as scratch, open_engine(scratch, [home.store]) as connection:
        frame = connection.execute(
            f"FROM read_parquet({path_literal(figure.protected.data)}) WHERE indicator = ? AND time = ? AND sex = ? "
            "AND classif1 IS NOT DISTINCT FROM ? AND classif2 IS NOT DISTINCT FROM ?",
            [figure.indicator.id, figure.row["time"], *figure.cell],
        ).df()
    return {str(name): value for name, value in frame.iloc[0].items()} if len(frame) else None


def _checks(home: Home, figure: Figure) -> list[str]:
    """Return verdicts and findings of the tables, by rule and concept; never rows."""
    lines = []
    for name in (*figure.made.rounds, *figure.made.before):
        tables = [table for kind in ROUND_TABLES if (table := current(home.store, kind, name)) is not None]
        lines += _verdicts(name, tables)
    tables = [figure.area] if figure.protected is None else [figure.area, figure.protected]
    return [*lines, *_verdicts(figure.partition, tables)]


def _verdicts(partition: str, tables: list[Table]) -> list[str]:
    state = ", ".join(f"{table.name} {'passed' if table.is_valid else 'STOPPED'}" for table in tables)
    lines = [f"{partition}: {state}"]
    found = Counter((item.severity, item.rule, item.concept) for table in tables for item in table.findings)
    for (severity, rule, concept), times in sorted(found.items()):
        lines.append(
            f"  {severity} {rule}{f' ({concept})' if concept else ''}{f', {times} times' if times > 1 else ''}"
        )
    for table in tables:
        facts = table.facts.get("coherence", {})
        if "identities" in facts:
            lines.append(
                f"  {table.name}: {facts['identities']} identities compared in {facts['cells_compared']:,} cells, "
                f"largest difference {facts['largest_difference']:.1e} of the whole"
            )
        for total in table.facts.get("benchmarks", ()):
            within = "within" if total["is_within"] else "beyond"
            lines.append(f"  published total {total['name']}: ratio {total['ratio']}, {within} {total['tolerance']}")
    return lines


def _release(home: Home, figure: Figure) -> list[str]:
    name = LATEST["test" if figure.partition.endswith(TEST_SUFFIX) else "default"]
    release = find_release(home.releases, name)
    if release is None:
        return [f"no release {name} yet: ilms run makes one"]
    row = figure.row
    wanted = Wanted(figure.indicator.id, row["ref_area"], row["time"])
    told = [
        found for found in read_rows(release, wanted) if tuple(found[c] or None for c in CELL_COLUMNS) == figure.cell
    ]
    place = f"{release.name}, data/ilostat/{figure.indicator.id}_{row['freq']}.csv"
    if not told:
        return [f"not in {release.name}"]
    value = f"obs_value {told[0]['obs_value']}" if told[0]["obs_value"] else "no value"
    return [f"{place}: {value}, status {told[0]['obs_status'] or '(none)'}"]


def _notes(protected: Mapping[str, Any] | None) -> list[str]:
    if protected is None:
        return ["none: the cell is in no table to publish"]
    labels = {item.code: item.en for item in load_code_lists()["NOTE"].items}
    notes = [note for name in ("note_source", "note_indicator", "note_classif") for note in protected[name].split("_")]
    return [f"{note}: {labels.get(note, '')}" for note in notes if note] or ["none"]


def _code() -> list[str]:
    own = version("labour-migration-statistics")
    return [f"version {own}, fingerprint {code_fingerprint()}, duckdb {duckdb.__version__} (of this program, now)"]


def _number(value: float) -> str:
    return f"{value:,.9g}"
