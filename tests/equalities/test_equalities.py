"""The five equalities over modality and task: split = whole, cached = live, killed = not killed, bundle = student.

The fifth, one rank = two, takes whole runs: see `test_equal_runs.py`.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from house import CASES, DIAGONAL, TRAIN, School, school, write_rows

from limbeck.bundle import export_onnx
from limbeck.networks import TrainSettings
from limbeck.runtime.bundle import OnnxNetwork
from limbeck.runtime.decisions import RULES
from limbeck.tasks import TASKS
from limbeck.trainer import fit, predict_logits

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows"))


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case))
def case(request: pytest.FixtureRequest, rows: Path) -> School:
    return school(*request.param, rows)


# An export takes seconds: `make test` has every modality and every task once, and text twice.
_SLOW = [case for case in CASES if case not in DIAGONAL and case != ("text", "classification")]


@pytest.fixture(
    params=[pytest.param(case, marks=[pytest.mark.slow] if case in _SLOW else []) for case in CASES],
    ids=lambda case: "-".join(case),
)
def exported(request: pytest.FixtureRequest, rows: Path) -> School:
    return school(*request.param, rows)


def trained(
    case: School, *, train: TrainSettings = TRAIN, live: bool = False, checkpoint: Path | None = None, batches=None
):
    """Return the weights that a training ends with."""
    lesson = case.lesson(case.live if live else case.cached)
    distiller = case.distiller(lesson)
    source = case.with_live_inputs(lesson, train) if live else lesson.batches(train, 0)
    fit(
        distiller, source if batches is None else batches(source), train,
        steps=train.total_steps(0), validate=case.validate(lesson), title="made", checkpoint=checkpoint,
    )  # fmt: skip
    return {name: value.clone() for name, value in distiller.student.state_dict().items()}


def test_split_is_whole(case: School) -> None:
    """A batch in four parts has the gradient of the whole: labels lie unevenly in the parts."""
    few = TRAIN.model_copy(update={"steps": 5, "validations": 1})
    whole = trained(case, train=few)
    parts = trained(case, train=few.model_copy(update={"accumulate": 4}))
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        torch.testing.assert_close(
            parts[name], value, rtol=2e-3, atol=2e-4, msg=lambda said, name=name: f"{name}: {said}"
        )


def test_cached_is_live(case: School) -> None:
    """A teacher that answered once, in other batches, teaches what it teaches when it is asked in every step."""
    few = TRAIN.model_copy(update={"steps": 5, "validations": 1})
    cached, live = trained(case, train=few), trained(case, train=few, live=True)
    for name, value in cached.items():
        torch.testing.assert_close(
            live[name], value, rtol=2e-3, atol=2e-4, msg=lambda said, name=name: f"{name}: {said}"
        )


class KilledError(Exception):
    pass


class Dies:
    """Batches that end in the middle of a training."""

    def __init__(self, source, at: int) -> None:
        self._source, self._at = source, at

    def group(self, step: int):
        if step == self._at:
            raise KilledError
        return self._source.group(step)


def test_killed_is_not_killed(case: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that goes on from its checkpoint ends with the same bits."""
    monkeypatch.setattr("limbeck.trainer.CHECKPOINT_EVERY_S", -1.0)
    whole, file = trained(case), tmp_path / "checkpoint.safetensors"
    with pytest.raises(KilledError):
        trained(case, checkpoint=file, batches=lambda source: Dies(source, 13))
    assert file.is_file()
    again = trained(case, checkpoint=file)
    for name, value in whole.items():
        assert torch.equal(again[name], value), name


def test_bundle_is_student(exported: School, tmp_path: Path) -> None:
    """The exported file says what the network says, of any number of rows, and decides as the judge does."""
    case = exported
    lesson = case.lesson(case.cached)
    distiller = case.distiller(lesson)
    fit(distiller, lesson.batches(TRAIN, 0), TRAIN, steps=20, validate=None, title="made")
    view, splits = case.material.view(case.settings), case.material.splits
    export_onnx(distiller.student, tmp_path / "model.onnx", *view.example)
    network = OnnxNetwork(tmp_path / "model.onnx")
    own = predict_logits(distiller.student, view.validation).numpy()
    values = splits.validation.values
    file = network.logits(view.reader.encode(values))
    scale = max(1.0, float(np.abs(own).max()))
    np.testing.assert_allclose(file, own, atol=1e-4 * scale)
    np.testing.assert_allclose(network.logits(view.reader.encode(values[:1])), own[:1], atol=1e-4 * scale)
    task = lesson.task.decide(own, splits.validation.labels)
    sheet = task.sheet(own, splits.validation.labels)
    served = TASKS[task.kind]().served(task.names, task.decision)
    again = served.sheet(file, splits.validation.labels)
    shown = [task.decided(sheet, row).decided for row in range(len(own))]
    assert [served.decided(again, row).decided for row in range(len(own))] == shown
    answers = RULES[task.kind](task.decision).answers(file, task.names)
    assert len(answers) == len(own)
