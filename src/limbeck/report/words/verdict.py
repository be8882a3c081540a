"""The verdict in words: one sentence, how sure it is, the parts of the gain, and another domain."""

from limbeck.evaluation import verdict
from limbeck.evaluation.records import Chance, Decomposition, Difference, Gain
from limbeck.evaluation.schema import Findings
from limbeck.evaluation.significance import LEVEL
from limbeck.report.words.names import BASELINE, CEILING, STUDENT, TEACHER, made, metric_of, model, network
from limbeck.report.words.numbers import (
    Measured,
    beside,
    count,
    difference,
    interval_of,
    is_beside,
    p_text,
    percent,
    score,
    size_of,
    unit,
    whole_percent,
)

_ITS_TEACHER = "its teacher"
TRAIN_THREE = "seeds=[0,1,2]"


def sentence(findings: Findings) -> str:
    """Return the verdict in one sentence: what it is, a colon, and what it is about."""
    gain, kept = findings.gain, _kept(findings)
    if gain is None:
        return f"Whether distillation helps is open, as no baseline was trained: the student {kept}."
    metric = metric_of(gain.metric, findings.metrics)
    size = size_of(gain.mean, metric)
    other = f"{network(findings, BASELINE)} {made(findings, BASELINE)} without a teacher"
    where = is_beside(gain.mean, metric, other, metric_told=True) if gain.mean else f"is level with {other}"
    # Of a value, whose unit nobody knows, the metric itself is higher or lower.
    valued = metric.quantity == "value"
    finding = {
        "helps": f"Distillation helps: the student {where if valued else f'gains {size} over {other}'}",
        "hurts": f"Distillation hurts: the student {where if valued else f'loses {size} against {other}'}",
        "one_seed": f"No verdict from one seed: the student {where}",
    }.get(verdict(gain, solved=findings.are_solved(STUDENT, BASELINE)), f"No difference shown: the student {where}")
    return f"{finding}, and {kept}."


def statistics(findings: Findings) -> str:
    """Return how sure the gain is, what it rules out, and how sure a student above its teacher is.

    Returns:
        Two or three sentences; nothing where there is neither a gain nor a student above its teacher.
    """
    gain, over, parts = findings.gain, findings.over_teacher, []
    if gain is not None:
        metric = metric_of(gain.metric, findings.metrics)
        solved = findings.are_solved(STUDENT, BASELINE)
        over_seeds = "" if len(gain.per_seed) < 2 or solved else f"; {_over_seeds(gain)}, {_seeds(gain)}"
        interval = f"95 % interval of the gain {interval_of(gain.ci95, metric)} {unit(metric)}"
        parts.append(f"{interval}, {p_text(gain.p_value)} over test examples{over_seeds}.")
        if (judged := verdict(gain, solved=solved)) == "one_seed":
            trained = [name for name in (STUDENT, BASELINE) if not findings.are_solved(name)]
            which = "these two trainings" if trained[1:] else f"one training of the {model(trained[0])}"
            parts.append(
                f"They are about {which}: one seed cannot tell a gain from the luck of a training. "
                f"Train three, for example with {TRAIN_THREE}."
            )
        elif judged == "no_difference":
            parts.append(_excluded(gain, metric))
    if over.mean > 0:
        metric = metric_of(over.metric, findings.metrics)
        interval = interval_of(over.ci95, metric)
        parts.append(f"The student {is_beside(over.mean, metric, _ITS_TEACHER)} (95 % interval {interval}).")
    return " ".join(parts)


def retention(findings: Findings) -> str:
    """Return how much of its teacher the student keeps: a share, points above it, or why there is none."""
    over = findings.over_teacher
    if findings.retention is None:
        return f"no retention, as {no_retention(findings)}"
    if over.mean > 0:
        return _above_teacher(over, metric_of(over.metric, findings.metrics))
    return f"retention {percent(findings.retention)}"


def no_retention(findings: Findings) -> str:
    """Return why a run has no retention."""
    if (found := at_chance(findings)) is not None:
        return f"the {found[0]} is at chance"
    return f"the teacher’s {findings.metric.title} is {score(0.0, findings.metric)}"


def at_chance(findings: Findings) -> tuple[str, Chance] | None:
    """Return the model at chance that leaves a run without retention: the teacher, or else the student."""
    found = [(name, findings.models[name].chance) for name in (TEACHER, STUDENT)]
    return next(((name, chance) for name, chance in found if chance is not None and chance.at_chance), None)


def parts(findings: Findings) -> str | None:
    """Return how much of the gain is more text and how much is soft targets; None where that was not measured."""
    gain, split = findings.gain, findings.decomposition
    return None if gain is None or split is None else _parts(gain, split, metric_of(gain.metric, findings.metrics))


def transfer(findings: Findings) -> str | None:
    """Return what domain was measured, and how far the student got on the way to the ceiling; None without a target."""
    data, metric = findings.data, findings.metric
    baseline, ceiling = findings.score(BASELINE), findings.score(CEILING)
    if data.target is None:
        return None
    where = f"Measured on {data.target}; the labels learned from are of {data.source}."
    if ceiling is None:
        return where
    top = f"ceiling ({score(ceiling, metric)})"
    seen = f"{network(findings, CEILING)} {made(findings, CEILING)} with {count(data.ceiling or 0)} labels"
    if baseline is None:
        return f"{where} The {top} is {seen} of {data.target}."
    start = f"the baseline ({score(baseline, metric)})"
    if findings.gap_recovered is None:
        return f"{where} The {top}, {seen} of {data.target}, is not above {start}."
    share = whole_percent(findings.gap_recovered) if findings.gap_recovered >= 0 else "none"
    return f"{where} The student went {share} of the way from {start} to the {top}, which is {seen} of {data.target}."


# --- parts ----------------------------------------------------------------------------------------------------------


def _kept(findings: Findings) -> str:
    over = findings.over_teacher
    metric = metric_of(over.metric, findings.metrics)
    if findings.retention is None:
        found = at_chance(findings)
        if found is None:
            return f"has a teacher without any {metric.title}"
        return "is at chance" if found[0] == STUDENT else "has a teacher at chance"
    if over.mean > 0:
        return is_beside(over.mean, metric, _ITS_TEACHER)
    if metric.better == "lower":
        return f"keeps {percent(findings.retention)} of its teacher (the teacher's {metric.title} over its own)"
    return f"keeps {percent(findings.retention)} of its teacher's {metric.title}"


def _above_teacher(over: Difference, metric: Measured) -> str:
    return f"{beside(over.mean, metric, _ITS_TEACHER)} (95 % interval {interval_of(over.ci95, metric)})"


def _parts(gain: Gain, split: Decomposition, metric: Measured) -> str:
    def part(one: Gain) -> tuple[str, str]:
        low, high = one.ci95
        holds = ", which holds 0" if low <= 0 <= high else ""
        return difference(one.mean, metric), f"95 % interval {interval_of(one.ci95, metric)}{holds}"

    (text, about_text), (soft, about_soft) = part(split.text), part(split.soft_targets)
    return (
        f"The gain of {difference(gain.mean, metric)} {unit(metric)} is {text} from more text, labelled by the "
        f"teacher's decisions ({about_text}), and {soft} from soft targets in their place ({about_soft})."
    )


def _excluded(gain: Gain, metric: Measured) -> str:
    """Return what the interval rules out, and why there is not a verdict although 0 is outside."""
    low, high = gain.ci95
    if low == high:
        return "The arms answer alike, so that the interval has no width and rules nothing out."
    sizes = [f"{difference(abs(bound), metric).removeprefix('+')} {unit(metric)}" for bound in (low, high)]
    # An end at 0 itself is no bound: of most samples that were drawn no differing example was part.
    found = [f"a gain above {sizes[1]}"] if high > 0 else []
    found += [f"a loss above {sizes[0]}"] if low < 0 else []
    ruled_out = f"The interval rules out {' and '.join(found)}"
    return f"{ruled_out}." if low <= 0 <= high else f"{ruled_out}, but {_doubt(gain)}."


def _doubt(gain: Gain) -> str:
    """Return the condition of `verdict` that fails although the interval leaves 0 out."""
    if gain.p_value >= LEVEL:
        return "p over test examples is not below 0.05"
    if any(one * gain.mean <= 0 for one in gain.per_seed):
        return "not every seed agrees"
    return "the seeds differ too much among themselves"


def _over_seeds(gain: Gain) -> str:
    if gain.p_seeds is None:
        return "no test over seeds, as no seed differs from another in either arm"
    return f"{p_text(gain.p_seeds)} over seeds"


def _seeds(gain: Gain) -> str:
    seeds = len(gain.per_seed)
    up, down = sum(one > 0 for one in gain.per_seed), sum(one < 0 for one in gain.per_seed)
    if up == seeds:
        return "every seed gains"
    return "every seed loses" if down == seeds else f"{up} of {seeds} seeds gain"
