"""What is said of a run whose arms are solved, not trained."""

import example

from limbeck.evaluation.records import Gain
from limbeck.report import figures, tables, words
from limbeck.report.words import names, prose, uses

ONE = Gain(metric="accuracy", mean=0.091, ci95=(0.072, 0.110), p_value=1e-5, p_seeds=None, per_seed=[0.091])


def test_of_what_is_solved_the_examples_decide_and_no_seed_is_told():
    run = example.complete().model_copy(update={"gain": ONE, "solved": True, "seeds": [0], "until": None})
    assert words.sentence(run).startswith("Distillation helps: the student gains 9.1")
    said = [words.statistics(run), prose.about_gain(run), prose.about_bundle(run), uses.about_test(run)]
    said += names.about_models(run)
    assert "seed" not in " ".join(said)
    assert "step" not in " ".join(said)
    assert tables.seeds(run) is figures.gains(run) is None
    assert not any("seed" in step.text for step in words.next_steps(run, "limbeck run", "bundle"))
