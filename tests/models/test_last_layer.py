"""Which networks have a last layer whose inputs a cache can keep: those of the catalogue, and heads of transformers."""

import pytest
import torch
from model_cases import CASES, OUTPUTS, case_id, example_for, network_for, save_bert

from limbeck.errors import LimbeckError
from limbeck.lastlayer import Factoring, last_layer
from limbeck.models.given import logits_only
from limbeck.types import evaluating

WITHOUT = {"linear", "wide_deep"}
"""Networks whose logits are sums of what several layers give."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("bert"))


def require_same(network, inputs):
    with evaluating(network), torch.no_grad():
        plain = network(**inputs)
        factored, _ = Factoring(network)(**inputs)
        torch.testing.assert_close(factored.dense, plain, rtol=1e-5, atol=1e-5)
    assert last_layer(network, inputs).in_features == factored.hidden.shape[-1]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_networks_of_the_catalogue(case, checkpoint):
    name, inputs = case[0], example_for(case[0])
    network = network_for(*case, checkpoint)
    if name in WITHOUT:
        with pytest.raises(LimbeckError, match="are not the outputs of a last linear layer"):
            last_layer(network, inputs)
    else:
        require_same(network, inputs)


SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
IDS = {"input_ids": torch.tensor([[3, 4, 5], [6, 7, 1]]), "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}


def heads():
    import transformers as t

    of_texts = {"vocab_size": 20, "pad_token_id": 1, "num_labels": OUTPUTS}
    generator = torch.Generator().manual_seed(0)
    pixels = {"pixel_values": torch.randn(2, 3, 16, 16, generator=generator)}
    sound = {"input_values": torch.randn(2, 800, generator=generator)}
    vision = t.ViTConfig(image_size=16, patch_size=8, num_labels=OUTPUTS, **SIZES)
    resnet = t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], num_labels=OUTPUTS)
    convolutions = {"conv_dim": (8, 8), "conv_kernel": (10, 4), "conv_stride": (4, 4), "num_feat_extract_layers": 2}
    wav2vec2 = t.Wav2Vec2Config(
        **SIZES, **convolutions, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, classifier_proj_size=6
    )
    wav2vec2.num_labels = OUTPUTS
    bert = t.BertConfig(**of_texts, **SIZES)
    return {
        "bert": (t.BertForSequenceClassification(bert), IDS),
        "bert, tokens": (t.BertForTokenClassification(bert), IDS),
        "bert, words under a mask": (t.BertForMaskedLM(bert), IDS),
        "roberta": (t.RobertaForSequenceClassification(t.RobertaConfig(**of_texts, **SIZES)), IDS),
        "vit": (t.ViTForImageClassification(vision), pixels),
        "resnet": (t.ResNetForImageClassification(resnet), pixels),
        "wav2vec2": (t.Wav2Vec2ForSequenceClassification(wav2vec2), sound),
    }


def test_heads_of_transformers():
    torch.manual_seed(0)
    for network, inputs in heads().values():
        require_same(logits_only(network), inputs)


def test_half_precision():
    torch.manual_seed(0)
    network = logits_only(heads()["bert"][0]).bfloat16()
    with evaluating(network), torch.no_grad():
        factored, _ = Factoring(network)(**IDS)
        torch.testing.assert_close(factored.dense, network(**IDS).float(), rtol=0.02, atol=0.02)
    assert factored.hidden.dtype == factored.matrix.dtype == torch.float32
