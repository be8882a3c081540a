"""Logistic regression on TF-IDF of words and n-grams, fitted by a solver."""

from collections.abc import Callable
from typing import Annotated, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from limbeck.data import SolvedColumn
from limbeck.runtime.rows import Rows
from limbeck.teachers.regression import NgramNetwork, NgramSettings, ngram_counts, one_against_others, require_ngrams

_WORD_KEYS = 2**21
"""Keys of single tokens are below it, see `ngram_keys`."""


class TfidfSettings(NgramSettings):
    """Options of the TF-IDF teacher."""

    ngram_weight: Annotated[
        float, Field(gt=0, description="what an n-gram of two or more tokens counts beside a single one")
    ] = 0.5


class TfidfRegression(NgramNetwork):
    """Sum the weights of the n-grams of a text, each by its count and its inverse document frequency.

    Entry f of a text's vector is `(1 + ln c) idf_f` where the text has n-gram f c times, with
    `idf_f = ln((1 + texts) / (1 + texts with f)) + 1`, times `ngram_weight` where f is of two tokens or more. The
    vector has length 1. N-grams that no training text has count nothing.

    Source: scikit-learn's TfidfVectorizer with sublinear counts; with a linear classifier: Joachims 1998, "Text
    Categorization with Support Vector Machines". More than two classes are fitted one against the others.

    Args:
        settings: of the solver, see `TfidfSettings`.

    Attributes:
        idf: (features,) float32, with the weight of n-grams.
    """

    idf: Tensor

    def __init__(self, settings: TfidfSettings) -> None:
        super().__init__(settings)
        self.register_buffer("idf", torch.zeros(0))

    def fits(self, rows: Rows, column: SolvedColumn, weights: NDArray[np.float32] | None) -> Callable[[float], Self]:
        """Return what fits the network at a strength."""
        labels, classes, settings = column.values, column.outputs, self.settings
        texts = require_ngrams(rows, labels, settings.min_texts)
        counts, keys = ngram_counts(texts, settings.orders, settings.min_texts)
        idf = self._idf(counts, keys)
        matrix, counted = _of_length_1(counts, idf), None if weights is None else weights[labels]

        def fit(strength: float) -> Self:
            found, bias = one_against_others(lambda target: matrix, labels, classes, strength, counted)
            return self.holding(keys=keys, idf=idf, weights=found, bias=bias)

        return fit

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return log-odds (batch, classes) of ids (batch, tokens); the mask is 0 where a token is padding."""
        column, none = self.known(input_ids, attention_mask.bool()), len(self.keys)
        # The copies of an n-gram lie side by side: its first one stands for all.
        first, after = (torch.searchsorted(column, column, right=right) for right in (False, True))
        counts = (first == torch.arange(column.shape[1], device=column.device)) & (column < none)
        values = counts * (1 + (after - first).to(self.idf).log()) * self.idf[column.clamp(max=none - 1)]
        lengths = values.square().sum(1, keepdim=True).sqrt()
        return self.odds(column, values / torch.where(lengths == 0, 1, lengths))

    def _idf(self, counts: Any, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        frequency = np.bincount(counts.indices, minlength=len(keys))
        idf = np.log((1 + counts.shape[0]) / (1 + frequency)) + 1
        return np.where(keys < _WORD_KEYS, idf, idf * self.settings.ngram_weight).astype(np.float32)


def _of_length_1(counts: Any, idf: NDArray[np.float32]) -> Any:
    """Return the matrix of TF-IDF, each row of length 1 where it is not 0."""
    matrix = counts.copy()
    matrix.data = (1 + np.log(matrix.data)) * idf[matrix.indices]
    lengths = np.sqrt(matrix.power(2).sum(axis=1))
    matrix.data /= np.repeat(np.where(lengths == 0, 1, lengths), np.diff(matrix.indptr))
    return matrix
