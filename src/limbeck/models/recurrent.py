"""Networks that read a text word by word, in both directions: `bilstm` and `bigru`."""

from collections.abc import Iterable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from limbeck.models.catalogue import register
from limbeck.models.embedding import EmbeddingSettings, Rate, TokenEmbedding, drop_words
from limbeck.models.pooling import masked_max, masked_mean
from limbeck.runtime import TextForm


class RecurrentSettings(EmbeddingSettings):
    """Options that both recurrent networks share."""

    dropout: Annotated[
        Rate, Field(description="share of each layer's inputs that is dropped in training, word vectors included")
    ] = 0.2
    hidden: Annotated[int, Field(ge=1, le=8192, description="width of the state, in each direction")] = 64
    layers: Annotated[int, Field(ge=1, le=16, description="layers on top of each other")] = 1
    bidirectional: Annotated[bool, Field(description="read the text backwards too")] = True
    pooling: Annotated[
        Literal["last", "mean", "max", "mean_max"],
        Field(description="what is classified: the final states, or the mean, maximum or both of all states"),
    ] = "last"


class BiLSTMSettings(RecurrentSettings):
    """Options of `bilstm`."""

    name: Literal["bilstm"] = "bilstm"


class BiGRUSettings(RecurrentSettings):
    """Options of `bigru`."""

    name: Literal["bigru"] = "bigru"


class Recurrent(nn.Module):
    """Read word vectors with an LSTM or a GRU; classify the final states or a pool of all states.

    Equal to PyTorch's bidirectional cells on packed sequences. Nothing is packed here, because packing cannot be
    exported: a backward layer is a forward one over the text reversed within its length.

    Source: Hochreiter and Schmidhuber 1997 (LSTM), Cho et al. 2014 (GRU, arXiv 1406.1078), as PyTorch defines them;
    as a student of BERT: Tang et al. 2019 (arXiv 1903.12136).

    Args:
        settings: see `RecurrentSettings`; its class says which cell.
        outputs: number of logits.
        form: of the token ids.

    Raises:
        LimbeckError: `vectors` cannot be read, or is not `dim` wide.
    """

    def __init__(self, settings: RecurrentSettings, *, outputs: int, form: TextForm) -> None:
        super().__init__()
        self.settings = settings
        self.words = TokenEmbedding(form.vocabulary, settings.dim, std=0.1, vectors=settings.vectors)
        self.dropout = nn.Dropout(settings.dropout)
        cell = nn.LSTM if isinstance(settings, BiLSTMSettings) else nn.GRU
        width = settings.hidden * (2 if settings.bidirectional else 1)
        inputs = [settings.dim] + [width] * (settings.layers - 1)
        self.forwards = nn.ModuleList(cell(size, settings.hidden, batch_first=True) for size in inputs)
        backwards = inputs if settings.bidirectional else []
        self.backwards = nn.ModuleList(cell(size, settings.hidden, batch_first=True) for size in backwards)
        self.head = nn.Linear(width * (2 if settings.pooling == "mean_max" else 1), outputs)
        remember([*self.forwards, *self.backwards])

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (batch, outputs) of ids (batch, tokens); the mask is 0 where a token is padding."""
        mask = attention_mask.bool()
        back = reversal(mask)
        # A dropped word is a zero vector, not padding: its neighbours stay where they are.
        states = self.words(input_ids, drop_words(mask, self.settings.word_dropout, self.training))
        for layer, forward in enumerate(self.forwards):
            inputs = self.dropout(states)
            directions = [run_cell(forward, inputs)]
            if self.settings.bidirectional:
                directions.append(run_cell(self.backwards[layer], take(inputs, back)))
            if self.settings.pooling == "last" and layer == len(self.forwards) - 1:
                # Both directions end at a text's length, so the states before need not be brought into line.
                end = (mask.sum(1, keepdim=True) - 1).clamp(min=0)
                return self.head(torch.cat([take(each, end).squeeze(1) for each in directions], dim=1))
            states = torch.cat([directions[0], *(take(each, back) for each in directions[1:])], dim=2)
        return self.head(self._pool(states, mask))

    def _pool(self, states: Tensor, mask: Tensor) -> Tensor:
        pools = []
        if "mean" in self.settings.pooling:
            pools.append(masked_mean(states, mask))
        if "max" in self.settings.pooling:
            pools.append(masked_max(states, mask, lowest=-1.0))  # both cells' states lie in [-1, 1]
        return torch.cat(pools, dim=1)


@torch.no_grad()
def remember(cells: Iterable[nn.Module]) -> None:
    """Let LSTMs begin with open forget gates: their bias is 1, so that a gradient reaches far back from the start.

    Source: Gers et al. 2000, "Learning to Forget"; Jozefowicz et al. 2015, "An Empirical Exploration of Recurrent
    Network Architectures", section 3.1.
    """
    for cell in cells:
        if isinstance(cell, nn.LSTM):
            bias = cell.get_parameter("bias_ih_l0")
            bias[cell.hidden_size : 2 * cell.hidden_size] = 1  # gates: input, forget, cell, output


def reversal(mask: Tensor) -> Tensor:
    """Return (batch, tokens) positions that reverse each row within its length; applying it twice changes nothing."""
    length = mask.sum(1, keepdim=True)
    position = torch.arange(mask.shape[1], device=mask.device).unsqueeze(0)
    return torch.where(position < length, length - 1 - position, position)


def take(values: Tensor, positions: Tensor) -> Tensor:
    """Return (batch, n, dim): the rows of (batch, tokens, dim) at (batch, n) positions."""
    return values.gather(1, positions.unsqueeze(-1).expand(-1, -1, values.shape[2]))


def run_cell(cell: nn.Module, inputs: Tensor) -> Tensor:
    """Return the states (batch, tokens, hidden) of a one-layer, one-direction cell over (batch, tokens, dim)."""
    if not isinstance(cell, nn.RNNBase):
        raise TypeError(f"expected nn.LSTM or nn.GRU, not {type(cell).__name__}")
    return _onnx_node(cell, inputs) if torch.onnx.is_in_onnx_export() else cell(inputs)[0]


def _onnx_node(cell: nn.RNNBase, inputs: Tensor) -> Tensor:
    """Return what `cell` gives, as the one ONNX node that means it.

    Tracing PyTorch's cells freezes the number of tokens (pytorch #191855) and, with some versions, computes another
    GRU than PyTorch's (pytorch #189225). So the node is written down here, its gates in ONNX's order.
    """
    is_gru = isinstance(cell, nn.GRU)
    gates = (1, 0, 2) if is_gru else (0, 3, 1, 2)

    def reordered(weight: Tensor) -> Tensor:
        # Slices rather than chunks, about each of which the exporter would complain.
        return torch.cat([weight[gate * cell.hidden_size : (gate + 1) * cell.hidden_size] for gate in gates])

    input_weight, state_weight, input_bias, state_bias = (reordered(weight) for weight in cell.all_weights[0])
    weights = [w.unsqueeze(0) for w in (input_weight, state_weight, torch.cat([input_bias, state_bias]))]
    tokens_first = inputs.transpose(0, 1)
    states = torch.onnx.ops.symbolic(
        "GRU" if is_gru else "LSTM",
        [tokens_first, *weights],
        {"hidden_size": cell.hidden_size, **({"linear_before_reset": 1} if is_gru else {})},
        dtype=inputs.dtype,
        shape=(tokens_first.shape[0], 1, tokens_first.shape[1], cell.hidden_size),
    )
    return states.squeeze(1).transpose(0, 1)


register(
    "two LSTMs over word vectors, one in each direction: the classic small student",
    BiLSTMSettings,
    Recurrent,
    reads="text",
    per="example",
)
register(
    "as `bilstm` with three quarters of its weights; stays fp32 (there is no int8 GRU)",
    BiGRUSettings,
    Recurrent,
    reads="text",
    per="example",
)
