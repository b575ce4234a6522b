"""Connecting a company's own data: what a source holds, and the source folder written from it. No rows are loaded here."""
