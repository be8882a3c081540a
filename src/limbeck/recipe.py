"""What a run is: one YAML file or one Python object, with `key=value` overrides."""

import itertools
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from limbeck.data import DataSettings, TokenizerSettings, WordTokenizerSettings
from limbeck.data.tokenizers import TransformersTokenizerSettings
from limbeck.digest import digest
from limbeck.errors import LimbeckError, nearest
from limbeck.losses import LossSettings
from limbeck.models import ModelSettings
from limbeck.models.transformer import TransformerSettings
from limbeck.trainer import TrainSettings

_M = TypeVar("_M", bound=BaseModel)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class NetworkSettings(_Settings):
    """A network, what it reads, and how it is trained."""

    model: Annotated[ModelSettings, Field(description="a name, or {name: ..., options}, or your own by import path")]
    tokenizer: TokenizerSettings = WordTokenizerSettings()
    max_length: Annotated[int, Field(ge=1, description="tokens kept of each text")] = 128
    train: TrainSettings = TrainSettings()


class NetworkTeacher(NetworkSettings):
    """A teacher that is trained here on the labelled rows, of any network in the catalogue."""

    kind: Literal["network"]


class TransformersTeacher(_Settings):
    """A pretrained encoder, fine-tuned here on the labelled rows."""

    kind: Literal["transformers"]
    model: Annotated[str, Field(min_length=1, description="a packaged name (minilm), a folder, or a hub id")]
    pooling: Annotated[Literal["mean", "cls"], Field(description="how token states become one vector")] = "mean"
    dropout: Annotated[float, Field(ge=0, lt=1, description="before the new head")] = 0.1
    freeze: Annotated[int, Field(ge=0, description="lower layers that are not trained; above 0 also embeddings")] = 0
    freeze_embeddings: Annotated[bool, Field(description="leave the embeddings as they are")] = True
    max_length: Annotated[int, Field(ge=1, description="tokens kept of each text")] = 128
    train: TrainSettings = TrainSettings(epochs=3, batch_size=16, lr=1e-4, head_lr_scale=20, warmup=0.1, validations=6)

    @property
    def network(self) -> NetworkSettings:
        """The same teacher in the words of any network."""
        model = TransformerSettings(
            path=self.model,
            pooling=self.pooling,
            dropout=self.dropout,
            freeze=self.freeze,
            freeze_embeddings=self.freeze_embeddings,
        )
        tokenizer = TransformersTokenizerSettings(kind="transformers", path=self.model)
        return NetworkSettings(model=model, tokenizer=tokenizer, max_length=self.max_length, train=self.train)


TeacherSettings = Annotated[TransformersTeacher | NetworkTeacher, Field(discriminator="kind", title="teacher")]


class Recipe(_Settings):
    """The complete description of a run."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$", description="of the run; the file's name by default")] = "run"
    seeds: Annotated[
        list[Annotated[int, Field(ge=0)]],
        Field(min_length=1, description="initialisation and order, the same for every arm"),
    ] = [0, 1, 2]
    data: DataSettings
    teacher: TeacherSettings
    student: NetworkSettings
    baseline: Annotated[
        dict[str, Any] | Literal[False], Field(description="overrides of student for this arm; false: no baseline")
    ] = {}
    grid: Annotated[
        dict[str, list[Any]],
        Field(description="keys of student and their candidates; every arm takes its best on validation"),
    ] = {}
    losses: Annotated[list[LossSettings], Field(min_length=1, description="the student's objective")]

    _folder: Path | None = PrivateAttr(default=None)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("seeds repeat; each counts once")
        return seeds

    @property
    def digest(self) -> str:
        """Names everything in the recipe but its name."""
        return digest(self.model_dump(mode="json", exclude={"name"}))

    @property
    def folder(self) -> Path | None:
        """Where the recipe's file is; modules beside it can be imported. None for a recipe made in Python."""
        return self._folder

    def arm(self, name: str) -> NetworkSettings:
        """Return the settings of `student` or `baseline` before tuning."""
        if name == "student" or not self.baseline:
            return self.student
        return _changed(self.student, self.baseline, "baseline")

    def candidates(self, name: str) -> list[tuple[dict[str, Any], NetworkSettings]]:
        """Return every point of the grid for an arm: the values chosen, and the settings with them."""
        keys = list(self.grid)
        points = [dict(zip(keys, values, strict=True)) for values in itertools.product(*self.grid.values())]
        return [(point, _changed(self.arm(name), point, "grid")) for point in points]

    def to_yaml(self) -> str:
        """Return the recipe as YAML, every default written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)


def load_recipe(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe by packaged name or path and apply `key=value` overrides.

    Args:
        name: one of `packaged_recipes()`, or the path of a YAML file.
        overrides: e.g. `data.labelled=200`, `losses.kd.temperature=4`, `seeds=[0]`; values are YAML.

    Raises:
        LimbeckError: no such recipe, or anything in it or in an override that is not valid; every error is named.
    """
    path = Path(name).expanduser()
    packaged = packaged_recipes()
    if name in packaged:
        text, where, folder = packaged[name], f"recipe {name}", None
    elif path.is_file():
        text, where, folder = path.read_text(encoding="utf-8"), str(path), path.resolve().parent
    else:
        raise LimbeckError(
            f"no recipe `{name}`", fix=f"{nearest(name, packaged)}; or give the path of a YAML file (limbeck recipes)"
        )
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise LimbeckError(f"not valid YAML ({' '.join(str(error).split())})", where=where) from None
    if not isinstance(values, dict):
        raise LimbeckError("a recipe is a mapping of keys", where=where)
    values.setdefault("name", path.stem)
    for override in overrides:
        _override(values, override)
    recipe = parse_recipe(values, where)
    recipe._folder = folder
    return recipe


def parse_recipe(values: Mapping[str, Any], where: str) -> Recipe:
    """Validate a recipe's values, and the settings that its grid and baseline lead to.

    Raises:
        LimbeckError: naming every wrong key and its nearest valid name.
    """
    recipe = _validate(Recipe, values, where)
    recipe.arm("baseline")
    recipe.candidates("student")
    return recipe


def packaged_recipes() -> dict[str, str]:
    """Return the YAML text of every ready recipe by name."""
    files = resources.files("limbeck.recipes").iterdir()
    return {
        file.name[:-5]: file.read_text(encoding="utf-8")
        for file in sorted(files, key=lambda f: f.name)
        if file.name.endswith(".yaml")
    }


def packaged_recipe(name: str) -> str:
    """Return the YAML text of a ready recipe.

    Raises:
        LimbeckError: no such recipe.
    """
    if name not in (packaged := packaged_recipes()):
        raise LimbeckError(f"no recipe `{name}`", fix=nearest(name, packaged))
    return packaged[name]


def describe_recipes() -> list[tuple[str, str]]:
    """Return the name of every ready recipe and the first line of its comment."""
    return [(name, text.splitlines()[0].lstrip("# ")) for name, text in packaged_recipes().items()]


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise LimbeckError(f"`{override}` is no key=value", fix="for example data.labelled=200")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise LimbeckError(f"`{text}` is no YAML value", where=key, fix="quote it") from None
    if isinstance(value, str):
        value = _number(value)
    *path, last = key.split(".")
    place: Any = values
    for step in path:
        place = _enter(place, step, key)
    if isinstance(place, list):
        place[place.index(_enter(place, last, key))] = value
    else:
        place[last] = value
    if key == "data.source":
        # These belong to the source that the recipe named.
        for old in ("domain", "transfer"):
            values["data"].pop(old, None)


def _number(text: str) -> str | float:
    """YAML reads 1e-3 as text, because its floats need a point; people do not."""
    try:
        return float(text)
    except ValueError:
        return text


def _enter(place: Any, step: str, key: str) -> Any:
    """Return the mapping or list under `step`; entries of a list go by their `name`, and a bare name becomes one."""
    if isinstance(place, list):
        for entry in place:
            if isinstance(entry, dict) and entry.get("name") == step:
                return entry
        names = [str(entry["name"]) for entry in place if isinstance(entry, dict) and "name" in entry]
        raise LimbeckError(f"no entry named `{step}`", where=key, fix=nearest(step, names))
    if isinstance(place.get(step), str):
        place[step] = {"name": place[step]}
    if not isinstance(place.get(step), dict | list):
        place[step] = {}
    return place[step]


def _changed(settings: NetworkSettings, changes: Mapping[str, Any], where: str) -> NetworkSettings:
    values = settings.model_dump(mode="json")
    for key, value in _flat(changes).items():
        *path, last = key.split(".")
        place = values
        for step in path:
            place = _enter(place, step, f"{where}.{key}")
        place[last] = value
        if key == "train.steps":
            values["train"].pop("epochs", None)
        if key == "train.epochs":
            values["train"].pop("steps", None)
    return _validate(NetworkSettings, values, where)


def _flat(changes: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested changes with dotted keys; `{train: {lr: 1}}` and `{train.lr: 1}` mean the same."""
    flat: dict[str, Any] = {}
    for key, value in changes.items():
        nested = isinstance(value, Mapping) and key != "model"
        flat |= _flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


def _validate(model: type[_M], values: Mapping[str, Any], where: str) -> _M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [_explain(model, dict(entry)) for entry in error.errors(include_url=False)]
        raise LimbeckError("\n  ".join(dict.fromkeys(lines)), where=where) from None


def _explain(model: type[BaseModel], error: dict[str, Any]) -> str:
    key = ".".join(str(step) for step in error["loc"] if not _is_tag(step))
    if error["type"] == "extra_forbidden":
        return f"unknown key `{key}`; {nearest(str(error['loc'][-1]), _siblings(model, error['loc']))}"
    if error["type"] == "missing":
        return f"`{key}` is missing"
    if error["type"] == "union_tag_invalid":
        context = error["ctx"]
        valid = [tag.strip("' ") for tag in context["expected_tags"].split(",")]
        return f"`{key}` has no {context['discriminator']} `{context['tag']}`; {nearest(context['tag'], valid)}"
    message = error["msg"].removeprefix("Value error, ")
    return f"`{key}` is {error['input']!r}: {message[0].lower()}{message[1:]}"


def _is_tag(step: Any) -> bool:
    return isinstance(step, str) and step.startswith(("function-", "tagged-union"))


def _siblings(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Return the valid names beside an unknown key, by walking the JSON Schema along its path."""
    schema = model.model_json_schema()
    node = schema
    for step in loc[:-1]:
        node = _resolve(schema, node)
        options = [_resolve(schema, option) for option in node.get("oneOf", node.get("anyOf", []))]
        tagged = [o for o in options if step in _consts(o)]
        node = tagged[0] if tagged else node.get("properties", {}).get(step, node.get("items", node))
    return list(_resolve(schema, node).get("properties", {}))


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].split("/")[-1]]
    return node


def _consts(node: dict[str, Any]) -> set[Any]:
    return {entry.get("const") for entry in node.get("properties", {}).values()}
