"""What compares the losses: which ones and at which settings, how they are ranked and judged, what a kill leaves."""

import inspect
import itertools
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, cast

import loss_ranks
import numpy as np
import pytest
import tables
from loss_points import ENTRIES, KD, LABELS, LEFT_OUT
from pydantic import TypeAdapter
from test_loss_ranks import ROWS, SEEDS, answers
from text_sets import packed

import losses
from limbeck import __version__
from limbeck.digest import digest
from limbeck.errors import DivergedError, LimbeckError
from limbeck.losses import CATALOG, LossSettings, fitting
from limbeck.losses.transforms import TRANSFORMS

CONTESTANTS = [name for name in ENTRIES if name not in (KD, LABELS)]


# --- what is compared -----------------------------------------------------------------------------------------------


def terms(name: str) -> list[dict[str, Any]]:
    return [term for point in ENTRIES[name].values() for term in point if term["name"] != "cross_entropy"]


def test_every_loss_that_fits_classification_is_compared_or_left_out_with_a_reason():
    taken = {term["name"] for name in CONTESTANTS for term in terms(name)} | {KD, "cross_entropy"}
    assert not taken & {*LEFT_OUT}
    assert taken | {*LEFT_OUT} == {*fitting("distribution")}
    transformed = {term["transform"] for name in ENTRIES for term in terms(name) if "transform" in term}
    assert transformed == {*TRANSFORMS}


@pytest.mark.parametrize("name", ENTRIES)
def test_every_point_is_an_objective_of_a_recipe(name: str):
    for point in ENTRIES[name].values():
        TypeAdapter(list[LossSettings]).validate_python(point)
        assert point[-1]["name"] == "cross_entropy"


@pytest.mark.parametrize("name", [KD, *CONTESTANTS])
def test_a_loss_has_three_points_that_differ_in_one_parameter(name: str):
    points = list(ENTRIES[name].values())
    assert len(points) == 3
    varied = {
        key
        for one, other in itertools.pairwise(points)
        for first, second in zip(one, other, strict=True)
        for key in first
        if first[key] != second[key]
    }
    assert len(varied) == 1
    # The published value is the catalogue's default; a weight is in its paper only.
    (key,) = varied
    own = terms(name)[-1]["name"]
    defaults = {parameter.name: parameter.default for parameter in loss_parameters(own)}
    if key != "weight":
        assert any(tuple(np.ravel(term[key])) == tuple(np.ravel(defaults[key])) for term in terms(name))


def loss_parameters(name: str) -> list[Any]:
    return list(inspect.signature(CATALOG[name]).parameters.values())


def test_losses_that_count_labelled_rows_only_are_known():
    found = {name for name, points in ENTRIES.items() if losses.needs_labels(points)}
    assert found == {LABELS, "dkd", "nkd", "wsld", "tf_kd"}


# --- the page -------------------------------------------------------------------------------------------------------

MADE = (LABELS, KD, "dkd", "jsd")


def record(name: str, seed: int) -> dict[str, Any]:
    better = {LABELS: -0.2, KD: 0.0, "dkd": -0.15, "jsd": 0.001}[name]
    points = list(ENTRIES[name])
    right = answers(better=better, seed=1000 * MADE.index(name) + seed)[0]
    return {"right": packed(right), "chosen": points[seed % len(points)], "cpu_seconds": 36.0, "accuracy": 0.7}


@cache
def result(**sets: int) -> dict[str, Any]:
    """Return a record of sets, by their number of unlabelled rows."""
    seeds = list(range(SEEDS))
    about = {
        name: {
            "title": f"the set {name}",
            "steps": 1500,
            "rows": {"test": ROWS, "unlabelled": unlabelled},
            "teacher": packed(answers(better=0.1)[0]),
            "points": {each: list(ENTRIES[each]) for each in MADE},
            "labelled_only": [each for each in MADE if losses.needs_labels(ENTRIES[each])],
        }
        for name, unlabelled in sets.items()
    }
    records = {f"{name}/{each}/{seed}": record(each, seed) for name in sets for each in MADE for seed in seeds}
    made = {"command": "python benchmarks/losses.py", "environment": {"limbeck": __version__}, "seeds": seeds}
    made |= {"sets": about, "records": records}
    return made | {"judged": loss_ranks.judged({name: loss_ranks.bits(made, name) for name in sets})}


def test_the_page_has_a_place_for_the_table():
    page = Path(tables.ROOT) / "docs/which_loss.md"
    assert page in tables.PAGES
    assert "<!-- table:losses -->\n" in page.read_text(encoding="utf-8")


def test_the_table_shows_ranking_differences_and_what_was_chosen():
    table = loss_ranks.as_table(result(first=0, second=50)) or ""
    assert table.count("| | loss | ranked by | judged by | minus kd (95 % interval) | P | from kd | chosen |") == 2
    first, second = table.split("**the set second** (1,500 steps)")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in first.splitlines() if line[:2] == "| "]
    named = {row[1]: row for row in rows}
    assert [row[0] for row in rows] == ["", "", "1", "2", "3", ""]
    assert named["dkd"][6] == "worse"
    assert named["dkd"][4].startswith("-1")
    assert named["jsd"][6] == "not told apart"
    assert named["kd"][4:7] == ["", "", ""]
    assert named["dkd"][7] == "beta 0.5 (2), 2 (2), 8 (1)"
    assert named["*labels, no teacher*"][7] == ""
    assert "| *labels, no teacher †* |" in second
    assert "Beside kd, better: none; worse: dkd; not told apart from it: all others (1)." in first
    assert "Labels without a teacher are worse than kd." in first
    assert re.search(r"For half of the losses, \d+\.\d points from kd would have been told\.", first)
    assert "†" not in first
    assert "| dkd † |" in second
    assert "means of 5 seeds" in second
    assert "0.4 processor hours (`python benchmarks/losses.py`)" in second


def test_nothing_is_shown_before_all_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    page = "<!-- table:losses -->\nNot measured yet.\n<!-- /table -->\n"
    assert tables.render(page) == page
    whole = result(first=0)
    for lacking in ({**whole, "records": {}, "judged": {}}, {k: v for k, v in whole.items() if k != "judged"}):
        (tmp_path / "losses.json").write_text(json.dumps(lacking), encoding="utf-8")
        assert tables.render(page) == page
    (tmp_path / "losses.json").write_text(json.dumps(whole), encoding="utf-8")
    assert "Not measured yet" not in tables.render(page)
    old = {**whole, "environment": {"limbeck": "0.0.1"}}
    (tmp_path / "losses.json").write_text(json.dumps(old), encoding="utf-8")
    assert "Measured with version 0.0.1." in tables.render(page)


def test_a_loss_counts_when_every_seed_is_there():
    one = result(first=0)
    one = {**one, "records": {key: each for key, each in one["records"].items() if key != "first/jsd/3"}}
    assert set(loss_ranks.bits(one, "first")) == {*MADE} - {"jsd"}


# --- after a kill ---------------------------------------------------------------------------------------------------


class Killed(BaseException):
    pass


class FakeBench:
    """A set that trains nothing, and is killed after some records."""

    name = "digits"

    def __init__(self, folder: Path, left: int = 1000, digest: str = "these rows") -> None:
        self.folder, self.left, self.measured_now, self.digest = folder, left, [], digest

    def about(self, points: Any) -> dict[str, Any]:
        return {"digest": self.digest, "rows": {"test": 4}, "points": {name: list(one) for name, one in points.items()}}

    def measured(self, points: Any, seed: int, place: Path) -> dict[str, Any]:
        place.mkdir(parents=True)
        (place / "weights").write_text("half")
        if not self.left:
            raise Killed
        self.left -= 1
        self.measured_now.append((next(iter(points)), seed))
        found = {"chosen": next(iter(points)), "right": packed(np.ones(4, bool)), "points": digest(points)}
        return {**found, "accuracy": 0.5, "cpu_seconds": 1.0}


def work(bench: FakeBench, path: Path, *, seeds: tuple[int, ...] = (0, 1)) -> None:
    losses.work(cast("Any", bench), path, {name: ENTRIES[name] for name in (KD, "jsd")}, seeds)


def test_a_kill_loses_one_record_at_most(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "losses.json"
    with pytest.raises(Killed):
        work(FakeBench(tmp_path / "runs", left=2), path)
    assert list(losses.on_record(path)["records"]) == ["digits/kd/0", "digits/jsd/0"]
    again = FakeBench(tmp_path / "runs2")
    work(again, path)
    assert [seed for _, seed in again.measured_now] == [1, 1]
    assert list(losses.on_record(path)["records"]) == [
        f"digits/{name}/{seed}" for seed in (0, 1) for name in (KD, "jsd")
    ]
    work(again, path)
    assert len(again.measured_now) == 2, "what is on record is not measured again"
    assert not list((tmp_path / "runs2").rglob("weights")), "trainings on record leave no files"


def test_trainings_of_a_record_that_was_begun_are_kept(tmp_path: Path):
    with pytest.raises(Killed):
        work(FakeBench(tmp_path / "runs", left=1), tmp_path / "losses.json")
    assert [file.parent.parent.name for file in tmp_path.rglob("weights")] == ["jsd"]


def test_what_another_process_is_at_is_left_to_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bench = FakeBench(tmp_path / "runs")
    lock = losses.take(bench.folder, "kd-0")
    assert lock is not None
    work(bench, tmp_path / "losses.json", seeds=(0,))
    lock.release()
    assert list(losses.on_record(tmp_path / "losses.json")["records"]) == ["digits/jsd/0"]


def test_other_rows_are_not_added_to_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    work(FakeBench(tmp_path / "runs"), tmp_path / "losses.json", seeds=(0,))
    with pytest.raises(LimbeckError, match="rows or settings of digits are not those on record: other rows"):
        work(FakeBench(tmp_path / "runs", digest="other rows"), tmp_path / "losses.json")


def test_a_loss_at_other_points_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "losses.json"
    work(FakeBench(tmp_path / "runs"), path, seeds=(0,))
    monkeypatch.setitem(cast("dict[str, Any]", ENTRIES), "jsd", {"beta=0.3": [{"name": "jsd", "beta": 0.3}]})
    again = FakeBench(tmp_path / "runs")
    work(again, path, seeds=(0,))
    assert again.measured_now == [("beta=0.3", 0)]
    assert losses.on_record(path)["sets"]["digits"]["points"]["jsd"] == ["beta=0.3"]


def measure_all(folder: Path, path: Path) -> None:
    for name in losses.SETS:
        bench = FakeBench(folder / name)
        bench.name = name
        work(bench, path, seeds=losses.SEEDS)


def test_a_ranking_is_of_the_points_of_today_and_of_no_older_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "losses.json"
    measure_all(tmp_path / "first", path)
    losses.finish(path, [KD, "jsd"])
    assert set(losses.on_record(path)["judged"]) == {*losses.SETS}
    monkeypatch.setitem(cast("dict[str, Any]", ENTRIES), "jsd", {"beta=0.3": [{"name": "jsd", "beta": 0.3}]})
    work(FakeBench(tmp_path / "second"), path, seeds=(0,))
    assert "judged" not in losses.on_record(path), "it was of other records"
    losses.finish(path, [KD, "jsd"])
    assert "judged" not in losses.on_record(path), "four seeds are of the points before"
    measure_all(tmp_path / "third", path)
    losses.finish(path, [KD, "jsd"])
    assert "judged" in losses.on_record(path)


def test_a_training_that_diverges_is_no_choice_and_any_other_error_is_one(monkeypatch: pytest.MonkeyPatch):
    bench = losses.Bench("digits", cast("Any", None), cast("Any", None), cast("Any", None), Path("unused"))
    points = {"first": [{"name": "kd"}], "second": [{"name": "kd"}]}

    def fail(error: LimbeckError) -> None:
        def train(self: Any, terms: Any, seed: int, place: Path) -> None:
            raise error

        monkeypatch.setattr(losses.Bench, "train", train)

    fail(DivergedError("the loss is nan at step 3"))
    with pytest.raises(LimbeckError, match="no point could be trained"):
        bench.measured(points, 0, Path("unused"))
    fail(LimbeckError("the checkpoint is damaged"))
    with pytest.raises(LimbeckError, match="the checkpoint is damaged"):
        bench.measured(points, 0, Path("unused"))


def test_there_is_no_ranking_before_all_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "losses.json"
    work(FakeBench(tmp_path / "runs"), path, seeds=(0,))
    losses.finish(path, [KD, "jsd"])
    assert "not all is measured of digits, banking77" in capsys.readouterr().out
    assert "judged" not in losses.on_record(path)
