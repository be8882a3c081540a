"""A data set and a recipe that run through every stage in seconds, without any download."""

import csv
import random
from pathlib import Path

FLOORS = ["floor", "distilled_floor"]
"""The models of a run on texts that are no networks, in their order."""
GOOD = ["gem", "delight", "moving", "superb", "warm", "witty", "fresh", "bright"]
BAD = ["bore", "mess", "flat", "cheap", "dull", "stale", "awful", "clumsy"]
FILLER = [
    "the",
    "a",
    "film",
    "plot",
    "actor",
    "scene",
    "with",
    "and",
    "of",
    "this",
    "that",
    "story",
    "it",
    "was",
    "very",
]


def write_csv(path: Path, rows: int = 260, *, classes: int = 2, seed: int = 0, wrong: int | None = None) -> Path:
    """Write texts whose class follows from one of their words, with string labels beyond two classes.

    Every so many of them, and one after that, have another class than they say; None: none.
    """
    rng = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in range(rows):
            label = row % classes
            shown = (label + (wrong is not None and row % wrong < 2)) % classes
            words = rng.choices(FILLER, k=rng.randint(2, 12))
            marks = (BAD, GOOD)[label] if classes == 2 else [f"mark{label}x{i}" for i in range(3)]
            words.insert(rng.randint(0, len(words)), rng.choice(marks))
            writer.writerow([f"{' '.join(words)} {row}", f"class {shown}" if classes > 2 else shown])
    return path


def recipe(source: Path, **changes: object) -> dict[str, object]:
    """Return the values of a recipe on that file; a convolution teaches a bag of n-grams."""
    train = {"steps": 24, "batch_size": 16, "lr": 0.02, "validations": 3}
    return {
        "name": "tiny",
        "seeds": [0, 1],
        "data": {
            "source": str(source),
            "split": {"test": 60, "validation": 30},
            "labelled": 40,
            "labelled_per_batch": 4,
        },
        "teacher": {
            "kind": "network",
            "model": {"name": "textcnn", "filters": 8, "dim": 8},
            "reads": {"max_length": 24},
            "train": train | {"lr": 0.1},  # above chance for every seed
        },
        "student": {
            "model": {"name": "ngrams", "dim": 4, "buckets": 64},
            "reads": {"tokenizer": {"kind": "words", "min_frequency": 2}, "max_length": 24},
            "train": train,
        },
        "losses": [{"name": "kd", "weight": 0.9, "temperature": 2}, {"name": "cross_entropy", "weight": 0.1}],
        **changes,
    }
