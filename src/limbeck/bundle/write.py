"""The bundle folder: model.onnx, tokenizer.json, bundle.json, README.md."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import jinja2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from limbeck import __version__
from limbeck.bundle.export import Parity, parity, quantize_int8
from limbeck.errors import LimbeckError
from limbeck.evaluation import measure_all
from limbeck.files import size_of, staged
from limbeck.runtime import Encoder
from limbeck.runtime.bundle import FORMAT

AGREEMENT = 0.995
Answer = Callable[[Sequence[Any]], NDArray[np.float32]]
"""Samples in, logits (samples, classes) out."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which file ships, decided on validation.

    Attributes:
        model: the chosen ONNX file.
        precision: of its weights.
        parity: of that file, against the PyTorch student.
        latency_ms: batch of one, median.
        why: one sentence about int8.
    """

    model: Path
    precision: Literal["fp32", "int8"]
    parity: Parity
    latency_ms: float
    why: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was shipped.

    Attributes:
        choice: the file and why.
        fp32: parity of the fp32 export.
        size_bytes: of the folder.
    """

    choice: Choice
    fp32: Parity
    size_bytes: int


def write_bundle(
    folder: Path,
    *,
    model: Path,
    encoder: Encoder | None,
    inputs: Mapping[str, Tensor],
    runner: Callable[[Path], Answer],
    labels: Sequence[str],
    samples: Sequence[Any],
    reference: NDArray[np.float32],
    card: dict[str, Any],
    scratch: Path,
) -> Delivery:
    """Choose the precision on validation samples and write the folder in one step.

    Args:
        folder: the bundle's.
        model: the fp32 ONNX file of the student.
        encoder: its preprocessing; None for a student that reads arrays.
        inputs: what it is called with, for some rows.
        runner: an ONNX file as a function of samples.
        labels: class names in the order of the logits.
        samples: of validation.
        reference: the PyTorch student's logits for them, (samples, classes).
        card: what the README says, see `card.md.j2`.
        scratch: folder for the int8 twin.

    Raises:
        ValueError: the fp32 file does not say what the PyTorch student says, within the tolerance of `Parity.exact`.
    """
    fp32 = parity(reference, runner(model)(samples))
    if not fp32.exact:
        raise ValueError(
            f"the exported file differs from the PyTorch student by up to {fp32.max_abs_error:.1e} in a logit, "
            f"and in {fp32.exceptions} clear decisions"
        )
    choice = _choose(model, runner, samples, reference, fp32, scratch)
    info: dict[str, Any] = {
        "format": FORMAT,
        "task": "classification",
        "labels": list(labels),
        **_reading(encoder, inputs),
        "precision": choice.precision,
        "limbeck": __version__,
    }
    with staged(folder) as aside:
        aside.mkdir()
        shutil.copyfile(choice.model, aside / "model.onnx")
        if encoder is not None:
            (aside / "tokenizer.json").write_text(encoder.tokenizer_json, encoding="utf-8")
        template = resources.files("limbeck.bundle").joinpath("card.md.j2").read_text(encoding="utf-8")
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701 - Markdown
        text = environment.from_string(template).render(info=info, choice=choice, fp32=fp32, **card)
        (aside / "README.md").write_text(text, encoding="utf-8")
        files = sorted(file for file in aside.iterdir() if file.name != "README.md")
        info["files"] = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
        (aside / "bundle.json").write_text(json.dumps(info, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Delivery(choice, fp32, size_of(folder))


def _reading(encoder: Encoder | None, inputs: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return what `bundle.json` says about the student's inputs."""
    if encoder is not None:
        return {"max_length": encoder.max_length, "tail": encoder.tail, "pad_id": encoder.pad_id}
    kinds = {name: str(value.dtype).removeprefix("torch.") for name, value in inputs.items()}
    return {"inputs": {name: {"dtype": kinds[name], "shape": list(value.shape[1:])} for name, value in inputs.items()}}


def _choose(
    model: Path,
    runner: Callable[[Path], Answer],
    samples: Sequence[Any],
    reference: NDArray[np.float32],
    fp32: Parity,
    scratch: Path,
) -> Choice:
    """Take int8 when it is smaller, faster, and decides alike; else fp32, and say which of the three failed."""
    runners = {"fp32": runner(model)}
    twin = scratch / "int8.onnx"
    try:
        quantize_int8(model, twin)
        runners["int8"] = runner(twin)
        int8 = parity(reference, runners["int8"](samples))
    except LimbeckError:
        raise  # a full disk: the bundle would not fit either
    except Exception as error:
        latency = measure_all({"fp32": runners["fp32"]}, samples)["fp32"][0]
        return Choice(model, "fp32", fp32, latency, f"int8 could not be made ({type(error).__name__})")
    latency = {name: value[0] for name, value in measure_all(runners, samples).items()}
    failed = []
    if size_of(twin) >= size_of(model):
        failed.append("no smaller")
    if latency["int8"] >= latency["fp32"]:
        failed.append(f"no faster ({latency['int8']:.2f} against {latency['fp32']:.2f} ms)")
    if int8.agreement < AGREEMENT:
        failed.append(f"agreed with the student on {int8.agreement:.1%} of the validation rows")
    if failed:
        return Choice(model, "fp32", fp32, latency["fp32"], f"int8 was left: {', '.join(failed)}")
    why = f"int8 was taken: smaller, faster, same decision on {int8.agreement:.1%} of the validation rows"
    return Choice(twin, "int8", int8, latency["int8"], why)
