"""Commands in messages can be pasted: the program as it is found, with the source and the home."""

import pytest

from clv_pipeline.core.commands import clv_program, pasteable
from clv_pipeline_tests.conftest import CLV


def test_the_program_is_its_name_where_the_shell_finds_it() -> None:
    assert clv_program() == "clv"


def test_the_program_is_its_path_where_the_shell_does_not_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.chdir(CLV.parent.parent)
    assert clv_program() == f"{CLV.parent.name}/clv"
    monkeypatch.chdir(CLV.anchor)
    assert clv_program().endswith("/clv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run `clv run`.", "run `bin/clv run --source acme`."),
        ("clv rollback RUN_ID (available: none).", "bin/clv rollback --source acme RUN_ID (available: none)."),
        ("`clv run --home /x --retrain`", "`bin/clv run --home /x --retrain`"),
        ("clv run --source b\nclv status", "bin/clv run --source b\nbin/clv status --source acme"),
        (".venv/bin/clv run", ".venv/bin/clv run --source acme"),
        (
            "published/clv.duckdb, CLV_HASH_KEY, select * from clv_run",
            "published/clv.duckdb, CLV_HASH_KEY, select * from clv_run",
        ),
    ],
)
def test_each_command_of_a_text_is_written_out(text: str, expected: str) -> None:
    assert pasteable(text, "--source acme", program="bin/clv") == expected
