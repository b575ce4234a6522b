"""Benchmarks at a tiny size: each runs, and prints the figures it promises. How fast they are is not asserted here."""

import math
import re
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from benchmarks import made_up_shop, purchase_mart
from clv_pipeline.btyd import MBGNBD, MBGCNBDk, ParetoNBD
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import SQL_FOLDER
from clv_pipeline.scoring.kept_nights import DAILY_NIGHTS
from clv_pipeline.warehouse.connection import Warehouse, columns_of
from clv_pipeline_tests.browser import free_port
from clv_pipeline_tests.conftest import AS_OF, FileSource
from clv_pipeline_tests.warehouse_builders import clean_without_rules, extract_source

#: Customers at which a benchmark costs next to nothing and still fits every model.
TINY = {
    "btyd": 300,
    "cohort_forecast": 300,
    "corrupted_nights": 60,
    "dashboard": 100,
    "guilty_segments": 300,
    "history_cost": 50,
    "lifetimes_summary": 300,
    "made_up_shop": 2000,
    "next_purchases": 1500,
    "purchase_mart": 300,
    "rhythm": 100,
    "simulated_companies": 40,
    "source_counts": 60,
}
MADE_TABLES = ("clean.orders", "clean.customers")

RunTiny = Callable[..., str]


@pytest.fixture
def run_tiny(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> RunTiny:
    """Return a function that runs a benchmark's main in this process and returns what it prints."""

    def run(name: str, *options: str) -> str:
        monkeypatch.setattr("sys.argv", [name, "--customers", str(TINY[name]), *options])
        import_module(f"benchmarks.{name}").main()
        return capfd.readouterr().out

    return run


def figures(pattern: str, printed: str) -> list[float]:
    """Return the numbers that the groups of the pattern match in the line that has them."""
    match = re.search(pattern.replace("#", r"(-?[\d.,]+|nan|inf)"), printed)
    assert match, f"no line {pattern!r} in\n{printed}"
    return [float(number.replace(",", "")) for number in match.groups()]


def is_positive(number: float) -> bool:
    return math.isfinite(number) and number > 0


def tiny_shop() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    purchase_mart.make_inputs(connection, customers=1)
    return connection


def made_columns() -> list[tuple[str, str]]:
    with tiny_shop() as connection:
        return [(table, column) for table in MADE_TABLES for column in columns_of(connection, table)]


def test_every_benchmark_has_a_tiny_size() -> None:
    files = (SQL_FOLDER.parent / "benchmarks").glob("*.py")
    assert TINY.keys() == {path.stem for path in files if "def main()" in path.read_text()}


# ------------------------------------------------------------------------------------------ what they print


def test_corrupted_nights_are_counted(run_tiny: RunTiny) -> None:
    printed = run_tiny("corrupted_nights", "--good", "2", "--only", "cents everywhere")
    assert re.search(r"^later night: 1 of 1 caught \(100\.0%\)$", printed, re.MULTILINE), printed
    assert re.search(r"^clean nights: 1, red 0, with a warning \d$", printed, re.MULTILINE), printed


def test_faults_of_one_segment_are_counted_by_who_is_named(run_tiny: RunTiny) -> None:
    printed = run_tiny("guilty_segments", "--orders", "40", "--only", "country_gone")
    assert printed.startswith("1 of 1 named right (100%): "), printed


def test_counting_is_compared_with_the_extract_on_a_first_night_and_the_next(run_tiny: RunTiny) -> None:
    printed = run_tiny("source_counts")
    for way in ("everything", "incremental"):
        for night in ("first night", "next night"):
            wall, cpu = figures(rf"(?m)^{way}, {night}: extract # s, # CPU s; counting .*of it$", printed)
            assert is_positive(wall)
            assert is_positive(cpu)
    assert printed.count("as delivered") == printed.count("at the source") == printed.count("in raw") == 4


def test_a_night_after_many_is_compared_with_a_night_after_one(run_tiny: RunTiny, demo_run: Home) -> None:
    printed = run_tiny("history_cost", "--home", str(demo_run.root), "--nights", "80")
    assert figures("80 nights of 50 customers, # held", printed) == [DAILY_NIGHTS + 2]
    few, many = figures("publishing: # CPU s after one night, # after 80", printed)
    (share,) = figures("a first night of 100,000 customers costs 494 CPU s: it becomes # of it", printed)
    assert is_positive(few) and is_positive(many) and is_positive(share)


@pytest.mark.extras
def test_pages_of_the_dashboard_are_timed_and_none_is_stale(run_tiny: RunTiny, demo_run: Home) -> None:
    pytest.importorskip("streamlit", reason="the dashboard is an extra: `make test-extras` installs it")
    options = ("--publications", "3", "--sessions", "2", "--rounds", "1", "--port", str(free_port()))
    printed = run_tiny("dashboard", "--home", str(demo_run.root), *options)
    assert is_positive(figures("customer, by number +p50 # s", printed)[0])
    pages, errors, stale = figures("3 publications, # pages meanwhile: # errors, # stale pages", printed)
    assert is_positive(pages) and (errors, stale) == (0, 0)
    assert is_positive(figures("peak memory # MB after the publications", printed)[0])


def test_the_made_up_shop_has_the_size_that_it_claims(run_tiny: RunTiny, tmp_path: Path) -> None:
    shop = tmp_path / "shop.parquet"
    printed = run_tiny("made_up_shop", "--out", str(shop))
    customers, orders, lines, net = figures("customers #, orders #, lines #, net # in ", printed)
    assert customers == TINY["made_up_shop"]
    assert orders / customers == pytest.approx(4.8, rel=0.05)
    assert lines / customers == pytest.approx(9.6, rel=0.05)
    assert is_positive(net)
    assert duckdb.read_parquet(str(shop)).shape[0] == lines


def test_the_purchase_mart_is_compared_with_a_scan_and_explained(run_tiny: RunTiny) -> None:
    printed = run_tiny("purchase_mart", "--explain")
    assert figures("# customers, # orders, # lines", printed)[0] == TINY["purchase_mart"]
    for what in ("scan", "customer_day", "purchase_features", "mart"):
        assert is_positive(figures(rf"(?m)^{what} +[\d.]+ CPU s +# GB$", printed)[0])
    ratio, target, peak, target_peak = figures(
        r"mart / scan +# \(target at 1M customers: at most #\), # GB \(under #\)", printed
    )
    assert is_positive(ratio)
    assert is_positive(peak)
    assert (target, target_peak) == (36, 1)
    explained = re.findall(r"(?m)^features\.\w+$", printed)
    assert explained == ["features.customer_day", "features.purchase_features"]
    assert printed.count("Total Time") == len(explained)


def test_the_mart_is_compared_with_the_usual_summary_and_the_output_says_whose_it_is(run_tiny: RunTiny) -> None:
    printed = run_tiny("lifetimes_summary")
    assert ("lifetimes is not installed" in printed) == (find_spec("lifetimes") is None)
    for whose in ("our mart, every column", "their summary, three columns"):
        assert is_positive(figures(rf"{whose} +[\d.]+ CPU s +# GB", printed)[0])
    ratio, target = figures(r"theirs / ours +# \(target at 1M customers: at least #\)", printed)
    assert is_positive(ratio)
    assert target == 5


def test_lists_of_next_purchases_are_compared_with_their_baselines_and_learn_nothing_from_chance(
    run_tiny: RunTiny,
) -> None:
    printed = run_tiny("next_purchases")
    assert is_positive(figures(r"category, 90 days from 2025-10-03: # CPU s", printed)[0])
    for kind, baseline in (("again", "own_frequency"), ("new_to_them", "popularity")):
        (recall,) = figures(rf"{kind} +{baseline} +recall_at_10 #", printed)
        assert 0 < recall <= 1
        assert f"so the list is ordered by {baseline}" in printed or f"compared with {baseline}" in printed


def test_each_purchase_model_is_fitted_and_asked_for_every_quantity(run_tiny: RunTiny) -> None:
    printed = run_tiny("btyd")
    customers, distinct = figures("# customers, # distinct rows", printed)
    assert customers == TINY["btyd"]
    assert 0 < distinct <= customers
    steps = ["compress to distinct rows"]
    for kind in (MBGNBD, MBGCNBDk, ParetoNBD):
        steps += [
            f"{kind.__name__}: {step}"
            for step in (
                "fit", "expected purchases in 90 days", "P(alive)", "P(purchase in 90 days)",
                "discounted purchases of 3 years", "median wait for the next one",
            )
        ]  # fmt: skip
    for step in steps:
        assert is_positive(figures(rf"{re.escape(step)} +[\d.]+ s CPU +#x the sort", printed)[0])


def test_the_rhythm_is_judged_at_every_regularity(run_tiny: RunTiny) -> None:
    printed = run_tiny("rhythm")
    for k in (1, 2, 3, 4):
        for name in (MBGNBD.name, MBGCNBDk.name):
            stages, rank, loss, bias = figures(
                rf"k = {k}  {name} +finds k = #  Spearman #  log loss #  total \+?#%", printed
            )
            assert stages >= 1
            assert -1 <= rank <= 1
            assert is_positive(loss)
            assert math.isfinite(bias)


def test_cohorts_are_forecast_from_past_dates_next_to_the_baselines(run_tiny: RunTiny) -> None:
    printed = run_tiny("cohort_forecast", "--dates", "2025-06-01")
    ours = figures("2025-06-01: .*forecast WAPE # bias .#%.*inside # of #; season known", printed)
    assert 0 < ours[0] < 1 and ours[2] <= ours[3]
    for method in ("forecast", "chain_ladder", "last_three_months"):
        assert is_positive(figures(f"(?m)^{method}: mean WAPE #$", printed)[0])


# --------------------------------------------------------------------- the made-up shop and the mart's own SQL


def test_the_made_up_columns_have_the_types_of_the_clean_tables(
    warehouse: Warehouse, file_source: Callable[..., FileSource]
) -> None:
    settings = file_source(orders="order_id,customer_id,ordered_at,amount\n1,a,2024-05-01,1\n").settings()
    extract_source(settings, warehouse, AS_OF)
    with warehouse.transaction() as clean, tiny_shop() as made:
        clean_without_rules(clean, settings)
        for table in MADE_TABLES:
            types = columns_of(clean, table)
            wrong = {c: (t, types.get(c)) for c, t in columns_of(made, table).items() if t != types.get(c)}
            assert wrong == {}, f"{table}: the shop's type and the pipeline's"


@pytest.mark.parametrize(("table", "column"), made_columns())
def test_the_mart_reads_every_column_of_the_shop_and_one_that_is_missing_is_named(table: str, column: str) -> None:
    with tiny_shop() as connection:
        purchase_mart.check_inputs(connection)
        connection.execute(f"alter table {table} drop column {column}")
        with pytest.raises(SystemExit, match=rf"features\.customer_day: .*\b{column}\b.*made_up_shop\.py"):
            purchase_mart.check_inputs(connection)
        if table == "clean.orders":
            with pytest.raises(duckdb.BinderException, match=column):
                connection.execute(purchase_mart.SCAN)


def test_a_missing_parameter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purchase_mart, "PARAMETERS", {"first_cutoff": made_up_shop.CUTOFF})
    with tiny_shop() as connection, pytest.raises(SystemExit, match=r"purchase_features reads last_cutoff"):
        purchase_mart.check_inputs(connection)


def test_the_check_builds_nothing() -> None:
    with tiny_shop() as connection:
        purchase_mart.check_inputs(connection)
        with pytest.raises(duckdb.CatalogException, match="customer_day"):
            connection.execute("select * from features.customer_day")


def test_a_mart_that_cannot_be_built_is_known_before_the_shop_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make_without_customers(connection: duckdb.DuckDBPyConnection, customers: int) -> None:
        made.append(customers)
        make_inputs(connection, customers)
        connection.execute("drop table clean.customers")

    make_inputs = purchase_mart.make_inputs
    monkeypatch.setattr(purchase_mart, "make_inputs", make_without_customers)
    with pytest.raises(SystemExit, match=r"features\.customer_day reads clean\.customers, which is not there"):
        purchase_mart.prepare(tmp_path / "shop.duckdb", 1_000_000, "1GB")
    assert made == [1]
    assert not (tmp_path / "shop.duckdb").exists()


def test_a_kept_shop_that_lacks_a_table_ends_the_benchmark_with_its_name(
    run_tiny: RunTiny, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "shop.duckdb"
    with duckdb.connect(str(kept)) as connection:
        purchase_mart.make_inputs(connection, customers=1)
        connection.execute("drop table clean.customers")
    with pytest.raises(SystemExit, match=r"^1$"):
        run_tiny("purchase_mart", "--database", str(kept))
    failed = capfd.readouterr().err
    assert "features.customer_day reads clean.customers, which is not there." in failed
    assert "Traceback" not in failed


def test_simulated_companies_are_run_and_compared_with_their_future(run_tiny: RunTiny) -> None:
    printed = run_tiny("simulated_companies", "--companies", "1", "--kinds", "plan")
    pattern = "plan 0: error #, wape #, inside #, high over low #, buyers inside #, contradictions #"
    error, wape, inside, width, buyers, contradictions = figures(pattern, printed)
    assert -1 < error < 1 and 0 < wape < 1
    assert (inside, contradictions) == (1, 0)
    assert width > 1 and 0 <= buyers <= 1
    assert "plan: 1 of 1 green; mean error" in printed
