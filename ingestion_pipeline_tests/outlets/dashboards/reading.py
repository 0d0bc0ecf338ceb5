"""A page as a program reads it: its links with their text, its heading, its forms' fields."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(frozen=True)
class Link:
    """Where a link leads, and what it says."""

    to: str
    says: str


@dataclass
class Read:
    """What stands on a page.

    Attributes:
        heading: its h1.
        links: in their order.
        fields: name and value of each hidden field, in their order.
        tags: what it is made of: tag and attributes.
    """

    heading: str = ""
    links: list[Link] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read = Read()
        self._to: str | None = None
        self._says = ""
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.read.tags.append((tag, given))
        if tag == "a":
            self._to, self._says = given["href"], ""
        elif tag == "h1":
            self._in_heading = True
        elif tag == "input" and given.get("type") == "hidden":
            self.read.fields.append((given["name"], given["value"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._to is not None:
            self.read.links.append(Link(self._to, self._says))
            self._to = None
        elif tag == "h1":
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        self._says += data
        if self._in_heading:
            self.read.heading += data


def read(text: str) -> Read:
    """What stands on a page."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.read
