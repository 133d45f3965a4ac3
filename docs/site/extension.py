"""Griffe extension: finds the public names and rewrites the docstrings of the package once it is loaded."""

from typing import Any

import griffe

import docstrings
import pages


class Docstrings(griffe.Extension):
    """Rewrites every docstring of the package once it is loaded."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Say what each public name means, then rewrite."""
        for path in pages.MODULES:
            _prefer_functions(pkg if path == "prefcore" else pkg[path.removeprefix("prefcore.")])
        _rewrite(pkg)


def _rewrite(item: Any) -> None:
    if item.docstring is not None:
        item.docstring.value = docstrings.markdown(item.docstring.value, _linker(item))
    for member in item.members.values():
        if not member.is_alias:
            _rewrite(member)


def _prefer_functions(module: griffe.Module) -> None:
    """Where a function has the name of its file, the name means the function, as at run time."""
    for name in module.exports or ():
        target = module.imports.get(str(name), "")
        if str(name) in module.modules and target.startswith(f"{module.path}.{name}."):
            module.set_member(str(name), griffe.Alias(str(name), target, parent=module))


def _linker(item: Any) -> docstrings.Link:
    """Links to public names, those of the item's own module first; none to the item itself."""
    parts = item.canonical_path.split(".")
    parents = (".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1))
    home = next(path for path in parents if path in pages.MODULES) if len(parts) > 1 else "prefcore"
    return lambda text: f"`{text}`" if text == item.name else pages.linked(text, home)
