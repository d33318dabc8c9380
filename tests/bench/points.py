"""Points alone, without standard errors: what the sums of all cubes cost in DuckDB and in pandas.

Both read the harmonised tables of one round and give, for every cell of every cube of the catalogue (all classification
versions, margins and totals), weighted sums and persons of every variable, and weighted medians where the catalogue
has them. From these every count, rate, mean, difference and gap is a division or a subtraction away. Both are written
as one would write them for speed: persons coded once, one GROUP BY per cube with all its variables, margins by a join
with the table of which item holds which code. DuckDB has no weighted quantile: medians are a window over the persons of
every cell. What is done is said in a plan of names and conditions (``plan``), so that nothing of the project's counting
is in it.

Run from the root of the project:
    python tests/bench/points.py plan HOME ROUND PLAN.json
    python tests/bench/points.py scan|duckdb|pandas PLAN.json
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

Plan = dict[str, Any]


def plan(home_folder: str, identifier: str) -> Plan:
    """Return what is to be counted in a round: files, cubes, variables, items, medians."""
    from pipelines.home import Home
    from pipelines.rounds import open_round
    from pipelines.storage import current
    from pipelines.support import support
    from schemas.concepts import load_absentee_universes, load_universes
    from transforms import stocks
    from transforms.membership import item_rows, wanted_versions

    this = open_round(Home(Path(home_folder)), identifier)
    supported = support(this.spec, this.period)
    cubes = stocks.cubes(supported.indicators.values(), supported.columns)
    universes = {"persons": load_universes(), "absentees": load_absentee_universes()}
    versions = wanted_versions(supported.indicators.values(), supported.collected)
    files, variables, items = {}, {}, {}
    for relation in dict.fromkeys(cube.relation for cube in cubes):
        table = current(this.home.store, f"harmonised_{relation}", identifier)
        assert table is not None
        files[relation] = str(table.data)
        variables[relation] = {
            one.name: variable(one, universes[relation]) for one in stocks.relation_variables(cubes, relation)
        }
        concepts = dict.fromkeys(
            name for cube in cubes if cube.relation == relation for name in ("sex", *cube.concepts)
        )
        items[relation] = {
            name: item_rows(name, versions.get((relation, name), ()), codes_of(files[relation], name))
            for name in concepts
        }
    medians = set()
    for one in supported.indicators.values():
        if one.measure == "median" or one.statistic == "median":
            told = stocks.variables_of(one, supported.columns["persons"])[0][1]
            variables["persons"][told.name] = variable(told, universes["persons"])
            medians.add((("sex", *filter(None, stocks.cube_of(one)[1:])), told.name))
    counted = [
        (cube.relation, ["sex", *cube.concepts], [one.name for one in cube.variables], cube.name) for cube in cubes
    ]
    return {"files": files, "variables": variables, "items": items, "cubes": counted, "medians": sorted(medians)}


def variable(one: Any, universes: Any) -> dict[str, str]:
    """Return who counts in a variable, in SQL and in pandas, with its weight and quantity."""
    import sqlglot

    conditions = [universes[one.universe].condition.sql()]
    conditions += [f"{one.quantity} IS NOT NULL"] if one.quantity else []
    conditions += [f"{one.weight} > 0"] if one.weight != "weight" else []
    sql = " AND ".join(f"({part})" for part in conditions)
    mask = in_pandas(sqlglot.parse_one(sql, dialect="duckdb"))
    return {"weight": one.weight, "quantity": one.quantity, "sql": sql, "pandas": mask}


def in_pandas(node: Any) -> str:
    """Return a condition as an expression over a frame named ``frame``."""
    from sqlglot import exp

    if isinstance(node, exp.Column):
        return f"frame[{node.name!r}]"
    if isinstance(node, exp.Literal):
        return repr(node.this) if node.is_string else str(node.this)
    if isinstance(node, exp.Is):
        return f"{in_pandas(node.this)}.isna()"
    if isinstance(node, exp.In):
        return f"{in_pandas(node.this)}.isin([{', '.join(in_pandas(one) for one in node.expressions)}])"
    if isinstance(node, exp.Boolean):
        return f"pd.Series({node.this}, index=frame.index)"
    if isinstance(node, exp.Not | exp.Paren):
        return f"({'~' if isinstance(node, exp.Not) else ''}{in_pandas(node.this)})"
    signs = {exp.And: "&", exp.Or: "|", exp.EQ: "==", exp.NEQ: "!=", exp.GT: ">"}
    return f"({in_pandas(node.left)} {signs[type(node)]} {in_pandas(node.right)})"


def codes_of(file: str, name: str) -> list[str]:
    """Return the codes of a column that occur; '' stands for no value."""
    import duckdb

    rows = duckdb.sql(f"SELECT DISTINCT coalesce({name}, '') FROM '{file}' ORDER BY 1").fetchall()
    return [code for (code,) in rows]


def columns_of(given: Plan, relation: str) -> list[str]:
    """Return the harmonised columns that are read."""
    import re

    variables = given["variables"][relation].values()
    masks = re.findall(r"frame\['(\w+)'\]", " ".join(one["pandas"] for one in variables))
    numbers = [one[part] for one in variables for part in ("weight", "quantity") if one[part]]
    return sorted({*masks, *numbers, *given["items"][relation]})


# --- DuckDB --------------------------------------------------------------------------------------


def open_duckdb() -> Any:
    """Open DuckDB as the project does: one thread, 400 MB."""
    import duckdb

    return duckdb.connect(config={"threads": 1, "memory_limit": "400MB"})


def scan(given: Plan) -> dict[str, Any]:
    """Read every column that is needed, and do next to nothing with it."""
    connection = open_duckdb()
    for relation, file in given["files"].items():
        columns = ", ".join(columns_of(given, relation))
        connection.execute(f"SELECT bit_xor(hash({columns})) FROM '{file}'").fetchall()
    return {}


def in_duckdb(given: Plan) -> dict[str, Any]:
    """Count in DuckDB."""
    connection, cells, values, total = open_duckdb(), 0, 0, 0.0
    for relation, file in given["files"].items():
        code_in_duckdb(connection, given, relation, file)
    for number, (relation, concepts, names, _) in enumerate(given["cubes"]):
        sums = []
        for name in names:
            weight, quantity = (given["variables"][relation][name][part] for part in ("weight", "quantity"))
            sums += [f"sum({weight}) FILTER (in_{name}) AS w_{name}", f"count(*) FILTER (in_{name}) AS n_{name}"]
            sums += [f"sum({weight} * {quantity}) FILTER (in_{name}) AS s_{name}"] if quantity else []
        added = ", ".join(f"sum({one.rsplit(' AS ', 1)[1]}) AS {one.rsplit(' AS ', 1)[1]}" for one in sums)
        keys = ", ".join(f"c_{name}" for name in concepts)
        anybody = " OR ".join(f"in_{name}" for name in names)
        base = f"SELECT {keys}, {', '.join(sums)} FROM coded_{relation} WHERE {anybody} GROUP BY ALL"
        items, joins = items_sql(relation, concepts)
        connection.execute(f"CREATE TABLE cube_{number} AS SELECT {items}, {added} FROM ({base}) {joins} GROUP BY ALL")
        weights = " + ".join(f"coalesce(sum(w_{name}), 0)" for name in names)
        (found,) = connection.execute(f"SELECT count(*), {weights} FROM cube_{number}").fetchall()
        cells, values, total = cells + found[0], values + found[0] * len(names), total + found[1]
    begun = time.process_time()
    for concepts, name in given["medians"]:
        weight, quantity = (given["variables"]["persons"][name][part] for part in ("weight", "quantity"))
        _, joins = items_sql("persons", concepts)
        cell = " + ".join(f"m_{concept}.item::INTEGER * {1000**place}" for place, concept in enumerate(concepts))
        found = connection.execute(
            f"WITH told AS (SELECT {cell} AS cell, {quantity} AS amount, {weight} AS weight FROM coded_persons {joins} "
            f"WHERE in_{name}), ranked AS (SELECT *, sum(weight) OVER (PARTITION BY cell ORDER BY amount "
            "ROWS UNBOUNDED PRECEDING) AS below FROM told), "
            "wholes AS (SELECT cell, sum(weight) AS whole FROM told GROUP BY cell) "
            "SELECT cell, min(amount) FILTER (below >= whole / 2), count(*) FROM ranked JOIN wholes USING (cell) "
            "GROUP BY cell"
        ).fetchall()
        cells, values = cells + len(found), values + len(found)
    return {"cells": cells, "values": values, "total": total, "medians": time.process_time() - begun}


def code_in_duckdb(connection: Any, given: Plan, relation: str, file: str) -> None:
    """Code the persons: ENUMs for codes, flags for variables, and a table of items per column."""
    variables, coded, kept = given["variables"][relation], [], set()
    for concept, rows in given["items"][relation].items():
        codes = sorted({code for code, _ in rows} | set(codes_of(file, concept)))
        kind = f"code_{relation}_{concept}"
        connection.execute(f"CREATE TYPE {kind} AS ENUM ({', '.join(map(quoted, codes))})")
        listed = sorted({item for _, item in rows})
        pairs = ", ".join(f"({quoted(code)}::{kind}, {listed.index(item)}::SMALLINT)" for code, item in rows)
        connection.execute(f"CREATE TABLE items_{relation}_{concept} AS FROM (VALUES {pairs}) AS t(code, item)")
        coded.append(f"coalesce({concept}, '')::{kind} AS c_{concept}")
    for one in variables.values():
        kept |= {one["weight"], one["quantity"]} - {""}
    flags = [f"coalesce({one['sql']}, FALSE) AS in_{name}" for name, one in variables.items()]
    connection.execute(
        f"CREATE TABLE coded_{relation} AS WITH flagged AS MATERIALIZED "
        f"(SELECT {', '.join([*sorted(kept), *coded, *flags])} FROM '{file}') "
        f"FROM flagged WHERE {' OR '.join(f'in_{name}' for name in variables)}"
    )


def items_sql(relation: str, concepts: list[str]) -> tuple[str, str]:
    """Return the items of a cell, and the joins that give them."""
    items = ", ".join(f"m_{name}.item AS i_{name}" for name in concepts)
    joins = " ".join(f"JOIN items_{relation}_{name} AS m_{name} ON m_{name}.code = c_{name}" for name in concepts)
    return items, joins


def quoted(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


# --- pandas --------------------------------------------------------------------------------------


def in_frames(given: Plan) -> dict[str, Any]:
    """Count in pandas."""
    import numpy as np
    import pandas as pd

    cells, values, total = 0, 0, 0.0
    frames = {relation: frame_of(given, relation) for relation in given["files"]}
    for relation, concepts, names, _ in given["cubes"]:
        frame, masks, items = frames[relation]
        anybody = np.logical_or.reduce([masks[name] for name in names])
        persons, wide = frame.loc[anybody], {}
        for name in names:
            one, mask = given["variables"][relation][name], masks[name][anybody]
            weight = np.where(mask, persons[one["weight"]], 0.0)
            wide[f"w_{name}"], wide[f"n_{name}"] = weight, mask.astype(np.int64)
            if one["quantity"]:
                wide[f"s_{name}"] = np.where(mask, weight * persons[one["quantity"]], 0.0)
        keys = [persons[name] for name in concepts]
        sums = pd.DataFrame(wide, index=persons.index).groupby(keys, observed=True).sum().reset_index()
        for name in concepts:
            sums = sums.merge(items[name], on=name).drop(columns=name)
        sums = sums.groupby([f"i_{name}" for name in concepts], observed=True).sum()
        cells, values = cells + len(sums), values + len(sums) * len(names)
        total += float(sums[[f"w_{name}" for name in names]].to_numpy().sum())
    begun = time.process_time()
    frame, masks, items = frames["persons"]
    for concepts, name in given["medians"]:
        one = given["variables"]["persons"][name]
        told = frame.loc[masks[name], [*concepts, one["weight"], one["quantity"]]]
        for concept in concepts:
            told = told.merge(items[concept], on=concept).drop(columns=concept)
        told, by = told.sort_values(one["quantity"]), [f"i_{concept}" for concept in concepts]
        weights = told.groupby(by, observed=True)[one["weight"]]
        above = told[weights.cumsum() >= weights.transform("sum") / 2]
        found = above.groupby(by, observed=True)[one["quantity"]].first()
        cells, values = cells + len(found), values + len(found)
    return {"cells": cells, "values": values, "total": total, "medians": time.process_time() - begun}


def frame_of(given: Plan, relation: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return the persons with codes as categories, who counts in each variable, and the items of each column."""
    import pandas as pd

    frame = pd.read_parquet(given["files"][relation], columns=columns_of(given, relation))
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.StringDtype):
            frame[name] = frame[name].astype("category")
        elif frame[name].dtype == object:
            frame[name] = frame[name].fillna(False).astype(bool)
    scope = {"frame": frame, "pd": pd}
    masks = {name: eval(one["pandas"], scope).to_numpy() for name, one in given["variables"][relation].items()}
    items = {}
    for name, rows in given["items"][relation].items():
        frame[name] = frame[name].cat.add_categories([""]).fillna("")
        codes = pd.Categorical([code for code, _ in rows], categories=frame[name].cat.categories)
        items[name] = pd.DataFrame({name: codes, f"i_{name}": pd.Categorical([item for _, item in rows])})
    return frame, masks, items


def main() -> None:
    """Write a plan, or run one way of counting and print its figures: a process of its own tells its peak memory."""
    way, target = sys.argv[1], Path(sys.argv[-1])
    if way == "plan":
        target.write_text(json.dumps(plan(*sys.argv[2:4])), encoding="utf-8")
        return
    import duckdb  # noqa: F401  before the clock starts

    if way == "pandas":
        import pandas as pd

        # What reads and writes Parquet is loaded by its first use.
        pd.DataFrame({"a": [1.0]}).to_parquet(target.with_suffix(".parquet"))
        pd.read_parquet(target.with_suffix(".parquet"))
    given = json.loads(target.read_text(encoding="utf-8"))
    wall, cpu = time.perf_counter(), time.process_time()
    found = {"scan": scan, "duckdb": in_duckdb, "pandas": in_frames}[way](given)
    found |= {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(found | {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
