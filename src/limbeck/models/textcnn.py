"""Convolutions over word vectors with max pooling over time."""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from limbeck.models.catalogue import register
from limbeck.models.embedding import EmbeddingSettings, Rate, TokenEmbedding, drop_words
from limbeck.runtime import TextForm


class TextCNNSettings(EmbeddingSettings):
    """Options of `textcnn`."""

    name: Literal["textcnn"] = "textcnn"
    dropout: Annotated[Rate, Field(description="share of the pooled features that is dropped in training")] = 0.5
    widths: Annotated[
        tuple[Annotated[int, Field(ge=1, le=16)], ...],
        Field(min_length=1, description="tokens that a window sees, one entry a group of filters"),
    ] = (1, 2, 3)
    filters: Annotated[int, Field(ge=1, le=65536, description="features of each width")] = 64
    pooling: Annotated[
        Literal["max", "sum_max"],
        Field(description="a filter's strongest answer; sum_max: and the sum of all over the root of their number"),
    ] = "max"


class TextCNN(nn.Module):
    """Keep the strongest answer of each filter over all windows of a text, and the sum if asked; classify those.

    A window starts at every real token; where it reaches past the end of the text it sees zeros, so that a text
    shorter than a window still has features, and padding never adds any.

    Source: Kim 2014, "Convolutional Neural Networks for Sentence Classification" (arXiv 1408.5882), with narrower
    windows than the paper's (3, 4, 5), one channel, and no limit on the norm of the weights. The sum, which counts what
    the maximum cannot, is not the paper's.

    Args:
        settings: see `TextCNNSettings`.
        outputs: number of logits.
        form: of the token ids.

    Raises:
        LimbeckError: `vectors` cannot be read, or is not `dim` wide.
    """

    def __init__(self, settings: TextCNNSettings, *, outputs: int, form: TextForm) -> None:
        super().__init__()
        self.settings = settings
        self.words = TokenEmbedding(form.vocabulary, settings.dim, std=0.1, vectors=settings.vectors)
        self.convolutions = nn.ModuleList(nn.Conv1d(settings.dim, settings.filters, width) for width in settings.widths)
        self.dropout = nn.Dropout(settings.dropout)
        features = settings.filters * len(settings.widths)
        self.head = nn.Linear(features * (1 if settings.pooling == "max" else 2), outputs)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (batch, outputs) of ids (batch, tokens); the mask is 0 where a token is padding."""
        mask = attention_mask.bool()
        # A dropped word is a zero vector, not padding: its neighbours stay where they are.
        embedded = self.words(input_ids, drop_words(mask, self.settings.word_dropout, self.training)).transpose(1, 2)
        real = mask.unsqueeze(1).to(embedded.dtype)
        pooled = []
        for width, convolution in zip(self.settings.widths, self.convolutions, strict=True):
            # None is below 0, so that 0 never wins over a real window.
            features = torch.relu(convolution(F.pad(embedded, (0, width - 1)))) * real
            pooled.append(features.amax(2))
            if self.settings.pooling == "sum_max":
                pooled.append(features.sum(2) / real.sum(2).clamp(min=1).sqrt())
        return self.head(self.dropout(torch.cat(pooled, dim=1)))


register(
    "convolutions over word vectors, strongest answer wins: fast, good at key phrases",
    TextCNNSettings,
    TextCNN,
    reads="text",
    per="example",
)
