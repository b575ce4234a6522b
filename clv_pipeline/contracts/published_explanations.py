"""Published tables that explain a customer's score, and why it changed."""

from clv_pipeline.contracts.published_table import PublishedTable

EXPLANATION_TABLES: tuple[PublishedTable, ...] = ()
