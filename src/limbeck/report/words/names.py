"""The roles of models in a comparison: the one table that knows their names.

Any other model has the name of its arm.
"""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from limbeck.evaluation.classification import METRICS
from limbeck.evaluation.records import MetricRecord, ModelRecord
from limbeck.evaluation.schema import Findings
from limbeck.report.words.numbers import Measured, capital, count

TEACHER, STUDENT, BASELINE = "teacher", "student", "baseline"
HARD_LABELS, CEILING, ILLUSTRATION = "hard_labels", "ceiling", "illustration"
FLOOR, DISTILLED = "floor", "distilled_floor"
SAME_NETWORK = "the same network"

_SHORT = {"logistic regression": "LR", "ridge regression": "ridge", "gradient boosting": "boosting"}
"""Methods of the floors, as a name has them; any other stands as it is."""


@dataclass(frozen=True)
class Role:
    """What the report knows of a model by its role.

    Attributes:
        name: its one name; of one that is `called` by its record, its name where an earlier version wrote the record.
        place: in the palette; None: the next free one.
        about: what it is, in a sentence; None: the report does not explain it.
        level: it is trained in its own way, so that a learning curve of arms shows where it ends, as a level.
        dotted: an illustration beside the comparison, drawn dotted and without a name.
        hero: it is what the run is about, and stands out in a table.
        article: its name takes one in a sentence.
        called: its name, of its record; None: the record says nothing of it.
    """

    name: str
    place: int | None = None
    about: Callable[[Findings], str] | None = None
    level: bool = False
    dotted: bool = False
    hero: bool = False
    article: bool = True
    called: Callable[[ModelRecord], str | None] = lambda record: None


def network(findings: Findings, name: str) -> str:
    """Return what the network of an arm is beside the student's: each may have chosen its own among whole models."""
    student, own = findings.models[STUDENT], findings.models[name]
    chosen = _network_settings(student)
    if student.solved == own.solved and ("model" not in chosen or chosen == _network_settings(own)):
        return SAME_NETWORK
    return "the best of the same candidates" if "model" in chosen else "another network"


def _network_settings(record: ModelRecord) -> dict[str, Any]:
    """Return what was chosen of a network; a solver's penalty is none of it."""
    keys = (key for key in record.settings if f"{key}.".startswith("model.") and key != "model.strength")
    return {key: record.settings[key] for key in keys}


def made(findings: Findings, name: str) -> str:
    """Return how the network of an arm got its weights."""
    return "solved" if findings.models[name].solved else "trained"


def _network(findings: Findings, name: str) -> str:
    return "the student’s network" if (found := network(findings, name)) == SAME_NETWORK else found


def _alike(findings: Findings, name: str, text: str) -> str:
    """Return what arms have in common that are trained, and have the same network."""
    return "" if findings.models[name].solved or network(findings, name) != SAME_NETWORK else text


def _of_baseline(findings: Findings) -> str:
    steps = "planned steps" if findings.until else "steps"
    same = _alike(findings, BASELINE, f"the same {steps} and ")
    return f"Baseline: {_network(findings, BASELINE)} with {same}the same labels, without the teacher."


def _of_hard_labels(findings: Findings) -> str:
    network, same = _network(findings, HARD_LABELS), _alike(findings, HARD_LABELS, "the same steps and ")
    how = made(findings, HARD_LABELS)
    return f"Hard labels: {network} with {same}the same transfer set, {how} on the teacher’s argmax."


def _of_ceiling(findings: Findings) -> str:
    data = findings.data
    same = _alike(findings, CEILING, " with the same steps")
    chosen = "Its settings" if findings.are_solved(CEILING) else "Its checkpoint and its settings"
    return (
        f"Ceiling: {_network(findings, CEILING)}{same}, {made(findings, CEILING)} with "
        f"{count(data.ceiling or 0)} labels of {data.target}, which no other model saw. {chosen} were "
        f"chosen on validation rows of {data.source}, like those of the others."
    )


def _of_floor(findings: Findings) -> str:
    name, (features, method) = model(FLOOR, findings), _made_of(findings.models[FLOOR])
    return f"{capital(name)}: {features} with {method}, trained on the same labels as the baseline."


def _of_distilled(findings: Findings) -> str:
    name, (features, method) = model(DISTILLED, findings), _made_of(findings.models[DISTILLED])
    return f"{capital(name)}: {features} with {method}, trained on the teacher’s answers for the transfer set."


def _made_of(record: ModelRecord) -> tuple[str, str]:
    """Return what a floor reads and how it is fitted; an earlier version did not write it, as there was one way."""
    return record.features or "TF-IDF", record.method or "logistic regression"


def _floor(record: ModelRecord) -> str:
    features, method = _made_of(record)
    return f"{features} + {_SHORT.get(method, method)}"


def _distilled(record: ModelRecord) -> str:
    return f"distilled {_floor(record)}"


ROLES: dict[str, Role] = {
    TEACHER: Role("teacher", 0, level=True),
    STUDENT: Role("student", 1, hero=True),
    BASELINE: Role("baseline", 2, _of_baseline),
    HARD_LABELS: Role("hard labels", 3, _of_hard_labels),
    CEILING: Role("ceiling", 4, _of_ceiling),
    FLOOR: Role("TF-IDF + LR", 5, _of_floor, level=True, article=False, called=_floor),
    DISTILLED: Role("distilled TF-IDF + LR", None, _of_distilled, level=True, called=_distilled),
    ILLUSTRATION: Role("student of the teacher of all labels", 1, dotted=True),
}


def role(name: str) -> Role:
    """Return a model's role; of an arm without one, a role that has the arm's name."""
    return ROLES.get(name) or Role(name.replace("_", " "))


def model(name: str, findings: Findings | None = None) -> str:
    """Return a model's one name: `hard_labels` reads hard labels, `floor` what it is made of, such as TF-IDF + LR.

    Args:
        name: of the model.
        findings: of the run that has it; None: its role is name enough, as that of a network is.
    """
    record = None if findings is None else findings.models.get(name)
    return (None if record is None else role(name).called(record)) or role(name).name


def the(name: str, findings: Findings | None = None) -> str:
    """Return a model's name as a sentence has it: `the student`, but `TF-IDF + LR`."""
    return f"the {model(name, findings)}" if role(name).article else model(name, findings)


def about_models(findings: Findings) -> list[str]:
    """Return what each model of the run is, where that needs saying."""
    found = [role(name).about for name in findings.models]
    return [about(findings) for about in found if about is not None]


def metric_of(name: str, metrics: Sequence[MetricRecord] = ()) -> Measured:
    """Return a metric of a run by name; where the run is not known, the one of this name that Limbeck has."""
    return next((one for one in metrics if one.name == name), None) or METRICS[name]


def asked(findings: Findings, bundle: str = "bundle") -> str:
    """Return the line of Python that asks the bundle."""
    return f"limbeck.load({json.dumps(bundle, ensure_ascii=False)}).predict({findings.usage.python})"


def typed(findings: Findings, bundle: str = "bundle") -> str:
    """Return the line of a shell that asks the bundle."""
    usage = findings.usage
    if usage.line is not None:
        return f"echo '{usage.line}' | limbeck predict {shlex.quote(bundle)}"
    return f"limbeck predict {shlex.quote(bundle)} {usage.file}"
