"""What a recipe says about its data."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from limbeck.data.cells import columns_of, label_name
from limbeck.data.modality import Modality, Wanted
from limbeck.settings import Settings


def _no_number(value: Any) -> Any:
    """Refuse what an earlier version called so."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("names more rows; how many are used is called `data.max_unlabelled` now")
    return value


def _none_or_two(labelled: int) -> int:
    if labelled == 1:
        raise ValueError("must be 0 or at least 2, not 1")
    return labelled


def _columns(label: Any) -> Any:
    columns = [label] if isinstance(label, str) else label
    if not isinstance(columns, list | tuple) or not columns or not all(isinstance(n, str) and n for n in columns):
        raise ValueError(f"must be a column or a list of columns, in text, not {label!r}; put each in quotes")
    if len(set(columns)) < len(columns):
        raise ValueError("a column stands twice; each is read once")
    return label if isinstance(label, str) else tuple(columns)


def _values_by_column(rule: Any) -> Any:
    """Return texts by column, of values as YAML has them, one or a list; anything else as it is."""
    if not isinstance(rule, Mapping):
        return rule
    listed = {str(column): held if isinstance(held, list | tuple) else [held] for column, held in rule.items()}
    if not listed or not all(listed.values()):
        raise ValueError("give a number of rows, or a column and the values that are held out, such as {speaker: ada}")
    return {column: tuple(label_name(value) or "" for value in held) for column, held in listed.items()}


def _names(values: Any) -> Any:
    """Return classes in text, of values as YAML has them, one or a list; anything else as it is."""
    listed = [values] if isinstance(values, str | int | float) else values
    if not isinstance(listed, list | tuple):
        return values
    return tuple(str(label_name(value)) for value in listed)


Held = Annotated[
    Annotated[int, Field(ge=2)] | dict[str, tuple[str, ...]],
    BeforeValidator(
        _values_by_column,
        json_schema_input_type=Annotated[int, Field(ge=2)]
        | dict[str, str | int | float | bool | list[str | int | float | bool]],
    ),
]
"""How many rows are held out, or those that hold one of some values in a column."""

LabelColumns = Annotated[str | tuple[str, ...], BeforeValidator(_columns)]
"""The column with the label, or several that are one label together."""


class SplitSettings(Settings):
    """Rows held out, by content digest, where the source has no such split of its own.

    Where rows that follow each other belong together (reviews of one film, takes of one speaker), a row held out alone
    is told by its neighbours, and what is learnt about the film counts as skill. Whole blocks tell one from the other.
    """

    test: Annotated[
        Held | None,
        Field(
            description="rows held out for the one final test: how many; or {speaker: [ada, bob]}, those of a value in "
            "a column, of which none is seen in training; null: as many as the rows with a label are good for"
        ),
    ] = 2000
    validation: Annotated[Held | None, Field(description="rows held out for every choice, in the same three ways")] = (
        400
    )
    block: Annotated[
        int,
        Field(
            ge=1,
            description="rows that follow each other in the source and are held out together, so that a split has as "
            "many as asked for or up to a block more; 1: each alone. Whole blocks are not stratified",
        ),
    ] = 1
    stratify: Annotated[
        bool,
        Field(
            description="held-out rows (each alone) and labelled rows have the classes in proportion, and each class "
            "wherever it has rows enough; false: whatever the draw gives"
        ),
    ] = True
    draw: Annotated[int, Field(ge=0, description="another number: other labelled rows, the same held-out ones")] = 0

    @property
    def rules(self) -> dict[str, Mapping[str, tuple[str, ...]]]:
        """Values by column, of each split that is held out by them."""
        return {name: rule for name in ("test", "validation") if isinstance(rule := getattr(self, name), Mapping)}

    @property
    def sizes(self) -> dict[str, int]:
        """Rows of each split of which a number is held out."""
        return {name: size for name in ("test", "validation") if isinstance(size := getattr(self, name), int)}

    @property
    def open(self) -> tuple[str, ...]:
        """The splits of which nothing says how many rows are held out."""
        return tuple(name for name in ("test", "validation") if getattr(self, name) is None)


class RowsOptions(Settings):
    """Which rows are read, and from where; the column with the example is named by the key of its modality."""

    source: str
    domain: Annotated[
        str | None,
        Field(description="one part of a packaged source, or the rows with this in a column `domain`; null: all of it"),
    ] = None
    label: LabelColumns = "label"

    @property
    def labelled_by(self) -> str:
        """The columns with the label, in words."""
        columns = columns_of(self.label)
        return f"column{'s' * (len(columns) > 1)} {', '.join(f'`{name}`' for name in columns)}"

    @property
    def title(self) -> str:
        """The source and the part of it, in words."""
        return self.source if self.domain is None else f"{self.source} ({self.domain})"

    @property
    def modality(self) -> Modality:
        """What an example is: that of the key which names its column."""
        raise NotImplementedError

    @property
    def column(self) -> Wanted:
        """The column with the example, or those that it is made of."""
        raise NotImplementedError


class DataOptions(RowsOptions):
    """Where the examples come from, and which of them keep their labels; a recipe adds the keys of the modalities."""

    source: Annotated[
        str,
        Field(
            min_length=1,
            description="a packaged name, a csv/jsonl/parquet/npz file, a folder with train/validation/test"
            "(/unsupervised) files, of images and sounds a folder with one subfolder a class, or a hub id, owner/name "
            "or owner/name:config",
        ),
    ]
    label: Annotated[
        LabelColumns,
        Field(
            description="the column with the label: integer, string or boolean; what else it may hold, and whether "
            "several columns may be one label, is the task's"
        ),
    ] = "label"
    missing: Annotated[
        tuple[bool | int | float | str, ...] | None,
        Field(
            description="labels that say that a row has none, besides blanks, NaN and null, here and in the target; "
            "null: -1 and -100 beside the integers 0, 1, 2 ...; anywhere else they, None, NA and the like are refused"
        ),
    ] = None
    merge_classes: Annotated[
        bool,
        Field(
            description="make one class of labels that differ in case, blanks or Unicode form only, here and in the "
            "target; it is called what most rows say"
        ),
    ] = False
    classes: Annotated[
        tuple[str, ...],
        BeforeValidator(_names, json_schema_input_type=list[str | int | float | bool]),
        Field(description="the classes that are asked for, here and in the target; none: all"),
    ] = ()
    other_class: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        Field(description="the class that rows of every class but `classes` get; null: they are left out"),
    ] = None
    split: SplitSettings = SplitSettings()
    group: Annotated[
        str | None,
        Field(
            min_length=1,
            description="a column that says whose a test row is, such as a speaker, a hospital or a source: the report "
            "gives every model's score by its values; it is no feature; null: the column that `split.test` holds out "
            "several values of, where there is one",
        ),
    ] = None
    labelled: Annotated[
        Annotated[int, Field(ge=0), AfterValidator(_none_or_two)] | None,
        Field(
            description="training rows that keep their label; 0: none, so that a finished teacher alone says what "
            "they are; null: all that have one",
        ),
    ] = None
    labelled_per_batch: Annotated[
        int, Field(ge=0, description="labelled rows in every batch of a distilled student; the rest are unlabelled")
    ] = 8
    class_weights: Annotated[
        Literal["balanced"] | dict[str, Annotated[float, Field(gt=0)]] | None,
        Field(
            description="how much a labelled row counts, by its class, in every arm, in a teacher that is trained here "
            "and in the floor; balanced: n / (classes * rows of the class); or class: weight, 1 for those left out; "
            "null: all alike"
        ),
    ] = None
    unlabelled: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        BeforeValidator(_no_number, json_schema_input_type=str | None),
        Field(description="more unlabelled rows, in any form `source` may have; null: none"),
    ] = None
    max_unlabelled: Annotated[
        int | None,
        Field(ge=0, description="unlabelled rows of the transfer set to use, those of a target first; null: all"),
    ] = None
    omitted_classes: Annotated[
        tuple[str, ...],
        BeforeValidator(_names, json_schema_input_type=list[str | int | float | bool]),
        Field(
            description="classes of which the transfer set has no row: a teacher that is trained here, or a finished "
            "one, knows them, and the student never sees one; rows without a label in the data stay"
        ),
    ] = ()
    augment: Any = None
    target: RowsOptions | None = None

    @field_validator("missing", mode="before")
    @classmethod
    def _null_is_a_word(cls, values: Any) -> Any:
        # Unquoted, YAML reads the word `null` as nothing.
        return ["null" if value is None else value for value in values] if isinstance(values, list) else values

    @model_validator(mode="after")
    def _other_than_some(self) -> "DataOptions":
        if self.other_class is not None and not self.classes:
            raise ValueError("other_class is that of rows of no class in `classes`; name those that are asked for")
        if len({*self.classes, self.other_class or ""}) == 1 + (self.other_class is None) and self.classes:
            raise ValueError(f"classes leaves `{self.classes[0]}` alone; name another, or give the rest an other_class")
        return self

    @property
    def of_every_class(self) -> Self:
        """The same where all classes are asked for, which is what is learned first."""
        if not self.classes:
            return self
        return self.model_copy(update={"classes": (), "other_class": None, "class_weights": None})

    @property
    def grouped_by(self) -> str | None:
        """The column by whose values results are told; None: by none."""
        held_out = [column for column, values in self.split.rules.get("test", {}).items() if len(values) > 1]
        return held_out[0] if self.group is None and len(held_out) == 1 else self.group

    @property
    def missing_words(self) -> frozenset[str]:
        """How a csv file writes `missing`."""
        return frozenset(map(str, self.missing or ()))

    @field_validator("class_weights", mode="before")
    @classmethod
    def _by_name(cls, weights: Any) -> Any:
        """Read YAML's integers and booleans as the names of classes that they are; a wrong value is one error."""
        if weights is None or weights == "balanced":
            return weights
        if not isinstance(weights, Mapping):
            raise ValueError("give `balanced`, a mapping of class names to weights, or null")
        for name, weight in weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
                raise ValueError(f"the weight of class `{name}` must be a finite number greater than 0, not `{weight}`")
        return {str(label_name(name)): weight for name, weight in weights.items()}
