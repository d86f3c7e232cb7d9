"""How often a claim is called a conflict that is one, and how often one that is none.

Run as `make bench`. Pairs are made by rule from the official words of HCPCS releases in ../shared:
true ones are two wordings of one code (long and short, 2019 and 2025), false ones the words of a
code against those of a neighbour whose long words differ in one place. The codes are halved by
their hash; errors were looked at in the development half alone. As the lists of
abbreviations and terms began from a listing of all codes and near neighbours of 2025, neighbours
farther apart, which were never listed, are a third part. Writes counts, and no descriptor.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from python_calamine import CalamineWorkbook

from benchmarks.results import ROOT, write
from extractors.prose.claims import judge

CMS = ROOT.parent / "shared" / "corpus" / "cms"
OLD = CMS / "hcpcs_2019_alpha_numeric_hcpcs_file.zip"
NEW = CMS / "hcpcs_2025_oct_anweb.xlsx"
# Neighbours: so far apart in number, of one letter; so many words replaced a side; so many shared.
NEAR, FAR = 12, 40
MOST_REPLACED = 3
LEAST_SHARED = 4
FORMS = ("long words against short", "short words against long", "2019 against 2025, reworded")

FARTHER = "held out, farther neighbours"

_LETTERED = re.compile(r"[A-Z]\d{4}")
_TOKEN = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*|[<>%/]")
_BODY = (
    "head neck face nasal eye ear shoulder elbow wrist hand finger fingers thumb arm chest thoracic"
    " lumbar sacral abdomen pelvis hip thigh knee leg ankle foot feet toe heel breast spine trunk"
    " extremity upper lower back waist symes disarticulation torso cervical calf hemipelvectomy"
    " above below interscapular"
)
_MATERIAL = (
    "plaster fiberglass plastic rubber leather metal titanium silicone wood laminated thermoplastic"
    " carbon latex hydrocolloid hydrogel alginate foam gauze collagen pneumatic solid steel gel"
    " aluminum glass composite"
)
_SIZES = (
    "small medium large short long adult pediatric infant child youth single double dual triple"
    " multiple one two three four first second half full heavy light standard < > up to over"
)
# An axis and words of which one in the replaced place makes a pair one of that axis.
AXES = (
    ("laterality", "left right bilateral unilateral binaural monaural both"),
    ("with/without, negation", "with without not no non did does never other"),
    ("custom/prefabricated", "custom customized prefabricated shelf fabricated molded"),
    ("unit", "each pair per diem hour hours month minutes session day mile trip week dose visit"),
    (
        "size/number",
        _SIZES,
    ),
    ("material", _MATERIAL),
    ("body part", _BODY),
)


@dataclass(frozen=True, slots=True)
class Words:
    """The long and the short words of one code in one release."""

    long: str
    short: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and official words; `kind` is the form of a true pair, or the axis of a false one."""

    code: str
    claimed: str
    long: str | None
    short: str | None
    is_true: bool
    kind: str
    is_far: bool = False

    @property
    def verdict(self) -> str:
        return judge(self.claimed, self.long, self.short).agreement


def releases() -> tuple[dict[str, Words], dict[str, Words]]:
    """The words of every code in 2019 and in October 2025."""
    with zipfile.ZipFile(OLD) as archive:
        name = next(name for name in archive.namelist() if re.search(r"ANWEB.*xlsx$", name))
        old = archive.read(name)
    return _words(old), _words(NEW.read_bytes())


def _words(workbook: bytes) -> dict[str, Words]:
    rows = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_index(0).to_python()
    heads = [[str(cell).strip().upper() for cell in row] for row in rows]
    at = next(number for number, row in enumerate(heads) if "LONG DESCRIPTION" in row)
    code, long, short = (
        heads[at].index(name) for name in ("HCPC", "LONG DESCRIPTION", "SHORT DESCRIPTION")
    )
    found: dict[str, Words] = {}
    for row in rows[at + 1 :]:
        name = str(row[code]).strip()
        if not _LETTERED.fullmatch(name):
            continue
        said = " ".join(str(row[long]).split())
        if name in found:
            found[name] = Words(f"{found[name].long} {said}", found[name].short)
        else:
            found[name] = Words(said, " ".join(str(row[short]).split()))
    return found


def is_held_out(code: str) -> bool:
    """Whether a code is of the half that nothing was made by."""
    return hashlib.sha256(code.encode()).digest()[0] % 2 == 1


def true_pairs(old: dict[str, Words], new: dict[str, Words]) -> Iterator[Pair]:
    """Two wordings of one code."""
    for code, words in new.items():
        if words.long.lower() != words.short.lower():
            yield Pair(code, words.long, None, words.short, True, FORMS[0])
            yield Pair(code, words.short, words.long, None, True, FORMS[1])
        before = old.get(code)
        if before and before.long.lower() != words.long.lower():
            yield Pair(code, before.long, words.long, words.short, True, FORMS[2])
        if before and before.short.lower() != words.short.lower():
            yield Pair(code, before.short, words.long, words.short, True, FORMS[2])


def false_pairs(new: dict[str, Words], nearest: int = 1, farthest: int = NEAR) -> Iterator[Pair]:
    """The long words of a code as a claim about a neighbour that differs in one place."""
    codes = sorted(new)
    tokens = {code: _TOKEN.findall(new[code].long.lower()) for code in codes}
    for position, code in enumerate(codes):
        for other in codes[position + 1 : position + 1 + farthest]:
            apart = int(other[1:]) - int(code[1:])
            if code[0] != other[0] or apart > farthest:
                break
            if apart < nearest:
                continue
            axis = _axis_of(tokens[code], tokens[other])
            if axis:
                words = new[other]
                yield Pair(other, new[code].long, words.long, words.short, False, axis)


def _axis_of(ours: list[str], theirs: list[str]) -> str | None:
    """The axis of the one place in which two texts differ; None where they differ in more."""
    if abs(len(ours) - len(theirs)) > MOST_REPLACED:
        return None
    if max(len({*ours} - {*theirs}), len({*theirs} - {*ours})) > MOST_REPLACED:
        return None
    codes = SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
    places = [place for place in codes if place[0] != "equal"]
    if len(places) != 1:
        return None
    _, start, end, other_start, other_end = places[0]
    replaced, replacing = ours[start:end], theirs[other_start:other_end]
    if max(len(replaced), len(replacing)) > MOST_REPLACED:
        return None
    if len(ours) - len(replaced) < LEAST_SHARED:
        return None
    changed = {*replaced, *replacing}
    for axis, words in AXES:
        if changed & set(words.split()):
            return axis
    if any(word[0].isdigit() for word in changed):
        return "size/number"
    if not replaced or not replacing:
        return "words added"
    return "other"


def pairs() -> list[Pair]:
    """All pairs, in the order of the codes."""
    old, new = releases()
    far = [replace(pair, is_far=True) for pair in false_pairs(new, NEAR + 1, FAR)]
    return [*true_pairs(old, new), *false_pairs(new), *far]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _parts(judged: Iterable[tuple[Pair, str]]) -> dict[str, list[tuple[Pair, str]]]:
    parts: dict[str, list[tuple[Pair, str]]] = {
        "development": [],
        "held out": [],
        FARTHER: [],
    }
    for pair, verdict in judged:
        if not is_held_out(pair.code):
            if not pair.is_far:
                parts["development"].append((pair, verdict))
        else:
            parts[FARTHER if pair.is_far else "held out"].append((pair, verdict))
    return parts


def main() -> None:
    if not NEW.exists():
        print("benchmarks/claims.py needs ../shared/corpus, which is not beside this clone.")
        return
    parts = _parts((pair, pair.verdict) for pair in pairs())
    lines = [
        "| part | true pairs | false pairs | precision of `conflicts` | recall | false conflicts |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for part, judged in parts.items():
        true = [verdict for pair, verdict in judged if pair.is_true]
        false = [verdict for pair, verdict in judged if not pair.is_true]
        wrong, right = true.count("conflicts"), false.count("conflicts")
        precision = _share(right, right + wrong) if true else "-"
        lines.append(
            f"| {part} | {len(true)} | {len(false)} | {precision} |"
            f" {_share(right, len(false))} | {wrong} of {len(true)} |"
        )
    lines += ["", "False pairs called conflicts, by what differs:", ""]
    lines += [f"| axis | {' | '.join(parts)} |", "| --- | ---: | ---: | ---: |"]
    for axis in [*(axis for axis, _ in AXES), "words added", "other"]:
        cells = []
        for judged in parts.values():
            of_axis = [verdict for pair, verdict in judged if pair.kind == axis]
            found = of_axis.count("conflicts")
            cells.append(f"{found} of {len(of_axis)} ({_share(found, len(of_axis))})")
        lines.append(f"| {axis} | {' | '.join(cells)} |")
    lines += ["", "Verdicts on true pairs of the held-out half:", ""]
    lines += ["| pair | pairs | agrees | compatible | unknown | conflicts |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for form in FORMS:
        verdicts = Counter(verdict for pair, verdict in parts["held out"] if pair.kind == form)
        whole = verdicts.total()
        cells = [
            _share(verdicts[verdict], whole)
            for verdict in ("agrees", "compatible", "unknown", "conflicts")
        ]
        lines.append(f"| {form} | {whole} | {' | '.join(cells)} |")
    write("claims", lines)


if __name__ == "__main__":
    main()
