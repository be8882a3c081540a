"""A GRU for processors, with its gradient written down.

PyTorch records some ten operations a token and sums every weight's gradient token by token. Here a token costs six
operations forward and four backward, and a weight's gradient is one matrix product.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class GRU(nn.GRU):
    """PyTorch's, faster to train on a processor and equal but for rounding; one layer, one direction, batch first."""

    # pyrefly: ignore[bad-override]: packed sequences are not needed here
    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the states (batch, tokens, hidden) over (batch, tokens, width), and the last one."""
        special = hx is not None or input.device.type != "cpu" or torch.is_autocast_enabled("cpu")
        if special or not torch.is_grad_enabled():
            return super().forward(input, hx)
        states = _GRU.apply(input.transpose(0, 1).contiguous(), *self.all_weights[0])
        return states.transpose(0, 1), states[-1:]


class _GRU(torch.autograd.Function):
    """From inputs x (tokens, batch, width) to states h (tokens, batch, hidden).

    r, z = sigmoid(W_rz x + b_rz + U_rz h + c_rz);  n = tanh(W_n x + b_n + r * (U_n h + c_n));  h' = n + z * (h - n)
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, u: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """Weights are (3 hidden, ...), in the order r, z, n."""
        tokens, batch, _ = x.shape
        hidden = u.shape[1]
        gates = torch.addmm(b, x.flatten(0, 1), w.t()).view(tokens, batch, 3 * hidden)
        states = x.new_zeros(tokens + 1, batch, hidden)
        inner = x.new_empty(tokens, batch, hidden)  # U_n h + c_n
        rz, n = gates.split((2 * hidden, hidden), -1)
        z, turned = gates[..., hidden : 2 * hidden], u.t().contiguous()
        series = (each.unbind(0) for each in (states[:-1], states[1:], rz, z, n, inner))
        for before, after, rz_t, z_t, n_t, inner_t in zip(*series, strict=True):
            by_state = torch.addmm(c, before, turned)
            rz_t.add_(by_state[:, : 2 * hidden]).sigmoid_()
            inner_t.copy_(by_state[:, 2 * hidden :])
            n_t.addcmul_(rz_t[:, :hidden], inner_t).tanh_()
            torch.lerp(n_t, before, z_t, out=after)
        ctx.save_for_backward(x, gates, inner, states, w, u)
        return states[1:]

    @staticmethod
    @once_differentiable
    # pyrefly: ignore[bad-override]: the decorator hides the first argument's name
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, ...]:
        """What does not depend on the gradient of a later token is computed for all tokens at once."""
        (grad,) = grad_outputs
        x, gates, inner, states, w, u = ctx.saved_tensors
        hidden = u.shape[1]
        r, z, n = gates.split(hidden, -1)
        # Gradients of the arguments of r, z, tanh and of U_n h + c_n, where that of h' is 1.
        by_n = torch.addcmul(n.new_ones(()), n, n, value=-1)
        by_n.addcmul_(by_n, z, value=-1)
        by_gates = torch.empty_like(gates)
        by_r, by_z, by_inner = by_gates.split(hidden, -1)
        torch.mul(by_n, r, out=by_inner)
        torch.mul(by_inner, inner, out=by_r)
        by_r.addcmul_(by_r, r, value=-1)
        torch.sub(states[:-1], n, out=by_z).mul_(z)
        by_z.addcmul_(by_z, z, value=-1)
        carried = torch.zeros_like(states[0])
        series = (each.unbind(0) for each in (grad, by_gates.unflatten(-1, (3, hidden)), by_gates, by_n, z))
        for grad_t, each_t, gates_t, n_t, z_t in reversed(list(zip(*series, strict=True))):
            here = grad_t + carried
            each_t.mul_(here.unsqueeze(1))
            n_t.mul_(here)
            carried = torch.addmm(here.mul_(z_t), gates_t, u)
        flat, before = by_gates.flatten(0, 1), states[:-1].flatten(0, 1)
        by_u, by_c = flat.t() @ before, flat.sum(0)
        by_inner.copy_(by_n)  # from here on the gradient of W x + b
        return (flat @ w).view_as(x), flat.t() @ x.flatten(0, 1), by_u, flat.sum(0), by_c
