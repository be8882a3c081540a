"""One voice for page, terminal and card; a page whose loops show whatever model, metric or seed there is."""

import re
from pathlib import Path
from typing import get_args

import example
import pytest
from pages import RUNS, Page
from pydantic import ValidationError

import limbeck.report
from limbeck.evaluation.classification import METRICS
from limbeck.evaluation.figures import AudioSample, Decided, Figure, ImageSample, RowSample, Sample
from limbeck.evaluation.records import Fidelity, MetricRecord
from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.figures import KINDS
from limbeck.report.samples import SAMPLES
from limbeck.report.words.names import ROLES

# --- one voice --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["complete", "hard labels", "another domain", "teacher at chance", "one seed"])
def test_the_page_says_each_line_of_the_terminal_once(name, tmp_path):
    run = example.said_again(RUNS[name])
    text = Page(example.write(run, tmp_path / "report.html")).text
    for line in [run.sentence, *words.said(run)]:
        assert text.count(" ".join(line.split())) == 1, line
    assert text.count("Next: ") == 1


def test_a_model_has_one_name(tmp_path):
    page = example.write(RUNS["another domain"], tmp_path / "report.html")
    text = Page(page).text
    assert "TF-IDF + LR" in text
    assert "hard labels" in text
    for other in ("hard_labels", "Floor", "the floor", "Weights"):
        assert other not in text


# --- a page that loops ------------------------------------------------------------------------------------------------

SURPRISE = MetricRecord(name="surprise", title="surprise rate", quantity="nats", better="lower")


def extended() -> Evaluation:
    """A run with an arm and a metric that nobody has heard of, and three more seeds."""
    alike = Fidelity(retention=0.9421, agreement=0.8613, kl_to_teacher=0.123)
    run = example.with_arm(example.complete(seeds=6), "other_arm", 0.8217, (0.5, 0.8), alike)
    for index, (name, record) in enumerate(run.models.items()):
        value = 7 + index / 8
        per_seed = [
            one.model_copy(update={"scores": one.scores | {"surprise": value + seed / 100}})
            for seed, one in enumerate(record.per_seed)
        ]
        learning = [
            one.model_copy(update={"scores": one.scores | {"surprise": one.scores["nll"]}}) for one in record.learning
        ]
        run = example.changed(run, name, scores={"surprise": value}, per_seed=per_seed, learning=learning)
    answers = {"other_arm": Decided(decided="positive", probability=0.77)}
    samples = [one.model_copy(update={"answers": one.answers | answers}) for one in run.samples]
    return run.model_copy(update={"metrics": [*run.metrics, SURPRISE], "samples": samples})


@pytest.fixture(scope="module")
def unheard(tmp_path_factory) -> str:
    return example.write(extended(), tmp_path_factory.mktemp("unheard") / "report.html")


def test_another_arm_is_in_every_loop(unheard):
    text = Page(unheard).text.replace("\u00a0", " ")
    assert "◆ Teacher ● Student ■ Baseline ✖ Other arm ▲ TF-IDF + LR" in text, "table of models"
    assert "94.2 %" in text
    assert text.count("Other arm, seed 5") == 4, "reliability and confusion, on the fold and below it"
    assert "Other arm: `train.lr" not in text
    assert "Other arm: train.lr: 0.01" in text, "settings"
    assert "✖ other arm positive 77.0 %" in text, "samples"
    assert text.count(" other arm ") >= 3, "figures"
    svgs = re.findall("<svg.*?</svg>", unheard, re.DOTALL)
    drawn = [re.search('aria-label="([^"]*)"', svg)[1] for svg in svgs if "var(--c6)" in svg]
    for figure in ("processor time", "Validation accuracy", "Validation NLL", "surprise rate", "Reliability"):
        assert any(figure in label for label in drawn), figure


def test_another_metric_is_in_every_loop(unheard):
    text = Page(unheard).text
    assert "Surprise rate nats, lower is better 7.000 7.125 7.125–7.175 7.250 7.250–7.300" in text
    assert "Validation surprise rate" in text


def test_more_seeds_are_in_every_loop(unheard):
    text = Page(unheard).text
    run = extended()
    gains = [words.points(value) for value in run.gain.per_seed]
    for seed in range(6):
        assert f"seed {seed}" in text, "figure"
        student, baseline = (
            words.percent(run.models[name].per_seed[seed].scores["accuracy"]) for name in ("student", "baseline")
        )
        assert f"{seed} {student} {baseline} {gains[seed]}".replace("\u00a0", " ") in text, "table"


@pytest.mark.parametrize("file", ["template.html.j2", "style.css"])
def test_template_and_style_name_no_model_no_metric_and_no_figure(file):
    text = (
        (Path(limbeck.report.__file__).parent / file).read_text(encoding="utf-8").replace("align-items: baseline", "")
    )
    names = {*ROLES, *METRICS, *KINDS, "hard-labels"} - {"classes"}
    assert not {name for name in names if re.search(rf"\b{name}\b", text)}


def test_no_arm_is_a_class_or_an_attribute(unheard):
    named = {value for _, name, value in Page(unheard).attributes if name in ("class", "style") and value}
    assert not any(arm in value for value in named for arm in extended().models)


def test_every_kind_of_figure_and_sample_that_an_evaluation_can_hold_is_shown():
    kinds = lambda form: {one.model_fields["kind"].default for one in get_args(get_args(form)[0])}  # noqa: E731
    assert kinds(Figure) == set(KINDS)
    assert kinds(Sample) == set(SAMPLES)


# --- samples, tiles ---------------------------------------------------------------------------------------------------


def test_examples_that_the_teacher_alone_has_right_come_first(tmp_path):
    run = example.complete()
    text = Page(example.write(run.model_copy(update={"samples": run.samples[::-1]}), tmp_path / "report.html")).text
    first, second = text.index("Right: teacher. Wrong: student"), text.index("Right: student. Wrong: teacher")
    assert first < text.index("not exactly a gourmet meal") < second < text.index("music to the ears")
    assert "limbeck predict bundle" in text[: text.index("not exactly a gourmet meal")]


def test_rows_that_came_ready_are_named(tmp_path):
    text = Page(example.write(RUNS["loaders"], tmp_path / "report.html")).text
    assert "row 0" in text
    assert "limbeck predict" not in text
    assert "TF-IDF" not in text
    assert "limbeck.load" in text


def test_no_tile_is_empty_where_a_model_could_not_be_exported():
    tiles = {fact.name: fact for fact in words.key_figures(RUNS["not exported"])}
    assert tiles["Size"].text == "90.9\u00a0MB"
    assert tiles["Size"].note == (
        "of the teacher; the student could not be exported: the operator `aten::unique` has no ONNX form"
    )
    other = example.changed(example.complete(), "teacher", cost=None)
    tiles = {fact.name: fact for fact in words.key_figures(other)}
    assert (tiles["Speed"].text, tiles["Speed"].note) == (
        "0.21\u00a0ms",
        "of the student; the teacher could not be exported",
    )
    for run in RUNS.values():
        assert all(fact.text and fact.text != words.ABSENT and fact.note for fact in words.key_figures(run))


def test_a_sound_has_a_player_and_an_outline(tmp_path):
    run = example.complete()
    half = AudioSample(wav="data:audio/wav;base64,UklGRg==", seconds=3.2, played=2.0, outline=[0.0, 0.5, 0.25])
    whole = half.model_copy(update={"seconds": 1.5, "played": 1.5, "outline": [0.0]})
    shown = [one.model_copy(update={"sample": (half, whole)[place % 2]}) for place, one in enumerate(run.samples[:2])]
    html = example.write(run.model_copy(update={"samples": shown}), tmp_path / "report.html")
    page = Page(html)
    assert page.attributes.count(("audio", "src", half.wav)) == 2
    assert "media-src data:" in html
    assert "The first 2.0 of 3.2 seconds." in page.text
    assert "1.5 seconds." in page.text
    assert 'viewBox="0 0 3 40"' in html
    assert "M1 0.0h.8v40.0h-.8z" in html  # the loudest part is as high as the box
    assert html.count('<path d="M0 19.5h.8v1.0h-.8z') == 2  # silence is a line


def test_a_sound_stands_above_its_spectrogram_and_is_called_by_its_file(tmp_path):
    run = example.complete()
    sound = AudioSample(wav="data:audio/wav;base64,UklGRg==", seconds=1.5, played=1.5, outline=[0.5, 0.25])
    seen = ImageSample(name="x", data="data:image/png;base64,AAAA", width=82, height=40)
    named = {"sample": sound, "seen": seen, "name": 'clips/"a".wav (row 7 of x.csv)'}
    html = example.write(
        run.model_copy(update={"samples": [run.samples[0].model_copy(update=named)]}), tmp_path / "report.html"
    )
    page = Page(html)
    assert page.attributes.count(("img", "src", seen.data)) == 1
    assert ("img", "alt", "What the student’s network sees of the sound") in page.attributes
    assert html.index('<svg viewBox="0 0 2 40"') < html.index(seen.data) < html.index("<audio ")
    assert 'clips/"a".wav (row 7 of x.csv) · 1.5 seconds.' in page.text
    assert "log-mel spectrogram" in page.text
    assert "log-mel" not in example.write(example.complete(), tmp_path / "report.html")


def test_a_row_is_called_once(tmp_path):
    run = example.complete()
    text = run.samples[0].model_copy(update={"name": "row 7 of x.csv"})
    ready = run.samples[1].model_copy(update={"sample": RowSample(name="test row 3"), "name": "row 9 of y.csv"})
    page = Page(example.write(run.model_copy(update={"samples": [text, ready]}), tmp_path / "report.html"))
    assert page.text.count("Row 7 of x.csv") == 1
    assert page.text.count("row 9 of y.csv") == 1
    assert "test row 3" not in page.text.lower(), "its number in the file says more"


@pytest.mark.parametrize(
    "wav", ["https://example.org/a.wav", 'data:audio/wav;base64,"><script>', "data:text/html;base64,AA=="]
)
def test_a_sound_from_elsewhere_is_none(wav):
    with pytest.raises(ValidationError, match="wav"):
        AudioSample(wav=wav, seconds=1, played=1, outline=[])
