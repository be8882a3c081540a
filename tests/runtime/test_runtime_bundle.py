"""A delivered bundle: what it answers, and what is refused before anything runs."""

import hashlib
import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from onnx import TensorProto, checker, helper, numpy_helper, save

from limbeck.errors import LimbeckError
from limbeck.modalities.text import TextReads
from limbeck.modalities.text.reads import build_reader
from limbeck.runtime import TextReader, load
from limbeck.runtime.bundle import complete
from limbeck.runtime.description import FORMAT, sealed
from limbeck.runtime.network import OnnxNetwork
from limbeck.runtime.rows import Ragged

TEXTS = ["good", "bad bad film", "", "film film film good film bad", "new words"]


def write_model(path, table):
    """Write a network whose logits are the sum of its real tokens' rows of `table`, (tokens, classes)."""
    int64, float32 = TensorProto.INT64, TensorProto.FLOAT
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["real"], to=float32),
        helper.make_node("Unsqueeze", ["real", "last"], ["weights"]),
        helper.make_node("Mul", ["rows", "weights"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "tokens_axis"], ["logits"], keepdims=0),
    ]
    constants = {"table": table.astype(np.float32), "last": np.array([-1]), "tokens_axis": np.array([1])}
    graph = helper.make_graph(
        nodes,
        "sum",
        [helper.make_tensor_value_info(name, int64, ["n", "t"]) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("logits", float32, ["n", table.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, str(path))


@pytest.fixture
def folder(tmp_path):
    """A bundle of three classes, made by hand."""
    path = tmp_path / "run" / "bundle"
    path.mkdir(parents=True)
    reader = build_reader(TextReads(max_length=5), ["good bad film"])
    write_model(path / "model.onnx", np.random.default_rng(0).normal(size=(len(reader.tokens), 3)))
    reads = {"kind": "text", **reader.save(path)}
    info = {
        "format": FORMAT,
        "task": "classification",
        "labels": ["neg", "neutral", "pos"],
        "reads": reads,
        "precision": "fp32",
        "threads": 1,
    }
    (path / "bundle.json").write_text(json.dumps(complete(path, info)))
    return path


def amend(folder, **changes):
    """Change keys of bundle.json, and its checksum; None removes one."""
    info = json.loads((folder / "bundle.json").read_text()) | changes
    kept = {key: value for key, value in info.items() if value is not None}
    (folder / "bundle.json").write_text(json.dumps(sealed(kept)))


def complete_again(folder):
    """Write bundle.json anew, as an export of the files that are there would."""
    info = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(complete(folder, info)))


def refusal(folder, *parts):
    """Return the one line with which a folder is refused, which says all of `parts`."""
    with pytest.raises(LimbeckError) as caught:
        load(folder)
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    assert caught.value.fix
    for part in parts:
        assert str(part) in line
    return line


# --- answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_order_of_the_texts_is_kept_whatever_the_batches(folder, batch_size):
    student = load(folder)
    alone = [student.predict([text])[0] for text in TEXTS]
    for got, expected in zip(student.predict(TEXTS, batch_size=batch_size), alone, strict=True):
        assert got.label == expected.label
        assert got.probabilities == pytest.approx(expected.probabilities, abs=1e-6)


def test_long_texts_are_not_padded_into_a_batch_of_short_ones(folder, monkeypatch):
    asked = []
    batch = Ragged.batch
    monkeypatch.setattr(
        Ragged, "batch", lambda self, rows: asked.append(self.lengths[rows].tolist()) or batch(self, rows)
    )
    reader = build_reader(TextReads(max_length=1000), ["good bad film"])
    network = OnnxNetwork(folder / "model.onnx")
    lengths = [900, 3, 5, 700, *[4] * 70, 999, 1000, 650]
    texts = ["good " * length for length in lengths]
    logits = network.logits(reader.encode(texts))
    assert asked == [[3] + [4] * 63, [4] * 7 + [5], [650, 700, 900, 999, 1000]]
    np.testing.assert_allclose(logits, np.array(lengths)[:, None] * network.logits(reader.encode(["good"])), rtol=1e-4)


def test_a_prediction_is_the_softmax_of_the_logits(folder):
    student = load(folder)
    for row, got in zip(student.logits(TEXTS), student.predict(TEXTS), strict=True):
        weights = [math.exp(float(value)) for value in row]
        expected = [weight / sum(weights) for weight in weights]
        assert list(got.probabilities) == ["neg", "neutral", "pos"] == list(student.labels)
        assert list(got.probabilities.values()) == pytest.approx(expected, abs=1e-6)
        assert sum(got.probabilities.values()) == pytest.approx(1, abs=1e-12)
        assert got.probability == max(got.probabilities.values()) == got.probabilities[got.label]


def test_huge_logits_do_not_overflow(folder):
    write_model(folder / "model.onnx", np.array([[0, 0, 0], [0, 0, 0], [1e4, -1e4, 0], [0, 0, 0], [0, 0, 0]]))
    complete_again(folder)
    student = load(folder)
    [prediction] = student.predict([student.reader.tokens[2]])
    assert prediction.probabilities == {"neg": 1.0, "neutral": 0.0, "pos": 0.0}


def test_no_texts(folder):
    assert load(folder).predict([]) == []


@pytest.mark.parametrize("texts", [tuple(TEXTS), np.array(TEXTS), (text for text in TEXTS)])
def test_any_sequence_of_texts(folder, texts):
    student = load(folder)
    assert student.predict(texts) == student.predict(TEXTS)


@pytest.mark.parametrize(
    ("texts", "said"),
    [("good", r"wrap a single one: \[text\]"), ("", "wrap a single"), (["a", None], "item 1 is of type N")],
)
def test_what_is_no_list_of_texts(folder, texts, said):
    with pytest.raises(TypeError, match=said):
        load(folder).predict(texts)


def test_columns_of_arrow_are_read_and_a_frame_is_no_list(folder):
    """Whoever goes through a frame finds the names of its columns, which are texts too."""
    bundle, frame = load(folder), {"text": TEXTS, "n": [0] * len(TEXTS)}
    expected = [one.label for one in bundle.predict(TEXTS)]
    for column in (pa.array(TEXTS), pa.chunked_array([TEXTS[:2], TEXTS[2:]]), pd.Series(TEXTS)):
        assert [one.label for one in bundle.predict(column)] == expected
        np.testing.assert_array_equal(bundle.logits(column), bundle.logits(TEXTS))
    with pytest.raises(TypeError, match="not a DataFrame; give one column of it"):
        bundle.predict(pd.DataFrame(frame))
    assert len(bundle.predict(pd.Series(TEXTS[:1], index=["columns"]))) == 1
    with pytest.raises(TypeError, match="item 0 is of type dict"):
        bundle.predict(pa.table(frame))


def test_a_pair_is_not_taken_for_a_text(folder):
    """Its parts are one text, as the columns of a file are; a pair of something else is none."""
    assert load(folder).predict([("good", "bad")]) == load(folder).predict(["good\nbad"])
    with pytest.raises(TypeError, match="item 0 is of type tuple"):
        load(folder).predict([("good", 1)])


def test_half_a_surrogate_pair_is_answered(folder):
    """It comes in by JSON, and tokenizers refuses it."""
    assert load(folder).predict(["good \ud83d"]) == load(folder).predict(["good \ufffd"])


def test_logits_of_no_texts_are_refused(folder):
    with pytest.raises(ValueError, match="no rows"):
        load(folder).logits([])


def test_a_model_that_needs_no_mask_gets_none(folder, tmp_path):
    graph = helper.make_graph(
        [helper.make_node("Cast", ["input_ids"], ["logits"], to=TensorProto.FLOAT)],
        "ids",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "t"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", "t"])],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(tmp_path / "m.onnx"))
    reader = TextReader.from_file(folder / "tokenizer.json", max_length=5)
    [[token]] = OnnxNetwork(tmp_path / "m.onnx").logits(reader.encode(["good"]))
    assert reader.tokens[int(token)] == "good"


def test_a_run_folder_will_do(folder):
    assert load(folder.parent).predict(TEXTS) == load(str(folder)).predict(TEXTS)


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_changed_file(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    refusal(folder, folder, f"`{name}`", "checksum")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_missing_file(folder, name):
    (folder / name).unlink()
    refusal(folder, folder, f"lacks `{name}`", "copy the whole folder")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_file_without_a_checksum(folder, name):
    """Both are loaded, so both must be checked, whatever bundle.json lists."""
    files = json.loads((folder / "bundle.json").read_text())["files"]
    del files[name]
    amend(folder, files=files)
    refusal(folder, f"no checksum of {name}")


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/b", ".."])
def test_file_outside_the_bundle(folder, name):
    secret = folder.parent / "secret"
    secret.write_text("x")
    files = json.loads((folder / "bundle.json").read_text())["files"]
    amend(folder, files={name: hashlib.sha256(b"x").hexdigest()} | files)
    line = refusal(folder, name)
    assert "checksum" not in line, "it was not even read"


def test_newer_format(folder):
    amend(folder, format=FORMAT + 1, labels=None)
    refusal(folder, f"format {FORMAT + 1} is not {FORMAT}", "upgrade limbeck")


def test_older_format(folder):
    amend(folder, format=1, reads=None, max_length=5, tail=0, pad_id=0)
    refusal(folder, f"format 1 is not {FORMAT}", "run its recipe again with this version")


def test_a_reader_that_this_version_does_not_have(folder):
    amend(folder, reads={"kind": "smell"})
    refusal(folder, "no reader `smell`", "upgrade limbeck")


@pytest.mark.parametrize("key", ["format", "task", "labels", "files", "reads"])
@pytest.mark.parametrize("value", [None, "odd"])
def test_missing_or_wrong_keys(folder, key, value):
    amend(folder, **{key: value})
    said = {"format": "format", "task": "no task `odd`"}
    refusal(folder, f"lacks {key}" if value is None else said.get(key, f"`{key}` is not"))


@pytest.mark.parametrize("without", [{}, {"checksum": None}])
def test_a_bundle_from_before_the_checksum_lacks_it(folder, without):
    info = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({key: info[key] for key in info if key != "checksum"} | without))
    refusal(folder, "bundle.json lacks checksum")


@pytest.mark.parametrize("key", ["kind", "max_length", "tail", "pad_id"])
@pytest.mark.parametrize("value", [None, ["odd"]])
def test_missing_or_wrong_keys_of_the_reader(folder, key, value):
    reads = json.loads((folder / "bundle.json").read_text())["reads"] | {key: value}
    amend(folder, reads={name: kept for name, kept in reads.items() if kept is not None})
    refusal(folder, f"lacks reads.{key}" if value is None else f"`reads.{key}` is not of type")


def test_reads_that_say_nothing(folder):
    amend(folder, reads={})
    refusal(folder, "lacks reads.kind")


@pytest.mark.parametrize("inputs", [{"x": 3}, {"x": {"dtype": "float32"}}, {"x": {"dtype": "float32", "shape": 3}}])
def test_damaged_inputs_of_arrays(folder, inputs):
    amend(folder, reads={"kind": "arrays", "inputs": inputs})
    refusal(folder, "`reads` is not what was exported")


@pytest.mark.parametrize("labels", [["neg", "pos"], ["neg", "neutral", "pos", "odd"]])
def test_labels_that_are_not_the_networks(folder, labels):
    amend(folder, labels=labels)
    refusal(folder, f"names {len(labels)} labels, and the network has 3 outputs")


@pytest.mark.parametrize(("content", "said"), [(b"{", "not valid JSON"), (b"\xff", "not valid JSON"), (b"[]", "lacks")])
def test_bundle_json_that_is_none(folder, content, said):
    (folder / "bundle.json").write_bytes(content)
    refusal(folder, folder, said)


def test_no_bundle(folder, tmp_path):
    for path in (tmp_path / "nowhere", tmp_path, folder / "model.onnx"):
        refusal(path, path, "no bundle here", "`bundle` folder of a run")


def test_an_answer_that_is_no_number_is_refused(folder):
    """A weight that overflows, or a division by nothing: a label beside `nan` would look like an answer."""
    table = np.random.default_rng(0).normal(size=(len(load(folder).reader.tokens), 3))
    table[-1] = np.nan
    write_model(folder / "model.onnx", table)
    complete_again(folder)
    student = load(folder)
    word = student.reader.tokens[-1]
    with pytest.raises(LimbeckError, match="answer to value 2 of 3 is no number"):
        student.predict(["other", word, "other"])
    assert len(student.predict(["other"])) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda info: info["labels"].reverse(),
        lambda info: info.update(decision={"thresholds": [0.5, 0.5, 0.9]}),
        lambda info: info["reads"].update(max_length=4),
        lambda info: info.update(precision="int8"),
    ],
    ids=["labels", "thresholds", "reads", "precision"],
)
def test_bundle_json_that_was_edited_and_still_fits(folder, change):
    """It says which output is which class, and what is read: edited, a student answers something else."""
    info = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(info, indent=4, sort_keys=True))
    load(folder)
    change(info)
    (folder / "bundle.json").write_text(json.dumps(info))
    refusal(folder, folder, "bundle.json is not what was exported (its checksum differs)")
