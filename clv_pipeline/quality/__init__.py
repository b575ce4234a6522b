"""Data checks before publishing: on rows, on tonight's data, on the scores."""
