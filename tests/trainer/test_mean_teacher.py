"""A teacher that is the mean of its student's weights: what moves it, when, and who knows of it."""

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn
from trainer_cases import CLASSES, INPUTS, Rows, same, student, train, weights

from limbeck import trainer
from limbeck.distiller import Distiller
from limbeck.losses import KD, CrossEntropy
from limbeck.networks import TrainSettings
from limbeck.teachers import MeanOfWeights
from limbeck.teachers.moving import MovingMean
from limbeck.update import parameter_groups

OBJECTIVE = 0.5 * KD(temperature=1) + 0.5 * CrossEntropy()
STEPS = 12


class Normed(nn.Module):
    """A student with a batch norm, dropout, and a weight that two layers share."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(INPUTS, INPUTS)
        self.again = nn.Linear(INPUTS, INPUTS)
        self.again.weight = self.body.weight
        self.norm = nn.BatchNorm1d(INPUTS)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(INPUTS, CLASSES)

    def forward(self, x):
        return self.head(self.dropout(self.norm(self.again(torch.tanh(self.body(x))))))


class Killed(BaseException):
    """What no handler for errors may catch."""


class Watched(MeanOfWeights):
    """Keeps what the student was after every step, and how the mean was asked."""

    def __init__(self, network, decay):
        super().__init__(network, decay)
        self.first, self.students, self.asked, self.found = state(network), [], [], None

    def predict(self, batch):
        before = state(self.module)
        answers = super().predict(batch)
        assert same(state(self.module), before), "it changes between steps only"
        self.asked.append((self.module.training, answers.logits.requires_grad, before))
        return answers

    def follow(self, network, done, group):
        super().follow(network, done, group)
        self.students.append(state(network))


def state(network):
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def normed(seed=0):
    torch.manual_seed(seed)
    return Normed()


def run(path=None, *, network=None, decay=0.7, asked=None, die_at=None, sizes=(24,), **options):
    network, seen = normed() if network is None else network, []
    asked = MeanOfWeights(network, decay) if asked is None else asked
    torch.manual_seed(5)

    def validate(model):
        seen.append(None)
        if len(seen) == die_at:
            raise Killed
        return trainer.Validated({"calibrated_nll": 1.0}, [-1.0])

    options = {"objective": OBJECTIVE, "lr": 0.05, "steps": STEPS, "validations": 3, "keep": "last"} | options
    history = train(network, Rows(sizes, teacher=False), asked=asked, validate=validate, checkpoint=path, **options)
    return weights(network), state(asked.module), history


@pytest.fixture(autouse=True)
def _save_at_every_validation(monkeypatch):
    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY_S", -1)


# --- the mean ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.3, 0.7, 0.999])
def test_it_is_the_mean_that_the_paper_and_its_code_take(decay):
    """In loops over single numbers: alpha = min(1 - 1 / (step + 1), decay), statistics of the norm alike."""
    network = normed()
    watched = Watched(network, decay)
    _, found, _ = run(network=network, asked=watched)
    for name, first in watched.first.items():
        expected = first.double().numpy().copy()
        for step, now in enumerate(watched.students, start=1):
            alpha = min(1 - 1 / (step + 1), decay)
            for place in np.ndindex(expected.shape):
                if first.is_floating_point():
                    expected[place] = alpha * expected[place] + (1 - alpha) * float(now[name][place])
                else:
                    expected[place] = int(now[name][place])
        np.testing.assert_allclose(found[name].numpy(), expected, rtol=1e-4, atol=1e-6, err_msg=name)
    assert len(watched.students) == STEPS


def test_the_first_steps_are_the_plain_average():
    network = normed()
    watched = Watched(network, 0.999)
    _, found, _ = run(network=network, asked=watched)
    every = [watched.first, *watched.students]
    mean = torch.stack([each["head.weight"] for each in every]).mean(0)
    torch.testing.assert_close(found["head.weight"], mean, rtol=1e-4, atol=1e-6)


def test_a_shared_weight_moves_once_a_step():
    network = normed()
    found = run(network=network, decay=0.5)[1]
    assert torch.equal(found["body.weight"], found["again.weight"])
    own = MeanOfWeights(network, 0.5)
    assert own.module.body.weight is own.module.again.weight


# --- the clause ----------------------------------------------------------------------------------------------------


def test_it_answers_in_evaluation_mode_without_a_gradient_and_changes_between_steps_only():
    network = normed()
    watched = Watched(network, 0.7)
    run(network=network, asked=watched, sizes=(9, 15), accumulate=2)
    assert len(watched.asked) == 2 * STEPS
    assert not any(training or gradient for training, gradient, _ in watched.asked)
    for first, second in zip(watched.asked[::2], watched.asked[1::2], strict=True):
        assert same(first[2], second[2]), "of one step's micro-batches"
    assert not same(watched.asked[1][2], watched.asked[2][2])


def test_no_gradient_and_no_optimizer_knows_it():
    """Its steps are the mean's alone: with the student held still it stays, whatever the loss says of it."""
    network = normed()
    asked = MeanOfWeights(network, 0.5)
    distiller = Distiller(network, OBJECTIVE, asked)
    (batch,) = Rows(teacher=False).group(0)
    sum(distiller.step(batch).values()).backward()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in asked.module.parameters())
    assert any(parameter.grad is not None for parameter in network.parameters())
    own = {id(value) for value in asked.module.parameters()}
    groups = parameter_groups(distiller.trainable, TrainSettings())
    assert not own & {id(parameter) for group in groups for parameter in group["params"]}
    assert not own & {id(value) for value in distiller.trainable.parameters()}


def test_the_student_is_what_plain_training_against_the_same_answers_makes():
    """Beside a loop by hand, with an average by hand."""
    network = student()
    found = run(network=network, decay=0.6, clip=None)[0]
    own = student()
    mean = [value.detach().clone() for value in own.parameters()]
    optimizer = torch.optim.AdamW(own.parameters(), lr=0.05, weight_decay=0.0)
    asked = student()
    for step in range(STEPS):
        (batch,) = Rows(teacher=False).group(step)
        with torch.no_grad():
            for value, average in zip(asked.parameters(), mean, strict=True):
                value.copy_(average)
            said = asked(**batch.student_inputs)
        logits = own(**batch.student_inputs)
        soft = nn.functional.kl_div(logits.log_softmax(-1), said.softmax(-1), reduction="batchmean")
        hard = nn.functional.cross_entropy(logits[batch.labelled], batch.labels[batch.labelled])
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * TrainSettings().rate(step, STEPS)
        (0.5 * soft + 0.5 * hard).backward()
        optimizer.step()
        optimizer.zero_grad()
        for value, average in zip(own.parameters(), mean, strict=True):
            alpha = min(1 - 1 / (step + 2), 0.6)
            average.mul_(alpha).add_(value.detach(), alpha=1 - alpha)
    for name, value in own.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)


def test_any_split_of_a_batch_is_the_whole():
    """Of a network without a batch norm, which sees each micro-batch by itself."""
    whole, split = (run(network=student(), sizes=sizes) for sizes in ((24,), (9, 1, 14)))
    for part in (0, 1):
        torch.testing.assert_close(split[part], whole[part], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("die_at", [1, 2, 3])
def test_killed_and_resumed_ends_with_the_same_bits_of_both(tmp_path, die_at):
    path = tmp_path / "checkpoint.safetensors"
    whole = run()
    with pytest.raises(Killed):
        run(path, die_at=die_at)
    resumed = run(path, network=normed(50 * (die_at > 1)))
    assert same(resumed[0], whole[0])
    assert same(resumed[1], whole[1])
    assert not same(resumed[1], resumed[0])


def test_the_checkpoint_holds_its_weights_apart_from_the_students(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    own, mean, _ = run(path)
    with safe_open(str(path), "pt") as file:
        stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - safe_open is no mapping
    assert same(
        {key.removeprefix("moving/"): value for key, value in stored.items() if key.startswith("moving/")}, mean
    )
    assert {key.split("/")[0] for key in stored} == {"model", "best", "optimizer", "rng", "moving"}
    assert same({key.removeprefix("best/"): value for key, value in stored.items() if key.startswith("best/")}, own)


def never():
    raise AssertionError("a mean needs no other network")


def test_each_training_has_a_mean_of_its_own():
    network, moving = normed(), MovingMean(0.9)
    first, second = (moving.beside(network, never) for _ in range(2))
    first.follow(normed(1), 1)
    assert not same(state(first.module), state(second.module))
    assert same(state(second.module), state(network))
    assert MovingMean(0.9).names == [first.digest] != MovingMean(0.8).names


def test_a_teacher_that_stays_is_not_followed():
    distiller = Distiller(student(), 1.0 * CrossEntropy())
    distiller.follow(student(), 1, [])
    assert distiller.moving is None
