"""Examples on the page: those on which student and teacher differ most, by who is right, and copies of some.

How an example is shown is found by its kind.
"""

from collections.abc import Callable
from typing import Any

from limbeck.evaluation.figures import Disagreement, ImageSample
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Answer, Case, Cases, Gallery, Shown, Strip
from limbeck.report.pictures import thumbnail, together
from limbeck.report.sounds import player
from limbeck.report.style import looks
from limbeck.report.words import prose, shown


def _image(one: Disagreement, sample: ImageSample) -> Shown:
    name = words.shorten(sample.name, prose.SNIPPET)
    return Shown(name, prose.NO_IMAGE, named=True) if sample.data is None else Shown(markup=thumbnail(sample, name))


SAMPLES: dict[str, Callable[[Disagreement, Any], Shown]] = {
    "text": lambda one, sample: Shown(*prose.snippet(sample.text)),
    "image": _image,
    "audio": lambda one, sample: Shown(
        note=prose.played(sample.played, sample.seconds), markup=player(sample, one.seen)
    ),
    "table": lambda one, sample: Shown(*prose.cells(sample), named=True),
    "row": lambda one, sample: Shown(words.shorten(sample.name, prose.SNIPPET), named=True),
}
"""How each kind of sample is shown."""

_EACH = 6
"""At most so many examples of one direction are shown."""


def samples(evaluation: Evaluation) -> list[Cases]:
    """Return the samples by the models that are right; first those that the teacher alone has right."""
    groups: dict[tuple[bool, ...], list[Disagreement]] = {}
    if inexact := [one for one in evaluation.samples if not one.exact]:
        return [Cases(prose.FARTHEST, [_case(evaluation, one) for one in inexact[:_EACH]])]
    for one in evaluation.samples:
        groups.setdefault(tuple(answer.decided == one.label for answer in one.answers.values()), []).append(one)
    order = sorted(groups, key=lambda right: (len(set(right)) == 1, [not one for one in right]))
    return [_cases(evaluation, groups[right]) for right in order]


def mistakes(evaluation: Evaluation) -> list[Cases]:
    """Return mistakes of the student in each of its weakest classes."""
    return [
        Cases(shown.weak_class(one), [_case(evaluation, sample) for sample in one.samples])
        for one in evaluation.weak_classes
        if one.samples
    ]


def _cases(evaluation: Evaluation, found: list[Disagreement]) -> Cases:
    sides: tuple[list[str], list[str]] = ([], [])
    for name, answer in found[0].answers.items():
        sides[answer.decided != found[0].label].append(name)
    title = prose.direction(*sides)
    return Cases(title, [_case(evaluation, one) for one in found[:_EACH]])


def _case(evaluation: Evaluation, one: Disagreement) -> Case:
    look = looks([*evaluation.models, *one.answers])
    answers = [
        Answer(
            words.model(name),
            look[name],
            words.shorten(answer.decided, 80),
            "" if answer.probability is None else words.percent(answer.probability),
            answer.decided == one.label if one.exact else None,
        )
        for name, answer in one.answers.items()
    ]
    sample = one.sample
    if one.name is not None and "name" in type(sample).model_fields:
        sample = sample.model_copy(update={"name": one.name})
    found = SAMPLES[sample.kind](one, sample)
    name = "" if found.named or one.name is None else shown.called(one.name)
    return Case(found, name, prose.true_answer(evaluation), words.shorten(one.label, 80), answers)


def copies(evaluation: Evaluation) -> Gallery | None:
    """Return examples beside the copies that are drawn of them, as a network sees both; None where there are none."""
    strips = []
    for one in evaluation.copies:
        pictures = [(shown.ORIGINAL, one.original), *((words.capital(copy.name), copy) for copy in one.copies)]
        name, times = shown.called(one.name), together([picture for _, picture in pictures])
        drawn = [(word, thumbnail(picture, f"{name}, {word}", times)) for word, picture in pictures]
        strips.append(Strip(name, drawn))
    return Gallery(shown.COPIES, strips, shown.about_copies(evaluation)) if strips else None
