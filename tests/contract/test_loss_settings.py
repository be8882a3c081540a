"""What a loss in the catalogue promises of its parameters: in the function, in its twin, in a recipe."""

import inspect
import json

import pytest
from loss_cases import (
    TAPS,
    Case,
    every_entry,
    every_loss,
    load_reference,
)
from pydantic import TypeAdapter, ValidationError

from limbeck.losses import LossSettings, Objective, objective_from


@every_loss
def test_refuses_parameters_out_of_range(loss):
    """In the function, in the composable twin and in a recipe."""
    for invalid in load_reference(loss.card.name).INVALID:
        case = Case(loss, invalid)
        with pytest.raises(ValueError, match=next(iter(invalid))):
            case(*case.problem((4,), 5))
        with pytest.raises(ValueError, match=next(iter(invalid))):
            loss(**invalid)
        with pytest.raises(ValidationError):
            TypeAdapter(LossSettings).validate_python({"name": loss.card.name, **invalid})


@every_loss
def test_twin_takes_exactly_the_parameters_of_the_function(loss):
    keywords = {n: p for n, p in inspect.signature(loss.function).parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert keywords.pop("mask").default is None
    taps = {} if loss.card.tap is None else TAPS
    assert [*inspect.signature(loss).parameters] == [*taps, *keywords]
    assert {n: p for n, p in inspect.signature(loss).parameters.items() if n not in taps} == keywords
    for foreign in ("mask", "weight", "name", "temprature"):
        with pytest.raises(TypeError, match=foreign):
            loss(**taps, **{foreign: None})


@every_loss
def test_taps_are_asked_for_where_a_loss_compares_nothing_else(loss):
    """One that compares outputs takes two modules in their place, or none, and never one."""
    if loss.card.tap is None:
        for name in TAPS:
            with pytest.raises(TypeError, match=name):
                loss(**{name: "body"})
        return
    pair = loss(**TAPS).taps
    assert (pair.student, pair.teacher, pair.shape) == (TAPS["student"], TAPS["teacher"], loss.card.tap)
    assert pair.projected == (loss.card.widths == "equal")
    assert loss(**TAPS).needs == ("taps",)
    if "taps" in loss.card.needs:
        with pytest.raises(TypeError, match="student"):
            loss()
        return
    assert (loss().taps, loss().needs) == (None, loss.card.needs)
    with pytest.raises(
        ValidationError, match=f"{loss.card.name} names a module of the teacher and none of the student"
    ):
        loss(teacher="encoder.layer.1")
    written = [{"name": loss.card.name, "weight": 1.0, **TAPS}]
    read = TypeAdapter(list[LossSettings]).validate_python(written)
    assert TypeAdapter(list[LossSettings]).dump_python(read)[0].items() >= written[0].items()
    assert objective_from(read).pairs == (pair,)


# --- recipes -------------------------------------------------------------------------------------------------------


@every_entry
def test_settings_round_trip(case):
    adapter = TypeAdapter(list[LossSettings])
    ramp = {"schedule": "cosine", "start": 1.0, "end": 0.1, "until": 0.8}
    for weight in (0.25, ramp):
        written = [{"name": case.loss.card.name, "weight": weight, **case.settings}]
        read = adapter.validate_python(written)
        assert adapter.dump_python(read) == written
        assert adapter.validate_json(adapter.dump_json(read)) == read
        assert objective_from(read) == Objective.of([(weight, case.term())])
    with pytest.raises(ValidationError, match="temprature"):
        adapter.validate_python([{"name": case.loss.card.name, "temprature": 2}])
    assert case.loss.card.name in json.dumps(adapter.json_schema())


@every_loss
def test_defaults_of_the_settings_are_those_of_the_function(loss):
    taps = TAPS if "taps" in loss.card.needs else {}
    entry = TypeAdapter(LossSettings).validate_python({"name": loss.card.name, **taps})
    signature = inspect.signature(loss).parameters.items()
    defaults = {name: parameter.default for name, parameter in signature if name not in TAPS}
    assert entry.parameters == taps | defaults
    assert loss(**taps).parameters == defaults
    assert entry.weight == 1.0
