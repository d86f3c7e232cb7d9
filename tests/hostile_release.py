"""A third release of the store in `release_fixture` whose rules have texts that harm a careless
export: formulas, control characters, what XML forbids, what no cell of a workbook can hold.
"""

from __future__ import annotations

from typing import Any

from tests.release_fixture import SECOND, SECOND_MADE, Store, document, rule, write_release

THIRD = "000003-0c0c0c0c"
FORMULAS = ("=1+1", "+1", "-2+3", "@SUM(A1)", "  =HYPERLINK(1)", "\t=1", "＝1")
LONG = "0123456789" * 4_000
WIDE = "😀" * 20_000
PLAIN = (
    "'quoted already",
    'a "quotation", with a comma',
    "two\r\nlines",
    "one\rreturn",
    "one\nfeed",
    "nul \x00 bell \x07 tab \x0b escape \x1b",
    "_x0041_ is no A",
    "  blanks around  ",
    "00100",
    "1E5",
    "0240",
    "TRUE",
    "http://example.org/?a=1&b=<2>",
    "<b>&amp;</b>",
    "Ünïcode – “quotes”",
)
FORBIDDEN = "not in XML: \ufffe \uffff"
MARKUP = "<r><t>markup</t></r><f>1+1</f></r>"
TEXTS = (*FORMULAS, *PLAIN, FORBIDDEN, MARKUP, LONG, WIDE)
ITEMS = ["a; b", r"back\slash", "", "=1"]


def write_hostile(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Makes that release the latest; its rows by table."""
    rules = [
        rule(store, "acme_dme", 5, f"E{number:04}", notes=text, raw_text=text)
        for number, text in enumerate(TEXTS)
    ]
    numeric = rule(store, "acme_dme", 6, "00100", code_system="CPT", code_raw="00100")
    lists = document(store, "acme_dme", "acme", problems=ITEMS, title="=cmd|' /C calc'!A0")
    tables = {"prior_authorization": [*rules, numeric], "documents": [lists]}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE, tables)
    return tables
