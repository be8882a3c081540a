"""Which point of the grid an arm takes: the best one, or one that is solved and as good."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.console import say
from limbeck.errors import LimbeckError
from limbeck.evaluation.calibration import follow
from limbeck.evaluation.records import Level
from limbeck.files import read_json, write_json
from limbeck.models import is_solved
from limbeck.networks import NetworkSettings
from limbeck.pipeline.training.crossed import cross, cross_solved
from limbeck.pipeline.training.learn import Trained, best_by, chooses, train_network
from limbeck.pipeline.training.material import Lesson, Material
from limbeck.pipeline.training.teacher import RunTeacher
from limbeck.ranks import ranks
from limbeck.recipe import Recipe
from limbeck.recipe.grid import Candidate, called
from limbeck.teachers import Moving, Teacher
from limbeck.trainer import History

GROUPS = 20
"""Of the rows that choose: each is left out once for the standard error of a difference."""
SIDE = 1.96
"""Standard errors on either side of a 95 % interval."""


@dataclass(frozen=True)
class ArmWork:
    """What the networks of an arm have in common.

    Attributes:
        name: of the arm.
        title: what it is called in the run.
        recipe: of the run.
        material: the rows of the arm.
        answers: of the teacher.
        teacher: whom the arm listens to, or how it is made beside each network; None: nobody.
        until: the level that ends a training; None: none.
    """

    name: str
    title: str
    recipe: Recipe
    material: Material
    answers: RunTeacher
    teacher: Teacher | Moving | None
    until: Level | None

    @property
    def folds(self) -> int | None:
        """Of the labelled rows, by which the arm chooses; None: it chooses otherwise."""
        return self.recipe.selection.folds if self.name == "baseline" else None

    def train(self, settings: NetworkSettings, place: Path, title: str, *, seed: int) -> Trained:
        """Return a network that has learned from all rows of the arm."""
        lesson = self.lesson(settings, self.material)
        return train_network(settings, self.material, lesson, seed=seed, folder=place, title=title, until=self.until)

    def cross(
        self, point: dict[str, Any], settings: NetworkSettings, place: Path, title: str
    ) -> tuple[list[float], Candidate]:
        """Return what a point is chosen by on folds, and the point with what it has chosen there for itself."""
        assert self.folds is not None
        if not is_solved(settings.model):
            return cross(self.folds, self.material, settings, self._train_fold, place, title), (point, settings)
        scores, chosen = cross_solved(self.folds, self.material, settings, lambda part: self.lesson(settings, part))
        settled = settings.model_copy(update={"model": settings.model.taking(chosen)})
        return scores, (point, settled)

    def _train_fold(self, part: Material, settings: NetworkSettings, place: Path, title: str) -> Trained:
        """Return a network of the first seed that has learned from a part of the rows."""
        lesson = self.lesson(settings, part)
        return train_network(settings, part, lesson, seed=self.recipe.seeds[0], folder=place, title=title)

    def lesson(self, settings: NetworkSettings, material: Material) -> Lesson:
        """Return what a network of the arm learns of rows."""
        if self.teacher is None:
            return material.from_labels(settings, "ceiling" if self.name == "ceiling" else "taught")
        lesson = material.from_teacher(settings, self.recipe, self.teacher, self.answers.names, arm=self.name)
        return replace(lesson, inputs={**lesson.inputs, **self.answers.kept})


@dataclass(frozen=True)
class PassedOver:
    """A trained network that is not shown to be better than a solved one, and came out better.

    Attributes:
        name: of the network.
        margin: by how much it is better, in what the arm chooses by.
        error: the standard error of that difference.
    """

    name: str
    margin: float
    error: float


@dataclass(frozen=True)
class Tuned:
    """The point of the grid that an arm takes.

    Attributes:
        best: its number.
        candidates: all points, with what their networks have chosen on folds.
        passed_over: what was no better than the solved network that was taken; None: the best one was taken.
    """

    best: int
    candidates: list[Candidate]
    passed_over: PassedOver | None = None


def tune(work: ArmWork, candidates: list[Candidate], tuning: Path) -> Tuned:
    """Find the point of the grid that an arm takes.

    It is the best one. Where that is trained, an arm with a teacher takes the best of the solved ones instead, unless
    the trained one is shown to be better: the 95 % interval of the difference, over the rows that choose, is above 0.
    What is solved takes no training and depends on no seed.

    Args:
        work: of the arm.
        candidates: the points.
        tuning: folder in which the folders of the points' networks stand.

    Source:
        Breiman, Friedman, Olshen & Stone, Classification and Regression Trees, 1984, section 3.4.3, takes the simplest
        model within one standard error of the best; here it is the error of the difference, and as many as the report
        asks of a difference.
    """
    if len(candidates) == 1 and (work.folds is None or not is_solved(candidates[0][1].model)):
        return Tuned(0, candidates)
    words = called([point for point, _ in candidates])
    titles = [f"{work.title}, {each}" if each else work.title for each in words]
    places = [tuning / f"{work.name}-{index}" for index in range(len(candidates))]
    crossed: list[list[float]] = []
    if work.folds is not None:
        for index, (point, settings) in enumerate(candidates):
            scores, candidates[index] = work.cross(point, settings, places[index], titles[index])
            crossed.append(scores)
    if len(candidates) == 1:
        return Tuned(0, candidates)
    seed = work.recipe.seeds[0]
    trained = [
        work.train(settings, place, title, seed=seed)
        for (_, settings), place, title in zip(candidates, places, titles, strict=True)
    ]
    histories = [each.history for each in trained]
    best = _best(histories, crossed)
    won = "reaches the level first" if histories[best].reached_step else best_by(work.material.splits, work.folds)
    said, over = f"{words[best]} {won}", None
    if work.teacher is not None and (found := _as_good(work, candidates, trained, best)) is not None:
        solved, margin, error = found
        over = PassedOver(candidates[best][1].model.name, margin, error)
        said = f"{words[solved]}, which is solved: {said} by {margin:.2g} +- {SIDE * error:.2g}, which is not shown"
        best = solved
    decision = {
        "chosen": best,
        "seed": seed,
        "candidates": _scores(candidates, histories, work.until, crossed),
        **({} if over is None else {"passed_over": asdict(over)}),
    }
    record = tuning / f"{work.name}.json"
    if not _stands(record, decision):
        if ranks().main:
            write_json(record, decision)
        say(f"  {work.title}: {said}")
    return Tuned(best, candidates, over)


def _as_good(
    work: ArmWork, candidates: Sequence[Candidate], trained: Sequence[Trained], best: int
) -> tuple[int, float, float] | None:
    """Return the best of the solved points, by how much the best of all is better, and the standard error of that.

    None where the best one is solved itself, none is solved, or the best one is shown to be better.
    """
    solved = [index for index, (_, settings) in enumerate(candidates) if is_solved(settings.model)]
    if best in solved or not solved:
        return None
    other = max(solved, key=lambda index: trained[index].history.best)
    lesson = work.lesson(candidates[best][1], work.material)
    ours, theirs = (_chooser(trained[index], lesson, work.material) for index in (best, other))
    rows = np.arange(len(work.material.splits.validation if lesson.watched is None else lesson.watched))
    margin, error = jackknife(lambda some: ours(some) - theirs(some), rows)
    return (other, margin, error) if margin <= SIDE * error else None


def _chooser(trained: Trained, lesson: Lesson, material: Material) -> Callable[[NDArray[np.int64]], float]:
    """Return what a network is chosen by, as a function of the rows that choose: more is better."""
    view, watched = trained.view, lesson.watched
    if watched is not None:
        followed = trained.logits(view.watched)
        return lambda rows: -follow(followed[rows], watched[rows])[1]
    outputs, labels = trained.logits(view.validation), material.splits.validation.labels
    return lambda rows: chooses(lesson.task, outputs[rows], labels.take(rows))[0]


def jackknife(of: Callable[[NDArray[np.int64]], float], rows: NDArray[np.int64]) -> tuple[float, float]:
    """Return a function of rows, and its standard error over rows, by leaving out a group of them at a time.

    Args:
        of: the function.
        rows: (n,) their numbers; every 20th one is in a group, and of fewer rows each is a group.

    Returns:
        Its value, and the error: infinite of a single row, which says nothing of others.

    Source:
        Efron & Tibshirani, An Introduction to the Bootstrap, 1993, equation 11.5, with groups in the place of rows.
    """
    if (groups := min(GROUPS, len(rows))) < 2:
        return of(rows), math.inf
    left = np.array([of(rows[rows % groups != group]) for group in range(groups)])
    return of(rows), float(np.sqrt((groups - 1) * left.var()))


def _stands(record: Path, decision: dict[str, Any]) -> bool:
    """Return whether a decision is on record; one that is damaged is written anew."""
    try:
        return record.is_file() and read_json(record, dict) == decision
    except LimbeckError:
        return False


def _best(histories: Sequence[History], crossed: Sequence[list[float]]) -> int:
    def rank(index: int) -> tuple[float, list[float]]:
        history = histories[index]
        return -(history.reached_step or math.inf), crossed[index] if crossed else history.best

    return max(range(len(histories)), key=rank)


def _scores(
    candidates: Sequence[tuple[dict[str, Any], NetworkSettings]],
    histories: Sequence[History],
    until: Level | None,
    crossed: Sequence[list[float]],
) -> list[dict[str, Any]]:
    """Return what each point of the grid led to."""
    return [
        {
            "values": point,
            "best": crossed[index] if crossed else history.best,
            **({} if until is None else {"reached_step": history.reached_step}),
        }
        for index, ((point, _), history) in enumerate(zip(candidates, histories, strict=True))
    ]
