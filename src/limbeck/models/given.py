"""A network that is a Python object of the caller's; a recipe can only say so."""

from typing import Annotated, Literal

from pydantic import Field

from limbeck.errors import LimbeckError
from limbeck.models.catalogue import Settings


class GivenSettings(Settings):
    """A module that was handed to `limbeck.distill`."""

    name: Literal["given"] = "given"
    type: Annotated[str, Field(description="its class, for the record")] = "Module"


def missing(what: str) -> LimbeckError:
    """Return the error of a recipe that names an object which nobody gave."""
    return LimbeckError(
        f"the {what} of this recipe was a Python object, which a file cannot hold",
        fix="call limbeck.distill again, or name one that a recipe can build",
    )
