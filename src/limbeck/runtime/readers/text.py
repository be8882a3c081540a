"""Text to token ids, from `tokenizer.json` alone."""

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from tokenizers import Encoding, Tokenizer, __version__ as version, models

from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.runtime.failures import in_words, no_backtrace
from limbeck.runtime.readers import Form, require_no_frame
from limbeck.runtime.readers.pairs import PART, joined
from limbeck.runtime.rows import Ragged
from limbeck.runtime.takes import Takes
from limbeck.runtime.textfiles import Lines
from limbeck.runtime.words import AsciiWords

TOKENIZER = "tokenizer.json"
_FORMAT = 2


def as_texts(texts: Sequence[str | Sequence[str]], columns: Sequence[str] = ()) -> list[str]:
    """Return the texts as a list; one that comes as its parts is joined.

    Args:
        texts: to read.
        columns: those that a text of the training was made of, a part each; none: they are not known.

    Raises:
        TypeError: a single string, a mapping, or something among them that is no string.
        LimbeckError: a text has another number of parts than columns. An empty one may be a plain string.
    """
    if not isinstance(texts, list):
        if isinstance(texts, str):
            raise TypeError("a list of texts is needed; wrap a single one: [text]")
        if isinstance(texts, Mapping):
            raise TypeError("this student reads a list of texts, not a mapping")
        if isinstance(texts, bytes | bytearray | set | frozenset) or not hasattr(texts, "__iter__"):
            raise TypeError(f"a list of texts is needed, not a value of type {type(texts).__name__}")
        require_no_frame(texts, "a list of texts is needed")
    result: list[Any] = list(texts)
    for index, text in enumerate(result):
        if isinstance(text, tuple | list) and all(isinstance(part, str) for part in text):
            if columns:
                _require_parts(len(text), columns, index)
            result[index] = joined(text)
        elif not isinstance(text, str):
            raise TypeError(f"item {index} is of type {type(text).__name__}, where a text belongs")
        elif len(columns) > 1 and text:
            _require_parts(text.count(PART) + 1, columns, index)
    return result


def _require_parts(count: int, columns: Sequence[str], index: int) -> None:
    """Refuse a text of so many parts where the training had another number."""
    if count == len(columns):
        return
    several = len(columns) > 1
    reads = f"tuples of {len(columns)}: ({', '.join(columns)})" if several else "texts of 1"
    raise LimbeckError(
        f"a text of {count} part{'s' * (count != 1)}, and this student reads {reads}",
        where=f"item {index}",
        fix='give "" for a part that is missing' if several else "join them",
    )


def well_formed(text: str) -> str:
    """Return a text that can be written as UTF-8: half of a surrogate pair, which JSON allows, becomes U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of a tokenizer; a token's index is its id.

    Attributes:
        tokens: one string an id, padding and unknown included.
        pad_id: the id that fills the right of a short row.

    Raises:
        LimbeckError: `pad_id` is not the id of a token.
    """

    tokens: tuple[str, ...]
    pad_id: int

    def __post_init__(self) -> None:
        if not 0 <= self.pad_id < len(self.tokens):
            raise LimbeckError(f"pad_id {self.pad_id} is not an id of a vocabulary of {len(self.tokens)} tokens")

    @property
    def size(self) -> int:
        """The number of ids, which is the number of rows of an embedding table."""
        return len(self.tokens)


@dataclass(frozen=True, slots=True)
class TextForm(Form):
    """What a network that reads token ids has to know.

    Attributes:
        vocabulary: what the ids stand for.
    """

    vocabulary: Vocabulary

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> "TextForm":
        """Return the form of ids of a vocabulary: `input_ids` and `attention_mask`, both (texts, tokens) int64.

        In the example the second text is padded; its mask is 0 there, and 1 elsewhere.
        """
        # Batch and length are above 1, because the exporter treats 0 and 1 as constants.
        mask = np.ones((2, 7), np.int64)
        mask[1, 4:] = 0
        ids = np.where(mask, np.arange(mask.size).reshape(mask.shape) % vocabulary.size, vocabulary.pad_id)
        axes = {0: "batch", 1: "tokens"}
        example = {"input_ids": ids, "attention_mask": mask}
        return cls(TextReader.kind, example, dict.fromkeys(example, axes), vocabulary)


_AT_ONCE = 1024
"""Texts that are cut together: `tokenizers` makes an object of each, a hundred times as large as its ids."""
_UPGRADE = f"upgrade tokenizers ({version} is installed), or copy the file again"
_LARGEST = (1 << 31) - 1
"""Of a size that a bundle claims: ids are of 32 bits."""
_PROBED = (0, 2, 3, 4, 6, 8, 12, 16)
"""Tokens of each text that a bundle is tried with."""


class TextReader:
    """Turns texts into token ids.

    Args:
        tokenizer: a `tokenizers` object; its own padding and truncation are switched off.
        max_length: tokens kept, special tokens included, at least 1.
        tail: how many of them are the last ones of a text that is longer, in [0, max_length); the others are its first
            ones. Source: "head + tail" of Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?",
            arXiv:1905.05583, section 5.3.1: reviews sum up at their end.
        pad_id: the id that fills the end of shorter texts.

    Raises:
        LimbeckError: `max_length` leaves no room beside the special tokens, or `tail` none for the first tokens.
    """

    kind: ClassVar[str] = "text"
    needs: ClassVar[Mapping[str, type]] = {"max_length": int, "tail": int, "pad_id": int}
    files: ClassVar[tuple[str, ...]] = (TOKENIZER,)
    takes: Takes | None = Lines()

    def __init__(self, tokenizer: Tokenizer, *, max_length: int, tail: int = 0, pad_id: int = 0) -> None:
        special = tokenizer.num_special_tokens_to_add(is_pair=False)
        if max_length <= special:
            # tokenizers would not cut at all then.
            raise LimbeckError(
                f"max_length={max_length} leaves no room for text beside {special} special tokens",
                fix=f"set max_length to at least {special + 1}",
            )
        if tail >= max_length:
            raise LimbeckError(
                f"a tail of {tail} leaves nothing of {max_length} tokens for the start of a text",
                fix="set tail below max_length",
            )
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.tokenizer_json = tokenizer.to_str()
        if not tail:
            tokenizer.enable_truncation(max_length)
        self._tokenizer = tokenizer
        self._ascii_words = AsciiWords.of(tokenizer)
        self.max_length, self.tail = max_length, tail
        self.pad_id = pad_id

    @classmethod
    def from_file(cls, path: Path, *, max_length: int, tail: int = 0, pad_id: int = 0) -> "TextReader":
        """Read a `tokenizer.json`; the rest is as in the constructor.

        Raises:
            LimbeckError: it cannot be read.
        """
        return cls(read_tokenizer(path), max_length=max_length, tail=tail, pad_id=pad_id)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary, indexed by token id."""
        by_id = {index: token for token, index in self._tokenizer.get_vocab().items()}
        return tuple(by_id.get(index, "") for index in range(max(by_id) + 1))

    @cached_property
    def unknown(self) -> int | None:
        """The id of what the vocabulary does not have; None where nothing gets one, as in a tokenizer of bytes."""
        model = self._tokenizer.model
        if isinstance(model, models.Unigram):
            return json.loads(model.__getstate__())["unk_id"]
        name = model.unk_token
        return None if name is None else self._tokenizer.token_to_id(name)

    @cached_property
    def special(self) -> frozenset[int]:
        """The ids that every text gets, such as those of `[CLS]` and `[SEP]`."""
        return frozenset(self._tokenizer.encode("").ids)

    @cached_property
    def digest(self) -> str:
        """Names everything that decides which ids a text becomes: the tokenizer's bytes, what is kept, the padding."""
        return digest([_FORMAT, self.tokenizer_json, self.max_length, self.tail, self.pad_id])

    @property
    def form(self) -> TextForm:
        """Two texts of token ids, and what the ids stand for."""
        return TextForm.of(self._vocabulary)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.tokens, self.pad_id)

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """As many tokens as there are."""
        return {"input_ids": (None,), "attention_mask": (None,)}

    def in_parts(self, values: Sequence[str | Sequence[str]], columns: Sequence[str]) -> list[str]:
        """Return the texts, of as many parts as in the training; see `as_texts`."""
        return as_texts(values, columns)

    def encode(self, values: Sequence[str]) -> Ragged:
        """Return the token ids of each text.

        A text without any token becomes one padding token, and that one counts as real (its attention mask is 1): no
        sequence is empty, so that no mean is over nothing and no softmax over masked positions only.

        Raises:
            TypeError: `values` is a single string, or holds something that is no string.
        """
        wanted = as_texts(values)
        if len(wanted) == 1:  # what a service asks: it takes half as long as the general way
            [(ids, cut)] = self._ids(wanted)
            return Ragged(np.array(ids, np.int32), np.array([0, len(ids)]), self.pad_id, np.array([cut]))
        tokens, lengths, cuts = array("i"), array("q"), bytearray()
        for start in range(0, len(wanted), _AT_ONCE):
            for ids, cut in self._ids(wanted[start : start + _AT_ONCE]):
                tokens.fromlist(ids)
                lengths.append(len(ids))
                cuts.append(cut)
        offsets = np.zeros(len(wanted) + 1, np.int64)
        np.frombuffer(lengths, np.int64).cumsum(out=offsets[1:])
        return Ragged(np.frombuffer(tokens, np.int32), offsets, self.pad_id, np.frombuffer(cuts, np.bool_))

    def _ids(self, texts: Sequence[str]) -> list[tuple[list[int], bool]]:
        """Return the ids that are kept of each text, and whether they are fewer than it has.

        Raises:
            LimbeckError: the tokenizer fails at one of them.
        """
        shortcut = self._ascii_words
        if any(PART in text for text in texts):
            texts = [text.replace(PART, self._between) for text in texts]
        if shortcut is not None and all(map(str.isascii, texts)):
            return [self._cut(shortcut.ids(text)) for text in texts]
        plain = [shortcut is not None and text.isascii() for text in texts]
        others = [well_formed(text) for text, ascii_only in zip(texts, plain, strict=True) if not ascii_only]
        with in_words("`tokenizers` cannot read a text", where=TOKENIZER, fix=_UPGRADE):
            encodings = iter(self._tokenizer.encode_batch_fast(others))
        return [
            self._cut(shortcut.ids(text)) if ascii_only and shortcut else self._cut_by_library(next(encodings))
            for text, ascii_only in zip(texts, plain, strict=True)
        ]

    @cached_property
    def _between(self) -> str:
        """What stands between the parts of a text: the tokens that the tokenizer puts between the two of a pair."""
        pair = Tokenizer.from_str(self.tokenizer_json).encode("a", "b")
        whose = pair.sequence_ids
        inside = range(max((i for i, one in enumerate(whose) if one == 0), default=0), len(whose))
        end = next((i for i in inside if whose[i] == 1), 0)
        tokens = [pair.tokens[i] for i in inside if i < end and whose[i] is None]
        return f" {' '.join(tokens)} " if tokens else "\n"

    def _cut_by_library(self, encoding: Encoding) -> tuple[list[int], bool]:
        """Return what is kept of a text; without a tail the library has cut it already."""
        if self.tail:
            return self._cut(encoding.ids)
        return encoding.ids or [self.pad_id], bool(encoding.overflowing)

    def _cut(self, ids: list[int]) -> tuple[list[int], bool]:
        """Return what is kept, and whether that is less; special tokens stand at both ends, so they stay."""
        if len(ids) <= self.max_length:
            return ids or [self.pad_id], False
        return ids[: self.max_length - self.tail] + ids[len(ids) - self.tail :], True

    def probe(self) -> list[str]:
        """Return texts of its own tokens, which stand evenly over all the ids; every other text in upper case."""
        size = self._tokenizer.get_vocab_size()
        # Steps of 34 in 55 are as even after a few texts as after all of them, as 34 / 55 is the golden ratio.
        places = [place * 34 % 55 * size // 55 for place in range(sum(_PROBED))]
        tokens = iter([self._tokenizer.id_to_token(place) or "" for place in places])
        texts = [" ".join(islice(tokens, length)) for length in _PROBED]
        return [text.upper() if row % 2 else text for row, text in enumerate(texts)]

    def save(self, folder: Path) -> dict[str, Any]:
        """Write `tokenizer.json` into a folder, and return what else the reader is made of."""
        (folder / TOKENIZER).write_text(self.tokenizer_json, encoding="utf-8")
        return {"max_length": self.max_length, "tail": self.tail, "pad_id": self.pad_id}

    @classmethod
    def load(cls, folder: Path, info: Mapping[str, Any]) -> "TextReader":
        """Return the reader that was saved.

        Raises:
            ValueError: a size is out of range.
            LimbeckError: its `tokenizer.json` cannot be read.
        """
        sizes = {name: info[name] for name in ("max_length", "tail", "pad_id")}
        if wrong := [f"{name}={size}" for name, size in sizes.items() if not 0 <= size <= _LARGEST]:
            raise ValueError(f"{', '.join(wrong)}, and none is below 0 or above {_LARGEST:,}")
        return cls.from_file(folder / TOKENIZER, **sizes)


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`.

    Raises:
        LimbeckError: it is missing, or is not one that the installed `tokenizers` understands.
    """
    with (
        in_words("no tokenizer that this version of `tokenizers` reads", where=str(path), fix=_UPGRADE),
        no_backtrace(),
    ):
        return Tokenizer.from_file(str(path))
