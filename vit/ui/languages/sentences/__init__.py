"""The server's own sentences in the visitor's language: what went wrong, and what to do.

Errors are raised in English, far from any page (vit/errors.py). The page asks for them in its language here. A file for
each language holds the sentences as they are raised, with names in braces for what differs, and what each becomes; a
sentence that isn't in it stays as it was.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_LONGEST = 2000  # characters: a sentence of ours is shorter


def in_words(asked: Any) -> str:
    """``[text, language]`` from a browser: the text in that language if each sentence is known, else as it is."""
    match asked:
        case [str(text), str(language)] if len(text) <= _LONGEST:
            return translated(text, language)
    return ""


def translated(text: str, language: str) -> str:
    """One sentence after the other, from the left; all of them or none."""
    said, rest = [], text
    while rest:
        for pattern, other in _sentences(language):
            if found := pattern.match(rest):
                values = {name: _in_it(value, language) for name, value in found.groupdict().items()}
                said.append(other.format(**values))
                rest = rest[found.end() :].lstrip()
                break
        else:
            return text
    return " ".join(said)


def reasons_translated(answer: Any, language: str) -> Any:
    """What a view answers, with every ``why`` (and ``no_rollout``) in it, at any depth, in that language."""
    match answer:
        case dict():
            return {
                key: translated(value, language)
                if key in ("why", "no_rollout") and isinstance(value, str)
                else reasons_translated(value, language)
                for key, value in answer.items()
            }
        case list() if answer and isinstance(answer[0], dict):  # not the long lists of numbers
            return [reasons_translated(each, language) for each in answer]
    return answer


def _in_it(value: str, language: str) -> str:
    """What stands in a sentence, such as "a PDF document"; a model's name stays as it is."""
    for pattern, other in _sentences(language):
        if found := pattern.fullmatch(value):
            return other.format(**found.groupdict())
    return value


@cache
def _sentences(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Each sentence as a pattern, the longest first, so that none is taken for the beginning of a longer one."""
    path = _FOLDER / f"{language}.json"
    if not re.fullmatch("[a-z]{2}", language) or not path.is_file():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    return [(as_pattern(one), found[one]) for one in sorted(found, key=len, reverse=True)]


def as_pattern(sentence: str) -> re.Pattern[str]:
    """What the sentence is raised as: anything short stands where a name is in braces.

    What stands there ends where the words behind it come first ("(?>…)" tries no other place): a text that a browser
    made up can't keep us busy. What begins a sentence is a name, not another sentence that isn't known.
    """
    begin, *parts = re.split(r"\{(\w+)\}", sentence)  # text, then a name and a text, as often as there are names
    pieces = [re.escape(text) for text in parts[1::2]]
    ends = [*pieces[:-1], *(piece + r"(?=\s|$)" for piece in pieces[-1:])]
    letters = ["."] * len(ends) if begin else [r"(?:(?![.:] ).)", *["."] * (len(ends) - 1)]
    groups = zip(parts[::2], letters, ends, strict=True)
    named = "".join(f"(?>(?P<{name}>{letter}{{1,400}}?){end})" for name, letter, end in groups)
    return re.compile(re.escape(begin) + (named or r"(?=\s|$)"), re.DOTALL)
