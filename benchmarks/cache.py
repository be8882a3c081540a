"""What a teacher cache costs a training and how much it keeps, against what people use instead.

    python benchmarks/cache.py [--quick] [--anew] [--folder FOLDER]

Four parts, each written to benchmarks/results/cache.json when it is done; a run that was stopped goes on with the next
one, `--anew` begins again. Times are processor time of one thread, and what is told are ratios of what took turns.

lookups   random batches of 64 from a million cached rows, in the steps of a BiGRU; beside it parquet, `datasets`, files
codecs    bytes of an answer against its error, by codec, at 2 to 50,257 outputs
bias      what a student learns on average from draws, and from the largest logits with and without the others
images    a step on images and copies of them: labels, a cached teacher, the teacher itself
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cache_codecs
import input_path
import numpy as np
import torch
from numpy.typing import NDArray
from training_phases import phases

from limbeck.cache import CachedTeacher, CacheIdentity
from limbeck.console import console
from limbeck.data import Examples, Labels
from limbeck.data.batches import Batches
from limbeck.distiller import Distiller
from limbeck.files import read_json, write_json
from limbeck.losses import KD, CrossEntropy
from limbeck.models import build_model
from limbeck.models.recurrent import BiGRUSettings
from limbeck.models.resnet import ResNetSettings
from limbeck.networks import TrainSettings
from limbeck.pipeline.order import describe_environment
from limbeck.runtime import TextForm, Vocabulary
from limbeck.runtime.readers.image import ImageForm
from limbeck.runtime.rows import Ragged
from limbeck.teachers import ModuleTeacher, Teacher
from limbeck.types import Batch, Outputs, Predictions

RESULT = Path(__file__).parent / "results" / "cache.json"
BATCH, CLASSES, WORDS, SHARDS, DISTINCT = 64, 2, 30_000, 32, 5_000
LENGTHS = {"snippets": (20, 0.5, 64), "reviews": (215, 0.62, 512)}
"""Median, sigma and longest of log-normal lengths: film snippets, and IMDB's reviews."""


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        rows: cached.
        files: of the arm with a file a sample.
        batches: that are looked up one after another.
        steps: of a training in a round.
        rounds: in which arms take turns.
        images: of the part of that name.
    """

    rows: int = 1_000_000
    files: int = 20_000
    batches: int = 300
    steps: int = 40
    rounds: int = 5
    images: int = 20_000


QUICK = Size(rows=50_000, files=500, batches=20, steps=3, rounds=1, images=600)


@dataclass(frozen=True)
class Repeated:
    """A few texts, over and over: as many rows as are wanted, in little memory."""

    base: Ragged
    count: int

    def __len__(self) -> int:
        return self.count

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(rows,) tokens of each."""
        return np.resize(self.base.lengths, self.count)

    def batch(self, rows: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Return ids and mask of some rows."""
        return self.base.batch(rows % len(self.base))


def texts(median: int, sigma: float, longest: int) -> Ragged:
    """Return random ids of log-normal lengths."""
    random = np.random.default_rng(0)
    lengths = np.clip(random.lognormal(np.log(median), sigma, DISTINCT), 3, longest).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Ragged(random.integers(2, WORDS, offsets[-1], dtype=np.int32), offsets, 0, np.zeros(DISTINCT, bool))


def filled(folder: Path, rows: int) -> tuple[CachedTeacher, Examples]:
    """Return a sealed cache of random answers, opened anew, and its examples."""
    draw = np.random.default_rng(0)
    ids = np.unique(draw.integers(-(2**63), 2**63 - 1, rows))
    draw.shuffle(ids)
    identity = CacheIdentity("random", "benchmark", CLASSES)
    writer = CachedTeacher(folder, identity)
    for part in np.array_split(ids, SHARDS):
        writer.add(part, Predictions(torch.from_numpy(draw.normal(size=(len(part), CLASSES)))), {})
    writer.seal()
    labels = Labels(draw.integers(0, CLASSES, len(ids)), np.ones(len(ids), np.bool_))
    return CachedTeacher(folder, identity), Examples(ids, [None] * len(ids), labels)


def in_training(cache: CachedTeacher, examples: Examples, view: Repeated, steps: int) -> dict[str, Any]:
    """Return the milliseconds of a BiGRU's step and the share of it that the teacher's answers take."""
    torch.manual_seed(0)
    form = TextForm.of(Vocabulary(tuple(map(str, range(WORDS))), 0))
    network = build_model(BiGRUSettings(dim=100, hidden=64), outputs=CLASSES, form=form)
    batches = Batches(examples, view, batch_size=BATCH, labelled_per_batch=0, seed=0)
    distiller = Distiller(network, 0.9 * KD(temperature=2) + 0.1 * CrossEntropy(), cache)
    settings = TrainSettings(steps=steps, batch_size=BATCH, validations=1, threads=1)
    return phases(distiller, batches, settings, steps=steps)["cpu"]


Look = Callable[[NDArray[np.int64]], Any]
"""From row numbers to their answers."""


def others(folder: Path, size: Size) -> dict[str, tuple[int, Look]]:
    """Return how else answers are stored: how many rows each has, and what reads some of them by row number."""
    import datasets
    import pyarrow as pa
    from pyarrow import parquet

    pa.set_cpu_count(1)
    datasets.disable_progress_bars()
    logits = np.random.default_rng(1).normal(size=(size.rows, CLASSES)).astype(np.float32)
    table = pa.table({"logits": pa.FixedSizeListArray.from_arrays(logits.ravel(), CLASSES)})
    parquet.write_table(table, folder / "answers.parquet", row_group_size=(group := 1_000))
    file = parquet.ParquetFile(folder / "answers.parquet")
    datasets.Dataset(table).save_to_disk(folder / "arrow")
    mapped = datasets.load_from_disk(str(folder / "arrow")).with_format("numpy")
    (folder / "files").mkdir()
    for row in range(size.files):
        np.save(folder / "files" / f"{row}.npy", logits[row])

    def of_parquet(rows: NDArray[np.int64]) -> Any:
        groups = np.unique(rows // group)
        found = file.read_row_groups(groups.tolist(), use_threads=False)
        return found.take(np.searchsorted(groups, rows // group) * group + rows % group)

    def of_files(rows: NDArray[np.int64]) -> Any:
        return np.stack([np.load(folder / "files" / f"{row}.npy") for row in rows.tolist()])

    return {
        "parquet": (size.rows, of_parquet),
        "datasets": (size.rows, lambda rows: mapped[rows.tolist()]),
        "a file a sample": (size.files, of_files),
    }


def looked_up(look: Look, rows: int, batches: int) -> float:
    """Return the median milliseconds of processor time in which a random batch is read."""
    draw, spent = np.random.default_rng(2), []
    for _ in range(batches):
        chosen = draw.choice(rows, BATCH, replace=False)
        start = time.process_time()
        look(chosen)
        spent.append(1000 * (time.process_time() - start))
    return statistics.median(spent)


def lookups(folder: Path, size: Size) -> dict[str, Any]:
    """Measure a batch of answers within a BiGRU's step, and what reads the same from other stores."""
    cache, examples = filled(folder / "cache", size.rows)
    views = {name: Repeated(texts(*lengths), len(examples)) for name, lengths in LENGTHS.items()}
    own: Look = lambda rows: cache.predict(Batch(torch.from_numpy(examples.ids[rows]), {}))  # noqa: E731
    stores = {"limbeck": (len(examples), own), **others(folder, size)}
    found: dict[str, list[Any]] = {name: [] for name in (*views, *stores)}
    for _ in range(size.rounds):
        for name, view in views.items():
            found[name].append(in_training(cache, examples, view, size.steps))
        for name, (rows, look) in stores.items():
            found[name].append(looked_up(look, rows, size.batches))
    return {
        "steps": {
            name: {
                "ms": statistics.median(one["ms"] for one in found[name]),
                "share": statistics.median(one["shares"]["teacher"] for one in found[name]),
            }
            for name in views
        },
        "stores": {name: {"rows": stores[name][0], "ms": statistics.median(found[name])} for name in stores},
    }


@dataclass(frozen=True)
class Live:
    """A network that is asked for what the student sees, which is drawn once."""

    teacher: ModuleTeacher

    @property
    def digest(self) -> str:
        """The network's."""
        return self.teacher.digest

    def predict(self, batch: Batch) -> Outputs:
        """Return its logits."""
        return self.teacher.predict(replace(batch, teacher_inputs=batch.student_inputs))


def images(folder: Path, size: Size) -> dict[str, Any]:
    """Measure a step on images and copies of them, by whom a student listens to."""
    plain = input_path.images()
    some = np.arange(size.images)
    few = input_path.Set(plain.examples.take(some), plain.rows.take(some))
    moved = input_path.with_copies(few, input_path.CROP_AND_FLIP)
    form = ImageForm.of(input_path.SIDE, input_path.SIDE, 3, (0.5,) * 3, (0.25,) * 3)
    live = Live(ModuleTeacher(build_model(ResNetSettings(depth=20), outputs=input_path.CLASSES, form=form)))
    arms: Mapping[str, Teacher | None] = {"labels": None, "cached": input_path.cached(moved, folder), "live": live}
    rounds: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(size.rounds):
        for name in arms if number % 2 else reversed(arms):
            found = input_path.arm(moved, arms[name], size.steps)()
            rounds[name].append(found["cpu"]["ms"])
    ratios = {
        name: statistics.median(one / base for one, base in zip(rounds[name], rounds["labels"], strict=True))
        for name in arms
    }
    return {name: {"ms": statistics.median(rounds[name]), "ratio": ratios[name]} for name in arms}


PARTS: Mapping[str, Callable[[Path, Size], Any]] = {
    "lookups": lookups,
    "codecs": lambda folder, size: cache_codecs.kept(folder, quick=size is QUICK),
    "bias": lambda folder, size: cache_codecs.bias(quick=size is QUICK),
    "images": images,
}


def as_table(result: Mapping[str, Any]) -> str:
    """What a batch of answers costs, and how much each codec keeps."""
    found, step = result["lookups"], result["lookups"]["steps"]["reviews"]["ms"]
    lines = ["| 64 random answers from | rows | processor time | of a BiGRU's step |", "|---|---|---|---|"]
    for name, store in found["stores"].items():
        lines.append(f"| {name} | {store['rows']:,} | {store['ms']:.2f} ms | {100 * store['ms'] / step:.1f} % |")
    shares = " and ".join(f"{100 * each['share']:.1f} % ({name})" for name, each in found["steps"].items())
    ratios = {name: each["ratio"] for name, each in result["images"].items()}
    lines += [
        "",
        f"Within the steps of a BiGRU the cache takes {shares}. A step on images with drawn copies takes "
        f"{ratios['cached']:.2f} times one that learns labels alone, and {ratios['live']:.2f} times with the teacher "
        f"(a ResNet-20) itself.",
        "",
    ]
    return "\n".join([*lines, *cache_codecs.as_lines(result), "", f"(`{result['command']}`)"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is not measured yet, and write the record after each part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="try it in a minute; nothing is recorded")
    parser.add_argument("--anew", action="store_true", help="measure every part again")
    parser.add_argument("--folder", help="where caches are written for the time of the measurement")
    options = parser.parse_args(arguments)
    if options.folder is not None:
        Path(options.folder).mkdir(parents=True, exist_ok=True)
    console.quiet = True
    torch.set_num_threads(1)
    result = read_json(RESULT, dict) if RESULT.exists() and not (options.anew or options.quick) else {}
    for name, measure in PARTS.items():
        if name in result:
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            result[name] = measure(Path(folder), QUICK if options.quick else Size())
        result |= {"command": "python benchmarks/cache.py", "environment": describe_environment()}
        if not options.quick:
            write_json(RESULT, result)
        print(f"{name}: done after {time.monotonic() - start:.0f} s", flush=True)
    print(as_table(result))


if __name__ == "__main__":
    main()
