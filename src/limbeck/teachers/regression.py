"""Logistic regression on Naive-Bayes-weighted n-grams, fitted by a solver."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from limbeck.data import SolvedColumn
from limbeck.errors import LimbeckError
from limbeck.models.solved import SolvedByLabels
from limbeck.runtime.rows import Ragged, Rows, is_ragged
from limbeck.settings import Settings

_BITS = 21
"""Of a token's id in a key: three of them fill an int64."""

_ABSENT = -10.0
"""Log-odds of a class without a row."""


Orders = Annotated[int, Field(ge=1, le=3, description="longest n-gram, in tokens")]
MinTexts = Annotated[int, Field(ge=1, description="an n-gram of fewer training texts is left out")]
Strengths = Annotated[
    tuple[Annotated[float, Field(gt=0)], ...],
    Field(min_length=1, description="inverse strengths of the L2 penalty, of which the best is taken"),
]


class NgramSettings(Settings):
    """What every teacher of n-grams has."""

    orders: Orders = 2
    min_texts: MinTexts = 1
    strengths: Strengths = (1.0, 10.0, 100.0, 1000.0)


class NBLRSettings(NgramSettings):
    """Options of the teacher of Naive-Bayes-weighted n-grams."""

    orders: Orders = 3
    min_texts: MinTexts = 2
    smoothing: Annotated[float, Field(gt=0, description="added to every n-gram's count in each class")] = 1.0
    strengths: Strengths = (0.01, 0.03, 0.1, 0.3, 1.0)


class NgramNetwork(SolvedByLabels):
    """A regression on the n-grams of a text, fitted to labels.

    Attributes:
        keys: (features,) int64, ascending: each n-gram's ids in one number, see `ngram_keys`; empty until it is solved.
        weights: (features, columns) float32; one column for two classes, else one a class.
        bias: (columns,) float32.
    """

    no_onnx = "ONNX has no operator for the sorted search that finds an n-gram's weight"
    keys: Tensor

    def __init__(self, settings: Any) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))
        self.weights, self.bias = (nn.Parameter(torch.zeros(*size), requires_grad=False) for size in ((0, 1), (1,)))
        self.register_load_state_dict_pre_hook(_take_sizes)

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """The solver's settings."""
        return self.settings.model_dump(mode="json")

    def fits(self, rows: Rows, column: SolvedColumn, weights: NDArray[np.float32] | None) -> Callable[[float], Self]:
        """Return what fits the network at a strength; see `SolvedByLabels.solve`."""
        raise NotImplementedError

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
        fit = self.fits(rows, column, weights)
        fitted = {strength: fit(strength) for strength in self.settings.strengths}
        costs = {strength: cost(network) for strength, network in fitted.items()}
        best = min(costs, key=lambda strength: costs[strength])
        self.load_state_dict(fitted[best].state_dict())
        return f"strength {best:g}"

    def known(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the numbers of the n-grams of texts, (batch, orders * tokens), ascending; the last ones are unknown.

        An unknown n-gram, and padding, has the number of features.
        """
        keys, real = ngram_keys(ids, mask, self.settings.orders)
        column = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return torch.where(real & (self.keys[column] == keys), column, len(self.keys)).sort(dim=1).values

    def odds(self, column: Tensor, values: Tensor) -> Tensor:
        """Return log-odds (batch, classes) of n-grams and what each counts, both (batch, orders * tokens)."""
        weights = self.weights[column.clamp(max=len(self.keys) - 1)]
        odds = (weights * values.unsqueeze(-1)).sum(1) + self.bias
        return torch.cat([torch.zeros_like(odds), odds], dim=1) if odds.shape[1] == 1 else odds

    def holding(self, **tensors: NDArray[Any]) -> Self:
        """Return a network of the same settings with these tensors."""
        network = type(self)(self.settings)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
        return network.eval()


class NBLR(NgramNetwork):
    """Sum the weights of the distinct n-grams of a text.

    Args:
        settings: of the solver, see `NBLRSettings`.
    """

    def fits(self, rows: Rows, column: SolvedColumn, weights: NDArray[np.float32] | None) -> Callable[[float], Self]:
        """Return what fits the network at a strength."""
        regression = NgramRegression(
            rows, column.values, classes=column.outputs, settings=self.settings, weights=weights
        )
        return lambda strength: self.holding(**regression.found(strength))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return log-odds (batch, classes) of ids (batch, tokens); the mask is 0 where a token is padding."""
        column = self.known(input_ids, attention_mask.bool())
        # An n-gram counts once a text: its copies lie side by side. What was never seen counts nothing.
        copy = torch.zeros_like(column, dtype=torch.bool)
        copy[:, 1:] = column[:, 1:] == column[:, :-1]
        return self.odds(column, ~copy & (column < len(self.keys)))


def _take_sizes(network: nn.Module, tensors: Mapping[str, Tensor], prefix: str, *others: Any) -> None:
    """Give a network's tensors the sizes of those that it is about to load: the solver found them."""
    for name, value in network.state_dict(keep_vars=True).items():
        if (found := tensors.get(prefix + name)) is not None:
            value.data = torch.empty_like(found, device=value.device)


def ngram_keys(ids: Tensor, mask: Tensor, orders: int) -> tuple[Tensor, Tensor]:
    """Return the key of the n-gram that starts at each token, for each order, and whether there is one.

    The key of ids x_1 ... x_n is the number with the digits x_1 + 1 ... x_n + 1 to the base 2^21: no two n-grams share
    one.

    Args:
        ids: (batch, tokens) int64 in [0, 2^21 - 1).
        mask: (batch, tokens) bool, False for padding.
        orders: longest n-gram, 1 to 3.

    Returns:
        Two (batch, orders * tokens): keys int64, and bool.
    """
    keys, real = ids + 1, mask
    all_keys, all_real = [keys], [real]
    for shift in range(1, orders):
        following = torch.zeros_like(ids)
        following[:, : ids.shape[1] - shift] = ids[:, shift:] + 1
        exists = torch.zeros_like(mask)
        exists[:, : ids.shape[1] - shift] = mask[:, shift:]
        keys, real = (keys << _BITS) + following, real & exists
        all_keys.append(keys)
        all_real.append(real)
    return torch.cat(all_keys, dim=1), torch.cat(all_real, dim=1)


class NgramRegression:
    """The training rows as a sparse matrix of Naive-Bayes-weighted n-grams, to be fitted at several strengths.

    Column k of class c is 1 where a text has the n-gram, times `r_c = log((p_c / |p_c|) / (q_c / |q_c|))`, where p_c
    counts the texts of the class that have each n-gram, q_c those of the others, both smoothed.

    Source: Wang and Manning 2012, "Baselines and Bigrams", section 2.3 (NBSVM with beta = 1); with logistic regression
    and trigrams: Mesnil et al. 2014 (arXiv 1412.5335), section 2.3, 91.9 % on IMDB.

    Args:
        rows: the texts.
        labels: (rows,) class indices.
        classes: how many there are; more than two are fitted one against the others.
        settings: see `NBLRSettings`.
        weights: of the classes, (classes,): a row counts by its own class, whichever class is fitted against the
            others; None: all 1. The counts p and q stay numbers of texts.

    Raises:
        LimbeckError: see `require_ngrams`.
    """

    def __init__(
        self,
        rows: Rows,
        labels: NDArray[np.int64],
        *,
        classes: int,
        settings: NBLRSettings,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        texts = require_ngrams(rows, labels, settings.min_texts)
        self._labels, self._classes, self._settings = labels, classes, settings
        self._counts = None if weights is None else weights[labels]
        self._matrix, self._keys = ngram_counts(texts, settings.orders, settings.min_texts)
        self._matrix.data[:] = 1
        self._by_class = _one_hot(labels, classes) @ self._matrix

    def fit(self, strength: float) -> NBLR:
        """Return the regression with this inverse strength of its penalty; the same bits each time."""
        return NBLR(self._settings).holding(**self.found(strength))

    def found(self, strength: float) -> dict[str, NDArray[Any]]:
        """Return its tensors by name."""
        ratios = {target: self._ratio(target) for target in columns_of(self._classes)}

        def weighted(target: int) -> Any:
            matrix = self._matrix.copy()
            matrix.data *= ratios[target][matrix.indices]
            return matrix

        weights, bias = one_against_others(weighted, self._labels, self._classes, strength, self._counts)
        return {"keys": self._keys, "weights": weights * np.stack([*ratios.values()], axis=1), "bias": bias}

    def _ratio(self, target: int) -> NDArray[np.float32]:
        own = self._by_class[[target]].toarray().ravel()
        p, q = (self._settings.smoothing + count for count in (own, self._by_class.sum(axis=0) - own))
        return np.log((p / p.sum()) / (q / q.sum())).astype(np.float32)


def columns_of(classes: int) -> range:
    """Return the classes that have a column: of two the second one alone."""
    return range(1, 2) if classes == 2 else range(classes)


def one_against_others(
    matrix: Callable[[int], Any],
    labels: NDArray[np.int64],
    classes: int,
    strength: float,
    counts: NDArray[np.float32] | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit the logistic regression of each class against the others; the same bits each time.

    Args:
        matrix: of a class, (rows, features), sparse.
        labels: (rows,) class indices.
        classes: how many there are.
        strength: inverse one of the L2 penalty.
        counts: (rows,) what each row counts; None: all 1.

    Returns:
        Weights (features, columns) and biases (columns,), float32, see `columns_of`. A class without a row has none.
    """
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression

    targets = columns_of(classes)
    found: list[NDArray[np.float64] | None] = []
    bias = np.full(len(targets), _ABSENT, np.float32)
    for column, target in enumerate(targets):
        own = labels == target
        if not own.any():
            found.append(None)
            continue
        model = LogisticRegression(C=strength, solver="liblinear", dual=True, max_iter=1000, random_state=0)
        # To look at all numbers first takes as long as to fit a few hundred texts to one of many classes.
        with config_context(assume_finite=True, skip_parameter_validation=True):
            model.fit(matrix(target), own, sample_weight=counts)
        found.append(model.coef_[0])
        bias[column] = model.intercept_[0]
    nothing = np.zeros_like(next(each for each in found if each is not None))
    return np.stack([nothing if each is None else each for each in found], axis=1).astype(np.float32), bias


def _one_hot(labels: NDArray[np.int64], classes: int) -> Any:
    """Return the (classes, rows) sparse matrix of which rows are of a class."""
    from scipy import sparse

    rows = np.arange(len(labels))
    return sparse.csr_array((np.ones(len(labels), np.float32), (labels, rows)), shape=(classes, len(labels)))


def require_ngrams(rows: Rows, labels: NDArray[np.int64], min_texts: int) -> Ragged:
    """Return the rows, or raise what no regression on n-grams can be fitted on, in a fraction of its time.

    Raises:
        LimbeckError: rows that are no texts, a vocabulary of 2^21 tokens or more, no n-gram in enough texts, or rows
            of one class only.
    """
    if not is_ragged(rows):
        raise LimbeckError("a teacher of n-grams reads texts, not arrays", where="teacher", fix="give a module")
    if len(np.unique(labels)) < 2:
        raise LimbeckError("the labelled rows show fewer than two classes", where="teacher", fix="label more rows")
    if rows.tokens.max() >= 2**_BITS - 1:
        raise LimbeckError("the vocabulary is too large", where="teacher", fix=f"at most {2**_BITS - 1:,} tokens")
    # A longer n-gram stands in no more texts than each of its tokens does.
    distinct = np.unique((np.repeat(np.arange(len(rows)), rows.lengths) << _BITS) + rows.tokens)
    if np.bincount(distinct % 2**_BITS).max() < min_texts:
        raise LimbeckError(
            f"no n-gram stands in {min_texts} training texts",
            where="teacher",
            fix="lower regression.min_texts",
        )
    return rows


def ngram_counts(rows: Ragged, orders: int, min_texts: int) -> tuple[Any, NDArray[np.int64]]:
    """Return how often each text has each n-gram, (texts, features), sparse, float32, and the features' keys.

    An n-gram of fewer texts than `min_texts` is left out.
    """
    from scipy import sparse

    # One row that holds all texts, and n-grams that reach over a text's end are no n-grams.
    text = np.repeat(np.arange(len(rows)), rows.lengths)
    ids = torch.from_numpy(rows.tokens.astype(np.int64)).unsqueeze(0)
    keys, real = (value.squeeze(0).numpy() for value in ngram_keys(ids, torch.ones_like(ids, dtype=torch.bool), orders))
    texts = np.tile(text, orders)
    last = np.concatenate([np.append(text[shift:], np.full(shift, -1)) for shift in range(orders)])
    inside = real & (texts == last)
    found, column = np.unique(keys[inside], return_inverse=True)
    ones = np.ones(len(column), np.float32)
    # 32-bit indices: scikit-learn takes no others.
    place = texts[inside].astype(np.int32), column.astype(np.int32)
    matrix = sparse.csr_array((ones, place), shape=(len(rows), len(found)))
    matrix.sum_duplicates()
    kept = np.flatnonzero(np.bincount(matrix.indices, minlength=len(found)) >= min_texts)
    return matrix[:, kept], found[kept]
