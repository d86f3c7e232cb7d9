"""The payers that publications name in prose, and how they print them.

A name here is what readers see; it is not a contract, a plan or a subsidiary. Phrases in which a
payer's name means something else are listed, because the programs' own agencies and contractors
carry it. Source files name their payer themselves and do not use this list.
"""

from __future__ import annotations

# Canonical name: the printed forms. "*" stands for the name of a state.
PAYERS: dict[str, tuple[str, ...]] = {
    "Aetna": ("Aetna", "Aetna Better Health", "Aetna Health", "CVS Aetna"),
    "Ambetter": ("Ambetter", "Ambetter Health"),
    "Anthem": ("Anthem", "Anthem Blue Cross", "Anthem Blue Cross and Blue Shield"),
    "Blue Cross Blue Shield": (
        "Blue Cross Blue Shield",
        "Blue Cross Blue Shield of *",
        "Blue Cross and Blue Shield",
        "Blue Cross and Blue Shield of *",
        "Blue Cross & Blue Shield",
        "Blue Cross & Blue Shield of *",
        "Blue Cross/Blue Shield",
        "BlueCross BlueShield",
        "BlueCross BlueShield of *",
        "BCBS",
    ),
    "Centene": ("Centene",),
    "CHAMPVA": ("CHAMPVA",),
    "Cigna": ("Cigna", "Cigna Health", "Cigna Healthcare", "CIGNA", "The Cigna Group"),
    "Devoted Health": ("Devoted Health",),
    "Highmark": ("Highmark",),
    "Humana": ("Humana", "Humana Military"),
    "Kaiser Permanente": ("Kaiser Permanente",),
    "Medicaid": ("Medicaid",),
    "Medicare": ("Medicare", "Original Medicare"),
    "Medicare Advantage": ("Medicare Advantage",),
    "Molina": ("Molina", "Molina Healthcare"),
    "Premera": ("Premera", "Premera Blue Cross"),
    "TRICARE": ("TRICARE", "Tricare"),
    "UnitedHealthcare": (
        "UnitedHealthcare",
        "UnitedHealthCare",
        "United Healthcare",
        "United HealthCare",
        "United Health Care",
        "UHC",
    ),
    "WellCare": ("WellCare", "Wellcare"),
    "Wellpoint": ("Wellpoint",),
}

# Agencies, contractors, associations and manuals whose names contain a payer's.
NOT_PAYERS: tuple[str, ...] = (
    "Blue Cross Blue Shield Association",
    "Blue Cross and Blue Shield Association",
    "Center for Medicare",
    "Centers for Medicare & Medicaid Services",
    "Centers for Medicare and Medicaid Services",
    "Center for Medicare & Medicaid Innovation",
    "Center for Medicare and Medicaid Innovation",
    "Medicaid Innovation",
    "Medicare Administrative Contractor",
    "Medicare Benefit Policy Manual",
    "Medicare Claims Processing Manual",
    "Medicare Contractor",
    "Medicare Coverage Database",
    "Medicare Learning Network",
    "Medicare National Coverage Determinations Manual",
    "Medicare Program Integrity Manual",
)
