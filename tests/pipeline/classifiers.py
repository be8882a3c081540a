"""A small classifier of transformers that is right, whatever its outputs are called."""

import csv
from collections.abc import Sequence
from pathlib import Path

import torch
from tiny import write_csv
from torch import nn

from limbeck.modalities.text.tokenizers import WordTokenizerSettings, word_tokenizer
from limbeck.runtime import TextReader
from limbeck.types import device_of, tensors

LENGTH = 24
POSITIONS = 40


def train_classifier(file: Path, order: list[int], names: list[str]) -> tuple[nn.Module, TextReader]:
    """Return a BERT that knows rows of the same kind, and how it reads.

    Args:
        file: written with those rows.
        order: the class of each output.
        names: of the outputs.
    """
    from transformers import BertConfig, BertForSequenceClassification

    write_csv(file, 400, classes=len(order), seed=1)
    with file.open(encoding="utf-8") as rows:
        texts, labels = zip(
            *((row["text"], int(row["label"].split()[-1])) for row in csv.DictReader(rows)), strict=True
        )
    words = WordTokenizerSettings(min_frequency=2)  # of a text's number nothing can be learnt
    reader = TextReader(word_tokenizer(texts, words), max_length=LENGTH, pad_id=0)
    torch.manual_seed(0)
    network = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(reader.tokens),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=POSITIONS,
            pad_token_id=0,
            id2label=dict(enumerate(names)),
            label2id={name: number for number, name in enumerate(names)},
        )
    )
    ids = _inputs(reader, texts)
    wanted = torch.tensor([order.index(label) for label in labels])
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(40):
        loss = nn.functional.cross_entropy(network(**ids).logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval(), reader


def save_classifier(folder: Path, network: nn.Module, reader: TextReader) -> Path:
    """Write what `from_pretrained` reads."""
    network.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(reader.tokenizer_json, encoding="utf-8")
    return folder


def own_accuracy(
    network: nn.Module, reader: TextReader, order: list[int], texts: list[str], labels: list[int]
) -> float:
    """Return the share of texts of which its best output means the label."""
    with torch.no_grad():
        inputs = {name: value.to(device_of(network)) for name, value in _inputs(reader, texts).items()}
        decided = network(**inputs).logits.argmax(1).tolist()
    return sum(order[output] == label for output, label in zip(decided, labels, strict=True)) / len(labels)


def _inputs(reader: TextReader, texts: Sequence[str]) -> dict[str, torch.Tensor]:
    return tensors(reader.encode(texts).batch(range(len(texts))))
