"""YAML as people write it."""

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
_NO_VALUE = ("#", "&", "*", "!", "|", ">", "%", "@", "`", ",")
"""What begins a comment, an anchor, a tag and so on, of which one value has no use."""


class _YamlReader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - the name and form that PyYAML reads

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice; PyYAML would keep the last."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


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
        LimbeckError: it is not YAML, or a key stands twice.
    """
    try:
        return _YamlReader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise LimbeckError(f"not valid YAML ({place}{error.problem})") from None
    except yaml.YAMLError as error:
        raise LimbeckError(f"not valid YAML ({' '.join(str(error).split())})") from None


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
