"""The recipe `spoken-digits` against other techniques, against all labels, and with clips of the new speaker.

    python benchmarks/speech.py [PART ...] [--data FOLDER]

Parts: `techniques`, one change of the recipe each, judged on a speaker who is held out for validation while the next,
the test, is never asked; `all-labels`, the network of the recipe with the labels of every clip and without a teacher;
`new-speaker`, half of the test speaker's clips as unlabelled ones (`data.target`); `curves`, steps and labels. Six
speakers in turn, `curves` for one. FOLDER holds spoken_digits/fsdd.parquet. What is done in a run's folder is not done
again. Writes benchmarks/results/speech.json after every run.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from speakers import SPEAKERS
from tenants import measure, recordings

from limbeck.data import load_splits
from limbeck.evaluation import accuracy
from limbeck.evaluation.schema import Evaluation
from limbeck.files import read_json, write_json
from limbeck.pipeline.order import describe_environment, require_usable
from limbeck.pipeline.training.arms import train_arm
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.recipe import load_recipe
from limbeck.report import words

RESULTS = Path(__file__).parent / "results" / "speech.json"
TECHNIQUES = {
    "the recipe": [],
    "the mean of all bands": ["student.model.subtract=mean"],
    "T = 4": ["losses.0.temperature=4"],
    "average of weights": ["student.train.average=0.99"],
    "dropout 0.5": ["student.model.dropout=0.5"],
    "twice the steps": ["student.train.steps=3000"],
    "four copies, speed 0.15": ["data.augment={copies: 4, speed: 0.15, shift: 0, gain: 0}"],
}


def techniques(out: Path, data: Path) -> Iterator[dict[str, Any]]:
    """Yield the accuracy on a held-out speaker, seed 0, by what is changed; the test speaker is in no split."""
    table, record = recordings(out, data), out / "techniques.json"
    results: dict[str, Any] = read_json(record, dict) if record.is_file() else {}
    for name, changes in TECHNIQUES.items():
        for speaker, test in zip(SPEAKERS, SPEAKERS[1:] + SPEAKERS[:1], strict=True):
            held = f"data.split={{test: {{speaker: {test}}}, validation: {{speaker: {speaker}}}}}"
            own = [f"data.source={table}", "data.label=digit", "seeds=[0]", held, *changes]
            recipe = load_recipe("spoken-digits", own)
            if results.get(name, {}).get(speaker, {}).get("recipe_digest") == recipe.digest:
                continue
            material, folder = Material(load_splits(recipe.data, recipe.task)), out / "techniques" / speaker
            usable = require_usable(recipe, material)
            teacher = ask_teacher(usable, train_teacher(usable, material, folder), material.splits, folder)
            history = train_arm("student", usable, material, teacher, folder).trained[0].history
            found = {"recipe_digest": recipe.digest, **history.validations[-1], "seconds": history.seconds}
            results.setdefault(name, {})[speaker] = found
            write_json(record, results)
        scores = [one["accuracy"] for one in results[name].values()]
        print(f"{name}: {sum(scores) / len(scores):.3f}; {[round(score, 3) for score in scores]}", flush=True)
        yield results


def all_labels(out: Path, data: Path) -> Iterator[dict[str, Any]]:
    """Yield the scores of the network that learns from the labels of all clips of the other five, by speaker."""
    table, results = recordings(out, data), {}
    for speaker in SPEAKERS:
        own = [f"data.source={table}", "data.label=digit", "data.labelled=null"]
        recipe = load_recipe("spoken-digits", [*own, f"data.split.test={{speaker: {speaker}}}"])
        material = Material(load_splits(recipe.data, recipe.task))
        nobody: Any = None  # a baseline asks no teacher
        arm = train_arm("baseline", recipe, material, nobody, out / "all-labels" / speaker)
        test, labels = material.view(arm.settings).test, material.splits.test.labels.values
        found = [accuracy(trained.logits(test), labels) for trained in arm.trained.values()]
        scores = {"accuracy": sum(found) / len(found)}
        results[speaker] = {"models": {"baseline": {"scores": scores}}, "per_seed": {"baseline": found}}
        yield results


def new_speaker(out: Path, data: Path) -> Iterator[dict[str, Any]]:
    """Yield what half of the new speaker's clips are worth, unlabelled, by speaker."""
    whole, results = pq.read_table(recordings(out, data)), {}
    for speaker in SPEAKERS:
        own = out / f"{speaker}.parquet"
        others = out / f"without-{speaker}.parquet"
        is_own = pc.equal(whole["speaker"], speaker)  # pyrefly: ignore
        for path, rows in {own: is_own, others: pc.invert(is_own)}.items():  # pyrefly: ignore
            if not path.is_file():
                pq.write_table(whole.filter(rows), path)
        changes = [f"data.source={others}", "data.label=digit", "data.split.test=250"]
        recipe = load_recipe("spoken-digits", [*changes, f"data.target={{source: {own}, audio: audio, label: digit}}"])
        results[speaker] = measure(recipe, out / "new-speaker" / speaker)
        yield results


def curves(out: Path, data: Path) -> Iterator[dict[str, Any]]:
    """Yield the curves over steps and labels for one speaker; batches hold labelled rows as the run's rows do."""
    own = [f"data.source={recordings(out, data)}", "data.label=digit", "data.split.test={speaker: theo}"]
    many = ["data.labelled=1000", "data.labelled_per_batch=14", "curves.steps=[0.25, 0.5]", "curves.labels=[250]"]
    folder = out / "curves"
    shown = measure(load_recipe("spoken-digits", [*own, *many]), folder)
    evaluation = read_json(folder / "evaluation.json", dict)
    said = words.curve_sentences(Evaluation.model_validate(evaluation))
    yield {**shown, "curves": evaluation["curves"], "sentences": said}


def as_table(result: dict[str, Any]) -> str:
    """Return what was tried on held-out speakers, and what all labels and the new speaker's own clips give."""
    lines: list[str] = []
    if "techniques" in result:
        lines += [f"| tried on a held-out speaker | {' | '.join(SPEAKERS)} | mean |", "|---" * 8 + "|"]
        for name, by_speaker in result["techniques"].items():
            scores = [by_speaker[speaker]["accuracy"] for speaker in SPEAKERS if speaker in by_speaker]
            if len(scores) == len(SPEAKERS):
                cells = [f"{100 * score:.1f} %" for score in [*scores, sum(scores) / len(scores)]]
                lines.append(f"| {name} | {' | '.join(cells)} |")
        lines += ["", "One seed; another speaker, whom the recipe would be tested on, is heard by none of them."]
    rows = []
    for part, model, name in (
        ("all-labels", "baseline", "labels of all clips of the other five, no teacher"),
        ("new-speaker", "baseline", "50 labels, no teacher (250 other test clips)"),
        ("new-speaker", "student", "50 labels, and 250 unlabelled clips of the new speaker (the same 250)"),
    ):
        found = result.get(part, {})
        if all(speaker in found for speaker in SPEAKERS):
            scores = [found[speaker]["models"][model]["scores"]["accuracy"] for speaker in SPEAKERS]
            rows.append(f"| {name} | {' | '.join(f'{100 * one:.1f} %' for one in [*scores, sum(scores) / 6])} |")
    if rows:
        lines += ["", f"| tested on | {' | '.join(SPEAKERS)} | mean |", "|---" * 8 + "|", *rows]
    if "curves" in result:
        lines += ["", *result["curves"]["sentences"]]
    return "\n".join([*lines, "", "`python benchmarks/speech.py`."]).lstrip("\n").replace("\u00a0", " ")


PARTS: dict[str, Callable[[Path, Path], Iterator[dict[str, Any]]]] = {
    "techniques": techniques,
    "all-labels": all_labels,
    "new-speaker": new_speaker,
    "curves": curves,
}


def main() -> None:
    """Do the parts that are asked for; those on record stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path("runs/speech"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.parts:
        for found in PARTS[name](given.out, given.data):
            before = read_json(RESULTS, dict) if RESULTS.is_file() else {}
            write_json(RESULTS, {**before, name: found, "environment": describe_environment()})
        print(name, json.dumps(found)[:2000], flush=True)


if __name__ == "__main__":
    main()
