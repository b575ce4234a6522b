"""Errors that are not ours: whatever a library says about a row or a password is in one private file, and nowhere else."""

import inspect
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import click
import dagster as dg
import duckdb
import psycopg
import pyarrow as pa
import pytest
import sqlalchemy as sa

from clv_pipeline.cli import cli
from clv_pipeline.core.databases import address_of, engine_of
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import ConfigurationError, PipelineError, SourceError, UnexpectedError
from clv_pipeline.core.foreign_errors import KEPT, about, net
from clv_pipeline.core.home import Home
from clv_pipeline_tests.conftest import FileSource, open_warehouse, run_clv_here
from clv_pipeline_tests.faults.company import CANARY_KEY, Company, night
from clv_pipeline_tests.warehouse_builders import extract_source, write_source

EMAIL, PASSWORD = "canary@private.example", "pa55-of-the-canary"
CANARIES = ("canary", "private.example", "pa55")
#: A message as libraries write them: a value, a whole row over two lines, and an address.
MESSAGE = (
    f"Could not convert string '{EMAIL}' to INT32\n"
    f"Original Line: 7,{EMAIL},Canary's Street, postgresql://user:{PASSWORD}@db/shop"
)
BUILTIN = [
    Exception, RuntimeError, OSError, PermissionError, ValueError, KeyError, IndexError, TypeError, AttributeError,
    ArithmeticError, OverflowError, AssertionError, MemoryError, RecursionError, ImportError, EOFError, TimeoutError,
    BrokenPipeError, ConnectionResetError, StopAsyncIteration,
]  # fmt: skip


def _classes(*modules: ModuleType) -> list[type[Exception]]:
    found = {c: None for m in modules for c in vars(m).values() if inspect.isclass(c) and issubclass(c, Exception)}
    return list(found)


DRIVERS = {
    "duckdb": _classes(duckdb),
    "psycopg": _classes(psycopg, psycopg.errors),
    "pyarrow": _classes(pa, pa.lib),
    "sqlalchemy": _classes(sa.exc),
    "sqlite3": _classes(sqlite3),
    "builtins": BUILTIN,
}


def _made(kind: type[Exception], message: str = MESSAGE) -> Exception:
    """Return an error of a class with the message, whatever else its class asks for; what it is about has it as well."""
    if issubclass(kind, sa.exc.DBAPIError):
        return kind(message, {"email": EMAIL}, RuntimeError(message))
    if issubclass(kind, sa.exc.StatementError):
        return kind(message, message, {"email": EMAIL}, RuntimeError(message))
    required = [p for p in inspect.signature(kind.__init__).parameters.values() if p.default is p.empty]
    named = [p for p in required if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    return kind(*[message for _ in named] or [message])


def _unreadable_bytes() -> Exception:
    return UnicodeDecodeError("utf-8", MESSAGE.encode(), 0, 1, MESSAGE)


def _places(home: Home) -> list[Path]:
    """Return each file of the home, but the private ones, that has a canary in either of the encodings that files have."""
    files = [p for p in home.root.rglob("*") if p.is_file() and p.parent != home.failures]
    needles = [n for canary in CANARIES for n in (canary.encode(), canary.encode("utf-16-le"))]
    return [file for file in files for content in [file.read_bytes().lower()] if any(n in content for n in needles)]


def _assert_silent(text: str) -> None:
    assert [canary for canary in CANARIES if canary in text.lower()] == [], text


def _assert_private(home: Home) -> list[Path]:
    """Assert that only this user can read the texts, and return them."""
    files = sorted(home.failures.iterdir())
    assert stat.S_IMODE(home.failures.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    return files


def _masked(home: Home, error: Exception, run_id: str = "run") -> UnexpectedError:
    with pytest.raises(UnexpectedError) as masked, net(home, run_id, "clean.orders"), about("raw.orders"):
        raise error
    return masked.value


@pytest.mark.parametrize("driver", DRIVERS)
def test_fault_71_no_class_of_errors_gets_through_the_net_with_its_text(driver: str, home: Home) -> None:
    assert len(DRIVERS[driver]) > 9
    for kind in DRIVERS[driver]:
        shown = _masked(home, _made(kind))
        _assert_silent(str(shown))
        assert kind.__name__ in shown.what
        assert "clean.orders (table raw.orders)" in shown.what
        (file,) = _assert_private(home)
        assert str(file) in shown.what
        assert str(file) in shown.next_step
        assert EMAIL in file.read_text()
    assert _places(home) == []


def test_fault_71_bytes_that_are_no_text_are_masked_as_well(home: Home) -> None:
    _assert_silent(str(_masked(home, _unreadable_bytes())))


def test_fault_71_the_masked_error_has_no_chain_that_anybody_would_print(home: Home) -> None:
    shown = _masked(home, ValueError(MESSAGE))
    assert shown.__cause__ is None
    assert shown.__suppress_context__


def test_fault_71_an_error_of_ours_passes_as_it_is(home: Home) -> None:
    ours = SourceError("orders: the source returned no rows", next_step="check it.")
    with pytest.raises(SourceError) as seen, net(home, "run", "extract"), about("raw.orders"):
        raise ours from ValueError(MESSAGE)
    assert seen.value is ours
    assert ours.__cause__ is None, "Dagster would store the message of the cause"
    assert not home.failures.exists()


def test_fault_71_the_newest_texts_are_kept_and_older_ones_are_removed(home: Home) -> None:
    for number in range(KEPT + 5):
        _masked(home, ValueError(f"{MESSAGE} {number}"), run_id=f"run{number:02d}")
        os.utime(home.failures / f"run{number:02d}-clean.orders.txt", (number, number))
    assert [p.name[:5] for p in _assert_private(home)] == [f"run{number:02d}" for number in range(5, KEPT + 5)]


def test_fault_71_a_text_that_cannot_be_kept_is_in_no_file_and_hides_nothing(home: Home) -> None:
    home.root.mkdir()
    home.failures.write_text("a file where the folder belongs")
    shown = _masked(home, ValueError(MESSAGE))
    assert "unexpected ValueError" in shown.what
    assert "was not kept" in shown.what
    _assert_silent(str(shown))


def test_fault_71_a_file_that_others_can_read_is_replaced_not_filled(home: Home) -> None:
    home.failures.mkdir(parents=True, mode=0o755)
    (home.failures / "run-clean.orders.txt").write_text("old")
    _masked(home, ValueError(MESSAGE))
    (file,) = _assert_private(home)
    assert "old" not in file.read_text()


class _Broken:
    """In place of the pipeline: whatever a step wants of it fails with the text of a foreign error."""

    def __getattr__(self, name: str) -> Any:
        raise duckdb.ConversionException(MESSAGE)


@pytest.fixture
def env_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Return the home that the code location of this process works in."""
    from clv_pipeline.orchestration.resources import current_settings

    monkeypatch.setenv("CLV_HOME", str(home.root))
    current_settings.cache_clear()
    yield home
    current_settings.cache_clear()


def _escapes(made: dg.AssetsDefinition) -> str | None:
    """Return what a step raises if anything in it fails, or None where it is masked."""
    context = SimpleNamespace(
        run=SimpleNamespace(run_id="run", tags={}), op_execution_context=SimpleNamespace(op_def=made.op)
    )
    try:
        result = made.op.compute_fn.decorated_fn(context, _Broken())  # type: ignore[union-attr]
        list(result if inspect.isgenerator(result) else [])
    except dg.Failure as masked:
        chained = masked.__cause__ or (None if masked.__suppress_context__ else masked.__context__)
        return str(masked) if chained or EMAIL in str(masked) else None
    except Exception as error:
        return repr(error)
    return "nothing was raised"


def test_fault_71_every_step_of_the_night_goes_through_the_net(env_home: Home) -> None:
    from clv_pipeline.orchestration.assets import ALL_ASSETS

    assert len(ALL_ASSETS) > 25
    escaped = {made.op.name: text for made in ALL_ASSETS if (text := _escapes(made))}
    assert escaped == {}, "make these assets with `asset` or `multi_asset` of orchestration/steps.py"


def test_fault_71_a_step_made_without_the_net_is_found(env_home: Home) -> None:
    @dg.asset
    def bare(context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[Any]) -> None:
        pipeline.warehouse.connection()

    assert EMAIL in str(_escapes(bare))


def test_fault_71_dagster_stores_no_text_of_a_failed_step(
    env_home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
    from clv_pipeline.orchestration.history import newest_run
    from clv_pipeline.orchestration.resources import Pipeline
    from clv_pipeline.orchestration.steps import asset

    def failing(kind: type[Exception]) -> dg.AssetsDefinition:
        @asset(key=[kind.__module__.replace(".", "_"), kind.__name__])
        def step(context: dg.AssetExecutionContext, pipeline: Pipeline) -> None:
            try:
                raise ValueError(MESSAGE)
            except ValueError as cause:
                raise _made(kind) from cause

        return step

    # one class per driver and kind of text: the test above has all of them
    kinds = [duckdb.ConversionException, duckdb.InvalidInputException, psycopg.errors.InvalidTextRepresentation,
             pa.ArrowInvalid, sa.exc.DataError, sqlite3.IntegrityError, OSError, KeyError, MemoryError]  # fmt: skip
    monkeypatch.setenv("DAGSTER_HOME", str(env_home.dagster))
    prepare_dagster_home(env_home)
    with dg.DagsterInstance.get() as instance:
        ended = dg.materialize(
            [failing(kind) for kind in kinds],
            resources={"pipeline": Pipeline()},
            instance=instance,
            raise_on_error=False,
        )
        said = "".join(str(entry) for entry in instance.all_logs(ended.run_id))
    assert len([event for event in ended.all_events if event.is_step_failure]) == len(kinds)
    run = newest_run(env_home)
    assert run is not None
    assert all(failure.next_step and "#unexpected" in failure.runbook for failure in run.failures)
    assert len(_assert_private(env_home)) == len(kinds)
    _assert_silent(said + str(run) + "".join(capfd.readouterr()))
    assert _places(env_home) == []


def test_fault_71_a_tick_of_the_schedule_is_masked(env_home: Home) -> None:
    from clv_pipeline.orchestration.schedules import every_night

    at = dg.build_schedule_context(scheduled_execution_time=datetime(2024, 6, 1, tzinfo=UTC))
    with (
        mock.patch("clv_pipeline.orchestration.schedules.ZoneInfo", side_effect=OSError(MESSAGE)),
        pytest.raises(UnexpectedError) as shown,
    ):
        every_night(at)
    assert shown.value.__suppress_context__
    _assert_silent(str(shown.value))


def _arguments(command: click.Command) -> list[str]:
    """Return the arguments that a command cannot do without."""
    required = [p for p in command.params if p.required]
    return [word for p in required for word in ([p.opts[0], "x"] if isinstance(p, click.Option) else ["x"])]


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_fault_71_every_command_ends_with_a_masked_message(name: str, home: Home) -> None:
    breaks = mock.Mock(side_effect=duckdb.InvalidInputException(MESSAGE))
    with (
        mock.patch("clv_pipeline.cli.shared.load_settings", breaks),
        mock.patch("clv_pipeline.onboarding.scaffold.scaffold", breaks),
        mock.patch("clv_pipeline.core.backup.restore", breaks),
    ):
        ended = run_clv_here(name, *_arguments(cli.commands[name]), CLV_HOME=str(home.root))
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "Traceback" not in said
    plain = " ".join(said.split())
    assert f"clv {name} failed with an unexpected duckdb.InvalidInputException" in plain
    assert "Next step:" in plain
    _assert_silent(said)
    (file,) = _assert_private(home)
    assert EMAIL in file.read_text()
    assert _places(home) == []


def _pymysql(kind: str, *arguments: object) -> Exception:
    """Return an error of a driver that is not installed here, as it would raise it."""
    return type(kind, (Exception,), {"__module__": "pymysql.err"})(*arguments)


def _raised(work: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as raised:
        work()
    return raised.value


@pytest.mark.parametrize(
    "error",
    [
        _raised(lambda: duckdb.sql(f"select cast('{EMAIL}' as integer)").fetchall()),
        _raised(lambda: duckdb.sql(f"select strptime('{EMAIL}', '%Y')").fetchall()),
        _raised(lambda: duckdb.sql(f"select error('{EMAIL}')").fetchall()),
        _raised(lambda: duckdb.sql(f"select ('[' || '{EMAIL}')::json -> '$.a'").fetchall()),
        _raised(lambda: pa.array([EMAIL]).cast(pa.int32())),
        _raised(lambda: int(EMAIL)),
        _raised(lambda: {}[EMAIL]),  # type: ignore[index]
        _pymysql("DataError", 1366, f"Incorrect integer value: '{EMAIL}' for column 'a' at row 1"),
        _pymysql("OperationalError", 1292, f"Truncated incorrect DOUBLE value: 'O'Neil {EMAIL}'"),
        _pymysql("OperationalError", 1292, f"Truncated incorrect DOUBLE value: 'two\nlines {EMAIL}'"),
        _pymysql("IntegrityError", 1062, f"Duplicate entry '{EMAIL}' for key 'email'"),
        sqlite3.IntegrityError(f"a trigger says {EMAIL}"),
        psycopg.errors.RaiseException(f"a function says {EMAIL}"),
        psycopg.errors.UndefinedColumn(f'column "{EMAIL}" does not exist'),
        sa.exc.DataError(MESSAGE, {"email": EMAIL}, psycopg.errors.InvalidTextRepresentation(MESSAGE)),
        sa.exc.StatementError(MESSAGE, MESSAGE, {}, ValueError(MESSAGE)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_fault_71_a_message_about_a_value_is_not_shown(error: Exception) -> None:
    _assert_silent(reason_of(error))


@pytest.mark.parametrize("driver", DRIVERS)
def test_fault_71_no_class_shows_an_e_mail(driver: str) -> None:
    for kind in DRIVERS[driver]:
        assert EMAIL not in reason_of(_made(kind)), kind


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (_raised(lambda: duckdb.sql("select nope from range(3)")), 'Referenced column "nope" not found'),
        (_raised(lambda: duckdb.sql("select * from nope")), "Table with name nope does not exist"),
        (_raised(lambda: sqlite3.connect(":memory:").execute("select * from nope")), "no such table: nope"),
        (sqlite3.DatabaseError("file is not a database"), "file is not a database"),
        (psycopg.errors.UndefinedTable('relation "nope" does not exist'), 'relation "nope" does not exist'),
        (psycopg.OperationalError("connection refused\nis it running?"), "connection refused"),
        (sa.exc.OperationalError("select", {}, sqlite3.OperationalError("no such table: nope")), "no such table: nope"),
        (_pymysql("ProgrammingError", 1146, "Table 'shop.nope' doesn't exist"), "Table 'shop.nope' doesn't exist"),
        (OSError(28, MESSAGE), "No space left on device"),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Exception) else "",
)
def test_fault_71_a_message_about_names_or_the_connection_is_shown(error: Exception, says: str) -> None:
    assert says in reason_of(error)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:pi@eces/of/it@db/shop",
        "postgresql://user:pi@eces@db/shop",
        "postgresql://us/er:pieces@db/shop",
        "postgresql://user:pi@1:eces/of/it@db/shop",
        "mysql+pymysql://user:pi@eces/of@db/shop",
    ],
)
def test_fault_71_a_password_that_is_not_encoded_is_not_shown_in_pieces(address: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        engine_of(address, called="The source URL")
    assert "eces" not in str(refused.value)
    assert "of/it" not in str(refused.value)


def test_fault_71_an_encoded_password_is_no_reason_to_refuse_an_address() -> None:
    engine = engine_of("postgresql+psycopg://us%40er:pi%40eces%2Fof@db:5433/shop", called="The source URL")
    assert address_of(engine.url) == "postgresql+psycopg://db:5433/shop"


HEAD = 'time_zone = "Europe/Berlin"\ncurrency = "EUR"\n'
#: A rule that passes the check on a made-up row and fails on a real one.
TOML = (
    HEAD + '[[exclude]]\ntable = "orders"\nreason = "internal"\n'
    "where = \"case when customer_id <> '' then cast(customer_id as integer) end < 3\"\n"
)
ORDERS = "order_id,customer_id,ordered_at,amount\n1,canary@private.example,2024-05-30 10:00:00,1\n"


def _refused_rule(source: FileSource, home: Home) -> PipelineError:
    with pytest.raises(PipelineError) as told:
        extract_source(source.settings(home=home.root), open_warehouse(home), date(2024, 6, 1))
    return told.value


def test_fault_71_an_exclude_rule_that_fails_on_a_row_is_named_without_the_value(tmp_path: Path, home: Home) -> None:
    told = _refused_rule(write_source(tmp_path, TOML, orders=ORDERS), home)
    assert "canary" not in str(told)
    assert "'internal'" in told.what
    assert "orders" in told.what
    assert "try_cast" in told.next_step


def test_fault_71_the_rule_that_fails_is_named_among_those_that_hold(tmp_path: Path, home: Home) -> None:
    holds = '[[exclude]]\ntable = "orders"\nreason = "staff"\nwhere = "customer_id = \'staff\'"\n'
    told = _refused_rule(write_source(tmp_path, TOML + holds, orders=ORDERS), home)
    assert "'internal'" in told.what
    assert "staff" not in str(told)


def test_fault_71_the_doctor_masks_a_foreign_error_and_looks_further(company: Company, home: Home) -> None:
    company.write()
    arguments = ["--home", str(home.root), "--source", str(company.folder), "--url", str(company.files)]
    with mock.patch("clv_pipeline.sources.readers.FileReader.read", side_effect=RuntimeError(MESSAGE)):
        seen = run_clv_here("doctor", *arguments)
    plain = " ".join(seen.stdout.split())
    assert seen.returncode == 1
    assert "fail orders.sql: orders.sql (table raw.orders) failed with an unexpected RuntimeError" in plain
    assert "ok disk" in plain
    assert "not looked at: customers (its SELECT is refused)" in plain
    _assert_silent(seen.stdout + seen.stderr)
    assert len(_assert_private(home)) == len(company.tables)


def _status(home: Home) -> str:
    shown = run_clv_here("status", "--home", str(home.root))
    return shown.stdout + shown.stderr


def test_fault_71_a_night_that_ends_in_a_foreign_error_says_where_its_text_is(company: Company, home: Home) -> None:
    whole_row = OSError(f"Invalid: CSV parse error: Expected 9 columns, got 2: {MESSAGE}")
    with mock.patch("clv_pipeline.sources.extraction.load_batch", side_effect=whole_row):
        seen = night(company, home)
    assert seen.exit_code == 1
    assert "extract (table raw." in " ".join(seen.output.split())
    assert "failed with an unexpected OSError" in " ".join(seen.output.split())
    assert "Next step: read" in " ".join(seen.output.split())
    _assert_silent(seen.output + _status(home))
    (file,) = _assert_private(home)
    assert EMAIL in file.read_text()
    assert _places(home) == []


def test_fault_71_a_night_that_cannot_begin_is_masked_as_well(company: Company, home: Home) -> None:
    with mock.patch("clv_pipeline.orchestration.resources.recover", side_effect=duckdb.Error(MESSAGE)):
        seen = night(company, home)
    assert seen.exit_code == 1
    assert "the start of the run failed with an unexpected duckdb.Error" in " ".join(seen.output.split())
    status = _status(home)
    assert "the start of the run failed" in " ".join(status.split())
    _assert_silent(seen.output + status)
    assert _places(home) == []


def test_fault_71_whoever_is_forgotten_is_in_no_text_either(yesterday: Home) -> None:
    _masked(yesterday, ValueError("row 7: 00007, canary@private.example"))
    done = run_clv_here("forget", "--yes", "00007", "--home", str(yesterday.root), CLV_HASH_KEY=CANARY_KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not yesterday.failures.exists()
