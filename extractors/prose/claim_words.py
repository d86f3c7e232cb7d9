"""Words of a claim and of official descriptors in one form, so that they can be compared.

Knows the abbreviations that CMS uses in its short descriptors, what one word is, and which words
say nothing about a thing. Which words exclude each other is not known here.
"""

from __future__ import annotations

import re

# A short descriptor of CMS has no more characters; in longer texts only acronyms are spelled out.
LONGEST_SHORT = 28

_HYPHENS = re.compile(r"(?<!\d)[-‐-―]|[-‐-―](?!\d)")
_RANGE = re.compile(r"(?<=\d)\s*[-‐-―]\s*(?=\d)")
# Three fourths, or with a whole number before it two and a half; not the days of 24/7.
_FRACTION = re.compile(
    r"(?<![\w./])(?:(?P<whole>\d{1,3})[ -])?(?P<part>\d)/(?P<of>[2348])(?![\d/])"
)
_NON = re.compile(r"\bnon(?=[a-z]{4,})(?!invasive\b)")
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?")

_STOP_WORDS = """
    the and for with that this from any all each per other include includes including included
    device devices item items type types use used using provide provides provided which has have
    been being into its are was were not billed code codes hcpcs level both either described
    describes designed intended purpose purposes otherwise individual specific person patient
    same more one two when where without also only
"""
_COMMON = frozenset(_STOP_WORDS.split())
_ACRONYMS = {
    "afo": "ankle foot orthosis",
    "bka": "below knee",
    "cgm": "continuous glucose monitor",
    "ewhfo": "elbow wrist hand finger orthosis",
    "hkafo": "hip knee ankle foot orthosis",
    "kafo": "knee ankle foot orthosis",
    "lso": "lumbar sacral orthosis",
    "lumbosacral": "lumbar sacral",
    "sewhfo": "shoulder elbow wrist hand finger orthosis",
    "thkao": "thoracic hip knee ankle orthosis",
    "thoracolumbar": "thoracic lumbar",
    "tlso": "thoracic lumbar sacral orthosis",
    "whfo": "wrist hand finger orthosis",
}
# Abbreviations of short descriptors. One that may mean two things (`pro`, `st`, `art`) is left out.
_ABBREVIATIONS = {
    "abd": "abduction",
    "add": "addition",
    "adj": "adjustable",
    "adlt": "adult",
    "ak": "above knee",
    "amp": "amputation",
    "ant": "anterior",
    "bi": "bilateral",
    "bil": "bilateral",
    "bilat": "bilateral",
    "bk": "below knee",
    "cath": "catheter",
    "cf": "custom fabricated",
    "cond": "condition",
    "cont": "control",
    "cov": "cover",
    "cntrl": "control",
    "cst": "customized",
    "cust": "custom",
    "custm": "custom",
    "cush": "cushion",
    "dev": "device",
    "diag": "diagnostic",
    "disp": "disposable",
    "doc": "documented",
    "drsg": "dressing",
    "dx": "diagnosis",
    "ea": "each",
    "elec": "electric",
    "endo": "endoskeletal",
    "eo": "elbow orthosis",
    "eval": "evaluation",
    "exo": "exoskeletal",
    "ext": "extension",
    "fiberglas": "fiberglass",
    "fbrgls": "fiberglass",
    "flex": "flexion",
    "fo": "finger orthosis",
    "garmnt": "garment",
    "gp": "group",
    "hd": "heavy duty",
    "hkaf": "hip knee ankle foot",
    "ho": "hip orthosis",
    "hosp": "hospital",
    "hrs": "hours",
    "incl": "including",
    "infus": "infusion",
    "init": "initial",
    "inj": "injection",
    "jnt": "joint",
    "jnts": "joints",
    "jt": "joint",
    "kd": "knee disarticulation",
    "ko": "knee orthosis",
    "le": "lower extremity",
    "lg": "large",
    "lng": "long",
    "lo": "lumbar orthosis",
    "lt": "left",
    "ltwt": "lightweight",
    "lwr": "lower",
    "man": "manual",
    "mech": "mechanical",
    "med": "medical",
    "mins": "minutes",
    "mold": "molded",
    "mult": "multiple",
    "occ": "occupational",
    "onc": "oncology",
    "opt": "option",
    "ortho": "orthosis",
    "ost": "ostomy",
    "ots": "off the shelf",
    "pch": "pouch",
    "ped": "pediatric",
    "plst": "plaster",
    "plstr": "plaster",
    "pneum": "pneumatic",
    "poly": "polycentric",
    "port": "portable",
    "post": "posterior",
    "pov": "power operated vehicle",
    "pow": "power",
    "prefab": "prefabricated",
    "pros": "prosthesis",
    "prosth": "prosthesis",
    "pt": "patient",
    "pts": "patients",
    "pwc": "power wheelchair",
    "pwr": "power",
    "rep": "replacement",
    "repl": "replacement",
    "rt": "right",
    "sag": "sagittal",
    "sht": "short",
    "shrt": "short",
    "sing": "single",
    "sngl": "single",
    "snf": "skilled nursing facility",
    "splnt": "splint",
    "std": "standard",
    "stckng": "stocking",
    "stcking": "stocking",
    "stim": "stimulation",
    "surg": "surgical",
    "svc": "service",
    "svcs": "services",
    "svs": "services",
    "sys": "system",
    "temp": "temporary",
    "thor": "thoracic",
    "trach": "tracheostomy",
    "uni": "unilateral",
    "ue": "upper extremity",
    "upr": "upper",
    "vhd": "very heavy duty",
    "wc": "wheelchair",
    "whchr": "wheelchair",
    "whlchr": "wheelchair",
    "wheelchr": "wheelchair",
    "who": "wrist hand orthosis",
    "wo": "without",
    "xhd": "extra heavy duty",
}
_SLASHED = {
    "s/d": "single or double",
    "w/o": "without",
    "w/c": "wheelchair",
    "w/": "with ",
    "s/b": "solid back",
    "d/c": "discharge",
    "f/u": "follow up",
}
_PREFABRICATED = re.compile(r"\bpre (?=customized\b|off the shelf\b)")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ized", "ed", "ies", "es", "s", "al", "ic", "y")


def is_short(text: str) -> bool:
    """Whether a text is no longer than a short descriptor, so that it may be abbreviated."""
    return len(text.strip()) <= LONGEST_SHORT


def normal(text: str) -> str:
    """Lower case, hyphens and slashes as blanks, `10-20` as `10 to 20`, `1/2` as `0.5`, one
    blank between words.

    A text no longer than a short descriptor has its abbreviations spelled out.
    """
    text = text.lower()
    is_abbreviated = is_short(text)
    if is_abbreviated:
        for printed, meant in _SLASHED.items():
            text = re.sub(rf"(?<![a-z]){re.escape(printed)}", f" {meant} ", text)
        text = re.sub(r"\bw(?= )", "with", text)
    text = _RANGE.sub(" to ", _FRACTION.sub(_decimal, text))
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = " ".join(re.sub(r"[/’'()]", " ", _HYPHENS.sub(" ", text)).split())
    text = _NON.sub("non ", text)
    if is_abbreviated:
        text = re.sub(r"[a-z]+", lambda word: _ABBREVIATIONS.get(word[0], word[0]), text)
        text = _PREFABRICATED.sub("prefabricated ", text)
    return text


def _decimal(fraction: re.Match[str]) -> str:
    part, of = int(fraction["part"]), int(fraction["of"])
    return f"{int(fraction['whole'] or 0) + part / of:g}" if part < of else fraction[0]


def content(text: str) -> set[str]:
    """The stems of the words of a normal text that say something."""
    return {
        stem(word)
        for word in words(text)
        if len(word) > 2 and word not in _COMMON and not word[0].isdigit()
    }


def words(text: str) -> list[str]:
    """Every word and number of a normal text, acronyms spelled out."""
    found: list[str] = []
    for word in _WORD.findall(text):
        found += _ACRONYMS.get(word, word).split()
    return found


def stem(word: str) -> str:
    """A word without its ending."""
    if word.startswith("ortho") and word[5:] in ("sis", "ses", "tic", "tics"):
        return "orthosis"
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            return word.removesuffix(suffix)
    return word
