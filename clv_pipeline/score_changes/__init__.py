"""Why a score changed since the published night before: what was known then, step by step to what is known tonight."""
