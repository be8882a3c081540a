"""Cost in words: of the models, of the bundle, and of the run itself."""

from collections.abc import Callable

from limbeck.evaluation.records import BundleRecord, Cost, Timed
from limbeck.evaluation.schema import Evaluation, Findings
from limbeck.report.words.names import DISTILLED, FLOOR, STUDENT, TEACHER, model
from limbeck.report.words.numbers import (
    ABSENT,
    capital,
    count,
    date,
    decimal,
    file_size,
    listed,
    magnitude,
    milliseconds,
    percent,
    rate,
    seconds,
    several,
    small,
    times,
)

OWN = "by its own call"
"""How a teacher was timed that is not exported."""

COSTS: list[tuple[str, str, Callable[[Cost], tuple[str, str] | None]]] = [
    (
        "Parameters",
        "",
        lambda cost: None if cost.parameters is None else (magnitude(cost.parameters), count(cost.parameters)),
    ),
    (
        "Size",
        "ONNX file, or estimate",
        lambda cost: None if cost.size_bytes is None else (file_size(cost.size_bytes), ""),
    ),
    (
        "Processor time",
        "one example, median",
        lambda cost: None if cost.cpu_ms is None else (milliseconds(cost.cpu_ms), "" if cost.exported else OWN),
    ),
    (
        "Latency",
        "one example, wall time",
        lambda cost: (milliseconds(cost.latency_ms), "machine busy" if cost.busy else ""),
    ),
    ("Throughput", "per second, batches of 64", lambda cost: (rate(cost.throughput_per_s), "")),
]
"""What a model costs: name, what it is, and text and note of a model; None: not measured."""

SHORT_COSTS: list[tuple[str, Callable[[Cost], str]]] = [
    ("parameters", lambda cost: ABSENT if cost.parameters is None else magnitude(cost.parameters)),
    ("size", lambda cost: ABSENT if cost.size_bytes is None else file_size(cost.size_bytes)),
    ("processor", lambda cost: milliseconds(cost.time_ms)),
    ("per second", lambda cost: rate(cost.throughput_per_s)),
]
"""The same for a table of the width of a terminal."""

_COMPARED: list[tuple[str, tuple[str, str], Callable[[float], str], Callable[[Cost], float | None]]] = [
    ("Size", ("smaller", "larger"), file_size, lambda cost: cost.size_bytes),
    ("Speed", ("faster", "slower"), milliseconds, lambda cost: cost.time_ms),
]


def against_teacher(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Return how much smaller and faster than its teacher the student is: name, text and note."""
    costs = [evaluation.models[name].cost for name in (TEACHER, STUDENT)]
    found = []
    for name, comparisons, form, of in _COMPARED:
        teacher, student = (of(cost) if cost else None for cost in costs)
        if teacher and student:
            ratio = teacher / student
            factor = times(max(ratio, 1 / ratio))
            text = f"{factor} {comparisons[0] if ratio >= 1 else comparisons[1]}" if factor != times(1) else "the same"
            note = f"{form(student)} against {form(teacher)}"
            own = costs[0] is not None and not costs[0].exported
            found.append((name, text, f"{note} of the teacher {OWN}" if own else note))
        else:
            found.append((name, *_one_side(evaluation, form, {TEACHER: teacher, STUDENT: student})))
    if said := busy(evaluation):
        name, text, note = found[-1]
        found[-1] = (name, text, f"{note}; {said}")
    return found


def _one_side(evaluation: Evaluation, form: Callable[[float], str], sides: dict[str, float | None]) -> tuple[str, str]:
    """Return the figure of the one model that has it, and why the other has none."""
    known = next((name for name, value in sides.items() if value), None)
    missing = listed([model(name) for name, value in sides.items() if not value])
    timed = all(evaluation.models[name].cost for name, value in sides.items() if not value)
    note = f"that of the {missing} is not known" if timed else f"the {missing} could not be exported"
    if known != STUDENT and evaluation.bundle_error:
        note += f": {evaluation.bundle_error}"
    if known is None:
        return "not measured", note
    return form(sides[known] or 0.0), f"of the {known}; {note}"


def busy(findings: Findings) -> str:
    """Return that the machine was busy while the models were timed, with the figure; empty where it was not."""
    timed: list[Timed] = [record.cost for record in findings.models.values() if record.cost and record.cost.busy]
    return busy_text(max(timed, key=lambda one: one.wall_per_cpu or 0.0), up_to="up to ") if timed else ""


def busy_text(timed: Timed, up_to: str = "") -> str:
    """Return that the machine was busy, with the figure; empty where it was not."""
    return f"machine busy (wall time {up_to}{decimal(timed.wall_per_cpu or 0.0)} times processor time)" * timed.busy


def about_costs(findings: Findings) -> str:
    """Return how size and speed were measured, and of which models they were not."""
    missing = [model(name, findings) for name, record in findings.models.items() if record.cost is None]
    if len(missing) == len(findings.models):
        return "Size and speed were not measured, as no model could be exported."
    simple = [model(name, findings) for name in (FLOOR, DISTILLED) if name in findings.models]
    elsewhere = (
        f", {listed(simple)} in scikit-learn, whose size is estimated: numbers as float32, and words" if simple else ""
    )
    text = (
        f"Size and speed: from an example to an answer, on one thread. Networks run in one ONNX engine{elsewhere}. "
        "Processor time is a median, and the throughput is of it. Latency is the 10th percentile of wall time."
    )
    own = [
        model(name, findings) for name, record in findings.models.items() if record.cost and not record.cost.exported
    ]
    if own:
        text += f" The {listed(own)} is not exported and is timed {OWN}: speeds beside it are rough."
    if said := busy(findings):
        text += f" {capital(said)}: latencies are too high, while processor times change little."
    if missing:
        text += f" Not measured: {listed(missing)}, which could not be exported."
    return text


def bundle_facts(bundle: BundleRecord) -> list[tuple[str, str, str]]:
    """Return what is known of the bundle: name, text and note."""
    agreed = "of its answers are those of the PyTorch student"
    if bundle.agreement_rows and bundle.agreement_low is not None:
        rows = "unlabelled" if bundle.precision == "int8" else "validation"
        agreed += f", on {count(bundle.agreement_rows)} {rows} rows; 95 % lower bound {percent(bundle.agreement_low)}"
    wall = "; ".join(text for text in ("one example, wall time", busy_text(bundle)) if text)
    changed = several(bundle.exceptions, "clear answer") if bundle.exceptions else "no clear answer"
    facts = [
        ("Precision", bundle.precision, bundle.int8),
        ("Size", file_size(bundle.size_bytes), "the whole folder"),
        ("Latency", milliseconds(bundle.latency_ms), wall),
        ("Agreement", percent(bundle.agreement), agreed),
        ("Parity", small(bundle.max_abs_error), f"largest difference of an output of the fp32 file; {changed} changed"),
    ]
    if bundle.cpu_ms is not None:
        facts.insert(2, ("Processor time", milliseconds(bundle.cpu_ms), "one example, median, one thread"))
    if bundle.instructions:
        machine, _, vectors = bundle.instructions.partition(", ")
        facts.insert(-1, ("Measured on", machine, vectors or "vector instructions unknown"))
    return facts


def run_cost(evaluation: Evaluation) -> str:
    """Return when the run was finished, and what it took."""
    parts = [f"Finished {date(evaluation.finished)}"]
    if evaluation.seconds:
        parts.append(f"{seconds(sum(evaluation.seconds.values()))} of wall time")
    if evaluation.cpu_seconds is not None:
        parts.append(f"{seconds(evaluation.cpu_seconds)} of processor time")
    return f"{', '.join(parts)}."
