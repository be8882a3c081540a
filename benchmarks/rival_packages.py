"""Arms of rivals.py that are packages: scikit-learn, fastText, model2vec, SetFit.

Only the environment of rivals_requirements.txt has all that is imported here.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fasttext
import joblib
import numpy as np
from datasets import Dataset
from model2vec.distill import distill
from model2vec.train import StaticModelForClassification
from rival_bench import LENGTH, SEED, Bench, Fitted, Index, choose, fit_linear, folds, grid_of, logistic, seconds
from rival_minilm import MINILM
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from text_sets import Texts
from transformers import TrainerCallback

FASTTEXT = {"dim": 50, "bucket": 100_000}
"""The package's default, 2,000,000 buckets of 100 numbers, is a file of 800 MB."""
TIMED, PAIRS = 12, 16
"""Steps of SetFit that are timed, and pairs of a step, which is the package's default."""


def tfidf(texts: Texts, bench: Bench) -> Fitted:
    """Words and pairs of words, and a logistic regression."""

    def make(strength: float) -> Any:
        return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), logistic(strength))

    strengths = (0.1, 0.3, 1, 3, 10, 30, 100, 300)
    model, said = fit_linear(np.array(texts.labelled, object), texts.labels, strengths, make)

    def save(folder: Path) -> None:
        joblib.dump(model, folder / "model.joblib")

    return Fitted(model.predict, save, said)


def fasttext_supervised(texts: Texts, bench: Bench) -> Fitted:
    """Vectors of words and of hashed pairs of words, by fastText without its autotune."""
    lines = [_line(text) for text in texts.labelled]

    def fit(settings: Mapping[str, Any], rows: Index) -> Any:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "train.txt"
            learned = (f"__label__{texts.labels[row]} {lines[row]}\n" for row in rows)
            path.write_text("".join(learned), encoding="utf-8")
            return fasttext.train_supervised(input=str(path), **settings, **FASTTEXT, thread=1, verbose=0, seed=SEED)

    def right(settings: Mapping[str, Any], learned: Index, held: Index) -> int:
        model = fit(settings, learned)
        return sum(_answer(model, lines[row]) == texts.labels[row] for row in held)

    grid = grid_of(wordNgrams=(1, 2), epoch=(10, 50, 200), lr=(0.1, 0.3, 1.0))
    chosen, said = choose(grid, folds(texts.labels), right)
    model = fit(chosen, np.arange(len(lines)))

    def predict(asked: Sequence[str]) -> Index:
        return np.array([_answer(model, _line(text)) for text in asked])

    return Fitted(predict, lambda folder: model.save_model(str(folder / "model.bin")), {**chosen, **FASTTEXT, **said})


def model2vec(texts: Texts, bench: Bench) -> Fitted:
    """One vector a token, distilled from the MiniLM, and the package's own classifier, with its defaults.

    It holds a tenth of the rows out by itself, by which it stops.
    """
    with bench.teaching():
        static = distill(MINILM, device="cpu")
    trained = StaticModelForClassification.from_static_model(model=static)
    model = trained.fit(texts.labelled, texts.labels.tolist(), device="cpu").to_pipeline()

    def predict(asked: Sequence[str]) -> Index:
        return np.asarray(model.predict([*asked])).astype(np.int64)

    said = {"chosen_by": "its defaults", "dim": int(static.dim)}
    return Fitted(predict, lambda folder: model.save_pretrained(str(folder)), said)


def setfit(texts: Texts, bench: Bench) -> Fitted:
    """The MiniLM, tuned on pairs of texts, and a logistic regression, by SetFit with its defaults, within the cap.

    The package's default is an epoch of all pairs. Where the cap does not allow that, it allows as many steps as some
    that are timed first say, so that the learning rate falls to its end within it.
    """
    watch = _Watch(bench)
    _contrast(texts, TIMED, watch)
    each = (watch.marks[-1] - watch.marks[1]) / (TIMED - 2)
    epoch = _epoch(texts.labels)
    # A tenth is left for making the pairs and for the logistic regression.
    steps = max(TIMED, min(epoch, int((0.9 * bench.cap - bench.training) / each)))
    watch.marks.clear()
    model = _contrast(texts, steps, watch)
    model.fit(texts.labelled, texts.labels.tolist(), num_epochs=1)

    def predict(asked: Sequence[str]) -> Index:
        return np.asarray(model.predict([*asked], show_progress_bar=False)).astype(np.int64)

    done = {"steps": len(watch.marks), "steps_asked": steps, "steps_of_an_epoch": epoch}
    said = {"chosen_by": "its defaults", "cap_seconds": bench.cap, **done}
    return Fitted(predict, lambda folder: model.save_pretrained(str(folder)), said)


class _Watch(TrainerCallback):
    """Notes when each step ends, in processor seconds, and stops at the cap."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.marks: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> Any:
        """Note the end of a step."""
        self.marks.append(seconds())
        control.should_training_stop |= self.bench.training > self.bench.cap
        return control


def _contrast(texts: Texts, steps: int, watch: _Watch) -> Any:
    """Return a SetFit model of which the encoder has learned pairs, so many steps of them."""
    model = SetFitModel.from_pretrained(MINILM, device="cpu")
    model.model_body.max_seq_length = LENGTH
    rows = Dataset.from_dict({"text": texts.labelled, "label": texts.labels.tolist()})
    with TemporaryDirectory() as folder:
        asked = {"batch_size": PAIRS, "max_steps": steps, "report_to": "none", "save_strategy": "no", "seed": SEED}
        settings = TrainingArguments(output_dir=folder, **asked, show_progress_bar=False)
        trainer = Trainer(model=model, args=settings, train_dataset=rows, callbacks=[watch])
        trainer.train_embeddings(texts.labelled, texts.labels.tolist(), args=settings)
    return model


def _epoch(labels: Index) -> int:
    """Return the steps of all pairs, of which the rarer kind, alike or not, is repeated."""
    counts, every = np.bincount(labels), len(labels) * (len(labels) + 1) // 2
    alike = int((counts * (counts + 1) // 2).sum())
    return 2 * max(alike, every - alike) // PAIRS


def _line(text: str) -> str:
    """Return a text as fastText's own examples prepare it: lower case, marks apart, one line."""
    return " ".join(re.sub(r"([^\w\s])", r" \1 ", text.lower()).split())


def _answer(model: Any, line: str) -> int:
    """Return the class of a line; -1: none. The package's own `predict` needs numpy 1."""
    found = model.f.predict(f"{line}\n", 1, 0.0, "strict")
    return int(found[0][1].removeprefix("__label__")) if found else -1
