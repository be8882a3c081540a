"""What of a recipe does not fit a teacher that moves while its student learns: there are no answers before."""

from collections.abc import Sequence

from limbeck.cache import CacheSettings
from limbeck.losses import CATALOG, LossSettings
from limbeck.teachers import TeacherSettings


def require_not_moving(teacher: TeacherSettings | None, asks: str, fix: str) -> None:
    """Refuse what asks for a teacher's answers before a student is trained, of a teacher that moves beside it.

    Args:
        teacher: of the recipe; None: it is wrong in itself.
        asks: what the key asks for.
        fix: what to do.

    Raises:
        ValueError: it moves.
    """
    if teacher is not None and teacher.moving is not None:
        raise ValueError(f"{asks}, and teacher.kind={teacher.kind} changes with every step of its student; {fix}")


def require_cache_unset(cache: CacheSettings, teacher: TeacherSettings | None) -> None:
    """Refuse settings of a cache for a teacher whose answers are never kept.

    Raises:
        ValueError: some are set.
    """
    if cache != CacheSettings():
        require_not_moving(teacher, "a cache keeps a teacher's answers", "leave cache out")


def require_labels_teach(losses: Sequence[LossSettings], teacher: TeacherSettings | None) -> None:
    """Refuse losses of which none learns from labels, beside a teacher that knows no more than its student.

    Raises:
        ValueError: none learns from labels.
    """
    if teacher is None or teacher.moving is None:
        return
    if not any("labels" in CATALOG[entry.name].card.needs and entry.counts for entry in losses):
        raise ValueError(
            f"no loss learns from labels, and teacher.kind={teacher.kind} knows nothing that its student does not; add "
            "one, such as cross_entropy"
        )
