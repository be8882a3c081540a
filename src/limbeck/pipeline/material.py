"""What a run works on: the splits, how each network sees them, how it is made, and what it is trained on."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck import __version__
from limbeck.bundle import Answer
from limbeck.data import (
    Batches,
    BatchForm,
    EncodedTexts,
    Examples,
    GivenTokenizerSettings,
    LoaderBatches,
    Rows,
    Splits,
    TensorRows,
    TokenizerSettings,
    build_encoder,
    encode,
    load_encoded,
    save_encoded,
    view_digest,
)
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.files import write_text
from limbeck.losses import CrossEntropy, Objective, objective_from
from limbeck.models import GivenSettings, Vocabulary, build_model, missing
from limbeck.pipeline.stage import Stage
from limbeck.ranks import ranks
from limbeck.recipe import NetworkSettings, Recipe
from limbeck.runtime import Encoder
from limbeck.runtime.bundle import OnnxClassifier, OnnxTensors
from limbeck.teachers import Teacher
from limbeck.trainer import GroupSource, TrainSettings
from limbeck.types import best_device


class Reads(Protocol):
    """Settings of something that reads texts; see `NetworkSettings`."""

    @property
    def tokenizer(self) -> TokenizerSettings:
        """What cuts a text."""
        ...

    @property
    def max_length(self) -> int:
        """Tokens kept."""
        ...

    @property
    def tail(self) -> int:
        """How many of them are the last ones of a text that is longer."""
        ...


class View(Protocol):
    """The splits as one network sees them.

    Attributes:
        digest: names everything that turns an example into the network's inputs.
        example: inputs of two rows, and the axes of each that may have any size: what an export needs.
    """

    digest: str
    example: tuple[dict[str, Tensor], dict[str, dict[int, str]]]

    @property
    def encoder(self) -> Encoder | None:
        """Of texts; None when the inputs came ready."""
        ...

    @property
    def labelled(self) -> Rows:
        """The labelled training rows."""
        ...

    @property
    def original(self) -> Rows:
        """The transfer set as it was read, labelled rows first."""
        ...

    @property
    def transfer(self) -> Rows:
        """The transfer set with what augmentation made of it, labelled rows first."""
        ...

    @property
    def ceiling(self) -> Rows:
        """The target's rows with labels: only the arm of this name may ask for them."""
        ...

    @property
    def validation(self) -> Rows:
        """The validation rows."""
        ...

    @property
    def test(self) -> Rows:
        """The test rows: only the final evaluation may ask for them."""
        ...

    def runner(self, file: Path) -> Answer:
        """Return an exported network as a function of the material's samples."""
        ...


class TextView:
    """Texts, cut into tokens once: training and validation rows are kept in a folder, the test rows in none.

    Args:
        encoder: what cuts them.
        splits: the texts.
        encoded: `transfer` and `validation`, where they are at hand.
    """

    def __init__(self, encoder: Encoder, splits: Splits, encoded: Mapping[str, EncodedTexts] | None = None) -> None:
        self.encoder, self._splits, self._encoded = encoder, splits, dict(encoded or {})
        self.digest = view_digest(encoder)
        # Batch and length are above 1, because the exporter treats 0 and 1 as constants.
        ids, mask = torch.ones(2, 7, dtype=torch.int64), torch.ones(2, 7, dtype=torch.int64)
        mask[1, 4:] = 0
        axes = {0: "batch", 1: "tokens"}
        self.example = {"input_ids": ids, "attention_mask": mask}, {"input_ids": axes, "attention_mask": axes}

    def of(self, splits: Splits) -> "TextView":
        """Return the same encoded texts, of which others are labelled."""
        return TextView(self.encoder, splits, {"transfer": self.transfer, "validation": self.validation})

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens, by id."""
        return Vocabulary(self.encoder.tokens, self.encoder.pad_id)

    @property
    def labelled(self) -> EncodedTexts:
        """The labelled training rows."""
        return self.transfer.first(len(self._splits.labelled))

    @property
    def original(self) -> EncodedTexts:
        """The transfer set as it was read, labelled rows first."""
        return self.transfer.first(len(self._splits.original))

    @property
    def transfer(self) -> EncodedTexts:
        """The transfer set with what augmentation made of it, labelled rows first."""
        return self._once("transfer", self._splits.transfer)

    @cached_property
    def ceiling(self) -> EncodedTexts:
        """The target's rows with labels: only the arm of this name may ask for them."""
        return encode(self.encoder, self._splits.ceiling.texts)

    @property
    def validation(self) -> EncodedTexts:
        """The validation rows."""
        return self._once("validation", self._splits.validation)

    @cached_property
    def test(self) -> EncodedTexts:
        """The test rows: only the final evaluation may ask for them."""
        return encode(self.encoder, self._splits.test.texts)

    def _once(self, name: str, examples: Examples) -> EncodedTexts:
        if name not in self._encoded:
            self._encoded[name] = encode(self.encoder, examples.texts)
        return self._encoded[name]

    def runner(self, file: Path) -> Answer:
        """Return an exported network as a function of texts."""
        return OnnxClassifier(file, self.encoder).logits


class TensorView:
    """Inputs that came ready from loaders; training rows stay there."""

    encoder = None

    def __init__(self, name: str, validation: TensorRows, test: TensorRows) -> None:
        self.digest = name
        self.validation, self.test = validation, test
        self.labelled = self.original = self.transfer = self.ceiling = TensorRows({"": torch.zeros(0)})
        inputs = validation.batch(np.arange(2))
        self.example = inputs, {key: {0: "batch"} for key in inputs}

    def runner(self, file: Path) -> Answer:
        """Return an exported network as a function of row numbers of the validation split."""
        network = OnnxTensors(file)

        def answer(rows: Sequence[Any]) -> NDArray[np.float32]:
            inputs = self.validation.batch(np.asarray(rows))
            return network.logits({key: value.numpy() for key, value in inputs.items()})

        return answer


Source = Callable[[TrainSettings, int], GroupSource]
"""Settings and seed in, the batches of that training out."""
Steps = Callable[[TrainSettings], int]


@dataclass(frozen=True)
class Lesson:
    """What a network is trained on.

    Attributes:
        batches: the batches of a training with these settings and this seed.
        steps: how many there are.
        objective: the weighted terms.
        teacher: whom it listens to; None for labels alone.
        inputs: names everything above, for the stage.
    """

    batches: Source
    steps: Steps
    objective: Objective
    teacher: Teacher | None
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Given:
    """Python objects that a recipe can only name.

    Attributes:
        teacher: a finished module; None when the recipe trains one.
        student: makes a student; called once a network, after torch's generator was seeded.
        encoders: by digest of the tokenizer, called with `max_length` and `tail`.
    """

    teacher: nn.Module | None = None
    student: Callable[[], nn.Module] | None = None
    encoders: Mapping[str, Callable[[int, int], Encoder]] = field(default_factory=dict)


class Material:
    """The splits of texts, and what the recipe's networks make of them.

    Args:
        splits: the rows.
        given: objects that the recipe names.

    Attributes:
        folder: the run's, where `views` keeps encoded texts from one process to the next; None: nowhere.
    """

    def __init__(self, splits: Splits, given: Given | None = None) -> None:
        self.splits, self.given = splits, given or Given()
        self.folder: Path | None = None
        self._digest = splits.digest
        self._names: dict[str, str] = {}  # what every lesson depends on besides
        self._views: dict[str, View] = {}
        self._whole: Material | None = None

    def keeping(self, labels: int) -> "Material":
        """Return the same encoded texts, of which only the first ones have labels; see `Splits.keeping`."""
        fewer = Material(self.splits.keeping(labels), self.given)
        fewer._whole, fewer.folder = self, self.folder
        return fewer

    @property
    def samples(self) -> Sequence[Any]:
        """What exported networks are timed and compared on: validation rows, in the form that `View.runner` takes."""
        return self.splits.validation.texts

    def view(self, settings: Reads) -> View:
        """Return the view that a network reads, shared by those that read alike."""
        key = digest([settings.tokenizer.model_dump(), settings.max_length, settings.tail])
        if key not in self._views:
            self._views[key] = self._text_view(settings, key)
        return self._views[key]

    def _text_view(self, settings: Reads, key: str) -> TextView:
        """Return a view from the folder, or make it and leave it there."""
        if self._whole is not None:
            view = self._whole.view(settings)
            assert isinstance(view, TextView)  # rows of a loader have no labels to take away
            return view.of(self.splits)
        if self.folder is None:
            return TextView(self._encoder(settings), self.splits)
        inputs = {"version": __version__, "tokenizer": key, "data": self._digest}
        stage = Stage(self.folder / "views" / key, inputs, quiet=True)
        tokenizer, encoded = stage.folder / "tokenizer.json", stage.folder / "texts.safetensors"
        if not stage.done:
            view = TextView(self._encoder(settings), self.splits)
            parts = {"transfer": view.transfer, "validation": view.validation}
            if ranks().main:
                with stage.working():
                    write_text(tokenizer, view.encoder.tokenizer_json)
                    save_encoded(parts, encoded)
            return view
        parts = load_encoded(encoded)
        pad_id = parts["validation"].pad_id
        cut = {"max_length": settings.max_length, "tail": settings.tail}
        return TextView(Encoder.from_file(tokenizer, **cut, pad_id=pad_id), self.splits, parts)

    def _encoder(self, settings: Reads) -> Encoder:
        tokenizer = settings.tokenizer
        if isinstance(tokenizer, GivenTokenizerSettings) and tokenizer.digest in self.given.encoders:
            return self.given.encoders[tokenizer.digest](settings.max_length, settings.tail)
        return build_encoder(tokenizer, self.splits.original.texts, max_length=settings.max_length, tail=settings.tail)

    def build(self, settings: NetworkSettings, *, seed: int) -> nn.Module:
        """Return a new network; initialisation and, later, dropout draw from the one generator that is seeded here."""
        torch.manual_seed(seed)
        if isinstance(settings.model, GivenSettings):
            if self.given.student is None:
                raise missing("student")
            return self.given.student().to(best_device())
        view = self.view(settings)
        if not isinstance(view, TextView):
            raise missing("network")
        return build_model(settings.model, classes=len(self.splits.classes), vocabulary=view.vocabulary).to(
            best_device()
        )

    def from_labels(self, settings: Reads, rows: Literal["labelled", "ceiling"] = "labelled") -> Lesson:
        """Return the lesson of a network that learns from labels alone: the training rows', or the target's."""
        examples = getattr(self.splits, rows)
        parts = {rows: examples, "validation": self.splits.validation}
        inputs = {name: [part.ids.tolist(), part.labels.tolist()] for name, part in parts.items()}
        source = self._batches(examples, getattr(self.view(settings), rows), 0)
        return Lesson(*source, 1.0 * CrossEntropy(), None, inputs | self._names)

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
        source = self._batches(self.splits.transfer, self.view(settings).transfer, share)
        return Lesson(*source, objective_from(losses), teacher, inputs | self._names)

    def _batches(self, examples: Examples, rows: Rows, labelled: int) -> tuple[Source, Steps]:
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
        views: how teacher and student see validation and test.
    """

    def __init__(
        self, splits: Splits, given: Given, train: Iterable[Any], form: BatchForm, views: Mapping[str, TensorView]
    ) -> None:
        super().__init__(splits, given)
        # What a loader gives cannot be named, so nothing that was trained on one is taken for this training.
        self._names = {"loader": ranks().share(uuid.uuid4().hex)}
        self._train, self._form, self._by_network = train, form, views

    @property
    def samples(self) -> Sequence[Any]:
        """Row numbers of the validation split."""
        return range(len(self.splits.validation))

    def view(self, settings: Reads) -> View:
        """Return the teacher's or the student's view; the recipe tells them apart by the name of their inputs."""
        tokenizer = settings.tokenizer
        return self._by_network[getattr(tokenizer, "digest", "student")]

    def _batches(self, examples: Examples, rows: Rows, labelled: int) -> tuple[Source, Steps]:
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
