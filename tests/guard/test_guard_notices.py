"""The guard can fail: one bit, one answer or one number that is another is reported, and nothing else is."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file
from same_run import of_a_clock

import limbeck
from guard import facts, scores, side
from guard.compare import compare
from guard.facts import facts_of
from guard.renamed import older, older_key, older_name, older_text

sys.path.append(str(Path(__file__).parent.parent / "report"))
from example import complete, with_ceiling, with_hard_labels

WEIGHTS = "student/seed-0/model.safetensors"
CACHE = "cache/0123456789abcdef-0123456789abcdef"
OTHER = "cache/fedcba9876543210-fedcba9876543210"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return the folder of a run that was never carried out."""
    run = tmp_path / "base"
    draw = np.random.default_rng(0)
    for name in (WEIGHTS, "teacher/model.safetensors", "pretrained/0123456789abcdef/model.safetensors"):
        _save(run / name, {"head.weight": draw.normal(size=(2, 3)).astype(np.float32), "count": np.array([7])})
    for folder in (CACHE, OTHER):
        for shard, ids in enumerate(([5, 3, 9], [4])):
            logits = draw.normal(size=(len(ids), 2)).astype(np.float32)
            _save(run / folder / f"shard-{shard:05d}.safetensors", {"ids": np.array(ids), "logits": logits})
    _save_network(run / "export/student/model.onnx", 0.5)
    _save_network(run / "bundle/model.onnx", 0.5)
    (run / "bundle/bundle.json").write_text('{"precision": "fp32"}')
    (run / "evaluation.json").write_text(with_hard_labels().model_dump_json())
    return run


@pytest.fixture
def head(base: Path) -> Path:
    return Path(shutil.copytree(base, base.with_name("head")))


def _save(path: Path, tensors: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


def _save_network(path: Path, weight: float) -> None:
    """Write a network that reads ids and a mask, as an exported one does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["real"]),
        helper.make_node("Cast", ["real"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "weight"], ["logits"]),
    ]
    names = ("input_ids", "attention_mask")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in names]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "tokens"])]
    graph = helper.make_graph(
        nodes, "network", inputs, outputs, [numpy_helper.from_array(np.array([weight], np.float32), "weight")]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def differing(base: Path, head: Path) -> dict[str, list[str]]:
    """Return what differs, by column."""
    columns = compare(facts_of(base), facts_of(head, head=True))
    return {name: column.differences for name, column in columns.items() if column.differences}


def change(path: Path, name: str, edit: Callable[[Any], None]) -> None:
    tensors = {key: value.copy() for key, value in load_file(path).items()}
    edit(tensors[name])
    save_file(tensors, path)


def score(head: Path, *keys: str | int, by: float) -> None:
    path = head / "evaluation.json"
    value = json.loads(path.read_text())
    inner = value
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] += by
    path.write_text(json.dumps(value))


def flip_last_bit(array: Any) -> None:
    array.view(np.uint32)[0, 0] ^= 1


def test_a_copy_is_equal(base: Path, head: Path) -> None:
    columns = compare(facts_of(base), facts_of(head, head=True))
    assert differing(base, head) == {}
    assert [columns[name].count for name in ("weights", "answers", "ONNX outputs")] == [6, 8, 2]
    assert columns["scores"].count > 100
    assert columns["statistics"].count > 20
    assert str(columns["weights"]) == "equal (6)"


def test_one_bit_of_a_weight(base: Path, head: Path) -> None:
    change(head / WEIGHTS, "head.weight", flip_last_bit)
    (found,) = differing(base, head)["weights"]
    assert found.startswith(f"{WEIGHTS}: head.weight: 1 of 6 numbers, by up to ")
    assert list(differing(base, head)) == ["weights"]


def test_a_network_that_is_not_there(base: Path, head: Path) -> None:
    (head / WEIGHTS).unlink()
    assert differing(base, head) == {
        "weights": [f"{WEIGHTS}: {name}: only in BASE" for name in ("count", "head.weight")]
    }


def test_a_network_of_another_size(base: Path, head: Path) -> None:
    _save(head / WEIGHTS, {"head.weight": np.zeros((2, 4), np.float32), "count": np.array([7])})
    assert differing(base, head) == {"weights": [f"{WEIGHTS}: head.weight: shapes (2, 3) and (2, 4)"]}


def test_minus_zero_is_not_zero(base: Path, head: Path) -> None:
    for run, value in ((base, 0.0), (head, -0.0)):
        _save(run / WEIGHTS, {"head.weight": np.full((1, 1), value, np.float32)})
    assert differing(base, head) == {"weights": [f"{WEIGHTS}: head.weight: 0 of 1 numbers, by up to 0"]}


def test_one_answer(base: Path, head: Path) -> None:
    change(head / CACHE / "shard-00000.safetensors", "logits", lambda logits: flip_last_bit(logits[1:]))
    (found,) = differing(base, head)["answers"]
    assert found.startswith("cache/*: 3 logits: 1 of 2 numbers, by up to ")
    assert list(differing(base, head)) == ["answers"]


def test_answers_of_another_precision(base: Path, head: Path) -> None:
    shard = head / CACHE / "shard-00001.safetensors"
    stored = load_file(shard)
    save_file(stored | {"logits": stored["logits"].astype(np.float16)}, shard)
    (found,) = differing(base, head)["answers"]
    assert found.startswith("cache/*: 4 logits: float32 and float16, 2 of 2 numbers, by up to ")
    assert list(differing(base, head)) == ["answers"]


def test_shards_and_digests_do_not_matter(base: Path, head: Path) -> None:
    """The same answers in one shard, and in folders whose names change places."""
    for folder in (CACHE, OTHER):
        shards = [load_file(path) for path in sorted((head / folder).glob("*.safetensors"))]
        shutil.rmtree(head / folder)
        joined = {name: np.concatenate([shard[name] for shard in shards])[::-1].copy() for name in shards[0]}
        _save(head / folder / "shard-00000.safetensors", joined)
    (head / CACHE).rename(head / "kept")
    (head / OTHER).rename(head / CACHE)
    (head / "kept").rename(head / OTHER)
    assert differing(base, head) == {}


FIGURES = [(figure.kind, figure.model) for figure in with_hard_labels().figures]


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (("models", "student", "per_seed", 1, "scores", "f1_macro"), "student.seeds.1.f1_macro"),
        (("models", "hard_labels", "scores", "nll"), "hard_labels.nll"),
        (("figures", FIGURES.index(("confusion", "student")), "counts", 0, 1), "student.confusion.0.1"),
        (("models", "student", "fidelity", "kl_to_teacher"), "fidelity.student.kl_to_teacher"),
        (("samples", 0, "answers", "teacher", "probability"), "disagreements.0.teacher_probability"),
    ],
)
def test_one_score(base: Path, head: Path, keys: tuple[str | int, ...], name: str) -> None:
    score(head, *keys, by=1e-12 if keys[-1] != 1 else 1)
    (found,) = differing(base, head)["scores"]
    assert found.startswith(f"{name}: ")
    assert list(differing(base, head)) == ["scores"]


def test_statistics_may_differ_by_chance_and_no_more(base: Path, head: Path) -> None:
    score(head, "gain", "p_value", by=4.9e-4)
    score(head, "decomposition", "text", "ci95", 0, by=-4.9e-4)
    assert differing(base, head) == {}
    score(head, "gain", "mean", by=1e-12)
    score(head, "over_teacher", "ci95", 1, by=5.1e-4)
    found = differing(base, head)
    assert [each.partition(":")[0] for each in found["statistics"]] == ["gain.mean", "over teacher.ci95.1"]
    assert list(found) == ["statistics"]


def test_what_an_exported_file_says(base: Path, head: Path) -> None:
    _save_network(head / "export/student/model.onnx", 0.5000001)
    (found,) = differing(base, head)["ONNX outputs"]
    assert found.startswith("export/student/model.onnx: logits: ")


def test_bundles_of_different_precision_are_not_compared(base: Path, head: Path) -> None:
    """int8 ships where it is the faster one on the day."""
    _save_network(head / "bundle/model.onnx", 0.4)
    assert list(differing(base, head)) == ["ONNX outputs"]
    (head / "bundle/bundle.json").write_text('{"precision": "int8"}')
    column = compare(facts_of(base), facts_of(head, head=True))["ONNX outputs"]
    assert (column.differences, column.left_out) == ([], ["bundle: fp32 and int8"])


def test_what_a_bundle_says_through_the_api(base: Path, head: Path, tmp_path: Path) -> None:
    said = {"label": "good", "probabilities": {"bad": 0.25, "good": 0.75}}
    other = {"label": "good", "probabilities": {"bad": 0.2500001, "good": 0.75}}
    for run, answers in ((base, [said, said]), (head, [said, other])):
        (tmp_path / f"{run.name}.json").write_text(json.dumps({run.name: answers}))
    columns = compare(*(facts_of(run, tmp_path / f"{run.name}.json") for run in (base, head)))
    (found,) = columns["ONNX outputs"].differences
    assert found.startswith("bundle, asked number 1: bad: ")


def test_a_side_that_would_run_another_limbeck_is_refused(tmp_path: Path) -> None:
    own = Path(str(limbeck.__file__)).parents[1]
    assert side.foreign(own) == ""
    assert side.foreign(tmp_path).endswith(f"limbeck/__init__.py, not from {tmp_path}")


def test_a_form_of_evaluation_json_that_nobody_reads_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"scores\.py has no function for version 99"):
        scores.values({"schema_version": 99})


LEFT_OUT = {
    ("schema_version",),
    ("data", "source"),
    *(("models", model, "cost", "size_bytes") for model in scores.MODELS),
    *(("models", model, "chance") for model in scores.MODELS if model not in ("teacher", "student")),  # BASE has none
}
TOLD_ELSEWHERE = {("retention",), ("agreement",)}
"""Of the student; `fidelity` says them too."""


@pytest.mark.parametrize("make", [complete, with_hard_labels, with_ceiling])
def test_every_number_of_an_evaluation_has_a_name(make: Callable[[], Any]) -> None:
    """But for those that depend on a clock, which `same_run.py` lists."""
    evaluation = make().model_dump(mode="json")
    marks = {path: 1e6 + number for number, path in enumerate(_numbers(evaluation)) if path != ("schema_version",)}
    for path, mark in marks.items():
        inner = evaluation
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = mark
    found = scores.values(evaluation)
    told = {*found.values(), *(float(name.split(".")[2]) for name in found if ".seeds.1" in name)}  # by its number
    known = LEFT_OUT | TOLD_ELSEWHERE
    unseen = {path for path, mark in marks.items() if mark not in told and not of_a_clock(path)}
    assert {path for path in unseen if not any(path[: len(each)] == each for each in known)} == set()


def _numbers(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _numbers(part, *path, key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


# --- what was renamed -----------------------------------------------------------------------------------------------

KEYS = {
    "until": "target",
    "data.unlabelled": "data.transfer",
    "data.max_unlabelled": "data.unlabelled",
    "student.reads": "student",
    "teacher.members.*.reads.tokenizer": "teacher.members.*.tokenizer",
}


def test_a_recipe_in_older_keys() -> None:
    """All at once: `data.unlabelled` is a new key and an old one."""
    new = {
        "until": {"accuracy": 0.8},
        "data": {"source": "rows.csv", "unlabelled": "more.csv", "max_unlabelled": 7, "class_weights": {"0": 2}},
        "student": {"model": "ngrams", "reads": {"tokenizer": {"kind": "words"}, "tail": 3}},
        "teacher": {"members": [{"kind": "nblr"}, {"kind": "network", "reads": {"tokenizer": {"kind": "words"}}}]},
        "grid": {"train.lr": [0.1, 0.2]},
        "seeds": [0, 1],
    }
    assert older(new, KEYS) == {
        "target": {"accuracy": 0.8},
        "data": {"source": "rows.csv", "transfer": "more.csv", "unlabelled": 7, "class_weights": {"0": 2}},
        "student": {"model": "ngrams", "tokenizer": {"kind": "words"}, "tail": 3},
        "teacher": {"members": [{"kind": "nblr"}, {"kind": "network", "tokenizer": {"kind": "words"}}]},
        "grid": {"train": {"lr": [0.1, 0.2]}},
        "seeds": [0, 1],
    }
    assert older(new, {}) == new


def test_keys_scripts_and_names_in_older_words() -> None:
    assert older_key("student.reads.max_length", KEYS) == "student.max_length"
    assert older_key("losses.kd.temperature", KEYS) == "losses.kd.temperature"
    assert older_text("distil(until=0.8)", {"distil(": "distill(", "until": "target"}) == "distill(target=0.8)"
    assert older_name("arms/student/seed-0", {r"^arms/(.*)": r"\1"}) == "student/seed-0"


def test_files_and_scores_of_head_are_called_as_in_base(
    base: Path, head: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(head / "student", head / "arms" / "student")
    weights = load_file(head / "arms" / WEIGHTS)
    save_file({name.replace("head", "top"): value for name, value in weights.items()}, head / "arms" / WEIGHTS)
    assert len(differing(base, head)["weights"]) == 4
    monkeypatch.setattr(facts, "PATHS", {r"^arms/(.*)": r"\1"})
    monkeypatch.setattr(facts, "TENSORS", {r"^top\b": "head"})
    assert differing(base, head) == {}


def test_scores_that_base_does_not_have_are_left_out(monkeypatch) -> None:
    monkeypatch.setitem(scores.VERSIONS, 3, lambda evaluation: evaluation["held"])
    record = {"schema_version": 3, "held": {"data": {"views": {"teacher-1": {"pieces": 1.2, "tokens": 3}}}}}
    assert scores.values(record, head=True) == {"data.views.teacher-1.tokens": 3}
    assert scores.values(record) == {"data.views.teacher-1.tokens": 3}
