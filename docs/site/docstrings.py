"""The project's docstrings to Markdown that mkdocstrings renders.

A docstring here is read in a terminal first: plain formulas, `Returns:`, `Raises:` and `Source:` on one line, doctests
without a heading. Formulas become TeX for KaTeX, doctests code, names in backticks links; all else stays as it is.
"""

import re
from collections.abc import Callable
from html import escape

import formulas

INLINE = re.compile(r"`+[^`]+`+")
FIELD = re.compile(r"(Returns|Yields|Raises|Source): ?(.*)", re.DOTALL)
Link = Callable[[str], str]
ERROR = re.compile(r"\b[A-Z]\w+Error\b")


def is_formula(paragraph: str) -> bool:
    """Whether a paragraph is a formula: it has a sign of one and does not end like a sentence."""
    plain = re.sub(r'"[^"]*"', "", INLINE.sub("", paragraph))
    return bool(re.search(r"[=<>^/+\[]|\w\(", plain)) and paragraph.rstrip()[-1] not in ".:;"


def markdown(docstring: str, link: Link = lambda name: f"`{name}`") -> str:
    """Markdown of a docstring; `link` makes the text of a name in backticks."""
    summary, *paragraphs = re.split(r"\n\n+", docstring.strip())
    blocks = [_prose(summary, link), *(block for part in paragraphs for block in _blocks(part, link))]
    return "\n\n".join(blocks)


def _blocks(paragraph: str, link: Link) -> list[str]:
    """Blocks of a paragraph, which may hold several fields and an example, one after the other."""
    parts = re.split(r"\n(?=(?:Args|Returns|Yields|Raises|Source|Attributes):|>>> )", paragraph)
    return [_block(part, link) for part in _join_examples(parts)]


def _join_examples(parts: list[str]) -> list[str]:
    joined: list[str] = []
    for part in parts:
        if part.startswith(">>> ") and joined and joined[-1].startswith(">>> "):
            joined[-1] += "\n" + part
        else:
            joined.append(part)
    return joined


def _block(text: str, link: Link) -> str:
    if text.startswith(">>> "):
        return f"```pycon\n{re.sub(r'  # doctest:.*', '', text)}\n```"
    if text.startswith("Args:"):
        return re.sub(r"(?m)^(    [*\w, ]+: |)(.*)$", lambda m: m[1] + _prose(m[2], link), text)
    if field := FIELD.match(text):
        return _field(field[1], re.sub(r"\n\s*", "\n", field[2]), link)
    if text.startswith(("    ", "|")):  # code, a table
        return text
    return "\n".join(map(_formula, text.splitlines())) if is_formula(text) else _prose(text, link)


def _field(name: str, text: str, link: Link) -> str:
    """A field in bold, its errors as links; names in a source are mostly those of others."""
    if name == "Source":
        return f"**Source:** {_prose(text, lambda found: link(found) if '.' in found else f'`{found}`')}"
    prose = _prose(text, link)
    return f"**{name}:** {ERROR.sub(lambda found: link(found[0]), prose) if name == 'Raises' else prose}"


def _formula(line: str) -> str:
    """A line of a formula: TeX for KaTeX, its own text for the search; it may break where two spaces stand."""
    clauses = [
        f'<span class="formula" data-tex="{escape(formulas.tex(clause))}">{escape(clause)}</span>'
        for clause in re.split(r"(?<=\S)\s{2,}", line)
    ]
    return f"<div>{' '.join(clauses)}</div>"


def _prose(text: str, link: Link) -> str:
    """Text in which Markdown finds nothing but the code in backticks."""
    pieces, at = [], 0
    for match in INLINE.finditer(text):
        pieces += [re.sub(r"([\\*_\[\]<>{}])", r"\\\1", text[at : match.start()]), link(match[0].strip("`"))]
        at = match.end()
    return "".join(pieces) + re.sub(r"([\\*_\[\]<>{}])", r"\\\1", text[at:])
