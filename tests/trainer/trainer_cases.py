"""What the tests of the loop share: a student of a few numbers, batches that depend on the step alone."""

import torch
from torch import nn

from limbeck.distiller import Distiller
from limbeck.losses import KD, CrossEntropy
from limbeck.networks import TrainSettings
from limbeck.teachers import ModuleTeacher
from limbeck.trainer import Validated, fit
from limbeck.types import Batch

INPUTS, CLASSES, ROWS = 5, 3, 24


class Student(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.body = nn.Linear(INPUTS, 6)
        self.norm = nn.LayerNorm(6)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.head(self.dropout(self.norm(torch.tanh(self.body(x)))))


class Rows:
    """A source of groups: random rows a step, of which some have labels, cut into micro-batches of given sizes."""

    def __init__(self, sizes=(ROWS,), *, labelled=None, dtype=torch.float32, teacher=True):
        self.sizes, self.dtype, self.teacher = sizes, dtype, teacher
        self.labelled = torch.arange(ROWS) % 3 == 0 if labelled is None else labelled

    def whole(self, step):
        draw = torch.Generator().manual_seed(1000 + step)
        x = torch.randn(ROWS, INPUTS, generator=draw, dtype=torch.float64).to(self.dtype)
        return x, torch.randint(0, CLASSES, (ROWS,), generator=draw)

    def group(self, step):
        x, labels = self.whole(step)
        start = 0
        for size in self.sizes:
            part = slice(start, start + size)
            start += size
            yield Batch(
                ids=torch.arange(ROWS)[part],
                student_inputs={"x": x[part]},
                labels=labels[part],
                labelled=self.labelled[part],
                teacher_inputs={"x": x[part]} if self.teacher else None,
            )


def student(seed=0, dropout=0.0, dtype=torch.float32):
    torch.manual_seed(seed)
    return Student(dropout).to(dtype)


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.map = nn.Linear(INPUTS, CLASSES)

    def forward(self, x):
        return self.map(x)


def teacher(seed=7):
    torch.manual_seed(seed)
    return ModuleTeacher(Linear())


def constant_nll(model):
    return Validated({"calibrated_nll": 1.0}, [-1.0])


def train(network, source=None, *, objective=None, asked=None, steps=4, validate=constant_nll, title="test", **options):
    """Run `fit` with short defaults; `options` that are no argument of it are settings."""
    arguments = {name: options.pop(name) for name in ("checkpoint", "owner", "until") if name in options}
    objective = 0.7 * KD(temperature=2) + 0.3 * CrossEntropy() if objective is None else objective
    asked = teacher() if asked is None and "teacher" in objective.needs else asked
    settings = TrainSettings(**{"lr": 1e-2, "validations": 1, **options})
    return fit(
        Distiller(network, objective, asked),
        source or Rows(),
        settings,
        steps=steps,
        validate=validate,
        title=title,
        **arguments,
    )


def weights(network):
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


class Scores:
    """Gives the validation NLLs of a list, and accuracies, and remembers what it saw."""

    def __init__(self, values, accuracies=None):
        self.values, self.seen, self.training = list(values), [], []
        self.accuracies = accuracies or [0.5] * len(self.values)

    def __call__(self, model):
        self.seen.append(weights(model))
        self.training.append(model.training)
        index = len(self.seen) - 1
        nll, accuracy = self.values[index], self.accuracies[index]
        return Validated({"calibrated_nll": nll, "accuracy": accuracy}, [-nll], accuracy, f"NLL {nll}")
