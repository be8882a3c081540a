"""Networks that are solved for instead of trained."""

import numpy as np
import pytest
import torch
from tiny import recipe, write_csv

from limbeck.data import load_splits
from limbeck.errors import LimbeckError
from limbeck.models.solved import SolvedByLabels
from limbeck.pipeline.training import once
from limbeck.pipeline.training.learn import learn
from limbeck.pipeline.training.material import Material
from limbeck.recipe import Recipe


class Frequencies(SolvedByLabels):
    """Says of every row what the answers say on average, or says nothing, whichever costs less."""

    def __init__(self, power: float = 1.0) -> None:
        super().__init__()
        self.power, self.asked = power, []
        self.scale = torch.nn.Parameter(torch.zeros(2))

    @property
    def depends_on(self):
        return {"power": self.power}

    def forward(self, input_ids, attention_mask):
        return torch.ones(len(input_ids), 1) * self.scale

    def solve(self, rows, columns, *, weights, cost):
        self.asked.append((rows, columns, weights))
        answers = np.eye(2, dtype=np.float32)[columns[0].values]
        costs = {}
        for power in (0.0, self.power):
            self.scale.data = power * torch.from_numpy(answers.mean(0)).log()
            costs[power] = cost(self)
        return f"{len(costs)} were compared"


@pytest.fixture
def settings(tmp_path):
    return Recipe.model_validate(recipe(write_csv(tmp_path / "rows.csv"), seeds=[0]))


@pytest.fixture
def solved(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(once, "fit", None)

    def solve(network, place="network", seed=0, lesson=None, **data):
        material = Material(load_splits(settings.data.model_copy(update=data), settings.task))
        lesson = lesson or material.from_labels(settings.student)
        folder = tmp_path / place
        return learn(network, settings.student, material, lesson, seed=seed, folder=folder, title="it")

    return solve


def test_it_is_solved_once_by_all_labels(settings, solved, capsys):
    network = Frequencies()
    first = solved(network)
    assert "  it: 2 were compared is best on validation\n" in capsys.readouterr().out
    ((rows, (column,), weights),) = network.asked
    labels = load_splits(settings.data, settings.task).labelled.labels.values
    assert len(rows) == len(labels) == 40
    assert np.array_equal(column.values, labels)
    assert (column.kind, column.outputs) == ("class", 2)
    assert weights is None
    again = solved(other := Frequencies())
    assert other.asked == []
    assert torch.equal(other.scale, network.scale)
    assert (again.digest, again.answers_as) == (first.digest, first.answers_as)
    assert first.history.validations == []
    assert not first.model.training


def test_a_seed_means_nothing_to_it(solved):
    assert solved(Frequencies()).digest == solved(Frequencies(), "other", seed=3).digest


def test_what_it_depends_on_and_class_weights_make_another(solved):
    weighted = Frequencies()
    named = {
        solved(Frequencies()).digest,
        solved(Frequencies(2.0)).digest,
        solved(weighted, class_weights={"0": 1.0, "1": 30.0}).digest,
    }
    assert len(named) == 3
    assert weighted.asked[0][2][1] == pytest.approx(30 * weighted.asked[0][2][0])


def test_a_lesson_of_a_teacher_is_refused(settings, solved):
    material = Material(load_splits(settings.data, settings.task))
    lesson = material.from_teacher(settings.student, settings, object(), ["x"], arm="student")
    with pytest.raises(LimbeckError, match="it: it is solved by labels, and the arm has a teacher"):
        solved(Frequencies(), lesson=lesson)
