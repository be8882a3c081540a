"""A student that is solved, not trained: what it learns of a lesson, its run, and what it is refused."""

import json

import numpy as np
import pytest
import torch
from tiny import recipe, write_csv

import limbeck
from limbeck.data import load_splits
from limbeck.errors import LimbeckError
from limbeck.evaluation import fit_temperature
from limbeck.models.linear import LinearOnNgrams
from limbeck.pipeline.check import check
from limbeck.pipeline.order import run
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.slope import slope_of
from limbeck.recipe import parse_recipe
from limbeck.types import Outputs

LINEAR = {"name": "linear", "buckets": 64}
READS = {"tokenizer": {"kind": "words", "min_frequency": 2}, "max_length": 24}


def linear(source, **changes):
    """Return a recipe whose student is solved."""
    values = recipe(source, student={"model": LINEAR, "reads": READS})
    values["teacher"]["accept_bad"] = True
    return parse_recipe({**values, **changes}, "test")


class Says:
    """A teacher that answers with given logits."""

    def __init__(self, logits):
        self._logits = logits

    def predict(self, batch):
        assert len(batch.ids) == len(self._logits)
        return Outputs(self._logits)


@pytest.fixture
def lesson(tmp_path):
    """Return what makes the lesson of losses with a teacher of random answers."""
    source = write_csv(tmp_path / "rows.csv")

    def make(losses, arm="student", scale=1.0, **changes):
        settings = linear(source, losses=losses, **changes)
        material = Material(load_splits(settings.data, settings.task))
        rows = len(material.splits.transfer)
        torch.manual_seed(0)
        teacher = Says(scale * torch.randn(rows, material.splits.task.outputs))
        return material.from_teacher(settings.student, settings, teacher, ["x"], arm=arm)

    return make


def own_outputs(lesson):
    return np.random.default_rng(1).normal(size=(len(lesson.rows), lesson.task.outputs))


def test_the_slope_is_that_of_the_recipe_s_losses(lesson):
    """Soft targets of all rows at the temperature, labels of the labelled ones, each the mean of what it counts."""
    one = lesson([{"name": "kd", "weight": 0.9, "temperature": 2}, {"name": "cross_entropy", "weight": 0.1}])
    z = torch.from_numpy(own_outputs(one)).requires_grad_()
    teacher = one.teacher._logits.double()
    p = (teacher / 2).softmax(1)
    kd = 4 * (p * ((teacher / 2).log_softmax(1) - (z / 2).log_softmax(1))).sum(1)
    labels = one.examples.labels
    present = torch.from_numpy(labels.present)
    assert 0 < int(present.sum()) < len(present)
    true = -z.log_softmax(1)[present, torch.from_numpy(labels.values)[present]]
    expected = 0.9 * kd.mean() + 0.1 * true.mean()
    expected.backward()
    value, gradient = slope_of(one)(z.detach().numpy())
    assert value == pytest.approx(expected.item(), rel=1e-9)
    np.testing.assert_allclose(gradient, z.grad.numpy(), atol=1e-12)


def test_soft_targets_of_a_sure_teacher_are_hard_labels(lesson):
    soft = slope_of(lesson([{"name": "kd", "temperature": 1}], scale=1e4))
    hard = slope_of(lesson([{"name": "kd", "temperature": 1}], arm="hard_labels", scale=1e4))
    z = own_outputs(lesson([{"name": "kd"}]))
    np.testing.assert_allclose(soft(z)[1], hard(z)[1], atol=1e-9)


def test_a_row_counts_by_the_weight_of_its_class(lesson, tmp_path):
    data = recipe(tmp_path / "rows.csv")["data"] | {"class_weights": {"0": 1.0, "1": 30.0}}
    plain = lesson([{"name": "cross_entropy"}])
    weighted, labels = lesson([{"name": "cross_entropy"}], data=data), plain.examples.labels
    z = own_outputs(plain)
    ratio = slope_of(weighted)(z)[1][labels.present] / slope_of(plain)(z)[1][labels.present]
    first, second = (ratio[labels.known == index].mean() for index in (0, 1))
    assert second / first == pytest.approx(30)


def test_a_run_is_solved_once_for_all_seeds_judged_by_units_and_reused(tmp_path, capsys):
    settings, out = linear(write_csv(tmp_path / "rows.csv")), tmp_path / "out"
    done = run(settings, out)
    assert isinstance(done.student, LinearOnNgrams)
    said = capsys.readouterr().out
    assert said.count("is best on validation") == 2  # of each arm one solution
    assert "one solution stands for all seeds: `linear` does not depend on them" in said
    found = done.evaluation
    assert (found.seeds, found.solved, found.gain.p_seeds, len(found.gain.per_seed)) == ([0], True, None, 1)
    assert found.verdict == ("helps" if found.gain.p_value < 0.05 and found.gain.ci95[0] > 0 else "no_difference")
    assert found.models["student"].learning == []
    card, page = (done.bundle / "README.md").read_text(), done.report.read_text()
    for text in (said.split("seeds: `linear`")[1], card.split("```yaml")[0], page.split("recipe.yaml")[0]):
        assert " seed" not in text
        assert "steps" not in text.replace('class="wide steps"', "").replace(".steps", "")
    predictions = limbeck.load(done.bundle).predict(["a superb film", "a dull mess"])
    assert [one.label for one in predictions] == ["1", "0"]
    stamp = (out / "student/seed-0/model.safetensors").stat().st_mtime_ns
    again = run(settings, out)
    assert "is best on validation" not in capsys.readouterr().out
    assert (out / "student/seed-0/model.safetensors").stat().st_mtime_ns == stamp
    assert again.evaluation == found


@pytest.mark.usefixtures("quick_export")
def test_a_grid_over_its_options_takes_the_best_on_validation(tmp_path, capsys):
    source = write_csv(tmp_path / "rows.csv")
    done = run(linear(source, baseline=False, grid={"model.orders": [1, 2]}), tmp_path / "out")
    record = json.loads((tmp_path / "out/tuning/student.json").read_text())
    best = [candidate["best"] for candidate in record["candidates"]]
    assert record["chosen"] == max(range(2), key=lambda index: best[index])
    assert done.evaluation.verdict == "no_baseline"


@pytest.mark.usefixtures("quick_export")
def test_a_grid_over_lists_is_on_record_as_a_recipe_has_it(tmp_path):
    grid = {"model.strengths": [[0.1], [10.0]]}
    done = run(linear(write_csv(tmp_path / "rows.csv"), baseline=False, grid=grid), tmp_path / "out")
    settings = done.evaluation.models["student"].settings
    assert settings["model.strengths"] == f"[{settings['model.strength']}]"


def test_a_loss_of_weight_0_teaches_nothing(lesson):
    """Whether its value is finite, or convex, does not matter then."""
    alone = slope_of(lesson([{"name": "cross_entropy"}]))
    beside = slope_of(lesson([{"name": "cross_entropy"}, {"name": "kd", "weight": 0}], scale=1e40))
    z = own_outputs(lesson([{"name": "kd"}]))
    assert alone(z)[0] == beside(z)[0]
    np.testing.assert_array_equal(alone(z)[1], beside(z)[1])


def test_losses_that_all_weigh_nothing_are_refused(tmp_path):
    with pytest.raises(LimbeckError, match="every weight is 0"):
        linear(write_csv(tmp_path / "rows.csv"), losses=[{"name": "kd", "weight": 0}])


def test_it_ships_at_its_best_temperature(tmp_path):
    """Strengths are chosen at that temperature: alone, a strong penalty leaves a student far too unsure."""
    settings = linear(write_csv(tmp_path / "rows.csv", wrong=10), baseline=False)
    bundle = limbeck.load(run(settings, tmp_path / "out").bundle)
    splits = load_splits(settings.data, settings.task)
    outputs = bundle.logits(list(splits.validation.values))
    assert fit_temperature(outputs, splits.validation.labels.values) == pytest.approx(1, abs=0.01)


def test_the_steps_of_a_recipe_are_told_to_be_without_use(tmp_path, capsys):
    student = {"model": LINEAR, "reads": READS, "train": {"steps": 5}}
    check(linear(write_csv(tmp_path / "rows.csv"), student=student))
    said = capsys.readouterr().out
    assert "student.train is not used: `linear` is solved, not trained" in said
    assert "`linear`: solved, not trained, in seconds that the table leaves out" in said


REFUSED = {
    "losses: `linear` is solved, and the weight of kd changes over the steps": {
        "losses": [{"name": "kd", "weight": {"schedule": "linear", "start": 1, "end": 0}}]
    },
    "losses: `linear` is solved, and fitnet is not convex in the outputs": {
        "losses": [{"name": "kd"}, {"name": "fitnet", "student": "head", "teacher": "head"}]
    },
    "losses: `linear` is solved, and kd after transform ctkd is not convex in the outputs; leave the": {
        "losses": [{"name": "kd", "transform": {"kind": "ctkd"}}, {"name": "cross_entropy"}]
    },
    "until: `linear` is solved and takes no steps": {"until": {"accuracy": 0.9}},
    "curves.steps: `linear` is solved and takes no steps": {"curves": {"steps": [0.5]}},
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_only_a_training_has_is_refused(tmp_path, line):
    settings = linear(write_csv(tmp_path / "rows.csv"), **REFUSED[line])
    with pytest.raises(LimbeckError) as error:
        check(settings)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("quick_export")
def test_fewer_labels_are_solved_too(tmp_path):
    done = run(linear(write_csv(tmp_path / "rows.csv"), curves={"labels": [20]}), tmp_path / "out")
    assert [point.amount for point in done.evaluation.curves["labels"].points] == [20, 40]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "losses"),
    [
        ("regression", [{"name": "regression_kd", "weight": 0.9}, {"name": "squared_error", "weight": 0.1}]),
        ("multilabel", [{"name": "binary_kd", "weight": 0.9}, {"name": "binary_cross_entropy", "weight": 0.1}]),
    ],
)
def test_values_and_label_sets_are_solved_too(tmp_path, kind, losses):
    source = write_csv(tmp_path / "rows.csv")
    if kind == "multilabel":
        sets = {"0": "bad", "1": "good|watch"}
        first, *lines = source.read_text().splitlines()
        pairs = (line.rsplit(",", 1) for line in lines)
        source.write_text("\n".join([first, *(f"{text},{sets[label]}" for text, label in pairs)]))
    task = {"kind": kind, "separator": "|"} if kind == "multilabel" else kind
    done = run(linear(source, task=task, losses=losses), tmp_path / "out")
    scores = done.evaluation.models
    assert scores["student"].scores.keys() == scores["teacher"].scores.keys()
    assert done.bundle is not None
