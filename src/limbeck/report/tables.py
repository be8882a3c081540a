"""What the report's tables say, cell by cell; the template only lays them out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from limbeck.evaluation.metric import METRICS
from limbeck.evaluation.schema import Block, ClassScores, Cost, Evaluation
from limbeck.report import format
from limbeck.report.figures import NUMBERED_CLASSES
from limbeck.report.sentence import at_chance

ABSENT = "–"


@dataclass(frozen=True)
class Cell:
    """A figure and, in small print, what qualifies it."""

    text: str = ABSENT
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One quantity, one cell a model."""

    name: str
    hint: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class KeyFigure:
    """One of the few numbers at the top."""

    name: str
    text: str
    note: str


@dataclass(frozen=True)
class ClassRow:
    """A class, its test rows, and recall, precision and F1 of each model."""

    name: str
    rows: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """A class that is taken for another."""

    true: str
    decided: str
    student: str
    teacher: str
    share: str


def key_figures(evaluation: Evaluation) -> list[KeyFigure]:
    """Return retention, gain, its share of the way to a ceiling, agreement, and size and speed against the teacher."""
    gain, teacher, student = evaluation.gain, evaluation.teacher.cost, evaluation.student.cost
    figures = [_retention(evaluation)]
    if gain is None:
        figures.append(KeyFigure("Gain", ABSENT, "not measured: the run has no baseline"))
    else:
        note = f"95 % interval {format.interval(gain.ci95)}, {p_text(gain.p_value)}"
        if gain.p_seeds is not None:
            note += f", over seeds {p_text(gain.p_seeds)}"
        figures.append(KeyFigure("Gain over baseline", f"{format.points(gain.mean)} points", note))
    if evaluation.gap_recovered is not None:
        way = "of the way from baseline to ceiling, which saw the target’s labels"
        figures.append(KeyFigure("Gap recovered", format.percent(evaluation.gap_recovered), way))
    agreed = f"decisions equal to the teacher’s; KL {format.nats(evaluation.kl_to_teacher)} nats"
    figures.append(KeyFigure("Agreement", format.percent(evaluation.agreement), agreed))
    for name, words, form, quantity in (
        ("Size", ("smaller", "larger"), format.bytes, "size_bytes"),
        ("Speed", ("faster", "slower"), format.milliseconds, "time_ms"),
    ):
        sides = [getattr(cost, quantity) if cost else None for cost in (teacher, student)]
        figures.append(_against(name, words, form, *sides))
    if said := busy(evaluation):
        figures[-1] = replace(figures[-1], note=f"{figures[-1].note}; {said}")
    return figures


def busy(evaluation: Evaluation) -> str:
    """Return that the machine was busy while the models were timed, with the figure; empty where it was not."""
    ratios = [block.cost.wall_per_cpu or 0.0 for block in evaluation.models.values() if block.cost and block.cost.busy]
    return f"machine busy (wall time up to {max(ratios):.1f} times processor time)" if ratios else ""


def _retention(evaluation: Evaluation) -> KeyFigure:
    over = evaluation.over_teacher
    if evaluation.retention is None:
        return KeyFigure("Retention", ABSENT, f"none: the {at_chance(evaluation)} is at chance")
    if over.mean > 0:
        note = f"95 % interval {format.interval(over.ci95)}"
        return KeyFigure("Above its teacher", f"{format.points(over.mean)} points", note)
    return KeyFigure("Retention", format.percent(evaluation.retention), f"of the teacher’s {metric_name(evaluation)}")


def metric_name(evaluation: Evaluation) -> str:
    """Return the run's metric in words."""
    return METRICS[evaluation.metric].title


def p_text(p: float) -> str:
    """Return a p value as `p = 0.012` or `p < 0.001`."""
    value = format.p_value(p)
    return f"p {value if value.startswith('<') else f'= {value}'}"


def quality_rows(evaluation: Evaluation) -> list[Row]:
    """Return every model's scores, with the range of its seeds, and its likeness to the teacher."""
    blocks = evaluation.models
    rows = [
        _scores("Accuracy", "higher is better", blocks, "accuracy", _percent_range),
        _scores("Macro F1", "higher is better", blocks, "f1_macro", _percent_range),
        _scores("NLL, nats", "lower is better", blocks, "nll", _nats_range),
        _scores("Calibration (ECE)", "lower is better", blocks, "ece", _percent_range),
    ]
    rows.append(Row("Retention", f"of the teacher’s {metric_name(evaluation)}", _kept(evaluation)))
    for name, hint, quantity, form in (
        ("Agreement", "with the teacher", "agreement", format.percent),
        ("KL, nats", "from the teacher", "kl_to_teacher", format.nats),
    ):
        alike = [evaluation.fidelity.get(model) for model in blocks]
        values = (getattr(fidelity, quantity, None) for fidelity in alike)
        cells = (Cell() if value is None else Cell(form(value)) for value in values)
        rows.append(Row(name, hint, tuple(cells)))
    return _known(rows)


def _kept(evaluation: Evaluation) -> tuple[Cell, ...]:
    """Return every arm's retention, or how far above its teacher it is."""
    cells = []
    for name, block in evaluation.models.items():
        alike = evaluation.fidelity.get(name)
        above = getattr(block, evaluation.metric) - getattr(evaluation.teacher, evaluation.metric)
        if alike is None or alike.retention is None:
            cells.append(Cell())
        else:
            text = format.percent(alike.retention) if above <= 0 else format.points(above)
            cells.append(Cell(text, "points, above it" if above > 0 else ""))
    return tuple(cells)


def class_rows(evaluation: Evaluation, limit: int = NUMBERED_CLASSES) -> list[ClassRow]:
    """Return how teacher, student and baseline fare on every class; of many classes on the student's weakest."""
    blocks = (evaluation.teacher, evaluation.student, evaluation.baseline)
    known = [block.per_class for block in blocks if block is not None and block.per_class]
    rows = [list(scores) for scores in zip(*known, strict=True)]
    if len(rows) > limit:
        rows = sorted(rows, key=lambda row: row[1].f1)[:limit]
    return [
        ClassRow(scores[0].name, format.count(scores[0].rows), tuple(cell for one in scores for cell in _class(one)))
        for scores in rows
    ]


def class_models(evaluation: Evaluation) -> list[str]:
    """Return the models of `class_rows`, in its order."""
    return [name for name in ("teacher", "student", "baseline") if name in evaluation.models]


def _class(scores: ClassScores) -> tuple[str, str, str]:
    rates = (scores.recall, scores.precision, scores.f1)
    recall, precision, f1 = (ABSENT if rate is None else format.percent(rate) for rate in rates)
    return recall, precision, f1


def cost_rows(evaluation: Evaluation) -> list[Row]:
    """Return what every model costs."""
    costs = [block.cost for block in evaluation.models.values()]
    rows = [
        _costs(
            "Parameters", "", costs, lambda cost: Cell(format.magnitude(cost.parameters), format.count(cost.parameters))
        ),
        _costs("Size", "ONNX file", costs, lambda cost: Cell(format.bytes(cost.size_bytes))),
        _costs("Processor time", "one example, median", costs, _cpu),
        _costs("Latency", "one example, wall time", costs, _latency),
        _costs("Throughput", "per second, batches of 64", costs, lambda cost: Cell(format.rate(cost.throughput_per_s))),
    ]
    return _known(rows)


def _cpu(cost: Cost) -> Cell:
    return Cell() if cost.cpu_ms is None else Cell(format.milliseconds(cost.cpu_ms))


def _latency(cost: Cost) -> Cell:
    return Cell(format.milliseconds(cost.latency_ms), "machine busy" if cost.busy else "")


def seed_rows(evaluation: Evaluation) -> list[tuple[str, str, str, str]]:
    """Return seed, student, baseline and gain, one row a seed."""
    if evaluation.gain is None or evaluation.baseline is None:
        return []
    students, baselines = (
        [format.percent(getattr(scores, evaluation.metric)) for scores in block.per_seed]
        for block in (evaluation.student, evaluation.baseline)
    )
    seeds, gains = map(str, evaluation.seeds), map(format.points, evaluation.gain.per_seed)
    return list(zip(seeds, students, baselines, gains, strict=False))


def part_rows(evaluation: Evaluation) -> list[tuple[str, str, str, str, str]]:
    """Return the parts of the gain and their sum: name, the arms it lies between, points, interval, p; one row each."""
    parts, whole = evaluation.decomposition, evaluation.gain
    if parts is None or whole is None:
        return []
    rows = [
        ("More text", "hard labels − baseline", parts.text),
        ("Soft targets", "student − hard labels", parts.soft_targets),
        ("Together", "student − baseline", whole),
    ]
    return [
        (name, arms, format.points(gain.mean), format.interval(gain.ci95), format.p_value(gain.p_value))
        for name, arms, gain in rows
    ]


def calibration(evaluation: Evaluation) -> dict[str, str]:
    """Return the calibration error of the models in the reliability diagram."""
    return {
        name: format.percent(block.ece)
        for name, block in evaluation.models.items()
        if name != "floor" and block.reliability and block.reliability.count
    }


def confused_pairs(evaluation: Evaluation, limit: int = 10) -> list[Pair]:
    """Return the student's most frequent mistakes, where the matrix is too large to read."""
    counts, classes = evaluation.student.confusion, evaluation.data.classes
    if not counts or len(counts) <= NUMBERED_CLASSES:
        return []
    reference = evaluation.teacher.confusion
    wrong = [
        (number, true, decided)
        for true, row in enumerate(counts)
        for decided, number in enumerate(row)
        if number and true != decided
    ]
    wrong.sort(key=lambda mistake: (-mistake[0], mistake[1:]))
    return [
        Pair(
            classes[true],
            classes[decided],
            format.count(number),
            format.count(reference[true][decided]) if reference else ABSENT,
            format.percent(number / sum(counts[true])),
        )
        for number, true, decided in wrong[:limit]
    ]


def stage_rows(evaluation: Evaluation) -> list[tuple[str, str, float]]:
    """Return stage, time and its share of the longest one."""
    longest = max(evaluation.seconds.values(), default=0.0) or 1.0
    return [(stage, format.seconds(time), time / longest) for stage, time in evaluation.seconds.items()]


def _known(rows: Sequence[Row]) -> list[Row]:
    """Leave out what is known of no model."""
    return [row for row in rows if any(cell.text != ABSENT for cell in row.cells)]


def _against(
    name: str, words: tuple[str, str], form: Callable[[float], str], teacher: float | None, student: float | None
) -> KeyFigure:
    if not teacher or not student:
        whose = "teacher" if student else "student"
        return KeyFigure(name, ABSENT, f"not measured: the {whose} could not be exported")
    ratio = teacher / student
    text = f"{format.times(max(ratio, 1 / ratio))} {words[0] if ratio >= 1 else words[1]}"
    return KeyFigure(name, text, f"{form(student)} against {form(teacher)}")


def _scores(
    name: str, hint: str, blocks: dict[str, Block], quantity: str, form: Callable[[float, Sequence[float]], Cell]
) -> Row:
    return Row(
        name,
        hint,
        tuple(
            form(getattr(block, quantity), [getattr(scores, quantity) for scores in block.per_seed])
            for block in blocks.values()
        ),
    )


def _percent_range(mean: float, seeds: Sequence[float]) -> Cell:
    return Cell(format.percent(mean), format.spread(seeds) if len(seeds) > 1 else "")


def _nats_range(mean: float, seeds: Sequence[float]) -> Cell:
    note = f"{format.nats(min(seeds))}–{format.nats(max(seeds))}" if len(seeds) > 1 else ""
    return Cell(format.nats(mean), note)


def _costs(name: str, hint: str, costs: Sequence[Cost | None], form: Callable[[Cost], Cell]) -> Row:
    return Row(name, hint, tuple(form(cost) if cost else Cell() for cost in costs))
