"""Whose answers a cache holds: what its manifest says, and what a run asks of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from limbeck.cache.codecs import DEFAULT, Codec, CodecSettings
from limbeck.cache.shards import ANEW
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.files import read_json, write_json
from limbeck.types import Tap, TapShape

FORMAT = 2
MANIFEST = "manifest.json"
TORCH = "torch"
"""The engine that a manifest leaves out."""
_CHECKSUM = "checksum"
"""Of the rest of a manifest: a number that is changed there would go unnoticed, as everything still fits."""
_MOST_OUTPUTS = 1 << 24
"""Sixty times the largest vocabulary. What a file of somebody else's says is made room for before its rows are read."""
_ORDER = {"format": 0, "engine": 2}
"""Which difference is told: of several the first."""


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
        engine: what computed the answers of a network.
        version: what the user calls the teacher's answers, of a teacher that nothing else names; None: its digest does.
    """

    teacher: str
    view: str
    outputs: int
    taps: tuple[Tap, ...] = ()
    codec: Codec = DEFAULT
    format: int = FORMAT
    engine: str = TORCH
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
            **({} if self.engine == TORCH else {"engine": self.engine}),
        }


_CALLED = {"outputs": "number of outputs", "taps": "choice of activations"}
"""What is another one, where the key does not say it."""


def read_manifest(folder: Path, identity: CacheIdentity) -> dict[str, Any]:
    """Return what a cache's folder says of itself; a new manifest where there is none.

    Returns:
        `identity`; `count` of rows; `error`, how far what is decoded is off at most, in the codec's unit; and by
        shard `file`, `rows`, `digest`, and whether it is `sealed`; the files that the last sealing `replaced`; and
        `shared`, the digest of what the codec stores once, or None.

    Raises:
        LimbeckError: the manifest is damaged or was changed, or the cache is another teacher's.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return {"identity": identity.recorded, "count": 0, "error": 0.0, "shards": [], "replaced": [], "shared": None}
    manifest = read_json(path, dict, fix=ANEW)
    if not {"identity", "count", "shards"} <= manifest.keys() or not isinstance(manifest["identity"], dict):
        raise LimbeckError("no manifest of a cache", where=str(path), fix=ANEW)
    if (apart := differing(manifest["identity"], identity.recorded)) is not None:
        key, had, wanted = apart
        raise LimbeckError(
            f"the cache belongs to another {_CALLED.get(key, key)}: it has `{had}`, this run needs `{wanted}`",
            where=str(folder),
            fix=f"use the run that made it, give another cache.path, or {ANEW}",
        )
    rest = _rest(manifest, path)
    try:
        return _Manifest.model_validate(rest).model_dump()
    except ValidationError:
        raise LimbeckError("no manifest of a cache", where=str(path), fix=ANEW) from None


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write what a cache's folder says of itself, with a checksum, in one step; see `read_manifest`."""
    write_json(folder / MANIFEST, {**manifest, _CHECKSUM: digest(manifest)})


def _rest(manifest: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return a manifest without its checksum; one of an earlier version has none.

    Raises:
        LimbeckError: it is not that of the rest.
    """
    rest = {key: value for key, value in manifest.items() if key != _CHECKSUM}
    had, found = manifest.get(_CHECKSUM), digest(rest)
    if had not in (None, found):
        raise LimbeckError(
            f"the manifest was changed: its checksum is `{found}`, and it says `{had}`", where=str(path), fix=ANEW
        )
    return rest


def differing(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return the first key of an identity that another one has otherwise, and both values in words; None: none."""
    found, wanted = ({"engine": TORCH} | dict(each) for each in (found, wanted))
    for key, value in sorted(wanted.items(), key=lambda entry: _ORDER.get(entry[0], 1)):
        if found.get(key) != value:
            return key, _said(found.get(key)), _said(value)
    return None


def identity_in(folder: Path) -> CacheIdentity:
    """Return whose answers a cache's folder holds.

    Raises:
        LimbeckError: there is none, or its manifest is damaged or was changed.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise LimbeckError(f"no cache is there: it has no {MANIFEST}", where=str(folder), fix="give a cache's folder")
    return identity_from(_rest(read_json(path, dict, fix=ANEW), path).get("identity"), str(path))


def identity_from(recorded: Any, where: str) -> CacheIdentity:
    """Return the identity that was recorded, see `CacheIdentity.recorded`.

    Args:
        recorded: JSON, of a manifest or of an exported file.
        where: it was found, for errors.

    Raises:
        LimbeckError: it is none, or that of another format.
    """
    try:
        found = _Identity.model_validate(recorded)
    except ValidationError:
        raise LimbeckError("it does not say whose answers these are", where=where, fix=ANEW) from None
    if found.format != FORMAT:
        raise LimbeckError(f"it has format `{found.format}`, and this version reads `{FORMAT}`", where=where, fix=ANEW)
    taps = tuple(_tap(name) for name in found.taps)
    named = (found.teacher, found.view, found.outputs, taps, found.codec)
    return CacheIdentity(*named, engine=found.engine, version=found.version)


def _tap(name: str) -> Tap:
    """Return the tap of a name, see `Tap.name`."""
    shape = next((each for each in get_args(TapShape) if name.endswith(f" ({each})")), None)
    return Tap(name) if shape is None else Tap(name.removesuffix(f" ({shape})"), shape)


class _Identity(BaseModel):
    """An identity as it is recorded, see `CacheIdentity`."""

    model_config = ConfigDict(extra="forbid")

    teacher: str
    view: str
    outputs: Annotated[int, Field(ge=1, le=_MOST_OUTPUTS)]
    taps: list[str]
    codec: CodecSettings
    format: int
    engine: str = TORCH
    version: str | None = None
    unverifiable: bool | None = None


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
    if value is None:
        return "none"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
