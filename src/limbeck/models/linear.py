"""A linear layer on TF-IDF-weighted words and hashed n-grams, whose weights a solver finds."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from limbeck.data.least import Slope, least
from limbeck.models.catalogue import ModelOptions, register
from limbeck.models.ngrams import hash_ngrams
from limbeck.models.solved import Cost, SolvedByLosses
from limbeck.runtime import TextForm
from limbeck.runtime.rows import Rows
from limbeck.tasks.classification.linear import C_GRID

_TEXTS = 1024
"""That are read at a time for the solver."""
_NGRAM = 0.5
"""What an n-gram of two or more words counts beside a word: in several it says less, and one penalty is for all."""
_LATER = (1, 3, 7)
"""Where a feature's copies lie side by side, one so many places after the first says that there are 2, 4, 8."""
_WORSE = 2
"""Strengths in a row that are worse than the best one, after which no weaker penalty is tried: each takes longer."""


class LinearSettings(ModelOptions):
    """Options of `linear`."""

    name: Literal["linear"] = "linear"
    orders: Annotated[int, Field(ge=1, le=3, description="longest n-gram, in tokens; 1: single words only")] = 2
    buckets: Annotated[int, Field(ge=1, le=2**24, description="rows shared by all n-grams of two or more words")] = (
        65536
    )
    min_texts: Annotated[
        int, Field(ge=1, description="a word or bucket that stands in fewer training texts counts nothing")
    ] = 1
    strengths: Annotated[
        tuple[Annotated[float, Field(gt=0)], ...],
        Field(min_length=1, max_length=100, description="inverse strengths of the L2 penalty, the best on validation"),
    ] = C_GRID
    temperature: Annotated[
        float | None, Field(gt=0, description="by which its outputs are divided; null: what fits best on validation")
    ] = None

    def taking(self, chosen: Mapping[str, float]) -> "LinearSettings":
        """Return the settings with the strength that was chosen, and no other, and the temperature if one was."""
        return self.model_copy(
            update={"strengths": (chosen["strength"],), "temperature": chosen.get("temperature", self.temperature)}
        )


class LinearOnNgrams(SolvedByLosses):
    """Sum the weights of the words and n-grams of a text, each by its count and its inverse document frequency.

    Outputs are `v / |v| @ weights + bias`. Entry f of v is `(1 + ln c) idf_f` where the text has feature f c times,
    else 0, with `idf_f = ln((1 + texts) / (1 + texts with f)) + 1`, as scikit-learn's TfidfVectorizer has it, and half
    of that where f is no word. c is rounded down to 1, 2, 4 or 8, which a few comparisons find in every engine. The
    features are the words of the vocabulary and the buckets of `hash_ngrams`.

    The weights are random until they are solved for.

    Source: Joachims 1998, "Text Categorization with Support Vector Machines" (a linear model of TF-IDF); the buckets
    are of Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning" (arXiv 0902.2206), without sign.

    Args:
        settings: see `LinearSettings`.
        outputs: number of outputs.
        form: of the token ids.

    Attributes:
        weights: (words + buckets, outputs) float32.
        bias: (outputs,) float32.
        idf: (words + buckets,) float32; 0: the feature counts nothing.
    """

    idf: Tensor

    def __init__(self, settings: LinearSettings, *, outputs: int, form: TextForm) -> None:
        super().__init__()
        self.settings, self._words = settings, form.vocabulary.size
        features = self._words + (settings.buckets if settings.orders > 1 else 0)
        self.weights = nn.Parameter(torch.empty(features, outputs))
        nn.init.normal_(self.weights, std=0.05)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("idf", torch.ones(features))

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """Its settings."""
        return self.settings.model_dump(mode="json")

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return outputs (batch, outputs) of ids (batch, tokens); the mask is 0 where a token is padding."""
        features, counted = self.features(input_ids, attention_mask.bool())
        values = self.idf[features] * counted
        lengths = values.square().sum(1, keepdim=True).sqrt().clamp(min=1e-6)
        return (self.weights[features] * (values / lengths).unsqueeze(-1)).sum(1) + self.bias

    def features(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of texts in ascending order, and what their counts are worth.

        Args:
            ids: (batch, tokens) int64.
            mask: (batch, tokens) bool, False for padding.

        Returns:
            Two (batch, orders * tokens): int64 in [0, features), and 1 + ln c at the first of c copies, see the class;
            0 at the others, and for padding.
        """
        none = len(self.idf)
        found = [torch.where(mask, ids, none)]
        if self.settings.orders > 1:
            for buckets, whole in hash_ngrams(ids, mask, self.settings.orders, self.settings.buckets):
                found.append(torch.where(whole, self._words + buckets, none))
        # Sorted, the copies of a feature lie side by side, and what is none comes last.
        features, _ = torch.cat(found, dim=1).sort(dim=1)
        places = features.shape[1]
        around = F.pad(features, (1, max(_LATER)), value=-1)
        first = (features != around[:, :places]) & (features < none)
        doubled = sum((features == around[:, 1 + later : 1 + later + places]).to(self.idf) for later in _LATER)
        return features.clamp(max=none - 1), first * (1 + math.log(2) * doubled)

    def solve(self, rows: Rows, slope: Slope, *, cost: Cost) -> dict[str, float]:
        """Find the weights at every strength of the settings and take those of the least cost; see `SolvedByLosses`."""
        counted = self._counted(rows)
        texts = counted.shape[0]
        frequency = np.bincount(counted.indices, minlength=counted.shape[1])
        kept = np.flatnonzero(frequency >= self.settings.min_texts)
        idf = np.log((1 + texts) / (1 + frequency[kept])) + 1
        idf[kept >= self._words] *= _NGRAM
        matrix = _of_length_1(counted[:, kept], idf)
        self.idf.zero_()[kept] = torch.from_numpy(idf).to(self.idf)

        found = np.zeros((len(kept) + 1, len(self.bias)))
        best, worse = (np.inf, self.strengths[0], found), 0
        for strength in self.strengths:
            found = least(matrix, slope, 1 / (strength * texts), found, nearly=True)
            self._take(kept, found)
            if (held_out := cost(self)) < best[0]:
                best = held_out, strength, found
            worse = 0 if strength == best[1] else worse + 1
            if worse == _WORSE:
                break
        _, strength, found = best
        self._take(kept, least(matrix, slope, 1 / (strength * texts), found))
        return {"strength": strength}

    @property
    def temperature(self) -> float | None:
        """That of its settings."""
        return self.settings.temperature

    @property
    def strengths(self) -> list[float]:
        """In ascending order: each is faster from the one before."""
        return sorted(self.settings.strengths)

    @torch.no_grad()
    def divide(self, by: float) -> None:
        """Divide weights and bias."""
        self.weights.div_(by)
        self.bias.div_(by)

    @torch.no_grad()
    def _counted(self, rows: Rows) -> Any:
        """Return what counts are worth, (texts, features), sparse, float64; 0: a text has no such feature."""
        from scipy import sparse

        parts, order = [], np.argsort(rows.lengths, kind="stable")  # alike in length: little padding
        for part in np.split(order, range(_TEXTS, len(order), _TEXTS)):
            batch = {name: torch.from_numpy(values).to(self.idf.device) for name, values in rows.batch(part).items()}
            features, counted = (
                each.cpu().numpy() for each in self.features(batch["input_ids"], batch["attention_mask"].bool())
            )
            row, place = counted.nonzero()
            parts.append((counted[row, place], part[row], features[row, place]))
        values, *places = (np.concatenate(each) for each in zip(*parts, strict=True))
        return sparse.csr_array((values.astype(np.float64), tuple(places)), shape=(len(rows), len(self.idf)))

    @torch.no_grad()
    def _take(self, kept: NDArray[np.int64], found: NDArray[np.float64]) -> None:
        self.weights.zero_()[kept] = torch.from_numpy(found[:-1]).to(self.weights)
        self.bias.copy_(torch.from_numpy(found[-1]))


def _of_length_1(counted: Any, idf: NDArray[np.float64]) -> Any:
    """Return a matrix with each column times its `idf` and each row, where it is not 0, of length 1."""
    from scipy import sparse

    lengths = np.sqrt(counted.power(2) @ idf**2)
    rows = sparse.diags_array(1 / np.where(lengths == 0, 1, lengths))
    return (rows @ counted @ sparse.diags_array(idf)).tocsr()


register(
    "TF-IDF of words and n-grams, linear: solved in seconds, without seeds and steps",
    LinearSettings,
    LinearOnNgrams,
    reads="text",
    per="example",
    solved=True,
)
