"""Pretraining of a recurrent network's first layer on unlabelled text: predict the next word, and the one before."""

import math

import torch
from torch import Tensor, nn

from limbeck.models.recurrent import Recurrent, reversal, run_cell, take


class LanguageModel(nn.Module):
    """Predict each word of a text from those before it and, by the backward cell, from those after it.

    Works on the network's own word vectors and first layer, so that training it trains them. A state is projected to
    the width of the word vectors, which are the output's weights too (Press and Wolf 2017, arXiv 1608.05859).

    Instead of a softmax over the vocabulary, one over the true word and some sampled ones, each logit less the log of
    how often the word is expected to be sampled (Jean et al. 2015, arXiv 1412.2007, equations 9 to 12). Samples are
    drawn by rank, P(r) = log((r + 2) / (r + 1)) / log(words + 1): the ids of a word tokenizer go by frequency.

    Nothing is dropped, whatever the network drops: a few passes over much text are not learned by heart.

    Source: Dai and Le 2015, "Semi-supervised Sequence Learning" (arXiv 1511.01432): LM-LSTM.

    Args:
        network: whose first layer and word vectors are trained, in place.
        negatives: words sampled for a batch, above 0; all its positions share them.
    """

    def __init__(self, network: Recurrent, *, negatives: int) -> None:
        super().__init__()
        self._negatives = negatives
        self.words = network.words
        self.cells = nn.ModuleList([network.forwards[0], *network.backwards[:1]])
        self.projections = nn.ModuleList(nn.Linear(network.settings.hidden, network.settings.dim) for _ in self.cells)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (batch, directions * (tokens - 1), 2) of ids (batch, tokens).

        The first is the true word's, the second the log of the sum of the others' exponentials: a softmax over the two
        gives the true word what one over all gives it. `predictions` says which are real. In evaluation mode the same
        words are sampled each time, so that two losses can be compared.
        """
        mask = attention_mask.bool()
        negatives, corrections = self._sample(input_ids.device)
        back = reversal(mask)
        embedded = self.words(input_ids, mask)
        logits = []
        for cell, projection, order in zip(self.cells, self.projections, (None, back), strict=False):
            ids = input_ids if order is None else input_ids.gather(1, order)
            inputs = embedded if order is None else take(embedded, order)
            states = projection(run_cell(cell, inputs)[:, :-1])
            logits.append(self._logits(states.flatten(0, 1), ids[:, 1:].flatten(), negatives, corrections))
        return torch.cat([part.unflatten(0, (len(input_ids), -1)) for part in logits], dim=1)

    def predictions(self, attention_mask: Tensor) -> Tensor:
        """Return a bool (batch, directions * (tokens - 1)): True where there is a next word."""
        return attention_mask[:, 1:].bool().repeat(1, len(self.cells))

    def _logits(self, states: Tensor, targets: Tensor, negatives: Tensor, corrections: Tensor) -> Tensor:
        """Return the two logits (positions, 2) of states (positions, dim)."""
        table = self.words.table
        own = (states * table(targets)).sum(-1) - self._log_expected(targets)
        others = torch.addmm(corrections, states, table(negatives).T)
        # The true word among the samples is no wrong answer.
        column = torch.searchsorted(negatives, targets).clamp(max=len(negatives) - 1)
        (among,) = (negatives[column] == targets).nonzero(as_tuple=True)
        others[among, column[among]] = -torch.inf
        return torch.stack([own, others.logsumexp(-1)], dim=-1)

    def _sample(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the distinct sampled words, ascending, and what is added to the logit of each.

        A word that was drawn k times stands k times in the sum, or once with log k added.
        """
        size, generator = self.words.table.num_embeddings, None
        if not self.training:
            generator = torch.Generator().manual_seed(0)
        uniform = torch.rand(self._negatives, generator=generator, dtype=torch.float64)
        ranks = (uniform * math.log(size + 1)).exp().floor().long() - 1
        negatives, times = ranks.clamp(0, size - 1).to(device).unique(return_counts=True)
        return negatives, times.log() - self._log_expected(negatives)

    def _log_expected(self, ids: Tensor) -> Tensor:
        """Return the log of how many of the samples are expected to be each word."""
        share = torch.log1p(1 / (ids + 1.0)) / math.log(self.words.table.num_embeddings + 1)
        return (self._negatives * share).log()
