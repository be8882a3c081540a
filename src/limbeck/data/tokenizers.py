"""Where a model's token ids come from: words counted in the training texts, or a pretrained tokenizer."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer, models, trainers

from limbeck.data.assets import ASSETS, asset
from limbeck.errors import LimbeckError, first_line
from limbeck.files import read_json
from limbeck.runtime import Encoder
from limbeck.runtime.encoder import read_tokenizer
from limbeck.runtime.words import set_rules

PAD, UNKNOWN = "[PAD]", "[UNK]"

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
PRETRAINED = (
    "give a folder with config.json, model.safetensors and tokenizer.json, a hub id that can be reached, or `minilm`"
)
"""What a pretrained model can be."""


class WordTokenizerSettings(BaseModel):
    """Lower-cased words (of scripts without blanks: characters) and marks, counted in the run's own training texts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["words"] = "words"
    size: Annotated[int, Field(ge=3, description="tokens kept at most, the most frequent first")] = 30_000
    min_frequency: Annotated[int, Field(ge=1, description="rarer words become [UNK]")] = 1


class TransformersTokenizerSettings(BaseModel):
    """The tokenizer of a pretrained model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["transformers"]
    path: Annotated[str, Field(min_length=1, description="a packaged name, a folder, or a hub id")]


class GivenTokenizerSettings(BaseModel):
    """A tokenizer that was handed to `limbeck.distill`; a recipe can only say so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["given"]
    digest: Annotated[str, Field(description="of its `tokenizer.json`")]


TokenizerSettings = Annotated[
    WordTokenizerSettings | TransformersTokenizerSettings | GivenTokenizerSettings,
    Field(discriminator="kind", title="tokenizer"),
]


def build_encoder(
    settings: WordTokenizerSettings | TransformersTokenizerSettings | GivenTokenizerSettings,
    texts: Sequence[str],
    *,
    max_length: int,
    tail: int = 0,
) -> Encoder:
    """Return the encoder of a model.

    Args:
        settings: which tokenizer.
        texts: training texts; a word tokenizer counts its vocabulary in them and in nothing else.
        max_length: tokens kept of each text.
        tail: how many of them are the last ones of a text that is longer.

    Raises:
        LimbeckError: there is no such tokenizer, or `max_length` leaves no room beside its special tokens or the tail.
    """
    if isinstance(settings, WordTokenizerSettings):
        return Encoder(word_tokenizer(texts, settings), max_length=max_length, tail=tail, pad_id=0)
    if isinstance(settings, GivenTokenizerSettings):
        raise LimbeckError("the tokenizer of this recipe was a Python object", fix="call limbeck.distill again")
    tokenizer, pad_id = _pretrained(settings.path)
    return Encoder(tokenizer, max_length=max_length, tail=tail, pad_id=pad_id)


def word_tokenizer(texts: Sequence[str], settings: WordTokenizerSettings) -> Tokenizer:
    """Return a tokenizer whose vocabulary is the most frequent words of `texts`; ties go by the alphabet."""
    tokenizer = Tokenizer(models.WordLevel({PAD: 0, UNKNOWN: 1}, unk_token=UNKNOWN))
    set_rules(tokenizer)
    counter = Tokenizer(models.WordLevel())
    counter.normalizer, counter.pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    counter.train_from_iterator(
        texts,
        trainers.WordLevelTrainer(
            vocab_size=settings.size - 2, min_frequency=settings.min_frequency, special_tokens=[], show_progress=False
        ),
    )
    words = counter.get_vocab()
    ids = {PAD: 0, UNKNOWN: 1} | {word: words[word] + 2 for word in sorted(words, key=words.__getitem__)}
    tokenizer.model = models.WordLevel(ids, unk_token=UNKNOWN)
    return tokenizer


def pretrained_folder(path: str) -> str:
    """Return the folder of a packaged model; a folder or a hub id stays as it is.

    Raises:
        LimbeckError: it is none of the three, or the package cannot be obtained.
    """
    if path in ASSETS:
        return str(asset(path))
    if not Path(path).is_dir() and not _HUB_ID.fullmatch(path):
        raise LimbeckError("no such folder", where=path, fix=PRETRAINED)
    return path


def _pretrained(path: str) -> tuple[Tokenizer, int]:
    source = pretrained_folder(path)
    folder = Path(source)
    if (folder / "tokenizer.json").is_file():
        tokenizer = read_tokenizer(folder / "tokenizer.json")
        file = folder / "tokenizer_config.json"
        config = read_json(file) if file.is_file() else {}
        pad = config.get("pad_token") or PAD
        pad_id = tokenizer.token_to_id(pad if isinstance(pad, str) else pad["content"])
        return tokenizer, pad_id or 0
    from transformers import AutoTokenizer

    try:
        loaded: Any = AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise LimbeckError(
            f"no tokenizer at `{path}`: {first_line(error).rstrip('.')}",
            fix=PRETRAINED,
        ) from error
    tokenizer = loaded.backend_tokenizer
    if len(tokenizer.get_added_tokens_decoder()) >= tokenizer.get_vocab_size():
        # What transformers makes of a config alone.
        raise LimbeckError(f"no tokenizer at `{path}`: its vocabulary is empty", fix=PRETRAINED)
    return tokenizer, loaded.pad_token_id or 0
