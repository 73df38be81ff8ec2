"""HTML made of escaped text: nothing gets into a page unescaped but what `tag` returns."""

from __future__ import annotations

import html
from typing import Final

from corex.testing.report.words import visible

_VOID: Final = frozenset({"meta", "input", "br"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(value: object) -> Html:
    """The value as HTML: itself if it is that already, else its text with everything escaped."""
    return value if isinstance(value, Html) else Html(html.escape(visible(value)))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """An element. Attributes of value None are left out; `class_` is class, `data_x` data-x."""
    opening = name
    for key, value in attributes.items():
        if value is not None:
            written = key.rstrip("_").replace("_", "-")
            opening += f" {written}" if value is True else f' {written}="{escape(value)}"'
    if name in _VOID:
        return Html(f"<{opening}>")
    return Html(f"<{opening}>{''.join(map(escape, children))}</{name}>")


def join(children: list[Html], between: str = "\n") -> Html:
    """Several elements, one after the other."""
    return Html(between.join(children))


def coded(text: str) -> Html:
    """Text in which backticks set off code."""
    parts = text.split("`")
    return join([tag("code", x) if i % 2 else escape(x) for i, x in enumerate(parts)], "")


def table(head: list[object], body: list[Html], caption: str = "", **attributes: object) -> Html:
    """A table in a box of its own that scrolls sideways; `head` are texts or finished cells."""
    cells = [h if isinstance(h, Html) else tag("th", h, scope="col") for h in head]
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption) if caption else "",
            tag("thead", tag("tr", *cells)),
            join(body) if body and body[0].startswith("<tbody") else tag("tbody", join(body)),
            **attributes,
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption or "table",
    )
