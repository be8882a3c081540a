"""The plain loop and `limbeck.trainer.fit` are the same training."""

import pytest
import torch
from example_files import FOLDER, load

from limbeck.distiller import Distiller
from limbeck.losses import KD, CrossEntropy
from limbeck.networks import TrainSettings
from limbeck.teachers import ModuleTeacher
from limbeck.trainer import fit
from limbeck.types import Batch

example = load("bare_loop")


class Adapter(torch.nn.Module):
    """Gives the example's network the keyword that a batch calls it with."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, tokens):
        return self.network(tokens)


class Groups:
    """The example's data, as `fit` asks for it."""

    def __init__(self, teacher):
        self.teacher = teacher

    def group(self, step):
        tokens, labels = example.draw(step, self.teacher)
        inputs = {"tokens": tokens}
        labelled = (labels != example.UNLABELLED).any(1)
        assert 0 < labelled.sum() < len(labelled)
        yield Batch(
            torch.arange(len(tokens)), inputs, labels, labelled, mask=tokens != example.PADDING, teacher_inputs=inputs
        )


@pytest.fixture(scope="module")
def bare():
    return example.main()


def fitted(objective):
    """Return `fit`'s losses and student, from the example's own networks, data and settings."""
    teacher = example.tagger(width=64, seed=0)
    torch.nn.init.normal_(teacher[-1].weight)
    teacher.eval()
    student = Adapter(example.tagger(width=16, seed=1))
    settings = TrainSettings(lr=0.02, schedule="constant", clip=None, keep="last", validations=1)
    history = fit(
        Distiller(student, objective, ModuleTeacher(Adapter(teacher))),
        Groups(teacher),
        settings,
        steps=example.STEPS,
        validate=None,
        title="test",
    )
    return [record["loss"] for record in history.log], student.network


def test_losses_and_weights_are_those_of_fit_to_the_bit(bare):
    losses, student = bare
    ours, fitted_student = fitted(0.9 * KD(temperature=2) + 0.1 * CrossEntropy())
    assert ours == losses
    assert len(losses) == example.STEPS
    assert losses[-1] < losses[0] / 2
    for name, value in fitted_student.state_dict().items():
        assert torch.equal(value, student.state_dict()[name]), name


def test_another_objective_would_be_noticed(bare):
    ours, _ = fitted(0.9 * KD(temperature=2.001) + 0.1 * CrossEntropy())
    assert ours != bare[0]


def test_the_example_is_under_sixty_lines():
    assert len((FOLDER / "bare_loop.py").read_text(encoding="utf-8").splitlines()) < 60
