"""The textbook set-up on IMDB: the recipe `imdb` with all labels, and with 2,500 for teacher, student and baseline.

    python benchmarks/imdb.py [data.source]

Started again, it goes on where it was stopped. The teacher of 2,500 labels starts from the same pretraining, which has
seen texts only. Writes benchmarks/results/imdb.json.
"""

import json
import sys
from pathlib import Path
from typing import Any

from clocked import TOGETHER, adopt, clocked_run
from safetensors.torch import load_file

from limbeck.files import read_json, write_json

RESULT = Path(__file__).parent / "results" / "imdb.json"
FOLDER = Path("runs/benchmark-imdb")
# Few labels: more epochs of them for the teacher, fewer of them in the student's batches, and how long to learn is
# chosen on validation: 11 or 43 epochs of the labels for the baseline. Both arms chose this pooling with all labels.
LABELS_2500 = [
    "data.labelled=2500",
    "data.labelled_per_batch=4",
    "teacher.train.epochs=12",
    "student.model.pooling=last",
    "grid={train.steps: [425, 1700]}",
]
SETTINGS: dict[str, list[str]] = {"all labels": [], "2,500 labels": LABELS_2500}


def folder_of(name: str) -> Path:
    """Return where a setting is run."""
    return FOLDER if not SETTINGS[name] else FOLDER.with_name(f"{FOLDER.name}-2500")


def measure(name: str, overrides: list[str]) -> dict[str, Any]:
    """Run a setting, or finish its run, and return what came out."""
    folder = folder_of(name)
    adopt(FOLDER / "pretrained", folder, "pretrained")
    spent = clocked_run("imdb", [*overrides, *SETTINGS[name]], folder, command=TOGETHER)
    evaluation = read_json(folder / "evaluation.json", dict)
    weights = {arm: weights_outside_embeddings(folder / path) for arm, path in networks(evaluation).items()}
    return {
        "overrides": SETTINGS[name],
        **spent,
        "weights_outside_embeddings": weights,
        "evaluation": {key: value for key, value in evaluation.items() if key != "samples"},
        "environment": read_json(folder / "environment.json", dict),
    }


def networks(evaluation: dict[str, Any]) -> dict[str, str]:
    """Return the folders of the teacher and of one network of each arm."""
    last = evaluation["seeds"][-1]
    return {"teacher": "teacher", **{arm: f"{arm}/seed-{last}" for arm in ("student", "baseline")}}


def weights_outside_embeddings(folder: Path) -> int:
    """Count a network's weights without its word vectors."""
    tensors = load_file(folder / "model.safetensors")
    return sum(tensor.numel() for name, tensor in tensors.items() if not name.startswith("words."))


def main(arguments: list[str]) -> None:
    """Run what is not done, and write the record after each setting."""
    overrides = [f"data.source={source}" for source in arguments]
    found: dict[str, Any] = {}
    for name in SETTINGS:
        found[name] = measure(name, overrides)
        result = {
            "claim": "a BiLSTM's quality in a BiGRU that is, word vectors aside, a fiftieth its size",
            "command": " ".join(["python benchmarks/imdb.py", *arguments]),
            "runs": found,
        }
        write_json(RESULT, result)
        print(json.dumps({name: found[name]["evaluation"]["sentence"]}, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
