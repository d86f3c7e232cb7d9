"""Side effects: the only package that imports Prefect, httpx or Great Expectations."""
