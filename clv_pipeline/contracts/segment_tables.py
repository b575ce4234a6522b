"""The counts that the guilty segment of a later night is told by: `quality/segment_counts.py`."""

from dataclasses import replace

from clv_pipeline.contracts.table import declare

SEGMENT_COUNTS = replace(declare(
    "quality.segment_counts", "source table and value of a category-like column (or of a pair) in the last published night",
    "published/bundle", "quality/segment_counts.py",
    source_name=("varchar", "the company"),
    as_of=("date", "the night"),
    table_name=("varchar", "the source table"),
    column_1=("varchar", "the column"),
    column_2=("varchar", "the second column of a pair; null: one column alone"),
    value_1=("varchar", "its value; (none): rows without one; (other): all values too rare to be counted by themselves"),
    value_2=("varchar", "the value of the second column"),
    row_count=("double", "rows dated before the night"),
    money=("double", "their money in source currencies; 0 for a table without any"),
    persons=("integer", "at least so many customers; counted up to 63 only, for values of few customers are not named"),
), is_history=True)  # fmt: skip
