"""Trained networks of transformers, as folders that transformers itself loads."""

import json
from pathlib import Path
from typing import Any

from torch import nn

from limbeck.data import Task
from limbeck.files import recorded, write_json
from limbeck.models.label_order import Ordered
from limbeck.models.transformer import FinetunedClassifier

_PROBLEM = {"distribution": "single_label_classification", "independent": "multi_label_classification"}
"""What transformers calls a task, by what it predicts."""


def saved(network: nn.Module) -> nn.Module:
    """Return what a file of a network's weights is of: itself, or of a classifier of transformers that one."""
    return getattr(network, "saved", network)


def publish(network: nn.Module, task: Task, reads: Any, folder: Path) -> None:
    """Write beside the weights of a classifier of transformers what `from_pretrained` reads; of another one, nothing.

    Its outputs are called as the classes, and its tokenizer cuts texts where the network's reader does; where that
    keeps the end of a text too, the tokenizer does not.

    Args:
        network: as it was trained, with the head of its architecture.
        task: that it was trained for.
        reads: settings of its reader, of texts.
        folder: with its weights, `model.safetensors`.
    """
    inner = network.network if isinstance(network, Ordered) else network
    if not isinstance(inner, FinetunedClassifier):
        return
    from transformers import AutoTokenizer

    whole: Any = inner.encoder
    order = network.order.tolist() if isinstance(network, Ordered) else range(len(task.names))
    called = {**whole.config.id2label, **dict(zip(order, task.names, strict=True))}
    about = json.loads(whole.config.to_json_string()) | {
        "architectures": [type(whole).__name__],
        "problem_type": _PROBLEM.get(task.predicts),
        "id2label": called,
        "label2id": {name: output for output, name in called.items()},
    }
    tokenizer = AutoTokenizer.from_pretrained(whole.name_or_path, trust_remote_code=False)
    tokenizer.model_max_length = reads.max_length
    with recorded(folder):
        tokenizer.save_pretrained(folder)
    write_json(folder / "config.json", about)
