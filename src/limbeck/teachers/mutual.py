"""A peer as the teacher: a second network like the student, which learns from it while it teaches it."""

from typing import Literal

from limbeck.teachers.beside import Beside
from limbeck.teachers.moving import Moving, MovingPeer


class Mutual(Beside):
    """A second network like the student that learns beside it and from it (deep mutual learning), without a teacher."""

    kind: Literal["mutual"]

    @property
    def moving(self) -> Moving:
        """How it is made beside each student."""
        return MovingPeer()
