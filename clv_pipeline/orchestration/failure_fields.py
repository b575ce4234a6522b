"""The names of a user's error's fields in the metadata of the step that failed: written by one module, read by another."""

WHAT, NEXT_STEP, RUNBOOK_SECTION = "what", "next step", "runbook"
