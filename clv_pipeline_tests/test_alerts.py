"""Alerts: what is news, what a message says, how it leaves, that none is lost. Whole nights are in faults/test_alerts.py."""

import itertools
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest import mock
from uuid import uuid4

import dagster as dg
import pytest

from clv_pipeline.alerts import delivery, outbox
from clv_pipeline.alerts.delivery import Refusal, deliver, ways_out
from clv_pipeline.alerts.message import Alert, Event, Problem, Served, Since
from clv_pipeline.alerts.news import About, NightEnd, Told, tell_of_age, tell_of_night
from clv_pipeline.core import clock
from clv_pipeline.core.errors import BusyError, ConfigurationError, QualityError
from clv_pipeline.core.home import Home
from clv_pipeline.core.run_lock import hold
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.orchestration import checks
from clv_pipeline.orchestration.checks import CLEAN_CHECKS
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline.orchestration.failure_fields import metadata_of
from clv_pipeline.orchestration.night_reports import night_sensor, tell_of_nights, tell_of_refused_start
from clv_pipeline.orchestration.resources import AS_OF_TAG, current_settings
from clv_pipeline.quality.clean_report import CleanReport, CleanTableRejected
from clv_pipeline.quality.expectations import RuleResult
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.conftest import FileSource, run_clv_here
from clv_pipeline_tests.sinks import CLOSES, DRIPS, HANGS, Sink, running_sink

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
FIRST = date(2024, 6, 1)
ABOUT = About("Acme", "--source acme --home /srv/clv", "clv", Served("20240531-ab", date(2024, 5, 31), 1))
VOLUME = Problem("order_volume", "quality/night", "12 orders on 2024-06-01", "run again.", limit="0.4 to 2 times")
NO_SOURCE = Problem("source", "extract", "the database cannot be reached after 3 tries", "start it.")


def red(night: int, *what: Problem, as_of: date | None = None) -> NightEnd:
    day = as_of or FIRST + timedelta(days=night)
    return NightEnd(f"run-{night}", day, NOON + timedelta(days=night), is_red=True, what=what or (VOLUME,))


def good(night: int, **more: object) -> NightEnd:
    day, when = FIRST + timedelta(days=night), NOON + timedelta(days=night)
    return replace(NightEnd(f"run-{night}", day, when, is_red=False), **more)  # type: ignore[arg-type]


def told_of(*nights: NightEnd) -> list[Alert | None]:
    """Return what each night after the other tells."""
    told, alerts = Told(), []
    for night in nights:
        told, alert = tell_of_night(told, night, ABOUT)
        alerts.append(alert)
    return alerts


def events(*nights: NightEnd) -> list[str | None]:
    return [alert.event.value if alert else None for alert in told_of(*nights)]


# --- what is news ------------------------------------------------------------------------------------------------------


def test_nights_that_are_red_for_the_same_reason_tell_once_and_the_end_says_how_many_there_were() -> None:
    other_count = replace(VOLUME, message="9 orders on 2024-06-02")
    alerts = told_of(good(0), red(1), red(2, other_count), red(3), good(4), good(5))
    assert [a.event if a else None for a in alerts] == [None, "red", None, None, "recovered", None]
    assert alerts[1] is not None and alerts[4] is not None
    assert alerts[4].since == Since("run-1", FIRST + timedelta(days=1), NOON + timedelta(days=1), 3)
    assert "published again, after 3 nights of trouble since 2024-06-02" in alerts[4].text


def test_another_reason_is_news_and_an_error_that_differs_in_figures_only_is_not() -> None:
    later = replace(NO_SOURCE, message="the database cannot be reached after 2 tries")
    assert events(red(0), red(1, NO_SOURCE), red(2, later), red(3, VOLUME)) == ["red", "red", None, "red"]
    unlike = replace(NO_SOURCE, message="the password is wrong")
    assert events(red(0, NO_SOURCE), red(1, unlike)) == ["red", "red"]


def test_a_second_run_for_the_same_night_is_not_another_night() -> None:
    alerts = told_of(red(0), replace(red(0), run_id="by-hand"), good(1))
    assert alerts[1] is None
    assert alerts[2] is not None and alerts[2].since is not None
    assert alerts[2].since.nights == 1


def test_an_older_night_that_is_run_again_does_not_end_the_trouble_of_a_newer_one() -> None:
    assert events(red(5), good(2), good(3, is_served=False), good(5)) == ["red", None, None, "recovered"]


def test_stale_nights_tell_once_and_the_first_fresh_one_ends_them() -> None:
    stale = {"is_stale": True, "what": (Problem("freshness", "quality/night", "4 days"),)}
    assert events(good(0), good(1, **stale), good(2, **stale), good(3)) == [None, "stale", None, "recovered"]
    assert events(red(0), good(1, **stale), red(2), good(3)) == ["red", "stale", "red", "recovered"]
    assert events(good(1, **stale, is_served=False)) == [None], "nobody reads it"


def test_what_is_acknowledged_tells_once_and_says_which_trouble_it_ends() -> None:
    asked = {"acknowledged": ("order_volume",), "what": (VOLUME,)}
    alerts = told_of(red(0), good(1, **asked), good(2, **asked), good(3), good(4, **asked))
    assert [a.event if a else None for a in alerts] == ["red", "acknowledged", None, None, "acknowledged"]
    assert alerts[1] is not None
    assert "It ends 1 night of trouble since 2024-06-01" in alerts[1].text


def test_a_served_night_that_is_too_old_tells_once_and_the_end_counts_the_nights_that_were_missing() -> None:
    old = replace(ABOUT, served=Served("20240531-ab", date(2024, 5, 31), 4))
    age = Problem("age", "served", "4 days old")
    told, first = tell_of_age(Told(), age, NOON + timedelta(days=3), old)
    assert first is not None and first.event is Event.STALE
    told, second = tell_of_age(told, age, NOON + timedelta(days=5), old)
    assert second is None
    told, alert = tell_of_night(told, red(6), old)
    assert alert is not None and alert.event is Event.RED
    told, again = tell_of_age(told, age, NOON + timedelta(days=6), old)
    assert again is None
    told, alert = tell_of_night(tell_of_age(Told(), age, NOON, old)[0], good(9), ABOUT)
    assert alert is not None and alert.event is Event.RECOVERED and alert.since is not None
    assert (alert.since.as_of, alert.since.nights) == (date(2024, 6, 1), 9)
    newer = replace(old, served=Served("20240610-cd", date(2024, 6, 10), 4))
    assert tell_of_age(told, age, NOON, newer)[1] is not None, "another bundle"


def test_nights_that_are_caught_up_tell_once_that_all_is_well_again() -> None:
    assert events(red(0), red(1), good(0), good(1), good(2)) == ["red", None, None, "recovered", None]


# --- what it says --------------------------------------------------------------------------------------------------------


def test_a_message_has_the_documented_keys_and_the_runbook_shows_them_all() -> None:
    guilty = {"column": "country", "value": "DE", "share": 0.84}
    (alert,) = told_of(red(0, replace(VOLUME, guilty=(guilty,))))
    assert alert is not None
    body = json.loads(json.dumps(alert.as_json()))
    assert body["version"] == 1
    assert body["id"] == "Acme:red:run-0"
    assert body["guilty"] == [guilty]
    assert body["served"] == {"run_id": "20240531-ab", "as_of": "2024-05-31", "age_days": 1}
    assert body["next_commands"] == [
        "clv explain-run run-0 --source acme --home /srv/clv", "clv status --source acme --home /srv/clv",
    ]  # fmt: skip
    runbook = (Path(__file__).parents[1] / "docs" / "runbook.md").read_text()
    shown = json.loads(runbook.split("```json\n")[1].split("```")[0])
    assert shown.keys() == body.keys()
    assert shown["what"][0].keys() == body["what"][0].keys()
    assert shown["served"].keys() == body["served"].keys()
    assert shown["since"].keys() == body["since"].keys()


def test_the_text_is_plain_sentences_that_no_chat_takes_for_a_mention_or_a_link() -> None:
    hostile = replace(VOLUME, message="<!channel> `x` & @here: a@b.example")
    about = replace(ABOUT, source="<https://evil.example|Acme> @all")
    _, alert = tell_of_night(Told(), red(0, hostile), about)
    assert alert is not None
    assert not set("<>&@`") & set(alert.text)
    assert "b.example" not in alert.text
    _, alert = tell_of_night(Told(), red(0), ABOUT)
    assert alert is not None
    assert alert.text == (
        "Acme, night of 2024-06-01: red. order_volume, quality/night: 12 orders on 2024-06-01. "
        "Served: the night of 2024-05-31, 1 day old. Next: clv explain-run run-0 --source acme --home /srv/clv"
    )


@pytest.mark.parametrize(
    "said",
    [
        "orders.amount: 3 values cannot be read as money, for example '1.234,56'",
        "orders.quantity: every number has three digits (9 values such as 1.234), which may be thousands",
        "clean.orders.amount: 2 of 60 values break 'between', for example -1234.5, 1.234",
        "customers: ada@customers.example is there twice",
    ],
)
def test_values_that_errors_quote_at_the_terminal_are_in_no_message(said: str) -> None:
    _, alert = tell_of_night(Told(), red(0, replace(NO_SOURCE, message=said, next_step=said)), ABOUT)
    body = json.dumps(alert.as_json()) if alert else ""
    for value in ("1.234", "1234.5", "ada@", "customers.example"):
        assert value not in body


# --- the webhook ---------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _in_little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(delivery, "TRY_SECONDS", 0.5)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as running:
        yield running


BODY = {"id": "Acme:red:1", "event": "red", "text": "Müller & Söhne"}


def sent(**variables: str) -> Refusal | None:
    with mock.patch.dict(os.environ, {f"CLV_{name.upper()}": value for name, value in variables.items()}):
        (send,) = ways_out(load_settings(source="demo")).values()
        return deliver(send, BODY, tries=3)


def test_a_webhook_gets_json_with_an_idempotency_key(sink: Sink) -> None:
    assert sent(alert_url=sink.url) is None
    assert sink.bodies == [BODY]
    assert sink.headers[0]["Idempotency-Key"] == "Acme:red:1"
    assert sink.headers[0]["Content-Type"] == "application/json; charset=utf-8"
    assert sink.paths == ["/hooks/secret-canary?token=secret-canary"]


def test_name_and_password_of_the_address_become_a_header(sink: Sink) -> None:
    assert sent(alert_url=sink.url.replace("http://", "http://ada:a%40b@")) is None
    assert sink.headers[0]["Authorization"] == "Basic YWRhOmFAYg=="


@pytest.mark.parametrize(
    ("answers", "tries", "arrives"),
    [
        ([500, 500], 3, True), ([500, 503, 429], 3, False), ([404], 1, False), ([CLOSES], 2, True),
        ([HANGS, HANGS, HANGS], 3, False), ([DRIPS], 2, True),
    ],
)  # fmt: skip
def test_three_tries_where_another_may_help(sink: Sink, answers: list[int | str], tries: int, arrives: bool) -> None:
    sink.answers = answers
    begun = time.monotonic()
    refusal = sent(alert_url=sink.url)
    assert time.monotonic() - begun < 4
    assert len(sink.paths) == tries
    assert (refusal is None) == arrives == (len(sink.bodies) == 1)
    assert refusal is None or "secret-canary" not in f"{refusal.what}{refusal.next_step}"


def test_a_redirect_is_not_followed(sink: Sink) -> None:
    with running_sink() as other:
        for location in (other.url, sink.url):
            sink.answers, sink.location = [307], location
            refusal = sent(alert_url=sink.url)
            assert refusal is not None and "redirects (307), which is not followed" in refusal.what
        assert other.paths == []
    assert len(sink.paths) == 2


@pytest.mark.parametrize(
    "address",
    ["file:///etc/hostname", "ftp://h/x", "hooks.example/secret-canary", "http://", "http://[", "http://a b/"],
)
def test_what_is_no_address_of_http_is_refused_without_being_shown(address: str) -> None:
    refusal = sent(alert_url=address)
    assert refusal is not None
    assert "CLV_ALERT_URL is not an http or https address" in refusal.what
    assert "secret-canary" not in f"{refusal.what}{refusal.next_step}"


def test_where_nobody_listens_the_kind_of_error_is_said() -> None:
    refusal = sent(alert_url="http://127.0.0.1:9/secret-canary")
    assert refusal is not None
    assert refusal.what == "the webhook cannot be reached: ConnectionRefusedError (Connection refused)"


# --- the command ---------------------------------------------------------------------------------------------------------


def command(tmp_path: Path, code: str) -> str:
    file = tmp_path / "told.py"
    file.write_text(code)
    return f"{sys.executable} '{file}' \"two words\" $(touch {tmp_path}/shell) ; touch {tmp_path}/shell"


def test_a_command_gets_the_message_on_its_input_no_shell_and_none_of_our_secrets(tmp_path: Path) -> None:
    code = f"""
import json, os, sys
json.dump([sys.argv[1:], json.load(sys.stdin), dict(os.environ)], open({str(tmp_path / "out.json")!r}, "w"))
"""
    run = command(tmp_path, code)
    assert sent(alert_command=run, hash_key="secret-canary") is None
    arguments, body, environment = json.loads((tmp_path / "out.json").read_text())
    assert arguments == ["two words", "$(touch", f"{tmp_path}/shell)", ";", "touch", f"{tmp_path}/shell"]
    assert not (tmp_path / "shell").exists()
    assert body == BODY
    assert environment["CLV_ALERT_ID"] == BODY["id"]
    assert "secret-canary" not in json.dumps(environment)
    assert "CLV_ALERT_COMMAND" not in environment


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ("false", "the command ended with 1"),
        ("/no/such/secret-canary", "the command cannot be started: FileNotFoundError"),
        ("echo 'secret-canary", "a quote that is not closed"),
        ("sh -c 'sleep 60 & sleep 60'", "the command had not ended after 0.5 seconds"),
    ],
)
def test_a_command_that_fails_says_how_and_not_which(run: str, says: str) -> None:
    refusal = sent(alert_command=run)
    assert refusal is not None
    assert says in refusal.what
    assert "secret-canary" not in f"{refusal.what}{refusal.next_step}"


def test_a_source_folder_brings_no_command_of_its_own(file_source: Callable[..., FileSource]) -> None:
    source = file_source(toml='alert_command = "notify"\n')
    with pytest.raises(ConfigurationError, match="'alert_command' is a secret and does not belong in a file"):
        source.settings()


# --- the run history -------------------------------------------------------------------------------------------------------


class Place:
    """A home with a run history that a test writes, and the settings with which it is looked at."""

    def __init__(self, home: Home, source: FileSource, url: str) -> None:
        self.home, self.source = home, source
        self.settings: Settings = load_settings(source=str(source.folder), home=home.root, alert_url=url)
        self.folder = home.dagster

    def look(self, at: datetime | None = None, **more: bool) -> None:
        with mock.patch.object(clock, "now", return_value=at or datetime.now(UTC)):
            tell_of_nights(self.settings, tries=1, **more)

    def fails(self, as_of: str, what: str = "clean.orders was not replaced") -> str:
        """Record a run whose step fails with an error of ours."""

        @dg.asset(key=["clean", "orders"])
        def step() -> None:
            error = QualityError(what, next_step="look at clean.quarantine, then `clv run`.")
            raise dg.Failure(error.what, metadata=metadata_of(error))

        with dg.DagsterInstance.from_config(str(self.folder)) as instance:
            return dg.materialize([step], instance=instance, raise_on_error=False, tags={AS_OF_TAG: as_of}).run_id

    def succeeds(self, as_of: str) -> None:
        @dg.asset(key=["published", "bundle"])
        def step() -> dg.MaterializeResult[None]:
            return dg.MaterializeResult(metadata={"run_id": f"{as_of}-bundle", "is served": True})

        with dg.DagsterInstance.from_config(str(self.folder)) as instance:
            dg.materialize([step], instance=instance, tags={AS_OF_TAG: as_of})

    def starts(self, as_of: str) -> str:
        """Record a run that has begun and does not end: as in a process that was killed, or that works."""
        run_id = str(uuid4())
        with dg.DagsterInstance.from_config(str(self.folder)) as instance:
            run = dg.DagsterRun("nightly", run_id, tags={AS_OF_TAG: as_of}, status=dg.DagsterRunStatus.STARTED)
            instance.add_run(run)
            instance.report_engine_event("it works", run)
        return run_id


@pytest.fixture(scope="module")
def empty_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run history without a run, to be copied: making one takes a second."""
    with mock.patch.dict(os.environ):
        return prepare_dagster_home(Home(tmp_path_factory.mktemp("history") / "home"))


@pytest.fixture
def place(home: Home, empty_history: Path, file_source: Callable[..., FileSource], sink: Sink) -> Place:
    shutil.copytree(empty_history, home.dagster, dirs_exist_ok=True)
    return Place(home, file_source(toml='name = "Acme"\n'), sink.url)


def test_a_red_run_is_told_with_its_error_and_the_next_looks_say_nothing(place: Place, sink: Sink) -> None:
    run_id = place.fails("2024-06-01")
    place.look()
    place.look()
    (body,) = sink.bodies
    assert (body["event"], body["run_id"], body["as_of"]) == ("red", run_id, "2024-06-01")
    (what,) = body["what"]
    assert (what["name"], what["asset"], what["message"]) == (
        "quality",
        "clean/orders",
        "clean.orders was not replaced",
    )
    where = f"--source {place.source.folder} --home {place.home.root}"
    assert what["next_step"] == f"look at clean.quarantine, then `clv run {where}`."
    assert body["served"] is None
    place.succeeds("2024-06-01")
    place.look()
    assert sink.events == ["red", "recovered"]


def test_a_red_check_is_told_with_rule_column_and_count_its_guilty_segment_and_no_example(
    place: Place, sink: Sink
) -> None:
    rules = [
        RuleResult("values to be between (min_value 0)", "amount", 60, 3, ("-1234.5",), False),
        RuleResult("values to not be null", "order_id", 60, 0, (), True),
    ]
    report = CleanReport("clean.orders", 60, 60, [], rules, [])
    segment = {"text": "channel = 'web' holds 84% of the 3 rows", "share": 0.84}
    orders = dg.AssetKey(["clean", "orders"])
    specs = [dg.AssetCheckSpec(name, asset=orders) for name in CLEAN_CHECKS]
    volume = dg.AssetCheckResult(
        asset_key=["quality", "night"], check_name="order_volume", passed=False, metadata={
            "message": f"12 orders. {segment['text']}", "value": 12, "limit": "0.4 times", "baseline": "96",
            "guilty segment": dg.MetadataValue.json(segment), "what to do": "docs/runbook.md#order_volume",
        },
    )  # fmt: skip

    @dg.multi_asset(specs=[dg.AssetSpec(orders)], check_specs=specs)
    def clean() -> Iterator[dg.AssetCheckResult]:
        rejected = CleanTableRejected(report)
        (model,) = (model for model in load_layer("1_clean") if model.name == "orders")
        yield from itertools.islice(checks.of_clean_table(model, report), len(CLEAN_CHECKS))
        raise dg.Failure(rejected.what, metadata=metadata_of(rejected))

    @dg.asset(key=["quality", "night"], check_specs=[dg.AssetCheckSpec("order_volume", asset=["quality", "night"])])
    def night() -> Iterator[dg.AssetCheckResult]:
        yield volume
        raise dg.Failure("check order_volume", metadata=metadata_of(QualityError("x", next_step="acknowledge it.")))

    with dg.DagsterInstance.from_config(str(place.folder)) as instance:
        dg.materialize([clean, night], instance=instance, raise_on_error=False, tags={AS_OF_TAG: "2024-06-01"})
    place.look()
    (body,) = sink.bodies
    told = {what["name"]: what for what in body["what"]}
    assert told.keys() == {"expectations", "order_volume"}
    rule = told["expectations"]
    assert (rule["table"], rule["column"], rule["count"]) == ("clean.orders", "amount", 3)
    assert rule["message"] == "clean.orders.amount: 3 of 60 values break 'values to be between (min_value 0)'"
    assert rule["next_step"].startswith("look at clean.quarantine")
    assert (told["order_volume"]["value"], told["order_volume"]["baseline"]) == (12, "96")
    assert told["order_volume"]["runbook"] == "docs/runbook.md#order_volume"
    assert body["guilty"] == [{"check": "order_volume", **segment}]
    assert "1234.5" not in json.dumps(body)


def test_at_the_first_look_only_the_newest_run_is_news(place: Place, sink: Sink) -> None:
    place.fails("2024-05-30")
    place.fails("2024-05-31", "another reason")
    place.look()
    assert [(b["event"], b["as_of"]) for b in sink.bodies] == [("red", "2024-05-31")]


def test_what_ended_a_week_ago_is_no_news_but_its_end_is(place: Place, sink: Sink) -> None:
    place.look()
    place.fails("2024-05-20")
    place.look(datetime.now(UTC) + timedelta(days=8))
    assert sink.bodies == []
    place.succeeds("2024-06-01")
    place.look()
    assert sink.events == ["recovered"]


def test_a_run_that_was_killed_is_told_by_who_looks_next_and_not_while_it_works(place: Place, sink: Sink) -> None:
    run_id = place.starts("2024-06-01")
    place.look()
    assert sink.bodies == [], "it has not got the lock yet, or has ended and not written it down yet"
    with hold(place.home, "clv run", run_id):
        place.look(datetime.now(UTC) + timedelta(hours=5))
        held = place.home.lock.read_bytes()
    assert sink.bodies == [], "it works"
    place.home.lock.write_bytes(held)  # as kill -9 leaves it
    place.look()
    with mock.patch.dict(os.environ):
        prepare_dagster_home(place.home)  # the next run marks it as failed
    place.look()
    (body,) = sink.bodies
    assert (body["event"], body["run_id"], body["what"][0]["name"]) == ("red", run_id, "killed")
    assert "was probably killed" in body["text"]


def test_a_run_that_was_killed_before_it_had_the_lock_is_told_a_minute_later(place: Place, sink: Sink) -> None:
    place.starts("2024-06-01")
    place.look(datetime.now(UTC) + timedelta(seconds=50))
    assert sink.bodies == []
    place.look(datetime.now(UTC) + timedelta(seconds=70))
    assert [what["name"] for what in sink.bodies[0]["what"]] == ["killed"]


def test_a_killed_run_that_the_next_run_marks_as_failed_is_told_as_killed(place: Place, sink: Sink) -> None:
    place.starts("2024-06-01")
    with mock.patch.dict(os.environ):
        prepare_dagster_home(place.home)
    place.look()
    assert [what["name"] for what in sink.bodies[0]["what"]] == ["killed"]


def test_a_message_that_does_not_arrive_waits_in_the_home_and_is_sent_by_the_next_look(
    place: Place, sink: Sink
) -> None:
    place.fails("2024-06-01")
    sink.answers = [500]
    place.look()
    assert sink.bodies == []
    kept = outbox.read(place.home)
    assert kept is not None and [w.body["event"] for w in kept.waiting] == ["red"]
    assert "secret-canary" not in place.home.alerts.read_text()
    place.succeeds("2024-06-01")
    place.look()
    place.look()
    assert sink.events == ["red", "recovered"], "in order, each once"


def test_a_process_that_is_killed_before_it_sends_loses_nothing(place: Place, sink: Sink) -> None:
    class Killed(BaseException):
        pass

    place.fails("2024-06-01")
    with mock.patch.object(outbox, "deliver", side_effect=Killed), pytest.raises(Killed):
        place.look()
    place.look()
    assert sink.events == ["red"]


def test_one_that_is_killed_between_the_arrival_and_its_note_sends_again_with_the_same_key(
    place: Place, sink: Sink
) -> None:
    class Killed(BaseException):
        pass

    place.fails("2024-06-01")
    with mock.patch.object(outbox, "_arrived", side_effect=Killed), pytest.raises(Killed):
        place.look()
    place.look()
    assert len({body["id"] for body in sink.bodies}) == 1
    assert len({headers["Idempotency-Key"] for headers in sink.headers}) == 1


def test_two_processes_that_look_at_once_send_it_once(place: Place, sink: Sink) -> None:
    place.fails("2024-06-01")
    pids = []
    for _ in range(3):
        pid = os.fork()
        if not pid:
            place.look()
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    assert sink.events == ["red"]


def test_who_looks_every_half_minute_leaves_an_address_alone_for_a_while_that_has_failed(
    place: Place, sink: Sink
) -> None:
    place.fails("2024-06-01")
    sink.answers = [500, 500]
    now = datetime.now(UTC)
    place.look(now, patient=True)
    place.look(now + timedelta(minutes=1), patient=True)
    assert len(sink.paths) == 1
    place.look(now + timedelta(minutes=11), patient=True)
    assert len(sink.paths) == 2


def test_what_is_too_old_is_told_where_nothing_runs(place: Place, sink: Sink) -> None:
    pointer = {"run_id": "20240601-ab", "as_of_date": "2024-06-01", "source_name": "Acme"}
    (place.home.published / "current.json").write_text(json.dumps(pointer))
    place.look(datetime(2024, 6, 4, 12, tzinfo=UTC))
    assert sink.bodies == []
    place.look(datetime(2024, 6, 5, 12, tzinfo=UTC), also_age=False)
    assert sink.bodies == [], "a run begins"
    place.look(datetime(2024, 6, 5, 12, tzinfo=UTC))
    place.look(datetime(2024, 6, 6, 12, tzinfo=UTC))
    (body,) = sink.bodies
    assert (body["event"], body["what"][0]["name"], body["served"]["age_days"]) == ("stale", "age", 4)
    place.settings = replace_as_of(place.settings)
    place.succeeds("2024-06-06")
    place.look(datetime(2024, 6, 6, 13, tzinfo=UTC))
    assert sink.events == ["stale", "recovered"]


def replace_as_of(settings: Settings) -> Settings:
    """Return the settings of a run with a day of its own, whose age says nothing."""
    return settings.model_copy(update={"as_of": date(2024, 6, 6)})


def test_a_run_that_cannot_start_is_told_and_a_home_in_use_is_not(place: Place, sink: Sink) -> None:
    for day in range(4):
        place.succeeds(f"2024-05-2{day}")
    settings = place.settings.model_copy(update={"as_of": date(2024, 6, 1)})
    tell_of_refused_start(settings, BusyError("in use", next_step="wait."))
    assert sink.bodies == []
    tell_of_refused_start(settings, ConfigurationError("no such rule", next_step="fix it."))
    tell_of_refused_start(settings, ConfigurationError("no such rule", next_step="fix it."))
    place.look()
    (body,) = sink.bodies
    assert (body["event"], body["run_id"], body["what"][0]["name"]) == ("red", "", "configuration")
    assert body["next_commands"] == [f"clv status --source {place.source.folder} --home {place.home.root}"]


def test_nothing_that_goes_wrong_here_reaches_the_run(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.fails("2024-06-01")
    place.home.alerts.mkdir()
    place.look()
    assert "Alerts are not sent: IsADirectoryError" in caplog.text
    assert "secret-canary" not in caplog.text


def test_a_damaged_outbox_begins_again_with_the_newest_run(place: Place, sink: Sink) -> None:
    place.fails("2024-06-01")
    place.home.alerts.write_text("{")
    place.look()
    assert sink.events == ["red"]


def test_where_nobody_is_to_be_told_or_nothing_ever_ran_nothing_is_written(home: Home) -> None:
    for url in (None, "http://127.0.0.1:9/"):
        tell_of_nights(load_settings(source="demo", home=home.root, alert_url=url))
        assert not home.root.exists()


def test_the_sensor_of_the_ui_tells_of_a_night_that_somebody_else_ran(place: Place, sink: Sink) -> None:
    place.fails("2024-06-01")
    variables = {"CLV_SOURCE": str(place.source.folder), "CLV_HOME": str(place.home.root), "CLV_ALERT_URL": sink.url}
    current_settings.cache_clear()
    with mock.patch.dict(os.environ, variables), dg.build_sensor_context() as context:
        sensor = night_sensor()
        assert sensor.evaluate_tick(context).run_requests == []
    current_settings.cache_clear()
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sink.events == ["red"]


# --- the commands ----------------------------------------------------------------------------------------------------------


def clv(place: Place, command: str, **environment: str) -> tuple[str, int]:
    ran = run_clv_here(command, "--source", str(place.source.folder), "--home", str(place.home.root), **environment)
    assert "secret-canary" not in ran.stdout + ran.stderr
    return ran.stdout, ran.returncode


def test_a_test_message_says_what_came_of_it(place: Place, sink: Sink) -> None:
    said, code = clv(place, "test-alert", CLV_ALERT_URL=sink.url, CLV_ALERT_COMMAND="true")
    assert code == 0
    assert said.count("ok   CLV_ALERT_") == 2
    assert sink.events == ["test"]
    sink.answers = [404]
    said, code = clv(place, "test-alert", CLV_ALERT_URL=sink.url)
    assert code == 1
    assert "fail CLV_ALERT_URL: the webhook answered 404" in said
    said, code = clv(place, "test-alert")
    assert code == 1
    assert "next step: set CLV_ALERT_URL (a webhook" in said


def test_status_tells_what_is_news_and_says_what_has_not_arrived(place: Place, sink: Sink) -> None:
    assert "alerts" not in clv(place, "status")[0]
    place.fails("2024-06-01")
    sink.answers = [500]
    said, code = clv(place, "status", CLV_ALERT_URL=sink.url)
    assert code == 3
    assert "warn alerts: 1 message has not arrived (CLV_ALERT_URL: the webhook answered 500)" in said
    assert "ok   alerts: CLV_ALERT_URL: every message has arrived" in clv(place, "status", CLV_ALERT_URL=sink.url)[0]
    assert sink.events == ["red"]


def test_doctor_says_that_nobody_is_told_and_sends_nothing(place: Place, sink: Sink) -> None:
    assert "warn alerts: not set: nobody is told of a red night" in clv(place, "doctor")[0]
    assert "ok   alerts: CLV_ALERT_URL: told of each red night once" in clv(place, "doctor", CLV_ALERT_URL=sink.url)[0]
    assert sink.paths == []
