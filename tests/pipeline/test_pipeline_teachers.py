"""Teachers of other kinds: fitted by a solver, at a temperature, and several as one."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from classifiers import save_classifier, train_classifier
from scipy.special import log_softmax
from tiny import recipe, write_csv
from torch import nn

from limbeck.data import load_splits
from limbeck.errors import LimbeckError
from limbeck.evaluation import POOLS, calibrated_nll, fit_temperature, mixture_weights, nll, product_weights
from limbeck.pipeline import run
from limbeck.pipeline.judging.export import export_all
from limbeck.pipeline.judging.floor import fit_floor
from limbeck.pipeline.training import once, teacher as teachers
from limbeck.pipeline.training.arms import preflight
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.recipe import Recipe
from limbeck.teachers import regression
from made_rows import numbers_of, tfidf_floor

pytestmark = pytest.mark.usefixtures("quick_exports")

NBLR = {"kind": "nblr", "regression": {"orders": 2, "min_texts": 1, "strengths": [0.01, 1]}}


def wanted(tmp_path, teacher, **changes):
    source = tmp_path / "rows.csv"
    values = recipe(source if source.is_file() else write_csv(source), seeds=[0], **changes)
    network = values["teacher"]
    values["teacher"] = teacher(network) if callable(teacher) else teacher
    return Recipe.model_validate(values)


def ask(settings, folder):
    material = Material(load_splits(settings.data, settings.task))
    material.folder = folder
    preflight(settings, material)
    return ask_teacher(settings, train_teacher(settings, material, folder), material.splits, folder), material


NO_ONNX = "  teacher is not exported: ONNX has no operator for the sorted search that finds an n-gram's weight\n"


def test_a_regression_teaches(tmp_path, capsys):
    settings = wanted(tmp_path, NBLR)
    done = run(settings, tmp_path / "run")
    said = capsys.readouterr().out
    assert NO_ONNX in said
    assert "exporting teacher" not in said
    assert "Error" not in said
    cost = done.evaluation.models["teacher"].cost
    assert (cost.exported, cost.size_bytes) == (False, None)
    assert cost.latency_ms > 0
    assert cost.parameters > 0
    assert "timed by its own call" in done.report.read_text(encoding="utf-8")
    assert done.evaluation.score("teacher") > 0.8
    assert done.evaluation.models["teacher"].learning == []
    assert (tmp_path / "run/teacher/model.safetensors").is_file()
    assert done.bundle is not None


def test_a_fitted_regression_is_not_fitted_again(tmp_path, monkeypatch):
    settings = wanted(tmp_path, NBLR)
    first, _ = ask(settings, tmp_path / "run")
    monkeypatch.setattr(regression, "NgramRegression", None)
    second, _ = ask(settings, tmp_path / "run")
    assert np.array_equal(first.logits("test"), second.logits("test"))
    assert first.names == second.names


def test_the_strength_is_the_best_on_validation(tmp_path):
    scores = {}
    for strength in (0.01, 1.0):
        settings = wanted(tmp_path, NBLR | {"regression": {**NBLR["regression"], "strengths": [strength]}})
        answers, material = ask(settings, tmp_path / str(strength))
        logits = answers.logits("validation")
        labels = numbers_of(material.splits.validation)
        scores[strength] = nll(logits / fit_temperature(logits, labels), labels), logits
    both, _ = ask(wanted(tmp_path, NBLR), tmp_path / "both")
    best = min(scores, key=lambda strength: scores[strength][0])
    assert scores[0.01][0] != scores[1.0][0]
    assert np.array_equal(both.logits("validation"), scores[best][1])


def test_a_calibrated_teacher_is_divided_by_the_temperature_that_fits_validation(tmp_path, monkeypatch):
    plain, material = ask(wanted(tmp_path, lambda network: network), tmp_path / "run")
    monkeypatch.setattr(once, "fit", None)  # the network is the same: nobody trains it again
    scaled, _ = ask(wanted(tmp_path, lambda network: network | {"calibrate": True}), tmp_path / "run")
    temperature = round(fit_temperature(plain.logits("validation"), numbers_of(material.splits.validation)), 4)
    assert temperature != 1
    for split in ("transfer", "validation", "test"):
        np.testing.assert_allclose(scaled.logits(split), plain.logits(split) / temperature, rtol=1e-6)
    assert scaled.names != plain.names
    assert scaled.settings == {"teacher temperature": temperature}
    assert len(list((tmp_path / "run/cache").iterdir())) == 1, "the answers are the same: nobody is asked twice"


@pytest.mark.parametrize("weights", [None, [3, 1]])
def test_an_ensemble(tmp_path, monkeypatch, weights):
    fitted_on = []

    def fit(logits, labels, counts):
        fitted_on.append((logits, labels))
        return mixture_weights(logits, labels, counts)

    monkeypatch.setitem(POOLS, "mean", fit)

    def both(network):
        return {"kind": "ensemble", "members": [NBLR, network | {"calibrate": True}], "weights": weights}

    answers, material = ask(wanted(tmp_path, both), tmp_path / "run")
    labels = numbers_of(material.splits.validation)
    members = [teachers.RunTeacher((member,), (1.0,), material.splits) for member in answers.members]
    shares = (
        mixture_weights([member.logits("validation") for member in members], labels)
        if weights is None
        else [0.75, 0.25]
    )
    assert answers.weights == pytest.approx(shares)
    for logits, known in fitted_on:
        np.testing.assert_array_equal(logits, [member.logits("validation") for member in members])
        np.testing.assert_array_equal(known, labels)
    assert len(fitted_on) == (weights is None)
    parts = [np.exp(member.logits("test").astype(np.float64)) for member in members]
    expected = sum(w * part / part.sum(axis=1, keepdims=True) for w, part in zip(shares, parts, strict=True))
    np.testing.assert_allclose(np.exp(answers.logits("test")), expected, atol=1e-6)
    assert [sorted(path.name for path in (tmp_path / "run").glob("teacher-*"))] == [["teacher-0", "teacher-1"]]
    assert replace(answers, weights=(0.5, 0.5)).names != answers.names, "or their student would be taken for this one's"


def test_folds_answer_for_rows_that_they_have_not_seen(tmp_path, monkeypatch, capsys):
    def crossed(network):
        return {"kind": "ensemble", "members": [NBLR | {"calibrate": True}, network], "pool": "product", "folds": 3}

    settings = wanted(tmp_path, crossed)
    material = Material(load_splits(settings.data, settings.task))
    material.folder = tmp_path / "run"
    made = train_teacher(settings, material, material.folder)
    splits, numbers = material.splits, material.splits.folds(3)
    for number in range(3):
        alone = Material(splits.fold(number, 3))  # the same rows, encoded anew
        alone.folder = tmp_path / f"alone-{number}"
        for own, found in zip(train_teacher(settings, alone, alone.folder).members, made.crossed, strict=True):
            logits = own.logits(own.view.validation)
            np.testing.assert_allclose(found[numbers == number], logits, atol=1e-5)
    answers = ask_teacher(settings, made, splits, material.folder)
    labels = np.concatenate([numbers_of(splits.validation), numbers_of(splits.labelled)])
    seen = [
        np.concatenate([member.trained.logits(member.trained.view.validation), found])
        for member, found in zip(answers.members, made.crossed, strict=True)
    ]
    temperature = fit_temperature(seen[0], labels)
    assert answers.members[0].temperature == pytest.approx(temperature, abs=1e-4)
    assert answers.weights == pytest.approx(product_weights([seen[0] / temperature, seen[1]], labels), abs=2e-3)
    assert "held-out labelled rows" in capsys.readouterr().out

    monkeypatch.setattr(once, "fit", None)  # a run that goes on trains nothing again
    monkeypatch.setattr(regression, "NgramRegression", None)
    again = train_teacher(settings, material, material.folder)
    for one, other in zip(again.crossed, made.crossed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_member_without_weight_is_not_asked(tmp_path):
    def pooled(network):
        return {"kind": "ensemble", "members": [NBLR, network], "pool": "product", "weights": [0, 0.7]}

    answers, material = ask(wanted(tmp_path, pooled), tmp_path / "run")
    out, counts = (member.cache for member in answers.members)
    assert out.missing(material.splits.unlabelled.ids).all()
    assert not counts.missing(material.splits.transfer.ids).any()
    assert list(answers.networks) == ["teacher-1"]
    own = answers.members[1].logits(material.splits, "transfer").astype(np.float64)
    np.testing.assert_allclose(answers.logits("transfer"), log_softmax(0.7 * own, axis=1), atol=1e-5)
    samples = material.splits.validation.values
    np.testing.assert_allclose(answers.runner({})(samples), answers.logits("validation"), atol=1e-4)
    assert answers.settings == {"teacher-0 weight": 0, "teacher-1 weight": 0.7}


def test_few_validation_rows_are_not_all_that_a_teacher_is_judged_on(tmp_path):
    split = {"test": 10, "validation": 4}
    alone = wanted(tmp_path, NBLR)
    few = alone.data.model_copy(update={"split": alone.data.split.model_copy(update=split)})
    with pytest.raises(LimbeckError, match="not better than chance"):
        ask(alone.model_copy(update={"data": few}), tmp_path / "alone")
    crossed = alone.teacher.model_copy(update={"folds": 4})
    ask(alone.model_copy(update={"data": few, "teacher": crossed}), tmp_path / "crossed")


def test_class_weights_reach_whatever_learns_labels_or_is_chosen_by_them(tmp_path):
    def both(network):
        slow = {"calibrate": True, "train": network["train"] | {"lr": 0.02}}
        # At such weights it names one class only.
        return {"kind": "ensemble", "members": [NBLR, network | slow], "accept_bad": True}

    settings = wanted(tmp_path, both)
    plain, _ = ask(settings, tmp_path / "run")
    weighted = settings.data.model_copy(update={"class_weights": {"0": 1.0, "1": 30.0}})
    answers, material = ask(settings.model_copy(update={"data": weighted}), tmp_path / "run")
    splits, labels = material.splits, numbers_of(material.splits.validation)
    weights = splits.task.fit(splits.labelled.labels).class_weights
    members = [teachers.RunTeacher((member,), (1.0,), splits) for member in answers.members]
    regression, network = (member.logits("validation") for member in members)
    for before, after, logits in zip(plain.members, members, (regression, network), strict=True):
        old = teachers.RunTeacher((before,), (1.0,), splits).logits("validation")
        assert logits[:, 1].sum() - logits[:, 0].sum() > old[:, 1].sum() - old[:, 0].sum(), "towards the heavier class"
        assert before.trained.digest != after.members[0].trained.digest

    trained, temperature = answers.members[1].trained, answers.members[1].temperature
    found = trained.history.validations[-1]["calibrated_nll"]
    last = trained.history.best_step == trained.history.validations[-1]["step"]
    assert last
    assert found == pytest.approx(calibrated_nll(network * temperature, labels, weights), rel=1e-4)
    assert temperature == pytest.approx(fit_temperature(network * temperature, labels, weights), abs=1e-3)
    assert temperature != pytest.approx(fit_temperature(network * temperature, labels), abs=1e-2)
    assert answers.weights == pytest.approx(mixture_weights([regression, network], labels, weights))
    assert answers.weights != pytest.approx(mixture_weights([regression, network], labels))

    parts = [rows for part in (splits.labelled, splits.validation) for rows in (part.values, numbers_of(part))]
    expected = tfidf_floor(*parts, splits.test.values, classes=splits.task.names, weighting=splits.task.weighting)
    assert np.array_equal(fit_floor(splits).test_outputs, expected.test_outputs)


def test_a_students_stage_depends_on_the_share_of_labelled_rows(tmp_path):
    settings = wanted(tmp_path, NBLR)
    material = Material(load_splits(settings.data, settings.task))
    other = settings.model_copy(update={"data": settings.data.model_copy(update={"labelled_per_batch": 5})})
    one, two = (material.from_teacher(settings.student, each, None, ["x"], arm="student") for each in (settings, other))
    assert one.inputs != two.inputs


def test_a_run_with_an_ensemble(tmp_path):
    small = {"kind": "network", "model": {"name": "ngrams", "dim": 4, "buckets": 64}, "reads": {"max_length": 24}}

    def both(network):
        return {"kind": "ensemble", "members": [network, small | {"train": network["train"]}], "weights": [1, 2]}

    settings = wanted(tmp_path, both)
    done = run(settings, tmp_path / "run")
    result = done.evaluation
    assert {"teacher-0 weight", "teacher-1 weight"} <= result.models["teacher"].settings.keys()
    files = [tmp_path / f"run/export/teacher-{number}/model.onnx" for number in range(2)]
    assert result.models["teacher"].cost.size_bytes == sum(file.stat().st_size for file in files)
    assert result.models["teacher"].cost.latency_ms > 0
    names = {json.loads(line)["arm"] for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()}
    assert {"teacher-0", "teacher-1", "student", "baseline"} == names
    assert "teacher" in (tmp_path / "run/report.html").read_text()
    assert run(settings, tmp_path / "run").evaluation.test_evaluations == result.test_evaluations, "reused"


def test_runs_with_a_frozen_encoder_alone_and_pooled_with_others(tmp_path):
    network, reader = train_classifier(tmp_path / "others.csv", [0, 1], ["a", "b"])
    encoder = {"kind": "embedding", "model": str(save_classifier(tmp_path / "encoder", network, reader))}
    sizes = {}
    for name, teacher in (
        ("alone", encoder),
        ("pooled", {"kind": "ensemble", "members": [encoder, NBLR], "pool": "product", "folds": 2}),
    ):
        done = run(wanted(tmp_path, teacher, baseline=False), tmp_path / name)
        cost = done.evaluation.models["teacher"].cost
        assert cost.latency_ms > 0
        sizes[name] = cost.parameters
    known = {name: parameter.numel() for name, parameter in network.named_parameters() if "embeddings" in name}
    assert sizes["alone"] > sum(known.values())
    assert (tmp_path / "pooled/folds/1-of-2/teacher-0").is_dir()
    assert "done again" not in (tmp_path / "pooled/train.log").read_text(encoding="utf-8"), "it is one encoder"


def test_of_an_ensemble_with_a_regression_no_network_is_exported(tmp_path, capsys):
    network = SimpleNamespace(model=nn.Linear(2, 2), digest="a")
    solved = SimpleNamespace(model=SimpleNamespace(no_onnx=regression.NBLR.no_onnx), digest="b")
    exported = export_all({"teacher-0": network, "teacher-1": solved}, {}, tmp_path)
    assert capsys.readouterr().out == NO_ONNX
    assert exported.files == {}
    assert exported.errors.keys() == {"teacher-0", "teacher-1"}
    assert list(tmp_path.iterdir()) == []


def test_the_exported_ensemble_answers_as_the_ensemble(tmp_path):
    def both(network):
        return {"kind": "ensemble", "members": [network | {"calibrate": True}, network], "weights": [1, 2]}

    answers, material = ask(wanted(tmp_path, both), tmp_path / "run")
    texts = material.splits.validation.values

    def runner(member):
        return lambda samples: (
            teachers.RunTeacher((member,), (1.0,), material.splits).logits("validation") * (member.temperature or 1)
        )

    exported = {f"teacher-{number}": runner(member) for number, member in enumerate(answers.members)}
    np.testing.assert_allclose(answers.runner(exported)(texts), answers.logits("validation"), atol=1e-5)
    called = answers.runner({"teacher-0": exported["teacher-0"]})
    np.testing.assert_allclose(called(texts), answers.logits("validation"), atol=1e-5, err_msg="one has no ONNX form")


@pytest.mark.parametrize("kind", ["nblr", "ensemble"])
def test_activations_of_such_a_teacher_are_refused_first(tmp_path, kind):
    losses = [{"name": "fitnet", "student": "dropout", "teacher": "dropout"}]
    teacher = NBLR if kind == "nblr" else lambda network: {"kind": "ensemble", "members": [network, network]}
    settings = wanted(tmp_path, teacher, losses=losses)
    with pytest.raises(LimbeckError, match=f"a teacher of kind {kind} has none to give"):
        preflight(settings, Material(load_splits(settings.data, settings.task)))
