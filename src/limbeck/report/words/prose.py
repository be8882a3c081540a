"""What the page explains: the paragraphs of its sections and the captions of its figures."""

from collections.abc import Mapping, Sequence

from limbeck.evaluation.figures import Confusion, Reliability, Scatter, TableSample
from limbeck.evaluation.records import Budget, BudgetCurve, LearningCurve, MetricRecord
from limbeck.evaluation.schema import Evaluation, Findings
from limbeck.report.words import uses
from limbeck.report.words.data import held_out
from limbeck.report.words.names import BASELINE, ILLUSTRATION, STUDENT, asked, model, the, typed
from limbeck.report.words.numbers import (
    capital,
    count,
    decimal,
    listed,
    p_text,
    percent,
    plain,
    several,
    several_of,
    shorten,
    unit,
)

NAMED_CLASSES = 20
"""Up to so many classes, all of them are named."""
SNIPPET = 420
"""At most so many characters of a sample's text are shown."""
OUTLINE = "How loud the sound is, from its beginning to its end"
SCROLLS = "The table scrolls sideways."
FROM_WHERE = "The lines of this page are to be typed in the folder in which the run was started."
FARTHEST = "Farthest apart first"
LEGEND_BETTER = {"higher": "higher is better", "lower": "lower is better"}


# --- the models -----------------------------------------------------------------------------------------------------


def measured(findings: Findings) -> str:
    """Return on what the models were measured."""
    target = f" of {findings.data.target}" if findings.data.target else ""
    text = f"Measured on {count(findings.test_examples)} test examples{target}"
    solved = [name for name, record in findings.models.items() if record.solved]
    if findings.averaged:
        of = " of what is trained" if solved else ""
        text += f"; means of {len(findings.seeds)} seeds{of}, in small print from the worst seed to the best"
    return f"{text}.{f' {capital(are_solved(solved))}{uses.why_solved(findings)}.' if solved else ''}"


def are_solved(names: Sequence[str]) -> str:
    """Return that arms are solved, without a full stop."""
    return f"{listed([the(name) for name in names])} {'are' if names[1:] else 'is'} solved, not trained"


def hint(metric: MetricRecord) -> str:
    """Return what a reader of a metric's row must know."""
    better = LEGEND_BETTER[metric.better]
    if metric.unit is not None:
        return f"{metric.unit}; {better}"
    return f"nats, {better}" if metric.quantity == "nats" else better


def about_gain(findings: Findings) -> str:
    """Return how gain, interval and p values were made; how to measure a gain where there is none."""
    gain = findings.gain
    if gain is None:
        return (
            "Without a baseline (the same network trained without the teacher) there is no gain to measure. "
            "A recipe with `baseline: {}` trains one."
        )
    seeds = " and of seeds" if len(gain.per_seed) > 1 else ""
    text = (
        f"The interval covers the choice of test examples{seeds}. p is from a swap test, which exchanges the two arms’ "
        "answers to test examples, all seeds together: seeds are never counted as more data."
    )
    if findings.are_solved(STUDENT, BASELINE):
        return (
            "The interval covers the choice of test examples. p is from a swap test, which exchanges the two arms’ "
            "answers to test examples. Both arms are solved, not trained: nothing else is left to chance."
        )
    if len(gain.per_seed) < 2:
        return text
    solved = [name for name in (STUDENT, BASELINE) if findings.are_solved(name)]
    if solved:
        text += f" {capital(are_solved(solved))}: the same network stands for every seed."
    if gain.p_seeds is None:
        return (
            f"{text} No seed differs from another in either arm, so that there is no test over seeds. A verdict needs "
            "p below 0.05, an interval without 0, and every seed on one side."
        )
    return (
        f"{text} p over seeds is from Welch’s t-test on the seeds’ {findings.metric.title}: would other seeds have "
        "given the gain too? A verdict needs both below 0.05, an interval without 0, and every seed on one side."
    )


def about_seeds(findings: Findings) -> str:
    """Return what the table of the seeds shows."""
    metric, gain = findings.metric, findings.gain
    text = f"{capital(metric.title)} on the test split; gain in {unit(metric)}."
    if gain is not None and gain.p_seeds is not None:
        text += f" Welch’s t-test over the seeds: {p_text(gain.p_seeds)}."
    for name in (STUDENT, BASELINE):
        text += f" No seed changes {the(name)}, which is solved." if findings.are_solved(name) else ""
    return text


def about_parts(findings: Findings) -> str:
    """Return what the table of the gain's parts shows."""
    metric = findings.metric
    return (
        f"{capital(metric.title)} on the test split; gain in {unit(metric)}. Each interval is of its own comparison, "
        "so the intervals do not add up as the gains do."
    )


def gains_caption() -> str:
    """Return what the figure of the gains shows."""
    return (
        "A dot is one seed, the diamond their mean, the bar its 95 % interval. Right of zero, the student is ahead of "
        "the baseline."
    )


def cost_caption(findings: Findings, missing: Sequence[str]) -> str:
    """Return what the figure of the cost shows, and which models it lacks."""
    where, what = ("Up", "a higher score") if findings.metric.better == "higher" else ("Down", "a lower score")
    text = f"{where} and to the left is better: {what}, sooner."
    if findings.averaged:
        text += " A bar runs from the worst seed to the best."
    if missing:
        text += f" Not measured: {listed([model(name, findings) for name in missing])}."
    return text


# --- trainings ------------------------------------------------------------------------------------------------------


def about_validation(findings: Findings) -> str | None:
    """Return that validation and test rows are of two domains; None where they are of one."""
    data = findings.data
    if not data.target:
        return None
    return (
        f"Validation rows are of {data.source} and test rows of {data.target}: who is best here need not be best there."
    )


def learning_caption(
    metric: MetricRecord, arms: Mapping[str, Sequence[LearningCurve]], levels: Sequence[str], *, asked: bool
) -> str:
    """Return what a figure of learning curves shows.

    Args:
        metric: what is drawn.
        arms: the curves drawn.
        levels: models of which a level is drawn, where their own training ended.
        asked: whether the level of `until` is drawn.
    """
    every = [curve for curves in arms.values() for curve in curves]
    text = f"{capital(LEGEND_BETTER[metric.better])}. "
    if any(curve.steps != curves[0].steps for curves in arms.values() for curve in curves):
        text += "Seeds that stopped at different steps have a line each, others a mean and the band of their range. "
    elif len(every) > len(arms):
        text += "The line is the seeds’ mean, the band their range. "
    text += "A dot is a checkpoint kept."
    if levels:
        text += f" Dashed: the level of {listed([the(name) for name in levels])}, at the checkpoint kept."
    return f"{text} Grey: the level that `until` asks for." if asked else text


def about_steps() -> str:
    """Return how the steps to a level were counted."""
    return "Counted at validations: a seed may have been there a little sooner."


def budget_caption(curve: BudgetCurve, kind: Budget) -> str:
    """Return what a figure of quality against a budget shows."""
    several_seeds = len(curve.points[0].accuracy[STUDENT]) > 1
    text = "Lines are the seeds’ means, bands run from the worst seed to the best. " if several_seeds else ""
    text += f"The dashed line is what the {model(BASELINE)} makes of all {kind}"
    text += ", the ring where the student is as good." if curve.ratio is not None else "; the student stays below."
    if ILLUSTRATION in curve.points[0].accuracy:
        text += " The dotted curve is an illustration: the same student, whose teacher has seen all labels."
    return text


# --- figures of a model ---------------------------------------------------------------------------------------------


def of_seed(findings: Findings, name: str) -> str:
    """Return a model and the seed whose figures are shown: `Student, seed 2`."""
    record = findings.models[name]
    told = len(record.per_seed) > 1 and not record.solved and record.shown_seed is not None
    seed = f", seed {record.shown_seed}" if told else ""
    return f"{capital(model(name, findings))}{seed}"


def about_shown(findings: Findings) -> str | None:
    """Return of which seeds the figures are; None where there is one seed."""
    several = {name: record for name, record in findings.models.items() if len(record.per_seed) > 1}
    shown = {name: record.shown_seed for name, record in several.items() if not record.solved}
    if not shown:
        return None
    text = f"Figures of one seed are of the seed that is {uses.best_where(findings)}"
    return f"{text}; of the student that is seed {shown[STUDENT]}, which ships." if STUDENT in shown else f"{text}."


def about_retention(metric: MetricRecord) -> str:
    """Return what retention is a share of."""
    if metric.better == "lower":
        return f"the teacher’s {metric.title} over the arm’s"
    return f"of the teacher’s {metric.title}"


def scatter_caption(points: Scatter) -> str:
    """Return how far the predictions are from the true values."""
    off = [abs(one - other) for one, other in zip(points.predicted, points.true, strict=True)]
    return f"{several(len(off), 'test example')}, on average {plain(sum(off) / len(off))} off."


def about_scatter() -> str:
    """Return how predictions against true values are read."""
    return (
        "On the dashed line, a prediction is true; below it, too low. Of many test rows some are drawn, evenly picked."
    )


def reliability_caption(error: float) -> str:
    """Return what a reliability diagram says of its model."""
    return f"Calibration error (ECE) {percent(error)}."


def about_reliability() -> str:
    """Return how a reliability diagram is read."""
    return (
        "On the dashed line, a confidence is what it says. Below the line, the model is too sure of itself. Larger "
        "marks hold more test examples. The calibration error (ECE, 15 bins) is the mean distance from the line: with "
        "3 %, a model is on average 3 points too sure, or not sure enough."
    )


def calibration_error(bins: Reliability) -> float:
    """Return the mean distance of a diagram's bins from the diagonal, weighted by their examples."""
    gaps = zip(bins.confidence, bins.accuracy, bins.count, strict=True)
    return sum(abs(sure - right) * number for sure, right, number in gaps) / (sum(bins.count) or 1)


def confusion_caption(matrix: Confusion) -> str:
    """Return how many decisions of a confusion matrix are right."""
    right = sum(row[index] for index, row in enumerate(matrix.counts))
    return f"{count(right)} of {count(sum(map(sum, matrix.counts)))} test examples right."


def about_confusion(classes: int) -> str:
    """Return how a confusion matrix is read."""
    text = "Rows are true classes, columns decisions. The stronger a cell’s colour, the larger its share of the row."
    if classes > NAMED_CLASSES:
        text += f" {classes} classes in the order of the data; the diagonal is right."
    return text


def about_pairs() -> str:
    """Return what the table of confused pairs shows."""
    return "Test examples so confused, the student’s most frequent ones; the share is of the true class."


_OFFSETS = (
    "An offset is added to the logit of its class: with it, the mean probability of the class on validation is its "
    "share of the training labels."
)


def about_classes(findings: Findings, shown: int, *, moved: bool) -> str:
    """Return what the table of the classes shows."""
    classes = len(findings.data.classes)
    text = f"The {shown} of {classes} classes with the student’s lowest F1. " if shown < classes else ""
    text += "Means of the seeds. " if findings.averaged else ""
    text += "The share is of the test rows. A dash: no test row is of the class."
    return f"{text} {_OFFSETS}" if moved else text


def about_thresholds(findings: Findings, shown: int) -> str:
    """Return what the table of the thresholds shows."""
    classes = len(findings.data.classes)
    text = f"The {shown} of {classes} labels with the student’s lowest F1. " if shown < classes else ""
    return (
        f"{text}A label is decided for where its probability reaches the threshold, which has the highest F1 on "
        "validation. A dash: no test row has the label. Not fitted: too few validation rows have it, or have it not."
    )


def about_columns(findings: Findings) -> str:
    """Return what the table of the columns shows."""
    text = "Means of the seeds. " if findings.averaged else ""
    return f"{text}Commonest class: the share of test rows that one answer for all would have right."


# --- samples --------------------------------------------------------------------------------------------------------


def about_samples(evaluation: Evaluation, bundle: str = "bundle") -> str:
    """Return what samples are shown, and how to try another one."""
    exact = all(one.exact for one in evaluation.samples)
    what = "probabilities" if exact else "answers"
    text = f"The test examples on which the {what} of student and teacher lie farthest apart."
    if evaluation.bundle is None:
        return text
    if evaluation.usage.in_shell:
        return f"{text} Another {evaluation.usage.noun}: `{typed(evaluation, bundle)}`."
    return f"{text} Other {evaluation.usage.noun}s: `{asked(evaluation, bundle)}`."


def true_answer(evaluation: Evaluation) -> str:
    """Return what a sample's label is called."""
    return "true value" if evaluation.data.noun == "values" else "true label"


def direction(right: Sequence[str], wrong: Sequence[str]) -> str:
    """Return which models decide rightly on a sample, and which do not."""
    if not right:
        return "Both are wrong" if len(wrong) == 2 else "All are wrong"
    if not wrong:
        return "Both are right, one is less sure" if len(right) == 2 else "All are right, some are less sure"
    return f"Right: {listed([model(name) for name in right])}. Wrong: {listed([model(name) for name in wrong])}"


NO_IMAGE = "There is no image in this row."
"""Said in the place of a picture."""


def cells(row: TableSample) -> tuple[str, str]:
    """Return the cells of a table's row, and which row it is."""
    text = ", ".join(f"{name}: {cell or '–'}" for name, cell in row.cells.items())
    cut = f", {len(row.cells)} of {count(row.columns)} columns" if row.columns > len(row.cells) else ""
    return text, f"{capital(row.name)}{cut}."


def snippet(text: str) -> tuple[str, str]:
    """Return the beginning of a text, and how much it is where that is not all."""
    cut = f"The first {SNIPPET} of {count(len(text))} characters." if len(text) > SNIPPET else ""
    return shorten(text, SNIPPET), cut


def played(seconds: float, whole: float) -> str:
    """Return how much of a sound can be played."""
    lasts = f"{decimal(whole)} seconds."
    return lasts if whole - seconds < 0.05 else f"The first {decimal(seconds)} of {lasts}"


# --- bundle, data, test split ---------------------------------------------------------------------------------------


def about_bundle(evaluation: Evaluation, folder: str = "bundle") -> str:
    """Return what there is to ship."""
    bundle = evaluation.bundle
    if bundle is None:
        why = f": {evaluation.bundle_error}" if evaluation.bundle_error else "; the run did not make one"
        return f"There is no bundle{why}. The student’s weights are in the run’s `student` folder."
    keeps = "" if evaluation.usage.keeps is None else f"{evaluation.usage.keeps}, "
    seed = "" if evaluation.are_solved(STUDENT) else f" of seed {bundle.seed} ({uses.best_where(evaluation)})"
    holds = f"with its {keeps}{'value names' if evaluation.data.noun == 'values' else 'labels'} and card"
    return f"The folder `{folder}` holds the student{seed} in {bundle.precision}, {holds}. It runs without PyTorch."


def about_data(findings: Findings) -> str:
    """Return where the rows are from."""
    data = findings.data
    names = f" ({', '.join(data.classes)})" if len(data.classes) <= NAMED_CLASSES else ""
    text = f"{data.source}: {several_of(len(data.classes), data.noun)}{names}."
    if not data.target:
        return text
    return f"{text} The target is {data.target}: its examples are unlabelled ones here, and its test rows are the test."


def data_facts(findings: Findings) -> list[tuple[str, str, str]]:
    """Return how many rows each part of the data has: name, text and note."""
    data = findings.data
    target = f"of {data.target}" if data.target else ""
    parts = [
        ("Labelled", data.labelled, ""),
        ("Unlabelled", data.unlabelled, uses.about_unlabelled(findings)),
        ("Augmented", data.augmented or None, "copies of both, drawn by data.augment"),
        ("Validation", data.validation, held_out(findings, "validation")),
        ("Test", data.test, target or held_out(findings, "test")),
        ("For the ceiling", data.ceiling or None, f"labels {target}"),
    ]
    return [(name, count(number), note) for name, number, note in parts if number is not None]


def about_readers() -> str:
    """Return what the table of readers shows."""
    return "What each network reads of the training texts."


def chosen(findings: Findings, name: str) -> str:
    """Return what was chosen for a model before the test."""
    settings = ", ".join(f"`{key}: {value}`" for key, value in findings.models[name].settings.items())
    return f"{capital(model(name, findings))}: {settings}."
