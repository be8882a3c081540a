"""Examples in: sources and splits, and batches of them. It knows neither modality nor task: it asks the two objects."""

from limbeck.data.cells import label_name
from limbeck.data.examples import NO_ROWS, Examples, Labels
from limbeck.data.fitted import FloorModel, HasOutputs, SolvedColumn
from limbeck.data.frames import column_names
from limbeck.data.modality import Cells, Features, Fits, Modality
from limbeck.data.settings import DataOptions, LabelColumns, RowsOptions, SplitSettings
from limbeck.data.sieve import alike
from limbeck.data.split_names import split_name
from limbeck.data.splits import Splits, load_splits
from limbeck.data.tables import SPLITS, Table, as_table, read_tables
from limbeck.data.task import Task, TaskOptions

__all__ = [
    "NO_ROWS",
    "SPLITS",
    "Cells",
    "DataOptions",
    "Examples",
    "Features",
    "Fits",
    "FloorModel",
    "HasOutputs",
    "LabelColumns",
    "Labels",
    "Modality",
    "RowsOptions",
    "SolvedColumn",
    "SplitSettings",
    "Splits",
    "Table",
    "Task",
    "TaskOptions",
    "alike",
    "as_table",
    "column_names",
    "label_name",
    "load_splits",
    "read_tables",
    "split_name",
]
