"""Finished classifiers of images and sounds from a folder: their own answers, and the lines where they do not fit."""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
import torch
from folders_of_transformers import (
    CLASSES,
    ORDER,
    PITCHES,
    RATE,
    SHORT,
    SOUND_ORDER,
    named,
    of_features,
    resnet,
    says_of_images,
    says_of_sounds,
    vit,
    wav2vec2,
    write_images,
    write_sounds,
)
from safetensors.torch import load_file, save_file

from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import load_recipe
from limbeck.runtime.sounds import decoded, resampled, sound_of
from made_rows import numbers_of, splits_of

sys.path += [str(Path(__file__).parent.parent / name) for name in ("bad_input", "pipeline")]
from classifiers import save_classifier, train_classifier
from tiny import write_csv
from workshop import command


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images") / "pictures")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return write_sounds(tmp_path_factory.mktemp("sounds") / "clips")


def of_images(source: Path, folder: Path, *more: str):
    model = f"teacher.model={folder}"
    size = "student.reads={kind: image, size: 12}"
    return load_recipe("digits", [f"data.source={source}", "teacher.kind=transformers", model, size, *SHORT, *more])


def of_sounds(source: Path, folder: Path, *more: str):
    model = f"teacher.model={folder}"
    reads = ["teacher.reads={kind: audio}", "student.reads={kind: audio, rate: 8000, seconds: 0.3}"]
    return load_recipe(
        "spoken-digits", [f"data.source={source}", "teacher.kind=transformers", model, *reads, *SHORT, *more]
    )


def answered(recipe, folder: Path):
    """Return the recipe's test rows, the teacher's logits for them, and what was made."""
    splits = splits_of(recipe)
    settled = settle(recipe, Material(splits))
    made = train_teacher(settled, Material(splits), folder)
    answers = ask_teacher(settled, made, splits, folder)
    return splits.test, answers.logits("test"), settled, answers


def test_a_classifier_of_texts_says_what_plain_transformers_says(tmp_path, monkeypatch, capsys):
    """From a cold start: its own accuracy, whose outputs stand in another order than the data's classes."""
    from transformers import BertForSequenceClassification, PreTrainedTokenizerFast

    order = [3, 0, 4, 1, 2]
    network, reader = train_classifier(tmp_path / "known.csv", order, [f"CLASS_{number}" for number in order])
    folder = save_classifier(tmp_path / "m", network, reader)
    source = write_csv(tmp_path / "rows.csv", classes=5)
    line = ["sentiment", f"data.source={source}", "teacher.kind=transformers", f"teacher.model={folder}", *SHORT]
    line += ["student.model={name: ngrams, dim: 4, buckets: 64}", "data.labelled_per_batch=4"]
    rows, found, *_ = answered(load_recipe(line[0], line[1:]), tmp_path / "run")
    plain = BertForSequenceClassification.from_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    with torch.no_grad():
        logits = [plain(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).logits for text in rows.values]
    expected = torch.cat(logits)[:, [order.index(number) for number in range(5)]].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
    monkeypatch.chdir(tmp_path)
    assert command("run", *line, "--out", "out") == 0, capsys.readouterr().err
    evaluation = json.loads((tmp_path / "out/evaluation.json").read_text())
    own = float((expected.argmax(1) == numbers_of(rows)).mean())
    assert evaluation["models"]["teacher"]["scores"]["accuracy"] == pytest.approx(own, abs=1e-9)
    assert own > 0.9


def columns(order: list[str], classes: list[str]) -> list[int]:
    return [order.index(name) for name in classes]


def heard(rows, rate: int) -> list[np.ndarray]:
    """Return sounds as a file holds them, at another rate."""
    found = []
    for clip in rows.values:
        samples, own = decoded(sound_of(clip.sound if hasattr(clip, "sound") else clip, ""))
        found.append(resampled(samples, own, rate))
    return found


@pytest.mark.parametrize("make", [vit, resnet])
def test_a_classifier_of_images_says_what_plain_transformers_says(make, images, tmp_path, capsys):
    folder = make(tmp_path / "m")
    rows, found, settled, _ = answered(of_images(images, folder), tmp_path / "run")
    expected = says_of_images(folder, [value.source for value in rows.values])[:, columns(ORDER, CLASSES)]
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
    assert (found.argmax(1) == numbers_of(rows)).mean() > 0.9
    said = " ".join(capsys.readouterr().out.split())
    assert "is taken as it is on 16 x 16 pixels" in said or "on 18 x 18 pixels" in said
    assert "outputs by their names: bright is bright, dark is dark, grey is grey" in said
    assert settled.teacher.reads.mean == pytest.approx((0.5, 0.5, 0.5))


@pytest.mark.parametrize("norm", ["group", "layer"])
@pytest.mark.parametrize("normalise", [True, False])
def test_a_classifier_of_sounds_says_what_plain_transformers_says(norm, normalise, sounds, tmp_path, capsys):
    """Whatever the length of a sound and of those beside it; the data have another rate."""
    folder = wav2vec2(tmp_path / "m", norm=norm, do_normalize=normalise)
    recipe = of_sounds(sounds, folder, "teacher.accept_bad=true")
    rows, found, settled, _ = answered(recipe, tmp_path / "run")
    clips = heard(rows, RATE)
    assert len({len(clip) for clip in clips}) > 1
    expected = says_of_sounds(folder, clips)[:, columns(SOUND_ORDER, list(PITCHES))]
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
    assert (found.argmax(1) == numbers_of(rows)).mean() > 0.9
    assert settled.teacher.reads.rate == RATE
    assert "is taken as it is at 4,000 samples a second" in " ".join(capsys.readouterr().out.split())


def test_a_classifier_on_its_own_features_says_what_plain_transformers_says(sounds, tmp_path, capsys):
    folder = of_features(tmp_path / "m")
    rows, found, _, _ = answered(of_sounds(sounds, folder, "teacher.accept_bad=true"), tmp_path / "run")
    expected = says_of_sounds(folder, heard(rows, 8000), rate=8000)[:, columns(SOUND_ORDER, list(PITCHES))]
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
    assert "is done again in every run" not in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("modality", ["image", "audio"])
def test_one_line_from_a_cold_start(modality, images, sounds, tmp_path, capsys, monkeypatch):
    make, source, order = {"image": (vit, images, CLASSES), "audio": (wav2vec2, sounds, list(PITCHES))}[modality]
    folder = make(tmp_path / "m")
    of = {"image": of_images, "audio": of_sounds}[modality](source, folder)
    monkeypatch.chdir(tmp_path)
    reads = {
        "image": ["student.reads={kind: image, size: 12}"],
        "audio": ["teacher.reads.seconds=null", "student.reads={kind: audio, rate: 8000, seconds: 0.3}"],
    }[modality]
    line = ["run", {"image": "digits", "audio": "spoken-digits"}[modality], f"data.source={source}"]
    line += ["teacher.kind=transformers", f"teacher.model={folder}", *reads, *SHORT, "--out", "out"]
    assert command(*line) == 0, capsys.readouterr().err
    evaluation = json.loads((tmp_path / "out/evaluation.json").read_text())
    rows = splits_of(of).test
    if modality == "image":
        plain = says_of_images(folder, [value.source for value in rows.values])
    else:
        plain = says_of_sounds(folder, heard(rows, RATE))
    plain = plain[:, columns(ORDER if modality == "image" else SOUND_ORDER, order)]
    own = float((plain.argmax(1) == numbers_of(rows)).mean())
    assert evaluation["models"]["teacher"]["scores"]["accuracy"] == pytest.approx(own, abs=1e-9)
    assert own > 0.9
    again = load_recipe(str(tmp_path / "out/recipe.yaml"))
    assert run(again, tmp_path / "out").evaluation.score("teacher") == pytest.approx(own, abs=1e-9)
    assert "done again" not in capsys.readouterr().out, "what is settled stays as it is"


# --- what does not fit ------------------------------------------------------------------------------------------------


def refused(recipe) -> str:
    with pytest.raises(LimbeckError) as caught:
        settle(recipe, Material(splits_of(recipe)))
    return str(caught.value)


def test_another_size_and_another_rate_are_refused_with_both_values(images, sounds, tmp_path):
    line = refused(of_images(images, vit(tmp_path / "v"), "teacher.reads={kind: image, size: 32}"))
    assert line.startswith("teacher.reads.size: ")
    assert "was trained with size 16, and the recipe says 32" in line
    line = refused(of_sounds(sounds, wav2vec2(tmp_path / "w"), "teacher.reads={kind: audio, rate: 8000}"))
    assert line.startswith("teacher.reads.rate: ")
    assert "was trained with rate 4000, and the recipe says 8000" in line


def test_permuted_labels_are_refused_with_the_line_that_mends_it(images, tmp_path):
    folder = named(vit(tmp_path / "v"), ["grey", "dark", "bright"])
    with pytest.raises(LimbeckError, match="the outputs seem to be named wrong") as caught:
        answered(of_images(images, folder), tmp_path / "run")
    assert "'teacher.labels={bright: dark, dark: bright, grey: grey}'" in str(caught.value)
    mended = of_images(images, folder, "teacher.labels={bright: dark, dark: bright, grey: grey}")
    rows, found, *_ = answered(mended, tmp_path / "other")
    assert (found.argmax(1) == numbers_of(rows)).mean() > 0.9


def test_another_number_of_labels_is_refused_until_the_classes_are_named(images, tmp_path):
    folder = vit(tmp_path / "v", ["fog", "grey", "bright", "dark"])
    line = refused(of_images(images, folder))
    assert "the teacher has 4 outputs (`fog`, `grey`, `bright`, `dark`), and the data 3 classes" in line
    labels = "teacher.labels={grey: grey, bright: bright, dark: dark}"
    rows, found, *_ = answered(of_images(images, folder, labels), tmp_path / "run")
    expected = says_of_images(folder, [value.source for value in rows.values])[:, [2, 3, 1]]
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_a_folder_of_another_modality(images, sounds, tmp_path):
    line = refused(of_images(images, wav2vec2(tmp_path / "w")))
    assert "classifies sounds, and the data are images; take one of images, or name the column with the sounds" in line
    line = refused(of_sounds(sounds, vit(tmp_path / "v")))
    assert "classifies images, and the data are sounds" in line


def test_a_folder_without_a_head_is_not_taken_as_it_is(images, tmp_path):
    from transformers import ViTModel

    folder = vit(tmp_path / "v")
    ViTModel.from_pretrained(folder).save_pretrained(tmp_path / "encoder")
    line = refused(of_images(images, tmp_path / "encoder"))
    assert "has no head that classifies" in line
    assert "set it to true, which trains a new head, or give the folder of a `...ForImageClassification`" in line


# --- another teacher --------------------------------------------------------------------------------------------------


def names(recipe, folder: Path) -> tuple[str, str]:
    """Return what names the teacher's answers and what it reads."""
    splits = splits_of(recipe)
    settled = settle(recipe, Material(splits))
    (made,) = train_teacher(settled, Material(splits), folder).members
    return made.answers_as, made.view.digest


def test_another_weight_normalisation_or_size_is_another_teacher(images, tmp_path):
    folder = vit(tmp_path / "v")
    recipe = of_images(images, folder)
    first = names(recipe, tmp_path / "run")
    assert names(recipe, tmp_path / "again") == first
    keys = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(keys | {"image_mean": [0.4, 0.5, 0.5]}))
    other = names(recipe, tmp_path / "run")
    assert other[0] != first[0]
    assert other[1] != first[1]
    (folder / "preprocessor_config.json").write_text(json.dumps(keys | {"resample": 3}))
    assert names(recipe, tmp_path / "run")[1] not in (first[1], other[1])
    (folder / "preprocessor_config.json").write_text(json.dumps(keys))
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"][0] += 0.1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    changed = names(recipe, tmp_path / "run")
    assert changed[0] != first[0]
    assert changed[1] == first[1]


def test_another_normalisation_of_sounds_is_another_teacher(sounds, tmp_path):
    folder = wav2vec2(tmp_path / "w")
    recipe = of_sounds(sounds, folder)
    first = names(recipe, tmp_path / "run")
    keys = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(keys | {"do_normalize": False}))
    assert names(recipe, tmp_path / "run")[0] != first[0]
    (folder / "preprocessor_config.json").write_text(json.dumps(keys | {"sampling_rate": 2000}))
    assert names(recipe, tmp_path / "run")[1] != first[1]


def test_a_sound_that_is_shorter_than_a_frame_is_heard(tmp_path):
    from limbeck.modalities.audio.pretrained import feature_extractor
    from limbeck.modalities.text.pretrained import pretrained_config
    from limbeck.models.finished import sound_classifier

    folder = str(wav2vec2(tmp_path / "w"))
    network = sound_classifier(folder, pretrained_config(folder), feature_extractor(folder))
    with torch.no_grad():
        found = network(samples=torch.ones(2, 50) * 0.1, lengths=torch.tensor([3, 50]))
    assert found.isfinite().all()
    assert network.fewest == 22
