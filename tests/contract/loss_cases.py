"""Every loss with each choice of its parameters, and problems for it.

A reference module has the claims that are tested: `PARAMETERS` (the choices), `INVALID`, `MINIMUM`, `GOLDEN`, and
`reference`. It may have: `best_student`, the outputs at which the minimum is, where they are not the teacher's;
`regular`, which moves outputs to where the value has a derivative; and in `reference` a parameter `held`: the student's
outputs, for what no gradient passes through.
"""

import importlib.util
import inspect
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from limbeck.losses import CATALOG, Loss
from limbeck.types import Outputs

TAPS = {"student": "body", "teacher": "encoder.layer.1"}
REFERENCES = Path(__file__).parent.parent / "references"


def load_reference(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"reference_{name}", REFERENCES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Case:
    """A loss with one choice of its parameters."""

    loss: Loss
    parameters: dict

    @property
    def module(self):
        return load_reference(self.loss.card.name)

    def arguments(self, student, teacher, labels):
        given = {"student": student, "teacher": teacher, "labels": labels}
        return tuple(given[name] for name in self.loss.card.positional)

    @property
    def compares(self):
        return "features" if "taps" in self.loss.card.needs else "logits"

    @property
    def word(self):
        """What its errors call what it compares, and the fewest of them that a prediction needs."""
        if self.compares == "features":
            return "features", 1
        return ("logits", 2) if self.loss.card.fits == ("distribution",) else ("outputs", 1)

    def problem(self, *given, **how):
        """Outputs of student and teacher, and labels of the form that the loss takes."""
        student, teacher, labels = logits_and_labels(*given, **how)
        return student, teacher, self.labels(labels, student)

    def labels(self, classes, like):
        """Labels of the loss's own form, made of class indices."""
        return labels_for(self.loss.card, classes, like)

    def __call__(self, student, teacher, labels, mask=None):
        return self.loss.function(*self.arguments(student, teacher, labels), mask=mask, **self.parameters)

    def reference(self, student, teacher, labels=None, **held):
        return self.module.reference(*self.arguments(student, teacher, labels), **self.parameters, **held)

    def risen(self, student, teacher, labels, place, step):
        """How much the reference's value of a row rises around one output, with what is held constant as it is."""
        row = slice(place[0], place[0] + 1)
        holds = "held" in inspect.signature(self.module.reference).parameters
        held = {"held": student[row]} if holds else {}
        values = []
        for change in (step, -step):
            moved = student[row].copy()
            moved[0, place[1]] += change
            values.append(self.reference(moved, teacher[row], labels[row], **held)[0])
        return values[0] - values[1]

    def best_student(self, teacher, labels=None):
        """The outputs at which the minimum is."""
        if (best := getattr(self.module, "best_student", None)) is None:
            return teacher
        known = {name: self.parameters[name] for name in inspect.signature(best).parameters if name in self.parameters}
        given = (teacher,) if self.loss.card.scope == "batch" else (teacher, labels)
        return best(*given, **known)

    def regular(self, student, teacher):
        return getattr(self.module, "regular", lambda *both: both)(student, teacher)

    @property
    def settings(self):
        return (TAPS if self.compares == "features" else {}) | self.parameters

    def term(self):
        return self.loss(**self.settings)

    def outputs(self, student, teacher):
        """What a student and a teacher say, whose logits or activations these are."""
        if self.compares == "logits":
            return Outputs(student), Outputs(teacher)
        logits, pair = torch.zeros(len(student), 2), self.term().taps
        return Outputs(logits, {pair.name: student}), Outputs(logits, {pair.taps[1].name: teacher})

    def smooth(self, student, teacher):
        """Whether the reference can be differentiated there."""
        return getattr(self.module, "smooth", lambda *_: True)(student, teacher)

    def __str__(self):
        return "-".join([self.loss.card.name, *(f"{k}={v}" for k, v in self.parameters.items())])


ENTRIES = [Case(loss, parameters) for name, loss in CATALOG.items() for parameters in load_reference(name).PARAMETERS]
"""Every loss, whatever its scope."""
CASES = [case for case in ENTRIES if case.loss.card.scope == "prediction"]
BATCH_CASES = [case for case in ENTRIES if case.loss.card.scope == "batch"]
every_entry = pytest.mark.parametrize("case", ENTRIES, ids=str)
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_batch_case = pytest.mark.parametrize("case", BATCH_CASES, ids=str)
every_loss = pytest.mark.parametrize("loss", CATALOG.values(), ids=CATALOG)
needing_teacher = pytest.mark.parametrize("case", [c for c in CASES if "teacher" in c.loss.card.positional], ids=str)
LABELLED = [c for c in CASES if "labels" in c.loss.card.needs]
needing_classes = pytest.mark.parametrize("case", [c for c in LABELLED if "distribution" in c.loss.card.fits], ids=str)
needing_several = pytest.mark.parametrize(
    "case", [c for c in LABELLED if "distribution" not in c.loss.card.fits], ids=str
)


def logits_and_labels(shape, classes, *, dtype=torch.float64, scale=3.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (
        scale * torch.randn(*shape, classes, dtype=torch.float64, generator=generator) for _ in range(2)
    )
    return student.to(dtype), teacher.to(dtype), torch.randint(classes, shape, generator=generator)


def labels_for(card, classes, like):
    """A class; where outputs are no distribution, a yes or no or a value for each of them, made of the class."""
    if "distribution" in card.fits:
        return classes
    places = torch.arange(like.shape[-1])
    if "independent" in card.fits:
        return (places <= classes.unsqueeze(-1)).to(torch.int64)
    return (classes.unsqueeze(-1) - 0.7 * places).to(like.dtype)


@st.composite
def problems(draw):
    rows, classes = draw(st.integers(1, 3)), draw(st.integers(2, 5))
    logits = arrays(np.float64, (rows, classes), elements=st.floats(-20, 20))
    return draw(logits), draw(logits), draw(arrays(np.int64, rows, elements=st.integers(0, classes - 1)))
