"""The recurrent networks against PyTorch's packed cells, and the convolutions against a loop over windows."""

import pytest
import torch
from model_cases import network_for, rows
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

LENGTHS = [6, 1, 9, 3]


def packed_twin(network):
    """PyTorch's own multi-layer cell with the network's weights."""
    settings = network.settings
    kind = {"bilstm": nn.LSTM, "bigru": nn.GRU}[settings.name]
    twin = kind(
        settings.dim,
        settings.hidden,
        num_layers=settings.layers,
        bidirectional=settings.bidirectional,
        batch_first=True,
    )
    for suffix, cells in [("", network.forwards), ("_reverse", network.backwards)]:
        for layer, cell in enumerate(cells):
            for name, weight in cell.named_parameters():
                getattr(twin, name.replace("_l0", f"_l{layer}{suffix}")).data.copy_(weight.data)
    return twin


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean_max"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", ["bilstm", "bigru"])
def test_logits_equal_those_of_a_packed_sequence(name, layers, bidirectional, pooling):
    variant = {"layers": layers, "bidirectional": bidirectional, "pooling": pooling, "hidden": 4, "dim": 5}
    network = network_for(name, variant, None).eval()
    ids, mask = rows(LENGTHS, tokens=12)
    words = network.words(ids, mask.bool())
    packed = pack_padded_sequence(words, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    output, final = packed_twin(network)(packed)
    final = final[0] if name == "bilstm" else final
    states, _ = pad_packed_sequence(output, batch_first=True)
    pooled = []
    for row, length in enumerate(LENGTHS):
        own = states[row, :length]
        last = torch.cat([final[-2, row], final[-1, row]]) if bidirectional else final[-1, row]
        parts = {"last": last, "mean": own.mean(0), "max": own.amax(0)}
        pooled.append(torch.cat([parts[part] for part in pooling.split("_")]))
    torch.testing.assert_close(network(ids, mask), network.head(torch.stack(pooled)))


def test_gradients_equal_those_of_a_packed_sequence():
    network = network_for("bigru", {"layers": 2, "hidden": 4, "dim": 5}, None).eval()
    twin = packed_twin(network)
    ids, mask = rows(LENGTHS)
    network(ids, mask).square().sum().backward()
    words = network.words(ids, mask.bool()).detach()
    packed = pack_padded_sequence(words, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    _, final = twin(packed)
    network.head(torch.cat([final[-2], final[-1]], dim=1)).square().sum().backward()
    for layer in range(2):
        for cell, suffix in [(network.forwards[layer], ""), (network.backwards[layer], "_reverse")]:
            expected = getattr(twin, f"weight_hh_l{layer}{suffix}").grad
            torch.testing.assert_close(cell.weight_hh_l0.grad, expected)


def test_forget_gates_begin_open():
    """PyTorch's order of the gates: input, forget, cell, output."""
    network = network_for("bilstm", {"hidden": 5, "layers": 2}, None)
    cells = [*network.forwards, *network.backwards]
    assert len(cells) == 4
    for cell in cells:
        bias = cell.bias_ih_l0
        assert torch.equal(bias[5:10], torch.ones(5))
        assert (bias[:5].abs() < 0.5).all()
        assert (bias[10:].abs() < 0.5).all()


@pytest.mark.parametrize("pooling", ["max", "sum_max"])
@pytest.mark.parametrize("widths", [[1, 2, 3], [5]])
def test_textcnn_equals_a_loop_over_windows(widths, pooling):
    settings = {"widths": widths, "filters": 4, "dim": 3, "pooling": pooling}
    network = network_for("textcnn", settings, None).eval()
    for convolution in network.convolutions:
        nn.init.constant_(convolution.bias, 1.0)  # a window of nothing but padding would win
    lengths = [6, 1, 0, 2]
    ids, mask = rows(lengths, tokens=8)
    logits = network(ids, mask)
    for row, length in enumerate(lengths):
        words = network.words.table.weight[ids[row, :length]]
        pooled = []
        for width, convolution in zip(widths, network.convolutions, strict=True):
            padded = torch.cat([words, torch.zeros(width, 3)])
            windows = [padded[start : start + width].T for start in range(length)]
            answers = [((convolution.weight * window).sum((1, 2)) + convolution.bias).relu() for window in windows]
            answers = torch.stack(answers) if answers else torch.zeros(1, 4)
            pooled += [answers.amax(0)]
            pooled += [answers.sum(0) / len(answers) ** 0.5] if pooling == "sum_max" else []
        torch.testing.assert_close(logits[row], network.head(torch.cat(pooled)))
