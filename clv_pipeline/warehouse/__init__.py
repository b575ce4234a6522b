"""The DuckDB warehouse: opening it, files as views, building SQL models, writing declared tables."""
