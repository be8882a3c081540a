"""What the tests of recipes share: a short recipe, and how it is written and read."""

import pytest

from limbeck.errors import LimbeckError
from limbeck.recipe import load_recipe

TEXT = """
# A recipe for tests.
seeds: [0, 1]
data: {source: mine.csv, domain: film, unlabelled: more.csv, split: {test: 20, validation: 10}}
teacher: {kind: network, model: {name: bigru, hidden: 8}, train: {epochs: 2}}
student:
  model: ngrams
  reads: {tokenizer: {kind: words, size: 100}}
  train: {steps: 50, lr: 1e-2}
losses:
  - {name: kd, weight: 0.9, temperature: 2}
  - {name: cross_entropy, weight: 0.1}
"""


def write(folder, text=TEXT, name="mine.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def lines_of(path, *overrides):
    """Return the lines of the error that a recipe leads to, without the file's name."""
    with pytest.raises(LimbeckError) as caught:
        load_recipe(path, overrides)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    first, *more = text.removeprefix(f"{path}: ").split("\n")
    if not more:
        return [first]
    assert first == f"{len(more)} errors"
    assert all(line.startswith("  ") for line in more)
    return [line[2:] for line in more]
