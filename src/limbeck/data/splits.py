"""Who trains, who chooses, who is tested: splits by content, without leaks."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from limbeck.data.asked import Learns, asked, learn, of_classes
from limbeck.data.copies import keeping, rehearsed
from limbeck.data.drawing import hold_out, in_order, in_turn, omit, rest_of, without_blocks
from limbeck.data.examples import NO_ROWS, Examples, Labels
from limbeck.data.held import Values, joined
from limbeck.data.modality import EVERY, Modality
from limbeck.data.notes import notes_on
from limbeck.data.ordered import augmented_rows, examples_of, extra_rows
from limbeck.data.origin import require_groups
from limbeck.data.settings import DataOptions, RowsOptions
from limbeck.data.sieve import Sieve, alike
from limbeck.data.sizes import check_held_out, refuse_an_id, sizes_for, too_few, too_few_beside_blocks
from limbeck.data.tables import SPLITS, Table, read_tables, read_values
from limbeck.data.task import Task
from limbeck.digest import digest
from limbeck.errors import LimbeckError

_NOT_ASKED = "of a class that is not asked for"


@dataclass(frozen=True)
class Splits:
    """The data of a run.

    Attributes:
        labelled: training rows whose label is used, in the order in which they are taken: any first ones have the
            strata in proportion, unless `data.split.stratify` is false.
        unlabelled: the rest of the transfer set; its labels are hidden even where the source has them.
        validation, test: rows for every choice, and those for the one final test.
        task, modality: what is predicted, and what an example is.
        dropped: rows left out, by reason.
        ceiling: rows of `data.target` with labels that nobody but the arm of this name may see.
        augmented: rows that `data.augment` made from the others of the transfer set: without a label, or, where it is
            kept, those of labelled rows first.
        watched: rows of the unlabelled ones that nothing learns from: by a teacher's answers for them students are
            chosen; see `watching`.
        omitted, rehearsed: labelled rows of `data.omitted_classes`, and copies with labels, for a teacher trained here.
        coincident: whether rows that look alike do so by coincidence, so that each counts by itself.
        brings_validation: whether the source has a validation split of its own.
        notes: what else is to be said of them, a line each: labels that are missing, classes that a split cannot show.
    """

    labelled: Examples
    unlabelled: Examples
    validation: Examples
    test: Examples
    task: Task
    modality: Modality
    dropped: dict[str, int]
    ceiling: Examples = NO_ROWS
    augmented: Examples = NO_ROWS
    omitted: Examples = NO_ROWS
    rehearsed: Examples = NO_ROWS
    notes: tuple[str, ...] = ()
    coincident: bool = False
    watched: Examples = NO_ROWS
    brings_validation: bool = False

    @cached_property
    def transfer(self) -> Examples:
        """Everything that the teacher labels for the student: labelled rows first."""
        return self.labelled + self.unlabelled + self.augmented

    @property
    def original(self) -> Examples:
        """The transfer set as it was read: what vocabularies are counted in, and language models learn from."""
        return self.transfer.take(range(len(self.labelled) + len(self.unlabelled)))

    @cached_property
    def taught(self) -> Examples:
        """What is learned from labels: the labelled rows, and those of their copies that keep the label."""
        return self.labelled + self.augmented.having() if self.augmented.labels.present.any() else self.labelled

    @cached_property
    def teachers(self) -> Examples:
        """What a teacher that is trained here learns from labels: the same, and what is its alone; copies last."""
        return (
            self.labelled
            + self.omitted
            + self.taught.take(range(len(self.labelled), len(self.taught)))
            + self.rehearsed
        )

    @property
    def parts(self) -> dict[str, Examples]:
        """The splits by name; `augmented` only where there are such rows."""
        made = {"augmented": self.augmented} if len(self.augmented) else {}
        held_out = {"validation": self.validation, "test": self.test}
        watched = {"watched": self.watched} if len(self.watched) else {}
        return {"labelled": self.labelled, "unlabelled": self.unlabelled, **made, **watched, **held_out}

    @property
    def digest(self) -> str:
        """Names the content of every split."""
        return digest([self.task.digest, *(part.digest for part in self.parts.values())])

    def alike(self, rows: Examples) -> NDArray[np.int64]:
        """Return the number of each row's group, (n,) int64: rows of one group are no evidence beside each other."""
        return np.arange(len(rows)) if self.coincident else alike(rows, self.modality)

    def keeping(self, labels: int) -> "Splits":
        """Return the same rows in the same order, of which only the first ones keep their label.

        Without a target these are the splits of `data.labelled=labels`. Only where nothing is drawn by class
        (`data.split.stratify: false`) and some training rows have no label, unlabelled rows stand in another order.

        Raises:
            LimbeckError: there are not so many labels, those few are no training set, or the teacher alone has others.
        """
        where = f"curves.labels={labels}"
        if len(self.omitted):
            raise LimbeckError(
                "the teacher has labels that the student has not", where=where, fix="leave data.omitted_classes out"
            )
        if labels > len(self.labelled):
            raise LimbeckError(
                f"{labels:,} labels are more than the {len(self.labelled):,} labelled rows of this run",
                where=where,
                fix="the run itself is the largest budget: lower it, or raise data.labelled where there are more",
            )
        few, others = self.labelled.take(range(labels)), self.labelled.take(range(labels, len(self.labelled)))
        self.task.require_varied(few.labels, where, "curves.labels")
        return self.labelled_by(few, others)

    def watching(self, count: int) -> "Splits":
        """Return the same rows, of which so many unlabelled ones, evenly spaced, are watched and not learned from.

        Raises:
            LimbeckError: no unlabelled row would be left, or there are copies, which would tell what is watched.
        """
        where, rows = f"selection.unlabelled={count}", len(self.unlabelled)
        if count >= rows:
            raise LimbeckError(
                f"held out of {rows:,} unlabelled rows, none is left", where=where, fix="lower it, or set it to null"
            )
        if len(self.augmented):
            raise LimbeckError(
                "rows that are held out have copies among the others", where=where, fix="set it or data.augment to null"
            )
        chosen = np.arange(count) * rows // count
        left = self.unlabelled.take(np.delete(np.arange(rows), chosen))
        return replace(self, unlabelled=left, watched=self.unlabelled.take(chosen))

    def fold(self, number: int, folds: int, key: str = "teacher.folds") -> "Splits":
        """Return the same rows, of which a fold of the labelled ones is the validation split, and shows no label else.

        Folds are nearly equal in size, and each has the strata in proportion.

        Args:
            number: of the fold, from 0.
            folds: how many there are.
            key: of the recipe, that asks for them.

        Raises:
            LimbeckError: what is left is no training set. A class may have no row left.
        """
        own = self.folds(folds) == number
        held_out, kept = (self.labelled.take(np.flatnonzero(each)) for each in (own, ~own))
        strata = self.task.strata(kept.labels)
        if not len(kept) or (strata is not None and len(np.unique(strata)) < 2):
            what = f"without fold {number + 1} of {folds}, {len(kept):,} labelled rows are left, and no two classes"
            raise LimbeckError(what, where=key, fix="set it to null, or label more rows")
        return replace(self.labelled_by(kept, held_out), validation=held_out)

    def folds(self, count: int) -> NDArray[np.int64]:
        """Return the number of the fold of each labelled row, (rows,), of so many folds."""
        strata = self.task.strata(self.labelled.labels)
        order = np.arange(len(self.labelled)) if strata is None else np.argsort(strata, kind="stable")
        numbers = np.empty(len(order), np.int64)
        numbers[order] = np.arange(len(order)) % count
        return numbers

    def parted(self, count: int | None) -> NDArray[np.int64] | None:
        """Return `folds(count)`, of at most as many folds as rows; None where one would leave no training set."""
        count = min(count or 0, len(self.labelled))
        numbers, strata = self.folds(max(1, count)), self.task.strata(self.labelled.labels)
        left = 2 if strata is None else min(len(np.unique(strata[numbers != number])) for number in range(count or 1))
        return numbers if min(count, left) > 1 else None

    def labelled_by(self, few: Examples, others: Examples) -> "Splits":
        """Return the same rows, of which only a part of the labelled ones keeps its label."""
        copies = self.augmented
        if copies.labels.present.any():
            copies = keeping(copies, few.ids)
        own = keeping(self.rehearsed, few.ids).having()
        rest = others.without_labels() + self.unlabelled
        task = self.task.learning_from(few.labels)
        return replace(self, task=task, labelled=few, unlabelled=rest, augmented=copies, rehearsed=own)


def load_splits(settings: DataOptions, task: Learns, tables: dict[str, Table] | None = None) -> Splits:
    """Read the source, unless its tables are given, and split it.

    Rows are ordered by content id, which is as good as random and the same on every machine, whatever their order in
    the file. A test split that the source brings is kept whole; rows of other splits that look like one of its rows are
    dropped, and so are training rows that look like one in a validation split that the source brings. Where it brings
    none, rows with a label are held out, each stratum in proportion; in whole blocks of the file where
    `data.split.block` says so, until there are at least as many as asked for. What looks like a row held out is
    dropped, and so is a row without a label in a block that is held out. What is left without a label, or beyond
    `data.labelled`, is unlabelled.

    With `data.target`, that source's test split (or rows held out of it) is the test, and the rest of its text is
    unlabelled, before that of `data.source`; validation rows come from `data.source`, as labels of the target are what
    nobody has.

    What `data.augment` makes of the transfer set is kept where no row has that content already, and no row that is held
    out looks like it. Copies that keep their label are copies of rows that are in no other split.

    Args:
        settings: what to read, and how to split it.
        task: learns what the labels are.
        tables: by split; None: they are read.

    Raises:
        LimbeckError: too few rows for the sizes asked, or labels that are none of such a task.
    """
    where = f"{settings.source}, {settings.labelled_by}"
    tables, every, left_out = of_classes(task, tables or _read(settings), settings, where)
    train = tables["train"]
    learned = learn(task, train, settings, where) if settings.classes else every
    sieve = Sieve(settings.modality, coincident=settings.modality.coincident(train.values))
    sieve.count(_NOT_ASKED, left_out)
    values, ceiling = tables["unsupervised"].values if "unsupervised" in tables else [], NO_ROWS
    parts: dict[str, Examples] = {}
    if settings.target is not None:
        parts["test"], values, ceiling = _of_target(settings, settings.target, learned, every, sieve, train.columns)
    parts |= {
        name: examples_of(tables[name], learned, f"{settings.source}, {name} split", sieve)
        for name in ("train", "validation", "test")
        if name in tables and name not in parts
    }
    for name in settings.split.rules:
        # They are of a speaker who is held out, and nobody knows what they say.
        sieve.count(f"{name}, without a label", len(parts[name].bare()))
        parts[name] = parts[name].having()
    training, trained, labelled, omitted, rest = _training(parts, train, learned, settings, sieve, where)
    if settings.unlabelled is not None:
        column = train.columns or settings.column
        values = joined(values, read_values(settings.unlabelled, modality=settings.modality, column=column))
    unlabelled = in_order(rest, extra_rows(values, learned, sieve, training, parts), settings)
    named = {"labelled": labelled, "unlabelled": unlabelled}
    return Splits(
        labelled,
        unlabelled,
        parts["validation"],
        parts["test"],
        learned.learning_from((labelled + omitted).labels),
        settings.modality,
        sieve.dropped,
        sieve.without(ceiling, parts["validation"], None, "validation"),
        augmented_rows(labelled, unlabelled, settings.augment, learned, training, parts, sieve),
        omitted,
        rehearsed(labelled, omitted, settings.augment),
        notes_on(tables, learned, {**named, "omitted": omitted, **parts}, trained, sieve),
        sieve.coincident,
        brings_validation="validation" in tables,
    )


def _read(settings: DataOptions) -> dict[str, Table]:
    splits = SPLITS if settings.max_unlabelled != 0 else SPLITS[:-1]
    return read_tables(
        settings.source,
        modality=settings.modality,
        column=settings.column,
        label=settings.label,
        domain=settings.domain,
        splits=splits,
        missing=settings.missing_words,
        rules={name: rule for name, rule in settings.split.rules.items() if settings.target is None or name != "test"},
        group=settings.grouped_by,
    )


def _of_target(
    settings: DataOptions, target: RowsOptions, task: Task, every: Task, sieve: Sieve, columns: tuple[str, ...]
) -> tuple[Examples, Values, Examples]:
    """Return the target's test rows, its other examples, and its other rows with a label.

    Raises:
        LimbeckError: the target cannot be read, has other labels, or too few rows for a test.
    """
    where, split = target.title, settings.split
    found = read_tables(
        target.source,
        modality=target.modality,
        column=columns if target.column == EVERY else target.column,
        label=target.label,
        domain=target.domain,
        missing=settings.missing_words,
        rules={name: rule for name, rule in split.rules.items() if name == "test"},
        group=settings.grouped_by,
        key="data.target",
    )
    found, left_out = asked(found, every, settings, where)
    sieve.count(f"{_NOT_ASKED}, in the target", left_out)
    rows = sieve.clean(examples_of(found["train"], task, f"{where}, train split", sieve), ", in the target")
    having, bare = rows.having(), rows.bare()
    if "test" in found:
        test = examples_of(found["test"], task, f"{where}, test split", sieve)
        values = joined(having.values, bare.values)
        having = sieve.without(having, test, None, "test")
    else:
        usable = len(np.unique(sieve.looks(having)))
        size = split.sizes.get("test") or sizes_for(usable, None, ["test"], {})["test"]
        if usable <= size:
            raise LimbeckError(
                f"{usable:,} usable rows with a label are too few for data.split.test={size}",
                where=where,
                fix=f"lower it: what is left of the target is the student's unlabelled {sieve.modality.noun}s",
            )
        rows = len(having)
        parts, having = hold_out(having, found["train"], {"test": size}, split, task, sieve, "unlabelled")
        if not len(having):
            raise too_few_beside_blocks(rows, 0, 1, split.block, where)
        bare = without_blocks(bare, found["train"], parts, split.block, sieve, "unlabelled")
        test, values = parts["test"], joined(having.values, bare.values)
    others = [found[name].values for name in ("validation", "unsupervised") if name in found]
    return test, joined(values, *others), having


def _training(
    parts: dict[str, Examples], table: Table, task: Task, settings: DataOptions, sieve: Sieve, where: str
) -> tuple[NDArray[np.int64], Labels, Examples, Examples, Examples]:
    """Set splits apart, see `_apart`, and say which training rows show their label.

    Returns:
        The content ids of all training rows, see `_apart`; the labels of those that are left; the labelled rows; those
        of omitted classes; the others, as unlabelled ones.

    Raises:
        LimbeckError: see `_apart`, or the labelled rows are no training set.
    """
    training, having, bare = _apart(parts, table, task, settings, sieve)
    trained = having.labels + bare.labels
    shown = range(len(having))[: settings.labelled]
    labelled, omitted = omit(having.take(shown), task, settings)
    if settings.labelled != 0:
        task.require_varied(labelled.labels, where, "data.labelled")
    others, gone = omit(having.take(range(len(shown), len(having))), task, settings)
    sieve.count("unlabelled, of an omitted class", len(gone))
    return training, trained, labelled, omitted, rest_of(others.without_labels(), bare, settings)


def _apart(
    parts: dict[str, Examples], table: Table, task: Task, settings: DataOptions, sieve: Sieve
) -> tuple[NDArray[np.int64], Examples, Examples]:
    """Set splits apart: put those to hold out in the place of `train`, and drop what looks like a row of another one.

    Returns:
        The content ids of all training rows, those that are held out included; the rows left with a label, in turn;
        those without one.

    Raises:
        LimbeckError: too few rows, or a split of the source has none or one without a label, or nobody knows whose.
    """
    require_groups(parts.get("test", parts["train"]).origin, settings.grouped_by)
    train = sieve.clean(parts.pop("train"))
    if "test" in parts:
        train = sieve.without(train, parts["test"], "training", "test")
    if "validation" in parts:
        parts["validation"] = sieve.clean(parts["validation"])
        if "test" in parts:
            parts["validation"] = sieve.without(parts["validation"], parts["test"], "validation", "test")
        train = sieve.without(train, parts["validation"], "training", "validation")
    training, having, bare = train.ids, train.having(), train.bare()
    del train  # so that there are fewer copies of the rows in memory
    looks = len(np.unique(sieve.looks(having)))
    sizes = {name: size for name, size in settings.split.sizes.items() if name not in parts}
    sizes |= sizes_for(looks, settings.labelled, [name for name in settings.split.open if name not in parts], sizes)
    sizes = {name: sizes[name] for name in ("test", "validation") if name in sizes}
    refuse_an_id(having.labels, settings, () if table.origin is None else table.origin.columns)
    # Where little is held out, or the data say how much, what there is is left; else each output is to have two rows.
    each = 1 if settings.split.open or 5 * sum(sizes.values()) <= len(having) else 2
    least, rows = each * task.outputs if settings.labelled is None else settings.labelled, len(having)
    few = too_few(rows, looks, sizes, settings, task, dict(sieve.dropped), each)
    if rows < sum(sizes.values()) + least:
        raise few
    if settings.labelled:
        task.require_enough(least, f"{settings.source}, {settings.labelled_by}", "data.labelled")
    held_out, having = hold_out(having, table, sizes, settings.split, task, sieve, "training")
    if len(having) < least or any(len(held_out[name]) < size for name, size in sizes.items()):
        block = settings.split.block
        raise few if block == 1 else too_few_beside_blocks(rows, len(having), least, block, settings.source)
    bare = without_blocks(bare, table, held_out, settings.split.block, sieve, "training")
    for name in held_out:
        bare = sieve.without(bare, held_out[name], "training", name)
    parts |= held_out
    for name in ("test", "validation"):
        source = settings.target if name == "test" and settings.target is not None else settings
        check_held_out(name, parts[name], source.title, sieve.dropped)
    return training, in_turn(having, settings.split, task), bare
