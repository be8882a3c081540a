"""Files that are made from others are up to date."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter
from table_words import older

from limbeck import __version__
from limbeck.cards import every_card
from limbeck.losses import LossSettings, objective_from
from limbeck.pipeline.schemas import FOLDER, schemas

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["recipe.json", "evaluation.json"])
def test_published_schemas_are_those_of_the_models(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schemas()[name], "run `make generated`"


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks/tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_those_of_the_results(tables: ModuleType) -> None:
    for page in tables.PAGES:
        text = page.read_text(encoding="utf-8")
        assert tables.render(text) == text, "run `make generated`"


def test_the_pages_of_the_losses_are_those_of_the_cards() -> None:
    import loss_pages

    wanted = loss_pages.pages()
    found = [loss_pages.DOCS / "losses.md", *(loss_pages.DOCS / "losses").glob("*.md")]
    assert set(found) == set(wanted), "run `make generated`"
    assert not [path.name for path in found if path.read_text(encoding="utf-8") != wanted[path]], "run `make generated`"


@pytest.mark.parametrize("name", [card.name for card in every_card()])
def test_the_blocks_of_a_losses_page_are_read_and_run(name: str) -> None:
    text = (ROOT / "docs" / "losses" / f"{name}.md").read_text(encoding="utf-8")
    recipes, (script,) = (re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("yaml", "python"))
    assert len(recipes) == (name not in ("margin_mse", "ranking_kl"))  # no task predicts scores
    for recipe in recipes:
        entries = TypeAdapter(list[LossSettings]).validate_python(yaml.safe_load(recipe)["losses"])
        assert objective_from(entries).entries()[0].keys() >= {"name", "weight"}
    exec(compile(script, f"{name}.md", "exec"), {})


def measured(version: str) -> dict[str, Any]:
    return {"environment": {"limbeck": version}}


def test_a_table_says_which_other_version_measured_it(tables: ModuleType) -> None:
    assert tables._marked("one", "text.", [measured(__version__)]) == "text."
    assert tables._marked("one", "text.", [measured("0.0.1")]) == "text. Measured with version 0.0.1."
    two = [measured(__version__), measured("0.0.1"), measured("0.0.1")]
    rows = f"| a{older(two[0])} |\n| b{older(two[1])} |\n| c{older(two[2])} |"
    assert rows == "| a |\n| b (version 0.0.1) |\n| c (version 0.0.1) |"
    assert tables._marked("two", rows, two) == rows


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("| a |", [measured(__version__), measured("0.0.1")]),
        ("| a (version 0.0.1) |\n| b |", [measured("0.0.1"), measured("0.0.1")]),
        ("| a (version 0.0.1) |", [{"pairs": [measured(__version__), measured("0.0.1")]}]),
    ],
    ids=["no mark", "one mark for two", "parts of one result"],
)
def test_versions_are_not_mixed_without_a_mark(tables: ModuleType, text: str, results: list[dict[str, Any]]) -> None:
    with pytest.raises(SystemExit, match="mixes versions"):
        tables._marked("mixed", text, results)


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
