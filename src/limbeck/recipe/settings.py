"""The recipe's own settings, composed of those of the components that obey them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from limbeck.cache import CacheSettings
from limbeck.cache.codecs import DEFAULT, Codec
from limbeck.data import TaskOptions
from limbeck.digest import digest
from limbeck.losses import LossSettings, temperatures
from limbeck.networks import NetworkSettings
from limbeck.recipe.data import DataSettings
from limbeck.recipe.fits import (
    require_codec_fits,
    require_copies_fit,
    require_data_fit,
    require_engine_fits,
    require_engine_gives,
    require_losses_fit,
    require_losses_take,
    require_omission_fits,
    require_selection_fits,
    require_selection_knows,
    require_teacher_fits,
    require_teacher_reads,
)
from limbeck.recipe.grid import MOST_POINTS, Candidate, Combinations, Grid, Points, candidates, dotted, points_of
from limbeck.recipe.moving import require_cache_unset, require_labels_teach, require_not_moving
from limbeck.settings import Settings
from limbeck.settings.changes import flat
from limbeck.settings.yaml import write_yaml
from limbeck.tasks import ClassificationSettings, TaskSettings
from limbeck.teachers import TeacherSettings

ArmName = Literal["student", "baseline", "hard_labels", "ceiling"]
"""Ways of training the student, in the order in which they are trained and reported."""


class UntilSettings(Settings):
    """The level on validation at which an arm's training ends: exactly one of the two."""

    accuracy: Annotated[float | None, Field(gt=0, le=1, description="on validation, a fraction")] = None
    retention: Annotated[
        float | None, Field(gt=0, le=2, description="the run's metric on validation, relative to the teacher's")
    ] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "UntilSettings":
        if (self.accuracy is None) == (self.retention is None):
            raise ValueError("give accuracy or retention, one of the two (set the other to null)")
        return self


class CurveSettings(Settings):
    """Smaller budgets, at which student and baseline are trained besides; the run itself is the largest one."""

    steps: Annotated[
        list[Annotated[float, Field(gt=0, le=1)]] | None,
        Field(
            min_length=1,
            max_length=100,
            description="shares of the steps, each with its own whole schedule; null: no such curve",
        ),
    ] = None
    labels: Annotated[
        list[Annotated[int, Field(ge=2)]] | None,
        Field(
            min_length=1,
            max_length=100,
            description="labels of teacher, student and baseline alike; null: no such curve",
        ),
    ] = None

    @field_validator("steps", "labels")
    @classmethod
    def _ascending(cls, budgets: list[float] | None) -> list[float] | None:
        if budgets is not None and len(set(budgets)) < len(budgets):
            raise ValueError("a budget stands twice; each is one point of the curve")
        return budgets and sorted(budgets)

    @model_validator(mode="after")
    def _something_to_draw(self) -> "CurveSettings":
        if self.steps is None and self.labels is None:
            raise ValueError("give steps, labels or both (or set curves to null)")
        return self


class BudgetSettings(Settings):
    """What a run and its student may take."""

    minutes: Annotated[
        float | None,
        Field(
            gt=0,
            le=10_000,
            description="of the run on two idle processor cores, by a fixed table of costs; null: nothing is planned",
        ),
    ] = None
    megabytes: Annotated[
        float | None, Field(gt=0, description="parameters of the student in float32; null: any size")
    ] = None
    milliseconds: Annotated[
        float | None,
        Field(gt=0, description="processor time of the student for one row, measured on one thread; null: any time"),
    ] = None

    @model_validator(mode="after")
    def _something_to_keep(self) -> "BudgetSettings":
        if self.minutes is None and self.megabytes is None and self.milliseconds is None:
            raise ValueError("give minutes, megabytes or milliseconds (or set budget to null)")
        return self

    @property
    def of_the_student(self) -> "BudgetSettings | None":
        """What is left when the run is planned."""
        if self.megabytes is None and self.milliseconds is None:
            return None
        return self.model_copy(update={"minutes": None})


class SelectionSettings(Settings):
    """By what an arm chooses among the points of the grid, where validation has too few rows for that."""

    folds: Annotated[
        int | None,
        Field(ge=2, le=10, description="of the labelled rows, for the baseline: cross-validation; null: none"),
    ] = None
    unlabelled: Annotated[
        int | None,
        Field(
            ge=10,
            description="unlabelled rows that no student learns from: arms with a teacher take what comes nearest to "
            "its answers for them; null: none",
        ),
    ] = None


class Recipe(Settings):
    """The complete description of a run."""

    name: Annotated[
        str, Field(pattern=r"^\w[\w.-]*$", max_length=200, description="of the run; the file's name by default")
    ] = "run"  # of a folder too, and no file system takes more than 255 bytes
    seeds: Annotated[
        list[Annotated[int, Field(ge=0, lt=2**32)]],
        Field(min_length=1, max_length=1_000, description="initialisation and order, the same for every arm"),
    ] = [0, 1, 2]
    task: TaskSettings = ClassificationSettings()
    data: DataSettings
    teacher: TeacherSettings
    student: NetworkSettings
    cache: Annotated[CacheSettings, Field(description="how the teacher's answers are kept")] = CacheSettings()
    baseline: Annotated[
        dict[str, Any] | Literal[False], Field(description="overrides of student for this arm; false: no baseline")
    ] = {}
    arms: Annotated[
        list[ArmName],
        Field(
            description="what is trained and compared; hard_labels: the student, told the teacher's decisions only; "
            "ceiling: the student, trained with the labels of data.target"
        ),
    ] = ["student", "baseline"]
    grid: Annotated[
        Grid,
        Field(
            description="keys of student and their candidates, in all combinations; or a list of points, each of keys "
            "and values, of which `model` replaces the whole model; every arm takes its best on validation, or by "
            "`selection`"
        ),
    ] = {}
    selection: Annotated[
        SelectionSettings, Field(description="by what an arm chooses among the points of the grid, if not validation")
    ] = SelectionSettings()
    losses: Annotated[list[LossSettings], Field(min_length=1, max_length=100, description="the student's objective")]
    until: Annotated[
        UntilSettings | None, Field(description="end an arm's training where validation is so good; null: never")
    ] = None
    curves: Annotated[
        CurveSettings | None,
        Field(description="quality against steps and against labels, with and without the teacher; null: not asked"),
    ] = None

    budget: Annotated[
        BudgetSettings | None,
        Field(
            description="what the recipe leaves out is chosen from the data, so that a run takes about so long; the "
            "choices stand in the run's recipe.yaml; null: what it leaves out has its defaults"
        ),
    ] = None

    _folder: Path | None = PrivateAttr(default=None)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed stands twice; each counts once")
        return seeds

    @field_validator("data")
    @classmethod
    def _labels_of_the_task(cls, data: DataSettings, info: ValidationInfo) -> DataSettings:
        if (task := _task(info)) is not None:
            require_data_fit(data, task)
        return data

    @field_validator("teacher")
    @classmethod
    def _teacher_of_the_task(cls, teacher: TeacherSettings, info: ValidationInfo) -> TeacherSettings:
        if (data := info.data.get("data")) is not None:
            require_teacher_reads(teacher, data, _task(info))
            require_copies_fit(data, teacher)
            require_omission_fits(data, teacher)
        if (task := _task(info)) is not None:
            require_teacher_fits(teacher, task, data)
        return teacher

    @field_validator("cache")
    @classmethod
    def _codec_of_the_teacher(cls, cache: CacheSettings, info: ValidationInfo) -> CacheSettings:
        require_cache_unset(cache, info.data.get("teacher"))
        require_codec_fits(cache.codec, info.data.get("teacher"), _task(info))
        require_engine_fits(cache, info.data.get("teacher"))
        return cache

    @field_validator("baseline", mode="before")
    @classmethod
    def _keys_or_false(cls, baseline: Any) -> Any:
        if baseline is not False and not isinstance(baseline, Mapping):
            raise ValueError("give keys of student and their values, or false for no baseline")
        return flat(baseline) if baseline else baseline

    @field_validator("arms")
    @classmethod
    def _student_and_others(cls, arms: list[ArmName], info: ValidationInfo) -> list[ArmName]:
        if len(set(arms)) < len(arms):
            raise ValueError("an arm stands twice; each is trained once")
        if "student" not in arms:
            raise ValueError("student is missing; the others are compared with it")
        if "ceiling" in arms and "data" in info.data and info.data["data"].target is None:
            raise ValueError("ceiling learns the labels of data.target, which is not set; set it, or leave ceiling out")
        if "hard_labels" in arms:
            asks = "hard_labels learns a teacher's decisions without the student's soft targets"
            require_not_moving(info.data.get("teacher"), asks, "leave it out")
        return sorted(arms, key=get_args(ArmName).index)

    @field_validator("selection")
    @classmethod
    def _selection_of_the_task(cls, selection: SelectionSettings, info: ValidationInfo) -> SelectionSettings:
        if selection.unlabelled is not None:
            asks = "unlabelled compares students with a teacher's answers"
            require_not_moving(info.data.get("teacher"), asks, "leave it out")
        if (task := _task(info)) is not None:
            require_selection_fits(selection.unlabelled, task)
        if (cache := info.data.get("cache")) is not None:
            require_selection_knows(selection.unlabelled, cache.codec)
        return selection

    @field_validator("losses")
    @classmethod
    def _losses_of_the_task(cls, losses: list[LossSettings], info: ValidationInfo) -> list[LossSettings]:
        if not any(loss.counts for loss in losses):
            raise ValueError("every weight is 0, so that nothing is learned; give one that is not")
        if (task := _task(info)) is not None:
            require_losses_fit(losses, task, info.data.get("arms", []))
        if (cache := info.data.get("cache")) is not None:
            require_losses_take(losses, cache.codec, info.data.get("arms", []))
            require_engine_gives(losses, cache)
        require_labels_teach(losses, info.data.get("teacher"))
        return losses

    @field_validator("until")
    @classmethod
    def _a_level_that_is_known(cls, until: UntilSettings | None, info: ValidationInfo) -> UntilSettings | None:
        if until is not None and until.retention is not None:
            asks = "retention is a share of a teacher's score that is known before"
            require_not_moving(info.data.get("teacher"), asks, "give accuracy")
        return until

    @field_validator("curves")
    @classmethod
    def _two_arms_to_their_end(cls, curves: CurveSettings | None, info: ValidationInfo) -> CurveSettings | None:
        alone = info.data.get("baseline") is False or "baseline" not in info.data.get("arms", ["baseline"])
        if curves is not None and alone:
            raise ValueError("what a teacher saves is told against a baseline: set baseline={} and name it in arms")
        if curves is not None and info.data.get("until") is not None:
            raise ValueError("until ends trainings, and a curve asks how good a whole one gets: set one to null")
        if curves is not None:
            require_not_moving(info.data.get("teacher"), "curves compare students of one teacher", "set curves to null")
        return curves

    @field_validator("budget")
    @classmethod
    def _a_plan_for_a_teacher(cls, budget: BudgetSettings | None, info: ValidationInfo) -> BudgetSettings | None:
        if budget is not None and budget.minutes is not None:
            asks = "minutes are shared out among a teacher, its answers and the students"
            require_not_moving(info.data.get("teacher"), asks, "leave minutes out")
        return budget

    @field_validator("grid", mode="before")
    @classmethod
    def _dotted(cls, grid: Any) -> Any:
        return dotted(grid)

    @field_validator("grid")
    @classmethod
    def _not_too_many(cls, grid: Combinations | Points) -> Combinations | Points:
        if (found := points_of(grid)) > MOST_POINTS:
            raise ValueError(f"{found:,} points, each of them a training of every arm; {MOST_POINTS:,} are the most")
        return grid

    @property
    def digest(self) -> str:
        """Names what the recipe's result depends on: not its name, nor where answers are; the rest where it is set."""
        unset = {name for name in ("until", "curves", "budget") if getattr(self, name) is None}
        if self.selection == SelectionSettings():
            unset.add("selection")
        if self.cache.codec == DEFAULT and not self.cache.exports:
            unset.add("cache")
        values = self.model_dump(mode="json", exclude={"name"} | unset)
        if self.data.group is None:
            values["data"].pop("group")
        values.get("cache", {}).pop("path", None)
        if not self.cache.exports:
            values.get("cache", {}).pop("engine", None)
        return digest(values)

    @property
    def codec(self) -> Codec:
        """How the answers that students learn from are stored, with what the codec has to know of the losses."""
        return self.cache.codec.settled(temperatures(self.losses))

    @property
    def buckets_open(self) -> bool:
        """Whether nobody has said how many buckets the student's network has."""
        return "buckets" not in self.student.model.model_fields_set

    @property
    def folder(self) -> Path | None:
        """Where the recipe's file is; modules beside it can be imported. None for a recipe made in Python."""
        return self._folder

    @property
    def trained_arms(self) -> tuple[ArmName, ...]:
        """The arms to train, in the order in which that is done."""
        return tuple(name for name in self.arms if name != "baseline" or self.baseline is not False)

    def arm(self, name: str) -> NetworkSettings:
        """Return the settings of an arm before tuning; `baseline` alone may differ from `student`."""
        if name != "baseline" or not self.baseline:
            return self.student
        return self.student.changed(self.baseline, "baseline.")

    def losses_of(self, name: str) -> list[LossSettings]:
        """Return the losses of an arm that listens to the teacher."""
        return self.task.decided(self.losses) if name == "hard_labels" else list(self.losses)

    def candidates(self, name: str) -> list[Candidate]:
        """Return every point of the grid for an arm: what is told of it, and the settings with it."""
        return candidates(self.grid, self.arm(name))

    def to_yaml(self) -> str:
        """Return the recipe as YAML, every default written out."""
        return write_yaml(self.model_dump(mode="json"))


def _task(info: ValidationInfo) -> TaskOptions | None:
    """Return what is predicted, where the recipe says it rightly."""
    return info.data.get("task")
