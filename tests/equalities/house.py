"""Made-up data of every modality, labelled for every task, and what a student learns of them; nothing is downloaded."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from limbeck.cache import CachedTeacher, CacheIdentity, label
from limbeck.data import load_splits
from limbeck.distiller import Distiller
from limbeck.modalities import MODALITIES
from limbeck.networks import NetworkSettings, TrainSettings
from limbeck.pipeline.training.learn import validator
from limbeck.pipeline.training.material import Lesson, Material
from limbeck.recipe import Recipe, parse_recipe
from limbeck.teachers import ModuleTeacher, Teacher
from limbeck.teachers.module import weights_digest
from limbeck.trainer import GroupSource

ROWS, SIDE, SAMPLES = 150, 8, 800
TASKS: dict[str, dict[str, Any]] = {
    "classification": {
        "task": "classification", "data": {"label": "kind"},
        "losses": [{"name": "kd", "weight": 0.7, "temperature": 2}, {"name": "cross_entropy", "weight": 0.3}],
    },
    "regression": {
        "task": "regression", "data": {"label": "value"},
        "losses": [{"name": "regression_kd", "weight": 0.7}, {"name": "squared_error", "weight": 0.3}],
    },
    "multilabel": {
        "task": {"kind": "multilabel", "separator": "|"}, "data": {"label": "tags"},
        "losses": [{"name": "binary_kd", "weight": 0.7}, {"name": "binary_cross_entropy", "weight": 0.3}],
    },
    "multioutput": {
        "task": "multioutput", "data": {"label": ["kind", "size"]},
        "losses": [{"name": "kd", "weight": 0.7, "temperature": 2}, {"name": "cross_entropy", "weight": 0.3}],
    },
}  # fmt: skip
"""What a recipe says of each task, and losses that fit it."""
NETWORKS: dict[str, dict[str, Any]] = {
    "text": {
        "data": {"text": "text"}, "model": {"name": "textcnn", "dim": 6, "filters": 4, "dropout": 0},
        "reads": {"tokenizer": {"kind": "words", "min_frequency": 2}, "max_length": 12},
    },
    # No batch norm, which normalises by the rows that are computed together.
    "image": {"data": {"image": "image"}, "model": {"name": "vit", "dim": 8, "depth": 1, "heads": 2, "patch": 4},
              "reads": {}},
    "audio": {"data": {"audio": "audio"}, "model": {"name": "audio_cnn", "width": 6, "bands": 12, "dropout": 0},
              "reads": {"rate": 8000}},
    "table": {"data": {"features": ["first", "second", "colour"]},
              "model": {"name": "mlp", "hidden": 8, "dropout": 0}, "reads": {}},
}  # fmt: skip
"""A small network of each modality whose training is split = whole, and what it reads."""
CASES = [(modality, task) for modality in NETWORKS for task in TASKS]
DIAGONAL = [("image", "classification"), ("audio", "multioutput"), ("table", "regression"), ("text", "multilabel")]
"""Every modality once and every task once: what takes whole runs goes over these."""
TRAIN = TrainSettings(steps=20, batch_size=12, lr=1e-2, validations=4, threads=1)
WORDS = [["dull", "flat", "stale"], ["warm", "fresh", "witty"], ["loud", "fast", "sharp"]]


def write_rows(folder: Path) -> Path:
    """Write rows of every modality, and every label that they have, as one npz file."""
    draw = np.random.default_rng(0)
    kind = np.arange(ROWS) % 3
    big = draw.random(ROWS) < 0.5
    value = kind + 0.5 * big + draw.normal(0, 0.1, ROWS)
    image = draw.integers(0, 60, (ROWS, SIDE, SIDE)).astype(np.uint8)
    image[np.arange(ROWS), 2 * kind] += 150
    time = np.arange(SAMPLES) / 8000
    tone = np.sin(2 * np.pi * (400 + 500 * kind)[:, None] * time) + draw.normal(0, 0.3, (ROWS, SAMPLES))
    texts = [f"{draw.choice(WORDS[one])} {'big' if large else 'small'} {draw.choice(['a', 'the'])} {row}"
             for row, (one, large) in enumerate(zip(kind, big, strict=True))]  # fmt: skip
    path = folder / "rows.npz"
    np.savez(
        path,
        text=np.array(texts),
        image=image,
        audio=(8000 * tone).astype(np.int16),
        first=value + draw.normal(0, 0.3, ROWS),
        second=draw.normal(0, 1, ROWS),
        colour=np.array(["red", "green", "blue"])[(kind + (draw.random(ROWS) < 0.1)) % 3],
        kind=np.array(["low", "middle", "high"])[kind],
        size=np.where(big, "big", "small"),
        tags=np.array(
            ["|".join(["a"] * bool(one > 0) + ["b"] * bool(large)) or "c" for one, large in zip(kind, big, strict=True)]
        ),
        value=value,
    )
    return path


def values_of(modality: str, task: str, source: Path) -> dict[str, Any]:
    """Return the values of a recipe."""
    network = {"model": NETWORKS[modality]["model"], "reads": NETWORKS[modality]["reads"]}
    network["train"] = TRAIN.model_dump(mode="json")
    return {
        "name": "made", "seeds": [0], "task": TASKS[task]["task"], "losses": TASKS[task]["losses"],
        "data": {
            "source": str(source), "split": {"test": 30, "validation": 24}, "labelled": 40, "labelled_per_batch": 5,
            **NETWORKS[modality]["data"], **TASKS[task]["data"],
        },
        "teacher": {"kind": "network", **network, "accept_bad": True},
        "student": network,
    }  # fmt: skip


@dataclass
class School:
    """A recipe, its rows, and a teacher of which nothing is asked but answers.

    Attributes:
        recipe: of the case.
        material: its rows.
        network: the teacher's, untrained: its answers are as good as any.
        live: it answers whenever it is asked.
        cached: it has answered once.
    """

    recipe: Recipe
    material: Material
    network: nn.Module
    live: Teacher
    cached: Teacher

    @property
    def settings(self) -> NetworkSettings:
        """Of the student."""
        return self.recipe.student

    def lesson(self, teacher: Teacher) -> Lesson:
        """Return what the student learns from a teacher."""
        return self.material.from_teacher(self.settings, self.recipe, teacher, ["made"], arm="student")

    def distiller(self, lesson: Lesson) -> Distiller:
        """Return a new student with its lesson."""
        network = self.material.build(self.settings, seed=3)
        return Distiller(lesson.task.finish(network), lesson.objective, lesson.teacher, seen=lesson.task.seen)

    def validate(self, lesson: Lesson) -> Any:
        """Return what scores the student on validation."""
        return validator(self.material.view(self.settings), self.material.splits, lesson.task)

    def with_live_inputs(self, lesson: Lesson, train: TrainSettings) -> GroupSource:
        """Return the batches of a training, each with what a live teacher is asked for."""
        source = lesson.batches(train, 0)

        class Both:
            def group(self, step: int) -> Any:
                for batch in source.group(step):
                    yield type(batch)(**{**_parts(batch), "teacher_inputs": batch.student_inputs})

        return Both()


def _parts(batch: Any) -> dict[str, Any]:
    return {name: getattr(batch, name) for name in batch.__dataclass_fields__}


@cache
def school(modality: str, task: str, source: Path) -> School:
    """Return the school of a case; teacher and student read alike."""
    recipe = parse_recipe(values_of(modality, task, source), "test")
    splits = load_splits(recipe.data, recipe.task)
    material = Material(splits)
    fitted = splits.task.fit(splits.labelled.labels)
    network = fitted.finish(material.build(recipe.student, seed=7)).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("head.weight"):
            parameter.data.mul_(5)  # opinions of its own
    live, view = ModuleTeacher(network), material.view(recipe.student)
    identity = CacheIdentity(weights_digest(network), view.digest, splits.task.outputs)
    cache = CachedTeacher(source.parent / f"cache-{modality}-{task}", identity)
    return School(recipe, material, network, live, label(live, splits.transfer, view.transfer, cache, batch_size=16))


assert set(NETWORKS) == set(MODALITIES) - {"arrays"}, "a new modality has its case here; arrays are of loaders"
