"""What a run works on: the splits, how each network sees them, how it is made, and what it is trained on."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from limbeck.console import meter, say
from limbeck.data import Examples, Splits, Task
from limbeck.data.ahead import Ahead
from limbeck.data.batches import Batches
from limbeck.data.encoded import encoded, load_encoded, save_encoded
from limbeck.data.modality import Modality, Reads
from limbeck.digest import arrays_digest
from limbeck.errors import LimbeckError
from limbeck.files import read_json, recorded, write_json
from limbeck.losses import Objective, objective_from
from limbeck.modalities import MODALITIES
from limbeck.modalities.arrays.loaders import TrainingLoader
from limbeck.models import GivenSettings, build_model, missing
from limbeck.networks import HasReads, NetworkSettings, TrainSettings
from limbeck.pipeline.stages.stage import Stage, once
from limbeck.pipeline.training.views import View, encodable, reads_digest
from limbeck.ranks import ranks
from limbeck.recipe import Recipe
from limbeck.runtime.bundle import READERS
from limbeck.runtime.readers import Reader
from limbeck.runtime.rows import Rows
from limbeck.teachers import Moving, Teacher
from limbeck.trainer import GroupSource
from limbeck.types import Batch, best_device
from limbeck.version import __version__

BatchesOf = Callable[[TrainSettings, int], GroupSource]
"""Settings and seed in, the batches of that training out."""
Steps = Callable[[TrainSettings], int]
GIVEN = "python"
"""What `data.source` says of Python objects."""
_SURE = 100.0
"""Logit of a class that has all of the probability."""
ENCODED, ABOUT = "rows.safetensors", "reads.json"


@dataclass(frozen=True)
class Lesson:
    """What a network is trained on.

    Attributes:
        batches: the batches of a training with these settings and this seed.
        steps: how many there are.
        objective: the weighted terms.
        teacher: whom it listens to, or how that is made beside it; None for labels alone.
        inputs: names everything above, for the stage.
        task: that has seen the labels which are learned from: what is learned and chosen weighs classes as it says.
        rows: what is learned from, all at once: for a network that is solved.
        examples: these rows, with their ids and labels.
        watched: the teacher's logits for the rows by which students are chosen, (rows, outputs); None: validation rows
            and their labels choose.
        folds: (rows,) the number of each labelled row's fold, by which a network that is solved by labels is chosen;
            None: validation rows choose.
    """

    batches: BatchesOf
    steps: Steps
    objective: Objective
    teacher: Teacher | Moving | None
    inputs: Mapping[str, Any]
    task: Task
    rows: Rows
    examples: Examples
    watched: NDArray[np.float32] | None = None
    folds: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Given:
    """Python objects that a recipe can only name.

    Attributes:
        teacher: finished: a module, or what a kind of teacher takes; None when the recipe trains one, or names it.
        student: makes a student; called once a network, after torch's generator was seeded.
        readers: by digest of the tokenizer, called with the settings of what is read.
    """

    teacher: Any = None
    student: Callable[[], nn.Module] | None = None
    readers: Mapping[str, Callable[[Any], Reader]] = field(default_factory=dict)


class Material:
    """The splits, and what the recipe's networks make of them.

    Args:
        splits: the rows.
        given: objects that the recipe names.
        loader: of the caller's, whose batches every arm is trained on, with a live teacher, in the place of rows.

    Attributes:
        folder: the run's, where `views` keeps encoded rows from one process to the next; None: nowhere.
        session: in the place of what cannot be named: nothing of an earlier run is taken for it.
    """

    def __init__(self, splits: Splits, given: Given | None = None, loader: TrainingLoader | None = None) -> None:
        self.splits, self.given, self._loader = splits, given or Given(), loader
        self.folder: Path | None = None
        self.session = uuid.uuid4().hex
        self._said: set[str] = set()
        self._digest = splits.digest
        # What every lesson depends on besides. What a loader gives cannot be named, so nothing that was trained on one
        # is taken for this training.
        self._names = {} if loader is None else {"loader": ranks().share(self.session)}
        self._views: dict[str, View] = {}
        self._whole: Material | None = None

    def keeping(self, labels: int) -> "Material":
        """Return the same encoded rows, of which only the first ones have labels; see `Splits.keeping`."""
        return self._with(self.splits.keeping(labels))

    def sampled(self, labels: int, validation: int) -> "Material":
        """Return the same encoded rows, fewer of them to judge a finished teacher by.

        Args:
            labels: labelled rows that keep their label, the first ones; the others are unlabelled.
            validation: rows of the validation split that are left, evenly spaced.
        """
        splits, rows = self.splits, len(self.splits.labelled)
        if labels < rows:
            few, others = splits.labelled.take(range(labels)), splits.labelled.take(range(labels, rows))
            splits = splits.labelled_by(few, others)
        count = min(validation, len(splits.validation))
        held_out = splits.validation.take(np.arange(count) * len(splits.validation) // max(1, count))
        return self._with(replace(splits, validation=held_out))

    def fold(self, number: int, folds: int, key: str = "teacher.folds") -> "Material":
        """Return the same encoded rows, of which a fold of the labelled ones is held out; see `Splits.fold`."""
        return self._with(self.splits.fold(number, folds, key))

    @property
    def whole(self) -> "Material":
        """All rows of the run, where some are held out of these."""
        return self if self._whole is None else self._whole.whole

    def watching(self, count: int) -> "Material":
        """Return the same encoded rows, of which some unlabelled ones are held out; see `Splits.watching`."""
        return self._with(self.splits.watching(count))

    def _with(self, splits: Splits) -> "Material":
        other = Material(splits, self.given)
        other._whole, other.folder = self, self.folder
        other.session, other._said = self.session, self._said
        return other

    def say_once(self, line: str) -> None:
        """Print a line that has not been printed in this run."""
        if line not in self._said:
            self._said.add(line)
            say(line)

    @property
    def samples(self) -> Sequence[Any]:
        """What exported networks are timed and compared on: validation rows, in the form that `View.rows` takes."""
        return self.splits.validation.values

    @property
    def unlabelled(self) -> Sequence[Any]:
        """What decisions of int8 are compared on: unlabelled rows of the transfer set, as they were read."""
        return self.splits.unlabelled.values

    def view(self, settings: HasReads) -> View:
        """Return the view that a network reads, shared by those that read alike."""
        return self._view_of(settings.reads, reads_digest(settings))

    def _view_of(self, reads: Reads, key: str) -> View:
        if key not in self._views:
            self._views[key] = self._view(reads, key)
            readers = [view.reader for view in self._views.values() if not view.reads.any_modality]
            if error := self.splits.modality.disagreement(readers, self.splits.original.values):
                raise error
        return self._views[key]

    def _view(self, reads: Reads, key: str) -> View:
        """Return a view from the folder, or make it and leave it there."""
        require_modality(reads, self.splits.modality)
        if self._whole is not None:
            return self._whole._view_of(reads, key).of(self.splits)
        if self.folder is None or not reads.kept:
            return View(reads, self._reader(reads), self.splits)
        reader = None if reads.counted else self._reader(reads)
        named = key if reader is None else [key, reader.digest]
        # What is encoded, and what it is counted in; labels have no part in it.
        seen = (getattr(self.splits, name).ids for name in ("original", "transfer", "validation"))
        inputs = {"version": __version__, "reads": named, "data": arrays_digest(*seen)}

        def begin() -> None:
            nonlocal reader
            reader = reader or self._reader(reads)  # what cannot be had leaves no stage behind

        def make(stage: Stage) -> View:
            own = reader or self._reader(reads)
            parts = {
                name: encoded(own, encodable(getattr(self.splits, name)), name) for name in ("transfer", "validation")
            }
            if ranks().main:
                with recorded(stage.folder):
                    info = own.save(stage.folder)
                write_json(stage.folder / ABOUT, info)
                save_encoded(parts, stage.folder / ENCODED)
                parts = load_encoded(stage.folder / ENCODED)  # what lies aside can go
            return View(reads, own, self.splits, parts)

        def load(stage: Stage) -> View:
            own = READERS[reads.kind].load(stage.folder, read_json(stage.folder / ABOUT, dict))
            return View(reads, own, self.splits, load_encoded(stage.folder / ENCODED))

        return once(self.folder / "views" / key, inputs, make, load, by="each", before=begin)[1]

    def _reader(self, reads: Reads) -> Reader:
        if reads.given in self.given.readers:
            return self.given.readers[reads.given](reads)
        # Of a loader nothing is known but the rows that are held out.
        with meter("fitting the reader", 1, brief=True) as progress:
            reader = reads.fit(self.splits.original.values or self.splits.validation.values)
            progress.advance()
        return reader

    def build(self, settings: NetworkSettings, *, seed: int, outputs: int | None = None) -> nn.Module:
        """Return a new network; initialisation and, later, dropout draw from the one generator that is seeded here.

        Args:
            settings: of the network.
            seed: of the generator.
            outputs: number of logits; None: those of the task.
        """
        torch.manual_seed(seed)
        if isinstance(settings.model, GivenSettings):
            if self.given.student is None:
                raise missing("student")
            return self.given.student().to(best_device())
        form = self.view(settings).form
        return build_model(settings.model, outputs=outputs or self.splits.task.outputs, form=form).to(best_device())

    def from_labels(
        self, settings: HasReads, part: Literal["taught", "teachers", "ceiling", "validation"] = "taught"
    ) -> Lesson:
        """Return the lesson of a network that learns from labels alone.

        Args:
            settings: of the network.
            part: whose labels: the training rows'; those and a teacher's own copies of them; the target's; or those of
                validation, for a trial where no training row has one.
        """
        rows = "ceiling" if part == "ceiling" else "labelled"
        examples: Examples = getattr(self.splits, part)
        own: Examples = getattr(self.splits, rows)
        # Copies say nothing of how frequent a class is; what the teacher alone has does.
        task = self.splits.task.fit((own + self.splits.omitted if part == "teachers" else own).labels)
        inputs = {rows: examples.digest, "validation": self.splits.validation.digest, "task": task.digest}
        encoded = getattr(self.view(settings), part)
        source = self._batches(examples, encoded, 0, task, taught=False)
        return Lesson(*source, task.hard, None, inputs | self._names, task, encoded, examples)

    def from_teacher(
        self, settings: NetworkSettings, recipe: Recipe, teacher: Teacher | Moving, answers: list[str], *, arm: str
    ) -> Lesson:
        """Return the lesson of a student that listens to a teacher on the whole transfer set.

        Args:
            settings: of the student.
            recipe: says the losses, and how many labelled rows a batch holds.
            teacher: live or cached; or one that moves, for which no rows are watched.
            answers: name whose answers these are.
            arm: whose losses are taken.
        """
        share, losses = recipe.data.labelled_per_batch, recipe.losses_of(arm)
        task = self.splits.task.fit(self.splits.labelled.labels)
        inputs = {
            "data": self._digest,
            "task": task.digest,
            "labelled_per_batch": share,
            "losses": [loss.model_dump(mode="json") for loss in losses],
            "teacher": answers,
        }
        rows, encoded = self.splits.transfer, self.view(settings).transfer
        source = self._batches(rows, encoded, share, task, taught=True)
        objective, watched = objective_from(losses), None
        if (ids := self.splits.watched.ids.tolist()) and not isinstance(teacher, Moving):
            watched = teacher.predict(Batch(ids=torch.tensor(ids), student_inputs={})).dense.numpy()
            if arm == "hard_labels":  # which is told decisions only, here too
                watched = np.where(watched == watched.max(axis=1, keepdims=True), _SURE, 0).astype(np.float32)
        return Lesson(*source, objective, teacher, inputs | self._names, task, encoded, rows, watched)

    def _batches(
        self, examples: Examples, rows: Rows, labelled: int, task: Task, *, taught: bool
    ) -> tuple[BatchesOf, Steps]:
        """Return where the batches of a training come from, and how many steps it has.

        Of a loader these are its own, whichever rows: an arm without teacher learns from the labels among them.
        """
        if (loader := self._loader) is not None:
            return lambda settings, seed: Framed(loader.batches(settings, task, taught=taught), task), loader.steps

        def make(settings: TrainSettings, seed: int) -> GroupSource:
            us = ranks()
            batches = Batches(
                examples,
                rows,
                batch_size=settings.batch_size,
                labelled_per_batch=labelled,
                accumulate=settings.accumulate,
                seed=seed,
                world=us.world,
                rank=us.rank,
            )
            framed = Framed(batches, task)
            return Ahead(framed) if best_device().type == "cuda" else framed

        return make, lambda settings: settings.total_steps(len(examples))


class Framed:
    """The batches of another source, with labels, mask and weights as the task has them.

    Args:
        source: yields the micro-batches of a step.
        task: frames them.
    """

    def __init__(self, source: GroupSource, task: Task) -> None:
        self._source, self._task = source, task

    def group(self, step: int) -> Iterator[Batch]:
        """Yield the micro-batches of a step."""
        return map(self._task.frame, self._source.group(step))


def require_modality(reads: Reads, modality: Modality) -> None:
    """Refuse a network that reads something else than the data are."""
    if not reads.any_modality and reads.kind != modality.name:
        raise LimbeckError(
            f"a network reads {reads.kind} (`reads.kind`), and the data are {modality.name}",
            where=f"data.{modality.key}",
            fix=f"set reads={{kind: {modality.name}, ...}}, or name the column in data.{MODALITIES[reads.kind].key}",
        )


def parts_of(recipe: Recipe, splits: Splits) -> dict[str, Examples]:
    """Return the splits that a recipe works with, by name."""
    return splits.parts | ({"ceiling": splits.ceiling} if "ceiling" in recipe.trained_arms else {})
