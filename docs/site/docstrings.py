"""Griffe extension: the project's docstrings to Markdown that mkdocstrings renders.

A docstring here is read in a terminal first: plain formulas, `Returns:`, `Raises:` and `Source:` on one line, doctests
without a heading. Formulas become TeX for KaTeX, doctests code, names in backticks links; all else stays as it is.
"""

import re
from html import escape
from typing import Any

import griffe

import formulas
import pages

INLINE = re.compile(r"`+[^`]+`+")
FIELD = re.compile(r"(Returns|Yields|Raises|Source): ?(.*)", re.DOTALL)
ERROR = re.compile(r"\b[A-Z]\w+Error\b")


def is_formula(paragraph: str) -> bool:
    """Whether a paragraph is a formula: it has a sign of one and does not end like a sentence."""
    plain = re.sub(r'"[^"]*"', "", INLINE.sub("", paragraph))
    return bool(re.search(r"[=<>^/+\[]|\w\(", plain)) and paragraph.rstrip()[-1] not in ".:;`"


def markdown(docstring: str, link: Any = lambda name: f"`{name}`") -> str:
    """Markdown of a docstring; `link` makes the text of a name in backticks."""
    summary, *paragraphs = re.split(r"\n\n+", docstring.strip())
    blocks = [_prose(summary, link), *(block for part in paragraphs for block in _blocks(part, link))]
    return "\n\n".join(blocks)


def _blocks(paragraph: str, link: Any) -> list[str]:
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


def _block(text: str, link: Any) -> str:
    if text.startswith(">>> "):
        return f"```pycon\n{re.sub(r'  # doctest:.*', '', text)}\n```"
    if text.startswith("Args:"):
        return re.sub(r"(?m)^(    [*\w, ]+: |)(.*)$", lambda m: m[1] + _prose(m[2], link), text)
    if field := FIELD.match(text):
        body = re.sub(r"\n\s*", "\n", field[2])
        if field[1] == "Source":  # there names are those of others
            return f"**Source:** {_prose(body, lambda name: link(name) if '.' in name else f'`{name}`')}"
        body = ERROR.sub(lambda m: link(m[0]), _prose(body, link)) if field[1] == "Raises" else _prose(body, link)
        return f"**{field[1]}:** {body}"
    if text.startswith(("    ", "|")):
        return text
    if re.fullmatch(r"(\w+: .*\n?)+", text):
        return f"```yaml\n{text}\n```"
    if is_formula(text):
        return "\n".join(_formula(line) for line in text.splitlines())
    return _prose(text, link)


def _formula(line: str) -> str:
    """A line of a formula: TeX for KaTeX, its own text for the search; it may break where two spaces stand."""
    parts = re.split(r"(?<=\S)\s{2,}", line)
    return f'<div>{" ".join(f"""<span class="formula" data-tex="{escape(formulas.tex(x))}">{escape(x)}</span>""" for x in parts)}</div>'


def _prose(text: str, link: Any) -> str:
    """Text in which Markdown finds nothing but the code in backticks."""
    pieces, at = [], 0
    for match in INLINE.finditer(text):
        pieces += [re.sub(r"([\\*_\[\]<>{}])", r"\\\1", text[at : match.start()]), link(match[0].strip("`"))]
        at = match.end()
    return "".join(pieces) + re.sub(r"([\\*_\[\]<>{}])", r"\\\1", text[at:])


class Docstrings(griffe.Extension):
    """Rewrites every docstring of the package once it is loaded."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Find the public names, then rewrite."""
        modules = [pkg, *(pkg[path.removeprefix("prefcore.")] for path in pages.MODULES if path != "prefcore")]
        names = {f"{module.path}.{name}" for module in modules for name in module.exports or () if name[0] != "_"}
        for module in modules:
            _prefer_functions(module)
        self._rewrite(pkg, names | {path for path in pages.MODULES if path.count(".") > 1})

    def _rewrite(self, item: Any, names: set[str]) -> None:
        if item.docstring is not None:
            item.docstring.value = markdown(item.docstring.value, _linker(item, names))
        for member in item.members.values():
            if not member.is_alias:
                self._rewrite(member, names)


def _prefer_functions(module: griffe.Module) -> None:
    """Where a function has the name of its file, the name means the function, as at run time."""
    for name in module.exports or ():
        target = module.imports.get(str(name), "")
        if str(name) in module.modules and target.startswith(f"{module.path}.{name}."):
            module.set_member(str(name), griffe.Alias(str(name), target, parent=module))


def _linker(item: Any, names: set[str]) -> Any:
    home = next((path for path in _parents(item.canonical_path) if path in pages.MODULES), "prefcore")

    def link(text: str) -> str:
        name = text.removesuffix("()")
        for path in (f"{home}.{name}", f"prefcore.{name}", f"prefcore.errors.{name}"):
            if path in names and name != item.name:
                return f"[`{text}`][{path}]"
        return f"`` {text} ``" if "`" in text else f"`{text}`"

    return link


def _parents(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:n]) for n in range(len(parts) - 1, 1, -1)]
