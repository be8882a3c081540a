"""Fine-tuning by low-rank adapters: what is trained, and that nothing of them is left afterwards."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("peft")
import torch
from kind_cases import TRAIN, Case, encoder
from kind_contract import Bench
from safetensors.torch import load_file

from limbeck import trainer
from limbeck.errors import LimbeckError
from limbeck.models import build_model
from limbeck.models.lora import merge_adapters
from limbeck.models.transformer import TransformerSettings
from limbeck.pipeline.training import learn as learning
from limbeck.pipeline.training.handing import hand_on_networks
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.runtime import TextForm, Vocabulary
from limbeck.settings.errors import RecipeError, validated

LORA = {"rank": 2, "alpha": 4}
INSIDE = ("query.weight", "value.weight")
"""The layers of a BERT that get an adapter: peft's choice."""


def fine_tuned(folder: Path, **keys) -> Bench:
    case = encoder(folder, finetune=True, train=TRAIN, lora=LORA, **keys)
    return Bench(Case(case.teacher | {"accept_bad": True}), folder)


def plain(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of the checkpoint, as the trained network calls them."""
    return {f"encoder.{name}": value for name, value in load_file(folder / "classifier/model.safetensors").items()}


@pytest.mark.parametrize("head", ["own", "new"])
def test_adapters_and_head_are_all_that_changes(tmp_path, capsys, head):
    bench = fine_tuned(tmp_path, **({"labels": {}} if head == "new" else {}))
    (made,) = bench.make()
    found, before = made.model.state_dict(), plain(tmp_path)
    if head == "new":  # the checkpoint's encoder without what classifies
        before = {name.replace("encoder.bert.", "encoder."): value for name, value in before.items()}
    assert not [name for name in found if "lora" in name]
    assert {type(module).__module__.split(".")[0] for module in made.model.modules()} <= {
        "torch",
        "transformers",
        "limbeck",
    }
    own = [name for name in found if name in before and "classifier" not in name]
    assert len(own) > 15
    changed = {name for name in own if not torch.equal(found[name].cpu(), before[name])}
    assert {name for name in own if name.endswith(INSIDE)} == changed
    if head == "own":
        assert not torch.equal(found["encoder.classifier.weight"], before["encoder.classifier.weight"])
    said = capsys.readouterr().out
    trained = 2 * 2 * (8 * 2) + 8 * 2 + 2  # two layers of rank 2 and width 8, and the head
    every = sum(value.numel() for value in made.model.parameters()) + 2 * 2 * 8 * 2
    assert f"teacher: {trained:,} of {every:,} parameters are trained" in said


def built(folder: Path, **keys):
    case = encoder(folder)
    settings = TransformerSettings(path=case.teacher["model"], **keys)
    tokens = len((folder / "words.csv").read_text().split())
    form = TextForm.of(Vocabulary(tuple(f"word{number}" for number in range(min(20, tokens))), pad_id=0))
    torch.manual_seed(0)
    return build_model(settings, outputs=2, form=form).eval()


def test_merged_answers_are_those_of_the_adapters(tmp_path):
    network, bare = built(tmp_path, lora=LORA), built(tmp_path)
    inputs = {"input_ids": torch.randint(1, 20, (5, 7)), "attention_mask": torch.ones(5, 7, dtype=torch.int64)}
    with torch.no_grad():
        assert torch.equal(network(**inputs), bare(**inputs)), "before training they add nothing"
        for name, weight in network.named_parameters():
            if "lora_" in name:
                weight.normal_(std=3)
        adapted = network(**inputs)
        assert (adapted - bare(**inputs)).abs().max() > 1e-3
        merge_adapters(network)
        torch.testing.assert_close(network(**inputs), adapted, atol=1e-5, rtol=0)
    assert network.state_dict().keys() == bare.state_dict().keys()


def test_a_later_run_takes_it_as_a_plain_network(tmp_path):
    bench = fine_tuned(tmp_path)
    out = tmp_path / "run"
    answers = ask_teacher(bench.recipe, train_teacher(bench.recipe, bench.material(), out), bench.splits, out)
    (out / "recipe.yaml").write_text(bench.recipe.to_yaml())
    hand_on_networks(bench.recipe, bench.splits.task, answers, {}, out)
    assert '"lora": null' in (out / "networks/teacher/network.json").read_text()
    later = Bench(Case({"kind": "run", "path": str(out), "model": "teacher", "accept_bad": True}), tmp_path)
    place = tmp_path / "later"
    again = ask_teacher(later.recipe, train_teacher(later.recipe, later.material(), place), later.splits, place)
    np.testing.assert_array_equal(again.logits("validation"), answers.logits("validation"))


def test_a_training_that_was_stopped_goes_on(tmp_path, monkeypatch):
    bench = fine_tuned(tmp_path)
    bench.values["teacher"]["train"] = TRAIN | {"validations": 3}
    bench = Bench(Case(bench.values["teacher"]), tmp_path)
    (whole,) = bench.make(place="whole")
    validator, asked = learning.validator, []

    def stopped(*given, **named):
        validate = validator(*given, **named)

        def count(model):
            asked.append(1)
            if len(asked) == 2:
                raise KeyboardInterrupt
            return validate(model)

        return count

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "CHECKPOINT_EVERY_S", -1)
        patched.setattr(learning, "validator", stopped)
        with pytest.raises(KeyboardInterrupt):
            bench.make(place="stopped")
    checkpoints = [*(tmp_path / "stopped/teacher").glob("checkpoint*")]
    assert checkpoints, "after the first validation"
    (other,) = bench.make(place="stopped")
    for name, value in whole.model.state_dict().items():
        assert torch.equal(other.model.state_dict()[name], value), name
    (loaded,) = bench.make(place="stopped")
    for name, value in whole.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], value), name


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    with pytest.raises(LimbeckError, match=r"name some of its linear layers: query, key, value, dense"):
        built(tmp_path, lora=LORA | {"target_modules": ("q_proj",)})
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(
        LimbeckError, match=r"adapters are those of peft, which is not installed; pip install .*\[lora\]"
    ):
        built(tmp_path, lora=LORA)
    with pytest.raises(RecipeError, match="rank"):
        validated(TransformerSettings, {"path": "somewhere", "lora": {"rank": 0}})


def test_the_defaults_are_pefts():
    from peft import LoraConfig

    own, theirs = TransformerSettings(path="somewhere", lora={}).lora, LoraConfig()
    assert (own.rank, own.alpha, own.dropout) == (theirs.r, theirs.lora_alpha, theirs.lora_dropout)
    assert own.target_modules is theirs.target_modules is None


def test_adapters_mean_nothing_to_what_is_taken_as_it_is(tmp_path, capsys):
    case = encoder(tmp_path, finetune=False, lora=LORA)
    Bench(Case(case.teacher), tmp_path)
    assert "is taken as it is: without a meaning are lora" in capsys.readouterr().out
