"""What is said of a run whose arms are solved, not trained."""

import example

from limbeck.evaluation.records import Gain, StudentRecord
from limbeck.report import figures, tables, words
from limbeck.report.words import names, prose, uses

ONE = Gain(metric="accuracy", mean=0.091, ci95=(0.072, 0.110), p_value=1e-5, p_seeds=None, per_seed=[0.091])


def solved(*arms, **changes):
    """Return a run with these arms solved."""
    run = example.complete()
    models = {name: one.model_copy(update={"solved": name in arms}) for name, one in run.models.items()}
    return run.model_copy(update={"gain": ONE, "models": models, "until": None, **changes})


def test_of_what_is_solved_the_examples_decide_and_no_seed_is_told():
    run = solved("student", "baseline", "hard_labels", "ceiling", solved=True, seeds=[0])
    assert words.sentence(run).startswith("Distillation helps: the student gains 9.1")
    said = [words.statistics(run), prose.about_gain(run), prose.about_bundle(run), uses.about_test(run)]
    said += names.about_models(run)
    assert "seed" not in " ".join(said)
    assert "step" not in " ".join(said)
    assert tables.seeds(run) is figures.gains(run) is None
    assert not any("seed" in step.text for step in words.next_steps(run, "limbeck run", "bundle"))


def test_of_one_arm_that_is_solved_the_seeds_are_those_of_the_other():
    run = solved("student", seeds=[0, 1, 2])
    run = run.model_copy(update={"gain": example.complete().gain})
    assert "over another network trained without a teacher" in words.sentence(run)
    assert "0.012 over seeds, every seed gains" in words.statistics(run)
    told = "The student is solved, not trained: the same network stands for every seed."
    assert told in prose.about_gain(run)
    assert "means of 3 seeds of what is trained" in prose.measured(run)
    assert "The student is solved, not trained." in prose.measured(run)
    assert uses.about_test(run).startswith("Every choice (checkpoints, settings, precision) was made")
    assert "seed" not in prose.about_bundle(run)
    assert prose.of_seed(run, "student") == "Student"
    assert prose.of_seed(run, "baseline").startswith("Baseline, seed")
    assert "No seed changes the student, which is solved." in tables.seeds(run).note
    (scores, *_), *_ = tables.models(run).bodies
    columns = [column.name for column in tables.models(run).columns[1:]]
    notes = dict(zip(columns, (cell.note for cell in scores.cells), strict=True))
    assert (notes["Student"], bool(notes["Baseline"])) == ("", True)


def test_one_seed_of_a_trained_arm_beside_a_solved_one_is_no_verdict():
    run = solved("student", seeds=[0])
    assert words.sentence(run).startswith("No verdict from one seed")
    assert "They are about one training of the baseline: one seed" in words.statistics(run)


def test_arms_that_chose_different_models_are_not_called_the_same_network():
    chosen = {"student": {"model": "linear", "model.strength": 3.0}, "baseline": {"model": "ngrams", "train.lr": 0.1}}
    run = solved("student", seeds=[0, 1, 2])
    models = {name: one.model_copy(update={"settings": chosen.get(name, {})}) for name, one in run.models.items()}
    run = run.model_copy(update={"models": models})
    assert "above the best of the same candidates trained without a teacher" in words.sentence(run)
    about = names.about_models(run)[0]
    assert about == "Baseline: the best of the same candidates with the same labels, without the teacher."
    assert prose.chosen(run, "student") == "Student: `model: linear`, `model.strength: 3.0`."


def test_a_penalty_is_no_other_network():
    run = solved("student", "baseline", solved=True, seeds=[0])
    models = {
        name: one.model_copy(update={"settings": {"model": "linear", "model.strength": strength}})
        for strength, (name, one) in enumerate(run.models.items())
    }
    assert "over the same network solved without a teacher" in words.sentence(run.model_copy(update={"models": models}))


def test_it_is_said_why_a_solved_student_ships_where_a_trained_one_was_better():
    own = StudentRecord(another="student.model=NAME", trained=["ngrams", "wide_deep"], passed_over="wide_deep")
    over = solved("student", student=own)
    assert (
        "The student is solved, not trained: on validation, the best trained network, `wide_deep`, was ahead of the "
        "student by no more than chance explains."
    ) in prose.measured(over)
    watched = over.model_copy(update={"selection": over.selection.model_copy(update={"watched": 50})})
    assert "not trained: by the teacher's answers, the best trained network, `wide_deep`" in prose.measured(watched)
    best = over.model_copy(update={"student": own.model_copy(update={"passed_over": None})})
    assert "not trained: on validation, no trained network (`ngrams` and `wide_deep`) was ahead of the student." in (
        prose.measured(best)
    )
    alone = over.model_copy(update={"student": StudentRecord(another="student.model=NAME")})
    assert "The student is solved, not trained." in prose.measured(alone)
