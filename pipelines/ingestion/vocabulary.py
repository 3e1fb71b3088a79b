"""What the tables and columns of the contract are called in shops, CRMs and event streams, and in German.

A name that is more often something else stands in the second list, and counts less.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Names that mean one thing.

    Attributes:
        usual: Mean it whenever they appear.
        possible: Often mean something else.
    """

    usual: tuple[str, ...]
    possible: tuple[str, ...]


def _names(usual: str, possible: str = "") -> Names:
    """From two lists with commas."""
    return Names(*(tuple(name for name in text.split(", ") if name) for text in (usual, possible)))


TABLES = {
    "customers": _names(
        "customer, user, member, contact, profile, person, people, kunde, kunden, household",
        "account, identify, subscriber, guest, lead, crm contact, buyer, haushalt",
    ),
    "orders": _names(
        "order, purchase, transaction, sale, sales order, order completed, order header, bestellung, "
        "bestellungen, auftrag, auftraege, verkauf, verkaeufe, basket",
        "invoice, checkout, opportunity, booking, receipt, rechnung, rechnungen, kauf",
    ),
    "order_lines": _names(
        "order line, order item, order line item, line item, order detail, order product, bestellposition, "
        "bestellpositionen, auftragsposition, auftragspositionen, position, transaction line, transaction "
        "item, sale line",
        "invoice line, opportunity line item, item, positionen, rechnungsposition",
    ),
    "products": _names(
        "product, article, item master, artikel, produkt, produkte, product 2, catalogue",
        "item, sku, variant, product variant, ware, sortiment, catalog",
    ),
    "events": _names(
        "event, track, activity, interaction, clickstream, web event, ereignis, ereignisse",
        "page, pageview, hit, log, aktivitaet, aktivitaeten, email event, screen",
    ),
    "messages": _names(
        "message, send, email send, sent message, message sent, contact history, nachricht",
        "email, mailing, communication, sms, nachrichten, delivery, versand, notification",
    ),
    "campaigns": _names("campaign, kampagne, kampagnen, marketing campaign", "promotion, aktion"),
    "campaign_members": _names(
        "campaign member, campaign target, campaign audience, kampagnenmitglied, campaign customer",
        "target group, zielgruppe, audience, assignment, experiment assignment",
    ),
    "consents": _names(
        "consent, permission, opt in, einwilligung, einwilligungen, marketing consent, consent log",
        "preference, subscription, email preference, zustimmung, individual consent",
    ),
    "suppressions": _names(
        "suppression, unsubscribe, do not contact, blocklist, sperrliste, opt out, suppression list",
        "bounce, blacklist, complaint, robinson, sperre, sperren",
    ),
    "erasures": _names(
        "erasure, erasure request, deletion request, gdpr request, loeschantrag, loeschantraege",
        "privacy request, data subject request, dsar, forget request, loeschung, loeschungen",
    ),
    "costs": _names(
        "cost, spend, ad spend, marketing cost, media cost, werbekosten, kosten, channel cost",
        "budget, ausgaben, ad cost",
    ),
}

#: By column of the contract, wherever it occurs.
COLUMNS = {
    "source": _names("source system, system, quellsystem, origin system"),
    "customer_ref": _names(
        "customer ref, customer id, customer key, customer number, customer no, user id, member id, contact "
        "id, person id, kunden id, kundennr, kundennummer, kunde, client id, household id, cust id, "
        "customer, bill to customer id, profile id, kunden nr, haushalt id",
        "cust, account id, user, cust no, client, owner id, sold to, subscriber id, lead id",
    ),
    "channel": _names("channel, kanal, sales channel, source name, medium", "type, platform"),
    "updated_at": _names(
        "updated at, modified at, last modified, last modified date, updated on, last updated, geaendert "
        "am, aenderungsdatum, updated, modified, update time, system modstamp, last update, letzte "
        "aenderung, changed at, date modified",
    ),
    "created_at": _names(
        "created at, created date, created on, created, creation date, create time, registered at, signup "
        "date, sign up at, angelegt am, erstellt am, anlagedatum, registriert am, date created, date "
        "joined, registration date, joined at, erfasst am",
        "inserted at, first seen, member since, received at",
    ),
    "campaign_id": _names("campaign id, campaign, kampagne, kampagnen id, kampagnennr", "utm campaign"),
    "product_id": _names(
        "product id, product, product 2 id, article id, article number, artikelnr, artikelnummer, artikel "
        "id, produkt id, sku, item id, product key, product number",
        "variant id, item, ean, gtin, upc, artikel, product code",
    ),
    "order_id": _names(
        "order id, order number, order no, transaction id, purchase id, sales order id, basket id, "
        "bestellnr, bestellnummer, bestell id, bestellung id, auftragsnr, auftragsnummer, order key, "
        "auftrags id, sale id, order ref",
        "invoice id, invoice number, checkout id, opportunity id, belegnr, rechnungsnr, order",
    ),
    "email": _names(
        "email, e mail, email address, mail, e mail adresse, email adresse, person email, mailadresse",
        "contact email, primary email, login, recipient",
    ),
    "phone": _names(
        "phone, phone number, mobile, mobile phone, telephone, telefon, telefonnummer, handy, mobilnummer, "
        "cell phone, telefonnr, mobile number, msisdn",
        "tel, home phone, contact number, cell, mobil, work phone",
    ),
    "address": _names(
        "address, contact address, email address, adresse, recipient, email, e mail, email address, mail, e "
        "mail adresse, email adresse, person email, mailadresse",
        "phone",
    ),
    "status": _names("status, state, zustand", "stage name, stage"),
    "expires_at": _names("expires at, expiry date, valid until, gueltig bis, expires on, ablaufdatum"),
    "propensity": _names("propensity, assignment probability, selection probability"),
    "template_id": _names("template id, template, vorlage, vorlagen id, creative id"),
    "first_name": _names("first name, given name, vorname, forename, firstname", "name 1"),
    "last_name": _names("last name, family name, surname, nachname, familienname", "name 2, name"),
    "birth_date": _names("birth date, date of birth, birthday, dob, geburtsdatum, geburtstag"),
    "street": _names(
        "street, address 1, address line 1, street address, mailing street, strasse, anschrift",
        "address, billing street, shipping street, adresse, other street",
    ),
    "city": _names("city, town, mailing city, ort, stadt, wohnort", "billing city, locality"),
    "postcode": _names(
        "postcode, postal code, zip, zip code, mailing postal code, plz, postleitzahl",
        "billing postal code",
    ),
    "region": _names(
        "region, province, mailing state, bundesland, kanton, province code, state code",
        "state, county, billing state",
    ),
    "country": _names(
        "country, country code, mailing country, land, laendercode, mailing country code, landkuerzel",
        "billing country, nation",
    ),
    "locale": _names("locale, language, sprache, preferred language, lang, language code"),
    "time_zone": _names("time zone, timezone, tz, zeitzone, time zone sid key"),
    "attributes": _names(
        "attributes, traits, custom fields, properties, attribute, merkmale",
        "metadata",
    ),
    "ordered_at": _names(
        "ordered at, order date, placed at, purchase date, purchased at, transaction date, processed at, "
        "order timestamp, bestelldatum, bestellt am, auftragsdatum, kaufdatum, sale date, order placed at, "
        "transaction timestamp, effective date, order time",
        "created at, timestamp, date, datum, completed at, close date, created date, invoice date",
    ),
    "net_amount": _names(
        "net amount, net total, subtotal price, subtotal, nettobetrag, nettowert, netto, net price, sales "
        "value, net revenue, netto betrag, net value, pre tax price, summe netto",
        "total, total amount, total price, amount, revenue, grand total, order total, betrag, gesamtbetrag, "
        "order value, line total, value, umsatz, order amount, current total price",
    ),
    "currency": _names("currency, currency code, currency iso code, waehrung, presentment currency"),
    "discount_amount": _names(
        "discount amount, discount, total discounts, rabatt, rabattbetrag, nachlass, total discount",
        "coupon discount",
    ),
    "line_number": _names(
        "line number, line no, position, line item number, pos, positionsnr, order item number, index",
        "line, sequence, line id, sort order, id",
    ),
    "quantity": _names("quantity, qty, menge, units, anzahl, stueckzahl", "count, stueck"),
    "name": _names(
        "name, title, product name, bezeichnung, artikelbezeichnung, produktname, titel",
        "label, short description",
    ),
    "description": _names("description, body html, beschreibung, long description, body", "text"),
    "category": _names(
        "category, product type, kategorie, warengruppe, product category, category name",
        "family, type, class, commodity, sub category",
    ),
    "department": _names(
        "department, abteilung, bereich, category group, sortimentsbereich",
        "division",
    ),
    "brand": _names("brand, vendor, marke, manufacturer, hersteller, maker"),
    "price": _names("price, list price, unit price, preis, listenpreis, base price, verkaufspreis"),
    "is_active": _names("is active, active, aktiv, enabled, is available, published", "status"),
    "event_id": _names("event id, event uuid, ereignis id, insert id, event key", "id, uuid"),
    "event_type": _names(
        "event type, event, event name, ereignistyp, ereignis, event action",
        "type, name, action, typ, activity",
    ),
    "occurred_at": _names(
        "occurred at, event time, event timestamp, timestamp, happened at, zeitpunkt, event date, original "
        "timestamp, event at, event datetime, zeitstempel",
        "created at, date, time, ts, datum, server time, sent at",
    ),
    "ingested_at": _names("ingested at, received at, loaded at, inserted at, load time, uuid ts"),
    "device_id": _names(
        "device id, anonymous id, cookie id, visitor id, geraete id, context device id",
    ),
    "message_id": _names("message id, send id, nachricht id, nachrichten id, mail id", "id, email id"),
    "session_id": _names("session id, visit id, sitzung, session, sitzungs id"),
    "value": _names("value, event value, wert", "amount, revenue, score"),
    "properties": _names("properties, event properties, params, payload, eigenschaften", "metadata"),
    "sent_at": _names(
        "sent at, send time, send date, sent on, versendet am, versandzeitpunkt, delivered at",
        "timestamp, created at, event date, date",
    ),
    "offer_id": _names("offer id, offer, angebot, angebots id, coupon id", "coupon"),
    "cost": _names("cost, price, kosten, message cost, unit cost"),
    "type": _names("type, campaign type, typ, kind, art"),
    "starts_on": _names("starts on, start date, starts at, startdatum, begins on, beginn, von"),
    "ends_on": _names("ends on, end date, ends at, enddatum, ende, bis"),
    "budget": _names("budget, budgeted cost, campaign budget, planned budget"),
    "arm": _names("arm, variant, experiment arm, test group, treatment, gruppe"),
    "assigned_at": _names(
        "assigned at, assignment date, added at, zugeordnet am",
        "created at, created date",
    ),
    "consent_id": _names("consent id, einwilligung id, einwilligungs id, permission id", "id"),
    "purpose": _names("purpose, zweck, consent purpose, consent type", "category, type, topic"),
    "recorded_at": _names(
        "recorded at, consent date, consented at, captured at, erteilt am, given at, erfasst am, consent "
        "timestamp, opt in date, unsubscribed at, suppressed at",
        "created at, timestamp, updated at, date, created date, datum",
    ),
    "text_version": _names("text version, consent text version, policy version, textversion, version"),
    "jurisdiction": _names("jurisdiction, rechtsraum, law"),
    "legal_basis": _names("legal basis, rechtsgrundlage, lawful basis"),
    "reason": _names("reason, grund, suppression reason, bounce reason", "type, cause"),
    "request_id": _names("request id, antrag id, antragsnr, ticket id, dsar id", "id"),
    "requested_at": _names("requested at, request date, beantragt am, antragsdatum", "created at, date"),
    "date": _names("date, day, datum, tag, cost date, spend date", "month"),
    "amount": _names("amount, cost, spend, betrag, kosten, costs, ausgaben", "value, total"),
}

#: Columns that are called plainly `id` in their own table.
OWN_IDS = {
    "customers": "customer_ref",
    "orders": "order_id",
    "products": "product_id",
    "events": "event_id",
    "messages": "message_id",
    "campaigns": "campaign_id",
    "consents": "consent_id",
    "erasures": "request_id",
}
OWN_ID = ("id", "uuid", "guid", "key", "nr", "number")

#: Words that give a column away as being about a person, also where the contract has no place for it.
PERSONAL_WORDS = frozenset(
    (
        *("email", "mail", "phone", "mobile", "telefon", "handy", "street", "strasse", "address", "adresse"),
        *("firstname", "lastname", "surname", "vorname", "nachname", "birth", "birthday", "birthdate", "dob"),
        *("geburtsdatum", "ssn", "passport", "iban", "ip", "latitude", "longitude", "gender", "geschlecht"),
        *("salutation", "anrede", "zip", "plz", "postcode", "fax", "signature", "password", "card", "cookie"),
    )
)
PERSONAL_PAIRS = (
    *(("full", "name"), ("customer", "name"), ("user", "name"), ("contact", "name"), ("middle", "name")),
    *(("postal", "code"), ("user", "agent")),
)
