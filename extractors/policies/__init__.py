"""From coverage policies in JSON to what they say: their sections, codes, modifiers and dates."""
