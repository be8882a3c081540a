"""Content digests: the same value has the same name, on every machine and for ever."""

import hashlib
import json

import numpy as np
import pytest

from limbeck.digest import arrays_digest, content_id, digest, file_digest, identity_of


def example_id(fields):
    return content_id(identity_of(fields))


def test_the_order_of_keys_does_not_matter():
    left = {"a": 1, "b": {"c": [1, 2], "d": None}}
    right = {"b": {"d": None, "c": [1, 2]}, "a": 1}
    assert digest(left) == digest(right)
    assert digest([1, (2, 3)]) == digest([1, [2, 3]])


def test_every_other_difference_matters():
    values = [
        {"a": 1},
        {"a": 2},
        {"b": 1},
        {"a": "1"},
        {"a": 1.0},
        {"a": True},
        {"a": None},
        {"a": [1]},
        {},
        [],
        None,
        "",
        [1, 2],
        [2, 1],
        [[1], 2],
        "a",
        "A",
        "a ",
        "é",
        "e\u0301",
    ]
    assert len({digest(value) for value in values}) == len(values)


def test_a_digest_is_16_hex_digits_of_blake2b_over_canonical_json():
    text = json.dumps({"a": [1, "é"], "b": 0.1}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert text == '{"a":[1,"é"],"b":0.1}'
    expected = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    assert digest({"b": 0.1, "a": [1, "é"]}) == expected
    assert len(expected) == 16


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes", np.arange(3)])
def test_what_is_no_json_has_no_digest(value):
    with pytest.raises(TypeError):
        digest(value)


GOLDEN = {
    "": -5430903793024440472,
    "a": -7745934310555822189,
    "A film that lasts.": 746453936381871408,
    "日本語 🎬": 3285178936796528402,
    'quote " and \\ backslash\n': 3269726818869344053,
    "a lone \ud800 surrogate": 6069086274127757571,
}


@pytest.mark.parametrize(("text", "expected"), GOLDEN.items())
def test_the_id_of_an_example_never_changes(text, expected):
    """A cache that was made yesterday is keyed by these."""
    assert example_id({"text": text}) == expected


def test_an_id_fits_a_signed_64_bit_integer():
    ids = np.array([example_id({"text": str(n)}) for n in range(1000)], np.int64)
    assert len(set(ids.tolist())) == 1000
    assert (ids < 0).any()
    assert (ids > 0).any()


def test_an_id_names_fields_and_their_content():
    pair = {"premise": "a", "hypothesis": "b"}
    assert example_id(pair) == example_id({"hypothesis": "b", "premise": "a"})
    others = [{"premise": "b", "hypothesis": "a"}, {"premise": "a"}, {"text": "a"}, {"premise": "ab", "hypothesis": ""}]
    assert len({example_id(pair), *map(example_id, others)}) == 5


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path, size):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (tmp_path / "file").write_bytes(data)
    assert file_digest(tmp_path / "file") == hashlib.blake2b(data, digest_size=8).hexdigest()


def test_arrays_are_named_by_type_shape_bytes_and_order():
    rows = np.arange(6, dtype=np.int64)
    others = [
        (rows, rows),
        (rows.astype(np.int32),),
        (rows.astype(np.float64),),
        (rows.reshape(2, 3),),
        (rows.reshape(3, 2),),
        (rows[:3], rows[3:]),
        (rows[3:], rows[:3]),
        (rows[::-1],),
        (rows[:0],),
        (),
    ]
    assert len({arrays_digest(*arrays) for arrays in [(rows,), *others]}) == 1 + len(others)
    assert arrays_digest(rows) == arrays_digest(np.repeat(rows, 2)[::2]), "the numbers count, not where they lie"
    assert len(arrays_digest(rows)) == 16
