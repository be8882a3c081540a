"""A finished network of one's own: built by a recipe, with all the weights of a file, or none."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
from kind_cases import CASES, Bag
from kind_contract import Bench, answers
from pydantic import TypeAdapter
from safetensors.torch import save_file
from torch import nn

from limbeck.errors import LimbeckError
from limbeck.models.weights import load_weights
from limbeck.recipe import Recipe
from limbeck.teachers import TeacherSettings


class Tied(nn.Module):
    """Two names for one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.head.weight = self.words.weight
        self.register_buffer("count", torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize("file", ["w.pt", "w.safetensors"])
def test_the_weights_of_a_file_are_loaded(tmp_path, file):
    path, wanted = tmp_path / file, torch.arange(15.0).reshape(5, 3)
    state = {"words.weight": wanted, "count": torch.tensor([1, 2])}
    torch.save(state, path) if file == "w.pt" else save_file(state, path)
    network = Tied()
    load_weights(network, path)
    assert torch.equal(network.words.weight, wanted)
    assert network.head.weight is network.words.weight
    assert network.count.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"count": None}, "lacks `count`$|lacks `count`;"),
        ({"more": torch.ones(1)}, "has besides `more`"),
        ({"count": torch.zeros(2)}, r"`count` is float32 \(2,\) in the file, and int64"),
        ({"words.weight": torch.ones(3, 5)}, r"float32 \(3, 5\) in the file, and float32 \(5, 3\)"),
    ],
)
def test_other_weights_change_nothing(tmp_path, changes, line):
    state = {"words.weight": torch.ones(5, 3), "count": torch.tensor([1, 2])} | changes
    save_file({name: value for name, value in state.items() if value is not None}, tmp_path / "w.safetensors")
    network = Tied()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(LimbeckError, match=line):
        load_weights(network, tmp_path / "w.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_it_answers_as_the_network_that_was_saved(tmp_path):
    bench = Bench(CASES["module"](tmp_path), tmp_path)
    (made,) = bench.make()
    inputs = {name: torch.from_numpy(value) for name, value in made.view.validation.batch(range(8)).items()}
    assert torch.equal(answers(bench, made).logits, Bag()(**inputs))
    assert not made.model.training
    assert not any(parameter.requires_grad for parameter in made.model.parameters())


def test_a_network_of_the_catalogue_takes_weights_too(tmp_path):
    """Those of a run of this house, for instance."""
    case = CASES["module"](tmp_path)
    settings = {"name": "ngrams", "dim": 4, "buckets": 64}
    recipe = Recipe.model_validate(Bench(case, tmp_path).values | {"teacher": case.teacher | {"build": settings}})
    assert recipe.teacher.network.model.name == "ngrams"


def test_labels_pick_outputs_of_a_network_that_has_more(tmp_path):
    case = CASES["module"](tmp_path)
    case.teacher.update({"build": "kind_cases:wide", "outputs": 3, "weights": None, "labels": {2: 0, 0: 1}})
    bench = Bench(case, tmp_path)
    (made,) = bench.make()
    assert made.model.order.tolist() == [2, 0]
    torch.testing.assert_close(answers(bench, made).logits[0], torch.tensor([2.0, 0.0]))


BUILT = {"kind": "module", "build": "mine:build"}


def test_what_is_doubted_of_a_teacher_at_chance_begins_with_its_weights():
    def doubts(outputs, **settings):
        return TypeAdapter(TeacherSettings).validate_python(BUILT | settings).doubts("teacher", outputs)

    order = "set teacher.labels if its outputs are in another order"
    none = "no weights are given: set teacher.weights, unless `mine:build` loads trained ones itself"
    read = "see that teacher.reads has the tokenizer that it was trained with"
    assert doubts(2) == [none, order, read]
    assert doubts(1) == [none, read], "one output has no order"
    assert doubts(2, weights="w.pt") == [order, read]
    assert doubts(1, reads={"kind": "image"})[-1] == (
        "see that teacher.reads has the size, mean, std that it was trained with"
    )
