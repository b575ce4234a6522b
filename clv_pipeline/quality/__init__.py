"""Checks that keep a wrong number from being published: of rows, of a night, of the scores."""
