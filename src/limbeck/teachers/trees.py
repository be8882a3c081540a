"""Gradient-boosted trees on a table's rows, grown by scikit-learn and asked in PyTorch."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.models.solved import Solved
from limbeck.runtime.readers.table import CATEGORIES, NUMBERS
from limbeck.runtime.rows import Rows
from limbeck.settings import Settings

CODES = 255
"""Numbers that a category may have: scikit-learn takes no more. Any higher number is the highest."""

_Sizes = tuple[Annotated[int, Field(ge=1)], ...]


class TreesSettings(Settings):
    """Options of the boosted trees: every pair of a number and a size is tried, and the best on validation taken."""

    trees: Annotated[_Sizes, Field(min_length=1, description="numbers of trees; a class each, of three or more")] = (
        50, 100, 200, 400,
    )  # fmt: skip
    leaves: Annotated[
        tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1, description="most leaves of a tree")
    ] = (4, 7, 15, 31)
    rate: Annotated[float, Field(gt=0, le=1, description="share of each tree's answer that is added")] = 0.05


class Trees(Solved):
    """Add up what trees answer.

    Args:
        settings: of the solver.
        outputs: number of classes.

    Attributes:
        roots: (trees,) the first node of each tree.
        feature: (nodes,) which column a node looks at.
        threshold: (nodes,) float32: a number up to it goes left.
        chosen: (nodes,) which row of `lefts` says where a category goes; -1: the column holds numbers.
        lefts: (rows, CODES) bool: which categories go left.
        sides: (nodes, 2) left and right; of a leaf itself.
        values: (nodes,) what a leaf answers; 0 of any other node.
        start: (columns,) what all trees' answers are added to; one column for two classes.
        classes: (found,) classes that training rows have.
        depth: (1,) the most steps from a root to a leaf.
    """

    roots: Tensor
    feature: Tensor
    threshold: Tensor
    chosen: Tensor
    lefts: Tensor
    sides: Tensor
    values: Tensor
    start: Tensor
    classes: Tensor
    depth: Tensor

    def __init__(self, settings: TreesSettings, outputs: int) -> None:
        super().__init__()
        self.settings, self.outputs = settings, outputs
        self._steps = 0  # what `depth` holds, where an export may count on it
        for name, dtype in _STATE.items():
            self.register_buffer(name, torch.zeros(1, dtype=dtype))
        self.register_load_state_dict_pre_hook(_take_sizes)

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """The solver's settings."""
        return self.settings.model_dump(mode="json")

    def solve(
        self,
        rows: Rows,
        answers: NDArray[np.float32],
        *,
        weights: NDArray[np.float32] | None,
        cost: Callable[[nn.Module], float],
    ) -> str:
        """Grow trees in every size of the settings and take those of the least cost; see `Solved`.

        Raises:
            LimbeckError: see `require_rows`.
        """
        labels = answers.argmax(1)
        require_rows(labels)
        cells, categorical = _cells(rows.batch(np.arange(len(rows))))
        counts = None if weights is None else weights[labels]
        best: tuple[float, str, Trees] | None = None
        for leaves in self.settings.leaves:
            model = self._grown(cells, categorical, labels, counts, leaves)
            for trees in self.settings.trees:  # the first ones of more
                network = Trees(self.settings, self.outputs)
                network.load_state_dict(_state(model, trees, cells, categorical))
                found = cost(network.eval())
                if best is None or found < best[0]:
                    best = found, f"{trees} trees of {leaves} leaves are best on validation", network
        assert best is not None  # the settings name one size at least
        _, said, network = best
        self.load_state_dict(network.state_dict())
        return said

    def _grown(
        self,
        cells: NDArray[np.float32],
        categorical: NDArray[np.bool_],
        labels: NDArray[np.int64],
        counts: NDArray[np.float32] | None,
        leaves: int,
    ) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            max_iter=max(self.settings.trees),
            max_leaf_nodes=leaves,
            learning_rate=self.settings.rate,
            categorical_features=categorical,
            early_stopping=False,
            random_state=0,
        ).fit(cells, labels, sample_weight=counts)

    def forward(self, numbers: Tensor | None = None, categories: Tensor | None = None) -> Tensor:
        """Return log-probabilities (batch, outputs) of numbers (batch, numbers) and categories (batch, columns).

        A class without a training row has the smallest of the others' and 10 less: it is never the decision.
        """
        parts = [] if numbers is None else [numbers]
        if categories is not None:
            parts.append(categories.clamp(max=CODES - 1).to(torch.float32))
        cells = torch.cat(parts, dim=1)
        node = self.roots.expand(cells.shape[0], -1)
        for _ in range(self._steps):
            cell = cells.gather(1, self.feature[node])
            row = self.chosen[node]
            among = self.lefts[row.clamp(min=0), cell.clamp(0, CODES - 1).to(torch.int64)]
            number = row < 0
            left = (number & (cell <= self.threshold[node])) | (~number & among)
            node = torch.where(left, self.sides[node, 0], self.sides[node, 1])
        columns = len(self.start)
        answers = self.values[node].reshape(-1, len(self.roots) // columns, columns).sum(1) + self.start
        if columns == 1:
            answers = torch.cat([torch.zeros_like(answers), answers], dim=1)
        known = answers.log_softmax(1)
        if len(self.classes) == self.outputs:
            return known
        least = known.amin(1, keepdim=True) - 10
        return least.expand(-1, self.outputs).scatter(1, self.classes.expand(cells.shape[0], -1), known)


_STATE = {
    "roots": torch.int64, "feature": torch.int64, "threshold": torch.float32, "chosen": torch.int64,
    "lefts": torch.bool, "sides": torch.int64, "values": torch.float32, "start": torch.float32,
    "classes": torch.int64, "depth": torch.int64,
}  # fmt: skip


def require_rows(labels: NDArray[np.int64]) -> None:
    """Refuse rows that no trees can be grown on.

    Raises:
        LimbeckError: they are of one class only.
    """
    if len(np.unique(labels)) < 2:
        raise LimbeckError("the labelled rows show fewer than two classes", where="teacher", fix="label more rows")


def _take_sizes(network: Trees, tensors: Mapping[str, Tensor], prefix: str, *others: Any) -> None:
    """Give a network's tensors the sizes of those that it is about to load: the solver found them."""
    network._steps = int(tensors[f"{prefix}depth"])
    for name, value in network.state_dict(keep_vars=True).items():
        if (found := tensors.get(prefix + name)) is not None:
            value.data = torch.empty_like(found, device=value.device)


def _cells(arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return a table's rows as one matrix, and which of its columns hold categories."""
    rows = len(next(iter(arrays.values())))
    numbers = arrays.get(NUMBERS, np.zeros((rows, 0), np.float32))
    categories = arrays.get(CATEGORIES, np.zeros((rows, 0), np.int64)).clip(max=CODES - 1)
    cells = np.concatenate([numbers, categories.astype(np.float32)], axis=1)
    return cells, np.arange(cells.shape[1]) >= numbers.shape[1]


def _state(model: Any, trees: int, cells: NDArray[np.float32], categorical: NDArray[np.bool_]) -> dict[str, Tensor]:
    """Return the tensors of the first trees of a fitted model."""
    names = ("roots", "feature", "threshold", "chosen", "sides", "values")
    parts: dict[str, list[Any]] = {name: [] for name in names}
    lefts = [np.zeros(CODES, bool)]
    # scikit-learn puts categories before numbers.
    column = np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])
    first = depth = 0
    for tree in (tree for one in model._predictors[:trees] for tree in one):
        nodes = tree.nodes
        own, leaf = first + np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
        chosen = np.full(len(nodes), -1)
        for place in np.flatnonzero(~leaf & nodes["is_categorical"].astype(bool)):
            chosen[place] = len(lefts)
            lefts.append(_goes_left(tree, nodes[place], np.unique(cells[:, column[nodes["feature_idx"][place]]])))
        sides = [np.where(leaf, own, first + nodes[side].astype(np.int64)) for side in ("left", "right")]
        parts["roots"].append([first])
        parts["feature"].append(np.where(leaf, 0, column[np.where(leaf, 0, nodes["feature_idx"])]))
        parts["threshold"].append(_down(np.where(leaf | (chosen >= 0), 0, nodes["num_threshold"])))
        parts["chosen"].append(chosen)
        parts["sides"].append(np.stack(sides, axis=1))
        parts["values"].append(np.where(leaf, nodes["value"], 0))
        first, depth = first + len(nodes), max(depth, int(nodes["depth"].max()))
    found: dict[str, Any] = {name: np.concatenate(value) for name, value in parts.items()}
    found |= {"lefts": np.stack(lefts), "start": model._baseline_prediction.ravel(), "depth": np.array([depth])}
    found["classes"] = model.classes_
    return {name: torch.from_numpy(np.ascontiguousarray(found[name])).to(dtype) for name, dtype in _STATE.items()}


def _goes_left(tree: Any, node: Any, seen: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which categories go left at a node; one never seen goes where a missing one does.

    Args:
        tree: that has the node.
        node: that looks at a category.
        seen: the categories of the training rows, ascending: scikit-learn counts these from 0.
    """
    words = tree.raw_left_cat_bitsets[node["bitset_idx"]]
    bits = ((words[:, None] >> np.arange(32, dtype=np.uint32)) & 1).astype(bool).ravel()
    left = np.full(CODES, bool(node["missing_go_to_left"]))
    left[seen.astype(np.int64)] = bits[: len(seen)]
    return left


def _down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 up to each threshold, so that a float32 number goes where it went."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
