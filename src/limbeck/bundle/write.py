"""The bundle folder: model.onnx, the reader's files, bundle.json, README.md."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from limbeck import installed
from limbeck.bundle.export import Parity, parity
from limbeck.bundle.precision import Choice, Student, choose
from limbeck.bundle.threads import threads_that_pay
from limbeck.evaluation.records import BUSY
from limbeck.files import size_of, staged
from limbeck.runtime.bundle import complete
from limbeck.runtime.description import FORMAT, INFO, MODEL
from limbeck.version import __version__

BRINGS = ("numpy", "onnxruntime", "tokenizers", "pydantic", "typer")
"""What the runtime install consists of."""


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
    student: Student,
    *,
    samples: Sequence[Any],
    unlabelled: Sequence[Any],
    card: dict[str, Any],
    scratch: Path,
) -> Delivery:
    """Choose the precision and write the folder in one step.

    Args:
        folder: the bundle's.
        student: in PyTorch and as fp32 file.
        samples: of validation.
        unlabelled: values of the transfer set.
        card: what the README says, see `card.md.j2`.
        scratch: folder for the int8 twin.

    Raises:
        ValueError: the fp32 file does not say what the PyTorch student says, within the tolerance of `Parity.exact`; or
            the file has no answer to any synthetic input.
    """
    fp32 = parity(student.says(samples), student.runner(student.model)(samples), student.rule)
    if not fp32.exact:
        raise ValueError(
            f"the exported file differs from the PyTorch student by up to {fp32.max_abs_error:.1e} in an output, "
            f"and in {fp32.exceptions} clear answers"
        )
    choice = choose(student, samples, unlabelled, fp32, scratch)
    info: dict[str, Any] = {
        "format": FORMAT,
        "task": student.task,
        "labels": list(student.labels),
        **({"decision": dict(student.decision)} if student.decision else {}),
        **({"columns": dict(student.columns)} if student.columns else {}),
        **({"other_class": student.other_class} if student.other_class in student.labels else {}),
        **({"missing": list(student.missing)} if student.missing else {}),
        "precision": choice.precision,
        "instructions": choice.instructions,
        "threads": threads_that_pay(choice.model, student.reader, samples),
        "limbeck": __version__,
    }
    with staged(folder) as aside:
        aside.mkdir()
        shutil.copyfile(choice.model, aside / MODEL)
        info["reads"] = {"kind": student.reader.kind, **student.reader.save(aside)}
        text = _card({"info": info, "choice": choice, "fp32": fp32, **card}, student)
        (aside / "README.md").write_text(text, encoding="utf-8")
        told = json.dumps(complete(aside, info), indent=2, ensure_ascii=False)
        (aside / INFO).write_text(told + "\n", encoding="utf-8")
    return Delivery(choice, fp32, size_of(folder))


def _shares(confidences: Mapping[str, Mapping[str, float]]) -> list[tuple[float, Mapping[str, float]]]:
    """Return what validation has shown by share of right answers; of one probability the highest share alone."""
    found = {one["probability"]: (float(share), one) for share, one in sorted(confidences.items(), key=_share)}
    return sorted(found.values(), key=lambda pair: pair[0])


def _share(item: tuple[str, Mapping[str, float]]) -> float:
    return float(item[0])


def _card(told: Mapping[str, Any], student: Student) -> str:
    """Return the README, of what is told and of what the student itself is."""
    template = resources.files("limbeck.bundle").joinpath("card.md.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701 - Markdown
    return environment.from_string(template).render(
        told,
        busy=told["choice"].speed.wall_per_cpu > BUSY,
        equal=student.rule.equal,
        python=student.rule.python,
        shares=_shares(student.decision.get("confidences", {})),
        brings=BRINGS,
        install=lambda extra: installed.line(*filter(None, [extra]), elsewhere=True),
    )
