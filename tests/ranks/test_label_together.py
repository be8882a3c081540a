"""Several processes, or a Ray cluster, label what one process labels."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from launching import launch
from safetensors.numpy import load_file

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from tiny import recipe, write_csv

from limbeck.cache import cluster
from limbeck.errors import LimbeckError
from limbeck.pipeline.label import label_rows
from limbeck.recipe import load_recipe

HERE = Path(__file__).parent
REVIEWS = Path(__file__).parents[3] / "shared/data/imdb/unsupervised.parquet"
ROWS = 600


def written(folder, rows=ROWS, note=None, **data):
    """Write a recipe whose teacher is `mortal`, beside the module that makes it, which no other test has."""
    module = f"mortal_{folder.name}"
    shutil.copy(HERE / "mortal.py", folder / f"{module}.py")
    values = recipe(write_csv(folder / "rows.csv", rows), seeds=[0])
    values["data"] |= data
    build = {"name": f"{module}:mortal"} | ({} if note is None else {"note": str(note)})
    reads = {"tokenizer": {"kind": "words"}, "max_length": 64}
    values["teacher"] = {"kind": "module", "build": build, "reads": reads, "accept_bad": True}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(values))
    return folder / "tiny.yaml"


def answers(out):
    """Return ids and logits, in the order of the ids, of a cache that verifies."""
    (folder,) = (out / "cache").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    shards = [load_file(folder / shard["file"]) for shard in manifest["shards"]]
    ids, logits = (np.concatenate([shard[name] for shard in shards]) for name in ("ids", "logits"))
    assert len(np.unique(ids)) == len(ids) == manifest["count"], "none twice"
    assert {path.name for path in folder.glob("*.safetensors")} == {shard["file"] for shard in manifest["shards"]}
    order = np.argsort(ids)
    return ids[order], logits[order]


def test_two_processes_label_what_one_labels(tmp_path):
    recipe_file = str(written(tmp_path, 200))
    for world in (1, 2):
        launch(world, ["-m", "limbeck", "label", recipe_file, "--out", str(tmp_path / str(world))])
    one, two = (answers(tmp_path / name) for name in ("1", "2"))
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)
    assert len(one[0]) == 200
    assert (tmp_path / "2/train.log").read_text().count("labelling\n") == 1, "one of them speaks"


@pytest.mark.parametrize(
    ("teacher", "cache", "line"),
    [
        ({"kind": "nblr"}, {}, "--ray: it asks networks of PyTorch, and teacher.kind=nblr is none"),
        (None, {"engine": "onnxruntime"}, "--ray: it asks with PyTorch; set cache.engine=torch"),
    ],
)
def test_what_a_cluster_cannot_ask_is_refused(tmp_path, teacher, cache, line):
    file = written(tmp_path, 200)
    values = yaml.safe_load(file.read_text()) | {"cache": cache}
    file.write_text(yaml.safe_dump(values | ({} if teacher is None else {"teacher": teacher})))
    with pytest.raises(LimbeckError) as caught:
        label_rows(load_recipe(str(file), []), tmp_path / "run", command="limbeck label", ray="")
    assert str(caught.value).startswith(line)
    assert not (tmp_path / "run").exists()


class Backwards(cluster.Cluster):
    """A cluster that answers the last batch first, without Ray."""

    def answers(self, teacher, batches):
        for number, batch in reversed([*enumerate(batches)]):
            yield number, teacher.predict(batch)


def test_answers_of_a_cluster_are_those_of_their_rows(tmp_path, monkeypatch):
    loaded = load_recipe(str(written(tmp_path, 300)), [])
    label_rows(loaded, tmp_path / "plain", command="limbeck label")
    monkeypatch.setattr("limbeck.pipeline.label.Cluster", Backwards)
    found = label_rows(loaded, tmp_path / "cluster", command="limbeck label", ray="")
    assert (found.asked, found.known) == (300, 0)
    for first, second in zip(answers(tmp_path / "cluster"), answers(tmp_path / "plain"), strict=True):
        np.testing.assert_array_equal(first, second)


def test_without_ray_the_line_that_brings_it_is_said(monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(LimbeckError, match=r"--ray needs Ray; pip install .*\[ray\]"):
        next(cluster.Cluster().answers(None, iter([])))


# --- a cluster ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_workers():
    """A local cluster of two processor cores."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        yield ray
        ray.shutdown()


def labelled_alike(folder, file, note):
    """Label by this process and on the cluster, where one worker is killed; return how many rows there are."""
    loaded = load_recipe(str(file), [])
    plain = label_rows(loaded, folder / "plain", command="limbeck label")
    note.touch()
    on_ray = label_rows(loaded, folder / "ray", command="limbeck label", ray="")
    assert not note.exists(), "one was killed"
    assert (on_ray.asked, on_ray.known) == (plain.asked, plain.known)
    (ids, logits), (expected_ids, expected) = answers(folder / "ray"), answers(folder / "plain")
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    again = label_rows(loaded, folder / "ray", command="limbeck label")
    assert again.asked == 0, "this process opens the same cache, and finds every row"
    return len(ids)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_labels_what_one_process_labels_though_a_worker_is_killed(tmp_path, two_workers):
    note = tmp_path / "note"
    assert labelled_alike(tmp_path, written(tmp_path, ROWS, note), note) == ROWS


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_labels_five_thousand_reviews_of_a_parquet_file(tmp_path, two_workers):
    if not REVIEWS.is_file():
        pytest.skip("needs ../shared/data/imdb, a copy of the reviews for development")
    note = tmp_path / "note"
    file = written(tmp_path, 200, note, unlabelled=str(REVIEWS), max_unlabelled=5000)
    assert labelled_alike(tmp_path, file, note) >= 5000
