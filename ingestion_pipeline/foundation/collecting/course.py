"""From page to page: what is asked next, and whether a list was read to its end.

Pure: what was said is taken in, the next URL comes out. Nothing ends a list but what the API says
(no cursor, `more` is false, the total is there, an empty page): a page that is shorter than it was
asked to be may be short because the API gives no more at once. And a list that ends while the
answer says in another way that there is more is not at its end (`signs.py`).
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import httpx

from ingestion_pipeline.foundation.collecting.signs import Sign, unfollowed
from ingestion_pipeline.foundation.errors import ContractError, TransientError
from ingestion_pipeline.foundation.http_api.words import Pages, Where

_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0", ""})


class ChangedListError(TransientError):
    """A list became shorter while it was read: some of it may have been passed over."""


@dataclass(frozen=True)
class Said:
    """What a page says.

    Attributes:
        number: of its records.
        digest: of them.
        find: what stands at a place of the answer; None: nothing does.
        link: the URL that its `Link` header calls the next one.
        nothing: whether it is the answer that stands for no records.
        signs: what it says of further records, in whatever way.
    """

    number: int
    digest: bytes
    find: Callable[[Where], str | None]
    link: str | None = None
    nothing: bool = False
    signs: Callable[[], Iterable[Sign]] = tuple


@dataclass
class Course:
    """The way through one list.

    Attributes:
        start: URL of its first page.
        follow: makes a URL of one that the API says, or refuses it.
    """

    how: Pages
    start: httpx.URL
    follow: Callable[[httpx.URL, str], httpx.URL]
    pages: int = 0
    records: int = 0
    total: int | None = None
    _offset: int = 0
    _seen: set[bytes] = field(default_factory=set)
    _last: bytes = b""
    _totals: list[Sign] = field(default_factory=list)

    def first(self) -> httpx.URL:
        """The URL of the first page."""
        how, url = self.how, self.start
        if how.size is not None:
            url = url.copy_set_param(how.size[0], str(how.size[1]))
        if how.style == "page":
            url = url.copy_set_param(how.query, str(how.first))
        if how.style == "offset":
            url = url.copy_set_param(how.query, "0")
        self.start = url
        self._seen.add(_digest(url))
        return url

    def after(self, url: httpx.URL, said: Said) -> httpx.URL | None:
        """The URL of the page after one; None: that was the last.

        Raises:
            ContractError: the list has no end, leads back, or ends before its total, or before what
                the answer says otherwise.
            ChangedListError: its total became smaller.
        """
        self.pages += 1
        self.records += said.number
        self._offset += said.number
        self._require_progress(said)
        if self.pages == 1:  # an empty page at the end may not say it again
            self._totals = [each for each in said.signs() if each.number]
        total = None if said.nothing else self._number(said, self.how.total, "total")
        self._note_total(total)
        following = None if said.nothing else self._following(url, said)
        if following is None:
            self._require_all()
            self._require_no_more(said)
            return None
        if self.pages >= self.how.most:
            raise ContractError(
                f"the list has more than {self.how.most:,} pages (pages.most), or no end"
            )
        if (digest := _digest(following)) in self._seen:
            raise ContractError(
                f"page {self.pages} leads back to one that was read (pages.{self.how.style})"
            )
        self._seen.add(digest)
        return following

    def _following(self, url: httpx.URL, said: Said) -> httpx.URL | None:
        more, how = self._more(said), self.how
        if how.style in ("page", "offset"):
            return self._counted(said, more)
        if how.style == "none":
            if more:
                raise ContractError("the answer says that there is more, and 'pages' says no way")
            return None
        cursor = said.link if how.style == "link" else said.find(how.at)
        if more is False:
            return None
        if not cursor or cursor == "false":
            if more:
                raise ContractError(
                    f"page {self.pages} says that there is more, and not where ({how.at})"
                )
            return None
        if how.style != "cursor":
            return self.follow(url, cursor)
        following = self.start.copy_set_param(how.query, cursor)
        if said.number == 0 and more is None and following == url:
            return None  # the cursor of who has reached the end and may come again
        return following

    def _counted(self, said: Said, more: bool | None) -> httpx.URL | None:
        how = self.how
        if more is False:
            return None
        if more is None:
            if self.total is not None and self.records >= self.total:
                return None
            of_pages = self._number(said, how.total_pages, "total_pages")
            if of_pages is not None:
                if self.pages >= of_pages:
                    return None
            elif said.number == 0:
                return None
        if how.style == "page":
            return self.start.copy_set_param(how.query, str(how.first + self.pages))
        if said.number == 0:
            raise ContractError(
                f"page {self.pages} is empty, and says that there is more; an offset leads nowhere"
            )
        return self.start.copy_set_param(how.query, str(self._offset))

    def _more(self, said: Said) -> bool | None:
        if self.how.more is None:
            return None
        text = said.find(self.how.more)
        if text is None or text.casefold() not in _TRUE | _FALSE:
            shown = "is not there" if text is None else f"is {text[:40]!r}"
            raise ContractError(
                f"{self.how.more} of page {self.pages} {shown}, and must be true or false "
                "(pages.more)"
            )
        return text.casefold() in _TRUE

    def _number(self, said: Said, at: Where | None, word: str) -> int | None:
        if at is None:
            return None
        text = said.find(at)
        if text is None or not (text.isascii() and text.isdigit() and len(text) < 16):
            shown = "is not there" if text is None else f"is {text[:40]!r}"
            raise ContractError(
                f"{at} of page {self.pages} {shown}, and must be a whole number (pages.{word})"
            )
        return int(text)

    def _note_total(self, total: int | None) -> None:
        if total is None:
            return
        if self.total is not None and total < self.total and self.how.style in ("page", "offset"):
            raise ChangedListError(
                f"the list had {self.total} records, and has {total} while it is read"
            )
        self.total = total

    def _require_progress(self, said: Said) -> None:
        """Whoever does not know our parameter sends the first page again and again."""
        if said.number and said.digest == self._last:
            raise ContractError(
                f"page {self.pages} has the same records as the page before it: does the API know "
                f"{self.how.query or 'where it leads'}? (pages.{self.how.style})"
            )
        self._last = said.digest

    def _require_all(self) -> None:
        if self.total is not None and self.records < self.total:
            raise ContractError(
                f"the pages say that there are {self.total} records, and {self.records} came "
                "(pages.total)"
            )

    def _require_no_more(self, said: Said) -> None:
        """The end by what `pages` follows, while something else leads on, is no end."""
        now = list(said.signs())
        places = {each.at for each in now}
        signs = [*now, *(each for each in self._totals if each.at not in places)]
        why = unfollowed(self.how, signs, pages=self.pages, records=self.records)
        if why is not None:
            raise ContractError(f"page {self.pages}: {why}")


def _digest(url: httpx.URL) -> bytes:
    return hashlib.blake2b(str(url).encode(), digest_size=12).digest()
