"""What a teacher cache costs a training: a batch of 64 answers, opening, memory.

    python benchmarks/cache.py [--rows 1000000] [--classes 2] [--folder FOLDER]

Ids are random, as content ids are. A look-up is the 10th percentile of 2,000 batches; `shards` is a cache as a killed
labelling leaves it, `sealed` one that was finished. Memory is what one process has of its own (RssAnon), beside the
size of the files, which stay mapped.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from limbeck import console
from limbeck.cache import CachedTeacher, CacheIdentity
from limbeck.cache.codecs import Dense
from limbeck.files import size_of
from limbeck.types import Batch, Predictions

BATCH, BATCHES, SHARDS = 64, 2_000, 32


def own_memory() -> int:
    """Return the bytes that this process does not share with a file."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1000 for line in lines if line.startswith("RssAnon"))


def lookup(cache: CachedTeacher, ids: np.ndarray) -> float:
    """Return the microseconds of a batch."""
    draw = np.random.default_rng(1)
    batches = [Batch(torch.from_numpy(draw.choice(ids, BATCH)), {}) for _ in range(BATCHES)]
    taken = []
    for batch in batches:
        start = time.perf_counter()
        cache.predict(batch)
        taken.append(time.perf_counter() - start)
    return 1e6 * float(np.percentile(taken, 10))


def opening(folder: Path, identity: CacheIdentity) -> tuple[CachedTeacher, float, int]:
    """Return a cache, the milliseconds that opening took, and the bytes of memory it takes."""
    before, start = own_memory(), time.perf_counter()
    cache = CachedTeacher(folder, identity)
    return cache, 1e3 * (time.perf_counter() - start), own_memory() - before


def measure(folder: Path, rows: int, classes: int, dtype: str) -> None:
    """Fill a cache, and print what it costs before and after it is sealed."""
    draw = np.random.default_rng(0)
    ids = np.unique(draw.integers(-(2**63), 2**63 - 1, rows))
    draw.shuffle(ids)
    identity = CacheIdentity("random", "benchmark", classes, codec=Dense.model_validate({"dtype": dtype}))
    writer = CachedTeacher(folder, identity)
    for part in np.array_split(ids, SHARDS):
        writer.add(part, Predictions(torch.from_numpy(draw.normal(size=(len(part), classes)))), {})
    for name in ("shards", "sealed"):
        if name == "sealed":
            start = time.perf_counter()
            writer.seal()
            print(f"sealing takes {time.perf_counter() - start:.1f} s")
        cache, opened, memory = opening(folder, identity)
        shards = len(list(folder.glob("shard-*")))
        print(
            f"{dtype} {name} ({shards}): {len(ids):,} rows of {classes} classes, {size_of(folder) / 1e6:,.0f} MB; "
            f"a batch of {BATCH}: {lookup(cache, ids):.1f} us; opening {opened:.0f} ms, {memory / 1e6:.1f} MB of memory"
        )


def main() -> None:
    """Measure both dtypes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--folder", help="where the caches are written for the time of the measurement")
    options = parser.parse_args()
    console.console.quiet = True
    torch.set_num_threads(1)
    for dtype in ("float32", "float16"):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            measure(Path(folder), options.rows, options.classes, dtype)


if __name__ == "__main__":
    main()
