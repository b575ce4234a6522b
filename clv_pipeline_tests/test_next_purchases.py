"""Next purchases: the level, the candidates, the ranker against its baselines, the lists of a night and what they never hold.

The company is made up: six tastes of four items each, and a customer's favourite among the items of a taste changes in time,
so that the latest purchases tell more than the most frequent ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.contracts.warehouse import NEXT_PURCHASE_QUALITY, NEXT_PURCHASES
from clv_pipeline.core.errors import ArtefactError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.modeling.registry.artefacts import save_files
from clv_pipeline.modeling.registry.registry import Manifest, Registry, library_versions
from clv_pipeline.next_purchases import examples, fitting
from clv_pipeline.next_purchases.calibration import Calibration
from clv_pipeline.next_purchases.evaluation import Ranked, quality_rows, verdict_row
from clv_pipeline.next_purchases.examples import Examples, closed_windows
from clv_pipeline.next_purchases.lines import Level, choose_level, read_items_of, read_labels, write_lines
from clv_pipeline.next_purchases.ranker import LEARNED, Ranker
from clv_pipeline.next_purchases.scoring import score_next_purchases
from clv_pipeline.warehouse.connection import Connection, Warehouse
from clv_pipeline_tests.conftest import open_warehouse

AS_OF, DAYS = date(2024, 6, 1), 60
TASTES, ITEMS_OF_A_TASTE = 6, 4


def made_up_orders(customers: int, seed: int = 3, *, is_random: bool = False) -> pd.DataFrame:
    """Return order lines of the last 400 days: item `T<taste>-<number>`, dearer with its number."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        taste, day, order = rng.integers(TASTES), -400 + rng.exponential(60), 0
        while day < 0:
            favourite = int(day + 1000 + 13 * customer) // 90 % ITEMS_OF_A_TASTE
            for line in range(2):
                here = not is_random and rng.random() < 0.85
                item = (taste, favourite) if here and rng.random() < 0.7 else (
                    taste if here else rng.integers(TASTES), rng.integers(ITEMS_OF_A_TASTE)
                )  # fmt: skip
                when = AS_OF + timedelta(days=int(np.floor(day)))
                rows.append((f"O{customer}-{order}", f"L{line}", f"C{customer:04d}", when, f"T{item[0]}-{item[1]}"))
            day, order = day + 1 + rng.exponential(25), order + 1
    frame = pd.DataFrame(rows, columns=["order_id", "order_line_id", "customer_id", "order_date", "product_id"])
    frame["quantity"] = 2.0
    frame["amount"] = 20.0 + 10 * frame["product_id"].str[-1].astype(int)
    return frame.drop_duplicates(["order_id", "product_id"])


def write_orders(connection: Connection, orders: pd.DataFrame, refused: tuple[str, ...] = ()) -> None:
    """Write clean orders and customers, with the columns that the lists are made from, and everybody's score."""
    connection.register("made", orders.assign(product_category=orders.get("product_category")))
    connection.execute(
        """
        create or replace table clean.orders as
        select order_id, customer_id, order_date::date as order_date, product_id, product_category::varchar as product_category,
            quantity::decimal(18, 6) as quantity, amount::decimal(18, 2) as amount
        from made
        """
    )
    connection.unregister("made")
    connection.execute("create or replace table clean.products (product_id varchar, label varchar)")
    connection.execute(
        "create or replace table clean.customers as select distinct customer_id, "
        "not list_contains($refused, customer_id) as has_profiling_consent from clean.orders where customer_id is not null",
        {"refused": list(refused)},
    )
    connection.execute(
        "create or replace table scores.customer_scores as select customer_id, 0.5::decimal(5, 4) as primary_probability, "
        "30::decimal(18, 2) as primary_spend "
        "from clean.customers where has_profiling_consent"
    )
    connection.execute("create or replace table raw.extraction as select $as_of::date as as_of", {"as_of": AS_OF})


@dataclass(frozen=True)
class Shop:
    """A warehouse with the company's rows, and a registry with a version that keeps the ranker fitted to them."""

    warehouse: Warehouse
    registry: Registry
    manifest: Manifest
    ranker: Ranker

    def score(self, **settings: Any) -> str | None:
        return score_next_purchases(self.warehouse, small(**settings), self.registry, self.manifest)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connection() as connection:
            return connection.execute(query).fetchall()

    def lists(self) -> list[tuple[Any, ...]]:
        return self.rows("select * from scores.next_purchases order by customer_id, kind, rank")


def small(**settings: Any) -> Settings:
    return load_settings(source="cdnow", horizons=str(DAYS), bootstrap_samples=20, threads=2, **settings)


def open_shop(folder: Path, orders: pd.DataFrame, refused: tuple[str, ...] = ()) -> Shop:
    warehouse, registry = open_warehouse(Home(folder)), Registry(folder / "models")
    with warehouse.transaction() as connection:
        write_orders(connection, orders, refused)
    ranker = fitting.fit_next_purchases(warehouse, small(), AS_OF, DAYS)
    with warehouse.connection() as connection:
        files = save_files(fitting.read_fitted(connection), registry.new_folder("v1"))
    manifest = Manifest("v1", AS_OF, "", "", {}, [], [], [], {}, library_versions(), files)
    return Shop(warehouse, registry, manifest, ranker)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The company, one of whose customers refuses; nobody changes it."""
    found = open_shop(tmp_path_factory.mktemp("shop"), made_up_orders(400), refused=("C0007",))
    with found.warehouse.connection():
        assert found.score() is None
        yield found


@pytest.fixture
def another(shop: Shop, tmp_path: Path) -> Iterator[Shop]:
    """The same company and version in a warehouse of its own, to be changed."""
    warehouse = open_warehouse(Home(tmp_path))
    with warehouse.connection():
        with warehouse.transaction() as connection:
            write_orders(connection, made_up_orders(400), refused=("C0007",))
        yield replace(shop, warehouse=warehouse)


def statuses(shop: Shop) -> list[str]:
    return [text for (text,) in shop.rows(
        "select statement from scores.next_purchase_quality where row_kind = 'status' order by kind"
    )]  # fmt: skip


# ------------------------------------------------------------------------------------------------ level


def level_of(connection: Connection, **columns: list[str | None]) -> tuple[str | None, str | None]:
    lines = max(map(len, columns.values()))
    orders = pd.DataFrame(
        {"order_id": map(str, range(lines)), "customer_id": "a", "order_date": date(2024, 1, 1), "product_id": None,
         "product_category": None, "quantity": 1.0, "amount": 5.0} | columns
    )  # fmt: skip
    write_orders(connection, orders)
    level = choose_level(connection)
    return level.name, level.why_none


def test_categories_come_before_products(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        assert level_of(connection, product_id=["1", "2"], product_category=["toys", "books"]) == ("category", None)
        assert level_of(connection, product_id=["1", "2"])[0] == "product"
        assert level_of(connection, product_id=["1", "2", "3"], product_category=["toys", None, " "])[0] == "product"


def test_a_shop_without_a_choice_is_told_why(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        assert level_of(connection, product_category=["toys", "toys"]) == (
            None, "every sale is of one category: there is nothing to choose between",
        )  # fmt: skip
        assert "product_id, product_category" in str(level_of(connection, order_id=["1", "2"])[1])
        assert level_of(connection, customer_id=[None, None]) == (None, "no sale names its customer")


# ------------------------------------------------------------------------------------ ranker and quality


def figure(shop: Shop, row_kind: str, kind: str, method: str, metric: str) -> dict[str, Any]:
    (row,) = [
        r for r in shop.ranker.quality
        if (r["row_kind"], r["kind"], r["method"], r["metric"]) == (row_kind, kind, method, metric)
    ]  # fmt: skip
    return row


def test_the_learned_ranker_finds_that_favourites_change(shop: Shop) -> None:
    assert figure(shop, "difference", "again", LEARNED, "ndcg_at_5")["low"] > 0.03
    assert figure(shop, "difference", "again", LEARNED, "log_loss")["high"] < 0
    verdict = figure(shop, "verdict", "again", LEARNED, "ndcg_at_5")
    assert (verdict["value"], verdict["test_window_start"]) == (1, str(AS_OF - timedelta(days=DAYS)))
    assert "better, and orders the list" in verdict["statement"]
    assert shop.rows("select distinct method from scores.next_purchases where kind = 'again'") == [(LEARNED,)]


def test_where_there_is_nothing_to_learn_the_baseline_orders_the_lists(tmp_path: Path) -> None:
    lottery = open_shop(tmp_path, made_up_orders(150, is_random=True))
    assert {k: r.method for k, r in lottery.ranker.kinds.items()} == {
        "again": "own_frequency", "new_to_them": "popularity",
    }  # fmt: skip
    verdict = figure(lottery, "verdict", "again", LEARNED, "ndcg_at_5")
    assert (verdict["value"], "so the list is ordered by own_frequency" in verdict["statement"]) == (0, True)
    assert lottery.score() is None
    assert statuses(lottery) == ["The list is ordered by own_frequency.", "The list is ordered by popularity."]
    assert {r[0] for r in lottery.rows("select method from scores.next_purchases where kind = 'new_to_them'")} == {
        "popularity"
    }


def test_a_ranker_that_was_saved_scores_as_the_one_that_was_fitted(shop: Shop) -> None:
    loaded = Ranker.load(shop.ranker.files())
    assert loaded is not None
    assert loaded.files() == shop.ranker.files()


def test_a_ranker_of_other_features_is_none(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    files = shop.ranker.files()
    files["next_purchases.json"] = files["next_purchases.json"].replace(b'"since_last_order"', b'"since_last_week"')
    assert Ranker.load(files) is None


def test_the_same_rows_give_the_same_ranker(another: Shop) -> None:
    again = fitting.fit_next_purchases(another.warehouse, small(), AS_OF, DAYS)
    assert again.files() == another.ranker.files()


def test_windows_do_not_overlap_and_have_history_before_them() -> None:
    found = closed_windows(AS_OF, AS_OF - timedelta(days=200), DAYS)
    assert found == [AS_OF - timedelta(days=60), AS_OF - timedelta(days=120)]
    assert closed_windows(AS_OF, AS_OF - timedelta(days=100), DAYS) == []


def test_without_a_closed_window_there_is_no_ranker_and_a_reason(tmp_path: Path) -> None:
    orders = made_up_orders(60)
    young = open_shop(tmp_path, orders[orders["order_date"] > AS_OF - timedelta(days=80)])
    assert young.score() == "the history is too short for one closed window"
    assert young.lists() == []


def test_with_one_closed_window_nothing_is_compared_and_the_baselines_order(tmp_path: Path) -> None:
    orders = made_up_orders(150)
    young = open_shop(tmp_path, orders[orders["order_date"] > AS_OF - timedelta(days=150)])
    assert [row["row_kind"] for row in young.ranker.quality] == ["verdict", "verdict"]
    assert "was not compared with own_frequency" in young.ranker.quality[0]["statement"]
    assert young.score() is None
    assert young.rows("select distinct method from scores.next_purchases where kind = 'again'") == [("own_frequency",)]
    assert young.rows("select count(probability) > 0, count(probability_low), count(expected_spend_high) "
                      "from scores.next_purchases") == [(True, 0, 0)]  # fmt: skip


EXAMPLES = Examples(
    row=np.array([0, 0, 0, 1, 1]),
    features=np.zeros((5, 1), dtype=np.float32),
    baselines={"own_frequency": np.array([3.0, 2.0, 1.0, 1.0, 2.0], dtype=np.float32)},
    bought=np.array([0.0, 1.0, 1.0, 1.0, 0.0], dtype=np.float32),
    wanted=np.array([2.0, 3.0, 0.0], dtype=np.float32),
)


def test_recall_and_ndcg_of_short_lists_are_as_by_hand() -> None:
    ranked = Ranked.of(EXAMPLES, EXAMPLES.baselines["own_frequency"].astype(np.float64), 10)
    assert ranked.hits[:, :3].tolist() == [[False, True, True], [False, True, False], [False, False, False]]
    assert ranked.recall(2).tolist() == [0.5, 0.5, 0.0]
    second, third = 1 / np.log2(3), 1 / np.log2(4)
    assert ranked.ndcg(3).tolist() == pytest.approx([(second + third) / (1 + second), second / (1 + second + third), 0])


def test_a_difference_is_of_the_same_customers() -> None:
    one, other = np.array([0.2, 0.9, 0.4]), np.array([0.1, 0.8, 0.3])
    metrics = {"own_frequency": {"recall_at_5": other}, LEARNED: {"recall_at_5": one, "ndcg_at_5": one}}
    rows = quality_rows("again", metrics, AS_OF, samples=20, seed=7)
    (lead,) = [r for r in rows if r["row_kind"] == "difference"]
    assert (lead["value"], lead["low"], lead["high"]) == pytest.approx((0.1, 0.1, 0.1))


def test_a_lead_within_its_interval_is_no_lead() -> None:
    def verdict_of(low: float, loss: float) -> float:
        common = {
            "row_kind": "difference",
            "method": LEARNED,
            "value": 0.1,
            "high": 0.2,
            "test_window_start": None,
            "customers": 9,
        }
        leads = [common | {"metric": "ndcg_at_5", "low": low}, common | {"metric": "log_loss", "low": loss}]
        return float(verdict_row("again", leads)["value"])

    assert (verdict_of(0.01, -0.1), verdict_of(-0.01, -0.1), verdict_of(0.01, 0.02)) == (1, 0, 0)


def test_a_calibration_never_falls_and_holds_its_share() -> None:
    rng = np.random.default_rng(1)
    score = rng.random(4000)
    found = Calibration.fit(score, (rng.random(4000) < score**2).astype(float))
    share, low, _ = found.of(np.linspace(0, 1, 50))
    assert (np.diff(share) >= 0).all()
    assert np.isnan(low).all()
    judged = found.judged_on(score, (rng.random(4000) < score**2).astype(float))
    _, low, high = judged.of(np.linspace(0, 1, 50))
    assert ((low <= share) & (share <= high)).all()
    off = found.judged_on(score, (rng.random(4000) < 0.5 * score**2).astype(float))
    assert off.of(score)[1].mean() < judged.of(score)[1].mean()
    assert found.of(np.array([0.7]))[0] == pytest.approx(0.49, abs=0.06)


# ------------------------------------------------------------------------------------- lists of a night


def test_own_items_are_again_and_the_others_are_new(shop: Shop) -> None:
    wrong = shop.rows(
        """
        select count(*) from scores.next_purchases as suggested
        where (kind = 'again') <> exists (
            select 1 from clean.orders where customer_id = suggested.customer_id and product_id = suggested.item
        )
        """
    )
    assert wrong == [(0,)]
    assert shop.rows("select max(rank), min(rank), count(distinct kind) from scores.next_purchases") == [(5, 1, 2)]
    assert shop.rows("select count(*) from (select customer_id, kind, count(*) c, max(rank) m from scores.next_purchases "
                     "group by all) where c <> m") == [(0,)]  # fmt: skip


def test_a_list_is_in_the_order_of_its_probabilities_below_the_customers_own(shop: Shop) -> None:
    rising = shop.rows(
        "select count(*) from (select probability > lag(probability) over (partition by customer_id, kind order by rank) "
        "as rises from scores.next_purchases) where rises"
    )
    assert rising == [(0,)]
    outside = "probability > 0.5 or probability not between probability_low and probability_high"
    assert shop.rows(f"select count(*) from scores.next_purchases where {outside}") == [(0,)]


def test_a_customers_expected_spend_is_part_of_the_predicted_one(shop: Shop) -> None:
    totals = shop.rows("select sum(expected_spend) from scores.next_purchases group by customer_id")
    assert max(float(total) for (total,) in totals) == pytest.approx(30, abs=0.05)
    assert shop.rows(
        "select count(*) from scores.next_purchases where expected_spend not between expected_spend_low and expected_spend_high"
    ) == [(0,)]


def test_who_may_not_be_profiled_gets_no_list_and_shapes_none(shop: Shop) -> None:
    assert shop.rows("select count(*) from scores.next_purchases where customer_id = 'C0007'") == [(0,)]
    with shop.warehouse.connection() as connection:
        write_lines(connection, choose_level(connection))
        assert connection.execute("select count(*) from next_customers where customer_id = 'C0007'").fetchall() == [
            (0,)
        ]


def test_what_happens_on_or_after_as_of_changes_no_list(another: Shop) -> None:
    assert another.score() is None
    before = another.lists()
    with another.warehouse.transaction() as connection:
        connection.execute(
            "insert into clean.orders select 'X' || order_id, customer_id, $as_of::date + day::integer, 'T0-1', null, 9, 999 "
            "from clean.orders, range(20) as days(day) where order_date > $as_of::date - 50",
            {"as_of": AS_OF},
        )
    assert another.score() is None
    assert another.lists() == before


def test_a_window_that_is_judged_changes_no_candidate_and_no_feature(another: Shop) -> None:
    cutoff = AS_OF - timedelta(days=DAYS)

    def candidates() -> list[tuple[list[int], list[int], bytes]]:
        with another.warehouse.transaction() as connection:
            write_lines(connection, choose_level(connection))
            codes = {"first": 0, "last": 10_000}
            catalogue = examples.Catalogue.before(connection, cutoff, DAYS, examples.Rules())
            customers = examples.read_customers(connection, cutoff, DAYS, (codes["first"], codes["last"]))
            found = catalogue.candidates(customers).values()
            return [(c.row.tolist(), c.item.tolist(), c.features.tobytes()) for c in found]

    before = candidates()
    with another.warehouse.transaction() as connection:
        connection.execute(
            "update clean.orders set amount = amount * 7, product_id = 'T0-0' where order_date >= $c", {"c": cutoff}
        )
    assert candidates() == before


def test_customers_in_other_batches_get_the_same_lists(another: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert another.score() is None
    before = another.lists()
    monkeypatch.setattr(examples, "_ENTRIES", 24 * 17)
    monkeypatch.setattr("clv_pipeline.next_purchases.scoring._READ_AT_ONCE", 90)
    assert another.score() is None
    assert another.lists() == before


def test_what_is_denied_is_neither_suggested_nor_named(another: Shop) -> None:
    assert another.score(denied_categories="T1-*, T2-3") is None
    assert another.rows("select count(*) from scores.next_purchases where item like 'T1-%' or item = 'T2-3'") == [(0,)]
    assert another.rows(
        "select count(*) from scores.next_purchases where because like '%T1-%' or because like '%T2-3%'"
    ) == [(0,)]
    assert another.rows("select count(*) > 0 from scores.next_purchases where item = 'T2-2'") == [(True,)]


def test_what_few_have_bought_or_nobody_lately_is_left_out(another: Shop) -> None:
    with another.warehouse.transaction() as connection:
        connection.execute(
            "update clean.orders set product_id = 'rare' where product_id = 'T3-0' and customer_id in "
            "(select distinct customer_id from clean.orders where product_id = 'T3-0' order by customer_id limit 19)"
        )
        connection.execute(
            "delete from clean.orders where product_id = 'T4-0' and order_date >= $d", {"d": AS_OF - timedelta(days=60)}
        )
    assert another.score() is None
    assert another.rows("select count(*) from scores.next_purchases where item in ('rare', 'T4-0')") == [(0,)]
    assert another.rows("select count(*) from scores.next_purchases where because like '%rare%'") == [(0,)]


def test_the_facts_of_an_own_item_are_those_of_its_orders(shop: Shop) -> None:
    for customer, item, because in shop.rows(
        "select customer_id, item, because from scores.next_purchases where kind = 'again' order by md5(customer_id) limit 20"
    ):
        ((times, last),) = shop.rows(
            "select count(distinct order_id), max(order_date) from clean.orders "
            f"where customer_id = '{customer}' and product_id = '{item}'"
        )
        days = (AS_OF - last).days
        ago = "yesterday" if days == 1 else f"{days} days ago"
        often = {1: "once, ", 2: "twice, last "}.get(times, f"{times} times, last ")
        assert because == f"bought {often}{ago}"


def test_a_step_up_is_a_dearer_version_of_an_own_item_that_is_named(shop: Shop) -> None:
    steps = shop.rows(
        "select step, usual_price, compared_price, because from scores.next_purchases where kind = 'new_to_them'"
    )
    assert {step for step, *_ in steps} == {"new", "step_up"}
    for step, price, compared, because in steps:
        is_dearer = compared is not None and 1.2 <= float(price) / float(compared) <= 3
        assert (step == "step_up") == is_dearer
        assert (compared is None) == (not because.startswith("customers who bought T"))
    assert {step for (step,) in shop.rows("select step from scores.next_purchases where kind = 'again'")} == {"repeat"}


def test_in_a_category_the_step_is_judged_by_the_customers_own_price(tmp_path: Path) -> None:
    orders = made_up_orders(150)
    orders["product_category"] = orders["product_id"].str[:2]
    orders.loc[orders["customer_id"] == "C0001", "amount"] = 8.0
    orders.loc[orders["customer_id"] == "C0002", "quantity"] = np.nan
    grouped = open_shop(tmp_path, orders)
    assert grouped.score() is None
    steps = dict(grouped.rows("select customer_id, list_distinct(list(step)) from scores.next_purchases where kind = 'again' and "
                              "customer_id in ('C0001', 'C0002') group by all"))  # fmt: skip
    assert steps == {"C0001": ["step_up"], "C0002": []}
    assert grouped.rows("select distinct item_level from scores.next_purchases") == [("category",)]
    assert grouped.rows("select distinct step from scores.next_purchases where kind = 'new_to_them'") == [("new",)]


def test_popularity_says_the_same_to_everybody_and_counts_the_customers_known_then(shop: Shop) -> None:
    ((item, least, most),) = shop.rows(
        "select item, min(popularity_probability), max(popularity_probability) from scores.next_purchases "
        "group by item order by item limit 1"
    )
    known = (
        f"(select customer_id from clean.orders where order_date < '{AS_OF}'::date - {DAYS} and customer_id <> 'C0007')"
    )
    ((share,),) = shop.rows(
        f"select (select count(distinct customer_id) from clean.orders where product_id = '{item}' and "
        f"order_date >= '{AS_OF}'::date - {DAYS} and customer_id in {known}) / (select count(distinct customer_id) from {known})"
    )
    assert least == most
    assert float(least) == pytest.approx(share, abs=1e-6)


def test_a_version_without_a_ranker_gives_an_empty_table_and_the_reason(another: Shop) -> None:
    older = replace(another, manifest=replace(another.manifest, version="v0", files={}))
    why = older.score()
    assert why == "the model version v0 has no ranker of next purchases: the next training fits one"
    assert older.lists() == []
    assert statuses(older) == [f"There are no lists tonight: {why}."] * 2


def test_a_source_that_begins_to_give_categories_waits_for_the_next_training(another: Shop) -> None:
    with another.warehouse.transaction() as connection:
        connection.execute("update clean.orders set product_category = left(product_id, 2)")
    assert another.score() == "the ranker was fitted to product names, and the source now names the category"
    assert another.lists() == []


def test_one_category_gives_an_empty_table_and_the_reason(another: Shop) -> None:
    with another.warehouse.transaction() as connection:
        connection.execute("update clean.orders set product_category = 'gifts'")
    assert fitting.fit_next_purchases(another.warehouse, small(), AS_OF, DAYS).level is None
    assert "every sale is of one category" in str(another.score())
    assert another.lists() == []


def test_where_everything_is_denied_there_is_a_reason(another: Shop) -> None:
    assert "not denied" in str(another.score(denied_categories="T*"))
    assert another.lists() == []


def test_a_changed_file_of_the_ranker_is_refused(another: Shop, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    files = another.ranker.files()
    save_files(files | {"next_purchases_again.ubj": b"changed"}, registry.new_folder("v1"))
    with pytest.raises(ArtefactError, match=r"next_purchases_again\.ubj was changed"):
        replace(another, registry=registry).score()


def test_customers_are_numbered_at_random_and_items_by_name(shop: Shop) -> None:
    with shop.warehouse.connection() as connection:
        write_lines(connection, choose_level(connection))
        assert read_items_of(connection) == sorted(read_items_of(connection))
        first = [
            c
            for (c,) in connection.execute(
                "select customer_id from next_customers order by customer_code limit 9"
            ).fetchall()
        ]
    assert first != sorted(first)


def test_a_product_is_named_in_texts_by_its_name_and_a_category_by_itself(shop: Shop) -> None:
    with shop.warehouse.connection() as connection:
        write_lines(connection, choose_level(connection))
        items = read_items_of(connection)
        connection.execute("begin transaction")
        connection.execute("insert into clean.products values ($id, 'Red rose')", {"id": items[1]})
        assert read_labels(connection, Level("product")) == [items[0], "Red rose", *items[2:]]
        assert read_labels(connection, Level("category")) == items
        connection.execute("rollback")


def test_the_tables_have_the_columns_that_are_declared(shop: Shop) -> None:
    for table in (NEXT_PURCHASES, NEXT_PURCHASE_QUALITY):
        described = shop.rows(f"select column_name from (describe {table.name})")
        assert [name for (name,) in described] == table.column_names()
