"""The networks of a comparison as ONNX files, so that all run in the same engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from limbeck.bundle import reason_of
from limbeck.console import say
from limbeck.errors import LimbeckError
from limbeck.pipeline.training.exported import exported
from limbeck.pipeline.training.learn import Trained


@dataclass(frozen=True)
class Exported:
    """ONNX files by model name, and why one is missing."""

    files: Mapping[str, Path]
    errors: Mapping[str, str]


def export_all(teacher: Mapping[str, Trained], arms: Mapping[str, Trained], folder: Path) -> Exported:
    """Export every model of the comparison, so that all run in the same engine; a failure is reported, not fatal.

    A network that cannot have an ONNX form says why in an attribute `no_onnx`. Nothing is attempted for it then, nor
    for the other networks of a teacher that has it for a member.
    """
    files, errors = {}, {}
    models: dict[str, Trained] = {}
    for name, networks in {"teacher": teacher, **{name: {name: arm} for name, arm in arms.items()}}.items():
        reasons = [trained.model.no_onnx for trained in networks.values() if hasattr(trained.model, "no_onnx")]
        if reasons:
            errors |= dict.fromkeys(networks, str(reasons[0]))
            say(f"  {name} is not exported: {reasons[0]}")
        else:
            models |= networks
    for name, trained in models.items():
        try:
            files[name] = exported(trained, folder / name)
        except LimbeckError:
            raise  # a full disk: the rest would not fit either
        except Exception as error:
            errors[name] = reason_of(error)
            say(f"  {name} cannot be exported ({errors[name]}); its weights are kept")
    return Exported(files, errors)
