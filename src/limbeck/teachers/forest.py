"""Gradient-boosted trees on a table's rows, grown for each column of the labels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from limbeck.data import SolvedColumn
from limbeck.errors import LimbeckError
from limbeck.models.solved import SolvedByLabels
from limbeck.runtime.readers.table import CATEGORIES, NUMBERS
from limbeck.runtime.rows import Rows
from limbeck.settings import Settings
from limbeck.teachers.trees import CODES, Trees, constant, state_of

_Sizes = tuple[Annotated[int, Field(ge=1)], ...]


class TreesSettings(Settings):
    """Options of the boosted trees: every pair of a number and a size is tried, and the best taken.

    Where a label has several columns, each has its own trees, all of one number and size.
    """

    trees: Annotated[
        _Sizes, Field(min_length=1, description="numbers of trees of a column; of three or more classes, of each class")
    ] = (50, 100, 200, 400)
    leaves: Annotated[
        tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1, description="most leaves of a tree")
    ] = (4, 7, 15, 31)
    rate: Annotated[float, Field(gt=0, le=1, description="share of each tree's answer that is added")] = 0.05


class Forest(SolvedByLabels):
    """Answer with the trees of each column of the labels.

    Args:
        settings: of the solver.
        columns: of the labels, of any rows: what they hold, and how many outputs they have.

    Attributes:
        trees: those of each column.
    """

    def __init__(self, settings: TreesSettings, columns: Sequence[SolvedColumn]) -> None:
        super().__init__()
        self.settings = settings
        self.trees = nn.ModuleList(Trees(column.kind, column.outputs) for column in columns)

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """The solver's settings."""
        return self.settings.model_dump(mode="json")

    def forward(self, numbers: Tensor | None = None, categories: Tensor | None = None) -> Tensor:
        """Return outputs (batch, outputs) of numbers (batch, numbers) and categories (batch, columns)."""
        parts = [] if numbers is None else [numbers]
        if categories is not None:
            parts.append(categories.clamp(max=CODES - 1).to(torch.float32))
        cells = torch.cat(parts, dim=1)
        return torch.cat([trees(cells) for trees in self.trees], dim=1)

    def solve(
        self,
        rows: Rows,
        columns: Sequence[SolvedColumn],
        *,
        weights: NDArray[np.float32] | None,
        cost: Callable[[nn.Module], float],
    ) -> str:
        """Grow trees in every size of the settings and take those of the least cost; see `SolvedByLabels`.

        Raises:
            LimbeckError: a column of classes shows one of them only.
        """
        cells, categorical = _cells(rows.batch(np.arange(len(rows))))
        best: tuple[float, str, Forest] | None = None
        for leaves in self.settings.leaves:
            models = [self._grown(cells, categorical, column, weights, leaves) for column in columns]
            for trees in self.settings.trees:  # the first ones of more
                network = Forest(self.settings, columns)
                for own, model in zip(network.trees, models, strict=True):
                    known = isinstance(model, float)
                    own.load_state_dict(constant(model) if known else state_of(model, trees, cells, categorical))
                found = cost(network.eval())
                if best is None or found < best[0]:
                    best = found, f"a forest of {trees} trees of {leaves} leaves", network
        assert best is not None  # the settings name one size at least
        _, said, network = best
        self.load_state_dict(network.state_dict())
        return said

    def _grown(
        self,
        cells: NDArray[np.float32],
        categorical: NDArray[np.bool_],
        column: SolvedColumn,
        weights: NDArray[np.float32] | None,
        leaves: int,
    ) -> Any:
        """Return a fitted model; of a flag that all rows have, or none, a constant: the log-odds with one row added."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        values = column.values
        if column.kind != "value" and len(found := np.unique(values)) < 2:
            if column.kind == "class":
                what = "the labelled rows show fewer than two classes"
                raise LimbeckError(what, where="teacher", fix="label more rows")
            return float(np.log(len(values) + 1) * (1 if found[0] else -1))
        grower = HistGradientBoostingRegressor if column.kind == "value" else HistGradientBoostingClassifier
        return grower(
            max_iter=max(self.settings.trees),
            max_leaf_nodes=leaves,
            learning_rate=self.settings.rate,
            categorical_features=categorical,
            early_stopping=False,
            random_state=0,
        ).fit(cells, values, sample_weight=None if weights is None else weights[values])


def _cells(arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return a table's rows as one matrix, and which of its columns hold categories."""
    rows = len(next(iter(arrays.values())))
    numbers = arrays.get(NUMBERS, np.zeros((rows, 0), np.float32))
    categories = arrays.get(CATEGORIES, np.zeros((rows, 0), np.int64)).clip(max=CODES - 1)
    cells = np.concatenate([numbers, categories.astype(np.float32)], axis=1)
    return cells, np.arange(cells.shape[1]) >= numbers.shape[1]
