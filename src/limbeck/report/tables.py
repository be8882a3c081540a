"""The report's tables: which rows and columns; what a cell says is in `words`."""

from collections.abc import Sequence

from limbeck.evaluation.records import MetricRecord, ModelRecord
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Cell, Row, TableBlock, TableColumn
from limbeck.report.style import looks
from limbeck.report.words import cost, data, names, numbers, prose, training


def models(evaluation: Evaluation) -> TableBlock:
    """Return every model's scores, its likeness to the teacher, and what it costs."""
    records, look = evaluation.models, looks(evaluation.models)
    columns = [TableColumn("", hero=False)] + [
        TableColumn(words.capital(words.model(name, evaluation)), look[name], hero=names.role(name).hero)
        for name in records
    ]
    bodies = [
        [_scores(metric, list(records.values())) for metric in evaluation.metrics],
        _likeness(evaluation),
        [
            Row(
                name,
                [Cell(*found) if one.cost and (found := of(one.cost)) else Cell() for one in records.values()],
                hint,
            )
            for name, hint, of in cost.COSTS
        ],
    ]
    known = [[row for row in body if any(cell.text != words.ABSENT for cell in row.cells)] for body in bodies]
    return TableBlock("The models compared", columns, known, cost.about_costs(evaluation), wide=True, card=False)


def seeds(evaluation: Evaluation) -> TableBlock | None:
    """Return student, baseline and gain, a row a seed."""
    gain, metric = evaluation.gain, evaluation.metric
    pair = (names.STUDENT, names.BASELINE)
    if gain is None or names.BASELINE not in evaluation.models or evaluation.are_solved(*pair):
        return None
    look = looks(evaluation.models)
    sides = [[one.scores[metric.name] for one in evaluation.models[name].per_seed] for name in pair]
    rows = [
        Row(str(seed), [*(Cell(words.score(one, metric)) for one in scores), Cell(words.difference(by, metric))])
        for seed, by, *scores in zip(evaluation.seeds, gain.per_seed, *sides, strict=False)
    ]
    columns = [
        TableColumn("Seed"),
        *(TableColumn(words.capital(words.model(name)), look[name]) for name in pair),
        TableColumn("Gain"),
    ]
    return TableBlock("Seeds", columns, [rows], prose.about_seeds(evaluation), card=False)


def parts(evaluation: Evaluation) -> TableBlock | None:
    """Return the parts of the gain and their sum, a row each."""
    split, whole = evaluation.decomposition, evaluation.gain
    if split is None or whole is None:
        return None
    student, baseline, hard = (words.model(name) for name in (names.STUDENT, names.BASELINE, names.HARD_LABELS))
    found = [
        ("More text", f"{hard} − {baseline}", split.text),
        ("Soft targets", f"{student} − {hard}", split.soft_targets),
        ("Together", f"{student} − {baseline}", whole),
    ]
    metric = evaluation.metric
    rows = [
        Row(
            name,
            [
                Cell(arms),
                Cell(words.difference(gain.mean, metric)),
                Cell(words.interval_of(gain.ci95, metric)),
                Cell(words.p_value(gain.p_value)),
            ],
        )
        for name, arms, gain in found
    ]
    columns = [TableColumn(name) for name in ("Part", "Between", "Gain", "95 % interval", "p")]
    return TableBlock("More text, or soft targets?", columns, [rows], prose.about_parts(evaluation), wide=True)


def steps(evaluation: Evaluation) -> TableBlock | None:
    """Return the steps to the level of `until`, a row an arm."""
    arms, look = training.steps_to_level(evaluation), looks(evaluation.models)
    if not arms:
        return None
    rows = [
        Row(
            words.model(arm.name),
            [
                Cell(f"{len(arm.reached)} of {len(arm.steps)}"),
                Cell(" · ".join("not reached" if one is None else words.count(one) for one in arm.steps)),
                Cell() if arm.mean is None else Cell(words.count(arm.mean)),
            ],
            look=look[arm.name],
        )
        for arm in arms
    ]
    columns = [TableColumn(name) for name in ("Arm", "Seeds that reached it", "Steps, seed by seed", "Mean")]
    return TableBlock("Steps to the level", columns, [rows], prose.about_steps(), wide=True)


def readers(evaluation: Evaluation) -> TableBlock | None:
    """Return what each network reads of the training texts, a row a network."""
    look = looks(evaluation.models)
    rows = [
        Row(row[0], [Cell(text) for text in row[1:]], look=look.get(name))
        for name, row in zip(evaluation.data.views, data.reader_rows(evaluation), strict=True)
    ]
    titles = ("Reader", "Tokens a text, mean", "Unknown tokens", "Texts cut", "Without a known token")
    columns = [TableColumn(name) for name in titles]
    return TableBlock("What was read", columns, [rows], prose.about_readers(), wide=True) if rows else None


def stages(evaluation: Evaluation) -> TableBlock | None:
    """Return the wall time of every stage, with its share of the longest one."""
    longest = max(evaluation.seconds.values(), default=0.0) or 1.0
    rows = [
        Row(stage, [Cell(words.seconds(time)), Cell("", share=time / longest)])
        for stage, time in evaluation.seconds.items()
    ]
    columns = [TableColumn("Stage"), TableColumn("Wall time"), TableColumn("")]
    return TableBlock("Wall time by stage", columns, [rows], wide=True) if rows else None


def _scores(metric: MetricRecord, records: Sequence[ModelRecord]) -> Row:
    cells = []
    for one in records:
        seeds = [seed.scores[metric.name] for seed in one.per_seed]
        note = words.score_range(seeds, metric) if len(seeds) > 1 and not one.solved else ""
        cells.append(Cell(words.score(one.scores[metric.name], metric), note))
    return Row(words.capital(metric.title), cells, prose.hint(metric))


def _likeness(evaluation: Evaluation) -> list[Row]:
    """Return every arm's retention, or how far above its teacher it is, and its agreement with the teacher."""
    metric, teacher = evaluation.metric, evaluation.score(names.TEACHER) or 0.0
    kept, agreement, divergence = [], [], []
    for one in evaluation.models.values():
        alike, own = one.fidelity, one.scores[metric.name]
        if alike is None or alike.retention is None:
            kept.append(Cell())
        elif numbers.ahead(own, teacher, metric):
            gained = abs(own - teacher)
            kept.append(
                Cell(words.difference(gained, metric), f"{words.unit(metric)}, {words.side(gained, metric)} it")
            )
        else:
            kept.append(Cell(words.percent(alike.retention)))
        agreed, apart = (None, None) if alike is None else (alike.agreement, alike.kl_to_teacher)
        agreement.append(Cell() if agreed is None else Cell(words.percent(agreed)))
        divergence.append(Cell() if apart is None else Cell(words.nats(apart)))
    rows = [
        Row("Retention", kept, prose.about_retention(metric)),
        Row("Agreement", agreement, "with the teacher"),
        Row("KL", divergence, "nats, from the teacher"),
    ]
    return rows if evaluation.agreement is not None else rows[:1]
