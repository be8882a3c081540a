"""Small and fast on IMDB: the recipe `imdb-best`, and its bundle against TF-IDF + logistic regression, a thread each.

    python benchmarks/imdb_best.py [data.source]

Started again, it goes on where it was stopped. Where imdb.py was run before, its BiLSTM and the answers of that serve
here too, since the member is the same. Writes results/imdb-best.json.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

# Before a tokenizer is made: texts are cut into words on one core, for both.
os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

from clocked import TOGETHER, adopt, clocked_run
from imdb import FOLDER as FILMS

import limbeck
from limbeck.data import load_splits
from limbeck.evaluation import measure_all
from limbeck.files import read_json, write_json
from limbeck.pipeline.judging.floor import fit_floor
from limbeck.recipe import load_recipe

RESULT = Path(__file__).parent / "results" / "imdb-best.json"
FOLDER = Path("runs/benchmark-imdb-best")
SHARED = {"views": "views", "pretrained": "pretrained", "teacher": "teacher-1", "cache": "cache"}
"""Parts of imdb.py's run, and what they are called here."""


def speeds(overrides: list[str]) -> dict[str, Any]:
    """Time the bundle and the floor on validation reviews, raw text in, label out, in alternating rounds."""
    recipe = load_recipe("imdb-best", overrides)
    splits = load_splits(recipe.data, recipe.task)
    validation = splits.validation
    floor = fit_floor(replace(splits, test=validation.take([0])))  # the test rows stay closed
    assert floor is not None  # of texts and classes
    bundle = limbeck.load(FOLDER / "bundle", threads=1)
    models = {"student": bundle.predict, "floor": lambda texts: floor.predict(texts).argmax(axis=1)}
    found = measure_all(models, validation.values, budget_s=20.0)
    return {name: speed.figures for name, speed in found.items()}


def main(arguments: list[str]) -> None:
    """Run the recipe, or finish its run, time its bundle, and write the record."""
    overrides = [f"data.source={source}" for source in arguments]
    for part, name in SHARED.items():
        adopt(FILMS / part, FOLDER, name)
    spent = clocked_run("imdb-best", overrides, FOLDER, command=TOGETHER)
    evaluation = read_json(FOLDER / "evaluation.json", dict)
    result = {
        "claim": "a student under 20 MB ahead of TF-IDF + logistic regression in accuracy and in speed",
        "command": " ".join(["python benchmarks/imdb_best.py", *arguments]),
        **spent,
        "bundle_bytes": sum(file.stat().st_size for file in (FOLDER / "bundle").iterdir()),
        "threads_1": speeds(overrides),
        "evaluation": {key: value for key, value in evaluation.items() if key != "samples"},
        "environment": read_json(FOLDER / "environment.json", dict),
    }
    write_json(RESULT, result)
    print(json.dumps({"sentence": evaluation["sentence"], "one thread": result["threads_1"]}, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
