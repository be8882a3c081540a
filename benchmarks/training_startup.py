"""From a new process to the end of its first step; used by training.py."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FIRST_STEP = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from limbeck.cache import CachedTeacher, CacheIdentity, label
from limbeck.console import console
from limbeck.data import load_splits
from limbeck.data.batches import Batches
from limbeck.distiller import Distiller
from limbeck.losses import objective_from
from limbeck.pipeline.training.material import Material
from limbeck.recipe import load_recipe
from limbeck.trainer import fit
from limbeck.types import Outputs

class Random:
    digest = "random"

    def predict(self, batch):
        return Outputs(torch.randn(len(batch.ids), 2))

console.quiet = True
recipe = load_recipe("sentiment", sys.argv[2:])
splits = load_splits(recipe.data, recipe.task)
material = Material(splits)
material.folder = Path(sys.argv[1])
view = material.view(recipe.student)
cache = CachedTeacher(Path(sys.argv[1]), CacheIdentity("random", "benchmark", 2))
teacher = label(Random(), splits.transfer, view.transfer, cache)
model = material.build(recipe.student, seed=0)
train = recipe.student.train
share = recipe.data.labelled_per_batch
batches = Batches(splits.transfer, view.transfer, batch_size=train.batch_size, labelled_per_batch=share, seed=0)

class FirstStep:
    def group(self, step):
        if step == 1:
            print(time.time(), flush=True)
        return batches.group(step)

distiller = Distiller(model, objective_from(recipe.losses), teacher)
fit(distiller, FirstStep(), train, steps=2, validate=None, title="")
"""

TORCH = "import time, torch; print(time.time())"
BIGRU = "student.model={name: bigru, dim: 100}"


def startup(folder: Path | None, scratch: Path, *, repeats: int) -> dict[str, Any]:
    """Return wall seconds from the start of a process to the end of the first step, medians, cache and assets warm.

    The process reads the recipe and the texts, takes their token ids from the run's folder, opens the cache and trains.
    The first two cases have the rows of the recipe `sentiment`; the last one has IMDB's 25,000 labelled reviews.
    """
    cases = {"import_torch": [TORCH], "ngrams": [FIRST_STEP, str(scratch / "start-0")]}
    cases["bigru"] = [FIRST_STEP, str(scratch / "start-0"), BIGRU]
    _seconds(cases["ngrams"])  # fills the cache
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, arguments in cases.items():
            found[name].append(_seconds(arguments))
    if folder is not None:
        imdb = [
            f"data.source={folder}",
            "data.labelled=null",
            "data.max_unlabelled=0",
            "student.reads.max_length=256",
            BIGRU,
        ]
        arguments = [FIRST_STEP, str(scratch / "start-1"), *imdb]
        _seconds(arguments)  # fills the cache
        found["bigru_imdb_25000"] = [_seconds(arguments) for _ in range(repeats)]
    return {name: float(np.median(seconds)) for name, seconds in found.items()}


def _seconds(arguments: Sequence[str]) -> float:
    start = time.time()
    run = subprocess.run([sys.executable, "-c", *arguments], check=True, capture_output=True, text=True)
    return json.loads(run.stdout.split()[-1]) - start
