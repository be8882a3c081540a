"""Gradient-boosted trees of scikit-learn, as tensors that are asked in PyTorch."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck.data.fitted import NODE, SET

CODES = 255
"""Numbers that a category may have: scikit-learn takes no more. Any higher number is the highest."""


class Trees(nn.Module):
    """Add up what trees answer for one column of the labels.

    Args:
        kind: of the column, see `SolvedColumn`.
        outputs: how many outputs it has.

    Attributes:
        roots: (trees,) the first node of each tree.
        feature: (nodes,) which column of the table a node looks at.
        threshold: (nodes,) float32: a number up to it goes left.
        chosen: (nodes,) which row of `lefts` says where a category goes; -1: the column holds numbers.
        lefts: (rows, CODES) bool: which categories go left.
        sides: (nodes, 2) left and right; of a leaf itself.
        values: (nodes,) what a leaf answers; 0 of any other node.
        start: (sums,) what all trees' answers are added to; one sum, or of three or more classes one each.
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

    def __init__(self, kind: Literal["class", "flag", "value"], outputs: int) -> None:
        super().__init__()
        self.kind, self.outputs = kind, outputs
        self._steps = 0  # what `depth` holds, where an export may count on it
        for name, dtype in _STATE.items():
            self.register_buffer(name, torch.zeros(1, dtype=dtype))
        self.register_load_state_dict_pre_hook(_take_sizes)

    @property
    def fitted(self) -> int:
        """How many numbers the solver found, counted as a floor's are: it has no parameters that are trained."""
        return NODE * len(self.feature) + SET * (len(self.lefts) - 1) + len(self.start)

    def forward(self, cells: Tensor) -> Tensor:
        """Return outputs (batch, outputs) of cells (batch, columns), numbers before categories; see `SolvedColumn`.

        A class without a training row has the smallest log-probability of the others and 10 less: it is never the
        decision.
        """
        node = self.roots.expand(cells.shape[0], -1)
        for _ in range(self._steps):
            cell = cells.gather(1, self.feature[node])
            row = self.chosen[node]
            among = self.lefts[row.clamp(min=0), cell.clamp(0, CODES - 1).to(torch.int64)]
            number = row < 0
            left = (number & (cell <= self.threshold[node])) | (~number & among)
            node = torch.where(left, self.sides[node, 0], self.sides[node, 1])
        sums = len(self.start)
        answers = self.values[node].reshape(-1, len(self.roots) // sums, sums).sum(1) + self.start
        if self.kind != "class":
            return answers
        if sums == 1:
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


def _take_sizes(network: Trees, tensors: Mapping[str, Tensor], prefix: str, *others: Any) -> None:
    """Give a network's tensors the sizes of those that it is about to load: the solver found them."""
    network._steps = int(tensors[f"{prefix}depth"])
    for name, value in network.state_dict(keep_vars=True).items():
        if (found := tensors.get(prefix + name)) is not None:
            value.data = torch.empty_like(found, device=value.device)


def state_of(model: Any, trees: int, cells: NDArray[np.float32], categorical: NDArray[np.bool_]) -> dict[str, Tensor]:
    """Return the tensors of the first trees of a fitted model.

    Args:
        model: a `HistGradientBoostingClassifier` or `...Regressor` of scikit-learn.
        trees: how many of its rounds are taken; of three or more classes a round has a tree each.
        cells: (rows, columns) that it was fitted to.
        categorical: (columns,) which of them hold categories.
    """
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
    found["classes"] = getattr(model, "classes_", np.zeros(1))
    return _tensors(found)


def constant(answer: float) -> dict[str, Tensor]:
    """Return the tensors of a single leaf: the same answer for every row."""
    found: dict[str, Any] = {name: np.zeros(1) for name in _STATE}
    leaf = {"chosen": [-1], "lefts": np.zeros((1, CODES)), "sides": np.zeros((1, 2)), "start": [answer]}
    return _tensors(found | leaf)


def _tensors(found: Mapping[str, Any]) -> dict[str, Tensor]:
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
