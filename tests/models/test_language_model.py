"""A language model on a recurrent network's first layer: what it predicts, from what, and how it is sampled."""

import math

import numpy as np
import pytest
import torch
from model_cases import FORM, VOCABULARY, rows

from limbeck.models.language_model import LanguageModel
from limbeck.models.recurrent import BiGRUSettings, BiLSTMSettings, Recurrent

WORDS = VOCABULARY.size
CASES = [BiLSTMSettings(hidden=4, dim=5, layers=2), BiGRUSettings(hidden=3, dim=5, bidirectional=False, dropout=0.5)]


def language_model(settings=CASES[0], *, negatives=8):
    torch.manual_seed(0)
    network = Recurrent(settings, outputs=2, form=FORM)
    return LanguageModel(network, negatives=negatives).eval()


def drawn(model):
    """Return the sampled words, each as often as it was drawn."""
    negatives, corrections = model._sample(torch.device("cpu"))
    times = (corrections + model._log_expected(negatives)).exp().round().long()
    return np.repeat(negatives.numpy(), times.numpy()).tolist()


@pytest.mark.parametrize("settings", CASES)
def test_every_next_word_is_predicted_once_a_direction(settings):
    model = language_model(settings)
    ids, mask = rows([4, 1, 6])
    real = model.predictions(mask)
    directions = 2 if settings.bidirectional else 1
    assert model(ids, mask).shape == (3, directions * 5, 2)
    assert real.sum(1).tolist() == [directions * n for n in (3, 0, 5)]


def test_the_first_logit_is_the_next_word_by_the_definition():
    """Position by position, with PyTorch's cell on the words before (or after) alone: nothing leaks."""
    model = language_model(negatives=32)
    ids, mask = rows([5, 3])
    logits = model(ids, mask)
    negatives = drawn(model)
    expected_count = [32 * math.log((r + 2) / (r + 1)) / math.log(WORDS + 1) for r in range(WORDS)]
    for row, length in enumerate((5, 3)):
        for direction in range(2):
            text = ids[row, :length] if direction == 0 else ids[row, :length].flip(0)
            for position in range(length - 1):
                before = model.words(text[None, : position + 1], torch.ones(1, position + 1, dtype=torch.bool))
                state = model.projections[direction](model.cells[direction](before)[0][0, -1])
                word = int(text[position + 1])
                own = state @ model.words.table.weight[word] - math.log(expected_count[word])
                found = logits[row, direction * 4 + position]
                torch.testing.assert_close(found[0], own, atol=1e-5, rtol=1e-5)
                others = [
                    (state @ model.words.table.weight[other]).item() - math.log(expected_count[other])
                    for other in negatives
                    if other != word
                ]
                total = math.log(math.fsum(map(math.exp, others)))
                assert found[1].item() == pytest.approx(total, abs=1e-5)
    assert len(set(negatives)) < len(negatives), "a word that is drawn twice counts twice"


def test_padding_changes_nothing():
    model = language_model()
    ids, mask = rows([3], tokens=3)
    wide, wide_mask = rows([3], tokens=7)
    narrow = model(ids, mask)[model.predictions(mask)]
    torch.testing.assert_close(model(wide, wide_mask)[model.predictions(wide_mask)], narrow)


def test_samples_follow_their_ranks():
    model = language_model(negatives=200_000).train()
    torch.manual_seed(3)
    counts = np.bincount(drawn(model), minlength=WORDS)
    expected = [200_000 * math.log((r + 2) / (r + 1)) / math.log(WORDS + 1) for r in range(WORDS)]
    assert len(counts) == WORDS
    np.testing.assert_allclose(counts, expected, rtol=0.05)
    torch.testing.assert_close(
        model._log_expected(torch.arange(WORDS)).exp(), torch.tensor(expected), rtol=1e-4, atol=0
    )


def test_evaluation_samples_the_same_words_each_time():
    model = language_model()
    assert drawn(model) == drawn(model)
    state = torch.get_rng_state()
    model(*rows([3]))
    assert torch.equal(torch.get_rng_state(), state), "scoring draws no number that training would have had"
    model.train()
    assert drawn(model) != drawn(model)


@pytest.mark.parametrize("settings", CASES)
def test_nothing_is_dropped(settings):
    settings = settings.model_copy(update={"dropout": 0.5, "word_dropout": 0.5})
    # Other words are sampled in training, which the first logit, the true word's, does not depend on.
    logits = [language_model(settings).train(training)(*rows([6, 5])) for training in (False, True)]
    assert torch.equal(logits[0][..., 0], logits[1][..., 0])


def test_the_networks_own_first_layer_learns():
    model = language_model().train()
    ids, mask = rows([6, 5, 4])
    (-model(ids, mask).log_softmax(-1)[..., 0])[model.predictions(mask)].mean().backward()
    network = Recurrent(CASES[0], outputs=2, form=FORM)
    learning = {name for name, value in model.named_parameters() if value.grad is not None and value.grad.any()}
    assert {"words.table.weight", "cells.0.weight_hh_l0", "cells.1.weight_hh_l0", "projections.1.weight"} <= learning
    again = LanguageModel(network, negatives=4)
    assert again.cells[0] is network.forwards[0]
    assert again.cells[1] is network.backwards[0]
    assert again.words is network.words
