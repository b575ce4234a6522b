"""What is too large to be true, in one place for the expectations, the level, the totals and the night's checks.

`sql/3_training/labels.sql` limits what models learn from in the same way.
"""

#: A value beyond this multiple of the 99th percentile is more likely a slip of the keyboard than a custom.
GIANT = 20
