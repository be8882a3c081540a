"""What an evaluation leaves in the run's folder, and whether it still stands there as it was written."""

from pathlib import Path

from pydantic import ValidationError

from limbeck.console import say
from limbeck.digest import file_digest
from limbeck.errors import LimbeckError
from limbeck.evaluation.schema import Evaluation
from limbeck.files import read_json
from limbeck.runtime.bundle import checked

DELIVERED = "delivered.json"
"""Digests of what an evaluation left in the run's folder."""


def delivered_digests(out: Path) -> dict[str, str]:
    """Return digests of what is delivered and has no checksum of its own."""
    files = (out / name for name in ("evaluation.json", "bundle/README.md"))
    return {str(file.relative_to(out)): file_digest(file) for file in files if file.is_file()}


def delivered(out: Path) -> bool:
    """Return whether the evaluation stands in the run's folder as it was written, and beside it the bundle it is of."""
    known, found = out / "evaluation" / DELIVERED, delivered_digests(out)
    if not known.is_file():
        return False
    for name, expected in read_json(known, dict).items():
        if found.get(name) != expected:
            say(f"  {name} is not as it was written; made again")
            return False
    if read_evaluation(out / "evaluation.json").bundle is None:
        return True
    try:
        checked(out / "bundle")
    except LimbeckError as error:
        say(f"  the bundle is made again: {error}")
        return False
    return True


def read_evaluation(path: Path) -> Evaluation:
    """Return the result of a run from its `evaluation.json`.

    Raises:
        LimbeckError: it is damaged.
    """
    try:
        return Evaluation.model_validate_json(path.read_bytes())
    except ValidationError:
        fix = "delete it and run again to have it made anew"
        raise LimbeckError("damaged: no evaluation of a run", where=str(path), fix=fix) from None
