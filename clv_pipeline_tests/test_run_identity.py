"""Names of runs and model versions: derived from every setting, the code and the data, and nothing of the machine."""

import shutil
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from clv_pipeline.core import run_identity
from clv_pipeline.core.project_files import SOURCES_FOLDER
from clv_pipeline.core.run_identity import code_fingerprint, model_version, run_id
from clv_pipeline.core.settings import Changes, Settings, load_settings
from clv_pipeline_tests.changed_settings import ANOTHER, declared

AS_OF = date(2026, 7, 1)


def version_of(settings: Settings) -> str:
    return model_version(AS_OF, settings, "rows", "code", None)


def run_of(settings: Settings, **inputs: object) -> str:
    known: dict[str, object] = {
        "champion": "20260701-a", "trained_version": "20260701-a", "dispositions": [], "earlier_runs": [],
        "acknowledged": [],
    }  # fmt: skip
    return run_id(AS_OF, settings, "rows", "code", **(known | inputs))  # type: ignore[arg-type]


def changed(name: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    with monkeypatch.context() as environment:
        environment.setenv(f"CLV_{name.upper()}", ANOTHER[name])
        settings = load_settings()
    assert getattr(settings, name) != getattr(load_settings(), name), f"{name} is not changed by {ANOTHER[name]}"
    return settings


# --- settings -----------------------------------------------------------------------------------------------------------


def test_every_setting_declares_what_it_changes() -> None:
    silent = [n for n, field in Settings.model_fields.items() if not isinstance(field.json_schema_extra, dict)]
    assert silent == [], "declare them in settings.py by _data, _model, _scores or _nothing"
    assert {declared(name)[0] for name in Settings.model_fields} == set(get_args(Changes))
    assert ANOTHER.keys() == Settings.model_fields.keys(), "give the setting another value in changed_settings.py"


def test_a_setting_without_a_declaration_is_found() -> None:
    class Forgetful(Settings):
        forgotten: int = 1

    assert not isinstance(Forgetful.model_fields["forgotten"].json_schema_extra, dict)


def test_each_setting_is_in_the_names_of_what_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load_settings()
    wrong = []
    # another source folder brings other values of several settings with it
    for name in ANOTHER.keys() - {"source"}:
        changes, covered_by = declared(name)
        other = changed(name, monkeypatch)
        is_named = covered_by is None
        names_run, names_model = run_of(other) != run_of(plain), version_of(other) != version_of(plain)
        if names_run != (is_named and changes != "nothing") or names_model != (
            is_named and changes in ("data", "model")
        ):
            wrong.append((name, changes, covered_by, names_run, names_model))
    assert wrong == []


def test_no_secret_and_no_address_is_part_of_a_name() -> None:
    settings = load_settings(source_url="postgresql+psycopg://u:topsecret@h/d", hash_key="topsecret")
    assert "topsecret" not in str(settings.that_change("data", "model", "scores", "nothing"))
    assert run_of(settings) == run_of(load_settings())


def test_everything_else_that_shapes_a_run_is_in_its_name() -> None:
    settings = load_settings()
    names = {
        run_of(settings),
        run_of(settings, champion="20260701-b"),
        run_of(settings, trained_version="20260701-b"),
        run_of(settings, trained_version=None),
        run_of(settings, dispositions=[("orders", "accepted", "", "", 3)]),
        run_of(settings, earlier_runs=[("2026-06-30", "20260630-x")]),
        run_of(settings, acknowledged=["freshness"]),
        run_id(AS_OF, settings, "other rows", "code", champion="20260701-a", trained_version="20260701-a",
               dispositions=[], earlier_runs=[], acknowledged=[]),
        run_id(AS_OF, settings, "rows", "other code", champion="20260701-a", trained_version="20260701-a",
               dispositions=[], earlier_runs=[], acknowledged=[]),
    }  # fmt: skip
    assert len(names) == 9
    assert all(name.startswith("20260701-") for name in names)
    acknowledged = [["freshness", "order_volume"], ["order_volume", "freshness"]]
    assert len({run_of(settings, acknowledged=names) for names in acknowledged}) == 1


def test_a_version_is_named_after_the_champion_that_competed() -> None:
    settings = load_settings()
    assert model_version(AS_OF, settings, "rows", "code", "20260630-a") != version_of(settings)


# --- code ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a made-up project with a package, shared SQL and the folders of two companies."""
    for path, text in {
        "clv_pipeline/a.py": "x = 1\n", "clv_pipeline/page.html": "<p>\n", "sql/1_clean/orders.sql": "select 1\n",
        "sql/4_published/clv_run.sql": "select 2\n",
        "sql/0_sources/ours/orders.sql": "select 3\n", "sql/0_sources/theirs/orders.sql": "select 4\n",
    }.items():  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "sql/0_sources/ours/source.toml").write_text('currency = "EUR"\n')
    monkeypatch.setattr(run_identity, "PACKAGE", tmp_path / "clv_pipeline")
    monkeypatch.setattr(run_identity, "SQL_FOLDER", tmp_path / "sql")
    return tmp_path


def ours(project: Path) -> str:
    return code_fingerprint(load_settings(source=str(project / "sql/0_sources/ours")))


@pytest.mark.parametrize(
    "file",
    [
        "clv_pipeline/a.py",
        "clv_pipeline/page.html",
        "sql/1_clean/orders.sql",
        "sql/4_published/clv_run.sql",
        "sql/0_sources/ours/orders.sql",
    ],
)
def test_a_changed_line_of_the_package_the_shared_sql_or_our_own_selects_is_other_code(
    project: Path, file: str
) -> None:
    before = ours(project)
    (project / file).write_text("changed\n")
    assert ours(project) != before


def test_a_renamed_file_is_other_code(project: Path) -> None:
    before = ours(project)
    (project / "clv_pipeline/a.py").rename(project / "clv_pipeline/b.py")
    assert ours(project) != before


def test_another_company_and_what_is_no_code_are_no_part_of_it(project: Path) -> None:
    before = ours(project)
    (project / "sql/0_sources/theirs/orders.sql").write_text("changed\n")
    shutil.copytree(project / "sql/0_sources/theirs", project / "sql/0_sources/new")
    (project / "clv_pipeline/note.txt").write_text("not code\n")
    # its settings are in the names by what they are, not by how the file is written
    (project / "sql/0_sources/ours/source.toml").write_text('# a comment\ncurrency = "EUR"\n')
    assert ours(project) == before


def test_a_source_folder_anywhere_gives_the_same_fingerprint(project: Path, tmp_path: Path) -> None:
    before = ours(project)
    shutil.copytree(project / "sql/0_sources/ours", tmp_path / "moved")
    assert code_fingerprint(load_settings(source=str(tmp_path / "moved"))) == before


def test_another_release_of_a_computing_library_is_other_code(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ours(project)
    monkeypatch.setattr(run_identity, "installed_version", lambda name: "0.0.1")
    assert ours(project) != before


def test_the_folders_that_are_hashed_exist() -> None:
    for name in sorted(p.name for p in SOURCES_FOLDER.iterdir() if p.is_dir()):
        assert len(code_fingerprint(load_settings(source=name))) == 64
