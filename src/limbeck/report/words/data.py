"""The data in words: what was read of the texts, and which rows were dropped."""

from collections.abc import Collection, Mapping

from limbeck.evaluation.schema import Findings
from limbeck.modalities.text.reading import PIECES_WARNED
from limbeck.report.words.names import FLOOR, STUDENT, model, the
from limbeck.report.words.numbers import capital, count, decimal, percent, several
from limbeck.report.words.warnings import floor_ahead

MUCH_CUT = 0.25
"""Share of texts cut above which that may explain a result."""


def much_cut(findings: Findings) -> dict[str, float]:
    """Return the share of texts cut, by the networks that read many of them cut."""
    return {name: view.cut for name, view in findings.data.views.items() if view.cut > MUCH_CUT}


def many_pieces(findings: Findings) -> dict[str, float]:
    """Return how many pieces a word has, by the networks whose tokenizer is likely one of another language."""
    views = findings.data.views.items()
    return {name: view.pieces for name, view in views if view.pieces is not None and view.pieces > PIECES_WARNED}


def few_without_label(findings: Findings) -> bool:
    """Return whether fewer rows were the teacher's alone to label, copies among them, than have a label."""
    data = findings.data
    return data.unlabelled + data.augmented < data.labelled


def reading(findings: Findings) -> list[str]:
    """Return what a reader of the result must know: what was cut, that test rows look like training rows."""
    data, said = findings.data, []
    if findings.usage.in_files and few_without_label(findings) and not data.unlabelled + data.augmented:
        noun = findings.usage.noun
        said.append(
            f"Every training {noun} has its label, so that the student saw the same {noun}s as the baseline. What the "
            f"teacher says of others usually brings more."
        )
    if cut := much_cut(findings):
        shares = ", ".join(f"{percent(share)} for {the(name)}" for name, share in cut.items())
        said.append(f"Training texts cut at max_length: {shares}. {_consequence(findings, cut.keys())}")
    if cut_up := many_pieces(findings):
        pieces = ", ".join(f"{decimal(number)} for {the(name)}" for name, number in cut_up.items())
        said.append(f"Pieces that a word is cut into: {pieces}. Such a tokenizer may not know their language.")
    for name, number in data.same_tokens.items():
        if number:
            rows = f"{count(number)} of {count(data.test)} test rows"
            said.append(f"For {the(name)}, {rows} have the token ids of a training or transfer row.")
    return said


def reader_rows(findings: Findings) -> list[tuple[str, ...]]:
    """Return a row a view: name, tokens a text, shares of unknown tokens and of texts cut, texts of no known token."""
    return [
        (model(name), decimal(view.tokens), percent(view.unknown), percent(view.cut), count(view.unread))
        for name, view in findings.data.views.items()
    ]


def dropped(rows: Mapping[str, int]) -> list[str]:
    """Return how many rows were dropped, a line a reason."""
    return [f"{several(number, 'row')} dropped: {reason}." for reason, number in rows.items()] or [
        "No row was dropped."
    ]


def notes(findings: Findings) -> list[str]:
    """Return what else was said of the rows, a sentence each."""
    return [f"{capital(line).rstrip('.')}." for line in findings.data.notes]


def _consequence(findings: Findings, cut: Collection[str]) -> str:
    """Return what cutting may explain: the floor reads whole texts."""
    if floor_ahead(findings) is not None and STUDENT in cut:
        return f"{model(FLOOR, findings)} reads whole texts, which may be why it is better than the student."
    return "A larger max_length, or tail, may raise the scores."


def held_out(findings: Findings, split: str) -> str:
    """Return by which values of which columns a split is held out: `speaker: ada, bob`; empty: rows were drawn."""
    rule = findings.data.held_out.get(split, {})
    return "; ".join(f"{column}: {', '.join(values)}" for column, values in rule.items())
