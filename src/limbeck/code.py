"""What code an object depends on, as a digest: the same weights under other code are another network.

Counted are the syntax trees of modules, without comments, blank lines and positions, and values: defaults, closures,
attributes. Modules of the standard library, of `site-packages` and of Limbeck itself are left out. What an editable
install, a file beside the recipe or a script holds is counted.
"""

import ast
import copyreg
import dis
import hashlib
import inspect
import sys
import sysconfig
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from limbeck.errors import a

Parts = Callable[[Any], Iterable[Any] | None]
"""Takes an object apart that its caller knows, such as a network or a tensor; None for any other object."""

_LIBRARIES = {"site-packages", "dist-packages"}
_CYTHON = "_cython_"
"""Begins the name of the module, without a file, that holds the types of functions in any extension of Cython."""
_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented))
_trees: dict[int, tuple[Any, "_Module"]] = {}  # by the number of a module's spec, which is kept: so it stays its own


@dataclass(frozen=True)
class Code:
    """The code that objects depend on.

    Attributes:
        digest: 16 hex digits.
        unverifiable: why the digest may stay when the code changes, a reason each; empty when it does not.
    """

    digest: str
    unverifiable: tuple[str, ...]


def code_of(objects: Iterable[Any], parts: Parts = lambda _: None) -> Code:
    """Return the code that objects depend on.

    A module is read when it is first asked for; a file that is edited afterwards counts when the module is loaded anew,
    since until then the old code is at work.

    Args:
        objects: functions, classes, instances, modules or values.
        parts: takes apart what cannot be pickled or has no stable pickle.
    """
    reader = _Reader(parts)
    values = [reader.value(each) for each in objects]
    trees = sorted(f"{name} {tree}" for name, tree in reader.trees.items())
    return Code(_digest([*values, *trees]), tuple(dict.fromkeys(reader.reasons)))


@dataclass(frozen=True)
class _Module:
    """The source of a module.

    Attributes:
        tree: digest of its syntax tree; empty when there is no source.
        imports: names of the modules that it may import, some of which are none.
        edited: other code than this is at work.
    """

    tree: str
    imports: tuple[str, ...] = ()
    edited: bool = False


class _Reader:
    """Collects the modules that objects reach, and digests values."""

    def __init__(self, parts: Parts) -> None:
        self.trees: dict[str, str] = {}
        self.reasons: list[str] = []
        self._parts = parts
        self._seen: set[str] = set()  # modules
        self._typed: dict[int, Any] = {}  # functions and classes without a file
        self._inside: set[int] = set()  # objects whose parts are being read
        self._known: dict[int, tuple[Any, str]] = {}  # objects kept with their digests, so that no number is used again

    # --- values -----------------------------------------------------------------------------------------------------

    def value(self, value: Any) -> str:
        """Return the digest of a value, and collect the modules that it reaches."""
        if isinstance(value, _ATOMS) and type(value) in _ATOMS:
            return _digest([type(value).__name__, repr(value)])
        key = id(value)
        if key in self._known:
            return self._known[key][1]
        if key in self._inside:
            return _digest(["inside", type(value).__qualname__])
        self._inside.add(key)
        try:
            found = _digest(self._describe(value))
        finally:
            self._inside.discard(key)
        self._known[key] = value, found
        return found

    def _describe(self, value: Any) -> Iterator[str]:
        if (parts := self._parts(value)) is not None:
            yield type(value).__qualname__
            yield from map(self.value, parts)
        elif isinstance(value, types.FunctionType):
            yield from self._function(value)
        elif isinstance(value, type):
            yield from self._class(value)
        elif isinstance(value, types.ModuleType):
            self._module(value.__name__)
            yield f"module {value.__name__}"
        elif isinstance(value, types.CodeType):
            yield from self._code(value)
        elif type(value) in (list, tuple, set, frozenset, dict):
            yield from self._container(value)
        else:
            yield from self._instance(value)

    def _container(self, value: Any) -> Iterator[str]:
        yield type(value).__name__
        if isinstance(value, dict):
            yield from (part for pair in value.items() for part in map(self.value, pair))
        elif isinstance(value, set | frozenset):
            yield from sorted(map(self.value, value))  # their order is chance
        else:
            yield from map(self.value, value)

    def _instance(self, value: Any) -> Iterator[str]:
        """Describe any other object by what would be pickled of it."""
        yield self.value(type(value))
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception as error:
            self.reasons.append(f"{a(type(value).__qualname__)} cannot be compared ({type(error).__name__}: {error})")
            return
        if isinstance(reduced, str):  # it stands under this name in its module
            self._counts(value, getattr(value, "__module__", None))
            yield f"{getattr(value, '__module__', '')}.{reduced}"
            return
        for part in reduced:
            # Iterators of items: each is read once.
            yield self.value(list(part) if isinstance(part, Iterator) else part)

    def _class(self, kind: type) -> Iterator[str]:
        yield f"{kind.__module__}.{kind.__qualname__}"
        for base in kind.__mro__:
            if not self._counts(base, base.__module__):
                continue
            if _is_replaced(base):
                self.reasons.append(f"`{base.__qualname__}` is of a module that was loaded anew since")
            for name, value in vars(base).items():
                inner = getattr(value, "__func__", value)
                if isinstance(inner, types.FunctionType):
                    if (inner.__module__, inner.__qualname__) != (base.__module__, f"{base.__qualname__}.{name}"):
                        yield name  # it was put there
                        yield self.value(inner)
                    yield from self._settings(inner)
                elif type(value) in _ATOMS and not name.startswith("__"):
                    yield name
                    yield self.value(value)

    def _function(self, function: types.FunctionType) -> Iterator[str]:
        yield f"{function.__module__}.{function.__qualname__}"
        if self._counts(function, function.__module__):
            yield self.value(function.__code__)  # tells lambdas of one module apart
            yield from self._settings(function)
        yield self.value(function.__defaults__)
        yield self.value(function.__kwdefaults__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            yield name
            try:
                yield self.value(cell.cell_contents)
            except ValueError:
                yield "empty"

    def _settings(self, function: types.FunctionType) -> Iterator[str]:
        """Describe what a function reads by name from its module and another module, or a file, may have set.

        These are plain values, and what the caller takes apart, such as arrays. Lists and mappings are left out: many
        keep what was worked out before.
        """
        for name in sorted(_names(function.__code__) - _assigned(function.__code__)):
            value = function.__globals__.get(name, self)
            if (type(value) in _ATOMS and not name.startswith("__")) or self._parts(value) is not None:
                yield name
                yield self.value(value)
            elif isinstance(value, types.FunctionType) and self._counts(value, value.__module__):
                yield self.value(value)

    def _code(self, code: types.CodeType) -> Iterator[str]:
        """Describe compiled code without its positions."""
        yield code.co_code.hex()
        yield from (*code.co_names, *code.co_varnames, *code.co_freevars)
        yield from map(self.value, code.co_consts)

    # --- modules ----------------------------------------------------------------------------------------------------

    def _counts(self, thing: Any, module: str | None) -> bool:
        """Collect the module of a function or class; return whether it is one that counts."""
        loaded = sys.modules.get(module or "")
        if loaded is not None and not _is_counted(loaded):
            return False
        if loaded is not None and self._module(loaded.__name__):
            return True
        if isinstance(thing, types.FunctionType | type):
            self._without_file(thing)
        return True

    def _module(self, name: str) -> bool:
        """Collect a module, its packages and what it imports; return whether it has a source."""
        module = sys.modules.get(name)
        if module is None or not _is_counted(module):
            return True
        if name not in self._seen:
            self._seen.add(name)
            source = _read(module)
            if source.tree:
                self.trees[name] = source.tree
                if source.edited:
                    self.reasons.append(f"`{name}` was edited after it was loaded")
            elif getattr(module, "__file__", None):
                self.reasons.append(f"`{name}` has no Python source ({module.__file__})")
            if "." in name:
                self._module(name.rpartition(".")[0])
            for other in (*source.imports, *_held(module)):
                self._module(other)
        return name in self.trees or bool(getattr(module, "__file__", None))

    def _without_file(self, thing: Any) -> None:
        """Collect the source of a function or class that was typed in, and what it calls by name."""
        if id(thing) in self._typed:
            return
        self._typed[id(thing)] = thing  # kept, so that its number stays its own
        key = f"{thing.__module__}.{thing.__qualname__}"
        try:
            tree = _tree(textwrap.dedent(inspect.getsource(thing)))
            key = f"{key} {tree}"  # all lambdas of a module have one name
            self.trees[key] = tree
        except (OSError, TypeError, SyntaxError):
            self.reasons.append(f"`{thing.__qualname__}` has no source (typed in, or made by exec)")
        functions = [thing] if isinstance(thing, types.FunctionType) else vars(thing).values()
        for function in (getattr(each, "__func__", each) for each in functions):
            if isinstance(function, types.FunctionType):
                names = sorted(name for name in _names(function.__code__) if name in function.__globals__)
                self.trees[f"{key} {function.__name__}"] = _digest(
                    part for name in names for part in (name, self.value(function.__globals__[name]))
                )


def _digest(parts: Iterable[str]) -> str:
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        text = part.encode("utf-8", "surrogatepass")
        state.update(b"%d:%b" % (len(text), text))
    return state.hexdigest()


def _names(code: types.CodeType) -> set[str]:
    """Return the names that code, and code within it, looks up outside itself."""
    return {name for each in _every_code(code) for name in each.co_names}


def _assigned(code: types.CodeType) -> set[str]:
    """Return the names of its module that code sets itself, such as a counter's."""
    every = (step for each in _every_code(code) for step in dis.get_instructions(each))
    return {step.argval for step in every if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")}


def _every_code(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _every_code(each)


def _is_replaced(kind: type) -> bool:
    """Return whether another class has the name of this one, whose source is then not what the module holds."""
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return isinstance(found, type) and found is not kind and found.__qualname__ == kind.__qualname__


def _is_counted(module: types.ModuleType) -> bool:
    """Return whether a module is of the user's: not the standard library's, an installed package's or Limbeck's."""
    top = module.__name__.partition(".")[0]
    if top == "limbeck":
        return False
    # What an extension makes has no file: it is part of its package.
    file = getattr(module, "__file__", None) or getattr(sys.modules.get(top), "__file__", None)
    if file is None:
        if top.startswith(_CYTHON):
            return False
        if top in {*sys.stdlib_module_names, *sys.builtin_module_names} - {"__main__"}:
            return False
        return not hasattr(module, "__path__")  # a folder of modules without a file of its own has no code
    path = Path(file).resolve()
    library = (Path(sysconfig.get_path(each)).resolve() for each in ("stdlib", "platstdlib"))
    return not _LIBRARIES & set(path.parts) and not any(folder in path.parents for folder in library)


def _read(module: types.ModuleType) -> _Module:
    """Return the source of a module as it was when it was first asked for; see `code_of`."""
    spec = getattr(module, "__spec__", None) or module
    kept = _trees.get(id(spec))
    if kept is None:
        kept = _trees[id(spec)] = spec, _parse(module)
    return kept[1]


def _parse(module: types.ModuleType) -> _Module:
    file = getattr(module, "__file__", None)
    if not file:
        return _Module("")
    try:
        source = Path(file).read_bytes()
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):  # a file of machine code is no Python
        return _Module("")
    package = module.__name__ if hasattr(module, "__path__") else getattr(module, "__package__", None) or ""
    return _Module(_dumped(tree), tuple(dict.fromkeys(_imports(tree, package))), _is_edited(module, file, source))


def _is_edited(module: types.ModuleType, file: str, source: bytes) -> bool:
    """Return whether a function of a module is of other code than its file holds by now.

    Only where Python's own loader has read the file: others, such as pytest's, write code of theirs into it.
    """
    if type(getattr(module, "__loader__", None)) is not SourceFileLoader:
        return False
    written: dict[str, set[str]] = {}
    for code in _every_code(compile(source, file, "exec", dont_inherit=True)):
        written.setdefault(code.co_qualname, set()).add(_digest(_Reader(lambda _: None)._code(code)))
    return any(
        function.__code__.co_filename == file
        and _digest(_Reader(lambda _: None)._code(function.__code__))
        not in written.get(function.__code__.co_qualname, ())
        for function in _functions(module)
    )


def _functions(module: types.ModuleType) -> Iterator[types.FunctionType]:
    """Yield the functions and methods in a module's namespace."""
    for value in list(vars(module).values()):
        kinds = vars(value).values() if isinstance(value, type) and value.__module__ == module.__name__ else [value]
        for each in kinds:
            inner = getattr(each, "__func__", each)
            if isinstance(inner, types.FunctionType):
                yield inner


def _tree(source: str) -> str:
    return _dumped(ast.parse(source))


def _dumped(tree: ast.AST) -> str:
    return _digest([ast.dump(tree)])


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the names that a module imports, anywhere in it: modules, and what may be one or a name in one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.rsplit(".", node.level - 1)[0]
                base = f"{above}.{base}" if base else above
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _held(module: types.ModuleType) -> Iterator[str]:
    """Yield the names of the modules that stand in a module's namespace, or made a function or class that does."""
    values: Mapping[str, Any] = dict(vars(module))
    for value in values.values():
        if isinstance(value, types.ModuleType):
            yield value.__name__
        elif isinstance(value, types.FunctionType | type) and isinstance(value.__module__, str):
            yield value.__module__
