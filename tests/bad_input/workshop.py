"""The folder that a case goes wrong in, a finished run to damage, and the file of messages."""

import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import TensorProto, helper, numpy_helper
from tiny import recipe, write_csv
from torch import nn

from limbeck import trainer
from limbeck.bundle import export
from limbeck.cli import main
from limbeck.files import staged
from limbeck.types import device_of

if TYPE_CHECKING:
    from cases import Case

MESSAGES = Path(__file__).with_name("messages.txt")
RUN = ("run", "tiny.yaml", "--out", "out")


def write_tiny(folder: Path) -> None:
    """Write the recipe that every case starts from; one seed and no baseline, for speed."""
    write_csv(folder / "rows.csv")
    values = recipe(Path("rows.csv"), seeds=[0], baseline=False)
    # Text, so that every part stands for itself: PyYAML would let teacher and student share one `train`.
    (folder / "tiny.yaml").write_text(yaml.dump(values, Dumper=_Plain, sort_keys=False), encoding="utf-8")


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the command line in this process; return its exit code and what it said on stderr."""
    capsys.readouterr()
    code = command(*arguments)
    return code, capsys.readouterr().err


def command(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["limbeck", *arguments])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


class Finished:
    """A run of the tiny recipe, made once, and the same run interrupted while its student trained."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.complete, self.interrupted = folder / "out", folder / "interrupted"
        write_tiny(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            export_quickly(patch)
            assert command(*RUN) == 0
            shutil.copytree(self.complete, self.interrupted)
            shutil.rmtree(self.interrupted / "student")
            patch.setattr(trainer, "CHECKPOINT_EVERY_S", -1)
            patch.setattr(trainer, "save_checkpoint", _then_ctrl_c(trainer.save_checkpoint))
            assert command("run", "tiny.yaml", "--out", "interrupted") == 130
        assert list(self.interrupted.glob("student/seed-0/checkpoint.safetensors"))


def export_quickly(patch: pytest.MonkeyPatch) -> None:
    """Leave the exporter out, and that its file must say what the student says."""
    patch.setattr("limbeck.pipeline.training.exported.export_onnx", export_at_once)
    patch.setattr(export, "MAX_ERROR", np.inf)
    patch.setattr("limbeck.runtime.decisions.MARGIN", np.inf)


def export_at_once(model: nn.Module, path: Path, *_: object) -> None:
    """Stand in for the exporter, which takes seconds: write any network with the inputs and outputs of `model`."""
    ones = torch.ones(1, 2, dtype=torch.int64, device=device_of(model))
    classes = model(ones, ones).shape[1]
    weights = numpy_helper.from_array(np.ones((1, classes), np.float32), "weights")
    nodes = [
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["tokens"]),
        helper.make_node("Cast", ["tokens"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["mean"], axes=[1]),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
    ]
    names = ("input_ids", "attention_mask")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in names]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])]
    graph = helper.make_graph(nodes, "network", inputs, outputs, [weights])
    with staged(path) as aside:
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(aside))


def _then_ctrl_c(save):
    def wrapped(*arguments: object) -> None:
        save(*arguments)
        raise KeyboardInterrupt

    return wrapped


def lay_out(case: "Case", folder: Path, finished: Finished) -> None:
    """Prepare the folder of a case."""
    start = {"finished": finished.complete, "interrupted": finished.interrupted}.get(case.start)
    if start is not None:
        shutil.copytree(start, folder / "out")
    if case.prepare is not None:
        case.prepare(folder)


def debris(folder: Path) -> list[str]:
    """Return what a write that was broken off leaves behind."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*") if path.suffix in (".part", ".new", ".old")]


class Snapshot:
    """The pinned messages; compared with, or made anew."""

    def __init__(self, *, update: bool) -> None:
        self.update = update
        self.found = _read(MESSAGES)

    def check(self, name: str, message: str, folder: Path) -> None:
        # A digest of weights differs from machine to machine, and so does how far logits are apart.
        message = re.sub(r"\b[0-9a-f]{16}\b", "<digest>", message.strip().replace(str(folder), "<folder>"))
        message = re.sub(r"\S+ of their standard deviation", "<figure> of their standard deviation", message)
        if self.update:
            self.found[name] = message
        assert self.found.get(name) == message, message

    def write(self, pinned: Iterable[tuple[str, str]]) -> None:
        """Write the messages of these groups and names; what no case says any more is left out."""
        lines = ["# What limbeck says about bad input. Made by test_bad_input.py, which says how to make it anew."]
        group = ""
        for chapter, name in pinned:
            if chapter != group:
                group = chapter
                lines += ["", f"## {group}", ""]
            if name in self.found:
                lines += [name, f"    {self.found[name]}"]
        MESSAGES.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        if line.startswith("    "):
            found[name] = line.strip()
        elif line and not line.startswith("#"):
            name = line
    return found
