"""An ONNX file as a teacher: what becomes its inputs, how many rows it takes, what its answers are."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx_files
import pytest
import torch
from kind_cases import CASES, LENGTH, Bag, onnx_file
from kind_contract import Bench, answers
from onnx import TensorProto, helper

from limbeck.errors import LimbeckError
from limbeck.models.onnxfile import OnnxFile
from limbeck.models.onnxmodule import FeedSettings, OnnxModule
from limbeck.teachers.onnx import Logarithms, _kind_of

TEXT_AXES = {name: {0: "batch", 1: "tokens"} for name in ("input_ids", "attention_mask")}
WORDS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def texts(*lengths: int) -> dict[str, np.ndarray]:
    """Return ids and mask of texts, padded on the right with the id 39, which means a lot."""
    ids = np.full((len(lengths), max(lengths)), 39, np.int64)
    for row, length in enumerate(lengths):
        ids[row, :length] = np.arange(row, row + length) % 30
    return {"input_ids": ids, "attention_mask": (ids != 39).astype(np.int64)}


def of_texts(file: Path, **keys: object) -> OnnxModule:
    options = {"feeds": {}, "output": "answers", "fills": {"input_ids": 39}, "key": "teacher"} | keys
    return OnnxModule(OnnxFile(file), texts(5, 3), TEXT_AXES, **options)


def of_pixels(file: Path, example: np.ndarray, feed: dict[str, object]) -> OnnxModule:
    feeds = {"image": FeedSettings.model_validate(feed)}
    file_axes = {"pixels": {0: "batch"}}
    return OnnxModule(OnnxFile(file), {"pixels": example}, file_axes, feeds=feeds, output="logits", fills={}, key="t")


def says(network: torch.nn.Module, arrays: dict[str, np.ndarray]) -> np.ndarray:
    return network(**{name: torch.from_numpy(value) for name, value in arrays.items()}).numpy()


def expected(arrays: dict[str, np.ndarray]) -> np.ndarray:
    shown = arrays["attention_mask"][:, :, None]
    return (WORDS[arrays["input_ids"]] * shown).sum(1) / shown.sum(1)


IMAGES = np.random.default_rng(1).integers(0, 256, (5, 2, 3, 3), dtype=np.uint8)


def test_pixels_become_what_the_file_takes(tmp_path):
    """Channels first, each with its own mean and deviation: a swapped axis or channel gives other answers."""
    weights = np.random.default_rng(2).normal(size=(18, 2)).astype(np.float32)
    file = onnx_files.pixels(tmp_path / "m.onnx", weights, ("batch", 3, 2, 3))
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]
    feed = {"layout": "nchw", "scale": 1 / 255, "mean": mean, "std": std}
    wanted = np.stack(
        [
            sum(
                ((image[y, x, c] / 255 - mean[c]) / std[c]) * weights[c * 6 + y * 3 + x]
                for c in range(3) for y in range(2) for x in range(3)
            )
            for image in IMAGES
        ]
    )  # fmt: skip
    np.testing.assert_allclose(
        says(of_pixels(file, IMAGES[:2], feed), {"pixels": IMAGES}), wanted, rtol=1e-4, atol=1e-4
    )


def test_whole_numbers_become_fractions_only_where_it_is_said_how(tmp_path):
    file = onnx_files.pixels(tmp_path / "m.onnx", np.ones((18, 2), np.float32), ("batch", 2, 3, 3))
    with pytest.raises(LimbeckError, match="say how they are scaled"):
        of_pixels(file, IMAGES[:2], {})
    network = of_pixels(file, IMAGES[:2], {"scale": 1})
    np.testing.assert_allclose(says(network, {"pixels": IMAGES})[:, 0], IMAGES.sum((1, 2, 3)))
    own = onnx_files.pixels(
        tmp_path / "u.onnx", np.ones((18, 2), np.float32), ("batch", 2, 3, 3), dtype=TensorProto.UINT8
    )
    np.testing.assert_allclose(says(of_pixels(own, IMAGES[:2], {}), {"pixels": IMAGES})[:, 0], IMAGES.sum((1, 2, 3)))
    with pytest.raises(LimbeckError, match="takes whole numbers"):
        of_pixels(own, IMAGES[:2], {"scale": 1})


@pytest.mark.parametrize(
    ("feed", "line"),
    [
        ({"scale": 1}, r"takes \(any, 3, 2, 3\), and `pixels` is \(any, 2, 3, 3\)"),
        ({"scale": 1, "layout": "nchw", "mean": [0, 0]}, "another number of values"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(tmp_path, feed, line):
    file = onnx_files.pixels(tmp_path / "m.onnx", np.ones((18, 2), np.float32), ("batch", 3, 2, 3))
    with pytest.raises(LimbeckError, match=line):
        of_pixels(file, IMAGES[:2], feed)


@pytest.mark.parametrize("size", ["batch", 1, 2, 8])
def test_a_file_may_take_a_fixed_number_of_rows(tmp_path, size):
    arrays = texts(4, 2, 6, 1, 3)
    network = of_texts(onnx_files.bag(tmp_path / "m.onnx", WORDS, shape=(size, "tokens")))
    np.testing.assert_allclose(says(network, arrays), expected(arrays), rtol=1e-5, atol=1e-6)


def test_a_file_may_take_a_fixed_number_of_tokens(tmp_path):
    """What fills a row up is the padding of the tokenizer, and masked."""
    file = onnx_files.bag(tmp_path / "m.onnx", WORDS, shape=("batch", 7))
    assert OnnxFile(file).longest == 7
    arrays = texts(4, 2, 6)
    np.testing.assert_allclose(says(of_texts(file), arrays), expected(arrays), rtol=1e-5, atol=1e-6)
    padded = of_texts(file).asked._padded(arrays["input_ids"], "input_ids", OnnxFile(file).inputs["input_ids"])
    assert (padded[:, 6:] == 39).all()
    with pytest.raises(LimbeckError, match=r"takes 7 and a row has 9; lower reads\.max_length to 7"):
        says(of_texts(file), texts(9))


def test_ids_are_cast_and_never_wrap(tmp_path):
    arrays = texts(4, 2)
    network = of_texts(onnx_files.bag(tmp_path / "m.onnx", WORDS, dtype=TensorProto.INT32))
    np.testing.assert_allclose(says(network, arrays), expected(arrays), rtol=1e-5, atol=1e-6)
    with pytest.raises(LimbeckError, match="which holds -2147483648 to 2147483647"):
        says(network, arrays | {"input_ids": arrays["input_ids"] + 2**32})


def test_the_segments_of_one_text_are_zeros(tmp_path):
    arrays = texts(4, 2)
    network = of_texts(onnx_files.bag(tmp_path / "m.onnx", WORDS, segments=True))
    np.testing.assert_allclose(says(network, arrays), expected(arrays), rtol=1e-5, atol=1e-6)


def test_the_only_input_takes_the_only_array(tmp_path):
    file = onnx_files.pixels(
        tmp_path / "m.onnx", np.ones((18, 2), np.float32), ("batch", 2, 3, 3), dtype=TensorProto.UINT8
    )
    axes = {"pixels": {0: "batch"}}
    network = OnnxModule(
        OnnxFile(file), {"pixels": IMAGES[:2]}, axes, feeds={}, output="logits", fills={}, key="teacher"
    )
    assert says(network, {"pixels": IMAGES}).shape == (5, 2)


def test_of_several_outputs_one_is_named(tmp_path):
    place = (TensorProto.FLOAT, ("batch", 2))
    nodes = [helper.make_node("Identity", ["x"], ["a"]), helper.make_node("Neg", ["x"], ["b"])]
    file = OnnxFile(onnx_files.write(tmp_path / "m.onnx", nodes, {"x": place}, {"a": place, "b": place}, {}))
    assert file.require_output("b", "teacher.output").name == "b"
    with pytest.raises(LimbeckError, match="has the outputs a, b, and nothing says which one is meant"):
        file.require_output(None, "teacher.output")


def test_a_digest_is_of_the_bytes_wherever_they_lie(tmp_path):
    """Its external data is part of it."""
    file = onnx_files.bag(tmp_path / "m.onnx", WORDS)
    shutil.copy(file, tmp_path / "other.onnx")
    assert OnnxFile(file).digest == OnnxFile(tmp_path / "other.onnx").digest
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        outside = {"save_as_external_data": True, "location": "w.bin", "size_threshold": 100}
        words = WORDS if folder == "one" else WORDS + 1
        onnx_files.bag(tmp_path / folder / "m.onnx", words, **outside)
    one, two = (tmp_path / folder / "m.onnx" for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert OnnxFile(one).digest != OnnxFile(two).digest


@pytest.mark.parametrize("independent", [False, True])
def test_probabilities_become_finite_logits(independent):
    class Fixed(torch.nn.Module):
        no_onnx = ""

        def forward(self):
            return torch.tensor([[0.0, 1.0], [0.25, 0.75], [1e-30, 1.0]])

    logits = Logarithms(Fixed(), independent=independent)()
    assert logits.isfinite().all()
    again = logits.sigmoid() if independent else logits.softmax(-1)
    torch.testing.assert_close(again, Fixed()(), atol=2e-7, rtol=1e-5)
    assert float(logits[2, 0]) == pytest.approx(np.log(1e-30), rel=1e-5), "a temperature makes much of small ones"


@pytest.mark.parametrize("found", ["probabilities", "logits"])
def test_what_it_gives_is_found_out(tmp_path, found):
    case = onnx_file(tmp_path, **({"answers": "probabilities"} if found == "probabilities" else {}))
    case.teacher.pop("answers", None)
    bench = Bench(case, tmp_path)
    assert bench.teacher.answers == found
    total = answers(bench, bench.make()[0]).logits.exp().sum(1)
    assert torch.allclose(total, torch.ones(8), atol=1e-5) == (found == "probabilities")


def test_labels_say_which_of_its_outputs_are_the_classes(tmp_path):
    case = CASES["onnx"](tmp_path)
    words = Bag().words.weight.detach().numpy()
    bench = Bench(case, tmp_path)
    as_they_are = answers(bench, bench.make()[0]).logits
    onnx_files.bag(Path(case.teacher["path"]), np.stack([words[:, 1], 0 * words[:, 0], words[:, 0]], axis=1))
    with pytest.raises(LimbeckError, match="3 outputs"):
        Bench(case, tmp_path)
    case.teacher["labels"] = {2: 0, 0: 1}
    bench = Bench(case, tmp_path)
    picked = answers(bench, bench.make(place="other")[0]).logits
    torch.testing.assert_close(picked, as_they_are)
    assert case.teacher["reads"]["max_length"] == LENGTH


@pytest.mark.parametrize(("row", "kind"), [([0.3, 0.2, 0.1], "logits"), ([0.3, 0.2, 0.5004], "probabilities")])
def test_small_numbers_are_probabilities_where_they_add_up_to_1(row, kind):
    work = SimpleNamespace(task=SimpleNamespace(predicts="distribution"), key="teacher")
    assert _kind_of(torch.tensor([row, row]), None, work) == kind
