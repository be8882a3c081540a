"""Files that are made from others are up to date."""

import importlib.util
from pathlib import Path

import pytest

from limbeck.pipeline.schemas import FOLDER, schemas

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["recipe.json", "evaluation.json"])
def test_published_schemas_are_those_of_the_models(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schemas()[name], "run `make generated`"


def test_tables_are_those_of_the_results() -> None:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks/tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    for page in tables.PAGES:
        text = page.read_text(encoding="utf-8")
        assert tables.render(text) == text, "run `make generated`"


def test_the_tour_names_only_what_exists() -> None:
    """Each `name` in code font in the tour is somewhere in the source."""
    import re

    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    tour = (ROOT / "docs/tour.md").read_text(encoding="utf-8")
    names = {match.split("(")[0].split(".")[-1] for match in re.findall(r"`([A-Za-z_.]+)(?:\([^`]*\))?`", tour)}
    assert len(names) > 40
    missing = sorted(name for name in names if not re.search(rf"\b{name}\b", source))
    assert not missing


def test_the_tour_has_a_paragraph_for_each_folder() -> None:
    tour = (ROOT / "docs/tour.md").read_text(encoding="utf-8")
    headings = " ".join(line for line in tour.splitlines() if line.startswith("## "))
    folders = {path.name for path in (ROOT / "src/limbeck").iterdir() if (path / "__init__.py").is_file()}
    assert folders - {"recipes", "schemas"} <= set(headings.replace(":", " ").split())
