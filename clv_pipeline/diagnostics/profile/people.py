"""The people behind a source: guests, shared e-mail addresses, consent."""

from dataclasses import dataclass
from decimal import Decimal

from clv_pipeline.diagnostics.profile.look import Look
from clv_pipeline.warehouse.connection import one_row


@dataclass(frozen=True)
class Guests:
    """Orders without a customer, of all that were sold, and their money.

    by_email: orders without a customer number whose e-mail address names the customer; joined: those of an account with a number.
    """

    orders: int
    of_orders: int
    money: Decimal
    of_money: Decimal
    by_email: int
    joined: int


@dataclass(frozen=True)
class Addresses:
    """CRM records with an e-mail address, and the addresses that several of their customers share."""

    records: int
    with_address: int
    shared: int


@dataclass(frozen=True)
class Consents:
    """Customers by their consent to profiling: yes, refused, neither (empty, unreadable or contradictory), no CRM record."""

    yes: int
    no: int
    unclear: int
    no_record: int


def guests(look: Look) -> Guests:
    """Count the guest orders of `clean.orders`."""
    return Guests(
        *one_row(
            look.connection,
            """
            with orders as (
                select
                    customer_id is null as is_guest, sum(amount) as money, bool_or(is_by_email) as is_by_email,
                    -- a keyed hash has 64 characters
                    bool_or(is_by_email and length(customer_id) <> 64) as is_joined
                from clean.orders where amount > 0 group by order_id, customer_id, order_date
            )
            select
                count(*) filter (where is_guest), count(*), coalesce(sum(money) filter (where is_guest), 0),
                coalesce(sum(money), 0), count(*) filter (where is_by_email), count(*) filter (where is_joined)
            from orders
            """,
        )
    )


def addresses(look: Look) -> Addresses | None:
    """Count the e-mail addresses of the CRM; None where none is returned."""
    if look.why_not_read("customers") or "email" not in look.trial.read["customers"].columns:
        return None
    return Addresses(
        *one_row(
            look.connection,
            """
            with persons as (
                select email, count(distinct coalesce(surviving_customer_id, customers.customer_id)) as customers
                from raw.customers left join clean.customer_identities using (customer_id)
                where email is not null group by email
            )
            select
                (select count(*) from raw.customers), (select count(email) from raw.customers),
                (select count(*) from persons where customers > 1)
            """,
        )
    )


def consents(look: Look) -> Consents | None:
    """Count the customers by consent; None where the source has none, and everybody is profiled."""
    if look.why_not_read("customers") or "profiling_consent" not in look.trial.read["customers"].columns:
        return None
    return Consents(
        *one_row(
            look.connection,
            """
            with refusals as (
                select coalesce(surviving_customer_id, customers.customer_id) as customer_id
                from raw.customers left join clean.customer_identities on customers.customer_id = customer_identities.customer_id
                where not profiling_consent
            ),
            judged as (
                select
                    has_profiling_consent as says_yes, customer_id in (select customer_id from refusals) as says_no,
                    has_crm_record
                from clean.customers
            )
            select
                count(*) filter (where says_yes), count(*) filter (where says_no and not says_yes),
                count(*) filter (where not says_yes and not says_no and has_crm_record),
                count(*) filter (where not says_yes and not says_no and not has_crm_record)
            from judged
            """,
        )
    )
