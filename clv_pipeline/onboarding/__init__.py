"""Connecting a company: what its database holds, which column is which, and the source folder that says so. No run is here."""
