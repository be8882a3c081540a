"""The first paper's experiments on MNIST: compression, classes that the transfer set lacks, temperature and width.

    python benchmarks/mnist.py [PART ...] [--data FOLDER]

Parts: `paper`, the recipe `mnist-hinton`; `no-3s` and `only-7s-and-8s`, the same student without these rows, each as it
is and with `task.correct_prior`; `temperature`, students of several widths at several temperatures, judged on
validation. The teacher of `paper` teaches them all. FOLDER holds mnist/mnist.npz. What is done in a run's folder is not
done again. Writes benchmarks/results/mnist.json after every run. Published: Hinton, Vinyals and Dean 2015 (arXiv
1503.02531), section 3, whose corrections were chosen on the test set.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tenants import measure

from limbeck.data import load_splits
from limbeck.evaluation.figures import ClassTable
from limbeck.evaluation.schema import Evaluation
from limbeck.files import read_json, write_json
from limbeck.pipeline.order import describe_environment, require_usable
from limbeck.pipeline.training.arms import train_arm
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import RunTeacher, train_teacher
from limbeck.recipe import load_recipe

RESULTS = Path(__file__).parent / "results" / "mnist.json"
TEST = 10_000
OMITTED = {"no-3s": [3], "only-7s-and-8s": [0, 1, 2, 3, 4, 5, 6, 9]}
WIDTHS, TEMPERATURES, SEEDS = (30, 300, 800), (1.0, 2.5, 4.0, 8.0, 20.0), (0, 1, 2)


def source(data: Path) -> list[str]:
    """Return where the rows are."""
    return [f"data.source={data / 'mnist' / 'mnist.npz'}", "data.image=x", "data.label=y"]


def taught(out: Path) -> list[str]:
    """Return the teacher of `paper`, as one that is finished."""
    weights = out / "paper" / "teacher" / "model.safetensors"
    build = "{name: dense, width: 1200, dropout: 0.5, input_dropout: 0.2}"
    return [f"teacher={{kind: module, build: {build}, weights: {weights}}}", "data.augment=null"]


def errors(found: dict[str, Any]) -> dict[str, float]:
    """Return the test errors of every model, means over seeds."""
    return {key: round(TEST * (1 - one["scores"]["accuracy"]), 1) for key, one in found["models"].items()}


def paper(out: Path, data: Path) -> dict[str, Any]:
    """Carry out the recipe, and say how much of the teacher's lead the student has."""
    found = measure(load_recipe("mnist-hinton", source(data)), out / "paper")
    wrong = errors(found)
    lead = (wrong["baseline"] - wrong["student"]) / (wrong["baseline"] - wrong["teacher"])
    return {"errors": wrong, "share_of_lead": lead, "gain": found["gain"], "seconds": found["seconds"]}


def omission(name: str) -> Callable[[Path, Path], dict[str, Any]]:
    """Return what trains students that never see some classes, and judges them with and without offsets."""

    def measured(out: Path, data: Path) -> dict[str, Any]:
        omitted = [f"data.omitted_classes={OMITTED[name]}", "baseline=false"]
        results = {}
        for asked in (False, True):
            own = [*source(data), *taught(out), *omitted, f"task.correct_prior={str(asked).lower()}"]
            found = measure(load_recipe("mnist-hinton", own), out / name)
            table = _classes(out / name)
            results["corrected" if asked else "plain"] = {
                "errors": errors(found), "seconds": found["seconds"],
                "recall": {one.name: one.recall for one in table}, "offsets": {one.name: one.offset for one in table},
            }  # fmt: skip
        return results

    return measured


def _classes(folder: Path) -> list[Any]:
    found = Evaluation.model_validate_json((folder / "evaluation.json").read_text(encoding="utf-8"))
    table = found.figure(ClassTable, "student")
    return [] if table is None else table.classes


def temperature(out: Path, data: Path) -> dict[str, Any]:
    """Return each seed's accuracy on 10,000 held-out training rows, by width and temperature.

    The teacher of `paper` has learned from most of those rows: what it says of them is better than of others, which is
    the same for every student. The test is not looked at.
    """
    folder = out / "temperature"  # one for all: the teacher answers once
    record = out / "temperature.json"
    results: dict[str, Any] = read_json(record, dict) if record.is_file() else {}
    taken: tuple[Material, RunTeacher] | None = None  # the same for all students
    for width in WIDTHS:
        for value in TEMPERATURES:
            if f"{value:g}" in results.get(str(width), {}):
                continue
            own = [*source(data), *taught(out), "baseline=false", f"seeds={[*SEEDS]}", "data.split.validation=10000"]
            own += [f"student.model.width={width}", "student.train.steps=2000", f"losses.0.temperature={value}"]
            recipe = load_recipe("mnist-hinton", own)
            if taken is None:
                material = Material(load_splits(recipe.data, recipe.task))
                recipe = require_usable(recipe, material)
                made = train_teacher(recipe, material, folder)
                taken = material, ask_teacher(recipe, made, material.splits, folder)
            arm = train_arm("student", recipe, *taken, folder)
            found = [one.history.validations[-1]["accuracy"] for one in arm.trained.values()]
            results.setdefault(str(width), {})[f"{value:g}"] = found
            write_json(record, results)
            print(width, value, found, flush=True)
    return results


PUBLISHED = {"teacher": 67, "baseline": 146, "student": 74}
PUBLISHED_OMITTED = {"no-3s": (206, 109), "only-7s-and-8s": (4730, 1320)}
"""Errors as they are, and with offsets that the test set chose."""


def as_table(result: dict[str, Any]) -> str:
    """Return the test errors beside the published ones."""
    lines = ["| network, and what it is trained on | test errors | published |", "|---|---|---|"]
    if (whole := result.get("paper")) is not None:
        names = {
            "teacher": "teacher: 2 x 1,200 units, dropout, moved digits",
            "baseline": "2 x 800, labels alone",
            "student": "2 x 800, the teacher's soft targets at T = 20",
        }
        lines += [f"| {name} | {whole['errors'][key]:g} | {PUBLISHED[key]} |" for key, name in names.items()]
    for key, name in {"no-3s": "the same without any 3", "only-7s-and-8s": "the same with 7s and 8s only"}.items():
        if (found := result.get(key)) is not None:
            plain, moved = PUBLISHED_OMITTED[key]
            lines.append(f"| {name} | {found['plain']['errors']['student']:,g} | {plain:,} |")
            lines.append(f"| {name}, `correct_prior` | {found['corrected']['errors']['student']:,g} | {moved:,} |")
    said = "Of 10,000, means of three seeds (`python benchmarks/mnist.py`)."
    if whole is not None:
        low, high = (100 * bound for bound in whole["gain"]["ci95"])
        said += (
            f" The student has {100 * whole['share_of_lead']:.0f} % of its teacher's lead over labels alone; gain "
            f"{100 * whole['gain']['mean']:+.2f} points ({low:+.2f} to {high:+.2f}). The paper's offsets were chosen "
            "on the test set, these without a label."
        )
    lines += ["", said]
    if (by_width := result.get("temperature")) is not None:
        names = [f"T = {value:g}" for value in TEMPERATURES]
        lines += ["", f"| units a layer | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        for width, by_temperature in by_width.items():
            means = {value: sum(found) / len(found) for value, found in by_temperature.items()}
            best = max(means.values())
            cells = [f"**{100 * one:.2f} %**" if one == best else f"{100 * one:.2f} %" for one in means.values()]
            lines.append(f"| {width} | {' | '.join(cells)} |")
        lines += [
            "",
            "Accuracy on 10,000 held-out training images, three seeds of 2,000 steps, the best of a width in bold.",
        ]
    return "\n".join(lines)


PARTS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "paper": paper,
    **{name: omission(name) for name in OMITTED},
    "temperature": temperature,
}


def main() -> None:
    """Do the parts that are asked for; those on record stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path("runs/mnist"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    results = read_json(RESULTS, dict) if RESULTS.is_file() else {}
    for name in given.parts:
        results[name] = found = PARTS[name](given.out, given.data)
        write_json(RESULTS, {**results, "environment": describe_environment()})
        print(name, json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
