"""What people use instead of Limbeck for texts with few labels, on the rows that Limbeck gets in any_text.py.

    python3 -m venv rivals-venv
    rivals-venv/bin/pip install -c constraints.txt torch
    rivals-venv/bin/pip install -c constraints.txt -r benchmarks/rivals_requirements.txt -e '.[distill]'
    HF_HUB_OFFLINE=1 rivals-venv/bin/python benchmarks/rivals.py [SET ...] [--arms ARM ...] [--draws N ...]
        [--data FOLDER] [--out FOLDER] [--setfit-seconds N] [--development]

The environment is of its own: nothing of it is a dependency. Every arm learns from the labelled rows and from no other
label; what it chooses it chooses on them, by cross-validation or on one split, and learns from all of them then. One
thread. `finetuned` leaves its weights in `--out`, for `plain-kd`. SetFit would take hours: `--setfit-seconds` is its
cap in processor seconds.

A set, arm and draw that is on record is not measured again. Writes benchmarks/results/rivals.json after every one; in
development, in which no test row is used (see text_sets.py), `development.json` in `--out`.
"""

import argparse
import os
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

if __name__ == "__main__":  # before torch is imported
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}

import numpy as np
from table_words import milliseconds, older, set_title
from text_sets import SETS, Texts, packed, read_set, write_set

from limbeck.evaluation.cost import measure
from limbeck.files import read_json, size_of, write_json
from limbeck.pipeline.order import describe_environment

RESULTS = Path(__file__).parent / "results" / "rivals.json"
EVERYWHERE = ("tfidf", "frozen", "finetuned")
PACKAGES = ("model2vec", "setfit", "fasttext", "plain-kd")
COMPARED = ("film-500", "banking77-2000", "books-300", "dvd-300")
"""Sets on which the packages are measured too."""
NAMES = {
    "tfidf": "TF-IDF + LR",
    "frozen": "frozen MiniLM + LR",
    "finetuned": "fine-tuned MiniLM",
    "model2vec": "model2vec + its classifier",
    "setfit": "SetFit, capped",
    "fasttext": "fastText",
    "plain-kd": "`transformers.Trainer` with KD",
}
OWN = "**Limbeck, recipe `text`**"
"""The row that any_text.json adds to each of them."""
VERSIONS = ("setfit", "sentence-transformers", "model2vec", "lightning", "fasttext-wheel")
BUDGET = 1200.0
"""Processor seconds of ten minutes on two cores, the budget of Limbeck's recipe `text`."""
TIMED = 200
"""Test texts that a model's speed is measured with."""


def main() -> None:
    """Measure what is asked for and not on record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--arms", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--draws", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/rivals"))
    parser.add_argument("--setfit-seconds", type=float, default=BUDGET)
    parser.add_argument("--development", action="store_true")
    given = parser.parse_args()
    path = given.out / "development.json" if given.development else RESULTS
    for draw in given.draws:
        for name in given.sets:
            for arm in (arm for arm in given.arms if arm in EVERYWHERE or name in COMPARED):
                if (key := f"{name}/{arm}/{draw}") in on_record(path):
                    continue
                folder = write_set(name, draw, given.data, given.out / "sets", development=given.development)
                found = measured(arm, read_set(folder), given.out / name / folder.name, given.setfit_seconds)
                path.parent.mkdir(parents=True, exist_ok=True)
                # Read anew: another process may do other draws.
                write_json(path, {**said(), "records": {**on_record(path), key: found}})
                print(f"{key}: {100 * found['accuracy']:.1f} %, {found['training_seconds']:.0f} s", flush=True)


def measured(arm: str, texts: Texts, folder: Path, cap: float) -> dict[str, Any]:
    """Return what an arm makes of a set, and what it costs.

    Args:
        arm: in `NAMES`.
        texts: the set.
        folder: for what one arm leaves another one of the same set and draw.
        cap: processor seconds of SetFit.
    """
    # What they import is in their own environment only, and is no part of their training.
    import rival_minilm as minilm
    import rival_packages as packages
    import torch
    from rival_bench import Bench

    torch.set_num_threads(1)
    fit = {
        "tfidf": packages.tfidf,
        "frozen": minilm.frozen,
        "finetuned": minilm.finetuned,
        "model2vec": packages.model2vec,
        "setfit": packages.setfit,
        "fasttext": packages.fasttext_supervised,
        "plain-kd": minilm.plain_kd,
    }[arm]
    bench = Bench(folder, cap)
    fitted = fit(texts, bench)
    spent = bench.training
    right = np.asarray(fitted.predict(texts.test)) == texts.truth
    with TemporaryDirectory() as shipped:
        fitted.save(Path(shipped))
        size = size_of(Path(shipped))
    return {
        "accuracy": float(right.mean()),
        "right": packed(right),
        "training_seconds": spent,
        "teacher_seconds": bench.teacher,
        "size_bytes": size,
        "speed": measure(fitted.predict, texts.test[:TIMED]).figures,
        "rows": texts.figures,
        "settings": fitted.settings,
    }


def on_record(path: Path = RESULTS) -> dict[str, Any]:
    """Return what was measured, by set, arm and draw."""
    return read_json(path, dict)["records"] if path.is_file() else {}


def said() -> dict[str, Any]:
    """Return what the record is about, and with which packages it was made."""
    return {
        "claim": "what people use instead, with the same labelled, unlabelled and test rows",
        "command": "python benchmarks/rivals.py",
        "packages": {name: metadata.version(name) for name in VERSIONS if _installed(name)},
        "environment": describe_environment(),
    }


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:  # arms that need none are measured without
        return False
    return True


def as_table(result: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """Return the accuracy of what every set has, and what the packages and Limbeck cost; None while no set is complete.

    A set is shown when every draw is there, and in the second table when every package is.

    Args:
        result: rivals.json.
        ours: any_text.json.
    """
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    draws: dict[str, set[str]] = {}
    for key, record in result["records"].items():
        name, arm, draw = key.split("/")
        found.setdefault(name, {}).setdefault(arm, []).append(record)
        draws.setdefault(name, set()).add(draw)
    every = set().union(*draws.values())

    def whole(name: str, arms: Iterable[str]) -> bool:
        return all(len(found.get(name, {}).get(arm, [])) == len(every) for arm in arms)

    first, second = (
        [each for each in SETS if whole(each, EVERYWHERE)],
        [each for each in COMPARED if whole(each, NAMES)],
    )
    if not every or not first:
        return None
    lines = [f"| set, labels | {' | '.join(NAMES[arm] for arm in EVERYWHERE)} |", "|---" * 4 + "|"]
    for name in first:
        shown = (_accuracy([one["accuracy"] for one in found[name][arm]]) for arm in EVERYWHERE)
        lines.append(f"| {set_title(name)} | {' | '.join(shown)} |")
    if second:
        lines += [
            "",
            "| set | with | accuracy | training | teacher, or conversion | size | processor time of one text |",
            "|---" * 7 + "|",
        ]
    for name in second:
        rows = [_row(NAMES[arm], found[name][arm]) for arm in NAMES]
        own = [ours["records"].get(f"{name}/{draw}") for draw in sorted(draws[name])]
        if None not in own:
            digests = {one["rows"]["digest"] for records in [own, *found[name].values()] for one in records}
            assert len(digests) == len(own), f"{name}: other rows"
            rows.append(_own_row(own))
        lines += [f"| {set_title(name)} | {row} |" for row in rows]
    commands = f"`{result['command']}`{older(result)}, `{ours['command']}`{older(ours)}"
    drawn = f"means of {len(every)} draws of the labelled rows, in brackets the worst and the best"
    said = f"Test accuracy in percent, {drawn}: {commands}."
    return "\n".join([*lines, "", *([f"{said} {_COSTS}"] if second else [said])])


_COSTS = (
    "Training is in processor seconds, on one thread; Limbeck's are those of its whole run on two cores, with teacher, "
    "student, baseline, test and report. Size is what is saved: of Limbeck the ONNX file, in brackets the whole bundle."
)


def _row(title: str, records: list[dict[str, Any]]) -> str:
    """Return the cells of an arm, of all its draws."""
    training, teacher, size = (
        mean(one[what] for one in records) for what in ("training_seconds", "teacher_seconds", "size_bytes")
    )
    cells = [title, _accuracy([one["accuracy"] for one in records]), f"{training:,.0f} s", f"{teacher:,.0f} s"]
    return " | ".join([*cells, _megabytes(size), _speed([one["speed"] for one in records])])


def _own_row(records: list[dict[str, Any]]) -> str:
    """Return the cells of Limbeck's student, of all its draws; a dash for what was not exported in one of them."""
    scores = _accuracy([one["accuracy"]["student"] for one in records])
    costs = [one["costs"]["student"] for one in records]
    seconds = mean(one["cpu_seconds"] for one in records)
    cells = [OWN, scores, f"{seconds:,.0f} s", "included"]
    if any(one is None or one["size_bytes"] is None for one in costs):
        return " | ".join([*cells, "–", "–"])
    size = _megabytes(mean(one["size_bytes"] for one in costs))
    if all(bundles := [one["bundle"] for one in records]):
        size += f" ({_megabytes(mean(one['size_bytes'] for one in bundles))})"
    return " | ".join([*cells, size, _speed(costs)])


def _accuracy(shares: list[float]) -> str:
    if not shares:
        return "–"
    shown = [100 * one for one in shares]
    return f"{mean(shown):.1f} ({min(shown):.1f} to {max(shown):.1f})"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def _speed(timed: list[dict[str, Any]]) -> str:
    return f"{mean(milliseconds(one) for one in timed):.2f} ms"


if __name__ == "__main__":
    main()
