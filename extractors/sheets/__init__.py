"""What a workbook says beside the values of its cells; `extractors.sheet` is the door."""
