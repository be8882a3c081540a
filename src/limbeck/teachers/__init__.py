"""Anything that yields predictions for inputs, behind one protocol."""

from limbeck.teachers.base import Teacher
from limbeck.teachers.module import ModuleTeacher

__all__ = ["ModuleTeacher", "Teacher"]
