"""Which loss? Every one that fits classification against plain kd, on spoken digits and on questions to a bank.

    python benchmarks/losses.py [SET ...] [--data FOLDER] [--out FOLDER] [--seeds N ...] [--losses NAME ...]

What is compared stands in loss_points.py. A loss is trained at its three points, with as many steps as any other; the
one with the best likelihood on validation is asked for the test rows. That is one record, of a loss and a seed. The
teacher of a set is made once, and its answers are cached. loss_ranks.py makes the ranking, once all records are there.

One thread: start the command twice, and both share the work. After a kill the same command goes on: finished trainings
of the record that was begun are not repeated, and a record that is there never is. FOLDER holds
spoken_digits/fsdd.parquet and banking77/. Writes benchmarks/results/losses.json after every record.

In development no test row is used: digits are tested on one of the other four speakers, questions on training rows. The
record is `development.json` in the folder of the runs. `--override KEY=VALUE` changes recipes there, and nowhere else.
"""

import argparse
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before torch is imported
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from loss_points import ENTRIES, LEFT_OUT, Losses, Points
from loss_ranks import bits, judged
from speakers import SPEAKERS
from tenants import recordings
from text_sets import packed, write_set

from limbeck import __version__
from limbeck.data import load_splits
from limbeck.digest import digest
from limbeck.errors import DivergedError, LimbeckError
from limbeck.files import read_json, write_json
from limbeck.locks import locked, take
from limbeck.losses import CATALOG
from limbeck.pipeline.order import describe_environment, require_usable
from limbeck.pipeline.training.arms import train_arm
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import RunTeacher, train_teacher
from limbeck.recipe import Recipe, load_recipe, parse_recipe

RESULTS = Path(__file__).parent / "results" / "losses.json"
SEEDS = (0, 1, 2, 3, 4)
# Without a limit of the gradient's norm AdamW does not see by what a whole objective is multiplied: what counts of the
# weights is their ratio.
TRAIN = {
    "batch_size": 64, "warmup": 0.1, "schedule": "cosine", "keep": "last", "validations": 1, "threads": 1, "clip": None,
}  # fmt: skip
"""How students of both sets are trained; steps and rate are a set's own."""
TINY = ["student.train.steps=20"]
"""What development changes, unless it is told otherwise."""


def digits(out: Path, data: Path, overrides: list[str], *, development: bool) -> Recipe:
    """Return the recipe of clips of ten digits: two speakers are the test, one is validation, three are learned from.

    All clips of the three have their label. Teacher and network are those of the recipe `spoken-digits`.
    """
    table, speakers = recordings(out, data), SPEAKERS
    if development:
        speakers, own = SPEAKERS[2:], out / "development.parquet"
        whole = pq.read_table(table)
        kept = pc.is_in(whole["speaker"], pa.array(speakers))  # pyrefly: ignore
        pq.write_table(whole.filter(kept), own)
        table = own
    test, held_out = ([speakers[0]], speakers[1]) if development else (list(speakers[:2]), speakers[2])
    split = {"test": {"speaker": test}, "validation": {"speaker": held_out}}
    changes = {
        "data.source": str(table),
        "data.label": "digit",
        "data.labelled": None,
        "data.split": split,
        "student.train": {**TRAIN, "steps": 750, "lr": 3e-3},
    }
    return load_recipe("spoken-digits", [*_as_overrides(changes), *overrides])


def banking77(out: Path, data: Path, overrides: list[str], *, development: bool) -> Recipe:
    """Return the recipe of questions to a bank, by 77 intents; 2,000 of them are labelled, and 400 of these held out.

    A frozen MiniLM with a head teaches a bag of words and pairs of words.
    """
    folder = write_set("banking77-2000", 0, data, out / "sets", development=development)
    values = {
        "name": "banking77",
        "data": {"source": str(folder.resolve()), "text": "text", "label": "label", "split": {"validation": 400},
                 "labelled_per_batch": 16},
        "teacher": {"kind": "embedding", "model": "minilm"},
        "student": {"model": {"name": "ngrams", "dim": 64, "word_dropout": 0.2, "ngram_dropout": 0.5},
                    "reads": {"tokenizer": {"kind": "words"}},
                    "train": {**TRAIN, "steps": 3000, "lr": 6e-3}},
        "losses": [{"name": "kd"}],
    }  # fmt: skip
    place = out / f"banking77{'-development' if development else ''}.json"
    write_json(place, values)
    return load_recipe(str(place), overrides)


SETS: dict[str, tuple[str, Callable[..., Recipe]]] = {
    "digits": ("Spoken digits, speakers that nobody has heard; every training clip is labelled", digits),
    "banking77": ("Questions to a bank, 77 intents; 2,000 labels, the other training texts have none", banking77),
}
"""By name: title, and what makes the recipe."""


def _as_overrides(changes: Mapping[str, Any]) -> list[str]:
    return [f"{key}={json.dumps(value)}" for key, value in changes.items()]


@dataclass(frozen=True)
class Bench:
    """A set, ready to train on.

    Attributes:
        name: of the set.
        recipe: with plain losses.
        material: the rows.
        teacher: with its cached answers.
        folder: of the trainings.
    """

    name: str
    recipe: Recipe
    material: Material
    teacher: RunTeacher
    folder: Path

    @classmethod
    def of(cls, name: str, recipe: Recipe, folder: Path) -> "Bench":
        """Return a set whose teacher is made and has answered, which one process does and others wait for."""
        material = Material(load_splits(recipe.data, recipe.task))
        material.folder = folder
        with locked(folder, "teacher"):
            recipe = require_usable(recipe, material)
            teacher = ask_teacher(recipe, train_teacher(recipe, material, folder), material.splits, folder)
            teacher.of("test")
            material.view(recipe.student)
        return cls(name, recipe, material, teacher, folder)

    def about(self, points: Mapping[str, Points]) -> dict[str, Any]:
        """Return what the record says of the set."""
        splits, own = self.material.splits, self.recipe.model_dump(mode="json", exclude={"data": {"source"}})
        rows = {part: len(getattr(splits, part)) for part in ("labelled", "unlabelled", "validation", "test")}
        return {
            "title": SETS[self.name][0],
            "rows": rows,
            "teacher": packed(self.right(self.teacher.logits("test"))),
            "steps": self.recipe.student.train.steps,
            "points": {entry: list(of_entry) for entry, of_entry in points.items()},
            "labelled_only": [entry for entry in points if needs_labels(points[entry])],
            "left_out": LEFT_OUT,
            "digest": digest([__version__, own, splits.digest, splits.test.digest]),
        }

    def right(self, logits: Any) -> Any:
        """Return which test rows are answered rightly, (rows,) bool."""
        return logits.argmax(axis=1) == self.material.splits.test.labels.values

    def measured(self, points: Points, seed: int, place: Path) -> dict[str, Any]:
        """Train a loss at each of its points; return what chose, and which test rows the chosen network has right.

        A point whose training ends in numbers that are none is out of the choice. Processor seconds are those of this
        process: after a kill, without the trainings that were finished before.

        Args:
            points: of the loss.
            seed: of initialisation and order.
            place: folder of its trainings.
        """
        began, found, best, chosen = time.process_time(), {}, None, ""
        for point, losses in points.items():
            try:
                trained = self.train(losses, seed, place / _slug(point))
            except DivergedError as error:
                found[point] = error.what
                continue
            scores = trained.history.validations[-1]
            found[point] = {title: scores[title] for title in ("accuracy", "calibrated_nll")}
            if best is None or trained.history.best > best.history.best:
                best, chosen = trained, point
        if best is None:
            raise LimbeckError(f"no point could be trained: {found}", where=self.name)
        right = self.right(best.logits(best.view.test))
        return {
            "points": digest(points),
            "chosen": chosen,
            "validation": found,
            "accuracy": float(right.mean()),
            "right": packed(right),
            "cpu_seconds": time.process_time() - began,
            "environment": {"limbeck": __version__},
        }

    def train(self, losses: Losses, seed: int, place: Path) -> Any:
        """Return the student of some losses and a seed, from its folder where it is finished."""
        own = parse_recipe({**self.recipe.model_dump(mode="json"), "losses": losses, "seeds": [seed]}, self.name)
        return train_arm("student", own, self.material, self.teacher, place).trained[seed]


def needs_labels(points: Points) -> bool:
    """Return whether every term of a loss counts labelled rows only."""
    return all("labels" in CATALOG[term["name"]].card.needs for losses in points.values() for term in losses)


def _slug(text: str) -> str:
    return re.sub(r"[^\w.]+", "-", text)


def work(bench: Bench, path: Path, entries: Mapping[str, Points], seeds: Sequence[int]) -> None:
    """Measure what is not on record, or was at other points, and what no other process is at.

    Args:
        bench: the set.
        path: of the record.
        entries: the losses.
        seeds: to train them with.

    Raises:
        LimbeckError: the record is of other rows or settings.
    """
    require_same(path, bench)
    for seed in seeds:
        for entry, points in entries.items():
            key = f"{bench.name}/{entry}/{seed}"
            place = bench.folder / "trained" / _slug(entry) / str(seed)
            if (lock := take(bench.folder, f"{_slug(entry)}-{seed}")) is None:
                continue
            try:
                before = on_record(path)["records"].get(key)
                if before is None or before["points"] != digest(points):
                    found = bench.measured(points, seed, place)
                    add(path, {"records": {key: found}})
                    print(f"{key}: {found['chosen']}, {found['cpu_seconds']:.0f} s", flush=True)
                shutil.rmtree(place, ignore_errors=True)
            finally:
                lock.release()


def require_same(path: Path, bench: Bench) -> None:
    """Write down what a set is, or compare it with what is on record.

    Raises:
        LimbeckError: they differ.
    """
    about, before = bench.about(ENTRIES), on_record(path)["sets"].get(bench.name)
    if before is not None and before["digest"] != about["digest"]:
        raise LimbeckError(
            f"rows or settings of {bench.name} are not those on record: {about['digest']}, there {before['digest']}",
            where=path.name,
            fix="remove the file to measure all anew",
        )
    if before != about:
        add(path, {"sets": {bench.name: about}})


def on_record(path: Path) -> dict[str, Any]:
    """Return what was measured: `sets` by name, and `records` by set, loss and seed."""
    return read_json(path, dict) if path.is_file() else {"sets": {}, "records": {}}


def add(path: Path, more: Mapping[str, Mapping[str, Any]]) -> None:
    """Add to the record, which another process may be adding to."""
    with locked(path.parent, path.stem):
        before = {part: value for part, value in on_record(path).items() if part != "judged"}  # of other records
        write_json(path, {**before, **said(), **{part: {**before.get(part, {}), **new} for part, new in more.items()}})


def said() -> dict[str, Any]:
    """Return what the record is about."""
    return {
        "claim": "which losses can be told apart from plain kd, and which cannot",
        "command": "python benchmarks/losses.py",
        "environment": describe_environment(),
        "seeds": list(SEEDS),
    }


def finish(path: Path, entries: Sequence[str]) -> None:
    """Write down the ranking, once every seed of every loss is on record, of every set.

    Args:
        path: of the record.
        entries: the losses.
    """
    result = on_record(path)
    # A record at other points is about to be measured again.
    known = {key: one for key, one in result["records"].items() if one["points"] == digest(ENTRIES[key.split("/")[1]])}
    right = {name: bits({**result, "records": known}, name) for name in SETS if name in result["sets"]}
    lacking = [name for name in SETS if not {*entries} <= {*right.get(name, ())}]
    if lacking:
        print(f"not all is measured of {', '.join(lacking)}: no ranking yet")
        return
    add(path, {"judged": judged({name: {entry: right[name][entry] for entry in entries} for name in SETS})})


def main() -> None:
    """Measure what is asked for and not on record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET")
    parser.add_argument("--losses", nargs="+", choices=ENTRIES, default=list(ENTRIES), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, choices=SEEDS, default=list(SEEDS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/losses"))
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--override", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    if given.override and not given.development:
        parser.error("--override is for development")
    path = given.out / "development.json" if given.development else RESULTS
    overrides = given.override or (TINY if given.development else [])
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.sets:
        with locked(given.out, name):
            recipe = SETS[name][1](given.out, given.data, overrides, development=given.development)
        bench = Bench.of(name, recipe, given.out / f"{name}{'-development' if given.development else ''}")
        work(bench, path, {entry: ENTRIES[entry] for entry in given.losses}, given.seeds)
    finish(path, given.losses if given.development else list(ENTRIES))


if __name__ == "__main__":
    main()
