"""Globs as regular expressions that no text can keep busy."""

from __future__ import annotations

import re


def glob_regex(glob: str, char: str = ".") -> str:
    """A glob as the text of a regex for a full match.

    `?` stands for one `char`, which is a regex too, and `*` for any number of them. What stands
    between two stars is taken where it is first found, for good: going back to find it elsewhere
    can match nothing more, and with a few stars it takes minutes.
    """
    first, *others = (re.escape(part).replace(r"\?", char) for part in glob.split("*"))
    if not others:
        return first
    *inner, last = others
    return "".join([first, *(f"(?>{char}*?{part})" for part in inner if part), f"{char}*", last])
