"""The sections of the page, in their order; the template only lays them out."""

import shlex
from pathlib import Path

from limbeck.evaluation.schema import Evaluation
from limbeck.report import figures, tables, words
from limbeck.report.blocks import Block, Bullets, CodeBlock, Facts, Section, Steps
from limbeck.report.group_tables import group_section
from limbeck.report.samples import copies, mistakes, samples
from limbeck.report.words import Fact, cost, data, names, prose, served, shown, training, uses


def sections(
    evaluation: Evaluation, *, recipe_yaml: str, environment: dict[str, str], command: str, folder: Path
) -> list[Section]:
    """Return what the page says below its head, see `write_report`; `folder` is that of the run."""
    bundle = (folder / "bundle").as_posix()
    found = [
        Section("What to do next", blocks=_some(_next(evaluation, command, bundle))),
        Section(
            "The models",
            [f"{prose.measured(evaluation)} {' '.join(names.about_models(evaluation))}".strip()],
            [tables.models(evaluation)],
        ),
        _gain(evaluation),
        _learning(evaluation),
        _curves(evaluation),
        _right(evaluation),
        group_section(evaluation),
        Section("Where student and teacher differ most", *_samples(evaluation, bundle)),
        _mistakes(evaluation),
        _bundle(evaluation, bundle),
        _data(evaluation),
        _test(evaluation),
        Section("Time of the run", blocks=_some(tables.stages(evaluation))),
        _again(recipe_yaml, environment, command),
    ]
    return [section for section in found if not section.empty]


def _some(*blocks: Block | None) -> list[Block]:
    return [block for block in blocks if block is not None]


def _next(evaluation: Evaluation, command: str, bundle: str) -> Steps | None:
    steps = words.next_steps(evaluation, command, bundle)
    return Steps(steps) if steps else None


def _gain(evaluation: Evaluation) -> Section:
    said = [text for text in (prose.about_gain(evaluation), words.parts(evaluation)) if text]
    gains = figures.gains(evaluation, tables.seeds(evaluation))
    return Section("What the teacher brought", said, _some(gains, figures.cost(evaluation), tables.parts(evaluation)))


def _learning(evaluation: Evaluation) -> Section:
    blocks = _some(*figures.learning(evaluation), tables.steps(evaluation))
    said = [text for text in (prose.about_validation(evaluation), training.until_text(evaluation)) if text]
    return Section("How they learned", said if blocks else [], blocks)


def _curves(evaluation: Evaluation) -> Section:
    if not evaluation.curves:
        return Section("What the teacher saves")
    said, note = [" ".join(words.curve_sentences(evaluation))], training.about_curves(evaluation)
    return Section("What the teacher saves", said, figures.budgets(evaluation), note)


def _right(evaluation: Evaluation) -> Section:
    parts = figures.of_models(evaluation)
    shown = prose.about_shown(evaluation) if parts else None
    return Section("Where they are right, and how sure", [shown] if shown else [], parts=parts)


def _samples(evaluation: Evaluation, bundle: str) -> tuple[list[str], list[Block]]:
    found = samples(evaluation)
    said = [prose.about_samples(evaluation, bundle)] if found else []
    seen = [shown.spectrogram()] if any(one.seen for one in evaluation.samples) else []
    return [*said, *seen], [*found]


def _mistakes(evaluation: Evaluation) -> Section:
    found = mistakes(evaluation)
    return Section("The student’s weakest classes", [shown.about_mistakes(evaluation)] if found else [], found)


def _bundle(evaluation: Evaluation, bundle: str) -> Section:
    said = [prose.about_bundle(evaluation, bundle)]
    if evaluation.bundle is None:
        return Section("What you can ship", said)
    facts = Facts([Fact(*fact) for fact in cost.bundle_facts(evaluation.bundle)])
    return Section("What you can ship", said, [facts, *_usage(evaluation, bundle)])


def _usage(evaluation: Evaluation, bundle: str) -> list[Block]:
    python = f"import limbeck\n{names.asked(evaluation, bundle)}"
    typed = f"limbeck predict {shlex.quote(bundle)} {evaluation.usage.file or ''}".rstrip()
    command = [CodeBlock(typed, "On the command line")] if evaluation.usage.in_shell else []
    return [*command, CodeBlock(python, "In Python")]


def _data(evaluation: Evaluation) -> Section:
    rows = evaluation.data
    facts = Facts([Fact(*fact) for fact in prose.data_facts(evaluation)])
    said = [prose.about_data(evaluation)]
    return Section(
        "Data",
        said,
        _some(
            facts,
            Bullets([*served.about_served(evaluation), *data.dropped(rows.dropped), *data.notes(evaluation)]),
            tables.readers(evaluation),
            copies(evaluation),
        ),
    )


def _test(evaluation: Evaluation) -> Section:
    looks = Bullets([uses.look(evaluation, use) for use in evaluation.test_evaluations])
    chosen = Bullets([prose.chosen(evaluation, name) for name, one in evaluation.models.items() if one.settings])
    parts = [Section(uses.chosen_where(evaluation), blocks=[chosen])] if chosen.lines else []
    return Section(
        "What the test split was used for", [uses.about_test(evaluation)], [looks] * bool(looks.lines), parts=parts
    )


def _again(recipe_yaml: str, environment: dict[str, str], command: str) -> Section:
    versions = Facts([Fact(name, version) for name, version in environment.items()], dense=True)
    parts = [
        Section("Environment", blocks=[versions]),
        Section("Recipe", blocks=[CodeBlock(recipe_yaml.strip("\n"), wide=True)]),
    ]
    return Section("Do it again", [prose.FROM_WHERE], blocks=[CodeBlock(command, wide=True)], parts=parts)
