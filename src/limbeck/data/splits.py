"""Who trains, who chooses, who is tested: splits by content, without leaks."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limbeck.data.augment import augment
from limbeck.data.class_weights import Weighting, class_weights
from limbeck.data.drawing import hold_out, in_turn, unshown, without_blocks
from limbeck.data.examples import NO_ROWS, UNLABELLED, Examples
from limbeck.data.labels import Classes, learn_classes
from limbeck.data.settings import DataSettings, TargetSettings
from limbeck.data.sieve import Sieve, alike, content_ids
from limbeck.data.sizes import check_classes, check_held_out, check_labelled, too_few, too_few_beside_blocks
from limbeck.data.tables import SPLITS, Table, read_tables, read_texts
from limbeck.digest import digest
from limbeck.errors import LimbeckError


@dataclass(frozen=True, slots=True)
class Splits:
    """The data of a run.

    Attributes:
        labelled: training rows whose label is used, in the order in which they are taken: any first ones have the
            classes in proportion, unless `data.split.stratify` is false.
        unlabelled: the rest of the transfer set; its labels are -1 even where the source has them.
        validation: rows for every choice.
        test: rows for the one final test.
        classes: names, in the order of the logits.
        dropped: rows left out, by reason.
        ceiling: rows of `data.target` with the labels that nobody but the arm of this name may see.
        augmented: unlabelled rows that `data.augment` made from the others of the transfer set.
        notes: what else is to be said of them, a line each: labels that are missing, classes that a split cannot show.
        weighting: of `data.class_weights`.
    """

    labelled: Examples
    unlabelled: Examples
    validation: Examples
    test: Examples
    classes: tuple[str, ...]
    dropped: dict[str, int]
    ceiling: Examples = NO_ROWS
    augmented: Examples = NO_ROWS
    notes: tuple[str, ...] = ()
    weighting: Weighting | None = None

    def weights(self, rows: Examples) -> NDArray[np.float32] | None:
        """Return the weight of each class for a network that learns these rows' labels; see `class_weights`."""
        return class_weights(self.weighting, rows.labels, self.classes)

    @property
    def transfer(self) -> Examples:
        """Everything that the teacher labels for the student: labelled rows first."""
        return self.original + self.augmented

    @property
    def original(self) -> Examples:
        """The transfer set as it was read: what vocabularies are counted in, and language models learn from."""
        return self.labelled + self.unlabelled

    @property
    def parts(self) -> dict[str, Examples]:
        """The splits by name; `augmented` only where there are such rows."""
        made = {"augmented": self.augmented} if len(self.augmented) else {}
        held_out = {"validation": self.validation, "test": self.test}
        return {"labelled": self.labelled, "unlabelled": self.unlabelled, **made, **held_out}

    @property
    def digest(self) -> str:
        """Names the content of every split."""
        return digest([list(self.classes), *[[p.ids.tolist(), p.labels.tolist()] for p in self.parts.values()]])

    def keeping(self, labels: int) -> "Splits":
        """Return the same rows in the same order, of which only the first ones keep their label.

        Without a target these are the splits of `data.labelled=labels`. Only where nothing is drawn by class
        (`data.split.stratify: false`) and some training rows have no label, unlabelled rows stand in another order.

        Raises:
            LimbeckError: there are not so many labels, or those few are no training set.
        """
        where = f"curves.labels={labels}"
        if labels > len(self.labelled):
            raise LimbeckError(
                f"{labels:,} labels are more than the {len(self.labelled):,} labelled rows of this run",
                where=where,
                fix="the run itself is the largest budget: lower it, or raise data.labelled where there are more",
            )
        few, others = self.labelled.take(range(labels)), self.labelled.take(range(labels, len(self.labelled)))
        check_labelled(few, self.classes, where, "curves.labels")
        return replace(self, labelled=few, unlabelled=others.without_labels() + self.unlabelled)


def load_splits(settings: DataSettings, tables: dict[str, Table] | None = None) -> Splits:
    """Read the source, unless its tables are given, and split it.

    Rows are ordered by content id, which is as good as random and the same on every machine, whatever their order in
    the file. A test split that the source brings is kept whole; rows of other splits that look like one of its rows are
    dropped, and so are training rows that look like one in a validation split that the source brings. Where it brings
    none, rows with a label are held out, each class in proportion; in whole blocks of the file where `data.split.block`
    says so, until there are at least as many as asked for. What looks like a row held out is dropped, and so is a row
    without a label in a block that is held out. What is left without a label, or beyond `data.labelled`, is unlabelled.

    With `data.target`, that source's test split (or rows held out of it) is the test, and the rest of its text is
    unlabelled, before that of `data.source`; validation rows come from `data.source`, as labels of the target are what
    nobody has.

    What `data.augment` makes of the transfer set's texts is kept where no row has that text already, and no row that is
    held out looks like it.

    Raises:
        LimbeckError: too few rows for the sizes asked, fewer than two classes, or labels that cannot be classes.
    """
    tables = tables or _read(settings)
    where = f"{settings.source}, column `{settings.label}`"
    train = tables["train"]
    classes = learn_classes(
        train.labels, where, missing=settings.missing, merge=settings.merge_classes, order=train.classes
    )
    class_weights(settings.class_weights, np.arange(len(classes.names)), classes.names)  # an unknown name, early
    sieve = Sieve()
    texts, ceiling = tables["unsupervised"].texts if "unsupervised" in tables else [], NO_ROWS
    parts: dict[str, Examples] = {}
    if settings.target is not None:
        parts["test"], texts, ceiling = _of_target(settings, settings.target, classes, sieve)
    parts |= {
        name: _examples(tables[name], classes, f"{settings.source}, {name} split")
        for name in ("train", "validation", "test")
        if name in tables and name not in parts
    }
    training, having, bare = _apart(parts, train, classes.names, settings, sieve)
    labelled = having.take(range(min(settings.labelled or len(having), len(having))))
    check_labelled(labelled, classes.names, where, "data.labelled")
    rest = _rest(having.take(range(len(labelled), len(having))).without_labels(), bare, settings)

    extra = _unlabelled(
        texts if settings.transfer is None else texts + read_texts(settings.transfer, text=settings.text)
    )
    for name in ("test", "validation"):
        extra = sieve.without(extra, parts[name], "unlabelled", name)
    extra = sieve.clean(sieve.new(extra, training, "unlabelled, also in training"))
    unlabelled = _in_order(rest, extra, settings)
    return Splits(
        labelled,
        unlabelled,
        parts["validation"],
        parts["test"],
        classes.names,
        sieve.dropped,
        sieve.without(ceiling, parts["validation"], None, "validation"),
        _augmented(labelled + unlabelled, settings, training, (parts["validation"], parts["test"]), sieve),
        _notes(train, classes, {"labelled": labelled, **parts}),
        settings.class_weights,
    )


def _read(settings: DataSettings) -> dict[str, Table]:
    splits = SPLITS if settings.unlabelled != 0 else SPLITS[:-1]
    return read_tables(
        settings.source,
        text=settings.text,
        label=settings.label,
        domain=settings.domain,
        splits=splits,
        missing=settings.missing_words,
    )


def _of_target(
    settings: DataSettings, target: TargetSettings, classes: Classes, sieve: Sieve
) -> tuple[Examples, list[str], Examples]:
    """Return the target's test rows, its other texts, and its other rows with a label.

    Raises:
        LimbeckError: the target cannot be read, has other classes, or too few rows for a test.
    """
    where, split = target.title, settings.split
    found = read_tables(
        target.source,
        text=target.text,
        label=target.label,
        domain=target.domain,
        missing=settings.missing_words,
        key="data.target",
    )
    rows = sieve.clean(_examples(found["train"], classes, f"{where}, train split"), ", in the target")
    having = rows.take(np.flatnonzero(rows.labels != UNLABELLED))
    bare = rows.take(np.flatnonzero(rows.labels == UNLABELLED))
    if "test" in found:
        test = _examples(found["test"], classes, f"{where}, test split")
        texts = having.texts + bare.texts
        having = sieve.without(having, test, None, "test")
    else:
        usable = len(np.unique(sieve.looks(having)))
        if usable <= split.test:
            raise LimbeckError(
                f"{usable:,} usable rows with a label are too few for data.split.test={split.test}",
                where=where,
                fix="lower it: what is left of the target is the student's unlabelled text",
            )
        rows = len(having)
        parts, having = hold_out(having, found["train"], {"test": split.test}, split, sieve, "unlabelled")
        if not len(having):
            raise too_few_beside_blocks(rows, 0, 1, split.block, where)
        bare = without_blocks(bare, found["train"], parts, split.block, sieve, "unlabelled")
        test, texts = parts["test"], having.texts + bare.texts
    texts = texts + [text for name in ("validation", "unsupervised") if name in found for text in found[name].texts]
    return test, texts, having


def _examples(table: Table, classes: Classes, where: str) -> Examples:
    """Return all rows of a table, ordered by content id."""
    rows = Examples(content_ids(table.texts), table.texts, classes.indices(table.labels, where))
    return rows.take(np.lexsort((rows.labels, rows.ids)))


def _apart(
    parts: dict[str, Examples], table: Table, classes: tuple[str, ...], settings: DataSettings, sieve: Sieve
) -> tuple[Examples, Examples, Examples]:
    """Set splits apart: put those to hold out into `parts`, and drop what looks like a row of another one.

    Returns:
        All training rows, those that are held out included; those left with a label, in turn; those without one.

    Raises:
        LimbeckError: too few rows, or a split of the source has none or one without a label.
    """
    train = sieve.clean(parts["train"])
    if "test" in parts:
        train = sieve.without(train, parts["test"], "training", "test")
    if "validation" in parts:
        parts["validation"] = sieve.clean(parts["validation"])
        if "test" in parts:
            parts["validation"] = sieve.without(parts["validation"], parts["test"], "validation", "test")
        train = sieve.without(train, parts["validation"], "training", "validation")
    having = train.take(np.flatnonzero(train.labels != UNLABELLED))
    bare = train.take(np.flatnonzero(train.labels == UNLABELLED))
    sizes = {name: getattr(settings.split, name) for name in ("test", "validation") if name not in parts}
    least, rows, dropped = settings.labelled or 2 * len(classes), len(having), dict(sieve.dropped)
    few = too_few(rows, len(np.unique(sieve.looks(having))), sizes, settings, len(classes), dropped)
    if rows < sum(sizes.values()) + least:
        raise few
    if settings.labelled:
        check_classes(least, classes, f"{settings.source}, column `{settings.label}`", "data.labelled")
    held_out, having = hold_out(having, table, sizes, settings.split, sieve, "training")
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
    return train, in_turn(having, settings.split), bare


def _rest(having: Examples, bare: Examples, settings: DataSettings) -> Examples:
    """Return training rows whose label is not used, and those that have none.

    The first ones stay in turn, so that rows which lose their label keep their place in the transfer set. Where only
    some of them are taken, and where nothing is drawn by class, all are ordered by content id: labels that are hidden
    do not choose the unlabelled text.
    """
    rows = having + bare
    if settings.unlabelled is None and (settings.split.stratify or settings.split.draw):
        return rows
    return rows.take(np.argsort(rows.ids))


def _augmented(
    rows: Examples, settings: DataSettings, training: Examples, held_out: Iterable[Examples], sieve: Sieve
) -> Examples:
    """Return what `data.augment` makes of rows, without any text of a training row, or like one that is held out."""
    if settings.augment is None:
        return NO_ROWS
    made = sieve.clean(_unlabelled(augment(rows.ids.tolist(), rows.texts, settings.augment)), None)
    for other in (rows, training):
        made = sieve.new(made, other, None)
    for other in held_out:
        made = sieve.without(made, other, None, "")
    return made


def _unlabelled(texts: Iterable[str]) -> Examples:
    texts = list(texts)
    return Examples(content_ids(texts), texts, np.full(len(texts), UNLABELLED, np.int64))


def _in_order(rest: Examples, extra: Examples, settings: DataSettings) -> Examples:
    """Return as many unlabelled rows as are asked for, the source's own first, or the target's."""
    rows = rest + extra if settings.target is None else extra + rest
    return rows if settings.unlabelled is None else rows.take(range(min(settings.unlabelled, len(rows))))


def _notes(train: Table, classes: Classes, parts: dict[str, Examples]) -> tuple[str, ...]:
    lines = []
    if bare := int((classes.indices(train.labels, "") == UNLABELLED).sum()):
        assumed = f" (`{'`, `'.join(classes.assumed)}` counts as none; a class with data.missing=[])"
        lines.append(
            f"{bare:,} of {len(train.labels):,} training rows have no label{assumed if classes.assumed else ''}"
        )
    if unused := [name for name in train.classes or () if name not in classes.names]:
        names = ", ".join(unused[:8]) + (f" and {len(unused) - 8:,} more" if len(unused) > 8 else "")
        lines.append(f"no training row has a class that the data names: {names}")
    lines += unshown("labelled", parts["labelled"], classes.names, "; no model can learn these")
    for name in ("validation", "test"):
        lines += unshown(name, parts[name], classes.names)
    lines += _repeats(parts["test"])
    if empty := sum(not text.strip() for text in parts["test"].texts):
        lines.append(f"{empty:,} test rows have an empty text")
    return tuple(lines)


def _repeats(test: Examples) -> list[str]:
    """Return the line that says how many test rows look like another one; none where all differ."""
    groups = alike(test)
    texts = int(groups.max()) + 1 if len(groups) else 0
    if texts == len(test):
        return []
    told = {group: set() for group in range(texts)}
    for group, label in zip(groups.tolist(), test.labels.tolist(), strict=True):
        told[group].add(label)
    line = f"{len(test) - texts:,} of {len(test):,} test rows look like another one; interval and p count them as one"
    if contradicted := sum(len(labels) > 1 for labels in told.values()):
        line += f"; {contradicted:,} of these texts have more than one label"
    return [line]
