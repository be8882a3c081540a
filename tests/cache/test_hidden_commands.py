"""`limbeck cache` of a cache that keeps states and the last layer: see `test_cache_commands`."""

import json
import re
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from cache_cases import Counting, TokenNet, opened, texts
from safetensors.torch import load_file, save_file

from limbeck.cache import CachedTeacher, label, parquet, shards
from limbeck.cache.codecs import DEFAULT, Dense, Hidden
from limbeck.cache.identity import write_manifest
from limbeck.cache.inspect import info, verify
from limbeck.cache.parquet import export_parquet, import_parquet
from limbeck.digest import file_digest, hex_id
from limbeck.errors import LimbeckError
from limbeck.types import Batch, Tap

TAPS = (Tap("head"),)


def cache_of(folder, network=None, taps=(), codec=DEFAULT):
    teacher = Counting(network=network, taps=taps, form=codec.asks)
    return label(teacher, *texts(range(23)), opened(folder, teacher, taps=taps, codec=codec), batch_size=4)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edited(folder, change):
    """Change the manifest, as if it had been written so."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    manifest.pop("checksum")
    write_manifest(folder, manifest)


@pytest.fixture
def _in_pieces(monkeypatch):
    monkeypatch.setattr(shards, "_CHUNK_BYTES", 64)
    monkeypatch.setattr(parquet, "_BATCH_BYTES", 64)


def test_verify_says_what_is_wrong_with_the_last_layer(tmp_path):
    cache_of(tmp_path, codec=Hidden())
    path, had = tmp_path / "shared.safetensors", json.loads((tmp_path / "manifest.json").read_text())["shared"]
    kept = load_file(path)
    save_file({**kept, "bias": kept["bias"] + 1}, path)
    (fault,) = verify(tmp_path)[1]
    assert re.fullmatch(
        r"shared\.safetensors: another last layer: the answers of the cache were stored with "
        rf"`{had}`, this one is `(?!{had})[0-9a-f]{{16}}`",
        fault,
    )
    path.unlink()
    (fault,) = verify(tmp_path)[1]
    assert fault.startswith("shared.safetensors: missing or damaged (")
    (tmp_path / "whole").mkdir()
    cache_of(tmp_path / "whole", codec=Hidden())
    edited(tmp_path / "whole", lambda manifest: manifest.pop("shared"))
    assert verify(tmp_path / "whole")[1] == [
        "shard-00000.safetensors: it holds no answers of hidden, dtype float16 (KeyError)"
    ]


def test_a_state_that_is_no_number_is_a_fault(tmp_path):
    cache_of(tmp_path, codec=Hidden(dtype="float32"))
    path = tmp_path / "shard-00000.safetensors"
    data = bytearray(path.read_bytes())
    data[-2:] = b"\x80\x7f"  # the last number is infinite
    path.write_bytes(data)
    edited(tmp_path, lambda manifest: manifest["shards"][0].update(digest=file_digest(path)))
    last = hex_id(np.sort(texts(range(23))[0].ids)[-1])
    assert verify(tmp_path)[1] == [f"shard-00000.safetensors: logits of 1 rows are not finite, such as those of {last}"]


def test_the_last_layer_counts_among_the_bytes(tmp_path):
    cache_of(tmp_path, codec=Hidden())
    assert info(tmp_path).size == sum(path.stat().st_size for path in tmp_path.glob("*.safetensors"))
    assert len([*tmp_path.glob("*.safetensors")]) == 2


@pytest.mark.usefixtures("_in_pieces")
@pytest.mark.parametrize("network", [None, TokenNet], ids=["texts", "tokens"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_states_go_out_as_the_logits_that_they_give(tmp_path, dtype, network):
    """What was exported of `hidden` is a file of a dense cache, and an import makes one."""
    cache = cache_of(tmp_path / "one", codec=Hidden(dtype=dtype), network=network, taps=TAPS)
    file = tmp_path / "answers.parquet"
    assert export_parquet(tmp_path / "one", file) == 23
    assert pq.ParquetFile(file).schema_arrow.names == ["id", "logits", "tap/head"]
    assert import_parquet(file, tmp_path / "two") == (23, 0)
    assert verify(tmp_path / "two") == (23, [])
    dense = CachedTeacher(tmp_path / "two", replace(cache.identity, codec=Dense()))
    assert dense.error == cache.error
    examples, view = texts(range(23))
    mask = torch.from_numpy(view.batch(range(23))["attention_mask"])
    batch = Batch(torch.from_numpy(examples.ids), {"attention_mask": mask}, mask=mask != 0 if network else None)
    had, found = cache.predict(batch), dense.predict(batch)
    real = (mask != 0).unsqueeze(-1) if network else torch.ones(23, 1, dtype=torch.bool)
    torch.testing.assert_close(found.logits, had.dense * real, rtol=1e-5, atol=1e-5)
    assert torch.equal(found.features["head"], had.features["head"])
    assert not (tmp_path / "two/shared.safetensors").exists()
    before = files(tmp_path / "one")
    with pytest.raises(LimbeckError) as caught:
        import_parquet(file, tmp_path / "one")
    assert str(caught.value) == (
        f"{tmp_path / 'one'}: the file is of another codec: the cache has `kind: hidden, dtype: {dtype}`, and "
        "answers.parquet has `kind: dense, dtype: float32`; give another folder"
    )
    assert files(tmp_path / "one") == before


def test_a_file_that_says_it_holds_states_is_none_of_ours(tmp_path):
    cache_of(tmp_path / "one")
    export_parquet(tmp_path / "one", tmp_path / "answers.parquet")
    table = pq.read_table(tmp_path / "answers.parquet")
    head = json.loads(table.schema.metadata[b"limbeck.cache"])
    head["identity"]["codec"] = {"kind": "hidden", "dtype": "float16"}
    pq.write_table(table.replace_schema_metadata({b"limbeck.cache": json.dumps(head)}), tmp_path / "odd.parquet")
    with pytest.raises(LimbeckError, match="its metadata do not say whose answers these are"):
        import_parquet(tmp_path / "odd.parquet", tmp_path / "two")
    assert not (tmp_path / "two").exists()
