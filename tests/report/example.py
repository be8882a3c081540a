"""Evaluations made up for the tests: complete, with everything absent, and with many classes."""

from pathlib import Path

from made_up import AT_CHANCE, figures, gain_of, model

from limbeck.evaluation import verdict
from limbeck.evaluation.figures import (
    Decided,
    Disagreement,
    RowSample,
    TextSample,
)
from limbeck.evaluation.records import (
    BundleRecord,
    Cost,
    DataRecord,
    Decomposition,
    Difference,
    Fidelity,
    Gain,
    Level,
    MetricRecord,
    TestEvaluation,
    ViewRecord,
)
from limbeck.evaluation.schema import Evaluation
from limbeck.modalities.arrays import ArraysModality
from limbeck.modalities.text import TextModality
from limbeck.report import words

RECIPE = """\
name: sentiment
seeds: [0, 1, 2]
data:
  source: sentiment-ratings
  domain: movie
  split: {test: 2000, validation: 400}
  labelled: 500
teacher: {kind: transformers, model: minilm, train: {epochs: 6, lr: 5.0e-05}}
student: {model: ngrams, reads: {tokenizer: {kind: words, size: 30000}, max_length: 64}, train: {steps: 1500, lr: 0.01}}
losses:
- {name: kd, weight: 0.9, temperature: 2}
- {name: cross_entropy, weight: 0.1}
"""
ENVIRONMENT = {
    "limbeck": "0.1.0",
    "python": "3.12.4",
    "torch": "2.9.1+cpu",
    "onnxruntime": "1.24.0",
    "platform": "Linux-6.1-x86_64",
    "threads": "2",
}
COMMAND = "limbeck run sentiment --out runs/demo losses.kd.temperature=2"
METRICS = [
    MetricRecord(name="accuracy", title="accuracy", quantity="share", better="higher"),
    MetricRecord(name="f1_macro", title="macro F1", quantity="share", better="higher"),
    MetricRecord(name="nll", title="NLL", quantity="nats", better="lower"),
    MetricRecord(name="ece", title="calibration error (ECE)", quantity="share", better="lower"),
]
BIG = {"parameters": 22_713_986, "size_bytes": 90_912_340, "cpu_ms": 9.84, "latency_ms": 9.71}
SMALL = {"parameters": 1_920_066, "size_bytes": 7_684_120, "cpu_ms": 0.213, "latency_ms": 0.204}
LINEAR = {"parameters": 24_118, "size_bytes": 1_120_400, "cpu_ms": 0.148, "latency_ms": 0.144}


def cost(figures, throughput) -> Cost:
    """What a model costs, timed on a machine that did little else."""
    return Cost(**figures, throughput_per_s=throughput, wall_per_cpu=1.02)


def complete(classes: int = 2, seeds: int = 3) -> Evaluation:
    """A run that worked, with everything measured."""
    names = ["negative", "positive"] if classes == 2 else [f"card_issue_number_{index}" for index in range(classes)]
    test, every = 2000 if classes == 2 else 40 * classes, list(range(seeds))
    follows = Fidelity(retention=0.953, agreement=0.8915, kl_to_teacher=0.081)
    behind = Fidelity(retention=0.912, agreement=0.8382, kl_to_teacher=0.2176)
    until = {"student": [600, 1100, 700, 800, 900, 650][:seeds], "baseline": [1400, *[None] * 5][:seeds]}
    models = {
        "teacher": model(0.872, [None], cost(BIG, 312.4)),
        "student": model(0.831, every, cost(SMALL, 18_420), (0.42, 0.83), fidelity=follows, steps=until["student"]),
        "baseline": model(0.795, every, cost(SMALL, 18_420), (0.55, 0.79), fidelity=behind, steps=until["baseline"]),
        "floor": model(0.788, [None], cost(LINEAR, 9_870)),
    }
    gain = gain_of(models)
    mean = gain.mean
    ci95 = mean - 0.014, mean + 0.013
    gain = gain.model_copy(update={"ci95": ci95, "p_value": 0.00001, "p_seeds": 0.012 if seeds > 1 else None})
    apart = models["student"].scores["accuracy"] - models["teacher"].scores["accuracy"]
    return said_again(
        Evaluation(
            task="classification",
            modality="text",
            usage=TextModality.usage,
            name="sentiment",
            metrics=METRICS,
            test_examples=test,
            seeds=every,
            data=data(names, test),
            models=models,
            retention=0.953,
            agreement=0.8915,
            over_teacher=Difference(metric="accuracy", mean=apart, ci95=(-0.055, -0.028)),
            gain=gain,
            verdict=verdict(gain),
            sentence="",
            statistics="",
            until=Level(metric="retention", value=0.95, quantity="accuracy", level=0.8256),
            figures=[
                one for name, record in models.items() for one in figures(name, record.scores["accuracy"], names, test)
            ],
            samples=_samples(names),
            bundle=BUNDLE.model_copy(update={"seed": every[-1]}),
            test_evaluations=[
                TestEvaluation(time="2026-03-01T09:12:44Z", recipe_digest="4f1c8e0b7d2a9c35e0aa71b2", models=[*models])
            ],
            finished="2026-03-01T09:13:20+00:00",
            seconds=SECONDS,
            cpu_seconds=281.4,
        )
    )


BUNDLE = BundleRecord(
    precision="int8",
    size_bytes=2_912_400,
    cpu_ms=0.171,
    latency_ms=0.166,
    wall_per_cpu=1.01,
    max_abs_error=3.1e-6,
    agreement=0.9985,
    agreement_low=0.9972,
    agreement_rows=5_000,
    instructions="x86_64, avx2, avx512",
    exceptions=0,
    seed=1,
    int8="int8 was taken: smaller, faster, same decision on 99.85% of 5,000 unlabelled rows",
)
SECONDS = {
    "data": 1.9,
    "teacher": 74.2,
    "labelling": 8.8,
    "student": 31.5,
    "baseline": 29.7,
    "export": 3.2,
    "evaluation": 6.3,
}


def data(names, test) -> DataRecord:
    """The data of a complete run."""
    return DataRecord(
        source="sentiment-ratings (movie)",
        classes=names,
        test=test,
        validation=400,
        labelled=500,
        unlabelled=7705,
        dropped={"same text as a test example": 41, "empty text": 3},
        views={
            "teacher": ViewRecord(tokens=24.31, unknown=0.0, cut=0.0, unread=0),
            "student": ViewRecord(tokens=21.5, unknown=0.0312, cut=0.0125, unread=7),
        },
        same_tokens={"teacher": 0, "student": 0},
    )


def said_again(run: Evaluation) -> Evaluation:
    """The run, with the words that its figures ask for."""
    said = {"sentence": words.sentence(run), "statistics": words.statistics(run), "warnings": words.warnings(run)}
    said["next_step"] = words.next_sentence(run, run.bundle_error)
    return run.model_copy(update=said)


def changed(run: Evaluation, name: str, **changes) -> Evaluation:
    """The run, with changes in the record of one model; `scores` are added to those that it has."""
    record = run.models[name]
    if "scores" in changes:
        changes["scores"] = record.scores | changes["scores"]
    return run.model_copy(update={"models": run.models | {name: record.model_copy(update=changes)}})


def refigured(run: Evaluation, form, name: str, **changes) -> Evaluation:
    """The run, with changes in a figure of one model."""
    old = run.figure(form, name)
    new = [one.model_copy(update=changes) if one is old else one for one in run.figures]
    return run.model_copy(update={"figures": new})


def without(run: Evaluation, name: str) -> Evaluation:
    """The run without a model."""
    models = {one: record for one, record in run.models.items() if one != name}
    return run.model_copy(update={"models": models, "figures": [one for one in run.figures if one.model != name]})


def with_arm(run: Evaluation, name: str, accuracy: float, learning, fidelity: Fidelity) -> Evaluation:
    """The run with one more arm, in its place before the floor."""
    record = model(accuracy, run.seeds, run.models["student"].cost, learning, fidelity=fidelity)
    rest = {one: known for one, known in run.models.items() if one != "floor"}
    more = figures(name, accuracy, run.data.classes, run.test_examples)
    models = rest | {name: record} | {one: known for one, known in run.models.items() if one == "floor"}
    return run.model_copy(update={"models": models, "figures": [*run.figures, *more]})


def with_hard_labels() -> Evaluation:
    """A complete run with a third arm, and the gain in two parts."""
    alike = Fidelity(retention=0.938, agreement=0.8651, kl_to_teacher=0.1412)
    run = with_arm(complete(), "hard_labels", 0.818, (0.47, 0.815), alike)
    student, hard, baseline = (run.score(name) for name in ("student", "hard_labels", "baseline"))
    text, soft = hard - baseline, student - hard
    parts = Decomposition(
        text=_part(run.gain, text, (text - 0.012, text + 0.014), 0.0004),
        soft_targets=_part(run.gain, soft, (soft - 0.016, soft + 0.011), 0.0712),
    )
    return run.model_copy(update={"decomposition": parts})


def with_ceiling() -> Evaluation:
    """A run to another domain, with every arm that there is."""
    alike = Fidelity(retention=0.984, agreement=0.8811, kl_to_teacher=0.151)
    run = with_arm(with_hard_labels(), "ceiling", 0.858, (0.6, 0.74), alike)
    about = run.data.model_copy(update={"target": "sentiment-ratings (amazon)", "ceiling": 2708})
    student, ceiling, baseline = (run.score(name) for name in ("student", "ceiling", "baseline"))
    return run.model_copy(update={"data": about, "gap_recovered": (student - baseline) / (ceiling - baseline)})


def teacher_at_chance() -> Evaluation:
    """A complete run whose teacher knows nothing."""
    run = changed(complete(), "teacher", scores={"accuracy": 0.506, "f1_macro": 0.41}, chance=AT_CHANCE)
    for name in ("student", "baseline"):
        run = changed(run, name, fidelity=run.models[name].fidelity.model_copy(update={"retention": None}))
    over = Difference(metric="accuracy", mean=0.325, ci95=(0.31, 0.34))
    return said_again(run.model_copy(update={"retention": None, "over_teacher": over}))


def loaders() -> Evaluation:
    """A complete run on arrays that came ready: no texts, no TF-IDF."""
    run = without(complete(), "floor")
    rows = [one.model_copy(update={"sample": RowSample(name=f"row {index}")}) for index, one in enumerate(run.samples)]
    about = run.data.model_copy(update={"views": {}, "same_tokens": {}})
    looks = [one.model_copy(update={"models": [*run.models]}) for one in run.test_evaluations]
    return run.model_copy(
        update={
            "modality": "arrays",
            "usage": ArraysModality.usage,
            "samples": rows,
            "data": about,
            "test_evaluations": looks,
        }
    )


def bare() -> Evaluation:
    """A run in which everything that may be absent is."""
    alone = model(0.81, [0], None, chance=AT_CHANCE)
    return Evaluation(
        task="classification",
        modality="text",
        usage=TextModality.usage,
        name="bare",
        metrics=METRICS,
        test_examples=100,
        seeds=[0],
        data=DataRecord(
            source="rows.csv",
            classes=["no", "yes"],
            test=100,
            validation=20,
            labelled=50,
            unlabelled=0,
            dropped={},
        ),
        models={"teacher": alone, "student": alone},
        retention=None,
        agreement=1.0,
        over_teacher=Difference(metric="accuracy", mean=0.0, ci95=(0.0, 0.0)),
        gain=None,
        verdict="no_baseline",
        sentence="The run has no baseline, so it cannot say whether distillation helped.",
        statistics="",
        bundle=None,
        test_evaluations=[],
        finished="2026-03-01T09:13:20+00:00",
    )


def write(evaluation: Evaluation, path: Path, **changes) -> str:
    """Write the report and return its text."""
    from limbeck.report.write import write_report

    write_report(
        evaluation, **({"recipe_yaml": RECIPE, "environment": ENVIRONMENT, "command": COMMAND} | changes), path=path
    )
    # The lines to type name the run's folder, and with it the test that made it.
    return path.read_text(encoding="utf-8").replace(f"{path.parent.as_posix()}/", "")


def _part(gain, mean, ci95, p_value) -> Gain:
    return gain.model_copy(update={"mean": mean, "ci95": ci95, "p_value": p_value, "per_seed": [mean] * 3})


def _samples(names) -> list[Disagreement]:
    texts = [
        "it 's not exactly a gourmet meal but the fare is fair , even coming from the drive-thru .",
        "A movie that will surely be profane, politically charged music to the ears of <b>somebody</b> & friends.",
        "offers much to enjoy ... and a lot to mull over in terms of love , loyalty and the nature of friendship . "
        * 6,
        "too" + "o" * 90 + " long",
    ]
    return [
        Disagreement(
            sample=TextSample(text=text),
            label=names[index % 2],
            answers={
                "teacher": Decided(decided=names[0], probability=0.97 - index / 50),
                "student": Decided(decided=names[1], probability=0.91 - index / 20),
            },
        )
        for index, text in enumerate(texts)
    ]
