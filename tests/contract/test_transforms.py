"""What every transform of logits promises: before a loss it is the reference of both. A new entry inherits it all."""

import doctest
import importlib
import importlib.util
import inspect
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from loss_cases import load_reference
from pydantic import TypeAdapter, ValidationError

from limbeck.cache.codecs import TopKCodec
from limbeck.errors import LimbeckError
from limbeck.losses import (
    CATALOG,
    KD,
    CrossEntropy,
    LogitMSE,
    LossSettings,
    objective_from,
    term_from,
    transforms as package,
)
from limbeck.losses.transforms import (
    CTKD,
    CWSM,
    FLSW,
    TRANSFORMS,
    LabelSmoothing,
    ProbabilityShift,
    Standardize,
    Transform,
)
from limbeck.types import Batch, Outputs

REFERENCES = Path(__file__).parent.parent / "references/transforms"
LOSSES = TypeAdapter(list[LossSettings])
T = 3.0


def load(name) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"reference_transform_{name}", REFERENCES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Case:
    """A transform with one choice of its settings."""

    transform: Transform
    settings: dict

    @property
    def module(self):
        return load(self.transform.kind)

    def __str__(self):
        return "-".join([self.transform.kind, *(f"{k}={v}" for k, v in self.settings.items())])

    def kd(self, student, teacher, labels, held=None):
        """Its reference, then kd's."""
        held = student if held is None else held
        changed = self.module.reference(student, teacher, labels=labels, temperature=T, held=held, **self.settings)
        return float(load_reference("kd").reference(*changed, temperature=T).sum())


CASES = [Case(one(**how), how) for name, one in TRANSFORMS.items() if not one.learns for how in load(name).SETTINGS]
"""Those that are a function; one that learns has tests of its own, `tests/losses/test_ctkd.py`."""
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_transform = pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
every_function = pytest.mark.parametrize("transform", [one for one in TRANSFORMS.values() if not one.learns])


@st.composite
def problems(draw):
    """Logits of both, and labels, of which some are not there."""
    rows, classes = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    logits = arrays(np.float64, (rows, classes), elements=st.floats(-20, 20, width=32, allow_subnormal=False))
    label = st.none() | st.integers(0, classes - 1)
    return draw(logits), draw(logits), draw(st.lists(label, min_size=rows, max_size=rows))


def batch_of(labels, mask=None, rows=None):
    """Unlabelled rows have a label of no class."""
    labelled = torch.tensor([label is not None for label in labels])
    values = torch.tensor([-1 if label is None else label for label in labels])
    ids = torch.arange(len(labels))
    part = slice(None) if rows is None else rows
    return Batch(ids[part], {}, values[part], labelled[part], None if mask is None else mask[part])


def total(case, student, teacher, batch):
    return KD(temperature=T).after(case.transform).sum(Outputs(student), Outputs(teacher), batch)


def logits(rows, classes=5, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (3 * torch.randn(rows, classes, dtype=torch.float64, generator=generator) for _ in range(2))
    labels = torch.randint(classes, (rows,), generator=generator).tolist()
    return student.to(dtype), teacher.to(dtype), [None if i % 3 == 2 else label for i, label in enumerate(labels)]


# --- the numbers ---------------------------------------------------------------------------------------------------


@every_case
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(problem=problems())
def test_transform_then_kd_is_the_reference_of_both(case, problem):
    student, teacher, labels = problem
    found = total(case, torch.from_numpy(student), torch.from_numpy(teacher), batch_of(labels))
    assert found.item() == pytest.approx(case.kd(student, teacher, labels), rel=1e-7, abs=1e-7)


@every_function
def test_golden_number_of_kd_after_it(transform):
    golden = load(transform.card.name).GOLDEN
    student, teacher = (torch.tensor(golden[side], dtype=torch.float64) for side in ("student", "teacher"))
    found = total(Case(transform(**golden["settings"]), {}), student, teacher, batch_of(golden["labels"]))
    assert found.item() == pytest.approx(golden["value"], rel=1e-12)


@every_case
@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(problem=problems())
def test_gradient_equals_finite_differences_of_the_reference(case, problem):
    """No gradient goes through a temperature of an example: the reference holds it."""
    student, teacher, labels = problem
    assume(getattr(case.module, "smooth", lambda *_: True)(student, teacher))
    leaf = torch.tensor(student, requires_grad=True)
    total(case, leaf, torch.from_numpy(teacher), batch_of(labels)).backward()
    step, expected = 1e-4, np.zeros_like(student)
    for place in np.ndindex(student.shape):
        up, down = student.copy(), student.copy()
        up[place] += step
        down[place] -= step
        rise = case.kd(up, teacher, labels, student) - case.kd(down, teacher, labels, student)
        expected[place] = rise / (2 * step)
    np.testing.assert_allclose(leaf.grad.numpy(), expected, rtol=1e-4, atol=1e-5)


@every_case
def test_no_gradient_reaches_the_teacher(case):
    student, teacher, labels = logits(6)
    student.requires_grad_()
    teacher.requires_grad_()
    total(case, student, teacher, batch_of(labels)).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


@every_case
def test_fewer_classes_than_it_says_have_no_gradient(case):
    assert ("gradient 0 with two classes" in case.transform.card.beware) == (case.transform.fewest_classes == 3)
    for classes in (2, 3):
        student, teacher, labels = logits(6, classes)
        total(case, student.requires_grad_(), teacher, batch_of(labels)).backward()
        assert (student.grad.abs().max() > 1e-6) == (classes >= case.transform.fewest_classes), classes


@every_case
def test_it_changes_something_and_not_what_it_is_given(case):
    student, teacher, labels = logits(6)
    before = student.clone(), teacher.clone()
    assert not torch.isclose(
        total(case, student, teacher, batch_of(labels)),
        KD(temperature=T).sum(Outputs(student), Outputs(teacher), batch_of(labels)),
    )
    assert torch.equal(student, before[0])
    assert torch.equal(teacher, before[1])


# --- the extremes --------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("kind", ["all large", "all equal", "all zero", "opposed"])
def test_finite_at_extreme_logits(case, kind):
    student, teacher, labels = logits(6, dtype=torch.float32)
    student, teacher = {
        "all large": (1e4 * student.sign(), 1e4 * teacher.sign()),
        "all equal": (torch.full_like(student, 7), torch.full_like(teacher, 7)),
        "all zero": (torch.zeros_like(student), torch.zeros_like(teacher)),
        "opposed": (1e4 * student, -1e4 * student),
    }[kind]
    student.requires_grad_()
    found = total(case, student, teacher, batch_of(labels))
    found.backward()
    assert torch.isfinite(found)
    assert torch.isfinite(student.grad).all()


@every_case
@pytest.mark.parametrize("ruled_out", [-1e30, -torch.inf])
def test_classes_that_are_ruled_out_do_not_count(case, ruled_out):
    """Columns of a multioutput have different numbers of classes; the others have logits of -1e30."""
    student, teacher, labels = logits(6, dtype=torch.float32)
    odd = torch.full((6, 2), ruled_out)
    wide = torch.cat([student, odd], 1).requires_grad_()
    found = total(case, wide, torch.cat([teacher, odd], 1), batch_of(labels))
    torch.testing.assert_close(found, total(case, student, teacher, batch_of(labels)))
    found.backward()
    assert torch.isfinite(wide.grad).all()


@every_case
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_in_float32_arithmetic(case, dtype):
    student, teacher, labels = logits(6, dtype=dtype)
    found = total(case, student, teacher, batch_of(labels))
    assert found.dtype == torch.float32
    assert torch.equal(found, total(case, student.float(), teacher.float(), batch_of(labels)))


# --- what counts ---------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("garbage", [torch.inf, -torch.inf, torch.nan, 1e30])
def test_masked_predictions_contribute_nothing(case, garbage):
    student, teacher, labels = logits(6)
    mask = torch.tensor([True, False, True, True, False, True])
    kept = [label for label, counts in zip(labels, mask.tolist(), strict=True) if counts]
    expected = total(case, student[mask], teacher[mask], batch_of(kept))
    student[~mask], teacher[~mask] = garbage, garbage
    student.requires_grad_()
    found = total(case, student, teacher, batch_of(labels, mask))
    found.backward()
    torch.testing.assert_close(found, expected)
    assert not student.grad[~mask].any()
    assert torch.isfinite(student.grad).all()


@every_case
def test_batch_order_does_not_matter(case):
    student, teacher, labels = logits(7)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))
    shuffled = batch_of([labels[place] for place in order.tolist()])
    found = total(case, student[order], teacher[order], shuffled)
    torch.testing.assert_close(found, total(case, student, teacher, batch_of(labels)))


@every_case
def test_split_equals_whole_where_the_card_says_so(case):
    student, teacher, labels = logits(8)
    parts = sum(
        total(case, student[part], teacher[part], batch_of(labels, rows=part)) for part in (slice(0, 3), slice(3, 8))
    )
    whole = total(case, student, teacher, batch_of(labels))
    assert torch.isclose(parts, whole) == (case.transform.card.scope == "prediction")


@every_case
def test_labels_are_read_where_the_card_says_so(case):
    student, teacher, labels = logits(8)
    found = total(case, student, teacher, batch_of(labels))
    others = batch_of([None if label is None else (label + 1) % 5 for label in labels])
    assert torch.isclose(found, total(case, student, teacher, others)) == ("labels" not in case.transform.card.needs)
    plain = Batch(torch.arange(8), {})
    assert torch.isfinite(total(case, student, teacher, plain)), "of a batch without labels nothing is adjusted"


# --- recipes -------------------------------------------------------------------------------------------------------


@every_case
def test_in_a_recipe_as_in_python(case):
    written = {"kind": case.transform.kind, **case.settings}
    entry = {"name": "kd", "weight": 0.9, "temperature": T, "transform": written}
    read = LOSSES.validate_python([entry])
    expected = 0.9 * KD(temperature=T).after(case.transform)
    assert objective_from(read) == expected
    assert LOSSES.dump_python(read) == [entry]
    assert LOSSES.validate_json(LOSSES.dump_json(read)) == read
    assert LOSSES.validate_python(expected.entries()) == read
    assert f"transform={case.transform!r}" in repr(expected)


@every_transform
def test_a_term_has_the_cards_of_both(transform):
    """A bundle's card cites both papers."""
    assert KD().cards == (KD.card,)
    assert KD().after(transform()).cards == (KD.card, transform.card)


@every_transform
def test_a_name_alone_is_its_defaults(transform):
    (read,) = LOSSES.validate_python([{"name": "kd", "transform": transform.card.name}])
    assert term_from(read).transform == transform()


def test_no_transform_leaves_an_entry_as_it_was():
    """A recipe from before has the digest that it had."""
    (read,) = LOSSES.validate_python([{"name": "kd", "weight": 0.9, "temperature": 2.0}])
    assert read.model_dump() == {"name": "kd", "weight": 0.9, "temperature": 2.0}
    assert read.parameters == {"temperature": 2.0}


@every_transform
def test_refuses_settings_out_of_range(transform):
    for invalid in load(transform.card.name).INVALID:
        with pytest.raises(ValidationError, match=next(iter(invalid))):
            transform(**invalid)
    with pytest.raises(ValidationError, match="betta"):
        LOSSES.validate_python([{"name": "kd", "transform": {"kind": transform.card.name, "betta": 1}}])


@every_function
def test_a_function_refuses_settings_out_of_range(transform):
    for invalid in load(transform.card.name).INVALID:
        function = getattr(package, transform.card.name)
        student, teacher, _ = logits(3)
        given = [student, teacher] + ([torch.zeros(3).long()] if "labels" in transform.card.needs else [])
        with pytest.raises(ValueError, match=next(iter(invalid))):
            function(*given, **({"temperature": T} | invalid))


def test_an_unknown_transform_is_answered_with_the_valid_ones():
    with pytest.raises(ValidationError) as caught:
        LOSSES.validate_python([{"name": "kd", "transform": "standardise"}])
    assert all(name in str(caught.value) for name in TRANSFORMS)


@pytest.mark.parametrize(
    "name", ["cross_entropy", "hard_labels", "sp", "margin_mse", "regression_kd", "embedding_mse", "uld"]
)
def test_losses_of_no_distribution_take_none(name):
    with pytest.raises(ValidationError, match="transform"):
        LOSSES.validate_python([{"name": name, "transform": "standardize"}])
    with pytest.raises(ValueError, match=f"{name} compares no distributions over classes that could be transformed"):
        CATALOG[name]().after(Standardize())


@pytest.mark.parametrize("transform", [one for one in TRANSFORMS.values() if one.softens])
def test_a_transform_of_temperatures_wants_one(transform):
    words = f"transform {transform.card.name} works at a temperature, and logit_mse has none; leave it out, or take kd"
    with pytest.raises(ValidationError, match=words):
        LOSSES.validate_python([{"name": "logit_mse", "transform": transform.card.name}])
    with pytest.raises(ValueError, match=words):
        LogitMSE().after(transform())


@every_case
def test_a_part_of_the_logits_is_refused(case):
    student, teacher, labels = logits(4)
    codec = TopKCodec(k=2)
    told = codec.decode(codec.encode(Outputs(teacher)), 5).logits
    with pytest.raises(LimbeckError) as caught:
        KD(temperature=1).after(case.transform).sum(Outputs(student), Outputs(told), batch_of(labels))
    assert str(caught.value) == (
        f"losses: transform {case.transform.kind} reads every logit, and the teacher's answers are topk; take "
        "cache.codec=dense, or leave it out"
    )


def test_what_is_transformed_is_not_convex():
    assert KD().convex
    assert not KD().after(Standardize()).convex
    assert CrossEntropy().convex


# --- cards ---------------------------------------------------------------------------------------------------------


def test_every_file_is_in_the_catalogue_and_has_a_reference():
    files = {path.stem for path in Path(package.__file__).parent.glob("[!_]*.py")} - {"transform"}
    assert set(TRANSFORMS) == files == {path.stem for path in REFERENCES.glob("[!_]*.py")}
    assert {CTKD, CWSM, FLSW, LabelSmoothing, ProbabilityShift, Standardize} <= set(TRANSFORMS.values())


@every_transform
def test_card_is_complete(transform):
    card = transform.card
    assert card.kind == "transform"
    assert transform().kind == card.name
    optional = ("tap", "convex", "decides", "defaults", "also")
    assert all(getattr(card, field.name) or field.name in optional for field in fields(card))
    assert card.citation.startswith("@")
    assert set(card.defaults) <= {"weight", "temperature", *type(transform()).model_fields}


@every_function
def test_docstring_is_complete(transform):
    card, function = transform.card, getattr(package, transform.card.name)
    assert tuple(inspect.signature(function).parameters)[: len(card.positional)] == card.positional
    doc = inspect.getdoc(function)
    for name in inspect.signature(function).parameters:
        assert f"\n    {name}: " in doc, name
    assert all(f"\n    {error}: " in doc for error in ("TypeError", "ValueError"))
    result = doctest.testmod(importlib.import_module(f"limbeck.losses.transforms.{card.name}"))
    assert (result.attempted > 0, result.failed) == (True, 0)
