"""A module with its tokenizer on a dict of columns; then names in place of objects, on a file."""

import csv
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import BertForSequenceClassification

import limbeck
from limbeck.losses import KD, CrossEntropy

SETTINGS = {
    "data.split": {"test": 90, "validation": 40},
    "data.labelled": 80,
    "data.labelled_per_batch": 4,
    "student.reads.max_length": 24,
    "student.train": {"steps": 30, "batch_size": 16, "lr": 0.02, "validations": 3},
}


class Bag(nn.Module):
    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(size, width)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(width, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        real = attention_mask.unsqueeze(-1)
        return self.head(self.drop((self.words(input_ids) * real).sum(1) / real.sum(1).clamp(min=1)))


def main() -> None:
    with Path("data/rows.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tokenizer = Tokenizer.from_file("data/classifier/tokenizer.json")
    limbeck.distill(
        BertForSequenceClassification.from_pretrained("data/classifier"),
        lambda: Bag(tokenizer.get_vocab_size(), 6),
        {"text": [row["text"] for row in rows], "label": [row["label"] for row in rows]},
        teacher_tokenizer=tokenizer,
        student_tokenizer=tokenizer,
        losses=0.9 * KD(temperature=2) + 0.1 * CrossEntropy(),
        seeds=[0, 1],
        settings={**SETTINGS, "teacher.labels": {"NEG": "bad", "POS": "good"}},
        out="runs/objects/modules",
    )
    limbeck.distill(
        {"kind": "nblr"},
        "textcnn",
        "data/rows.csv",
        seeds=[0],
        settings={**SETTINGS, "baseline": False},
        out="runs/objects/names",
    )


if __name__ == "__main__":
    main()
