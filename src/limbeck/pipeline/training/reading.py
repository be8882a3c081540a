"""What the networks of a run read of its examples; a network that sees next to nothing of them is refused."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from limbeck.console import say
from limbeck.data.modality import Reads, ReadsError
from limbeck.errors import LimbeckError
from limbeck.networks import HasReads
from limbeck.pipeline.training.arms import Arm
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import member_key, member_names
from limbeck.pipeline.training.views import View, reads_digest
from limbeck.recipe import Recipe
from limbeck.recipe.grid import in_words, points
from limbeck.settings.errors import RecipeError
from limbeck.settings.yaml import read_value


def readers(recipe: Recipe) -> dict[str, HasReads]:
    """Return what reads examples in a run by name: the teacher's networks, the student, and what reads in another way.

    That may be another arm, or another point of the grid.
    """
    members = recipe.teacher.members
    found: dict[str, HasReads] = {
        name: member.read_as for name, member in zip(member_names(len(members)), members, strict=True)
    }
    seen: set[str] = set()
    for arm in dict.fromkeys(("student", *recipe.trained_arms)):
        for point, settings in recipe.candidates(arm):
            if (key := reads_digest(settings)) in seen:
                continue
            seen.add(key)
            about = in_words({name: value for name, value in point.items() if name.split(".")[0] == "reads"})
            found[", ".join(part for part in (arm, about) if part)] = settings
    return found


class OpenReadsError(LimbeckError):
    """A key of `reads` that networks of a recipe have to set, or to set otherwise.

    Attributes:
        settings: value by key, as a recipe takes them; none where no value is known.
    """

    def __init__(self, error: ReadsError, keys: Sequence[str], value: Any) -> None:
        self.settings = {} if value is None else dict.fromkeys(keys, value)
        typed = [shlex.quote(f"{key}={json.dumps(value)}") for key, value in self.settings.items()]
        super().__init__(error.what, where=" and ".join(keys), fix=f"set {' '.join(typed)}" if typed else error.fix)


@contextmanager
def as_settings(source: str) -> Iterator[None]:
    """Let errors of the block speak of arguments and settings of `limbeck.distill` in the place of lines to type.

    Args:
        source: what the recipe calls the data that were given as `train`.

    Raises:
        LimbeckError: in the place of another one.
    """
    try:
        yield
    except OpenReadsError as error:
        fix = f"add to `settings`: {error.settings}" if error.settings else error.fix
        raise LimbeckError(error.what, where=error.where, fix=fix) from error
    except RecipeError:
        raise
    except LimbeckError as error:
        where = re.sub(rf"^{source}(?=$|[,:])", "train", error.where or "") or None
        fix = error.fix and _TYPED.sub(lambda found: _in_python(found[0]), error.fix)
        if (where, fix) == (error.where, error.fix):
            raise
        raise LimbeckError(error.what, where=where, fix=fix) from error


_KEY = r"(?<![\w.'\"`=-])\w+(?:\.\w+)+=(?:\[[^]]*\]|[^\s,;()]+)"
_TYPED = re.compile(f"(?:set )?{_KEY}(?: {_KEY})*")
"""Keys of a recipe with their values, as they are typed."""


def _in_python(typed: str) -> str:
    """Return typed keys and values as a mapping in Python; what is in another form than it seems, as it is."""
    pairs = (found.partition("=") for found in re.findall(_KEY, typed))
    try:
        settings = {key: read_value(value) for key, _, value in pairs}
    except LimbeckError:
        return typed
    return f"{'give ' * typed.startswith('set ')}settings={settings}"


@contextmanager
def naming_networks(recipe: Recipe) -> Iterator[None]:
    """Name the keys of the recipe, as a line to paste, in an error of the block that is about a key of `reads`.

    Raises:
        OpenReadsError: in its place; the value is that of another network, where one has the key set.
    """
    try:
        yield
    except ReadsError as error:
        key = f"reads.{error.key}"
        own = {
            name: getattr(reads, error.key) for name, reads in _reads(recipe, key).items() if hasattr(reads, error.key)
        }
        wrong = [f"{name}.{key}" for name, value in own.items() if value == error.given]
        others = [value for value in own.values() if value is not None]
        value = others[0] if error.given is None and others else error.value
        varied = [
            f"{prefix}{key}" for prefix, point in points(recipe.grid) if key in point and point[key] == error.given
        ]
        raise OpenReadsError(error, wrong or [*varied, f"grid.{key}"][:1], value if wrong else None) from error


def _reads(recipe: Recipe, key: str) -> dict[str, Reads]:
    """Return what networks read, by the part of the recipe that says it: `teacher.members.0`, `student`.

    Args:
        recipe: of the run.
        key: `reads.KEY`; what the grid says of it counts in no arm.
    """
    members = recipe.teacher.members
    names = [member_key(number, len(members)) for number in range(len(members))]
    found = {name: member.read_as.reads for name, member in zip(names, members, strict=True)}
    if not all(key in point for _, point in points(recipe.grid)):
        found["student"] = recipe.student.reads
        if recipe.baseline and key in recipe.baseline:
            found["baseline"] = recipe.arm("baseline").reads
    return found


def require_readable(recipe: Recipe, material: Material) -> None:
    """Raise where a network sees next to nothing of the training or validation examples.

    Raises:
        LimbeckError: of texts: most tokens are unknown, or most texts hold no known token.
    """
    members = len(recipe.teacher.members)
    keys = {name: member_key(number, members) for number, name in enumerate(member_names(members))}
    for name, settings in readers(recipe).items():
        view, reads = material.view(settings), settings.reads
        own, held_out = view.seen, view.seen_of(view.validation)
        if own is None or held_out is None:
            continue
        if what := reads.unreadable(own, len(view.original), held_out, len(view.validation)):
            raise LimbeckError(what, where=name, fix=reads.fix(keys.get(name, name.partition(",")[0])))


def describe_readers(recipe: Recipe, material: Material) -> None:
    """Print a line a view: of texts, how many tokens one has, how many are unknown, and how many texts are cut."""
    for name, settings in readers(recipe).items():
        if (seen := material.view(settings).seen) is not None:
            line, doubtful = settings.reads.described(seen)
            say(f"  {name}: {line}", style="yellow" if doubtful else None)


def what_was_read(teachers: Mapping[str, Trained], arms: Mapping[str, Arm]) -> dict[str, Any]:
    """Return what each network reads, and how many test rows are training rows to teacher and student, by network.

    Both are parts of a `DataRecord`. Networks of loaders have none, nor have arms that read as the student does.
    """
    by_arm: dict[str, View] = {name: next(iter(arm.trained.values())).view for name, arm in arms.items()}
    views = {name: trained.view for name, trained in teachers.items()} | {"student": by_arm["student"]}
    same = {name: count for name, view in views.items() if (count := view.same) is not None}
    views |= {name: view for name, view in by_arm.items() if view.digest != by_arm["student"].digest}
    records = {name: seen for name, view in views.items() if (seen := view.seen) is not None}
    return {"views": records, "same_tokens": same}
