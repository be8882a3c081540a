"""What a run works on: the splits, how each network sees them, how it is made, and what it is trained on."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from limbeck.console import say
from limbeck.data import (
    PARTS,
    ArraysReads,
    Batches,
    BatchForm,
    Examples,
    GivenTokenizerSettings,
    LoaderBatches,
    Splits,
    TextReads,
    WeightedBatches,
    WordTokenizerSettings,
    build_reader,
    load_encoded,
    save_encoded,
)
from limbeck.digest import arrays_digest
from limbeck.errors import LimbeckError
from limbeck.files import write_text
from limbeck.losses import CrossEntropy, Objective, objective_from
from limbeck.models import GivenSettings, build_model, missing
from limbeck.networks import NetworkSettings, Reads, TrainSettings
from limbeck.pipeline.stage import Stage, once
from limbeck.pipeline.views import View, reads_digest
from limbeck.ranks import ranks
from limbeck.recipe import Recipe
from limbeck.runtime import TextReader
from limbeck.runtime.readers.arrays import ArraysReader, Parts
from limbeck.runtime.readers.text import TOKENIZER
from limbeck.runtime.rows import Rows
from limbeck.teachers import Teacher
from limbeck.trainer import GroupSource
from limbeck.types import best_device
from limbeck.version import __version__

BatchesOf = Callable[[TrainSettings, int], GroupSource]
"""Settings and seed in, the batches of that training out."""
Steps = Callable[[TrainSettings], int]
ENCODED = "texts.safetensors"


@dataclass(frozen=True)
class Lesson:
    """What a network is trained on.

    Attributes:
        batches: the batches of a training with these settings and this seed.
        steps: how many there are.
        objective: the weighted terms.
        teacher: whom it listens to; None for labels alone.
        inputs: names everything above, for the stage.
        rows: what is learned from, all at once: for a network that is solved.
        labels: of these rows, (rows,).
        weights: of the classes, (classes,), in whatever is learned from labels or chosen by them; None: all 1.
    """

    batches: BatchesOf
    steps: Steps
    objective: Objective
    teacher: Teacher | None
    inputs: Mapping[str, Any]
    rows: Rows
    labels: NDArray[np.int64]
    weights: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Given:
    """Python objects that a recipe can only name.

    Attributes:
        teacher: a finished module; None when the recipe trains one.
        student: makes a student; called once a network, after torch's generator was seeded.
        readers: by digest of the tokenizer, called with `max_length` and `tail`.
    """

    teacher: nn.Module | None = None
    student: Callable[[], nn.Module] | None = None
    readers: Mapping[str, Callable[[int, int], TextReader]] = field(default_factory=dict)


class Material:
    """The splits of texts, and what the recipe's networks make of them.

    Args:
        splits: the rows.
        given: objects that the recipe names.

    Attributes:
        folder: the run's, where `views` keeps encoded texts from one process to the next; None: nowhere.
        session: in the place of what cannot be named: nothing of an earlier run is taken for it.
    """

    def __init__(self, splits: Splits, given: Given | None = None) -> None:
        self.splits, self.given = splits, given or Given()
        self.folder: Path | None = None
        self.session = uuid.uuid4().hex
        self._said: set[str] = set()
        self._digest = splits.digest
        self._names: dict[str, str] = {}  # what every lesson depends on besides
        self._views: dict[str, View] = {}
        self._whole: Material | None = None

    def keeping(self, labels: int) -> "Material":
        """Return the same encoded texts, of which only the first ones have labels; see `Splits.keeping`."""
        fewer = Material(self.splits.keeping(labels), self.given)
        fewer._whole, fewer.folder = self, self.folder
        fewer.session, fewer._said = self.session, self._said
        return fewer

    def say_once(self, line: str) -> None:
        """Print a line that has not been printed in this run."""
        if line not in self._said:
            self._said.add(line)
            say(line)

    @property
    def samples(self) -> Sequence[Any]:
        """What exported networks are timed and compared on: validation rows, in the form that `View.rows` takes."""
        return self.splits.validation.texts

    @property
    def unlabelled(self) -> Sequence[str]:
        """What decisions of int8 are compared on: unlabelled texts of the transfer set, as they were read."""
        return self.splits.unlabelled.texts

    def view(self, settings: Reads) -> View:
        """Return the view that a network reads, shared by those that read alike."""
        key = reads_digest(settings)
        if key not in self._views:
            self._views[key] = self._view(settings, key)
        return self._views[key]

    def _view(self, settings: Reads, key: str) -> View:
        """Return a view of texts from the folder, or make it and leave it there."""
        reads = settings.reads
        if isinstance(reads, ArraysReads):
            raise LimbeckError(
                "`reads: {kind: arrays}` reads batches of a loader, and this data are texts",
                fix="leave `reads.kind` out, or give loaders to limbeck.distill",
            )
        if self._whole is not None:
            return self._whole.view(settings).of(self.splits)
        if self.folder is None:
            return View(self._reader(reads), self.splits)
        counted = isinstance(reads.tokenizer, WordTokenizerSettings)  # in the texts; else its files may have changed
        reader = None if counted else self._reader(reads)
        named = key if reader is None else [key, reader.tokenizer_json, reader.pad_id]
        inputs = {"version": __version__, "tokenizer": named, "data": self._digest, "parts": PARTS}

        def begin() -> None:
            nonlocal reader
            reader = reader or self._reader(reads)  # what cannot be had leaves no stage behind

        def make(stage: Stage) -> View:
            own = reader or self._reader(reads)
            parts = {name: own.encode(getattr(self.splits, name).texts) for name in ("transfer", "validation")}
            if ranks().main:
                write_text(stage.folder / TOKENIZER, own.tokenizer_json)
                save_encoded(parts, stage.folder / ENCODED)
            return View(own, self.splits, parts)

        def load(stage: Stage) -> View:
            parts = load_encoded(stage.folder / ENCODED)
            kept = {"max_length": reads.max_length, "tail": reads.tail, "pad_id": parts["validation"].pad_id}
            return View(TextReader.load(stage.folder, kept), self.splits, parts)

        return once(self.folder / "views" / key, inputs, make, load, by="each", before=begin)[1]

    def _reader(self, reads: TextReads) -> TextReader:
        tokenizer = reads.tokenizer
        if isinstance(tokenizer, GivenTokenizerSettings) and tokenizer.digest in self.given.readers:
            return self.given.readers[tokenizer.digest](reads.max_length, reads.tail)
        return build_reader(reads, self.splits.original.texts)

    def build(self, settings: NetworkSettings, *, seed: int) -> nn.Module:
        """Return a new network; initialisation and, later, dropout draw from the one generator that is seeded here."""
        torch.manual_seed(seed)
        if isinstance(settings.model, GivenSettings):
            if self.given.student is None:
                raise missing("student")
            return self.given.student().to(best_device())
        vocabulary = self.view(settings).vocabulary
        if vocabulary is None:
            raise missing("network")
        return build_model(settings.model, classes=len(self.splits.classes), vocabulary=vocabulary).to(best_device())

    def from_labels(self, settings: Reads, rows: Literal["labelled", "ceiling"] = "labelled") -> Lesson:
        """Return the lesson of a network that learns from labels alone: the training rows', or the target's."""
        examples = getattr(self.splits, rows)
        parts = {rows: examples, "validation": self.splits.validation}
        inputs = {name: rows_digest(part) for name, part in parts.items()} | self._names
        encoded = getattr(self.view(settings), rows)
        source = self._batches(examples, encoded, 0)
        lesson = Lesson(*source, 1.0 * CrossEntropy(), None, inputs, encoded, examples.labels)
        return self._weighted(lesson, examples)

    def from_teacher(
        self, settings: NetworkSettings, recipe: Recipe, teacher: Teacher, answers: list[str], *, arm: str
    ) -> Lesson:
        """Return the lesson of a student that listens to a teacher on the whole transfer set.

        Args:
            settings: of the student.
            recipe: says the losses, and how many labelled rows a batch holds.
            teacher: live or cached.
            answers: name whose answers these are.
            arm: whose losses are taken.
        """
        share = recipe.data.labelled_per_batch
        losses = recipe.losses_of(arm)
        named = [loss.model_dump(mode="json") for loss in losses]
        inputs = {"data": self._digest, "labelled_per_batch": share, "losses": named, "teacher": answers}
        rows, encoded = self.splits.transfer, self.view(settings).transfer
        source = self._batches(rows, encoded, share)
        lesson = Lesson(*source, objective_from(losses), teacher, inputs | self._names, encoded, rows.labels)
        return self._weighted(lesson, self.splits.labelled)

    def _weighted(self, lesson: Lesson, rows: Examples) -> Lesson:
        """Return the lesson with the weights of the classes of the rows whose labels it tells, where they differ."""
        weights, source = self.splits.weights(rows), lesson.batches
        if weights is None:
            return lesson
        inputs = {**lesson.inputs, "class_weights": arrays_digest(weights)}

        def weighted(settings: TrainSettings, seed: int) -> GroupSource:
            return WeightedBatches(source(settings, seed), weights)

        return replace(lesson, batches=weighted, inputs=inputs, weights=weights)

    def _batches(self, examples: Examples, rows: Rows, labelled: int) -> tuple[BatchesOf, Steps]:
        """Return where the batches of a training come from, and how many steps it has."""

        def make(settings: TrainSettings, seed: int) -> GroupSource:
            us = ranks()
            return Batches(
                examples,
                rows,
                batch_size=settings.batch_size,
                labelled_per_batch=labelled,
                accumulate=settings.accumulate,
                seed=seed,
                world=us.world,
                rank=us.rank,
            )

        return make, lambda settings: settings.total_steps(len(examples))


def rows_digest(examples: Examples) -> str:
    """Name rows and their labels, for a stage."""
    return arrays_digest(examples.ids, examples.labels)


def parts_of(recipe: Recipe, splits: Splits) -> dict[str, Examples]:
    """Return the splits that a recipe works with, by name."""
    return splits.parts | ({"ceiling": splits.ceiling} if "ceiling" in recipe.trained_arms else {})


class LoaderMaterial(Material):
    """Batches of the caller's loaders: every arm is trained on the training loader's, with a live teacher.

    Args:
        splits: validation and test rows; no training rows.
        given: the networks.
        train: the training loader.
        form: reads its batches.
        rows: by split, what student and teacher are called with: `validation` and `test`.
    """

    def __init__(
        self, splits: Splits, given: Given, train: Iterable[Any], form: BatchForm, rows: Mapping[str, Parts]
    ) -> None:
        super().__init__(splits, given)
        # What a loader gives cannot be named, so nothing that was trained on one is taken for this training.
        self._names = {"loader": ranks().share(self.session)}
        self._train, self._form, self._rows = train, form, rows

    @property
    def samples(self) -> Sequence[Any]:
        """Rows of the validation split."""
        return self._rows["validation"]

    def _view(self, settings: Reads, key: str) -> View:
        """Return the teacher's or the student's part of the rows; there are no training rows."""
        if not isinstance(settings.reads, ArraysReads):
            raise LimbeckError("rows of a loader are arrays, not texts", where="teacher", fix="give a module")
        reader = ArraysReader.of(self._rows["validation"], settings.reads.of)
        encoded = {name: reader.encode(rows) for name, rows in self._rows.items()}
        none = encoded["validation"].first(0)
        return View(reader, self.splits, encoded | {"transfer": none, "ceiling": none})

    def _batches(self, examples: Examples, rows: Rows, labelled: int) -> tuple[BatchesOf, Steps]:
        """Return the loader's batches, whichever rows: an arm without teacher learns from the labels among them."""

        def make(settings: TrainSettings, seed: int) -> GroupSource:
            return LoaderBatches(self._train, self._form, accumulate=settings.accumulate)

        def steps(settings: TrainSettings) -> int:
            if settings.epochs is None:
                return settings.total_steps(0)
            if not isinstance(self._train, Sized):
                raise LimbeckError(
                    "a loader without a length has no epochs", where="train.epochs", fix="give train.steps"
                )
            return max(1, round(settings.epochs * len(self._train) / settings.accumulate))

        return make, steps
