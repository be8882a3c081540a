"""What an evaluation shows besides numbers: figures and samples, each told apart by its `kind`."""

from typing import Annotated, Literal

from pydantic import Field

from limbeck.evaluation.records import Fraction, Record


class ClassScores(Record):
    """How a model fares on the rows of one class, and on those that it takes for it; means over seeds."""

    name: str
    rows: int = Field(description="test rows of this class")
    recall: Fraction | None = Field(description="null: no test row is of this class")
    precision: Fraction | None = Field(description="of the seeds that decide for it; null: none does")
    f1: Fraction
    decided: float = Field(description="test rows taken for this class")
    offset: float | None = Field(
        default=None, description="what is added to its logit, of the seed shown; null: nothing, see task.correct_prior"
    )


class FigureOf(Record):
    """A figure of one model."""

    model: str


class ClassTable(FigureOf):
    """Recall, precision and F1 of every class, means over seeds."""

    kind: Literal["classes"] = "classes"
    classes: list[ClassScores] = Field(description="in the order of `data.classes`")


class Confusion(FigureOf):
    """Which classes a model takes for which, of the seed shown."""

    kind: Literal["confusion"] = "confusion"
    counts: list[list[int]] = Field(description="rows true, columns decided")


class Reliability(FigureOf):
    """Confidence against accuracy in equal-width bins, of the seed shown; empty bins are left out."""

    kind: Literal["reliability"] = "reliability"
    confidence: list[Fraction]
    accuracy: list[Fraction]
    count: list[int]


class ThresholdScores(Record):
    """From which probability on a class is decided for, and what that leads to on the test split."""

    name: str
    threshold: Fraction
    fitted: bool = Field(description="on validation; false: too few rows with the class, or without it, and 0.5")
    rows: int = Field(description="test rows that have the class")
    recall: Fraction | None = Field(description="null: no test row has the class")
    precision: Fraction | None = Field(description="null: it is never decided for")
    f1: Fraction


class ThresholdTable(FigureOf):
    """The decision of every class, of the seed shown."""

    kind: Literal["thresholds"] = "thresholds"
    classes: list[ThresholdScores] = Field(description="in the order of `data.classes`")


class ColumnScores(Record):
    """How a model fares in one of several decisions a row; means over seeds."""

    name: str
    classes: int = Field(description="how many there are")
    commonest: Fraction = Field(description="share of the test rows that have the commonest class")
    accuracy: Fraction


class ColumnTable(FigureOf):
    """The accuracy of every column."""

    kind: Literal["by_column"] = "by_column"
    columns: list[ColumnScores]


class ValueScores(Record):
    """How a model fares in one of several columns of values; means over seeds."""

    name: str
    rmse: float = Field(description="in the column's unit")
    r2: float = Field(description="share of the column's variance that is explained")


class ValueTable(FigureOf):
    """The errors of every column."""

    kind: Literal["values_by_column"] = "values_by_column"
    columns: list[ValueScores]


class Scatter(FigureOf):
    """Predicted values against true ones in one column, of the seed shown; of many rows, some evenly picked."""

    kind: Literal["scatter"] = "scatter"
    column: str
    true: list[float]
    predicted: list[float]


Figure = Annotated[
    ClassTable | Confusion | Reliability | ThresholdTable | ColumnTable | ValueTable | Scatter,
    Field(discriminator="kind"),
]


class TextSample(Record):
    """A text."""

    kind: Literal["text"] = "text"
    text: str


class AudioSample(Record):
    """A sound."""

    kind: Literal["audio"] = "audio"
    wav: str = Field(pattern=r"^data:audio/wav;base64,[A-Za-z0-9+/=]+$", description="its beginning, as a data URI")
    seconds: float = Field(description="of all of it")
    played: float = Field(description="seconds of its beginning that can be played")
    outline: list[Fraction] = Field(description="highest magnitude in equal parts of it, in order")


class RowSample(Record):
    """A row whose inputs came ready; nothing of it can be shown but its name."""

    kind: Literal["row"] = "row"
    name: str


class TableSample(Record):
    """A row of a table."""

    kind: Literal["table"] = "table"
    name: str
    cells: dict[str, str] = Field(description="by column, the first ones, cut where they are long; empty: missing")
    columns: int = Field(description="how many there are")


class ImageSample(Record):
    """An image, small."""

    kind: Literal["image"] = "image"
    name: str
    data: str | None = Field(description="a PNG as a data URI; null: there is no image in this row")
    width: int = Field(default=0, description="pixels of the PNG")
    height: int = Field(default=0, description="pixels of the PNG")


Sample = Annotated[TextSample | ImageSample | AudioSample | TableSample | RowSample, Field(discriminator="kind")]


class CopiesSample(Record):
    """A training example and its first copies, as a network sees them."""

    name: str = Field(description="of the example: its file, or its row in the file")
    original: ImageSample
    copies: list[ImageSample] = Field(description="in their order, the first one first")


class Decided(Record):
    """A model's answer to an example, and the probability that the model gives it."""

    decided: str
    probability: Fraction | None = Field(default=None, description="null: the answer is no decision")


class Disagreement(Record):
    """A test example with the answers to it, such as one on which student and teacher differ most."""

    sample: Sample
    name: str | None = Field(default=None, description="its file, or its row in the file; null: not known")
    seen: ImageSample | None = Field(
        default=None, description="what the student's network sees of it, as a picture; null: the sample shows it"
    )
    label: str
    exact: bool = Field(default=True, description="an answer is right or wrong; false: nearer to the label or farther")
    answers: dict[str, Decided] = Field(description="by model: the teacher's, and that of the student that ships")


class WeakClass(Record):
    """A class of which the student that ships makes little, and some of its mistakes."""

    name: str
    f1: Fraction = Field(description="of the student that ships")
    rows: int = Field(description="test rows of this class")
    wrong: int = Field(description="those that the student that ships takes for another class")
    samples: list[Disagreement] = Field(
        description="some of these, the surest first, without those that `samples` of the evaluation has, unless there "
        "are no others"
    )
