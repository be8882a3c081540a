"""Anything that yields predictions for inputs, behind one protocol; and the kinds of it that a recipe can name.

To add a kind: one file that ends with `register(...)`, and one import line in `single.py`.
"""

from typing import TYPE_CHECKING

from limbeck.settings import union
from limbeck.teachers.base import Teacher
from limbeck.teachers.ensemble import EnsembleTeacher
from limbeck.teachers.kind import SINGLE, Kind, Single
from limbeck.teachers.mean_teacher import MeanTeacher
from limbeck.teachers.module import ModuleTeacher
from limbeck.teachers.moving import MeanOfWeights, Moving, MovingNetwork
from limbeck.teachers.mutual import Mutual
from limbeck.teachers.work import Made, Work

__all__ = [
    "CATALOGUE",
    "EnsembleTeacher",
    "Kind",
    "Made",
    "MeanOfWeights",
    "MeanTeacher",
    "ModuleTeacher",
    "Moving",
    "MovingNetwork",
    "Mutual",
    "Single",
    "Teacher",
    "TeacherSettings",
    "Work",
]

CATALOGUE: dict[str, type[Kind]] = {
    **SINGLE,
    "ensemble": EnsembleTeacher,
    "mean_teacher": MeanTeacher,
    "mutual": Mutual,
}
"""Every kind, by name."""

if TYPE_CHECKING:
    TeacherSettings = Single | EnsembleTeacher | MeanTeacher | Mutual
else:
    # As one type, so that a field `teacher: TeacherSettings` reads, checks and writes them all.
    TeacherSettings = union(CATALOGUE, on="kind", title="teacher")
