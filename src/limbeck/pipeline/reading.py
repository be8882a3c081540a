"""What the networks of a run read of its texts; a network that sees next to nothing of them is refused."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from limbeck.console import say
from limbeck.data import ArraysReads
from limbeck.errors import LimbeckError
from limbeck.evaluation.records import ViewRecord
from limbeck.networks import Reads
from limbeck.pipeline.arms import Arm
from limbeck.pipeline.material import Material
from limbeck.pipeline.networks import Trained
from limbeck.pipeline.teacher import member_names
from limbeck.pipeline.views import View, reads_digest
from limbeck.recipe import Recipe

UNKNOWN_WARNED = 0.1
"""Share of unknown tokens above which there is a warning: to the English `minilm`, Japanese reviews have about 18 %."""
UNKNOWN_REFUSED = 0.5
"""Share above which a vocabulary is of another language: to `minilm`, Chinese reviews have about 64 %. None of them is
without a known token, as punctuation and some 230 characters are known. A vocabulary that was counted in these very
texts leaves out rare words alone, at `min_frequency: 2` half of the tokens of 50 short texts: that is warned of."""
UNREAD_REFUSED = 0.5
"""Share of texts without a known token: to words counted in 50 texts with `min_frequency: 5`, a fifth are."""

_FIXES = {
    "words": "lower reads.tokenizer.min_frequency, raise reads.tokenizer.size, or give a tokenizer of pieces of words: "
    "reads.tokenizer={kind: transformers, path: ...}",
    "transformers": "take a model or tokenizer of this language, by folder or hub id, or reads.tokenizer="
    "{kind: words} (of a teacher: with kind network); see Languages in docs/recipes.md",
    "given": "give the tokenizer of a network that reads this language",
}


def readers(recipe: Recipe) -> dict[str, Reads]:
    """Return what reads texts in a run by name: the teacher's networks, the student, and what reads in another way.

    That may be another arm, or another point of the grid.
    """
    members = recipe.teacher.members
    found: dict[str, Reads] = {
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
    """Raise where a network sees next to nothing of the training or validation texts.

    Raises:
        LimbeckError: more than half of the tokens are unknown, or more than half of the texts hold no known token.
    """
    for name, settings in readers(recipe).items():
        view, reads = material.view(settings), settings.reads
        if view.reading is None or isinstance(reads, ArraysReads):
            continue
        held_out, texts = view.reading_of(view.validation), len(view.original)
        # Words counted in the training texts know each of these; whether they are of use, other texts tell.
        if view.reading.unread > UNREAD_REFUSED * texts:
            what = f"{view.reading.unread:,} of {texts:,} training texts hold no token known to its tokenizer"
        elif held_out is not None and held_out.unread > UNREAD_REFUSED * len(view.validation):
            what = (
                f"{held_out.unread:,} of {len(view.validation):,} validation texts hold no token known to its tokenizer"
            )
        elif view.reading.unknown > UNKNOWN_REFUSED and reads.tokenizer.kind != "words":
            what = (
                f"{100 * view.reading.unknown:.1f} % of the tokens of the training texts are unknown to its tokenizer"
            )
        else:
            continue
        raise LimbeckError(what, where=name, fix=_FIXES[reads.tokenizer.kind])


def describe_readers(recipe: Recipe, material: Material) -> None:
    """Print a line a view: how many tokens a text has, how many are unknown, and how many texts are cut."""
    for name, settings in readers(recipe).items():
        found, reads = material.view(settings).reading, settings.reads
        if found is None or isinstance(reads, ArraysReads):
            continue
        line = (
            f"  {name}: {found.tokens:.1f} tokens a text (mean), {100 * found.unknown:.1f} % of them unknown, "
            f"{100 * found.cut:.1f} % of the training texts cut at {reads.max_length} tokens"
        )
        if found.unread:
            line += f", {found.unread:,} texts without a known token"
        say(line, style="yellow" if found.unknown > UNKNOWN_WARNED else None)


def what_was_read(teachers: Mapping[str, Trained], arms: Mapping[str, Arm]) -> dict[str, Any]:
    """Return what each network reads, and how many test rows are training rows to teacher and student, by network.

    Both are parts of a `DataRecord`. Networks of loaders have none, nor have arms that read as the student does.
    """
    by_arm: dict[str, View] = {name: next(iter(arm.trained.values())).view for name, arm in arms.items()}
    views = {name: trained.view for name, trained in teachers.items()} | {"student": by_arm["student"]}
    same = {name: count for name, view in views.items() if (count := view.same_tokens) is not None}
    views |= {name: view for name, view in by_arm.items() if view.digest != by_arm["student"].digest}
    found = {name: view.reading for name, view in views.items()}
    records = {name: ViewRecord(**asdict(read)) for name, read in found.items() if read is not None}
    return {"views": records, "same_tokens": same}
