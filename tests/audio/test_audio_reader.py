"""The reader of sounds: one rate, one length, the same arrays after it was saved and loaded."""

import sys

import numpy as np
import pytest
from audio_cases import encoded, tone

from limbeck.data.modality import Column
from limbeck.errors import LimbeckError
from limbeck.modalities.audio import AudioModality, AudioReads
from limbeck.runtime import sounds
from limbeck.runtime.bundle import READERS
from limbeck.runtime.readers.audio import AudioReader

COLUMN = Column("clip", "rows.csv", "data.audio")


def clips(*cells):
    return AudioModality().values(cells, COLUMN)


def reads(**options):
    return AudioReads(kind="audio", **options)


def test_shorter_sounds_are_filled_and_longer_ones_cut():
    samples = tone(1000)
    cells = [samples[:1], samples[:600], samples[:800], samples]
    centre, start = (AudioReader(8000, 800, crop).encode(cells).arrays for crop in ("centre", "start"))
    assert centre["samples"].shape == (4, 800)
    assert centre["samples"].dtype == np.float32
    assert centre["lengths"].tolist() == [1, 600, 800, 800]
    assert centre["lengths"].dtype == np.int64
    np.testing.assert_array_equal(centre["samples"][1, :600], samples[:600])
    assert not centre["samples"][1, 600:].any()
    np.testing.assert_array_equal(centre["samples"][3], samples[100:900])
    np.testing.assert_array_equal(start["samples"][3], samples[:800])
    np.testing.assert_array_equal(start["samples"][:3], centre["samples"][:3])


def test_sounds_of_two_rates_are_brought_to_one():
    wave = np.sin(2 * np.pi * 300 * np.arange(4800) / 48000).astype(np.float32) / 2
    cells = [{"array": wave, "sampling_rate": 48000}, {"array": wave[::6], "sampling_rate": 8000}]
    arrays = reads(rate=8000, seconds=0.1).fit(clips(*cells)).encode(cells).arrays
    assert arrays["lengths"].tolist() == [800, 800]
    assert np.abs(arrays["samples"][0] - arrays["samples"][1])[50:-50].max() < 1e-3


def test_no_rows_are_no_rows():
    arrays = AudioReader(8000, 10).encode([]).arrays
    assert arrays["samples"].shape == (0, 10)
    assert arrays["lengths"].shape == (0,)


@pytest.mark.parametrize("values", ["a.wav", encoded(tone()), {"bytes": encoded(tone())}])
def test_one_sound_is_no_list_of_sounds(values):
    with pytest.raises(TypeError, match="give a list of sounds"):
        AudioReader(8000, 10).encode(values)


def test_a_sound_that_cannot_be_read_is_called_by_its_path_or_counted_from_1():
    with pytest.raises(
        LimbeckError, match=r"^nowhere.wav: the file cannot be read .*; mend the path, or leave it out$"
    ):
        AudioReader(8000, 10).encode([tone(), "nowhere.wav"])
    with pytest.raises(LimbeckError, match=r"^sound 2: the file in the cell is no wav, flac or ogg file"):
        AudioReader(8000, 10).encode([tone(), b"a text"])


# --- what is not said is taken from the training sounds ---------------------------------------------------------------


def test_rate_and_length_are_those_of_the_training_sounds():
    reader = reads().fit(clips(encoded(tone(700)), encoded(tone(900)), tone(100)))
    assert (reader.rate, reader.samples, reader.crop) == (8000, 900, "centre")
    assert reads(rate=16000).fit(clips(encoded(tone(700)))).samples == 1400
    assert reads(rate=16000, seconds=0.25).fit(clips(tone(700))).samples == 4000


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        (
            (encoded(tone()), encoded(tone(), 16000)),
            "reads.rate: the training sounds have 2 rates: 8,000, 16,000; set reads.rate=8000",
        ),
        (
            (tone(), tone(9)),
            "reads.rate: the training sounds are arrays that come without a rate; set reads.rate=16000",
        ),
        (({"array": np.zeros(31_001), "sampling_rate": 1000},), "reads.seconds: the longest training sound has 31.0 s"),
    ],
    ids=["two rates", "no rate", "too long"],
)
def test_what_the_training_sounds_do_not_say_is_asked_for(cells, line):
    with pytest.raises(LimbeckError) as caught:
        reads().fit(clips(*cells))
    assert str(caught.value).startswith(line)


def test_sounds_that_are_cut_are_said(capsys):
    reads(seconds=0.1).fit(clips(encoded(tone(801)), encoded(tone(800)), encoded(tone(900))))
    said = capsys.readouterr()
    assert "2 of 3 training sounds are longer than 0.1 s: centre kept" in said.out + said.err
    reads().fit(clips(encoded(tone(800)), encoded(tone(801))))
    said = capsys.readouterr()
    assert "longer" not in said.out + said.err


# --- saved, loaded, named --------------------------------------------------------------------------------------------


def test_what_was_saved_reads_as_before(tmp_path):
    first = AudioReader(8000, 500, "start")
    info = first.save(tmp_path)
    assert info.keys() == first.needs.keys()
    assert all(isinstance(info[key], kind) for key, kind in first.needs.items())
    second = READERS["audio"].load(tmp_path, {"kind": "audio", **info})
    assert second.digest == first.digest
    cells = [encoded(tone(700), 16000, "flac"), tone(300)]
    for name, array in first.encode(cells).arrays.items():
        np.testing.assert_array_equal(second.encode(cells).arrays[name], array)


def test_the_digest_names_all_that_decides(monkeypatch):
    readers = [
        AudioReader(8000, 500),
        AudioReader(8001, 500),
        AudioReader(8000, 501),
        AudioReader(8000, 500, "start"),
    ]
    assert len({reader.digest for reader in readers}) == 4
    before = readers[0].digest
    for library in ("soundfile", "libsndfile", "soxr"):
        held = sounds.versions()
        monkeypatch.setattr(
            "limbeck.runtime.readers.audio.versions", lambda held=held, name=library: {**held, name: "0"}
        )
        assert readers[0].digest != before, library


@pytest.mark.parametrize("info", [(0, 10, "centre"), (8000, 0, "centre")])
def test_a_reader_of_nothing_is_refused(info):
    with pytest.raises(ValueError, match="no sound"):
        AudioReader(*info)


def test_the_example_has_the_shape_of_what_is_encoded():
    reader = AudioReader(8000, 333)
    form, rows = reader.form, reader.encode([tone(), tone(20)]).arrays
    assert (form.kind, form.rate, form.samples) == ("audio", 8000, 333)
    assert {name: (array.shape, array.dtype) for name, array in form.example.items()} == {
        name: (array.shape, array.dtype) for name, array in rows.items()
    }
    assert form.axes == {name: {0: "batch"} for name in rows}
    assert form.example["lengths"].tolist() == [333, 167]
    assert not form.example["samples"][1, 167:].any()


def test_serving_imports_nothing_that_makes_students():
    import subprocess

    script = (
        "import sys, numpy as np\nfrom limbeck.runtime.readers.audio import AudioReader\n"
        "AudioReader(8000, 9).encode([np.zeros(5, np.float32)])\n"
        "held = {name.partition('.')[0] for name in sys.modules}\n"
        "print(held & {'torch', 'pydantic', 'scipy', 'sklearn', 'soundfile', 'soxr'})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_centre_of_an_odd_rest_lies_towards_the_start():
    samples = tone(5)
    found = AudioReader(8000, 2).encode([samples]).arrays["samples"]
    np.testing.assert_array_equal(found[0], samples[1:3])


def test_a_length_that_floats_fall_short_of_is_whole():
    """1.001 seconds of 1,000 samples are 1,000.9999999999999."""
    assert reads().fit(clips({"array": np.zeros(1001), "sampling_rate": 1000})).samples == 1001
