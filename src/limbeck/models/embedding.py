"""One vector a token: the first layer of every network here that is not pretrained as a whole."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from limbeck.models.catalogue import ModelOptions
from limbeck.models.vectors import read_vectors
from limbeck.runtime import Vocabulary

Rate = Annotated[float, Field(ge=0, lt=1)]


class EmbeddingSettings(ModelOptions):
    """The options that every network with an embedding table has."""

    dim: Annotated[int, Field(ge=1, le=4096, description="width of a token's vector")] = 50
    dropout: Annotated[Rate, Field(description="share of the activations that is dropped in training")] = 0.0
    word_dropout: Annotated[Rate, Field(description="share of the tokens that is dropped in training")] = 0.0
    vectors: Annotated[
        str | None,
        Field(min_length=1, description="initial vectors: a .npz or .txt file, or `glove`; null: small random ones"),
    ] = None


class TokenEmbedding(nn.Module):
    """A table of token vectors, zero wherever the mask is.

    Args:
        vocabulary: gives the number of rows, and the words to look up in `vectors`.
        dim: width of a vector.
        std: standard deviation of the random rows, drawn from torch's global generator.
        vectors: pretrained rows (see `read_vectors`), kept as they are; tokens that the file lacks stay random.

    Raises:
        LimbeckError: `vectors` cannot be read, or is not `dim` wide.
    """

    def __init__(self, vocabulary: Vocabulary, dim: int, *, std: float, vectors: str | None = None) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary.size, dim, padding_idx=vocabulary.pad_id)
        with torch.no_grad():
            nn.init.normal_(self.table.weight, std=std)
            if vectors is not None:
                indices, rows = read_vectors(vectors, vocabulary.tokens, dim)
                self.table.weight[torch.from_numpy(indices)] = torch.from_numpy(rows)
            self.table.weight[vocabulary.pad_id] = 0

    def forward(self, input_ids: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, tokens, dim): the vectors of (batch, tokens) ids, zeros where the bool mask is False."""
        embedded = self.table(input_ids)
        return embedded * mask.unsqueeze(-1).to(embedded.dtype)


def drop_words(mask: Tensor, rate: float, training: bool) -> Tensor:
    """Return the (batch, tokens) bool mask without a random share of its tokens while training, unchanged otherwise.

    Nothing is rescaled. Source: word dropout of Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic
    Methods for Text Classification".
    """
    if not training or rate == 0:
        return mask
    return mask & (torch.rand(mask.shape, device=mask.device) >= rate)
