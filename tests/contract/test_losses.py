"""What every loss in the catalogue promises. A new entry and its reference inherit all of it."""

import importlib.util
import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import jaxtyping
import numpy as np
import pytest
import torch
from beartype import beartype
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import TypeAdapter, ValidationError

from limbeck.losses import CATALOG, Loss, LossSettings, Objective, objective_from
from limbeck.types import Batch, Outputs

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

    def reference(self, student, teacher, labels):
        return self.module.reference(*self.arguments(student, teacher, labels), **self.parameters)

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
        return Outputs(logits, {pair.name: student}), Outputs(logits, {pair.teacher: teacher})


CASES = [Case(loss, parameters) for name, loss in CATALOG.items() for parameters in load_reference(name).PARAMETERS]
IDS = ["-".join([case.loss.card.name, *(f"{k}={v}" for k, v in case.parameters.items())]) for case in CASES]
every_case = pytest.mark.parametrize("case", CASES, ids=IDS)
every_loss = pytest.mark.parametrize("loss", CATALOG.values(), ids=CATALOG)
needing_teacher = pytest.mark.parametrize("case", [c for c in CASES if "teacher" in c.loss.card.positional])
LABELLED = [c for c in CASES if "labels" in c.loss.card.needs]
needing_classes = pytest.mark.parametrize("case", [c for c in LABELLED if "distribution" in c.loss.card.fits])
needing_several = pytest.mark.parametrize("case", [c for c in LABELLED if "distribution" not in c.loss.card.fits])


def logits_and_labels(shape, classes, *, dtype=torch.float64, scale=3.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (
        scale * torch.randn(*shape, classes, dtype=torch.float64, generator=generator) for _ in range(2)
    )
    return student.to(dtype), teacher.to(dtype), torch.randint(classes, shape, generator=generator)


def labels_for(card, classes, like):
    """A class; or where outputs are no distribution, a yes or no or a value for each output, which the class decides."""
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


# --- the numbers ---------------------------------------------------------------------------------------------------


@every_case
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(problem=problems())
def test_value_equals_reference(case, problem):
    student, teacher, labels = map(torch.from_numpy, problem)
    given = student, teacher, case.labels(labels, student)
    expected = case.reference(*(each.numpy() for each in given))
    np.testing.assert_allclose(case(*given).numpy(), expected, rtol=1e-9, atol=1e-9)


@every_case
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(problem=problems())
def test_gradient_equals_finite_differences_of_the_reference(case, problem):
    student, teacher, classes = problem
    labels = case.labels(torch.from_numpy(classes), torch.from_numpy(student)).numpy()
    leaf = torch.tensor(student, requires_grad=True)
    case(leaf, torch.from_numpy(teacher), torch.from_numpy(labels)).sum().backward()
    step, expected = 1e-4, np.zeros_like(student)
    for place in np.ndindex(student.shape):
        row = slice(place[0], place[0] + 1)
        up, down = student[row].copy(), student[row].copy()
        up[0, place[1]] += step
        down[0, place[1]] -= step
        rise = case.reference(up, teacher[row], labels[row]) - case.reference(down, teacher[row], labels[row])
        expected[place] = rise[0] / (2 * step)
    np.testing.assert_allclose(leaf.grad.numpy(), expected, rtol=1e-5, atol=1e-6)


@every_loss
def test_golden_number(loss):
    golden = load_reference(loss.card.name).GOLDEN
    given = [torch.tensor(golden["student"], dtype=torch.float64)]
    given += [torch.tensor(golden[n], dtype=None if n == "labels" else torch.float64) for n in loss.card.positional[1:]]
    given = [each if each.dtype == torch.int64 else each.double() for each in given]
    assert loss.function(*given, **golden["parameters"]).item() == pytest.approx(golden["value"], rel=1e-12)


@every_case
def test_minimum(case):
    """At student = teacher, or at the student that the reference names as the best."""
    _, teacher, labels = case.problem((4,), 5)
    best = getattr(case.module, "best_student", lambda teacher, labels: teacher)
    student = torch.tensor(best(teacher.numpy(), labels.numpy()))
    student.requires_grad_()
    value = case(student, teacher, labels)
    value.sum().backward()
    assert torch.equal(value.detach(), torch.full_like(value, case.module.MINIMUM))
    torch.testing.assert_close(student.grad, torch.zeros_like(student.grad), atol=1e-14, rtol=0)


@needing_teacher
def test_no_gradient_reaches_the_teacher(case):
    student, teacher, labels = case.problem((4,), 5)
    student.requires_grad_()
    teacher.requires_grad_()
    case(student, teacher, labels).sum().backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


# --- the extremes --------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("classes", [2, 1000])
@pytest.mark.parametrize("kind", ["all large", "one dominates", "opposed"])
def test_finite_at_extreme_logits(case, classes, kind):
    student, teacher, labels = case.problem((6,), classes, dtype=torch.float32)
    if kind == "all large":
        student, teacher = 1e4 * student.sign(), 1e4 * teacher.sign()
    elif kind == "one dominates":
        student[:, 0], teacher[:, 0] = 1e4, 1e4
    else:
        student[:, 0], teacher[:, 1] = 1e4, 1e4
        student[:, 1], teacher[:, 0] = -1e4, -1e4
    student.requires_grad_()
    value = case(student, teacher, labels)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(student.grad).all()


@every_case
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_in_float32_arithmetic(case, dtype):
    student, teacher, labels = case.problem((4, 3), 7, dtype=dtype)
    value = case(student, teacher, labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, case(student.float(), teacher.float(), labels))
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(value, case(student, teacher, labels))


@every_case
@pytest.mark.parametrize("shape", [(), (4,), (4, 3), (0,), (2, 3, 2)])
def test_one_value_a_prediction_in_the_input_precision(case, shape):
    for dtype in (torch.float32, torch.float64):
        value = case(*case.problem(shape, 5, dtype=dtype))
        assert (value.shape, value.dtype) == (shape, dtype)


# --- what counts ---------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("garbage", [torch.inf, -torch.inf, torch.nan, 1e30])
def test_masked_positions_contribute_nothing(case, garbage):
    student, teacher, labels = case.problem((3, 4), 5)
    mask = torch.tensor([[True, True, False, False], [True, True, True, True], [False, False, False, False]])
    expected = torch.where(mask, case(student, teacher, labels), 0)
    student[~mask], teacher[~mask], labels[~mask] = garbage, garbage, -100
    student.requires_grad_()
    value = case(student, teacher, labels, mask)
    value.sum().backward()
    assert torch.equal(value[~mask], torch.zeros(int((~mask).sum()), dtype=torch.float64))
    torch.testing.assert_close(value, expected)
    assert torch.equal(student.grad[~mask], torch.zeros_like(student.grad[~mask]))
    assert torch.isfinite(student.grad).all()
    assert student.grad[mask].abs().sum() > 0


@every_case
def test_batch_order_does_not_matter(case):
    problem = case.problem((7,), 5)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(case(*(x[order] for x in problem)), case(*problem)[order])


@every_case
def test_padding_length_does_not_matter(case):
    student, teacher, labels = case.problem((3, 9), 5)
    mask = torch.arange(9) < torch.tensor([[2], [4], [3]])
    full = case(student, teacher, labels, mask)
    short = case(student[:, :4], teacher[:, :4], labels[:, :4], mask[:, :4])
    torch.testing.assert_close(full[:, :4], short)
    assert torch.equal(full[:, 4:], torch.zeros_like(full[:, 4:]))
    torch.testing.assert_close(full.sum(), short.sum())


def batch_of(labels, labelled, mask, rows=slice(None)):
    return Batch(torch.arange(len(labels))[rows], {}, labels[rows], labelled[rows], mask[rows])


@every_case
@pytest.mark.parametrize("tokens", [(), (5,)], ids=["classification", "tokens"])
def test_split_equals_whole(case, tokens):
    """Sums and counts of unequal micro-batches, with unequal labelled shares, add up; so does the gradient."""
    if case.loss.card.scope == "batch":
        pytest.skip("sees the local batch by definition")
    if tokens and case.compares == "features":
        tokens = ()  # one activation an example, whatever its tokens
    student, teacher, labels = case.problem((8, *tokens), 4)
    student.requires_grad_()
    labelled = torch.tensor([True, True, True, False, False, False, True, False])
    mask = torch.rand(8, *tokens, generator=torch.Generator().manual_seed(2)) > 0.3
    labels[~labelled] = -1  # no label of any task
    term = case.term()

    def gradient(splits):
        batches = [(rows, batch_of(labels, labelled, mask, rows)) for rows in splits]
        count = sum(term.count(batch) for _, batch in batches)
        total = sum(term.sum(*case.outputs(student[r], teacher[r]), batch) for r, batch in batches)
        return count, total.detach(), torch.autograd.grad(total / count, student)[0]

    whole = gradient([slice(0, 8)])
    parts = gradient([slice(0, 1), slice(1, 5), slice(5, 6), slice(6, 8)])
    assert whole[0] == parts[0] > 0
    torch.testing.assert_close(parts[1:], whole[1:])


# --- what is refused -----------------------------------------------------------------------------------------------


@every_case
def test_refuses_wrong_logits(case):
    student, teacher, labels = case.problem((4,), 5)
    with pytest.raises(TypeError, match=rf"student {case.word[0]} must be floating point, not torch.int64"):
        case(student.long(), teacher, labels)
    least = case.word[1]
    with pytest.raises(ValueError, match=rf"\(4, {least - 1}\).*at least {least}"):
        case(student[:, : least - 1], teacher[:, : least - 1], labels)


@needing_teacher
def test_refuses_a_teacher_that_does_not_fit(case):
    student, teacher, labels = case.problem((4,), 5)
    with pytest.raises(ValueError, match=r"student \w+ have shape \(4, 5\) but teacher \w+ have shape \(4, 4\)"):
        case(student, teacher[:, :4], labels)
    with pytest.raises(ValueError, match=r"\(4, 5\) but teacher \w+ have shape \(1, 5\)"):
        case(student, teacher[:1], labels)
    with pytest.raises(TypeError, match=r"teacher \w+ must be floating point"):
        case(student, teacher.long(), labels)


@every_case
def test_refuses_a_mask_that_does_not_fit(case):
    problem = case.problem((4,), 5)
    with pytest.raises(TypeError, match=r"mask must be bool.* not torch.int64"):
        case(*problem, torch.ones(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"mask has shape \(4, 1\), but .* each of \(4,\)"):
        case(*problem, torch.ones(4, 1, dtype=torch.bool))


@needing_classes
def test_refuses_labels_that_do_not_fit(case):
    student, teacher, labels = case.problem((4,), 5)
    with pytest.raises(TypeError, match=r"labels must be integers, not torch.float32"):
        case(student, teacher, labels.float())
    with pytest.raises(TypeError, match=r"labels must be integers, not torch.bool"):
        case(student, teacher, labels > 0)
    with pytest.raises(ValueError, match=r"labels has shape \(3,\), but .* each of \(4,\)"):
        case(student, teacher, labels[:3])
    for wrong in (-1, 5):
        labels[2] = wrong
        with pytest.raises(ValueError, match=rf"labels must be in \[0, 5\), but one is {wrong}"):
            case(student, teacher, labels)


@needing_several
def test_refuses_labels_that_are_not_one_an_output(case):
    student, teacher, labels = case.problem((4,), 5)
    for wrong in (labels[:, :4], labels[:3], labels[:, 0]):
        with pytest.raises(ValueError, match=r"labels has shape .*, but there is one for each of \(4, 5\)"):
            case(student, teacher, wrong)
    odd, words = (2, "must be 0 or 1, but one is 2") if "independent" in case.loss.card.fits else (np.inf, "finite")
    labels[2, 1] = odd
    with pytest.raises(ValueError, match=words):
        case(student, teacher, labels)
    mask = torch.arange(4) != 2
    assert torch.isfinite(case(student, teacher, labels, mask)).all(), "where masked, anything goes"


@every_loss
def test_refuses_parameters_out_of_range(loss):
    """In the function, in the composable twin and in a recipe."""
    for invalid in load_reference(loss.card.name).INVALID:
        with pytest.raises(ValueError, match=next(iter(invalid))):
            case = Case(loss, invalid)
            case(*case.problem((4,), 5))
        with pytest.raises(ValueError, match=next(iter(invalid))):
            loss(**invalid)
        with pytest.raises(ValidationError):
            TypeAdapter(LossSettings).validate_python({"name": loss.card.name, **invalid})


@every_loss
def test_twin_takes_exactly_the_parameters_of_the_function(loss):
    keywords = {n: p for n, p in inspect.signature(loss.function).parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert keywords.pop("mask").default is None
    taps = TAPS if "taps" in loss.card.needs else {}
    assert [*inspect.signature(loss).parameters] == [*taps, *keywords]
    assert {n: p for n, p in inspect.signature(loss).parameters.items() if n not in taps} == keywords
    for foreign in ("mask", "weight", "name", "temprature"):
        with pytest.raises(TypeError, match=foreign):
            loss(**taps, **{foreign: None})


@every_case
def test_annotated_shapes_hold(case):
    checked = jaxtyping.jaxtyped(typechecker=beartype)(case.loss.function)
    for shape in ((4,), (4, 3)):
        student, teacher, labels = case.problem(shape, 5)
        mask = torch.ones(shape, dtype=torch.bool)
        checked(*case.arguments(student, teacher, labels), mask=mask, **case.parameters)


# --- recipes -------------------------------------------------------------------------------------------------------


@every_case
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
    defaults = {name: parameter.default for name, parameter in signature if name not in taps}
    assert entry.parameters == taps | defaults
    assert loss(**taps).parameters == defaults
    assert entry.weight == 1.0
