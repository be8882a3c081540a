"""What the rows of a large file take in memory: read, split and encoded, in processes of their own; for docs/scale.md.

    python benchmarks/large_files.py     # about 5 minutes, and 2 GB of disk; writes results/large_files.json

A row's memory is the difference of two files, of which one has twice the rows. Pages of files that are mapped are not
counted, as the system takes them back when it needs them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from table_words import older

from limbeck.files import write_json
from limbeck.pipeline.order import describe_environment

RESULT = Path(__file__).parent / "results" / "large_files.json"
ROWS, WORDS, VOCABULARY, LENGTH, LABELLED = 270_000, 300, 5_000, 256, 2_000
WAYS = ("laid on disk", "in memory")


def write_texts(path: Path, rows: int) -> None:
    """Write texts of made words, a hundred of them with a label."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    draw, words = np.random.default_rng(0), np.array([f"w{number:04d}" for number in range(VOCABULARY)])
    schema = pa.schema({"text": pa.string(), "label": pa.string()})
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as file:
        for start in range(0, rows, 1_000):
            texts = [" ".join(row) for row in words[draw.integers(0, VOCABULARY, (1_000, WORDS))]]
            labels = [f"{row % 2}" if start + row < LABELLED else None for row in range(1_000)]
            file.write_table(pa.table([texts, labels], schema=schema), row_group_size=1_000)


def child(path: Path, way: str) -> None:
    """Read, split and encode a file; print the most memory that was needed."""
    from limbeck.data import encoded as encoding, load_splits, readers
    from limbeck.modalities.text import TextReads
    from limbeck.modalities.text.tokenizers import WordTokenizerSettings
    from limbeck.recipe import DataSettings
    from limbeck.tasks import ClassificationSettings

    if way == "in memory":
        readers.LARGE = encoding.LARGE = sys.maxsize
    given = {"source": str(path), "text": "text", "split": {"test": 500, "validation": 200}, "labelled": 500}
    settings = DataSettings.model_validate(given)
    start = _anonymous()

    def work() -> None:
        splits = load_splits(settings, ClassificationSettings())
        reads = TextReads(tokenizer=WordTokenizerSettings(size=VOCABULARY), max_length=LENGTH)
        encoding.encoded(reads.fit(splits.labelled.values), splits.transfer.values, "transfer")

    print(json.dumps({"peak_bytes": _peak(work) - start}))


def _peak(work: Callable[[], Any]) -> int:
    """Return the most bytes of memory, beside mapped files, that this process has while something runs."""
    most, done = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, _anonymous())

    watching = threading.Thread(target=watch)
    watching.start()
    work()
    done.set()
    watching.join()
    return max(most, _anonymous())


def _anonymous() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("RssAnon")).split()[1])


def measured(rows: int) -> dict[str, Any]:
    """Return the bytes of a row in its file, and what it takes in memory each way."""
    found: dict[str, dict[str, float]] = {way: {} for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        size = {}
        for count in (rows, 2 * rows):
            path = Path(folder) / "texts.parquet"
            write_texts(path, count)
            size[count] = path.stat().st_size
            for way in WAYS:
                line = [sys.executable, __file__, "--child", str(path), way]
                said = subprocess.run(line, check=True, capture_output=True, text=True).stdout
                found[way][f"{count}"] = json.loads(said.splitlines()[-1])["peak_bytes"]
    return {
        "command": "python benchmarks/large_files.py",
        "rows": [rows, 2 * rows],
        "tokens": LENGTH,
        "file_bytes_a_row": (size[2 * rows] - size[rows]) / rows,
        "peak_bytes": found,
        "bytes_a_row": {way: (peak[f"{2 * rows}"] - peak[f"{rows}"]) / rows for way, peak in found.items()},
        "environment": describe_environment(),
    }


def table(result: dict[str, Any]) -> str:
    """Return what a row takes in memory, and a hundred million of them."""
    lines = ["| rows of a large file | memory a row | for 100 million |", "|---|---|---|"]
    for way, each in result["bytes_a_row"].items():
        lines.append(f"| {way} | {each:,.0f} bytes | {each / 10:,.0f} GB |")
    said = (
        f"Texts of {result['file_bytes_a_row']:,.0f} bytes, read, split and encoded as {result['tokens']} tokens; the "
        f"peak at {result['rows'][1]:,} rows less that at {result['rows'][0]:,}{older(result)} (`{result['command']}`)."
    )
    return "\n".join([*lines, "", said])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(Path(given.child[0]), given.child[1])
    else:
        write_json(RESULT, measured(given.rows))
