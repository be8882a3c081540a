"""What the networks of a run read of its examples; a network that sees next to nothing of them is refused."""

from collections.abc import Mapping
from typing import Any

from limbeck.console import say
from limbeck.errors import LimbeckError
from limbeck.networks import HasReads
from limbeck.pipeline.training.arms import Arm
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import member_names
from limbeck.pipeline.training.views import View, reads_digest
from limbeck.recipe import Recipe


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
            about = [f"{name}={value}" for name, value in point.items() if name.split(".")[0] == "reads"]
            found[", ".join([arm, *about])] = settings
    return found


def require_readable(recipe: Recipe, material: Material) -> None:
    """Raise where a network sees next to nothing of the training or validation examples.

    Raises:
        LimbeckError: of texts: most tokens are unknown, or most texts hold no known token.
    """
    for name, settings in readers(recipe).items():
        view, reads = material.view(settings), settings.reads
        own, held_out = view.seen, view.seen_of(view.validation)
        if own is None or held_out is None:
            continue
        if what := reads.unreadable(own, len(view.original), held_out, len(view.validation)):
            raise LimbeckError(what, where=name, fix=reads.fix)


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
