"""Logistic regression on TF-IDF of words and n-grams, fitted by a solver."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from limbeck.data import SolvedColumn
from limbeck.models.solved import SolvedByLabels
from limbeck.runtime.rows import Rows
from limbeck.settings import Settings
from limbeck.teachers.regression import ngram_counts, ngram_keys, one_against_others, require_ngrams, take_sizes

_WORD_KEYS = 2**21
"""Keys of single tokens are below it, see `ngram_keys`."""


class TfidfSettings(Settings):
    """Options of the TF-IDF teacher."""

    orders: Annotated[int, Field(ge=1, le=3, description="longest n-gram, in tokens")] = 2
    min_texts: Annotated[int, Field(ge=1, description="an n-gram of fewer training texts is left out")] = 1
    ngram_weight: Annotated[
        float, Field(gt=0, description="what an n-gram of two or more tokens counts beside a single one")
    ] = 0.5
    strengths: Annotated[
        tuple[Annotated[float, Field(gt=0)], ...],
        Field(min_length=1, description="inverse strengths of the L2 penalty, of which the best is taken"),
    ] = (1.0, 10.0, 100.0, 1000.0)


class TfidfRegression(SolvedByLabels):
    """Sum the weights of the n-grams of a text, each by its count and its inverse document frequency.

    Entry f of a text's vector is `(1 + ln c) idf_f` where the text has n-gram f c times, with
    `idf_f = ln((1 + texts) / (1 + texts with f)) + 1`, times `ngram_weight` where f is of two tokens or more. The
    vector has length 1. N-grams that no training text has count nothing.

    Source: scikit-learn's TfidfVectorizer with sublinear counts; with a linear classifier: Joachims 1998, "Text
    Categorization with Support Vector Machines". More than two classes are fitted one against the others.

    Args:
        settings: of the solver.

    Attributes:
        keys: (features,) int64, ascending: see `ngram_keys`; empty until it is solved.
        idf: (features,) float32, with the weight of n-grams.
        weights: (features, columns) float32; one column for two classes, else one a class.
        bias: (columns,) float32.
    """

    no_onnx = "ONNX has no operator for the sorted search that finds an n-gram's weight"
    keys: Tensor
    idf: Tensor

    def __init__(self, settings: TfidfSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("idf", torch.zeros(0))
        self.weights, self.bias = (nn.Parameter(torch.zeros(*size), requires_grad=False) for size in ((0, 1), (1,)))
        self.register_load_state_dict_pre_hook(take_sizes)

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """The solver's settings."""
        return self.settings.model_dump(mode="json")

    def solve(
        self,
        rows: Rows,
        columns: Sequence[SolvedColumn],
        *,
        weights: NDArray[np.float32] | None,
        cost: Callable[[nn.Module], float],
    ) -> str:
        """Fit the regression at every strength of the settings, take that of the least cost; see `SolvedByLabels`.

        Raises:
            LimbeckError: see `require_ngrams`.
        """
        (column,) = columns
        texts = require_ngrams(rows, column.values, self.settings.min_texts)
        counts, keys = ngram_counts(texts, self.settings.orders, self.settings.min_texts)
        idf = self._idf(counts, keys)
        matrix = _of_length_1(counts, idf)
        counted = None if weights is None else weights[column.values]
        fitted = {}
        for strength in self.settings.strengths:
            found, bias = one_against_others(lambda target: matrix, column.values, column.outputs, strength, counted)
            fitted[strength] = self._with({"keys": keys, "idf": idf, "weights": found, "bias": bias})
        costs = {strength: cost(network) for strength, network in fitted.items()}
        best = min(costs, key=lambda strength: costs[strength])
        self.load_state_dict(fitted[best].state_dict())
        return f"strength {best:g}"

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return log-odds (batch, classes) of ids (batch, tokens); the mask is 0 where a token is padding."""
        keys, real = ngram_keys(input_ids, attention_mask.bool(), self.settings.orders)
        none = len(self.keys)
        column = torch.searchsorted(self.keys, keys).clamp(max=none - 1)
        column, _ = torch.where(real & (self.keys[column] == keys), column, none).sort(dim=1)
        # Sorted, the copies of an n-gram lie side by side: its first one stands for all.
        first, after = (torch.searchsorted(column, column, right=right) for right in (False, True))
        counts = (first == torch.arange(column.shape[1], device=column.device)) & (column < none)
        column = column.clamp(max=none - 1)
        values = counts * (1 + (after - first).to(self.idf).log()) * self.idf[column]
        lengths = values.square().sum(1, keepdim=True).sqrt()
        values = values / torch.where(lengths == 0, 1, lengths)
        odds = (self.weights[column] * values.unsqueeze(-1)).sum(1) + self.bias
        return torch.cat([torch.zeros_like(odds), odds], dim=1) if odds.shape[1] == 1 else odds

    def _idf(self, counts: Any, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        frequency = np.bincount(counts.indices, minlength=len(keys))
        idf = np.log((1 + counts.shape[0]) / (1 + frequency)) + 1
        return np.where(keys < _WORD_KEYS, idf, idf * self.settings.ngram_weight).astype(np.float32)

    def _with(self, found: Mapping[str, NDArray[Any]]) -> "TfidfRegression":
        network = TfidfRegression(self.settings)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in found.items()})
        return network.eval()


def _of_length_1(counts: Any, idf: NDArray[np.float32]) -> Any:
    """Return the matrix of TF-IDF, each row of length 1 where it is not 0."""
    matrix = counts.copy()
    matrix.data = (1 + np.log(matrix.data)) * idf[matrix.indices]
    lengths = np.sqrt(matrix.power(2).sum(axis=1))
    matrix.data /= np.repeat(np.where(lengths == 0, 1, lengths), np.diff(matrix.indptr))
    return matrix
