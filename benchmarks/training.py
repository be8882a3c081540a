"""What a step of training costs: cached against live teachers, bucketed against random batches, and the loop itself.

    python benchmarks/training.py FOLDER/imdb
    python benchmarks/training.py                        # lengths drawn like IMDB's, random ids
    python benchmarks/training.py FOLDER/imdb --quick

Every step is one of `limbeck.trainer.fit`, in its own arm. Arms take turns in blocks of steps, in alternating order,
within one process; a block's cost is processor time, so other programs disturb little. Networks have random weights,
and the cache holds random answers: the time depends on neither. Writes benchmarks/results/training.json.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from training_phases import phases
from training_startup import startup

import limbeck.data.batches
from limbeck.cache import CachedTeacher, CacheIdentity, label
from limbeck.console import console
from limbeck.data import Examples, Labels, load_splits, read_tables
from limbeck.data.batches import Batches
from limbeck.distiller import Distiller
from limbeck.errors import LimbeckError
from limbeck.files import write_json
from limbeck.losses import KD, CrossEntropy, Objective, objective_from
from limbeck.modalities.text import TextModality, TextReads
from limbeck.modalities.text.reads import build_reader
from limbeck.modalities.text.tokenizers import TransformersTokenizerSettings, WordTokenizerSettings
from limbeck.models import build_model
from limbeck.models.recurrent import BiGRUSettings, BiLSTMSettings
from limbeck.models.transformer import Transformer, TransformerSettings
from limbeck.networks import TrainSettings
from limbeck.pipeline.order import describe_environment
from limbeck.pipeline.training.material import Material
from limbeck.recipe import load_recipe
from limbeck.runtime import TextForm, Vocabulary
from limbeck.runtime.rows import Ragged
from limbeck.teachers import ModuleTeacher, Teacher
from limbeck.trainer import fit
from limbeck.types import Batch, Outputs

RESULTS = Path(__file__).parent / "results"
CLASSES, WORDS, DIM, BATCH = 2, 30_000, 100, 64
MAX_LENGTH = 512  # 88 % of the reviews are shorter; MiniLM reads no more
KD_AND_LABELS = 0.9 * KD(temperature=2) + 0.1 * CrossEntropy()
LABELS = 1.0 * CrossEntropy()


@dataclass(frozen=True)
class Corpus:
    """The training rows as the networks see them.

    Attributes:
        origin: where texts or lengths come from.
        examples: ids and labels.
        words: the view of the recurrent networks.
        pieces: the view of the MiniLM.
        form: of the words.
    """

    origin: str
    examples: Examples
    words: Ragged
    pieces: Ragged
    form: TextForm

    def batches(self, teacher: Ragged | None = None, *, bucketed: bool = True) -> Batches:
        """Return batches of the library; random ones are the same with nothing to sort."""
        with mock.patch.object(limbeck.data.batches, "WINDOW", limbeck.data.batches.WINDOW if bucketed else 1):
            return Batches(self.examples, self.words, teacher=teacher, batch_size=BATCH, labelled_per_batch=0, seed=0)


def read_corpus(folder: Path | None, rows: int) -> Corpus:
    """Return IMDB's training reviews, or random ids of similar lengths."""
    random = np.random.default_rng(0)
    labels, known = random.integers(0, CLASSES, rows), np.ones(rows, np.bool_)
    if folder is None:
        lengths = np.clip(random.lognormal(np.log(215), 0.62, rows), 10, MAX_LENGTH).astype(np.int64)
        views = [_random_view(lengths, size, random) for size in (WORDS, 30_522)]
        form = TextForm.of(Vocabulary(tuple(map(str, range(WORDS))), 0))
        examples = Examples(np.arange(rows), [""] * rows, Labels(labels, known))
        return Corpus("random ids; lengths log-normal, median 215, sigma 0.62", examples, *views, form)
    wanted = {"modality": TextModality(), "column": "text", "label": "label"}
    found = read_tables(str(folder), **wanted)["train"].values
    texts = [found[row] for row in random.choice(len(found), min(rows, len(found)), replace=False)]
    words = build_reader(TextReads(tokenizer=WordTokenizerSettings(size=WORDS), max_length=MAX_LENGTH), texts)
    view = words.encode(texts)
    try:
        tokenizer = TransformersTokenizerSettings(kind="transformers", path="minilm")
        pieces = build_reader(TextReads(tokenizer=tokenizer, max_length=MAX_LENGTH), texts).encode(texts)
    except LimbeckError:
        pieces = _random_view(view.lengths, 30_522, random)
    count = len(texts)
    examples = Examples(np.arange(count), texts, Labels(labels[:count], known[:count]))
    return Corpus("IMDB training reviews", examples, view, pieces, words.form)


def _random_view(lengths: NDArray[np.int64], size: int, random: np.random.Generator) -> Ragged:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Ragged(random.integers(2, size, offsets[-1], dtype=np.int32), offsets, 0, np.zeros(len(offsets) - 1, bool))


def minilm(pieces: Ragged) -> tuple[nn.Module, str]:
    """Return the MiniLM, or a network of its shape where it cannot be had; and which."""
    form = TextForm.of(Vocabulary(("",), 0))
    try:
        return build_model(TransformerSettings(path="minilm"), outputs=CLASSES, form=form), "asset"
    except LimbeckError:
        from transformers import BertConfig, BertModel

        config = BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536)
        encoder = BertModel(config, add_pooling_layer=False)
        settings = TransformerSettings(path="random")
        network = Transformer(encoder, settings, width=384, outputs=CLASSES, pad_id=pieces.pad_id)
        return network, "random weights of the same shape"


class RandomAnswers:
    """Fills a cache."""

    digest = "random"

    def predict(self, batch: Batch) -> Outputs:
        """Return logits of the right shape."""
        return Outputs(torch.randn(len(batch.ids), CLASSES))


def cached(examples: Examples, view: Ragged, folder: Path) -> CachedTeacher:
    """Return a teacher that reads a cache written by the library."""
    return label(RandomAnswers(), examples, view, CachedTeacher(folder, CacheIdentity("random", "benchmark", CLASSES)))


class Runner:
    """One arm: a `fit` in a thread of its own that stands still except while its block is timed.

    Args:
        name: of the arm.
        distiller: what is trained.
        batches: what it is trained on; asked for once a step, which is where the thread waits.
        settings: how it is trained.
        blocks: that are timed; the first block of all warms up.
        size: steps of a block.
    """

    def __init__(
        self, name: str, distiller: Distiller, batches: Batches, settings: TrainSettings, *, blocks: int, size: int
    ) -> None:
        self.name, self._batches, self._size = name, batches, size
        self._go, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        # One step more than is timed: what follows a training's last step is no part of a block.
        steps = (blocks + 1) * size + 1
        self._thread = threading.Thread(
            target=lambda: fit(distiller, self, settings, steps=steps, validate=None, title=name),
            daemon=True,
        )
        self._thread.start()
        self._paused.acquire()
        self.block()

    def group(self, step: int) -> Iterator[Batch]:
        """Give the batches of a step, first waiting for the turn when a block begins."""
        if step % self._size == 0:
            self._paused.release()
            self._go.acquire()
        return self._batches.group(step)

    def block(self) -> float:
        """Run one block and return its processor seconds."""
        start = time.process_time()
        self._go.release()
        self._paused.acquire()
        return time.process_time() - start

    def finish(self) -> None:
        """Let the training end."""
        self._go.release()
        self._thread.join()


Arm = tuple[Distiller, Batches]


def race(arms: Mapping[str, Arm], settings: TrainSettings, *, blocks: int, size: int) -> dict[str, NDArray[np.float64]]:
    """Return, by arm, the processor seconds a step of every block; the order of the arms alternates."""
    runners = [Runner(name, *arm, settings, blocks=blocks, size=size) for name, arm in arms.items()]
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(blocks):
        for runner in runners if turn % 2 == 0 else reversed(runners):
            seconds[runner.name].append(runner.block() / size)
        print("  " + ", ".join(f"{name} {1000 * values[-1]:.1f} ms" for name, values in seconds.items()), flush=True)
    for runner in runners:
        runner.finish()
    return {name: np.array(values) for name, values in seconds.items()}


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> dict[str, Any]:
    """Return the median over blocks of one arm's time by another's, its bootstrap interval, and the ratio of sums."""
    ratios = above / below
    draws = np.random.default_rng(0).choice(ratios, (10_000, len(ratios)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    return {
        "median": float(np.median(ratios)),
        "ci95": [float(low), float(high)],
        "of_totals": float(above.sum() / below.sum()),
        "blocks": len(ratios),
    }


def milliseconds(seconds: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Return each arm's processor milliseconds a step, median over blocks."""
    return {name: float(1000 * np.median(values)) for name, values in seconds.items()}


def padding(batches: Batches, view: Ragged, steps: range) -> tuple[float, int]:
    """Return the share of padding in the batches of some steps, and their real tokens."""
    lengths = [view.lengths[batches.rows(step)] for step in steps]
    real, whole = sum(int(each.sum()) for each in lengths), sum(len(each) * int(each.max()) for each in lengths)
    return 1 - real / whole, real


def waste(corpus: Corpus, seconds: NDArray[np.float64], size: int) -> dict[str, Any]:
    """Return the padding of an epoch both ways, and the real tokens a second of blocks of bucketed batches."""
    epoch = range(len(corpus.examples) // BATCH)
    timed = range(size, (len(seconds) + 1) * size)  # the first block warmed up
    bucketed, random = corpus.batches(), corpus.batches(bucketed=False)
    return {
        "padding": {
            "bucketed": padding(bucketed, corpus.words, epoch)[0],
            "random": padding(random, corpus.words, epoch)[0],
        },
        "tokens_per_cpu_second": padding(bucketed, corpus.words, timed)[1] / float(seconds.sum() * size),
    }


def recurrent(corpus: Corpus, folder: Path, blocks: Callable[[int], int]) -> dict[str, Any]:
    """Time the BiGRU student with every kind of teacher."""

    def student(objective: Objective, teacher: Teacher | None) -> Distiller:
        torch.manual_seed(0)
        settings = BiGRUSettings(dim=DIM, hidden=64)
        network = build_model(settings, outputs=CLASSES, form=corpus.form)
        return Distiller(network, objective, teacher)

    settings = TrainSettings(batch_size=BATCH, threads=1, validations=1, keep="last")
    answers = cached(corpus.examples, corpus.words, folder)
    big = BiLSTMSettings(dim=DIM, hidden=256, layers=2)
    lstm = ModuleTeacher(build_model(big, outputs=CLASSES, form=corpus.form))
    network, weights = minilm(corpus.pieces)
    bert = ModuleTeacher(network)
    live, mixed = corpus.batches(corpus.words), corpus.batches(corpus.words, bucketed=False)

    print("supervised and cached")
    size = 4
    cheap = race(
        {
            "supervised": (student(LABELS, None), corpus.batches()),
            "cached": (student(KD_AND_LABELS, answers), corpus.batches()),
        },
        settings,
        blocks=blocks(40),
        size=size,
    )
    print("live teachers")
    arms = {
        "cached": (student(KD_AND_LABELS, answers), corpus.batches()),
        "live": (student(KD_AND_LABELS, lstm), live),
        "random_live": (student(KD_AND_LABELS, lstm), mixed),
    }
    slow = race(arms, settings, blocks=blocks(16), size=2)
    print("MiniLM")
    arms = {
        "cached": (student(KD_AND_LABELS, answers), corpus.batches()),
        "minilm": (student(KD_AND_LABELS, bert), corpus.batches(corpus.pieces)),
    }
    slowest = race(arms, settings, blocks=blocks(8), size=1)
    return {
        "cached_by_supervised": ratio(cheap["cached"], cheap["supervised"]),
        "live_by_cached": ratio(slow["live"], slow["cached"]),
        "random_by_bucketed": ratio(slow["random_live"], slow["live"]),
        "textbook_by_cached": ratio(slow["random_live"], slow["cached"]),
        "minilm_by_cached": ratio(slowest["minilm"], slowest["cached"]),
        "minilm_weights": weights,
        "cpu_ms": milliseconds(slowest) | milliseconds(slow) | milliseconds(cheap),
        **waste(corpus, cheap["cached"], size),
        "phases": phases(student(KD_AND_LABELS, answers), corpus.batches(), settings, steps=blocks(40)),
    }


def ngrams(folder: Path, blocks: Callable[[int], int]) -> dict[str, Any]:
    """Time the student of the recipe `sentiment`, on its own batches."""
    recipe = load_recipe("sentiment")
    splits = load_splits(recipe.data, recipe.task)
    view = Material(splits).view(recipe.student)
    settings = recipe.student.train.model_copy(update={"validations": 1})
    answers = cached(splits.transfer, view.transfer, folder)

    def arm(objective: Objective, teacher: Teacher | None) -> Arm:
        torch.manual_seed(0)
        network = build_model(recipe.student.model, outputs=splits.task.outputs, form=view.form)
        batches = Batches(
            splits.transfer,
            view.transfer,
            batch_size=settings.batch_size,
            labelled_per_batch=recipe.data.labelled_per_batch,
            seed=0,
        )
        return Distiller(network, objective, teacher), batches

    objective = objective_from(recipe.losses)
    print("ngrams")
    arms = {"supervised": arm(LABELS, None), "cached": arm(objective, answers)}
    seconds = race(arms, settings, blocks=blocks(40), size=50)
    return {
        "cached_by_supervised": ratio(seconds["cached"], seconds["supervised"]),
        "cpu_ms": milliseconds(seconds),
        "phases": phases(*arm(objective, answers), settings, steps=blocks(1000)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="IMDB as parquet, csv or jsonl files")
    parser.add_argument("--quick", action="store_true", help="a tenth of the blocks, to try it; writes nothing")
    given = parser.parse_args(arguments)

    def blocks(count: int) -> int:
        return max(4, count // 10) if given.quick else count

    console.quiet = True
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        corpus = read_corpus(given.folder, 8192)
        result = {
            "claim": "a teacher that answers from a cache costs a step next to nothing; a live one multiplies it",
            "command": f"python benchmarks/training.py {given.folder or ''}".strip(),
            "rows": corpus.origin,
            "setting": {
                "student": "BiGRU, 64 a direction",
                "live": "BiLSTM, 2 layers, 256 a direction",
                "vocabulary": corpus.form.vocabulary.size,
                "dim": DIM,
                "max_length": MAX_LENGTH,
                "mean_length": float(corpus.words.lengths.mean()),
                "batch_size": BATCH,
                "rows": len(corpus.examples),
                "threads": 1,
                "seconds": "of the processor, whole process, a step of `fit`",
            },
            "bigru": recurrent(corpus, Path(scratch) / "words", blocks),
            "ngrams": ngrams(Path(scratch) / "ngrams", blocks),
            "startup": startup(given.folder, Path(scratch), repeats=1 if given.quick else 3),
            "load_average": [load, os.getloadavg()[0]],
            "environment": describe_environment(),
        }
    if not given.quick:
        write_json(RESULTS / "training.json", result)
    print(result)


if __name__ == "__main__":
    main()
