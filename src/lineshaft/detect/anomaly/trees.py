"""Boosted trees as one ONNX node: what each sensor's trees say of it, for all sensors at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lineshaft.detect.anomaly.drawing import Drawing, Value
from lineshaft.detect.detector import Ints

ML = "ai.onnx.ml"
Tree = dict[str, Any]
"""A node as LightGBM tells it: a split with its children, or a leaf."""


IDS = ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")


class Forest:
    """The nodes of all trees, numbered as ONNX wants them."""

    def __init__(self) -> None:
        self.ids: dict[str, list[int]] = {
            name: [] for name in ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")
        }
        self.modes: list[str] = []
        self.values: list[float] = []
        self.lost: list[int] = []
        """1 where a missing value goes the way of `true`."""
        self.leaves: list[tuple[int, int, int, float]] = []
        self.trees = 0

    def add(self, tree: Tree, places: Ints, target: int) -> None:
        """Take one tree of a target; `places` are the columns that its features are."""
        self._node(tree, places, target, [0])
        self.trees += 1

    def _node(self, node: Tree, places: Ints, target: int, count: list[int]) -> int:
        number = count[0]
        count[0] += 1
        here = len(self.modes)
        leaf = "leaf_value" in node
        for name, value in zip(IDS, (self.trees, number, 0, 0, 0), strict=True):
            self.ids[name].append(value)
        self.modes.append("LEAF" if leaf else "BRANCH_LEQ")
        self.values.append(0.0 if leaf else float(node["threshold"]))
        self.lost.append(0 if leaf else _lost(node))
        if leaf:
            self.leaves.append((self.trees, number, target, float(node["leaf_value"])))
            return number
        self.ids["featureids"][here] = int(places[node["split_feature"]])
        self.ids["truenodeids"][here] = self._node(node["left_child"], places, target, count)
        self.ids["falsenodeids"][here] = self._node(node["right_child"], places, target, count)
        return number


def _lost(node: Tree) -> int:
    """Say where a missing value goes: as training saw it, or, where it saw none, as 0 would."""
    return int(node["default_left"]) if node["missing_type"] == "NaN" else int(node["threshold"] >= 0)


def draw(drawing: Drawing, standard: Value, ensembles: Sequence[tuple[Ints, Sequence[Tree]]]) -> Value:
    """Return what the trees of each column say it should be, from a row of standardised values (NaN: missing)."""
    forest = Forest()
    for target, (places, trees) in enumerate(ensembles):
        for tree in trees:
            forest.add(tree, places, target)
    trees, nodes, targets, weights = zip(*forest.leaves, strict=True)
    row = drawing.op("Unsqueeze", standard, drawing.ints([0]))
    said = drawing.op(
        "TreeEnsembleRegressor",
        row,
        domain=ML,
        n_targets=len(ensembles),
        nodes_modes=forest.modes,
        nodes_values_as_tensor=drawing.tensor(np.array(forest.values)),
        nodes_missing_value_tracks_true=forest.lost,
        target_treeids=[*trees],
        target_nodeids=[*nodes],
        target_ids=[*targets],
        target_weights_as_tensor=drawing.tensor(np.array(weights)),
        **{f"nodes_{name}": values for name, values in forest.ids.items()},
    )
    return drawing.op("Squeeze", drawing.op("Cast", said, to="double"), drawing.ints([0]))
