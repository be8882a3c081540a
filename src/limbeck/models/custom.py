"""Networks of the user's own, by import path."""

import importlib
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import ConfigDict, Field
from torch import Tensor, nn

from limbeck.errors import MODEL, LimbeckError, a, first_line, nearest
from limbeck.models.catalogue import ModelOptions
from limbeck.runtime.readers import Form
from limbeck.types import evaluating, tensors

_OURS = frozenset({"outputs", "form"})
_RENAMED = {"classes": "outputs", "vocabulary": "form.vocabulary"}
"""Parameters of a function in earlier versions, and what gives the same now."""
_NOT_THEIRS = (Path(__file__).parent.parent, *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib")))


_beside: set[Path] = set()  # folders of recipes


class CustomSettings(ModelOptions):
    """A network that a function of the user's builds; every key but `name` is passed to it."""

    model_config = ConfigDict(extra="allow")

    name: Annotated[
        str,
        Field(
            pattern=r"^\w+(\.\w+)*:\w+$",
            description="module:function, called with `outputs`, the other keys here and, if it asks, `form`",
        ),
    ]

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys beside `name`."""
        return dict(self.model_extra or {})


def let_import(folder: Path | None) -> None:
    """Let a recipe name modules that lie beside its file; whatever else can be imported comes first."""
    if folder is not None:
        _beside.add(folder.resolve())
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def find_custom(settings: CustomSettings) -> Callable[..., Any]:
    """Import the function and check that it can be called with these settings.

    Raises:
        LimbeckError: it cannot be imported, its name is found beside the recipe and elsewhere, or an argument is
            unknown, missing or not the user's to set.
    """
    function = imported(settings.name)
    _check_arguments(settings.name, parameters_of(function, f"{MODEL} {settings.name}"), settings.arguments)
    return function


def parameters_of(function: Callable[..., Any], where: str) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function of the user's.

    Raises:
        LimbeckError: it does not say which it has, as `dict` and what else is made in C.
    """
    try:
        with ending_is_an_error():  # a class may say it by code of its own
            return inspect.signature(function).parameters
    except (TypeError, ValueError, EndedError):
        raise LimbeckError(
            "does not say what it can be called with", where=where, fix="name a function or class written in Python"
        ) from None


def imported(path: str) -> Callable[..., Any]:
    """Return the function of a path `module:function`.

    Raises:
        LimbeckError: it cannot be imported, or its name is found beside the recipe and elsewhere.
    """
    module_name, function_name = path.split(":")
    _require_one_place(module_name.partition(".")[0])
    try:
        with ending_is_an_error():
            module = importlib.import_module(module_name)
            function = getattr(module, function_name, None)
    except ImportError as error:
        raise LimbeckError(
            f"cannot import `{module_name}`: {error}",
            where="model",
            fix="install it, or put it beside the recipe (of a packaged one: limbeck recipes show NAME > NAME.yaml)",
        ) from error
    except Exception as error:
        raise failed(f"cannot import `{module_name}`", error) from error
    if not callable(function):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        fix = nearest(function_name, names) if names else "it has none at all"
        raise LimbeckError(f"`{module_name}` has no function `{function_name}`", where="model", fix=fix)
    return function


class EndedError(Exception):
    """What stands for a `SystemExit` of the user's code, which would end this process in silence."""


@contextmanager
def ending_is_an_error() -> Iterator[None]:
    """Turn what ends a process, but for Ctrl-C, into an error like any other of the user's code.

    Raises:
        EndedError: in place of `SystemExit`, or of another exception that is no `Exception`.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise EndedError(f"{type(error).__name__}: {first_line(error)}").with_traceback(error.__traceback__) from error


def _require_one_place(name: str) -> None:
    """Refuse a module beside the recipe that another one hides, or that was imported from another place before."""
    specs = [PathFinder.find_spec(name, [entry or str(Path.cwd())]) for entry in sys.path]
    origins = [spec.origin for spec in specs if spec] + [getattr(sys.modules.get(name), "__file__", None)]
    places = list(dict.fromkeys(Path(origin).resolve() for origin in origins if origin))
    if len(places) > 1 and any(_beside & {place.parent, place.parent.parent} for place in places):
        raise LimbeckError(
            f"`{name}` is found in two places: {places[0]} and {places[1]}",
            where="model",
            fix="rename the one beside the recipe",
        )


def build_custom(settings: CustomSettings, *, outputs: int, form: Form) -> nn.Module:
    """Call the user's function.

    Raises:
        LimbeckError: as `find_custom`, or what it returns is not an `nn.Module`.
    """
    function = find_custom(settings)
    arguments = {"outputs": outputs, **settings.arguments}
    if "form" in parameters_of(function, f"{MODEL} {settings.name}"):
        arguments["form"] = form
    try:
        with ending_is_an_error():
            network = function(**arguments)
    except LimbeckError:
        raise
    except Exception as error:
        raise failed(f"`{settings.name}` failed", error) from error
    if not isinstance(network, nn.Module):
        raise LimbeckError(f"`{settings.name}` returned {a(type(network).__name__)}, not an nn.Module", where="model")
    _try_out(network, settings.name, outputs=outputs, form=form)
    return network


def _try_out(network: nn.Module, name: str, *, outputs: int, form: Form) -> None:
    """Ask the new network for the rows of the form's example: what it gets wrong is found before anything is trained.

    Raises:
        LimbeckError: its `forward` fails, or returns anything but logits (batch, outputs).
    """
    inputs = tensors({argument: value.copy() for argument, value in form.example.items()})
    rows = len(next(iter(inputs.values())))
    try:
        # The generator stays where it was: the network trains as if it had not been asked.
        with ending_is_an_error(), evaluating(network), torch.no_grad(), torch.random.fork_rng(devices=[]):
            logits = network(**inputs)
    except Exception as error:
        more = {}
        if isinstance(error, IndexError) and (words := getattr(form, "vocabulary", None)) is not None:
            more["fix"] = (
                f"tokens have numbers up to {words.size - 1:,}: give the tokenizer that the network was trained with, "
                "or as many embeddings as form.vocabulary.size says"
            )
        raise failed(f"the forward of `{name}` failed on {rows} rows", error, **more) from error
    found = tuple(logits.shape) if isinstance(logits, Tensor) else a(type(logits).__name__)
    if found != (rows, outputs):
        raise LimbeckError(
            f"the forward of `{name}` returns {found} for {rows} rows of {outputs} outputs",
            where="model",
            fix=f"return logits (batch, outputs), here ({rows}, {outputs})",
        )


def failed(
    what: str, error: Exception, *, where: str = "model", fix: str = "--debug shows the traceback"
) -> LimbeckError:
    """Return the error that names the last line on the way that is the user's own; `where`, if there is none."""
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_file() and not any(folder in path.parents for folder in _NOT_THEIRS):
            where = f"{path}, line {frame.lineno}"
    reason = first_line(error)
    if isinstance(error, SyntaxError) and error.filename:
        where, reason = f"{error.filename}, line {error.lineno}", error.msg
    kind = "" if isinstance(error, EndedError) else f"{type(error).__name__}: "
    return LimbeckError(f"{what} ({kind}{reason})", where=where, fix=fix)


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
    if old := [f"`{key}` is now `{new}`" for key, new in _RENAMED.items() if key in by_name]:
        raise LimbeckError(
            f"the function's {', and its '.join(old)}",
            where=f"model {name}",
            fix="write build(outputs, form, ...), without `form` where it is not needed",
        )
    if "outputs" not in by_name and not anything:
        raise LimbeckError("the function takes no `outputs`", where=f"model {name}", fix="add the parameter")
    if not anything and (unknown := sorted(given.keys() - by_name.keys())):
        valid = by_name.keys() - _OURS
        fix = nearest(unknown[0], valid) if valid else "it takes none"
        raise LimbeckError(f"the function has no parameter `{unknown[0]}`", where=f"model {name}", fix=fix)
    required = {key for key, parameter in by_name.items() if parameter.default is inspect.Parameter.empty}
    if missing := sorted(required - given.keys() - _OURS):
        raise LimbeckError(
            f"the function needs `{missing[0]}`", where=f"model {name}", fix=f"write {missing[0]}: ... beside `name`"
        )
