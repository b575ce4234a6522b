"""What is unusual on a first night: how much of the money it concerns, whether it blocks, and that it warns once."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.corrupted_nights import night
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.quality.judging import judge_tonight
from clv_pipeline.quality.night_checks import NightRejected
from clv_pipeline_tests.conftest import open_warehouse

AS_OF = date(2024, 6, 1)
Change = Callable[[date, float], float | None]


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator()


def orders(change: Change = lambda day, amount: amount, *, customer: str = "c{}") -> pd.DataFrame:
    """Return an order a day over two years; `change` returns its amount, None for a day without one."""
    rows = []
    for n in range(1, 731):
        day = AS_OF - timedelta(days=n)
        amount = change(day, 20 + n * 7 % 13 + 0.5)
        if amount is not None:
            rows.append(
                (f"o{n}", "1", customer.format(n % 40), f"{day} {9 + n % 9:02d}:30:00", f"{amount:.2f}", "EUR", "paid")
            )
    return pd.DataFrame(
        rows, columns=["order_id", "order_line_id", "customer_id", "ordered_at", "amount", "currency", "status"]
    )


def times(factor: float, *months: str) -> Change:
    return lambda day, amount: amount * factor if f"{day:%Y-%m}" in months else amount


def closed(*months: str) -> Change:
    return lambda day, amount: None if f"{day:%Y-%m}" in months else amount


def first_night(root: Path, tables: Mapping[str, pd.DataFrame], validator: Validator) -> tuple[bool, dict[str, float]]:
    """Return whether the night is red, and check -> share of the money at stake."""
    seen = night(root, Home(root / "home"), dict(tables), AS_OF, validator)
    with open_warehouse(Home(root / "home")).connection() as connection:
        shares = connection.execute(
            "select check_name, sum(share_at_stake) from clean.remarks where table_name = 'orders' group by 1"
        ).fetchall()
    assert seen.is_red == any("check plausibility" in text for text in seen.texts)
    return seen.is_red, {check: share for check, share in shares if share is not None}


@pytest.mark.parametrize(
    ("change", "is_red", "check", "share"),
    [
        (times(100, "2024-02"), True, "order_magnitude", 0.88),
        (times(0.01, "2024-02"), False, "order_magnitude", 0.08),
        (times(0.01, "2023-11", "2024-01", "2024-02"), True, "order_magnitude", 0.33),
        (times(100, "2022-11"), False, "order_magnitude", 0.0),
        (closed("2024-02"), False, "empty_months", 0.08),
        (closed("2024-01", "2024-02", "2024-03"), True, "empty_months", 0.33),
        (closed("2023-01", "2023-02", "2023-03", "2024-01", "2024-02", "2024-03"), False, "empty_months", 0.0),
    ],
    ids=[
        "cents in a month", "hundredths in a month", "hundredths in three months", "cents before the last year",
        "closed for a month", "three months gone", "closed in each winter",
    ],
)  # fmt: skip
def test_what_may_be_wrong_with_a_fifth_of_the_money_blocks_a_first_night(
    tmp_path: Path, validator: Validator, change: Change, is_red: bool, check: str, share: float
) -> None:
    red, shares = first_night(tmp_path, {"orders": orders(change)}, validator)
    assert (red, shares[check]) == (is_red, pytest.approx(share, abs=0.02))


def test_wrong_rates_of_a_large_currency_block_and_those_of_a_small_one_warn(
    tmp_path: Path, validator: Validator
) -> None:
    rates = pd.DataFrame({"currency": "USD", "rate_date": pd.date_range("2022-05-01", AS_OF).strftime("%Y-%m-%d")})
    for name, share, is_red in (("large", 0.5, True), ("small", 0.02, False)):
        table = orders()
        table.loc[table.index % 100 < 100 * share, "currency"] = "USD"
        found = first_night(tmp_path / name, {"orders": table, "fx_rates": rates.assign(rate="9.2")}, validator)
        assert found[0] == is_red
        assert found[1]["exchange_rates"] > 0


def test_a_till_blocks_and_a_key_account_warns(tmp_path: Path, validator: Validator) -> None:
    till, account = orders(), orders()
    till.loc[till.index % 3 == 0, "customer_id"] = "till"
    account.loc[account.index % 60 == 0, ["customer_id", "amount"]] = ["account", "900.00"]
    red, shares = first_night(tmp_path / "till", {"orders": till}, validator)
    assert (red, shares["largest_customer"]) == (True, pytest.approx(0.33, abs=0.02))
    red, shares = first_night(tmp_path / "account", {"orders": account}, validator)
    assert (red, shares["largest_customer"]) == (False, pytest.approx(1 / 60, abs=0.005))


def test_equal_lines_block_where_they_are_much_of_the_money(tmp_path: Path, validator: Validator) -> None:
    for name, every, expected in (("much", 2, True), ("little", 30, False)):
        table = orders().drop(columns="order_line_id")
        table = pd.concat([table, table[table.index % every == 0]])
        red, shares = first_night(tmp_path / name, {"orders": table}, validator)
        assert (red, shares["equal_lines"]) == (expected, pytest.approx(1 / (every + 1), abs=0.02)), name


def test_what_blocks_can_be_acknowledged_and_the_next_night_passes(tmp_path: Path, validator: Validator) -> None:
    table = {"orders": orders(closed("2024-01", "2024-02", "2024-03"))}
    home = Home(tmp_path / "home")
    assert first_night(tmp_path, table, validator)[0]
    settings = load_settings(source=str(tmp_path / "source"), source_url=str(tmp_path / "files"), home=home.root)
    with open_warehouse(home).transaction() as connection:
        with pytest.raises(NightRejected, match="no order in 3 months from 2024-01") as caught:
            judge_tonight(connection, settings, ())
        assert "clv run --acknowledge plausibility" in caught.value.advice
        judged = {j.check: j for j in judge_tonight(connection, settings, ("plausibility",))}
        assert (judged["plausibility"].verdict, judged["plausibility"].is_acknowledged) == ("warns", True)


def test_a_remark_of_the_last_published_night_is_stored_and_warns_no_more(tmp_path: Path, validator: Validator) -> None:
    table = orders(customer="0{}")
    table.loc[::50, "customer_id"] = "N/A"
    people = pd.DataFrame({"customer_id": [str(n) for n in range(1, 40)], "created_at": "2022-01-01"})
    tables = {"orders": table, "customers": people, "web_sessions": pd.DataFrame(columns=["session_id", "started_at"])}
    home = Home(tmp_path / "home")
    expected = ("have a placeholder", "only by leading zeros", "web_sessions: the source returns no rows")
    first = night(tmp_path, home, tables, AS_OF, validator)
    assert not first.is_red, first.texts
    assert all(any(words in text for text in first.texts) for words in expected), first.texts
    table.loc[1::50, "customer_id"] = "N/A"
    second = night(tmp_path, home, tables, AS_OF + timedelta(days=1), validator)
    assert not any(words in text for words in expected for text in second.texts), second.texts
    with open_warehouse(home).connection() as connection:
        kept = connection.execute("select distinct check_name, is_known from raw.remarks order by 1").fetchall()
    assert kept == [("empty_table", True), ("key_spelling", True), ("placeholders", True)]
