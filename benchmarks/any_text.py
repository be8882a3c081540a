"""Is the recipe `text` right by default? Twelve settings of texts with few labels, three draws of the labelled rows.

    python benchmarks/any_text.py [SET ...] [--draws N ...] [--data FOLDER] [--out FOLDER] [--development]

Each set is run as `limbeck run text data.source=SET data.split.draw=N 'seeds=[0]'`, with no other key. What the run is
compared with is in rivals.json (see rivals.py), measured on the same rows with the same labels. A run that was ended
goes on where it stopped; one on record is not repeated. Leave both cores to it.

In development no test row is used: the test is drawn from the training rows (see text_sets.py), and the record is
`development.json` in the folder of the runs. Else it is benchmarks/results/any_text.json, written after every run.
"""

import argparse
import shutil
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from clocked import clocked_run
from numpy.typing import NDArray
from table_words import accuracies, older, set_title
from text_sets import SETS, packed, read_set, unpacked, write_set
from with_answers import answers_of

from limbeck.files import read_json, write_json
from limbeck.pipeline.order import describe_environment

HERE = Path(__file__).parent
RESULTS, RIVALS = HERE / "results" / "any_text.json", HERE / "results" / "rivals.json"
MODELS = ("teacher", "student", "baseline", "floor", "distilled_floor")
BESIDE = ("tfidf", "frozen", "finetuned")
"""Arms of rivals.py that the teacher is held against."""
SIDE = 2.807
"""Standard errors on either side of a 99.5 % interval."""


def main() -> None:
    """Run what is asked for and not on record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--draws", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/any_text"))
    parser.add_argument("--development", action="store_true")
    given = parser.parse_args()
    path = given.out / "development.json" if given.development else RESULTS
    for draw in given.draws:
        for name in given.sets:
            key = f"{name}/{draw}"
            if key in on_record(path):
                continue
            folder = write_set(name, draw, given.data, given.out / "sets", development=given.development)
            found = measured(folder, draw, given.out / name / folder.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {**said(), "records": {**on_record(path), key: found}})
            print(f"{key}: {in_words(found)}", flush=True)


def measured(source: Path, draw: int, folder: Path) -> dict[str, Any]:
    """Return what the recipe makes of a set, and what it costs.

    Args:
        source: the set.
        draw: of its labelled rows, and of those that are held out of them.
        folder: of the run.
    """
    overrides = [f"data.source={source.resolve()}", f"data.split.draw={draw}", "seeds=[0]"]
    spent = clocked_run("text", overrides, folder, command=[str(HERE / "with_answers.py")])
    answers = dict(np.load(answers_of(folder)))
    truth = answers.pop("truth")
    evaluation = read_json(folder / "evaluation.json", dict)
    right = {name: answers[name] == truth for name in MODELS if name in answers}
    kept = ("verdict", "sentence", "next_step", "gain", "over_distilled_floor", "agreement", "bundle", "seconds")
    found = {
        "accuracy": {name: float(one.mean()) for name, one in right.items()},
        "right": {name: packed(one) for name, one in right.items()},
        **spent,
        "rows": {**read_set(source).figures, "validation": evaluation["data"]["validation"]},
        "chosen": {name: one["settings"] for name, one in evaluation["models"].items()},
        "costs": {name: one["cost"] for name, one in evaluation["models"].items()},
        **{name: evaluation[name] for name in kept},
    }
    for part in ("cache", "features", "views", "folds"):  # the teachers' answers, which fill a disk
        shutil.rmtree(folder / part, ignore_errors=True)
    return found


def on_record(path: Path = RESULTS) -> dict[str, Any]:
    """Return what was measured, by set and draw."""
    return read_json(path, dict)["records"] if path.is_file() else {}


def said() -> dict[str, Any]:
    """Return what the record is about."""
    return {
        "claim": "the recipe `text` as it is does not lose to what anybody would try first",
        "command": "python benchmarks/any_text.py",
        "environment": describe_environment(),
    }


def in_words(found: dict[str, Any]) -> str:
    """Return a line about a run."""
    scores = ", ".join(f"{name} {100 * value:.1f}" for name, value in found["accuracy"].items())
    return f"{scores}; {found['verdict']}; {found['wall_seconds']:.0f} s of wall time"


# --- what they show together ----------------------------------------------------------------------------------------


def interval(ours: list[NDArray[np.bool_]], theirs: list[NDArray[np.bool_]]) -> tuple[float, float, float]:
    """Return a difference in accuracy and its 99.5 % interval, over test rows.

    The draws share their test rows, so that a row counts once, with the mean of its differences.

    Args:
        ours: by draw, which rows are right, (rows,).
        theirs: the same.
    """
    rows = np.mean([one.astype(np.float64) - other for one, other in zip(ours, theirs, strict=True)], axis=0)
    centre, side = float(rows.mean()), SIDE * float(rows.std(ddof=1)) / len(rows) ** 0.5
    return centre, centre - side, centre + side


def compared(result: dict[str, Any], rivals: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return of each set whose draws are all measured what the models reach, and by how much the student is ahead.

    Args:
        result: any_text.json.
        rivals: rivals.json.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in SETS:
        draws = sorted(int(key.split("/")[1]) for key in result["records"] if key.startswith(f"{name}/"))
        beside = {arm: [rivals["records"].get(f"{name}/{arm}/{draw}") for draw in draws] for arm in BESIDE}
        if not draws or any(one is None for records in beside.values() for one in records):
            continue
        own = [result["records"][f"{name}/{draw}"] for draw in draws]
        for one, *others in zip(own, *beside.values(), strict=True):
            assert {one["rows"]["digest"]} == {other["rows"]["digest"] for other in others}, f"{name}: other rows"
        right = {model: [_right(one, one["right"][model]) for one in own] for model in MODELS}
        right |= {arm: [_right(one, one["right"]) for one in records] for arm, records in beside.items()}
        accuracy = {model: float(np.mean(rows)) for model, rows in right.items()}
        found[name] = {
            "draws": len(draws),
            "accuracy": accuracy,
            "teacher_behind": max(accuracy[arm] for arm in BESIDE) - accuracy["teacher"],
            "over_tfidf": interval(right["student"], right["tfidf"]),
            "over_baseline": interval(right["student"], right["baseline"]),
            "minutes": max(one["wall_seconds"] for one in own) / 60,
        }
    return found


def _right(record: dict[str, Any], digits: str) -> NDArray[np.bool_]:
    return unpacked(digits, record["rows"]["test"])


def as_table(result: dict[str, Any], rivals: dict[str, Any]) -> str | None:
    """Return the accuracy of every set, and what the student is ahead by; None while no set is complete.

    Args:
        result: any_text.json.
        rivals: rivals.json.
    """
    if not (sets := compared(result, rivals)):
        return None
    lines = [
        "| set, labels | TF-IDF + LR | frozen MiniLM + LR | fine-tuned MiniLM | teacher | **student** | baseline | "
        "distilled TF-IDF | student − TF-IDF | student − baseline | minutes |",
        "|---" * 11 + "|",
    ]
    shown = (*BESIDE, "teacher", "student", "baseline", "distilled_floor")
    for name, one in sets.items():
        cells = [set_title(name), *(f"{100 * one['accuracy'][model]:.1f}" for model in shown)]
        cells += [_gap(one[over]) for over in ("over_tfidf", "over_baseline")]
        lines.append(f"| {' | '.join(cells)} | {one['minutes']:.1f} |")
    behind = [one["teacher_behind"] for one in sets.values()]
    ahead = sum(min(one["over_tfidf"][0], one["over_baseline"][0]) > 0 for one in sets.values())
    return "\n".join(
        [
            *lines,
            "",
            f"Test accuracy in percent, means of {min(one['draws'] for one in sets.values())} draws of the labelled "
            f"rows; differences in points, with 99.5 % intervals over test rows; the longest run's minutes of two "
            f"cores. The teacher is {100 * mean(behind):z.1f} points behind the best of the three on average, "
            f"{100 * max(behind):.1f} at most (below 0: ahead). The student is on average "
            f"{_ahead(sets, 'over_tfidf')} points ahead of TF-IDF and {_ahead(sets, 'over_baseline')} of its "
            f"baseline, of both in {ahead} of {len(sets)} sets (`{result['command']}`{older(result)}, "
            f"`{rivals['command']}`{older(rivals)}).",
        ]
    )


def as_use(result: dict[str, Any], rivals: dict[str, Any]) -> str | None:
    """Return the row of the recipe in the table of uses, means over sets; None while a set is not complete.

    Args:
        result: any_text.json.
        rivals: rivals.json.
    """
    sets = compared(result, rivals)
    if not sets or {key.split("/")[0] for key in result["records"]} - {*sets}:
        return None
    labels = [SETS[name].labels for name in sets]
    known = {"student": "student", "teacher": "teacher", "baseline": "baseline", "floor": "tfidf"}
    means = {model: mean(one["accuracy"][arm] for one in sets.values()) for model, arm in known.items()}
    return (
        f"| compression | `text`, {min(labels):,} to {max(labels):,} labels{older(result)} | pooled teachers in the "
        f"student that keeps them best, means of {len(sets)} sets: {accuracies(means)}{older(rivals)}; "
        f"{_ahead(sets, 'over_baseline')} points over the baseline, {_ahead(sets, 'over_tfidf')} over TF-IDF + LR; "
        f"docs/any_text.md |"
    )


def _ahead(sets: dict[str, dict[str, Any]], what: str) -> str:
    """Return the mean over sets of a difference, in points."""
    return f"{100 * mean(one[what][0] for one in sets.values()):+.1f}"


def _gap(found: tuple[float, float, float]) -> str:
    centre, low, high = (100 * one for one in found)
    return f"{centre:+.1f} ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
