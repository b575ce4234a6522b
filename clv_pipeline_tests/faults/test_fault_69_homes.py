"""Fault 69: state without an owner or a version. A home says whose it is; older homes move, and every command works on them."""

import json
import re
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import click
import pytest

from clv_pipeline.cli import cli
from clv_pipeline.core import home_move, project_files
from clv_pipeline.core.errors import ArtefactError, ConfigurationError, DamageError, PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.home_owner import claim_home, open_home
from clv_pipeline.core.home_state import SCHEMA_VERSION, read_state
from clv_pipeline.core.project_files import SOURCES_FOLDER
from clv_pipeline.core.settings import load_settings
from clv_pipeline.modeling.registry.registry import Registry
from clv_pipeline.publishing.recovery import recover
from clv_pipeline.publishing.serving import BUNDLE_VERSION, roll_back
from clv_pipeline.sources.tombstones import FILE_NAME
from clv_pipeline_tests.browser import free_port
from clv_pipeline_tests.conftest import open_warehouse, run_clv_here
from clv_pipeline_tests.faults.company import CANARY_KEY, Company, healthy, night, run_asset
from clv_pipeline_tests.nights import contents, copy_of, published_rows, served_run, served_whole
from clv_pipeline_tests.old_homes import COMMITS, NEXT_NIGHT, NIGHT, SETTINGS, packed, unpack

_A_SERVED_CUSTOMER = "select customer_id from customer_clv order by predicted_spend_90d desc, customer_id limit 1"


def _plain(text: str) -> str:
    return " ".join(text.split())


# --- homes of older commits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("commit", COMMITS)
def test_fault_69_every_command_works_on_the_home_of_an_older_commit(commit: str, tmp_path: Path) -> None:
    home = unpack(commit, tmp_path / "home")
    ((customer,),) = published_rows(home, _A_SERVED_CUSTOMER)
    first = served_run(home)

    def clv(*arguments: str) -> tuple[int, str]:
        ran = run_clv_here(*arguments, "--home", str(home.root), CLV_HASH_KEY=CANARY_KEY, **SETTINGS)
        said = _plain(ran.stdout + ran.stderr)
        assert "unexpected" not in said, said
        return ran.returncode, said

    assert f"served: run {first} of Demo company, as of {NIGHT}" in clv("status")[1]
    assert (clv("models")[0], clv("doctor")[0], clv("explain", customer)[0]) == (0, 0, 0)
    assert "an older release published it" in clv("lineage", "published.customer_clv.customer_id")[1]
    assert clv("export-subject", customer, "--to", str(tmp_path / "subject.json"))[0] == 0
    code, said = clv("forget", "--yes", customer)
    assert code == 0, said
    assert f"bundle {first}" in said
    code, said = clv("run", "--as-of", NEXT_NIGHT)
    assert code == 0, said
    assert served_whole(home) == NEXT_NIGHT
    assert published_rows(home, "select count(distinct as_of_date) from customer_clv_history") == [(2,)]
    assert not (SOURCES_FOLDER / "demo" / FILE_NAME).exists(), "the list of the demo company is the home's alone"
    assert clv("rollback")[0] == 0
    for night_served in (NIGHT, NEXT_NIGHT):
        assert served_whole(home) == night_served
        assert published_rows(home, f"select count(*) from customer_clv where customer_id = '{customer}'") == [(0,)]
        roll_back(home, next(run for run in _bundles(home) if run != first))


@pytest.mark.parametrize("commit", COMMITS)
def test_the_home_of_an_older_commit_is_at_most_a_megabyte(commit: str) -> None:
    assert packed(commit).stat().st_size <= 1_000_000


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a `.clv` in which an older commit wrote its home, in the place of the project's own."""
    root = unpack("a724494", tmp_path / ".clv").root
    monkeypatch.setattr(project_files, "HOMES", root)
    return root


def _moved(root: Path) -> Home:
    return Home(root / "sources" / "demo")


def test_fault_69_a_home_without_a_source_moves_once_and_bi_tools_keep_their_path(root: Path) -> None:
    before = contents(root / "published")
    for _ in range(2):
        home = open_home(load_settings())
    link = root / "published" / "clv.duckdb"
    assert home.root == _moved(root).root
    assert contents(home.published) == before
    assert str(link.readlink()) == "../sources/demo/published/clv.duckdb"
    assert link.read_bytes() == (home.published / "clv.duckdb").read_bytes()
    assert {path.name for path in root.iterdir()} == {"sources", "published"}
    state = read_state(home)
    assert state is not None
    assert (state.schema_version, state.source_name, state.source) == (SCHEMA_VERSION, "Demo company", "demo")


class _Killed(BaseException):
    pass


def test_fault_69_a_move_may_be_cut_short_anywhere(root: Path) -> None:
    whole, before = root.with_name("whole"), contents(root / "published")
    shutil.copytree(root, whole)
    done = 0
    while True:
        shutil.rmtree(root)
        shutil.copytree(whole, root)
        left = [done]

        def replace(source: Any, target: Any, left: list[int] = left) -> None:
            if left[0] == 0:
                raise _Killed
            left[0] -= 1
            source.rename(target)

        try:
            with mock.patch.object(home_move.os, "replace", replace):
                open_home(load_settings())
        except _Killed:
            done += 1
        else:
            break
        home = open_home(load_settings())
        assert contents(home.published) == before, done
        assert (root / "published" / "clv.duckdb").resolve() == (home.published / "clv.duckdb").resolve()
        assert (home.warehouse.exists(), list(root.rglob(".moving*"))) == (True, [])
    assert done > 5, "the move was not cut short"


def test_fault_69_the_home_of_another_source_does_not_move(root: Path, company: Company) -> None:
    company.write()
    before = contents(root)
    home = open_home(load_settings(source=str(company.folder)))
    assert home.root == root / "sources" / "source"
    assert contents(root) == before


def test_fault_69_a_home_that_is_named_stays_where_it_is(root: Path) -> None:
    home = open_home(load_settings(home=root))
    assert home.root == root
    assert (root / "warehouse" / "warehouse.duckdb").exists()
    open_home(load_settings())
    assert (root / "warehouse" / "warehouse.duckdb").exists(), "a home with an owner is not one of an older release"


# --- the owner -------------------------------------------------------------------------------------------------------


def _arguments(command: click.Command) -> list[str]:
    required = [p for p in command.params if p.required]
    return [word for p in required for word in ([p.opts[0], "x"] if isinstance(p, click.Option) else ["x"])]


@pytest.mark.parametrize("name", sorted(cli.commands.keys() - {"init", "restore"}))
def test_fault_69_every_command_refuses_the_home_of_another_source(name: str, yesterday: Home) -> None:
    before = contents(yesterday.root)
    arguments = [name, *_arguments(cli.commands[name]), "--source", "cdnow", "--home", str(yesterday.root)]
    if name == "evaluate":
        arguments += ["--as-of", "2024-06-01"]
    refused = run_clv_here(*arguments)
    said = _plain(refused.stdout)
    assert refused.returncode == 1
    assert f"The home {yesterday.root} belongs to 'source'" in said
    assert re.search(rf"for 'source': `clv run --source \S+/source --home {yesterday.root}`", said)
    assert "`clv run --source cdnow`, whose home is" in said
    assert contents(yesterday.root) == before


def test_fault_69_a_run_that_the_schedule_starts_refuses_it_too(yesterday: Home) -> None:
    before = contents(yesterday.warehouse.parent)
    said = run_asset(yesterday, "raw.orders")
    assert any("ConfigurationError" in message for message in said), said
    assert contents(yesterday.warehouse.parent) == before


def test_fault_69_a_source_of_the_same_name_in_another_folder_is_another_one(yesterday: Home, company: Company) -> None:
    company.write()
    other = company.folder.with_name("another_shop")
    shutil.copytree(company.folder, other)
    (other / "source.toml").write_text('name = "source"\n')
    with pytest.raises(ConfigurationError, match="must not be mixed"):
        open_home(load_settings(source=str(other), home=yesterday.root))


def test_a_folder_that_moved_is_the_same_source(yesterday: Home, company: Company) -> None:
    company.write()
    moved = company.root / "moved" / "source"
    shutil.copytree(company.folder, moved)
    claim_home(load_settings(source=str(moved), home=yesterday.root))
    state = read_state(yesterday)
    assert state is not None
    assert state.source == str(moved)


def test_a_command_that_names_no_source_takes_the_one_of_the_home(yesterday: Home) -> None:
    seen = run_clv_here("doctor", "--home", str(yesterday.root))
    assert "settings: source 'source' from" in seen.stdout


def test_commands_in_messages_carry_source_and_home(yesterday: Home) -> None:
    state = read_state(yesterday)
    assert state is not None
    seen = run_clv_here("status", "--home", str(yesterday.root))
    place = f"--source {state.source} --home {yesterday.root}"
    assert f"`clv run {place}`" in seen.stdout
    assert f"`clv ui {place}`" in seen.stdout
    refused = run_clv_here("promote", "20200101-nothing", "--home", str(yesterday.root))
    assert f"`clv run {place} --retrain`" in refused.stdout


def test_the_ui_is_started_on_the_home_and_its_source(yesterday: Home) -> None:
    with mock.patch("clv_pipeline.orchestration.ui.subprocess.Popen", side_effect=KeyboardInterrupt) as popen:
        run_clv_here("ui", "--home", str(yesterday.root), "--port", str(free_port()))
    started, state = popen.call_args.kwargs["env"], read_state(yesterday)
    assert state is not None
    assert (started["CLV_SOURCE"], started["CLV_HOME"]) == (state.source, str(yesterday.root))


def test_a_home_whose_source_is_gone_says_so(yesterday: Home, tmp_path: Path) -> None:
    _change(yesterday, source=str(tmp_path / "gone" / "source"))
    seen = run_clv_here("status", "--home", str(yesterday.root))
    assert seen.returncode == 1
    assert "which is gone Next step: pass --source FOLDER" in _plain(seen.stdout)


def _change(home: Home, **values: object) -> None:
    home.state.write_text(json.dumps(json.loads(home.state.read_text()) | values))


def test_fault_69_a_home_of_a_newer_release_is_refused(yesterday: Home) -> None:
    _change(yesterday, schema_version=SCHEMA_VERSION + 1, release="9.9")
    with pytest.raises(ConfigurationError, match=r"written by clv-pipeline 9\.9"):
        open_home(load_settings(home=yesterday.root))


def test_fault_69_a_home_that_says_nothing_readable_is_refused(yesterday: Home) -> None:
    yesterday.state.write_text("{")
    with pytest.raises(DamageError, match=r"home\.json cannot be read"):
        open_home(load_settings(home=yesterday.root))


@pytest.fixture(scope="module")
def after_two_nights(good_night: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("two_nights")
    home = copy_of(good_night, folder)
    assert night(Company(folder, healthy()), home).exit_code == 0
    return home


@pytest.fixture
def two_nights(after_two_nights: Home, tmp_path: Path) -> Home:
    return copy_of(after_two_nights, tmp_path)


def test_fault_69_no_rollback_to_the_bundle_of_another_source(two_nights: Home) -> None:
    manifest = _manifest_before(two_nights)
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"source_name": "Another"}))
    before = contents(two_nights.published)
    for run_id in (None, manifest.parent.name):
        with pytest.raises(PublishError):
            roll_back(two_nights, run_id)
    assert contents(two_nights.published) == before


def test_fault_69_a_bundle_of_a_newer_release_is_not_served_and_one_without_a_version_is(two_nights: Home) -> None:
    manifest = _manifest_before(two_nights)
    values = json.loads(manifest.read_text())
    assert values.pop("schema_version") == BUNDLE_VERSION
    manifest.write_text(json.dumps(values | {"schema_version": BUNDLE_VERSION + 1}))
    with pytest.raises(PublishError):
        roll_back(two_nights, manifest.parent.name)
    manifest.write_text(json.dumps(values))
    assert roll_back(two_nights, manifest.parent.name)["run_id"] == manifest.parent.name


def _manifest_before(home: Home) -> Path:
    """Return the manifest of the bundle that was served before."""
    (run_id,) = (run for run in _bundles(home) if run != served_run(home))
    return home.published / run_id / "manifest.json"


def _bundles(home: Home) -> list[str]:
    return [path.parent.name for path in home.published.glob("2*/manifest.json")]


def test_fault_69_a_warehouse_of_another_source_is_set_aside_and_the_history_is_that_of_the_bundles(
    two_nights: Home,
) -> None:
    warehouse = open_warehouse(two_nights)
    history = "select as_of_date, count(*) from scores.history group by as_of_date order by as_of_date"
    with warehouse.connection() as connection:
        before = connection.execute(history).fetchall()
    recover(warehouse, two_nights.published, "source")
    assert not warehouse.set_aside.exists()
    with warehouse.connection() as connection:
        connection.execute("update scores.run set source_name = 'Another'")
        connection.execute("update scores.history set customer_id = 'theirs ' || customer_id")
    recover(warehouse, two_nights.published, "source")
    assert warehouse.set_aside.exists()
    with warehouse.connection() as connection:
        assert connection.execute(history).fetchall() == before
        assert connection.execute("select * from scores.history where customer_id like 'theirs%'").fetchall() == []


def test_fault_69_a_model_that_was_trained_for_another_source_is_not_used(yesterday: Home, tmp_path: Path) -> None:
    registry = Registry(yesterday.models)
    champion = registry.champion()
    assert champion is not None
    assert champion.source_name == "source"
    other = copy_of(yesterday, tmp_path / "copy")
    _change(other, source_name="Another")
    assert Registry(other.models).champion() is None
    with pytest.raises(ArtefactError, match="was trained for 'source'"):
        Registry(other.models).manifest(champion.version)
