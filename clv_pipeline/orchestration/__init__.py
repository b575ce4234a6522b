"""Dagster's side: which asset runs when, with what checks, metadata and lineage. The work itself is in the other rooms."""
