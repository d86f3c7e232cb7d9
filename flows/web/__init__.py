"""The web: what may be asked, how, how often, and the way from a page to a publication."""
