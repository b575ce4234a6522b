"""The profile of a source in the terminal: tables that fit 80 columns, facts in a line each, and the points in numbered order."""

import textwrap
from collections.abc import Iterable, Sequence
from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from clv_pipeline.diagnostics.findings import COLOURS
from clv_pipeline.diagnostics.profile.absent import AbsentTable
from clv_pipeline.diagnostics.profile.keys import KeyProfile, Overlap
from clv_pipeline.diagnostics.profile.money import CurrencyOfOrders, ShownAmounts, YearOfMoney
from clv_pipeline.diagnostics.profile.orders import Largest, OrderDays, StatusOfOrders
from clv_pipeline.diagnostics.profile.people import Addresses, Consents, Guests
from clv_pipeline.diagnostics.profile.points import SEVERITIES, Point
from clv_pipeline.diagnostics.profile.profile import Profile
from clv_pipeline.diagnostics.profile.tables import NotAccepted, TableProfile
from clv_pipeline.reporting import formats

#: Rows of a table that are shown; a profile has two screens.
_MOST = 12
_MOST_YEARS = 8
#: Of a customer or order number that is shown.
_LONGEST_NAME = 16
_COLOURS = {**COLOURS, "decide": "cyan"}
_PLAIN = str.maketrans({"\u202f": " ", "\xa0": " "})


def print_profile(console: Console, profile: Profile) -> None:
    """Print every part of the profile, and each part that was not looked at with the reason."""
    shown = _Shown(console, profile.currency)
    shown.title(
        f"{profile.name}, as of {profile.as_of}, days of {profile.time_zone}, money in {profile.currency}, read "
        f"in {formats.decimal(profile.seconds, 0)} s"
    )
    shown.tables(profile.tables, profile.not_looked_at)
    shown.not_accepted(profile.not_accepted)
    shown.years(profile.years, are_statuses_open=profile.are_statuses_open)
    shown.statuses(profile.statuses)
    shown.currencies(profile.currencies)
    shown.facts(
        "Orders and customers",
        [
            ("largest order", _largest(profile.largest_order, profile.currency)),
            ("largest customer", _largest(profile.largest_customer, profile.currency)),
            ("time of day", _parts_of_day(profile.order_days)),
            ("longest pause", _pause(profile.order_days)),
            ("beside the amounts", _shown_only(profile.shown_amounts, profile.currency)),
            ("guests", _guests(profile.guests, profile.currency)),
            ("e-mail addresses", _addresses(profile.addresses)),
            ("consent", _consents(profile.consents)),
        ],
    )
    shown.customer_numbers(profile.keys, profile.overlaps)
    shown.other_keys(profile.keys, profile.overlaps)
    shown.absent(profile.absent)


def print_points(console: Console, points: Sequence[Point]) -> None:
    """Print the points in their order, each with its number, next step, and lines to paste."""
    if points:
        _Shown(console, "").title("Still to decide or to look at")
    width = max(console.width, 60)
    for number, point in enumerate(points, start=1):
        head = f"{number:>2}. {point.severity:<6} "
        text = textwrap.fill(
            f"{point.subject}: {point.text}".translate(_PLAIN), width, initial_indent=head,
            subsequent_indent=" " * len(head), break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        colour = _COLOURS[point.severity]
        console.print(f"{head[:4]}[{colour}]{point.severity}[/]{escape(text[4 + len(point.severity) :])}")
        if point.next_step:
            console.print(f"{' ' * len(head)}next step: {escape(point.next_step)}")
        if point.lines:
            console.print(f"{' ' * len(head)}{escape(point.where)}:")
            console.print(textwrap.indent(point.lines, " " * (len(head) + 2)), markup=False)


def print_verdict(console: Console, profile: Profile) -> None:
    """Print whether tonight's run would be refused, and by which points."""
    refusing, warned, asked = (profile.numbers_of(severity) for severity in SEVERITIES)
    console.print()
    if refusing:
        console.print(f"[red]Tonight's run would be refused[/] because of {_numbered(refusing)}.")
        return
    parts = [
        f"{_numbered(numbers)} {text}"
        for numbers, text in ((warned, "may make a number wrong"), (asked, "only you can decide"))
        if numbers
    ]
    console.print(f"Nothing of what was looked at stops tonight's run{'; ' if parts else ''}{', '.join(parts)}.")


def _numbered(numbers: Sequence[int]) -> str:
    """Return the numbers of points in words.

    >>> _numbered([1]), _numbered([1, 2, 4])
    ('point 1', 'points 1, 2, 4')
    """
    return f"point{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


class _Shown:
    """Prints parts of a profile on a console, amounts in a currency."""

    def __init__(self, console: Console, currency: str) -> None:
        self._console = console
        self._currency = currency

    def title(self, text: str) -> None:
        self._console.print(f"\n[bold]{escape(text)}[/]")

    def line(self, text: str) -> None:
        width = max(self._console.width, 60)
        wrapped = textwrap.fill(
            text.translate(_PLAIN), width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        self._console.print(wrapped, markup=False)

    def grid(self, header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> None:
        """Print rows under headings; the first `left` columns are text, of which the last folds, the others figures."""
        table = RichTable(box=None, pad_edge=False, collapse_padding=True, padding=(0, 2, 0, 0), header_style="dim")
        for place, name in enumerate(header):
            is_text, folds = place < left, 0 < place == left - 1
            table.add_column(escape(name), justify="left" if is_text else "right", no_wrap=not folds, overflow="fold")
        for row in rows:
            table.add_row(*(escape(text.translate(_PLAIN)) for text in row))
        self._console.print(table, soft_wrap=False)

    def facts(self, title: str, facts: Iterable[tuple[str, str]]) -> None:
        known = [(name, text) for name, text in facts if text]
        if not known:
            return
        self.title(title)
        self.named(known)

    def named(self, facts: Iterable[tuple[str, str]]) -> None:
        table = RichTable(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, text in facts:
            table.add_row(escape(name), escape(text.translate(_PLAIN)))
        self._console.print(table, soft_wrap=False)

    def tables(self, tables: Sequence[TableProfile], not_looked_at: dict[str, str]) -> None:
        self.title("Tables")
        if tables:
            self.grid(
                ("table", "rows", "accepted", "first day", "last day", "newest", "read"),
                (
                    (
                        table.name, formats.count(table.rows), formats.count(table.accepted), _day(table.first_day),
                        _day(table.last_day), _age(table.newest_days), "new rows" if table.is_incremental else "in full",
                    )
                    for table in tables
                ),
            )  # fmt: skip
        for what, why in not_looked_at.items():
            self.line(f"not looked at: {what} ({why})")
        absent = [(table.name, ", ".join(table.not_returned)) for table in tables if table.not_returned]
        self.facts("Columns that the SELECTs do not return", absent)

    def not_accepted(self, rows: Sequence[NotAccepted]) -> None:
        if not rows:
            return
        self.title("Not accepted, money in the currencies of the source")
        self.grid(
            ("table", "what", "reason", "rows", "money"),
            (
                (row.table, row.disposition, row.reason, formats.count(row.rows), formats.money(row.money))
                for row in rows[:_MOST]
            ),
            left=3,
        )
        self._more(rows, "reason")

    def years(self, years: Sequence[YearOfMoney], *, are_statuses_open: bool) -> None:
        if not years:
            return
        every = ", every status that is not decided yet included" if are_statuses_open else ""
        self.title(f"Accepted money by year, {self._currency}{every}")
        self.grid(
            ("year", "lines", "orders", "customers", "sales", "returns", "net revenue"),
            (
                (
                    str(year.year), formats.count(year.lines), formats.count(year.orders), formats.count(year.customers),
                    formats.money(year.sales), formats.money(year.returns), formats.money(year.net),
                )
                for year in years[-_MOST_YEARS:]
            ),
        )  # fmt: skip
        earlier = years[:-_MOST_YEARS]
        if earlier:
            self.line(
                f"and {earlier[0].year} to {earlier[-1].year}: {formats.money(sum(y.net for y in earlier), self._currency)} net"
            )
        self.line(
            f"From {years[0].first_day} to {years[-1].last_day}. Compare the years with your books before you go on."
        )

    def statuses(self, statuses: Sequence[StatusOfOrders]) -> None:
        decided = [status for status in statuses if status.counts_as != "not decided"]
        if not decided:
            return
        self.title("Order statuses")
        self.grid(
            ("status", "counts as", "lines", "money"),
            (
                (s.status or "(none)", s.counts_as, formats.count(s.count.rows), formats.money(s.count.money))
                for s in decided[:_MOST]
            ),
            left=2,
        )
        self._more(decided, "status", "statuses")

    def currencies(self, currencies: Sequence[CurrencyOfOrders]) -> None:
        if len(currencies) < 2 and all(c.code == self._currency for c in currencies):
            return
        self.title("Currencies of the orders")
        self.grid(
            ("currency", "lines", "money", "median rate", f"accepted, {self._currency}"),
            (
                (
                    c.code if len(c.code) == 3 else "(no code)", formats.count(c.lines), formats.money(c.money),
                    "none" if c.rate is None else formats.decimal(c.rate, 4), formats.money(c.accepted),
                )
                for c in currencies[:_MOST]
            ),
        )  # fmt: skip
        self._more(currencies, "currency", "currencies")

    def customer_numbers(self, keys: Sequence[KeyProfile], overlaps: Sequence[Overlap]) -> None:
        """Print the customer numbers of each table, and how many of them the CRM and the orders know."""
        shown = [key for key in keys if key.column == "customer_id"]
        if not shown:
            return
        met = {(o.table, o.other): _share(o) for o in overlaps if o.column == "customer_id"}
        self.title("Customer numbers: do the tables meet?")
        self.grid(
            ("table", "form", "customers", "rows without", "in CRM", "ordered"),
            (
                (
                    key.table, key.form, formats.count(key.distinct), formats.count(key.missing),
                    met.get((key.table, "customers"), ""), met.get((key.table, "orders"), ""),
                )
                for key in shown
            ),
            left=2,
        )  # fmt: skip

    def other_keys(self, keys: Sequence[KeyProfile], overlaps: Sequence[Overlap]) -> None:
        others = [key for key in keys if key.column != "customer_id"]
        if not others:
            return
        met = {(o.table, o.column): f"{_share(o)} in {o.other}" for o in overlaps if o.column != "customer_id"}
        self.title("Other keys")
        self.grid(
            ("column", "form", "values", "rows without", "repeated", "join"),
            (
                (
                    f"{key.table}.{key.column}", key.form, formats.count(key.distinct), formats.count(key.missing),
                    formats.count(key.repeated), met.get((key.table, key.column), ""),
                )
                for key in others
                if not key.is_plain
            ),
            left=2,
        )  # fmt: skip
        if plain := [f"{key.table}.{key.column}" for key in others if key.is_plain]:
            self.line(f"A value of its own in each row: {', '.join(plain)}.")

    def absent(self, tables: Sequence[AbsentTable]) -> None:
        self.facts("What the tables that are not provided would add", [(t.name, _would_add(t)) for t in tables])

    def _more(self, rows: Sequence[object], singular: str, plural: str | None = None) -> None:
        if len(rows) > _MOST:
            self.line(f"and {formats.counted(len(rows) - _MOST, f'more {singular}', plural and f'more {plural}')}")


def _share(overlap: Overlap) -> str:
    return formats.spoken_percent(overlap.met / overlap.values) if overlap.values else "none"


def _day(value: date | None) -> str:
    return formats.day(value) if value else ""


def _age(days: int | None) -> str:
    return "" if days is None else "today" if days == 0 else f"{formats.count(days)} d ago"


def _largest(largest: Largest | None, currency: str) -> str:
    if largest is None:
        return ""
    name = largest.name if len(largest.name) <= _LONGEST_NAME else f"{largest.name[:_LONGEST_NAME]}..."
    named = ", ".join(filter(None, (name or "no number", _day(largest.day))))
    orders = "" if largest.day else f" and {formats.spoken_percent(largest.share_of_orders)} of the orders"
    share = formats.spoken_percent(largest.share_of_money)
    return f"{formats.money(largest.money, currency)} ({named}), {share} of everything sold{orders}"


def _parts_of_day(days: OrderDays | None) -> str:
    if days is None:
        return ""
    parts = [f"{part} h {formats.spoken_percent(share)}" for part, share in days.parts.items()]
    return ", ".join(parts) or "the orders have days only"


def _pause(days: OrderDays | None) -> str:
    if days is None or not days.pause_days:
        return ""
    order_days = formats.counted(days.days, "day")
    return f"{formats.counted(days.pause_days, 'day')} between {days.pause_from} and {days.pause_to}; {order_days} with orders"


def _guests(guests: Guests | None, currency: str) -> str:
    if guests is None:
        return ""
    by_email = (
        f"{formats.counted(guests.by_email, 'order')} without a customer number by e-mail, {formats.count(guests.joined)} of "
        "them joined to an account"
        if guests.by_email
        else ""
    )
    if not guests.orders:
        return by_email or "none: every order names a customer"
    orders, money = guests.orders / guests.of_orders, guests.money / guests.of_money if guests.of_money else 0
    unnamed = (
        f"{formats.counted(guests.orders, 'order')} of {formats.count(guests.of_orders)} ({formats.spoken_percent(orders)}), "
        f"{formats.money(guests.money, currency)} ({formats.spoken_percent(money)} of everything sold): counted, not scored"
    )
    return "; ".join(filter(None, (unnamed, by_email)))


def _shown_only(amounts: ShownAmounts | None, currency: str) -> str:
    if amounts is None:
        return ""
    return ", ".join(
        f"{name} {formats.money(total, currency)} ({formats.spoken_percent(share)} of the lines)"
        for name, (total, share) in amounts.totals.items()
    )


def _addresses(addresses: Addresses | None) -> str:
    if addresses is None:
        return ""
    shared = formats.counted(addresses.shared, "address", "addresses")
    return (
        f"{formats.count(addresses.with_address)} of {formats.counted(addresses.records, 'CRM record')} have one; {shared} of "
        "several customers"
    )


def _consents(consents: Consents | None) -> str:
    if consents is None:
        return ""
    return (
        f"yes {formats.count(consents.yes)}, no {formats.count(consents.no)}, empty, unreadable or contradictory "
        f"{formats.count(consents.unclear)}, no CRM record {formats.count(consents.no_record)}: only yes is profiled"
    )


def _would_add(table: AbsentTable) -> str:
    parts = []
    if table.features:
        parts.append(f"{formats.counted(table.features, 'feature')} of the model")
    if table.published:
        parts.append(f"part of {', '.join(table.published)}")
    adds = " and ".join(parts)
    return "; ".join(filter(None, (adds, f"without it {table.without}" if table.without else "")))
