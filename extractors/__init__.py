"""Bytes to rows. Pure and deterministic: no network, clock, environment, Prefect or GX."""
