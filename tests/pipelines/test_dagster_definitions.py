"""The whole code location as a snapshot: a change of what users see in Dagster is made on purpose.

To accept a change: ``ILMS_WRITE_SNAPSHOTS=1 pytest tests/pipelines/test_dagster_definitions.py``.
"""

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.definitions import defs

SNAPSHOT = Path(__file__).parent / "snapshots" / "definitions.json"


def first_words(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def described() -> dict[str, Any]:
    graph = defs.resolve_asset_graph()
    assets = {
        key.to_user_string(): {
            "group": graph.get(key).group_name,
            "partitions": getattr(graph.get(key).partitions_def, "name", None),
            "upstream": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            "description": first_words(graph.get(key).description),
        }
        for key in sorted(graph.get_all_asset_keys())
    }
    checks = {
        key.to_user_string(): {
            "blocking": graph.get(key).blocking,
            "description": first_words(graph.get(key).description),
        }
        for key in sorted(graph.asset_check_keys, key=str)
    }
    jobs = {job.name: first_words(job.description) for job in sorted(defs.jobs or [], key=lambda job: job.name)}
    sensors = {
        sensor.name: [sensor.default_status.value, sensor.minimum_interval_seconds, first_words(sensor.description)]
        for sensor in sorted(defs.sensors or [], key=lambda sensor: sensor.name)
    }
    schedules = {
        schedule.name: [schedule.default_status.value, schedule.cron_schedule, first_words(schedule.description)]
        for schedule in defs.schedules or []
        if isinstance(schedule, dg.ScheduleDefinition)
    }
    return {"assets": assets, "checks": checks, "jobs": jobs, "schedules": schedules, "sensors": sensors}


def test_definitions_are_as_recorded() -> None:
    found = json.dumps(described(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("ILMS_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(found, encoding="utf-8")
    assert found == SNAPSHOT.read_text(encoding="utf-8")


def test_every_asset_and_check_is_described() -> None:
    everything = described()
    for kind in ("assets", "checks"):
        assert all(item["description"] for item in everything[kind].values())
    assert all(everything["jobs"].values())
