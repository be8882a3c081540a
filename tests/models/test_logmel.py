"""The log-mel spectrogram in a network is that of its definition, computed in float64 loops, and blind to padding."""

import math

import numpy as np
import pytest
import torch

from limbeck.errors import LimbeckError
from limbeck.modalities.audio.mel import FLOOR, Mel, levelled as levelled_numpy
from limbeck.models.audio_cnn import levelled
from limbeck.models.logmel import LogMel

CLOSE = 2e-4


def by_definition(samples, rate, bands):
    """Return (frames, bands): frame, Hann window of unit power, Fourier transform, HTK's mel triangles, logarithm."""
    window, hop = round(0.025 * rate), round(0.010 * rate)
    size = 1
    while size < window:
        size *= 2
    hann = np.array([0.5 * (1 - math.cos(2 * math.pi * n / window)) for n in range(window)])
    hann /= math.sqrt(sum(value**2 for value in hann))
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = [700 * (10 ** (top * edge / (bands + 1) / 2595) - 1) for edge in range(bands + 2)]
    frames = []
    for start in range(0, len(samples), hop):
        frame = np.zeros(window)
        held = samples[start : start + window].astype(np.float64)
        frame[: len(held)] = held
        power = np.abs(np.fft.rfft(frame * hann, size)) ** 2
        row = []
        for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
            total = 0.0
            for number, value in enumerate(power):
                hertz = number * rate / size
                if low < hertz <= middle:
                    total += value * (hertz - low) / (middle - low)
                elif middle < hertz < high:
                    total += value * (high - hertz) / (high - middle)
            row.append(math.log(total + FLOOR))
        frames.append(row)
    return np.array(frames)


def sounds(rate):
    rng, time = np.random.default_rng(0), np.arange(rate // 4) / rate
    return {
        "noise": 0.1 * rng.standard_normal(len(time)),
        "faint noise": 1e-3 * rng.standard_normal(len(time)),
        "a tone": 0.5 * np.sin(2 * np.pi * 440 * time),
        "a chirp": 0.5 * np.sin(2 * np.pi * (100 + rate * time / 2) * time),
        "a click": np.eye(1, len(time), 999 % len(time))[0],
        "silence": np.zeros(len(time)),
        "one sample": np.ones(1),
        "a part of a frame": 0.3 * rng.standard_normal(rate // 90),
    }


@pytest.mark.parametrize(("rate", "bands"), [(8000, 40), (16000, 64)])
def test_it_is_that_of_the_definition(rate, bands):
    layer, numpy = LogMel(rate, bands), Mel(rate, bands)
    for name, wave in sounds(rate).items():
        samples = wave.astype(np.float32)
        expected = by_definition(samples, rate, bands)
        row, length = torch.from_numpy(samples)[None], torch.tensor([len(samples)])
        found, mask = layer(row, length)
        assert mask.all()
        assert np.abs(found[0].numpy().T - expected).max() < CLOSE, name
        np.testing.assert_allclose(numpy.spectrogram(samples), expected, atol=1e-9, err_msg=name)


def test_white_noise_has_its_variance_in_every_bin():
    samples = (0.1 * np.random.default_rng(0).standard_normal(80_000)).astype(np.float32)
    mel = Mel(8000, 40)
    power = (np.exp(mel.spectrogram(samples)) - FLOOR).mean(axis=0) / mel.filters.sum(axis=0)
    np.testing.assert_allclose(power, 0.01, rtol=0.15)


def test_padding_and_what_stands_in_it_change_nothing():
    rng = np.random.default_rng(0)
    samples, lengths = rng.standard_normal((4, 900)).astype(np.float32), torch.tensor([900, 81, 80, 1])
    layer = LogMel(8000, 40)
    found, mask = layer(torch.from_numpy(samples), lengths)
    assert mask.sum(1).tolist() == [12, 2, 1, 1]
    wider = np.concatenate([samples, rng.standard_normal((4, 333)).astype(np.float32)], axis=1)
    other, wide = layer(torch.from_numpy(wider), lengths)
    assert wide.sum(1).tolist() == mask.sum(1).tolist()
    assert torch.equal(wide[:, :12], mask)
    kept = mask.unsqueeze(1).expand_as(found)
    torch.testing.assert_close(other[:, :, :12][kept], found[kept], rtol=1e-5, atol=1e-5)


def test_bands_that_would_hold_nothing_are_refused():
    with pytest.raises(LimbeckError, match="128 bands are too many for 256 points at 8,000 samples a second"):
        LogMel(8000, 128)


def test_it_has_nothing_to_save():
    assert not LogMel(8000, 40).state_dict()
    assert not list(LogMel(8000, 40).parameters())


def test_the_level_is_that_of_the_floor_and_blind_to_padding():
    waves = list(sounds(8000).values())
    lengths = torch.tensor([len(wave) for wave in waves])
    samples = torch.ones(len(waves), 2500)  # what stands behind the end is loud
    for row, wave in enumerate(waves):
        samples[row, : len(wave)] = torch.from_numpy(wave)
    found = levelled(samples, lengths).numpy()
    for row, wave in enumerate(waves):
        expected = levelled_numpy(wave.astype(np.float32))
        np.testing.assert_allclose(found[row, : len(wave)], expected, rtol=1e-5, atol=1e-9)
