"""Great Expectations, run on a frame: the only module that imports it, and only when called.

Builds the suite in code from `Check`s in an ephemeral context with analytics off, and reads the
failing rows from `unexpected_index_list` with `result_format` COMPLETE: its other lists stop at
200 values. Fails closed: an expectation that raises, is missing from the results, or whose list
of rows is shorter than its count stops the validation.
"""

from __future__ import annotations

import html
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from schemas.suites import Check

if TYPE_CHECKING:
    import pandas as pd

ROW = "row"

# Great Expectations keeps its current context in a global.
_ONE_AT_A_TIME = threading.Lock()
_REMOTE = re.compile(
    r"<script\b[^>]*\bsrc=[^>]*>\s*</script>|<link\b[^>]*\bhref=\"https?://[^>]*>"
    r"|<img\b[^>]*\bsrc=\"https?://[^>]*>|<footer\b.*?</footer>",
    re.IGNORECASE | re.DOTALL,
)
# The page shows a sample of the failing values; the whole lists would only make it large.
_WHOLE_LISTS = ("unexpected_list", "unexpected_index_list", "unexpected_index_query")
# Pages of a whole site, of which we keep the results alone.
_ELSEWHERE = re.compile(r"\bhref=\"(?:\.\./)+[^\"]*\"")
_OFFLINE_HEAD = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    "<style>body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #ccc;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}.navbar,.cooltip,#walkthrough-btn{display:none}"
    # Signs in place of the icon font, for the outcome of each expectation.
    ".fa-check-circle::before{content:'\\2713'}.fa-times::before{content:'\\2717'}"
    ".fa-exclamation-triangle::before{content:'!'}.card.mb-3{display:none}</style>"
)


class GateBroken(RuntimeError):
    """A validation that gave no trustworthy answer; nothing it looked at may be published."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A check that failed, and the rows (values of the column `row`) that failed it."""

    check: Check
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a suite: what failed, and its page of data docs."""

    failures: tuple[Failure, ...]
    page: str


def start_up() -> None:
    """Import Great Expectations; costs seconds, so a run does it beside other work."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ.setdefault("DO_NOT_TRACK", "1")
    import great_expectations  # noqa: F401, PLC0415


def run_checks(name: str, frame: pd.DataFrame, checks: Sequence[Check]) -> Report:
    """Hold a frame against checks. Row checks need a column `row` that numbers the rows."""
    with _ONE_AT_A_TIME:
        return _run(name, frame, checks)


def _run(name: str, frame: pd.DataFrame, checks: Sequence[Check]) -> Report:
    start_up()
    import great_expectations as gx  # noqa: PLC0415
    from great_expectations.data_context.types.base import (  # noqa: PLC0415
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.expectations.expectation_configuration import (  # noqa: PLC0415
        ExpectationConfiguration,
    )

    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )
    batch = (
        context.data_sources.add_pandas("rows")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("all")
    )
    suite = gx.ExpectationSuite(name=name)
    for number, check in enumerate(checks):
        suite.add_expectation_configuration(
            ExpectationConfiguration(
                type=check.expectation,
                kwargs=_arguments(check),
                meta={"gate": check.gate, "check": number},
            )
        )
    definition = gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add(suite))
    result = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": frame},
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [ROW],
            "include_unexpected_rows": False,
        },
    )
    found = {entry.expectation_config.meta["check"]: entry for entry in result.results}
    if sorted(found) != list(range(len(checks))):
        raise GateBroken(f"{name}: {len(checks) - len(found)} expectations gave no result")
    failures = [
        Failure(check, _failing_rows(name, check, found[number]))
        for number, check in enumerate(checks)
        if not found[number].success
    ]
    return Report(tuple(failures), _page(result))


def _arguments(check: Check) -> dict[str, Any]:
    if check.when is None:
        return check.arguments
    from great_expectations.expectations.row_conditions import Column  # noqa: PLC0415

    column, value = check.when
    return check.arguments | {"row_condition": Column(column) == value}


def _failing_rows(name: str, check: Check, entry: Any) -> tuple[int, ...]:
    raised = entry.exception_info or {}
    messages = [raised] if "raised_exception" in raised else list(raised.values())
    for message in messages:
        if message.get("raised_exception"):
            raise GateBroken(
                f"{name}: {check.expectation} on {check.arguments} raised "
                f"{message.get('exception_message')!r}"
            )
    listed = entry.result.get("unexpected_index_list") or []
    counted = entry.result.get("unexpected_count")
    if counted != len(listed) or not listed:
        raise GateBroken(
            f"{name}: {check.expectation} on {check.arguments} counts {counted} failing rows "
            f"and lists {len(listed)}"
        )
    return tuple(sorted(int(index[ROW]) for index in listed))


def _page(result: Any) -> str:
    """The result's page of data docs, without anything that a browser would fetch elsewhere.

    Printed values are escaped here, since the library puts them into the page as they are.
    """
    from great_expectations.render.renderer import ValidationResultsPageRenderer  # noqa: PLC0415

    for entry in result.results:
        entry.result = _escaped(entry.result)
    page = _page_view().render(ValidationResultsPageRenderer().render(result))
    page = _ELSEWHERE.sub("", _REMOTE.sub("", page))
    return page.replace("<head>", "<head>" + _OFFLINE_HEAD, 1)


@cache
def _page_view() -> Any:
    """One view for all pages: each new one compiles its templates anew."""
    from great_expectations.render.view import DefaultJinjaPageView  # noqa: PLC0415

    return DefaultJinjaPageView()


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, dict):
        return {name: _escaped(item) for name, item in value.items() if name not in _WHOLE_LISTS}
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    return value
