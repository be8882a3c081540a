"""The form of `evaluation.json`: everything the report says, as fractions, bytes, milliseconds and nats.

A new arm, metric or task changes nothing here: models and scores are mappings, figures and samples have a `kind`.
"""

from typing import Literal, TypeVar

from pydantic import Field

from limbeck.evaluation.figures import CopiesSample, Disagreement, Figure, FigureOf, WeakClass
from limbeck.evaluation.groups import GroupResults
from limbeck.evaluation.records import (
    Budget,
    BudgetCurve,
    BundleRecord,
    DataRecord,
    Decomposition,
    Difference,
    Fraction,
    Gain,
    Level,
    MetricRecord,
    ModelRecord,
    Record,
    SelectionRecord,
    StudentRecord,
    TeacherRecord,
    TestEvaluation,
    Usage,
    Verdict,
)

SCHEMA_VERSION = 3
ANY = Usage(noun="example", line=None, python="[...]", in_files=False)
"""Of an evaluation that an earlier version wrote."""

_F = TypeVar("_F", bound=FigureOf)


class Findings(Record):
    """What a run found, in numbers."""

    schema_version: Literal[3] = SCHEMA_VERSION
    name: str = Field(description="the recipe's name")
    task: str = Field(description="what is predicted: classification")
    modality: str = Field(description="what an example is: text, or arrays that came ready")
    usage: Usage = Field(default=ANY, description="how a student of the modality is asked")
    unit: str = Field(default="example", description="what the tests resample")
    metrics: list[MetricRecord] = Field(
        min_length=1, description="the first is the run's: what retention, gain and verdict are about"
    )
    test_examples: int
    seeds: list[int]
    solved: bool = Field(default=False, description="of every arm the network is solved, not trained: `seeds` are none")
    data: DataRecord
    models: dict[str, ModelRecord] = Field(
        description="teacher, arms, `floor`: a model without a network on the same labels, and `distilled_floor`: the "
        "linear one on the teacher's answers; in the order of the report"
    )
    teacher: TeacherRecord | None = Field(default=None, description="null: an earlier version wrote nothing of it")
    student: StudentRecord | None = Field(default=None, description="null: an earlier version wrote nothing of it")
    selection: SelectionRecord = Field(
        default=SelectionRecord(), description="by what choices were made, besides the validation split"
    )
    retention: float | None = Field(description="of the student; null: teacher or student is at chance")
    agreement: Fraction | None = Field(description="of the student with the teacher; null: nothing is decided")
    over_teacher: Difference = Field(description="student minus teacher")
    gain: Gain | None = Field(description="student minus baseline")
    other_gains: list[Difference] = Field(
        default_factory=list, description="student minus baseline, in the other metrics that could have been the run's"
    )
    teacher_over: dict[str, Difference] = Field(
        default_factory=dict, description="teacher minus each of `baseline` and `floor` that the run has"
    )
    over_distilled_floor: Difference | None = Field(
        default=None, description="student minus `distilled_floor`: what its network adds; null: there is none"
    )
    decomposition: Decomposition | None = Field(
        default=None, description="of the gain; null unless the baseline and hard_labels were trained"
    )
    gap_recovered: float | None = Field(
        default=None,
        description="(student - baseline) / (ceiling - baseline); null unless that gap was measured and is positive",
    )
    groups: GroupResults | None = Field(
        default=None, description="by the column that `data.group` names; null: it names none"
    )
    verdict: Verdict
    until: Level | None = Field(default=None, description="null: every training went on to its end")
    curves: dict[Budget, BudgetCurve] = Field(
        default_factory=dict,
        description="quality against budgets, each trained with its own whole schedule and tuned on validation by "
        "itself; over labels, a teacher that is trained in the run has seen the same labels, no others",
    )
    figures: list[Figure] = Field(default_factory=list)
    samples: list[Disagreement] = Field(default_factory=list, description="where student and teacher differ most")
    weak_classes: list[WeakClass] = Field(
        default_factory=list, description="those of the student with mistakes and the lowest F1, the lowest first"
    )
    copies: list[CopiesSample] = Field(
        default_factory=list, description="what `data.augment` makes of some examples; empty: nothing that can be seen"
    )
    test_evaluations: list[TestEvaluation]

    @property
    def metric(self) -> MetricRecord:
        """The run's metric."""
        return self.metrics[0]

    @property
    def own_uses(self) -> list[TestEvaluation]:
        """The uses of the run's own test rows; where an earlier version did not name the rows, they count as these."""
        uses = self.test_evaluations
        return [use for use in uses if use.rows is None or use.rows == uses[-1].rows]

    def figure(self, form: type[_F], model: str) -> _F | None:
        """Return a model's figure of a form, such as `Confusion`; None where there is none."""
        return next((one for one in self.figures if isinstance(one, form) and one.model == model), None)

    @property
    def averaged(self) -> bool:
        """Whether scores are means over seeds, of whatever arm."""
        return len(self.seeds) > 1 and not self.solved

    def are_solved(self, *names: str) -> bool:
        """Return whether those of these models that the run has are solved, so that no seed changes them."""
        return all(self.models[name].solved for name in names if name in self.models)

    def score(self, model: str) -> float | None:
        """Return a model's score in the run's metric, the mean over seeds; None where the run has no such model."""
        return self.models[model].scores[self.metric.name] if model in self.models else None


class Evaluation(Findings):
    """A run's result: what it found, in numbers and in words, what it delivers, and what it took."""

    sentence: str = Field(description="the verdict in one sentence")
    statistics: str = Field(description="how sure it is, in words; empty without a baseline")
    warnings: list[str] = Field(default_factory=list, description="what the verdict alone would hide, a sentence each")
    next_step: str = Field(
        default="", description="what to do next, in one sentence that ends the verdict; empty: nobody asked"
    )
    bundle: BundleRecord | None
    bundle_error: str | None = Field(default=None, description="why there is no bundle")
    finished: str = Field(description="when the evaluation was finished: UTC, ISO 8601")
    seconds: dict[str, float] = Field(
        default_factory=dict,
        description="wall time by stage, over all sessions of the run; without networks that were done again since",
    )
    cpu_seconds: float | None = Field(
        default=None, description="processor time of all stages and processes, over all sessions; null: not recorded"
    )
