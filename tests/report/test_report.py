"""The report renders whatever a run may hold, loads nothing and lets no text become markup."""

import re

import example
import pytest
from pages import RUNS, Page

from limbeck.evaluation.figures import (
    ClassTable,
    Decided,
    Disagreement,
    TextSample,
)
from limbeck.evaluation.records import LearningCurve
from limbeck.evaluation.schema import Evaluation
from limbeck.report.words import training

LOADING = ("src", "srcset", "href", "poster", "data", "action", "background")


@pytest.fixture(scope="module", params=RUNS, ids=lambda name: name.replace(" ", "-"))
def page(request, tmp_path_factory) -> tuple[Evaluation, str]:
    evaluation = RUNS[request.param]
    return evaluation, example.write(evaluation, tmp_path_factory.mktemp("report") / "report.html")


def test_tags_balance_and_ids_are_unique(page):
    parsed = Page(page[1])
    assert len(parsed.ids) == len(set(parsed.ids))
    assert "script" not in parsed.tags


def test_references_point_inside_the_page(page):
    parsed = Page(page[1])
    used = {value[1:] for tag, name, value in parsed.attributes if name == "href" and tag == "use"}
    used |= set(re.findall(r'url\(#([^)"]+)\)', page[1]))
    assert used <= set(parsed.ids)


def test_loads_nothing(page):
    for tag, name, value in Page(page[1]).attributes:
        if name.rpartition(":")[2] in LOADING:
            assert value.startswith(("#", "data:")), (tag, name, value)
    assert "@import" not in page[1]
    assert not re.search(r"url\(\s*['\"]?(?!#)", page[1])


def test_every_figure_says_what_it_shows(page):
    parsed = Page(page[1])
    labels = [value for tag, name, value in parsed.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == parsed.tags.count("svg")
    assert all(labels)


def test_a_retention_that_cannot_be_is_explained(page):
    absent = "Retention none the teacher is at chance" in Page(page[1]).text
    assert absent == (page[0].retention is None)


def test_says_the_verdict_and_how_to_repeat_it(page):
    evaluation, html = page
    text = Page(html).text
    assert " ".join(f"{evaluation.sentence} {evaluation.statistics}".split()) in " ".join(text.split())
    assert example.COMMAND in text
    assert "made on the validation split" in text
    assert "None" not in text
    assert "nan" not in html


def test_placeholder_colours_are_replaced(page):
    assert "#fe0" not in page[1]


def test_complete_run_shows_its_numbers(tmp_path):
    text = Page(example.write(example.complete(), tmp_path / "report.html")).text.replace("\u00a0", " ")
    for said in (
        "95.3 %",
        "12× smaller",
        "46× faster",
        "on 5,000 unlabelled rows; 95 % lower bound 99.7 %",
        "Finished 2026-03-01 09:13 UTC, 2 min 36 s of wall time, 4 min 41 s of processor time.",
        "teacher 1 min 14 s",
        "Measured on x86_64 avx2, avx512",
        "p < 0.001 over test examples; p = 0.012 over seeds",
        "Welch’s t-test over the seeds: p = 0.012.",
        "22,713,986",
        "41 rows dropped: same text as a test example.",
        "2.9 MB",
        "82.6 % accuracy on validation (retention 95.0 %)",
        "The student reached it after 600, 1,100 and 700 steps.",
        "The baseline reached it after 1,400 steps, in 1 of 3 seeds; the others got to 79.5 % at best.",
        "student 3 of 3 600 · 1,100 · 700 800",
        "baseline 1 of 3 1,400 · not reached · not reached –",
        "the same planned steps",
        "◆ teacher 24.3 0.0 % 0.0 % 0 ● student 21.5 3.1 % 1.2 % 7",
    ):
        assert said in text, said


def with_costs(run: Evaluation, **changes) -> Evaluation:
    for name, record in run.models.items():
        run = example.changed(run, name, cost=record.cost.model_copy(update=changes))
    return run.model_copy(update={"bundle": run.bundle.model_copy(update=changes)})


def test_a_busy_machine_is_said_beside_the_times_and_changes_no_ratio(tmp_path):
    run = with_costs(example.complete(), wall_per_cpu=2.34)
    run = example.changed(run, "student", cost=run.models["student"].cost.model_copy(update={"latency_ms": 0.9}))
    text = Page(example.write(run, tmp_path / "report.html")).text.replace("\u00a0", " ")
    assert "46× faster" in text
    assert text.count("machine busy (wall time up to 2.3 times processor time)") == 1
    assert "Machine busy (wall time up to 2.3 times processor time): latencies are too high" in text
    assert "0.90 ms machine busy" in text
    quiet = example.write(with_costs(run, wall_per_cpu=1.29), tmp_path / "report.html")
    assert "busy" not in Page(quiet).text


def test_a_record_without_processor_times_is_still_read(tmp_path):
    run = with_costs(example.complete(), cpu_ms=None, wall_per_cpu=None)
    text = Page(example.write(run, tmp_path / "report.html")).text
    assert "48× faster" in text, "of the latencies"
    assert "Processor time one example" not in text


def reached(steps_until, **changes) -> Evaluation:
    run = example.complete()
    for name in run.models:
        run = example.changed(run, name, steps_until=steps_until.get(name))
    return run.model_copy(update=changes)


def test_a_ratio_of_steps_is_told_where_every_seed_of_both_arms_reached_the_target(tmp_path):
    said = lambda steps: Page(example.write(reached(steps), tmp_path / "report.html")).text  # noqa: E731
    ratio = "the student took 0.80 times the baseline’s steps"
    assert ratio in said({"student": [600, 1100, 700], "baseline": [900, 900, 1200]})
    assert "times the baseline" not in said({"student": [600, 1100, None], "baseline": [900, 900, 1200]})
    assert "times the baseline" not in said({"student": [600, 1100, 700], "baseline": [900, None, 1200]})
    assert "times the baseline" not in said({"student": [600, 1100, 700]})


def test_a_target_that_no_seed_reached_is_said_so(tmp_path):
    text = Page(example.write(reached({"student": [None] * 3, "baseline": [None] * 3}), tmp_path / "report.html")).text
    assert re.search(r"The student did not reach it: 8\d\.\d %", text.replace("\u00a0", " "))
    assert "student 0 of 3 not reached · not reached · not reached –" in text


def short(seed, steps, accuracy) -> LearningCurve:
    return LearningCurve(seed=seed, steps=[steps], scores={"nll": [0.5], "accuracy": [accuracy]}, best_step=steps)


def test_the_best_below_the_target_is_of_the_seeds_that_did_not_reach_it():
    run = example.changed(
        reached({"student": [100, None]}), "student", learning=[short(0, 100, 0.9), short(0, 200, 0.7)]
    )
    (arm,) = training.steps_to_level(run)
    assert (arm.best, arm.longest, arm.reached, arm.mean) == (0.7, 200, [100], None)


def test_a_target_that_was_reached_at_once_has_its_section_without_curves(tmp_path):
    run = reached({"student": [100] * 3, "baseline": [100] * 3})
    for name in ("student", "baseline"):
        run = example.changed(run, name, learning=[short(seed, 100, 0.9) for seed in range(3)])
    text = Page(example.write(run, tmp_path / "report.html")).text
    assert "How they learned" in text
    assert "student 3 of 3 100 · 100 · 100 100" in text


def test_without_a_target_nothing_is_said_of_one(tmp_path):
    run = reached({}, until=None)
    text = Page(example.write(run, tmp_path / "report.html")).text
    assert "How they learned" in text
    assert "target" not in text
    assert "with the same steps" in text


def test_the_parts_of_the_gain_are_told_in_a_sentence_and_a_table(tmp_path):
    text = Page(example.write(RUNS["hard labels"], tmp_path / "report.html")).text.replace("\u00a0", " ")
    for said in (
        "The gain of +3.7 points is +2.0 from more text, labelled by the teacher's decisions",
        "(95 % interval +0.8 to +3.4)",
        "More text hard labels − baseline +2.0 +0.8 to +3.4 < 0.001",
        "Soft targets student − hard labels +1.7 +0.1 to +2.8 0.071",
        "Together student − baseline +3.7 +2.3 to +5.0 < 0.001",
        "◆ Teacher ● Student ■ Baseline ▼ Hard labels ▲ TF-IDF + LR",
        "trained on the teacher’s argmax",
    ):
        assert said in text, said
    other = Page(example.write(RUNS["complete"], tmp_path / "report.html")).text
    assert "ore text" not in other
    assert "ard labels" not in other


def test_another_domain_is_named_wherever_its_rows_are(tmp_path):
    run = example.with_ceiling()
    text = Page(example.write(run, tmp_path / "report.html")).text.replace("\u00a0", " ")
    for said in (
        "Measured on sentiment-ratings (amazon); the labels learned from are of sentiment-ratings (movie).",
        f"The student went {100 * run.gap_recovered:.0f} % of the way from the baseline",
        f"Gap recovered {100 * run.gap_recovered:.1f} % of the way from baseline to ceiling",
        "◆ Teacher ● Student ■ Baseline ▼ Hard labels ✚ Ceiling ▲ TF-IDF + LR",
        "2,000 test examples of sentiment-ratings (amazon)",
        "trained with 2,708 labels of sentiment-ratings (amazon), which no other model saw",
        "were chosen on validation rows of sentiment-ratings (movie)",
        "Test 2,000 of sentiment-ratings (amazon)",
        "For the ceiling 2,708",
    ):
        assert said in text, said
    other = Page(example.write(RUNS["complete"], tmp_path / "report.html")).text
    assert "eiling" not in other
    assert "Gap recovered" not in other
    assert "The labels learned from" not in other


def test_absent_parts_are_named(tmp_path):
    text = Page(example.write(example.bare(), tmp_path / "report.html")).text
    assert "gain not measured: the run has no baseline" in text
    assert "There is no bundle" in text
    assert "not measured the teacher and student could not be exported" in text


def test_reason_for_no_bundle_is_given(tmp_path):
    assert "aten::unique" in Page(example.write(RUNS["not exported"], tmp_path / "report.html")).text


def test_fewer_than_three_seeds_are_called_too_few(tmp_path):
    one = Page(example.write(RUNS["one seed"], tmp_path / "report.html")).text
    assert "One seed says nothing about the spread between seeds: train three seeds or more" in one
    assert "No verdict from one seed:" in one
    assert "over seeds" not in one
    assert "Welch" not in one
    two = example.write(example.complete(seeds=2), tmp_path / "report.html")
    assert "Two seeds say little about the spread between seeds: train three seeds or more" in two
    assert "train three seeds or more" not in example.write(example.complete(), tmp_path / "report.html")


def test_many_classes_stay_small_and_list_the_confused_pairs(tmp_path):
    html = example.write(RUNS["many classes"], tmp_path / "report.html")
    assert len(html) < 150_000
    assert "Most confused pairs" in html


def test_every_class_is_shown_and_what_the_headline_would_hide(tmp_path):
    run = example.complete(classes=12)
    classes, beware = (
        run.figure(ClassTable, "student").classes,
        "The student of seed 2, which ships, never decides for b.",
    )
    weak = classes[5].model_copy(update={"f1": 0.031, "recall": 0.017, "precision": None})
    run = example.refigured(run, ClassTable, "student", classes=[*classes[:5], weak, *classes[6:]])
    run = run.model_copy(update={"warnings": [beware]})
    text = Page(example.write(run, tmp_path / "report.html")).text.replace("\u00a0", " ")
    assert f"Beware: {beware}" in text
    assert "of the student that is seed 2, which ships." in text
    assert "Student, seed 2" in text
    assert " 1.7 % 3.1 %" in text
    assert all(f"{one.name} 40 8.3 % " in text for one in classes)
    many = Page(example.write(RUNS["many classes"], tmp_path / "report.html")).text
    assert "classes with the student’s lowest F1" in many


def test_the_runs_metric_is_the_one_that_is_drawn_and_named(tmp_path):
    run = example.complete()
    accuracy, f1_macro, *others = run.metrics
    for name in ("student", "baseline"):
        curves = [
            one.model_copy(update={"scores": {"nll": one.scores["nll"], "f1_macro": one.scores["accuracy"]}})
            for one in run.models[name].learning
        ]
        run = example.changed(run, name, learning=curves)
    gain = run.gain.model_copy(update={"metric": "f1_macro"})
    run = run.model_copy(update={"metrics": [f1_macro, accuracy, *others], "gain": gain, "until": None})
    text = Page(example.write(run, tmp_path / "report.html")).text
    for said in (
        "Macro F1 of the student",
        "Macro F1 against processor time",
        "Validation macro F1",
        "of the teacher’s macro F1",
        "the seeds’ macro F1",
    ):
        assert said in text, said
    assert "Validation accuracy" not in text


def test_several_looks_at_the_test_split_are_warned_about(tmp_path):
    once = example.complete()
    twice = once.model_copy(update={"test_evaluations": once.test_evaluations * 2})
    html = example.write(twice, tmp_path / "report.html")
    assert "read 2 times" in html
    assert "look better than they are" in html


def test_text_never_becomes_markup(tmp_path):
    evil = "<script>alert('x')</script>\" onload=\"x $5 & $6 \x07"
    run = example.complete()
    answers = {"teacher": Decided(decided=evil, probability=0.9), "student": Decided(decided="b", probability=0.6)}
    case = Disagreement(sample=TextSample(text=evil), label=evil, answers=answers)
    run = run.model_copy(
        update={
            "name": evil,
            "sentence": evil,
            "samples": [case],
            "statistics": evil,
            "warnings": [evil],
            "bundle": None,
            "bundle_error": evil,
            "data": run.data.model_copy(update={"classes": [evil, "日本語"], "source": evil, "dropped": {evil: 1}}),
        }
    )
    html = example.write(run, tmp_path / "report.html", recipe_yaml=evil, environment={evil: evil}, command=evil)
    parsed = Page(html)
    assert "script" not in parsed.tags
    assert not any(name == "onload" for _, name, _ in parsed.attributes)
    assert "alert('x')" in parsed.text


def test_same_input_same_bytes_whatever_the_users_matplotlib_settings(tmp_path):
    import matplotlib as mpl

    first = example.write(example.complete(), tmp_path / "a.html")
    with mpl.rc_context({"lines.linewidth": 9, "axes.grid": True, "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        second = example.write(example.complete(), tmp_path / "b.html")
        assert dict(mpl.rcParams) == before
    assert first == second


def test_replaces_an_older_report_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    example.write(example.bare(), path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [path]
