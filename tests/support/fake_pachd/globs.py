"""pachd's patterns as regular expressions: its own dialect, with its own oddities.

A backslash in a pattern takes the next character as it is, but the part of a pattern up to the
first special character is also compared literally: so escaping never finds anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fake_pachd.names import GLOB
from fake_pachd.refusals import plain

# Markers that a `!(...)` needs to find its end; they are no characters of any path.
_END, _BORDER = "\uffff", "\ufffe"
_ANY = "[^/]"
_QUANTIFIERS = {"*": "*", "?": "?", "+": "+", "@": ""}
_META = re.compile(r"([\\.+*?()|\[\]{}^$])")
_TEXT_ENDS = set("?*[{(@!^+")
_CLASSES = {
    ":alnum:": "0-9A-Za-z",
    ":alpha:": "A-Za-z",
    ":digit:": "0-9",
    ":lower:": "a-z",
    ":upper:": "A-Z",
    ":space:": "\t\n\v\f\r ",
    ":word:": "0-9A-Za-z_",
    ":xdigit:": "0-9A-Fa-f",
}


def literal_prefix(pattern: str) -> str:
    """What stands before the first special character."""
    found = GLOB.search(pattern)
    return pattern[: found.start()] if found else pattern


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a path, of a directory with its slash, matches a cleaned pattern."""
    regex = re.compile(_regex(pattern))

    def matches(path: str) -> bool:
        if path == "/" and pattern == "/":
            return True
        return bool(regex.match(path.rstrip("/")))

    return matches


def _regex(pattern: str) -> str:
    made = "".join(_Reader(pattern).alternatives(""))
    at = made.find(_END + ")")
    if at > 0:
        bounded = _BORDER in made[at:]
        made = made.replace(_END, "" if bounded else "$")
    return rf"\A{made.replace(_BORDER, '')}\Z"


def _quoted(text: str) -> str:
    return _META.sub(r"\\\1", text)


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._rest = pattern
        self._special: dict[str, Callable[[], str]] = {
            "(": lambda: self._capture("@"),
            "*": lambda: f"{_ANY}*{_BORDER}",
            "?": lambda: _ANY,
            "[": self._class,
            "{": self._inside_braces,
        }

    def alternatives(self, closing: str) -> list[str]:
        """Up to the closing character, or the end: what is left open counts as closed."""
        made, separator = [""], {"": "", "}": ",", ")": "|"}[closing]
        while self._rest:
            if closing and self._rest[0] in {closing, separator}:
                found = self._take(1)
                if found == closing:
                    break
                made.append("")
            else:
                made[-1] += self._piece(set(closing + separator))
        return made

    def _take(self, count: int) -> str:
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _piece(self, ends: set[str]) -> str:
        first, second = self._rest[0], self._rest[1:2]
        if first in "*?+@!^" and second == "(":
            return self._capture(self._take(2)[0])
        if first == "*" and second == "*" and self._rest[2:3] != "(":
            self._take(2)
            return ".*" + _BORDER
        if first not in self._special:
            return self._text(ends)
        self._take(1)
        return self._special[first]()

    def _inside_braces(self) -> str:
        return f"(?:{'|'.join(self.alternatives('}'))})"

    def _capture(self, kind: str) -> str:
        inside = self.alternatives(")")
        if kind in "!^":
            return f"((?:(?!(?:{(_END + '|').join(inside)}{_END})){_ANY}*))"
        return f"((?:{'|'.join(inside)}){_QUANTIFIERS[kind]})"

    def _class(self) -> str:
        negated, chars, named = "", "", False
        while True:
            if not self._rest:
                raise plain("unexpected end of input")
            one = self._take(1)
            if one == "\\":
                if not self._rest:
                    raise plain("unexpected end of input")
                chars += self._take(1)
            elif one == "]" and not named:
                break
            elif one in "!^" and not negated:
                negated = "^"
            else:
                named = one == "[" or (named and one != "]")
                chars += one
        for name, meaning in _CLASSES.items():
            chars = chars.replace(f"[{name}]", meaning)
        # A class of nothing matches nothing.
        return f"[{negated}{_quoted(chars)}]" if chars else "(?!)"

    def _text(self, ends: set[str]) -> str:
        text = ""
        while self._rest:
            one = self._rest[0]
            if text and one in _TEXT_ENDS | ends:
                break
            self._take(1)
            text += self._take(1) if one == "\\" else one
        return _quoted(text) + _BORDER
