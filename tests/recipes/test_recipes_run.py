"""Every packaged recipe, carried out from data to report on a few hundred made-up rows with networks of a few numbers.

Losses fall and files appear; how good anything becomes is no matter of these tests.
"""

import csv
import io
import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
from endpoint_server import Behaviour, served
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from limbeck.evaluation.schema import Evaluation
from limbeck.modalities.audio import speech
from limbeck.models.resnet import ResNet, ResNetSettings
from limbeck.pipeline import order, run
from limbeck.recipe import load_recipe
from limbeck.recipes import packaged_recipes
from limbeck.runtime.readers.image import ImageForm
from made_speech import Embedding, Mel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

MARKS = (["bore", "mess", "dull", "stale"], ["gem", "warm", "witty", "fresh"])
FILLER = ["the", "a", "film", "plot", "scene", "with", "and", "of", "this", "it", "was", "very"]
SMALL = ["teacher.accept_bad=true", "seeds=[0]", "data.source={rows}", "data.split={{test: 60, validation: 40}}"]
RECURRENT = ["hidden=8", "dim=8", "vectors=null", "dropout=0.1", "word_dropout=0"]
READS = ["reads.tokenizer.min_frequency=1", "reads.max_length=10", "reads.tail=3"]
STEPS = ["train.steps=60", "train.batch_size=16", "train.lr=0.02", "train.validations=2"]
FINE_TUNED = [
    "data.labelled=80",
    "teacher.model={transformer}",
    "teacher.freeze_embeddings=false",
    "teacher.train={{epochs: 12, batch_size: 8, lr: 1e-2, validations: 2}}",
    "student.model.buckets=64",
    "grid=[{{model: linear}}, {{train.lr: 0.02}}, {{train.lr: 0.05}}]",
]


def of(part, changes):
    return [f"{part}.{change}" for change in changes]


SEEN_AND_HEARD = [
    "seeds=[0]",
    "teacher.accept_bad=true",
    "data.split={{test: 60, validation: 40}}",
    "data.labelled=40",
    "data.max_unlabelled=100",
    "data.labelled_per_batch=4",
    *of("student", STEPS),
]

OVERRIDES = {
    "llm-labels": [
        "seeds=[0]",
        "data.source={rows}",
        "data.split={{test: 60, validation: 40}}",
        "data.domain=null",
        "teacher.base_url={server}",
        *of("student", STEPS),
        "selection.unlabelled=20",
    ],
    "sentiment": [
        *SMALL,
        *of("student", STEPS),
        "data.domain=null",
        *FINE_TUNED,
    ],
    "text": [
        *SMALL,
        "data.domain=null",
        "teacher.members.0.model={transformer}",
        "teacher.members.0.freeze_embeddings=false",
        "teacher.members.0.train.lr=1e-2",
        "teacher.members.1.model={transformer}",
        *of("student", ["train.steps=60", "train.batch_size=16"]),
        "grid=[{{model: linear}}, {{model: {{name: ngrams, dim: 4, buckets: 64}}}}]",
    ],
    "imdb": [
        *SMALL,
        *of("student", STEPS),
        *of("teacher", READS),
        *of("student", READS),
        *of("teacher.model", RECURRENT),
        *of("student.model", RECURRENT),
        "data.labelled_per_batch=6",
        "teacher.train={{epochs: 12, batch_size: 16, lr: 0.02, average: 0.9, validations: 2}}",
        "teacher.pretrain={{negatives: 6, train: {{epochs: 1, batch_size: 16, lr: 0.02, validations: 1}}}}",
    ],
    "imdb-best": [
        *SMALL,
        *of("student", STEPS),
        "data.labelled_per_batch=6",
        "teacher.members=[{{kind: nblr, calibrate: true}}, {{kind: network, calibrate: true, reads: {{max_length: 10}},"
        " model: {{name: bilstm, hidden: 6, dim: 8}},"
        " train: {{epochs: 6, batch_size: 16, lr: 0.02, validations: 2}}}}]",
        "student.reads.tokenizer.min_frequency=1",
        "student.model.wide.buckets=64",
        "student.model.deep={{dim: 8, filters: 8}}",
        "grid={{}}",
    ],
    "transfer": [
        *SMALL,
        *of("student", STEPS),
        "data.domain=null",
        "data.target={{source: {there}}}",
        *FINE_TUNED,
    ],
    "digits": [
        *SEEN_AND_HEARD,
        "data.augment.copies=1",
        "teacher.model.width=4",
        "student.model.width=4",
        "teacher.train={{steps: 60, batch_size: 16, lr: 0.02, validations: 2}}",
        "grid={{}}",
    ],
    "cifar10": [
        *SEEN_AND_HEARD,
        "data.source={pictures}",
        "data.label=kind",
        "data.augment.copies=1",
        "teacher.weights={weights}",
        "teacher.build.depth=8",
        "teacher.build.width=4",
        "student.model.width=4",
    ],
    "cifar10-full": [
        *SEEN_AND_HEARD,
        "data.source={pictures}",
        "data.label=kind",
        "data.augment.copies=1",
        "teacher.weights={weights}",
        "teacher.build.depth=8",
        "teacher.build.width=4",
        "student.model.depth=8",
        "student.model.width=4",
    ],
    "mnist-hinton": [
        *SEEN_AND_HEARD,
        "data.source={digits}",
        "data.image=x",
        "data.label=y",
        "data.split={{validation: 40}}",
        "data.omitted_classes=[2]",
        "task.correct_prior=true",
        "data.augment.copies=1",
        "teacher.model={{name: dense, width: 16, dropout: 0.1}}",
        "teacher.train={{steps: 60, batch_size: 16, lr: 0.02, validations: 2}}",
        "student.model.width=16",
    ],
    "new-digits": [
        *SEEN_AND_HEARD,
        "data.source={digits}",
        "data.image=x",
        "data.label=y",
        "data.target={{source: {others}, image: x, label: y}}",
        "data.augment.copies=1",
        "teacher.model.width=4",
        "student.model.width=4",
        "teacher.train={{steps: 60, batch_size: 16, lr: 0.02, validations: 2}}",
    ],
    "spoken-digits": [
        *SEEN_AND_HEARD,
        "data.source={clips}",
        "data.split.test={{voice: [ada, bob]}}",
        "student.reads={{kind: audio, rate: 8000, seconds: 0.25}}",
        "student.model.width=8",
        "student.model.bands=16",
    ],
    "keywords": [
        *SEEN_AND_HEARD,
        "data.source={words}",
        "data.classes=[yes, no]",
        "data.augment.copies=1",
        "student.reads={{kind: audio, rate: 8000, seconds: 0.25}}",
        "student.model.width=8",
        "student.model.bands=16",
    ],
    "acceleration": [
        *SMALL,
        *of("student", STEPS),
        "data.labelled_per_batch=6",
        "student.reads.tokenizer.min_frequency=1",
        "student.model.buckets=64",
        "grid={{}}",
        "curves={{steps: [0.5], labels: [100]}}",
    ],
}
"""What makes each recipe small: it keeps every key, and so every part, of its own; no download."""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Two data sets with splits, pictures, clips, a pretrained encoder and a teacher that have learned nothing."""
    folder = tmp_path_factory.mktemp("places")
    write_rows(folder / "rows", seed=0)
    write_rows(folder / "there", seed=1)
    write_transformer(folder / "transformer")
    write_pictures(folder / "pictures")
    write_clips(folder / "clips")
    write_words(folder / "words")
    write_digits(folder / "digits")
    write_digits(folder / "others", seed=1)
    torch.manual_seed(0)
    form = ImageForm.of(8, 8, 3, (0.5,) * 3, (0.2,) * 3)
    save_file(
        ResNet(ResNetSettings(depth=8, width=4), outputs=2, form=form).state_dict(), folder / "weights.safetensors"
    )
    with served(Behaviour()) as url:
        yield {"server": url} | {path.stem: path for path in folder.iterdir()}


def write_pictures(path):
    """Write bright and dark pictures, as PNG files in a table."""
    rng = np.random.default_rng(0)
    files = []
    for row in range(240):
        file = io.BytesIO()
        pixels = rng.integers(0, 100, (8, 8, 3)) + 120 * (row % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
    table = {"img": files, "kind": ["dark", "bright"] * 120}
    pq.write_table(pa.table(table), path.with_suffix(".parquet"))


def write_digits(path, *, seed=0):
    """Write pictures of three shades, as arrays that name their splits."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for split, rows in (("train", 240), ("test", 60)):
        arrays[f"y_{split}"] = np.arange(rows) % 3
        shades = 70 * arrays[f"y_{split}"][:, None, None]
        arrays[f"x_{split}"] = (rng.integers(0, 60, (rows, 8, 8)) + shades).astype(np.uint8)
    np.savez(path.with_suffix(".npz"), **arrays)


def write_clips(path):
    """Write tones of two pitches, as samples in a table, of four voices."""
    rng, time = np.random.default_rng(0), np.arange(2000) / 8000
    pitches = [440, 1200] * 120
    # At the higher one the samples are cut off at full scale, which is what the made encoder hears.
    samples = [np.clip(pitch / 800 * np.sin(2 * np.pi * pitch * time + rng.random()), -1, 1) for pitch in pitches]
    table = {
        "audio": [{"array": one, "sampling_rate": 8000} for one in samples],
        "label": pitches,
        "voice": [("ada", "bob", *"cdefgh")[row // 2 % 8] for row in range(240)],
    }
    pq.write_table(pa.table(table), path.with_suffix(".parquet"))


def write_words(folder):
    """Write tones of four pitches in the layout of Speech Commands; its list holds out 60."""
    rng, time = np.random.default_rng(0), np.arange(2000) / 8000
    held_out = []
    for row in range(300):
        word, pitch, loud = (("yes", 440, 0.5), ("no", 1200, 9), ("bed", 2000, 1.4), ("cat", 3000, 1.5))[row % 4]
        path = folder / word / f"{row:08x}_nohash_0.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = loud * np.sin(2 * np.pi * (pitch * time + rng.random())) + rng.normal(0, 0.001, len(time))
        soundfile.write(path, np.clip(tone, -1, 1), 8000)
        if row >= 240:
            held_out.append(f"{word}/{path.name}\n")
    (folder / "testing_list.txt").write_text("".join(held_out), encoding="utf-8")
    (folder / "_background_noise_").mkdir()
    soundfile.write(folder / "_background_noise_/hum.wav", rng.normal(0, 0.1, 16000), 8000)


def write_rows(folder, *, seed):
    """Write texts whose class follows from one of their words; the unsupervised ones have no label."""
    folder.mkdir()
    rng = random.Random(seed)
    for split, rows in (("train", 220), ("test", 60), ("unsupervised", 150)):
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            for row in range(rows):
                words = [*rng.choices(FILLER, k=rng.randint(3, 12)), rng.choice(MARKS[row % 2])]
                rng.shuffle(words)
                writer.writerow([f"{' '.join(words)} {split} {row}", "" if split == "unsupervised" else row % 2])


def write_transformer(folder):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *FILLER, *MARKS[0], *MARKS[1]]
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=64, **sizes)).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def test_every_packaged_recipe_is_run():
    """A new recipe needs a row in OVERRIDES."""
    assert OVERRIDES.keys() == packaged_recipes().keys()


@pytest.fixture(autouse=True)
def _made_speech(monkeypatch):
    monkeypatch.setattr(speech, "_files", lambda: (Mel(), Embedding()))


@pytest.fixture
def export_of_the_student_alone(monkeypatch):
    """Exporting takes longer than all the rest, and what teachers and baselines become is shown elsewhere."""
    every = order.export_all
    alone = lambda _, arms, folder: every({}, {"student": arms["student"]}, folder)  # noqa: E731
    monkeypatch.setattr(order, "export_all", alone)


@pytest.mark.usefixtures("export_of_the_student_alone")
@pytest.mark.parametrize("name", OVERRIDES)
def test_a_packaged_recipe_runs(name, places, tmp_path):
    out = tmp_path / name
    finished = run(load_recipe(name, [line.format(**places) for line in OVERRIDES[name]]), out)
    assert finished.report.stat().st_size > 10_000
    files = {"bundle.json", "model.onnx"}
    if load_recipe(name).student.reads.kind == "text":
        files.add("tokenizer.json")
    assert files <= {file.name for file in finished.bundle.iterdir()}
    result = Evaluation.model_validate_json((out / "evaluation.json").read_bytes())
    assert (result.name, result.test_examples) == (name, 60)
    losses = losses_by_arm(out / "metrics.jsonl")
    trained = set() if finished.evaluation.solved else {"student", "baseline"}
    assert set(finished.evaluation.models) & trained <= losses.keys()
    for arm, values in losses.items():
        fifth = max(1, len(values) // 5)
        assert sum(values[-fifth:]) < 0.9 * sum(values[:fifth]), arm


def losses_by_arm(path):
    """Return the losses in their order, by the network that was trained."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    arms = {record["arm"]: [] for record in records if "loss" in record}
    for record in records:
        if "loss" in record:
            arms[record["arm"]].append(record["loss"])
    return arms
