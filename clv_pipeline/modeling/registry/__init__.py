"""Stored model versions: files without pickle, the manifest, which version is the champion."""
