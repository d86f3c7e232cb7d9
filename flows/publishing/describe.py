"""The front page that lies in a release, index.html.

It is computed from the release's own facts, and not needed to read the Parquet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Environment

from schemas.tables import TABLES

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
