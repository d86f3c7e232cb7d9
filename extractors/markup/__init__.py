"""From the bytes of a page of HTML to its rows and lines; `extractors.html` is the door."""
