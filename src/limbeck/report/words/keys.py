"""The few figures at the top of the page."""

from dataclasses import dataclass

from limbeck.evaluation.schema import Evaluation, Findings
from limbeck.report.words.cost import against_teacher
from limbeck.report.words.names import BASELINE, STUDENT, TEACHER
from limbeck.report.words.numbers import capital, difference, nats, percent, score, side, unit
from limbeck.report.words.verdict import no_retention


@dataclass(frozen=True)
class Fact:
    """A figure with its name and, in small print, what qualifies it."""

    name: str
    text: str
    note: str = ""


def key_figures(evaluation: Evaluation) -> list[Fact]:
    """Return score and gain, retention, way to the ceiling, agreement, and size and speed against the teacher."""
    figures = [_score(evaluation), _retention(evaluation)]
    if evaluation.gap_recovered is not None:
        way = "of the way from baseline to ceiling, which saw the target’s labels"
        figures.append(Fact("Gap recovered", percent(evaluation.gap_recovered), way))
    if evaluation.agreement is not None:
        figures.append(Fact("Agreement", percent(evaluation.agreement), _agreement(evaluation)))
    return [*figures, *(Fact(*compared) for compared in against_teacher(evaluation))]


def _score(findings: Findings) -> Fact:
    metric, gain, baseline = findings.metric, findings.gain, findings.score(BASELINE)
    name, text = f"{capital(metric.title)} of the student", score(findings.models[STUDENT].scores[metric.name], metric)
    own = "" if metric.unit is None else f"{metric.unit}; "
    if gain is None or baseline is None:
        return Fact(name, text, f"{own}gain not measured: the run has no baseline")
    size = f"{difference(gain.mean, metric)} {unit(metric)}"
    return Fact(name, text, f"{own}gain {size} over the baseline’s {score(baseline, metric)}")


def _retention(findings: Findings) -> Fact:
    over, metric = findings.over_teacher, findings.metric
    if findings.retention is None:
        return Fact("Retention", "none", no_retention(findings))
    teacher = f"the teacher’s {score(findings.models[TEACHER].scores[metric.name], metric)}"
    if over.mean > 0:
        name = f"{capital(side(over.mean, metric))} its teacher"
        return Fact(name, f"{difference(over.mean, metric)} {unit(metric)}", f"over {teacher}")
    note = f"of {teacher}" if metric.better == "higher" else f"{teacher} over its own"
    return Fact("Retention", percent(findings.retention), note)


def _agreement(findings: Findings) -> str:
    text, fidelity = "decisions equal to the teacher’s", findings.models[STUDENT].fidelity
    apart = None if fidelity is None else fidelity.kl_to_teacher
    return text if apart is None else f"{text}; KL {nats(apart)} nats"
