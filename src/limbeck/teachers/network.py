"""A teacher that is trained here."""

from typing import ClassVar, Literal

from limbeck.networks import NetworkSettings
from limbeck.teachers.kind import Single, register
from limbeck.teachers.work import Made, Work


class NetworkTeacher(NetworkSettings, Single):
    """A teacher that is trained here on the labelled rows, of any network in the catalogue."""

    gives: ClassVar[frozenset[str]] = frozenset({"logits", "taps", "hidden"})
    another: ClassVar[str] = "teacher.model=NAME"

    kind: Literal["network"]

    @property
    def by_steps(self) -> bool:
        """True: of any network."""
        return True

    @property
    def network(self) -> NetworkSettings:
        """What is trained: the same, without what is a teacher's own."""
        return NetworkSettings(**{name: getattr(self, name) for name in NetworkSettings.model_fields})

    @property
    def read_as(self) -> NetworkSettings:
        """Settings that say in full what it reads."""
        return self.network

    def check(self, work: Work) -> None:
        """Build it where it may fail, and read its activations; see `Kind.check`."""
        settings = self.network
        work.try_out(settings, lambda: work.build(settings))

    def make(self, work: Work) -> tuple[Made, ...]:
        """Train it."""
        settings = self.network
        return (work.train(work.build(settings), settings),)


register(NetworkTeacher)
