"""A classifier that a run has fine-tuned, in a folder of transformers: plain transformers says what the run says."""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.special import softmax

from limbeck.assets import ASSETS, asset, cache_folder
from limbeck.errors import LimbeckError
from limbeck.models import TransformerSettings, build_model
from limbeck.networks import TrainSettings
from limbeck.pipeline import order, run
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import parse_recipe
from limbeck.taps import Trainable
from limbeck.update import parameter_groups
from made_rows import numbers_of, splits_of

sys.path += [str(Path(__file__).parent.parent / name) for name in ("pipeline", "models")]
from encoders import write_encoder
from tiny import BAD, FILLER, GOOD, recipe, write_csv

TRAIN = {"steps": 60, "batch_size": 64, "lr": 0.01, "schedule": "constant", "validations": 1}
LENGTH = 14


def trained(values, out: Path) -> None:
    """Carry out a run up to the end of its trainings."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(order, "export_all", lambda *_: None)
        patched.setattr(order, "_evaluate", lambda *_: pytest.fail("far enough"))
        with pytest.raises(pytest.fail.Exception, match="far enough"):
            run(parse_recipe(values, "test"), out)


def tiny(folder: Path, model: Path, **teacher) -> dict:
    settings = {
        "kind": "transformers", "model": str(model), "reads": {"max_length": LENGTH}, "freeze_embeddings": False,
        "pooling": "own", "train": TRAIN,
    }  # fmt: skip
    values = recipe(write_csv(folder / "rows.csv"), seeds=[0], baseline=False, teacher=settings | teacher)
    values["data"]["labelled"] = 160
    values["student"]["train"] |= {"steps": 2, "validations": 1}
    return values


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    values = tiny(folder, write_encoder(folder / "encoder", [*GOOD, *BAD, *FILLER]))
    trained(values, folder / "out")
    return values, folder / "out"


def plain(folder: Path, texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """Return what plain transformers says, (texts, classes) probabilities, and what it calls the classes."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network, tokenizer = (kind.from_pretrained(folder) for kind in (AutoModelForSequenceClassification, AutoTokenizer))
    inputs = tokenizer(texts, truncation=True, padding=True, return_tensors="pt")
    with torch.no_grad():
        found = network.eval()(**inputs).logits.softmax(-1).numpy()
    return found, [network.config.id2label[output] for output in range(found.shape[1])]


def taken(values, folder: Path, **teacher):
    """Return the settled teacher, the splits, and its logits for the validation rows."""
    loaded = parse_recipe(values | {"teacher": teacher}, "test")
    splits = splits_of(loaded)
    settled = settle(loaded, Material(splits))
    (made,) = train_teacher(settled, Material(splits), folder).members
    return settled.teacher, splits, made.logits(made.view.validation)


def test_plain_transformers_and_both_kinds_say_what_the_run_said(before, tmp_path):
    values, out = before
    again, splits, said = taken(values, tmp_path / "one", kind="transformers", model=str(out / "teacher"))
    assert (again.finetune, again.labels, again.reads.max_length) == (False, {"0": "0", "1": "1"}, LENGTH)
    _, _, from_run = taken(values, tmp_path / "two", kind="run", path=str(out), model="teacher")
    probabilities, names = plain(out / "teacher", splits.validation.values)
    assert names == ["0", "1"]
    right = numbers_of(splits.validation)
    assert (said.argmax(1) == right).mean() > 0.7
    np.testing.assert_allclose(softmax(said, axis=1), probabilities, atol=1e-5)
    np.testing.assert_allclose(softmax(from_run, axis=1), probabilities, atol=1e-5)
    kept = {}
    for file in (out / "cache").glob("*/*.safetensors"):
        shard = load_file(file)
        kept |= dict(zip(shard["ids"].tolist(), shard["logits"].numpy(), strict=True))
    first = np.stack([kept[number] for number in splits.validation.ids.tolist()])
    np.testing.assert_allclose(softmax(first, axis=1), probabilities, atol=1e-5)


def test_its_weights_stand_in_the_folder_once(before):
    _, out = before
    assert [path.name for path in (out / "teacher").glob("*.safetensors")] == ["model.safetensors"]
    assert json.loads((out / "teacher/config.json").read_text())["architectures"] == ["BertForSequenceClassification"]


def test_a_second_run_loads_the_weights_and_trains_nothing(before, capsys):
    values, out = before
    weights, config = ((out / "teacher" / name).read_bytes() for name in ("model.safetensors", "config.json"))
    capsys.readouterr()
    trained(values, out)
    assert "done again" not in capsys.readouterr().out
    assert (out / "teacher/model.safetensors").read_bytes() == weights
    assert (out / "teacher/config.json").read_bytes() == config


def test_a_head_of_ours_leaves_no_folder_of_transformers_behind(tmp_path):
    """Whoever loaded it would get a head that nobody has trained."""
    encoder = write_encoder(tmp_path / "encoder", [*GOOD, *BAD, *FILLER])
    for pooling, there in (("own", True), ("mean", False)):
        values = tiny(tmp_path, encoder, pooling=pooling, accept_bad=True, train=TRAIN | {"steps": 1})
        trained(values, tmp_path / "out")
        assert (tmp_path / "out/teacher/config.json").is_file() == there
        assert (tmp_path / "out/teacher/model.safetensors").is_file()


def test_a_head_in_another_order_keeps_it_and_calls_its_outputs_as_the_classes(tmp_path):
    """Its outputs are `1`, `other` and `0`; it is trained on the two that the data have."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    encoder = write_encoder(tmp_path / "encoder", [*GOOD, *BAD, *FILLER])
    names = {0: "good", 1: "other", 2: "bad"}
    config = AutoConfig.from_pretrained(encoder, id2label=names, label2id={name: row for row, name in names.items()})
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(encoder)
    labels = {"good": "1", "bad": "0"}
    values = tiny(tmp_path, encoder, finetune=True, labels=labels, pooling="mean")
    trained(values, tmp_path / "out")
    about = {"kind": "run", "path": str(tmp_path / "out"), "model": "teacher"}
    _, splits, said = taken(values, tmp_path / "two", **about)
    probabilities, names = plain(tmp_path / "out/teacher", splits.validation.values)
    assert names == ["1", "other", "0"]
    pair = probabilities[:, [2, 0]]
    np.testing.assert_allclose(softmax(said, axis=1), pair / pair.sum(1, keepdims=True), atol=1e-5)


def test_only_the_head_is_new_and_it_is_drawn_from_the_seed(tmp_path):
    from model_cases import FORM, rows, save_bert

    save_bert(tmp_path)

    def build(seed: int):
        torch.manual_seed(seed)
        return build_model(TransformerSettings(path=str(tmp_path), pooling="own"), outputs=3, form=FORM).eval()

    one, same, other = build(0), build(0), build(1)
    new = {id(parameter) for parameter in one.new_parameters}
    names = {name for name, parameter in one.named_parameters() if id(parameter) in new}
    assert names == {"encoder.classifier.weight", "encoder.classifier.bias"}
    inputs = rows([5, 3])
    assert one(*inputs).shape == (2, 3)
    torch.testing.assert_close(one(*inputs), same(*inputs), rtol=0, atol=0)
    assert not torch.equal(one(*inputs), other(*inputs))


def test_a_new_head_of_transformers_has_a_learning_rate_of_its_own(tmp_path):
    from model_cases import FORM, save_bert

    settings = TransformerSettings(path=str(save_bert(tmp_path)), pooling="own")
    network = build_model(settings, outputs=3, form=FORM)
    groups = parameter_groups(Trainable(network), TrainSettings(lr=0.1, head_lr_scale=20))
    rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    head = {id(parameter) for parameter in network.encoder.classifier.parameters()}
    assert {rate for parameter, rate in rates.items() if parameter in head} == {2.0}
    assert {rate for parameter, rate in rates.items() if parameter not in head} == {0.1}


def test_a_checkpoint_that_lacks_more_than_a_head_is_refused(tmp_path):
    from model_cases import FORM, save_bert
    from safetensors.torch import save_file

    file = save_bert(tmp_path) / "model.safetensors"
    weights = {name: value for name, value in load_file(file).items() if "layer.1.output" not in name}
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(LimbeckError, match=r"the checkpoint lacks \d+ of the network's weights, among them `bert\."):
        build_model(TransformerSettings(path=str(tmp_path), pooling="own"), outputs=3, form=FORM)


def packaged(name: str) -> Path:
    """Return the folder of a packaged asset; skip where it would have to be fetched."""
    if not any((cache_folder() / "assets").glob(f"{name}-*")):
        pytest.skip(f"needs {ASSETS[name].requirement}, which `limbeck demo` fetches")
    return asset(name)


@pytest.mark.slow
def test_a_minilm_that_a_run_has_fine_tuned_is_the_same_in_plain_transformers(tmp_path):
    packaged("minilm")
    packaged("sentiment-ratings")
    teacher = {"kind": "transformers", "model": "minilm", "pooling": "own", "reads": {"max_length": 40}}
    train = {"epochs": 1, "batch_size": 16, "lr": 1e-4, "head_lr_scale": 20, "validations": 1}
    values = recipe(tmp_path / "none", seeds=[0], baseline=False)
    values["data"] = {
        "source": "sentiment-ratings", "domain": "movie", "split": {"test": 40, "validation": 100}, "labelled": 400,
        "max_unlabelled": 20,
    }  # fmt: skip
    values["teacher"] = teacher | {"train": train}
    values["student"]["train"] |= {"steps": 2, "validations": 1}
    trained(values, tmp_path / "out")
    place = tmp_path / "out/teacher"
    again, splits, finished = taken(values, tmp_path / "one", kind="transformers", model=str(place))
    assert (again.finetune, again.reads.max_length) == (False, 40)
    _, _, from_run = taken(values, tmp_path / "two", kind="run", path=str(tmp_path / "out"), model="teacher")
    probabilities, names = plain(place, splits.validation.values)
    assert names == ["negative", "positive"]
    for said in (finished, from_run):
        np.testing.assert_allclose(softmax(said, axis=1), probabilities, atol=1e-5)
        assert (said.argmax(1) == probabilities.argmax(1)).all(), "the same accuracy"
    assert (probabilities.argmax(1) == numbers_of(splits.validation)).mean() > 0.6
