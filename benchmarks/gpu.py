"""CIFAR-10 at full size on one GPU: what a ResNet-56 gives smaller networks, what a step costs, in which arithmetic.

    sh benchmarks/gpu.sh                                    # ten minutes; the same line goes on where it was stopped
    sh benchmarks/gpu.sh --device cpu --rows 300 --steps 8  # the way through it, without a GPU: no figure means a thing

Parts, in this order, each written to benchmarks/results/gpu.json when it is done, and not done again under the same
settings:

- `labelling`: rows a second at which the teacher answers for all images and eight copies of each;
- `arithmetic`: bf16 and a GPU's rounded float32 against float32, and the GPU against the processor: logits of the same
  weights, and validation accuracy after a short training;
- `speed`: seconds an epoch of the distilled step and of plain training, beside a loop that has nothing to read;
- `losses`: validation accuracy and NLL of a ResNet-8 by the weight and temperature of the soft targets; the recipe has
  what was best;
- `resnet8`, `resnet20`: the students beside the same networks without the teacher, `--seeds` of them, `--jobs` at a
  time. Where the time is over before all seeds are trained, those that are finished are tested, and the part goes on
  the next time.
"""

import argparse
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from gpu_steps import apart, bare, clocked, directly
from torch import Tensor, nn

from limbeck.data import load_splits
from limbeck.distiller import Distiller
from limbeck.evaluation import compare, nll
from limbeck.evaluation.classification import ACCURACY
from limbeck.evaluation.metric import sheet_of
from limbeck.files import read_json, write_json
from limbeck.networks import TrainSettings
from limbeck.pipeline.judging.testing import answers
from limbeck.pipeline.order import describe_environment, require_usable
from limbeck.pipeline.training.arms import train_arm
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Lesson, Material
from limbeck.pipeline.training.side_by_side import Known, train_side_by_side
from limbeck.pipeline.training.teacher import RunTeacher, train_teacher
from limbeck.recipe import Recipe, load_recipe, parse_recipe
from limbeck.runtime.rows import Rows
from limbeck.teachers.module import weights_digest
from limbeck.trainer import fit, predict_logits
from limbeck.types import best_device, device_of

RESULT = Path(__file__).parent / "results" / "gpu.json"
SHARED = Path(__file__).parents[2] / "shared/data/cifar10"
DEPTHS = (8, 20)
FORWARD, TRAINED = 0.99, 0.02
"""Mixed precision counts as equal: at least this share of equal decisions, at most this difference in accuracy."""
TRIED = ((0.0, 1.0), (0.9, 4.0), (0.9, 8.0), (0.5, 4.0), (0.5, 2.0), (0.2, 4.0), (0.2, 2.0))
"""Weight and temperature of the soft targets."""
TO_TEST_S = 45.0
"""Of the time, kept for testing what is trained when the rest of it is over."""


class Late(BaseException):
    """The time is over; like Ctrl-C it is nobody's error."""


@dataclass
class Bench:
    """What all parts work on.

    Attributes:
        given: the command line.
        start: when it began.
    """

    given: argparse.Namespace
    start: float = field(default_factory=time.monotonic)

    def recipe(self, depth: int = 20) -> Recipe:
        """Return the recipe of a student."""
        given = self.given
        return load_recipe(
            "cifar10-full",
            [
                f"data.source={self.source}",
                f"data.image={given.image}",
                f"data.split.validation={1000 if given.rows is None else 50}",
                f"data.augment.copies={given.copies}",
                f"teacher.weights={given.weights}",
                f"student.model.depth={depth}",
                f"student.train.steps={given.steps}",
                f"student.train.batch_size={given.batch}",
                f"seeds={list(range(given.seeds))}",
                f"cache.path={given.out / 'answers'}",
            ],
        )

    @cached_property
    def source(self) -> Path:
        """Where the images are: all of them, or some of each class in files of their own."""
        rows, folder = self.given.rows, self.given.out / "some"
        if rows is None:
            return self.given.data
        folder.mkdir(parents=True, exist_ok=True)
        for split in ("train", "test"):
            table = pq.read_table(self.given.data / f"{split}.parquet")
            pq.write_table(
                table.take(pa.array(np.linspace(0, len(table) - 1, rows).astype(int))), folder / f"{split}.parquet"
            )
        return folder

    @cached_property
    def material(self) -> Material:
        """The images, as the run's networks see them."""
        recipe = self.recipe()
        material = Material(load_splits(recipe.data, recipe.task))
        material.folder = self.given.out / "resnet20"
        return material

    def teacher(self, recipe: Recipe, folder: Path) -> tuple[Recipe, RunTeacher]:
        """Return the settled recipe, and the teacher that has answered for all rows."""
        recipe = require_usable(recipe, self.material)
        made = train_teacher(recipe, self.material, folder)
        return recipe, ask_teacher(recipe, made, self.material.splits, folder, kept=recipe.cache.folder)

    def lesson(self, recipe: Recipe, teacher: RunTeacher, arm: str) -> Lesson:
        """Return what an arm learns."""
        if arm == "baseline":
            return self.material.from_labels(recipe.student)
        return self.material.from_teacher(recipe.student, recipe, teacher.of("transfer"), teacher.names, arm=arm)

    def train(self, recipe: Recipe, lesson: Lesson, *, seed: int, steps: int, precision: str = "fp32") -> nn.Module:
        """Return a network that has learned a lesson for some steps."""
        network = self.material.build(recipe.student, seed=seed)
        distiller = Distiller(network, lesson.objective, lesson.teacher, seen=lesson.task.seen)
        settings = TrainSettings.model_validate(
            recipe.student.train.model_dump() | {"steps": steps, "validations": 1, "precision": precision}
        )
        fit(distiller, lesson.batches(settings, seed), settings, steps=steps, validate=None, title=precision)
        return network

    @property
    def validation(self) -> Rows:
        """The validation rows, as students and teacher read them."""
        return self.material.view(self.recipe().student).validation

    def accuracy(self, logits: Tensor) -> float:
        """Return the accuracy of logits on validation."""
        return float((logits.argmax(1).numpy() == self.material.splits.validation.labels.values).mean())


# --- the parts ------------------------------------------------------------------------------------------------------


def labelling(bench: Bench) -> dict[str, Any]:
    """Return how long reading the images and asking the teacher took."""
    start = time.monotonic()
    splits = bench.material.splits
    read = time.monotonic()
    recipe, teacher = bench.teacher(bench.recipe(), bench.given.out / "resnet20")
    asked = time.monotonic() - read
    rows = len(splits.transfer) + len(splits.validation)
    return {
        "rows": {
            "images": len(splits.original),
            "transfer": len(splits.transfer),
            "validation": len(splits.validation),
        },
        "reading_seconds": read - start,
        "asking_seconds": asked,
        "rows_a_second": rows / asked,
        "validation_accuracy": bench.accuracy(torch.from_numpy(teacher.logits("validation"))),
        "recipe": recipe.digest,
    }


def arithmetic(bench: Bench) -> dict[str, Any]:
    """Return how far bf16 and rounded float32 are from float32, and the GPU from the processor."""
    recipe, teacher = bench.teacher(bench.recipe(), bench.given.out / "resnet20")
    (network,) = [trained.model for trained in teacher.networks.values()]
    exact = predict_logits(network, bench.validation)
    result: dict[str, Any] = {"tolerance": {"forward_agreement": FORWARD, "trained_accuracy": TRAINED}}
    for name, dtype in (("default_float32", None), ("bf16", torch.bfloat16)):
        result[f"forward_{name}"] = apart(directly(network, bench.validation, dtype), exact)
    place = device_of(network)
    result["processor"] = apart(predict_logits(network.cpu(), bench.validation), exact)
    network.to(place)
    steps = max(4, bench.given.steps // 4)
    lesson = bench.lesson(recipe, teacher, "student")
    networks = {
        name: [bench.train(recipe, lesson, seed=seed, steps=steps, precision=name) for seed in (0, 1)]
        for name in ("fp32", "bf16")
    }
    scores = {
        name: [bench.accuracy(predict_logits(one, bench.validation)) for one in some] for name, some in networks.items()
    }
    again = bench.train(recipe, lesson, seed=0, steps=steps)
    difference = float(np.mean(scores["bf16"]) - np.mean(scores["fp32"]))
    result["trained"] = {"steps": steps, "accuracy": scores, "difference": difference}
    result["same_seed_same_bits"] = weights_digest(again) == weights_digest(networks["fp32"][0])
    agrees = result["forward_bf16"]["agreement"] >= FORWARD
    return result | {"equal": agrees and abs(difference) <= TRAINED}


def speed(bench: Bench) -> dict[str, Any]:
    """Return seconds an epoch, of the images as they are: plain training, the distilled step, and a bare loop."""
    images = len(bench.material.splits.original)
    steps = images // bench.given.batch
    result: dict[str, Any] = {"images": images, "batch_size": bench.given.batch, "steps": steps}
    for depth in DEPTHS:
        recipe, teacher = bench.teacher(bench.recipe(depth), bench.given.out / f"resnet{depth}")
        lessons = {arm: bench.lesson(recipe, teacher, arm) for arm in ("baseline", "student")}
        found: dict[str, float] = {}
        for precision in ("fp32", "bf16"):
            for arm, lesson in lessons.items():
                # A training of one step has all that is paid once: kernels are loaded, memory is taken.
                seconds = [
                    clocked(lambda n=n: bench.train(recipe, lesson, seed=0, steps=n, precision=precision))  # noqa: B023
                    for n in (1, max(2, steps // 4), max(3, steps + steps // 4))
                ]
                found[f"{arm}_{precision}"] = seconds[2] - seconds[1]
        network = bench.material.build(recipe.student, seed=0)
        found |= {f"bare_{name}": each * steps for name, each in bare(network, bench.given.batch).items()}
        ratios = {p: found[f"student_{p}"] / found[f"baseline_{p}"] for p in ("fp32", "bf16")}
        result[f"resnet{depth}"] = {"seconds_an_epoch": found, "distilled_over_plain": ratios}
    return result


def losses(bench: Bench) -> dict[str, Any]:
    """Return how good short students are on validation, by what they listen to; weight 0 is none of the teacher."""
    recipe, teacher = bench.teacher(bench.recipe(8), bench.given.out / "resnet8")
    labels, tried = bench.material.splits.validation.labels.values, []
    for weight, temperature in TRIED:
        values = [{"name": "kd", "weight": weight, "temperature": temperature}] if weight else []
        values.append({"name": "cross_entropy", "weight": 1 - weight})
        own = parse_recipe(recipe.model_dump(mode="json") | {"losses": values}, "losses")
        network = bench.train(own, bench.lesson(own, teacher, "student"), seed=0, steps=bench.given.steps)
        logits = predict_logits(network, bench.validation)
        tried.append(
            {
                "weight": weight,
                "temperature": temperature,
                "accuracy": bench.accuracy(logits),
                "nll": nll(logits.numpy(), labels),
            }
        )
        print(json.dumps(tried[-1]), flush=True)
    return {"tried": tried}


def students(depth: int) -> Callable[[Bench], dict[str, Any]]:
    """Return the part that compares a student with the same network without its teacher."""

    def part(bench: Bench) -> dict[str, Any]:
        folder = bench.given.out / f"resnet{depth}"
        recipe, teacher = bench.teacher(bench.recipe(depth), folder)
        start, known = time.monotonic(), Known(bench.material.splits.digest, bench.material.session)
        late = False
        try:
            train_side_by_side(recipe, folder, bench.given.jobs, known)
        except Late:
            late = True
            print("  the time is over: what is finished is tested")
        signal.setitimer(signal.ITIMER_REAL, 0)  # what follows takes the time that was kept for it
        seeds = [seed for seed in recipe.seeds if all(finished(folder / arm / f"seed-{seed}") for arm in recipe.arms)]
        if not seeds and late:
            raise Late
        recipe = recipe if not late else recipe.model_copy(update={"seeds": seeds})
        seconds = time.monotonic() - start
        return tested(bench, recipe, teacher, folder) | {"training_seconds": seconds, "whole": not late}

    return part


def tested(bench: Bench, recipe: Recipe, teacher: RunTeacher, folder: Path) -> dict[str, Any]:
    """Return how good the trained networks of a folder are on the test split."""
    labels, sums, result = bench.material.splits.test.labels.values, {}, {}
    for name in recipe.trained_arms:
        arm = train_arm(name, recipe, bench.material, teacher, folder)
        logits = {seed: answers(one, fits=False).test for seed, one in arm.trained.items()}
        sums[name] = np.stack([ACCURACY.parts(sheet_of(each, labels)) for each in logits.values()])
        result[name] = {
            "accuracy": [float((each.argmax(1) == labels).mean()) for each in logits.values()],
            "nll": [nll(each, labels) for each in logits.values()],
            "seconds": [one.history.seconds for one in arm.trained.values()],
        }
    teacher.of("test")
    own = teacher.logits("test")
    result["teacher"] = {"accuracy": float((own.argmax(1) == labels).mean()), "nll": nll(own, labels)}
    gain = compare(sums["student"], sums["baseline"], ACCURACY)
    return {"seeds": recipe.seeds, "models": result, "gain": gain.model_dump(mode="json"), "recipe": recipe.digest}


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "labelling": labelling,
    "arithmetic": arithmetic,
    "speed": speed,
    "losses": losses,
    **{f"resnet{depth}": students(depth) for depth in DEPTHS},
}


# --- what they need -------------------------------------------------------------------------------------------------


def finished(folder: Path) -> bool:
    """Return whether a network's folder holds it, trained to the end."""
    return (folder / "history.json").is_file()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `Late` in the block after so many seconds."""

    def over(number: int, frame: FrameType | None) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, max(0.1, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=SHARED, help="folder with train.parquet and test.parquet")
    parser.add_argument("--image", default="jpeg", help="their column with the images; the label is `label`")
    parser.add_argument("--weights", type=Path, default=SHARED / "resnet56-4bfd9763.safetensors", help="of the teacher")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="only these")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="folder of the trainings")
    parser.add_argument("--result", type=Path, default=RESULT, help="file that is written after every part")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which it stops, to go on the next time")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=4, help="networks that are trained at a time")
    parser.add_argument("--steps", type=int, default=2000, help="of a training")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--copies", type=int, default=8, help="views of an image, besides itself")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: to try the way through")
    parser.add_argument("--rows", type=int, default=None, help="images to take of each split; all of them")
    return parser.parse_args()


def main() -> None:
    """Do the parts that are not on record, as far as the time goes."""
    given = arguments()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA GPU here: nothing is measured")
        return
    bench = Bench(given)
    machine = torch.cuda.get_device_name() if best_device().type == "cuda" else "no GPU"
    settings = {key: getattr(given, key) for key in ("rows", "steps", "batch", "copies", "seeds")} | {
        "machine": machine
    }
    record: dict[str, Any] = read_json(given.result, dict) if given.result.is_file() else {}
    if record.get("settings") != settings:
        record = {"settings": settings, "environment": describe_environment(), "parts": {}}
    end = bench.start + 60 * given.minutes - TO_TEST_S
    for depth in DEPTHS:
        (given.out / f"resnet{depth}").mkdir(parents=True, exist_ok=True)
    for name, part in PARTS.items():
        if name not in given.parts:
            continue
        if record["parts"].get(name, {}).get("whole", False):
            print(f"{name}: on record")
            continue
        print(f"{name}, after {time.monotonic() - bench.start:.0f} s", flush=True)
        start = time.monotonic()
        try:
            with at_most(end - start):
                result = part(bench)
        except Late:
            print(f"{name}: the time is over; the same line goes on")
            break
        record["parts"][name] = {"whole": True} | result | {"seconds": time.monotonic() - start}
        write_json(given.result, record)
        print(json.dumps({name: record["parts"][name]}), flush=True)


if __name__ == "__main__":
    main()
