"""Sets of texts with few labels: the same rows for whoever is compared on them.

A set is written as a folder that `data.source` takes: `train.parquet` (`text`, `label`; rows that are not among the
labelled ones have none: they are the unlabelled texts), `test.parquet`, and of film reviews `unsupervised.parquet`.
The test rows are the same in every draw of the labelled rows. A set in development holds none of them: its test is
drawn from the training rows, so that whatever is tuned on it has not seen the test.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from limbeck.data.drawing import apportion
from limbeck.digest import digest
from limbeck.files import staged
from limbeck.modalities.text.likeness import plain

TEST_SEED = 10_000
"""Of what is held out: no draw of labelled rows has this seed."""
FEWEST, MOST = 850, 2000
"""Test rows where a set has no test split: a third of its rows, within these."""
REVIEWS = 1500
"""Test rows of the 25,000 film reviews."""
FEW = 400
"""Test rows in development where there are less than four times `FEWEST` training rows."""


@dataclass(frozen=True, slots=True)
class TextSet:
    """Where a set's rows are from, and how many of them have a label.

    Attributes:
        origin: a name in `ORIGINS`.
        labels: labelled rows.
        even: as many of each class; else they are in proportion to the training rows.
    """

    origin: str
    labels: int
    even: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts, and the label of each."""

    texts: list[str]
    labels: list[Any]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Rows":
        """Return some of the rows, in that order."""
        return Rows([self.texts[row] for row in rows], [self.labels[row] for row in rows])


@dataclass(frozen=True, slots=True)
class Texts:
    """A set as it is read, with classes by number.

    Attributes:
        names: of the classes.
        labelled: texts with a label.
        labels: (labelled,) int64.
        unlabelled: texts without one.
        test: texts to judge by.
        truth: (test,) int64.
    """

    names: tuple[Any, ...]
    labelled: list[str]
    labels: NDArray[np.int64]
    unlabelled: list[str]
    test: list[str]
    truth: NDArray[np.int64]

    @property
    def figures(self) -> dict[str, Any]:
        """Numbers of rows and classes, and a digest that two benchmarks have in common if their rows are the same."""
        held = [self.names, self.labelled, self.labels.tolist(), self.unlabelled, self.test, self.truth.tolist()]
        return {
            "classes": len(self.names),
            "labelled": len(self.labelled),
            "unlabelled": len(self.unlabelled),
            "test": len(self.test),
            "digest": digest(held),
        }


def banking77(data: Path) -> tuple[Rows, Rows | None, list[str]]:
    """Return questions to a bank, by intent."""
    train, test = (_read(data / "banking77" / f"{split}.parquet", "intent") for split in ("train", "test"))
    return train, test, []


def sst2(data: Path) -> tuple[Rows, Rows | None, list[str]]:
    """Return phrases of film reviews; the test is the validation split of GLUE, as its test has no labels."""
    train, test = (_read(data / "sst2" / f"{split}.parquet") for split in ("train", "validation"))
    return train, test, []


def imdb(data: Path) -> tuple[Rows, Rows | None, list[str]]:
    """Return film reviews, with `REVIEWS` of the test split, and those that nobody labelled."""
    train, test = (_read(data / "imdb" / f"{split}.parquet") for split in ("train", "test"))
    extra = pq.read_table(data / "imdb" / "unsupervised.parquet", columns=["text"])["text"].to_pylist()
    test = cleaned(test)
    return train, test.take(drawn(test.labels, REVIEWS, TEST_SEED)), extra


def ratings(source: str) -> Callable[[Path], tuple[Rows, Rows | None, list[str]]]:
    """Return what reads the snippets of a source."""
    return lambda data: (_read(data / "sentiment_ratings" / "ratings.parquet", source=source), None, [])


def reviews(domain: str) -> Callable[[Path], tuple[Rows, Rows | None, list[str]]]:
    """Return what reads the reviews of a domain."""
    return lambda data: (_read(data / "amazon_reviews" / "books_dvd.parquet", domain=domain), None, [])


ORIGINS: dict[str, Callable[[Path], tuple[Rows, Rows | None, list[str]]]] = {
    "banking77": banking77,
    "sst2": sst2,
    "film": ratings("movie"),
    "amazon": ratings("amazon"),
    "nyt": ratings("nyt"),
    "tweets": ratings("tweets"),
    "books": reviews("books"),
    "dvd": reviews("dvd"),
    "imdb": imdb,
}
"""By name: what reads training rows, test rows (None: they are held out here) and texts without a label."""
SETS = {
    "banking77-154": TextSet("banking77", 154, even=True),
    "banking77-308": TextSet("banking77", 308),
    "banking77-2000": TextSet("banking77", 2000),
    "sst2-100": TextSet("sst2", 100),
    "sst2-500": TextSet("sst2", 500),
    "film-500": TextSet("film", 500),
    "amazon-300": TextSet("amazon", 300),
    "nyt-300": TextSet("nyt", 300),
    "tweets-300": TextSet("tweets", 300),
    "books-300": TextSet("books", 300),
    "dvd-300": TextSet("dvd", 300),
    "imdb-1000": TextSet("imdb", 1000),
}


def write_set(name: str, draw: int, data: Path, out: Path, *, development: bool = False) -> Path:
    """Return the folder of a set, `out/NAME/draw-N` or `out/NAME/development-N`; one that is there stays as it is.

    Args:
        name: in `SETS`.
        draw: seed of the labelled rows.
        data: folder with a folder an origin.
        out: folder for sets.
        development: without any test row; the test is drawn from the training rows.
    """
    folder = out / name / f"{'development' if development else 'draw'}-{draw}"
    if folder.is_dir():
        return folder
    asked = SETS[name]
    train, test, extra = parted(*ORIGINS[asked.origin](data))
    if development:
        train, test = held_out(train, FEWEST if len(train) >= 4 * FEWEST else FEW)
    train, test = shuffled(train), shuffled(test)
    shown = set(drawn(train.labels, asked.labels, draw, even=asked.even).tolist())
    labels = [label if row in shown else None for row, label in enumerate(train.labels)]
    with staged(folder) as aside:
        aside.mkdir()
        pq.write_table(pa.table({"text": train.texts, "label": labels}), aside / "train.parquet")
        pq.write_table(pa.table({"text": test.texts, "label": test.labels}), aside / "test.parquet")
        if extra:
            pq.write_table(pa.table({"text": extra}), aside / "unsupervised.parquet")
    return folder


def read_set(folder: Path) -> Texts:
    """Return a set that was written."""
    train, test = (_read(folder / f"{split}.parquet") for split in ("train", "test"))
    extra = folder / "unsupervised.parquet"
    more = pq.read_table(extra)["text"].to_pylist() if extra.is_file() else []
    shown = [row for row, label in enumerate(train.labels) if label is not None]
    labelled = train.take(shown)
    names = tuple(sorted({*labelled.labels}))
    number = {name: place for place, name in enumerate(names)}
    return Texts(
        names,
        labelled.texts,
        np.array([number[label] for label in labelled.labels], np.int64),
        [text for text, label in zip(train.texts, train.labels, strict=True) if label is None] + more,
        test.texts,
        np.array([number[label] for label in test.labels], np.int64),
    )


def parted(train: Rows, test: Rows | None, extra: list[str]) -> tuple[Rows, Rows, list[str]]:
    """Return training rows, test rows and texts without a label, of which no two look alike across the three.

    Looking alike is what Limbeck calls it, so that it leaves out no further row of these. A test split stays as it is.
    """
    train = cleaned(train)
    if test is None:
        train, test = held_out(train, min(max(len(train) // 3, FEWEST), MOST))
    taken = {plain(text) for text in test.texts}
    train = train.take([row for row, text in enumerate(train.texts) if plain(text) not in taken])
    taken.update(map(plain, train.texts))
    return train, test, [*_unseen(extra, taken)]


def cleaned(rows: Rows) -> Rows:
    """Return one row of those that look alike, the first one; none where their labels differ, or where it is empty."""
    first: dict[str, int] = {}
    contradicted = {""}
    for row, (text, label) in enumerate(zip(rows.texts, rows.labels, strict=True)):
        if rows.labels[first.setdefault(plain(text), row)] != label:
            contradicted.add(plain(text))
    return rows.take([row for look, row in first.items() if look not in contradicted])


def held_out(rows: Rows, size: int) -> tuple[Rows, Rows]:
    """Return the rows that are left, at least one of each class, and a fixed stratified draw of them."""
    chosen = drawn(rows.labels, size, TEST_SEED, left=1)
    return rows.take(np.delete(np.arange(len(rows)), chosen)), rows.take(chosen)


def shuffled(rows: Rows) -> Rows:
    """Return the rows in a fixed random order: files are often sorted by class, and fastText learns in their order."""
    return rows.take(np.random.default_rng(TEST_SEED).permutation(len(rows)))


def drawn(labels: Sequence[Any], size: int, seed: int, *, even: bool = False, left: int = 0) -> NDArray[np.int64]:
    """Return the numbers of a stratified draw of rows, in ascending order, at least one of each class.

    Args:
        labels: of all rows.
        size: rows to draw.
        seed: of the draw; a larger draw of the same seed holds about the rows of a smaller one.
        even: as many of each class; else in proportion, as Limbeck has it.
        left: rows of each class that are not drawn.
    """
    classes, which, counts = np.unique(np.array(labels), return_inverse=True, return_counts=True)
    shares = np.full(len(classes), size // len(classes)) if even else apportion(counts, counts - left, size)
    order = np.random.default_rng(seed).permutation(len(which))
    chosen = [order[which[order] == number][:share] for number, share in enumerate(shares)]
    return np.sort(np.concatenate(chosen))


def packed(right: NDArray[np.bool_]) -> str:
    """Return which test rows were answered rightly, as hexadecimal digits of four rows each."""
    return np.packbits(right).tobytes().hex()


def unpacked(digits: str, rows: int) -> NDArray[np.bool_]:
    """Return what `packed` was given, (rows,)."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8), count=rows).astype(np.bool_)


def _unseen(texts: Sequence[str], taken: set[str]) -> Iterator[str]:
    """Yield the texts that look like none before, and are not empty; `taken` grows."""
    taken.add("")
    for text in texts:
        if (look := plain(text)) not in taken:
            taken.add(look)
            yield text


def _read(path: Path, label: str = "label", **wanted: str) -> Rows:
    """Return the rows of a file, of those that have a value in a column."""
    held = pq.read_table(
        path, columns=["text", label], filters=[(key, "=", value) for key, value in wanted.items()] or None
    )
    return Rows(held["text"].to_pylist(), held[label].to_pylist())
