"""The recipe `cifar10`: what it gives, against what else could be done with the same labels or with ten times as many.

    python benchmarks/cifar10.py [PART ...] [--data FOLDER]

Parts: `techniques`, one change of the recipe each, judged on 10,000 training images that are held out for it; `recipe`,
with the arm of hard labels; `plain`, the same without copies; `curves`, steps and labels up to 5,000; `int8`, of
teacher and student, on the held-out images again. Only `recipe`, `plain` and `curves` look at the test, each once.
FOLDER holds cifar10. What is done in a run's folder is not done again. Writes benchmarks/results/cifar10.json after
every part.
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tenants import measure
from torch import Tensor, nn

from limbeck.bundle import Student, export_onnx
from limbeck.bundle.precision import try_int8
from limbeck.data import load_splits
from limbeck.distiller import Distiller
from limbeck.evaluation.schema import Evaluation
from limbeck.files import read_json, write_json
from limbeck.networks import Precision
from limbeck.pipeline.judging.delivery import metric_gains
from limbeck.pipeline.order import describe_environment, require_usable
from limbeck.pipeline.training import learn
from limbeck.pipeline.training.arms import train_arm
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.recipe import Recipe, load_recipe
from limbeck.report import words
from limbeck.types import Batch, Outputs

RESULTS = Path(__file__).parent / "results" / "cifar10.json"
TECHNIQUES = {
    "the recipe": [],
    "no copies": ["data.augment=null"],
    "one copy": ["data.augment.copies=1"],
    "four copies": ["data.augment.copies=4"],
    "T = 4": ["losses.0.temperature=4"],
    "not calibrated, T = 4": ["teacher.calibrate=false", "losses.0.temperature=4"],
    "kd alone": ["losses.0.weight=1.0", "losses.1.weight=0.0"],
    "average of weights": ["student.train.average=0.99"],
    "mixup": ["student.train.validations=6"],  # a number of its own, or the recipe's network would be taken for it
    "hard labels": ["losses=[{name: hard_labels, weight: 0.9}, {name: cross_entropy, weight: 0.1}]"],
}
"""What is changed, and nothing else: steps, rate and rows are the recipe's."""
TEMPERATURE = 2.0
"""The recipe's."""


class Mixing(Distiller):
    """Mixes the unlabelled images of a batch with one another, and the teacher's answers: a trial, not in the product.

    The share is drawn from Beta(0.4, 0.4), one a batch. Source: Zhang et al. 2018 (arXiv 1710.09412).
    """

    def step(
        self, batch: Batch, precision: Precision = "fp32", *, wrapped: nn.Module | None = None
    ) -> dict[str, Tensor]:
        """Return the terms for the mixed batch; the baseline's, which has no teacher, for the batch as it is."""
        if self.teacher is None or batch.labelled is None:
            return super().step(batch, precision, wrapped=wrapped)
        draws = np.random.default_rng(batch.ids.numpy().astype(np.uint64))
        share = float(draws.beta(0.4, 0.4))
        free = (~batch.labelled).nonzero().squeeze(1)
        other = torch.arange(len(batch.ids))
        other[free] = free[torch.from_numpy(draws.permutation(len(free)))]
        pixels = batch.student_inputs["pixels"].float()
        answers = self.teacher.predict(batch)
        log_p = (answers.dense / TEMPERATURE).log_softmax(1)
        mixed = torch.logaddexp(log_p + math.log(share + 1e-9), log_p[other] + math.log(1 - share + 1e-9))
        logits, features = (wrapped or self.trainable)(pixels=share * pixels + (1 - share) * pixels[other])
        own, theirs = Outputs(logits, features), replace(answers, logits=TEMPERATURE * mixed)
        return self.objective.sums(own, theirs, batch)


def recipe_of(data: Path, *own: str) -> Recipe:
    """Return the packaged recipe for the JPEG files and weights that are here."""
    (weights,) = (data / "cifar10").glob("resnet56*.safetensors")
    given = [f"data.source={data / 'cifar10'}", "data.image=jpeg", f"teacher.weights={weights}"]
    return load_recipe("cifar10", [*given, *own])


def techniques(out: Path, data: Path) -> dict[str, Any]:
    """Return accuracy and NLL on 10,000 held-out training images, seed 0, by what is changed."""
    record = out / "techniques.json"
    results: dict[str, Any] = read_json(record, dict) if record.is_file() else {}
    loaded: dict[str, Material] = {}
    for name, changes in TECHNIQUES.items():
        recipe = recipe_of(data, "data.split.validation=10000", "seeds=[0]", *changes)
        if results.get(name, {}).get("recipe_digest") == recipe.digest:
            continue
        if (material := loaded.get(recipe.data.model_dump_json())) is None:
            material = loaded[recipe.data.model_dump_json()] = Material(load_splits(recipe.data, recipe.task))
        folder = out / "techniques"  # one for all: the teacher answers once
        usable = require_usable(recipe, material)
        teacher = ask_teacher(usable, train_teacher(usable, material, folder), material.splits, folder)
        learn.Distiller = Mixing if name == "mixup" else Distiller  # what the loop steps with
        history = train_arm("student", usable, material, teacher, folder).trained[0].history
        last = history.validations[-1]
        results[name] = {"recipe_digest": recipe.digest, **last, "seconds": history.seconds}
        write_json(record, results)
        print(name, json.dumps(results[name]), flush=True)
    return results


def whole(out: Path, data: Path) -> dict[str, Any]:
    """Carry out the recipe, with an arm that learns from the teacher's decisions."""
    return _run(out / "recipe", recipe_of(data, "arms=[student, baseline, hard_labels]"))


def plain(out: Path, data: Path) -> dict[str, Any]:
    """Carry it out without copies, and without what needs none of them."""
    return _run(out / "plain", recipe_of(data, "baseline=false", "data.augment=null"))


def curves(out: Path, data: Path) -> dict[str, Any]:
    """Carry it out with ten times the labels and all images, and with fewer steps and labels."""
    rows = ["data.labelled=5000", "data.labelled_per_batch=32", "data.max_unlabelled=null"]
    folder = out / "curves"
    shown = _run(folder, recipe_of(data, *rows, "curves={steps: [0.25, 0.5], labels: [500]}"))
    evaluation = read_json(folder / "evaluation.json", dict)
    said = words.curve_sentences(Evaluation.model_validate(evaluation))
    return {**shown, "curves": evaluation["curves"], "sentences": said}


def int8(out: Path, data: Path) -> dict[str, Any]:
    """Return what static int8 costs and saves, of teacher and student, on the 10,000 held-out training images."""
    recipe = recipe_of(data, "data.split.validation=10000", "seeds=[0]")
    material, folder = Material(load_splits(recipe.data, recipe.task)), out / "techniques"
    recipe = require_usable(recipe, material)
    teacher = ask_teacher(recipe, train_teacher(recipe, material, folder), material.splits, folder)
    student = train_arm("student", recipe, material, teacher, folder).trained[0]
    found = {}
    for name, trained in {"teacher": teacher.networks["teacher"], "student": student}.items():
        path = out / "int8" / f"{name}.onnx"
        path.parent.mkdir(exist_ok=True)
        export_onnx(trained.model, path, *trained.view.example)
        shipped = Student(
            model=path,
            says=lambda samples, trained=trained: trained.logits(trained.view.rows(samples)),
            runner=trained.view.runner,
            reader=trained.view.reader,
            labels=material.splits.task.names,
            task=recipe.task.kind,
            gains=metric_gains(material.splits.task, material.splits),
            metric="accuracy",
        )
        trial = try_int8(shipped, material.samples, material.unlabelled, path.with_name(f"{name}-int8.onnx"))
        assert trial.gain is not None  # of images the metric judges
        found[name] = {
            "sizes": dict(trial.sizes),
            "ms_alone": {key: speed.figures["latency_ms"] for key, speed in trial.speeds.items()},
            "share_of_processor_time": trial.speeds["int8"].share_of(trial.speeds["fp32"]),
            "agreement": trial.agreement.share,
            "gain": trial.gain.model_dump(),
            "rows": len(material.samples),
            "sentence": trial.sentence,
        }
    return found


def _run(folder: Path, recipe: Recipe) -> dict[str, Any]:
    found = measure(recipe, folder)
    evaluation = Evaluation.model_validate_json((folder / "evaluation.json").read_text(encoding="utf-8"))
    arms = {name: model.scores for name, model in evaluation.models.items()}
    per_seed = {name: [one.scores["accuracy"] for one in model.per_seed] for name, model in evaluation.models.items()}
    return {**found, "scores": arms, "per_seed": per_seed}


def as_table(result: dict[str, Any]) -> str:
    """Return the recipe beside what else could be done, and what was tried on held-out training images."""
    lines: list[str] = []
    if "recipe" in result:
        lines += [
            "| network, and what it learns from | accuracy (seeds) | NLL | ECE | ms an image |",
            "|---|---|---|---|---|",
        ]
        for part, model, name in ROWS:
            if (found := result.get(part, {}).get("scores", {}).get(model)) is not None:
                lines.append(_row(name, found, result[part]["per_seed"][model], result[part]["models"].get(model)))
        lines += ["", f"CIFAR-10 as JPEG files, its 10,000 test images, means of three seeds. {_said(result)}"]
    if "techniques" in result:
        lines += ["", "| tried on 10,000 held-out training images, one seed | accuracy | NLL |", "|---|---|---|"]
        for name, one in result["techniques"].items():
            lines.append(f"| {name} | {100 * one['accuracy']:.1f} % | {one['nll']:.3f} |")
    if "int8" in result:
        lines += ["", "| static int8 | bytes | processor time | equal decisions | |", "|---|---|---|---|---|"]
        for name, one in result["int8"].items():
            sizes = f"{one['sizes']['fp32']:,} to {one['sizes']['int8']:,}"
            share, equal = one["share_of_processor_time"], 100 * one["agreement"]
            lines.append(f"| {name} | {sizes} | {share:.2f} | {equal:.1f} % | {one['sentence']} |")
    return "\n".join([*lines, "", "`python benchmarks/cifar10.py`."]).lstrip("\n")


ROWS = (
    ("recipe", "teacher", "teacher: the given ResNet-56"),
    ("recipe", "student", "**student**: 500 labels and the teacher's answers, two copies of each image"),
    ("plain", "student", "the same without copies"),
    ("recipe", "hard_labels", "the same, of the teacher's decisions only"),
    ("recipe", "baseline", "500 labels alone"),
    ("curves", "baseline", "5,000 labels alone"),
    ("curves", "student", "5,000 labels and the teacher's answers"),
    ("recipe", "floor", "HOG + LR, 500 labels"),
    ("recipe", "distilled_floor", "HOG + LR of the teacher's answers"),
)


def _row(name: str, scores: dict[str, Any], seeds: list[float], model: dict[str, Any] | None) -> str:
    spread = f" ({100 * min(seeds):.1f} to {100 * max(seeds):.1f})" if len(seeds) > 1 else ""
    nll, ece = (scores.get(name) for name in ("nll", "ece"))
    latency = (model or {}).get("latency_ms")
    cells = [f"{100 * scores['accuracy']:.1f} %{spread}", "–" if nll is None else f"{nll:.2f}"]
    cells += ["–" if ece is None else f"{100 * ece:.1f} %", "–" if latency is None else f"{latency:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def _said(result: dict[str, Any]) -> str:
    gain = result["recipe"]["gain"]
    low, high = (100 * bound for bound in gain["ci95"])
    said = [f"Gain {100 * gain['mean']:+.1f} points ({low:.1f} to {high:.1f})."]
    return " ".join([*said, *result.get("curves", {}).get("sentences", [])]).replace("\u00a0", " ")


PARTS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "techniques": techniques,
    "recipe": whole,
    "plain": plain,
    "curves": curves,
    "int8": int8,
}


def main() -> None:
    """Do the parts that are asked for; those on record stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path("runs/cifar10"))
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
