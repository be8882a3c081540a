"""Write docs/losses.md and a page a loss from the cards and the functions' examples; --check fails when one is old.

python benchmarks/loss_pages.py [--check]
"""

import doctest
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from limbeck.cards import Card, card_parts, loss_cards
from limbeck.losses import CATALOG

DOCS = Path(__file__).parent.parent / "docs"
PREDICTS = {
    "distribution": "one of several classes",
    "independent": "several labels, each for itself",
    "values": "numbers",
    "vectors": "vectors",
    "scores": "a score for each candidate of a query",
}
HAVE = {"teacher": "a teacher's answers", "labels": "labels", "taps": "a teacher's activations"}


def pages() -> dict[Path, str]:
    """Return what each file has to hold."""
    cards = loss_cards()
    found = {DOCS / "losses.md": _index(list(cards.values()))}
    return found | {DOCS / "losses" / f"{name}.md": _page(card) for name, card in cards.items()}


def _index(cards: Sequence[Card]) -> str:
    lines = [
        "# Losses",
        "",
        "Made from the cards by `python benchmarks/loss_pages.py`; `limbeck losses` has the same on the terminal.",
        "",
        "## What you have, and which loss",
        "",
        "Where several fit, the first ones are to begin with. Rows without a label count in no loss that needs labels.",
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
    ]
    return "\n".join(lines) + "\n"


def _choices(cards: Sequence[Card]) -> list[str]:
    """Return a row for each sort of outputs and what is at hand; losses in the catalogue's order, which begins easy."""
    order = list(CATALOG)
    rows: dict[tuple[str, str], list[Card]] = {}
    for predicts, words in PREDICTS.items():
        for card in sorted(cards, key=lambda card: order.index(card.name)):
            if predicts in card.fits:
                for have in _having(card):
                    rows.setdefault((words, have), []).append(card)
    return [f"| {words} | {have} | {', '.join(map(_link, found))} |" for (words, have), found in rows.items()]


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
        "## In a recipe",
        "",
        "```yaml",
        _entry(card),
        "```",
        "",
        "## In your own loop",
        "",
        "```python",
        "import torch",
        "",
        f"from limbeck.losses import {card.name}",
        "",
        *_example(card),
        "```",
        "",
        "## Settings",
        "",
        "| setting | default | in the paper |",
        "|---|---|---|",
        *(f"| {name} | {default} | {_cell(paper)} |" for name, default, paper in _settings(card)),
        "",
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


def _entry(card: Card) -> str:
    """Return the loss as an entry of a recipe's `losses`, with its defaults."""
    taps = {"student": "PATH", "teacher": "PATH"} if "taps" in card.needs else {}
    given = {"name": card.name, "weight": 1.0, **taps, **_defaults(card)}
    return f"losses: [{{{', '.join(f'{name}: {_yaml(value)}' for name, value in given.items())}}}]"


def _defaults(card: Card) -> dict[str, Any]:
    parameters = inspect.signature(CATALOG[card.name]).parameters.items()
    return {name: parameter.default for name, parameter in parameters if name not in ("student", "teacher")}


def _settings(card: Card) -> list[tuple[str, str, str]]:
    known = {"weight": 1.0, **_defaults(card)}
    return [(name, f"`{_yaml(value)}`", card.defaults.get(name, "-")) for name, value in known.items()]


def _yaml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if not isinstance(value, float)
        else f"{value:g}"
    )


def _example(card: Card) -> list[str]:
    """Return the docstring's example, which the tests run, as a script with what it prints in comments."""
    lines = []
    for step in doctest.DocTestParser().get_examples(CATALOG[card.name].function.__doc__ or ""):
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
