"""What an earlier run has trained, and what it has delivered, as teachers: the same answers, or a line."""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
import torch
from kind_cases import CASES
from kind_contract import Bench, answers
from safetensors.torch import load_file, save_file

import limbeck
from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import parse_recipe
from made_rows import splits_of

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from encoders import write_encoder
from tiny import BAD, FILLER, GOOD, recipe, write_csv

TRAIN = {"steps": 30, "batch_size": 16, "lr": 0.02, "validations": 1}


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A finished run: a fine-tuned encoder teaches words, of a grid, with two seeds."""
    folder = tmp_path_factory.mktemp("earlier")
    encoder = write_encoder(folder / "encoder", [*GOOD, *BAD, *FILLER])
    teacher = {
        "kind": "transformers",
        "model": str(encoder),
        "reads": {"max_length": 24},
        "train": TRAIN | {"steps": 60},
    }
    teacher |= {"freeze_embeddings": False, "dropout": 0.0}
    values = recipe(
        write_csv(folder / "rows.csv"),
        seeds=[0, 1],
        baseline=False,
        teacher=teacher | {"calibrate": True},
        grid={"train.lr": [0.02, 1e-5], "model.dim": [4, 6]},
    )
    values["student"]["train"] = TRAIN
    return values, run(parse_recipe(values, "test"), folder / "out")


def taken(values, teacher, folder: Path, **changes):
    """Return the settled recipe with another teacher, its splits, and what was made."""
    loaded = parse_recipe(values | {"teacher": teacher, "grid": {}} | changes, "test")
    splits = splits_of(loaded)
    settled = settle(loaded, Material(splits))
    return settled, splits, train_teacher(settled, Material(splits), folder).members


def says(made, split: str) -> np.ndarray:
    return made.logits(getattr(made.view, split))


def kept(folder: Path) -> dict[int, np.ndarray]:
    """Return the teacher's logits in the cache of a run, by id."""
    found = {}
    for file in (folder / "cache").glob("*/*.safetensors"):
        shard = load_file(file)
        found |= dict(zip(shard["ids"].tolist(), shard["logits"].numpy(), strict=True))
    return found


def test_a_fine_tuned_teacher_says_what_it_said_there(before, tmp_path, capsys):
    values, result = before
    settled, splits, (made,) = taken(values, {"kind": "run", "path": str(result.folder), "model": "teacher"}, tmp_path)
    cached, divisor = kept(result.folder), result.evaluation.models["teacher"].settings["teacher temperature"]
    for split in ("transfer", "validation", "test"):
        expected = np.stack([cached[number] for number in getattr(splits, split).ids.tolist()]) / divisor
        np.testing.assert_allclose(says(made, split), expected, atol=1e-5, rtol=0)
    assert settled.teacher.seed == 0
    assert not settled.teacher.refits
    said = " ".join(capsys.readouterr().out.split())
    assert f"logits divided by {divisor:g} as there; outputs by their names: 0 is 0, 1 is 1" in said


def test_plain_transformers_says_the_same(before, tmp_path):
    """Whoever loads the encoder's and the head's weights from the run's file needs nothing of ours."""
    from tokenizers import Tokenizer
    from transformers import BertModel

    values, result = before
    _, splits, (made,) = taken(values, {"kind": "run", "path": str(result.folder), "model": "teacher"}, tmp_path)
    source = Path(values["teacher"]["model"])
    weights = load_file(result.folder / "teacher/model.safetensors")
    network = BertModel.from_pretrained(source, add_pooling_layer=False)
    own = {name.removeprefix("encoder."): value for name, value in weights.items() if name.startswith("encoder.")}
    network.load_state_dict(own)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(24)
    logits = []
    with torch.no_grad():
        for text in splits.test.values:
            states = network.eval()(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state.mean(1)
            logits.append(states @ weights["head.weight"].T + weights["head.bias"])
    divisor = result.evaluation.models["teacher"].settings["teacher temperature"]
    np.testing.assert_allclose(says(made, "test"), torch.cat(logits).numpy() / divisor, atol=1e-5, rtol=0)


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_a_student_says_what_it_said_there(before, tmp_path, seed):
    """That which shipped by default: in PyTorch, and through its bundle; of a grid, the point that won."""
    values, result = before
    settled, splits, (made,) = taken(values, {"kind": "run", "path": str(result.folder), "seed": seed}, tmp_path)
    shipped = result.evaluation.models["student"].shown_seed
    assert settled.teacher.seed == (shipped if seed is None else seed)
    found = says(made, "test")
    bundle = limbeck.load(result.folder)
    alike = np.abs(found - bundle.logits(splits.test.values)).max() < 1e-4
    assert alike == (settled.teacher.seed == shipped)
    if settled.teacher.seed == shipped:
        inputs = {name: torch.from_numpy(value) for name, value in made.view.test.batch(range(20)).items()}
        with torch.no_grad():
            np.testing.assert_allclose(found[:20], result.student(**inputs).numpy(), atol=1e-5, rtol=0)
        delivered = taken(values, {"kind": "bundle", "path": str(result.folder)}, tmp_path / "bundle")[2][0]
        np.testing.assert_allclose(says(delivered, "test"), bundle.logits(splits.test.values), atol=1e-5, rtol=0)


def test_a_run_with_an_earlier_one_as_its_teacher(before, tmp_path, capsys):
    """From other files: the classes are matched by name, whatever order these have."""
    values, result = before
    rows = Path(values["data"]["source"]).read_text().splitlines()
    turned = tmp_path / "rows.csv"
    turned.write_text("\n".join([rows[0], *(f"{line.rpartition(',')[0]}{line[-2:]}" for line in reversed(rows[1:]))]))
    again = values | {"data": values["data"] | {"source": str(turned)}, "seeds": [0], "grid": {}}
    again["teacher"] = {"kind": "run", "path": str(result.folder), "model": "teacher"}
    found = run(parse_recipe(again, "test"), tmp_path / "out")
    assert result.evaluation.score("teacher") > 0.8
    assert found.evaluation.score("teacher") > 0.8
    assert [path.name for path in (tmp_path / "out/teacher").iterdir()] == ["stage.json"], "nothing was trained"
    assert sorted(path.name for path in (tmp_path / "out/networks").iterdir()) == ["student"]
    assert run(parse_recipe(again, "test"), tmp_path / "out").evaluation == found.evaluation
    assert "done again" not in capsys.readouterr().out


def test_a_run_on_a_table_hands_on_what_it_has_counted(tmp_path):
    """Values in the labels' units, of a reader that no view keeps."""
    rng = np.random.default_rng(0)
    file = tmp_path / "table.csv"
    sizes = rng.normal(size=200)
    rows = [f"{size:.3f},town {row % 5},{3 * size + 40 + row % 5:.3f}" for row, size in enumerate(sizes)]
    file.write_text("\n".join(["size,town,price", *rows]) + "\n")
    data = {"source": str(file), "features": "*", "label": "price", "labelled": 80}
    network = {"model": {"name": "mlp"}, "reads": {"kind": "table"}, "train": TRAIN}
    values = {
        "task": "regression", "seeds": [0], "baseline": False, "losses": [{"name": "regression_kd"}],
        "data": data | {"split": {"test": 40, "validation": 30}},
        "teacher": {"kind": "network", **network, "accept_bad": True}, "student": network,
    }  # fmt: skip
    result = run(parse_recipe(values, "test"), tmp_path / "out")
    _, splits, (made,) = taken(values, {"kind": "run", "path": str(result.folder)}, tmp_path / "other")
    bundle = limbeck.load(result.folder)
    delivered = taken(values, {"kind": "bundle", "path": str(result.folder)}, tmp_path / "bundle")[2][0]
    np.testing.assert_allclose(says(made, "test"), bundle.logits(splits.test.values), atol=1e-3, rtol=1e-4)
    np.testing.assert_allclose(says(delivered, "test"), bundle.logits(splits.test.values), atol=1e-5, rtol=1e-6)


def test_members_of_an_ensemble_are_named(before, tmp_path):
    values, _ = before
    network = {"kind": "network", "model": {"name": "textcnn", "filters": 4, "dim": 4}, "train": TRAIN}
    ensemble = {"kind": "ensemble", "members": [network, {"kind": "nblr"}, network | {"calibrate": True}]}
    one = values | {"teacher": ensemble, "grid": {}, "seeds": [0]}
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(Path(__file__).parent.parent / "bad_input"))
        from workshop import export_quickly

        export_quickly(patched)
        result = run(parse_recipe(one, "test"), tmp_path / "out")
    with pytest.raises(LimbeckError, match=r"no network `teacher`; one of its members: teacher-0, teacher-2"):
        taken(values, {"kind": "run", "path": str(result.folder), "model": "teacher"}, tmp_path)
    both = {"kind": "ensemble", "weights": [1, 1]}
    both["members"] = [{"kind": "run", "path": str(result.folder), "model": f"teacher-{number}"} for number in (0, 2)]
    assert len(taken(values, both, tmp_path / "other")[2]) == 2


# --- what does not fit ------------------------------------------------------------------------------------------------


def refused(name: str, folder: Path, change=None, **about: object) -> str:
    case = CASES[name](folder) if not about else _case(name, folder, **about)
    if change is not None:
        change(Path(case.teacher["path"]), case.teacher)
    with pytest.raises(LimbeckError) as caught:
        Bench(case, folder)
    return str(caught.value)


def _case(name: str, folder: Path, **about: object):
    import kind_cases

    return {"run": kind_cases.earlier, "bundle": kind_cases.bundle}[name](folder, **about)


def test_classes_are_matched_by_name(tmp_path):
    for name in ("run", "bundle"):
        place = tmp_path / name
        place.mkdir()
        bench = Bench(CASES[name](place), place)
        assert bench.teacher.labels == {"0": "0", "1": "1"}
        (made,) = bench.make()
        held = made.model.state_dict()
        assert "order" in held, "its outputs are 1 and 0"
        assert held["order"].tolist() == [1, 0]
        assert answers(bench, made).logits.shape == (8, 2)


@pytest.mark.parametrize("name", ["run", "bundle"])
def test_other_names_numbers_and_tasks_are_refused(name, tmp_path):
    labels = {"run": "names", "bundle": "labels"}[name]
    places = [tmp_path / str(number) for number in range(2)]
    for place in places:
        place.mkdir()
    line = refused(name, places[0], **{labels: ["good", "bad"]})
    assert "outputs `good`, `bad` are not the names of the classes `0`, `1`; say which is which: " in line
    assert "with the accuracy on 40 labelled rows" in line
    decision = {"bundle": {"decision": {"thresholds": [0.5, 0.5]}}}.get(name, {})
    line = refused(name, places[1], task="multilabel", **decision)
    assert "predicts a multilabel, and the task is classification" in line


def test_a_teacher_of_texts_for_images_is_refused(tmp_path):
    from folders_of_transformers import write_images

    for name in ("run", "bundle"):
        place = tmp_path / name
        place.mkdir()
        case = CASES[name](place)
        data = {"source": str(write_images(place / "pictures")), "image": "image", "labelled": 20}
        values = recipe(place / "none.csv", teacher=case.teacher)
        values |= {"data": data | {"split": {"test": 10, "validation": 10}}}
        values["student"] = {"model": "convnet", "reads": {"kind": "image", "size": 8}}
        loaded = parse_recipe(values, "test")
        with pytest.raises(LimbeckError, match=r"teacher\.path: .* reads texts, and the data are images"):
            settle(loaded, Material(splits_of(loaded)))


def told(folder: Path, change) -> None:
    """Change what a run has written down of a network."""
    file = folder / "networks/student/network.json"
    info = json.loads(file.read_text())
    change(info)
    file.write_text(json.dumps(info))


def flipped(folder: Path) -> None:
    file = folder / "student/seed-1/model.safetensors"
    weights = load_file(file)
    weights["head.bias"][0] += 1e-3
    save_file(weights, file)


def elsewhere(folder: Path) -> None:
    shutil.copy(folder / "student/seed-1/model.safetensors", folder.parent)
    told(folder, lambda info: info["seeds"]["1"].update(file="../model.safetensors"))


CHANGES = {
    "no run": (shutil.rmtree, "no run here (no recipe.yaml); give the folder that a run wrote"),
    "unfinished": (
        lambda folder: shutil.rmtree(folder / "networks"),
        "the run has not finished its trainings, or an earlier version wrote it (no networks/)",
    ),
    "flipped": (flipped, "the weights are missing or were changed"),
    "elsewhere": (elsewhere, "the weights are missing or were changed"),
    "damaged": (lambda folder: told(folder, lambda info: info.pop("task")), "damaged: no network of a run"),
    "of another version": (
        lambda folder: told(folder, lambda info: info["settings"].update(gone=1)),
        "another version of Limbeck wrote it",
    ),
    "of a function": (
        lambda folder: told(folder, lambda info: info["settings"].update(model={"name": "kind_cases:wide"})),
        "the network is built by `kind_cases:wide`, and no code is run because a folder names it",
    ),
    "without its words": (
        lambda folder: (folder / "networks/student/tokenizer.json").unlink(),
        "networks/student/tokenizer.json: no tokenizer",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_no_run_or_was_changed_is_refused(name, tmp_path):
    change, words = CHANGES[name]
    assert words in refused("run", tmp_path, lambda folder, teacher: change(folder))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("model", "studnet", "the run has trained no network `studnet`; did you mean `student`"),
        ("model", "teacher", "has trained no network `teacher`: its teacher was made or taken in another way"),
        ("seed", 5, "teacher.seed: the run has no seed 5; one of 0, 1"),
    ],
)
def test_what_a_run_does_not_have_is_refused(key, value, words, tmp_path):
    assert words in refused("run", tmp_path, lambda folder, teacher: teacher.update({key: value}))


def test_weights_of_another_network_are_refused(tmp_path):
    case = CASES["run"](tmp_path)
    file = Path(case.teacher["path"]) / "networks/student/network.json"
    info = json.loads(file.read_text())
    info["settings"]["model"]["filters"] = 5
    file.write_text(json.dumps(info))
    bench = Bench(case, tmp_path)
    with pytest.raises(LimbeckError, match="not the weights of the network that its run describes"):
        bench.make()


def test_a_bundle_that_was_changed_is_refused(tmp_path):
    def swapped(folder, teacher):
        info = json.loads((folder / "bundle.json").read_text())
        info["labels"].reverse()
        (folder / "bundle.json").write_text(json.dumps(info))

    def cut(folder, teacher):
        model = (folder / "model.onnx").read_bytes()
        (folder / "model.onnx").write_bytes(model[:-10])

    def empty(folder, teacher):
        shutil.rmtree(folder)

    expected = {swapped: "checksum differs", cut: "`model.onnx` is not the file", empty: "no bundle here"}
    for number, (change, words) in enumerate(expected.items()):
        place = tmp_path / str(number)
        place.mkdir()
        assert words in refused("bundle", place, change), change.__name__
