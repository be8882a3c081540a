"""`limbeck predict` on images: files and folders, without torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import limbeck
from limbeck.runtime.bundle import complete
from limbeck.runtime.description import sealed
from limbeck.runtime.readers.image import PIXELS, ImageReader
from typed import call

CLASSES = ("red", "green", "blue")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """A student that says which channel is the brightest, and a folder of pictures beside it."""
    folder = tmp_path_factory.mktemp("house")
    target = folder / "bundle"
    target.mkdir()
    pixels = helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, ["batch", 4, 6, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])
    axes = numpy_helper.from_array(np.array([1, 2]), "axes")
    tenth = numpy_helper.from_array(np.array(0.1, np.float32), "tenth")
    nodes = [
        helper.make_node("Cast", [PIXELS], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "tenth"], ["logits"]),
    ]
    graph = helper.make_graph(nodes, "brightest", [pixels], [logits], [axes, tenth])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), str(target / "model.onnx")
    )
    reader = ImageReader(4, 6, 3, resize="stretch", mean=[0.5] * 3, std=[0.5] * 3)
    info = {
        "format": 2,
        "task": "classification",
        "labels": list(CLASSES),
        "precision": "fp32",
        "threads": 1,
        "reads": {"kind": "image", **reader.save(target)},
    }
    (target / "bundle.json").write_text(json.dumps(complete(target, info)))
    (folder / "pictures/more").mkdir(parents=True)
    for number, name in enumerate(("a.png", "more/b.jpg", "more/c.bmp")):
        colour = np.full((20, 30, 3), 40, np.uint8)
        colour[..., number] = 200
        Image.fromarray(colour).save(folder / "pictures" / name)
    return target


def test_a_folder_is_answered_in_the_order_of_its_paths(bundle, monkeypatch, capsys):
    monkeypatch.chdir(bundle.parent)
    code, out, err = call(monkeypatch, capsys, "predict", "bundle", "pictures")
    assert (code, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [(label, path) for label, _, path in rows] == [
        ("red", "pictures/a.png"),
        ("green", "pictures/more/b.jpg"),
        ("blue", "pictures/more/c.bmp"),
    ]
    (bundle.parent / "pictures/notes.db").touch()
    (bundle.parent / "pictures/more/b.mp3").touch()
    code, again, err = call(monkeypatch, capsys, "predict", "bundle", "pictures")
    assert (code, again, err) == (0, out, "pictures: 2 files are not read (.db, .mp3)\n")
    for name in ("notes.db", "more/b.mp3"):
        (bundle.parent / "pictures" / name).unlink()
    code, out, _ = call(monkeypatch, capsys, "predict", "bundle", "pictures/more/c.bmp", "pictures/a.png", "--json")
    said = [json.loads(line) for line in out.splitlines()]
    assert [(one["file"], one["label"]) for one in said] == [("pictures/more/c.bmp", "blue"), ("pictures/a.png", "red")]
    assert said[0]["probabilities"].keys() == set(CLASSES)


def test_a_file_that_cannot_be_read_costs_the_others_nothing(bundle, monkeypatch, capsys):
    monkeypatch.chdir(bundle.parent)
    (bundle.parent / "note.png").write_text("a text")
    code, out, err = call(monkeypatch, capsys, "predict", "bundle", "note.png", "none.png", "pictures")
    assert code == 2
    assert [line.split("\t")[0] for line in out.splitlines()] == list(CLASSES)
    assert err.splitlines() == [
        "error: note.png: this is no image; give a file that is one of PNG, JPEG, GIF, BMP, WEBP, TIFF, PPM",
        "error: none.png: no such file; mend its path",
    ]
    code, out, err = call(monkeypatch, capsys, "predict", "bundle")
    assert (code, out, err) == (2, "", "error: no image is given; name files or folders of images\n")


def test_python_and_command_answer_without_torch(bundle):
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['sklearn'] = None; sys.modules['pydantic'] = None\n"
        "import limbeck; print([one.label for one in limbeck.load('bundle').predict(['pictures/a.png'])])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=bundle.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "['red']\n"), done.stderr


def test_a_missing_pillow_says_how_to_get_it(bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    student = limbeck.load(bundle)
    right = np.zeros((4, 6, 3), np.uint8)
    assert student.predict([right])[0].label == "red", "pixels of the right size need no decoder"
    with pytest.raises(limbeck.errors.LimbeckError, match=r"Pillow, which is not installed; pip install .*\[image\]'"):
        student.predict([str(bundle.parent / "pictures/a.png")])


def test_a_bundle_whose_reader_was_edited_is_refused(bundle, tmp_path):
    import shutil

    copy = shutil.copytree(bundle, tmp_path / "bundle")
    info = json.loads((copy / "bundle.json").read_text())
    for change in ({"channels": 2}, {"mean": [0.5]}, {"resize": "squeeze"}, {"height": 0}):
        (copy / "bundle.json").write_text(json.dumps(sealed({**info, "reads": info["reads"] | change})))
        with pytest.raises(limbeck.errors.LimbeckError, match="`reads` is not what was exported"):
            limbeck.load(copy)
