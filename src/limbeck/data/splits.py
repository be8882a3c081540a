"""Who trains, who chooses, who is tested: splits by content, without leaks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limbeck.data.augment import augment
from limbeck.data.class_weights import Weighting, class_weights
from limbeck.data.examples import NO_ROWS, UNLABELLED, Examples
from limbeck.data.labels import class_names, label_name
from limbeck.data.settings import DataSettings, SplitSettings, TargetSettings
from limbeck.data.tables import SPLITS, Table, read_tables, read_texts
from limbeck.digest import digest, example_id
from limbeck.errors import LimbeckError, nearest


@dataclass(frozen=True, slots=True)
class Splits:
    """The data of a run.

    Attributes:
        labelled: training rows whose label is used.
        unlabelled: the rest of the transfer set; its labels are -1 even where the source has them.
        validation: rows for every choice.
        test: rows for the one final test.
        classes: names, in the order of the logits.
        dropped: rows left out, by reason.
        ceiling: rows of `data.target` with the labels that nobody but the arm of this name may see.
        augmented: unlabelled rows that `data.augment` made from the others of the transfer set.
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

        Without a target, and where all training rows of the source have a label, these are the splits of
        `data.labelled=labels`; else the unlabelled rows stand in another order.

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
        _check_labelled(few, self.classes, where, "curves.labels")
        return replace(self, labelled=few, unlabelled=others.without_labels() + self.unlabelled)


def load_splits(settings: DataSettings, tables: dict[str, Table] | None = None) -> Splits:
    """Read the source, unless its tables are given, and split it.

    Rows are ordered by content id, which is as good as random and the same on every machine, whatever their order in
    the file. A test split that the source brings is kept whole; rows of other splits whose text occurs in it are
    dropped, and so are training rows whose text occurs in a validation split that the source brings. Where it brings
    none, rows with a label are held out; in whole blocks of the file where `data.split.block` says so, until there are
    at least as many as asked for. What is left without a label, or beyond `data.labelled`, is unlabelled.

    With `data.target`, that source's test split (or rows held out of it) is the test, and the rest of its text is
    unlabelled, before that of `data.source`; validation rows come from `data.source`, as labels of the target are what
    nobody has.

    What `data.augment` makes of the transfer set's texts is kept where no row has that text already.

    Raises:
        LimbeckError: too few rows for the sizes asked, fewer than two classes, or labels that cannot be classes.
    """
    tables = tables or _read(settings)
    classes = class_names(tables["train"].labels, f"{settings.source}, column `{settings.label}`")
    class_weights(settings.class_weights, np.arange(len(classes)), classes)  # a name that is no class is refused early
    dropped: dict[str, int] = {}
    ceiling = NO_ROWS
    if settings.target is not None:
        tables, ceiling = _for_target(tables, settings.target, classes, settings.split, dropped)
    parts = {
        name: _examples(tables[name], classes, f"{settings.source}, {name} split")
        for name in ("train", "validation", "test")
        if name in tables
    }
    train = _clean(parts["train"], dropped)
    if "test" in parts:
        train = _drop(train, parts["test"], "training, also in test", dropped)
    if "validation" in parts:
        parts["validation"] = _clean(parts["validation"], dropped)
        if "test" in parts:
            parts["validation"] = _drop(parts["validation"], parts["test"], "validation, also in test", dropped)
        train = _drop(train, parts["validation"], "training, also in validation", dropped)

    having = train.take(np.flatnonzero(train.labels != UNLABELLED))
    missing = train.take(np.flatnonzero(train.labels == UNLABELLED))
    sizes = {name: getattr(settings.split, name) for name in ("test", "validation") if name not in parts}
    least = settings.labelled or 2 * len(classes)
    if len(having) < sum(sizes.values()) + least:
        raise _too_few(len(having), sizes, settings, len(classes), dropped)
    held_out, having = _hold_out(having, tables["train"], sizes, settings.split.block, least, settings.source)
    parts |= held_out
    for name in ("test", "validation"):
        _check_held_out(name, parts[name], settings.source, dropped)
    labelled = having.take(range(min(settings.labelled or len(having), len(having))))
    _check_labelled(labelled, classes, f"{settings.source}, column `{settings.label}`", "data.labelled")
    rest = _by_content(having.take(range(len(labelled), len(having))).without_labels() + missing)

    extra = _extra(tables, settings)
    for other, where in ((parts["test"], "test"), (parts["validation"], "validation"), (train, "training")):
        extra = _drop(extra, other, f"unlabelled, also in {where}", dropped)
    unlabelled = _in_order(rest, _clean(extra, dropped), settings)
    ceiling = _drop(ceiling, parts["validation"], "", {})
    augmented = _augmented(labelled + unlabelled, settings, (train, parts["validation"], parts["test"]))
    splits = Splits(labelled, unlabelled, parts["validation"], parts["test"], classes, dropped, ceiling, augmented)
    return replace(splits, weighting=settings.class_weights)


def _read(settings: DataSettings) -> dict[str, Table]:
    columns = {"text": settings.text, "label": settings.label}
    splits = SPLITS if settings.unlabelled != 0 else SPLITS[:-1]
    return read_tables(settings.source, **columns, domain=settings.domain, splits=splits)


def _for_target(
    tables: dict[str, Table],
    target: TargetSettings,
    classes: tuple[str, ...],
    split: SplitSettings,
    dropped: dict[str, int],
) -> tuple[dict[str, Table], Examples]:
    """Return the source's training and validation tables with the target's test rows and texts, and its labelled rows.

    Raises:
        LimbeckError: the target cannot be read, has other classes, or too few rows for a test.
    """
    where, columns = target.title, {"text": target.text, "label": target.label}
    found = read_tables(target.source, **columns, domain=target.domain, key="data.target")
    unclean: dict[str, int] = {}
    rows = _clean(_examples(found["train"], classes, f"{where}, train split"), unclean)
    dropped |= {f"{reason}, in the target": count for reason, count in unclean.items()}
    having = rows.take(np.flatnonzero(rows.labels != UNLABELLED))
    if "test" in found:
        test = found["test"]
    else:
        if len(having) <= split.test:
            raise LimbeckError(
                f"{len(having):,} usable rows with a label are too few for data.split.test={split.test}",
                where=where,
                fix="lower it: what is left of the target is the student's unlabelled text",
            )
        held_out, having = _hold_out(having, found["train"], {"test": split.test}, split.block, 1, where)
        test = Table(held_out["test"].texts, [classes[label] for label in held_out["test"].labels])
    texts = rows.texts if "test" in found else having.texts + rows.take(np.flatnonzero(rows.labels == UNLABELLED)).texts
    texts = texts + [text for split in ("validation", "unsupervised") if split in found for text in found[split].texts]
    own = {split: table for split, table in tables.items() if split in ("train", "validation")}
    if "test" in found:
        having = _drop(having, Examples(_ids(test.texts), test.texts, np.zeros(len(test.texts), np.int64)), "", {})
    return own | {"test": test, "unsupervised": Table(texts, [None] * len(texts))}, having


def _examples(table: Table, classes: tuple[str, ...], where: str) -> Examples:
    """Return all rows of a table, ordered by content id."""
    index = {name: position for position, name in enumerate(classes)}
    names = [label_name(label) for label in table.labels]
    if unseen := sorted({name for name in names if name is not None and name not in index}):
        raise LimbeckError(
            f"label `{unseen[0]}` does not occur in the training rows",
            where=where,
            fix=f"{nearest(unseen[0], classes)}; or remove its rows, or add training rows",
        )
    labels = np.fromiter((UNLABELLED if name is None else index[name] for name in names), np.int64, len(names))
    return _by_content(Examples(_ids(table.texts), table.texts, labels))


def _by_content(examples: Examples) -> Examples:
    return examples.take(np.lexsort((examples.labels, examples.ids)))


def _hold_out(
    rows: Examples, table: Table, sizes: Mapping[str, int], block: int, least: int, where: str
) -> tuple[dict[str, Examples], Examples]:
    """Return the rows of each split, whole blocks until there are so many, and the rest, all ordered by content id.

    Blocks follow each other by their first content id; a block is so many rows of the table.

    Raises:
        LimbeckError: fewer rows than `least` are left.
    """
    rows, ends = _block_by_block(rows, table, block)
    taken, parts = 0, {}
    for name, size in sizes.items():
        start, taken = taken, int(ends[min(taken + size, len(rows)) - 1])
        parts[name] = _by_content(rows.take(range(start, taken)))
    if len(rows) - taken < least:
        raise LimbeckError(
            f"held out in whole blocks of {block:,}, {len(rows) - taken:,} of {len(rows):,} rows with a label are left",
            where=where,
            fix=f"lower data.split.block, so that at least {least:,} are left",
        )
    return parts, _by_content(rows.take(range(taken, len(rows))))


def _block_by_block(rows: Examples, table: Table, block: int) -> tuple[Examples, NDArray[np.int64]]:
    """Return rows by their block's first content id, then by their own, and where each one's block ends."""
    if block == 1:
        return rows, np.arange(1, len(rows) + 1)
    ids = _ids(table.texts)
    first, place = np.unique(ids, return_index=True)  # of a text that stands twice, where it stands first
    blocks = place[np.searchsorted(first, rows.ids)] // block
    key = np.full(len(ids) // block + 1, np.iinfo(np.int64).max)
    np.minimum.at(key, blocks, rows.ids)
    order = np.lexsort((rows.ids, key[blocks]))
    keys = key[blocks][order]
    return rows.take(order), np.searchsorted(keys, keys, side="right")


def _ids(texts: list[str]) -> NDArray[np.int64]:
    return np.fromiter((example_id({"text": text}) for text in texts), np.int64, len(texts))


def _clean(examples: Examples, dropped: dict[str, int]) -> Examples:
    """Return one row a text, ordered by content id, without empty texts and without those that have two labels."""
    first: dict[int, int] = {}
    contradicted: set[int] = set()
    for row, (key, text) in enumerate(zip(examples.ids.tolist(), examples.texts, strict=True)):
        if not text.strip():
            _count(dropped, "empty")
            continue
        other = first.setdefault(key, row)
        if other == row:
            continue
        if examples.texts[other] != text:
            raise LimbeckError(f"two different texts share the content id {key}", fix="change one of them")
        _count(dropped, "repeated")
        if examples.labels[other] == UNLABELLED:
            first[key] = row
        elif examples.labels[row] not in (UNLABELLED, examples.labels[other]):
            contradicted.add(key)
    if contradicted:
        _count(dropped, "contradicting labels", len(contradicted))
    return examples.take([first[key] for key in sorted(first.keys() - contradicted)])


def _count(dropped: dict[str, int], reason: str, rows: int = 1) -> None:
    dropped[reason] = dropped.get(reason, 0) + rows


def _drop(examples: Examples, other: Examples, reason: str, dropped: dict[str, int]) -> Examples:
    keep = ~np.isin(examples.ids, other.ids)
    if not keep.all():
        _count(dropped, reason, int((~keep).sum()))
    return examples.take(np.flatnonzero(keep))


def _extra(tables: dict[str, Table], settings: DataSettings) -> Examples:
    texts = tables["unsupervised"].texts if "unsupervised" in tables else []
    if settings.transfer is not None:
        texts = texts + read_texts(settings.transfer, text=settings.text)
    return _unlabelled(texts)


def _augmented(rows: Examples, settings: DataSettings, others: Iterable[Examples]) -> Examples:
    """Return what `data.augment` makes of rows, without any text that stands in them or in others."""
    if settings.augment is None:
        return NO_ROWS
    made = _clean(_unlabelled(augment(rows.ids.tolist(), rows.texts, settings.augment)), {})
    for other in (rows, *others):
        made = _drop(made, other, "", {})
    return made


def _unlabelled(texts: Iterable[str]) -> Examples:
    texts = list(texts)
    return Examples(_ids(texts), texts, np.full(len(texts), UNLABELLED, np.int64))


def _in_order(rest: Examples, extra: Examples, settings: DataSettings) -> Examples:
    """Return as many unlabelled rows as are asked for, the source's own first, or the target's."""
    rows = rest + extra if settings.target is None else extra + rest
    return rows if settings.unlabelled is None else rows.take(range(min(settings.unlabelled, len(rows))))


def _check_held_out(name: str, part: Examples, source: str, dropped: dict[str, int]) -> None:
    where = f"{source}, {name} split"
    if not len(part):
        raise LimbeckError(
            f"no usable rows{_lost(dropped)}",
            where=where,
            fix="add rows, or remove it: training rows are then held out",
        )
    if bare := int((part.labels == UNLABELLED).sum()):
        raise LimbeckError(
            f"{bare:,} of {len(part):,} rows without a label",
            where=where,
            fix="label them, or remove it: training rows are then held out",
        )


def _check_labelled(labelled: Examples, classes: tuple[str, ...], where: str, key: str) -> None:
    if len(classes) > len(labelled):
        example = " ".join(classes[0].split())[:40]  # it may be a whole text, over several lines
        raise LimbeckError(
            f"{len(classes):,} classes, such as `{example}`, but only {len(labelled):,} labelled training rows",
            where=where,
            fix=f"set data.label to a column of classes, or raise {key}",
        )
    if len(found := np.unique(labelled.labels)) < 2:
        raise LimbeckError(
            f"all {len(labelled):,} labelled training rows are of class `{classes[found[0]]}`",
            where=where,
            fix=f"raise {key}, or add rows of other classes",
        )


def _lost(dropped: dict[str, int]) -> str:
    return f" (dropped: {', '.join(f'{rows:,} {reason}' for reason, rows in dropped.items())})" if dropped else ""


def _too_few(
    rows: int, sizes: dict[str, int], settings: DataSettings, classes: int, dropped: dict[str, int]
) -> LimbeckError:
    """Return the error that names sizes which would do; each class needs two rows, each held-out split two."""
    asked = [f"data.split.{name}={size}" for name, size in sizes.items()]
    asked += [f"data.labelled={settings.labelled}"] if settings.labelled else []
    spare = (rows - 2 * classes) // max(1, len(sizes))
    share = {name: max(2, min(size, rows // 5, spare)) for name, size in sizes.items()}
    left = rows - sum(share.values())
    would = [f"data.split.{name}={size}" for name, size in share.items()]
    would += [f"data.labelled={min(left, settings.labelled)}"] if settings.labelled else []
    enough = would and left >= 2 * classes
    return LimbeckError(
        f"{rows:,} usable rows with a label{_lost(dropped)} are too few for {', '.join(asked) or f'{classes} classes'}",
        where=settings.source,
        fix=f"these would do: {' '.join(would)}"
        if enough
        else f"add rows: {classes} classes need at least {2 * classes + 2 * len(sizes)}",
    )
