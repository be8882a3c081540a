"""What the tests of networks share: small settings of every network, rows of any length, images, sounds, an export."""

import atexit
import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: no test may reach for the network

import numpy as np
import onnxruntime
import torch
from pydantic import TypeAdapter

from limbeck.models import MODELS, ModelSettings, build_model
from limbeck.runtime import TextForm, Vocabulary
from limbeck.runtime.readers.audio import AudioForm
from limbeck.runtime.readers.image import ImageForm
from limbeck.runtime.readers.table import TableForm
from limbeck.types import tensors

VOCABULARY = Vocabulary(tuple(f"word{i}" for i in range(40)), pad_id=1)
FORM = TextForm.of(VOCABULARY)
IMAGES = ImageForm.of(8, 8, 3, (0.5, 0.4, 0.3), (0.3, 0.2, 0.25))
SOUNDS = AudioForm.of(8000, 900)
TABLES = TableForm.of(4, (3, 6))
FORMS = {"text": FORM, "image": IMAGES, "audio": SOUNDS, "table": TABLES}
"""By what a network reads: a new kind has its own."""
SETTINGS = TypeAdapter(ModelSettings)
OUTPUTS = 3

# More shapes of a network than its default one. A network that is not named here is tested with its defaults.
VARIANTS = {
    "ngrams": [{}, {"orders": 4, "buckets": 64, "hidden": 5, "normalize": "mean"}, {"orders": 1, "word_dropout": 0.5}],
    "linear": [{}, {"orders": 3, "buckets": 64}, {"orders": 1}],
    "textcnn": [
        {"filters": 4, "dim": 5},
        {"widths": [5], "filters": 3, "word_dropout": 0.5},
        {"filters": 3, "pooling": "sum_max"},
    ],
    "bilstm": [{"hidden": 4, "dim": 5}, {"hidden": 3, "layers": 2, "pooling": "mean_max", "word_dropout": 0.5}],
    "bigru": [{"hidden": 4, "layers": 2}, {"hidden": 3, "bidirectional": False}, {"hidden": 3, "pooling": "max"}],
    "wide_deep": [
        {"wide": {"buckets": 64, "dim": 3}, "deep": {"filters": 4, "dim": 5}},
        {"wide": {"orders": 1, "word_dropout": 0.5}, "deep": {"widths": [5], "filters": 3, "word_dropout": 0.5}},
    ],
    "transformer": [{}, {"pooling": "cls", "layers": 1}, {"freeze": 1}],
    "pretrained_image": [{}, {"dropout": 0.5}],
    "pretrained_audio": [{}, {"freeze_embeddings": True}],
    "mlp": [{"hidden": 6}, {"hidden": 5, "layers": 1, "norm": "none", "dropout": 0.0}, {"hidden": 4, "layers": 3}],
    "resnet": [{"depth": 8, "width": 3}, {"depth": 14, "width": 2, "shortcut": "B"}],
    "convnet": [{"width": 4}, {"normalise": {"mean": [0, 0, 1], "std": [0.5, 1, 2]}}],
    "depthwise": [{"width": 3}, {}],
    "dense": [{"width": 6}, {"width": 5, "layers": 1, "dropout": 0.5, "input_dropout": 0.2}],
    "vit": [{"dim": 8, "depth": 1, "heads": 2}, {"patch": 2, "dim": 6, "depth": 2, "heads": 3}],
    "audio_cnn": [{"width": 8}, {"width": 6, "subtract": "band_means"}, {"bands": 16, "width": 5, "dropout": 0}],
}
CASES = [(name, variant) for name in MODELS for variant in VARIANTS.get(name, [{}])]


def cases_of(kind):
    """Return the cases of the networks that read it."""
    return [case for case in CASES if MODELS[case[0]].reads == kind]


def case_id(case):
    name, variant = case
    return "-".join([name, *(f"{key}={value}" for key, value in variant.items())])


def save_bert(folder, *, classes=None, layers=2, **options):
    """Save a tiny random BERT, as an encoder or as a classifier."""
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    config = BertConfig(
        vocab_size=VOCABULARY.size,
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
        pad_token_id=VOCABULARY.pad_id,
        **({"num_labels": classes} if classes else {}),
        **options,
    )
    torch.manual_seed(5)
    (BertForSequenceClassification if classes else BertModel)(config).save_pretrained(folder)
    return folder


@cache
def tiny_vit():
    """Return the folder of an encoder of images like those of `IMAGES`."""
    from transformers import ViTConfig, ViTModel

    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    torch.manual_seed(5)
    network = ViTModel(ViTConfig(image_size=8, patch_size=4, **sizes))
    keys = {"image_processor_type": "ViTImageProcessor", "size": {"height": 8, "width": 8}}
    return _saved(network, keys | {"image_mean": IMAGES.mean, "image_std": IMAGES.std})


@cache
def tiny_wav2vec2():
    """Return the folder of an encoder of sounds like those of `SOUNDS`."""
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    convolutions = {"conv_dim": (8, 8), "conv_kernel": (10, 4), "conv_stride": (4, 4), "num_feat_extract_layers": 2}
    convolutions |= {"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "classifier_proj_size": 8}
    torch.manual_seed(5)
    network = Wav2Vec2Model(Wav2Vec2Config(**sizes, **convolutions))
    keys = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": SOUNDS.rate, "do_normalize": True}
    return _saved(network, keys | {"feature_size": 1, "padding_value": 0.0, "return_attention_mask": False})


def _saved(network, processor):
    folder = Path(tempfile.mkdtemp(prefix="limbeck-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def settings_for(name, variant, checkpoint):
    folders = {"transformer": lambda: checkpoint, "pretrained_image": tiny_vit, "pretrained_audio": tiny_wav2vec2}
    needs = {"path": str(folders[name]())} if name in folders else {}
    return SETTINGS.validate_python({"name": name, **needs, **variant})


def example_for(name):
    """Return two rows of what a network reads."""
    return tensors(FORMS[MODELS[name].reads].example)


def network_for(name, variant, checkpoint, *, seed=0):
    settings = settings_for(name, variant, checkpoint)  # which may write a folder of random weights
    torch.manual_seed(seed)
    return build_model(settings, outputs=OUTPUTS, form=FORMS[MODELS[name].reads])


def rows(lengths, tokens=None, *, seed=0):
    """Return ids and mask of random texts; what stands in the padding is random too, since it must not matter."""
    generator = torch.Generator().manual_seed(seed)
    width = tokens or max([*lengths, 1])
    # Drawn row by row, so that a text does not depend on the width of the table it is in.
    texts = [torch.randint(2, VOCABULARY.size, (length,), generator=generator) for length in lengths]
    ids = torch.randint(0, VOCABULARY.size, (len(lengths), width), generator=generator)
    mask = torch.zeros(len(lengths), width, dtype=torch.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return ids, mask


def export(network, path):
    """Export with dynamic batch and tokens; return a session of it."""
    ids, mask = rows([4, 6, 2])
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        network.eval(),
        (),
        str(path),
        kwargs={"input_ids": ids, "attention_mask": mask},
        dynamo=True,
        dynamic_shapes={"input_ids": axes, "attention_mask": axes},
        external_data=False,
        verbose=False,
    )
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def parity(network, session):
    """Return the largest difference between both engines over several shapes."""
    worst = 0.0
    for lengths in ([1], [7], [0], [1, 1, 1], [3, 9, 0, 1], [30, 2], [5] * 8):
        ids, mask = rows(lengths, tokens=max([*lengths, 1]) + len(lengths) % 2)
        with torch.no_grad():
            expected = network(ids, mask).numpy()
        (found,) = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        worst = max(worst, float(np.abs(found - expected).max()))
    ids, mask = rows([1])  # one text of one token, and no padding at all
    (found,) = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    return max(worst, float(np.abs(found - network(ids, mask).detach().numpy()).max()))
