"""Products that a sentence ties to a code.

Reads only "PRODUCT by MANUFACTURER, which is coded as CODE" and the like, where the names are
capitalised. Which codes a product is listed under elsewhere is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.codes import CodeMention

_NAME = r"[A-Z0-9][\w.'’®™©℠&-]*(?:,?\s(?:[A-Z0-9][\w.'’®™©℠&-]*|of|and|&)){0,6}"
_CODED_AS = (
    r"(?:which\s|that\s)?(?:is|are|was|were|has been|have been)\s(?:currently\s)?coded\sas\s"
    r"(?:an?\s|the\s|HCPCS\s|Level II\s|codes?\s)*$"
)
_BY_MAKER = re.compile(
    rf"(?:\b[Tt]he\s)?(?<![\w’'-])(?P<product>{_NAME}),?\s(?:made |manufactured )?by\s"
    rf"(?P<maker>{_NAME}),?\s{_CODED_AS}"
)
_MARKED = re.compile(
    rf"(?:\b[Tt]he\s)?(?<![\w’'-])(?P<product>{_NAME}(?:[®™℠]|\s?\((?:TM|R)\))),?\s{_CODED_AS}"
)
_MARKS = re.compile(r"[®™©℠]|\s?\((?:TM|R|SM)\)")
_ARTICLE = re.compile(r"^(?:The|A|An)\s")
_NAME_REACH = 200


@dataclass(frozen=True, slots=True)
class Product:
    """A product coded as a code, with its manufacturer where one is named."""

    product: str
    manufacturer: str | None
    code: str
    start: int
    end: int


def find_products(
    text: str, sentence: tuple[int, int], mentions: tuple[CodeMention, ...]
) -> tuple[Product, ...]:
    """The products that a sentence of a text says are coded as a code."""
    found = []
    for mention in mentions:
        if not sentence[0] <= mention.start < sentence[1]:
            continue
        start = max(sentence[0], mention.start - _NAME_REACH)
        named = _BY_MAKER.search(text, start, mention.start)
        maker = named["maker"] if named else None
        if named is None:
            named = _MARKED.search(text, start, mention.start)
        if named is None:
            continue
        product = _ARTICLE.sub("", _MARKS.sub("", named["product"])).strip()
        found.append(
            Product(
                product=" ".join(product.split()),
                manufacturer=maker,
                code=mention.code,
                start=named.start(),
                end=mention.end,
            )
        )
    return tuple(found)
