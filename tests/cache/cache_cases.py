"""What the tests of the cache share: texts, their token ids, and a teacher that counts its questions."""

import numpy as np
import torch
from torch import nn

from limbeck.cache import CachedTeacher, CacheIdentity
from limbeck.logits import Factored, each_tensor
from limbeck.runtime.rows import Ragged
from limbeck.teachers import ModuleTeacher
from limbeck.types import Batch, Outputs
from made_rows import id_of, rows_of

CLASSES, WIDTH = 3, 16


class Net(nn.Module):
    """Answers for token ids; a row depends a little on rounding, and so on the batch it is in."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, WIDTH)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, input_ids, attention_mask):
        states = self.words(input_ids) * attention_mask.unsqueeze(-1)
        return self.head(self.drop(states.sum(1)))


class TokenNet(nn.Module):
    """Answers for every token, also for padding; a token's answer depends on its place."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, WIDTH)
        self.places = nn.Embedding(8, WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, input_ids, attention_mask):
        return self.head(self.words(input_ids) + self.places((attention_mask.cumsum(1) - 1).clamp(min=0)))


class Counting:
    """A teacher that notes the ids of every question and what it said, and dies at the nth.

    Attributes:
        said: by id the logits (predictions, classes) of real tokens, or of the example; in the form that was asked for.
    """

    def __init__(self, die_at=None, digest=None, seed=0, network=None, taps=(), form="dense"):
        torch.manual_seed(seed)
        self._teacher = ModuleTeacher((network or Net)(), digest, taps=taps, form=form)
        self.digest = self._teacher.digest
        self.asked, self.die_at, self.said = [], die_at, {}

    @property
    def ids(self):
        return [key for batch in self.asked for key in batch]

    def predict(self, batch):
        if len(self.asked) == self.die_at:
            raise KeyboardInterrupt
        self.asked.append(batch.ids.tolist())
        answers = self._teacher.predict(batch)
        mask = batch.teacher_inputs["attention_mask"] != 0
        for row, key in enumerate(batch.ids.tolist()):

            def own(value, row=row):
                return value[row][mask[row]] if value.ndim == 3 else value[row][None]

            self.said[key] = each_tensor(answers.logits, own)
        return answers

    def all_said(self, ids):
        """What was said of ids, one prediction after another."""
        parts = [self.said[int(key)] for key in ids]
        if isinstance(parts[0], Factored):
            return parts[0].each(lambda _: torch.cat([part.hidden for part in parts]))
        return torch.cat(parts)


class Says:
    """A teacher that gives the same answer to whatever it is asked."""

    digest = "says"

    def __init__(self, answer):
        self.answer = answer

    def predict(self, batch):
        return Outputs(self.answer(len(batch.ids)))


def texts(numbers):
    """Return examples of these numbers and their view; number n has 1 + n % 7 tokens."""
    rows = [np.array([(7 * n + 3 * i) % 50 for i in range(1 + n % 7)], np.int32) for n in numbers]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    written = [f"text {n}" for n in numbers]
    ids = np.array([id_of(text) for text in written], np.int64)
    examples = rows_of(ids, written, np.zeros(len(rows), np.int64))
    return examples, Ragged(np.concatenate(rows), offsets, 0, np.zeros(len(offsets) - 1, bool))


def identity(asked, **other):
    return CacheIdentity(**{"teacher": asked.digest, "view": "view-1", "outputs": CLASSES, **other})


def opened(folder, asked, **other):
    """Return the cache of a teacher, as it is in a folder now."""
    return CachedTeacher(folder, identity(asked, **other))


def logits_of(cached, ids):
    """Return the stored logits of content ids."""
    return cached.predict(Batch(torch.as_tensor(ids), {})).logits


def answers(cached, examples):
    """Return the stored logits by text."""
    return dict(zip(examples.values, logits_of(cached, examples.ids).tolist(), strict=True))
