"""The plan of a run on texts: lengths, members of the teacher, rows and steps, from the texts and the budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limbeck.data import Splits
from limbeck.errors import LimbeckError
from limbeck.modalities import TextReads
from limbeck.modalities.text.pretrained import longest_text, pretrained_config, tokenizer_limit
from limbeck.modalities.text.reading import UNKNOWN_WARNED, reading, unfamiliar
from limbeck.modalities.text.reads import build_reader
from limbeck.modalities.text.tokenizers import TransformersTokenizerSettings, WordTokenizerSettings, pretrained_folder
from limbeck.pipeline.planning import costs
from limbeck.pipeline.planning.choices import Choices
from limbeck.pipeline.planning.students import MOST_WORDS, choose_student, leave_out_slow
from limbeck.recipe import Recipe
from limbeck.teachers import Single

_SAMPLE = 2_000
"""Texts that are looked at."""
_LENGTHS = (32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Tokens of a text that a pretrained network may read."""
_LONGEST = 256
"""The most of them for one that is fitted here; one that is taken as it is reads what it has learned to read."""
_PLANNED = 0.9
"""Share of the budget that is planned for: machines and days differ."""
_TRAINING = 0.44
"""Share of the teacher's time for fine-tuning; what answers do not need is added."""
_LEAST_AFTER, _MOST_AFTER = 0.2, 0.6
"""What is left for everything beside the teacher: shares of the time."""
_MOST_SOLVED = 0.5
"""Share of the time above which linear models learn from fewer texts."""
_FEWEST_UNLABELLED = 3_000
"""Before a pretrained network answers for fewer texts, it reads less of each."""
_LEAST_UNLABELLED = 1_000
"""For so many it answers whatever the budget is."""
_ENOUGH = 200
"""Validation rows from which on they alone choose."""
_FOLDS = 3
_WATCHED = (200, 1_000)
"""Unlabelled texts by which students are chosen: a tenth of all, within these."""
_BATCH = 16
_SHORTEST = 64
"""Before less of a text is read in fine-tuning, some rows are left out."""
_STEPS, _STEPS_OF_MANY, _MANY = 100, 160, 20
"""Of fine-tuning: with up to so many classes, and with more."""
_EPOCHS = (3, 10)
_CHARACTERS = {
    "kind": "tfidf",
    "calibrate": True,
    "reads": {"tokenizer": {"kind": "characters"}},
    "regression": {"orders": 3, "ngram_weight": 1},
}
"""A member that reads every language."""


@dataclass(frozen=True)
class _Member:
    """A pretrained member of the teacher, and some texts as it reads them.

    Attributes:
        number: among the members.
        key: of its settings.
        tuned: whether it is fine-tuned here; else its features are taken as they are.
        parameters: of its matrices.
        lengths: tokens of each of some texts, uncut.
        doubt: what tells that its language is another one; None: nothing does.
        foreign: it cannot read them.
        longest: tokens that it reads, where the recipe says how many.
        most: tokens that it may read at most.
    """

    number: int
    key: str
    tuned: bool
    parameters: int
    lengths: NDArray[np.int64]
    doubt: str | None
    foreign: bool
    longest: int | None
    most: int

    def mean(self, length: int) -> float:
        """Return the mean tokens of a text that is cut at so many."""
        return float(np.minimum(self.lengths, self.longest or length).mean())

    @property
    def wanted(self) -> int:
        """The least length at which at most one text in fifty is cut, or the longest that it may read."""
        return min(self.most, next((each for each in _LENGTHS if (self.lengths > each).mean() <= 0.02), self.most))


def plan_texts(recipe: Recipe, splits: Splits, minutes: float) -> Choices:
    """Choose what a recipe of texts leaves open.

    Args:
        recipe: what is left open stands in no `model_fields_set`.
        splits: its rows.
        minutes: that a run may take on two idle processor cores.
    """
    recipe = recipe.model_copy(update={"teacher": recipe.teacher.decided(splits.task.names)})
    plan, seconds = Choices(recipe), _PLANNED * 60 * minutes
    for name in recipe.data.split.open:
        plan.settle(f"data.split.{name}", max(2, len(getattr(splits, name))))
    texts = [*splits.labelled.values[: _SAMPLE // 2], *splits.unlabelled.values[: _SAMPLE // 2]]
    folds, crossed = recipe.teacher.folds, _crossed(splits)
    if plan.is_open("teacher.folds") and crossed:
        folds = _FOLDS
        why = f"{len(splits.validation):,} validation rows are too few to choose by alone"
        plan.choose("teacher.folds", folds, why)
    members = _readable(plan, recipe, texts)
    words = build_reader(TextReads(tokenizer=WordTokenizerSettings(), max_length=MOST_WORDS), texts).encode(texts)
    mean, every = float(words.lengths.mean()), len(splits.unlabelled)

    def teacher(into: Choices, after: float, most: int) -> tuple[int, float]:
        tuned, left = _fine_tune(into, members, splits, seconds - after, folds or 1, most)
        return _answer(into, tuned, splits, left, most), left

    # For how many texts the teacher would answer at most; what students take depends on that.
    answered, _ = teacher(Choices(recipe), _LEAST_AFTER * seconds, every)
    solved = _solvable(splits, mean, _MOST_SOLVED * seconds) if plan.is_open("data.max_unlabelled") else every
    most = min(answered, solved)
    rows, own = len(splits.labelled) + most, recipe.selection.folds or 0
    choosing = (_FOLDS if crossed else 0) if plan.is_open("selection.folds") else own
    trained = leave_out_slow(plan, recipe, rows, words=mean, folds=choosing, seconds=seconds)
    after = _after(splits, most, mean, 1 + (folds or 0)) + trained
    after = float(np.clip(after, _LEAST_AFTER * seconds, _MOST_AFTER * seconds))
    unlabelled, left = teacher(plan, after, min(every, solved))
    if unlabelled < every:
        plan.choose("data.max_unlabelled", unlabelled, _fewer(splits, unlabelled, solved, left))
    if crossed:
        unlabelled -= _select(plan, recipe, len(splits.validation), unlabelled)
    choose_student(plan, recipe, splits, words.lengths, len(splits.labelled) + unlabelled)
    return plan


def _crossed(splits: Splits) -> bool:
    """Return whether folds of the labelled rows choose: validation rows are few, and no fold takes a class with it."""
    return len(splits.validation) < _ENOUGH and splits.parted(_FOLDS) is not None


def _solvable(splits: Splits, words: float, seconds: float) -> int:
    """Return from how many unlabelled texts of so many words linear models can learn in that time, or from all."""
    classes, labelled, every = splits.task.outputs, len(splits.labelled), len(splits.unlabelled)
    spare = seconds - costs.solving(classes, words * labelled, words * labelled)
    count = int(spare / max(costs.solving(classes, 0, words), 1e-9))
    return every if count >= every else min(every, max(count // 100 * 100, _LEAST_UNLABELLED))


def _after(splits: Splits, unlabelled: int, words: float, times: int) -> float:
    """Return the seconds for all but the teacher and what is trained.

    Args:
        splits: of the run.
        unlabelled: texts that students learn from.
        words: of a text, on average.
        times: how often the teacher is made.
    """
    classes, labelled = splits.task.outputs, len(splits.labelled)
    solving = costs.solving(classes, words * labelled, words * (labelled + unlabelled))
    return costs.others(words) + costs.fitting(classes, times) + solving


def _fewer(splits: Splits, unlabelled: int, solved: int, seconds: float) -> str:
    """Return why not all unlabelled texts are learned from."""
    what = f"of {len(splits.unlabelled):,}: "
    if unlabelled == _LEAST_UNLABELLED:
        return f"{what}as few as there may be"
    if unlabelled == solved:
        return f"{what}linear models of {splits.task.outputs:,} classes learn from no more in that time"
    return f"{what}in {seconds:.0f} s, the pretrained networks answer for no more"


def _select(plan: Choices, recipe: Recipe, validation: int, unlabelled: int) -> int:
    """Choose by what the arms choose where validation is small; return how many unlabelled texts that takes."""
    why = f"{validation:,} validation rows are too few to choose a student by"
    plan.choose("selection.folds", _FOLDS, why)
    watched = min(max(_WATCHED[0], unlabelled // 10), _WATCHED[1])
    if not recipe.task.one_class or recipe.data.augment is not None or not plan.is_open("selection.unlabelled"):
        return 0
    if unlabelled < 4 * watched:
        return 0
    plan.choose("selection.unlabelled", watched, f"of {unlabelled:,}, for the same reason")
    return watched


def _readable(plan: Choices, recipe: Recipe, texts: Sequence[str]) -> list[_Member]:
    """Return the pretrained members that can read the texts; where it is in doubt, n-grams of characters join them."""
    several = not isinstance(recipe.teacher, Single)
    found = [
        _member(number, f"teacher.members.{number}" if several else "teacher", settings, texts)
        for number, settings in enumerate(recipe.teacher.members)
        if settings.pretrained is not None
    ]
    doubts = [one.doubt for one in found if one.doubt is not None]
    if several and doubts and len(doubts) == len(found) and recipe.teacher.shares(len(recipe.teacher.members)) is None:
        plan.add(_CHARACTERS, "a member of n-grams of characters", f"{doubts[0]}: it may not know this language")
    # What has no word for these texts goes; of words in pieces it may know enough: the weights of the members tell.
    lost = [one for one in found if one.foreign]
    gone = [one for one in lost if plan.leave_out(one.number, f"{one.doubt}: it does not know this language")]
    return [one for one in found if one not in gone]


def _member(number: int, key: str, settings: Single, texts: Sequence[str]) -> _Member:
    name = str(settings.pretrained)
    config = pretrained_config(folder := pretrained_folder(name))
    width, inner = getattr(config, "hidden_size", 768), getattr(config, "intermediate_size", 3072)
    parameters = getattr(config, "num_hidden_layers", 12) * (4 * width * width + 2 * width * inner)
    reads = TextReads(tokenizer=TransformersTokenizerSettings(kind="transformers", path=name), max_length=4096)
    reader = build_reader(reads, [])
    rows = reader.encode(texts)
    longest = getattr(getattr(settings, "reads", None), "max_length", None)  # of the recipe: nothing is settled yet
    most = longest_text(config, tokenizer_limit(folder, _LONGEST if settings.refits else _LENGTHS[-1]))
    seen = reading(reader, rows)
    doubt, foreign = unfamiliar(seen), seen.unknown > UNKNOWN_WARNED
    return _Member(number, key, settings.by_steps, parameters, rows.lengths, doubt, foreign, longest, most)


def _fine_tune(
    plan: Choices, members: Sequence[_Member], splits: Splits, teacher: float, folds: int, unlabelled: int
) -> tuple[list[_Member], float]:
    """Choose how long members that are fine-tuned learn, and how much they read; leave out what takes too long.

    Where the time does not do, they learn in fewer epochs, then read less of each text, and then see some rows only.

    Args:
        plan: takes what is chosen.
        members: the pretrained ones.
        splits: of the run.
        teacher: seconds for all that the teacher does.
        folds: how often it is made, in rows that are passed.
        unlabelled: texts that it may answer for.

    Returns:
        The members that are left, with the lengths that were chosen; and the seconds that are left for answers.
    """
    rows, found, left = len(splits.labelled), [], teacher
    steps = _STEPS_OF_MANY if splits.task.outputs > _MANY else _STEPS
    fewest, most = _EPOCHS
    for member in members:
        if not member.tuned:
            found.append(member)
            continue
        if not rows:
            raise LimbeckError("no labelled row is left for the teacher to learn from", fix="raise data.labelled")
        epochs = float(np.clip(np.ceil(steps * _BATCH / rows), fewest, most))
        time = _Time(member, members, splits, teacher, folds, unlabelled)
        lengths = [length for length in reversed(_LENGTHS) if _SHORTEST <= length <= member.wanted] or [member.wanted]
        # Half an epoch less is better than less of each text.
        length = next((one for one in lengths if time.passes(one) >= fewest - 0.5), lengths[-1])
        seconds = max(time.training(length), _TRAINING * teacher * (length == lengths[-1]))
        passes = seconds / time.a_pass(length)
        epochs = min(epochs, max(passes, 0.01))
        epochs = float(int(epochs)) if epochs >= fewest else round(epochs, 2)
        too_long = epochs < 1 and epochs * rows < steps * _BATCH
        if too_long and plan.leave_out(member.number, f"fine-tuning takes longer than {max(seconds, 0):.2g} s"):
            continue
        plan.choose(f"{member.key}.reads.max_length", length, _cut(member, length))
        plan.choose(f"{member.key}.train.batch_size", _BATCH)
        plan.choose(f"{member.key}.train.epochs", epochs, f"{rows * epochs / _BATCH:,.0f} steps for {rows:,} labels")
        found.append(replace(member, longest=member.longest or length))
        left -= epochs * time.a_pass(length)
    return found, left


@dataclass(frozen=True)
class _Time:
    """How the teacher's time is divided between fine-tuning and answers, where its networks read so many tokens.

    Attributes:
        member: that is fine-tuned.
        members: all pretrained ones.
        splits: of the run.
        seconds: that the teacher has.
        folds: how often it is made.
        unlabelled: texts that it may answer for.
    """

    member: _Member
    members: Sequence[_Member]
    splits: Splits
    seconds: float
    folds: int
    unlabelled: int

    def a_pass(self, length: int) -> float:
        """Return the seconds in which the member sees every labelled text once, in all folds."""
        return costs.training(self.member.parameters, len(self.splits.labelled), self.member.mean(length)) * self.folds

    def training(self, length: int) -> float:
        """Return the seconds for fine-tuning: its share, more where answers need less, less where few need more."""
        every, few = (self._answers(length, count) for count in (self.unlabelled, _FEWEST_UNLABELLED))
        return min(max(_TRAINING * self.seconds, self.seconds - every), self.seconds - few)

    def passes(self, length: int) -> float:
        """Return how often the member sees every labelled text in that time."""
        return self.training(length) / self.a_pass(length)

    def _answers(self, length: int, most: int) -> float:
        texts = _fixed(self.splits) + min(self.unlabelled, most)
        return sum(costs.answering(one.parameters, texts, one.mean(min(length, one.wanted))) for one in self.members)


def _cut(member: _Member, length: int) -> str:
    share = float((member.lengths > length).mean())
    return f"{100 * share:.{int(share < 0.1)}f} % of the texts are longer" if share else "no text is longer"


def _fixed(splits: Splits) -> int:
    """Return for how many texts the teacher answers whatever is planned."""
    return len(splits.labelled) + len(splits.validation) + len(splits.test)


def _answer(plan: Choices, members: Sequence[_Member], splits: Splits, seconds: float, unlabelled: int) -> int:
    """Choose how much frozen networks read; return for how many unlabelled texts the teacher answers.

    Args:
        plan: takes what is chosen.
        members: the pretrained ones.
        splits: of the run.
        seconds: for the answers.
        unlabelled: texts that it may answer for.
    """
    fixed, least = _fixed(splits), min(unlabelled, _FEWEST_UNLABELLED)

    def affordable(length: int) -> int:
        own = [min(length, each.wanted) for each in members]
        each = sum(costs.answering(one.parameters, 1, one.mean(cut)) for one, cut in zip(members, own, strict=True))
        return int(seconds / each) - fixed if each else unlabelled

    length = next((one for one in reversed(_LENGTHS) if affordable(one) >= least), _LENGTHS[2])
    for member in members:
        if not member.tuned:
            own = min(length, member.wanted)
            plan.choose(f"{member.key}.reads.max_length", own, _cut(member, own))
    if (count := affordable(length)) >= unlabelled or not plan.is_open("data.max_unlabelled"):
        return unlabelled
    return max(count // 100 * 100, min(unlabelled, _LEAST_UNLABELLED))
