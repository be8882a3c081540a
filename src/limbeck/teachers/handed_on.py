"""What a run hands on: each of its trained networks, so that a later run can take it as its teacher.

networks/NAME/network.json    what it is, and where its weights lie
networks/NAME/                beside it the files of its reader
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from limbeck.digest import file_digest
from limbeck.errors import LimbeckError, nearest
from limbeck.files import named_path, read_json, recorded, write_json
from limbeck.models import MODELS
from limbeck.networks import NetworkSettings
from limbeck.runtime.readers import Reader
from limbeck.settings.errors import RecipeError, validated

FOLDER, FILE = "networks", "network.json"
_RUN_AGAIN = "run its recipe again into the same folder with this version: what is finished there is kept"


class Weights(BaseModel):
    """The weights of one seed.

    Attributes:
        file: in the run's folder.
        digest: of its bytes.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    digest: str


class HandedOn(BaseModel):
    """A trained network of a run.

    Attributes:
        task: what it predicts.
        names: what its outputs stand for, in their order.
        settings: of the network.
        reads: the kind of its reader, and what that is made of besides files.
        seeds: its weights by seed.
        shipped: the seed that is best on validation.
        temperature: its logits were divided by in its run; None: by nothing.
    """

    model_config = ConfigDict(frozen=True)

    task: str
    names: list[str]
    settings: dict[str, Any]
    reads: dict[str, Any]
    seeds: dict[int, Weights]
    shipped: int
    temperature: float | None = None

    def network(self, where: str) -> NetworkSettings:
        """Return the settings of the network.

        Raises:
            LimbeckError: this version reads them no more, or a function builds it: which code is run the recipe says,
                and no folder.
        """
        try:
            found = validated(NetworkSettings, self.settings)
        except RecipeError as error:
            raise LimbeckError(
                f"another version of Limbeck wrote it ({error.lines[0]})", where=where, fix=_RUN_AGAIN
            ) from None
        if found.model.name not in MODELS:
            raise LimbeckError(
                f"the network is built by `{found.model.name}`, and no code is run because a folder names it",
                where=where,
                fix="name the function and the file of weights: teacher={kind: module, build: ..., weights: ...}",
            )
        return found


def hand_on(run: Path, name: str, about: Mapping[str, Any], reader: Reader, seeds: Mapping[int, Path]) -> None:
    """Write what a network of a run is.

    Args:
        run: the folder.
        name: of the network: `student`, `teacher`, `teacher-0` of an ensemble, or another arm.
        about: the other attributes of `HandedOn`, by name.
        reader: of the network.
        seeds: files of weights by seed, in the run's folder.
    """
    folder = run / FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    with recorded(folder):
        saved = reader.save(folder)
    weights = {seed: Weights(file=str(file.relative_to(run)), digest=file_digest(file)) for seed, file in seeds.items()}
    found = HandedOn(reads={"kind": reader.kind, **saved}, seeds=weights, **about)
    write_json(folder / FILE, found.model_dump(mode="json"))


def handed_on(path: str, name: str, key: str) -> tuple[Path, HandedOn]:
    """Return the folder with a network's reader, and what the network is.

    Args:
        path: of a run's folder.
        name: of the network.
        key: of the teacher in the recipe, for errors.

    Raises:
        LimbeckError: this is no finished run, or the run has trained no such network.
    """
    run = named_path(path)
    if not (run / "recipe.yaml").is_file():
        raise LimbeckError(
            "no run here (no recipe.yaml)", where=f"{key}.path {path}", fix="give the folder that a run wrote"
        )
    known = sorted(file.parent.name for file in (run / FOLDER).glob(f"*/{FILE}"))
    if not known:
        raise LimbeckError(
            f"the run has not finished its trainings, or an earlier version wrote it (no {FOLDER}/)",
            where=f"{key}.path {path}",
            fix=_RUN_AGAIN,
        )
    if name not in known:
        members = [each for each in known if each.startswith(f"{name}-")]
        more = ": its teacher was made or taken in another way, and its recipe.yaml says how" * (name == "teacher")
        raise LimbeckError(
            f"the run has trained no network `{name}`" + ("" if members else more),
            where=f"{key}.model",
            fix=f"one of its members: {', '.join(members)}" if members else nearest(name, known),
        )
    folder = run / FOLDER / name
    try:
        return folder, HandedOn.model_validate(read_json(folder / FILE, dict, fix=_RUN_AGAIN))
    except ValidationError:
        raise LimbeckError("damaged: no network of a run", where=str(folder / FILE), fix=_RUN_AGAIN) from None


def weights_of(path: str, found: HandedOn, seed: int | None, key: str) -> Path:
    """Return the file with the weights of a seed; None: of that which shipped.

    Raises:
        LimbeckError: the run has no such seed, or the file is missing, changed or elsewhere.
    """
    chosen = found.shipped if seed is None else seed
    if chosen not in found.seeds:
        raise LimbeckError(
            f"the run has no seed {chosen}", where=f"{key}.seed", fix=f"one of {', '.join(map(str, found.seeds))}"
        )
    run, weights = named_path(path), found.seeds[chosen]
    file = run / weights.file
    if not file.resolve().is_relative_to(run.resolve()) or not file.is_file() or file_digest(file) != weights.digest:
        raise LimbeckError("the weights are missing or were changed", where=str(file), fix=_RUN_AGAIN)
    return file
