"""The table of results by group: which rows and columns; what a cell says is in `words`."""

from limbeck.evaluation.groups import GroupScores
from limbeck.evaluation.records import MetricRecord
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Cell, Row, Section, TableBlock, TableColumn
from limbeck.report.style import looks
from limbeck.report.words import groups, names


def group_section(evaluation: Evaluation) -> Section:
    """Return how every model fares on the test rows of each group, and the gain of the student there."""
    results, metric, look = evaluation.groups, evaluation.metric, looks(evaluation.models)
    if results is None:
        return Section("")
    models = [name for name in evaluation.models if any(name in one.scores for one in results.groups)]
    told = any(one.gain is not None for one in results.groups)
    columns = [TableColumn(words.capital(words.shorten(results.column, 40))), TableColumn("Test rows")]
    columns += [TableColumn("Gain")] if told else []  # names of models may be long, and push it out of sight
    columns += [
        TableColumn(words.capital(words.model(name, evaluation)), look[name], hero=names.role(name).hero)
        for name in models
    ]
    rows = [
        Row(
            groups.group_name(one),
            [
                Cell(words.count(one.rows)),
                *([_gain(one, metric)] if told else []),
                *(Cell(words.score(one.scores[name], metric)) for name in models),
            ],
        )
        for one in results.groups
    ]
    title, note = groups.title(results), groups.about_groups(evaluation, results)
    return Section(title, blocks=[TableBlock(title, columns, [rows], note, wide=True, card=False)])


def _gain(group: GroupScores, metric: MetricRecord) -> Cell:
    if group.gain is None:
        return Cell()
    return Cell(words.difference(group.gain.mean, metric), words.interval_of(group.gain.ci95, metric))
