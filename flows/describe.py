"""The descriptions in words that lie in a release: NOTES.md and index.html.

All are computed from the release's own facts; none is needed to read the Parquet.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Environment

from flows.data_package import data_package as data_package  # noqa: PLC0414 (flows.publish asks here)
from schemas.codes import shortened
from schemas.tables import PUBLISHED_STATUSES, TABLES, UNREAD_STATUSES

_LISTED_CHANGES = 200
_UNREAD = {
    "archived": "archived in raw/ and not read (extract: false)",
    "missing": "waiting for a first snapshot (fetch it, or precert add)",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>precert release {{ said.release }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top }
td.number { text-align: right }
.held { background: #fdecea } .stale, .missing { background: #fff6e0 }
.archived { background: #eef3f8 }
</style>
</head>
<body>
<h1>precert release {{ said.release }}</h1>
<p>Created {{ said.created_at }}{% if said.previous %}, after {{ said.previous }}{% endif %}.
<a href="NOTES.md">Notes</a>, <a href="datapackage.json">datapackage.json</a>,
<a href="release.json">release.json</a>.</p>
<h2>Tables</h2>
<table>
<tr><th>table</th><th>rows</th><th>one row is</th></tr>
{% for name, file in said.files.items() -%}
<tr><td><a href="{{ name }}">{{ name }}</a></td><td class="number">{{ file.rows }}</td>
<td>{{ tables[name.removesuffix(".parquet")].row_is }}</td></tr>
{% endfor -%}
</table>
<h2>Documents</h2>
<table>
<tr><th>source</th><th>title</th><th>status</th><th>rows</th><th>quarantined</th>
<th>reason</th><th>validation</th></tr>
{% for state in states -%}
<tr class="{{ state.status }}"><td>{{ state.source }}</td><td>{{ state.title }}</td>
<td>{{ state.status }}</td><td class="number">{{ state.rows }}</td>
<td class="number">{{ state.quarantined }}</td><td>{{ state.held_reason or "" }}</td>
<td>{% for page in pages[state.source, "held" if state.status == "held" else "published"] -%}
<a href="validation/{{ page }}">{{ page.rsplit("/", 1)[1].removesuffix(".html") }}</a> {% endfor -%}
</td></tr>
{% endfor -%}
</table>
<h2>Balance</h2>
<p>Lines seen = header lines + lines published + lines in quarantine + lines ignored by a rule.</p>
<table>
<tr><th>source</th><th>seen</th><th>headers</th><th>published</th><th>quarantined</th>
<th>ignored</th></tr>
{% for balance in said.balance -%}
<tr><td>{{ balance.source }}</td><td class="number">{{ balance.lines_seen }}</td>
<td class="number">{{ balance.headers }}</td><td class="number">{{ balance.row_lines }}</td>
<td class="number">{{ balance.quarantined }}</td>
<td>{% for rule, lines in balance.ignored.items() %}{{ rule }} {{ lines }}
{%- if not loop.last %}, {% endif %}{% endfor %}</td></tr>
{% endfor -%}
</table>
</body>
</html>
"""


def index_page(
    said: dict[str, Any], states: Sequence[dict[str, Any]], data_docs: Iterable[str]
) -> str:
    """The release's front page: tables, documents with links to their data docs, balance.

    `data_docs` are paths below validation/, as <source>/<published or held>/<page>.html.
    """
    pages: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in data_docs:
        source, state, _ = path.split("/")
        pages[source, state].append(path)
    template = Environment(autoescape=True).from_string(_PAGE)
    return template.render(said=said, states=states, tables=TABLES, pages=pages)


def balance_words(balance: dict[str, Any]) -> str:
    """The balance of one document in words, e.g. "738 lines = 42 headers + 643 published + ..."."""
    ignored = balance["ignored"]
    rules = ", ".join(f"{rule} {lines}" for rule, lines in ignored.items())
    shown = f" ({rules})" if rules else ""
    return (
        f"{balance['lines_seen']} lines = {balance['headers']} headers + "
        f"{balance['row_lines']} published + {balance['quarantined']} quarantined + "
        f"{sum(ignored.values())} ignored{shown}"
    )


def attention(states: Iterable[dict[str, Any]], quarantined: Iterable[dict[str, Any]]) -> list[str]:
    """What a reader of a release must know beside its rows: one line for each thing amiss.

    Sources of which nothing was ever retrieved are told in one line: they are no trouble, and a
    clone that has no network has many. So are those that are only archived.
    """
    lines = []
    unread: dict[str, list[str]] = {status: [] for status in UNREAD_STATUSES}
    for state in states:
        if state["status"] in unread:
            unread[state["status"]].append(state["source"])
        elif state["status"] not in ("current", "superseded"):
            reason = f": {state['held_reason']}" if state["held_reason"] else ""
            lines.append(f"{state['source']}: {state['status']}{reason}")
        if state["status"] in PUBLISHED_STATUSES:
            lines += [f"{state['source']}: {problem}" for problem in state["problems"] or ()]
    lines += [f"{_UNREAD[status]}: {', '.join(names)}" for status, names in unread.items() if names]
    for row in quarantined:
        lines.append(
            f"{row['source']}: in quarantine, page {row['page']}, line {row['line']}"
            f"{', ' + row['code'] if row['code'] else ''}: {'; '.join(row['reasons'])}"
        )
    return lines


def release_notes(
    said: dict[str, Any],
    states: Sequence[dict[str, Any]],
    changes: Sequence[dict[str, Any]],
    quarantined: Sequence[dict[str, Any]],
) -> str:
    """What a release brings, in words, per payer, in the form of Keep a Changelog."""
    lines = [f"# Release {said['release']}", "", f"{said['created_at'][:10]}", ""]
    amiss = attention(states, quarantined)
    if amiss:
        lines += ["## Attention", "", *(f"- {line}" for line in amiss[:_LISTED_CHANGES])]
        if len(amiss) > _LISTED_CHANGES:
            lines.append(f"- and {len(amiss) - _LISTED_CHANGES} more")
        lines.append("")
    if said["previous"] is None:
        lines += ["The first release: there is nothing to compare it with.", ""]
    elif not changes:
        lines += [f"No row differs from {said['previous']}.", ""]
    lines += _changes_by_payer(changes)
    lines += ["## Balance", ""]
    lines += [f"- {b['source']}: {balance_words(b)}; {b['rows']} rows" for b in said["balance"]]
    return "\n".join(lines) + "\n"


def _changes_by_payer(changes: Sequence[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    by_payer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for change in changes:
        by_payer[change["payer"] or "publications"].append(change)
    for payer, all_changes in sorted(by_payer.items()):
        lines += [f"## {payer}", ""]
        for op, heading in (("add", "Added"), ("modify", "Changed"), ("remove", "Removed")):
            chosen = [change for change in all_changes if change["op"] == op]
            if not chosen:
                continue
            lines += [f"### {heading}", ""]
            lines += [f"- {_in_words(change)}" for change in chosen[:_LISTED_CHANGES]]
            if len(chosen) > _LISTED_CHANGES:
                counted = Counter(change["table"] for change in chosen[_LISTED_CHANGES:])
                rest = ", ".join(f"{times} in {table}" for table, times in sorted(counted.items()))
                lines.append(f"- and more: {rest}; see changes.parquet")
            lines.append("")
    return lines


_CAUSES = {
    "publication": "",
    "reading": " (the same publication, read otherwise)",
    "quarantine": " (to quarantine, or back from it)",
}


def _in_words(change: dict[str, Any]) -> str:
    what = f"{change['table']}: {change['code'] or change['row_key']}{_CAUSES[change['cause']]}"
    row = json.loads(change["after"] or change["before"])
    scope = f" in {row['section']}" if row.get("section") else ""
    if change["op"] != "modify":
        status = f", {row['pa_status']}" if row.get("pa_status") else ""
        return f"{what}{scope}{status}"
    before = json.loads(change["before"])
    pairs = [
        f"{name} from {_value(before[name])} to {_value(row[name])}"
        for name in change["fields_changed"]
    ]
    return f"{what}{scope}: {'; '.join(pairs)}"


def _value(value: Any) -> str:
    return shortened("nothing" if value is None else str(value), 80)
