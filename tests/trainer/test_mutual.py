"""Two students that teach each other: what each learns, in which order, and who knows of the second one."""

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn
from trainer_cases import CLASSES, INPUTS, Rows, same, student, train, weights

from limbeck import trainer
from limbeck.losses import KD, CrossEntropy
from limbeck.losses.transforms import CTKD
from limbeck.networks import TrainSettings
from limbeck.peer import Peer
from limbeck.update import parameter_groups

PAPER = 1.0 * KD(temperature=1) + 1.0 * CrossEntropy()
STEPS = 12
LABELLED = torch.ones(24, dtype=torch.bool)


class Normed(nn.Module):
    """A student with a batch norm and dropout."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(INPUTS, 6)
        self.norm = nn.BatchNorm1d(6)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.head(self.dropout(self.norm(torch.tanh(self.body(x)))))


class Killed(BaseException):
    """What no handler for errors may catch."""


class Watched(Peer):
    """Keeps what the two were when either was asked, and when."""

    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        self.asked = []

    def predict(self, batch):
        before = state(self.module)
        answers = super().predict(batch)
        assert same(state(self.module), before), "it changes between steps only"
        self.asked.append((answers.logits.requires_grad, before))
        return answers


def state(network):
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def normed(seed=0):
    torch.manual_seed(seed)
    return Normed()


# Loaded networks come in evaluation mode, and are to be trained all the same.
def run(path=None, *, network=None, other=None, made=Peer, die_at=None, sizes=(24,), objective=PAPER, **options):
    """Train two networks; return the weights of both, the history, and the peer."""
    network, other = (normed() if network is None else network), (normed(9).eval() if other is None else other)
    settings = {"lr": 0.05, "validations": 3, "keep": "last"} | options
    peer = made(other, network, objective, TrainSettings(**settings), steps=STEPS)
    seen = []
    torch.manual_seed(5)

    def validate(model):
        seen.append(None)
        if len(seen) == die_at:
            raise Killed
        return trainer.Validated({"calibrated_nll": 1.0}, [-1.0])

    rows = Rows(sizes, labelled=LABELLED, teacher=False, dtype=next(network.parameters()).dtype)
    history = train(
        network, rows, objective=objective, asked=peer, steps=STEPS, validate=validate, checkpoint=path, **settings
    )
    return weights(network), state(peer.module), history, peer


@pytest.fixture(autouse=True)
def _save_at_every_validation(monkeypatch):
    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY_S", -1)


# --- the paper -----------------------------------------------------------------------------------------------------


def kl(teacher, own):
    """Equation 3 of the paper in loops: the mean over rows of sum p log(p / q)."""
    total = 0.0
    for p, q in zip(teacher, own, strict=True):
        total = total + sum(one * (torch.log(one) - torch.log(other)) for one, other in zip(p, q, strict=True))
    return total / len(own)


def cross_entropy(own, labels):
    """Equation 2: minus the log of the right class's probability."""
    return -sum(torch.log(q[label]) for q, label in zip(own, labels, strict=True)) / len(own)


def test_both_are_what_algorithm_1_makes_of_them():
    """By hand, in float64: a step of the first with the second's answers, then one of the second with the first's."""
    found = run(network=student(dtype=torch.float64), other=student(9, dtype=torch.float64), clip=None)
    first, second = student(dtype=torch.float64), student(9, dtype=torch.float64)
    optimizers = [torch.optim.AdamW(each.parameters(), lr=0.05, weight_decay=0.0) for each in (first, second)]
    for step in range(STEPS):
        (batch,) = Rows(labelled=LABELLED, teacher=False, dtype=torch.float64).group(step)
        for own, other, optimizer in ((first, second, optimizers[0]), (second, first, optimizers[1])):
            with torch.no_grad():
                answers = other(**batch.student_inputs).float().double().softmax(-1)
            probabilities = own(**batch.student_inputs).softmax(-1)
            loss = cross_entropy(probabilities, batch.labels) + kl(answers, probabilities)
            for group in optimizer.param_groups:
                group["lr"] = 0.05 * TrainSettings().rate(step, STEPS)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    for mine, theirs in zip(found[:2], (first, second), strict=True):
        for name, value in theirs.state_dict().items():
            np.testing.assert_allclose(mine[name].numpy(), value.numpy(), rtol=1e-4, atol=1e-6, err_msg=name)


def rows_source(**options):
    return Rows(labelled=LABELLED, teacher=False, **options)


def test_what_one_makes_of_labels_alone_the_other_never_hears_of():
    """Without a term that compares, the two are two trainings, each as it would be alone."""
    alone = student()
    train(alone, rows_source(), objective=1.0 * CrossEntropy(), steps=STEPS, lr=0.05, validations=3, keep="last")
    other = student(9)
    train(other, rows_source(), objective=1.0 * CrossEntropy(), steps=STEPS, lr=0.05, validations=3, keep="last")
    found = run(network=student(), other=student(9), objective=0.0 * KD() + 1.0 * CrossEntropy())
    for mine, theirs in zip(found[:2], (weights(alone), weights(other)), strict=True):
        for name, value in theirs.items():
            torch.testing.assert_close(mine[name], value)


def test_two_that_listen_come_nearer():
    (batch,) = rows_source().group(99)

    def distance(one, other):
        with torch.no_grad():
            return (one(**batch.student_inputs) - other(**batch.student_inputs)).abs().mean()

    pairs = {}
    for weight in (0.0, 1.0):
        pairs[weight] = student(), student(9)
        run(
            network=pairs[weight][0],
            other=pairs[weight][1],
            objective=weight * KD(temperature=1) + 1.0 * CrossEntropy(),
        )
    assert distance(*pairs[1.0]) < distance(*pairs[0.0])


# --- the clause ----------------------------------------------------------------------------------------------------


def test_it_answers_in_evaluation_mode_without_a_gradient_and_changes_between_steps_only():
    network, other = normed(), normed(9)
    modes = []
    other.register_forward_hook(lambda module, args, output: modes.append((module.training, torch.is_grad_enabled())))
    peer = run(network=network, other=other, made=Watched, sizes=(9, 15), accumulate=2)[3]
    assert len(peer.asked) == 2 * STEPS
    assert not any(gradient for gradient, _ in peer.asked)
    for first, second in zip(peer.asked[::2], peer.asked[1::2], strict=True):
        assert same(first[1], second[1]), "of one step's micro-batches"
    assert not same(peer.asked[1][1], peer.asked[2][1])
    answers, steps = [mode for mode in modes if not mode[1]], [mode for mode in modes if mode[1]]
    assert answers == [(False, False)] * (2 * STEPS)
    assert steps == [(True, True)] * (2 * STEPS)


def test_the_student_is_asked_in_evaluation_mode_and_goes_on_in_training_mode():
    network, modes = normed(), []
    network.register_forward_hook(lambda module, args, output: modes.append((module.training, torch.is_grad_enabled())))
    run(network=network)
    assert modes == [(True, True), (False, False)] * STEPS


def test_no_optimizer_of_the_students_knows_it():
    network, other = normed(), normed(9)
    peer = Peer(other, network, PAPER, TrainSettings(), steps=STEPS)
    distiller = trainer.Distiller(network, PAPER, peer)
    own = {id(value) for value in other.parameters()}
    groups = parameter_groups(distiller.trainable, TrainSettings())
    assert not own & {id(parameter) for group in groups for parameter in group["params"]}
    (batch,) = rows_source().group(0)
    sum(distiller.step(batch).values()).backward()
    assert all(parameter.grad is None for parameter in other.parameters())


def test_any_split_of_a_batch_is_the_whole():
    whole, split = (run(network=student(), other=student(9), sizes=sizes) for sizes in ((24,), (9, 1, 14)))
    for part in (0, 1):
        for name, value in whole[part].items():
            torch.testing.assert_close(split[part][name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("average", [None, 0.9])
@pytest.mark.parametrize("die_at", [1, 2, 3])
def test_killed_and_resumed_ends_with_the_same_bits_of_both(tmp_path, die_at, average):
    path = tmp_path / "checkpoint.safetensors"
    whole = run(average=average)
    with pytest.raises(Killed):
        run(path, die_at=die_at, average=average)
    resumed = run(path, network=normed(50 * (die_at > 1)), other=normed(60 * (die_at > 1) or 9), average=average)
    assert same(resumed[0], whole[0])
    assert same(resumed[1], whole[1])
    assert not same(resumed[1], resumed[0])


def test_the_checkpoint_holds_its_weights_and_its_optimizer(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    _, other, _, _ = run(path)
    with safe_open(str(path), "pt") as file:
        stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - safe_open is no mapping
    mine = {key.removeprefix("moving/"): value for key, value in stored.items() if key.startswith("moving/")}
    network = {key.removeprefix("network/student."): value for key, value in mine.items() if key.startswith("network/")}
    assert same(network, other)
    assert {key.split("/")[0] for key in mine} == {"network", "optimizer"}
    assert {key.split("/")[-1] for key in mine if key.startswith("optimizer/")} == {"step", "exp_avg", "exp_avg_sq"}


def test_a_critic_is_its_own(tmp_path):
    """What the objective learns beside a network, each of the two learns by itself, and resumes."""
    objective = 0.7 * KD(temperature=4).after(CTKD(until=0.5)) + 0.3 * CrossEntropy()
    peer = run(objective=objective)[3]
    raw = {name: value for name, value in peer.state().items() if "critics" in name and name.startswith("network/")}
    assert len(raw) == 1
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        run(path, objective=objective, die_at=2)
    resumed = run(path, objective=objective)[3]
    assert same(resumed.state(), peer.state())


def test_everything_of_it_is_trained():
    """Decayed or not, with a rate of its own or not, critics included."""
    objective = 0.7 * KD(temperature=4).after(CTKD(until=0.5)) + 0.3 * CrossEntropy()
    options = {"weight_decay": 0.1, "head_lr_scale": 3.0}
    first = Peer(normed(9), normed(), objective, TrainSettings(**options), steps=STEPS).state()
    found = run(objective=objective, **options)[3].state()
    moved = {name for name, value in first.items() if not torch.equal(value, found[name])}
    assert moved == {name for name in first if name.startswith("network/")}


def test_it_is_trained_in_the_students_precision():
    objective = 0.0 * KD() + 1.0 * CrossEntropy()
    found = {
        precision: run(network=student(), other=student(), objective=objective, precision=precision)
        for precision in ("fp32", "bf16")
    }
    assert all(same(own, other) for own, other, *_ in found.values())
    assert not same(found["fp32"][1], found["bf16"][1])


def test_what_is_left_of_it_is_averaged_as_the_student_is():
    """A peer that starts as the student, hears nothing and sees the same rows is left as the student is."""
    objective = 0.0 * KD() + 1.0 * CrossEntropy()
    plain = run(network=student(), other=student(), objective=objective)
    found = run(network=student(), other=student(), objective=objective, average=0.8)
    assert same(found[0], found[1])
    assert not same(found[1], plain[1])


def test_statistics_of_batch_norms_are_averaged_as_the_students_are():
    class Quiet(Normed):
        def __init__(self):
            super().__init__()
            self.dropout = nn.Identity()

    def quiet():
        torch.manual_seed(3)
        return Quiet()

    objective = 0.0 * KD() + 1.0 * CrossEntropy()
    found = run(network=quiet(), other=quiet(), objective=objective, average=0.8)
    assert same(found[0], found[1])
