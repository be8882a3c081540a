"""Made texts, and what is planned for them."""

import random

from tiny import BAD, FILLER, GOOD

from limbeck.pipeline.planning import planned
from limbeck.recipe import load_recipe
from made_rows import splits_of


def write_texts(path, *, rows=400, labelled=120, longest=20, seed=0, classes=2):
    """Write texts of 2 to `longest` words; those after the first have no label."""
    rng = random.Random(seed)
    lines = ["text,label"]
    for row in range(rows):
        words = rng.choices(FILLER, k=rng.randint(1, longest - 1))
        words.insert(rng.randrange(len(words) + 1), rng.choice((BAD, GOOD)[row % 2]))
        lines.append(f"{' '.join(words)} {row},{row % classes if row < labelled else ''}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def recipe(source, encoder, *overrides, minutes=10):
    own = [f"data.source={source}", f"budget.minutes={minutes}"]
    named = [f"teacher.members.{number}.model={encoder}" for number in (0, 1)]
    return load_recipe("text", [*own, *named, *overrides])


def plan(wanted, capsys):
    """Return the complete recipe, and the lines that say why."""
    capsys.readouterr()
    found = planned(wanted, splits_of(wanted))
    return found, capsys.readouterr().out
