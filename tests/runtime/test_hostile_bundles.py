"""A bundle that was edited, also by somebody who computed the checksums anew: one line, or the right answers."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_cases import FILES, MODELS, TOKENIZERS, WRITERS, external, of_json, seal_again

from limbeck.errors import LimbeckError
from limbeck.runtime import load
from limbeck.runtime.description import sealed
from limbeck.runtime.external import external_files

EDITS = {
    **{f"text, {name}": edit for name, edit in (FILES | MODELS | TOKENIZERS).items()},
    **{f"image, {name}": edit for name, edit in (FILES | MODELS).items() if "tokenizer" not in name},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[Any], list[Any]]]:
    """By modality a bundle, what it is asked, and the probabilities that it answers."""
    found = {}
    for kind, write in WRITERS.items():
        folder = tmp_path_factory.mktemp(kind)
        values = write(folder)
        found[kind] = folder, values, probabilities(folder, values)
    return found


@pytest.fixture
def edited_copy(whole, tmp_path: Path):
    """Return a function that makes a bundle anew."""

    def again(kind: str) -> Path:
        shutil.rmtree(tmp_path, ignore_errors=True)
        shutil.copytree(whole[kind][0], tmp_path / "bundle")
        return tmp_path / "bundle"

    return again


def probabilities(folder: Path, values: list[Any]) -> list[Any]:
    return [list(answer.probabilities.items()) for answer in load(folder).predict(values)]


def said_of(folder: Path, kind: str, whole) -> str | None:
    """Return the one line with which a bundle is refused; None: it gives the right answers."""
    _, values, expected = whole[kind]
    try:
        found = probabilities(folder, values)
    except LimbeckError as refusal:
        error = refusal
    else:
        require_equal(found, expected)
        return None
    line = str(error)
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert error.fix
    assert str(folder) in line
    return line


def require_equal(found: list[Any], expected: list[Any]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert [name for name, _ in one] == [name for name, _ in other]
        np.testing.assert_allclose([each for _, each in one], [each for _, each in other], atol=1e-3)


def test_there_are_enough() -> None:
    assert len(EDITS) >= 106


@pytest.mark.parametrize("seal", [False, True], ids=["as it is", "sealed again"])
@pytest.mark.parametrize("name", EDITS)
def test_an_edited_file_is_one_line(name: str, seal: bool, edited_copy, whole, capfd) -> None:
    kind, _, _ = name.partition(", ")
    folder = edited_copy(kind)
    EDITS[name](folder)
    if seal and (folder / "bundle.json").is_file() and 500 < (folder / "bundle.json").stat().st_size < 10**5:
        try:
            seal_again(folder)
        except ValueError:
            pytest.skip("there is nothing to seal")
    assert said_of(folder, kind, whole), "it is not the bundle that was exported"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seal", [False, True], ids=["as it is", "sealed again"])
@pytest.mark.parametrize("kind", WRITERS)
def test_any_value_of_bundle_json_is_one_line_or_decides_no_answer(kind: str, seal: bool, edited_copy, whole) -> None:
    folder = edited_copy(kind)
    info, lived_with = json.loads((folder / "bundle.json").read_text()), set()
    for name, text in of_json(info):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if found == info:
            continue
        again = seal and isinstance(found, dict) and name != "deep"
        (folder / "bundle.json").write_text(json.dumps(sealed(found)) if again else text)
        try:
            if said_of(folder, kind, whole) is None:
                lived_with.add(name.partition("'")[2].partition("'")[0])
        except BaseException as error:
            raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error
    assert lived_with <= ({"instructions", "limbeck", "precision", "threads", "checksum", "probe"} if seal else set())


def test_data_beside_the_model_is_read_where_bundle_json_lists_it(edited_copy, whole) -> None:
    """No export of ours writes such a file; another tool may."""
    import onnx

    folder = edited_copy("text")
    found = onnx.load(str(folder / "model.onnx"))
    table = next(each for each in found.graph.initializer if each.name == "table")
    (folder / "weights.bin").write_bytes(table.raw_data)
    external("weights.bin")(folder)
    with pytest.MonkeyPatch.context() as patch:
        for size in range(1, 20):  # wherever the file is divided
            patch.setattr("limbeck.runtime.external._AT_ONCE", size)
            assert external_files(folder / "model.onnx") == {"weights.bin"}
    seal_again(folder)
    assert "the model reads another file, `weights.bin`" in str(said_of(folder, "text", whole))
    info = json.loads((folder / "bundle.json").read_text())
    info["files"]["weights.bin"] = ""
    (folder / "bundle.json").write_text(json.dumps(info))
    seal_again(folder)
    assert said_of(folder, "text", whole) is None
    (folder / "weights.bin").write_bytes(b"\0" * len(table.raw_data))
    assert "`weights.bin` is not the file that was exported" in str(said_of(folder, "text", whole))


def test_a_newer_file_says_what_to_upgrade(edited_copy, whole) -> None:
    folder = edited_copy("image")
    MODELS["opset 99"](folder)
    seal_again(folder)
    line = said_of(folder, "image", whole)
    assert "Opset 99 is under development" in line
    assert "upgrade onnxruntime (" in line
