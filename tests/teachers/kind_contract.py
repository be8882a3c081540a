"""What every kind of teacher keeps, whatever it is: `test_kinds.py` asks all of the catalogue."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kind_cases import Case

from made_rows import splits_of

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from tiny import recipe, write_csv

from limbeck.cache import asked_for
from limbeck.data import Splits
from limbeck.errors import LimbeckError
from limbeck.pipeline.stages.stage import Stage
from limbeck.pipeline.training.arms import preflight
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Given, Material
from limbeck.pipeline.training.teacher import settle
from limbeck.pipeline.training.work import RunWork
from limbeck.recipe import Recipe
from limbeck.teachers import Kind, Made
from limbeck.types import Tap


class Bench:
    """A case on its data, settled, with a folder to make it in.

    Args:
        case: the teacher.
        folder: empty.
        parse: makes a recipe of its values.
    """

    def __init__(self, case: Case, folder: Path, parse: Callable[[dict], Recipe] = Recipe.model_validate) -> None:
        self.case, self.folder, self.parse = case, folder, parse
        self.values = recipe(write_csv(folder / "rows.csv"), seeds=[0], teacher=case.teacher, **case.about)
        self.splits: Splits = splits_of(parse(self.values))
        self.recipe = settle(parse(self.values), self.material())

    def material(self, splits: Splits | None = None) -> Material:
        return Material(splits or self.splits, Given(self.case.module))

    @property
    def teacher(self) -> Kind:
        return self.recipe.teacher

    def make(self, splits: Splits | None = None, place: str = "run") -> tuple[Made, ...]:
        return self.teacher.make(RunWork(self.recipe, self.material(splits), self.folder / place))


def digests(made: tuple[Made, ...]) -> list[tuple[str, str]]:
    return [(one.digest, one.answers_as) for one in made]


def answers(bench: Bench, made: Made, taps: tuple[Tap, ...] = ()):
    return made.live(taps).predict(asked_for(made.view.validation, bench.splits.validation.ids, np.arange(8)))


def its_settings_are_read_back_as_they_were_written(bench: Bench) -> None:
    from limbeck.settings.yaml import read_yaml

    again = bench.parse(read_yaml(bench.recipe.to_yaml()))
    assert again.model_dump() == bench.recipe.model_dump()
    assert type(again.teacher) is type(bench.teacher)
    assert settle(again, bench.material()).to_yaml() == bench.recipe.to_yaml(), "what is settled stays as it is"


def a_check_makes_nothing_and_comes_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {*bench.folder.rglob("*")}
    bench.teacher.check(RunWork(bench.recipe, bench.material()))
    assert {*bench.folder.rglob("*")} == before
    called = []
    monkeypatch.setattr(type(bench.teacher), "check", lambda self, work: called.append(work.key))
    preflight(bench.recipe, bench.material())
    assert called == ["teacher"]


def what_is_made_is_loaded_the_next_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bench.make()
    assert len(first) == len(bench.teacher.members)
    with monkeypatch.context() as patched:
        patched.setattr(Stage, "working", lambda stage: pytest.fail(f"{stage.folder.name} is made again"))
        again = bench.make()
    assert digests(again) == digests(first)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(answers(bench, one).logits, answers(bench, other).logits)
    elsewhere = bench.make(place="elsewhere")
    assert digests(elsewhere) == digests(first), "nothing of a folder's name is in a digest"


def its_answers_are_finite_logits_under_its_name(bench: Bench) -> None:
    for made in bench.make():
        found = answers(bench, made).logits
        assert found.shape == (8, bench.splits.task.outputs)
        assert found.dtype == torch.float32
        assert found.isfinite().all()
        assert not found.requires_grad
        assert made.live().digest == made.answers_as
        assert len(made.answers_as) == len(made.digest) == 16


def other_labels_make_another_teacher_where_it_refits(bench: Bench) -> None:
    labelled = bench.splits.labelled
    turned = replace(
        bench.splits, labelled=replace(labelled, labels=replace(labelled.labels, values=1 - labelled.labels.values))
    )
    for splits in (bench.splits.keeping(20), turned):
        for one, other, member in zip(bench.make(), bench.make(splits, "other"), bench.teacher.members, strict=True):
            assert (one.digest != other.digest) == member.refits
            same = torch.equal(answers(bench, one).logits, answers(bench, other).logits)
            assert (one.answers_as == other.answers_as) == same
            assert same or member.refits
    assert bench.teacher.refits == any(member.refits for member in bench.teacher.members)


def only_what_took_steps_may_take_more(bench: Bench) -> None:
    steps = [made.history.steps if isinstance(made, Trained) else 0 for made in bench.make()]
    assert [member.by_steps for member in bench.teacher.members] == [taken > 0 for taken in steps]
    assert bench.teacher.by_steps == any(steps)


def a_changed_weight_makes_another_teacher(bench: Bench) -> None:
    first = digests(bench.make())
    if bench.case.edit is not None:
        bench.case.edit()
        for (one, says), (another, says_now) in zip(first, digests(bench.make()), strict=True):
            assert one != another
            assert says != says_now


def it_gives_activations_or_says_that_it_has_none(bench: Bench) -> None:
    path = bench.case.tap or "anything"
    values = bench.values | {"losses": [{"name": "fitnet", "student": bench.case.student, "teacher": path}]}
    wanted = settle(bench.parse(values), bench.material())
    assert ("taps" in bench.teacher.gives) == (bench.case.tap is not None)
    if bench.case.tap is None:
        with pytest.raises(LimbeckError, match=f"a teacher of kind {bench.teacher.kind} has none to give"):
            preflight(wanted, bench.material())
        return
    preflight(wanted, bench.material())
    for made in bench.make():
        assert answers(bench, made, (Tap(path),)).features[path].shape[0] == 8


CONTRACT = (
    its_settings_are_read_back_as_they_were_written,
    a_check_makes_nothing_and_comes_first,
    what_is_made_is_loaded_the_next_time,
    its_answers_are_finite_logits_under_its_name,
    other_labels_make_another_teacher_where_it_refits,
    only_what_took_steps_may_take_more,
    a_changed_weight_makes_another_teacher,
    it_gives_activations_or_says_that_it_has_none,
)


def ask(claim: Callable[..., None], bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a case for one of the claims above."""
    more = (monkeypatch,) if "monkeypatch" in claim.__annotations__ else ()
    claim(bench, *more)
