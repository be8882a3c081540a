"""How texts are cut into words: the rules for `tokenizers`, and the same ids of ASCII texts sooner."""

import re
from collections.abc import Mapping

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from limbeck.runtime.scripts import word_rules

# English words as spaCy's rules cut them, in one expression: a negation keeps its own token (do|n't), so do clitics
# (it|'s, they|'re), a number keeps its separators (1,000.50) and its letters (90s, 3rd), every other mark is a token by
# itself, a run of dots is one. Unlike spaCy it knows no lists of words: cannot stays whole, U.S. becomes u|.|s|.
# Scripts without blanks are cut into characters. An emoji's variation selector is no letter of the word behind it.


def _rule(letter: str, *characters: str) -> str:
    """Return the expression, given one of a letter and those of what is a token wherever it begins."""
    return "|".join(
        [
            rf"n't(?!{letter})",
            rf"'(?:s|re|ve|ll|d|m)(?!{letter})",
            r"\d+(?:[.,:]\d+)+",
            *characters,
            rf"{letter}+?(?=n't(?!{letter}))",
            rf"{letter}+",
            r"\.{2,}",
            r"[^\w\s]",
        ]
    )


_LETTER, _CHARACTER = word_rules()
_WORD = _rule(_LETTER, _CHARACTER, r"[\x{FE0E}\x{FE0F}]+")
_APOSTROPHES = r"[‘’ʼ]"

# Most words begin with a letter and no apostrophe follows, so that only `\w+` can match them: that is tried first here.
_ASCII_WORD = re.compile(r"[a-z_]\w*+(?!')|" + _rule(r"\w"), re.ASCII)


def set_rules(tokenizer: Tokenizer) -> None:
    """Make a tokenizer lower its texts and cut them into words, or into characters where a script has no blanks."""
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(_APOSTROPHES), "'")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True)


class AsciiWords:
    r"""Turns texts of ASCII characters into the ids that a word tokenizer gives them, in a third of its time.

    Cutting takes longer than a small network. Of ASCII, Unicode's normal form is the text itself, and `\w`, `\s` and
    lower case mean to Python's `re` what they mean to `tokenizers`. Other texts are not for this class.

    Args:
        vocabulary: ids by word.
        unknown: id of every other word.
    """

    def __init__(self, vocabulary: Mapping[str, int], unknown: int) -> None:
        self._vocabulary, self._unknown = vocabulary, unknown

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "AsciiWords | None":
        """Return the shortcut of a tokenizer; None where it cuts or counts in any other way than `set_rules` says."""
        model = tokenizer.model
        if not isinstance(model, models.WordLevel):
            return None  # before a large vocabulary is read
        ours = Tokenizer(models.WordLevel())
        set_rules(ours)
        if _rules(tokenizer) != _rules(ours) or tokenizer.post_processor or tokenizer.get_added_tokens_decoder():
            return None
        vocabulary = tokenizer.get_vocab(with_added_tokens=False)
        unknown = vocabulary.get(model.unk_token)
        return None if unknown is None else cls(vocabulary, unknown)

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text for which `isascii` holds."""
        find, unknown = self._vocabulary.get, self._unknown
        return [find(word, unknown) for word in _ASCII_WORD.findall(text.lower())]


def _rules(tokenizer: Tokenizer) -> list[bytes | None]:
    return [part and part.__getstate__() for part in (tokenizer.normalizer, tokenizer.pre_tokenizer)]
