"""From the rows of many documents to what they say together: the dated code reference."""
