"""A run that was killed, anywhere, and started again ends as one that never was.

`kill_points` lists where; `same_run` says what is compared, and the little that depends on a clock and is not.
"""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from kill_harness import start
from kill_points import POINTS, Point, subject
from same_run import differences
from tiny import write_csv

from limbeck.files import staged
from limbeck.pipeline.stages.claim import claimed

OPENED = "test_evaluations.json: in place"
NETWORKS = ("teacher", "student", "baseline")
OTHER_LOSSES = [{"name": "kd", "weight": 0.5, "temperature": 4}, {"name": "cross_entropy", "weight": 0.5}]


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return subject(write_csv(tmp_path_factory.mktemp("data") / "rows.csv"))


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    return folder, start(values, folder)


@pytest.fixture(scope="module")
def unbroken(events: tuple[Path, list[str]]) -> Path:
    return events[0]


def kill(values: dict[str, object], folder: Path, points: Iterable[Point]) -> int:
    """Kill run after run in one folder, and return how often they opened the test split."""
    openings = opened(folder)
    for point in points:
        for _ in range(1 + point.twice):
            events = start(values, folder, kill_at=point.event, nth=point.nth)
            openings += OPENED in events
            assert opened(folder) == openings, "what was opened stays on record, wherever the run dies"
    return openings


def opened(folder: Path) -> int:
    """Return how often the run folder says that its test split was opened."""
    log = folder / "test_evaluations.json"
    return len(json.loads(log.read_text())) if log.is_file() else 0


def with_exports(folder: Path, unbroken: Path, names: Iterable[str]) -> Path:
    """Give a new run the exported files of another; their records say what they were made from. It saves time."""
    with claimed(folder, "test"):
        for name in names:
            with staged(folder / "export" / name) as aside:
                shutil.copytree(unbroken / "export" / name, aside)
    return folder


def assert_same(folder: Path, unbroken: Path) -> None:
    assert differences(unbroken, folder) == []
    # The clocks stand still here, so the same precision ships.
    assert content(folder / "bundle") == content(unbroken / "bundle")
    assert names(folder) == names(unbroken), "nothing is missing and nothing is left behind"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_every_stage_has_its_points(events: tuple[Path, list[str]]) -> None:
    """A new stage needs its points in the table."""
    edges = [event for event in events[1] if re.search(r"^\w+: (entered|left)$", event)]
    stages = ["data", "teacher", "labelling", "student", "baseline", "export", "evaluation", "report"]
    assert edges == [f"{stage}: {edge}" for stage in stages for edge in ("entered", "left")]
    assert set(edges) <= {point.event for point in POINTS}


def test_the_use_of_the_test_split_is_on_record_before_anybody_answers(events: tuple[Path, list[str]]) -> None:
    assert events[1].index(OPENED) < events[1].index("evaluation: teacher answered")


def test_killed_at_one_point_after_the_other(tmp_path: Path, values: dict[str, object], unbroken: Path) -> None:
    """One folder, killed at every point in turn: no point costs more than the way to it from the one before."""
    folder = with_exports(tmp_path / "run", unbroken, ["teacher", "baseline"])
    points = [point for point in POINTS if point.quick]
    openings = kill(values, folder, points)
    start(values, folder)
    assert_same(folder, unbroken)
    # A kill between the opening of the test split and the end of its evaluation costs one more opening, others none.
    assert openings == opened(folder) == 1 + sum(point.opened * (1 + point.twice) for point in points)
    result = json.loads((folder / "evaluation.json").read_text())
    assert result["test_evaluations"] == json.loads((folder / "test_evaluations.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.event}{point.nth}")
def test_killed_at_one_point(tmp_path: Path, values: dict[str, object], unbroken: Path, point: Point) -> None:
    laid = [name for name in NETWORKS if f"export/{name}" not in point.event]
    folder = with_exports(tmp_path / "run", unbroken, laid)
    before = [Point(point.after, opened=True)] if point.after else []
    kill(values, folder, [*before, point])
    start(values, folder)
    assert_same(folder, unbroken)
    assert opened(folder) == 1 + len(before) + point.opened * (1 + point.twice)


def test_killed_while_the_work_of_another_recipe_is_removed(
    tmp_path: Path, values: dict[str, object], unbroken: Path
) -> None:
    """Back to the first recipe: what is half gone must not pass for finished."""
    folder = shutil.copytree(unbroken, tmp_path / "run")
    start(values | {"losses": OTHER_LOSSES}, folder, kill_at="tuning/student-0/model.safetensors: removed")
    start(values, folder)
    assert_same(folder, unbroken)
    assert opened(folder) == 1


@pytest.mark.slow
def test_killed_where_a_target_ends_a_training(tmp_path: Path, values: dict[str, object]) -> None:
    """At its first validation, after step 8: what was reached is not trained on."""
    ending = values | {"until": {"accuracy": 0.05}}
    whole = tmp_path / "whole"
    assert "student/seed-1: step 9" not in start(ending, whole)
    points = [
        Point("tuning/student-1: step 5"),
        Point("student/seed-1/checkpoint.safetensors: in place"),
        Point("student/seed-1/model.safetensors: written"),
        Point("baseline/seed-1: step 8"),
    ]
    folder = with_exports(tmp_path / "run", whole, NETWORKS)
    kill(ending, folder, points)
    start(ending, folder)
    assert_same(folder, whole)
    assert opened(folder) == 1


@pytest.mark.slow
def test_killed_with_a_changed_recipe(tmp_path: Path, values: dict[str, object], unbroken: Path) -> None:
    """The old bundle and the old evaluation stand there while the new ones are made."""
    changed = values | {"losses": OTHER_LOSSES}
    whole = shutil.copytree(unbroken, tmp_path / "whole")
    start(changed, whole)
    points = [
        Point("tuning/student-1/model.safetensors: removed"),
        Point("student/seed-1: step 19"),
        Point("evaluation/stage.json: removed"),
        Point(OPENED, opened=True),
        Point("bundle: aside", opened=True, twice=True),
        Point("bundle: in place", opened=True),
        Point("evaluation.json: written", opened=True),
        Point("report.html: half written"),
    ]
    folder = shutil.copytree(unbroken, tmp_path / "run")
    kill(changed, folder, points)
    start(changed, folder)
    assert_same(folder, whole)
