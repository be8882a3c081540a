"""Copies of sounds: a function of key, number and settings, bit by bit; and they do what each setting says."""

import numpy as np
import pytest
from audio_cases import tone
from pydantic import ValidationError

from limbeck.modalities.audio import AudioAugmentSettings, AudioModality

WIDTH = 1000
NOTHING = {"copies": 1, "shift": 0, "gain": 0, "speed": 0}
ALL = {"copies": 3, "shift": 0.3, "gain": 6, "noise": 10, "speed": 0.2}


def made(rows=12, *, width=WIDTH):
    lengths = np.array([width, 1, 2, width // 2, *([width * 3 // 4] * (rows - 4))], np.int64)
    samples = np.stack([tone(width, hertz=200 + 30 * row, seed=row) for row in range(rows)])
    return {"samples": np.where(np.arange(width) < lengths[:, None], samples, np.float32(0)), "lengths": lengths}


def draw(arrays, *, keys=None, numbers=None, **settings):
    rows = len(arrays["lengths"])
    keys = np.arange(rows, dtype=np.int64) * 7_919 - 5 if keys is None else keys
    numbers = np.ones(rows, np.int64) if numbers is None else numbers
    return AudioModality().draw(arrays, keys, numbers, AudioAugmentSettings(**{"copies": 1, **settings}))


def same(first, second):
    return all(np.array_equal(first[name], second[name]) for name in ("samples", "lengths"))


def test_shapes_and_types_stay_and_what_goes_in_is_left_alone():
    arrays = made()
    before = {name: array.copy() for name, array in arrays.items()}
    found = draw(arrays, **ALL)
    assert same(arrays, before)
    for name, array in before.items():
        assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype)
    assert np.isfinite(found["samples"]).all()
    assert np.abs(found["samples"]).max() <= 1
    assert ((found["lengths"] >= 1) & (found["lengths"] <= WIDTH)).all()
    behind = np.arange(WIDTH) >= found["lengths"][:, None]
    assert not found["samples"][behind].any()


def test_a_row_is_the_same_alone_in_company_and_in_any_order():
    arrays, keys = made(), np.array([3, -9, 2**62, 0, 1, 5, 6, 7, 8, 9, 10, 11])
    copies = np.arange(12) % 3 + 1
    together = draw(arrays, keys=keys, numbers=copies, **ALL)
    assert same(together, draw(arrays, keys=keys, numbers=copies, **ALL))
    order = np.random.default_rng(0).permutation(12)
    for rows in (order, *([row] for row in range(12))):
        some = {name: array[rows] for name, array in arrays.items()}
        found = draw(some, keys=keys[rows], numbers=copies[rows], **ALL)
        assert same(found, {name: array[rows] for name, array in together.items()})


def test_a_faster_copy_ends_with_the_last_sample_that_is_begun(monkeypatch):
    draws = [1, 0.5, 0.5, 0, 0]
    monkeypatch.setattr("limbeck.modalities.audio.augment.uniform", lambda keys, *_: np.ones((len(keys), 5)) * draws)
    arrays = made(rows=4)
    found = draw(arrays, **{**NOTHING, "speed": 0.3})
    assert found["lengths"].tolist() == [770, 1, 2, 385], "1,000, 1, 2 and 500 over 1.3, upwards"


def test_key_copy_and_seed_each_make_another_one():
    arrays = {name: np.repeat(array[:1], 2, axis=0) for name, array in made().items()}
    for keys, copies in (([1, 2], [1, 1]), ([1, 1], [1, 2])):
        found = draw(arrays, keys=np.array(keys), numbers=np.array(copies), **ALL)
        assert not np.array_equal(found["samples"][0], found["samples"][1])
    assert not same(draw(arrays, **ALL), draw(arrays, **ALL, seed=1))


def test_more_copies_add_to_fewer():
    assert same(draw(made(), **ALL), draw(made(), **{**ALL, "copies": 9}))


def test_a_gain_is_within_its_decibels_and_of_a_row():
    arrays = {"samples": made(200)["samples"] * np.float32(0.3), "lengths": made(200)["lengths"]}
    found = draw(arrays, **{**NOTHING, "gain": 6})
    assert np.array_equal(found["lengths"], arrays["lengths"])
    decibels = 20 * np.log10(np.abs(found["samples"]).max(axis=1) / np.abs(arrays["samples"]).max(axis=1))
    assert -6.01 <= decibels.min() < -5
    assert 5 < decibels.max() <= 6.01
    for row in (0, 3, 9):
        inside = slice(0, arrays["lengths"][row])
        ratio = found["samples"][row, inside] / arrays["samples"][row, inside]
        np.testing.assert_allclose(ratio[np.isfinite(ratio)], 10 ** (decibels[row] / 20), rtol=1e-5)


def test_a_shift_moves_a_sound_and_its_end():
    arrays = made(60)
    found = draw(arrays, **{**NOTHING, "shift": 0.25})
    earlier = later = 0
    for row in range(4, 60):
        moved = int(found["lengths"][row] - arrays["lengths"][row])
        assert abs(moved) <= 0.25 * arrays["lengths"][row] + 1
        before, after = arrays["samples"][row], found["samples"][row]
        if moved >= 0:
            later += 1
            np.testing.assert_array_equal(after[moved:], before[: WIDTH - moved])
            assert not after[:moved].any()
        else:
            earlier += 1
            np.testing.assert_array_equal(after[:moved], before[-moved:])
    assert min(earlier, later) > 15


def test_a_speed_changes_pitch_and_length_together():
    width = 4000
    lengths = np.full(40, 3000, np.int64)
    wave = np.sin(2 * np.pi * 0.02 * np.arange(width)).astype(np.float32)
    samples = np.where(np.arange(width) < 3000, np.tile(wave, (40, 1)), np.float32(0))
    found = draw({"samples": samples, "lengths": lengths}, **{**NOTHING, "speed": 0.2})
    speeds = 3000 / found["lengths"]
    assert 0.79 < speeds.min() < 0.85
    assert 1.15 < speeds.max() < 1.21
    for row, speed in enumerate(speeds):
        inside = found["samples"][row, : found["lengths"][row]]
        crossings = np.count_nonzero(np.diff(np.signbit(inside))) / len(inside)
        assert crossings == pytest.approx(0.04 * speed, rel=0.03)
        # Between two samples it is the line through them, which of this tone is 0.002 off; their steps are 0.12.
        speeds_tried = 1 + np.linspace(-0.2, 0.2, 4001)
        errors = np.abs(inside[:50] - np.sin(2 * np.pi * 0.02 * speeds_tried[:, None] * np.arange(50))).max(axis=1)
        assert errors.min() < 0.02


@pytest.mark.parametrize("noise", [10, 40])
def test_noise_lies_so_many_decibels_below_the_sound(noise):
    arrays = {name: array[4:] for name, array in made(40, width=8000).items()}
    arrays["samples"] = arrays["samples"] * np.float32(0.2)
    found = draw(arrays, **{**NOTHING, "noise": noise})
    added, lengths = found["samples"] - arrays["samples"], arrays["lengths"]
    power = [np.square(array, dtype=np.float64).sum(axis=1) / lengths for array in (arrays["samples"], added)]
    below = 10 * np.log10(power[0] / power[1])
    assert noise - 0.5 < below.min() < noise + 5
    assert noise + 15 < below.max() < noise + 20.5
    assert not added[:, lengths[0] :].any()
    # White: no sample tells of the next one, nor one row's noise of another's.
    inside = added[:, : lengths[0]]
    assert abs(np.mean([np.corrcoef(row[1:], row[:-1])[0, 1] for row in inside])) < 0.02
    assert np.abs(np.corrcoef(inside) - np.eye(len(inside))).max() < 0.1


def test_settings_that_change_nothing_are_refused():
    with pytest.raises(ValidationError, match="leave every copy as its sound is"):
        AudioAugmentSettings(**NOTHING)
    assert AudioModality.keeps_label
