"""Estimators of scikit-learn in files, of which nobody's code is run; what names their answers; what is refused."""

import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from estimators import answered, columns, fitted, parsed, probabilities, saved
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FunctionTransformer, make_pipeline
from sklearn.svm import SVC, LinearSVC
from skops.io import get_untrusted_types

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from tiny import FILLER, write_csv

from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.check import check
from limbeck.teachers import estimator
from limbeck.teachers.estimator import named_estimator
from made_rows import numbers_of

pytestmark = pytest.mark.usefixtures("quick_exports")


class Bomb:
    """What runs code when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("suffix", ["joblib", "pkl", "pickle"])
def test_nothing_is_unpickled_unless_the_recipe_says_so(tmp_path, suffix):
    file, mark = tmp_path / f"m.{suffix}", tmp_path / "ran"
    file.write_bytes(pickle.dumps(Bomb(mark)))
    source = write_csv(tmp_path / "rows.csv")
    with pytest.raises(LimbeckError, match=r"runs whatever code is in it .*skops.io.dump.*teacher.trust_pickle=true"):
        check(parsed(source, path=str(file)))
    assert not mark.exists()
    with pytest.raises(LimbeckError, match="the NoneType is no estimator of scikit-learn"):
        check(parsed(source, path=str(file), trust_pickle=True))
    assert mark.exists()


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingClassifier(max_iter=2, max_leaf_nodes=3),  # holds functions of Cython
        GradientBoostingClassifier(n_estimators=2),  # holds states of random numbers
        MLPClassifier((2,), max_iter=2, solver="lbfgs"),
        KNeighborsClassifier(2, algorithm="kd_tree"),
        LogisticRegression(random_state=np.random.RandomState(0)),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_answers_of_an_estimator_stay_its_own_when_its_file_is_read_again(tmp_path, model):
    """Else a run asks anew what `limbeck label` was told, and a shared cache belongs to another teacher."""
    numbers = np.random.default_rng(0).normal(size=(60, 2))
    labels, other = (numbers[:, 0] > 0).astype(int), (numbers[:, 1] > 0).astype(int)
    file = tmp_path / "m.skops"

    def named(fitted_to):
        saved(clone(model).fit(numbers, fitted_to), file)
        trust = tuple(get_untrusted_types(file=file))
        read = []
        for _ in range(2):
            estimator._read.cache_clear()
            read.append(estimator.loaded(file, trust=trust, trust_pickle=False, key="teacher"))
        assert read[0].digest == read[1].digest
        assert read[0].unverifiable == ()
        return read[0].digest

    assert named(labels) != named(other)


class Upper(TransformerMixin, BaseEstimator):
    """A step of somebody's own."""

    def fit(self, texts, labels=None):
        return self

    def transform(self, texts):
        return [text.upper() for text in texts]


def test_types_that_skops_does_not_trust_are_listed(tmp_path):
    source = write_csv(tmp_path / "rows.csv")
    model = fitted(source, Upper(), TfidfVectorizer(), LogisticRegression())
    path = saved(model, tmp_path / "m.skops")
    with pytest.raises(
        LimbeckError, match=r"know as harmless: test_sklearn_files.Upper; fit it without test_sklearn_files.Upper; or"
    ):
        check(parsed(source, **path))
    forest = fitted(source, TfidfVectorizer(), RandomForestClassifier(5, random_state=0))
    path = saved(forest, tmp_path / "forest.skops")
    with pytest.raises(LimbeckError, match=r"set 'teacher.trust=\[sklearn.tree._tree.Tree\]'"):
        check(parsed(source, **path))
    answers = answered(parsed(source, trust=["sklearn.tree._tree.Tree"], **path), tmp_path / "forest")
    np.testing.assert_allclose(
        probabilities(answers), forest.predict_proba(answers.splits.validation.values), atol=1e-6
    )
    answers = answered(parsed(source, trust_pickle=True, **saved(model, tmp_path / "m.joblib")), tmp_path / "run")
    assert probabilities(answers).argmax(1).tolist() == numbers_of(answers.splits.validation).tolist()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("absent.skops", "there is no such file"),
        ("m.bin", r"`.bin` is no file of an estimator .*give .skops"),
        ("damaged.skops", r"cannot be read \(BadZipFile"),
        ("damaged.joblib", r"cannot be read \(\w+"),
    ],
)
def test_a_file_that_is_none(tmp_path, name, line):
    source = write_csv(tmp_path / "rows.csv")
    for file in ("m.bin", "damaged.skops", "damaged.joblib"):
        (tmp_path / file).write_bytes(b"\x80\x04nothing")
    with pytest.raises(LimbeckError, match=line) as caught:
        check(parsed(source, path=str(tmp_path / name), trust_pickle=True))
    assert str(caught.value).startswith(f"teacher.path ({tmp_path / name}): ")


def test_another_file_refuses_the_old_answers_and_shows_both(tmp_path):
    source, file = write_csv(tmp_path / "rows.csv"), tmp_path / "m.skops"
    about = {"cache": {"path": str(tmp_path / "kept")}}
    loaded = parsed(source, about, **saved(fitted(source), file))
    run(loaded, tmp_path / "one")
    saved(fitted(source, TfidfVectorizer(), LogisticRegression(C=9)), file)
    for go in (lambda: run(loaded, tmp_path / "two"), lambda: check(loaded)):
        with pytest.raises(
            LimbeckError, match=r"another teacher: it has `[0-9a-f]{16}`, this run needs `[0-9a-f]{16}`"
        ):
            go()


def test_what_names_an_estimator():
    texts, labels = [f"{' '.join(FILLER)} {number}" for number in range(40)], [number % 2 for number in range(40)]

    def model(strength=1.0, words=None):
        return make_pipeline(TfidfVectorizer(stop_words=words), LogisticRegression(C=strength)).fit(texts, labels)

    first = model()
    name = named_estimator(first).digest
    assert named_estimator(model()).digest == name, "fitted again, it is the same"
    first.predict_proba(texts)
    assert named_estimator(first).digest == name, "asked, it stays the same"
    first[0]._stop_words_id += 8  # where the words lie in memory, in another process
    assert named_estimator(first).digest == name
    assert named_estimator(pickle.loads(pickle.dumps(first))).digest == name
    others = [model(2.0), model(words=["the"])]
    moved = model()
    moved[-1].coef_[0, 0] += 1e-9
    others.append(moved)
    wide = make_pipeline(TfidfVectorizer(vocabulary={str(word): word for word in range(2000)}), LogisticRegression())
    turned = {str(word): 1999 - word for word in range(2000)}
    others += [wide.fit(texts, labels), make_pipeline(TfidfVectorizer(vocabulary=turned), LogisticRegression())]
    others[-1].fit(texts, labels)
    forests = [RandomForestClassifier(3, random_state=seed) for seed in (0, 1)]
    others += [make_pipeline(CountVectorizer(), forest).fit(texts, labels) for forest in forests]
    assert len({name, *(named_estimator(other).digest for other in others)}) == 1 + len(others)


def test_the_code_of_a_step_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    names = []
    for line in ("text.lower()", "text.upper()"):
        (tmp_path / "own_step.py").write_text(f"def change(texts):\n    return [{line} for text in texts]\n")
        monkeypatch.delitem(sys.modules, "own_step", raising=False)
        own = __import__("own_step")
        names.append(named_estimator(FunctionTransformer(own.change)).digest)
        # A second file of one length within a second: only what is loaded counts.
        for cached in tmp_path.rglob("*.pyc"):
            cached.unlink()
    assert names[0] != names[1]


def test_an_older_version_of_scikit_learn_is_said(tmp_path, capsys):
    source = write_csv(tmp_path / "rows.csv")
    model = fitted(source)
    file = tmp_path / "m.joblib"
    joblib.dump(model, file)
    file.write_bytes(file.read_bytes().replace(b"1.9.1", b"1.1.1"))
    answered(parsed(source, path=str(file), trust_pickle=True), tmp_path / "run")
    assert "estimator TfidfTransformer from version 1.1.1" in " ".join(capsys.readouterr().out.split())


REFUSED = {
    "not fitted": (lambda: make_pipeline(TfidfVectorizer(), LogisticRegression()), "the Pipeline is not fitted"),
    "pairs of classes": (
        lambda: make_pipeline(TfidfVectorizer(), SVC(decision_function_shape="ovo")),
        "its margins are those of pairs of classes",
    ),
    "several labels": (
        lambda: make_pipeline(TfidfVectorizer(), MultiOutputClassifier(LogisticRegression())),
        "has no `classes_` with one name an output",
    ),
    "decisions alone": (lambda: make_pipeline(TfidfVectorizer(), Ridge()), "needs predict_proba or decision_function"),
    "arrays": (
        lambda: LogisticRegression(),
        r"its predict_proba failed on \d+ rows \(ValueError: .*; it is called with",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_estimator_that_does_not_fit(tmp_path, what):
    source = write_csv(tmp_path / "rows.csv", classes=3)
    texts, labels = columns(source)
    make, line = REFUSED[what]
    model = make()
    if what == "several labels":
        model.fit(texts, [[label, label] for label in labels])
    elif what == "decisions alone":
        model.fit(texts, range(len(texts)))
    elif what == "arrays":
        model.fit(np.eye(3), ["class 0", "class 1", "class 2"])
    elif what != "not fitted":
        model.fit(texts, labels)
    loaded = parsed(source, {"losses": [{"name": "kd"}]})
    with pytest.raises(LimbeckError, match=line):
        answered(loaded, tmp_path / "run", given=model)


def test_a_method_that_it_has_not(tmp_path):
    source = write_csv(tmp_path / "rows.csv")
    model = fitted(source, TfidfVectorizer(), LinearSVC())
    line = "a classification is not asked of the Pipeline by predict_proba; set it to decision_function"
    with pytest.raises(LimbeckError, match=line):
        check(parsed(source, method="predict_proba", **saved(model, tmp_path / "m.skops")))
