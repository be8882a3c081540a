"""What a bundle knows of the columns of its training, for every modality and task."""

import pytest
from tiny import recipe

from limbeck.pipeline.judging.delivery import named_in_the_data
from limbeck.recipe import parse_recipe

BINARY, VALUES, KD = [{"name": "binary_kd"}], [{"name": "regression_kd"}], [{"name": "kd"}]


def parsed(data, task="classification", losses=KD, **networks):
    values = recipe("rows.csv", task=task, losses=losses, **networks)
    values["data"] = {"source": "rows.csv", **data}
    return parse_recipe(values, "mine.yaml")


NETWORK = {"image": "convnet", "audio": "audio_cnn", "features": "mlp"}


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        ({"text": "review", "label": "kind"}, {"example": "review", "label": "kind"}),
        ({}, {"example": "text", "label": "label"}),
        ({"image": "file", "label": "kind"}, {"example": "file", "label": "kind"}),
        ({"audio": "clip", "label": "word"}, {"example": "clip", "label": "word"}),
        ({"features": ["a", "b"], "label": "kind"}, {"label": "kind"}),
        ({"features": "*", "label": "kind"}, {"label": "kind"}),
        (
            {"text": "a", "label": "b", "target": {"source": "other.csv", "text": "c", "label": "d"}},
            {"example": "c", "label": "d"},
        ),
    ],
)
def test_of_every_modality(data, columns):
    model = next((NETWORK[key] for key in NETWORK if key in data), None)
    networks = {} if model is None else {"student": {"model": model}, "teacher": {"kind": "network", "model": model}}
    assert named_in_the_data(parsed(data, **networks)) == columns


@pytest.mark.parametrize(
    ("task", "losses", "label"),
    [
        ({"kind": "multilabel", "separator": "|"}, BINARY, "genres"),
        ("multilabel", BINARY, ["war", "love"]),
        ("multioutput", KD, ["digit", "speaker"]),
        ("regression", VALUES, "price"),
        ("regression", VALUES, ["width", "height"]),
    ],
)
def test_of_every_task(task, losses, label):
    found = named_in_the_data(parsed({"text": "plot", "label": label}, task, losses, teacher=TEACHER, arms=["student"]))
    assert found == {"example": "plot", "label": label}


TEACHER = {"kind": "network", "model": "textcnn"}
