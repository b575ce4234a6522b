"""Faults of ordinary sources, each with the value that a user expects; the number in a name is the family of the catalogue.

Inputs and values follow public bug reports; they are not to be changed.
"""

import sqlite3
from pathlib import Path

import pytest

from clv_pipeline.contracts.reasons import EXCESSIVE_REFUND
from clv_pipeline.core.errors import PipelineError, SourceError
from clv_pipeline_tests.cases.small_source import HEAD, clean, cleaned, red_or, write

HEADER = "order_id,customer_id,ordered_at,amount\n"
REUSED = """order_id,order_line_id,customer_id,ordered_at,amount,updated_at
1,1,a,2023-03-01 10:00:00,100.00,2023-03-01 10:00:00
2,1,b,2023-04-01 10:00:00,100.00,2023-04-01 10:00:00
1,1,b,2024-03-01 10:00:00,100.00,2024-03-01 10:00:00
2,1,c,2024-05-30 10:00:00,100.00,2024-05-30 10:00:00
"""


def test_fault_63_order_numbers_that_begin_again_in_january(tmp_path: Path) -> None:
    red_or(400.00, lambda: cleaned(tmp_path, orders=REUSED))


def test_fault_63_order_numbers_that_begin_again_with_other_amounts(tmp_path: Path) -> None:
    other = REUSED.replace("2023-03-01 10:00:00,100.00", "2023-03-01 10:00:00,70.00").replace(
        "2023-04-01 10:00:00,100.00", "2023-04-01 10:00:00,30.00"
    )
    red_or(300.00, lambda: cleaned(tmp_path, orders=other))


def test_fault_63_lines_without_id_one_of_which_was_touched_later(tmp_path: Path) -> None:
    lines = """order_id,customer_id,ordered_at,amount,updated_at
1,a,2024-05-30 10:00:00,10.00,2024-05-30 10:00:00
1,a,2024-05-30 10:00:00,20.00,2024-05-30 10:00:01
"""
    red_or(30.00, lambda: cleaned(tmp_path, orders=lines))


def test_fault_63_the_same_article_three_times_in_one_order(tmp_path: Path) -> None:
    lines = "order_id,customer_id,ordered_at,product_id,quantity,amount\n" + "1,a,2024-05-30 10:00:00,p,1,10.00\n" * 3
    seen = cleaned(tmp_path, orders=lines)
    assert seen.money() == 30.00 or seen.warnings


def test_fault_63_a_file_that_was_loaded_twice_counts_once_and_says_so(tmp_path: Path) -> None:
    lines = "".join(f"{n},c{n % 30},2024-05-{1 + n % 30:02d} 10:00:00,10\n" for n in range(300))
    seen = cleaned(tmp_path, orders=HEADER + lines + lines)
    assert seen.money() == 3000.00
    assert seen.warns_of("orders", "are duplicate", "300 rows")


@pytest.mark.parametrize("columns", ["order_id, customer_id, ordered_at, amount", "*"])
@pytest.mark.parametrize("amount", ["12.00", "13.00", "14.00", "15.00"])
def test_fault_63_a_correction_inside_the_look_back_replaces_the_old_amount(
    tmp_path: Path, columns: str, amount: str
) -> None:
    def night(first: str) -> float:
        file = tmp_path / "shop.db"
        connection = sqlite3.connect(file)
        connection.execute(
            "create table if not exists orders "
            "(order_id text, order_line_id text, customer_id text, ordered_at text, amount text)"
        )
        connection.execute("delete from orders")
        rows = [("1", "2024-05-29 10:00:00", first), ("2", "2024-05-30 10:00:00", "5.00")]
        connection.executemany("insert into orders values (?, '1', 'a', ?, ?)", rows)
        connection.commit()
        connection.close()
        select = {"orders": f"select {columns} from orders where ordered_at >= :since"}
        source, _ = write(tmp_path, files={}, selects=select)
        return clean(source, f"sqlite:///{file}", tmp_path).money()

    night("10.00")
    assert night(amount) == float(amount) + 5


def test_fault_65_thousands_with_a_point_are_not_guessed(tmp_path: Path) -> None:
    lines = HEADER + "1,a,2024-05-30 10:00:00,999\n2,b,2024-05-30 10:00:00,1.234\n"
    red_or(2233.00, lambda: cleaned(tmp_path, orders=lines))


def test_fault_65_three_decimals_of_a_number_column_are_taken_as_they_are(tmp_path: Path) -> None:
    lines = HEADER + "1,a,2024-05-30 10:00:00,1.234\n1,a,2024-05-30 10:00:00,2.236\n"
    number = {
        "orders": "select order_id, customer_id, ordered_at, cast(amount as decimal(18, 3)) as amount from orders"
    }
    assert cleaned(tmp_path, selects=number, orders=lines).money() == 3.47


def test_fault_65_invisible_blanks_around_a_number_are_no_difference(tmp_path: Path) -> None:
    lines = HEADER + "1,a,2024-05-30 10:00:00,12.50\u00a0\n2,a,2024-05-30 10:00:00, 1.25\n"
    assert cleaned(tmp_path, orders=lines).money() == 13.75


def test_fault_65_cents_are_rounded_once_per_order(tmp_path: Path) -> None:
    lines = HEADER + "1,a,2024-05-30 10:00:00,8.4034\n" * 3
    assert cleaned(tmp_path, orders=lines).money() == 25.21


def test_fault_65_monthly_files_of_one_name(tmp_path: Path) -> None:
    source, files = write(
        tmp_path,
        files={
            "orders.2024-04.csv": HEADER + "1,a,2024-04-30 10:00:00,10\n",
            "orders.2024-05.csv": HEADER + "2,a,2024-05-30 10:00:00,20\n",
        },
    )
    with pytest.raises(SourceError, match=r"orders\.2024-04\.csv, orders\.2024-05\.csv"):
        clean(source, files, tmp_path)
    (source / "orders.sql").write_text(
        'select * from "orders.2024-04.csv" union all select * from "orders.2024-05.csv"'
    )
    assert clean(source, files, tmp_path).money() == 30.00


def test_fault_65_an_old_copy_beside_the_file(tmp_path: Path) -> None:
    source, files = write(
        tmp_path,
        files={
            "orders.csv": HEADER + "1,a,2024-04-30 10:00:00,10\n2,a,2024-05-30 10:00:00,20\n",
            "orders.old.csv": HEADER + "1,a,2024-04-30 10:00:00,10\n",
        },
    )
    red_or(30.00, lambda: clean(source, files, tmp_path))


def test_fault_65_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    lines = "order_id,customer_id,ordered_at,amount,Amount\n1,a,2024-05-30 10:00:00,10,11.9\n"
    with pytest.raises(SourceError, match="amount"):
        cleaned(tmp_path, orders=lines)
    source, files = write(
        tmp_path,
        files={"lines.csv": "order_id,customer_id,ordered_at,net,gross\n1,a,2024-05-30 10:00:00,10,11.9\n"},
        selects={"orders": "select order_id, customer_id, ordered_at, net as amount, gross as amount from lines"},
    )
    with pytest.raises(SourceError, match="2 columns named 'amount'"):
        clean(source, files, tmp_path)


def test_fault_65_quotes_after_the_sample(tmp_path: Path) -> None:
    rows = [f"{n},c{n % 50},2024-05-{1 + n % 30:02d} 10:00:00,1,x" for n in range(21_000)]
    rows.append('21000,c1,2024-05-30 10:00:00,1,"canary@private.example, ""Canaria"""')
    lines = "order_id,customer_id,ordered_at,amount,note\n" + "\n".join(rows) + "\n"
    assert cleaned(tmp_path, orders=lines).money() == 21_001


def test_fault_65_a_short_row_is_named_by_its_line_and_not_shown(tmp_path: Path) -> None:
    lines = ["order_id,customer_id,ordered_at,amount,channel,status"]
    lines += [f"{n},c{n % 9},2024-05-{1 + n % 30:02d} 10:00:00,10,web,paid" for n in range(1000)]
    lines[300] = "299,c2,2024-05-30 10:00:00,10"
    with pytest.raises(SourceError, match=r"301|300") as told:
        cleaned(tmp_path, orders="\n".join(lines) + "\n")
    assert "299,c2" not in str(told.value)


def test_fault_65_utf_16_is_read_and_an_empty_file_is_named(tmp_path: Path) -> None:
    lines = HEADER + "1,ä,2024-05-30 10:00:00,10\n"
    assert cleaned(tmp_path / "a", orders=lines.encode("utf-16")).rows("select customer_id from clean.orders") == [
        ("ä",)
    ]
    with pytest.raises(SourceError, match=r"orders\.csv is empty"):
        cleaned(tmp_path / "b", orders="")


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("2024-05-30 23:30:00 UTC", "2024-05-31 01:30"),
        ("2024-05-30 11:30:00 PM", "2024-05-30 23:30"),
        ("2024-05-30 23:30:00 EST", "2024-05-31 06:30"),
        ("2024-05-30 23:30:00 CEST", "2024-05-30 23:30"),
        ("2024-05-30 23:30:00 -0500", "2024-05-31 06:30"),
        ("2024-05-30T21:30:00.000Z", "2024-05-30 23:30"),
        ("2024-05-30 23:30:00 America/New_York", "2024-05-31 05:30"),
    ],
)
def test_fault_65_zones_and_halves_of_the_day_are_read(tmp_path: Path, written: str, local: str) -> None:
    seen = cleaned(tmp_path, orders=HEADER + f"1,a,{written},1\n")
    assert seen.rows("select strftime(timezone('Europe/Berlin', ordered_at), '%Y-%m-%d %H:%M') from clean.orders") == [
        (local,)
    ]


def test_fault_65_a_zone_of_two_meanings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"ordered_at: 1 values cannot be read"):
        cleaned(tmp_path, orders=HEADER + "1,a,2024-05-30 23:30:00 CST,1\n")


def test_fault_66_ids_of_another_form_in_one_table(tmp_path: Path) -> None:
    orders = HEADER + "".join(f"{n},{n},2024-05-30 10:00:00,1\n" for n in range(1, 151))
    web = "session_id,customer_id,started_at\n" + "".join(f"s{n},{n}.0,2024-05-30 10:00:00\n" for n in range(1, 151))
    assert cleaned(tmp_path, orders=orders, web_sessions=web).warns_of("web_sessions.customer_id", ".0", "150")


def test_fault_66_guests_as_zero(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},{0 if n % 3 == 0 else n % 40 + 1},2024-{1 + n % 5:02d}-{1 + n % 28:02d} 10:00:00,10\n" for n in range(600)
    )
    seen = cleaned(tmp_path, orders=HEADER + rows)
    assert seen.warns_of("orders.customer_id", "'0' (200)")
    assert seen.rows("select count(*) from clean.customers where customer_id = '0'") == [(0,)]


def test_fault_66_one_customer_with_a_third_of_all_orders(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},{'TILL' if n % 3 == 0 else n % 40 + 1},2024-{1 + n % 5:02d}-{1 + n % 28:02d} 10:00:00,10\n"
        for n in range(600)
    )
    assert cleaned(tmp_path, orders=HEADER + rows).warns_of("orders.customer_id", "one customer has 33%")


def test_fault_66_two_spellings_of_one_customer(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'Cc'[n % 2]}{n // 2 % 30},2024-05-{1 + n % 30:02d} 10:00:00,1\n" for n in range(300))
    assert cleaned(tmp_path, orders=HEADER + rows).warns_of("orders.customer_id", "30 of 60", "upper and lower case")


def test_fault_66_an_email_as_customer_number_needs_the_key(tmp_path: Path) -> None:
    lines = HEADER + "1,Ann@shop.example,2024-05-30 10:00:00,1\n2,ann@shop.example ,2024-05-30 10:00:00,1\n"
    source, files = write(tmp_path, files={"orders.csv": lines})
    with pytest.raises(SourceError, match="CLV_HASH_KEY") as told:
        clean(source, files, tmp_path)
    assert "ann@" not in str(told.value).lower()
    seen = clean(source, files, tmp_path, hash_key="k")
    assert seen.rows("select count(distinct customer_id), max(length(customer_id)) from clean.orders") == [(1, 64)]


def test_fault_67_statuses_that_nobody_classified(tmp_path: Path) -> None:
    lines = """order_id,customer_id,ordered_at,amount,status
1,a,2024-05-30 10:00:00,10.00,paid
2,b,2024-05-30 10:00:00,10.00,cancelled
3,c,2024-05-30 10:00:00,10.00,refunded
4,d,2024-05-30 10:00:00,10.00,fraud
"""
    with pytest.raises(PipelineError) as told:
        cleaned(tmp_path, orders=lines)
    for expected in ("orders.status", 'revenue = ["paid"]', '"cancelled"', "10.00", '"refunded"'):
        assert expected in str(told.value)


def test_fault_67_an_unreadable_consent_is_no_consent(tmp_path: Path) -> None:
    crm = "customer_id,profiling_consent\n" + "".join(f"c{n},{'revoked' if n == 7 else 'true'}\n" for n in range(150))
    orders = HEADER + "".join(f"{n},c{n},2024-05-30 10:00:00,1\n" for n in range(150))
    seen = cleaned(tmp_path, orders=orders, customers=crm)
    assert seen.rows("select has_profiling_consent from clean.customers where customer_id = 'c7'") == [(False,)]
    assert seen.warns_of("profiling_consent", "1 of 150")


def test_fault_67_a_refusal_follows_the_person_into_the_merged_record(tmp_path: Path) -> None:
    crm = "customer_id,profiling_consent,merged_into\na,false,b\nb,true,\n"
    orders = HEADER + "1,a,2024-05-30 10:00:00,1\n2,b,2024-05-30 10:00:00,1\n"
    seen = cleaned(tmp_path, orders=orders, customers=crm)
    assert seen.rows("select has_profiling_consent from clean.customers where customer_id = 'b'") == [(False,)]


def test_fault_68_a_refund_with_tax_is_capped_and_the_rest_is_shown(tmp_path: Path) -> None:
    lines = "order_id,order_line_id,customer_id,ordered_at,amount\n"
    lines += "1,1,full,2024-05-01 10:00:00,100.00\n1,r,full,2024-05-09 10:00:00,-124.90\n"
    lines += "2,1,part,2024-05-01 10:00:00,100.00\n2,r,part,2024-05-01 09:00:00,-60.00\n"
    seen = cleaned(tmp_path, orders=lines)
    per_customer = "select customer_id, sum(amount)::varchar from clean.orders group by 1 order by 1"
    assert seen.rows(per_customer) == [("full", "0.00"), ("part", "40.00")]
    assert seen.warns_of("-24.90", EXCESSIVE_REFUND.text)


def test_fault_68_a_refund_in_another_currency_and_codes_in_small_letters(tmp_path: Path) -> None:
    lines = "order_id,order_line_id,customer_id,ordered_at,amount,currency\n"
    lines += "1,1,a,2024-05-01 10:00:00,100.00,eur\n1,r,a,2024-05-09 10:00:00,-55.00,usd\n"
    rates = "currency,rate_date,rate\n" + "".join(f"USD,2024-05-{n:02d},0.9\n" for n in range(1, 32))
    assert cleaned(tmp_path, orders=lines, fx_rates=rates).money() == 50.50


def test_fault_71_a_rule_that_fails_on_a_real_row_shows_no_value(tmp_path: Path) -> None:
    toml = HEAD + (
        '[[exclude]]\ntable = "orders"\nreason = "internal"\n'
        "where = \"case when customer_id <> '' then cast(customer_id as integer) end < 3\"\n"
    )
    source, files = write(
        tmp_path, toml=toml, files={"orders.csv": HEADER + "1,canary@private.example,2024-05-30 10:00:00,1\n"}
    )
    with pytest.raises(PipelineError) as told:
        clean(source, files, tmp_path, hash_key="k")
    assert "canary" not in str(told.value)
    assert "internal" in str(told.value)


def test_fault_64_exchange_rates_upside_down(tmp_path: Path) -> None:
    orders = "order_id,customer_id,ordered_at,amount,currency\n" + "".join(
        f"{n},c{n % 9},2024-05-{1 + n % 30:02d} 10:00:00,10,{'JPY' if n % 5 == 0 else 'EUR'}\n" for n in range(200)
    )
    rates = "currency,rate_date,rate\n" + "".join(f"JPY,2024-05-{n:02d},160\n" for n in range(1, 32))
    assert cleaned(tmp_path, orders=orders, fx_rates=rates).warns_of("fx_rates.rate", "JPY")


def test_fault_76_a_customer_entered_in_1753_is_one_bad_date(tmp_path: Path) -> None:
    crm = "customer_id,created_at\na,1753-01-01 00:00:00\nb,2023-01-01 00:00:00\n"
    orders = HEADER + "1,a,2024-05-30 10:00:00,1\n2,b,2024-05-30 10:00:00,1\n"
    seen = cleaned(tmp_path, orders=orders, customers=crm)
    assert seen.rows("select customer_id, created_date::varchar from clean.customers order by 1") == [
        ("a", None),
        ("b", "2023-01-01"),
    ]


def test_fault_77_rows_on_or_after_as_of_stay_outside(tmp_path: Path) -> None:
    orders = HEADER + "1,a,2024-05-30 10:00:00,1\n2,b,2024-06-01 00:00:00,1\n"
    crm = "customer_id,created_at\na,2024-01-01 00:00:00\nb,2024-01-01 00:00:00\nc,2024-06-01 08:00:00\n"
    seen = cleaned(tmp_path, orders=orders, customers=crm)
    assert seen.rows("select customer_id, first_order_date::varchar from clean.customers order by 1") == [
        ("a", "2024-05-30"),
        ("b", None),
    ]
