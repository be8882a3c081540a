"""YAML as people write it, read within limits."""

import re
from typing import Any

import yaml

from limbeck.errors import LimbeckError

# Plain values as in YAML 1.2: 1e-3 is a number; `no`, 12:30 and 2024-01-01 are text. PyYAML follows YAML 1.1.
_PLAIN = {
    "null": (r"~|null|Null|NULL|", "~nN"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "merge": ("<<", "<"),
}


_MARKS = re.compile(r"""[^\w\[\]{}"'~]+""")
"""What holds no letter and no digit, such as a separator, and is neither a null nor a value of several parts."""
_MARKS_IN_LIST = re.compile(r"(?<=[\[,])\s*[^\w\s\[\]{}~,][^\w\[\]{}~,]*(?=[,\]])")
UNREAD = "not valid YAML"
"""How an error begins of a text that is no YAML."""
MOST_BYTES = 1_000_000
MOST_VALUES = 30_000
"""Of a document, each counted wherever an alias puts it: ten lines of aliases make a thousand million values."""
DEEPEST = 50
MOST_DIGITS = 100

_NO_VALUE = ("#", "&", "*", "!", "|", ">", "%", "@", "`", ",")
"""What begins a comment, an anchor, a tag and so on, of which one value has no use."""


class _RefusedError(yaml.constructor.ConstructorError):
    """YAML that says what no recipe says."""

    def __init__(self, reason: str, mark: yaml.Mark) -> None:
        super().__init__(None, None, reason, mark)


class _YamlReader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - the name and form that PyYAML reads

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._levels, self._read = 0, 0
        self._whole: dict[int, tuple[int, int]] = {}  # of each node that is read: values in it, and levels of them

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse a document beyond the limits as soon as it is, and a value that holds itself."""
        mark, alias = self.peek_event().start_mark, self.check_event(yaml.AliasEvent)
        self._levels, self._read = self._levels + 1, self._read + 1
        _require_limits(self._read, self._levels, mark)
        node = super().compose_node(parent, index)
        self._levels -= 1
        if alias and id(node) not in self._whole:
            raise _RefusedError("a value holds itself", mark)
        if node is not None and not alias:
            within = [self._whole[id(part)] for part in _parts(node)]
            values, levels = 1 + sum(count for count, _ in within), 1 + max((depth for _, depth in within), default=0)
            _require_limits(values, levels, mark)
            self._whole[id(node)] = values, levels
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Refuse a value that is not what its tag says, such as `!!int a`."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError):
            raise _RefusedError(f"`{node.value}` is none of what its tag says", node.start_mark) from None

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Refuse a number that nothing can hold; Python takes long to read one."""
        if len(node.value) > MOST_DIGITS:
            reason = f"a number of {len(node.value):,} digits; {MOST_DIGITS} are the most"
            raise _RefusedError(reason, node.start_mark)
        return super().construct_yaml_int(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice, of which PyYAML would keep the last, and one that is a list or mapping."""
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError("a key is of several values", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_YamlReader.add_constructor("tag:yaml.org,2002:int", _YamlReader.construct_yaml_int)


def _parts(node: yaml.Node) -> list[yaml.Node]:
    """Return the values within a value, and the keys beside them."""
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _require_limits(values: int, levels: int, mark: yaml.Mark) -> None:
    if values > MOST_VALUES:
        raise _RefusedError(f"more than {MOST_VALUES:,} values", mark)
    if levels > DEEPEST:
        raise _RefusedError(f"more than {DEEPEST} levels within one another", mark)


class _YamlWriter(yaml.SafeDumper):
    pass


for _name, (_pattern, _first) in _PLAIN.items():
    _tag = f"tag:yaml.org,2002:{_name}"
    _YamlReader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), [*_first, ""])
    # The writer keeps YAML 1.1's as well, so that it quotes whatever either reader would not take as text.
    _YamlWriter.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))


def read_yaml(text: str) -> Any:
    """Return the value of a YAML document.

    Raises:
        LimbeckError: it is not YAML, a key stands twice, a value holds itself, or it is beyond the limits.
    """
    try:
        return _YamlReader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        kind = "refused" if isinstance(error, _RefusedError) else UNREAD
        raise LimbeckError(f"{kind} ({place}{error.problem})") from None
    except yaml.YAMLError as error:
        raise LimbeckError(f"{UNREAD} ({' '.join(str(error).split())})") from None


def read_value(text: str) -> Any:
    """Return the value that is typed behind `key=`: YAML, but for marks that have no value in YAML.

    The quotes of a shell are gone by then: `task.separator='|'` comes as the sign of a text of several lines.

    Raises:
        LimbeckError: a list, a mapping or a quoted text that is not closed, or is wrong in another way.
    """
    if _MARKS.fullmatch(text) or text.startswith(_NO_VALUE):
        return text
    if text.startswith("[") and not {"'", '"'} & {*text}:
        text = _MARKS_IN_LIST.sub(lambda found: f"'{found[0].strip()}'", text)
    try:
        return read_yaml(text)
    except LimbeckError:
        if text.startswith(("[", "{", "'", '"')):
            raise
        return text


def write_yaml(value: Any) -> str:
    """Return a value as YAML that `read_yaml` and any other reader understands alike."""
    return yaml.dump(value, Dumper=_YamlWriter, sort_keys=False, allow_unicode=True, width=110)
