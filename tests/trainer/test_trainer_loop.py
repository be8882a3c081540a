"""The one loop: what it computes, what it keeps, when it stops, and what it leaves alone."""

import ast
import inspect
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from trainer_cases import Linear, Rows, Scores, Student, same, student, teacher, train, weights

from limbeck import console, trainer
from limbeck.distiller import Distiller
from limbeck.errors import LimbeckError
from limbeck.evaluation.classification import METRICS
from limbeck.losses import KD, Cosine, CrossEntropy, Linear as Ramp
from limbeck.optimizer import AdamW
from limbeck.runtime.rows import Ragged
from limbeck.teachers import ModuleTeacher
from limbeck.trainer import predict_logits

# --- the numbers ----------------------------------------------------------------------------------------------------


def test_ten_steps_equal_a_plain_loop():
    network, asked, source = student(), teacher(), Rows()
    settings = {"lr": 0.03, "weight_decay": 0.1, "warmup": 0.2, "schedule": "cosine", "clip": 0.05}
    history = train(network, source, asked=asked, steps=10, validations=1, **settings)

    plain = student()
    decayed = [parameter for parameter in plain.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in plain.parameters() if parameter.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.03)
    losses, rates = [], []
    for step in range(10):
        x, labels = source.whole(step)
        for group in optimizer.param_groups:
            group["lr"] = 0.03 * ((step + 1) / 3 if step < 2 else (1 + math.cos(math.pi * (step - 2) / 8)) / 2)
        logits = plain(x)
        with torch.no_grad():
            soft = (asked.predict(next(iter(source.group(step)))).logits / 2).softmax(-1)
        loss = 0.7 * 4 * F.kl_div((logits / 2).log_softmax(-1), soft, reduction="batchmean")
        loss = loss + 0.3 * F.cross_entropy(logits[source.labelled], labels[source.labelled])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.05)
        optimizer.step()
        losses.append(loss.item())
        rates.append(optimizer.param_groups[0]["lr"])

    assert [record["loss"] for record in history.log] == pytest.approx(losses, rel=1e-5)
    assert [record["lr"] for record in history.log] == pytest.approx(rates)
    for name, value in weights(plain).items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=1e-4, atol=1e-6)


def test_the_log_holds_each_term_by_its_name():
    history = train(student(), objective=0.7 * KD(temperature=2) + 0.2 * KD(temperature=1) + 0.1 * CrossEntropy())
    assert [record["step"] for record in history.log] == [1, 2, 3, 4]
    for record in history.log:
        assert record.keys() == {"step", "lr", "loss", "kd", "kd_2", "cross_entropy"}
        weighted = 0.7 * record["kd"] + 0.2 * record["kd_2"] + 0.1 * record["cross_entropy"]
        assert record["loss"] == pytest.approx(weighted, rel=1e-5)


def test_a_long_training_logs_every_hundredth_of_the_way():
    history = train(student(), steps=250)
    assert [record["step"] for record in history.log] == list(range(2, 251, 2))


def test_the_weight_of_a_loss_follows_its_schedule():
    objective = Ramp(start=1, end=0, until=0.5) * KD() + Cosine(start=0, end=1) * CrossEntropy()
    log = train(student(), objective=objective, steps=8).log
    for step, record in enumerate(log):
        kd_weight, hard_weight = max(0, 1 - step / 4), (1 - math.cos(math.pi * step / 8)) / 2
        expected = kd_weight * record["kd"] + hard_weight * record["cross_entropy"]
        assert record["loss"] == pytest.approx(expected, rel=1e-5)


def test_a_new_head_has_a_learning_rate_of_its_own():
    """AdamW's first step is lr * sign(gradient), whatever the gradient's size."""
    network = student()
    before = weights(network)
    train(network, steps=1, lr=1e-3, head_lr_scale=20)
    moved = {name: (value - before[name]).abs().max().item() for name, value in weights(network).items()}
    assert moved["head.weight"] == pytest.approx(20e-3, rel=1e-2)
    assert moved["body.weight"] == pytest.approx(1e-3, rel=1e-2)


def test_weight_decay_leaves_biases_and_norms_alone():
    network = student()
    before = weights(network)
    none = torch.zeros(24, dtype=torch.bool)
    train(network, Rows(labelled=none), objective=1.0 * CrossEntropy(), steps=1, lr=0.1, weight_decay=0.5)
    for name, value in weights(network).items():
        torch.testing.assert_close(value, before[name] * (0.95 if value.ndim > 1 else 1))


def test_frozen_parameters_stay_as_they_are():
    network = student()
    network.body.requires_grad_(False)
    before = weights(network)
    train(network, weight_decay=0.1)
    after = weights(network)
    assert all(torch.equal(after[name], before[name]) == name.startswith("body") for name in after)


def test_a_network_that_is_frozen_as_a_whole_is_refused():
    with pytest.raises(LimbeckError, match="nothing to train"):
        train(student().requires_grad_(False))


# --- validation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "validations", "expected"),
    [
        (12, 4, [3, 6, 9, 12]),
        (10, 3, [3, 7, 10]),
        (7, 1, [7]),
        (3, 12, [1, 2, 3]),
        (1, 5, [1]),
    ],
)
def test_validations_are_evenly_spaced_and_include_the_last_step(steps, validations, expected):
    history = train(student(), steps=steps, validations=validations)
    assert [record["step"] for record in history.validations] == expected
    assert history.done == history.steps == steps


def test_the_best_weights_are_left_in_the_model():
    network, scores = student(), Scores([0.9, 0.5, 0.7, 0.6])
    history = train(network, steps=8, validations=4, validate=scores)
    assert (history.best_step, history.best) == (4, [-0.5])
    assert same(weights(network), scores.seen[1])
    assert not same(scores.seen[1], scores.seen[3])
    assert scores.training == [False] * 4
    assert not network.training
    assert history.validations[1] == {"step": 4, "calibrated_nll": 0.5, "accuracy": 0.5}


def test_the_last_weights_are_left_in_the_model_when_asked_for():
    network, scores = student(), Scores([0.9, 0.5, 0.7, 0.6])
    history = train(network, steps=8, validations=4, validate=scores, keep="last")
    assert (history.best_step, history.best) == (8, [-0.6])
    assert same(weights(network), scores.seen[3])


def test_without_validation_the_last_weights_are_left_in_the_model():
    network, scored = student(), student()
    history = train(network, steps=8, validations=4, validate=None)
    assert (history.done, history.validations) == (8, [])
    train(scored, steps=8, validations=4, keep="last")
    assert same(weights(network), weights(scored))
    assert not network.training


@pytest.mark.parametrize(
    ("scores", "options", "line"),
    [
        ([0.9, 0.5, 0.7, 0.6], {}, "done after 0.0 s  step 4 is kept: validation NLL 0.5"),
        ([0.9, 0.7, 0.6, 0.5], {}, "done after 0.0 s  validation NLL 0.5"),
        ([0.5, 0.7, 0.6, 0.8], {"keep": "last"}, "done after 0.0 s  validation NLL 0.8"),
        ([0.5, 0.7, 0.6, 0.8], {"patience": 1}, "stopped at 4/8 after 0.0 s  step 2 is kept: validation NLL 0.5"),
    ],
)
def test_the_closing_line_is_of_the_weights_that_are_left(scores, options, line, capsys, monkeypatch):
    monkeypatch.setattr(console.time, "monotonic", lambda: 0.0)
    known = Scores(scores)
    train(student(), steps=8, validations=4, validate=known, title="made", **options)
    assert capsys.readouterr().out.splitlines() == [f"  made: {line}"]


def test_of_equal_validations_the_first_is_kept():
    history = train(student(), steps=4, validations=4, validate=Scores([0.9, 0.5, 0.5, 0.5]))
    assert history.best_step == 2


def test_patience_stops_after_so_many_validations_without_a_better_one():
    network, scores = student(), Scores([0.9, 0.8, 0.85, 0.7, 0.75, 0.71, 0.1])
    history = train(network, steps=20, validations=10, patience=2, validate=scores)
    assert (history.done, history.steps, history.best_step) == (12, 20, 8)
    assert same(weights(network), scores.seen[3])


def test_without_patience_every_step_is_taken():
    scores = Scores([0.1, *[0.2] * 9])
    assert train(student(), steps=20, validations=10, validate=scores).done == 20


# --- an average of the weights --------------------------------------------------------------------------------------


def test_the_average_of_the_weights_is_what_is_validated_and_kept():
    """And nothing else changes: the weights that are trained, and so the log, are those of a training without it."""
    plain, scores, network = Scores([1.0] * 12), Scores([1.0 - 0.05 * step for step in range(12)]), student()
    log = train(student(), steps=12, validations=12, validate=plain).log
    history = train(network, steps=12, validations=12, validate=scores, average=0.5)
    assert history.log == log
    expected = plain.seen[0]
    for step, (now, seen) in enumerate(zip(plain.seen, scores.seen, strict=True), start=1):
        decay = min(0.5, (1 + step) / (10 + step))
        expected = {name: decay * value + (1 - decay) * now[name] for name, value in expected.items()}
        for name, value in expected.items():
            torch.testing.assert_close(seen[name], value)
    assert same(weights(network), scores.seen[-1])
    assert not same(scores.seen[-1], plain.seen[-1])


class Branching(Student):
    """Its second branch is of no use before the third step; its lowest layer is frozen."""

    def __init__(self):
        super().__init__()
        self.other = nn.Linear(5, 3)
        self.body.requires_grad_(False)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) + (self.other(x) if self.calls > 2 else 0)


def test_a_first_step_without_any_gradient_has_nothing_to_average():
    network = nn.Linear(2, 2)
    optimizer = AdamW(network.parameters())
    optimizer.step()
    optimizer.average(0.9, done=1)
    assert not optimizer.state


def test_weights_without_a_gradient_are_their_own_average():
    torch.manual_seed(0)
    network, scores = Branching(), Scores([1.0] * 4)
    before = weights(network)
    train(network, steps=4, validations=4, validate=scores, average=0.9)
    assert torch.equal(weights(network)["body.weight"], before["body.weight"])
    assert torch.equal(scores.seen[1]["other.weight"], before["other.weight"])
    assert not torch.equal(scores.seen[3]["other.weight"], before["other.weight"])


# --- what must not pass in silence ----------------------------------------------------------------------------------


class Broken(Student):
    def forward(self, x):
        return super().forward(x) * torch.nan


@pytest.mark.parametrize("steps", [3, 250])
def test_a_loss_that_is_not_a_number_stops_the_training(steps):
    torch.manual_seed(0)
    with pytest.raises(LimbeckError, match=r"the loss is nan at step \d of seed 3; lower train.lr"):
        train(Broken(), steps=steps, title="seed 3")


class BrokenAt(Student):
    """Its nth answer, counted from 1, is not a number."""

    def __init__(self, nth):
        super().__init__()
        self.left = nth

    def forward(self, x):
        self.left -= 1
        return super().forward(x) * (torch.nan if self.left == 0 else 1)


def test_the_loss_is_looked_at_before_every_validation():
    """Between two records of the log, too: else weights that are not numbers would be validated."""
    torch.manual_seed(0)
    scores = Scores([1.0])
    with pytest.raises(LimbeckError, match="the loss is nan at step 201"):
        train(BrokenAt(201), steps=201, validate=scores)
    assert not scores.seen


def test_a_validation_that_is_not_a_number_stops_the_training():
    with pytest.raises(LimbeckError, match="the validation score is nan at step 2"):
        train(student(), steps=2, validate=Scores([math.nan]))


def test_a_loss_that_needs_a_teacher_is_refused_without_one():
    with pytest.raises(LimbeckError, match="losses: a loss compares with a teacher, and this arm has none"):
        Distiller(student(), 1.0 * KD())


# --- the teacher ----------------------------------------------------------------------------------------------------


class Watched(Linear):
    """Normalises and drops, so that its mode would show; remembers how it was called."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(5)
        self.drop = nn.Dropout(0.5)
        self.calls = []

    def forward(self, x):
        found = self.map(self.drop(self.norm(x)))
        self.calls.append((self.training, self.drop.training, torch.is_grad_enabled(), found.dtype))
        return found


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_teacher_is_untouched(precision):
    torch.manual_seed(0)
    module = Watched()
    module.drop.eval()
    before = weights(module)
    train(student(), asked=ModuleTeacher(module), weight_decay=0.1, precision=precision)
    assert module.calls == [(False, False, False, torch.float32)] * 4
    assert same(weights(module), before)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())
    assert module.training
    assert not module.drop.training


class Sharing(nn.Module):
    """A student on top of the teacher's own layers."""

    def __init__(self, module):
        super().__init__()
        self.lower = module
        self.head = nn.Linear(3, 3)

    def forward(self, x):
        return self.head(self.lower(x))


def test_a_module_that_student_and_teacher_share_keeps_its_own_mode():
    torch.manual_seed(0)
    module = Watched()
    train(Sharing(module), asked=ModuleTeacher(module), steps=2)
    student_call, teacher_call = (True, True, True, torch.float32), (False, False, False, torch.float32)
    assert module.calls == [student_call, teacher_call] * 2


def test_bf16_is_the_arithmetic_of_the_students_forward_alone():
    seen = []

    class Noting(Student):
        def forward(self, x):
            logits = super().forward(x)
            seen.append(logits.dtype)
            return logits

    torch.manual_seed(0)
    network = Noting()
    history = train(network, precision="bf16")
    assert seen == [torch.bfloat16] * 4
    assert all(value.dtype == torch.float32 for value in weights(network).values())
    exact = train(student(), precision="fp32")
    assert history.log[0]["loss"] == pytest.approx(exact.log[0]["loss"], rel=0.02)
    assert history.log[0]["loss"] != exact.log[0]["loss"]


# --- prediction -----------------------------------------------------------------------------------------------------


class Sum(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.drop = nn.Dropout(0.5)

    def forward(self, input_ids, attention_mask):
        return self.drop((input_ids * attention_mask).sum(1, keepdim=True) * self.scale)


@pytest.mark.parametrize("training", [True, False])
def test_logits_come_in_the_order_of_the_rows(training):
    lengths = np.array([2, 5, 1, 3, 4])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    view = Ragged(np.arange(1, 16, dtype=np.int32), offsets, 0, np.zeros(len(offsets) - 1, bool))
    expected = [sum(range(1 + start, 1 + end)) for start, end in pairwise(offsets)]
    network, advanced = Sum().train(training), []
    logits = predict_logits(network, view, batch_size=2, advance=advanced.append)
    assert logits.tolist() == [[value, value] for value in expected]
    assert sum(advanced) == 5
    assert network.training == training


def test_the_loop_knows_no_metric_by_name():
    written = {node.value for node in ast.walk(ast.parse(inspect.getsource(trainer))) if isinstance(node, ast.Constant)}
    assert not written & {*METRICS, *(metric.title for metric in METRICS.values()), "calibrated_nll"}
