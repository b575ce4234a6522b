"""One module for each shop: `make()` returns its database and its right totals. What they share is `made_up.py`."""
