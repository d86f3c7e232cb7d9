"""The version of the data contract: what a reader of a release may rely on.

The rules are those of semantic versioning, read strictly: a column or value removed, renamed,
retyped or given another meaning raises the major number; a table, column or value added, the minor
one; words alone, the patch. docs/schema-changelog.md has an entry for each.
"""

SCHEMA_VERSION = "1.1.0"
