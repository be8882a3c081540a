"""A run from Python objects: `limbeck.distill`. It writes a recipe that names them, and carries that out."""

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from torch import nn

from limbeck.data import (
    NO_ROWS,
    Splits,
    Table,
    load_splits,
)
from limbeck.data.held import joined
from limbeck.digest import digest
from limbeck.errors import LimbeckError, a
from limbeck.losses import PLAIN, Objective
from limbeck.modalities import DEFAULT, MODALITIES, TextReads, named_in
from limbeck.modalities.arrays.loaders import BatchForm, TrainingLoader, collect
from limbeck.modalities.text.tokenizers import padding_of
from limbeck.models import LogitsOnly, failed, logits_only
from limbeck.pipeline.frames import by_column, is_table, tables_of, unlabelled_of
from limbeck.pipeline.order import Run, run
from limbeck.pipeline.training.material import GIVEN, Given, Material
from limbeck.pipeline.training.reading import as_settings
from limbeck.recipe import Recipe, change, parse_recipe, recipe_values, run_name
from limbeck.runtime import TextReader
from limbeck.runtime.readers.arrays import ArraysReader
from limbeck.settings.changes import flat
from limbeck.teachers.given import count_outputs
from limbeck.teachers.kind import SINGLE
from limbeck.types import tensors

Source = Any
"""A path, hub id or packaged name; a data frame; or a loader."""


# The keys of a recipe that a script sets most often are parameters; `settings` takes any other.
def distill(
    teacher: Any = None,
    student: nn.Module | Callable[[], nn.Module] | str | Mapping[str, Any] | None = None,
    train: Source = None,
    *,
    recipe: str | Path | None = None,
    validation: Source = None,
    test: Source = None,
    unlabelled: Source = None,
    teacher_tokenizer: Any = None,
    student_tokenizer: Any = "words",
    losses: Objective | Sequence[Mapping[str, Any]] | None = None,
    seeds: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    track: Sequence[str] = (),
    out: str | Path | None = None,
) -> Run:
    """Distil a teacher into a student, compare it with the same student without a teacher, and deliver it.

    The same stages as `limbeck run`, in the same folder: what is unchanged there is reused.

        run = limbeck.distill("minilm", "ngrams", frame, settings={"data.text": "body", "data.label": "kind"})
        run = limbeck.distill(my_teacher, lambda: MyNet(10), loader, validation=val_loader, test=test_loader)
        run = limbeck.distill(recipe="text", train=frame)  # everything else is chosen from the texts
        run.evaluation.verdict, run.student, run.bundle

    Args:
        teacher: a finished module; a fitted estimator of scikit-learn, or a function (with a `teacher.version` in the
            settings), each asked with the texts or rows themselves; a packaged name, a folder or a hub id, which is
            taken as it is where its head fits the classes (see `teacher.finetune`) and fine-tuned else; or a recipe's
            `teacher`. A module is called with the arguments that its tokenizer or loader gives, and returns logits
            (batch, classes); of a model of transformers they are read from what it returns. While it answers it is in
            evaluation mode; it is moved to the GPU where there is one, and its weights never change. A model of
            transformers says by `config.id2label` which logit is which class; those of any other module stand in the
            order of the classes, unless `teacher.labels` says otherwise.
        student: a function that returns a new network, which is called once an arm and seed after torch's generator was
            seeded; a module, of which each training starts from a copy, so that seeds differ in order and dropout
            only; or a recipe's `student.model`.
        recipe: a packaged recipe, or the path of one, which says whatever is not given here; None: teacher and student
            are given.
        train: texts and labels with columns `text` and `label`: a path, anything that gives columns by name (a pandas,
            polars or Arrow table, a `datasets.Dataset`, a dict), a list of rows that are mappings, or any of these by
            split (a `DatasetDict`); a row without label is part of the transfer set. The settings `data.features`,
            `data.image` and `data.audio` name columns of other examples. Or a loader of batches, see
            `limbeck.modalities.arrays.loaders`: its teacher answers live, so it may augment.
        validation: of the same kind; None: held out of `train` (not of a loader).
        test: of the same kind, opened once, at the end; None: held out of `train` (not of a loader).
        unlabelled: more examples for the teacher to label, in any form that `train` may have as a table, or a list of
            examples, such as texts; what labels they have is not looked at. The setting `data.unlabelled` names a file.
        teacher_tokenizer: of a teacher that is a module, for texts: a `tokenizers.Tokenizer` or a fast tokenizer of
            transformers.
        student_tokenizer: `words`, a recipe's `student.reads.tokenizer`, or a tokenizer as above.
        losses: an objective, such as `0.9 * KD(temperature=2) + 0.1 * CrossEntropy()`, or a recipe's `losses`; None:
            the recipe's, or that one.
        seeds: of initialisation and order; None: the recipe's, or 0, 1 and 2.
        classes: names, by the number that a loader's labels have; of loaders only. None: they are called 0, 1, 2 ...
        settings: any other key of a recipe, dotted as on the command line: `{"student.train.steps": 500}`.
        track: experiment trackers to send figures to: tensorboard, mlflow, wandb, trackio.
        out: the run's folder; None: `runs/distill`, as long as no finished run of other data is there.

    Returns:
        The finished run: `student`, `evaluation`, `bundle`, `report`, `folder`.

    Raises:
        LimbeckError: whatever `limbeck run` refuses; a module without tokenizer; loaders mixed with tables.
    """
    folder, tables = Path(out or "runs/distill"), _tables(train, validation, test)
    if unlabelled is not None and tables is None:
        raise LimbeckError("a loader brings all its rows", where="unlabelled", fix="add them to the training loader")
    objects: dict[str, Callable[[TextReads], TextReader]] = {}
    kind = _LOADED if tables is None else _kind_of(settings or {})
    values, of = _recipe(recipe, tables is None)
    values["name"] = run_name(folder.name)
    if teacher is not None:
        values["teacher"] = _teacher(teacher, teacher_tokenizer, objects, kind=kind)
    if student is not None:
        values["student"] = _student(student, student_tokenizer, objects, kind=kind)
    if losses is not None:
        values["losses"] = losses.entries() if isinstance(losses, Objective) else [dict(entry) for entry in losses]
    if seeds is not None:
        values["seeds"] = list(seeds)
    if missing := [role for role in ("teacher", "student") if role not in values]:
        fix = 'give it, or a recipe that has one, such as recipe="text"'
        raise LimbeckError(f"no {missing[0]}", where="limbeck.distill", fix=fix)
    kept = {role: key for role in ("teacher", "student") if (key := _object_of(values[role])) in objects}
    change(values, settings or {}, named=student is not None)
    for role, key in kept.items():
        if _object_of(values[role]) != key:
            raise LimbeckError(
                f"`{role}_tokenizer` and the setting `{role}.reads.tokenizer` name two tokenizers",
                where="limbeck.distill",
                fix="give one of them",
            )
    parsed = parse_recipe(values, "limbeck.distill")
    parsed._folder = of
    _require_one_source(parsed, tables is not None, classes)
    given = Given(logits_only(teacher) if isinstance(teacher, nn.Module) else teacher, _factory(student), objects)
    if tables is None:
        make = partial(_from_loaders, given, train, validation, test, classes)
    else:
        make = partial(_from_tables, given, tables, unlabelled)
    with as_settings(GIVEN):
        given_as = None if out else 'out="{}"'
        return run(parsed, folder, command="limbeck.distill(...)", track=track, material=make, given_as=given_as)


def _recipe(name: str | Path | None, loaded: bool) -> tuple[dict[str, Any], Path | None]:
    """Return the values of a recipe for rows that are given, and its folder; of none, what is the same for all."""
    if name is None:
        column = {_LOADED: "loader"} if loaded else {"text": "text"}
        return {"data": {"source": GIVEN, "label": "label"} | column, "losses": PLAIN.entries()}, None
    values, _, folder = recipe_values(str(name))
    change(values, {"data.source": GIVEN})
    return values, folder


# --- data -----------------------------------------------------------------------------------------------------------


_LOADED = "arrays"
"""The modality of what a loader gives."""
_OTHERS = ", ".join(f"data.{one.key}" for one in MODALITIES.values() if one.name not in (DEFAULT, _LOADED))
"""Settings that say that an example is no text."""
_OF_LOADERS = {"source", *(modality.key for modality in MODALITIES.values()), "label", "class_weights"}
"""Keys of `data` that `limbeck.distill` sets itself, or that count for rows of a loader too."""


def _require_one_source(recipe: Recipe, tables: bool, classes: Sequence[str] | None) -> None:
    """Refuse what would be passed over: a second source, names of classes beside tables, one name for two classes."""
    if recipe.data.source != GIVEN:
        raise LimbeckError(
            "the setting `data.source` names data, and `train` is given",
            where="limbeck.distill",
            fix="give one of them",
        )
    if classes is None:
        return
    if tables:
        fix = "leave it out: tables name their classes themselves"
        raise LimbeckError("`classes` names those of loaders, and tables are given", where="limbeck.distill", fix=fix)
    names = [str(name) for name in classes]
    wrong = None
    if isinstance(classes, str):
        wrong = f"`classes` is one text, `{classes}`"
    elif len(set(names)) < len(names):
        wrong = f"`classes` has {len(set(names))} different names for {len(names)} classes: {', '.join(names[:8])}"
    if wrong is not None:
        raise LimbeckError(wrong, where="limbeck.distill", fix="give a list with a name of its own for each class")


def _kind_of(settings: Mapping[str, Any]) -> str:
    """Return the modality that settings name a column of; that of a column `text` where they name none."""
    named = {key.removeprefix("data."): value for key, value in flat(settings).items() if key.startswith("data.")}
    return next(iter(named_in(named)), DEFAULT)


def _tables(train: Source, validation: Source, test: Source) -> dict[str, Source] | None:
    """Return the sources by split; None when they are loaders."""
    if train is None:
        raise LimbeckError("no training rows", where="limbeck.distill", fix="give train")
    sources = {"train": train, "validation": validation, "test": test}
    given = {name: source for name, source in sources.items() if source is not None}
    kinds = {is_table(by_column(source, name)) for name, source in given.items()}
    if len(kinds) > 1:
        raise LimbeckError("some splits are tables and some are loaders", where="limbeck.distill", fix="give one kind")
    if kinds == {True}:
        return given
    if len(given) < 3:
        raise LimbeckError(
            f"no {' and no '.join(name for name in ('validation', 'test') if name not in given)} loader",
            where="limbeck.distill",
            fix="nothing can be held out of a loader: give all three",
        )
    return None


def _from_tables(given: Given, sources: Mapping[str, Source], unlabelled: Source, recipe: Recipe) -> Material:
    tables: dict[str, Table] = {}
    for name, source in sources.items():
        # Of every column, those of the training rows are meant.
        columns = tables["train"].columns if "train" in tables else ()
        found = tables_of(source, recipe.data, name, columns or recipe.data.column)
        # What brings several splits and is given as `train` brings them all; given as `test`, it means that split.
        tables |= found if name == "train" else {name: found.get(name, found["train"])}
    if unlabelled is not None:
        values = unlabelled_of(unlabelled, recipe.data, tables["train"].columns or recipe.data.column)
        more = tables.get("unsupervised", Table([], []))
        tables["unsupervised"] = Table(joined(more.values, values), [*more.labels, *([None] * len(values))])
    return Material(load_splits(recipe.data, recipe.task, tables), given)


def _from_loaders(
    given: Given,
    train: Iterable[Any],
    validation: Iterable[Any],
    test: Iterable[Any],
    classes: Sequence[str] | None,
    recipe: Recipe,
) -> Material:
    if unread := sorted(recipe.data.model_fields_set - _OF_LOADERS):
        raise LimbeckError(
            f"`data.{unread[0]}` says something of tables, and loaders are given",
            where="limbeck.distill",
            fix="leave it out: a loader brings all its rows, labelled or not",
        )
    modality = recipe.data.modality
    if modality.name != _LOADED:
        raise LimbeckError(
            f"`data.{modality.key}` names a column, and a loader has none",
            where="limbeck.distill",
            fix="leave it out: a loader brings arrays",
        )
    teacher, student = given.teacher, given.student
    if not isinstance(teacher, nn.Module) or student is None:
        fix = "give modules; a teacher that is asked with texts or rows themselves needs a table of these"
        raise LimbeckError("loaders need a teacher and a student that are modules", where="limbeck.distill", fix=fix)
    form = BatchForm(_first_argument(student()), _first_argument(teacher), recipe.task.numbers)
    held_out = {
        name: collect(source, form, name, modality) for name, source in (("validation", validation), ("test", test))
    }
    names = tuple(map(str, classes or range(_count_outputs(recipe, teacher, held_out["validation"].values))))
    task = recipe.task.numbered(names, recipe.data)
    for name, rows in held_out.items():
        task.require_known(rows.labels, f"{name} loader")
    notes = [line for name, rows in held_out.items() for line in task.remarks(name, rows.labels, learned=False)]
    if shared := int(np.isin(held_out["test"].ids, held_out["validation"].ids).sum()):
        notes.append(f"{shared:,} test rows are validation rows too, on which choices are made")
    task.fit(NO_ROWS.labels)  # what cannot be weighted is refused before anything is trained
    validation_rows, test_rows = held_out.values()
    splits = Splits(NO_ROWS, NO_ROWS, validation_rows, test_rows, task, modality, {}, notes=tuple(notes))
    return Material(splits, given, TrainingLoader(train, form))


def _count_outputs(recipe: Recipe, teacher: nn.Module, rows: Any) -> int:
    """Return how many outputs there are, where nobody names them: those of teacher.labels, or the teacher's outputs."""
    if recipe.teacher.said:
        return len(recipe.teacher.said)
    return count_outputs(teacher, tensors(ArraysReader.of(rows, "teacher").form.example))


# --- networks -------------------------------------------------------------------------------------------------------


def _factory(student: Any) -> Callable[[], nn.Module] | None:
    if isinstance(student, nn.Module):
        first = copy.deepcopy(student)
        return lambda: _made(copy.deepcopy(first))
    return (lambda: _made(_called(student))) if callable(student) else None


def _called(student: Callable[[], Any]) -> Any:
    try:
        return student()
    except LimbeckError:
        raise
    except Exception as error:
        raise failed("the function failed", error, where="student", fix="it is called without arguments") from error


def _made(network: Any) -> nn.Module:
    if not isinstance(network, nn.Module):
        raise LimbeckError(f"the function returned {a(type(network).__name__)}, not an nn.Module", where="student")
    return logits_only(network)


def _object_of(network: Any) -> Any:
    """Return the key under which the tokenizer of a network's settings is kept; None where it is no object."""
    for step in ("reads", "tokenizer", "digest"):
        network = network.get(step) if isinstance(network, Mapping) else None
    return network


def _first_argument(network: nn.Module) -> str:
    """Return the name under which a network takes an input that comes without one."""
    inner = network.network if isinstance(network, LogitsOnly) else network
    return next(iter(inspect.signature(inner.forward).parameters))


def _padding(network: Any) -> int | None:
    """Return the id that a network of transformers pads with."""
    found = logits_only(network) if isinstance(network, nn.Module) else None
    return found.pad_id if isinstance(found, LogitsOnly) else None


def _teacher(teacher: Any, tokenizer: Any, objects: dict[str, Any], *, kind: str) -> dict[str, Any]:
    if isinstance(teacher, str):
        return {"kind": "transformers", "model": teacher}
    if isinstance(teacher, Mapping):
        return dict(teacher)
    if found := next(filter(None, (one.of_object(teacher) for one in SINGLE.values())), None):
        return found
    if not isinstance(teacher, nn.Module):
        raise LimbeckError(f"{a(type(teacher).__name__)} is no teacher", where="teacher", fix="give a module or a name")
    model = {"name": "given", "type": type(teacher).__name__}
    if kind == _LOADED:
        return {"kind": "given", "model": model, "reads": {"kind": kind, "of": "teacher"}}
    if kind != DEFAULT:
        return {"kind": "given", "model": model, "reads": {"kind": kind}}
    if tokenizer is None:
        raise LimbeckError(
            "a module that reads texts needs its tokenizer",
            where="teacher",
            fix=f"give teacher_tokenizer; or name the columns of other examples in the settings: {_OTHERS}",
        )
    return {"kind": "given", "model": model, "reads": {"tokenizer": _tokenizer(tokenizer, objects, _padding(teacher))}}


def _student(student: Any, tokenizer: Any, objects: dict[str, Any], *, kind: str) -> dict[str, Any]:
    if isinstance(student, str | Mapping):
        model: Any = student
    elif callable(student):
        model = {"name": "given", "type": type(student).__name__}
    else:
        raise LimbeckError(f"{a(type(student).__name__)} is no student", where="student", fix="give a module or a name")
    if kind == _LOADED:
        return {"model": model, "reads": {"kind": kind, "of": "student"}}
    if kind != DEFAULT:
        return {"model": model}
    return {"model": model, "reads": {"tokenizer": _tokenizer(tokenizer, objects, _padding(student))}}


def _tokenizer(
    tokenizer: Any, objects: dict[str, Callable[[TextReads], TextReader]], model_pad: int | None
) -> dict[str, Any]:
    """Return a tokenizer's settings; one that is an object is kept in `objects` under its digest.

    It pads with `model_pad`, the id of the network's own configuration, where there is one.
    """
    if isinstance(tokenizer, str):
        return {"kind": tokenizer} if tokenizer == "words" else {"kind": "transformers", "path": tokenizer}
    if isinstance(tokenizer, Mapping):
        return dict(tokenizer)
    backend = tokenizer if isinstance(tokenizer, Tokenizer) else getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise LimbeckError(
            f"{a(type(tokenizer).__name__)} has no `tokenizers.Tokenizer`",
            where="tokenizer",
            fix="give a fast tokenizer",
        )
    pad_id = padding_of(backend, getattr(tokenizer, "pad_token_id", None)) if model_pad is None else model_pad
    if pad_id is None:
        raise LimbeckError(
            "neither the model's configuration nor its tokenizer names a padding token",
            where="tokenizer",
            fix="set model.config.pad_token_id, tokenizer.pad_token (transformers), or tokenizer.enable_padding(...)",
        )
    # A copy: a reader switches the padding and truncation of its tokenizer off.
    text = backend.to_str()
    key = digest([text, pad_id])
    objects[key] = lambda reads: TextReader(
        Tokenizer.from_str(text), max_length=reads.max_length, tail=reads.tail, pad_id=pad_id
    )
    return {"kind": "given", "digest": key}
