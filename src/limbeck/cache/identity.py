"""Whose answers a cache holds: what its manifest says, and what a run asks of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from limbeck.cache.codecs import DEFAULT, Codec
from limbeck.cache.shards import ANEW
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.files import read_json
from limbeck.types import Tap

FORMAT = 2
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class CacheIdentity:
    """Whose answers a cache holds.

    Attributes:
        teacher: digest of the teacher.
        view: digest of everything that turns an example into the teacher's inputs.
        outputs: size of the logits' last axis.
        taps: the activations stored beside the logits.
        codec: how the logits are stored.
        format: version of the files' layout.
        version: what the user calls the teacher's answers, of a teacher that nothing else names; None: its digest does.
    """

    teacher: str
    view: str
    outputs: int
    taps: tuple[Tap, ...] = ()
    codec: Codec = DEFAULT
    format: int = FORMAT
    version: str | None = None

    @property
    def name(self) -> str:
        """A name for the cache's folder, beside those of others."""
        rest = {key: value for key, value in self.recorded.items() if key not in ("teacher", "view")}
        return f"{self.teacher}-{self.view}-{digest(rest)}"

    @property
    def recorded(self) -> dict[str, Any]:
        """The identity as it stands in the manifest."""
        # Before the teacher's digest, so that of another version both are shown in the user's own words.
        unverifiable = {} if self.version is None else {"version": self.version, "unverifiable": True}
        return {
            **unverifiable,
            "teacher": self.teacher,
            "view": self.view,
            "outputs": self.outputs,
            "taps": [tap.name for tap in self.taps],
            "codec": self.codec.model_dump(mode="json"),
            "format": self.format,
        }


def read_manifest(folder: Path, identity: CacheIdentity) -> dict[str, Any]:
    """Return what a cache's folder says of itself; a new manifest where there is none.

    Returns:
        `identity`; `count` of rows; `error`, how far what is decoded is off at most, in the codec's unit; and by
        shard `file`, `rows`, `digest`, and whether it is `sealed`; the files that the last sealing `replaced`; and
        `shared`, the digest of what the codec stores once, or None.

    Raises:
        LimbeckError: the manifest is damaged, or the cache is another teacher's.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return {"identity": identity.recorded, "count": 0, "error": 0.0, "shards": [], "replaced": [], "shared": None}
    manifest = read_json(path, dict, fix=ANEW)
    if not {"identity", "count", "shards"} <= manifest.keys() or not isinstance(manifest["identity"], dict):
        raise LimbeckError("no manifest of a cache", where=str(path), fix=ANEW)
    found = manifest["identity"]
    for key, value in sorted(identity.recorded.items(), key=lambda entry: entry[0] != "format"):
        if found.get(key) != value:
            raise LimbeckError(
                f"the cache belongs to another {key}: it has `{_said(found.get(key))}`, this run needs "
                f"`{_said(value)}`",
                where=str(folder),
                fix=f"use the run that made it, give another cache.path, or {ANEW}",
            )
    try:
        return _Manifest.model_validate(manifest).model_dump()
    except ValidationError:
        raise LimbeckError("no manifest of a cache", where=str(path), fix=ANEW) from None


# Of no other names, as these files are read, and removed when they were replaced.
_File = Annotated[str, Field(pattern=r"\Ashard-[0-9]{5,}\.safetensors\z")]


class _Entry(BaseModel):
    """A shard, in the manifest."""

    model_config = ConfigDict(extra="forbid", strict=True)

    file: _File
    rows: Annotated[int, Field(ge=0)]
    digest: str
    sealed: bool


class _Manifest(BaseModel):
    """What a manifest holds; see `read_manifest`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    identity: dict[str, Any]
    count: Annotated[int, Field(ge=0)]
    error: Annotated[float, Field(ge=0)]
    shards: list[_Entry]
    replaced: list[_File]
    shared: str | None = None

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.count != sum(shard.rows for shard in self.shards):
            raise ValueError("`count` is not the sum of the shards")
        return self


def _said(value: Any) -> str:
    """Return a value of a manifest in words."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
