"""From the documents of a refresh to a release, and what describes it."""
