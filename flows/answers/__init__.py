"""What a release answers: lookups, changes and printed places, in words, JSON and CSV."""
