"""What a hundred million answers take: hours of the teacher, bytes, and the cache's own share; for docs/scale.md.

    python benchmarks/scale.py     # measures the cache, half a minute; writes results/scale.json

What a teacher and a step of a student take stands in the results of other benchmarks, which the tables read.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from table_words import older

from limbeck.cache import CachedTeacher, CacheIdentity
from limbeck.cache.codecs import Codec, Dense, SampledCodec, TopKCodec
from limbeck.files import size_of, write_json
from limbeck.pipeline.order import describe_environment
from limbeck.types import Batch, Predictions

RESULT = Path(__file__).parent / "results" / "scale.json"
ANSWERS = 100_000_000
ROWS, SHARDS, CLASSES, BATCH, BATCHES = 200_000, 10, 77, 64, 1_000
OUTPUTS = (2, 77, 1_000, 50_257)
ID_BYTES = 8
PRICE_PER_MILLION, TOKENS, LATENCY_S, CONCURRENCY = 0.15, 400, 0.5, 64
"""Of a language model behind a server: assumed, not measured."""


def measured() -> dict[str, Any]:
    """Return the processor time of writing, sealing and reading a cache, and its bytes, a row each."""
    draw, identity = np.random.default_rng(0), CacheIdentity("random", "benchmark", CLASSES, codec=_dense("float16"))
    ids = np.unique(draw.integers(-(2**63), 2**63 - 1, ROWS))
    draw.shuffle(ids)
    parts = [(part, Predictions(torch.randn(len(part), CLASSES))) for part in np.array_split(ids, SHARDS)]
    with tempfile.TemporaryDirectory() as folder:
        writer = CachedTeacher(Path(folder), identity)
        written = _seconds(lambda: [writer.add(part, answers, {}) for part, answers in parts])
        sealed = _seconds(writer.seal)
        stored, reader = size_of(Path(folder)), CachedTeacher(Path(folder), identity)
        batches = [Batch(torch.from_numpy(draw.choice(ids, BATCH)), {}) for _ in range(BATCHES)]
        taken = [_seconds(lambda batch=batch: reader.predict(batch)) for batch in batches]
    return {
        "command": "python benchmarks/scale.py",
        "rows": ROWS,
        "classes": CLASSES,
        "codec": "dense float16",
        "write_us_a_row": 1e6 * written / len(ids),
        "seal_us_a_row": 1e6 * sealed / len(ids),
        "bytes_a_row": stored / len(ids),
        "batch_us": 1e6 * float(np.median(taken)),
        "environment": describe_environment(),
    }


def _seconds(work: Callable[[], Any]) -> float:
    """Return the processor time that something takes in this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _dense(dtype: str) -> Codec:
    return Dense.model_validate({"dtype": dtype})


CODECS: dict[str, Codec] = {
    "dense, float32": _dense("float32"),
    "dense, float16": _dense("float16"),
    "dense, uint8": _dense("uint8"),
    "topk, k = 32, at T = 1 and 2": TopKCodec.model_validate({"k": 32}).settled([1.0, 2.0]),
    "sampled, 50 draws": SampledCodec.model_validate({"draws": 50}).settled([1.0]),
}
"""Shown beside one another. A codec that keeps a part is of use where there are more outputs than it keeps."""


def hours_table(result: dict[str, Any], training: dict[str, Any], images: dict[str, Any], gpu: dict[str, Any]) -> str:
    """Return how long a teacher needs for all answers, and what the cache adds."""
    step, cache_us = training["bigru"]["cpu_ms"], result["write_us_a_row"] + result["seal_us_a_row"]
    of_texts = {name: 1e3 * BATCH / (step[name] - step["cached"]) for name in ("minilm", "live")}
    resnet = images["plain"]["models"]["teacher"]["latency_ms"]
    rates = {
        f"MiniLM, reviews of 260 tokens, one core{older(training)}": of_texts["minilm"],
        f"BiLSTM of 2 x 256, the same reviews, one core{older(training)}": 1e3
        * BATCH
        / (step["live"] - step["cached"]),
        f"ResNet-56, images of 32 x 32, one core{older(images)}": 1e3 / resnet,
        f"ResNet-56, images of 32 x 32, one H200{older(gpu)}": gpu["parts"]["labelling"]["rows_a_second"],
        f"the cache itself: write and seal, one core{older(result)}": 1e6 / cache_us,
    }
    lines = ["| what | rows a second | hours for 100 million | of these for a day |", "|---|---|---|---|"]
    for name, rate in rates.items():
        hours = ANSWERS / rate / 3600
        lines.append(f"| {name} | {rate:,.0f} | {hours:,.1f} | {max(1, round(hours / 24 + 0.5)):,} |")
    money, days = ANSWERS * TOKENS * PRICE_PER_MILLION / 1e6, ANSWERS * LATENCY_S / CONCURRENCY / 86400
    lines += [
        "",
        f"A language model behind a server, at {TOKENS} tokens a text, {PRICE_PER_MILLION} a million tokens, "
        f"{LATENCY_S:g} s an answer and {CONCURRENCY} requests at a time (assumed): {money:,.0f} in money, "
        f"{days:,.1f} days.",
    ]
    return "\n".join(lines)


def bytes_table(result: dict[str, Any]) -> str:
    """Return the bytes of an answer by codec and number of outputs, ids included, and of all answers."""
    lines = [f"| codec | {' | '.join(f'{outputs:,} outputs' for outputs in OUTPUTS)} |", "|---" * 5 + "|"]
    for name, codec in CODECS.items():
        cells = []
        for outputs in OUTPUTS:
            each = codec.bytes_per_prediction(outputs) + ID_BYTES
            whole = _dense("float32").bytes_per_prediction(outputs) + ID_BYTES
            cells.append("–" if each > whole else f"{each:,.0f} B, {_size(each * ANSWERS)}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    said = (
        f"Measured at {result['classes']} outputs, {result['codec']}: {result['bytes_a_row']:.0f} bytes a row in the "
        f"folder; {result['write_us_a_row']:.1f} us of processor time to write a row, "
        f"{result['seal_us_a_row']:.1f} us to seal it (`{result['command']}`)."
    )
    return "\n".join([*lines, "", said])


def steps_table(result: dict[str, Any], training: dict[str, Any]) -> str:
    """Return what a step of a student takes, and the cache's share of it."""
    look_up = result["batch_us"] / 1e3
    steps = {
        f"BiGRU, 64 a direction, reviews of 260 tokens{older(training)}": training["bigru"]["cpu_ms"]["cached"],
        f"`ngrams`, the same reviews{older(training)}": training["ngrams"]["cpu_ms"]["cached"],
    }
    lines = [
        "| student | a step of 64 rows | the cache's share | rows a second | hours for one pass over 100 million |",
        "|---|---|---|---|---|",
    ]
    for name, milliseconds in steps.items():
        rate = 1e3 * BATCH / milliseconds
        lines.append(
            f"| {name} | {milliseconds:.1f} ms | {100 * look_up / milliseconds:.2g} % | {rate:,.0f} "
            f"| {ANSWERS / rate / 3600:,.0f} |"
        )
    return "\n".join([*lines, "", f"One core. A batch of 64 answers is read in {1e3 * look_up:.0f} us{older(result)}."])


def _size(number: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number / 1e6:,.0f} MB"


if __name__ == "__main__":
    torch.set_num_threads(1)
    write_json(RESULT, measured())
