"""What is known of finished runs from their folders: weights, answers, exported files' outputs, scores.

Read with numpy, safetensors, onnxruntime and json alone, so that it works whatever Limbeck is like.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors.numpy import load_file

from guard import scores
from guard.renamed import PATHS, TENSORS, older_name
from guard.scores import Value

Arrays = dict[str, NDArray[Any]]
Named = dict[str, list[Arrays]]
"""Arrays by the name of a file or a folder. Several stand under one name where nothing but digests, which depend on the
words of a recipe, tells them apart."""

DIGESTS = re.compile(r"(?<=/)[0-9a-f]{16}(-([0-9a-f]{16}|loader-teacher))*(?=/|$)")  # the word is of BASE
ROWS, TOKENS, IDS = 5, 7, 24
"""Of the inputs that exported files are asked for; every vocabulary has so many tokens."""


@dataclass
class Facts:
    """What one side found.

    Attributes:
        weights: tensors by file.
        answers: of a teacher, `ID logits` and `ID tap/PATH` by the cache that holds them.
        outputs: of exported files, for inputs that depend on their graphs only; and of bundles, through the API.
        values: scores and statistics.
        precision: of each bundle.
    """

    weights: Named = field(default_factory=lambda: defaultdict(list))
    answers: Named = field(default_factory=lambda: defaultdict(list))
    outputs: Named = field(default_factory=lambda: defaultdict(list))
    values: dict[str, Value] = field(default_factory=dict)
    precision: dict[str, str] = field(default_factory=dict)


def facts_of(runs: Path, predictions: Path | None = None, *, head: bool = False) -> Facts:
    """Return the facts of every run in a folder.

    Args:
        runs: the folder of a run, or one that holds several.
        predictions: what their bundles said, as `side.py` writes it.
        head: their names are those of HEAD, and are put into the words of BASE.
    """
    facts = Facts()
    said = json.loads(predictions.read_text(encoding="utf-8")) if predictions else {}
    for run in sorted(path.parent for path in runs.glob("**/evaluation.json")):
        inside = str(run.relative_to(runs))
        prefix = "" if inside == "." else f"{inside}/"
        _read_run(facts, run, prefix, head=head)
        for number, one in enumerate(said.get(str(run.relative_to(runs.parent)), [])):
            labels, probabilities = zip(*one["probabilities"].items(), strict=True)
            entry = {f"{label}": np.array(value) for label, value in zip(labels, probabilities, strict=True)}
            chosen = {"label": np.array(list(one["label"].encode()), np.uint8)}
            facts.outputs[f"{prefix}bundle, asked number {number}"].append(entry | chosen)
    return facts


def _read_run(facts: Facts, run: Path, prefix: str, *, head: bool) -> None:
    def name_of(path: Path) -> str:
        inside = DIGESTS.sub("*", "/" + str(path.relative_to(run)))[1:]
        return prefix + (older_name(inside, PATHS) if head else inside)

    for path in sorted(run.glob("**/model.safetensors")):
        facts.weights[name_of(path)].append(_tensors(path, head=head))
    for folder in sorted({path.parent for path in run.glob("**/cache/**/*.safetensors")}):
        facts.answers[name_of(folder)].append(dict(_answers(folder, head=head)))
    for path in sorted(run.glob("**/*.onnx")):
        facts.outputs[name_of(path)].append(outputs_of(path))
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    facts.values |= {prefix + name: value for name, value in scores.values(evaluation, head=head).items()}
    if (run / "bundle" / "bundle.json").is_file():
        info = json.loads((run / "bundle" / "bundle.json").read_text(encoding="utf-8"))
        facts.precision[prefix] = str(info.get("precision"))


def _tensors(path: Path, *, head: bool) -> Arrays:
    return {older_name(name, TENSORS) if head else name: value for name, value in load_file(path).items()}


def _answers(folder: Path, *, head: bool) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield what a cache holds for each id, whatever its shards are."""
    for shard in sorted(folder.glob("*.safetensors")):
        stored = _tensors(shard, head=head)
        ids = stored.pop("ids")
        for name, value in stored.items():
            for row, key in enumerate(ids.tolist()):
                yield f"{key} {name}", value[row]


def outputs_of(model: Path) -> Arrays:
    """Return what an exported file says, on one thread, to inputs that are drawn from a fixed seed."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    inputs = {entry.name: _drawn(entry) for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    return {name: np.asarray(value) for name, value in zip(names, session.run(names, inputs), strict=True)}


def _drawn(entry: Any) -> NDArray[Any]:
    """Return rows for an input: ids, a mask of texts of every length, or normal numbers."""
    first, *others = entry.shape
    shape = [ROWS if isinstance(first, str) else first, *(TOKENS if isinstance(size, str) else size for size in others)]
    rng = np.random.default_rng(0)
    if "int" not in entry.type and "bool" not in entry.type:
        return rng.normal(size=shape).astype(np.float64 if "double" in entry.type else np.float32)
    kind = np.bool_ if "bool" in entry.type else np.int32 if "int32" in entry.type else np.int64
    if "mask" in entry.name:
        rows, tokens = shape[0], shape[-1]
        return (np.arange(tokens) < tokens - np.arange(rows)[:, None]).astype(kind)
    return rng.integers(1, IDS, size=shape).astype(kind)
