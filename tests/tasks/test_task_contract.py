"""What every task of the catalogue promises. A new one inherits all of it by its row in `task_cases.py`."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from task_cases import CASES, ROWS, TaskCase

from limbeck.data import Examples, Labels, Task
from limbeck.errors import LimbeckError
from limbeck.evaluation.metric import total
from limbeck.losses import CATALOG, fitting
from limbeck.runtime.decisions import RULES
from limbeck.tasks import TASKS
from limbeck.teachers.head import Head, distributions, fit_head
from limbeck.types import Batch, Outputs

every_case = pytest.mark.parametrize("case", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])


def problem(case: TaskCase, noise: float = 0.0, seed: int = 1) -> tuple[Task, np.ndarray, Labels]:
    """The task, outputs that are right but for noise of so many of their own standard deviations, and labels."""
    task = case.learn()
    labels = task.labels(case.cells, "made")
    right = case.right(labels, task.outputs)
    spread = right.std(axis=0)
    outputs = right + noise * spread * np.random.default_rng(seed).normal(size=right.shape)
    return task, outputs.astype(np.float32), labels


def test_every_kind_has_a_case_and_a_rule() -> None:
    assert {case.settings.kind for case in CASES.values()} == set(TASKS) == set(RULES)


@every_case
def test_settings_and_task_say_the_same_of_the_outputs(case: TaskCase) -> None:
    task = case.learn()
    assert (task.kind, task.predicts) == (case.settings.kind, case.settings.predicts)
    assert task.outputs == len(task.names) == len(set(task.names))
    assert task.metric is task.metrics[0]
    assert task.metric.value is None, "what a run is judged by is a sum over rows"
    assert case.settings.metric == task.metric.name


# --- labels ---------------------------------------------------------------------------------------------------------


@every_case
def test_labels_are_one_a_row_and_missing_ones_are_said(case: TaskCase) -> None:
    task = case.learn()
    cells = [None, *case.cells[:4], None]
    if task.label_columns and isinstance(case.cells[0], tuple):
        cells[0] = tuple(None for _ in case.cells[0])
    labels = task.labels(cells, "made")
    assert labels.present.tolist() == [False, True, True, True, True, False]
    assert len(labels.values) == 6
    assert np.array_equal(labels.known, task.labels(case.cells[:4], "made").values)
    assert not task.labels([None] * 3, "").present.any()
    assert np.isfinite(labels.hidden().values.astype(float)).all()


@every_case
def test_an_odd_cell_is_one_line(case: TaskCase) -> None:
    with pytest.raises(LimbeckError) as refused:
        case.learn().labels([*case.cells[:3], case.odd], "the file")
    assert "\n" not in str(refused.value)
    assert "the file" in str(refused.value)
    assert refused.value.fix


@every_case
def test_a_column_that_teaches_nothing_is_refused(case: TaskCase) -> None:
    with pytest.raises(LimbeckError):
        case.settings.learn([case.cells[0]] * 20, None, case.options, "made")
    with pytest.raises(LimbeckError):
        case.settings.learn([None] * 20, None, case.options, "made")
    task = case.learn()
    with pytest.raises(LimbeckError, match=r"data\.labelled"):
        task.require_varied(task.labels([case.cells[0]] * 20, "made"), "made", "data.labelled")


@every_case
def test_strata_are_a_group_a_row(case: TaskCase) -> None:
    task = case.learn()
    labels = task.labels(case.cells, "made")
    strata = task.strata(labels)
    if strata is not None:
        assert strata.shape == (ROWS,)
        assert strata.min() >= 0
        order = np.random.default_rng(0).permutation(ROWS)
        assert np.array_equal(task.strata(labels.take(order)), strata[order]), "a row's group is its own"


@every_case
def test_the_digest_names_what_matters(case: TaskCase) -> None:
    task = case.learn()
    assert task.digest == case.learn().digest
    settings = case.settings.model_copy(update=case.other or {"metric": "f1_macro"})
    assert settings.learn(case.cells, None, case.options, "made").digest != task.digest
    fewer = case.settings.learn(case.cells, None, case.options, "made")
    shifted = Labels(task.labels(case.cells, "made").values[::-1][: ROWS // 2], np.ones(ROWS // 2, np.bool_))
    if fewer.fit(shifted).decision != task.decision:
        assert fewer.fit(shifted).digest != task.digest, "what training labels say is part of what is learned"


# --- learning ---------------------------------------------------------------------------------------------------------


def batch_of(labels: Labels, rows: slice = slice(None), labelled: Any = None) -> Batch:
    values = torch.from_numpy(np.ascontiguousarray(labels.values[rows]))
    return Batch(torch.arange(len(values)), {}, values, labelled)


@every_case
def test_labels_alone_teach_by_the_objective(case: TaskCase) -> None:
    """Right outputs cost less than noisy ones, split equals whole, and a row without a label counts nothing."""
    task, right, labels = problem(case)
    _, noisy, _ = problem(case, noise=2.0)
    batch = task.frame(batch_of(labels))

    def cost(outputs: np.ndarray, batch: Batch) -> float:
        seen = task.seen(torch.from_numpy(outputs))
        return sum(float(value) for value in task.hard.sums(Outputs(seen), None, batch).values())

    assert cost(right, batch) < cost(noisy, batch)
    assert set(task.hard.counts(batch).values()) == {ROWS * ((batch.mask is None and labels.values[0].size) or 1)}
    halves = [slice(0, 17), slice(17, ROWS)]
    parts = sum(cost(noisy[half], task.frame(batch_of(labels, half))) for half in halves)
    assert parts == pytest.approx(cost(noisy, batch), rel=1e-5)
    known = torch.arange(ROWS) < 20
    wild = Labels(
        np.where(known.numpy().reshape(-1, *[1] * (labels.values.ndim - 1)), labels.values, 0), labels.present
    )
    some = task.frame(batch_of(wild, labelled=known))
    assert cost(noisy, some) == pytest.approx(cost(noisy[:20], task.frame(batch_of(labels, slice(0, 20)))), rel=1e-5)


@every_case
def test_every_loss_that_fits_is_least_where_student_equals_teacher(case: TaskCase) -> None:
    task, outputs, labels = problem(case, noise=0.5)
    batch = task.frame(batch_of(labels))
    teacher = Outputs(task.seen(torch.from_numpy(outputs)))
    for name in fitting(task.predicts):
        card = CATALOG[name].card
        if card.needs != ("teacher",) or name == "hard_labels" or card.softens != "both":
            continue  # the minimum is elsewhere
        if card.scope == "batch" and case.settings.several:
            continue  # refused, as it compares examples
        student = torch.from_numpy(outputs).requires_grad_()
        value = CATALOG[name]().sum(Outputs(task.seen(student)), teacher, batch)
        value.backward()
        assert value.item() == 0, name
        assert student.grad.abs().max() < 1e-6, name
        moved = task.seen(torch.from_numpy(outputs + outputs.std(axis=0) * np.float32(0.3) * np.arange(task.outputs)))
        if task.outputs > 1:
            assert CATALOG[name]().sum(Outputs(moved.float()), teacher, batch) > 0, name


@every_case
def test_a_finished_network_starts_where_the_labels_are(case: TaskCase) -> None:
    """A network that says about 0 answers in the middle of the labels, in their units; its forward has gradients."""
    task, _, _ = problem(case)
    bare = torch.nn.Linear(4, task.outputs)
    torch.nn.init.zeros_(bare.weight)
    torch.nn.init.zeros_(bare.bias)

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = bare

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x)

    outputs = task.finish(Network())(x=torch.ones(5, 4))
    assert outputs.shape == (5, task.outputs)
    assert outputs.requires_grad
    seen = task.seen(outputs)
    assert torch.allclose(seen[seen > -1e29], torch.zeros(()), atol=1e-5), "losses compare about 0"


# --- judging ----------------------------------------------------------------------------------------------------------


def judged(task: Task, outputs: np.ndarray, labels: Labels) -> tuple[Task, Any]:
    own = task.decide(outputs, labels)
    return own, own.sheet(outputs, labels)


@every_case
def test_a_sheet_has_a_row_a_row(case: TaskCase) -> None:
    task, outputs, labels = problem(case, noise=0.7)
    own, sheet = judged(task, outputs, labels)
    assert {len(value) for value in sheet.values()} == {ROWS}
    for metric in task.metrics:
        if metric.value is None:
            parts = metric.parts(sheet)
            assert parts.shape[0] == ROWS
            assert metric(sheet) == pytest.approx(float(metric.of(total(parts, axis=0))))
    order = np.random.default_rng(0).permutation(ROWS)
    turned = own.sheet(outputs[order], labels.take(order))
    for metric in task.metrics:
        assert metric(turned) == pytest.approx(metric(sheet)), "the order of rows says nothing"


@every_case
def test_metrics_are_better_where_the_outputs_are(case: TaskCase) -> None:
    scores = []
    for noise in (0.0, 0.5, 3.0):
        task, outputs, labels = problem(case, noise)
        _, sheet = judged(task, outputs, labels)
        scores.append([metric.sign * metric(sheet) for metric in task.metrics])
    for index, metric in enumerate(task.metrics):
        if metric.name != "ece":  # of how sure it is, not of how right
            assert scores[0][index] >= scores[1][index] > scores[2][index], metric.name


@every_case
def test_what_is_chosen_by_is_better_where_the_outputs_are(case: TaskCase) -> None:
    found = []
    for noise in (0.1, 3.0):
        task, outputs, labels = problem(case, noise)
        sheet = task.decided_sheet(outputs, labels)
        scores = {metric.name: metric(sheet) for metric in task.watched()}
        assert set(task.progress) <= set(scores)
        assert task.metric.name in scores, "until.retention is a level of it"
        found.append(task.chooses(scores))
    assert found[0] > found[1]
    assert all(np.isfinite(found[0]))


@every_case
def test_a_constant_is_at_chance_and_a_good_model_is_not(case: TaskCase) -> None:
    task, outputs, labels = problem(case, noise=0.3)
    own, sheet = judged(task, outputs, labels)
    good = own.chance(sheet)
    assert not good.at_chance
    constant = np.broadcast_to(case.right(labels, task.outputs).mean(axis=0), outputs.shape).astype(np.float32)
    own, sheet = judged(task, constant, labels)
    bad = own.chance(sheet)
    assert bad.at_chance
    assert bad.value == pytest.approx(bad.constant, abs=1e-6)
    luck = 0
    for seed in range(40):
        order = np.random.default_rng(seed).permutation(ROWS)
        own, sheet = judged(task, outputs[order], labels)
        luck += not own.chance(sheet).at_chance
    assert luck <= 5, "outputs that know nothing of the labels"


@every_case
def test_records_and_figures_are_json(case: TaskCase) -> None:
    task, outputs, labels = problem(case, noise=0.7)
    own, sheet = judged(task, outputs, labels)
    assert own.apart(sheet, sheet) == pytest.approx(np.zeros(ROWS))
    other = own.sheet(problem(case, noise=0.7, seed=2)[1], labels)
    assert own.apart(sheet, other).shape == (ROWS,)
    for figure in own.figures("student", [sheet, other], sheet):
        json.dumps(figure.model_dump(mode="json"), allow_nan=False)
    beside = own.beside(sheet, other)
    assert own.beside(sheet, sheet) == ({} if not beside else {"agreement": 1.0, "kl_to_teacher": 0.0})
    assert all(np.isfinite(value) for value in beside.values())
    same = [own.decided(sheet, row).decided == own.labelled(sheet, row) for row in range(ROWS)]
    right, exact = own.sheet(case.right(labels, task.outputs), labels), task.exact
    assert all(own.decided(right, row).decided == own.labelled(right, row) for row in range(ROWS))
    assert not exact or 0 < sum(same) < ROWS
    for text in (task.told(labels), task.shown(labels), *task.remarks("test", labels, learned=False)):
        assert text
        assert "\n" not in text


# --- deciding ---------------------------------------------------------------------------------------------------------


@every_case
def test_the_decision_is_json_and_serves(case: TaskCase) -> None:
    """What is judged here is what a bundle answers, and a served task judges alike."""
    task, outputs, labels = problem(case, noise=0.8)
    own, sheet = judged(task, outputs, labels)
    written = json.loads(json.dumps(own.decision, allow_nan=False))
    assert written == own.decision
    rule = RULES[task.kind](written)
    answers = rule.answers(outputs, task.names)
    assert len(answers) == ROWS
    for answer in answers:
        assert "\n" not in rule.line(answer)
        json.dumps(rule.record(answer), allow_nan=False)
    said = [SAID[task.kind](own, answer) for answer in answers]
    assert said == [own.decided(sheet, row).decided for row in range(ROWS)]
    served = case.settings.__class__().served(task.names, written)
    again = served.sheet(outputs, served.labels(case.cells, "made"))
    for metric in served.metrics:
        assert metric(again) == pytest.approx(metric(sheet)), metric.name


SAID = {
    "classification": lambda task, answer: answer.label,
    "multilabel": lambda task, answer: ", ".join(answer.labels) or "none",
    "multioutput": lambda task, answer: ", ".join(f"{name} {one.label}" for name, one in answer.items()),
    "regression": lambda task, answer: task._said(np.array(list(answer.values()))),
}


@every_case
def test_the_rule_tells_answers_apart(case: TaskCase) -> None:
    task, outputs, labels = problem(case, noise=0.8)
    rule = RULES[task.kind](task.decide(outputs, labels).decision)
    assert not rule.differ(outputs, outputs).any()
    assert rule.error(outputs, outputs) == 0
    other = outputs[::-1].copy()
    assert rule.differ(outputs, other).any()
    near = outputs * np.float32(1 + 1e-7)
    assert rule.error(outputs, near) <= 1e-4
    assert not (rule.differ(outputs, near) & rule.clear(outputs)).any()
    broken = outputs.copy()
    broken[3] = np.nan
    assert not rule.error(outputs, broken) <= 1e-4


@every_case
def test_decisions_are_fitted_to_what_is_given_and_nothing_else(case: TaskCase) -> None:
    task, outputs, labels = problem(case, noise=0.8)
    own = task.decide(outputs, labels)
    assert own.decision == task.decide(outputs.copy(), labels).decision
    if not task.fits_decision:
        assert own.decision == task.decision
    assert task.decide(outputs[:30], labels.take(np.arange(30))).outputs == task.outputs


@every_case
def test_the_linear_floor_learns(case: TaskCase) -> None:
    """From features that hold the answer it is better than a constant; its outputs are a network's."""
    task, outputs, labels = problem(case, noise=0.3)
    matrix = (outputs - outputs.mean(axis=0)) / outputs.std(axis=0)
    models = task.linear(matrix, labels)
    assert models
    costs = [task.cost(one.model.outputs(matrix), labels) for one in models]
    best = models[int(np.argmin(costs))]
    found = best.model.outputs(matrix)
    assert (found.shape, found.dtype) == ((ROWS, task.outputs), np.float32)
    own, sheet = judged(task, found, labels)
    assert not own.chance(sheet).at_chance
    assert best.parameters > 0
    json.dumps(dict(best.settings))


@every_case
def test_its_linear_model_becomes_the_head_of_a_frozen_encoder(case: TaskCase) -> None:
    """Of several decisions each is a distribution of its own, which holds up to a constant of its own."""
    task, outputs, labels = problem(case, noise=0.3)
    features = np.concatenate([outputs, outputs[:, ::-1] ** 2], axis=1).astype(np.float32)
    rows = Examples(np.arange(ROWS, dtype=np.int64), [None] * ROWS, labels)
    head, _ = fit_head(features, rows, features, rows, task)
    standard = head.standardised(torch.from_numpy(features)).numpy()
    models = task.linear(standard, labels)
    best = min(models, key=lambda one: task.cost(one.model.outputs(standard), labels))
    found = head(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(found, best.model.outputs(standard), atol=2e-3 * max(1.0, np.abs(found).max()))
    again = Head(features.shape[1], task.outputs, distributions(task, labels))
    again.load_state_dict(head.state_dict())
    assert np.array_equal(again(torch.from_numpy(features)).numpy(), found)
