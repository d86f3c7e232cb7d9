"""One look at a publication on the web: found, asked for, judged, and stored where it is new.

A body is stored whole or not at all, and a look that fails is remembered as one. How requests are
made is in `flows.web`; where a publication is, and what it should be, is the source's to say.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import Any

from flows import store
from flows.settings import Settings
from flows.store import FailedLook, Look
from flows.web.addresses import target_of
from flows.web.asking import Answer
from flows.web.credentials import CredentialError, Credentials, credentials_of, hidden
from flows.web.failure import FetchError, NotAsked, Unresolved
from flows.web.finding import Found, find
from flows.web.hosts import LONGEST_ABSENCE
from flows.web.judging import judge
from flows.web.shown import shown
from flows.web.validators import (
    UNCONDITIONAL,
    Remembered,
    kept_headers,
    place_of,
    recall,
    remember,
)
from flows.web.visit import Visit, begin, get
from schemas.provenance import Snapshot
from schemas.source import Source

# How the line begins that says what came of a look.
NEW, RESTORED, UNCHANGED, SKIPPED = "new", "restored", "unchanged", "skipped"

# At most one body at a time is in memory, however many are on their way.
_in_memory = threading.Lock()


def fetch_document(
    settings: Settings,
    source: Source,
    environ: Mapping[str, str] = os.environ,
    block: Callable[[str], str] | None = None,
) -> str:
    """Look at a source's publication once and store what is new; what happened, in one line.

    A source without an address, or whose terms nobody has reviewed, is not asked. Secrets come
    from `environ`, or from `block` by the name of a block. Raises `FetchError`, which is
    remembered in seen.jsonl; only a host without an address is not, since then perhaps the whole
    network is away.
    """
    if reason := why_skipped(source):
        return reason
    _keep_away_as_asked(settings, source)
    credentials = None
    try:
        credentials = credentials_of(source, environ, block)
        with hidden(credentials):
            return _look(settings, source, credentials)
    except (FetchError, CredentialError) as error:
        assert source.address is not None
        failure = _sayable(error, credentials, source.address.host.partition(":")[0].rstrip("."))
        if not isinstance(failure, Unresolved):
            record_failure(settings, source, failure)
        # The errors behind it may print what this one hides.
        raise failure from None


def why_skipped(source: Source) -> str | None:
    """Why a source is not looked at, in one line; None where it is."""
    if source.address is None:
        return f"{SKIPPED}: no public address is known"
    if source.terms == "unreviewed":
        return f"{SKIPPED}: its terms are not reviewed"
    return None


def record_failure(settings: Settings, source: Source, failure: FetchError) -> None:
    """Remember that a look failed, since when and why."""
    at = store.next_instant(settings.raw, source.source, source.document)
    failed = FailedLook(at, str(failure), failure.not_before)
    store.record_look(settings.raw, source.source, source.document, failed)


def _sayable(
    error: FetchError | CredentialError, credentials: Credentials | None, first: str
) -> FetchError:
    """A failure in words without secrets; `first` is the host that is asked first."""
    if isinstance(error, CredentialError):
        return NotAsked(str(error))
    message = credentials.hide(str(error)) if credentials else str(error)
    kind: type[FetchError] = NotAsked if isinstance(error, NotAsked) else FetchError
    # A host that a page or a redirect names is gone: whoever named it was found.
    if isinstance(error, Unresolved) and error.host == first:
        kind = Unresolved
    return kind(message, passing=error.passing, not_before=error.not_before, status=error.status)


def _keep_away_as_asked(settings: Settings, source: Source) -> None:
    last = store.last_look(settings.raw, source.source, source.document)
    if not isinstance(last, FailedLook) or not last.not_before:
        return
    # A wait longer than the longest was written by a clock that was wrong.
    if 0 < (last.not_before - store.now()).total_seconds() <= LONGEST_ABSENCE:
        raise NotAsked(
            f"{source.source}: not asked, since its host wants no request before "
            f"{last.not_before:%Y-%m-%d %H:%M} UTC ({last.reason})",
            not_before=last.not_before,
        )


def _look(settings: Settings, source: Source, credentials: Credentials) -> str:
    assert source.address is not None
    versions = store.versions(settings.raw, source.source, source.document)
    last = versions[-1] if versions else None
    settings.raw.mkdir(parents=True, exist_ok=True)
    aside = settings.raw / f".look.{source.source}.{os.getpid()}"
    visit = begin(settings, aside, credentials)
    if credentials.headers():
        home = target_of(credentials.fill_url(source.address.start), settings.web.loopback)
        visit = replace(visit, home=home.origin)
    kept = settings.parts / source.source / source.document / "answers.json"
    now = store.now()
    with ExitStack() as cleanup:
        cleanup.callback(aside.unlink, missing_ok=True)
        found = find(visit, source, kept, now)
        key = credentials.hide(found.url)
        before = recall(kept, key)
        conditions = UNCONDITIONAL
        if last and before and before.content == last.sha256 and store.is_sound(settings.raw, last):
            conditions = before.conditions(now, settings.web.full_days)
        answer = get(visit, found.url, conditions, source.address.most_megabytes << 20)
        at = store.next_instant(settings.raw, source.source, source.document)
        if answer.body is None:
            # Only what was asked conditionally is answered so, and nothing is without a version.
            assert last is not None
            look = Look(at, last.sha256, "validator")
            store.record_look(settings.raw, source.source, source.document, look)
            return f"{UNCHANGED}{_later(found)}"
        said = _store(settings, source, visit, answer, last, at, found)
        headers = kept_headers(answer.headers, credentials)
        place = place_of(answer.url, credentials)
        remember(kept, key, Remembered(now, headers, answer.body.sha256, place))
        return said


def _store(
    settings: Settings,
    source: Source,
    visit: Visit,
    answer: Answer,
    last: Snapshot | None,
    at: datetime,
    found: Found,
) -> str:
    body = answer.body
    assert body is not None
    raw, document = settings.raw, source.document
    is_known = last is not None and last.sha256 == body.sha256
    if last is not None and is_known and store.is_sound(raw, last):
        store.record_look(raw, source.source, document, Look(at, body.sha256))
        return f"{UNCHANGED}{_later(found)}"
    facts = _facts(visit, answer, found)
    with _in_memory:
        judge(source, body.path.read_bytes(), answer, last, visit.credentials)
        store.put_file(raw, source.source, document, body.path, came="fetched", at=at, facts=facts)
    extra = f", {body.surplus} bytes more came than announced" if body.surplus else ""
    what = RESTORED if is_known else NEW
    return f"{what} {body.sha256[:12]}{extra}{_later(found)}"


def _facts(visit: Visit, answer: Answer, found: Found) -> dict[str, Any]:
    """Where a body came from, without a secret, and without what a redirect added as a query."""
    url = visit.credentials.hide(found.url)
    final = url if answer.url == found.url else visit.credentials.hide(shown(answer.url))
    headers = kept_headers(answer.headers, visit.credentials)
    return {"url": url, "final_url": final, "headers": headers}


def _later(found: Found) -> str:
    if not found.later:
        return ""
    return f"; dated later, and not taken yet: {', '.join(map(shown, found.later[:3]))}"
