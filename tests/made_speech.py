"""Stand-ins for the two files of the packaged encoder of speech."""

import numpy as np

HOP = 160
"""Samples of a frame of 10 ms."""


class Mel:
    """Frames of 10 ms, of which every band is the number of samples at full scale."""

    def run(self, _, inputs):
        (wave,) = inputs["input"]
        frames = (wave[: len(wave) // HOP * HOP].reshape(-1, HOP) == 32767).sum(axis=1)
        return [np.repeat(frames[:, None], 32, axis=1)[None, None].astype(np.float32)]


class Embedding:
    """Two features of a window: its sum, and its first value."""

    def run(self, _, inputs):
        (windows,) = inputs.values()
        assert windows.shape[1:] == (76, 32, 1)
        return [np.stack([windows.sum((1, 2, 3)), windows[:, 0, 0, 0]], axis=1).reshape(-1, 1, 1, 2)]
