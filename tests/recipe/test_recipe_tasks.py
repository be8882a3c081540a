"""What of a recipe fits its task, and what is refused: every loss, every teacher, every key."""

import pytest
from recipe_cases import lines_of, write

from limbeck.losses import CATALOG, fitting
from limbeck.modalities import MODALITIES
from limbeck.recipe import load_recipe
from limbeck.tasks import TASKS
from limbeck.teachers import CATALOGUE

TAPS = {"student": "dropout", "teacher": "encoder"}


@pytest.fixture
def path(tmp_path):
    return write(tmp_path)


def entry(name: str) -> str:
    taps = TAPS if "taps" in CATALOG[name].card.needs else {}
    return f"losses=[{{{', '.join(f'{key}: {value}' for key, value in {'name': name, **taps}.items())}}}]"


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("name", CATALOG)
def test_a_loss_is_taken_by_the_tasks_that_its_card_names(path, kind: str, name: str) -> None:
    task = TASKS[kind]
    label = "data.label=[a, b]" if kind == "multioutput" else "data.label=label"
    if task.predicts in CATALOG[name].card.fits and task.several and CATALOG[name].card.scope == "batch":
        (line,) = lines_of(path, f"task={kind}", label, entry(name))
        assert line.startswith(f"`losses`: {name} compares examples with one another, and of a {kind}")
        return
    if task.predicts in CATALOG[name].card.fits:
        assert [loss.name for loss in load_recipe(path, [f"task={kind}", label, entry(name)]).losses] == [name]
        return
    (line,) = lines_of(path, f"task={kind}", label, entry(name))
    assert line.startswith(f"`losses`: {name} compares predictions of ")
    assert line.endswith(f"these fit: {', '.join(fitting(task.predicts))}")


def of_answers(kind: str) -> str:
    """The name of a loss of the teacher's answers that fits any data of the task."""
    cards = (CATALOG[name].card for name in fitting(TASKS[kind].predicts))
    return next(card.name for card in cards if "teacher" in card.needs and card.scope == "prediction")


@pytest.mark.parametrize("kind", [kind for kind, task in TASKS.items() if not task.one_class])
def test_what_is_for_one_of_several_classes_only(path, kind: str) -> None:
    own = of_answers(kind)
    given = [f"task={kind}", entry(own)]
    calibrated = "{kind: network, model: ngrams, calibrate: true}"
    for override, words in {
        "teacher={kind: nblr}": "`teacher`: kind nblr answers with one of several classes",
        f"teacher={calibrated}": "`teacher`: calibrate fits the probabilities of one of several classes",
        "data.class_weights=balanced": f"`data`: class_weights says nothing of the labels of a {kind}",
    }.items():
        (line,) = lines_of(path, *given, override)
        assert line.startswith(words)
        assert kind in line
        if " kind " in words:
            pooled = ", ensemble" if TASKS[kind].pools else ""
            assert line.endswith(
                f"; these kinds fit: bundle, callable, embedding{pooled}, file, mean_teacher, module, mutual, network, "
                "onnx, run, sklearn, transformers"
            )


@pytest.mark.parametrize("kind", TASKS)
def test_an_ensemble_is_of_tasks_whose_answers_are_mixed(path, kind: str) -> None:
    own = of_answers(kind)
    label = "data.label=[a, b]" if kind == "multioutput" else "data.label=label"
    member = "{kind: network, model: ngrams}"
    given = [f"task={kind}", label, entry(own), f"teacher={{kind: ensemble, members: [{member}, {member}]}}"]
    if TASKS[kind].pools:
        assert load_recipe(path, given).teacher.kind == "ensemble"
        return
    (line,) = lines_of(path, *given)
    assert line.startswith(f"`teacher`: a {kind} has answers that are not mixed here")


NOT_ONE = [name for name, one in CATALOGUE.items() if not one.of_modalities and name != "given"]
MEMBERS = "{kind: ensemble, members: [{kind: network, model: mlp}, {kind: nblr}]}"


@pytest.mark.parametrize(
    ("key", "modality"), [(one.key, one.name) for name, one in MODALITIES.items() if one.key != "arrays"]
)
@pytest.mark.parametrize("kind", [name for name, one in CATALOGUE.items() if one.of_modalities])
def test_a_teacher_of_another_modality_is_refused_by_its_kind(path, kind: str, key: str, modality: str) -> None:
    own = {"text": "ngrams", "image": "convnet", "audio": "audio_cnn", "table": "mlp"}[modality]
    rest = {"transformers": ", model: minilm", "endpoint": ', base_url: "http://localhost/v1", model: m'}.get(kind, "")
    given = [f"data.{key}=*" if key == "features" else f"data.{key}=a", f"student={{model: {own}}}"]
    if modality in CATALOGUE[kind].of_modalities:
        assert load_recipe(path, [*given, f"teacher={{kind: {kind}{rest}}}"]).teacher.kind == kind
        return
    (line,) = lines_of(path, *given, f"teacher={{kind: {kind}{rest}}}")
    fit = sorted([*NOT_ONE, *(name for name, one in CATALOGUE.items() if modality in one.of_modalities)])
    words = f"reads {' or '.join(CATALOGUE[kind].of_modalities)}, and the data are {modality} (data.{key})"
    assert line == f"`teacher`: teacher.kind={kind} {words}; these kinds fit: {', '.join(fit)}"


def test_a_member_of_another_modality_and_of_another_task_are_refused_alike(path) -> None:
    table = ["data.features=*", "student={model: mlp}"]
    (line,) = lines_of(path, *table, f"teacher={MEMBERS}")
    assert line.startswith("`teacher`: teacher.kind=nblr reads text, and the data are table")
    values = ["task=regression", "losses=[{name: regression_kd}]"]
    assert load_recipe(path, [*table, *values, "teacher={kind: boosting}"]).teacher.kind == "boosting"
    assert (
        load_recipe(path, [*table, *values, f"teacher={MEMBERS.replace('nblr', 'boosting')}"]).teacher.kind
        == "ensemble"
    )
    of_texts = MEMBERS.replace("mlp", "ngrams")
    (line,) = lines_of(path, *values, f"teacher={of_texts}")
    assert line.startswith("`teacher`: kind nblr answers with one of several classes, and the task is regression")


def test_the_arm_hard_labels_where_a_class_is_decided_for(path) -> None:
    arms = "arms=[student, hard_labels]"
    told = load_recipe(path, ["task=multioutput", "data.label=[a, b]", arms]).losses_of("hard_labels")
    assert [loss.name for loss in told] == ["hard_labels", "cross_entropy"]
    for kind, own in (("regression", "regression_kd"), ("multilabel", "binary_kd")):
        (line,) = lines_of(path, f"task={kind}", entry(own), arms)
        assert (
            line == f"`losses`: a {kind} decides for no class that the arm hard_labels could learn; leave the arm out"
        )


def test_columns_of_labels(path) -> None:
    recipe = load_recipe(path, ["task=multioutput", "data.label=[a, b]"])
    assert recipe.data.label == ("a", "b")
    assert recipe.data.labelled_by == "columns `a`, `b`"
    again = load_recipe(write_again(recipe, path))
    assert again == recipe
    assert again.digest == recipe.digest != load_recipe(path, ["task=multioutput", "data.label=[b, a]"]).digest
    assert load_recipe(path).data.labelled_by == "column `label`"


def write_again(recipe, path) -> str:
    other = path.replace("mine", "again")
    with open(other, "w", encoding="utf-8") as file:
        file.write(recipe.to_yaml())
    return other


def test_a_target_has_the_labels_of_the_source(path) -> None:
    """Columns are told by their place: in another order they would be mistaken for each other."""
    given = ["task=multioutput", "data.label=[a, b]"]
    taken = load_recipe(path, [*given, "data.target={source: b.csv, label: [c, d]}"])
    assert taken.data.target.label == ("c", "d")
    (line,) = lines_of(path, *given, "data.target={source: b.csv, label: [b, a]}")
    assert line == "`data.target`: label names the columns of data.label in another order; write [a, b]"
    (line,) = lines_of(path, *given, "data.target={source: b.csv, label: a}")
    assert line == "`data.target`: its label has 1 of the 2 columns that data.label names; name as many"
