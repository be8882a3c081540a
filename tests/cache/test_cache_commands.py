"""`limbeck cache`: what is there, whether it is whole, and out of one cache into another."""

import json
import os
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cache_cases import CLASSES, Counting, TokenNet, answers, identity, opened, texts
from typer.testing import CliRunner

from limbeck import cli_cache
from limbeck.cache import CachedTeacher, label, parquet, shards
from limbeck.cache.codecs import Dense, Hidden, SampledCodec, TopKCodec
from limbeck.cache.identity import write_manifest
from limbeck.cache.inspect import caches_in, info, one_cache_in, verify
from limbeck.cache.parquet import export_parquet, import_parquet
from limbeck.digest import file_digest, hex_id
from limbeck.errors import LimbeckError
from limbeck.files import write_json
from limbeck.types import Tap


def cache_of(folder, rows=range(23), network=None, taps=(), **other):
    form = other["codec"].asks if "codec" in other else "dense"
    teacher = Counting(network=network, taps=taps, form=form)
    return label(teacher, *texts(rows), opened(folder, teacher, taps=taps, **other), batch_size=4)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def said(*line):
    """Return the exit code and what a command prints."""
    found = CliRunner().invoke(cli_cache.app, [*map(str, line)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.output


# --- info -----------------------------------------------------------------------------------------------------------


def test_info_says_whose_answers_they_are(tmp_path):
    cache = cache_of(tmp_path / "answers/teacher", codec=Dense(dtype="float16"), version="mine 1")
    with cache.changing() as others:
        claim = cache.claim(np.arange(5), others)
    found = json.loads(said("info", tmp_path / "answers", "--json")[1])
    assert len(found) == 1
    size = (tmp_path / "answers/teacher/shard-00000.safetensors").stat().st_size
    assert found[0] == {
        "folder": str(tmp_path / "answers/teacher"),
        **cache.identity.recorded,
        "error": cache.error,
        "rows": 23,
        "bytes": size,
        "bytes_a_row": size / 23,
        "shards": 1,
        "unsealed": 0,
        "locks": [{"holder": f"process {os.getpid()}", "rows": 5}],
    }
    claim.release()
    code, text = said("info", tmp_path / "answers/teacher")
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in text.splitlines()[1:])
    assert lines["version"] == "mine 1, unverifiable"
    assert lines["teacher"] == cache.digest
    assert re.fullmatch(r"dense, dtype float16; a logit differs by [\d.e-]+ at most", lines["codec"])
    assert lines["lock"] == "nobody writes there"
    assert caches_in(tmp_path / "answers/teacher") == [tmp_path / "answers/teacher"]


def test_a_folder_of_no_cache_or_of_several(tmp_path):
    with pytest.raises(LimbeckError, match=r"no cache is there: no manifest\.json"):
        caches_in(tmp_path)
    cache_of(tmp_path / "cache/a")
    cache_of(tmp_path / "cache/b", outputs=CLASSES, version="2")
    assert [path.name for path in caches_in(tmp_path)] == ["a", "b"], "of a run's folder too"
    with pytest.raises(LimbeckError, match=r"2 caches are there: .*a, .*b; give one of them"):
        one_cache_in(tmp_path)


# --- verify ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [None, TokenNet])
@pytest.mark.parametrize(
    "codec", [Dense(), Dense(dtype="uint8"), TopKCodec(k=2), SampledCodec(draws=4), Hidden()], ids=str
)
def test_what_was_written_is_whole(tmp_path, codec, network):
    cache_of(tmp_path, codec=codec, network=network)
    assert verify(tmp_path) == (23, [])
    code, text = said("verify", tmp_path)
    assert (code, text.strip()) == (0, f"{tmp_path}: 23 rows, as they were written")


def edited(folder, change):
    """Change the manifest, as if it had been written so."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    manifest.pop("checksum")
    write_manifest(folder, manifest)


def test_verify_says_each_fault_with_both_values(tmp_path):
    cache_of(tmp_path)
    path = tmp_path / "shard-00000.safetensors"
    had, data = file_digest(path), bytearray(path.read_bytes())
    data[-2:] = b"\x80\x7f"  # the last number is infinite
    path.write_bytes(data)

    def more(manifest):
        manifest["shards"][0]["rows"] = manifest["count"] = 24

    edited(tmp_path, more)
    rows, faults = verify(tmp_path)
    last = hex_id(np.sort(texts(range(23))[0].ids)[-1])
    assert rows == 24
    assert faults == [
        f"shard-00000.safetensors: its checksum is `{file_digest(path)}`, and the manifest has `{had}`",
        "shard-00000.safetensors: it holds 23 rows, and the manifest has 24",
        f"shard-00000.safetensors: logits of 1 rows are not finite, such as those of {last}",
    ]
    code, text = said("verify", tmp_path)
    assert code == 2
    assert all(fault in text for fault in faults)
    code, text = said("verify", tmp_path, "--json")
    assert code == 2
    assert json.loads(text) == [{"folder": str(tmp_path), "rows": 24, "faults": faults}]
    path.unlink()
    assert verify(tmp_path)[1] == ["shard-00000.safetensors: the shard is missing, and the manifest has 24 rows of it"]


def test_an_id_in_two_shards_and_other_outputs_are_faults(tmp_path):
    cache_of(tmp_path)

    def twice(manifest):
        manifest["shards"].append({**manifest["shards"][0], "file": "shard-00001.safetensors"})
        manifest["count"] *= 2
        manifest["identity"]["outputs"] = 4

    (tmp_path / "shard-00001.safetensors").write_bytes((tmp_path / "shard-00000.safetensors").read_bytes())
    edited(tmp_path, twice)
    first = hex_id(np.sort(texts(range(23))[0].ids)[0])
    assert verify(tmp_path)[1] == [
        "shard-00000.safetensors: its logits have 3 outputs, and the manifest has 4",
        "shard-00001.safetensors: its logits have 3 outputs, and the manifest has 4",
        f"23 ids stand twice, such as {first} in shard-00000.safetensors and in shard-00001.safetensors",
    ]


# --- export and import ----------------------------------------------------------------------------------------------


@pytest.fixture
def _in_pieces(monkeypatch):
    monkeypatch.setattr(shards, "_CHUNK_BYTES", 64)
    monkeypatch.setattr(parquet, "_BATCH_BYTES", 64)


TAPS = (Tap("head"), Tap("words", "tokens"))


@pytest.mark.usefixtures("_in_pieces")
@pytest.mark.parametrize(
    ("codec", "network", "taps"),
    [
        (Dense(), None, ()),
        (Dense(dtype="float16"), None, ()),
        (Dense(dtype="uint8"), None, ()),
        (TopKCodec(k=2), None, ()),
        (SampledCodec(draws=4), None, ()),
        (Dense(), TokenNet, ()),
        (TopKCodec(k=2), TokenNet, ()),
        (Dense(), None, TAPS),
    ],
    ids=["float32", "float16", "uint8", "topk", "sampled", "tokens", "topk of tokens", "taps"],
)
def test_out_and_in_again_is_the_same_cache(tmp_path, codec, network, taps):
    cache = cache_of(tmp_path / "one", codec=codec, network=network, taps=taps)
    file = tmp_path / "answers.parquet"
    assert export_parquet(tmp_path / "one", file) == 23
    assert pq.ParquetFile(file).num_row_groups > 1, "never whole in memory"
    assert import_parquet(file, tmp_path / "two") == (23, 0)
    assert files(tmp_path / "two") == files(tmp_path / "one")
    assert import_parquet(file, tmp_path / "two") == (0, 23)
    assert files(tmp_path / "two") == files(tmp_path / "one")
    assert verify(tmp_path / "two") == (23, [])
    assert len(CachedTeacher(tmp_path / "two", cache.identity)) == 23


def test_what_is_exported_is_read_by_anybody(tmp_path):
    cache = cache_of(tmp_path / "one")
    export_parquet(tmp_path / "one", tmp_path / "answers.parquet")
    table = pq.read_table(tmp_path / "answers.parquet").to_pydict()
    examples = texts(range(23))[0]
    wanted = {hex_id(key): row for key, row in zip(examples.ids, answers(cache, examples).values(), strict=True)}
    assert dict(zip(table["id"], table["logits"], strict=True)) == wanted


def test_rows_of_two_caches_become_one(tmp_path):
    two, three = cache_of(tmp_path / "two", range(10, 30)), cache_of(tmp_path / "three", range(30, 40))
    file = tmp_path / "two.parquet"
    export_parquet(tmp_path / "two", file)
    assert import_parquet(file, tmp_path / "three") == (20, 0)
    whole, rows = opened(tmp_path / "three", three), texts(range(10, 30))[0]
    assert len(whole) == 30
    assert answers(whole, rows) == answers(two, rows)
    assert verify(tmp_path / "three") == (30, [])
    before = files(tmp_path / "three")
    changed(file, _other)
    why = r"has another answer: the cache has logits [^;]*, and two\.parquet has logits 0\.5, "
    with pytest.raises(LimbeckError, match=why):
        import_parquet(file, tmp_path / "three")
    assert files(tmp_path / "three") == before


def _other(rows):
    rows["logits"][7][0] = 0.5
    return rows


def changed(path, change):
    """Write an exported file with other rows, and the same words of whose answers they are."""
    table = pq.read_table(path)
    columns = change(table.to_pydict())
    pq.write_table(pa.table(columns).replace_schema_metadata(table.schema.metadata), path)


def _nan(rows):
    rows["logits"][3][1] = float("nan")
    return rows


def _wide(rows):
    return rows | {"logits": [[*row, 0.0] for row in rows["logits"]]}


def _null(rows):
    rows["logits"][3] = None
    return rows


def _twice(rows):
    rows["id"][4] = rows["id"][3]
    return rows


def _words(rows):
    return rows | {"logits": [["a", "b", "c"] for _ in rows["logits"]]}


def _truths(rows):
    return rows | {"logits": [[True, False, True] for _ in rows["logits"]]}


def _short(rows):
    rows["id"][2] = "abc"
    return rows


@pytest.mark.usefixtures("_in_pieces")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_nan, r"column logits: [0-9a-f]{16} is not finite, or no float32: .*nan"),
        (_wide, r"column logits: [0-9a-f]{16} has 4 numbers, and the cache 3; import what was exported of the same"),
        (_null, r"column logits: a row has no answer"),
        (_words, r"column logits: a row has no answer of numbers"),
        (_truths, r"column logits: a row has no answer of numbers"),
        (_twice, r"[0-9a-f]{16} stands twice: with logits .*, and with logits"),
        (_short, r"column id: `abc` is no id of 16 hex digits"),
        (lambda rows: {"id": rows["id"]}, "it has no column `logits`"),
    ],
    ids=["nan", "width", "null", "words", "truths", "twice", "id", "column"],
)
@pytest.mark.parametrize("there", [True, False])
def test_half_an_import_leaves_nothing(tmp_path, change, why, there):
    cache_of(tmp_path / "one")
    file = tmp_path / "answers.parquet"
    export_parquet(tmp_path / "one", file)
    changed(file, change)
    folder = tmp_path / "two"
    if there:
        cache_of(folder, range(40, 50))
    before = files(folder) if there else None
    with pytest.raises(LimbeckError, match=why):
        import_parquet(file, folder)
    assert files(folder) == before if there else not folder.exists()


def test_a_permuted_file_is_the_same_cache(tmp_path):
    cache_of(tmp_path / "one")
    file = tmp_path / "answers.parquet"
    export_parquet(tmp_path / "one", file)
    changed(file, lambda rows: {name: column[::-1] for name, column in rows.items()})
    import_parquet(file, tmp_path / "two")
    assert files(tmp_path / "two") == files(tmp_path / "one")


def test_a_file_of_another_teacher_and_one_that_does_not_say(tmp_path):
    mine = cache_of(tmp_path / "one")
    other = Counting(seed=1)
    label(other, *texts(range(5)), opened(tmp_path / "two", other))
    file = tmp_path / "answers.parquet"
    export_parquet(tmp_path / "two", file)
    wanted = f"another teacher: the cache has `{mine.digest}`, and answers.parquet has `{other.digest}`"
    with pytest.raises(LimbeckError, match=wanted):
        import_parquet(file, tmp_path / "one")
    pq.write_table(pq.read_table(file).replace_schema_metadata(None), file)
    with pytest.raises(LimbeckError, match="its metadata do not say whose answers these are"):
        import_parquet(file, tmp_path / "one")
    file.write_text("id,logits\n")
    with pytest.raises(LimbeckError, match="no parquet file"):
        import_parquet(file, tmp_path / "one")
    empty = {"identity": identity(other).recorded, "count": 0, "error": 0.0, "shards": [], "replaced": []}
    write_json(tmp_path / "three/manifest.json", empty)
    with pytest.raises(LimbeckError, match="the cache holds no answers"):
        export_parquet(tmp_path / "three", file)


@pytest.mark.parametrize("name", ["one/manifest.json", "one/shard-00000.safetensors", "recipe.yaml", "answers"])
def test_an_export_replaces_no_file_of_another_form(tmp_path, name):
    cache_of(tmp_path / "one")
    (tmp_path / "recipe.yaml").write_text("mine")
    before = files(tmp_path / "one")
    with pytest.raises(LimbeckError, match=f"written as a parquet file; call it {(tmp_path / name).stem}.parquet"):
        export_parquet(tmp_path / "one", tmp_path / name)
    assert files(tmp_path / "one") == before
    assert (tmp_path / "recipe.yaml").read_text() == "mine"


def test_a_file_that_asks_for_more_memory_than_there_is(tmp_path):
    """How many outputs it has is what the file says, and room was made for them."""
    cache_of(tmp_path / "one")
    file = tmp_path / "answers.parquet"
    export_parquet(tmp_path / "one", file)
    table = pq.read_table(file)
    head = json.loads(table.schema.metadata[b"limbeck.cache"])
    head["identity"]["outputs"] = 10**14
    pq.write_table(table.replace_schema_metadata({b"limbeck.cache": json.dumps(head)}), file)
    with pytest.raises(LimbeckError, match="its metadata do not say whose answers these are"):
        import_parquet(file, tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_rows_that_somebody_labels_now_are_not_imported(tmp_path):
    cache = cache_of(tmp_path / "one")
    export_parquet(tmp_path / "one", tmp_path / "answers.parquet")
    late = CachedTeacher(tmp_path / "two", cache.identity)
    with late.changing() as others:
        claim = late.claim(texts([3])[0].ids, others)
    with pytest.raises(LimbeckError, match=r"process .* labels some of these rows now; wait for its end"):
        import_parquet(tmp_path / "answers.parquet", tmp_path / "two")
    claim.release()
    assert import_parquet(tmp_path / "answers.parquet", tmp_path / "two") == (23, 0)


def test_a_new_folder_becomes_a_cache_path(tmp_path):
    """A run with this `cache.path` finds them under the name that they had."""
    cache_of(tmp_path / "answers/teacher-exact")
    cache_of(tmp_path / "run/cache" / opened(tmp_path / "answers/teacher-exact", Counting()).identity.name)
    for number, folder in enumerate(("answers", "run")):
        file = tmp_path / f"{number}.parquet"
        assert said("export", tmp_path / folder, file)[0] == 0
        assert said("import", file, tmp_path / "new") == (
            0,
            f"{tmp_path / 'new' / ('teacher', 'teacher-exact')[number == 0]}: 23 rows added\n",
        )
    assert (tmp_path / "new/.limbeck/written.txt").read_text().startswith("limbeck cache, format 1\n+ teacher-exact/")
    assert info(tmp_path / "new/teacher").rows == 23
    assert said("import", tmp_path / "0.parquet", tmp_path / "new/teacher")[1].endswith("0 rows added, 23 were there\n")
    with pytest.raises(LimbeckError, match="something else than a cache is there"):
        said("import", tmp_path / "0.parquet", tmp_path / "run")
