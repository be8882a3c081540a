"""Read pretrained word vectors from the files they come in."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from limbeck.data.npz import require_modest
from limbeck.errors import LimbeckError

_ASSET = "glove"


def read_vectors(source: str, tokens: Sequence[str], dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of those tokens that the file has.

    Args:
        source: `glove` (the packaged GloVe 6B 50d), an `.npz` file with arrays `words` (strings) and `vectors`
            (words, dim), or a text file with a word and its numbers on each line. Of a repeated word the first holds.
        tokens: the words to look up, exactly as they are spelled.
        dim: the width that the vectors must have.

    Returns:
        `indices` (found,) int64 into `tokens`, ascending, and their `vectors` (found, dim) float32.

    Raises:
        LimbeckError: the file is missing, malformed, of another width, not finite, or has none of the tokens.
    """
    if source == _ASSET:
        words, vectors = _read_asset()
    elif not Path(source).is_file():
        raise LimbeckError("no such file of word vectors", where=source, fix="give a .npz or .txt file, or `glove`")
    elif source.endswith(".npz"):
        words, vectors = _read_npz(Path(source))
    else:
        words, vectors = _read_text(Path(source), set(tokens))
    if vectors.shape[1] != dim:
        width = vectors.shape[1]
        raise LimbeckError(f"the vectors are {width} wide but `dim` is {dim}", where=source, fix=f"set dim: {width}")
    row_of = {word: row for row, word in reversed(list(enumerate(words)))}
    indices = [index for index, token in enumerate(tokens) if token in row_of]
    if not indices:
        raise LimbeckError("none of the vocabulary's tokens has a vector", where=source, fix="compare their spelling")
    found = np.asarray(vectors[[row_of[tokens[index]] for index in indices]], dtype=np.float32)
    if not np.isfinite(found).all():
        raise LimbeckError("a vector holds a number that is not finite", where=source)
    return np.asarray(indices, dtype=np.int64), found


def _read_asset() -> tuple[list[str], np.ndarray]:
    import pyarrow.parquet  # both are needed for this source only

    from limbeck.assets import asset

    folder = asset(_ASSET)
    words = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet", columns=["index"])["index"].to_pylist()
    return words, np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)


def _read_npz(path: Path) -> tuple[list[str], np.ndarray]:
    try:
        with path.open("rb") as opened:
            require_modest(opened, path)
            with np.load(opened, allow_pickle=False) as file:
                words, vectors = file["words"], file["vectors"]
    except (KeyError, ValueError, OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise LimbeckError(
            f"not a file of word vectors: {error}", where=str(path), fix="it needs the arrays `words` and `vectors`"
        ) from error
    if words.ndim != 1 or vectors.ndim != 2 or len(words) != len(vectors):
        raise LimbeckError(
            f"`words` {words.shape} and `vectors` {vectors.shape} do not belong together",
            where=str(path),
            fix="they need the shapes (words,) and (words, dim)",
        )
    return [str(word) for word in words], vectors


def _read_text(path: Path, wanted: set[str]) -> tuple[list[str], np.ndarray]:
    words: list[str] = []
    rows: list[np.ndarray] = []
    width = 0
    # Some published files hold a few bytes that are not UTF-8, and words that contain spaces or other line breaks.
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            fields = line.rstrip().split(" ")
            if number == 1 and len(fields) == 2:
                continue  # word2vec's header: how many words, how wide
            width = width or len(fields) - 1
            if len(fields) <= max(width, 1):
                raise LimbeckError(
                    f"{len(fields) - 1} numbers instead of {width or 'one or more'}", where=f"{path}, line {number}"
                )
            word = " ".join(fields[:-width])
            if word not in wanted:
                continue
            try:
                rows.append(np.array(fields[-width:], dtype=np.float32))
            except ValueError as error:
                raise LimbeckError(f"not a word and its numbers: {error}", where=f"{path}, line {number}") from error
            words.append(word)
    if not width:
        raise LimbeckError("no word vectors in the file", where=str(path))
    return words, np.stack(rows) if rows else np.empty((0, width), np.float32)
