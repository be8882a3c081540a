"""What is run on both sides: small recipes in the keys of HEAD, and scripts. Together they use all features of recipes.

Each case is a run of seconds. Features are put together where a change of one shows in files of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """A run, or what a script runs.

    Attributes:
        name: of its folders.
        covers: what it is there for.
        recipe: what `limbeck run` is given: keys and values, or the name of a packaged recipe.
        changes: keys that are changed on the command line.
        options: of `limbeck run`.
        processes: that train each network together.
        script: a file in `scripts/`; finds the recipe, if there is one, in `cases/NAME/recipe.yaml`.
        beside: files beside the recipe, by path.
        arrays: what its students read in place of texts: shapes of a row, by the name of the argument.
    """

    name: str
    covers: str
    recipe: Mapping[str, Any] | str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    processes: int = 1
    script: str | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


TRAIN = {"steps": 30, "batch_size": 16, "lr": 0.05, "validations": 3}
KD = {"name": "kd", "weight": 0.9, "temperature": 2}
LABELS = {"name": "cross_entropy", "weight": 0.1}
WORDS = {"kind": "words", "min_frequency": 2}
ROWS = {"source": "data/rows.csv", "split": {"test": 90, "validation": 40}, "labelled": 80, "labelled_per_batch": 4}
ENCODER = {"kind": "transformers", "path": "data/encoder"}
TEXTCNN = {"name": "textcnn", "dim": 8, "filters": 8}
NGRAMS = {"name": "ngrams", "dim": 4, "buckets": 64}


def network(model: Mapping[str, Any] | str, *, train: Mapping[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """Return a student; changes of `train` are added to what is usual here."""
    reads = {"tokenizer": WORDS, "max_length": 24, **keys.pop("reads", {})}
    return {"model": model, "reads": reads, "train": {**TRAIN, **(train or {})}, **keys}


def taught(model: Mapping[str, Any] | str, *, train: Mapping[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """Return a teacher that is trained here."""
    return {"kind": "network", **network(model, train={"steps": 60, **(train or {})}, **keys)}


def recipe(teacher: Mapping[str, Any], student: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    """Return a recipe; keys of `data` are added to those of `ROWS`."""
    data = {**ROWS, **keys.pop("data", {})}
    return {"seeds": [0, 1], "data": data, "teacher": teacher, "student": student, "losses": [KD, LABELS], **keys}


SMALLEST = Case(
    "smallest",
    "csv, a network teaches n-grams",
    recipe(taught(TEXTCNN), network(NGRAMS)),
)

MY_NETWORK = '''\
"""A network of the user's own."""

from torch import nn


class Mean(nn.Module):
    def __init__(self, vocabulary, outputs, width):
        super().__init__()
        self.words = nn.Embedding(vocabulary.size, width, padding_idx=vocabulary.pad_id)
        self.head = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Dropout(0.1), nn.Linear(width, outputs))

    def forward(self, input_ids, attention_mask):
        real = attention_mask.unsqueeze(-1)
        return self.head((self.words(input_ids) * real).sum(1) / real.sum(1).clamp(min=1))


def build(outputs, form, width=8):
    return Mean(form.vocabulary, outputs, width)
'''

CASES = [
    SMALLEST,
    Case(
        "arms",
        "arms, grid, a weight that falls, more text, limits, the last lines of the command line",
        recipe(
            taught(TEXTCNN),
            network(NGRAMS, train={"warmup": 0.2, "weight_decay": 0.01, "threads": 1}),
            data={
                "unlabelled": "data/more.jsonl",
                "max_unlabelled": 150,
                "split": {"test": 90, "validation": 40, "draw": 1},
            },
            arms=["student", "baseline", "hard_labels"],
            grid={"train.lr": [0.01, 0.05], "model.normalize": ["sqrt", "mean"]},
            losses=[KD | {"weight": {"schedule": "linear", "start": 1, "end": 0.5}}, LABELS],
        ),
        changes={"student.model.hidden": 4, "losses.kd.temperature": 3},
    ),
    Case(
        "ensemble",
        "an ensemble with fitted weights, calibrated members, curves over steps and labels",
        recipe(
            {
                "kind": "ensemble",
                "members": [taught(TEXTCNN) | {"calibrate": True}, {"kind": "nblr", "calibrate": True}],
            },
            network(NGRAMS),
            curves={"steps": [0.5], "labels": [40]},
        ),
    ),
    Case(
        "classes",
        "three classes, class weights, macro F1, missing labels, two spellings, nblr, wide_deep, epochs, tail",
        recipe(
            {"kind": "nblr", "reads": {"max_length": 12, "tail": 4, "tokenizer": {"kind": "words", "size": 60}}},
            network(
                {"name": "wide_deep", "wide": {"buckets": 64, "dim": 3}, "deep": TEXTCNN},
                train={"steps": None, "epochs": 4},
                reads={"max_length": 8, "tail": 3},
            ),
            data={
                "source": "data/kinds.csv",
                "missing": ["?"],
                "merge_classes": True,
                "labelled": 140,
                "class_weights": "balanced",
            },
            task={"metric": "f1_macro"},
            grid={"train.lr": [1e-4, 0.05]},  # the first stays at one class: what decides between equals is seen
        ),
    ),
    Case(
        "finetune",
        "a fine-tuned encoder, activations, a pretrained BiLSTM with word vectors, a moving average",
        recipe(
            {
                "kind": "transformers",
                "model": "data/encoder",
                "pooling": "cls",
                "freeze_embeddings": False,
                "dropout": 0.05,
                "reads": {"max_length": 20},
                "calibrate": True,
                "train": {
                    "epochs": 8,
                    "batch_size": 8,
                    "lr": 5e-3,
                    "head_lr_scale": 2,
                    "warmup": 0.1,
                    "validations": 2,
                },
            },
            network(
                {"name": "bilstm", "hidden": 6, "dim": 8, "vectors": "data/vectors.txt", "pooling": "mean_max"},
                train={"average": 0.9},
                pretrain={"negatives": 6, "train": {"epochs": 1, "batch_size": 16, "lr": 0.02, "validations": 1}},
            ),
            losses=[
                KD,
                {"name": "fitnet", "weight": 0.05, "student": "dropout", "teacher": "encoder.encoder.layer.1"},
                {"name": "fitnet", "weight": 0.02, "student": "words", "teacher": "encoder.encoder.layer.0"},
                LABELS,
            ],
            arms=["student", "baseline", "hard_labels"],
        ),
    ),
    Case(
        "finished",
        "a finished classifier with outputs in another order, augmented text, logit_mse, retention ends a training",
        recipe(
            {"kind": "transformers", "model": "data/classifier", "labels": {"NEG": "bad", "POS": "good"}},
            network(TEXTCNN | {"pooling": "sum_max"}, train={"steps": 60, "validations": 6}),
            data={"augment": {"copies": 2, "mask": 0.2, "ngram": 0.3, "longest": 4, "seed": 1}},
            losses=[
                {"name": "logit_mse", "weight": {"schedule": "cosine", "start": 0.2, "end": 1, "until": 0.8}},
                LABELS,
            ],
            until={"retention": 0.85},
        ),
    ),
    Case(
        "elsewhere",
        "another domain as target, the arm ceiling, parquet, a BiGRU, weights by class",
        recipe(
            taught({"name": "bigru", "hidden": 8, "dim": 8}),
            network({"name": "bigru", "hidden": 6, "dim": 6, "layers": 2, "pooling": "max"}),
            data={
                "domain": "films",
                "target": {"source": "data/there.parquet", "domain": "shops"},
                "split": {"test": 70, "validation": 40},
                "class_weights": {"good": 2},
                "max_unlabelled": 150,
            },
            arms=["student", "baseline", "ceiling"],
        ),
    ),
    Case(
        "until",
        "an accuracy ends a training, micro-batches, keys of the baseline, cosine rate, dropout",
        recipe(
            taught(NGRAMS | {"orders": 3}, train={"lr": 0.05}),
            network(
                NGRAMS | {"word_dropout": 0.1, "ngram_dropout": 0.2},
                train={"steps": 60, "validations": 6, "accumulate": 3, "average": 0.8, "schedule": "cosine"},
            ),
            baseline={"train.lr": 0.03},
            until={"accuracy": 0.75},
        ),
    ),
    Case(
        "splits",
        "a folder of splits, a transformer student with its own tokenizer, hard_labels as a loss, half precision",
        recipe(
            taught(
                {"name": "bilstm", "hidden": 8, "dim": 8},
                pretrain={"negatives": 5, "train": {"epochs": 1, "batch_size": 32, "lr": 0.02, "validations": 1}},
            ),
            network(
                {"name": "transformer", "path": "data/encoder", "layers": 1, "freeze": 0},
                reads={"tokenizer": ENCODER},
                train={"keep": "last", "clip": None, "precision": "bf16", "schedule": "constant", "lr": 5e-3},
            ),
            data={"source": "data/split"},
            losses=[{"name": "hard_labels", "weight": 0.7}, LABELS],
        ),
    ),
    Case(
        "reviews",
        "jsonl, other columns, truth values with gaps, blocks, no strata, no baseline, a bad teacher, patience",
        recipe(
            taught(NGRAMS, train={"steps": 3}) | {"accept_bad": True},
            network({"name": "bigru", "hidden": 5, "dim": 5, "bidirectional": False}, train={"patience": 2}),
            data={
                "source": "data/reviews.jsonl",
                "text": "review",
                "label": "kind",
                "split": {"test": 90, "validation": 40, "block": 10, "stratify": False},
                "labelled": None,
                "labelled_per_batch": 10,
            },
            baseline=False,
        ),
    ),
    Case(
        "signs",
        "a script without blanks, whole numbers as labels, n-grams of three, copies, an ensemble with given weights",
        recipe(
            {
                "kind": "ensemble",
                "members": [{"kind": "nblr"}, taught(NGRAMS | {"orders": 3})],
                "weights": [1, 3],
            },
            network(NGRAMS | {"orders": 3}),
            data={"source": "data/signs.csv", "missing": [-1], "augment": {"copies": 1}},
        ),
    ),
    Case(
        "custom",
        "a network of the user's own beside the recipe",
        recipe(
            {"kind": "nblr", "regression": {"orders": 1, "strengths": [0.2, 2]}},
            network({"name": "mypkg.net:build", "width": 6}),
        ),
        beside={"mypkg/__init__.py": "", "mypkg/net.py": MY_NETWORK},
    ),
    Case(
        "int8",
        "enough text for an int8 twin",
        recipe(
            {"kind": "nblr"},
            network(TEXTCNN | {"filters": 32, "dim": 32}, train={"epochs": None}),
            data={"source": "data/many.csv"},
            baseline=False,
        ),
    ),
    Case(
        "packaged",
        "the recipe of the demo on rows from here, and a finished classifier that is trained further",
        "sentiment",
        changes={
            "seeds": [0, 1],
            "data.source": "data/rows.csv",
            "data.domain": "films",
            "data.split.test": 80,
            "data.split.validation": 40,
            "data.labelled": 80,
            "teacher.model": "data/classifier",
            "teacher.labels": {"NEG": "bad", "POS": "good"},
            "teacher.finetune": True,
            "teacher.freeze": 1,
            "teacher.train.epochs": 2,
            "teacher.train.batch_size": 8,
            "teacher.train.lr": 1e-3,
            "teacher.train.validations": 2,
            "student.model.buckets": 64,
            "student.train.steps": 30,
            "student.train.batch_size": 16,
            "student.train.validations": 2,
            "grid.train.lr": [0.02, 0.05],
        },
    ),
    Case(
        "jobs",
        "two networks at a time",
        recipe(
            taught(TEXTCNN),
            network(NGRAMS),
            arms=["student", "baseline", "hard_labels"],
            grid={"train.lr": [0.01, 0.05]},
        ),
        options=("--jobs", "2"),
    ),
    Case(
        "ranks",
        "two processes for one network, copied (the teacher) and sharded (the student)",
        recipe(
            taught(TEXTCNN),
            network(NGRAMS, train={"shard": True, "accumulate": 2}),
            baseline={"train.shard": False},
        ),
        processes=2,
    ),
    Case(
        "loaders",
        "limbeck.distill on loaders: pairs, and mappings with two views",
        script="loaders.py",
        arrays={"pixels": (1, 6, 6)},
    ),
    Case("objects", "limbeck.distill: modules and tokenizers on a table; names on a file", script="objects.py"),
    Case(
        "python",
        "limbeck.run on a Recipe",
        recipe({"kind": "nblr"}, network(TEXTCNN), seeds=[3, 1], baseline=False),
        script="run.py",
    ),
]
