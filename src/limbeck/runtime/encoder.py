"""Text to token ids, from `tokenizer.json` alone; training and deployment share this one copy."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer


class Encoder:
    """Turns texts into token ids.

    Args:
        tokenizer: a `tokenizers` object; its own padding and truncation are switched off.
        max_length: tokens kept, special tokens included, at least 1.
        pad_id: the id that fills the end of shorter texts.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_length: int, pad_id: int = 0) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.tokenizer_json = tokenizer.to_str()
        tokenizer.enable_truncation(max_length)
        self._tokenizer = tokenizer
        self.max_length = max_length
        self.pad_id = pad_id

    @classmethod
    def from_file(cls, path: Path, *, max_length: int, pad_id: int = 0) -> "Encoder":
        """Read a `tokenizer.json`."""
        return cls(Tokenizer.from_file(str(path)), max_length=max_length, pad_id=pad_id)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary, indexed by token id."""
        by_id = {index: token for token, index in self._tokenizer.get_vocab().items()}
        return tuple(by_id.get(index, "") for index in range(max(by_id) + 1))

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], NDArray[np.bool_]]:
        """Return the token ids of each text, and whether it was cut at `max_length`.

        A text without any token becomes one padding token, so that no sequence is empty.
        """
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        cut = np.fromiter((bool(encoding.overflowing) for encoding in encodings), bool, len(encodings))
        return [encoding.ids or [self.pad_id] for encoding in encodings], cut

    def pad(self, sequences: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
        """Return `input_ids` and `attention_mask`, both (batch, longest) int64, padded on the right."""
        ids = np.full((len(sequences), max(map(len, sequences))), self.pad_id, np.int64)
        mask = np.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
        return {"input_ids": ids, "attention_mask": mask}
