"""The parts of `evaluation.json`, as fractions, bytes, milliseconds and nats; the whole is in `schema.py`."""

from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from limbeck.evaluation.metric import Better, Quantity

BUSY = 1.3
"""Wall over processor time above which a machine is said to have been busy."""

Verdict = Literal["helps", "no_difference", "hurts", "one_seed", "no_baseline"]


class Record(BaseModel):
    """A frozen part of the evaluation; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Fraction = float
"""A share in [0, 1]; the report multiplies by 100."""


# --- the models of the comparison -----------------------------------------------------------------------------------


class MetricRecord(Record):
    """What `scores` are of."""

    name: str
    title: str = Field(description="in words")
    quantity: Quantity
    better: Better
    unit: str | None = Field(default=None, description="what its numbers are of, in words; null: its name says it")


class Timed(Record):
    """How long one example takes: an example in, an answer out, on one thread."""

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
    """What a model costs to run; networks run in one engine, but for a teacher that is not exported."""

    parameters: int | None = Field(
        ge=0,
        description="weights and biases, embeddings included; of trees, of their nodes; null: nobody can count",
    )
    size_bytes: int | None = Field(
        ge=0, description="the ONNX file; of a floor, its numbers as float32 and its words; null: there is no file"
    )
    exported: bool = Field(default=True, description="false: it was timed by its own call, as it is not exported")
    throughput_per_s: float = Field(ge=0, description="examples per processor second, batches of 64, median")


class SeedScores(Record):
    """One seed's quality on the test split."""

    seed: int | None = Field(description="null for a model that has no seed")
    scores: dict[str, float] = Field(description="by metric")


class LearningCurve(Record):
    """Quality on validation while one seed trained."""

    seed: int
    steps: list[int]
    scores: dict[str, list[float]] = Field(description="by metric; `nll`, `accuracy` and the run's metric")
    best_step: int = Field(description="the checkpoint kept: best on validation, the last, or that at the level")


class Fidelity(Record):
    """How closely an arm follows the teacher on the test split, seed means."""

    retention: float | None = Field(description="arm metric / teacher metric; null: one of the two is at chance")
    agreement: Fraction | None = Field(default=None, description="share of equal decisions; null: nothing is decided")
    kl_to_teacher: float | None = Field(
        default=None, description="mean KL(teacher || arm), nats, temperature 1; null: the outputs are no distribution"
    )


class Chance(Record):
    """A model's quality beside that of a constant prediction, in a measure of which that is known."""

    title: str = Field(default="balanced accuracy", description="of the measure, in words")
    value: float = Field(
        # The name that it had while only classes were predicted.
        validation_alias=AliasChoices("value", "balanced_accuracy"),
        description="of balanced accuracy: mean of the recalls of the classes that the labels show",
    )
    ci95: tuple[float, float] = Field(description="over the choice of rows")
    constant: Fraction = Field(
        description="of any constant prediction: of balanced accuracy 1 / (classes that the labels show)"
    )
    at_chance: bool = Field(description="the interval reaches down to the constant prediction: there is no retention")


class ModelRecord(Record):
    """One model of the comparison."""

    scores: dict[str, float] = Field(description="by metric, seed means")
    per_seed: list[SeedScores]
    shown_seed: int | None = Field(
        default=None, description="whose figures are shown: the seed best on validation, which ships; null: no seed"
    )
    cost: Cost | None = Field(default=None, description="null when the model could not be exported")
    settings: dict[str, float | int | str | bool | None] = Field(
        default_factory=dict, description="what was chosen on validation, e.g. train.lr"
    )
    solved: bool = Field(default=False, description="its network is solved, not trained: one stands for every seed")
    learning: list[LearningCurve] = Field(default_factory=list)
    fidelity: Fidelity | None = Field(default=None, description="of arms; null: the teacher itself, and the floors")
    chance: Chance | None = Field(default=None, description="of the seed shown; null: not asked of the task")
    features: str | None = Field(default=None, description="of a floor: what it reads of an example; null: a network")
    method: str | None = Field(default=None, description="of a floor: what is fitted to the features; null: a network")
    steps_until: list[int | None] | None = Field(
        default=None, description="optimizer steps to the level of `until`, a seed each; null for a seed: not reached"
    )


# --- what was found -------------------------------------------------------------------------------------------------


class Difference(Record):
    """One model minus another, in a metric on the same test examples; seed means."""

    metric: str
    mean: float
    ci95: tuple[float, float] = Field(description="bootstrap over examples and, where there are several, seeds")


class Gain(Record):
    """One arm minus another, for example student minus baseline: the metric on the same test examples."""

    metric: str
    mean: float
    ci95: tuple[float, float]
    p_value: Fraction = Field(description="swap test over the test examples; of accuracy the sign-flip test")
    p_seeds: Fraction | None = Field(
        description="Welch's t-test over the seeds' values; null with one seed, and where no seed differs from another"
    )
    per_seed: list[float] = Field(description="in the order of `seeds`")


class ServedRecord(Record):
    """A language model behind a server, that labels texts."""

    model: str = Field(description="as the server calls it")
    prompt: str = Field(description="digest of what it is asked: template, labels and examples")
    terms: str | None = Field(description="licence or terms of its answers, as the user states them; null: not stated")
    texts: int = Field(ge=0, description="that it answered for")
    by_votes: int = Field(ge=0, description="of these, by drawn answers: no log-probabilities told the labels apart")
    votes: int = Field(ge=0, description="answers that were drawn")
    unnamed: int = Field(ge=0, description="of these, how many named no label")
    uniform: int = Field(ge=0, description="texts of which no answer named a label: every label is equally probable")
    requests: int = Field(ge=0, description="that were sent, those that failed among them")
    tokens: int = Field(ge=0, description="of prompts and answers")
    money: float | None = Field(ge=0, description="at the price that the user states; null: none is stated")


class TeacherRecord(Record):
    """What the teacher is, as far as advice depends on it; and who answers, where that is a server."""

    another: str = Field(description="what to type for another one: a key of its kind")
    by_steps: bool = Field(description="it was trained here step by step, so that more steps may make it better")
    like_floor: str | None = Field(
        default=None, description="what to type for one that reads what a floor does; null: none does, or this one does"
    )
    served: list[ServedRecord] = Field(default_factory=list, description="language models behind servers, in its place")


class StudentRecord(Record):
    """What the student's network is, as far as advice depends on it."""

    another: str = Field(description="what to type for another one")
    linear: str | None = Field(
        default=None, description="what to type for a linear one; null: none reads such examples, or this one is linear"
    )
    plain_losses: str | None = Field(
        default=None,
        description="what to type for kd beside the labels; null: it learned from them, or they do not fit its task",
    )
    hears_teacher: bool = Field(default=True, description="a loss compares it with the teacher")
    trained: list[str] = Field(default=[], description="networks among its candidates that are trained, not solved")
    passed_over: str | None = Field(
        default=None,
        description="the trained network that was better where students are chosen, in a 95 % interval that holds 0; "
        "the student is solved. null: the best one was taken",
    )


class SelectionRecord(Record):
    """By what choices were made, besides the validation split."""

    teacher_folds: int | None = Field(
        default=None, description="of the labelled rows, on which temperatures and weights were fitted too; null: none"
    )
    baseline_folds: int | None = Field(
        default=None, description="of the labelled rows, by which the baseline chose its point of the grid; null: none"
    )
    watched: int | None = Field(
        default=None,
        description="unlabelled rows that no arm with a teacher learned from: what came nearest to the teacher's "
        "answers for them was taken; null: none",
    )

    @property
    def none(self) -> bool:
        """Whether all was chosen on validation."""
        return self == SelectionRecord()


class Decomposition(Record):
    """The gain in two parts, which add up to it."""

    text: Gain = Field(description="hard_labels minus baseline: more text, labelled by the teacher's decisions")
    soft_targets: Gain = Field(description="student minus hard_labels: the teacher's distribution, on the same text")


class Level(Record):
    """The level on validation at which an arm's training ended, or would have."""

    metric: Literal["accuracy", "retention"] = Field(description="what the recipe asks for")
    value: float = Field(description="of that metric")
    quantity: str = Field(description="the metric that is measured on validation; of retention: the run's metric")
    level: float = Field(description="of that metric on validation; above 1: out of reach")


Budget = Literal["steps", "labels"]


class BudgetPoint(Record):
    """Student and baseline, trained with a budget of steps or labels."""

    budget: Fraction = Field(description="share of the largest one, which is the run itself")
    amount: int = Field(description="optimizer steps of the student, or labelled rows")
    accuracy: dict[str, list[Fraction]] = Field(
        description="on the test split, by arm, in the order of `seeds`; of a curve over labels also `illustration`: "
        "the student whose teacher has seen all labels, unless it came finished"
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


# --- the data, the test split, the bundle ---------------------------------------------------------------------------


class ViewRecord(Record):
    """What one network reads of the training texts, the transfer set as it was read."""

    tokens: float = Field(description="mean number of tokens a text, as cut, without special ones")
    unknown: Fraction = Field(description="share of these tokens that the vocabulary does not have")
    cut: Fraction = Field(description="share of the texts that are longer than max_length")
    unread: int = Field(description="texts without a known token")
    pieces: float | None = Field(
        default=None, description="mean number of tokens that a word is cut into; null: nothing tells where one begins"
    )


class DataRecord(Record):
    """What the data were, and what was dropped from them."""

    source: str
    target: str | None = Field(default=None, description="where the test rows are from; null: from the source")
    classes: list[str] = Field(description="what the outputs stand for, in their order")
    noun: str = Field(default="classes", description="what these are, in words")
    test: int
    validation: int
    labelled: int
    unlabelled: int
    augmented: int = Field(default=0, description="unlabelled rows that `data.augment` made besides")
    more_test: str | None = Field(default=None, description="what to type for more test rows; null: nobody said it")
    more_labels: str | None = Field(default=None, description="the same for more labelled rows")
    ceiling: int | None = Field(default=None, description="rows of the target whose labels the arm ceiling learned")
    held_out: dict[str, dict[str, list[str]]] = Field(
        default_factory=dict, description="by split that is held out by values: the values by column"
    )
    dropped: dict[str, int] = Field(description="rows removed, by reason")
    notes: list[str] = Field(default_factory=list, description="what else was said of the rows, a line each")
    views: dict[str, ViewRecord] = Field(
        default_factory=dict, description="by network; of the arms, those that read as the student does are left out"
    )
    same_tokens: dict[str, int] = Field(
        default_factory=dict,
        description="test rows whose token ids, as cut, are those of a training or transfer row, by network",
    )


class Usage(Record):
    """How a person asks a student of this modality, and speaks of its examples."""

    noun: str = Field(description="one example in words; several end with an `s`")
    line: str | None = Field(description="an example as a line of a file; null: a line holds none")
    file: str | None = Field(default=None, description="a file that holds one example; null: none does")
    files: str | None = Field(default=None, description="which files `limbeck predict` takes, in words; null: lines")
    python: str = Field(description="what `predict` takes, in Python")
    keeps: str | None = Field(default=None, description="what a bundle holds to read examples; null: nothing")
    in_files: bool = Field(description="whether more examples can come from a file")
    extra: str | None = Field(default=None, description="what limbeck is installed with to read examples; null: alone")

    @property
    def in_shell(self) -> bool:
        """Whether a student can be asked on the command line."""
        return self.line is not None or self.file is not None


class TestEvaluation(Record):
    """One use of the test split in this run folder."""

    time: str = Field(description="UTC, ISO 8601")
    recipe_digest: str
    models: list[str]
    names: dict[str, str] = Field(
        default_factory=dict,
        description="what they were called then; of earlier uses, where it is known",
    )
    rows: str | None = Field(
        default=None, description="names the test rows and their labels; null: an earlier version did not say it"
    )
    about: str = Field(default="", description="where the rows are from, and what was predicted of them")


class BundleRecord(Timed):
    """The exported student, compared with the PyTorch student on real inputs."""

    precision: Literal["fp32", "int8"]
    size_bytes: int = Field(description="the whole folder")
    max_abs_error: float = Field(
        description="largest difference of an output of the fp32 file; of values relative to their size"
    )
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
