"""Bundles that somebody edited: two whole ones, and ways to spoil them."""

import copy
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from test_bundle_edits import edited, edits
from test_runtime_bundle import write_model

from limbeck.modalities.text import TextReads
from limbeck.modalities.text.reads import build_reader
from limbeck.runtime.bundle import complete
from limbeck.runtime.description import sealed
from limbeck.runtime.readers.image import PIXELS, ImageReader

Edit = Callable[[Path], Any]
LARGE = 3 << 30
"""Bytes of a file that is not read."""
TABLE = "table"
"""What both networks call their weights."""


def write_texts(folder: Path) -> list[Any]:
    """Write a student that reads texts, and return what it is asked."""
    reader = build_reader(TextReads(max_length=5), ["good bad film dull fine gem"])
    write_model(folder / "model.onnx", np.random.default_rng(0).normal(size=(len(reader.tokens), 3)))
    finish(folder, {"kind": "text", **reader.save(folder)})
    return ["a good film", "bad", "dull gem, fine film and much more of it", ""]


def write_images(folder: Path) -> list[Any]:
    """Write a student that reads images of 4 x 6 pixels, and return what it is asked."""
    draw = np.random.default_rng(0)
    constants = {"flat": np.array([0, -1]), TABLE: draw.normal(size=(72, 3), scale=3e-3).astype(np.float32)}
    nodes = [
        helper.make_node("Cast", [PIXELS], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["numbers", "flat"], ["rows"]),
        helper.make_node("MatMul", ["rows", TABLE], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pixels",
        [helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, ["batch", 4, 6, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))
    reader = ImageReader(4, 6, 3, resize="stretch", mean=[0.5] * 3, std=[0.5] * 3)
    finish(folder, {"kind": "image", **reader.save(folder)})
    return list(draw.integers(0, 255, (3, 4, 6, 3), np.uint8))


def finish(folder: Path, reads: dict[str, Any]) -> None:
    info = {"format": 2, "task": "classification", "labels": ["x", "y", "z"], "reads": reads, "precision": "fp32"}
    info |= {"threads": 1, "decision": {"offsets": [0.5, 0.0, -0.5]}, "columns": {"example": "a", "label": "b"}}
    info |= {"other_class": "z", "missing": ["?"], "instructions": "x86_64", "limbeck": "0.1.0"}
    (folder / "bundle.json").write_text(json.dumps(complete(folder, info)))


WRITERS: dict[str, Callable[[Path], list[Any]]] = {"text": write_texts, "image": write_images}


def seal_again(folder: Path) -> None:
    """Compute the checksums anew, as somebody would who has read how."""
    info = json.loads((folder / "bundle.json").read_text())
    for name in info["files"]:
        if (folder / name).is_file() and (folder / name).stat().st_size < LARGE:
            info["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(sealed(info)))


# --- bundle.json

NESTED: Any = 1
for _ in range(100):
    NESTED = [NESTED]
OTHERS = ["deleted", None, True, -1, 10**12, 1.5, "\ud800\0", ["x", "x"], {"a": NESTED}]


def of_json(info: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a name and the text of `bundle.json`, for every value another one."""
    for path in edits(info):
        for other in OTHERS:
            yield f"{path} = {str(other)[:20]!r}", json.dumps(edited(info, path, other))
    text = json.dumps(info)
    yield from {"half": text[: len(text) // 2], "nothing": "", "a list": "[]", "more": text + "{}"}.items()
    for first in (0, 1):
        labels = copy.copy(info["labels"])
        labels[first], labels[first + 1] = labels[first + 1], labels[first]
        yield f"labels {first} exchanged", json.dumps(info | {"labels": labels})
    yield "equal labels", json.dumps(info | {"labels": ["x", "x", "z"]})
    yield "deep", '{"a": ' + "[" * 900 + "]" * 900 + "}"


# --- files


def replaced(name: str, make: Edit) -> Edit:
    """Return what puts something else in the place of a file."""

    def edit(folder: Path) -> None:
        (folder / name).rename(folder.with_name("outside"))
        make(folder / name)

    return edit


def linked(path: Path) -> None:
    path.symlink_to(path.parent.with_name("outside"))


def in_a_circle(path: Path) -> None:
    path.symlink_to(path)


def folder_instead(path: Path) -> None:
    path.mkdir()


def swapped(folder: Path) -> None:
    for name in ("tokenizer.json", "model.onnx"):
        shutil.copy(folder / name, folder / f"{name}.old")
    shutil.copy(folder / "tokenizer.json.old", folder / "model.onnx")
    shutil.copy(folder / "model.onnx.old", folder / "tokenizer.json")


def large(path: Path) -> None:
    path.touch()
    os.truncate(path, LARGE)


INSTEAD: dict[str, Edit] = {
    "a folder": folder_instead,
    "a pipe": os.mkfifo,
    "a link to a file elsewhere": linked,
    "a link to itself": in_a_circle,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "nothing": lambda path: None,
    "an empty file": Path.touch,
    "zeros": lambda path: path.write_bytes(bytes(500)),
    "a very large file": large,
}
FILES = {
    f"{name}: {what}": replaced(name, make)
    for name in ("bundle.json", "model.onnx", "tokenizer.json")
    for what, make in INSTEAD.items()
} | {"model and tokenizer exchanged": swapped}


# --- model.onnx


def model(change: Callable[[onnx.ModelProto], Any]) -> Edit:
    """Return what changes an ONNX file."""

    def edit(folder: Path) -> None:
        found = onnx.load(str(folder / "model.onnx"))
        change(found)
        (folder / "model.onnx").write_bytes(found.SerializeToString())

    return edit


def weights(change: Callable[[Any], Any]) -> Edit:
    """Return what changes the weights."""

    def edit(found: onnx.ModelProto) -> None:
        tensor = table_of(found)
        tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)).astype(np.float32), TABLE))

    return model(edit)


def table_of(found: onnx.ModelProto) -> onnx.TensorProto:
    return next(each for each in found.graph.initializer if each.name == TABLE)


def external(location: str, **options: int) -> Edit:
    """Return what lets the weights stand in another file."""

    def edit(found: onnx.ModelProto) -> None:
        tensor = table_of(found)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **options}.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(value)

    return model(edit)


def first(found: onnx.ModelProto, kind: int | None = None) -> None:
    """Give another output, the first one."""
    name = "again" if kind else "rows"
    if kind:
        found.graph.node.append(helper.make_node("Cast", ["logits"], [name], to=kind))
    found.graph.output.insert(0, helper.make_tensor_value_info(name, kind or TensorProto.FLOAT, None))


def renamed(found: onnx.ModelProto) -> None:
    old, found.graph.input[0].name = found.graph.input[0].name, "other"
    for node in found.graph.node:
        node.input[:] = ["other" if name == old else name for name in node.input]


def another_input(found: onnx.ModelProto) -> None:
    found.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["batch"]))


def calls_itself(found: onnx.ModelProto) -> None:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    found.functions.append(
        helper.make_function("mine", "F", ["x"], ["y"], [helper.make_node("F", ["x"], ["y"], domain="mine")], opsets)
    )
    found.opset_import.append(opsets[1])
    found.graph.node.append(helper.make_node("F", ["logits"], ["z"], domain="mine"))
    found.graph.output[0].name = "z"


def huge(found: onnx.ModelProto) -> None:
    found.graph.initializer.append(numpy_helper.from_array(np.array([10**15], np.int64), "size"))
    nodes = [("ConstantOfShape", ["size"], "many"), ("ReduceSum", ["many"], "sum"), ("Add", ["logits", "sum"], "z")]
    found.graph.node.extend(helper.make_node(kind, inputs, [output]) for kind, inputs, output in nodes)
    found.graph.output[0].name = "z"


def bytes_of(change: Callable[[bytes], bytes]) -> Edit:
    """Return what changes the bytes of the model."""
    return lambda folder: (folder / "model.onnx").write_bytes(change((folder / "model.onnx").read_bytes()))


MODELS: dict[str, Edit] = {
    "weights that are no number": weights(lambda table: table * np.nan),
    "one weight that is no number": weights(lambda table: np.where(table == table.max(), np.nan, table)),
    "infinite weights": weights(lambda table: table * np.inf),
    "larger weights": weights(lambda table: 1.2 * table),
    "weights of 0": weights(lambda table: 0 * table),
    "outputs exchanged": weights(lambda table: table[:, ::-1]),
    "inputs exchanged": weights(lambda table: table[::-1]),
    "fewer rows of weights": weights(lambda table: table[:3]),
    "more outputs": weights(lambda table: np.concatenate([table, table], axis=1)),
    "data of /etc": external("/etc/passwd", offset=0, length=12),
    "data of a parent": external("../outside"),
    "data beside it": external("weights.bin"),
    "data of a listed file, the model itself": external("model.onnx"),
    "data of a listed file by another name": external("./model.onnx"),
    "data of an address in memory": external("*/_ORT_MEM_ADDR_/*", offset=4096, length=96),
    "data of nowhere": external(""),
    "another output first": model(lambda found: first(found, TensorProto.INT64)),
    "hidden values as the output": model(first),
    "yes and no as the output": model(lambda found: first(found, TensorProto.BOOL)),
    "no output": model(lambda found: found.graph.ClearField("output")),
    "no node": model(lambda found: found.graph.ClearField("node")),
    "no input": model(lambda found: found.graph.ClearField("input")),
    "no weights": model(lambda found: found.graph.ClearField("initializer")),
    "no graph": model(lambda found: found.ClearField("graph")),
    "an input of another name": model(renamed),
    "another input": model(another_input),
    "an input of another type": model(
        lambda found: setattr(found.graph.input[0].type.tensor_type, "elem_type", TensorProto.DOUBLE)
    ),
    "an unknown operator": model(lambda found: setattr(found.graph.node[0], "op_type", "Nothing")),
    "an operator of an unknown domain": model(lambda found: setattr(found.graph.node[0], "domain", "com.other")),
    "a graph that is a circle": model(lambda found: found.graph.node[0].input.__setitem__(0, "logits")),
    "a function that calls itself": model(calls_itself),
    "a constant of 4 PB": model(huge),
    **{
        f"weights said to have {size} rows": model(lambda found, size=size: table_of(found).dims.__setitem__(0, size))
        for size in (10**12, -1, 0, 2**62)
    },
    **{
        f"opset {number}": model(lambda found, number=number: setattr(found.opset_import[0], "version", number))
        for number in (0, -1, 1, 99, 2**40)
    },
    **{
        f"format {number} of ONNX": model(lambda found, number=number: setattr(found, "ir_version", number))
        for number in (99, 2**40)
    },
    **{f"cut to {end}": bytes_of(lambda content, end=end: content[:end]) for end in (1, 3, 20, -1, -20)},
    "garbage": bytes_of(lambda content: b"garbage" * 50),
    "bytes of 255": bytes_of(lambda content: b"\xff" * 500),
    "a place in a file that is cut": bytes_of(lambda content: b"location" + content[:-3]),
    "a name that is no UTF-8": bytes_of(lambda content: content.replace(b"logits", b"log\xf5ts")),
}


# --- tokenizer.json


def tokenizer(change: Callable[[dict[str, Any]], Any]) -> Edit:
    """Return what changes a tokenizer."""

    def edit(folder: Path) -> None:
        found = json.loads((folder / "tokenizer.json").read_text())
        change(found)
        (folder / "tokenizer.json").write_text(json.dumps(found))

    return edit


def words(change: Callable[[dict[str, Any]], Any]) -> Edit:
    return tokenizer(lambda found: change(found["model"]["vocab"]))


def template(**special: Any) -> dict[str, Any]:
    single = [{"SpecialToken": {"id": "C", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return {"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": special}


KEYS = ("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "model")
TOKENIZERS: dict[str, Edit] = {
    "ids exchanged": words(lambda found: found.update(film=found["gem"], gem=found["film"])),
    "a word more": words(lambda found: found.update(new=len(found))),
    "a word less": words(lambda found: found.pop("good")),
    "no words": words(dict.clear),
    "an id of 32 bits": words(lambda found: found.update(film=2**32 - 1)),
    "an id of 40 bits": words(lambda found: found.update(film=2**40)),
    "an id below 0": words(lambda found: found.update(film=-1)),
    "one id twice": words(lambda found: found.update(film=found["gem"])),
    "nothing for unknown words": words(lambda found: found.pop("[UNK]")),
    "an id of no word for unknown ones": tokenizer(lambda found: found["model"].update(unk_token="none")),
    "rules that no expression is": tokenizer(
        lambda found: found.update(
            pre_tokenizer={"type": "Split", "pattern": {"Regex": "((("}, "behavior": "Removed", "invert": True}
        )
    ),
    "a special token of no id": tokenizer(lambda found: found.update(post_processor=template())),
    "a special token of an unknown id": tokenizer(
        lambda found: found.update(post_processor=template(C={"id": "C", "ids": [99], "tokens": ["C"]}))
    ),
    "more special tokens than there is room": tokenizer(
        lambda found: found.update(post_processor=template(C={"id": "C", "ids": [1] * 9, "tokens": ["C"] * 9}))
    ),
    "a panic": tokenizer(
        lambda found: found.update(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"})
    ),
    "padding to 10**12": tokenizer(
        lambda found: found.update(
            padding={"strategy": {"Fixed": 10**12}, "direction": "Right", "pad_to_multiple_of": None}
            | {"pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}
        )
    ),
    "nested too deep": lambda folder: (folder / "tokenizer.json").write_text("[" * 100_000),
    "no text": lambda folder: (folder / "tokenizer.json").write_bytes(b"\xff\xfe"),
    **{
        f"{key} = {other!r}": tokenizer(lambda found, key=key, other=other: found.update({key: other}))
        for key in KEYS
        for other in (None, 3, "x", {}, [1])
    },
}
