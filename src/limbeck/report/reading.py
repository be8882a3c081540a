"""What the networks read of the texts, in words: the same ones in the report, on the terminal and on the card."""

from collections.abc import Collection

from limbeck.evaluation.schema import Evaluation
from limbeck.report import format

MUCH_CUT = 0.25
"""Share of texts cut above which that may explain a result."""


def sentences(evaluation: Evaluation) -> list[str]:
    """Return what a reader of the result must know: that many texts are cut, that test rows look like training rows."""
    data = evaluation.data
    said = []
    cut = {name: view.cut for name, view in data.views.items() if view.cut > MUCH_CUT}
    if cut:
        shares = ", ".join(f"{format.percent(share)} for the {format.words(name)}" for name, share in cut.items())
        said.append(f"Training texts cut at max_length: {shares}. {_consequence(evaluation, cut.keys())}")
    for name, count in data.same_tokens.items():
        if count:
            rows = f"{format.count(count)} of {format.count(data.test)} test rows"
            said.append(f"For the {name}, {rows} have the token ids of a training or transfer row.")
    return said


def rows(evaluation: Evaluation) -> list[tuple[str, str, str, str, str]]:
    """Return a row a view: name, tokens a text, shares of unknown tokens and of texts cut, texts of no known token."""
    return [
        (
            format.words(name),
            f"{view.tokens:.1f}",
            format.percent(view.unknown),
            format.percent(view.cut),
            format.count(view.unread),
        )
        for name, view in evaluation.data.views.items()
    ]


def _consequence(evaluation: Evaluation, cut: Collection[str]) -> str:
    """Say what cutting may explain: the floor reads whole texts."""
    floor, metric = evaluation.floor, evaluation.metric
    ahead = floor is not None and getattr(floor, metric) > getattr(evaluation.student, metric)
    if ahead and "student" in cut:
        return "TF-IDF + LR reads whole texts, which may be why it is better than the student."
    return "A larger max_length, or tail, may raise the scores."
