"""The GRU with its gradient written down is PyTorch's."""

import pytest
import torch
from torch import nn

from limbeck.models.gru import GRU


def pair(width=3, hidden=4, dtype=torch.float64):
    torch.manual_seed(0)
    theirs = nn.GRU(width, hidden, batch_first=True, dtype=dtype)
    ours = GRU(width, hidden, batch_first=True, dtype=dtype)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def gradients(cell, inputs, upstream):
    inputs = inputs.clone().requires_grad_()
    states, last = cell(inputs)
    ((states * upstream).sum() + last.square().sum()).backward()
    return [states, last, inputs.grad, *(parameter.grad for parameter in cell.parameters())]


@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (1, 6), (5, 1), (5, 6)])
def test_states_and_gradients_are_pytorchs(batch, tokens):
    theirs, ours = pair()
    inputs = torch.randn(batch, tokens, 3, dtype=torch.float64)
    upstream = torch.randn(batch, tokens, 4, dtype=torch.float64)
    for expected, found in zip(gradients(theirs, inputs, upstream), gradients(ours, inputs, upstream), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_saturated_gates_have_finite_gradients():
    _, ours = pair(dtype=torch.float32)
    found = gradients(ours, 1e4 * torch.randn(2, 5, 3), torch.ones(2, 5, 4))
    assert all(value.isfinite().all() for value in found)


def test_a_backward_pass_can_be_repeated():
    _, ours = pair()
    states, _ = ours(torch.randn(2, 5, 3, dtype=torch.float64))
    states.sum().backward(retain_graph=True)
    once = ours.weight_hh_l0.grad.clone()
    states.sum().backward()
    torch.testing.assert_close(ours.weight_hh_l0.grad, 2 * once)


@pytest.mark.parametrize("special", ["no gradient", "autocast", "initial state"])
def test_everything_else_is_left_to_pytorch(special):
    theirs, ours = pair(dtype=torch.float32)
    inputs, state = torch.randn(2, 5, 3), torch.randn(1, 2, 4) if special == "initial state" else None
    with (
        torch.set_grad_enabled(special != "no gradient"),
        torch.autocast("cpu", torch.bfloat16, enabled=special == "autocast"),
    ):
        assert torch.equal(ours(inputs, state)[0], theirs(inputs, state)[0])
