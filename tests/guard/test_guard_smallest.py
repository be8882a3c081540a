"""The smallest case of the guard beside a record of what it gave: a change of a result is noticed in every test run.

On another processor sums are added up in another order, so that last digits differ, and now and then a decision. The
record holds what that changes little: norms of weights and answers, likelihoods, and accuracies up to two rows.
`LIMBECK_UPDATE_SNAPSHOT=1 pytest tests/guard` writes it anew, after a change that is meant to change results.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from guard import data, side
from guard.cases import SMALLEST
from guard.facts import Arrays, Facts, facts_of

RECORD = Path(__file__).with_name("smallest.json")
UPDATE = os.environ.get("LIMBECK_UPDATE_SNAPSHOT") == "1"
TOLERANCE = 1e-4
LIKELIHOOD = re.compile(r"\b(nll|kl_to_teacher)\b")
DECIDED = re.compile(r"^\w+\.(seeds\.\d+\.)?accuracy$|^fidelity\.\w+\.agreement$")
COUNTED = re.compile(r"^(data\.(test|validation|labelled|unlabelled)|test examples|\w+\.validations\.\d+\.best_step)$")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the case in this process and say what the record says; nothing is exported, which would take most of it."""
    folder = tmp_path_factory.mktemp("guard")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(torch.onnx, "export", _not_here)
        (folder / "data").mkdir()
        data.write_rows(folder / "data")
        side.run(SMALLEST, base=False)
        facts = facts_of(folder / "runs" / SMALLEST.name)
    result = recorded(facts)
    if UPDATE:
        RECORD.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result


def _not_here(*_: object, **__: object) -> None:
    raise NotImplementedError("no export in this test")


def recorded(facts: Facts) -> dict[str, Any]:
    """Return what the record holds of a run."""
    numbers = {name: value for name, value in facts.values.items() if isinstance(value, int | float)}
    return {
        "weights": {
            f"{file}: {name}": norms
            for file, (tensors,) in sorted(facts.weights.items())
            for name, norms in sorted(_norms(tensors).items())
        },
        "answers": {
            folder: _norms({"every": _stacked(answers)})["every"] for folder, (answers,) in facts.answers.items()
        },
        "likelihoods": {name: value for name, value in sorted(numbers.items()) if LIKELIHOOD.search(name)},
        "decided": {name: value for name, value in sorted(numbers.items()) if DECIDED.search(name)},
        "counted": {name: value for name, value in sorted(numbers.items()) if COUNTED.search(name)},
    }


def _norms(arrays: Arrays) -> dict[str, list[float]]:
    """Return of each array the mean size of a number, and the root of the mean square: no sum cancels in them."""
    wide = {name: value.astype(np.float64) for name, value in arrays.items()}
    return {name: [float(np.abs(v).mean()), float(np.sqrt(np.square(v).mean()))] for name, v in wide.items()}


def _stacked(answers: Arrays) -> Any:
    return np.stack([answers[key] for key in sorted(answers)])


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return json.loads(RECORD.read_text(encoding="utf-8"))


@pytest.mark.parametrize("part", ["weights", "answers"])
def test_weights_and_answers_are_those_of_the_record(found, record, part):
    assert found[part].keys() == record[part].keys()
    for name, norms in record[part].items():
        assert found[part][name] == pytest.approx(norms, rel=TOLERANCE, abs=TOLERANCE), name


def test_scores_are_those_of_the_record(found, record):
    assert found["likelihoods"] == pytest.approx(record["likelihoods"], rel=TOLERANCE, abs=TOLERANCE)
    two_rows = 2.001 / record["counted"]["test examples"]
    assert found["decided"] == pytest.approx(record["decided"], rel=0, abs=two_rows)
    assert found["counted"] == record["counted"]
