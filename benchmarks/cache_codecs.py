"""How much a codec keeps: bytes of an answer against its error, and what a student learns on average; used by cache.py.

Answers are those of a random last layer: states of `WIDTHS` numbers, logits of deviation 3, beyond 10,000 outputs with
the frequencies of words (Zipf) as their bias.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limbeck.cache import ID_BYTES, CachedTeacher, CacheIdentity
from limbeck.cache.codecs import Codec, Dense, Hidden, SampledCodec, TopKCodec
from limbeck.files import size_of
from limbeck.logits import Factored, Logits, TopK
from limbeck.losses import KD
from limbeck.types import Batch, Outputs, Predictions

ROWS = {2: 8192, 77: 8192, 1000: 2048, 50_257: 256}
"""Predictions, by outputs."""
WIDTHS = {2: 384, 77: 384, 1000: 384, 50_257: 768}
K, DRAWS, SEEDS, ALIKE = 20, 50, 200, 64
WORDS = 10_000
"""Outputs beyond which they are as frequent as words are."""


def answers(rows: int, outputs: int, seed: int = 0) -> Factored:
    """Return a teacher's answers."""
    generator = torch.Generator().manual_seed(seed)
    width = WIDTHS[outputs]
    hidden = torch.randn(rows, width, generator=generator)
    matrix = 3 / math.sqrt(width) * torch.randn(outputs, width, generator=generator)
    bias = -torch.arange(1, outputs + 1).log() if outputs > WORDS else torch.zeros(outputs)
    return Factored(hidden, matrix, bias)


def codecs(outputs: int) -> dict[str, Codec]:
    """Return what is compared, by a name for the table."""
    k = min(K, outputs - 1)
    return {
        **{f"dense {dtype}": Dense(dtype=dtype) for dtype in ("float32", "float16", "uint8")},
        "topk": TopKCodec(k=k).settled([1.0]),
        "sampled": SampledCodec(draws=DRAWS),
        "hidden float16": Hidden(),
    }


def learned(student: Tensor, teacher: Logits) -> tuple[Tensor, Tensor]:
    """Return kd at temperature 1, its sum, and its gradient by the student's logits."""
    leaf = student.clone().requires_grad_()
    value = KD(temperature=1).sum(Outputs(leaf), Outputs(teacher), Batch(torch.arange(len(student)), {}))
    value.backward()
    assert leaf.grad is not None
    return value.detach(), leaf.grad


def beginner(teacher: Tensor) -> Tensor:
    """Return the logits of a student that has learned a part."""
    noise = torch.randn(teacher.shape, generator=torch.Generator().manual_seed(9))
    return 0.5 * teacher + noise


def kept(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Measure every codec: bytes on disk, its own error, and how far off the gradient of kd is."""
    found: dict[str, Any] = {}
    for outputs, rows in ROWS.items():
        teacher = answers(rows // 32 if quick else rows, outputs)
        dense = teacher.dense
        student = beginner(dense)
        exact = learned(student, dense)[1]
        found[str(outputs)] = {
            name: _stored(folder / f"{outputs}-{number}", codec, teacher, dense, student, exact)
            for number, (name, codec) in enumerate(codecs(outputs).items())
        }
    return found


def _stored(
    folder: Path, codec: Codec, teacher: Factored, dense: Tensor, student: Tensor, exact: Tensor
) -> dict[str, Any]:
    """Write answers with a codec, read them again, and compare."""
    ids, (rows, outputs) = np.arange(len(dense)), dense.shape
    cache = CachedTeacher(folder, CacheIdentity("random", "benchmark", outputs, codec=codec))
    if codec.asks == "dense":
        cache.add(ids, Predictions(dense), {})
    else:
        cache.add(ids, Predictions(teacher.hidden), {}, layer=teacher)
    cache.seal()
    once = codec.shared_bytes(outputs, teacher.hidden.shape[-1])
    gradient = learned(student, cache.predict(Batch(torch.from_numpy(ids), {})).logits)[1]
    return {
        "bytes": codec.bytes_per_prediction(outputs, teacher.hidden.shape[-1]),
        "bytes_on_disk": (size_of(folder) - once) / rows - ID_BYTES,
        "once": once,
        "said": codec.said(cache.error),
        "gradient": float((gradient - exact).norm() / exact.norm()),
    }


def bias(*, quick: bool) -> dict[str, Any]:
    """Measure what is learned on average: from draws over many seeds, and from the largest logits in two ways."""
    found = {}
    for outputs in (77, 1000, 50_257):
        dense = answers(ALIKE // 8 if quick else ALIKE, outputs, seed=1).dense
        student = beginner(dense)
        value, gradient = learned(student, dense)
        seeds = 4 if quick else SEEDS
        drawn = [
            _off(student, _read(SampledCodec(draws=DRAWS, seed=seed), dense), value, gradient) for seed in range(seeds)
        ]
        top = _read(TopKCodec(k=K, dtype="float32").settled([1.0]), dense)
        assert isinstance(top, TopK)
        alone = replace(top, tails={1.0: torch.full_like(top.tails[1.0], -torch.inf)})
        found[str(outputs)] = {
            "sampled": {
                name: {"mean": float(np.mean(each)), "error": float(np.std(each, ddof=1) / math.sqrt(seeds))}
                for name, each in zip(("value", "gradient"), zip(*drawn, strict=True), strict=True)
            },
            "topk": _at_the_end(dense, top, quick=quick),
            "topk without the rest": _at_the_end(dense, alone, quick=quick),
        }
    return found


def _read(codec: Codec, dense: Tensor) -> Logits:
    """Return what a codec gives back of logits."""
    return codec.decode(codec.encode(Outputs(dense)), dense.shape[1]).logits


def _off(student: Tensor, told: Logits, value: Tensor, gradient: Tensor) -> tuple[float, float]:
    """Return how far off kd is, and its gradient along the exact one, both relative."""
    own, slope = learned(student, told)
    return float(own / value - 1), float((slope * gradient).sum() / gradient.square().sum() - 1)


def _at_the_end(dense: Tensor, told: TopK, *, quick: bool) -> dict[str, float]:
    """Return where a student ends that may say anything: probability of the best output, and its distance in nats."""
    leaf = torch.zeros_like(dense).requires_grad_()
    optimizer = torch.optim.Adam([leaf], lr=0.1)
    for _ in range(20 if quick else 600):
        leaf.grad = learned(leaf.detach(), told)[1]
        optimizer.step()
    log_p, log_q = dense.log_softmax(-1), leaf.detach().log_softmax(-1)
    best = dense.argmax(-1, keepdim=True)
    return {
        "best_teacher": float(log_p.gather(-1, best).exp().mean()),
        "best_student": float(log_q.gather(-1, best).exp().mean()),
        "kd": float((log_p.exp() * (log_p - log_q)).sum(-1).mean()),
    }


def as_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the tables of codecs, and of what is learned on average."""
    found = result["codecs"]
    lines = [
        f"| codec | {' | '.join(f'{int(outputs):,} outputs' for outputs in found)} |",
        f"|---|{'---|' * len(found)}",
    ]
    for name in next(iter(found.values())):
        cells = [f"{one[name]['bytes']:,.0f} bytes, {100 * one[name]['gradient']:.2g} %" for one in found.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Bytes of a prediction (of `hidden` without the layer, which is stored once), and how far off the gradient of "
        f"`kd` is: the norm of the difference against that of the exact one. `topk` keeps {K} logits (of 2 outputs "
        f"one), `sampled` {DRAWS} draws; the last layer has {WIDTHS[2]} inputs, {max(WIDTHS.values())} at most.",
        "",
        "| outputs | `sampled`: `kd` off by | its gradient | best output: teacher | learned from `topk` | the same "
        "without the rest |",
        "|---|---|---|---|---|---|",
    ]
    for outputs, each in result["bias"].items():
        draws = [f"{100 * one['mean']:+.2f} ± {100 * one['error']:.2f} %" for one in each["sampled"].values()]
        whole, alone = each["topk"], each["topk without the rest"]
        lines.append(
            f"| {int(outputs):,} | {' | '.join(draws)} | {100 * whole['best_teacher']:.1f} % "
            f"| {100 * whole['best_student']:.1f} % | {100 * alone['best_student']:.1f} % |"
        )
    return lines
