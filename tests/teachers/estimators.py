"""Estimators that tests fit, and the runs that they teach."""

import csv
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from skops.io import dump

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from tiny import recipe

from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Given, Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import parse_recipe
from made_rows import splits_of


def columns(file):
    """Return the texts and the labels of a file."""
    with file.open(newline="") as held:
        rows = list(csv.DictReader(held))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def fitted(file, *steps, rename=str):
    texts, labels = columns(file)
    last = steps or (TfidfVectorizer(), LogisticRegression(C=10))
    return make_pipeline(*last).fit(texts, [rename(label) for label in labels])


def saved(model, file):
    dump(model, file) if file.suffix == ".skops" else joblib.dump(model, file)
    return {"path": str(file)}


def parsed(source, about=(), **teacher):
    values = recipe(source, seeds=[0], baseline=False, **dict(about))
    values["student"]["train"] |= {"steps": 4, "validations": 1}
    return parse_recipe(values | {"teacher": {"kind": "sklearn"} | teacher}, "test")


def answered(loaded, folder, given=None):
    """Return the run's teacher, asked for all that the student learns from."""
    material = Material(splits_of(loaded), Given(given))
    settled = settle(loaded, material)
    return ask_teacher(settled, train_teacher(settled, material, folder), material.splits, folder)


def probabilities(answers, split="validation"):
    logits = answers.logits(split).astype(np.float64)
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
