"""Fine-tuning of images and sounds: the folder's processor, its head or a new one, and what a later run finds."""

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
    SHORT,
    SOUND_ORDER,
    named,
    resnet,
    says_of_images,
    vit,
    wav2vec2,
    write_images,
    write_sounds,
)

from limbeck.errors import LimbeckError
from limbeck.pipeline.training.handing import hand_on_networks
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import load_recipe
from made_rows import numbers_of, splits_of

sys.path += [str(Path(__file__).parent.parent / name) for name in ("bad_input", "pipeline")]
from workshop import command, export_quickly

TRAINED = [
    *SHORT,
    "teacher.finetune=true",
    "teacher.train={steps: 12, batch_size: 16, lr: 1.0e-2, head_lr_scale: 1, validations: 1}",
]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images") / "pictures", 90)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return write_sounds(tmp_path_factory.mktemp("sounds") / "clips", 84)


def line_of(kind: str, source: Path, folder: Path, *more: str) -> list[str]:
    recipe = {"image": "digits", "audio": "spoken-digits"}[kind]
    reads = {
        "image": ["student.reads={kind: image, size: 12}"],
        "audio": ["teacher.reads={kind: audio}", "student.reads={kind: audio, rate: 8000, seconds: 0.3}"],
    }[kind]
    teacher = [f"data.source={source}", "teacher.kind=transformers", f"teacher.model={folder}"]
    return [recipe, *teacher, *reads, *TRAINED, *more]


def trained(line: list[str], out: Path):
    """Return the settled recipe, its splits, and what answers."""
    recipe = load_recipe(line[0], line[1:])
    splits = splits_of(recipe)
    settled = settle(recipe, Material(splits))
    made = train_teacher(settled, Material(splits), out)
    return settled, splits, ask_teacher(settled, made, splits, out)


def accuracy(answers, split="validation"):
    return (answers.logits(split).argmax(1) == numbers_of(getattr(answers.splits, split))).mean()


@pytest.mark.parametrize("make", [vit, resnet])
def test_a_head_in_another_order_is_trained_on(make, images, tmp_path, capsys):
    from transformers import AutoModelForImageClassification

    folder = make(tmp_path / "m")
    settled, _, answers = trained(line_of("image", images, folder), tmp_path / "run")
    said = " ".join(capsys.readouterr().out.split())
    assert "is fine-tuned on 1" in said
    assert "its head keeps its outputs: outputs by their names: bright is bright, dark is dark, grey is grey" in said
    assert accuracy(answers) > 0.9
    (network,) = answers.networks.values()
    found = network.model.state_dict()
    before = AutoModelForImageClassification.from_pretrained(folder).state_dict()
    moved = [key for key, value in before.items() if not torch.equal(found[f"network.encoder.{key}"].cpu(), value)]
    assert any("classifier" in key for key in moved)
    assert [key for key in moved if "classifier" not in key], "the encoder learns too"
    assert settled.teacher.reads.mean == pytest.approx((0.5, 0.5, 0.5)) or make is resnet


def test_before_any_step_it_says_what_plain_transformers_says(images, tmp_path):
    folder = vit(tmp_path / "m")
    recipe = line_of("image", images, folder)
    loaded = load_recipe(recipe[0], recipe[1:])
    splits = splits_of(loaded)
    material = Material(splits)
    settings = settle(loaded, material).teacher.network
    network = material.build(settings, seed=0).eval()
    rows = material.view(settings).validation
    with torch.no_grad():
        found = network(pixels=torch.from_numpy(rows.batch(np.arange(len(rows)))["pixels"]))
    plain = says_of_images(folder, [value.source for value in splits.validation.values])
    np.testing.assert_allclose(found.numpy(), plain[:, [ORDER.index(name) for name in CLASSES]], atol=1e-5, rtol=0)


def test_other_labels_get_a_new_head(images, tmp_path, capsys):
    from transformers import ViTModel

    folder = named(vit(tmp_path / "m", ["fog", "sun", "rain", "snow"]), ["fog", "sun", "rain", "snow"])
    answers = trained(line_of("image", images, folder), tmp_path / "run")[-1]
    said = " ".join(capsys.readouterr().out.split())
    assert "its head of 4 outputs gives way to one of 3" in said
    assert answers.networks["teacher"].model.head.out_features == 3
    assert accuracy(answers) > 0.6
    ViTModel.from_pretrained(folder).save_pretrained(tmp_path / "encoder")
    (tmp_path / "encoder/preprocessor_config.json").write_text((folder / "preprocessor_config.json").read_text())
    trained(line_of("image", images, tmp_path / "encoder"), tmp_path / "other")
    assert "is fine-tuned on 16 x 16 pixels; it gets a head" in " ".join(capsys.readouterr().out.split())


def test_a_later_run_takes_it_as_it_is(images, tmp_path):
    folder, out = vit(tmp_path / "m"), tmp_path / "run"
    settled, splits, answers = trained(line_of("image", images, folder, "teacher.labels={}"), out)
    (out / "recipe.yaml").write_text(settled.to_yaml())
    hand_on_networks(settled, splits.task, answers, {}, out)
    line = [each for each in line_of("image", images, folder) if not each.startswith("teacher.")]
    again = trained([*line, f"teacher={{kind: run, path: {out}, model: teacher}}"], tmp_path / "later")[-1]
    np.testing.assert_array_equal(again.logits("validation"), answers.logits("validation"))


def test_a_classifier_of_sounds_is_trained_on_and_again_to_the_same_bits(sounds, tmp_path, capsys):
    folder = wav2vec2(tmp_path / "m")
    line = line_of("audio", sounds, folder, "teacher.train.steps=4", "teacher.train.lr=1e-3")
    answers = trained(line, tmp_path / "run")[-1]
    said = " ".join(capsys.readouterr().out.split())
    assert "is fine-tuned at 4,000 samples a second; its head keeps its outputs" in said
    assert "parameters are trained" in said, "the convolutions over samples stay as they are"
    assert accuracy(answers) > 0.8
    other = trained(line, tmp_path / "other")[-1]
    np.testing.assert_array_equal(other.logits("validation"), answers.logits("validation"))


def test_another_size_or_rate_is_refused_with_both_values(images, sounds, tmp_path):
    with pytest.raises(LimbeckError, match="was trained with size 16, and the recipe says 32"):
        trained(line_of("image", images, vit(tmp_path / "v"), "teacher.reads={kind: image, size: 32}"), tmp_path / "r")
    with pytest.raises(LimbeckError, match="was trained with rate 4000, and the recipe says 8000"):
        trained(line_of("audio", sounds, wav2vec2(tmp_path / "w"), "teacher.reads.rate=8000"), tmp_path / "r")


def test_one_line_from_a_cold_start(images, tmp_path, capsys, monkeypatch):
    """With copies of the recipe's augmentation, which the teacher sees too."""
    export_quickly(monkeypatch)
    monkeypatch.chdir(tmp_path)
    line = line_of("image", images, vit(tmp_path / "m"), "data.augment={copies: 1, flip: 0.5}")
    assert command("run", *line, "--out", "out") == 0, capsys.readouterr().err
    assert (tmp_path / "out/networks/teacher/network.json").is_file()
    assert "pretrained_image" in (tmp_path / "out/networks/teacher/network.json").read_text()


assert list(PITCHES) != SOUND_ORDER, "outputs of the classifiers stand in another order than the data's classes"
