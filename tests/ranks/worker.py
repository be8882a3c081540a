"""What each of the processes of test_ranks.py runs: a few trainings, whose weights it leaves in a folder."""

import atexit
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from limbeck import trainer
from limbeck.cache import CachedTeacher, CacheIdentity, label
from limbeck.data import Examples, Labels
from limbeck.data.batches import Batches
from limbeck.distiller import Distiller
from limbeck.losses import KD, CrossEntropy, Fitnet
from limbeck.losses.transforms import CTKD
from limbeck.networks import TrainSettings
from limbeck.ranks import ranks
from limbeck.runtime.rows import Ragged
from limbeck.teachers import ModuleTeacher
from limbeck.trainer import Validated, fit
from limbeck.types import Tap, tensors

TOKENS, CLASSES, STEPS = 13, 3, 8
LEARNED = KD(temperature=4).after(CTKD(until=0.5))
OBJECTIVE = (
    0.6 * KD(temperature=2) + 0.2 * CrossEntropy() + 0.05 * Fitnet(student="body", teacher="encoder") + 0.1 * LEARNED
)
VARIANTS = {
    "copied": {},
    "copied, accumulated": {"accumulate": 3},
    "sharded": {"shard": True},
    "sharded, accumulated": {"shard": True, "accumulate": 3},
    "copied, averaged": {"average": 0.8},
    "sharded, averaged": {"shard": True, "average": 0.8},
}
NORMED = {"copied, normed": {"norm": nn.BatchNorm1d}, "sharded, normed": {"shard": True, "norm": nn.BatchNorm1d}}
"""Each process normalises by its own rows: the weights are others than those of one process."""


class Network(nn.Module):
    """Reads words, drops nothing: units dropped are other ones on every process."""

    def __init__(self, width, body, norm=nn.LayerNorm):
        super().__init__()
        self.words = nn.Embedding(TOKENS, width)
        setattr(self, body, nn.Linear(width, width))
        self.norm = norm(width)
        self.head = nn.Linear(width, CLASSES)
        self.left_out = nn.Linear(width, width)  # as in many a network from elsewhere
        self._body = body

    def forward(self, input_ids, attention_mask):
        real = attention_mask.unsqueeze(-1)
        pooled = (self.words(input_ids) * real).sum(1) / real.sum(1)
        return self.head(self.norm(torch.tanh(getattr(self, self._body)(pooled))))


def data():
    lengths = np.arange(60) % 7 + 1
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    view = Ragged((np.arange(offsets[-1]) * 5 % TOKENS).astype(np.int32), offsets, 0, np.zeros(len(offsets) - 1, bool))
    labels = Labels(np.arange(60) % CLASSES, np.arange(60) % 4 == 0)
    return Examples(np.arange(60), [str(i) for i in range(60)], labels), view


class Stop(Exception):  # noqa: N818
    pass


def train(folder, *, stop_after=None, accuracies=None, until=None, norm=nn.LayerNorm, **settings):
    """Train; the checkpoint of the last validation holds the student, the projectors and the optimizer's state."""
    examples, view = data()
    us = ranks()
    batches = Batches(
        examples, view, batch_size=14, labelled_per_batch=5, seed=0, teacher=view,
        accumulate=settings.get("accumulate", 1), world=us.world, rank=us.rank,
    )  # fmt: skip
    torch.manual_seed(1)
    teacher = ModuleTeacher(Network(9, "encoder").double(), taps=[Tap("encoder")])
    student = Network(6, "body", norm).double()
    # The whole batch in one process, a part of it in several: any rows tell the widths.
    distiller = Distiller(student, OBJECTIVE, teacher, example=next(batches.group(0)))
    distiller.trainable.double()
    seen = []

    def validate(model):
        with torch.no_grad():
            score = float(model(**tensors(view.batch(np.arange(60)))).square().mean())
        seen.append(score)
        if len(seen) == stop_after:
            raise Stop
        return Validated({"calibrated_nll": score}, [-score], accuracies[len(seen) - 1] if accuracies else 0.0)

    history = fit(
        distiller, batches, TrainSettings(lr=0.02, weight_decay=0.1, clip=0.3, keep="last", validations=4, **settings),
        steps=STEPS, validate=validate, title="", checkpoint=folder / "checkpoint.safetensors", owner="",
        until=until,
    )  # fmt: skip
    ended, validated = us.gather([history.done, history.reached_step]), us.gather(seen)
    buffers = us.gather({name: value.tolist() for name, value in student.named_buffers()})
    if us.main:
        end = {"student": student.state_dict(), "log": history.log, "validations": seen, "ended": ended}
        end |= {"validated": validated, "buffers": buffers}
        torch.save(end, folder / "end.pt")


class Counting(ModuleTeacher):
    asked = 0

    def predict(self, batch):
        self.asked += len(batch.ids)
        return super().predict(batch)


def label_together(folder):
    """Ask a teacher for 60 rows in 15 batches, whose last shard is an odd one."""
    examples, view = data()
    torch.manual_seed(1)
    teacher = Counting(Network(9, "encoder").double(), taps=[Tap("encoder")])
    identity = CacheIdentity(teacher.digest, "view", CLASSES, (Tap("encoder"),))
    cache = CachedTeacher(folder / "cache", identity)
    cached = label(teacher, examples, view, cache, batch_size=4, among=ranks())
    counts = ranks().gather([teacher.asked, len(cached)])
    if ranks().main:
        torch.save(counts, folder / "counts.pt")


def note_group(out):
    """Write down which threads of the group are left; registered before there is one, so called after all else."""
    threads = [task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").glob("*")]
    (out / f"left-{os.environ['RANK']}").write_text(" ".join(name for name in threads if "gloo" in name))


def main(out):
    atexit.register(note_group, out)
    sys.modules["limbeck.cache.label"].SHARD_BATCHES = 6  # the package's `label` is the function
    label_together(out)
    # Clocks: a checkpoint at every validation.
    trainer.CHECKPOINT_EVERY_S = -1.0
    us = ranks()
    for name, settings in (VARIANTS | NORMED).items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        us.wait()
        train(folder, **settings)
        resumed = out / f"{name}, resumed"
        resumed.mkdir(parents=True, exist_ok=True)
        us.wait()
        try:
            train(resumed, stop_after=3, **settings)
        except Stop:
            train(resumed, **settings)
    # Processes that validate unlike each other, as on unlike machines.
    until = out / "until"
    until.mkdir(exist_ok=True)
    us.wait()
    train(until, until=0.5, accuracies=[0.1, 0.6, 0.7, 0.8] if us.main else [0.9, 0.1, 0.1, 0.1])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
