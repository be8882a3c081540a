"""What every network of the catalogue promises, and every one of texts. A new entry inherits all of it."""

import pytest
import torch
import torch.nn.functional as F
from model_cases import (
    CASES,
    OUTPUTS,
    SETTINGS,
    case_id,
    cases_of,
    example_for,
    network_for,
    rows,
    save_bert,
    settings_for,
)
from pydantic import ValidationError
from safetensors.torch import load, save

from limbeck.errors import LimbeckError
from limbeck.models import MODELS, build_model
from limbeck.runtime.readers import Form

LENGTHS = [4, 1, 7, 0, 2]
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(params=cases_of("text"), ids=case_id)
def network(request, checkpoint):
    return network_for(*request.param, checkpoint).eval()


def test_logits_are_float32_and_finite(network):
    logits = network(*rows(LENGTHS))
    assert logits.shape == (len(LENGTHS), OUTPUTS)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_it_answers_the_example_of_what_it_reads(case, checkpoint):
    model = MODELS[case[0]]
    inputs = example_for(case[0])
    logits = network_for(*case, checkpoint).eval()(**inputs)
    places = {"example": (2,), "token": tuple(next(iter(inputs.values())).shape)}
    assert logits.shape == (*places[model.per], OUTPUTS)


@pytest.mark.parametrize("name", MODELS)
def test_it_refuses_what_it_does_not_read(name, checkpoint):
    settings = settings_for(name, {}, checkpoint)
    with pytest.raises(LimbeckError, match=f"`{name}` reads {MODELS[name].reads}, and `reads` is of kind smells"):
        build_model(settings, outputs=OUTPUTS, form=Form("smells", {}, {}))


def test_padding_changes_nothing(network):
    expected = network(*rows(LENGTHS))
    torch.testing.assert_close(network(*rows(LENGTHS, tokens=20)), expected, **CLOSE)


def test_other_rows_change_nothing(network):
    ids, mask = rows(LENGTHS)
    expected = network(ids, mask)
    for row, length in enumerate(LENGTHS):
        tokens = max(length, 1)  # a batch of one, without padding; one of them is a text of one token
        alone = network(ids[row : row + 1, :tokens], mask[row : row + 1, :tokens])
        torch.testing.assert_close(alone, expected[row : row + 1], **CLOSE)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(network(ids[order], mask[order]), expected[order], **CLOSE)


def test_the_text_matters(network):
    mask = rows([6])[1]
    first, second = (network(rows([6], seed=seed)[0], mask) for seed in (1, 2))
    assert not torch.allclose(first, second)


def test_a_bool_mask_is_as_good_as_an_integer_one(network):
    ids, mask = rows(LENGTHS)
    assert torch.equal(network(ids, mask.bool()), network(ids, mask))


def test_training_reaches_every_trainable_parameter(network):
    ids, mask = rows([9, 8, 7, 6, 3, 1, 0, 12])
    F.cross_entropy(network.train()(ids, mask), torch.arange(8) % OUTPUTS).backward()
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            assert parameter.grad is None, name
            continue
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # Attention is blind to a bias that all its keys share.
        assert parameter.grad.any() or name.endswith("key.bias"), name


def test_training_survives_empty_and_dropped_texts(network):
    for seed in range(5):
        torch.manual_seed(seed)
        logits = network.train()(*rows([1, 0, 2, 1]))
        assert logits.isfinite().all()


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_a_seed_gives_the_same_network(case, checkpoint):
    first, second, other = (network_for(*case, checkpoint, seed=seed).eval() for seed in (3, 3, 4))
    batch = example_for(case[0])
    assert torch.equal(first(**batch), second(**batch))
    assert not torch.equal(first(**batch), other(**batch))


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_weights_travel_through_safetensors(case, checkpoint):
    first, second = (network_for(*case, checkpoint, seed=seed).eval() for seed in (3, 4))
    second.load_state_dict(load(save(first.state_dict())))
    batch = example_for(case[0])
    assert torch.equal(first(**batch), second(**batch))


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_settings_survive_writing_and_reading(case, checkpoint):
    settings = settings_for(*case, checkpoint)
    assert SETTINGS.validate_python(SETTINGS.dump_python(settings, mode="json")) == settings
    assert SETTINGS.validate_json(SETTINGS.dump_json(settings)) == settings
    assert SETTINGS.validate_python(settings) == settings


@pytest.mark.parametrize("name", MODELS)
def test_settings_are_frozen_described_and_closed(name, checkpoint):
    settings = settings_for(name, {}, checkpoint)
    with pytest.raises(ValidationError, match="frozen"):
        settings.name = "other"
    with pytest.raises(ValidationError, match="colour"):
        settings_for(name, {"colour": "red"}, checkpoint)
    for field in type(settings).model_fields:
        description = type(settings).model_json_schema()["properties"][field].get("description")
        assert description or field == "name", field
    assert MODELS[name].settings is type(settings)
    assert MODELS[name].name == name
    assert 0 < len(MODELS[name].summary) < 100
