"""From the bytes of a PDF to the rows and lines of its pages; `extractors.pdf` is the door."""
