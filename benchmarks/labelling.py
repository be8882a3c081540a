"""How fast a teacher labels: against its own matrices, with two processes, and by either engine.

    python benchmarks/labelling.py FOLDER/imdb [--rows 2048] [--parts matrices processes engines]

On idle cores: every figure is a ratio of times that were taken in turns. `matrices`: the operations on real tokens that
a MiniLM needs for IMDB's reviews (attention included, padding not), a second of labelling with tokens on their way in
and answers on their way to disk, over the same model's matrix products alone, of the same batches. `processes`: one
process of one thread against two of them. `engines`: PyTorch against onnxruntime, of the MiniLM and of a ResNet.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from table_words import older
from torch import nn

from limbeck import console
from limbeck.bundle import export_onnx
from limbeck.cache import ROWS_AT_ONCE, CachedTeacher, CacheIdentity, asked_for, label
from limbeck.data import Examples, Labels
from limbeck.modalities.text.reads import TextReads
from limbeck.modalities.text.tokenizers import TransformersTokenizerSettings
from limbeck.models import TransformerSettings, build_model
from limbeck.models.onnxfile import OnnxFile
from limbeck.pipeline.order import describe_environment
from limbeck.pipeline.training.engine import OnnxAnswers, compared
from limbeck.ranks import ranks
from limbeck.runtime.rows import Ragged, Rows, Stacked, by_length
from limbeck.teachers import ModuleTeacher
from limbeck.types import Batch

RESULT = Path(__file__).parent / "results/labelling.json"
LENGTH, WIDTH, INNER, LAYERS, HEADS = 512, 384, 1536, 6, 12
"""Of the MiniLM, and the tokens kept of a review."""
PARTS = ("matrices", "processes", "engines")
ROUNDS = 3


def reviews(folder: Path, rows: int) -> tuple[list[str], Any]:
    """Return the first unsupervised reviews, evenly spaced, and what reads them."""
    import pyarrow.parquet as parquet

    texts = parquet.read_table(folder / "unsupervised.parquet", columns=["text"])["text"].to_pylist()
    chosen = [texts[number] for number in np.linspace(0, len(texts) - 1, rows).astype(int)]
    reads = TextReads(tokenizer=TransformersTokenizerSettings(kind="transformers", path="minilm"), max_length=LENGTH)
    return chosen, reads.fit(chosen)


def minilm(reader: Any) -> nn.Module:
    """Return the encoder with a head of two classes."""
    torch.manual_seed(0)
    return build_model(TransformerSettings(path="minilm"), outputs=2, form=reader.form).eval()


def resnet() -> nn.Module:
    """Return a small ResNet of transformers, of no weights worth mentioning, as it is called with pixels."""
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=32, hidden_sizes=[32, 64, 128, 256], depths=[2, 2, 2, 2], layer_type="basic")
    config.num_labels = 10

    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = ResNetForImageClassification(config)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.network(pixel_values=pixels).logits

    return Called().eval()


def needed(lengths: np.ndarray) -> float:
    """Return the operations that the layers need for texts of so many tokens: products of matrices, attention too."""
    weights = 4 * WIDTH * WIDTH + 2 * WIDTH * INNER
    return float(LAYERS * 2 * (weights * lengths + 2 * WIDTH * lengths.astype(float) ** 2).sum())


def products(rows: int, length: int) -> Callable[[], None]:
    """Return what multiplies the matrices of a batch, and does nothing else."""
    tokens = torch.randn(rows * length, WIDTH)
    wide = torch.randn(rows * length, INNER)
    square, up, down = torch.randn(WIDTH, WIDTH), torch.randn(WIDTH, INNER), torch.randn(INNER, WIDTH)
    queries = torch.randn(rows * HEADS, length, WIDTH // HEADS)
    keys, weights = queries.transpose(1, 2).contiguous(), torch.randn(rows * HEADS, length, length)

    def multiply() -> None:
        for _ in range(LAYERS):
            for _ in range(4):
                torch.mm(tokens, square)
            torch.mm(tokens, up)
            torch.mm(wide, down)
            torch.bmm(queries, keys)
            torch.bmm(weights, queries)

    return multiply


def seconds_of(work: Callable[[], Any]) -> float:
    """Return how long something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def shares(view: Ragged, texts: Sequence[str], model: nn.Module) -> Iterator[dict[str, float]]:
    """Yield, shard by shard, what labelling reaches of the rate of the model's own matrices."""
    teacher = ModuleTeacher(model)
    order = np.concatenate([*by_length(view, ROWS_AT_ONCE, longest_first=True)])
    parts = np.array_split(order, max(1, len(order) // (4 * ROWS_AT_ONCE)))
    products(ROWS_AT_ONCE, 64)()
    for part in parts:
        rows, own = view.take(part), examples([texts[row] for row in part], part)
        batches = [*by_length(rows, ROWS_AT_ONCE, longest_first=True)]
        alone = [products(len(some), int(rows.lengths[some].max())) for some in batches]
        padded = sum(needed(np.full(len(some), rows.lengths[some].max())) for some in batches)
        with tempfile.TemporaryDirectory() as scratch:
            cache = CachedTeacher(Path(scratch), CacheIdentity(teacher.digest, "view", 2))
            labelled = seconds_of(lambda: label(teacher, own, rows, cache))  # noqa: B023 - called at once
        multiplied = sum(map(seconds_of, alone))
        yield {
            "real": needed(rows.lengths),
            "padded": padded,
            "labelling_s": labelled,
            "matrices_s": multiplied,
            "rows": len(part),
            "tokens": int(rows.lengths.sum()),
        }


def examples(texts: Sequence[str], ids: np.ndarray) -> Examples:
    """Return texts without labels."""
    none = Labels(np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_))
    return Examples(ids.astype(np.int64), list(texts), none)


def matrices(folder: Path, rows: int) -> dict[str, Any]:
    """Return the share of the matrices' rate that labelling reaches, over all parts, and the parts' range."""
    texts, reader = reviews(folder, rows)
    found = [*shares(reader.encode(texts), texts, minilm(reader))]
    total = {name: sum(part[name] for part in found) for name in found[0]}

    def share(of: dict[str, float]) -> float:
        return of["real"] / of["labelling_s"] / (of["padded"] / of["matrices_s"])

    each = sorted(map(share, found))
    return {
        "share": round(share(total), 3),
        "parts": [round(each[0], 3), round(each[-1], 3)],
        "padding": round(1 - total["real"] / total["padded"], 4),
        "rows_per_s": round(total["rows"] / total["labelling_s"], 1),
        "tokens_per_s": round(total["tokens"] / total["labelling_s"]),
    }


def processes(folder: Path, rows: int) -> dict[str, Any]:
    """Return how many times as fast two processes of one thread are as one, by the median of rounds in turns."""
    ratios = []
    for _ in range(ROUNDS):
        one, two = (launched(folder, rows, world) for world in (1, 2))
        ratios.append(one / two)
    return {"two_by_one": round(statistics.median(ratios), 2), "rounds": [round(ratio, 2) for ratio in ratios]}


def launched(folder: Path, rows: int, world: int) -> float:
    """Return the seconds in which so many processes label."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        line = [sys.executable, __file__, str(folder), "--rows", str(rows), "--worker", scratch]
        workers = [
            subprocess.Popen(
                line, env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)}, stdout=subprocess.PIPE
            )
            for rank in range(world)
        ]
        said = [worker.communicate()[0] for worker in workers]
    if any(worker.returncode for worker in workers):
        raise SystemExit("a process failed")
    return float(said[0])


def work(folder: Path, rows: int, out: Path) -> None:
    """Label as one of several processes; the first one prints the seconds."""
    torch.set_num_threads(1)
    texts, reader = reviews(folder, rows)
    view, teacher, us = reader.encode(texts), ModuleTeacher(minilm(reader)), ranks()
    teacher.predict(asked_for(view, np.arange(len(view)), np.arange(2)))
    cache = CachedTeacher(out, CacheIdentity(teacher.digest, "view", 2))
    us.wait()
    taken = seconds_of(lambda: label(teacher, examples(texts, np.arange(rows)), view, cache, among=us))
    if us.main:
        print(taken)


def engines(folder: Path, rows: int) -> dict[str, Any]:
    """Return how onnxruntime compares with PyTorch: its speed, in rounds, and the largest difference of a logit."""
    texts, reader = reviews(folder, min(rows, 8 * ROWS_AT_ONCE))
    view = reader.encode(texts)
    batches = [asked_for(view, np.arange(len(view)), some) for some in by_length(view, ROWS_AT_ONCE)]
    pixels = np.random.default_rng(0).normal(size=(4 * ROWS_AT_ONCE, 3, 64, 64)).astype(np.float32)
    pictures = Stacked({"pixels": pixels})
    form, two = reader.form, {"pixels": torch.from_numpy(pixels[:2])}
    example = {name: torch.from_numpy(value) for name, value in form.example.items()}
    return {
        "minilm": by_engine(minilm(reader), example, form.axes, batches),
        "resnet": by_engine(resnet(), two, {"pixels": {0: "batch"}}, asked(pictures)),
    }


def asked(rows: Rows) -> list[Batch]:
    """Return rows of one length in batches."""
    ids = np.arange(len(rows))
    return [asked_for(rows, ids, ids[start : start + ROWS_AT_ONCE]) for start in range(0, len(rows), ROWS_AT_ONCE)]


def by_engine(model: nn.Module, example: Any, axes: Any, batches: Sequence[Batch]) -> dict[str, Any]:
    """Export a network and ask both."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        export_onnx(model, path, example, axes)
        OnnxFile(path)
        found = [
            compared(ModuleTeacher(model, "one"), OnnxAnswers("one", lambda: path), batches) for _ in range(ROUNDS)
        ]
    faster = [round(one.faster, 2) for one in found]
    return {
        "onnxruntime_by_torch": statistics.median(faster),
        "rounds": faster,
        "difference": max(one.difference for one in found),
    }


def as_table(result: dict[str, Any]) -> str:
    """Say what labelling reaches of its own matrices, and what a second process adds."""
    share, two = result["matrices"], result["processes"]
    low, high = share["parts"]
    return (
        f"A MiniLM on IMDB's reviews, one thread a process{older(result)}: labelling, with tokens on their way in and "
        f"answers on their way to disk, does {100 * share['share']:.0f} % of what its own matrix products alone do in "
        f"the same time ({100 * low:.0f} to {100 * high:.0f} % in parts taken in turns; operations on real tokens, "
        f"attention included, against all operations with padding, of which {100 * share['padding']:.1f} % is). Two "
        f"processes label {two['two_by_one']:.2f} times as fast as one (`python benchmarks/labelling.py FOLDER/imdb`)."
    )


def main() -> None:
    """Measure, print, and write the result; a part that is not measured keeps what was found before."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--try", dest="tried", action="store_true", help="print only")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    console.console.quiet = True
    if options.worker is not None:
        work(options.folder, options.rows, options.worker)
        return
    found = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    measure = {"matrices": matrices, "processes": processes, "engines": engines}
    for part in options.parts:
        found[part] = measure[part](options.folder, options.rows) | {"rows": options.rows}
        print(part, json.dumps(found[part]))
    if not options.tried:
        found["environment"] = describe_environment()
        RESULT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
