"""A bag of word n-grams: the smallest and fastest student here, and a strong one."""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from limbeck.models.catalogue import register
from limbeck.models.embedding import EmbeddingSettings, TokenEmbedding, drop_words
from limbeck.runtime import TextForm

# A polynomial hash modulo the Mersenne prime 2^31 - 1. Both factors of a product stay below 2^31, so int64 never
# overflows and every engine finds the same bucket. The multiplier is a full-period one of Fishman and Moore (1986).
_PRIME = 2**31 - 1
_MULTIPLIER = 950_706_376


class NgramsSettings(EmbeddingSettings):
    """Options of `ngrams`."""

    name: Literal["ngrams"] = "ngrams"
    dim: Annotated[int, Field(ge=1, le=4096, description="width of an n-gram's vector")] = 16
    buckets: Annotated[int, Field(ge=1, le=2**27, description="rows shared by all n-grams of two or more words")] = (
        32768
    )
    orders: Annotated[int, Field(ge=1, le=4, description="longest n-gram, in tokens; 1: single words only")] = 2
    hidden: Annotated[int, Field(ge=0, le=65536, description="width of a ReLU layer before the output; 0: none")] = 0
    ngram_dropout: Annotated[
        float, Field(ge=0, lt=1, description="share of n-grams of two or more words that are dropped in training")
    ] = 0.0
    normalize: Annotated[
        Literal["sqrt", "mean"], Field(description="divide the sum by the root of the number of n-grams, or by it")
    ] = "sqrt"


class Ngrams(nn.Module):
    """Sum the vectors of a text's words and hashed n-grams; classify the sum.

    Logits are `head(sum / sqrt(count))` (or `sum / count`), over all n-grams of 1 to `orders` tokens without padding.
    Hashing happens in here, on token ids, so that an exported file needs nothing but ids.

    Source: Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification" (arXiv 1607.01759), which takes the
    mean. Longer n-grams start near zero, so that training begins as a bag of words.

    Args:
        settings: see `NgramsSettings`.
        outputs: number of logits.
        form: of the token ids.

    Raises:
        LimbeckError: `vectors` cannot be read, or is not `dim` wide.
    """

    def __init__(self, settings: NgramsSettings, *, outputs: int, form: TextForm) -> None:
        super().__init__()
        self.settings = settings
        self.words = TokenEmbedding(form.vocabulary, settings.dim, std=0.05, vectors=settings.vectors)
        self.hashed = nn.Embedding(settings.buckets, settings.dim) if settings.orders > 1 else None
        if self.hashed is not None:
            nn.init.normal_(self.hashed.weight, std=1e-3)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = _head(settings.dim, settings.hidden, outputs, settings.dropout)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (batch, outputs) of ids (batch, tokens); the mask is 0 where a token is padding."""
        mask = drop_words(attention_mask.bool(), self.settings.word_dropout, self.training)
        total = self.words(input_ids, mask).sum(1)
        count = mask.sum(1, keepdim=True)
        if self.hashed is not None:
            for buckets, whole in hash_ngrams(input_ids, mask, self.settings.orders, self.settings.buckets):
                # Dropped like the units of a layer, and scaled up for it: a rare n-gram would otherwise learn its one
                # text by heart, and its words would learn nothing from that text.
                kept = F.dropout(whole.to(total.dtype), self.settings.ngram_dropout, self.training)
                total = total + (self.hashed(buckets) * kept.unsqueeze(-1)).sum(1)
                count = count + whole.sum(1, keepdim=True)
        divisor = count.clamp(min=1).to(total.dtype)
        return self.head(self.dropout(total / (divisor.sqrt() if self.settings.normalize == "sqrt" else divisor)))


def hash_ngrams(input_ids: Tensor, mask: Tensor, orders: int, buckets: int) -> list[tuple[Tensor, Tensor]]:
    """Return, for each order from 2 to `orders`, the bucket of the n-gram at each token and whether there is one.

    With ids `x`: `h_1 = x_1 + 1`, `h_k = (h_(k-1) * 950706376 + x_k + 1) mod (2^31 - 1)`, bucket `h_k mod buckets`.

    Args:
        input_ids: (batch, tokens) int64 in [0, 2^31 - 2).
        mask: (batch, tokens) bool, False for padding and dropped tokens: an n-gram that holds one does not exist.
        orders: longest n-gram, at least 2.
        buckets: number of buckets.

    Returns:
        One pair an order, each (batch, tokens): buckets int64 in [0, buckets), and bool.
    """
    tokens = input_ids.shape[1]
    # Padding once on the right, instead of shifting, keeps every window as long as the text, also for a single token.
    ids = F.pad(input_ids, (0, orders - 1)) + 1
    real = F.pad(mask.to(torch.int64), (0, orders - 1))
    hashes, whole = ids[:, :tokens], real[:, :tokens]
    found = []
    for shift in range(1, orders):
        hashes = (hashes * _MULTIPLIER + ids[:, shift : shift + tokens]) % _PRIME
        whole = whole * real[:, shift : shift + tokens]
        found.append((hashes % buckets, whole.bool()))
    return found


def _head(dim: int, hidden: int, outputs: int, dropout: float) -> nn.Module:
    if not hidden:
        return nn.Linear(dim, outputs)
    return nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs))


register(
    "hashed word n-grams, summed: the smallest and fastest; start here",
    NgramsSettings,
    Ngrams,
    reads="text",
    per="example",
)
