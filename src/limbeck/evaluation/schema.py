"""The form of `evaluation.json`: everything the report says, as fractions, bytes, milliseconds and nats."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from limbeck.evaluation.metric import MetricName

SCHEMA_VERSION = 2
BUSY = 1.3
"""Wall over processor time above which a machine is said to have been busy."""

Verdict = Literal["helps", "no_difference", "hurts", "one_seed", "no_baseline"]

Fraction = float
"""A share in [0, 1]; the report multiplies by 100."""


class Record(BaseModel):
    """A frozen part of the evaluation; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Timed(Record):
    """How long one example takes: text in, label out, on one thread."""

    cpu_ms: float | None = Field(
        default=None,  # so that files written before it was measured stay readable
        ge=0,
        description="processor milliseconds of one example, median: what `x times faster` is made of",
    )
    latency_ms: float = Field(ge=0, description="wall milliseconds of one example, 10th percentile")
    wall_per_cpu: float | None = Field(
        default=None, ge=0, description="wall over processor time of one example, median; above 1.3: machine busy"
    )

    @property
    def time_ms(self) -> float:
        """The time that ratios are made of: processor time, which other programs move little; else the latency."""
        return self.latency_ms if self.cpu_ms is None else self.cpu_ms

    @property
    def busy(self) -> bool:
        """True when the machine did so much else that the wall time says little."""
        return self.wall_per_cpu is not None and self.wall_per_cpu > BUSY


class Cost(Timed):
    """What a model costs to run; networks run in one engine."""

    parameters: int = Field(ge=0, description="weights and biases, embeddings included")
    size_bytes: int = Field(ge=0, description="the ONNX file")
    throughput_per_s: float = Field(ge=0, description="examples per processor second, batches of 64, median")


class Scores(Record):
    """One seed's quality on the test split."""

    seed: int | None = Field(description="null for a model that has no seed")
    accuracy: Fraction
    f1_macro: Fraction
    nll: float = Field(description="mean negative log-likelihood of the true class, nats")
    ece: Fraction = Field(description="expected calibration error, 15 equal-width bins")


class LearningCurve(Record):
    """Validation quality while one seed trained."""

    seed: int
    steps: list[int]
    nll: list[float]
    accuracy: list[Fraction]
    f1_macro: list[Fraction] = Field(default_factory=list, description="where it is the run's metric")
    best_step: int = Field(description="the checkpoint kept: best on validation, the last, or that at the level")


class Reliability(Record):
    """Confidence against accuracy in equal-width bins, of the seed shown; empty bins are left out."""

    confidence: list[Fraction]
    accuracy: list[Fraction]
    count: list[int]


class ClassScores(Record):
    """How a model fares on the rows of one class, and on those that it takes for it; means over seeds."""

    name: str
    rows: int = Field(description="test rows of this class")
    recall: Fraction | None = Field(description="null: no test row is of this class")
    precision: Fraction | None = Field(description="of the seeds that decide for it; null: none does")
    f1: Fraction
    decided: float = Field(description="test rows taken for this class")


class Block(Record):
    """One model of the comparison: seed means, and each seed."""

    accuracy: Fraction
    f1_macro: Fraction
    nll: float
    ece: Fraction
    per_seed: list[Scores]
    cost: Cost | None = Field(description="null when the model could not be exported")
    settings: dict[str, float | int | str | bool | None] = Field(
        default_factory=dict, description="what was chosen on validation, e.g. train.lr"
    )
    curves: list[LearningCurve] = Field(default_factory=list)
    per_class: list[ClassScores] = Field(default_factory=list, description="in the order of `data.classes`")
    shown_seed: int | None = Field(
        default=None, description="whose reliability and confusion are shown: the seed best on validation, which ships"
    )
    reliability: Reliability | None = None
    confusion: list[list[int]] | None = Field(default=None, description="rows true, columns predicted; seed shown")


class Fidelity(Record):
    """How closely an arm follows the teacher on the test split, seed means."""

    retention: float | None = Field(description="arm metric / teacher metric; null: one of the two is at chance")
    agreement: Fraction = Field(description="share of equal decisions")
    kl_to_teacher: float = Field(description="mean KL(teacher || arm), nats, temperature 1")


class Chance(Record):
    """A model's balanced accuracy beside that of a constant prediction."""

    balanced_accuracy: Fraction = Field(description="mean of the recalls of the classes that the labels show")
    ci95: tuple[float, float] = Field(description="over the choice of rows")
    constant: Fraction = Field(description="of any constant prediction: 1 / (classes that the labels show)")
    at_chance: bool = Field(description="the interval reaches down to the constant prediction: there is no retention")


class Difference(Record):
    """One model minus another, in a metric on the same test examples; seed means."""

    metric: MetricName
    mean: float
    ci95: tuple[float, float] = Field(description="bootstrap over examples and, where there are several, seeds")


class Gain(Record):
    """One arm minus another, for example student minus baseline: the metric on the same test examples."""

    metric: MetricName
    mean: float
    ci95: tuple[float, float]
    p_value: Fraction = Field(description="swap test over the test examples; of accuracy the sign-flip test")
    p_seeds: Fraction | None = Field(description="Welch's t-test over the seeds' values; null with one seed")
    per_seed: list[float] = Field(description="in the order of `seeds`")


class Decomposition(Record):
    """The gain in two parts, which add up to it."""

    text: Gain = Field(description="hard_labels minus baseline: more text, labelled by the teacher's decisions")
    soft_targets: Gain = Field(description="student minus hard_labels: the teacher's distribution, on the same text")


class Disagreement(Record):
    """A test snippet on which student and teacher differ most."""

    text: str
    label: str
    teacher: str
    student: str
    teacher_probability: Fraction = Field(description="the teacher's probability of its own decision")
    student_probability: Fraction = Field(description="the student's probability of its own decision")


class BundleRecord(Timed):
    """The exported student, compared with the PyTorch student on real inputs."""

    precision: Literal["fp32", "int8"]
    size_bytes: int = Field(description="the whole folder")
    max_abs_error: float = Field(description="largest logit difference of the fp32 file")
    agreement: Fraction = Field(
        description="share of equal decisions of the shipped file; int8: the lowest of alone, batched and shuffled"
    )
    agreement_low: Fraction | None = Field(
        default=None, description="lower bound of the agreement, one-sided 95 % (Clopper-Pearson)"
    )
    agreement_rows: int | None = Field(
        default=None, description="rows that were compared: of validation for fp32, unlabelled transfer rows for int8"
    )
    instructions: str | None = Field(
        default=None, description="architecture and vector instructions of the machine that compared and timed"
    )
    exceptions: int = Field(description="rows whose fp32 decision differs although the margin exceeds 1e-3")
    seed: int = Field(description="the seed best on validation")
    int8: str = Field(description="why int8 was taken or left")


class TestEvaluation(Record):
    """One use of the test split in this run folder."""

    time: str = Field(description="UTC, ISO 8601")
    recipe_digest: str
    models: list[str]


class Level(Record):
    """The level on validation at which an arm's training ended, or would have."""

    metric: Literal["accuracy", "retention"] = Field(description="what the recipe asks for")
    value: float = Field(description="of that metric")
    quantity: MetricName = Field(description="what is measured on validation; of retention: the run's metric")
    level: float = Field(description="of that quantity on validation; above 1: out of reach")


Budget = Literal["steps", "labels"]


class BudgetPoint(Record):
    """Student and baseline, trained with a budget of steps or labels."""

    budget: Fraction = Field(description="share of the largest one, which is the run itself")
    amount: int = Field(description="optimizer steps of the student, or labelled rows")
    accuracy: dict[str, list[Fraction]] = Field(
        description="on the test split, by arm, in the order of `seeds`; of a curve over labels also `illustration`: "
        "the student whose teacher has seen all labels"
    )
    teacher: Fraction | None = Field(
        default=None, description="the accuracy on validation of the teacher of so many labels; null: it is the run's"
    )


class BudgetCurve(Record):
    """Quality against a budget, and how much of it the student needs for what the baseline makes of all."""

    points: list[BudgetPoint] = Field(description="the smallest budget first; the last one is the run itself")
    ratio: Fraction | None = Field(
        description="the share of the budget at which the student's seed mean reaches the baseline's at the largest "
        "one; between two points a straight line over the logarithm of the budget; null: not reached"
    )
    at_most: bool = Field(description="the smallest budget was enough: the ratio is at most this")


class BudgetCurves(Record):
    """Quality against budgets, each trained with its own whole schedule and tuned on validation by itself."""

    steps: BudgetCurve | None = None
    labels: BudgetCurve | None = Field(default=None, description="the teacher has seen the same labels, no others")


class ViewRecord(Record):
    """What one network reads of the training texts, the transfer set as it was read."""

    tokens: float = Field(description="mean number of tokens a text, as cut, without special ones")
    unknown: Fraction = Field(description="share of these tokens that the vocabulary does not have")
    cut: Fraction = Field(description="share of the texts that are longer than max_length")
    unread: int = Field(description="texts without a known token")


class DataRecord(Record):
    """What the data were, and what was dropped from them."""

    source: str
    target: str | None = Field(default=None, description="where the test rows are from; null: from the source")
    classes: list[str]
    test: int
    validation: int
    labelled: int
    unlabelled: int
    augmented: int = Field(default=0, description="unlabelled rows that `data.augment` made besides")
    ceiling: int | None = Field(default=None, description="rows of the target whose labels the arm ceiling learned")
    dropped: dict[str, int] = Field(description="rows removed, by reason")
    views: dict[str, ViewRecord] = Field(
        default_factory=dict, description="by network; of the arms, those that read as the student does are left out"
    )
    same_tokens: dict[str, int] = Field(
        default_factory=dict,
        description="test rows whose token ids, as cut, are those of a training or transfer row, by network",
    )


class Evaluation(Record):
    """A run's result."""

    schema_version: Literal[2] = SCHEMA_VERSION
    name: str = Field(description="the recipe's name")
    task: Literal["classification"] = "classification"
    metric: MetricName = Field(default="accuracy", description="what retention, gain and verdict are about")
    test_examples: int
    seeds: list[int]
    data: DataRecord
    teacher: Block
    student: Block
    baseline: Block | None
    hard_labels: Block | None = Field(default=None, description="the student, told the teacher's decisions only")
    ceiling: Block | None = Field(default=None, description="the student, trained with the labels of the target")
    floor: Block | None = Field(description="TF-IDF + logistic regression on the same labels")
    fidelity: dict[str, Fidelity] = Field(description="by arm")
    retention: float | None = Field(description="null: teacher or student is at chance")
    over_teacher: Difference = Field(description="student minus teacher")
    teacher_chance: Chance
    student_chance: Chance = Field(description="of the seed that ships")
    agreement: Fraction
    kl_to_teacher: float
    gain: Gain | None = Field(description="student minus baseline")
    gain_in_the_other_metric: Difference | None = Field(
        default=None, description="student minus baseline: in macro F1 where the run's metric is accuracy, and so on"
    )
    decomposition: Decomposition | None = Field(
        default=None, description="of the gain; null unless the baseline and hard_labels were trained"
    )
    gap_recovered: float | None = Field(
        default=None,
        description="(student - baseline) / (ceiling - baseline); null unless that gap was measured and is positive",
    )
    verdict: Verdict
    sentence: str = Field(description="the verdict in one sentence")
    statistics: str = Field(description="how sure it is, in words; empty without a baseline")
    warnings: list[str] = Field(default_factory=list, description="what the verdict alone would hide, a sentence each")
    until: Level | None = Field(default=None, description="null: every training went on to its end")
    steps_until: dict[str, list[int | None]] | None = Field(
        default=None, description="optimizer steps by arm, in the order of `seeds`; null for a seed: not reached"
    )
    curves: BudgetCurves | None = Field(default=None, description="null: the recipe asks for none")
    bundle: BundleRecord | None
    bundle_error: str | None = Field(default=None, description="why there is no bundle")
    disagreements: list[Disagreement] = Field(default_factory=list)
    test_evaluations: list[TestEvaluation]
    seconds: dict[str, float] = Field(
        default_factory=dict,
        description="wall time by stage, over all sessions of the run; without networks that were done again since",
    )

    @property
    def models(self) -> dict[str, Block]:
        """The models of the comparison that this run has, in the order in which they are shown."""
        names = ("teacher", "student", "baseline", "hard_labels", "ceiling", "floor")
        return {name: block for name in names if (block := getattr(self, name)) is not None}
