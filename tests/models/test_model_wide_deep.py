"""N-grams and convolutions together: the sum of two networks that are tested by themselves."""

import torch
from model_cases import network_for, rows

LENGTHS = [6, 1, 0, 2]


def test_logits_are_the_sum_of_both_parts():
    network = network_for("wide_deep", {"wide": {"buckets": 97}, "deep": {"filters": 4}}, None).eval()
    batch = rows(LENGTHS, tokens=8)
    with torch.no_grad():
        whole, wide, deep = network(*batch), network.wide(*batch), network.deep(*batch)
    torch.testing.assert_close(whole, wide + deep)
    assert wide.abs().sum() > 0
    assert deep.abs().sum() > 0


def test_both_parts_learn_from_what_is_missing_in_the_sum():
    """A text that one part has right already teaches the other nothing."""
    network = network_for("wide_deep", {}, None).eval()
    ids, mask = rows([6])
    with torch.no_grad():
        network.wide.head.bias.copy_(torch.tensor([50.0, 0.0, 0.0]))
    torch.nn.functional.cross_entropy(network(ids, mask), torch.tensor([0])).backward()
    assert max(parameter.grad.abs().max() for parameter in network.deep.parameters()) < 1e-12


def test_one_number_an_ngram_tells_two_classes_apart():
    network = network_for("wide_deep", {"wide": {"dim": 1, "buckets": 97}}, None)
    assert network.wide.hashed.weight.shape == (97, 1)
    assert network.wide.words.table.weight.shape[1] == 1
