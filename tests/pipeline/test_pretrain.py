"""Pretraining as a language model: who shares it, that it is redone when it must, and that nothing depends on when."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from tiny import recipe, write_csv

from limbeck import trainer
from limbeck.data import load_splits
from limbeck.errors import LimbeckError
from limbeck.modalities.text import AugmentSettings
from limbeck.pipeline import check
from limbeck.pipeline.training import pretrain as pretraining
from limbeck.pipeline.training.arms import preflight
from limbeck.pipeline.training.learn import train_network
from limbeck.pipeline.training.material import Material
from limbeck.recipe import Recipe

TRAIN = {"steps": 12, "batch_size": 16, "lr": 0.02, "validations": 3}


@pytest.fixture
def wanted(tmp_path):
    values = recipe(write_csv(tmp_path / "rows.csv"))
    model = {"name": "bilstm", "hidden": 4, "dim": 5, "layers": 2, "dropout": 0.3, "word_dropout": 0.2}
    values["teacher"] |= {"model": model, "train": TRAIN, "pretrain": {"negatives": 8, "train": TRAIN}}
    return Recipe.model_validate(values)


def train(wanted, folder, *, seed=0, name="teacher", settings=None):
    material = Material(load_splits(wanted.data, wanted.task))
    material.folder = folder
    settings = settings or wanted.teacher.network
    lesson = material.from_labels(settings)
    return train_network(settings, material, lesson, seed=seed, folder=folder / name, title=name)


def changed(wanted, changes):
    return wanted.teacher.network.changed(changes)


def weights(folder, name="teacher"):
    return load_file(folder / name / "model.safetensors")


def pretrained(folder):
    return sorted(path for path in (folder / "pretrained").iterdir())


def test_what_it_learned_is_where_training_starts(wanted, tmp_path):
    plain = changed(wanted, {"pretrain": None, "train.steps": 1, "train.lr": 1e-12})
    still = changed(wanted, {"train.steps": 1, "train.lr": 1e-12})
    train(wanted, tmp_path / "a", settings=plain)
    train(wanted, tmp_path / "a", settings=still, name="started")
    (folder,) = pretrained(tmp_path / "a")
    learned = load_file(folder / "model.safetensors")
    for name, source in (
        ("words.table.weight", "words.table.weight"),
        ("forwards.0.weight_hh_l0", "cells.0.weight_hh_l0"),
    ):
        torch.testing.assert_close(weights(tmp_path / "a", "started")[name], learned[source])
        assert (weights(tmp_path / "a")[name] - learned[source]).abs().max() > 1e-2
    # Upper layers and the head begin as they would have.
    for name in ("forwards.1.weight_hh_l0", "head.weight"):
        torch.testing.assert_close(weights(tmp_path / "a")[name], weights(tmp_path / "a", "started")[name])


def test_its_validations_are_nats_a_word(wanted, tmp_path):
    train(wanted, tmp_path)
    (folder,) = pretrained(tmp_path)
    history = json.loads((folder / "history.json").read_text())
    assert [set(record) for record in history["validations"]] == [{"step", "nats_a_word"}] * 3
    assert history["best"] == [-min(record["nats_a_word"] for record in history["validations"])]


def test_one_pretraining_a_seed_is_shared(wanted, tmp_path, monkeypatch):
    train(wanted, tmp_path)
    monkeypatch.delattr(pretraining._LanguageBatches, "group")  # nothing can be pretrained again
    longer = changed(wanted, {"train.steps": 13, "model.dropout": 0.1, "model.word_dropout": 0})
    train(wanted, tmp_path, settings=longer, name="other")
    assert len(pretrained(tmp_path)) == 1
    with pytest.raises(AttributeError):
        train(wanted, tmp_path, seed=1, name="seed-1")


def test_trained_now_or_before_the_network_is_the_same(wanted, tmp_path):
    train(wanted, tmp_path / "a")
    first = weights(tmp_path / "a")
    shutil.rmtree(tmp_path / "a" / "teacher")
    train(wanted, tmp_path / "a")
    for name, value in weights(tmp_path / "a").items():
        assert torch.equal(value, first[name]), name


@pytest.mark.parametrize("at", [2, 7])
def test_killed_and_started_again(wanted, tmp_path, monkeypatch, at):
    train(wanted, tmp_path / "whole")
    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY_S", 0.0)
    group = pretraining._LanguageBatches.group

    def killed(self, step):
        if step == at:
            raise KeyboardInterrupt
        return group(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(pretraining._LanguageBatches, "group", killed)
        with pytest.raises(KeyboardInterrupt):
            train(wanted, tmp_path / "killed")
    train(wanted, tmp_path / "killed")
    for name, value in weights(tmp_path / "whole").items():
        assert torch.equal(weights(tmp_path / "killed")[name], value), name
    assert not list(tmp_path.glob("killed/pretrained/*/checkpoint*"))


def test_nothing_is_written_outside_the_folder_of_the_network(wanted, tmp_path, monkeypatch):
    """Where the material has no folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    settings, material = wanted.teacher.network, Material(load_splits(wanted.data, wanted.task))
    lesson = material.from_labels(settings)
    train_network(settings, material, lesson, seed=0, folder=tmp_path / "run" / "teacher", title="teacher")
    assert {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*.safetensors")} == {("run", "teacher")}
    train(wanted, tmp_path / "kept")
    for name, value in weights(tmp_path / "kept").items():
        assert torch.equal(weights(tmp_path / "run")[name], value), name


def test_augmented_text_is_not_pretrained_on(wanted, tmp_path):
    """Nor are its words counted: what a text says twenty times over is no more frequent."""
    train(wanted, tmp_path)
    augment = AugmentSettings(copies=3)
    more = wanted.model_copy(update={"data": wanted.data.model_copy(update={"augment": augment})})
    assert len(load_splits(more.data, more.task).augmented) > 100
    first = weights(tmp_path)
    train(more, tmp_path)
    assert len(pretrained(tmp_path)) == 1
    assert all(torch.equal(weights(tmp_path)[name], value) for name, value in first.items())


def test_other_text_is_pretrained_on_anew(wanted, tmp_path):
    train(wanted, tmp_path)
    data = wanted.data.model_copy(update={"max_unlabelled": 20})
    train(wanted.model_copy(update={"data": data}), tmp_path)
    assert len(pretrained(tmp_path)) == 2


def test_a_network_that_cannot_be_pretrained_is_refused_first(wanted, tmp_path):
    student = wanted.student.changed({"pretrain": {"train": TRAIN}})
    material = Material(load_splits(wanted.data, wanted.task))
    with pytest.raises(LimbeckError, match="`ngrams` cannot be pretrained as a language model"):
        preflight(wanted.model_copy(update={"student": student}), material)


@pytest.mark.parametrize(("changes", "pretrainings", "timed"), [({}, 3, 2), ({"baseline": {"model.hidden": 3}}, 5, 3)])
def test_check_counts_a_pretraining_once_for_all_that_share_it(wanted, monkeypatch, changes, pretrainings, timed):
    """Of the teacher, and of each seed of a student and of a baseline that is like it; seeds take the same time."""
    model = {"name": "bigru", "hidden": 4, "dim": 5}
    student = wanted.student.changed({"model": model, "pretrain": {"train": TRAIN}})
    trials, step_seconds = [], check._step_seconds
    monkeypatch.setattr(check, "_trial", lambda *_: check.Pace(0.0, 0.0))
    monkeypatch.setattr(check, "_step_seconds", lambda *given: trials.append(step_seconds(*given)) or 1.0)
    asked = Recipe.model_validate(wanted.model_dump() | {"student": student} | changes)
    assert check.check(asked) == pretrainings * TRAIN["steps"]
    assert len(trials) == timed
