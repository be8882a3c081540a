"""Examples in: sources, assets, splits, views, batches."""

from limbeck.data.batches import Batches, in_length_order
from limbeck.data.class_weights import WeightedBatches
from limbeck.data.drawing import unshown
from limbeck.data.examples import NO_ROWS, UNLABELLED, Examples
from limbeck.data.hub import split_name
from limbeck.data.labels import label_name, respelled
from limbeck.data.loaders import BatchForm, LoaderBatches, TensorRows, collect
from limbeck.data.settings import DataSettings, SplitSettings
from limbeck.data.sieve import alike
from limbeck.data.splits import Splits, load_splits
from limbeck.data.tables import SPLITS, Table, as_table, column_names, read_tables
from limbeck.data.tokenizers import (
    GivenTokenizerSettings,
    TokenizerSettings,
    WordTokenizerSettings,
    build_encoder,
    pretrained_folder,
)
from limbeck.data.views import (
    PARTS,
    EncodedTexts,
    Reading,
    Rows,
    encode,
    load_encoded,
    reading,
    same_tokens,
    save_encoded,
    view_digest,
)

__all__ = [
    "NO_ROWS",
    "PARTS",
    "SPLITS",
    "UNLABELLED",
    "BatchForm",
    "Batches",
    "DataSettings",
    "EncodedTexts",
    "Examples",
    "GivenTokenizerSettings",
    "LoaderBatches",
    "Reading",
    "Rows",
    "SplitSettings",
    "Splits",
    "Table",
    "TensorRows",
    "TokenizerSettings",
    "WeightedBatches",
    "WordTokenizerSettings",
    "alike",
    "as_table",
    "build_encoder",
    "collect",
    "column_names",
    "encode",
    "in_length_order",
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
    "view_digest",
]
