"""Olist's public data set of a Brazilian marketplace: CSV files. A customer number is new with every order."""

from datetime import timedelta

from clv_pipeline_tests.shops.made_up import D, Shop, Totals, csv_text, purchases

_STATUSES = (*("delivered",) * 6, "shipped", "invoiced", "processing", "approved", "canceled", "unavailable", "created")
_REVENUE = ("delivered", "shipped", "invoiced", "processing", "approved")
_PRICES = (D("129.90"), D("19.99"), D("45.00"), D("8.35"), D("249.49"), D("64.70"))
_CATEGORIES = ("cama_mesa_banho", "beleza_saude", "esporte_lazer", "perfumaria", "informatica_acessorios", None)


def make() -> Shop:
    totals, orders, items, payments, customers, reviews = Totals(), [], [], [], [], []
    for p in purchases(1, count=48, people=14, products=6):
        status = _STATUSES[p.number * 5 % len(_STATUSES)]
        order, person, key = f"{p.number:032x}", f"{p.person + 0xA0:032x}", f"{p.number + 0xC000:032x}"
        placed, paid = p.at, p.at + timedelta(minutes=11)
        sent, arrived = p.at + timedelta(days=2), p.at + timedelta(days=9)
        orders.append(
            (
                order, key, status, placed, None if status == "created" else paid, sent if status in ("delivered",
                "shipped") else None,
                arrived if status == "delivered" else None, p.at.date() + timedelta(days=20),
            )
        )  # fmt: skip
        zip_code = f"{1000 + 700 * p.person:05d}"
        customers.append(
            (key, person, zip_code, "sao paulo" if p.person % 2 else "curitiba", "SP" if p.person % 2 else "PR")
        )
        # a unit is a row; an order that became unavailable has none
        units = [product for product, quantity in p.basket for _ in range(quantity)] if status != "unavailable" else []
        freight = [D("8.72") + D(unit) for unit in units]
        for line, unit in enumerate(units, start=1):
            items.append(
                (order, line, f"{unit + 0xF0:032x}", f"{unit % 2 + 0xE0:032x}", sent, _PRICES[unit], freight[line - 1])
            )
        goods = [_PRICES[unit] for unit in units]
        total = sum(goods) + sum(freight)
        if p.number % 4 == 0 and units:
            payments += [(order, 1, "voucher", 1, D("5.00")), (order, 2, "credit_card", 3, total - 5)]
        else:
            payments.append((order, 1, "boleto" if p.number % 3 else "credit_card", 1, total))
        reviews.append((f"{p.number + 0xB000:032x}", order, 1 + p.number % 5, None, None, arrived.date(), arrived))
        if status in _REVENUE:
            totals.sale(("id", person), placed.date(), goods, shipping=sum(freight, D(0)))
    products = [
        (f"{i + 0xF0:032x}", category, 40, 900, 2, 300 + 50 * i, 20, 10, 15) for i, category in enumerate(_CATEGORIES)
    ]
    english = ("bed_bath_table", "health_beauty", "sports_leisure", "perfumery", "computers_accessories")
    files = {
        "olist_orders_dataset.csv": csv_text(
            "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,"
            "order_delivered_customer_date,order_estimated_delivery_date",
            [(*o[:7], f"{o[7]} 00:00:00") for o in orders],
        ),
        "olist_order_items_dataset.csv": csv_text(
            "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value", items
        ),
        "olist_order_payments_dataset.csv": csv_text(
            "order_id,payment_sequential,payment_type,payment_installments,payment_value", payments
        ),
        "olist_customers_dataset.csv": csv_text(
            "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state", customers
        ),
        "olist_order_reviews_dataset.csv": csv_text(
            "review_id,order_id,review_score,review_comment_title,review_comment_message,review_creation_date,"
            "review_answer_timestamp",
            [(*r[:5], f"{r[5]} 00:00:00", r[6]) for r in reviews],
        ),
        "olist_products_dataset.csv": csv_text(
            "product_id,product_category_name,product_name_lenght,product_description_lenght,product_photos_qty,product_weight_g,"
            "product_length_cm,product_height_cm,product_width_cm",
            products,
        ),
        "olist_sellers_dataset.csv": csv_text(
            "seller_id,seller_zip_code_prefix,seller_city,seller_state",
            [(f"{i + 0xE0:032x}", f"0{1400 + i}", "campinas", "SP") for i in range(2)],
        ),
        "olist_geolocation_dataset.csv": csv_text(
            "geolocation_zip_code_prefix,geolocation_lat,geolocation_lng,geolocation_city,geolocation_state",
            [(f"{1000 + 700 * i:05d}", f"-23.{5000 + i}", f"-46.{6000 + i}", "sao paulo", "SP") for i in range(14)],
        ),
        "product_category_name_translation.csv": csv_text(
            "product_category_name,product_category_name_english",
            zip([c for c in _CATEGORIES if c], english, strict=True),
        ),
    }
    answers = {
        "time_zone": "America/Sao_Paulo",
        "currency": "BRL",
        "revenue": list(_REVENUE),
        "not_revenue": ["canceled", "unavailable", "created"],
    }
    traps = (
        "customer_id is one order's; customer_unique_id is the person",
        "a unit is a row of olist_order_items_dataset; price is of the row, freight_value is postage",
        "payments include postage, and an order may have several",
        "an unavailable order has no items",
    )
    return Shop("csv", files, answers, totals, traps)
