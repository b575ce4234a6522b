"""Sections of the report, a module each: sentences, tables and pictures from a bundle, laid out by `templates/sections/`.

The order of the sections and what a bundle without their tables shows is `bundle_report.py`.
"""
