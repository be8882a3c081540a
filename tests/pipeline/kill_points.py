"""What is killed, and where: events that `kill_harness` reports, in the order of a run.

`*` stands for a content digest. "half written": the file that is being written ends in its middle; "written": it is
complete and still has its other name; "in place": renamed. "started", "worked", "recorded": a stage's record says that
it began; its block is done; its record says so. A step is an optimizer step that was just taken. Checkpoints are
written at every validation: after the steps 8, 16 and 24.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiny import recipe


def subject(source: Path) -> dict[str, Any]:
    """Return a recipe in which everything can be lost: dropout draws random numbers, a grid is tuned.

    The grid trains the first seed of both arms in `tuning/`; the second is trained in `student/` and `baseline/`.
    """
    values: dict[str, Any] = recipe(source, grid={"train.lr": [0.01, 0.03]})
    values["teacher"]["model"] |= {"dropout": 0.3}
    values["student"]["model"] |= {"dropout": 0.3, "word_dropout": 0.2, "ngram_dropout": 0.3}
    return values


@dataclass(frozen=True)
class Point:
    """A place to be killed.

    Attributes:
        event: what has just happened.
        nth: the how-maniest time in that process.
        opened: the test split has been opened and its evaluation is not complete: the next run opens it once more.
        after: killed there first, because only a second run comes by.
        twice: the rerun is killed at the same point.
        quick: part of `make test`; the others are left to `make verify`.
    """

    event: str
    nth: int = 1
    opened: bool = False
    after: str | None = None
    twice: bool = False
    quick: bool = True


POINTS = [
    Point("recipe.yaml: half written"),
    Point("data: entered"),
    Point("data: left"),
    # A network, at every place.
    Point("teacher: entered"),
    Point("teacher: started"),
    Point("teacher: step 3", twice=True),  # before the first checkpoint
    Point("teacher/checkpoint.safetensors: half written"),
    Point("teacher/checkpoint.safetensors: written"),
    Point("teacher/checkpoint.safetensors: in place"),
    Point("teacher: step 11", twice=True),  # after a checkpoint, mid-epoch (40 rows, batches of 16)
    Point("teacher/checkpoint.safetensors: written", nth=2),
    Point("teacher: step 24"),
    Point("teacher/model.safetensors: half written"),
    Point("teacher/model.safetensors: written"),
    Point("teacher/model.safetensors: in place", twice=True),
    Point("teacher/history.json: in place"),
    Point("teacher: recorded"),
    Point("teacher: left"),
    # Shards of two batches.
    Point("labelling: entered"),
    Point("labelling: teacher answered", twice=True),
    Point("cache/*-*-*/shard-00000.safetensors: half written"),
    Point("cache/*-*-*/shard-00000.safetensors: written"),
    Point("cache/*-*-*/shard-00000.safetensors: in place"),
    Point("cache/*-*-*/manifest.json: written", quick=False),
    Point("cache/*-*-*/manifest.json: in place"),
    Point("cache/*-*-*/shard-00002.safetensors: in place", twice=True),  # of those two
    Point("labelling: teacher answered", nth=3),  # of the transfer set, in its second shard
    Point("cache/*-*-*/shard-00004.safetensors: written"),
    Point("cache/*-*-*/shard-00005.safetensors: in place"),
    # The shards of the transfer set, 3 to 5, and those before them become one.
    Point("cache/*-*-*/shard-00006.safetensors: half written"),
    Point("cache/*-*-*/shard-00006.safetensors: in place", twice=True),
    Point("cache/*-*-*/shard-00003.safetensors: removed"),
    Point("labelling: left"),
    Point("student: entered"),
    # Without its checkpoint a training starts anew: here, because that would heal what went wrong before.
    Point("tuning/student-0/checkpoint.safetensors: removed"),
    Point("tuning/student-0: worked"),
    Point("tuning/student-1: step 13"),
    Point("tuning/student-1: recorded"),
    Point("tuning/student.json: written"),
    Point("student/seed-1: step 5"),
    Point("student/seed-1: step 19", twice=True),
    Point("student/seed-1/model.safetensors: in place"),
    Point("student: left"),
    Point("baseline: entered"),
    Point("tuning/baseline-1: step 9"),
    Point("baseline/seed-1: step 20"),
    Point("baseline: left"),
    Point("metrics.jsonl: written"),
    Point("export: entered"),
    Point("export/teacher/model.onnx: half written", quick=False),
    Point("export/student/model.onnx: written"),
    Point("export/student/model.onnx: in place", quick=False),
    Point("export: left"),
    Point("evaluation: entered"),
    Point("evaluation: started", quick=False),
    Point("test_evaluations.json: written", quick=False),
    Point("test_evaluations.json: in place", opened=True),
    Point("evaluation: teacher answered", opened=True, twice=True),
    Point("export/int8.onnx: written", opened=True),
    Point("bundle: half written", opened=True),
    Point("bundle: written", opened=True, quick=False),
    Point("bundle: in place", opened=True),
    Point("bundle: aside", opened=True, after="bundle: in place", twice=True),  # between the two renames
    Point("evaluation.json: written", opened=True),
    Point("evaluation.json: in place", opened=True),
    Point("evaluation: worked", opened=True, quick=False),
    Point("evaluation: recorded"),
    Point("evaluation: left", quick=False),  # an evaluation that is recorded is not entered again
    Point("report: entered", quick=False),
    Point("report.html: written"),
    Point("report: left"),
]
