"""What the catalogue says about every loss: card, docstring, running example, a reference to be tested against."""

import ast
import doctest
import importlib
import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from limbeck import losses
from limbeck.cards import loss_cards, transform_cards
from limbeck.losses import CATALOG
from limbeck.losses.transforms import TRANSFORMS

REFERENCES = Path(__file__).parent.parent / "references"
METHODS = {path.stem for path in Path(losses.__file__).parent.glob("[!_]*.py")} - {"schedules", "term", "chunked"}
every_loss = pytest.mark.parametrize("loss", CATALOG.values(), ids=CATALOG)


def test_every_method_file_is_in_the_catalogue_and_has_a_reference():
    assert set(CATALOG) == METHODS == {path.stem for path in REFERENCES.glob("[!_]*.py")}
    for name, loss in CATALOG.items():
        assert name == loss.card.name == loss.function.__name__
        assert getattr(losses, name) is loss.function
        assert {name, *(public for public, value in vars(losses).items() if value is loss)} <= exported(losses)


def exported(package):
    """The names that a type checker lets users import: those in `import X as X`."""
    aliases = (
        each
        for step in ast.walk(ast.parse(inspect.getsource(package)))
        if isinstance(step, ast.ImportFrom)
        for each in step.names
    )
    return {each.name for each in aliases if each.name == each.asname}


@every_loss
def test_card_is_complete(loss):
    for field in fields(loss.card):
        optional = ("needs", "tap", "convex", "decides", "also")
        assert getattr(loss.card, field.name) or field.name in optional, field.name
    assert loss.card.tap is not None or "taps" not in loss.card.needs
    assert loss.card.citation.startswith("@")
    assert loss.card.citation.count("{") == loss.card.citation.count("}")
    assert set(loss.card.defaults) <= {"weight", *inspect.signature(loss).parameters}
    assert "\n" not in loss.card.summary
    assert not loss.card.summary.endswith(".")


@every_loss
def test_docstring_says_it_all(loss):
    doc = inspect.getdoc(loss.function)
    first, equation = doc.split("\n\n")[:2]
    assert ("over the rows of a batch: (sum, rows)" if loss.card.scope == "batch" else "per prediction") in first
    if loss.card.scope == "batch":
        assert "it sees the rows of one micro-batch, and of one process" in loss.card.beware
    assert equation.startswith("    ")
    places = [doc.index(f"\n{section}:\n") for section in ("Args", "Returns", "Raises", "Source", "Example")]
    assert places == sorted(places)
    for name in inspect.signature(loss.function).parameters:
        assert f"\n    {name}: " in doc, name
    for error in ("TypeError", "ValueError"):
        assert f"\n    {error}: " in doc
    assert len(inspect.getsource(inspect.getmodule(loss.function)).splitlines()) <= 120


@every_loss
def test_examples_run(loss):
    module = importlib.import_module(f"limbeck.losses.{loss.card.name}")
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_cards_that_are_read_in_the_source_are_those_of_the_catalogue():
    assert loss_cards() == {name: loss.card for name, loss in CATALOG.items()}
    assert transform_cards() == {name: one.card for name, one in TRANSFORMS.items()}
