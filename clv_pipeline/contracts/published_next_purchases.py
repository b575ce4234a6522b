"""Published tables about what customers buy next, and how good these suggestions are."""

from clv_pipeline.contracts.published_table import PublishedTable

NEXT_PURCHASE_TABLES: tuple[PublishedTable, ...] = ()
