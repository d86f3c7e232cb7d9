"""Terms of descriptors that exclude each other: rigid and flexible, left and right, each and pair.

Knows the axes, and when a text asserts a term: not where it is negated, optional or said of a
part. What a conflict of terms means for a claim is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """One value of an axis as a text has it; `asserted` unless negated, optional or of a part."""

    value: str
    printed: str
    asserted: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """Values of which one excludes the other, each with the words for it.

    `only_of` limits the axis to texts that both speak of such a thing. `of_whole` says that a
    part may have another value than the whole.
    """

    values: tuple[tuple[str, re.Pattern[str]], ...]
    only_of: re.Pattern[str] | None = None
    of_whole: bool = False


def _axis(only_of: str | None = None, of_whole: bool = False, **words: str) -> Axis:
    return Axis(
        tuple((value, re.compile(rf"\b(?:{pattern})\b")) for value, pattern in words.items()),
        re.compile(only_of) if only_of else None,
        of_whole,
    )


def _words(*words: str) -> Axis:
    """An axis whose values are the words themselves; a bar parts two words for one value."""
    return Axis(tuple((word, re.compile(rf"\b(?:{word})\b")) for word in words))


# Values that exclude each other wherever they are said.
AXES = (
    _axis(
        of_whole=True,
        rigid="rigid|inflexible|stiff",
        flexible="flexible|soft|elastic|elastomeric|pliable|non rigid",
    ),
    _axis(
        custom=r"custom fabricated|custom made|custom molded|molded to patient(?: s)?(?: model)?"
        r"|molded to (?:the |a )?patient",
        prefabricated="prefabricated|pre fabricated|off the shelf|ots",
    ),
    _axis(
        shelf="off the shelf|ots",
        fitted="customized to fit|prefabricated customized",
    ),
    _axis(
        bilateral="bilateral|bilaterally",
        unilateral="unilateral|unilaterally",
    ),
    _axis(binaural="binaural", monaural="monaural"),
    _axis(
        of_whole=True,
        powered="powered|power operated|power wheelchair|motorized|electric|electrically",
        manual="manual|manually|hand operated|non powered|non electric|unpowered|body powered",
    ),
    _axis(single_axis="unicentric|single axis", multi_axis="polycentric|multi axis|multiaxial"),
    _axis(implanted="implanted|implantable", not_implanted="non implanted|non implantable"),
    _axis(invasive="invasive", non_invasive="non ?invasive"),
    _axis(sterile="sterile", non_sterile="non sterile|unsterile"),
    _axis(
        disposable="disposable|single use|single patient use",
        reusable="reusable|non disposable|washable",
    ),
    _axis(
        adult="adults?(?! or)",
        child="pediatric|paediatric|child|children|infants?",
    ),
    _axis(portable="portable", stationary="stationary"),
    _axis(plaster="plaster", fiberglass="fiberglass"),
    _axis(purchase="purchase|purchased", rental="rental|rented"),
    _axis(above="above knee", below="below knee"),
    _axis(above="above elbow", below="below elbow"),
    _axis(endoskeletal="endoskeletal", exoskeletal="exoskeletal"),
    _axis(
        only_of=r"\b(?:orthos[ie]s|orthotics?|brace|braces|prosthes[ie]s|prosthetics?|splints?)\b",
        spine="cervical|thoracic|lumbar|sacral|lumbosacral|spine|spinal|tlso|lso",
        upper_limb="shoulder|elbow|wrist|finger|upper extremity|upper limb|whfo",
        lower_limb="hip|knee|ankle|foot|lower extremity|lower limb|leg|kafo|hkafo|afo",
    ),
)

# Values that exclude each other only between two texts that are otherwise much the same.
FINE_AXES = (
    _words(
        "left",
        "right",
    ),
    _words(
        "unilateral|single|one(?! or more)",
        "bilateral|both|pair|two|double|dual",
        "triple|three",
        "four",
        "multiple|multi|several",
    ),
    _words("each", "pair"),
    _words(
        "diem|day|daily",
        "month|monthly",
        "hour|hourly",
        "session|visit|encounter",
        "week|weekly",
        "trip",
        "mile",
        "minutes?",
        "dose",
    ),
    _words(
        "concentrated", "unit dose"
    ),
    _words("small", "medium", "large"),
    _words("short", "long"),
    _words("full", "half", "partial"),
    _words("above", "below"),
    _words("low", "moderate|medium|intermediate", "high"),
    _words("brief", "limited", "moderate", "comprehensive", "extensive", "expanded"),
    _words("light|lightweight", "medium", "heavy"),
    _words("standard", "heavy duty", "lightweight"),
    _words("adult", "pediatric|child|children|youth|infant"),
    _words("male|mens?|man", "female|ladies|women s?|woman"),
    _words("new", "established|existing"),
    _words("initial|first|primary", "subsequent|second|additional|secondary", "third", "fourth"),
    _words("front|anterior", "rear|back|posterior", "lateral|side", "medial"),
    _words("upper|top", "lower|bottom"),
    _words("internal|inner", "external|outer"),
    _words("proximal", "distal"),
    _words("opening|open", "closing|closed"),
    _words("extension", "flexion", "abduction", "rotation", "supination", "pronation"),
    _words("fixed", "rotary|detachable|removable", "adjustable", "swing away|swingaway"),
    _words("rigid", "folding"),
    _words("individual", "group", "family"),
    _words("intravenous", "subcutaneous", "intramuscular", "oral", "inhalation", "intrathecal"),
    _words("diagnostic|screening", "therapeutic|treatment"),
    _words("liquid", "gaseous", "powder"),
    _words("transmitter", "receiver|monitor", "sensor"),
    _words("in the ear|ite", "in the canal|itc", "cic", "behind the ear|bte",
           "body worn", "glasses"),
    _words("analog", "digital", "digitally programmable"),
    _words("manual", "power|powered|electric|motorized", "mechanical"),
    _words("drainable", "urinary", "closed"),
    _words("hydrocolloid", "hydrogel", "alginate", "foam", "gauze", "specialty absorptive",
           "composite", "contact layer", "collagen", "transparent film"),
    _words("cast(?! suppl)", "splint"),
    _words("plastic", "rubber", "leather", "metal|steel|aluminum", "titanium", "silicone", "wood",
           "laminated", "thermoplastic", "carbon", "latex", "glass", "plaster", "fiberglass",
           "cotton", "nylon", "gel"),
    _words("pneumatic", "foam", "solid", "hydraulic", "friction"),
    _words("propulsion|drive", "caster"),
    _words("tire", "tube", "wheel", "rim", "fork"),
    _words("footrests?", "legrests?|elevating legrests?|leg rests?", "armrests?|arm rests?",
           "headrests?", "arms"),
    _words("desk", "full"),
    _words("sling", "captains"),
    _words("soft", "hard", "rigid", "flexible"),
    _words("spherical|sphere", "spherocylinder", "bifocal", "trifocal", "toric"),
    _words("pmma", "gas permeable", "hydrophilic", "scleral"),
    _words("glove", "gauntlet", "sleeve", "stocking", "bra", "mask", "hood", "wrap"),
    _words("depth inlay", "oxford", "hightop"),
    _words("infant", "child", "junior"),
    _words("seat", "back"),
    _words("planar", "contoured"),
    _words("general use", "skin protection", "positioning"),
    _words("conventional", "ultra light", "lightweight"),
    _words("physical", "occupational", "speech|language", "respiratory"),
    _words("rn|registered nurse", "lpn|licensed practical nurse", "aide", "social worker"),
    _words("custom|customized|custom fabricated", "prefabricated|off the shelf"),
    _words("plasma", "platelets", "red blood cells|red cells", "whole blood", "granulocytes"),
    _words("articulated|articulating", "non articulated"),
    _words("arterial", "venous", "epidural"),
    _words("wrist disarticulation|wrist", "below elbow", "elbow disarticulation", "above elbow",
           "shoulder disarticulation", "interscapular thoracic"),
    _words("symes?", "below knee|bk", "knee disarticulation", "above knee|ak",
           "hip disarticulation", "hemipelvectomy"),
    _words("thigh", "waist", "chap", "below knee", "full length"),
    _words(
        "head", "neck|cervical", "face|facial", "nose|nasal", "eye|ocular|orbital", "ear|auricular",
        "shoulder", "elbow", "wrist", "hand", "fingers?", "thumb", "arm", "forearm", "chest|thorax",
        "thoracic", "lumbar|low back", "sacral", "abdomen|abdominal", "pelvis|pelvic", "hip",
        "thigh", "knee", "calf", "leg", "ankle", "foot|feet", "toes?", "heel", "breast", "spine",
        "trunk|torso", "upper extremity", "lower extremity", "heart|cardiac", "lung", "liver",
        "kidney|renal", "bladder", "brain", "colon", "prostate", "pancreas", "gauntlet",
    ),
)  # fmt: skip

_CLAUSE_REACH = 200
_CLAUSE_END = re.compile(r"[,;:.()]|\bbut\b")
# Up to so many words before a term these deny it outright; farther away they only cast doubt.
_CLOSE = 3
_DENIAL = re.compile(
    r"\b(?:not|no|non|never|without|neither|nor|unlike|rather than|instead of|as opposed to|lacks?"
    r"|lacking|except|excluding|cannot|free of)\b"
)
_DOUBT = re.compile(
    r"\b(?:with or without|may|might|can|optional|optionally|if|when|such as|similar to|compared"
    r"|than|semi|after)\b"
)
# A part may be soft or stiff in a device that as a whole is not.
_PARTS = re.compile(
    r"(?:\s+\w+)?\s+(?:interfaces?|liners?|linings?|pads?|padding|covers?|covering|straps?|closures?|goods"
    r"|inserts?|tissues?|stays?|bars?|struts?|bandages?|tubing|tubes?|sleeves?|gloves?|switch(?:es)?"
    r"|batter(?:y|ies)|chargers?|components?|attachments?"
    r"|lined|padded|covered|coated|backed|sided)\b"
)


def terms(text: str, axis: Axis) -> list[Term]:
    """The terms of an axis in a normal text, but for those that it denies outright."""
    found = []
    for value, pattern in axis.values:
        for match in pattern.finditer(text):
            clause = _clause_before(text, match.start())
            if _is_denied(clause):
                continue
            doubted = _DENIAL.search(clause) or _DOUBT.search(clause)
            of_part = axis.of_whole and _PARTS.match(text, match.end())
            found.append(Term(value, match[0], not doubted and not of_part))
    return found


def printed_values(text: str, axis: Axis) -> dict[str, str]:
    """Every value of an axis that a normal text prints, in whatever sense, and its words."""
    return {value: match[0] for value, pattern in axis.values if (match := pattern.search(text))}


def _clause_before(text: str, position: int) -> str:
    start = max(0, position - _CLAUSE_REACH)
    for end in _CLAUSE_END.finditer(text, start, position):
        start = end.end()
    return text[start:position]


def _is_denied(clause: str) -> bool:
    denials = list(_DENIAL.finditer(clause))
    if not denials:
        return False
    end = denials[-1].end()
    if clause[:end].endswith("with or without"):
        return False
    return len(clause[end:].split()) < _CLOSE
