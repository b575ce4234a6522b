"""Dagster's side on real parts: the code location as the server loads it, the schedule's nights, the history of a run."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pytest
from dagster import AssetCheckEvaluation, DagsterEventType

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.contracts.reasons import REASONS
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.contracts.warehouse import TABLES
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT, WORKSPACE
from clv_pipeline.core.settings import load_settings
from clv_pipeline.features.plan import NightPlan, read_night_plan, write_night_plan
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline.quality.plausibility import CHECKS as PLAUSIBILITY_CHECKS
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.conftest import FileSource, open_warehouse
from clv_pipeline_tests.faults.company import run_asset
from clv_pipeline_tests.nights import copy_of
from clv_pipeline_tests.ticks import python_process, ticks

DAGSTER = Path(sys.executable).with_name("dagster")
#: Assets that are not one table: the model version, the bundle, and its copy in another database.
NOT_TABLES = {"training/champion", "published/bundle", "published/database"}


@pytest.fixture(scope="module")
def graph() -> Any:
    from clv_pipeline.orchestration.definitions import defs

    return defs.resolve_asset_graph()


@pytest.fixture(scope="module")
def instance(demo_run: Home) -> Iterator[dg.DagsterInstance]:
    """Return the Dagster instance that `clv run` left in its home."""
    with dg.DagsterInstance.from_config(str(demo_run.dagster)) as found:
        yield found


def _metadata(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(key)
    assert event is not None and event.asset_materialization is not None, f"{key} was never materialised"
    return {name: getattr(v, "value", v) for name, v in event.asset_materialization.metadata.items()}


# --- the code location -------------------------------------------------------------------------------------------------


def test_the_server_loads_the_code_location(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    loaded = subprocess.run(
        [str(DAGSTER), "definitions", "validate", "--load-with-grpc", "-w", str(WORKSPACE)],
        env=clean | {"DAGSTER_HOME": str(tmp_path), "CLV_HOME": str(tmp_path / "home")},
        capture_output=True, text=True, timeout=180, check=False, cwd=PROJECT,
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    assert "Validation successful for code location clv_pipeline" in loaded.stdout + loaded.stderr
    # loading a code location is looking, not doing
    assert not (tmp_path / "home" / "warehouse").exists()
    assert not (tmp_path / "home" / "published").exists()


def test_no_beta_or_preview_api_is_used() -> None:
    loaded = python_process(
        "import warnings, dagster\n"
        "from dagster._utils.warnings import SupersessionWarning\n"
        "for kind in (dagster.BetaWarning, dagster.PreviewWarning, SupersessionWarning):\n"
        "    warnings.simplefilter('error', kind)\n"
        "warnings.filterwarnings('error', category=DeprecationWarning, module='clv_pipeline')\n"
        "from clv_pipeline.orchestration.definitions import defs\n"
        "defs.resolve_job_def('nightly'); defs.resolve_job_def('retrain'); defs.resolve_asset_graph()\n"
        "try:\n"
        "    dagster.asset(backfill_policy=dagster.BackfillPolicy.single_run())(lambda: None)\n"
        "except dagster.BetaWarning:\n"
        "    print('the filter bites')\n"
    )
    assert loaded.returncode == 0, loaded.stderr
    assert "the filter bites" in loaded.stdout


def test_every_asset_is_described(graph: Any) -> None:
    for key in graph.get_all_asset_keys():
        node, name = graph.get(key), key.to_user_string()
        assert node.group_name == key.path[0], name
        assert node.owners, name
        assert node.kinds, name
        assert len(node.description or "") > 20, name
        assert "\n" not in (node.description or "").strip(), f"{name}: one paragraph reads well in the UI"


def test_every_sql_file_and_source_table_is_in_the_graph(graph: Any) -> None:
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    expected = {f"raw/{table}" for table in CONTRACT}
    layers = ("1_clean", "2_features", "3_training", "4_published")
    expected |= {f"{m.layer}/{m.name}" for layer in layers for m in load_layer(layer)}
    expected |= {f"published/{name}" for name in PUBLISHED}
    assert expected <= keys
    assert {"scores/customer_scores", "published/customer_clv", "published/bundle"} <= keys


def test_no_asset_depends_on_something_outside_the_graph(graph: Any) -> None:
    assert {key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).is_materializable} == set()


def test_a_run_flows_from_source_to_bundle_to_database(graph: Any) -> None:
    bundle, database = dg.AssetKey(["published", "bundle"]), dg.AssetKey(["published", "database"])
    assert graph.get(database).parent_keys == {bundle}
    upstream = dg.AssetSelection.assets(database).upstream().resolve(graph)
    idle = {key.to_user_string() for key in set(graph.get_all_asset_keys()) - set(upstream)}
    assert idle == set(), "an asset that nothing published depends on"


def test_every_check_says_what_it_compares(graph: Any) -> None:
    silent = [k.to_user_string() for k in graph.asset_check_keys if len(graph.get_check_spec(k).description or "") < 30]
    assert silent == []


def test_checks_on_clean_tables_block(graph: Any) -> None:
    specs = {key: graph.get_check_spec(key) for key in graph.asset_check_keys}
    clean = {spec.asset_key.path[1]: [] for spec in specs.values() if spec.asset_key.path[0] == "clean"}
    for spec in specs.values():
        if spec.name in PLAUSIBILITY_CHECKS:
            assert (spec.asset_key.to_user_string(), spec.blocking) == ("clean/orders", False)
        elif spec.asset_key.path[0] == "clean":
            assert spec.blocking, spec.key
            clean[spec.asset_key.path[1]].append(spec.name)
    expected = {model.name for model in load_layer("1_clean")} & set(CONTRACT)
    assert {table: sorted(names) for table, names in clean.items()} == {
        table: ["expectations", "quarantine", "reconciliation"] for table in expected
    }


def test_both_jobs_run_every_asset_in_one_process(graph: Any) -> None:
    from clv_pipeline.orchestration.definitions import defs
    from clv_pipeline.orchestration.resources import RETRAIN_TAG

    nightly, retrain = defs.resolve_job_def("nightly"), defs.resolve_job_def("retrain")
    everything = set(graph.get_all_asset_keys())
    for job in (nightly, retrain):
        assert set(job.asset_layer.executable_asset_keys) == everything
        assert job.executor_def.name == "in_process"
        assert job.description
    assert RETRAIN_TAG not in nightly.tags
    assert retrain.tags[RETRAIN_TAG] == "true"


# --- the schedule ------------------------------------------------------------------------------------------------------


def test_a_source_may_ask_for_another_hour_and_a_fixed_day(file_source: Callable[..., FileSource]) -> None:
    source = file_source(toml='time_zone = "Europe/Berlin"\nnightly_at = "04:05"\nas_of = "2024-02-29"\n')
    found = ticks(source, "Europe/Berlin", ["2026-07-01", "2026-07-02"], "UTC")
    assert found["cron"] == "5 4 * * *"
    (first,), (second,) = found["nights"].values()
    assert [first["asked"][0]["as_of"], second["asked"][0]["as_of"]] == ["2024-02-29", "2024-02-29"]
    assert first["asked"][0]["run_key"] != second["asked"][0]["run_key"]


# --- the history of a run ----------------------------------------------------------------------------------------------


def test_the_home_holds_the_history_of_one_green_run(demo_run: Home, instance: dg.DagsterInstance) -> None:
    (run,) = instance.get_runs()
    assert run.status == dg.DagsterRunStatus.SUCCESS
    assert run.job_name == "nightly"
    assert instance.telemetry_enabled is False
    assert instance.nux_enabled is False, "the UI greets everybody with a newsletter form"
    served = json.loads((demo_run.published / "current.json").read_text())
    bundle = _metadata(instance, dg.AssetKey(["published", "bundle"]))
    assert bundle["run_id"] == served["run_id"]
    assert bundle["is served"] is True
    assert set(bundle["rows"]) == set(PUBLISHED)


def test_every_asset_was_materialised_by_that_run(graph: Any, instance: dg.DagsterInstance) -> None:
    (run,) = instance.get_runs()
    for key in graph.get_all_asset_keys():
        event = instance.get_latest_materialization_event(key)
        assert event is not None, key.to_user_string()
        assert event.run_id == run.run_id


def test_every_table_shows_name_rows_and_columns(graph: Any, instance: dg.DagsterInstance) -> None:
    for key in graph.get_all_asset_keys():
        name = key.to_user_string()
        if name in NOT_TABLES:
            continue
        metadata = _metadata(instance, key)
        assert metadata["dagster/table_name"] == name.replace("/", ".")
        assert isinstance(metadata["dagster/row_count"], int), name
        columns = metadata["dagster/column_schema"].columns
        assert len(columns) >= 1, name
        assert all(column.type for column in columns), name
    assert _metadata(instance, dg.AssetKey(["clean", "orders"]))["dagster/row_count"] > 1000
    assert _metadata(instance, dg.AssetKey(["published", "customer_clv"]))["dagster/row_count"] > 1000


@pytest.mark.parametrize(
    ("asset", "names"),
    [
        ("raw/orders", {"rows delivered tonight", "rows new tonight"}),
        ("clean/orders", {"rows at the source", "rows accepted", "rows quarantined", "money quarantined"}),
        ("clean/customers", {"rows at the source", "rows accepted", "rows quarantined"}),
        (
            "training/champion",
            {"normalised Gini 90d", "coverage of the 90 % interval 90d", "log loss of a purchase 90d"},
        ),
        (
            "scores/customer_scores",
            {"predicted total 90d", "predicted total 90d, low", "predicted total 90d, high", "trailing spend"},
        ),
        (
            "published/prediction_outcomes",
            {"bias 90d, last backtest window", "coverage of the 90 % interval 90d, last backtest window"},
        ),
        (
            "published/clv_run",
            {"customers", "predicted spend", "trailing spend", "quarantined rows", "quarantined money at the source"},
        ),
        ("published/bundle", {"rows of all tables", "size in MB"}),
    ],
)
def test_an_asset_has_the_numbers_that_the_ui_plots(asset: str, names: set[str], instance: dg.DagsterInstance) -> None:
    metadata = _metadata(instance, dg.AssetKey(asset.split("/")))
    numbers = {name: value for name, value in metadata.items() if type(value) in (int, float)}
    assert names - numbers.keys() == set()
    assert all(isfinite(value) for value in numbers.values())


def test_a_night_without_a_closed_window_has_no_number_of_it_rather_than_zero(instance: dg.DagsterInstance) -> None:
    names = _metadata(instance, dg.AssetKey(["published", "prediction_outcomes"])).keys()
    assert [name for name in names if "closed window" in name] == []


def test_a_run_of_the_command_line_names_the_code_location_that_the_ui_groups_runs_by(
    demo_run: Home, tmp_path: Path
) -> None:
    home = copy_of(demo_run, tmp_path)
    with closing(sqlite3.connect(home.dagster / "history" / "runs.db")) as history:
        ((body,),) = history.execute("select run_body from runs").fetchall()
        run = json.loads(body)
        assert run["external_pipeline_origin"]["external_repository_origin"]["repository_name"] == "__repository__"
        # as an older release wrote it
        history.execute("update runs set run_body = ?", [json.dumps(run | {"external_pipeline_origin": None})])
        history.commit()
    with mock.patch.dict(os.environ):
        prepare_dagster_home(home)
        with dg.DagsterInstance.get() as opened:
            (named,) = opened.get_runs()
    assert named.remote_job_origin is not None
    assert named.remote_job_origin.repository_origin.get_label() == "__repository__@clv_pipeline"
    assert named.is_success


@pytest.mark.parametrize(
    ("table", "column", "meaning"),
    [
        ("raw/orders", "channel", "sales channel"),
        ("features/web_features", "web_recency_days", "days since the last web visit"),
        ("published/customer_clv", "predicted_spend_90d", "expected (mean) net spend in the 90 days from as_of_date"),
        ("clean/orders", "channel", None),
    ],
)
def test_a_column_shows_what_it_means(
    table: str, column: str, meaning: str | None, instance: dg.DagsterInstance
) -> None:
    schema = _metadata(instance, dg.AssetKey(table.split("/")))["dagster/column_schema"]
    (shown,) = [c.description for c in schema.columns if c.name == column]
    assert shown is None if meaning is None else shown.startswith(meaning)


def test_metadata_shows_no_place_and_no_secret_of_the_source(graph: Any, instance: dg.DagsterInstance) -> None:
    for key in graph.get_all_asset_keys():
        text = str(_metadata(instance, key))
        assert "sqlite:///" not in text, key.to_user_string()
        assert "@example" not in text, key.to_user_string()


def test_every_check_was_evaluated_and_passed_but_the_one_that_warns_of_the_demos_dirt(
    graph: Any, instance: dg.DagsterInstance
) -> None:
    (run,) = instance.get_runs()
    evaluations: list[AssetCheckEvaluation] = [
        entry.dagster_event.asset_check_evaluation_data
        for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
        if entry.dagster_event
    ]
    assert {e.asset_check_key for e in evaluations} == set(graph.asset_check_keys)
    assert len(evaluations) == len(graph.asset_check_keys)
    warned = {e.asset_key.to_user_string(): e for e in evaluations if not e.passed}
    assert {e.check_name for e in warned.values()} == {"quarantine"}
    assert {e.severity for e in warned.values()} == {dg.AssetCheckSeverity.WARN}
    assert warned.keys() == {"clean/orders", "clean/customers"}
    told = warned["clean/orders"].metadata["warnings"].value
    assert re.search(rf"6 rows \([\d,.]+\): {REASONS['unknown_order_status'].text}", told)
    assert "customers are not profiled" in warned["clean/customers"].metadata["warnings"].value
    for evaluation in evaluations:
        assert evaluation.metadata, f"{evaluation.asset_check_key} shows nothing"
        if evaluation.check_name == "expectations":
            assert evaluation.metadata["expectations"].value > 0


def _lineage(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, list[tuple[dg.AssetKey, str]]]:
    lineage = _metadata(instance, key).get("dagster/column_lineage")
    if lineage is None:
        return {}
    return {c: [(d.asset_key, d.column_name) for d in deps] for c, deps in lineage.deps_by_column.items()}


def _sql_assets() -> list[dg.AssetKey]:
    layers = ("1_clean", "2_features", "3_training", "4_published")
    # those whose columns are of tables that Python writes next to others lead to no asset's column
    models = [
        m
        for layer in layers
        for m in load_layer(layer)
        if m.inputs - TABLES.keys() and m.name not in ("customer_clv_history", "predicted_totals")
    ]
    return [dg.AssetKey(m.table.split(".")) for m in models] + [dg.AssetKey(["scores", "customer_scores"])]


@pytest.mark.parametrize("key", _sql_assets(), ids=lambda k: k.to_user_string())
def test_the_columns_of_a_sql_asset_come_from_columns_that_exist(
    instance: dg.DagsterInstance, key: dg.AssetKey
) -> None:
    lineage = _lineage(instance, key)
    assert lineage, "no column lineage"
    schema = {column.name for column in _metadata(instance, key)["dagster/column_schema"].columns}
    assert set(lineage) <= schema
    known = {k.to_user_string() for k in instance.all_asset_keys()}
    strangers = {source.to_user_string() for deps in lineage.values() for source, _ in deps} - known
    assert strangers == set(), "lineage leads to a table that is no asset: a dead link in the UI"
    for deps in lineage.values():
        for source, column in deps:
            there = {c.name for c in _metadata(instance, source)["dagster/column_schema"].columns}
            assert column in there, f"{source.to_user_string()} has no column {column}"


def test_historic_value_can_be_followed_back_to_the_amount_of_an_order(instance: dg.DagsterInstance) -> None:
    start = (dg.AssetKey(["published", "customer_clv"]), "historic_value")
    seen, open_ends = {start}, [start]
    while open_ends:
        key, column = open_ends.pop()
        for step in _lineage(instance, key).get(column, []):
            if step not in seen:
                seen.add(step)
                open_ends.append(step)
    names = {f"{key.to_user_string()}.{column}" for key, column in seen}
    chain = {
        "features/customer_features.spend_total",
        "features/purchase_features.spend_total",
        "features/customer_day.net_spend",
        "clean/orders.amount",
        "raw/orders.amount",
    }
    assert chain <= names, chain - names
    # a refund nets against what the person bought, so who is one person is part of it (merges of CRM records, and whose
    # address a guest gave), and nothing else of the CRM
    of_the_crm = {name for name in names if name.startswith("raw/customers")}
    assert of_the_crm <= {
        f"raw/customers.{column}"
        for column in ("customer_id", "merged_into", "email", "created_at", "updated_at", "row_hash")
    }


def test_a_score_leads_through_the_model_to_its_features(instance: dg.DagsterInstance) -> None:
    deps = _lineage(instance, dg.AssetKey(["scores", "customer_scores"]))["predicted_spend_90d"]
    names = {f"{key.to_user_string()}.{column}" for key, column in deps}
    assert {"features/customer_features.recency_days", "features/btyd_features.btyd_spend_90d"} <= names
    assert len(names) > 40


def test_the_run_kept_the_as_of_of_its_source(instance: dg.DagsterInstance) -> None:
    assert _metadata(instance, dg.AssetKey(["features", "cutoffs"]))["as_of"] == date(2026, 7, 1).isoformat()


def test_a_warehouse_older_than_a_training_table_gets_it_empty(demo_run: Home, tmp_path: Path) -> None:
    home = copy_of(demo_run, tmp_path)
    names = ("permutation_importance", "partial_dependence", "source_ablation")
    with open_warehouse(home).transaction() as connection:
        trained = read_night_plan(connection)
        nothing_is_due = NightPlan(replace(trained.training, horizons=()), None)
        write_night_plan(connection, load_settings(), date(2026, 7, 1), nothing_is_due)
        for name in names:
            connection.execute(f"drop table training.{name}")
    assert run_asset(home, "training.permutation_importance") == []
    assert run_asset(home, "training.source_ablation") == []
    with open_warehouse(home).connection() as connection:
        assert [connection.execute(f"select count(*) from training.{name}").fetchall() for name in names] == [
            [(0,)]
        ] * 3
