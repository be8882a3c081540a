"""The examples of docs/finished_teachers.md do, as they are printed, what the page says of them."""

import re
from pathlib import Path

import pytest
from teacher_examples import PAGE, Example, carried_out, examples, in_words

from limbeck.assets import ASSETS, cache_folder
from limbeck.recipe import parse_recipe
from limbeck.settings.yaml import read_yaml

EXAMPLES = examples()
NEEDS = {"llm": ("openai", "fastapi", "uvicorn")}
"""Packages beside those that every example needs."""
VERDICTS = {"llm": ("no_baseline",), "folder": ("no_difference", "helps")}
"""Of the examples that do not claim a gain; every other one does."""


def test_every_section_is_an_example_and_begins_with_the_texts():
    assert list(EXAMPLES) == ["words", "trees", "folder", "llm", "two"]
    for example in EXAMPLES.values():
        assert example.blocks[0].file == "texts.py"
        assert any(block.text.startswith("limbeck run ") for block in example.blocks)


def test_every_block_of_the_page_is_in_an_example():
    fences = len(re.findall(r"^```(?:python|yaml)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    shown = {block.line for example in EXAMPLES.values() for block in example.blocks if block.file}
    assert len(shown) == fences


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_its_recipe_is_valid(example: Example):
    for block in example.blocks:
        if block.language == "yaml":
            parse_recipe(read_yaml(block.text), str(block.file))


def test_what_is_printed_of_a_run():
    found = {
        "name": "two", "together": ["accuracy on validation (8 rows): member 0 1 %, member 1 2 %, together 3 %"],
        "sentence": "Distillation helps.", "test_examples": 1000, "seeds": [0, 1], "cpu_seconds": 16.6,
        "accuracy": {"teacher": 0.5, "student": 0.25},
    }  # fmt: skip
    text = in_words(found)
    lines = text.splitlines()
    assert lines[1:3] == [*found["together"], "Distillation helps."]
    assert lines[3] == "right of 1,000 test examples, 2 seeds: teacher 50.0%, student 25.0%"
    assert "17 s of processor time (`python benchmarks/teacher_examples.py two`)." in text


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_shows_what_it_says(example: Example, tmp_path: Path):
    for package in ("pandas", "skops", *NEEDS.get(example.name, ())):
        pytest.importorskip(package)
    for name in ("sentiment-ratings", "minilm"):
        if not any((cache_folder() / "assets").glob(f"{name}-*")):
            pytest.skip(f"needs {ASSETS[name].requirement}, which `limbeck demo` fetches")
    found = carried_out(example, tmp_path)
    assert found["verdict"] in VERDICTS.get(example.name, ("helps",)), found["sentence"]
    if example.name == "two":
        (line,) = found["together"]
        first, second, together = [float(number) for number in re.findall(r"([\d.]+)\s%", line)]
        assert together > max(first, second), line
