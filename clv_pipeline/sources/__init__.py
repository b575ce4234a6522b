"""Getting a source's tables: SELECTs, readers, loading as text, extraction, erased customers kept out."""
