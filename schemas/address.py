"""Where a publication is on the web, as a source's YAML says it.

Either a fixed address, or a page and the way from its links to the publication, since publishers
put dates into file names. Nothing here asks the web; what may be asked, and how often, is not
known here either.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.yaml_values import Pattern, Slug, Strict

# What a named group in the pattern of a link may say of its date; `part` is a letter or number
# that orders the files of one year, such as the a to d of quarterly files.
LINK_DATE = ("year", "month", "day", "quarter", "part")
_PLACEHOLDER = re.compile(r"\{([a-z0-9_]+)\}")
_WEB = re.compile(r"https?://(?P<host>[^\s{}@/?#]+)(?:[/?#]\S*)?")


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
HeaderText = Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]


class LinkRule(Strict):
    """Which link of a page leads on: by its address, by its text, or by both.

    Patterns are searched, `href` in the whole address without its percent signs. Named groups
    (`year`, `month`, `day`, `quarter`, `part`) say how new a link is; the newest is taken.
    """

    href: Pattern | None = None
    text: Pattern | None = None

    @model_validator(mode="after")
    def _says_something(self) -> LinkRule:
        patterns = [pattern for pattern in (self.href, self.text) if pattern is not None]
        if not patterns:
            raise ValueError("a link needs href, text or both")
        names = [name for pattern in patterns for name in re.compile(pattern).groupindex]
        for name in names:
            if name not in LINK_DATE:
                raise ValueError(f"group {name!r} is not one of {', '.join(LINK_DATE)}")
        if len(set(names)) < len(names):
            raise ValueError("href and text both name one group; say it once")
        if names and "year" not in names:
            raise ValueError("a date needs the group year")
        return self


class Secret(Strict):
    """Where a secret is: in an environment variable, or in a Prefect block of the kind Secret."""

    env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    block: Annotated[str, Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")] | None = None

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Secret:
        if (self.env is None) == (self.block is None):
            raise ValueError("a secret is in env or in block, one of them")
        return self


class Address(Strict):
    """Where the publication is, and what a look at it should bring.

    `url` is the publication itself; or `page` shows links, and `links` says which to take, page
    by page, the last one leading to the publication. A link may lead to the page's own host or to
    one of `hosts`. `ahead` takes also what is dated after today. `format` is what should come; the
    ending of the address says it where this does not. `contains` must be found in a text or web
    page. A body larger than `most_megabytes`, or smaller than `least_share` of the last version,
    is refused. `{name}` in `url`, `page` and `headers` stands for the secret of that name.
    """

    url: str | None = None
    page: str | None = None
    links: tuple[LinkRule, ...] = ()
    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")], ...] = ()
    ahead: bool = False
    format: Literal["pdf", "html", "xlsx", "xls", "zip", "text", "json"] | None = None
    contains: Pattern | None = None
    most_megabytes: Annotated[int, Field(ge=1, le=4096)] = 256
    least_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    headers: dict[HeaderName, HeaderText] = {}
    secrets: dict[Slug, Secret] = {}

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Address:
        if (self.url is None) == (self.page is None):
            raise ValueError("an address is url or page, one of them")
        if (self.page is not None) != bool(self.links):
            raise ValueError("a page needs links, which say how to go on, and a url has none")
        if self.page is None and (self.hosts or self.ahead):
            raise ValueError("hosts and ahead speak of links, which a url has not")
        if not _WEB.fullmatch(self.start):
            raise ValueError(f"{self.start!r} does not begin with https://host")
        return self

    @model_validator(mode="after")
    def _names_its_secrets(self) -> Address:
        texts = (self.start, *self.headers.values())
        named = {name for text in texts for name in _PLACEHOLDER.findall(text)}
        for name in sorted(named ^ set(self.secrets)):
            what = "is used and not" if name in named else "is not used, though"
            raise ValueError(f"secret {name!r} {what} in secrets")
        return self

    @property
    def start(self) -> str:
        """The address that is asked first, with placeholders for secrets."""
        return self.url or self.page or ""

    @property
    def host(self) -> str:
        """The host that is asked first, with its port where the address gives one."""
        web = _WEB.fullmatch(self.start)
        return web["host"].lower() if web else ""
