"""Pretrained word vectors from every form of file."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

from limbeck.errors import LimbeckError
from limbeck.models import build_model
from limbeck.models.embedding import TokenEmbedding
from limbeck.models.ngrams import NgramsSettings
from limbeck.models.vectors import read_vectors
from limbeck.runtime import TextForm, Vocabulary

WORDS = ("the", "cat", ". .", "sat", "the")
VECTORS = np.arange(15, dtype=np.float32).reshape(5, 3) / 8
VOCABULARY = Vocabulary(("<pad>", "<unk>", "cat", "the", "dog", ". ."), pad_id=0)


def npz(folder, words=WORDS, vectors=VECTORS, **more):
    np.savez(folder / "vectors.npz", words=np.array(words), vectors=vectors.astype(np.float16), **more)
    return str(folder / "vectors.npz")


def text(folder, header=""):
    lines = [f"{word} {' '.join(str(x) for x in row)}" for word, row in zip(WORDS, VECTORS, strict=True)]
    (folder / "glove.tiny.3d.txt").write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    return str(folder / "glove.tiny.3d.txt")


def asset(folder, monkeypatch):
    np.save(folder / "glove_6B_50d_emb.npy", VECTORS)
    pyarrow.parquet.write_table(pyarrow.table({"index": list(WORDS)}), folder / "glove_6B_index.parquet")
    monkeypatch.setattr("limbeck.assets.asset", lambda name: {"glove": folder}[name])
    return "glove"


@pytest.mark.parametrize("form", ["npz", "text", "header", "asset"])
def test_every_form_gives_the_same_rows(form, tmp_path, monkeypatch):
    source = {
        "npz": lambda: npz(tmp_path),
        "text": lambda: text(tmp_path),
        "header": lambda: text(tmp_path, header="5 3\n"),
        "asset": lambda: asset(tmp_path, monkeypatch),
    }[form]()
    indices, found = read_vectors(source, VOCABULARY.tokens, 3)
    assert indices.tolist() == [2, 3, 5]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, VECTORS[[1, 0, 2]])  # of the two "the", the first


def test_the_table_keeps_them_and_draws_the_rest(tmp_path):
    source = npz(tmp_path, words=("<pad>", "the", "cat", ". .", "sat"))
    tables = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        tables.append(TokenEmbedding(VOCABULARY, 3, std=0.1, vectors=source).table.weight)
    first, again, other = tables
    assert torch.equal(first, again)
    torch.testing.assert_close(first[3], torch.from_numpy(VECTORS[1]))
    assert not first[0].any()  # padding stays silent even if the file has a vector for it
    assert first[1].any()
    assert first[1].abs().max() < 1
    assert torch.equal(first[2:4], other[2:4])
    assert not torch.equal(first[1], other[1])


def test_a_network_starts_from_them(tmp_path):
    settings = NgramsSettings(dim=3, vectors=npz(tmp_path))
    network = build_model(settings, outputs=2, form=TextForm.of(VOCABULARY))
    torch.testing.assert_close(network.words.table.weight[3], torch.from_numpy(VECTORS[0]))
    with pytest.raises(LimbeckError, match=r"3 wide but `dim` is 16; set dim: 3"):
        build_model(NgramsSettings(vectors=npz(tmp_path)), outputs=2, form=TextForm.of(VOCABULARY))


def test_a_useless_file_is_refused(tmp_path):
    def refused(source, message):
        with pytest.raises(LimbeckError, match=message) as caught:
            read_vectors(str(source), VOCABULARY.tokens, 3)
        assert str(source) in str(caught.value)

    refused(tmp_path / "nowhere.txt", "no such file")
    refused(npz(tmp_path, words=("x", "y", "z", "u", "v")), "none of the vocabulary's tokens")
    refused(npz(tmp_path, words=("cat",)), r"do not belong together")
    refused(npz(tmp_path, vectors=np.full((5, 3), np.inf)), "not finite")
    np.savez(tmp_path / "other.npz", names=np.array(WORDS))
    refused(tmp_path / "other.npz", "`words` and `vectors`")
    np.savez(tmp_path / "pickled.npz", words=np.array(WORDS, dtype=object), vectors=VECTORS)
    refused(tmp_path / "pickled.npz", "allow_pickle=False")
    (tmp_path / "not.npz").write_text("plain text")
    refused(tmp_path / "not.npz", "not a file of word vectors")
    np.savez_compressed(tmp_path / "zeros.npz", words=np.array(WORDS), vectors=np.zeros((10**8, 0), np.int8))
    refused(tmp_path / "zeros.npz", "^[^ ]*zeros.npz: its arrays claim 800,000,0.. bytes")
    (tmp_path / "empty.txt").write_text("")
    refused(tmp_path / "empty.txt", "no word vectors")
    (tmp_path / "short.txt").write_text("the 1 2 3\ncat 1 2\n")
    refused(tmp_path / "short.txt", "line 2: 2 numbers instead of 3")
    (tmp_path / "words.txt").write_text("the 1 2 3\ncat 1 2 x\n")
    refused(tmp_path / "words.txt", "line 2: not a word and its numbers")


def test_bytes_that_are_not_utf8_are_skipped_over(tmp_path):
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe 1 2 3\n\xc2\x85 4 5 6\ncat 7 8 9\n")
    indices, found = read_vectors(str(tmp_path / "odd.txt"), VOCABULARY.tokens, 3)
    assert indices.tolist() == [2]
    assert found.tolist() == [[7, 8, 9]]
