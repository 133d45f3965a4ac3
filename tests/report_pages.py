"""A report as a test reads it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET


class Page(HTMLParser):
    """Tables, facts and pictures of a report; every tag is counted."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.tables: list[list[list[str]]] = []
        self.facts: dict[str, str] = {}
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self._inside = ""
        self._term = ""
        self.feed(self.text)
        drawn = re.findall(r"<svg .*?</svg>", self.text, re.DOTALL)
        self.pictures = [ET.fromstring(svg) for svg in drawn]  # noqa: S314

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action"}]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")
        if tag in {"td", "th", "dt", "dd"}:
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th", "dt", "dd"}:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in {"td", "th"}:
            self.tables[-1][-1][-1] += data
        elif self._inside == "dt":
            self._term = data
        elif self._inside == "dd":
            self.facts[self._term] = data

    def titles(self, picture: int) -> list[str]:
        return [element.text or "" for element in self.pictures[picture].iter() if element.tag.endswith("title")]
