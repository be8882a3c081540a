"""The n-gram network against slow loops, and its hash against fixed numbers."""

import math

import pytest
import torch
from model_cases import VOCABULARY, network_for, rows

from limbeck.models.ngrams import hash_ngrams


def reference_bucket(ngram, buckets):
    value = ngram[0] + 1
    for token in ngram[1:]:
        value = (value * 950_706_376 + token + 1) % (2**31 - 1)
    return value % buckets


def reference_sum(network, text, normalize):
    """One text of token ids: sum the vectors of all its n-grams, one by one."""
    settings = network.settings
    total, count = torch.zeros(settings.dim), 0
    for order in range(1, settings.orders + 1):
        for start in range(len(text) - order + 1):
            ngram = text[start : start + order]
            if order == 1:
                total = total + network.words.table.weight[ngram[0]]
            else:
                total = total + network.hashed.weight[reference_bucket(ngram, settings.buckets)]
            count += 1
    return total / (math.sqrt(max(count, 1)) if normalize == "sqrt" else max(count, 1))


@pytest.mark.parametrize("normalize", ["sqrt", "mean"])
@pytest.mark.parametrize("orders", [1, 2, 3, 4])
def test_logits_equal_a_loop_over_ngrams(orders, normalize):
    variant = {"orders": orders, "normalize": normalize, "buckets": 97, "dim": 6}
    network = network_for("ngrams", variant, None).eval()
    if network.hashed is not None:
        torch.nn.init.normal_(network.hashed.weight)
    lengths = [5, 1, 0, 2, 9]
    ids, mask = rows(lengths, tokens=11)
    logits = network(ids, mask)
    for row, length in enumerate(lengths):
        expected = network.head(reference_sum(network, ids[row, :length].tolist(), normalize))
        torch.testing.assert_close(logits[row], expected)


def test_the_hash_never_changes():
    """A shipped student's table is addressed by these numbers, so they are part of its format."""
    ids = torch.tensor([[0, 1, 2, 29_999, 2**31 - 3]])
    (bigrams, whole2), (trigrams, whole3) = hash_ngrams(ids, torch.ones_like(ids).bool(), 3, 32768)
    assert bigrams[0, :4].tolist() == [8394, 16787, 22409, 16736]
    assert trigrams[0, :3].tolist() == [3574, 28751, 9865]
    assert whole2.tolist() == [[True, True, True, True, False]]
    assert whole3.tolist() == [[True, True, True, False, False]]


def test_the_hash_spreads_bigrams_over_all_buckets():
    words = torch.arange(300)
    ids = torch.stack([words.repeat_interleave(300), words.repeat(300)], dim=1)
    ((buckets, _),) = hash_ngrams(ids, torch.ones_like(ids).bool(), 2, 32768)
    load = torch.bincount(buckets[:, 0], minlength=32768).float()
    # 90,000 bigrams in 32,768 buckets: a random function leaves 6.4 % empty and fills none above about 15.
    assert (load == 0).float().mean() < 0.08
    assert load.max() < 20


def test_an_ngram_with_a_dropped_token_is_dropped():
    ids = torch.tensor([[5, 6, 7, 8]])
    mask = torch.tensor([[True, False, True, True]])
    whole = [found[1].tolist() for found in hash_ngrams(ids, mask, 3, 10)]
    assert whole == [[[False, False, True, False]], [[False, False, False, False]]]


def test_word_dropout_drops_whole_tokens_in_training_only():
    network = network_for("ngrams", {"orders": 1, "word_dropout": 0.25, "normalize": "sqrt"}, None)
    with torch.no_grad():
        network.words.table.weight.fill_(1)
        network.head = torch.nn.Identity()
    mask = torch.ones(64, 100, dtype=torch.int64)
    ids = mask * 3
    kept = (network(ids, mask) ** 2)[:, 0]  # the sum of n ones over the root of n, squared
    assert torch.equal(kept.round(), kept.round().clamp(0, 100))
    assert abs(kept.mean() - 75) < 2
    assert kept.std() > 1
    torch.testing.assert_close(network.eval()(ids, mask)[:, 0] ** 2, torch.full((64,), 100.0))


def test_order_matters_from_bigrams_on():
    ids = torch.tensor([[5, 6, 7], [7, 6, 5]])
    mask = torch.ones_like(ids)
    for orders, equal in [(1, True), (2, False)]:
        logits = network_for("ngrams", {"orders": orders}, None).eval()(ids, mask)
        assert torch.allclose(logits[0], logits[1], rtol=0, atol=1e-7) == equal


def test_longer_ngrams_start_silent():
    network = network_for("ngrams", {}, None)
    assert network.hashed.weight.std().item() == pytest.approx(1e-3, rel=0.05)
    assert network.words.table.weight[2:].std().item() == pytest.approx(0.05, rel=0.1)
    assert not network.words.table.weight[VOCABULARY.pad_id].any()
