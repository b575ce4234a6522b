"""Fault 70: identity by list. What shapes a result is in the name of the run, and what does not is no part of it.

A changed setting of the same night is a public case (`cases/test_two_sources.py`), another day's clock is with fault 36, and each
setting and each kind of file is in `test_run_identity.py`.
"""

import shutil
from pathlib import Path

import pytest

from clv_pipeline.core import run_identity
from clv_pipeline.core.project_files import SQL_FOLDER
from clv_pipeline.core.run_identity import code_fingerprint
from clv_pipeline.core.settings import load_settings


def test_fault_70_the_folder_of_another_company_renames_no_run_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SQL_FOLDER, tmp_path / "sql")
    monkeypatch.setattr(run_identity, "SQL_FOLDER", tmp_path / "sql")
    ours = load_settings(source=str(tmp_path / "sql" / "0_sources" / "demo"))
    before = code_fingerprint(ours)
    shutil.copytree(tmp_path / "sql" / "0_sources" / "cdnow", tmp_path / "sql" / "0_sources" / "another")
    assert code_fingerprint(ours) == before
    (tmp_path / "sql" / "0_sources" / "demo" / "orders.sql").write_text("select 1\n")
    assert code_fingerprint(ours) != before
