"""Write docs/losses.md and a page a loss and transform, from cards and examples; --check fails when one is old.

python benchmarks/loss_pages.py [--check]
"""

import doctest
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from limbeck.cards import SCHEMES, Card, card_parts, every_card
from limbeck.losses import CATALOG, transforms as every_transform
from limbeck.losses.transforms import TRANSFORMS
from limbeck.tasks import TASKS

DOCS = Path(__file__).parent.parent / "docs"
PREDICTS = {
    "distribution": "one of several classes",
    "independent": "several labels, each for itself",
    "values": "numbers",
    "vectors": "vectors, in your own loop",
    "scores": "a score for each candidate of a query, in your own loop",
}
OF_TASKS = {task.predicts for task in TASKS.values()}
"""What some task of a recipe predicts."""
HAVE = {"teacher": "a teacher's answers", "labels": "labels", "taps": "a teacher's activations"}


def pages() -> dict[Path, str]:
    """Return what each file has to hold."""
    cards = every_card()
    return {DOCS / "losses.md": _index(cards)} | {DOCS / "losses" / f"{card.name}.md": _page(card) for card in cards}


def _index(every: Sequence[Card]) -> str:
    cards = [card for card in every if card.name in CATALOG]
    transforms = [card for card in every if card.name in TRANSFORMS]
    lines = [
        "# Losses",
        "",
        "Made from the cards by `python benchmarks/loss_pages.py`; `limbeck losses` has the same on the terminal.",
        "",
        "## What you have, and which loss",
        "",
        "A bold one is to begin with. Rows without a label count in no loss that needs labels. "
        "[which_loss.md](which_loss.md) holds them against `kd`.",
        "Over a large vocabulary, `chunked(kd)` and others that see one prediction: [other_loops.md](other_loops.md).",
        "",
        "| you predict | you have | losses |",
        "|---|---|---|",
        *_choices(cards),
        "",
        "## All of them",
        "",
        "| loss | family | sees | units | use when |",
        "|---|---|---|---|---|",
        *(
            f"| {_link(card)} | {card.family} | {card.scope} | {_cell(card.units)} | {_cell(card.use_when)} |"
            for card in cards
        ),
        "",
        "## Transforms",
        "",
        "What is done to the logits of student and teacher before a loss of soft targets compares them: `transform: "
        "NAME` in an entry of `losses`, `KD().after(Standardize())` in Python.",
        "",
        "| transform | family | sees | use when |",
        "|---|---|---|---|",
        *(f"| {_link(card)} | {card.family} | {card.scope} | {_cell(card.use_when)} |" for card in transforms),
        "",
        "## Schemes",
        "",
        "Who teaches whom is not a loss but the recipe's `teacher`, beside the losses: [recipes.md](recipes.md).",
        "",
        "| scheme | what it is | in a recipe |",
        "|---|---|---|",
        *(f"| {each.name} | {each.summary} ({each.cited}) | `{each.written}` |" for each in SCHEMES),
    ]
    return "\n".join(lines) + "\n"


def _choices(cards: Sequence[Card]) -> list[str]:
    """Return a row for each sort of outputs and what is at hand, with what to begin with in front."""
    rows: dict[tuple[str, str], list[Card]] = {}
    for predicts, words in PREDICTS.items():
        for card in sorted(cards, key=lambda card: (not card.first, card.name)):
            if predicts in card.fits:
                for have in _having(card):
                    rows.setdefault((words, have), []).append(card)
    return [f"| {words} | {have} | {', '.join(map(_choice, found))} |" for (words, have), found in rows.items()]


def _choice(card: Card) -> str:
    return f"**{_link(card)}**" if card.first else _link(card)


def _having(card: Card) -> list[str]:
    outputs = ", and ".join(HAVE[need] for need in card.needs)
    return [outputs] if card.tap is None or "taps" in card.needs else [outputs, HAVE["taps"]]


def _page(card: Card) -> str:
    said = card_parts(card)
    facts = ("units", "family", "scope", "needs", "fits", "logits of the teacher", "widths", "also called")
    lines = [
        f"# {card.name}",
        "",
        f"{card.summary[0].upper()}{card.summary[1:]}.",
        "",
        f"    {card.equation}",
        "",
        "| | |",
        "|---|---|",
        *(f"| {fact} | {_cell(said[fact])} |" for fact in facts if fact in said),
        "",
        *_in_a_recipe(card),
        "## In your own loop",
        "",
        "```python",
        *(_loop(card) if card.name in CATALOG else _loop_after(card)),
        "```",
        "",
        *_settings_table(card),
        f"**Use when** {card.use_when}.",
        "",
        f"**Beware** {card.beware}.",
        "",
        f"**Differs** {card.differs}",
        "",
        "## Source",
        "",
        f"{card.paper}.",
        "",
        f"Code: {card.code}.",
        "",
        "```bibtex",
        card.citation,
        "```",
    ]
    return "\n".join(lines) + "\n"


def _in_a_recipe(card: Card) -> list[str]:
    """Return the section about recipes; none of a loss of outputs that no task has."""
    if not OF_TASKS & {*card.fits}:
        return []
    return ["## In a recipe", "", "```yaml", _entry(card), "```", ""]


def _loop(card: Card) -> list[str]:
    example = _example(CATALOG[card.name].function)
    return ["import torch", "", f"from limbeck.losses import {card.name}", "", *example]


def _loop_after(card: Card) -> list[str]:
    """Return a transform before a loss, and what it does to two logits, where it is a function."""
    made, function = TRANSFORMS[card.name].__name__, getattr(every_transform, card.name)
    composed = f"objective = 0.9 * KD(temperature=2.0).after({made}()) + 0.1 * CrossEntropy()"
    if not inspect.isfunction(function):
        hint = "# Distiller(...).trainable holds the temperature too: give the optimizer its parameters"
        return [*_imports(made), "", composed, hint]
    return ["import torch", "", *_imports(made, card.name), "", composed, "", *_example(function)]


def _imports(*names: str) -> list[str]:
    return [
        "from limbeck.losses import KD, CrossEntropy",
        f"from limbeck.losses.transforms import {', '.join(names)}",
    ]


def _entry(card: Card) -> str:
    """Return a loss as an entry of a recipe's `losses`, or a transform within one, with its defaults."""
    if card.name in TRANSFORMS:
        given = {"kind": card.name, **_defaults(card)}
        return f"losses: [{{name: kd, temperature: 2, transform: {_mapping(given)}}}, {{name: cross_entropy}}]"
    taps = {"student": "PATH", "teacher": "PATH"} if "taps" in card.needs else {}
    given = {"name": card.name, "weight": 1.0, **taps, **_defaults(card)}
    return f"losses: [{_mapping(given)}]"


def _mapping(given: Mapping[str, Any]) -> str:
    return f"{{{', '.join(f'{name}: {_yaml(value)}' for name, value in given.items())}}}"


def _defaults(card: Card) -> dict[str, Any]:
    if card.name in TRANSFORMS:
        fields = TRANSFORMS[card.name].model_fields.items()
        return {name: field.default for name, field in fields if name != "kind"}
    parameters = inspect.signature(CATALOG[card.name]).parameters.items()
    return {name: parameter.default for name, parameter in parameters if name not in ("student", "teacher")}


def _settings(card: Card) -> list[tuple[str, str, str]]:
    """Return the settings, default and paper's value; of a transform also those of the loss that its paper says."""
    known = {"weight": 1.0, **_defaults(card)} if card.name in CATALOG else _defaults(card)
    own = [(name, f"`{_yaml(value)}`", card.defaults.get(name, "-")) for name, value in known.items()]
    return own + [(f"{name} of the loss", "its own", said) for name, said in card.defaults.items() if name not in known]


def _settings_table(card: Card) -> list[str]:
    rows = [f"| {name} | {default} | {_cell(paper)} |" for name, default, paper in _settings(card)]
    return ["## Settings", "", "| setting | default | in the paper |", "|---|---|---|", *rows, ""] if rows else []


def _yaml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if not isinstance(value, float)
        else f"{value:g}"
    )


def _example(function: Callable[..., Any]) -> list[str]:
    """Return the docstring's example, which the tests run, as a script with what it prints in comments."""
    lines = []
    for step in doctest.DocTestParser().get_examples(function.__doc__ or ""):
        lines += [line for line in step.source.rstrip().splitlines() if line != "import torch"]
        lines += [f"# {line}" for line in step.want.rstrip().splitlines()]
    return lines


def _link(card: Card) -> str:
    return f"[{card.name}](losses/{card.name}.md)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are out of date."""
    wanted = pages()
    old = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    old += [path for path in sorted((DOCS / "losses").glob("*.md")) if path not in wanted]
    if "--check" in arguments:
        print(*(f"{path.relative_to(DOCS.parent)} is out of date" for path in old), sep="\n")
        return int(bool(old))
    for path in old:
        if path in wanted:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
