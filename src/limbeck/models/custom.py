"""Networks of the user's own, by import path."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from torch import nn

from limbeck.errors import LimbeckError, nearest
from limbeck.models.catalogue import Settings
from limbeck.models.vocabulary import Vocabulary

_OURS = frozenset({"classes", "vocabulary"})


class CustomSettings(Settings):
    """A network that a function of the user's builds; every key but `name` is passed to it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: Annotated[
        str,
        Field(
            pattern=r"^\w+(\.\w+)*:\w+$",
            description="module:function, called with `classes`, the other keys here and, if it asks, `vocabulary`",
        ),
    ]

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys beside `name`."""
        return dict(self.model_extra or {})


def find_custom(settings: CustomSettings) -> Callable[..., Any]:
    """Import the function and check that it can be called with these settings.

    Raises:
        LimbeckError: it cannot be imported, or an argument is unknown, missing or not the user's to set.
    """
    module_name, function_name = settings.name.split(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise LimbeckError(
            f"cannot import `{module_name}`: {error}", where="model", fix="install it or put it beside the recipe"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise LimbeckError(
            f"`{module_name}` has no function `{function_name}`", where="model", fix=nearest(function_name, names)
        )
    _check_arguments(settings.name, inspect.signature(function).parameters, settings.arguments)
    return function


def build_custom(settings: CustomSettings, *, classes: int, vocabulary: Vocabulary) -> nn.Module:
    """Call the user's function.

    Raises:
        LimbeckError: as `find_custom`, or what it returns is not an `nn.Module`.
    """
    function = find_custom(settings)
    arguments = {"classes": classes, **settings.arguments}
    if "vocabulary" in inspect.signature(function).parameters:
        arguments["vocabulary"] = vocabulary
    network = function(**arguments)
    if not isinstance(network, nn.Module):
        raise LimbeckError(f"`{settings.name}` returned a {type(network).__name__}, not an nn.Module", where="model")
    return network


def _check_arguments(name: str, parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> None:
    kinds = {parameter.kind for parameter in parameters.values()}
    by_name = {
        key: parameter
        for key, parameter in parameters.items()
        if parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    }
    if reserved := sorted(_OURS & given.keys()):
        raise LimbeckError(f"`{reserved[0]}` is set by Limbeck", where=f"model {name}", fix="remove the key")
    anything = inspect.Parameter.VAR_KEYWORD in kinds
    if "classes" not in by_name and not anything:
        raise LimbeckError("the function takes no `classes`", where=f"model {name}", fix="add the parameter")
    if not anything and (unknown := sorted(given.keys() - by_name.keys())):
        valid = by_name.keys() - _OURS
        fix = nearest(unknown[0], valid) if valid else "it takes none"
        raise LimbeckError(f"the function has no parameter `{unknown[0]}`", where=f"model {name}", fix=fix)
    required = {key for key, parameter in by_name.items() if parameter.default is inspect.Parameter.empty}
    if missing := sorted(required - given.keys() - _OURS):
        raise LimbeckError(
            f"the function needs `{missing[0]}`", where=f"model {name}", fix=f"write {missing[0]}: ... beside `name`"
        )
