"""Published tables about the customer base as a whole: the five lenses of the customer-base audit, distributions, products."""

from clv_pipeline.contracts.published_table import PublishedTable

BASE_TABLES: tuple[PublishedTable, ...] = ()
