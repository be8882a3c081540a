"""Trained networks of transformers, as folders that transformers itself loads."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
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


def publish(network: nn.Module, task: Task, reader: Any, folder: Path) -> None:
    """Write beside the weights of a classifier of transformers what `from_pretrained` reads; of another one, nothing.

    Its outputs are called as the classes. Its tokenizer is the reader's, and cuts texts at the same length; where the
    reader keeps the end of a longer text too (`tail`), the tokenizer does not.

    Args:
        network: as it was trained; of a head in the order of its checkpoint too.
        task: that it was trained for.
        reader: of the network, of texts.
        folder: with its weights, `model.safetensors`.
    """
    inner = network.network if isinstance(network, Ordered) else network
    if not isinstance(inner, FinetunedClassifier):
        return
    from transformers import PreTrainedTokenizerFast  # slow to import

    config: Any = inner.encoder.config
    order: list[int] = network.order.tolist() if isinstance(network, Ordered) else list(range(len(task.names)))
    called = {**config.id2label, **dict(zip(order, task.names, strict=True))}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(reader.tokenizer_json),
        pad_token=reader.tokens[reader.pad_id],
        model_max_length=reader.max_length,
        model_input_names=["input_ids", "attention_mask"],
    )
    with recorded(folder):
        tokenizer.save_pretrained(folder)
    about = {
        "architectures": [type(inner.encoder).__name__],
        "problem_type": _PROBLEM.get(task.predicts),
        "id2label": called,
        "label2id": {name: output for output, name in called.items()},
    }
    write_json(folder / "config.json", json.loads(config.to_json_string()) | about)
