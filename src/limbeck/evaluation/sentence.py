"""The verdict as one sentence for a reader."""

from typing import Literal

from limbeck.evaluation.schema import Decomposition, Evaluation, Gain
from limbeck.evaluation.significance import LEVEL, verdict

_METRIC = {"accuracy": "accuracy", "f1_macro": "macro F1"}
_SAME = "the same network trained without a teacher"


def sentence(
    gain: Gain | None,
    *,
    student: float,
    teacher: float,
    baseline: float | None,
    floor: float | None,
    metric: Literal["accuracy", "f1_macro"] = "accuracy",
) -> str:
    """Say what `verdict(gain)` means, in points and percent.

    Args:
        gain: student minus baseline, or None without a baseline.
        student: the student's seed mean of the metric, a fraction.
        teacher: the teacher's metric; below `baseline` the sentence ends with a warning.
        baseline: the baseline's seed mean of the metric, or None without a baseline.
        floor: that of TF-IDF + logistic regression, or None without it. Above `student`, or nearer to it than half of
            its distance to `baseline`, the sentence ends with a warning.
        metric: what all four measure; the gain is on accuracy always.
    """
    unit = "points" if metric == "accuracy" else "points of accuracy"  # the gain's, where the sentence has two metrics
    warnings = [_teacher_warning(teacher, baseline), _floor_warning(floor, student, baseline)]
    said = ", and ".join(text for text in warnings if text)
    beware = f"; beware: {said}" if said else ""
    return f"{_finding(gain, _kept(student, teacher, metric), unit)}{beware}."


def parts_sentence(gain: Gain, parts: Decomposition) -> str:
    """Say how much of the gain is more text and how much is soft targets, in points."""
    text, soft = parts.text, parts.soft_targets
    return (
        f"The gain of {_points(gain.mean)} points is {_points(text.mean)} from more text, labelled by the teacher's "
        f"decisions ({_interval(text)}), and {_points(soft.mean)} from soft targets in their place ({_interval(soft)})."
    )


def transfer_sentence(evaluation: Evaluation) -> str | None:
    """Say what domain was measured, and how far the student got on the way to the ceiling; None without a target."""
    data, baseline, ceiling = evaluation.data, evaluation.baseline, evaluation.ceiling
    if data.target is None:
        return None
    where = f"Measured on {data.target}; the labels learned from are of {data.source}."
    if ceiling is None:
        return where
    top, seen = f"ceiling ({100 * ceiling.accuracy:.1f} %)", f"the same network trained with {data.ceiling:,} labels"
    if baseline is None:
        return f"{where} The {top} is {seen} of {data.target}."
    start = f"the baseline ({100 * baseline.accuracy:.1f} %)"
    if evaluation.gap_recovered is None:
        return f"{where} The {top}, {seen} of {data.target}, is not above {start}."
    share = f"{100 * evaluation.gap_recovered:.0f} %" if evaluation.gap_recovered >= 0 else "none"
    return f"{where} The student went {share} of the way from {start} to the {top}, which is {seen} of {data.target}."


def _interval(gain: Gain) -> str:
    low, high = gain.ci95
    return f"95 % interval {_points(low)} to {_points(high)}{', which holds 0' if low <= 0 <= high else ''}"


def _kept(student: float, teacher: float, metric: Literal["accuracy", "f1_macro"]) -> str:
    if not teacher:
        return "has no retention, as the teacher gets no test row right"
    verb = "keeps" if student < teacher else "reaches"
    return f"{verb} {100 * student / teacher:.1f} % of the teacher's {_METRIC[metric]}"


def _finding(gain: Gain | None, kept: str, unit: str) -> str:
    if gain is None:
        return f"Whether distillation helps is open, as no baseline was trained: the student {kept}"
    low, high = gain.ci95
    sure = f"{_p(gain.p_value)}, {_seeds(gain)}"
    judged = verdict(gain)
    if judged == "helps":
        return (
            f"Distillation helps: the student gains {_points(gain.mean)} {unit} over {_SAME} "
            f"(95 % interval {_points(low)} to {_points(high)}, {sure}) and {kept}"
        )
    if judged == "hurts":
        return (
            f"Distillation hurts: the student loses {_points(-gain.mean)} {unit} against {_SAME} "
            f"(95 % interval {_points(-high)} to {_points(-low)}, {sure}) and {kept}"
        )
    side = "above" if gain.mean > 0 else "below"
    where = f"{_points(abs(gain.mean))} {unit} {side}" if gain.mean else "level with"
    return (
        f"No difference shown: the student is {where} {_SAME} "
        f"(95 % interval {_points(low)} to {_points(high)}, {sure}), which {_excluded(gain)}; it {kept}"
    )


def _excluded(gain: Gain) -> str:
    """Say what an interval without a verdict still rules out, and why it is not a verdict although 0 is outside."""
    low, high = gain.ci95
    parts = [f"a gain above {_points(high)} points"] if high >= 0 else []
    parts += [f"a loss above {_points(-low)} points"] if low <= 0 else []
    ruled_out = "rules out " + " and ".join(parts)
    if low <= 0 <= high:
        return ruled_out
    return f"{ruled_out}, but {_doubt(gain)}"


def _doubt(gain: Gain) -> str:
    """Return the condition of `verdict` that fails although the interval leaves 0 out."""
    if gain.p_value >= LEVEL:
        return "p is not below 0.05"
    if gain.p_seeds is None or any(one * gain.mean <= 0 for one in gain.per_seed):
        return "not every seed agrees"
    return f"the seeds differ too much among themselves ({_p(gain.p_seeds)} over seeds)"


def _teacher_warning(teacher: float, baseline: float | None) -> str | None:
    if baseline is None or teacher >= baseline:
        return None
    return f"the teacher ({_percent(teacher)}) is worse than the baseline ({_percent(baseline)})"


def _floor_warning(floor: float | None, student: float, baseline: float | None) -> str | None:
    """Say that a linear model of the same labels beats the student, or is what most of its gain disappears against."""
    if floor is None:
        return None
    named = f"TF-IDF + LR on the same labels ({_percent(floor)})"
    # Figures that read the same are no difference to point at.
    if floor > student and _percent(floor) != _percent(student):
        return f"{named} is better than the student ({_percent(student)})"
    if baseline is not None and floor > baseline and 0 < student - floor < (student - baseline) / 2:
        ahead = f"the student is only {_points(student - floor)} points above"
        return f"{ahead} {named}, and the baseline ({_percent(baseline)}) is below it"
    return None


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def _points(fraction: float) -> str:
    """Return points with one decimal, or with two where one would hide on which side of 0 they are."""
    fraction = fraction or 0.0  # never "-0.0"
    short = f"{100 * fraction:.1f}"
    if float(short) or not fraction:
        return short
    return f"{100 * fraction:.2f}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _seeds(gain: Gain) -> str:
    seeds = len(gain.per_seed)
    up, down = sum(one > 0 for one in gain.per_seed), sum(one < 0 for one in gain.per_seed)
    if seeds == 1:
        return "one seed only: luck of training not measured"
    if up == seeds:
        return "every seed gains"
    return "every seed loses" if down == seeds else f"{up} of {seeds} seeds gain"
