"""Examples in: sources, assets, splits, views, batches."""

from limbeck.data.batches import Batches
from limbeck.data.class_weights import WeightedBatches
from limbeck.data.drawing import unshown
from limbeck.data.examples import NO_ROWS, UNLABELLED, Examples
from limbeck.data.hub import split_name
from limbeck.data.labels import label_name, respelled
from limbeck.data.loaders import BatchForm, LoaderBatches, collect
from limbeck.data.reads import MAX_LENGTH, ArraysReads, ReadsSettings, TextReads, build_reader
from limbeck.data.settings import DataSettings, SplitSettings
from limbeck.data.sieve import alike
from limbeck.data.splits import Splits, load_splits
from limbeck.data.tables import SPLITS, Table, as_table, column_names, read_tables
from limbeck.data.tokenizers import (
    GivenTokenizerSettings,
    TokenizerSettings,
    WordTokenizerSettings,
    pretrained_folder,
)
from limbeck.data.views import (
    PARTS,
    Reading,
    load_encoded,
    reading,
    same_tokens,
    save_encoded,
)

__all__ = [
    "MAX_LENGTH",
    "NO_ROWS",
    "PARTS",
    "SPLITS",
    "UNLABELLED",
    "ArraysReads",
    "BatchForm",
    "Batches",
    "DataSettings",
    "Examples",
    "GivenTokenizerSettings",
    "LoaderBatches",
    "Reading",
    "ReadsSettings",
    "SplitSettings",
    "Splits",
    "Table",
    "TextReads",
    "TokenizerSettings",
    "WeightedBatches",
    "WordTokenizerSettings",
    "alike",
    "as_table",
    "build_reader",
    "collect",
    "column_names",
    "label_name",
    "load_encoded",
    "load_splits",
    "pretrained_folder",
    "read_tables",
    "reading",
    "respelled",
    "same_tokens",
    "save_encoded",
    "split_name",
    "unshown",
]
