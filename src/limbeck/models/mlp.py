"""Fully connected layers on the numbers and the embedded categories of a table's rows."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from limbeck.models.catalogue import ModelOptions, register
from limbeck.runtime.readers.table import TableForm


class MLPSettings(ModelOptions):
    """Options of `mlp`."""

    name: Literal["mlp"] = "mlp"
    hidden: Annotated[int, Field(ge=1, le=65536, description="width of each hidden layer")] = 128
    layers: Annotated[int, Field(ge=1, le=64, description="hidden layers")] = 2
    norm: Annotated[Literal["layer", "none"], Field(description="what normalises each hidden layer")] = "layer"
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of a hidden layer that is dropped in training")] = (
        0.1
    )


def width(size: int) -> int:
    """Return how wide the vectors of a column's categories are: 1.6 * size^0.56, at most 32.

    Source: fastai's rule (Howard and Gugger 2020, `emb_sz_rule`), which ends at 600.

    Args:
        size: how many numbers the categories have.
    """
    return min(32, round(1.6 * size**0.56))


class MLP(nn.Module):
    """Classify, or give values, from numbers and a vector a category.

    A category that was never seen begins as the vector 0, and stays there where training rows have no such category.

    Args:
        settings: see `MLPSettings`.
        outputs: number of logits, or of values.
        form: of the rows.
    """

    def __init__(self, settings: MLPSettings, *, outputs: int, form: TableForm) -> None:
        super().__init__()
        self.settings = settings
        self.embeddings = nn.ModuleList(map(_embedding, form.sizes))
        size = form.numbers + sum(map(width, form.sizes))
        layers: list[nn.Module] = []
        for _ in range(settings.layers):
            layers += [nn.Linear(size, settings.hidden)]
            if settings.norm == "layer":
                layers += [nn.LayerNorm(settings.hidden)]
            layers += [nn.ReLU(), nn.Dropout(settings.dropout)]
            size = settings.hidden
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(size, outputs)

    def forward(self, numbers: Tensor | None = None, categories: Tensor | None = None) -> Tensor:
        """Return (batch, outputs) of numbers (batch, numbers) and categories (batch, columns).

        One of the two is left out where the table has no such column.
        """
        parts = [] if numbers is None else [numbers]
        if categories is not None:
            parts += [embedding(categories[:, place]) for place, embedding in enumerate(self.embeddings)]
        # With an axis more, layers are exported as products, which int8 takes; of two axes they are as a head is.
        return self.head(self.layers(torch.cat(parts, dim=1).unsqueeze(1)).squeeze(1))


def _embedding(size: int) -> nn.Embedding:
    embedding = nn.Embedding(size, width(size))
    nn.init.normal_(embedding.weight, std=0.3)
    with torch.no_grad():
        embedding.weight[0] = 0
    return embedding


register(
    "hidden layers on numbers and embedded categories: the network of tables",
    MLPSettings,
    MLP,
    reads="table",
    per="example",
)
