"""What of a recipe fits its task: losses, teachers, and what it says of labels."""

from collections.abc import Sequence

from limbeck.cache import CacheSettings
from limbeck.cache.codecs import Codec
from limbeck.data import DataOptions, Task, TaskOptions
from limbeck.errors import LimbeckError
from limbeck.losses import CATALOG, HardLabels, LossSettings, fitting, temperatures, term_from
from limbeck.teachers import CATALOGUE, Kind, TeacherSettings

_PREDICTS = {
    "distribution": "one of several classes",
    "independent": "several labels, each for itself",
    "values": "values",
    "vectors": "vectors",
    "scores": "a score for each candidate of a query",
}
_PROBABILITIES = ("distribution", "independent")
"""Predictions that say how sure they are."""


def require_data_fit(data: DataOptions, task: TaskOptions) -> None:
    """Refuse keys of `data` that say nothing of the task's labels.

    Raises:
        ValueError: one is set.
    """
    for key in task.unread:
        if getattr(data, key) != type(data).model_fields[key].default:
            raise ValueError(f"{key} says nothing of the labels of a {task.kind}; leave it out")


def require_teacher_reads(teacher: TeacherSettings, data: DataOptions, task: TaskOptions | None) -> None:
    """Refuse a teacher of a kind that reads some modalities only, where the data are of another.

    Raises:
        ValueError: naming the kinds that fit.
    """
    modality = data.modality
    if odd := next((one for one in teacher.members if not _reads(one, modality.name)), None):
        raise ValueError(
            f"teacher.kind={odd.kind} reads {' or '.join(odd.of_modalities)}, and the data are {modality.name} "
            f"(data.{modality.key}); {_kinds(task, data)}"
        )


def require_teacher_fits(teacher: TeacherSettings, task: TaskOptions, data: DataOptions | None) -> None:
    """Refuse a teacher, or a way of answering, that is not for the task's predictions.

    Raises:
        ValueError: the task is another one; naming the kinds that fit.
    """
    if teacher.pools:
        _require_pool_fits(teacher, task, data)
    if task.one_class:
        return
    other = f"and the task is {task.kind}"
    if odd := next((one for one in (teacher, *teacher.members) if one.of_classes), None):
        raise ValueError(f"kind {odd.kind} answers with one of several classes, {other}; {_kinds(task, data)}")
    if any(member.calibrate for member in teacher.members):
        raise ValueError(f"calibrate fits the probabilities of one of several classes, {other}; leave it out")


def _require_pool_fits(teacher: TeacherSettings, task: TaskOptions, data: DataOptions | None) -> None:
    """Refuse a way of mixing answers that the task's have not.

    Raises:
        ValueError: naming those that it has.
    """
    if not task.pools:
        raise ValueError(f"a {task.kind} has answers that are not mixed here; {_kinds(task, data)}")
    if teacher.pool not in task.pools:
        raise ValueError(
            f"pool={teacher.pool} multiplies probabilities, and a {task.kind} has none; take pool={task.pools[0]}"
        )
    if teacher.by_confidence and task.predicts not in _PROBABILITIES:
        raise ValueError(
            f"weights=confidence weighs by how sure a member's probabilities are, and a {task.kind} has none; give one "
            "number a member, or leave weights out: validation chooses them"
        )


def require_copies_fit(data: DataOptions, teacher: TeacherSettings) -> None:
    """Refuse copies for a teacher alone that is not trained here.

    Raises:
        ValueError: nobody would see them.
    """
    if not getattr(data.augment, "only_teacher", False):
        return
    if all(member.network is None for member in teacher.members):
        raise ValueError(
            "data.augment.only_teacher makes copies for a teacher that is trained here, and this one is not; leave it "
            "out, or take kind: network"
        )


def require_omission_fits(data: DataOptions, teacher: TeacherSettings) -> None:
    """Refuse a teacher that is fitted to the labelled rows of the transfer set, where these lack classes.

    Raises:
        ValueError: it would know the omitted classes no more than the student does.
    """
    fitted = any(one.refits and not one.by_steps for one in teacher.members)
    if data.omitted_classes and (fitted or teacher.moving is not None):
        raise ValueError(
            f"kind {teacher.kind} is fitted to the labelled rows of the transfer set, which have no row of "
            "data.omitted_classes; take kind: network, or a finished teacher"
        )


def require_selection_fits(unlabelled: int | None, task: TaskOptions) -> None:
    """Refuse a choice by the teacher's probabilities, where it has none of one of several classes.

    Raises:
        ValueError: the task is another one.
    """
    if unlabelled is not None and not task.one_class:
        raise ValueError(
            f"unlabelled compares probabilities of one of several classes, and the task is {task.kind}; leave it out"
        )


def _reads(kind: Kind | type[Kind], modality: str) -> bool:
    """Return whether a kind of teacher can read examples of a modality."""
    return not kind.of_modalities or modality in kind.of_modalities


def _kinds(task: TaskOptions | None, data: DataOptions | None) -> str:
    """Return which kinds of teacher fit task and data, as far as these are known."""
    fit = [
        name
        for name, kind in CATALOGUE.items()
        if name != "given"  # a Python object, no recipe can have one
        and (not kind.of_modalities if data is None else _reads(kind, data.modality.name))
        and (task is None or task.one_class or not kind.of_classes)
        and (task is None or task.pools or not kind.pools)
    ]
    return f"these kinds fit: {', '.join(sorted(fit))}"


def require_losses_fit(losses: Sequence[LossSettings], task: TaskOptions, arms: Sequence[str]) -> None:
    """Refuse a loss of other outputs than the task's, and an arm `hard_labels` that has nothing to learn.

    Raises:
        ValueError: naming those that fit.
    """
    _require_one_an_example(losses, task)
    for entry in losses:
        if task.predicts not in (fits := CATALOG[entry.name].card.fits):
            asked = " or ".join(_PREDICTS[one] for one in fits)
            raise ValueError(
                f"{entry.name} compares predictions of {asked}, and a {task.kind} predicts {_PREDICTS[task.predicts]}; "
                f"these fit: {', '.join(fitting(task.predicts))}"
            )
        term = term_from(entry)
        if (transform := term.transform) is not None and task.predicts not in transform.card.fits:
            raise ValueError(
                f"transform {transform.kind} is of a distribution over classes, and a {task.kind} predicts "
                f"{_PREDICTS[task.predicts]}; leave it out"
            )
    if "hard_labels" not in arms or task.decides(losses):
        return
    if HardLabels.card.name not in fitting(task.predicts):
        raise ValueError(f"a {task.kind} decides for no class that the arm hard_labels could learn; leave the arm out")
    raise ValueError("none is about the teacher's logits, so the arm hard_labels has nothing to learn; add kd")


def _require_one_an_example(losses: Sequence[LossSettings], task: TaskOptions) -> None:
    """Refuse losses that compare the predictions of examples with one another, where an example has several.

    Raises:
        ValueError: naming those that do not.
    """
    for entry in losses if task.several else ():
        if CATALOG[entry.name].card.scope == "batch" and term_from(entry).taps is None:
            alone = (name for name in fitting(task.predicts) if CATALOG[name].card.scope == "prediction")
            raise ValueError(
                f"{entry.name} compares examples with one another, and of a {task.kind} an example has several "
                f"predictions; these see each prediction alone: {', '.join(alone)}"
            )


def require_classes(losses: Sequence[LossSettings], task: Task) -> None:
    """Refuse losses and transforms that teach nothing, or the wrong thing, with so few classes.

    That is known once the data are read.

    Args:
        losses: of a recipe.
        task: with the classes that were read.

    Raises:
        LimbeckError: naming one, and a column with too few where several have labels.
    """
    if not task.sizes:
        return
    classes = min(task.sizes)
    few = f"{classes} classes"
    if len(task.sizes) > 1:
        few += f", which column `{task.label_columns[task.sizes.index(classes)]}` has"
    for entry in (each for each in losses if each.counts):
        loss, transform = CATALOG[entry.name], term_from(entry).transform
        shares = [entry.parameters.get("correct"), getattr(transform, "correct", None)]
        if any(share is not None and share * classes <= 1 for share in shares):
            raise LimbeckError(
                f"correct of {entry.name} gives the label no more than another class, with {few}: it would teach "
                "against the labels",
                where="losses",
                fix="raise it above 1 / classes",
            )
        if classes < loss.fewest_classes:
            raise LimbeckError(
                f"{entry.name} has gradient 0 with {few}: nothing is learned from it",
                where="losses",
                fix="take kd in its place",
            )
        if transform is not None and classes < transform.fewest_classes:
            raise LimbeckError(
                f"{entry.name} after transform {transform.kind} has gradient 0 with {few}: nothing is learned from it",
                where="losses",
                fix="leave the transform out",
            )


def require_codec_fits(codec: Codec, teacher: TeacherSettings | None, task: TaskOptions | None) -> None:
    """Refuse a codec that keeps what the teacher cannot give, or not every logit where task or teacher needs them.

    Raises:
        ValueError: they do.
    """
    dense = "take cache.codec=dense"
    without = [] if teacher is None else [each.kind for each in teacher.members if "hidden" not in each.gives]
    if codec.of_states and without:
        raise ValueError(
            f"{codec.kind} keeps the states that enter a network's last layer, and a teacher of kind {without[0]} has "
            f"none to give; {dense}"
        )
    if codec.whole:
        return
    if task is not None and not task.one_class:
        raise ValueError(
            f"{codec.kind} keeps a part of a distribution over classes, and a {task.kind} has none; {dense}"
        )
    if teacher is None:
        return
    if len(teacher.members) > 1:
        raise ValueError(
            f"{codec.kind} keeps a part of each member's answers, and an ensemble mixes every probability; {dense}, or "
            "one teacher"
        )
    if any(member.calibrate for member in teacher.members):
        raise ValueError(
            f"{codec.kind} keeps the answers at their own temperature, and teacher.calibrate divides the logits by "
            f"another one afterwards; {dense}, or leave calibrate out"
        )


def require_losses_take(losses: Sequence[LossSettings], codec: Codec, arms: Sequence[str]) -> None:
    """Refuse losses that cannot be computed from what a codec keeps.

    Raises:
        ValueError: naming those that can.
    """
    if codec.whole:
        return
    for entry in losses:
        card, term = CATALOG[entry.name].card, term_from(entry)
        if term.transform is not None:
            raise ValueError(
                f"transform {term.transform.kind} of {entry.name} reads every logit of the teacher, and "
                f"cache.codec={codec.kind} keeps a part of them; take cache.codec=dense, or leave it out"
            )
        if "teacher" in term.needs and codec.form not in card.forms:
            able = ", ".join(
                name
                for name, loss in CATALOG.items()
                if codec.form in loss.card.forms and {*loss.card.fits} & {*card.fits}
            )
            raise ValueError(
                f"{entry.name} reads every logit of the teacher, and cache.codec={codec.kind} keeps a part of them; "
                f"take cache.codec=dense, or of the losses: {able}"
            )
    if "hard_labels" in arms and codec.form not in HardLabels.card.forms:
        raise ValueError(
            f"the arm hard_labels learns the teacher's decisions, and cache.codec={codec.kind} does not keep them; "
            "take cache.codec=dense, or leave the arm out"
        )
    codec.settled(temperatures(losses))


def require_selection_knows(unlabelled: int | None, codec: Codec) -> None:
    """Refuse a choice by the teacher's probabilities, where the cache keeps a part of them.

    Raises:
        ValueError: it does.
    """
    if unlabelled is not None and not codec.whole:
        raise ValueError(
            f"unlabelled compares every probability of the teacher, and cache.codec={codec.kind} keeps a part of them; "
            "take cache.codec=dense, or leave it out"
        )


def require_engine_fits(cache: CacheSettings, teacher: TeacherSettings | None) -> None:
    """Refuse to ask a teacher through onnxruntime that is no network of PyTorch, or for more than logits.

    Raises:
        ValueError: naming the kind, of the teacher or of the codec.
    """
    if not cache.exports or teacher is None:
        return
    if odd := next((one for one in teacher.members if "taps" not in one.gives), None):
        raise ValueError(
            f"engine={cache.engine} exports a network of PyTorch, and teacher.kind={odd.kind} is none; leave it out"
        )
    if cache.codec.of_states:
        raise ValueError(
            f"codec={cache.codec.kind} keeps the states that enter a network's last layer, which cache.engine="
            f"{cache.engine} does not give; take cache.codec=dense, or cache.engine=torch"
        )


def require_engine_gives(losses: Sequence[LossSettings], cache: CacheSettings) -> None:
    """Refuse losses that compare activations, where an engine answers that gives none.

    Raises:
        ValueError: naming one.
    """
    if not cache.exports:
        return
    if odd := next((entry.name for entry in losses if "taps" in CATALOG[entry.name].card.needs), None):
        raise ValueError(f"{odd} compares activations, which cache.engine={cache.engine} does not give; leave it out")
