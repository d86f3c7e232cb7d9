"""A release in formats that others read: CSV, XLSX, a DuckDB file, FHIR R4 value sets."""
