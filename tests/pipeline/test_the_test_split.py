"""The test split is read once, by the evaluation; whatever is chosen before or after is chosen on validation."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tiny import recipe, write_csv

from limbeck.data import Examples, Splits
from limbeck.pipeline import order, run
from limbeck.pipeline.judging.export import Exported
from limbeck.recipe import parse_recipe
from made_rows import splits_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Sealed:
    """A test split that may be counted and named by digest at any time, and read only while it is open."""

    def __init__(self, examples: Examples) -> None:
        self._examples, self._open = examples, False
        self.reads: list[str] = []

    @contextmanager
    def opened(self) -> Iterator[None]:
        self._open = True
        yield
        self._open = False

    def __len__(self) -> int:
        return len(self._examples)

    @property
    def values(self) -> list[str]:
        return self._read("values")

    @property
    def origin(self) -> object:
        return self._read("origin")

    @property
    def digest(self) -> str:
        return self._examples.digest

    @property
    def ids(self) -> object:
        return self._examples.ids if self._open else Named(self, "ids")

    @property
    def labels(self) -> object:
        return self._examples.labels if self._open else Named(self, "labels")

    def _read(self, name: str) -> Any:
        if not self._open:
            self.reads.append(name)
            raise AssertionError(f"the test split's {name} were read outside the evaluation")
        return getattr(self._examples, name)


class Named:
    """Values that can be put into a digest and used for nothing else."""

    def __init__(self, split: Sealed, name: str) -> None:
        self._split, self._name = split, name

    def _read(self, *_: object) -> None:
        self._split._read(self._name)

    values = present = known = property(_read)

    __array__ = __getitem__ = __len__ = __iter__ = __eq__ = __ne__ = __add__ = __sub__ = _read
    __hash__ = None


@dataclasses.dataclass
class Watched:
    """What a run did with its splits."""

    splits: Splits
    sealed: Sealed
    folder: Path
    evaluated: bool
    shipped: dict[str, object]


class Shipped(Exception):  # noqa: N818 - the end of a run that is long enough
    pass


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Run a recipe with a grid, `until` and both arms up to the bundle, on a sealed test split."""
    folder = tmp_path_factory.mktemp("sealed")
    source = write_csv(folder / "rows.csv", 140)
    values = recipe(source, grid={"train.lr": [0.01, 0.1]}, seeds=[0, 1], until={"retention": 2})
    values["data"]["split"] = {"test": 40, "validation": 30}
    values["data"]["labelled"] = 30
    values["teacher"]["accept_bad"] = True  # 30 labels make no good one
    values["student"] = values["student"] | {"train": {"steps": 6, "batch_size": 16, "lr": 0.02, "validations": 2}}
    splits = splits_of(parse_recipe(values, "test"))
    found = Watched(splits, Sealed(splits.test), folder, False, {})
    with pytest.MonkeyPatch.context() as patch:
        _watch(patch, order, found)
        with pytest.raises((Shipped, AssertionError)):
            run(parse_recipe(values, "test"), folder / "run")
    return found


def _watch(patch: pytest.MonkeyPatch, order: ModuleType, found: Watched) -> None:
    read_test, judge = order.answer_test, order.find

    def opened(function):
        def call(*args, **kwargs):
            with found.sealed.opened():
                found.evaluated = True
                return function(*args, **kwargs)

        return call

    def write_bundle(folder, student, **options):
        found.shipped = options
        raise Shipped

    patch.setattr(order, "load_splits", lambda settings, task: dataclasses.replace(found.splits, test=found.sealed))
    patch.setattr(order, "answer_test", opened(read_test))
    patch.setattr(order, "find", opened(judge))
    # Neither files nor timings are looked at here, and both take long.
    exported = lambda teacher, arms, folder: Exported({name: folder / name for name in teacher | arms}, {})  # noqa: E731
    patch.setattr(order, "export_all", exported)
    patch.setattr(order, "measure_costs", lambda *args: {})
    patch.setattr("limbeck.pipeline.judging.delivery.write_bundle", write_bundle)


def test_only_the_evaluation_reads_the_test_split(watched: Watched) -> None:
    assert not watched.sealed.reads
    assert watched.evaluated


def test_every_network_was_trained_and_tuned_before(watched: Watched) -> None:
    names = {path.parent.relative_to(watched.folder / "run") for path in watched.folder.rglob("model.safetensors")}
    assert {Path("teacher"), Path("student/seed-1"), Path("baseline/seed-1")} <= names
    assert {Path(f"tuning/{arm}-{point}") for arm in ("student", "baseline") for point in (0, 1)} <= names


def test_the_precision_that_ships_is_chosen_on_validation(watched: Watched) -> None:
    assert watched.shipped["samples"] == watched.splits.validation.values
    assert watched.shipped["unlabelled"] == watched.splits.unlabelled.values


def test_the_seal_holds(watched: Watched) -> None:
    """The tests above mean something: each of these would have been noticed."""
    sealed = Sealed(watched.splits.test)
    for read in (
        lambda: sealed.values,
        lambda: np.asarray(sealed.labels),
        lambda: np.zeros(40) == sealed.labels,
        lambda: sealed.labels.values,
        lambda: sealed.labels[0],
        lambda: len(sealed.ids),
    ):
        with pytest.raises(AssertionError, match="outside the evaluation"):
            read()
    assert len(sealed.reads) == 6
    with sealed.opened():
        assert sealed.values == watched.splits.test.values
        assert sealed.labels is watched.splits.test.labels
