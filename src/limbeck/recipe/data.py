"""Settings of the data: which rows there are, and, by the key of its modality, what an example is."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from limbeck.data import DataOptions, LabelColumns, RowsOptions
from limbeck.data.cells import columns_of
from limbeck.modalities import CopySettings, InputSettings


class TargetSettings(InputSettings, RowsOptions):
    """Another domain, of whose labels nothing but the final test and the ceiling may know: the student is for it."""

    source: Annotated[str, Field(min_length=1, description="in any form that `data.source` may have")]
    label: Annotated[LabelColumns, Field(description="the column with the label, or several; as in the source")] = (
        "label"
    )


class DataSettings(InputSettings, DataOptions):
    """Where the examples come from, what they are, and which of them keep their labels."""

    augment: Annotated[
        CopySettings | None,
        Field(description="more rows for the teacher to label: copies of those of the transfer set; null: none"),
    ] = None
    target: Annotated[
        TargetSettings | None,
        Field(description="where the student will work: its examples are unlabelled ones here, its test rows the test"),
    ] = None

    @field_validator("target")
    @classmethod
    def _labelled_alike(cls, target: TargetSettings | None, info: ValidationInfo) -> TargetSettings | None:
        own = info.data.get("label", "label")
        if target is None or (isinstance(own, str) and isinstance(target.label, str)):
            return target
        one, other = columns_of(own), columns_of(target.label)
        if len(one) != len(other):
            raise ValueError(
                f"its label has {len(other)} of the {len(one)} columns that data.label names; name as many"
            )
        if sorted(one) == sorted(other) and one != other:
            raise ValueError(f"label names the columns of data.label in another order; write [{', '.join(one)}]")
        return target
