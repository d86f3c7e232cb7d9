"""From rows to named cells (header logic), and from those to rules and other canonical rows."""
