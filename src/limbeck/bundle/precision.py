"""Which file ships: fp32, or int8 where that is smaller, faster and as good."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from limbeck.bundle.export import MAX_ERROR, Parity
from limbeck.bundle.int8 import instructions, quantize_int8
from limbeck.errors import LimbeckError
from limbeck.evaluation import Speed, measure_all
from limbeck.evaluation.records import Difference
from limbeck.files import size_of
from limbeck.runtime.decisions import RULES, Rule
from limbeck.runtime.readers import Reader

AGREEMENT = 0.995
ROWS, MOST = 2_000, 5_000
"""Unlabelled rows on which decisions are compared: at least, and at most for the time it takes."""
LOSS = 0.005
"""What int8 may cost in a metric, by the lower end of its 95 % interval: half a point."""
LABELLED = 600
"""Rows with a label on which a metric is compared, at least: where none of fewer differs, more than half a point of
others may (rule of three)."""
CALIBRATING = 500
"""Other unlabelled rows, whose activations set the ranges."""
FASTER = 0.92
"""int8 takes at most this share of the processor time of fp32. The share varies by 0.03 from one measurement to the
next, and the same file should ship each time."""
BATCH = 64

Runner = Callable[[Sequence[Any]], NDArray[np.float32]]
"""Samples in, logits (samples, classes) out."""


@dataclass(frozen=True, slots=True)
class Student:
    """What is shipped.

    Attributes:
        model: the fp32 ONNX file.
        says: the PyTorch network as a function of samples.
        runner: an ONNX file as a function of samples, on one thread.
        reader: its preprocessing.
        labels: what the outputs stand for, in their order: class names.
        task: by whose rule they are read, see `runtime.decisions`.
        decision: what the rule needs to know: JSON; empty: nothing.
        gains: the run's metric of outputs for `samples`, (samples, outputs), minus that of other outputs for them, with
            its paired interval: judges int8. None: the share of equal decisions does.
        metric: what that metric is called.
        columns: what the data called the column with the `example`, and that or those with the `label`; empty: nothing
            has a name.
        other_class: the class of all rows whose class was not asked for; None: there is none.
        missing: labels that say that a row has none.
    """

    model: Path
    says: Runner
    runner: Callable[[Path], Runner]
    reader: Reader
    labels: Sequence[str]
    task: str
    decision: Mapping[str, Any] = field(default_factory=dict)
    gains: Callable[[NDArray[np.float32], NDArray[np.float32]], Difference] | None = None
    metric: str = ""
    columns: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    other_class: str | None = None
    missing: Sequence[str] = ()

    @property
    def rule(self) -> Rule:
        """How its outputs are read."""
        return RULES[self.task](self.decision)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often a file decides as the PyTorch student does.

    Attributes:
        share: of equal decisions; of int8 the lowest of rows asked alone, in batches, and in batches of another order.
        low: its lower bound, one-sided 95 % (Clopper-Pearson).
        rows: how many were compared.
    """

    share: float
    low: float
    rows: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Which file ships.

    Attributes:
        model: the chosen ONNX file.
        precision: of its weights.
        agreement: with the PyTorch student: on unlabelled transfer rows for int8, on validation rows for fp32.
        speed: of that file.
        why: one sentence about int8.
        instructions: of the machine that compared and timed.
    """

    model: Path
    precision: Literal["fp32", "int8"]
    agreement: Agreement
    speed: Speed
    why: str
    instructions: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What was measured of an int8 twin, beside fp32.

    Attributes:
        sizes, speeds: by precision.
        agreement: with the PyTorch student.
        apart: largest difference of a logit between a row asked alone, in a batch, and in a batch of other rows.
        equal: what answers are that agree, in words.
        gain: in the metric, over the PyTorch student; None: the agreement judges.
        metric: what that metric is called, and on which rows it was taken.
    """

    sizes: Mapping[str, int]
    speeds: Mapping[str, Speed]
    agreement: Agreement
    apart: float
    equal: str = "same decision"
    gain: Difference | None = None
    metric: str = ""

    @property
    def failed(self) -> list[str]:
        """What speaks against int8, in words; empty: nothing."""
        found, share = [], self.speeds["int8"].share_of(self.speeds["fp32"])
        if self.sizes["int8"] >= self.sizes["fp32"]:
            found.append("not smaller")
        if share > FASTER:
            found.append(f"not faster ({share:.2f} of the processor time of fp32; {FASTER} are asked)")
        if not self.apart <= MAX_ERROR:  # of logits that are not finite it is no number
            found.append(f"a row's outputs change by up to {self.apart:.1e} with the rows beside it")
        if self.gain is not None:
            if not self.gain.ci95[0] > -LOSS:
                found.append(f"{self._as_good}, while its lower end has to be above {-100 * LOSS:.1f} points")
        elif self.agreement.low < AGREEMENT:
            found.append(f"{self._alike}, while {AGREEMENT:.1%} are asked of that bound")
        return found

    @property
    def sentence(self) -> str:
        """Whether int8 is taken, and why."""
        if self.failed:
            return f"int8 was left: {'; '.join(self.failed)}"
        return f"int8 was taken: smaller, faster, {self._alike if self.gain is None else self._as_good}"

    @property
    def _as_good(self) -> str:
        assert self.gain is not None
        low, high = (100 * end for end in self.gain.ci95)
        return f"{self.metric} {100 * self.gain.mean:+.2f} points (95 % interval {low:+.2f} to {high:+.2f})"

    @property
    def _alike(self) -> str:
        share, low, rows = self.agreement.share, self.agreement.low, self.agreement.rows
        return f"{self.equal} on {share:.2%} of {rows:,} unlabelled rows (95 % lower bound {low:.2%})"


def choose(student: Student, samples: Sequence[Any], unlabelled: Sequence[Any], fp32: Parity, scratch: Path) -> Choice:
    """Take int8 when it is smaller, faster, as good, and answers a row alike whatever stands beside it.

    As good: it decides alike; or, where the student has `gains`, it costs next to nothing in the metric.

    Args:
        student: in PyTorch and as fp32 file.
        samples: of validation, to time the files with, and to compare a metric on.
        unlabelled: texts of the transfer set, to compare decisions on.
        fp32: what the fp32 file says on `samples`, compared with PyTorch.
        scratch: folder for the int8 twin.
    """
    why, twin, trial = _not_tried(student, samples, unlabelled), scratch / "int8.onnx", None
    if not why:
        try:
            trial = try_int8(student, samples, unlabelled, twin)
            why = trial.sentence
        except LimbeckError:
            raise  # a full disk: the bundle would not fit either
        except Exception as error:
            why = f"int8 could not be made ({type(error).__name__})"
    if trial is not None and not trial.failed:
        return Choice(twin, "int8", trial.agreement, trial.speeds["int8"], why, instructions())
    speeds = trial.speeds if trial else measure_all({"fp32": student.runner(student.model)}, samples)
    agreement = _agreement(round(fp32.agreement * len(samples)), len(samples))
    return Choice(student.model, "fp32", agreement, speeds["fp32"], why, instructions())


def try_int8(student: Student, samples: Sequence[Any], unlabelled: Sequence[Any], twin: Path) -> Trial:
    """Write an int8 twin and measure it; the arguments are those of `choose`.

    Raises:
        Exception: whatever onnxruntime raises for a graph that it cannot quantize.
    """
    calibrating, compared = divide(unlabelled)
    quantize_int8(student.model, twin, _batches(student.reader, calibrating))
    runners = {"fp32": student.runner(student.model), "int8": student.runner(twin)}
    agreement, apart = compare_decisions(student.says, runners["int8"], compared, student.rule)
    sizes = {"fp32": size_of(student.model), "int8": size_of(twin)}
    gain = None
    if student.gains is not None:
        gain = student.gains(_in_batches(runners["int8"], samples, BATCH), student.says(samples))
    on = f"{student.metric} on {len(samples):,} validation rows"
    return Trial(sizes, measure_all(runners, samples), agreement, apart, student.rule.equal, gain, on)


def divide(unlabelled: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Return rows that set the ranges and other rows to compare decisions on, both from everywhere in the set."""
    chosen = np.linspace(0, len(unlabelled), min(len(unlabelled), CALIBRATING + MOST), endpoint=False).astype(int)
    calibrating = set(chosen[:: max(1, len(chosen) // CALIBRATING)][:CALIBRATING].tolist())
    return [unlabelled[row] for row in sorted(calibrating)], [
        unlabelled[row] for row in chosen.tolist() if row not in calibrating
    ]


def compare_decisions(says: Runner, exported: Runner, rows: Sequence[Any], rule: Rule) -> tuple[Agreement, float]:
    """Ask a file for every row alone, in batches of 64, and in batches of another order.

    Returns:
        How often it answers as `says`, in the worst of the three, and the largest difference of an output among them,
        see `Rule.error`.
    """
    order = np.random.default_rng(0).permutation(len(rows))
    shuffled = _in_batches(exported, [rows[row] for row in order], BATCH)
    asked = [_in_batches(exported, rows, 1), _in_batches(exported, rows, BATCH), shuffled[np.argsort(order)]]
    said = says(rows)
    equal = min(int((~rule.differ(said, outputs)).sum()) for outputs in asked)
    every = np.stack(asked)
    return _agreement(equal, len(rows)), rule.error(every.max(axis=0), every.min(axis=0))


def _not_tried(student: Student, samples: Sequence[Any], unlabelled: Sequence[Any]) -> str:
    """Return why int8 is not even made; empty: it is."""
    if student.gains is not None and len(samples) < LABELLED:
        return (
            f"int8 was not tried: not enough rows to compare the {student.metric} on ({len(samples):,} of {LABELLED:,} "
            "validation rows)"
        )
    rows = max(0, len(unlabelled) - CALIBRATING)
    if rows >= ROWS:
        return ""
    return (
        f"int8 was not tried: not enough rows to compare decisions on ({rows:,} of {ROWS:,} unlabelled ones, "
        f"beside {CALIBRATING} that set its ranges)"
    )


def _agreement(equal: int, rows: int) -> Agreement:
    from scipy.special import betaincinv  # scipy.stats would take longer than everything else that a run imports

    low = float(betaincinv(equal, rows - equal + 1, 0.05)) if equal else 0.0
    return Agreement(equal / rows, low, rows)


def _in_batches(answer: Runner, rows: Sequence[Any], size: int) -> NDArray[np.float32]:
    return np.concatenate([answer(rows[start : start + size]) for start in range(0, len(rows), size)])


def _batches(reader: Reader, values: Sequence[Any]) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the inputs of values in their order, in batches."""
    rows = reader.encode(values)
    for start in range(0, len(rows), BATCH):
        yield rows.batch(np.arange(start, min(start + BATCH, len(rows))))
