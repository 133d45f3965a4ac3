"""Griffe extension: finds the public names and rewrites the docstrings of the package once it is loaded."""

from typing import Any

import griffe

import docstrings
import pages


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
            item.docstring.value = docstrings.markdown(item.docstring.value, _linker(item, names))
        for member in item.members.values():
            if not member.is_alias:
                self._rewrite(member, names)


def _prefer_functions(module: griffe.Module) -> None:
    """Where a function has the name of its file, the name means the function, as at run time."""
    for name in module.exports or ():
        target = module.imports.get(str(name), "")
        if str(name) in module.modules and target.startswith(f"{module.path}.{name}."):
            module.set_member(str(name), griffe.Alias(str(name), target, parent=module))


def _linker(item: Any, names: set[str]) -> docstrings.Link:
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
