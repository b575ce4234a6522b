"""The embedded demo company: a made-up web shop whose database is as dirty as real ones."""
