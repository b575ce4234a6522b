"""Ten shop schemas as small databases with their right totals: what `clv init NAME --url` is judged by.

A folder for each shop holds its database as one SQL script or as CSV files, and `expected.json`: who is one customer, what each
bought net of discount, tax and postage, and the answers that only an owner knows. Table and column names are those of the public
documentation; the rows are made up by `makers/<shop>.py`, which also adds up the totals, in Python and apart from the pipeline.
`python -m clv_pipeline_tests.shops` writes the folders.
"""
