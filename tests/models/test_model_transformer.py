"""Pretrained encoders: which head, which layers train, what is refused."""

import json
import logging

import pytest
import torch
import transformers
from model_cases import FORM, OUTPUTS, VOCABULARY, rows, save_bert
from transformers.utils import logging as transformers_logging

from limbeck.errors import LimbeckError
from limbeck.models import TransformerSettings, build_model
from limbeck.runtime import TextForm, Vocabulary


def build(path, *, count=OUTPUTS, form=FORM, **options):
    torch.manual_seed(0)
    settings = TransformerSettings(path=str(path), **options)
    return build_model(settings, outputs=count, form=form)


def test_pooled_states_come_from_the_checkpoint(tmp_path):
    source = transformers.AutoModel.from_pretrained(save_bert(tmp_path)).eval()
    lengths = [5, 1, 3]
    ids, mask = rows(lengths, tokens=6)
    for pooling in ("mean", "cls"):
        network = build(tmp_path, pooling=pooling).eval()
        for row, length in enumerate(lengths):
            states = source(input_ids=ids[row : row + 1, :length]).last_hidden_state[0]
            pooled = states.mean(0) if pooling == "mean" else states[0]
            torch.testing.assert_close(network(ids, mask)[row], network.head(pooled), rtol=1e-5, atol=1e-6)


def test_a_finetuned_classifier_keeps_its_head(tmp_path):
    source = transformers.AutoModelForSequenceClassification.from_pretrained(save_bert(tmp_path, classes=3)).eval()
    ids, mask = rows([4, 2])
    network = build(tmp_path).eval()
    assert not hasattr(network, "head")
    expected = source(input_ids=torch.where(mask.bool(), ids, VOCABULARY.pad_id), attention_mask=mask).logits
    torch.testing.assert_close(network(ids, mask), expected)
    assert network(*rows([0, 3])).isfinite().all()


def test_a_classifier_of_other_classes_gets_a_new_head(tmp_path):
    network = build(save_bert(tmp_path, classes=5))
    assert network.head.out_features == OUTPUTS
    assert network(*rows([4])).shape == (1, OUTPUTS)


def test_dropout_of_attention_weights_is_the_checkpoints_or_what_is_asked_for(tmp_path):
    save_bert(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"attention_probs_dropout_prob": 0.3}))
    rates = [
        {
            module.p
            for name, module in build(tmp_path, **given).named_modules()
            if name.endswith("attention.self.dropout")
        }
        for given in ({}, {"attention_dropout": 0.0}, {"attention_dropout": 0.2})
    ]
    assert rates == [{0.3}, {0.0}, {0.2}]


def test_a_network_without_such_dropout_says_so(tmp_path):
    transformers.FNetModel(
        transformers.FNetConfig(
            vocab_size=VOCABULARY.size, hidden_size=8, num_hidden_layers=1, intermediate_size=8, type_vocab_size=1
        )
    ).save_pretrained(tmp_path)
    with pytest.raises(LimbeckError, match=r"attention_dropout: `fnet` has no dropout of attention weights"):
        build(tmp_path, attention_dropout=0.0)


@pytest.mark.parametrize("classes", [None, OUTPUTS])
def test_frozen_layers_have_no_gradient(tmp_path, classes):
    save_bert(tmp_path, classes=classes, layers=3)
    network = build(tmp_path, freeze=2).train()
    network(*rows([4, 2])).sum().backward()
    reached = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert not [name for name in reached if "embeddings" in name or ".layer.0." in name or ".layer.1." in name]
    assert [name for name in reached if ".layer.2." in name]
    only_embeddings = build(tmp_path, freeze_embeddings=True)
    frozen = {name for name, parameter in only_embeddings.named_parameters() if not parameter.requires_grad}
    assert frozen
    assert all("embeddings" in name for name in frozen)
    assert all(parameter.requires_grad for parameter in build(tmp_path).parameters())


def test_lower_layers_can_be_kept_alone(tmp_path):
    save_bert(tmp_path, layers=3)
    short, whole = build(tmp_path, layers=1), build(tmp_path)
    kept = short.encoder.state_dict()
    assert len(short.encoder.encoder.layer) == 1
    assert all(torch.equal(value, whole.encoder.state_dict()[name]) for name, value in kept.items())


FAMILIES = {
    "DistilBert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24},
    "Roberta": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24},
    "Electra": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24},
    "MPNet": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_other_families_keep_the_promises(family, tmp_path):
    config = getattr(transformers, f"{family}Config")(
        vocab_size=40, max_position_embeddings=64, pad_token_id=VOCABULARY.pad_id, **FAMILIES[family]
    )
    getattr(transformers, f"{family}Model")(config).save_pretrained(tmp_path)
    network = build(tmp_path, freeze=1).eval()
    expected = network(*rows([4, 1, 0, 6]))
    torch.testing.assert_close(network(*rows([4, 1, 0, 6], tokens=15)), expected, rtol=1e-5, atol=1e-6)
    assert expected.isfinite().all()
    assert {parameter.requires_grad for parameter in network.encoder.parameters()} == {True, False}
    assert len(list(build(tmp_path, layers=1).parameters())) < len(list(network.parameters()))


def test_a_decoder_that_names_no_padding_finds_the_end_of_a_text(tmp_path):
    """By the tokenizer's padding token."""
    config = transformers.GPT2Config(
        vocab_size=40,
        n_positions=64,
        n_embd=16,
        n_layer=1,
        n_head=2,
        num_labels=OUTPUTS,
        bos_token_id=0,
        eos_token_id=0,
    )
    transformers.GPT2ForSequenceClassification(config).save_pretrained(tmp_path)
    network = build(tmp_path).eval()
    ids, mask = rows([4, 1, 6])
    alone = [network(ids[row : row + 1, :length], mask[row : row + 1, :length]) for row, length in enumerate([4, 1, 6])]
    torch.testing.assert_close(network(ids, mask), torch.cat(alone), rtol=1e-5, atol=1e-6)


def test_half_precision_checkpoints_become_float32(tmp_path):
    transformers.AutoModel.from_pretrained(save_bert(tmp_path)).half().save_pretrained(tmp_path)
    network = build(tmp_path)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_an_asset_is_looked_up_by_name(tmp_path, monkeypatch):
    save_bert(tmp_path)
    monkeypatch.setattr("limbeck.modalities.text.tokenizers.asset", lambda name: {"minilm": tmp_path}[name])
    assert build("minilm")(*rows([3])).shape == (1, OUTPUTS)


def test_what_cannot_be_loaded_is_refused(tmp_path):
    save_bert(tmp_path / "good")
    larger = TextForm.of(Vocabulary(tuple(f"word{i}" for i in range(41)), pad_id=1))
    refusals = [
        (lambda: build(tmp_path / "good", form=larger), "tokenizer has 41 tokens but the model only 40"),
        (lambda: build(tmp_path / "good", layers=3), "cannot keep 3 and freeze 0 of 2 layers"),
        (lambda: build(tmp_path / "good", layers=1, freeze=2), "cannot keep 1 and freeze 2 of 2 layers"),
        (lambda: build(tmp_path / "nowhere"), "nowhere: no such folder"),
        (lambda: build("nobody/has-this-model"), "cannot load the model"),
    ]
    for call, message in refusals:
        with pytest.raises(LimbeckError, match=message):
            call()


class _Payload:
    """A pickle that would run code when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickled_weights_are_read_as_tensors_only(tmp_path):
    """And not at all where there are safetensors."""
    bert, both, bad = (save_bert(tmp_path / name, classes=OUTPUTS) for name in ("bert", "both", "bad"))
    expected = build(bert)(*rows([4, 2])).detach()
    model = transformers.AutoModelForSequenceClassification.from_pretrained(bert)
    torch.save(model.state_dict(), bert / "pytorch_model.bin")
    (bert / "model.safetensors").unlink()
    assert torch.equal(build(bert).eval()(*rows([4, 2])), build(both).eval()(*rows([4, 2])))
    assert expected.shape == (2, OUTPUTS)
    for folder in (both, bad):
        torch.save({"state": _Payload(tmp_path / "ran")}, folder / "pytorch_model.bin")
    (bad / "model.safetensors").unlink()
    build(both)
    with pytest.raises(LimbeckError, match="hold more than tensors, which is never unpickled") as caught:
        build(bad)
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "ran").exists()


def test_weights_in_several_files(tmp_path):
    whole = build(save_bert(tmp_path / "whole", classes=OUTPUTS)).eval()
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "whole")
    model.save_pretrained(tmp_path / "parts", max_shard_size="8KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    assert torch.equal(build(tmp_path / "parts").eval()(*rows([4, 2])), whole(*rows([4, 2])))


def test_code_of_a_checkpoint_is_never_run(tmp_path):
    save_bert(tmp_path)
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Mine: pass\n")
    config = json.loads((tmp_path / "config.json").read_text())
    for kind in ("bert", "my-own"):  # also where transformers knows the architecture: their code may read it otherwise
        (tmp_path / "config.json").write_text(
            json.dumps(config | {"model_type": kind, "auto_map": {"AutoConfig": "mine.Mine", "AutoModel": "mine.Mine"}})
        )
        with pytest.raises(LimbeckError, match=r"config\.json asks for Python code of the checkpoint \(`auto_map`\)"):
            build(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_its_own_outputs_in_the_order_of_the_classes(tmp_path):
    save_bert(
        tmp_path, classes=4, id2label=dict(enumerate("abcd")), label2id={name: i for i, name in enumerate("abcd")}
    )
    source = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    ids, mask = rows([4, 4])
    for outputs, columns in ((["c", "a", "d"], [2, 0, 3]), (["1", "c", "a"], [1, 2, 0])):
        logits = build(tmp_path, outputs=outputs).eval()(input_ids=ids, attention_mask=mask)
        torch.testing.assert_close(logits, source(input_ids=ids, attention_mask=mask).logits[:, columns])
    assert build(tmp_path, count=4, outputs=[]).head.out_features == 4
    network = build(tmp_path, outputs=["c", "a", "d"])
    network(input_ids=ids, attention_mask=mask)[:, 1].sum().backward()
    assert network.network.encoder.classifier.weight.grad.abs().sum(1).nonzero().flatten().tolist() == [0]
    with pytest.raises(LimbeckError, match="no output `e`"):
        build(tmp_path, outputs=["c", "a", "e"])
    with pytest.raises(LimbeckError, match="2 outputs are named where 3 are needed"):
        build(tmp_path, outputs=["c", "a"])


def test_missing_weights_are_not_made_up(tmp_path):
    from safetensors.torch import load_file, save_file

    save_bert(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LimbeckError, match=r"lacks 1 of the network's weights, among them `encoder\.layer\.1"):
        build(tmp_path)


def test_loading_is_quiet_and_leaves_the_logger_as_it_was(tmp_path, capfd):
    before = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    build(save_bert(tmp_path, layers=3), layers=1)  # the weights of two layers go unused
    capfd.readouterr()
    build(tmp_path, layers=1)
    assert capfd.readouterr() == ("", "")
    assert (transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()) == before
    assert logging.getLogger("transformers").level == before[0]
