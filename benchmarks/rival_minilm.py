"""Arms of rivals.py that ask a MiniLM: frozen, fine-tuned, and as the teacher of a small network in a plain loop.

They need no package that Limbeck has not.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from rival_bench import (
    LENGTH,
    SEED,
    Bench,
    Fitted,
    Index,
    Parts,
    choose,
    fit_linear,
    folds,
    grid_of,
    logistic,
    one_split,
)
from safetensors.torch import load_file, save_file
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from text_sets import Texts
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, Trainer, TrainingArguments, get_linear_schedule_with_warmup, logging

from limbeck.assets import asset
from limbeck.files import read_json, staged, write_json
from limbeck.modalities.text.tokenizers import WordTokenizerSettings, word_tokenizer
from limbeck.models.ngrams import Ngrams, NgramsSettings
from limbeck.runtime import TextReader

logging.set_verbosity_error()  # of its pooler, which is not asked
MINILM = str(asset("minilm"))
BATCH, ASKED = 16, 32
"""Texts of a step, and of a batch that is only asked."""
POOL = 4 * BATCH
"""Texts that are put into batches by their length."""
TUNING = 300_000
"""Tokens that the trials of a fine-tuning may read; with padding and gradients 1,000 take about two seconds."""
HEAD_SCALE = 20
"""Learning rate of a new head over that of the encoder."""
TEMPERATURE, TEACHER_SHARE = 2.0, 0.9
STUDENT_BATCH, PASSES, STEPS = 32, 6, (500, 3000)
"""Of the student in the plain loop: passes over its texts, within so many steps, as the recipe `text` plans them."""
WORDS = 1024
"""Of a text, that the student reads at most, as there."""


class Encoder(nn.Module):
    """A MiniLM with the mean of its tokens, and a linear head if classes are asked for."""

    def __init__(self, classes: int = 0) -> None:
        super().__init__()
        self.body = AutoModel.from_pretrained(MINILM, add_pooling_layer=False)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(MINILM)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(self.body.config.hidden_size, classes) if classes else nn.Identity()

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Return logits, or features, of texts."""
        read = self.tokenizer([*texts], truncation=True, max_length=LENGTH, padding=True, return_tensors="pt")
        mask = read["attention_mask"].unsqueeze(-1)
        states = self.body(**read).last_hidden_state
        return self.head(self.dropout((states * mask).sum(1) / mask.sum(1)))

    def lengths(self, texts: Sequence[str]) -> Index:
        """Return how many tokens are read of each text."""
        ids = self.tokenizer([*texts], truncation=True, max_length=LENGTH)["input_ids"]
        return np.array([len(one) for one in ids])

    @torch.no_grad()
    def ask(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what it says of texts, those of about one length together."""
        self.eval()
        order = np.argsort([len(text) for text in texts], kind="stable")
        parts = [self([texts[row] for row in order[start : start + ASKED]]) for start in range(0, len(texts), ASKED)]
        found = torch.cat(parts).numpy()
        return found[np.argsort(order)]

    def save(self, folder: Path) -> None:
        """Write the weights and the tokenizer."""
        save_file(self.state_dict(), str(folder / "model.safetensors"))
        for name in ("tokenizer.json", "config.json"):
            shutil.copy(Path(MINILM) / name, folder)


def frozen(texts: Texts, bench: Bench) -> Fitted:
    """The MiniLM as it is, and a logistic regression on its features, of length 1."""
    encoder = Encoder()

    def make(strength: float) -> Any:
        return make_pipeline(Normalizer(), logistic(strength))

    strengths = (0.3, 1, 3, 10, 30, 100, 300, 1000)
    head, said = fit_linear(encoder.ask(texts.labelled), texts.labels, strengths, make)

    def save(folder: Path) -> None:
        encoder.save(folder)
        np.savez(folder / "head.npz", weights=head[-1].coef_.astype(np.float32), bias=head[-1].intercept_)

    return Fitted(lambda asked: head.predict(encoder.ask(asked)), save, said)


def finetuned(texts: Texts, bench: Bench) -> Fitted:
    """The MiniLM, trained on the labelled rows; learning rate and epochs are chosen on some of them."""
    start, folder = bench.training, bench.folder / "finetuned"
    every = np.arange(len(texts.labelled))
    reads = int(Encoder().lengths(texts.labelled).sum())
    grid, parts = affordable(reads, texts.labels)

    def right(settings: Mapping[str, Any], learned: Index, held: Index) -> int:
        found = train(texts, learned, **settings).ask([texts.labelled[row] for row in held])
        return int((found.argmax(1) == texts.labels[held]).sum())

    chosen, said = choose(grid, parts, right)
    model = train(texts, every, **chosen)
    with staged(folder) as aside:
        aside.mkdir()
        model.save(aside)
        write_json(aside / "made.json", {**texts.figures, "seconds": bench.training - start, "settings": chosen})
    return Fitted(lambda asked: model.ask(asked).argmax(1), model.save, {**chosen, **said})


def affordable(reads: int, labels: Index) -> tuple[list[dict[str, Any]], list[tuple[Index, Index]]]:
    """Return settings to try and parts of the rows to try them on, within `TUNING` tokens, and two settings at least.

    All settings on all folds where that is affordable, else on one split those that are, the shortest first.

    Args:
        reads: tokens of all labelled rows.
        labels: of these rows.
    """
    grid = grid_of(epochs=(3, 10, 30), lr=(1e-4, 5e-5))

    def cost(settings: Sequence[Mapping[str, Any]], parts: Parts) -> float:
        shown = sum(len(learned) for learned, _ in parts) / len(labels)
        return reads * shown * sum(one["epochs"] for one in settings)

    if cost(grid, folds(labels)) <= TUNING:
        return grid, folds(labels)
    parts = one_split(labels)
    return [one for place, one in enumerate(grid) if place < 2 or cost(grid[: place + 1], parts) <= TUNING], parts


def train(texts: Texts, rows: Index, *, epochs: int, lr: float) -> Encoder:
    """Return a MiniLM that was trained on some of the labelled rows."""
    torch.manual_seed(SEED)
    model = Encoder(len(texts.names))
    optimizer = torch.optim.AdamW(
        [{"params": model.body.parameters()}, {"params": model.head.parameters(), "lr": HEAD_SCALE * lr}],
        lr=lr,
        weight_decay=0.01,
    )
    batches = [*_batches(rows, model.lengths(texts.labelled), epochs)]
    schedule = get_linear_schedule_with_warmup(optimizer, len(batches) // 10, len(batches))
    model.train()
    for batch in batches:
        loss = F.cross_entropy(model([texts.labelled[row] for row in batch]), torch.from_numpy(texts.labels[batch]))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return model


def _batches(rows: Index, lengths: Index, epochs: int) -> Iterator[Index]:
    """Yield the rows of each step, shuffled anew in every epoch; those of a batch are about as long as each other.

    Without that, half of what is read would be padding.
    """
    random = np.random.default_rng(SEED)
    for _ in range(epochs):
        order = random.permutation(rows)
        pools = (order[start : start + POOL] for start in range(0, len(order), POOL))
        ordered = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
        for start in random.permutation(np.arange(0, len(ordered), BATCH)):
            yield ordered[start : start + BATCH]


def plain_kd(texts: Texts, bench: Bench) -> Fitted:
    """The network `ngrams` in `transformers.Trainer`, taught by the fine-tuned MiniLM; no text is left out.

    Loss: 0.9 of KL at temperature 2, times 4, and 0.1 of the cross-entropy of the labelled texts in a batch.
    """
    every = [*texts.labelled, *texts.unlabelled]
    with bench.teaching():
        answers = _teacher(texts, bench).ask(every)
    labels = np.concatenate([texts.labels, np.full(len(texts.unlabelled), -100)])
    unlabelled = np.arange(len(texts.labelled), len(every))

    def right(settings: Mapping[str, Any], learned: Index, held: Index) -> int:
        student = Student(every, len(texts.names))
        student.learn(np.concatenate([learned, unlabelled]), answers, labels, **settings)
        return int((student.ask([every[row] for row in held]) == labels[held]).sum())

    chosen, said = choose(grid_of(lr=(1.5e-3, 6e-3, 2e-2)), one_split(texts.labels), right)
    student = Student(every, len(texts.names))
    student.learn(np.arange(len(every)), answers, labels, **chosen)
    return Fitted(student.ask, student.save, {**chosen, **said, "steps": steps_of(len(every))})


def steps_of(rows: int) -> int:
    """Return the steps of a student that learns from so many texts."""
    return int(np.clip(PASSES * rows / STUDENT_BATCH, *STEPS))


def _teacher(texts: Texts, bench: Bench) -> Encoder:
    """Return the fine-tuned MiniLM of this set and draw; the seconds that it took are the teacher's."""
    folder = bench.folder / "finetuned"
    if (
        not (folder / "made.json").is_file()
        or read_json(folder / "made.json", dict)["digest"] != texts.figures["digest"]
    ):
        finetuned(texts, bench)
    else:
        bench.teacher += read_json(folder / "made.json", dict)["seconds"]
    model = Encoder(len(texts.names))
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model


class Student:
    """Limbeck's network `ngrams` as the recipe `sentiment` has it, and its words."""

    def __init__(self, texts: Sequence[str], classes: int) -> None:
        torch.manual_seed(SEED)
        words = WordTokenizerSettings(size=30_000, min_frequency=2)
        self.reader = TextReader(word_tokenizer(texts, words), max_length=WORDS)
        self.rows = self.reader.encode(texts)
        settings = NgramsSettings(dropout=0.2, word_dropout=0.2, ngram_dropout=0.5)
        self.network = Ngrams(settings, outputs=classes, form=self.reader.form)

    def learn(self, rows: Index, answers: NDArray[np.float32], labels: Index, *, lr: float) -> None:
        """Train on some of the texts, of which there are the teacher's logits, and labels or -100."""

        def collate(numbers: list[int]) -> dict[str, Tensor]:
            held = {**self.rows.batch(np.array(numbers)), "teacher": answers[numbers], "labels": labels[numbers]}
            return {name: torch.from_numpy(value) for name, value in held.items()}

        steps = steps_of(len(self.rows))
        with TemporaryDirectory() as folder:
            asked = {
                "max_steps": steps,
                "per_device_train_batch_size": STUDENT_BATCH,
                "learning_rate": lr,
                "seed": SEED,
            }
            quiet = {"report_to": "none", "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True}
            own = {"use_cpu": True, "remove_unused_columns": False, "warmup_steps": steps // 10}
            settings = TrainingArguments(output_dir=folder, **asked, **quiet, **own)
            numbers: Any = rows.tolist()
            Distiller(model=self.network, args=settings, train_dataset=numbers, data_collator=collate).train()

    @torch.no_grad()
    def ask(self, texts: Sequence[str]) -> Index:
        """Return the class of each text."""
        self.network.eval()
        read = self.reader.encode([*texts])
        places = [np.arange(start, min(start + 512, len(read))) for start in range(0, len(read), 512)]
        batches = ({name: torch.from_numpy(value) for name, value in read.batch(rows).items()} for rows in places)
        return np.concatenate([self.network(**batch).argmax(1).numpy() for batch in batches])

    def save(self, folder: Path) -> None:
        """Write the weights and the words."""
        save_file(self.network.state_dict(), str(folder / "model.safetensors"))
        self.reader.save(folder)


class Distiller(Trainer):
    """A plain trainer, with a teacher's logits in the batch."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the loss of a batch."""
        teacher, labels = inputs.pop("teacher"), inputs.pop("labels")
        logits = model(**inputs)
        soft = (logits / TEMPERATURE).log_softmax(-1), (teacher / TEMPERATURE).log_softmax(-1)
        kd = F.kl_div(*soft, log_target=True, reduction="batchmean") * TEMPERATURE**2
        # A batch may hold no labelled text, of which the mean is none.
        told = F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum") / (labels >= 0).sum().clamp(min=1)
        loss = TEACHER_SHARE * kd + (1 - TEACHER_SHARE) * told
        return (loss, logits) if return_outputs else loss
