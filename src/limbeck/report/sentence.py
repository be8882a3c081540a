"""The verdict in words: one sentence, how sure it is, and what it alone would hide."""

from limbeck.evaluation import verdict
from limbeck.evaluation.metric import METRICS, MetricName
from limbeck.evaluation.schema import Block, Decomposition, Difference, Evaluation, Gain
from limbeck.evaluation.significance import LEVEL
from limbeck.report import format

_SAME = "the same network trained without a teacher"
_NAMED = 8
"""At most so many classes are named in one sentence; the report's table has all."""
_APART = 0.05
"""Shares kept of the teacher's accuracy and of its macro F1 that differ by more are a warning."""


def sentence(gain: Gain | None, *, retention: float | None, over_teacher: Difference) -> str:
    """Say what `verdict(gain)` means, in one sentence.

    Args:
        gain: student minus baseline, or None without a baseline.
        retention: student / teacher; None where one of them is at chance.
        over_teacher: student minus teacher.
    """
    kept = _kept(retention, over_teacher)
    if gain is None:
        return f"Whether distillation helps is open, as no baseline was trained: the student {kept}."
    points = f"{format.size(gain.mean)} points of {METRICS[gain.metric].title}"
    side = "above" if gain.mean > 0 else "below"
    where = f"is {points} {side} {_SAME}" if gain.mean else f"is level with {_SAME}"
    finding = {
        "helps": f"Distillation helps: the student gains {points} over {_SAME}",
        "hurts": f"Distillation hurts: the student loses {points} against {_SAME}",
        "one_seed": f"No verdict from one seed: the student {where}",
    }.get(verdict(gain), f"No difference shown: the student {where}")
    return f"{finding}, and {kept}."


def statistics(gain: Gain | None, over_teacher: Difference) -> str:
    """Say how sure the gain is, what it rules out, and how sure a student above its teacher is; two or three sentences.

    Returns:
        Nothing where there is neither a gain nor a student above its teacher.
    """
    parts = []
    if gain is not None:
        over_seeds = "" if gain.p_seeds is None else f"; {_p(gain.p_seeds)} over seeds, {_seeds(gain)}"
        interval = f"95 % interval of the gain {format.interval(gain.ci95)} points"
        parts.append(f"{interval}, {_p(gain.p_value)} over test examples{over_seeds}.")
        if (judged := verdict(gain)) == "one_seed":
            parts.append(
                "They are about these two trainings: one seed cannot tell a gain from the luck of a training. "
                "Train three, for example with seeds=[0,1,2]."
            )
        elif judged == "no_difference":
            parts.append(_excluded(gain))
    if over_teacher.mean > 0:
        size, bounds = format.size(over_teacher.mean), format.interval(over_teacher.ci95)
        parts.append(f"The student is {size} points above its teacher (95 % interval {bounds}).")
    return " ".join(parts)


def retention(evaluation: Evaluation) -> str:
    """Say how much of its teacher the student keeps: a share, points above it, or none where one is at chance."""
    over = evaluation.over_teacher
    if evaluation.retention is None:
        return f"no retention, as the {at_chance(evaluation)} is at chance"
    if over.mean > 0:
        return f"{format.size(over.mean)} points above its teacher (95 % interval {format.interval(over.ci95)})"
    return f"retention {format.percent(evaluation.retention)}"


def at_chance(evaluation: Evaluation) -> str:
    """Return which model leaves a run without retention: the teacher, or else the student."""
    return "teacher" if evaluation.teacher_chance.at_chance else "student"


def warnings(evaluation: Evaluation) -> list[str]:
    """Return what the verdict alone would hide, a sentence each."""
    found = [
        _chance_warning(evaluation),
        _teacher_warning(evaluation),
        _floor_warning(evaluation),
        _never_decided(evaluation),
        _other_gain(evaluation),
        _other_retention(evaluation),
    ]
    return [text for text in found if text is not None]


def weak_classes(evaluation: Evaluation) -> str | None:
    """Name the student's classes with less than half of its mean F1, the weakest first; None where there is none."""
    rows = [one for one in evaluation.student.per_class if one.rows]
    weak = [one for one in rows if one.f1 < sum(row.f1 for row in rows) / len(rows) / 2]
    if not weak:
        return None
    weak.sort(key=lambda one: (one.f1, one.name))
    named = [
        f"{format.shorten(one.name, 40)} (F1 {format.percent(one.f1)}, recall {format.percent(one.recall or 0.0)} of "
        f"{format.count(one.rows)} rows)"
        for one in weak[:3]
    ]
    return ", ".join(named) + (f" and {len(weak) - 3:,} more" if weak[3:] else "")


def parts_sentence(gain: Gain, parts: Decomposition) -> str:
    """Say how much of the gain is more text and how much is soft targets, in points."""
    text, soft = parts.text, parts.soft_targets
    return (
        f"The gain of {format.points(gain.mean)} points is {format.points(text.mean)} from more text, labelled by the "
        f"teacher's decisions ({_interval(text)}), and {format.points(soft.mean)} from soft targets in their place "
        f"({_interval(soft)})."
    )


def transfer_sentence(evaluation: Evaluation) -> str | None:
    """Say what domain was measured, and how far the student got on the way to the ceiling; None without a target."""
    data, baseline, ceiling = evaluation.data, evaluation.baseline, evaluation.ceiling
    if data.target is None:
        return None
    where = f"Measured on {data.target}; the labels learned from are of {data.source}."
    if ceiling is None:
        return where
    of = evaluation.metric
    top = f"ceiling ({format.percent(getattr(ceiling, of))})"
    seen = f"the same network trained with {data.ceiling:,} labels"
    if baseline is None:
        return f"{where} The {top} is {seen} of {data.target}."
    start = f"the baseline ({format.percent(getattr(baseline, of))})"
    if evaluation.gap_recovered is None:
        return f"{where} The {top}, {seen} of {data.target}, is not above {start}."
    share = f"{100 * evaluation.gap_recovered:.0f} %" if evaluation.gap_recovered >= 0 else "none"
    return f"{where} The student went {share} of the way from {start} to the {top}, which is {seen} of {data.target}."


# --- parts ----------------------------------------------------------------------------------------------------------


def _kept(kept: float | None, over: Difference) -> str:
    if kept is None:
        return "has a teacher at chance"
    if over.mean > 0:
        return f"is {format.size(over.mean)} points above its teacher"
    return f"keeps {format.percent(kept)} of its teacher's {METRICS[over.metric].title}"


def _interval(gain: Gain) -> str:
    low, high = gain.ci95
    return f"95 % interval {format.interval(gain.ci95)}{', which holds 0' if low <= 0 <= high else ''}"


def _excluded(gain: Gain) -> str:
    """Say what an interval without a verdict still rules out, and why it is not a verdict although 0 is outside."""
    low, high = gain.ci95
    if low == high:
        return "The arms answer alike, so that the interval has no width and rules nothing out."
    parts = [f"a gain above {format.size(high)} points"] if high >= 0 else []
    parts += [f"a loss above {format.size(low)} points"] if low <= 0 else []
    ruled_out = f"The interval rules out {' and '.join(parts)}"
    return f"{ruled_out}." if low <= 0 <= high else f"{ruled_out}, but {_doubt(gain)}."


def _doubt(gain: Gain) -> str:
    """Return the condition of `verdict` that fails although the interval leaves 0 out."""
    if gain.p_value >= LEVEL:
        return "p over test examples is not below 0.05"
    if any(one * gain.mean <= 0 for one in gain.per_seed):
        return "not every seed agrees"
    return "the seeds differ too much among themselves"


def _seeds(gain: Gain) -> str:
    seeds = len(gain.per_seed)
    up, down = sum(one > 0 for one in gain.per_seed), sum(one < 0 for one in gain.per_seed)
    if up == seeds:
        return "every seed gains"
    return "every seed loses" if down == seeds else f"{up} of {seeds} seeds gain"


def _p(value: float) -> str:
    text = format.p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _chance_warning(evaluation: Evaluation) -> str | None:
    if evaluation.retention is not None:
        return None
    who = at_chance(evaluation)
    chance = evaluation.teacher_chance if who == "teacher" else evaluation.student_chance
    own, constant = format.percent(chance.balanced_accuracy), format.percent(chance.constant)
    low, high = (format.percent(bound) for bound in chance.ci95)
    return (
        f"The {who} is at chance on the test split: balanced accuracy {own} (95 % interval {low} to {high}), and a "
        f"constant answer has {constant}. There is no retention, as a share of chance says nothing."
    )


def _teacher_warning(evaluation: Evaluation) -> str | None:
    teacher, baseline = (_of(block, evaluation.metric) for block in (evaluation.teacher, evaluation.baseline))
    if teacher is None or baseline is None or teacher >= baseline:
        return None
    worse, better = format.apart(teacher, baseline)
    return f"The teacher ({worse}) is worse than the baseline ({better})."


def _floor_warning(evaluation: Evaluation) -> str | None:
    """Say that a linear model of the same labels beats the student, or is what most of its gain disappears against."""
    blocks = evaluation.floor, evaluation.student, evaluation.baseline
    floor, student, baseline = (_of(block, evaluation.metric) for block in blocks)
    if floor is None or student is None:
        return None
    named = f"TF-IDF + LR on the same labels ({format.percent(floor)})"
    # Figures that read the same are no difference to point at.
    if floor > student and format.percent(floor) != format.percent(student):
        return f"{named} is better than the student ({format.percent(student)})."
    if baseline is not None and floor > baseline and 0 < student - floor < (student - baseline) / 2:
        ahead = f"The student is only {format.size(student - floor)} points above"
        return f"{ahead} {named}, and the baseline ({format.percent(baseline)}) is below it."
    return None


def _never_decided(evaluation: Evaluation) -> str | None:
    """Name the classes that the shipped student never decides for."""
    student, counts = evaluation.student, evaluation.student.confusion
    if not counts:
        return None
    missing = [name for index, name in enumerate(evaluation.data.classes) if not any(row[index] for row in counts)]
    if not missing:
        return None
    rows = {one.name: one.rows for one in student.per_class}
    named = [f"{format.shorten(name, 40)} ({format.count(rows.get(name, 0))} test rows)" for name in missing[:_NAMED]]
    more = f" and {len(missing) - _NAMED:,} more classes" if missing[_NAMED:] else ""
    return f"The student of seed {student.shown_seed}, which ships, never decides for {', '.join(named)}{more}."


def _other_gain(evaluation: Evaluation) -> str | None:
    """Say that accuracy and macro F1 disagree about the gain: in sign beside a verdict, else where it is clear."""
    gain, other = evaluation.gain, evaluation.gain_in_the_other_metric
    if gain is None or other is None:
        return None
    clear = other.ci95[0] > 0 or other.ci95[1] < 0
    opposite = gain.mean * other.mean < 0
    open_verdict = clear and evaluation.verdict == "no_difference"
    if not open_verdict and not (opposite and (clear or evaluation.verdict in ("helps", "hurts"))):
        return None
    this, that = (f"{format.points(one.mean)} points of {METRICS[one.metric].title}" for one in (gain, other))
    return (
        f"Accuracy and macro F1 disagree: over the baseline, the student has {this}, and {that} (95 % interval "
        f"{format.interval(other.ci95)})."
    )


def _other_retention(evaluation: Evaluation) -> str | None:
    """Say that much more is kept of the teacher in the run's metric than in the other."""
    other: MetricName = "f1_macro" if evaluation.metric == "accuracy" else "accuracy"
    student, teacher = (_of(block, other) for block in (evaluation.student, evaluation.teacher))
    if evaluation.retention is None or not student or not teacher:
        return None
    if student / teacher >= min(evaluation.retention, 1) - _APART:
        return None
    return (
        f"Of the teacher's {METRICS[other].title} the student keeps {format.percent(student / teacher)} only "
        f"({format.percent(student)} of {format.percent(teacher)})."
    )


def _of(block: Block | None, metric: MetricName) -> float | None:
    return None if block is None else getattr(block, metric)
