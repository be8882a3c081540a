"""One run of each of the other modalities and tasks: pictures, values, label sets, several decisions; minutes each.

    python benchmarks/tenants.py [NAME ...] [--data FOLDER]

`digits` and `new-digits` are the packaged recipes; `pngs` is a folder of MNIST's digits as PNG files.
`diabetes` is scikit-learn's table of 442 patients. `ratings` are the values behind the packaged snippets.
`speech-columns` and `speech-tags` are 3,000 recordings of six speakers, who are known: of the first, digit and speaker
are a decision each, of the second one set of labels. FOLDER holds mnist/mnist.npz and spoken_digits/fsdd.parquet.

A run whose folder is complete is read, not made again. Writes benchmarks/results/tenants.json after every run.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.evaluation.schema import Evaluation
from limbeck.files import read_json, write_json
from limbeck.pipeline import run
from limbeck.pipeline.order import describe_environment
from limbeck.recipe import Recipe, load_recipe, parse_recipe
from limbeck.report import words

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "tenants.json"
SHOWN = ("teacher", "student", "baseline", "floor", "distilled_floor")


def digits(folder: Path, data: Path) -> Recipe:
    """Return the packaged recipe."""
    return load_recipe("digits")


def pngs(folder: Path, data: Path) -> Recipe:
    """Return the packaged recipe of digits for a folder of PNG files, of which 200 keep their label."""
    from PIL import Image

    place = folder / "png"
    if not place.is_dir():
        held = np.load(data / "mnist" / "mnist.npz")
        chosen = np.random.default_rng(0).permutation(len(held["x_train"]))[:4000]
        for row, (pixels, label) in enumerate(zip(held["x_train"][chosen], held["y_train"][chosen], strict=True)):
            file = folder / "unfinished" / str(label) / f"{row}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
        (folder / "unfinished").rename(place)
    given = [f"data.source={place}", "data.labelled=200", "data.split={test: 1000, validation: 300}"]
    return load_recipe("digits", given)


def new_digits(folder: Path, data: Path) -> Recipe:
    """Return the packaged recipe for the copy of MNIST that is here."""
    return load_recipe("new-digits", [f"data.source={data / 'mnist' / 'mnist.npz'}", "data.image=x", "data.label=y"])


def ratings(folder: Path, data: Path) -> Recipe:
    """Return the packaged recipe of snippets, for the ratings themselves, as the guide has it."""
    return load_recipe(
        "sentiment",
        ["task=regression", "data.label=score", "losses=[{name: regression_kd}, {name: squared_error, weight: 0.1}]"],
    )


def diabetes(folder: Path, data: Path) -> Recipe:
    """Return a recipe for scikit-learn's table: a wide network teaches a narrow one."""
    from sklearn.datasets import load_diabetes

    held: Any = load_diabetes(scaled=False)
    lines = [",".join([*held.feature_names, "progression"])]
    lines += [",".join(map(str, (*row, value))) for row, value in zip(held.data, held.target, strict=True)]
    (folder / "diabetes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    train = {"batch_size": 32, "weight_decay": 0.1, "warmup": 0.1, "validations": 10}
    values = {
        "name": "diabetes", "task": "regression",
        "data": {"source": str(folder / "diabetes.csv"), "features": "*", "label": "progression",
                 "split": {"test": 120, "validation": 80}, "labelled": 100, "labelled_per_batch": 16},
        "teacher": {"kind": "network", "model": {"name": "mlp", "hidden": 128, "layers": 2, "dropout": 0.3},
                    "train": {**train, "steps": 200, "lr": 1e-3}},
        "student": {"model": {"name": "mlp", "hidden": 16, "layers": 1}, "train": {**train, "steps": 400, "lr": 3e-3}},
        "grid": {"train.lr": [1e-3, 3e-3, 1e-2]},
        "losses": [{"name": "regression_kd", "weight": 0.9}, {"name": "squared_error", "weight": 0.1}],
    }  # fmt: skip
    return parse_recipe(values, "diabetes")


def speech_of(task: Any, label: Any, losses: list[dict[str, Any]]) -> Callable[[Path, Path], Recipe]:
    """Return what makes a recipe for the recordings: a wide network of 500 labels teaches a narrow one."""

    def make(folder: Path, data: Path) -> Recipe:
        train = {"batch_size": 32, "warmup": 0.1, "schedule": "cosine", "keep": "last", "validations": 5}
        values = {
            "name": "speech", "task": task, "losses": losses,
            "data": {"source": str(recordings(folder, data)), "audio": "audio", "label": label,
                     "split": {"test": 600, "validation": 200}, "labelled": 500, "labelled_per_batch": 8,
                     "augment": {"copies": 2, "noise": 20}},
            "teacher": {"kind": "network", "model": {"name": "audio_cnn", "width": 128}, "reads": {"rate": 8000},
                        "train": {**train, "steps": 800, "lr": 2e-3}},
            "student": {"model": "audio_cnn", "reads": {"rate": 8000},
                        "train": {**train, "steps": 1000, "lr": 3e-3, "threads": 1}},
        }  # fmt: skip
        return parse_recipe(values, "speech")

    return make


def recordings(folder: Path, data: Path) -> Path:
    """Write the recordings as wav files in a table, with every label that is asked for."""
    path = folder / "recordings.parquet"
    if not path.is_file():
        import pyarrow
        import pyarrow.parquet
        import soundfile

        def wav(raw: bytes) -> bytes:
            file = io.BytesIO()
            soundfile.write(file, np.frombuffer(raw, "<i2"), 8000, format="WAV", subtype="PCM_16")
            return file.getvalue()

        held = pyarrow.parquet.read_table(data / "spoken_digits" / "fsdd.parquet").to_pydict()
        said = [str(digit) for digit in held["digit"]]
        tags = [f"digit {digit}|{speaker}" for digit, speaker in zip(said, held["speaker"], strict=True)]
        columns = {
            "audio": [wav(raw) for raw in held["pcm16"]],
            "digit": said,
            "speaker": held["speaker"],
            "tags": tags,
        }
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


KD = [{"name": "kd", "weight": 0.9, "temperature": 2}, {"name": "cross_entropy", "weight": 0.1}]
BINARY = [{"name": "binary_kd", "weight": 0.9, "temperature": 2}, {"name": "binary_cross_entropy", "weight": 0.1}]
RUNS: dict[str, Callable[[Path, Path], Recipe]] = {
    "digits": digits,
    "pngs": pngs,
    "new-digits": new_digits,
    "diabetes": diabetes,
    "ratings": ratings,
    "speech-columns": speech_of("multioutput", ["digit", "speaker"], KD),
    "speech-tags": speech_of({"kind": "multilabel", "separator": "|"}, "tags", BINARY),
}


def measure(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Carry a run out, or read it, and return what it showed."""
    run(recipe, folder)
    found = Evaluation.model_validate_json((folder / "evaluation.json").read_text(encoding="utf-8"))
    models = {
        key: {
            "name": words.model(key, found),
            "scores": found.models[key].scores,
            **{
                name: getattr(found.models[key].cost, name, None) for name in ("parameters", "size_bytes", "latency_ms")
            },
        }
        for key in SHOWN
        if key in found.models
    }
    return {
        "metric": found.metric.model_dump(), "models": models,
        "gain": None if found.gain is None else found.gain.model_dump(), "retention": found.retention,
        "verdict": found.verdict, "sentence": found.sentence, "warnings": found.warnings,
        "precision": found.bundle and found.bundle.precision, "seconds": sum(found.seconds.values()),
        "recipe_digest": recipe.digest,
    }  # fmt: skip


def main() -> None:
    """Do the runs that are asked for; those on record stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(RUNS))
    parser.add_argument("--out", type=Path, default=Path("runs/tenants"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    results = read_json(RESULTS, dict) if RESULTS.is_file() else {}
    for name in given.names:
        given.out.mkdir(parents=True, exist_ok=True)
        results[name] = found = measure(RUNS[name](given.out, given.data), given.out / name)
        write_json(RESULTS, {**results, "environment": describe_environment()})
        metric = found["metric"]["name"]
        scores = ", ".join(f"{one['name']} {one['scores'][metric]:.4g}" for one in found["models"].values())
        print(f"{name} ({metric}): {scores}; {found['verdict']}; {found['precision']}; {found['seconds']:.0f} s")


if __name__ == "__main__":
    main()
