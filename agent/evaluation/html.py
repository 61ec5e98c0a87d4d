"""A few lines that build HTML and SVG with everything escaped that is not markup already."""

from collections.abc import Sequence
from html import escape

VOID = ("meta", "img", "circle", "line", "rect", "polyline", "col")


class Markup(str):
    """Text that is HTML; any other str is escaped where it is put."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | float | bool | None) -> Markup:
    """Return one element. An underscore in an attribute's name is a dash, one at its end is dropped (class_).

    Attributes that are None or False are left out, True stands without a value.

    >>> tag("td", "a < b", class_="left", data_value=3)
    '<td class="left" data-value="3">a &lt; b</td>'
    """
    words = [name]
    for key, value in attributes.items():
        word = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(word)
        elif value is not None and value is not False:
            words.append(f'{word}="{escape(str(value))}"')
    opening = f"<{' '.join(words)}>"
    if name in VOID:
        return Markup(f"{opening[:-1]}/>")
    return Markup(f"{opening}{join(children)}</{name}>")


def join(parts: Sequence[str], between: str = "") -> Markup:
    """Put parts behind one another, escaping those that are no Markup."""
    return Markup(between.join(part if isinstance(part, Markup) else escape(part) for part in parts))


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[Markup]],
    *,
    last: Sequence[Markup] = (),
    sortable: bool = True,
) -> Markup:
    """Return a table; `rows` hold td elements. Sortable heads are buttons that report.js listens to.

    last: a row that stays below however the others are sorted.
    """
    cells = [tag("th", tag("button", name, type="button") if sortable and name else name, scope="col") for name in head]
    body = [tag("tr", *row) for row in rows]
    if last:
        body.append(tag("tr", *last, class_="overall"))
    whole = tag("table", tag("thead", tag("tr", *cells)), tag("tbody", *body), class_="sortable" if sortable else None)
    return tag("div", whole, class_="wide")


def cell(text: str, value: float | str | None = None, **attributes: str) -> Markup:
    """Return a td; `value` is what it is sorted by when that is not its text."""
    return tag("td", text, data_value=value, **attributes)
