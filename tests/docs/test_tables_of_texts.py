"""The tables of texts with few labels, made of made-up results: what is measured is shown, and nothing else changes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import any_text
import numpy as np
import pytest
import rivals
import tables
from text_sets import SETS, packed

from limbeck import __version__

ROWS = 10
DRAWS = 2
MEASURED = ("banking77-2000", "film-500", "sst2-100")
"""Two sets that the packages are measured on, and one that they are not."""
PAGE = """before
<!-- table:any-text -->
Not measured yet.
<!-- /table -->
<!-- table:rivals -->
Nor this.
<!-- /table -->
"""
USES = "<!-- table:uses -->\nNo uses yet.\n<!-- /table -->\n"
Put = Callable[..., None]


def rows_of(name: str, draw: int) -> dict[str, Any]:
    return {"test": ROWS, "digest": f"{name}, draw {draw}"}


def told(count: int) -> str:
    """Return the answers of a model that is right in the first rows."""
    return packed(np.arange(ROWS) < count)


def own(name: str, draw: int) -> dict[str, Any]:
    """Return a run of Limbeck: its student is right in 8 rows, and in 9 in the second draw."""
    right = {"teacher": 9, "student": 8 + draw, "baseline": 6, "floor": 5, "distilled_floor": 7}
    return {
        "accuracy": {model: count / ROWS for model, count in right.items()},
        "right": {model: told(count) for model, count in right.items()},
        "rows": rows_of(name, draw),
        "wall_seconds": 300.0 + 60 * draw,
        "cpu_seconds": 500.0 + 100 * draw,
        "costs": {"student": {"size_bytes": 2_000_000, "cpu_ms": 0.25, "latency_ms": 0.2}},
        "bundle": {"size_bytes": 2_500_000},
    }


def rival(name: str, arm: str, draw: int) -> dict[str, Any]:
    """Return what another one made of the same rows: right in 7 of them, TF-IDF in 5."""
    right = 5 if arm == "tfidf" else 7
    return {
        "accuracy": right / ROWS,
        "right": told(right),
        "rows": rows_of(name, draw),
        "training_seconds": 100.0,
        "teacher_seconds": 7.0,
        "size_bytes": 9_000_000,
        "speed": {"cpu_ms": 4.0, "latency_ms": 3.0},
    }


def result(name: str, records: dict[str, Any], version: str = __version__) -> dict[str, Any]:
    return {"command": f"python benchmarks/{name}.py", "environment": {"limbeck": version}, "records": records}


def texts(*names: str, **among: Any) -> dict[str, Any]:
    records = {f"{name}/{draw}": own(name, draw) for draw in range(DRAWS) for name in names or MEASURED}
    return result("any_text", records, **among)


def others(*names: str, draws: int = DRAWS, **among: Any) -> dict[str, Any]:
    records = {
        f"{name}/{arm}/{draw}": rival(name, arm, draw)
        for draw in range(draws)
        for name in names or MEASURED
        for arm in rivals.NAMES
        if arm in rivals.EVERYWHERE or name in rivals.COMPARED
    }
    return result("rivals", records, **among)


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Return what puts results on record, beside those that the table of uses cannot do without."""
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    for name in ("sentiment", "transfer", "acceleration"):
        shutil.copy(Path(tables.ROOT) / "benchmarks/results" / f"{name}.json", tmp_path)

    def write(**results: dict[str, Any]) -> None:
        for name, one in results.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(one), encoding="utf-8")

    return write


def test_the_page_has_a_place_for_both_tables():
    page = Path(tables.ROOT) / "docs/any_text.md"
    assert page in tables.PAGES
    for name in ("any-text", "rivals"):
        assert f"<!-- table:{name} -->\n" in page.read_text(encoding="utf-8")
        assert {"any_text", "rivals"} == {*tables.TABLES[name][1]}


def test_both_tables_and_the_use_are_made_of_both_results(put: Put):
    put(any_text=texts(), rivals=others())
    page = tables.render(PAGE)
    assert page.startswith("before\n")
    assert "Not measured yet" not in page
    assert "Nor this" not in page
    assert "| compression | `text`, " in tables.render(USES)
    assert tables.render(page) == page


def test_a_set_is_a_row_of_means_over_draws_in_the_order_of_the_sets():
    lines = (any_text.as_table(texts(), others()) or "").splitlines()
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| banking77, 2,000", "| sst2, 100", "| film, 500"]
    cells = [cell.strip() for cell in lines[4].strip("|").split("|")]
    assert cells[:8] == ["film, 500", "50.0", "70.0", "70.0", "90.0", "85.0", "60.0", "70.0"]
    assert [cell.split(" ")[0] for cell in cells[8:]] == ["+35.0", "+25.0", "6.0"]
    assert "means of 2 draws" in lines[-1]
    assert "+35.0 points ahead of TF-IDF and +25.0 of its baseline, of both in 3 of 3 sets" in lines[-1]
    assert "The teacher is -20.0 points behind the best of the three on average" in lines[-1]


def test_a_set_that_the_others_have_not_finished_is_left_out():
    table = any_text.as_table(texts(), others("film-500"))
    assert "film, 500" in table
    assert "banking77" not in table
    assert "1 of 1 sets" in table


def test_limbecks_student_is_the_last_row_of_each_set_that_the_packages_have():
    lines = (rivals.as_table(others(), texts()) or "").splitlines()
    beside = lines[lines.index("") + 3 : lines.index("", lines.index("") + 1)]
    names = [[cell.strip() for cell in line.strip("|").split("|")][:2] for line in beside]
    titles = [*rivals.NAMES.values(), rivals.OWN]
    assert names == [[title, name] for title in ("film, 500", "banking77, 2,000") for name in titles]
    cells = "85.0 (80.0 to 90.0) | 550 s | included | 2.0 MB (2.5 MB) | 0.25 ms |"
    assert beside[len(titles) - 1] == f"| film, 500 | **Limbeck, recipe `text`** | {cells}"
    assert beside[0] == "| film, 500 | TF-IDF + LR | 50.0 (50.0 to 50.0) | 100 s | 7 s | 9.0 MB | 4.00 ms |"


def test_limbecks_row_waits_for_all_draws_of_the_others():
    ours = texts()
    del ours["records"]["film-500/1"]
    table = rivals.as_table(others(), ours)
    assert "| banking77, 2,000 | **Limbeck" in table
    assert "| film, 500 | **Limbeck" not in table


@pytest.mark.parametrize("lost", ["cost", "size"])
def test_a_student_that_was_not_exported_has_neither_size_nor_time(lost: str):
    ours = texts("film-500")
    costs, whole = ours["records"]["film-500/0"]["costs"], {"size_bytes": None, "cpu_ms": 1.0, "latency_ms": 1.0}
    costs["student"] = None if lost == "cost" else whole
    assert "(80.0 to 90.0) | 550 s | included | – | – |" in rivals.as_table(others("film-500"), ours)


def test_a_run_without_a_bundle_has_the_size_of_its_file():
    ours = texts("film-500")
    ours["records"]["film-500/1"]["bundle"] = None
    assert "| included | 2.0 MB | 0.25 ms |" in rivals.as_table(others("film-500"), ours)


@pytest.mark.parametrize("table", [any_text.as_table, any_text.as_use])
def test_other_rows_are_not_compared(table: Callable[..., str | None]):
    beside = others()
    beside["records"]["film-500/frozen/1"]["rows"]["digest"] = "other rows"
    with pytest.raises(AssertionError, match="film-500: other rows"):
        table(texts(), beside)
    with pytest.raises(AssertionError, match="film-500: other rows"):
        rivals.as_table(beside, texts())


@pytest.mark.parametrize("version", [__version__, "0.0.1"])
@pytest.mark.parametrize("there", [[], ["any_text"], ["rivals"]], ids=["none", "any_text", "rivals"])
def test_without_both_results_the_pages_stay_as_they_are(put: Put, there: list[str], version: str):
    before = tables.render(USES)
    assert "| compression | `sentiment`" in before
    assert "`text`" not in before
    every = {"any_text": texts(version=version), "rivals": others(version=version)}
    put(**{name: every[name] for name in there})
    assert tables.render(PAGE) == PAGE
    assert tables.render(USES) == before


def test_with_no_complete_set_the_pages_stay_as_they_are(put: Put):
    before = tables.render(USES)
    put(any_text=texts("film-500"), rivals=others("film-500", draws=1))
    assert tables.render(USES) == before
    assert "Not measured yet." in tables.render(PAGE)
    put(any_text=result("any_text", {}), rivals=result("rivals", {}))
    assert tables.render(PAGE) == PAGE


def test_the_use_is_of_means_over_sets(put: Put):
    put(any_text=texts(), rivals=others())
    (line,) = [line for line in tables.render(USES).splitlines() if "`text`" in line]
    assert line == (
        "| compression | `text`, 100 to 2,000 labels | pooled teachers in the student that keeps them best, means of 3 "
        "sets: 85.0 %, teacher 90.0 %, baseline 60.0 %, TF-IDF + LR 50.0 %; +25.0 points over the baseline, +35.0 over "
        "TF-IDF + LR; docs/any_text.md |"
    )
    assert {SETS[name].labels for name in MEASURED} == {100, 500, 2000}


def test_results_of_other_versions_say_so_beside_their_figures(put: Put):
    put(any_text=texts(version="0.0.1"), rivals=others(version="0.0.2"))
    page, found = tables.render(PAGE), tables.render(USES)
    assert page.count("`python benchmarks/any_text.py` (version 0.0.1)") == 2
    assert page.count("`python benchmarks/rivals.py` (version 0.0.2)") == 2
    assert "`text`, 100 to 2,000 labels (version 0.0.1) | " in found
    assert "TF-IDF + LR 50.0 % (version 0.0.2); " in found
