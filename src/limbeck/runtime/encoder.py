"""Text to token ids, from `tokenizer.json` alone; training and deployment share this one copy."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models

from limbeck.errors import LimbeckError
from limbeck.runtime.words import AsciiWords


def as_texts(texts: Sequence[str]) -> list[str]:
    """Return the texts as a list.

    Raises:
        TypeError: a single string, or something among them that is no string.
    """
    if isinstance(texts, str):
        raise TypeError("a list of texts is needed; wrap a single one: [text]")
    result = list(texts)
    for index, text in enumerate(result):
        if not isinstance(text, str):
            raise TypeError(f"item {index} is of type {type(text).__name__}, where a text belongs")
    return result


def well_formed(text: str) -> str:
    """Return a text that can be written as UTF-8: half of a surrogate pair, which JSON allows, becomes U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


_FEW = 1024
"""Texts: of more, `tokenizers` cuts several at a time, which is as fast from four cores on."""


class Encoder:
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
    def from_file(cls, path: Path, *, max_length: int, tail: int = 0, pad_id: int = 0) -> "Encoder":
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

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], NDArray[np.bool_]]:
        """Return the token ids of each text, and whether it was cut at `max_length`.

        A text without any token becomes one padding token, and that one counts as real (its attention mask is 1): no
        sequence is empty, so that no mean is over nothing and no softmax over masked positions only.

        Raises:
            TypeError: `texts` is a single string, or holds something that is no string.
        """
        wanted = as_texts(texts)
        ids: list[list[int]] = [[]] * len(wanted)
        cut = np.zeros(len(wanted), bool)
        others = []
        for row, text in enumerate(wanted):
            if self._ascii_words and len(wanted) <= _FEW and text.isascii():
                ids[row], cut[row] = self._cut(self._ascii_words.ids(text))
            else:
                others.append(row)
        encodings = self._tokenizer.encode_batch_fast([well_formed(wanted[row]) for row in others])
        for row, encoding in zip(others, encodings, strict=True):
            # Without a tail the library has cut it already.
            ids[row], cut[row] = self._cut(encoding.ids) if self.tail else (encoding.ids, bool(encoding.overflowing))
        return [found or [self.pad_id] for found in ids], cut

    def _cut(self, ids: list[int]) -> tuple[list[int], bool]:
        """Return what is kept, and whether that is less; special tokens stand at both ends, so they stay."""
        if len(ids) <= self.max_length:
            return ids, False
        return ids[: self.max_length - self.tail] + ids[len(ids) - self.tail :], True

    def pad(self, sequences: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
        """Return `input_ids` and `attention_mask`, both (batch, longest) int64, padded on the right."""
        ids = np.full((len(sequences), max(map(len, sequences))), self.pad_id, np.int64)
        mask = np.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
        return {"input_ids": ids, "attention_mask": mask}


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`.

    Raises:
        LimbeckError: it is missing, or is not one that the installed `tokenizers` understands.
    """
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing more specific
        raise LimbeckError(
            f"no tokenizer that this version of `tokenizers` reads ({error})",
            where=str(path),
            fix="copy the file again, or upgrade tokenizers",
        ) from None
