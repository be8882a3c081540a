"""Examples in: sources, assets, splits, views, batches."""

from limbeck.data.batches import Batches, in_length_order
from limbeck.data.settings import DataSettings, SplitSettings
from limbeck.data.splits import UNLABELLED, Examples, Splits, label_name, load_splits
from limbeck.data.tables import Table, read_tables
from limbeck.data.tokenizers import TokenizerSettings, WordTokenizerSettings, build_encoder, pretrained_folder
from limbeck.data.views import EncodedTexts, encode, view_digest

__all__ = [
    "UNLABELLED",
    "Batches",
    "DataSettings",
    "EncodedTexts",
    "Examples",
    "SplitSettings",
    "Splits",
    "Table",
    "TokenizerSettings",
    "WordTokenizerSettings",
    "build_encoder",
    "encode",
    "in_length_order",
    "label_name",
    "load_splits",
    "pretrained_folder",
    "read_tables",
    "view_digest",
]
