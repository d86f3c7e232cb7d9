"""The answers of a lookup in words, so that no two kinds of answer can be mistaken.

Only words and their layout: what the answer is, is decided in `flows.answers.lookup`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby

from flows.answers.code_states import CodeState
from flows.answers.lookup import Answer
from flows.answers.printed_facts import Fact
from flows.table_text import labelled, one_line
from schemas.statuses import STATUSES

_SPECIMEN = "(a specimen in our own words: do not cite)"
# Longer lines are cut here; JSON has them whole.
_SHOWN_LINE = 120
_NOT_THE_SAME = "that is not the same as 'no authorization needed'"
_DATES_ARE = {
    "dos": "dates of service",
    "request": "dates of the request",
    "unknown": "not said whether dates of service or of the request",
}


def text(answers: Sequence[Answer]) -> str:
    """All answers, a block for each code and payer, then the duties that concern the code."""
    blocks: list[str] = []
    for _, same_code in groupby(answers, key=lambda answer: (answer.code, answer.modifiers)):
        of_code = list(same_code)
        blocks += ["\n".join(_block(answer)) for answer in of_code]
        duties = {duty["row_key"]: duty for answer in of_code for duty in answer.requirements}
        if duties:
            blocks.append("\n".join(_duties(of_code[0].code, duties.values())))
    return "\n\n".join(blocks)


def _block(answer: Answer) -> list[str]:
    asked = "-".join((answer.code, *answer.modifiers))
    name = answer.payer_name or answer.payer or "any payer"
    known_as = f" ({answer.payer})" if answer.payer and answer.payer_name else ""
    lines = [f"{asked} at {one_line(name)}{known_as}"]
    if answer.answer == "not_ingested":
        lines.append(f"  NOT INGESTED: {_why_unknown(answer)}")
    elif answer.answer == "not_listed":
        lines.append(f"  NOT LISTED{_where_not_listed(answer)}; {_NOT_THE_SAME}")
    else:
        lines.append(f"  LISTED, {_applicable(answer)}")
        for number, rule in enumerate(answer.rules, start=1):
            lines += _rule(number, rule)
    lines += labelled(
        (
            *(("not then", _not_in_force(rule)) for rule in answer.rules_not_in_force),
            ("code", _of_unlisted(answer.code_state)),
            ("list", answer.list_freshness),
            ("note", answer.explanation if answer.answer != "not_ingested" else None),
            *(("held back", _printed_line(fact)) for fact in answer.held_back),
            ("and more", _lines_not_shown(answer)),
            ("disputed", _disputed(answer.contradictions)),
        ),
        indent="  ",
    )
    return lines


def _where_not_listed(answer: Answer) -> str:
    """What was read and, where that is not everything, which lists were not."""
    if not answer.lists_not_read:
        return f": the list was read whole on {answer.list_read_on} and the code is not on it"
    names = ", ".join(
        f"{one_line(version['title'])!r} "
        f"({version['line_of_business'] or 'line of business not stated'})"
        for version in answer.lists_not_read
    )
    return (
        f" in what was read, on {answer.list_read_on}; NOT READ, or not to the end: {names}, which "
        "may list it"
    )


def _cut(text: str) -> str:
    from schemas.codes import shortened  # noqa: PLC0415 (compiles many patterns)

    return shortened(one_line(text), _SHOWN_LINE)


def _printed_line(fact: Fact) -> str:
    printed = _cut(fact["place"]["raw_text"].replace("\t", " | "))
    return f"{printed!r} at {_place(fact['place'])}"


def _lines_not_shown(answer: Answer) -> str | None:
    left_out = answer.held_back_not_shown
    return f"{left_out} such rows that are not shown" if left_out else None


def _disputed(contradictions: Sequence[Fact]) -> str | None:
    """How many publications disagree about the code, and the strongest disagreement."""
    if not contradictions:
        return None
    strongest = contradictions[0]
    may = "; both may hold" if strongest["both_may_hold"] else ""
    count = len(contradictions)
    more = f"the strongest of {count} contradictions" if count > 1 else "1 contradiction"
    said = _cut(strongest["explanation"])
    return f"{more} about the code: {said} ({strongest['strength']}{may}); see --json"


def _ended(rule: Fact) -> str | None:
    """How a rule that was known on an earlier day ended."""
    if not rule["known_until"]:
        return None
    how = "the list says something else" if rule["end_basis"] == "changed" else "no longer listed"
    return f"{how}, found on {rule['known_until'][:10]}"


def _why_unknown(answer: Answer) -> str:
    said = one_line(answer.explanation)
    return said if answer.list_read_on else f"we have no such list; {said}"


def _applicable(answer: Answer) -> str:
    if answer.only_with_modifiers:
        return f"but only with {', '.join(answer.only_with_modifiers)}; {_NOT_THE_SAME}"
    if answer.not_in_force_on:
        return f"but no rule is in force on {answer.not_in_force_on}; {_NOT_THE_SAME}"
    return f"{len(answer.rules)} rule{'s' if len(answer.rules) != 1 else ''}"


def _rule(number: int, rule: Fact) -> list[str]:
    status = STATUSES[rule["pa_status"]]
    headline = f"  {number}. {status.name.replace('_', ' ').upper()}: {status.meaning}"
    pairs = [
        ("printed", f"{rule['pa_raw']!r} for {rule['code_raw']!r}"),
        ("range", _range(rule)),
        ("modifiers", ", ".join(rule["modifiers"] or ())),
        ("what", rule["description"]),
        ("scope", _scope(rule)),
        ("section", rule["section"]),
        ("reviewer", _reviewer(rule)),
        ("conditions", "; ".join(map(condition, rule["conditions"] or ()))),
        ("notes", rule["notes"]),
        ("in force", _dates(rule)),
        ("since then", _ended(rule)),
        ("flags", ", ".join(rule["flags"] or ())),
        ("answer in", rule["turnaround"]),
        ("valid for", rule["validity"]),
        ("code", _code_state(rule)),
        ("place", _cited(_place(rule["place"]), rule)),
        ("row", rule["row_key"]),
    ]
    return [headline, *labelled(pairs, indent="       ")]


def _code_state(rule: Fact) -> str | None:
    """What the code reference says of a code that was not valid at the list's date."""
    if rule["code_active"] is not False or rule["matched_by"] != "code":
        return None
    return _invalid(rule["code_active_on"], rule["code_ended_on"], rule["code_replaced_by"])


def _of_unlisted(state: CodeState) -> str | None:
    """The same of a code for which no rule is shown."""
    if state.active is not False:
        return None
    return _invalid(state.on, state.ended_on, state.replaced_by)


def _invalid(day: object, ended_on: object, replaced_by: Sequence[str] | None) -> str:
    if ended_on is None:
        return f"not valid on {day}"
    replaced = " and ".join(replaced_by or ())
    return f"ended on {ended_on}" + (f", replaced by {replaced}" if replaced else "")


def _not_in_force(rule: Fact) -> str:
    """A rule that is there, but not on the day asked for."""
    status = STATUSES[rule["pa_status"]].name.replace("_", " ").upper()
    start, end = rule["effective_from"], rule["effective_to"]
    days = [f"starts on {start}"] if start else []
    days += [f"ends on {end}, that day excluded"] if end else []
    said = ", ".join(days)
    return f"{status} {said} ({_DATES_ARE[rule['date_semantics']]}); {_place(rule['place'])}"


def _range(rule: Fact) -> str | None:
    if rule["matched_by"] == "code":
        return None
    if rule["matched_by"] == "pattern":
        return f"the code lies in {rule['code_pattern']}; the list does not name it alone"
    return f"the code lies in {rule['code']} to {rule['code_end']}; the list does not name it alone"


def _scope(rule: Fact) -> str:
    where = rule["state"] or "not limited to a state"
    return f"{rule['line_of_business'].replace('_', ' ')}, {where}"


def _reviewer(rule: Fact) -> str | None:
    known: str | None = rule["reviewer"]
    printed: str | None = rule["reviewer_raw"]
    if known and printed and known != printed:
        return f"{known} (printed: {printed})"
    return known or printed


def condition(said: Fact) -> str:
    """A condition in words, with what is printed."""
    limit = [said[part] for part in ("operator", "value", "unit") if said[part]]
    named = " ".join([said["type"].replace("_", " "), *limit])
    return f"{named} ({said['raw']!r})"


def _dates(rule: Fact) -> str | None:
    start, end = rule["effective_from"], rule["effective_to"]
    if not start and not end:
        return "no dates stated"
    from_day = f"from {start}" if start else "start not stated"
    to_day = f"until {end}, that day excluded" if end else "end not stated"
    basis = rule["effective_basis"].replace("_", " ")
    return f"{from_day}, {to_day} ({_DATES_ARE[rule['date_semantics']]}; basis: {basis})"


def duty_in_words(duty: Fact) -> str:
    """A dated duty, who states it and where, in one clause."""
    stated_by = f", stated by {duty['publisher']}" if duty["publisher"] else ""
    return f"{_duty(duty)}{stated_by} ({_cited(_place(duty['place']), duty)})"


def _duty(duty: Fact) -> str:
    start = date.fromisoformat(duty["effective_from"])
    later = "" if duty.get("in_force", True) else ", not yet in force on the day asked for"
    return f"{duty['requirement'].replace('_', ' ').upper()} from {start}{later}"


def _duties(code: str, duties: Iterable[Fact]) -> list[str]:
    lines = [f"Dated duties about {code}"]
    for number, duty in enumerate(duties, start=1):
        lines.append(f"  {number}. {_duty(duty)}")
        lines += labelled(
            (
                ("stated by", _cited(duty["publisher"], duty)),
                ("authority", duty["authority"]),
                ("list", duty["list_referenced"]),
                ("dates are", _DATES_ARE[duty["date_semantics"]]),
                ("sentence", duty["sentence"]),
                ("place", _cited(_place(duty["place"]), duty)),
                ("row", duty["row_key"]),
            ),
            indent="       ",
        )
    return lines


def _cited(said: str | None, fact: Fact) -> str | None:
    """A publisher or place, with a warning where the document is not the publication itself."""
    return " ".join(filter(None, (said, _SPECIMEN))) if fact["is_specimen"] else said


def _place(place: Fact) -> str:
    """A place, with the copy it is in where that is not the one that the answer rests on."""
    copy = place.get("copy_first_seen")
    other = f" of the copy first seen on {copy}" if copy else ""
    return (
        f"{place['source']}/{place['document']}, page {place['page']}, line {place['line']}{other}"
    )
