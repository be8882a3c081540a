"""Tables class by class: which rows and columns; what a cell says is in `words`."""

from collections.abc import Sequence
from typing import Any

from limbeck.evaluation.figures import (
    ClassScores,
    ClassTable,
    ColumnTable,
    Confusion,
    ThresholdScores,
    ThresholdTable,
    ValueTable,
)
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Cell, Row, Section, TableBlock, TableColumn
from limbeck.report.style import looks
from limbeck.report.words import names, prose, units

_PAIRS = 10
"""At most so many pairs of confused classes are listed."""


def class_section(evaluation: Evaluation, figures: Sequence[ClassTable]) -> Section:
    """Return how every model fares on every class; of many classes on the student's weakest."""
    look = looks(evaluation.models)
    rows = _weakest(figures, [list(scores) for scores in zip(*(one.classes for one in figures), strict=True)])
    total = sum(one.rows for one in figures[0].classes) or 1
    columns = [TableColumn("Class"), TableColumn("Test rows"), TableColumn("Share")]
    moved = any(one.offset is not None for one in rows[0])
    for one in figures:
        group, hero = words.capital(words.model(one.model, evaluation)), names.role(one.model).hero
        parts = ("recall", "F1", "offset") if moved else ("recall", "F1")
        columns += [TableColumn(name, look[one.model], group, hero) for name in parts]
    shown = [
        Row(
            words.shorten(scores[0].name, 40),
            [
                Cell(words.count(scores[0].rows)),
                Cell(words.percent(scores[0].rows / total)),
                *(cell for one in scores for cell in _class(one, moved=moved)),
            ],
        )
        for scores in rows
    ]
    note = prose.about_classes(evaluation, len(rows), moved=moved)
    return Section(
        "Class by class", blocks=[TableBlock("Scores of every class", columns, [shown], note, wide=True, card=False)]
    )


def confused_pairs(evaluation: Evaluation, figures: Sequence[Confusion]) -> TableBlock | None:
    """Return the student's most frequent mistakes, where its matrix is too large to read."""
    classes, look = evaluation.data.classes, looks(evaluation.models)
    hero = next((one for one in figures if names.role(one.model).hero), None)
    if hero is None or len(hero.counts) <= prose.NAMED_CLASSES:
        return None
    wrong = [
        (number, true, decided)
        for true, row in enumerate(hero.counts)
        for decided, number in enumerate(row)
        if number and true != decided
    ]
    wrong.sort(key=lambda mistake: (-mistake[0], mistake[1:]))

    def cell(matrix: Confusion, true: int, decided: int) -> Cell:
        number = matrix.counts[true][decided]
        return Cell(words.count(number), words.percent(number / (sum(matrix.counts[true]) or 1)))

    rows = [
        Row(
            f"{words.shorten(classes[true], 40)} → {words.shorten(classes[decided], 40)}",
            [cell(matrix, true, decided) for matrix in figures],
        )
        for _, true, decided in wrong[:_PAIRS]
    ]
    columns = [TableColumn("True class → decision")]
    columns += [TableColumn(words.capital(words.model(one.model, evaluation)), look[one.model]) for one in figures]
    return TableBlock("Most confused pairs", columns, [rows], prose.about_pairs(), wide=True)


def _class(scores: ClassScores, *, moved: bool) -> list[Cell]:
    recall = Cell() if scores.recall is None else Cell(words.percent(scores.recall))
    offset = [] if not moved else [Cell() if scores.offset is None else Cell(words.offset(scores.offset))]
    return [recall, Cell(words.percent(scores.f1)), *offset]


def threshold_section(evaluation: Evaluation, figures: Sequence[ThresholdTable]) -> Section:
    """Return the threshold of every class and what it leads to, by model; of many classes the student's weakest."""
    look = looks(evaluation.models)
    rows = _weakest(figures, [list(scores) for scores in zip(*(one.classes for one in figures), strict=True)])
    columns = [TableColumn("Label"), TableColumn("Test rows")]
    for one in figures:
        group, hero = words.capital(words.model(one.model, evaluation)), names.role(one.model).hero
        columns += [TableColumn(name, look[one.model], group, hero) for name in ("threshold", "recall", "F1")]
    shown = [
        Row(
            words.shorten(scores[0].name, 40),
            [Cell(words.count(scores[0].rows)), *(cell for one in scores for cell in _threshold(one))],
        )
        for scores in rows
    ]
    note = prose.about_thresholds(evaluation, len(rows))
    block = TableBlock("Thresholds of every label", columns, [shown], note, wide=True, card=False)
    return Section("Label by label", blocks=[block])


def column_section(evaluation: Evaluation, figures: Sequence[ColumnTable]) -> Section:
    """Return every model's accuracy in every column, beside that of its commonest class."""
    look = looks(evaluation.models)
    columns = [TableColumn("Column"), TableColumn("Classes"), TableColumn("Commonest class")]
    columns += [
        TableColumn(words.capital(words.model(one.model, evaluation)), look[one.model], hero=names.role(one.model).hero)
        for one in figures
    ]
    rows = [
        Row(
            words.shorten(scores[0].name, 40),
            [
                Cell(words.count(scores[0].classes)),
                Cell(words.percent(scores[0].commonest)),
                *(Cell(words.percent(one.accuracy)) for one in scores),
            ],
        )
        for scores in zip(*(one.columns for one in figures), strict=True)
    ]
    block = TableBlock(
        "Accuracy of every column", columns, [rows], prose.about_columns(evaluation), wide=True, card=False
    )
    return Section("Column by column", blocks=[block])


def value_section(evaluation: Evaluation, figures: Sequence[ValueTable]) -> Section:
    """Return every model's errors in every column of values."""
    look = looks(evaluation.models)
    columns = [TableColumn("Column")]
    for one in figures:
        group, hero = words.capital(words.model(one.model, evaluation)), names.role(one.model).hero
        columns += [TableColumn(name, look[one.model], group, hero) for name in ("RMSE", "R²")]
    rows = [
        Row(
            words.shorten(scores[0].name, 40),
            [Cell(words.plain(value)) for one in scores for value in (one.rmse, one.r2)],
        )
        for scores in zip(*(one.columns for one in figures), strict=True)
    ]
    note = units.about_values(figures[0].columns, averaged=evaluation.averaged)
    block = TableBlock("Errors of every column", columns, [rows], note, wide=True, card=False)
    return Section("Column by column", blocks=[block])


def _weakest(figures: Sequence[ClassTable | ThresholdTable], rows: list[list[Any]]) -> list[list[Any]]:
    """Return a row a class; of many classes those with the student's lowest F1."""
    if len(rows) <= prose.NAMED_CLASSES:
        return rows
    hero = next((index for index, one in enumerate(figures) if names.role(one.model).hero), 0)
    return sorted(rows, key=lambda row: row[hero].f1)[: prose.NAMED_CLASSES]


def _threshold(scores: ThresholdScores) -> tuple[Cell, Cell, Cell]:
    limit = Cell(words.percent(scores.threshold), "" if scores.fitted else "not fitted")
    recall = Cell() if scores.recall is None else Cell(words.percent(scores.recall))
    return limit, recall, Cell(words.percent(scores.f1))
