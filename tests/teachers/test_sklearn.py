"""Estimators of scikit-learn as teachers: their own answers of texts and tables, in the order of the data's classes."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from estimators import answered, columns, fitted, parsed, probabilities, saved
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from tiny import recipe, write_csv

import limbeck
from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.check import check
from limbeck.pipeline.training.material import Material
from limbeck.recipe import parse_recipe
from made_rows import numbers_of, splits_of

pytestmark = pytest.mark.usefixtures("quick_exports")


# --- texts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["recipe", "object"])
def test_tfidf_and_regression_teach_a_textcnn_of_sixty_texts(tmp_path, way):
    source = write_csv(tmp_path / "rows.csv", 60)
    model = fitted(write_csv(tmp_path / "known.csv", 120, seed=1))
    settings = {"split": {"test": 20, "validation": 10}, "labelled": 12, "labelled_per_batch": 4}
    student = {"name": "textcnn", "filters": 4, "dim": 4}
    train = {"steps": 4, "batch_size": 8, "validations": 1}
    out = tmp_path / "run"
    if way == "recipe":
        values = recipe(source, seeds=[0], teacher={"kind": "sklearn", **saved(model, tmp_path / "teacher.skops")})
        values["data"] |= settings
        values["student"] |= {"model": student, "train": train}
        result = run(parse_recipe(values, "test"), out)
    else:
        given = {f"data.{key}": value for key, value in settings.items()} | {"student.train": train}
        result = limbeck.distill(model, student, source, seeds=[0], settings=given, out=out)
    loaded = limbeck.recipe.load_recipe(str(out / "recipe.yaml"))
    splits = splits_of(loaded.model_copy(update={"data": loaded.data.model_copy(update={"source": str(source)})}))
    assert result.evaluation.score("teacher") == model.score(splits.test.values, numbers_of(splits.test).astype(str))
    assert result.evaluation.score("teacher") > 0.5
    assert (out / "bundle/model.onnx").is_file()
    (manifest,) = (out / "cache").glob("*/manifest.json")
    identity = json.loads(manifest.read_text())["identity"]
    assert identity["view"] == "raw"
    assert "version" not in identity, "what it has learned names it"


def test_a_file_and_the_object_of_it_give_the_same_answers_under_one_name(tmp_path):
    source = write_csv(tmp_path / "rows.csv")
    model = fitted(write_csv(tmp_path / "known.csv", seed=1))
    ways = [
        answered(parsed(source, **saved(model, tmp_path / "teacher.skops")), tmp_path / "skops"),
        answered(parsed(source, trust_pickle=True, **saved(model, tmp_path / "teacher.joblib")), tmp_path / "joblib"),
        answered(parsed(source), tmp_path / "given", given=model),
    ]
    own = model.predict_proba(ways[0].splits.transfer.values)
    for way in ways:
        np.testing.assert_allclose(probabilities(way, "transfer"), own, atol=1e-6)
        assert way.members[0].cache.digest == ways[0].members[0].cache.digest


def test_classes_in_another_order_are_found_by_name(tmp_path):
    """Text sorts 10 before 2, numbers do not."""
    source = write_csv(tmp_path / "rows.csv", 330, classes=11)
    source.write_text(source.read_text().replace("class ", ""))
    model = fitted(source)
    assert model.classes_.tolist() == sorted(map(str, range(11)))
    answers = answered(
        parsed(source, about={"losses": [{"name": "kd"}]}, accept_bad=True, **saved(model, tmp_path / "m.skops")),
        tmp_path,
    )
    assert answers.splits.task.names == tuple(map(str, range(11)))
    right = answers.logits("validation").argmax(1) == numbers_of(answers.splits.validation)
    assert right.mean() > 0.9
    of_integers = fitted(source, rename=int)
    again = answered(parsed(source, about={"losses": [{"name": "kd"}]}), tmp_path / "given", given=of_integers)
    np.testing.assert_allclose(again.logits("validation"), answers.logits("validation"), atol=1e-4)


def test_other_names_are_refused_with_the_line_that_says_which_is_which(tmp_path):
    source = write_csv(tmp_path / "rows.csv")
    model = fitted(source, rename={"0": "negative", "1": "aye"}.get)  # the other way round in the alphabet
    path = saved(model, tmp_path / "m.skops")
    with pytest.raises(LimbeckError) as caught:
        check(parsed(source, **path))
    line = str(caught.value)
    assert "teacher.labels: the teacher's outputs `aye`, `negative` are not the names of the classes `0`, `1`" in line
    assert "'teacher.labels={aye: 0, negative: 1}' (0.0%)" in line
    assert "'teacher.labels={aye: 1, negative: 0}' (100.0%), with the accuracy on 40 labelled rows" in line
    answers = answered(parsed(source, labels={"aye": 1, "negative": 0}, **path), tmp_path / "run")
    assert np.array_equal(answers.logits("validation").argmax(1), numbers_of(answers.splits.validation))
    renamed = fitted(source, rename={"0": "1", "1": "0"}.get)
    with pytest.raises(LimbeckError, match="the outputs seem to be named wrong"):
        answered(parsed(source), tmp_path / "swapped", given=renamed)
    other = fitted(write_csv(tmp_path / "three.csv", classes=3))
    with pytest.raises(LimbeckError, match=r"the teacher has 3 outputs .*, and the data 2 classes"):
        check(parsed(source, **saved(other, tmp_path / "three.skops")))


@pytest.mark.parametrize("classes", [2, 3])
def test_margins_are_logits(tmp_path, classes):
    source = write_csv(tmp_path / "rows.csv", 240, classes=classes)
    about = {} if classes == 2 else {"losses": [{"name": "kd"}]}
    model = fitted(source)
    answers = answered(parsed(source, about, method="decision_function", accept_bad=True), tmp_path / "lr", given=model)
    np.testing.assert_allclose(probabilities(answers), model.predict_proba(answers.splits.validation.values), atol=1e-6)
    margins = fitted(source, TfidfVectorizer(), LinearSVC())
    answers = answered(parsed(source, about), tmp_path / "svc", given=margins)
    own = margins.decision_function(answers.splits.validation.values)
    logits = answers.logits("validation")
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0] if classes == 2 else logits, own, atol=1e-5)


def test_a_search_is_asked_too(tmp_path):
    source = write_csv(tmp_path / "rows.csv")
    texts, labels = columns(source)
    pipeline = make_pipeline(CountVectorizer(), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1]}, cv=2).fit(texts, labels)
    answers = answered(parsed(source), tmp_path / "run", given=search)
    np.testing.assert_allclose(
        probabilities(answers), search.predict_proba(answers.splits.validation.values), atol=1e-6
    )


# --- tables ---------------------------------------------------------------------------------------------------------


def write_table(file, rows=260, seed=0):
    """Write a table whose label follows from its cells; some are missing, in columns of every type."""
    rng = np.random.default_rng(seed)
    age, town = rng.integers(18, 80, rows), rng.choice(["Oslo", "Rome", "Nara"], rows)
    score = age + 20 * (town == "Rome") + rng.normal(0, 3, rows)
    frame = pandas.DataFrame(
        {
            "age": age,
            "income": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(50, 10, rows).round(2)),
            "town": np.where(rng.random(rows) < 0.1, None, town),
            "code": rng.choice(["1", "2", "B"], rows),
            "member": rng.random(rows) < 0.5,
            "kind": np.where(score > 55, "yes", "no"),
            "score": score.round(3),
        }
    )
    frame.to_csv(file, index=False)
    return pandas.read_csv(file)


FEATURES = ["age", "income", "town", "code", "member"]


def on_columns(last):
    """Return a pipeline that takes a category that it has not seen for none: in silence."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    by_column = [("n", numbers, ["age", "income"]), ("w", words, ["town", "code"]), ("m", OneHotEncoder(), ["member"])]
    return make_pipeline(ColumnTransformer(by_column), last)


def of_table(source, label="kind", features=None, **changes):
    student = {"model": "mlp", "reads": {"kind": "table"}, "train": {"steps": 4, "batch_size": 16, "validations": 1}}
    data = {"source": str(source), "features": features or FEATURES, "label": label, "labelled": 80}
    data["split"] = {"test": 60, "validation": 30}
    return {"student": student, "data": data} | changes


@pytest.mark.parametrize("order", [FEATURES, FEATURES[::-1]])
def test_a_pipeline_on_columns_answers_as_it_does_for_a_frame(tmp_path, order):
    frame = write_table(tmp_path / "rows.csv")
    model = on_columns(RandomForestClassifier(10, random_state=0)).fit(frame[FEATURES], frame["kind"])
    loaded = parsed(tmp_path / "rows.csv", of_table(tmp_path / "rows.csv", features=order))
    answers = answered(loaded, tmp_path / "run", given=model)
    cells = [tuple("nan" if pandas.isna(cell) else str(cell) for cell in row) for row in frame[FEATURES].values]
    own = dict(zip(cells, model.predict_proba(frame[FEATURES]), strict=True))
    assert len(answers.splits.validation) == 30
    found = answered(loaded, tmp_path / "again", given=model)
    assert np.array_equal(found.logits("validation"), answers.logits("validation"))
    said = np.array([own[_as_read(row)] for row in answers.splits.validation.values])
    np.testing.assert_allclose(probabilities(answers), said, atol=1e-6)


def _as_read(row):
    """Return a row's cells as pandas writes them."""
    cells = [row[name] for name in FEATURES]
    cells[0], cells[3] = int(cells[0]), cells[3] if isinstance(cells[3], str) else int(cells[3])
    return tuple("nan" if cell is None else str(cell) for cell in cells)


def test_a_regressor_of_a_table_from_a_cold_start(tmp_path):
    frame = write_table(tmp_path / "rows.csv")
    model = on_columns(Ridge()).fit(frame[FEATURES], frame["score"])
    about = of_table(tmp_path / "rows.csv", "score", task="regression", losses=[{"name": "regression_kd"}])
    path = saved(model, tmp_path / "m.skops") | {"trust": ["numpy.dtype"]}
    result = run(parsed("", about, **path), tmp_path / "run")
    assert result.evaluation.score("teacher") < frame["score"].std() / 2
    material = Material(splits_of(limbeck.recipe.load_recipe(str(tmp_path / "run/recipe.yaml"))))
    (kept,) = (tmp_path / "run/cache").iterdir()
    assert kept.name.split("-")[1] == "raw"
    rows = pandas.DataFrame(material.splits.test.values)
    rows["code"] = rows["code"].map(lambda cell: cell if isinstance(cell, str) else str(int(cell)))
    rows["member"] = rows["member"] == "True"
    rows["town"] = rows["town"].where(rows["town"].notna(), np.nan)
    error = np.sqrt(np.mean((model.predict(rows) - material.splits.test.labels.values[:, 0]) ** 2))
    assert result.evaluation.score("teacher") == pytest.approx(error, rel=1e-5)
    with pytest.raises(LimbeckError, match="a classification needs predict_proba or decision_function"):
        check(parsed("", of_table(tmp_path / "rows.csv"), **path))
    classifier = on_columns(LogisticRegression()).fit(frame[FEATURES], frame["kind"])
    with pytest.raises(LimbeckError, match="a regression needs a regressor's predict, and the Pipeline has none"):
        check(parsed("", about, **path | saved(classifier, tmp_path / "c.skops")))


def test_columns_that_are_not_there_are_named(tmp_path):
    frame = write_table(tmp_path / "rows.csv")
    model = on_columns(LogisticRegression()).fit(frame[FEATURES], frame["kind"])
    path = saved(model, tmp_path / "m.skops") | {"trust": ["numpy.dtype"]}
    some = of_table(tmp_path / "rows.csv", features=["age", "income", "code", "member"])
    with pytest.raises(LimbeckError, match=r"was fitted to the column `town`, which is none of data.features"):
        check(parsed("", some, **path))
    texts = write_csv(tmp_path / "texts.csv")
    with pytest.raises(LimbeckError, match=r"fitted to the columns `age`, .*, and the data are texts; name them"):
        check(parsed(texts, **path))


def test_columns_without_names_stand_in_the_order_of_the_data(tmp_path, capsys):
    frame = write_table(tmp_path / "rows.csv")
    numbers = frame[["age", "score"]].to_numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers, frame["kind"])
    answers = answered(
        parsed("", of_table(tmp_path / "rows.csv", features=["age", "score"])), tmp_path / "run", given=model
    )
    rows = np.array([[row["age"], row["score"]] for row in answers.splits.validation.values])
    np.testing.assert_allclose(probabilities(answers), model.predict_proba(rows), atol=1e-6)
    assert "columns without names; they stand in the order `age`, `score`" in capsys.readouterr().out
    other = answered(
        parsed("", of_table(tmp_path / "rows.csv", features=["score", "age"]), accept_bad=True),
        tmp_path / "turned",
        given=model,
    )
    assert other.members[0].cache.digest != answers.members[0].cache.digest, "another order, another teacher"
    with pytest.raises(LimbeckError, match=r"fitted to 2 columns without names, and the data have 3"):
        answered(
            parsed("", of_table(tmp_path / "rows.csv", features=["age", "score", "income"])), tmp_path, given=model
        )
