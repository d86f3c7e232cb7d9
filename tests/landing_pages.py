"""Invented pages of publishers with the file names that are known, for each source with links."""

from __future__ import annotations

# A link as a publisher's page writes it: its address and its text.
Way = tuple[str, str]
Page = tuple[Way, ...]

UPDATES = "../coveragePolicies/policyUpdates/coveragePoliciesLatestUpdates"
HCPCS: tuple[Page, ...] = (
    (
        (
            "/files/zip/january-2027-alpha-numeric-hcpcs-file.zip",
            "January 2027 Alpha-Numeric HCPCS File (ZIP)",
        ),
        ("/files/zip/october-2026-alpha-numeric-hcpcs-files.zip", "October 2026 (ZIP)"),
        ("/files/zip/april-2026-alpha-numeric-hcpcs-file.zip", "April 2026 (ZIP)"),
        ("/files/zip/2026-hcpcs-alpha-numeric-corrections.zip", "Corrections (ZIP)"),
        ("/files/document/2026-table-drugs.pdf", "Table of drugs (PDF)"),
    ),
)
DMEPOS: tuple[Page, ...] = (
    (
        ("/medicare/payment/fee-schedules/dmepos/dmepos-fee-schedule/dme26-d", "DME26-D"),
        ("/medicare/payment/fee-schedules/dmepos/dmepos-fee-schedule/dme26-b", "DME26-B"),
        ("/medicare/payment/fee-schedules/dmepos/dmepos-fee-schedule/dme26", "DME26"),
        ("/medicare/payment/fee-schedules/dmepos/dmepos-fee-schedule/dme25d", "DME25D"),
        ("/files/zip/dmepos-ruralzip.zip", "Rural ZIP codes"),
    ),
    (
        ("/files/zip/dme26-d.zip", "DME26-D (ZIP)"),
        ("/files/zip/dme26d-readme.pdf", "Read me"),
        ("/medicare/payment/fee-schedules/dmepos/dmepos-fee-schedule", "Back"),
    ),
)
# What the pages of each source may show on 21 November 2026; on each, its way comes first.
WAYS: dict[str, tuple[Page, ...]] = {
    "aetna_precertification": (
        (
            (
                "/content/dam/2026_Precert_List.pdf",
                "Participating Provider Precertification List (PDF)",
            ),
            ("/content/dam/bh_precert_list.pdf", "Behavioral health precertification list (PDF)"),
        ),
    ),
    "bcbstx_pa_codes": (
        (
            (
                "https://www.bcbstx.com/docs/provider/tx/lookup-2026.xlsx",
                "Procedure Code Look Up 2026",
            ),
            ("/docs/provider/tx/lookup-2025.xlsx", "Procedure Code LookUp - 2025"),
            ("/docs/provider/tx/lookup-2027.xlsx", "Procedure Code Look Up 2027"),
            ("/docs/provider/tx/lookup-2026.pdf", "Procedure Code Look Up 2026 (PDF)"),
        ),
    ),
    "cigna_policy_updates": (
        (
            (f"{UPDATES}October2026.html", "October"),
            (f"{UPDATES}Aug2026.html", "August"),
            (f"{UPDATES}Dec2025.html", "December"),
        ),
    ),
    "cms_dmepen": DMEPOS,
    "cms_dmepos": DMEPOS,
    "cms_dmepos_pa_required": (
        (
            ("/downloads/dmepos_pa_required-prior-authorization-list.pdf", "Required list (PDF)"),
            ("/downloads/dmepos_pa_master-list.pdf", "Master list (PDF)"),
        ),
    ),
    "cms_hcpcs_alphanumeric": HCPCS,
    "cms_hcpcs_changes": HCPCS,
    "cms_hcpcs_corrections": (tuple(sorted(HCPCS[0], key=lambda way: "corr" not in way[0])),),
    "cms_ncci_mue_dme": (
        (
            ("/medicare/ncci/medicare-ncci-medically-unlikely-edits-mues", "MUEs"),
            ("/medicare/ncci/medicare-ncci-procedure-procedure-ptp-edits", "PTP edits"),
        ),
        (
            (
                "/files/zip/medicare-ncci-2027-q1-dme-supplier-services-mue-table.zip",
                "DME, January",
            ),
            (
                "/files/zip/medicare-ncci-2026-q4-dme-supplier-services-mue-table.zip",
                "DME, October",
            ),
            (
                "/files/zip/medicare-ncci-2027-q1-practitioner-services-mue-table.zip",
                "Practitioner",
            ),
        ),
    ),
    "cms_opd_pa_list": (
        (
            ("/files/document/opd-list.pdf", "List of Outpatient Department Services (PDF)"),
            ("/files/document/opd-guide.pdf", "Operational guide (PDF)"),
        ),
    ),
    "cms_opps_addendum_b": (
        (
            (
                "/medicare/quarterly-addenda-updates/january-2027-addendum-b",
                "January 2027 Addendum B",
            ),
            (
                "/medicare/quarterly-addenda-updates/october-2026-addendum-b",
                "October 2026 Addendum B",
            ),
            (
                "/medicare/quarterly-addenda-updates/january-2027-addendum-a",
                "January 2027 Addendum A",
            ),
        ),
        (
            ("/files/zip/january-2027-opps-addendum-b.zip", "Addendum B (ZIP)"),
            ("/files/zip/january-2027-opps-addendum-a.zip", "Addendum A (ZIP)"),
        ),
    ),
    "humana_medicare_pal": (
        (
            (
                "/docs/ma-pal.pdf",
                "Medicare Advantage and Dual Preauthorization and Notification List",
            ),
            ("/docs/commercial-pal.pdf", "Commercial Preauthorization and Notification List"),
        ),
    ),
    "molina_tx_pa_matrix": (
        (
            ("/media/matrix-4.xlsx", "Q4 2026 PA Code Matrix"),
            ("/media/matrix-1.xlsx", "Q1 2027 PA Code Matrix"),
            ("/media/matrix-3.xlsx", "Q3 2026 PA Code Matrix"),
            ("/media/matrix-log.xlsx", "Matrix Updates Log"),
        ),
    ),
    "pdac_coding_verification": (
        (
            ("/palmetto/PDACv2.nsf/DID/B1", "Items Requiring Coding Verification Reviews"),
            ("/palmetto/PDACv2.nsf/DID/B2", "Coding verification applications"),
        ),
    ),
}
