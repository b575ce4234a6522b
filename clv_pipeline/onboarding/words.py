"""What names of tables and columns mean: words of several languages and spellings become the concepts of a shop.

The words are in `vocabulary.toml`; what values say is in `profiles.py`, and what both mean together in `columns.py`.
"""

import re
import tomllib
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

#: Parts of compound words that carry no meaning: prefixes of types, and letters that join two words.
_FILLERS = frozenset(
    {"tbl", "str", "int", "dte", "dbl", "lng", "fld", "sys", "the", "of", "de", "der", "die", "das", "du", "la", "le"}
)
#: Words of two letters that compounds are made of; others would be found in any word (`ex` in `export`).
_SHORT = frozenset({"id", "nr", "no", "pk", "sk", "fk", "de", "du", "la", "le", "of"})
_BY_WORD: dict[str, tuple[str, ...]] = {}
for _concept, _listed in tomllib.loads((Path(__file__).parent / "vocabulary.toml").read_text(encoding="utf-8")).items():
    for _word in _listed.split():
        _BY_WORD[_word] = (*_BY_WORD.get(_word, ()), _concept)


#: Pairs that are one word, with a meaning of their own.
_IN_TWO_WORDS = {
    ("e", "mail"),
    ("sub", "total"),
    ("opt", "in"),
    ("sous", "total"),
    ("credit", "note"),
    ("credit", "notes"),
}


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
    for start in range(len(found) - 1):
        if tuple(found[start : start + 2]) in _IN_TWO_WORDS:
            found[start : start + 2] = ["".join(found[start : start + 2])]
    return tuple(found)


@cache
def concepts(name: str) -> frozenset[str]:
    """Return the concepts that a name has a word of.

    >>> sorted(concepts("Kunden_Nr")), sorted(concepts("unitPrice"))
    (['customer', 'id'], ['price', 'unit'])
    """
    words = tokens(name)
    pairs = ["_".join(pair) for pair in pairwise(words)]
    return frozenset(
        c for word in (*words, *pairs) for c in _BY_WORD.get(word, _BY_WORD.get(word.rstrip("0123456789"), ()))
    )


#: Tables whose items are lines of something, and no products.
_OF_LINES = {"order", "sale", "invoice", "cart", "refund", "shipping"}


@cache
def table_concepts(name: str) -> frozenset[str]:
    """Return the concepts of a table's name: the items of an order are lines, those of nothing are products.

    >>> "product" in table_concepts("sales_order_item"), "product" in table_concepts("item")
    (False, True)
    """
    meant = concepts(name)
    named = {"product", "article", "artikel", "producto", "produit", "variant", "sku"} & {
        w.rstrip("s") for w in tokens(name)
    }
    return meant - {"product"} if meant & _OF_LINES and "line" in meant and not named else meant


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
    return (len(word) > 2 or word in _SHORT) and (word in _BY_WORD or word in _FILLERS)
