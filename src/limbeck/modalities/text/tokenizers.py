"""Where a model's token ids come from: words counted in the training texts, or a pretrained tokenizer."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from limbeck.assets import ASSETS, asset
from limbeck.errors import LimbeckError, first_line
from limbeck.files import read_json
from limbeck.modalities.text.pretrained import PRETRAINED, declared_padding, refuse_code
from limbeck.runtime.readers.text import read_tokenizer
from limbeck.runtime.words import set_rules
from limbeck.settings import Settings, union

PAD, UNKNOWN = "[PAD]", "[UNK]"

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


class WordTokenizerSettings(Settings):
    """Lower-cased words (of scripts without blanks: characters) and marks, counted in the run's own training texts."""

    kind: Literal["words"] = "words"
    size: Annotated[int, Field(ge=3, description="tokens kept at most, the most frequent first")] = 30_000
    min_frequency: Annotated[int, Field(ge=1, description="rarer words become [UNK]")] = 1


class CharacterTokenizerSettings(Settings):
    """Lower-cased characters, blanks among them: for n-grams of them, in languages whose words have many forms."""

    kind: Literal["characters"]
    size: Annotated[int, Field(ge=3, description="characters kept at most, the most frequent first")] = 2_000
    min_frequency: Annotated[int, Field(ge=1, description="rarer characters become [UNK]")] = 2


CountedTokenizerSettings = WordTokenizerSettings | CharacterTokenizerSettings
"""Those whose vocabulary is counted in the run's own training texts."""


class TransformersTokenizerSettings(Settings):
    """The tokenizer of a pretrained model."""

    kind: Literal["transformers"]
    path: Annotated[str, Field(min_length=1, description="a packaged name, a folder, or a hub id")]


class GivenTokenizerSettings(Settings):
    """A tokenizer that was handed to `limbeck.distill`; a recipe can only say so."""

    kind: Literal["given"]
    digest: Annotated[str, Field(description="of its `tokenizer.json`")]


if TYPE_CHECKING:
    TokenizerSettings = CountedTokenizerSettings | TransformersTokenizerSettings | GivenTokenizerSettings
else:
    TokenizerSettings = union(
        {
            "words": WordTokenizerSettings,
            "characters": CharacterTokenizerSettings,
            "transformers": TransformersTokenizerSettings,
            "given": GivenTokenizerSettings,
        },
        on="kind",
        title="tokenizer",
    )


def word_tokenizer(texts: Sequence[str], settings: CountedTokenizerSettings) -> Tokenizer:
    """Return a tokenizer whose vocabulary is the most frequent words or characters of `texts`.

    Ties go by the alphabet.
    """
    tokenizer = Tokenizer(models.WordLevel({PAD: 0, UNKNOWN: 1}, unk_token=UNKNOWN))
    if isinstance(settings, CharacterTokenizerSettings):
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    else:
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


def padding_of(tokenizer: Tokenizer, declared: Any = None) -> int | None:
    """Return the id that a tokenizer pads with; None where nothing says so.

    Args:
        tokenizer: asked for its own padding, and for a token of the usual names.
        declared: the padding token that a file beside it names, or that token's id.
    """
    if isinstance(declared, dict):
        declared = declared.get("content")
    if isinstance(declared, int):
        return declared
    if isinstance(declared, str):
        return tokenizer.token_to_id(declared)
    if tokenizer.padding is not None:
        named = tokenizer.token_to_id(tokenizer.padding["pad_token"])
        return tokenizer.padding["pad_id"] if named is None else named
    found = (tokenizer.token_to_id(token) for token in (PAD, "<pad>"))
    return next((token for token in found if token is not None), None)


def pretrained_tokenizer(path: str) -> tuple[Tokenizer, int]:
    """Return a pretrained tokenizer, and the id that its model pads with: by the model's configuration, or its own."""
    source = pretrained_folder(path)
    tokenizer, own = _tokenizer_of(source, path)
    pad_id = declared_padding(source)
    if pad_id is None or pad_id >= tokenizer.get_vocab_size():
        pad_id = own
    if pad_id is None:
        raise LimbeckError(
            "neither the model's configuration nor its tokenizer names a padding token",
            where=path,
            fix="set what the model learnt with: pad_token_id in config.json, or pad_token in tokenizer_config.json",
        )
    return tokenizer, pad_id


def _tokenizer_of(source: str, path: str) -> tuple[Tokenizer, int | None]:
    """Return the tokenizer in a folder or on the hub, and its own padding."""
    folder = Path(source)
    file, whole = folder / "tokenizer_config.json", folder / "tokenizer.json"
    tokenizer = read_tokenizer(whole) if whole.is_file() else None
    config = read_json(file, dict) if file.is_file() else {}
    refuse_code(path, config, file.name)
    if tokenizer is not None:
        return tokenizer, padding_of(tokenizer, config.get("pad_token"))
    from transformers import AutoTokenizer

    try:
        loaded: Any = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except Exception as error:  # a damaged file raises whatever its reader raises
        raise LimbeckError(f"no tokenizer at `{path}`: {first_line(error).rstrip('.')}", fix=PRETRAINED) from error
    refuse_code(path, loaded.init_kwargs, file.name)
    made: Tokenizer = loaded.backend_tokenizer
    if len(made.get_added_tokens_decoder()) >= made.get_vocab_size():
        # What transformers makes of a config alone.
        raise LimbeckError(f"no tokenizer at `{path}`: its vocabulary is empty", fix=PRETRAINED)
    return made, loaded.pad_token_id
