"""Made-up text data of every form that a recipe reads, and two small transformers; the same files on every side.

`write` needs neither Limbeck nor a download. A text is a few neutral words and one or two that tell its class.
"""

import csv
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

MARKS = {
    "bad": ["bore", "mess", "flat", "cheap", "dull", "stale", "awful", "clumsy"],
    "good": ["gem", "delight", "moving", "superb", "warm", "witty", "fresh", "bright"],
    "mixed": ["uneven", "odd", "half", "patchy", "mild", "plain"],
}
FILLER = [
    *("the", "a", "film", "plot", "actor", "scene", "with", "and", "of", "this", "that", "story", "it", "was", "very"),
    *(
        "ending",
        "music",
        "camera",
        "shop",
        "parcel",
        "price",
        "order",
        "colour",
        "size",
        "label",
        "box",
        "never",
        "not",
    ),
]
SIGNS = {"bad": ["差劲", "无聊", "失望"], "good": ["精彩", "喜欢", "满意"]}
SIGN_FILLER: list[str] = list("这部电影的故事演员音乐我们今天看了一个很长又在里面有些人说话")
SLIP = 0.06
"""Share of the texts whose telling word is another class's: nobody gets everything right."""

TEXTS = [
    "a gem of a film",
    "the plot was dull and the ending a mess",
    "",
    "never seen words only",
    "Warm, witty; SUPERB!",
    "这部电影很精彩",
    "bore " * 40,
    "the parcel was never fresh, not bright",
]
"""What every finished student is asked."""

Row = dict[str, Any]


def write(folder: Path) -> None:
    """Write every file and both transformers into a new folder."""
    folder.mkdir(parents=True)
    write_rows(folder)
    write_transformers(folder)


def write_rows(folder: Path) -> None:
    """Write the files of rows."""
    shops = [{**row, "domain": "shops"} for row in texts(150, seed=2, longest=16)]
    rows = [{**row, "domain": "films"} for row in texts(300, seed=1)]
    _csv(folder / "rows.csv", [*rows, *_look_alikes(rows), *shops])
    _csv(folder / "kinds.csv", list(_written_by_hand(texts(420, seed=3, shares={"good": 5, "bad": 3, "mixed": 1}))))
    _parquet(folder / "there.parquet", [*shops, *({**row, "domain": "films"} for row in texts(40, seed=4))])
    _lines(folder / "more.jsonl", [{"text": row["text"]} for row in texts(60, seed=5)])
    kinds = {"good": True, "bad": False}
    told = [{"review": row["text"], "kind": kinds[row["label"]]} for row in texts(340, seed=6)]
    _lines(
        folder / "reviews.jsonl", [{**row, "kind": None} if number % 5 == 4 else row for number, row in enumerate(told)]
    )
    for number, (split, count) in enumerate({"train": 200, "validation": 50, "test": 80, "unsupervised": 90}.items()):
        part = texts(count, seed=10 + number)
        _csv(folder / "split" / f"{split}.csv", [{**row, "label": ""} for row in part] if number == 3 else part)
    _csv(folder / "signs.csv", list(_signs(320, seed=20)))
    _csv(folder / "many.csv", texts(2760, seed=21))
    rng = random.Random(22)
    words = [*FILLER, *MARKS["bad"], *MARKS["good"]]
    vectors = [" ".join([word, *(f"{rng.gauss(0, 0.3):.4f}" for _ in range(8))]) for word in words]
    (folder / "vectors.txt").write_text("\n".join(vectors) + "\n", encoding="utf-8")


def texts(count: int, *, seed: int, shares: dict[str, int] | None = None, longest: int = 12) -> list[Row]:
    """Return rows `{text, label}`; no two texts are the same.

    Args:
        count: of the rows.
        seed: of the draws.
        shares: rows of each class, relative to each other; by default as many of `bad` as of `good`.
        longest: neutral words at most.
    """
    rng = random.Random(seed)
    order = [name for name, share in (shares or {"bad": 1, "good": 1}).items() for _ in range(share)]
    found: dict[str, Row] = {}
    while len(found) < count:
        label = order[len(found) % len(order)]
        other = rng.choice([name for name in order if name != label])
        marks = MARKS[other if rng.random() < SLIP else label]
        words = [*rng.choices(FILLER, k=rng.randint(4, longest)), *rng.sample(marks, rng.randint(1, 2))]
        rng.shuffle(words)
        found.setdefault(" ".join(words), {"text": " ".join(words), "label": label})
    return list(found.values())


def _look_alikes(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield rows that are dropped wherever the row that they look like is in the test split, and one that says no."""
    for row in rows[::25]:
        yield {**row, "text": f" {row['text'].upper()}  "}
    yield {**rows[1], "label": "bad" if rows[1]["label"] == "good" else "good"}


def _written_by_hand(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield rows of which some have no label, and some a label in another spelling."""
    for number, row in enumerate(rows):
        label = row["label"]
        yield {**row, "label": "?" if number % 9 == 4 else label.capitalize() if number % 7 == 3 else label}


def _signs(count: int, *, seed: int) -> Iterator[Row]:
    """Yield rows of a script without blanks; their labels are 0, 1 and, where there is none, -1."""
    rng = random.Random(seed)
    for number in range(count):
        label = ("bad", "good")[number % 2]
        signs = rng.choices(SIGN_FILLER, k=rng.randint(6, 14))
        signs.insert(rng.randint(0, len(signs)), rng.choice(SIGNS[label]))
        yield {"text": "".join(signs), "label": -1 if number % 11 == 10 else number % 2}


def write_transformers(folder: Path) -> None:
    """Write `encoder`, a BERT of random weights, and `classifier`, which knows good from bad and says POS and NEG."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *FILLER, *(word for marks in MARKS.values() for word in marks)]
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 48}
    torch.manual_seed(30)
    BertModel(BertConfig(vocab_size=len(words), num_hidden_layers=2, **sizes)).save_pretrained(folder / "encoder")
    names = ["POS", "NEG"]  # the classes are bad and good, in this order
    network = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(words),
            num_hidden_layers=1,
            id2label=dict(enumerate(names)),
            label2id={name: number for number, name in enumerate(names)},
            **sizes,
        )
    )
    tokenizer = _tokenizer(words)
    known = texts(300, seed=31)
    encoded = tokenizer.encode_batch([row["text"] for row in known])
    length = max(len(row.ids) for row in encoded)
    ids = torch.tensor([[*row.ids, *[0] * (length - len(row.ids))] for row in encoded])
    labels = torch.tensor([int(row["label"] == "bad") for row in known])
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(network(ids, (ids > 0).long()).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.save_pretrained(folder / "classifier")
    for name in ("encoder", "classifier"):
        tokenizer.save(str(folder / name / "tokenizer.json"))


def _tokenizer(words: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _csv(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _lines(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _parquet(path: Path, rows: Sequence[Row]) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
