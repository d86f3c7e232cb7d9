"""What a narrative says, piece by piece; `extractors.narrative` puts the pieces together."""
