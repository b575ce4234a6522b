"""What names of tables and columns mean: words of several languages and spellings become the concepts of a shop.

Only words are here; what values say is in `profiles.py`, and what both mean together in `columns.py`.
"""

import re
import unicodedata
from functools import cache

#: Concept -> its words, in the languages of shops that we have seen; a word of several concepts belongs to each.
_WORDS = {
    "order": "order orders ordering bestellung bestellungen bestell auftrag auftraege auftrags commande commandes cde pedido "
    "pedidos encomenda ordine ordini bestelling zamowienie so",
    "sale": "sale sales sold verkauf verkaeufe umsatz vente ventes venta ventas transaction transactions txn txns trans trx "
    "kauf kaeufe achat achats compra compras purchase purchases pos booking bookings",
    "invoice": "invoice invoices inv rechnung rechnungen rechnungs facture factures factura facturas fattura fatture bill receipt "
    "receipts beleg belege bon ticket charge charges",
    "line": "line lines lineitem lineitems item items itm detail details position positionen positions pos posten zeile zeilen "
    "ligne lignes linea lineas renglon article_line lin riga righe orderline orderlines dtl det row rows",
    "customer": "customer customers cust client clients kunde kunden kund debitor debitoren cliente clientes acheteur buyer buyers "
    "account accounts user users partner partners member members shopper kontakt contact contacts contacto person persons people "
    "personne klant patron guest patient subscriber bill_to",
    "product": "product products prod article articles artikel art sku skus item produit produits producto productos articulo "
    "articulos prodotto ware waren variant variants merchandise stock_code stockcode good goods track film book asin ean upc "
    "stock inventory plu",
    "category": "category categories kategorie kategorien warengruppe categorie categoria categorias rayon famille familia "
    "genre department subcategory dept rubrik produktgruppe artikelgruppe collection taxon",
    "quantity": "quantity quantities qty qnty menge anzahl stueck stueckzahl stk quantite qte cantidad cant unidades quantita "
    "units count pieces pcs ordqty number_of",
    "price": "price prices preis preise prix precio precios prezzo tarif preco rate_price pu prc einzelpreis stueckpreis",
    "amount": "amount amounts amt value val betrag betraege wert montant importe monto valor sum summe somme suma importo money "
    "revenue turnover chiffre extended ext paid payment_value cost_total",
    "total": "total totals gesamt gesamtbetrag gesamtpreis gesamtsumme totale tot grand totaal endbetrag endsumme due",
    "subtotal": "subtotal subtot zwischensumme soustotal goods merchandise items",
    "discount": "discount discounts disc rabatt rabatte nachlass remise remises reduction reductions descuento descuentos dto "
    "sconto coupon coupons voucher vouchers promo promotion promotions gutschein adjustment adjustments markdown korting",
    "tax": "tax taxes vat gst mwst ust steuer steuern umsatzsteuer mehrwertsteuer taxe taxes tva impuesto impuestos iva iva taxamt "
    "btw duty hst pst moms",
    "shipping": "shipping shipment freight postage delivery versand versandkosten porto fracht lieferung livraison port frais envio "
    "flete gastos spedizione carriage frete handling ship verzend",
    "fee": "fee fees surcharge gebuehr gebuehren wrapping tip tips gratuity rounding giftwrap tipp",
    "cost": "cost costs kosten einkaufspreis einkauf ek cout coste costo wholesale cogs purchase_price standardcost landed",
    "net": "net netto ht hors neto excl exclusive excluding untaxed ex without base_excl pretax taxexcl nett extax pre_tax",
    "gross": "gross brutto ttc bruto incl inclusive including with_tax taxincl inctax lordo wt inc",
    "rate": "rate percent percentage pct prozent satz taux tasa porcentaje tasso prc_pct ratio aliquota",
    "unit": "unit einzel unitaire unitario unitaria each stueck per pro",
    "date": "date datum dat day jour fecha dia data tag jjmmaa giorno",
    "time": "time zeit timestamp ts at datetime heure hora uhrzeit zeitpunkt when moment dt dts tstamp",
    "created": "created create creation erstellt erstellung angelegt anlage cree creado alta add added insert inserted placed placed "
    "begun completed bestellt passee entered registered signup registrierung registration joined inscription registro eingetragen",
    "updated": "updated update upd modified modify change changed geaendert aenderung aktualisiert maj modif modifie modificado "
    "actualizado write last_change edited",
    "status": "status state statut etat estado stato zustand stand",
    "currency": "currency waehrung devise moneda valuta divisa curr cur iso waehr ccy",
    "email": "email mail emails e_mail courriel correo emailadresse mailadresse emailaddress",
    "id": "id ids no nr num number nummer numero code key uuid guid idx cod clave ref reference schluessel kennung identifier pk fk sk "
    "bk rut handle",
    "name": "name names bezeichnung titel title nom nombre nome label designation libelle description descripcion beschreibung",
    "first": "first vorname prenom given",
    "refund": "refund refunds refunded return returns returned retoure retouren gutschrift gutschriften creditmemo creditmemos credit "
    "memo avoir avoirs retour retours remboursement devolucion devoluciones abono reembolso rma slip reimbursement reimbursements "
    "chargeback erstattung erstattungen rimborso reso",
    "payment": "payment payments pay zahlung zahlungen paiement paiements pago pagos pagamento capture settlement tender "
    "betaling paid",
    "session": "session sessions visit visits besuch besuche visite visites sesion sesiones",
    "channel": "channel kanal canal source medium utm quelle herkunft",
    "country": "country land pays pais countrycode nation laender paese",
    "region": "region province bundesland provincia county territory",
    "gender": "gender sex geschlecht sexe sexo genre_person",
    "birth": "birth birthday birthdate dob geburt geburtstag geburtsdatum geburtsjahr naissance nacimiento",
    "consent": "consent optin opt_in einwilligung consentement consentimiento profiling gdpr dsgvo",
    "tier": "tier loyalty stufe niveau nivel",
    "device": "device geraet appareil dispositivo",
    "spend": "spend spent ausgaben depense depenses gasto gastos expense",
    "campaign": "campaign campaigns kampagne kampagnen campagne campagnes campana campanas",
    "marketing": "marketing ad ads advertising werbung publicite publicidad adwords",
    "subscription": "subscription subscriptions abo abonnement abonnements suscripcion suscripciones contract vertrag",
    "survey": "survey surveys nps csat feedback umfrage enquete encuesta",
    "social": "social mention mentions tweet tweets",
    "exchange": "exchange fx wechselkurs wechselkurse kurs kurse change_rate cambio forex conversion",
    "cart": "cart carts basket baskets quote quotes quotation warenkorb panier carrito wishlist wish wunschliste offer angebot "
    "angebote devis presupuesto abandoned draft checkout",
    "supplier": "supplier suppliers vendor vendors lieferant lieferanten fournisseur fournisseurs proveedor proveedores purchasing "
    "procurement po",
    "stock_move": "warehouse picking pick transfer movement lager bestand shelf bin",
    "employee": "employee employees staff mitarbeiter salesrep salesperson personal salesman rep seller sellers verkaeufer",
    "log": "log logs history historie histories audit archive backup tmp temp bak old verlauf protokoll event events note notes "
    "comment comments queue queues",
    "address": "address addresses adresse adressen direccion direcciones location addr indirizzo",
    "review": "review reviews rating ratings bewertung bewertungen avis resena",
    "test": "test tests testing sandbox demo",
    "deleted": "deleted delete void voided geloescht storniert annule anulado removed is_deleted trashed invalid",
    "cancelled": "cancelled canceled cancel cancellation storno annulation cancelado cancelada",
    "type": "type typ kind art_der tipo class klasse",
    "parent": "parent original eltern superior",
    "placed": "placed ordered completed purchased purchase bestellt passee booked sold transaction checkout trx complete",
    "flag": "is has flag kz ist est es",
    "zip": "zip postal postcode plz postleitzahl",
    "store": "store stores filiale filialen magasin tienda shop shops outlet branch",
    "price_list": "pricelist tarif_list special wholesale_price list msrp compare retail listprice",
    "tax_class": "class",
    "text": "text message body token password hash url phone fax telefon telephone street city ort ville ciudad",
    "base": "base",
    "ordered": "ordered bestellte",
    "shipped": "shipped invoiced delivered versendet geliefert",
    "cancelled_part": "canceled cancelled",
    "language": "lang language sprache langue idioma locale",
    "dimension": "dim dimension",
    "fact": "fact facts fct fakt",
    "header": "header headers head kopf entete cabecera hdr kopfdaten",
    "calendar": "calendar kalender calendrier calendario",
    "due": "due required expected estimated promised faellig echeance",
    "share": "share portion",
    "master": "master stamm stammdaten mst",
}  # fmt: skip
#: Parts of compound words that carry no meaning: prefixes of types, and letters that join two words.
_FILLERS = {"tbl", "str", "int", "dte", "dbl", "lng", "fld", "sys", "the", "of", "de", "der", "die", "das", "du", "la", "le", "vw"}
_BY_WORD: dict[str, tuple[str, ...]] = {}
for _concept, _listed in _WORDS.items():
    for _word in _listed.split():
        _BY_WORD[_word] = (*_BY_WORD.get(_word, ()), _concept)


@cache
def tokens(name: str) -> tuple[str, ...]:
    """Return the words of a name, in lower case and without accents; compounds of known words are taken apart.

    >>> tokens("SalesOrderHeader"), tokens("kundennr"), tokens("OrderQty"), tokens("tblBestellpositionen")
    (('sales', 'order', 'header'), ('kunden', 'nr'), ('order', 'qty'), ('tbl', 'bestell', 'positionen'))
    """
    plain = re.sub("mwst", "Mwst", name.replace("ß", "ss"), flags=re.IGNORECASE)
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue")):
        plain = plain.replace(umlaut, letters)
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", plain)
    joined = re.sub(r"[^a-z0-9]+", "_", plain.lower())
    if plain.lower() == plain or plain.upper() == plain:
        parts = re.findall(r"[a-z]+|\d+", joined)
    found: list[str] = []
    for part in parts:
        word = part.lower()
        found += [word] if word in _BY_WORD else (_taken_apart(word) or [word])
    if found[:2] in (["e", "mail"], ["sub", "total"], ["opt", "in"], ["sous", "total"]):
        found[:2] = ["".join(found[:2])]
    return tuple(found)


@cache
def concepts(name: str) -> frozenset[str]:
    """Return the concepts that a name has a word of.

    >>> sorted(concepts("Kunden_Nr")), sorted(concepts("unitPrice"))
    (['customer', 'id'], ['price', 'unit'])
    """
    words = tokens(name)
    pairs = ["_".join(pair) for pair in zip(words, words[1:], strict=False)]
    return frozenset(c for word in (*words, *pairs) for c in _BY_WORD.get(word, _BY_WORD.get(word.rstrip("0123456789"), ())))


def _taken_apart(word: str) -> list[str] | None:
    """Return the known words that a compound consists of, the longest first, None if it has another part."""
    if len(word) < 5:
        return _with_prefix(word)
    for end in range(len(word) - 1, 1, -1):
        head, tail = word[:end], word[end:]
        if not _is_known(head):
            continue
        for joint in ("", "s", "n", "en", "e"):
            rest = tail.removeprefix(joint) if tail.startswith(joint) else None
            if rest is None or not rest:
                continue
            if _is_known(rest):
                return [head, rest]
            if more := _taken_apart(rest):
                return [head, *more]
    return _with_prefix(word)


def _with_prefix(word: str) -> list[str] | None:
    """Return a name of one or two letters of type before known words (`nPreis`, `dtorder`), None if it is none."""
    for end in (1, 2):
        if len(word) - end >= 4 and word[end:] in _BY_WORD:
            return [word[:end], word[end:]]
    return None


def _is_known(word: str) -> bool:
    return len(word) > 1 and (word in _BY_WORD or word in _FILLERS)
