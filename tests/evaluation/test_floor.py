import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer

from limbeck.data import NO_ROWS, Cells, Examples, Splits
from limbeck.errors import LimbeckError
from limbeck.evaluation import scores
from limbeck.modalities.image import ImageModality
from limbeck.pipeline.judging import floor as judging_floor
from limbeck.pipeline.judging.floor import distil_floor, fit_floor
from limbeck.runtime.pictures import Picture
from limbeck.runtime.scripts import signs, terms
from limbeck.tasks import classification
from limbeck.tasks.classification.linear import boosted_trees, distilled_regressions, regressions
from made_rows import TEXT, rows_of, task_of, tfidf_floor

FILLER = [f"filler{k}" for k in range(40)]


def split(seed, n, classes, never=()):
    """Texts of noise words and one word that tells the class three times in four."""
    rng = np.random.default_rng(seed)
    labels = np.array([y for y in rng.integers(classes, size=3 * n) if y not in never][:n])
    told = np.where(rng.random(n) < 0.75, labels, rng.integers(classes, size=n))
    return [" ".join([*rng.choice(FILLER, 6), f"topic{t}"]) for t in told], labels


def fit(classes, rows=120, never=()):
    test_texts, test_labels = split(2, 150, classes)
    floor = tfidf_floor(*split(0, rows, classes, never), *split(1, 80, classes), test_texts, classes=classes)
    return floor, test_texts, test_labels


@pytest.mark.parametrize(("classes", "least"), [(2, 0.7), (4, 0.5)])
def test_it_learns(classes, least):
    floor, test_texts, test_labels = fit(classes)
    assert floor.test_outputs.dtype == np.float32
    assert floor.test_outputs.shape == (150, classes)
    np.testing.assert_allclose(np.exp(floor.test_outputs).sum(axis=1), 1, rtol=1e-5)
    assert scores(floor.test_outputs, test_labels)["accuracy"] > least
    np.testing.assert_array_equal(floor.predict(test_texts), floor.test_outputs)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_logits_are_scikit_learns(classes):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    floor, test_texts, _ = fit(classes)
    texts, labels = split(0, 120, classes)
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=floor.settings["C"], max_iter=1000)
    ).fit(texts, labels)
    np.testing.assert_allclose(floor.test_outputs, pipeline.predict_log_proba(test_texts), atol=1e-5)
    terms, rows = len(pipeline[0].vocabulary_), 1 if classes == 2 else classes
    assert floor.parameters == rows * (terms + 1) + terms
    assert floor.size_bytes == 4 * floor.parameters + sum(map(len, pipeline[0].vocabulary_))  # ASCII here


def test_class_weights_are_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    test_texts, _ = split(2, 150, 3)
    (texts, labels), held_out = split(0, 400, 3), split(1, 80, 3)
    kept = [row for row in range(400) if labels[row] != 1 or row % 10 == 0]
    texts, labels = [texts[row] for row in kept], labels[kept]
    plain, balanced = (
        tfidf_floor(texts, labels, *held_out, test_texts, classes=3, weighting=w) for w in (None, "balanced")
    )
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts)
    model = LogisticRegression(C=balanced.settings["C"], max_iter=1000, class_weight="balanced")
    expected = model.fit(vectorizer.transform(texts), labels).predict_log_proba(vectorizer.transform(test_texts))
    np.testing.assert_allclose(balanced.test_outputs, expected, atol=1e-4)
    assert np.abs(balanced.test_outputs - plain.test_outputs).max() > 0.1


def test_the_penalty_is_the_one_best_on_validation(monkeypatch):
    chosen = fit(4)[0].settings["C"]
    losses = {}
    for C in (0.3, chosen, 300.0):
        monkeypatch.setattr("limbeck.tasks.classification.linear.C_GRID", (C,))
        validation_texts, validation_labels = split(1, 80, 4)
        losses[C] = scores(fit(4)[0].predict(validation_texts), validation_labels)["nll"]
    assert 0.3 < chosen < 300.0
    assert min(losses, key=losses.get) == chosen


def test_classes_count_by_their_weights_on_validation_too(monkeypatch):
    heard = []
    monkeypatch.setattr(
        "limbeck.tasks.classification.nll", lambda logits, labels, weights: heard.append(weights) or 0.0
    )
    weighting = {"0": 0.5, "1": 1.0, "2": 1.5}
    (texts, labels), held_out = split(0, 60, 3), split(1, 30, 3)
    tfidf_floor(texts, labels, *held_out, split(2, 30, 3)[0], classes=3, weighting=weighting)
    assert len(heard) == 2 * 7
    expected = np.array([0.5, 1.0, 1.5]) / np.array([0.5, 1.0, 1.5])[labels].mean()
    assert all(np.allclose(found, expected) for found in heard)


def test_it_is_deterministic():
    np.testing.assert_array_equal(fit(4)[0].test_outputs, fit(4)[0].test_outputs)


@pytest.mark.parametrize("never", [(0,), (2,), (1, 3), (0, 1)])
def test_a_class_without_a_labelled_row_is_unlikely_and_finite(never):
    floor, _, test_labels = fit(4, never=never)
    assert floor.test_outputs.shape == (150, 4)
    assert np.isfinite(floor.test_outputs).all()
    np.testing.assert_allclose(floor.test_outputs[:, never], -np.log(120 + 4), rtol=1e-6)
    assert not np.isin(floor.test_outputs.argmax(axis=1), never).any()
    assert scores(floor.test_outputs, test_labels)["nll"] < 5


def test_77_classes_most_of_them_rare():
    floor, _, test_labels = fit(77, rows=160, never=(76, 3))
    assert floor.test_outputs.shape == (150, 77)
    assert scores(floor.test_outputs, test_labels)["accuracy"] > 0.1  # chance is 0.013


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Well-made, 4.5 stars ités a_b U.S.", ["Well", "made", "stars", "ités", "a_b"]),
        ("iPhone15を買った。 COVID-19疫苗", ["iPhone15", "を", "買", "っ", "た", "COVID", "19", "疫", "苗"]),
        ("हिन्दी में", ["हिन्दी", "में"]),  # no word of two letters, to an expression that knows no marks
        ("น้ำแข็ง ๑๒", ["น้ำ", "แ", "ข็", "ง", "๑๒"]),
        ("한국어를 a ! 👩‍👧", ["한국어를"]),
    ],
)
def test_terms(text, cut):
    assert terms(text) == cut


def test_a_script_without_blanks_is_counted_by_character():
    """Each text was one word, of which no other text has any: every decision was the same class."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    texts = [
        "".join(rng.choice(list("天地人日月山水" + ("好美喜", "悪苦悲")[label] * 2), 20)) + "。" for label in labels
    ]
    floor = tfidf_floor(texts[:60], labels[:60], texts[60:80], labels[60:80], texts[80:], classes=2)
    assert (floor.test_outputs.argmax(axis=1) == labels[80:]).all()
    assert floor.parameters > 2 * 13  # pairs too


def test_rows_it_cannot_learn_from_are_refused():
    with pytest.raises(LimbeckError, match="fewer than two classes"):
        tfidf_floor(["good one", "fine one"], [1, 1], ["good"], [1], ["bad"], classes=2)


@pytest.mark.parametrize(
    ("good", "bad"), [("nice day 😀", "nice day 😡"), ("it came !!!", "it came ..."), ("A C", "G T"), (":)", ":(")]
)
def test_what_scikit_learns_rule_does_not_see_is_seen(good, bad):
    """A student reads emoji, marks and single letters: a floor that does not would flatter it."""
    texts, labels = [good, bad] * 30, [1, 0] * 30
    floor = tfidf_floor(texts, labels, texts[:10], labels[:10], texts, classes=2)
    assert (floor.test_outputs.argmax(axis=1) == labels).all()
    assert floor.settings["terms"] == "words, letters and signs"


def test_words_are_taken_where_signs_tell_no_more():
    assert fit(2)[0].settings["terms"] == "words"


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("a C++ gem!! 4.5", ["a", "C", "+", "+", "gem", "!", "!", "4", ".", "5"]),
        ("ités 😀 l’été", ["ités", "😀", "l", "’", "été"]),
        ("हिन्दी で", ["हिन्दी", "で"]),
    ],
)
def test_signs(text, cut):
    assert signs(text) == cut


# --- the teacher's answers ------------------------------------------------------------------------------------------


def sure(labels, classes):
    """Logits of a teacher that gives each row its label, with a probability of 1 as far as float64 knows."""
    return np.where(np.eye(classes)[labels] > 0, 60.0, 0.0).astype(np.float32)


@pytest.mark.parametrize("classes", [2, 3])
def test_answers_that_are_sure_of_the_labels_teach_what_labels_teach(classes):
    texts, labels = split(0, 120, classes)
    matrix = TfidfVectorizer().fit_transform(texts)
    for one, other in zip(
        regressions(matrix, labels, classes, None), distilled_regressions(matrix, sure(labels, classes)), strict=True
    ):
        assert one.settings == other.settings
        assert (one.method, one.parameters) == (other.method, other.parameters)
        found, expected = (np.exp(each.model.outputs(matrix)) for each in (other, one))
        np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_distilled_floor_follows_the_teacher_where_it_is_not_sure(classes):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(3000, 5)).astype(np.float32)
    answers = (matrix @ rng.normal(size=(5, classes)) + rng.normal(size=classes)).astype(np.float32)
    weakest = distilled_regressions(matrix, answers)[-1]  # of the weakest penalty
    np.testing.assert_allclose(np.exp(weakest.model.outputs(matrix)), softmax(answers, axis=1), atol=0.01)


def test_the_distilled_floor_learns_unlabelled_rows_and_no_copies():
    """The labels are all wrong: what it knows, it knows from the answers for rows without a label."""
    (few, wrong), (texts, labels), held_out = split(0, 20, 2), split(3, 300, 2), split(1, 80, 2)
    rows, unlabelled = rows_of(range(20), few, 1 - wrong), rows_of(range(100, 400), texts, [-1] * 300)
    copies = rows_of(range(500, 1400), texts * 3, [-1] * 900)  # of which the answers are all wrong
    test = rows_of(range(3000, 3150), *split(2, 150, 2))
    splits = Splits(
        rows, unlabelled, rows_of(range(2000, 2080), *held_out), test, task_of(2), TEXT, {}, augmented=copies
    )
    answers = np.concatenate([sure(1 - wrong, 2), sure(labels, 2), sure(np.tile(1 - labels, 3), 2)])
    distilled = distil_floor(splits, answers)
    assert scores(distilled.test_outputs, test.labels.values)["accuracy"] > 0.7
    np.testing.assert_array_equal(distilled.predict(test.values), distilled.test_outputs)
    assert (distilled.features, distilled.method) == ("TF-IDF", "logistic regression")


def test_what_is_chosen_is_solved_to_the_end(monkeypatch):
    texts, labels = split(3, 300, 2)
    rows = rows_of(range(300), texts, labels)
    splits = Splits(
        rows, rows.take([]), rows_of(range(2000, 2080), *split(1, 80, 2)), rows.take([0]), task_of(2), TEXT, {}
    )
    made = []

    def keep(matrix, answers):
        made.append((matrix, distilled_regressions(matrix, answers)))
        return made[-1][1]

    monkeypatch.setattr(classification, "distilled_regressions", keep)
    distilled = distil_floor(splits, sure(labels, 2) / 3)
    found = distilled.predict(texts)
    near, exact = zip(
        *(
            (one.model.outputs(matrix), one.exact().outputs(matrix))
            for matrix, models in made
            for one in models
            if one.settings["C"] == distilled.settings["C"]
        ),
        strict=True,
    )
    assert any(np.array_equal(found, one) for one in exact)
    assert not any(np.array_equal(found, one) for one in near)
    assert any(np.allclose(found, one, atol=0.1) for one in near)


def dark_and_bright() -> Examples:
    """Return 300 pictures, of which the first half shows one class only."""
    labels = np.repeat([0, 1], 150)
    noise = np.random.default_rng(0).integers(0, 100, (300, 8, 8, 1))
    pixels = (noise + 100 * labels[:, None, None, None]).astype(np.uint8)
    return rows_of(range(300), [Picture(one, "") for one in pixels], labels)


def test_of_many_dense_rows_the_floor_learns_some_from_everywhere(monkeypatch, capsys):
    rows = dark_and_bright()
    splits = Splits(rows, NO_ROWS, rows.take(range(0, 300, 7)), rows, task_of(2), ImageModality(), {})
    monkeypatch.setattr(judging_floor, "MOST", 60)
    floor = fit_floor(splits)
    assert floor.settings["rows"] == 60
    assert "the floor learned 60 of the 300 labelled rows" in capsys.readouterr().out
    assert scores(floor.test_outputs, rows.labels.values)["accuracy"] > 0.95


def test_of_many_dense_rows_the_distilled_floor_learns_some_from_everywhere(monkeypatch, capsys):
    rows = dark_and_bright()
    labels = rows.labels.values
    few, rest, held_out = (rows.take(some) for some in ([0, 299], range(1, 299), range(0, 300, 7)))
    splits = Splits(few, rest, held_out, rows, task_of(2), ImageModality(), {})
    answers = sure(splits.original.labels.values, 2)
    whole = distil_floor(splits, answers)
    assert "rows" not in whole.settings
    monkeypatch.setattr(judging_floor, "MOST", 60)
    some = distil_floor(splits, answers)
    assert some.settings["rows"] == 60
    assert "the distilled floor learned 60 of the 300 rows of the transfer set" in capsys.readouterr().out
    assert scores(some.test_outputs, labels)["accuracy"] > 0.95
    assert not np.array_equal(some.test_outputs, whole.test_outputs)


# --- boosted trees --------------------------------------------------------------------------------------------------


def test_boosted_trees_take_categories_and_holes():
    """Whether a class is told by a category's parity or by a hole, no order of the codes tells it."""
    rng = np.random.default_rng(0)
    codes, number = rng.integers(8, size=600), rng.normal(size=600)
    labels = codes % 2
    number[labels == 1] = np.where(rng.random((labels == 1).sum()) < 0.5, np.nan, number[labels == 1])
    cells = Cells(np.stack([codes, number], 1).astype(np.float32), np.array([True, False]))
    found = boosted_trees(cells, labels, 3, None)
    assert [set(one.settings) for one in found] == [{"trees", "leaves"}] * 4
    outputs = found[0].model.outputs(cells)
    assert outputs.shape == (600, 3)
    assert np.isfinite(outputs).all()
    assert (outputs.argmax(1) == labels).all()
    assert found[0].parameters < found[-1].parameters


def test_boosted_trees_count_rows_by_class():
    rng = np.random.default_rng(0)
    cells = Cells(rng.normal(size=(300, 2)).astype(np.float32), np.zeros(2, bool))
    labels = (rng.random(300) < 0.2).astype(int)
    plain, weighted = (
        boosted_trees(cells, labels, 2, weights)[0].model.outputs(cells)[:, 1].mean()
        for weights in (None, np.array([0.5, 8.0], np.float32))
    )
    assert weighted > plain + 0.5


def test_few_rows_of_many_classes_are_no_doubt_of_scikit_learn_s():
    """Its warning, that labels with so many values may be numbers, once stood in the output of a run."""
    labels = np.arange(30) % 20
    found = regressions(np.eye(20, dtype=np.float32)[labels], labels, 20, None)
    assert (found[-1].model.outputs(np.eye(20, dtype=np.float32)).argmax(1) == np.arange(20)).all()
