"""What a recipe leaves open is chosen from its texts and its budget, and from nothing else."""

import re

import numpy as np
import pytest
from classifiers import POSITIONS, save_classifier, train_classifier
from encoders import write_encoder
from plans import plan, recipe, write_texts
from tiny import BAD, FILLER, GOOD

from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.order import material_of
from limbeck.pipeline.planning import costs, planned, texts, within_budget
from limbeck.recipe import Recipe, load_recipe, parse_recipe
from limbeck.settings.yaml import read_yaml
from made_rows import splits_of


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoders") / "words", [*FILLER, *BAD, *GOOD])


def test_everything_that_is_open_is_chosen_once_and_for_all(tmp_path, encoder, capsys):
    wanted = recipe(write_texts(tmp_path / "texts.csv"), encoder)
    found, said = plan(wanted, capsys)
    assert found.budget is not None
    assert (found.budget.minutes, found.budget.megabytes) == (None, 20)
    assert planned(found, splits_of(found)) is found
    again = parse_recipe(read_yaml(found.to_yaml()), "again")
    assert again == found
    assert plan(wanted, capsys) == (found, said)
    assert splits_of(found).digest == splits_of(wanted).digest, "the held-out rows stay the same ones"
    assert said.count("\n") > 5
    assert "planned for 10 minutes" in said


def test_what_the_recipe_or_an_override_sets_stays(tmp_path, encoder, capsys):
    set_here = {
        "teacher.folds": 5,
        "teacher.members.0.reads.max_length": 9,
        "teacher.members.0.train.epochs": 2.0,
        "teacher.members.1.reads.max_length": 11,
        "data.max_unlabelled": 33,
        "data.labelled_per_batch": 7,
        "data.split.validation": 24,
        "student.train.steps": 123,
        "student.reads.max_length": 13,
        "student.reads.tokenizer.size": 77,
        "losses.0.temperature": 3.0,
    }
    wanted = recipe(
        write_texts(tmp_path / "texts.csv"), encoder, *(f"{key}={value}" for key, value in set_here.items())
    )
    found, said = plan(wanted, capsys)
    for key, value in set_here.items():
        place = found
        for step in key.split("."):
            place = place[int(step)] if isinstance(place, list) else getattr(place, step)
        assert place == value, key
        assert f"{key}=" not in said


@pytest.mark.parametrize(("classes", "temperature"), [(2, 1.0), (3, 2.0)])
def test_the_temperature_is_that_of_so_many_classes(tmp_path, encoder, capsys, classes, temperature):
    file = write_texts(tmp_path / "texts.csv", classes=classes)
    found, said = plan(recipe(file, encoder), capsys)
    assert [one.temperature for one in found.losses] == [temperature]
    assert f"losses.kd.temperature={temperature:g}: " in said
    other, _ = plan(recipe(file, encoder, "losses=[{name: hard_labels}]"), capsys)
    assert [one.name for one in other.losses] == ["hard_labels"]


def test_a_labelled_text_is_seen_as_often_as_another(tmp_path, encoder, capsys):
    found, said = plan(recipe(write_texts(tmp_path / "texts.csv"), encoder), capsys)
    labelled, rows = len(splits_of(found).labelled), len(splits_of(found).transfer)
    assert found.data.labelled_per_batch == round(32 * labelled / rows)
    assert "each labelled text 1.0 times as often as another" in said
    _, said = plan(recipe(write_texts(tmp_path / "all.csv", labelled=400), encoder), capsys)
    assert "labelled_per_batch" not in said, "there is no other"


def test_the_smallest_batch_of_the_grid_shows_unlabelled_texts_too(tmp_path, encoder, capsys):
    own = "grid=[{model: linear}, {model: ngrams, train.batch_size: 4}, {model: textcnn}]"
    found, _ = plan(recipe(write_texts(tmp_path / "texts.csv", labelled=300), encoder, own), capsys)
    assert found.data.labelled_per_batch == 2


def test_labelled_texts_never_fill_a_batch(tmp_path, encoder, capsys):
    file = write_texts(tmp_path / "texts.csv", labelled=390)
    for batch in (None, 6):
        given = [] if batch is None else [f"student.train.batch_size={batch}"]
        found, _ = plan(recipe(file, encoder, *given), capsys)
        assert found.data.labelled_per_batch <= found.student.train.batch_size / 2
        assert found.student.train.batch_size == (batch or 32)


@pytest.mark.parametrize(("longest", "kept"), [(20, 32), (60, 64), (200, 256)])
def test_lengths_are_those_of_the_texts(tmp_path, encoder, capsys, longest, kept):
    found, said = plan(recipe(write_texts(tmp_path / "texts.csv", longest=longest), encoder), capsys)
    tuned, frozen, _ = found.teacher.members
    assert (tuned.reads.max_length, frozen.reads.max_length) == (kept, kept)
    assert found.student.reads.max_length == kept
    assert "no text is longer" in said


def test_few_labels_are_passed_more_often_and_many_classes_longer(tmp_path, encoder, capsys):
    epochs = []
    for labelled in (60, 260, 500):
        file = write_texts(tmp_path / f"{labelled}.csv", rows=520, labelled=labelled)
        found, _ = plan(recipe(file, encoder, "data.split.test=20"), capsys)
        epochs.append(found.teacher.members[0].train.epochs)
    assert epochs[0] == 10 > epochs[1] > epochs[2] >= 3


def test_a_small_budget_means_fewer_texts_then_shorter_ones_and_a_member_less(tmp_path, encoder, capsys, monkeypatch):
    monkeypatch.setattr(texts, "_FEWEST_UNLABELLED", 150)
    monkeypatch.setattr(texts, "_LEAST_UNLABELLED", 40)
    monkeypatch.setattr(costs, "solving", lambda *given: 0.0)
    wanted = [
        recipe(write_texts(tmp_path / "texts.csv", longest=200), encoder, minutes=m) for m in (1e-2, 1.5e-4, 3e-5, 1e-7)
    ]
    unlimited, most, fewer, least = (plan(each, capsys) for each in wanted)
    assert unlimited[0].data.max_unlabelled is None
    counts = [each.data.max_unlabelled for each, _ in (most, fewer, least)]
    assert max(counts) < 280
    assert counts[-1] == 40
    lengths = [each.teacher.members[-2].reads.max_length for each, _ in (unlimited, most, fewer, least)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > lengths[-1]
    assert [len(each.teacher.members) for each, _ in (unlimited, least)] == [3, 2]
    assert "without teacher.members.0: fine-tuning takes longer" in least[1]
    assert "takes longer than 0 s" not in least[1]


def test_linear_models_of_many_classes_learn_from_fewer_texts(tmp_path, encoder, capsys, monkeypatch):
    monkeypatch.setattr(texts, "_LEAST_UNLABELLED", 40)
    wanted = [
        recipe(write_texts(tmp_path / f"{classes}.csv", classes=classes, rows=900, labelled=300), encoder, minutes=0.12)
        for classes in (2, 30)
    ]
    (two, _), (many, said) = (plan(each, capsys) for each in wanted)
    assert two.data.max_unlabelled is None
    assert 40 <= many.data.max_unlabelled < 600
    assert "of 600: linear models of 30 classes learn from no more in that time" in said
    words = np.mean([len(text.split()) for text in splits_of(wanted[1]).transfer.values])
    left = 30 * (1.5e-5 + 1.6e-5) * words * len(splits_of(wanted[1]).labelled)
    assert many.data.max_unlabelled == pytest.approx((3.24 - left) / (30 * 1.5e-5 * words), abs=100)


def test_what_is_made_in_folds_is_counted_as_often(tmp_path, encoder, monkeypatch):
    """The teacher's linear members, and the baseline's two networks; those of the student are trained beside them."""
    monkeypatch.setattr(costs, "solving", lambda *given: 0.0)
    monkeypatch.setattr(costs, "others", lambda words: 60.0)
    monkeypatch.setattr(costs, "fitting", lambda classes, times: float(classes * times))
    monkeypatch.setattr(costs, "steps", lambda network, count, words: 13.0)
    wanted = recipe(write_texts(tmp_path / "texts.csv"), encoder)
    assert texts._after(splits_of(wanted), 100, 10.0, 4) == costs.others(10) + 2 * 4
    left = []
    monkeypatch.setattr(texts, "_fine_tune", lambda plan, members, splits, seconds, *_: left.append(seconds) or ([], 0))
    planned(wanted, splits_of(wanted))
    more_seeds = 2 * 13  # of the network that is taken
    assert left[-1] == 540 - (60 + 2 * 4 + 2 * 4 * 13 + more_seeds)
    for own, folds in (("selection.folds=2", 2), ("selection.folds=null", 0)):
        other = recipe(tmp_path / "texts.csv", encoder, own)
        planned(other, splits_of(other))
        assert left[-1] == 540 - (60 + 2 * 4 + 2 * (1 + folds) * 13 + more_seeds)
    monkeypatch.setattr(texts, "_ENOUGH", 10)
    one = recipe(tmp_path / "texts.csv", encoder, "seeds=[0]")
    planned(one, splits_of(one))
    assert left[-1] == 540 - 0.2 * 540, "60 + 2 + 2 * 13 are less than is kept at least"


def test_short_texts_cost_more_than_their_tokens():
    for cost in (costs.answering, costs.training):
        assert cost(1000, 10, 0) > 0
        assert cost(1000, 10, 20) == pytest.approx(10 * cost(1000, 1, 20))
        assert cost(1000, 20, 10) > cost(1000, 10, 20)


def test_long_texts_take_time_in_the_report_too():
    assert costs.others(200) > costs.others(10) > 0


def test_time_that_no_answers_take_is_there_for_fine_tuning(tmp_path, encoder, capsys, monkeypatch):
    """The same labels beside few and beside many other texts."""
    monkeypatch.setattr(costs, "solving", lambda *given: 0.0)
    found = [
        plan(recipe(write_texts(tmp_path / f"{rows}.csv", rows=rows, longest=200), encoder, minutes=6e-4), capsys)[0]
        for rows in (200, 4000)
    ]
    few, many = (each.teacher.members[0] for each in found)
    assert (few.kind, many.kind) == ("transformers", "transformers")
    assert (few.reads.max_length, few.train.epochs) > (many.reads.max_length, many.train.epochs)


def test_where_folds_and_the_teacher_choose_few_rows_are_held_out(tmp_path, encoder, capsys, monkeypatch):
    monkeypatch.setattr(texts, "_WATCHED", (20, 30))
    wanted = recipe(write_texts(tmp_path / "texts.csv"), encoder)
    before = splits_of(wanted)
    complete, material = within_budget(wanted, material_of(wanted), material_of)
    said, after = capsys.readouterr().out, material.splits
    assert len(before.validation) == 20
    assert len(after.validation) == complete.data.split.validation == 2
    assert f"data.split.validation=2: not {len(before.validation)}: few labels" in said
    assert {*after.test.ids.tolist()} == {*before.test.ids.tolist()}
    assert len(after.labelled) == len(before.labelled) + len(before.validation) - 2
    assert after.digest == splits_of(complete).digest
    assert not [line for line in after.notes if "no validation row of" in line]


@pytest.mark.parametrize(
    "override",
    [
        "data.split.validation=20",
        "data.labelled=60",
        "teacher.members.0.train.keep=best",
        "grid=[{model: textcnn, train: {keep: best}}]",
        "selection.folds=null",
        "teacher.folds=null",
        "task.correct_prior=true",
        "curves={labels: [60]}",
        "until={retention: 0.9}",
    ],
)
def test_validation_rows_that_choose_stay(tmp_path, encoder, monkeypatch, override):
    monkeypatch.setattr(texts, "_WATCHED", (20, 30))
    wanted = recipe(write_texts(tmp_path / "texts.csv"), encoder, override)
    given = material_of(wanted)
    _, material = within_budget(wanted, given, material_of)
    assert len(material.splits.validation) == len(given.splits.validation) == 20


def test_folds_that_would_leave_one_class_choose_nothing(tmp_path, encoder, capsys):
    """One row of a class: without its fold, there would be no other class to learn."""
    source = write_texts(tmp_path / "texts.csv")
    lines = source.read_text(encoding="utf-8").splitlines()
    rare = [line[:-1] + "0" if line.endswith(",1") and row > 4 else line for row, line in enumerate(lines)]
    source.write_text("\n".join(rare) + "\n", encoding="utf-8")
    wanted = recipe(source, encoder)
    splits = splits_of(wanted)
    assert min(np.bincount(splits.labelled.labels.values)) == 1
    complete, material = within_budget(wanted, material_of(wanted), material_of)
    assert (complete.teacher.folds, complete.selection.folds, complete.selection.unlabelled) == (None, None, None)
    assert len(material.splits.validation) == len(splits.validation)


def test_a_validation_split_of_ones_own_stays(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(texts, "_WATCHED", (20, 30))
    (tmp_path / "own").mkdir()
    write_texts(tmp_path / "own/train.csv")
    write_texts(tmp_path / "own/validation.csv", rows=30, labelled=30, seed=5)
    wanted = recipe(tmp_path / "own", encoder)
    given = material_of(wanted)
    assert given.splits.brings_validation
    _, material = within_budget(wanted, given, material_of)
    assert len(material.splits.validation) == len(given.splits.validation) > 2


def test_where_validation_is_small_folds_and_the_teacher_choose(tmp_path, encoder, capsys, monkeypatch):
    file = write_texts(tmp_path / "texts.csv")
    found, said = plan(recipe(file, encoder), capsys)
    assert (found.selection.folds, found.selection.unlabelled) == (3, None), "280 unlabelled texts are too few to spare"
    assert "too few to choose a student by" in said
    monkeypatch.setattr(texts, "_WATCHED", (20, 30))
    found, said = plan(recipe(file, encoder), capsys)
    assert (found.selection.folds, found.selection.unlabelled) == (3, 28)
    assert "selection.unlabelled=28: of 280" in said
    given, _ = plan(recipe(file, encoder, "selection.unlabelled=50", "selection.folds=5"), capsys)
    assert (given.selection.folds, given.selection.unlabelled) == (5, 50)


def test_enough_validation_rows_choose_alone(tmp_path, encoder, capsys):
    file = write_texts(tmp_path / "texts.csv", rows=1500, labelled=1500)
    few, said = plan(recipe(file, encoder), capsys)
    assert (few.data.split.test, few.data.split.validation) == (450, 210)
    assert few.teacher.folds is None
    file = write_texts(tmp_path / "fewer.csv", rows=400, labelled=300)
    few, said = plan(recipe(file, encoder), capsys)
    assert (few.data.split.test, few.data.split.validation) == (90, 21)
    assert few.teacher.folds == 3
    assert "21 validation rows are too few to choose by alone" in said


def test_where_no_network_knows_a_word_n_grams_of_characters_take_its_place(tmp_path, capsys):
    """A word of Chinese is one unknown token to an English tokenizer."""
    foreign = write_encoder(tmp_path / "letters", ["zzz"], letters=False)
    found, said = plan(recipe(write_texts(tmp_path / "texts.csv"), foreign), capsys)
    assert [member.kind for member in found.teacher.members] == ["tfidf", "tfidf"]
    assert found.teacher.members[1].reads.tokenizer.kind == "characters"
    assert "100 % of the tokens unknown: it does not know this language" in said
    assert "n-grams of characters: 100 % of the tokens unknown: it may not know this language" in said


def test_where_words_are_in_pieces_n_grams_of_characters_join_the_networks(tmp_path, capsys):
    """They may know enough of another alphabet's words: the weights are measured."""
    foreign = write_encoder(tmp_path / "letters", ["zzz"], letters=True)
    source = write_texts(tmp_path / "texts.csv")
    found, said = plan(recipe(source, foreign), capsys)
    assert [member.kind for member in found.teacher.members] == ["transformers", "embedding", "tfidf", "tfidf"]
    assert found.teacher.members[3].reads.tokenizer.kind == "characters"
    assert re.search(r"n-grams of characters: \d\.\d pieces a word: it may not know this language", said)
    known = write_encoder(tmp_path / "words", [*FILLER, *BAD, *GOOD])
    assert len(plan(recipe(source, known), capsys)[0].teacher.members) == 3


@pytest.mark.parametrize("outputs", [2, 3], ids=["taken as it is", "of other classes"])
def test_a_finished_classifier_is_not_planned_to_be_trained(tmp_path, capsys, outputs):
    """It reads what it has learned to read, and its time is for answers; a head of other classes gives way to a new."""
    names, order = ["0", "1", "2"][:outputs], list(range(outputs))
    network, reader = train_classifier(tmp_path / "learned.csv", order, names)
    folder = save_classifier(tmp_path / "classifier", network, reader)
    source = write_texts(tmp_path / "texts.csv", rows=1500, longest=60)
    wanted = load_recipe(
        "text", [f"data.source={source}", "budget.minutes=10", "teacher.kind=transformers", f"teacher.model={folder}"]
    )
    found, said = plan(wanted, capsys)
    trained = outputs != 2
    assert found.teacher.finetune == trained
    assert ("teacher.train.epochs" in said) == trained
    assert found.teacher.reads.max_length == POSITIONS
    complete, _ = within_budget(wanted, material_of(wanted), material_of)
    assert complete.data.split.validation == (20 if trained else 2)  # these choose the epoch


def test_rows_that_the_plan_leaves_out_are_left_out(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(texts, "_LEAST_UNLABELLED", 40)
    wanted = recipe(write_texts(tmp_path / "texts.csv"), encoder, minutes=1e-7)
    complete, material = within_budget(wanted, material_of(wanted), material_of)
    assert len(material.splits.unlabelled) == complete.data.max_unlabelled == 40
    assert material.splits.digest == splits_of(complete).digest


@pytest.mark.parametrize("teacher", ["one", "two", "weighted"])
def test_members_that_have_to_stay_do(tmp_path, encoder, capsys, teacher):
    tuned, ngrams = {"kind": "transformers", "model": str(encoder)}, {"kind": "nblr"}
    kinds = {
        "one": tuned,
        "two": {"kind": "ensemble", "members": [tuned, ngrams]},
        "weighted": {"kind": "ensemble", "members": [tuned, ngrams, ngrams], "weights": [1, 1, 1]},
    }
    values = load_recipe("text", [f"data.source={write_texts(tmp_path / 'texts.csv')}", "budget.minutes=1e-7"])
    asked = values.model_copy(update={"teacher": parse_recipe(minimal(kinds[teacher]), "it").teacher})
    found, _ = plan(asked, capsys)
    assert len(found.teacher.members) == len(asked.teacher.members)


def minimal(teacher):
    """Return the values of a recipe with a teacher."""
    return {"data": {"source": "x"}, "teacher": teacher, "student": {"model": "ngrams"}, "losses": [{"name": "kd"}]}


def test_other_examples_are_not_planned(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,label\n" + "".join(f"{row},{row % 2}\n" for row in range(80)), encoding="utf-8")
    values = {
        "budget": {"minutes": 1},
        "data": {"source": str(path), "features": "*", "split": {"test": 10, "validation": 10}},
        "teacher": {"kind": "boosting"},
        "student": {"model": "mlp"},
        "losses": [{"name": "kd"}],
    }
    wanted = parse_recipe(values, "here")
    with pytest.raises(LimbeckError, match="runs on texts can be planned"):
        planned(wanted, splits_of(wanted))


@pytest.mark.usefixtures("quick_export")
def test_a_planned_run_ends_with_a_recipe_that_repeats_it(tmp_path, encoder, capsys):
    wanted = recipe(
        write_texts(tmp_path / "texts.csv"),
        encoder,
        "seeds=[0]",
        "baseline=false",
        "grid=[{model: linear}]",
        "teacher.accept_bad=true",
    )
    done = run(wanted, tmp_path / "run")
    stands = Recipe.model_validate(read_yaml((tmp_path / "run/recipe.yaml").read_text(encoding="utf-8")))
    assert stands.budget is not None
    assert stands.budget.minutes is None
    assert stands.teacher.folds == 3
    capsys.readouterr()
    again = run(parse_recipe(read_yaml(stands.to_yaml()), "again"), tmp_path / "run")
    assert "evaluation: unchanged, reused" in capsys.readouterr().out
    assert again.evaluation == done.evaluation


def test_a_teacher_that_learns_from_no_label_is_refused(tmp_path, encoder):
    wanted = recipe(write_texts(tmp_path / "texts.csv"), encoder, "data.labelled=0")
    with pytest.raises(LimbeckError, match="no labelled row is left for the teacher to learn from"):
        planned(wanted, splits_of(wanted))
