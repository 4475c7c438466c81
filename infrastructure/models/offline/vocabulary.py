"""Vocabulary: what the words of requests, column names and cells stand for, in six languages.

A stem matches the beginning of a word; `stem$` matches a whole word only; `*stem` matches anywhere
in a word (German compounds); a stem with a blank matches consecutive words. Accents are folded.
"""

from __future__ import annotations

import re
from functools import cache

from infrastructure.models.offline.language import words_of

CONCEPTS: dict[str, str] = {
    # What is asked for
    "report": "report$, reports$, reporting$, *bericht, rapport, informe, relatorio, rapporto,"
    " relazione, bilan$, p l$, income statement, financial statement, *abschluss, profit and loss,"
    " compte de resultat, cuenta de resultados, *auswertung, management summary",
    "summary": "summar, summaris, summariz, zusammenfass, fasse, resume$, resumer, resumen,"
    " resumir, riassu, analys, analyz, analiz, auswert, resumo, digest$, key points, main points",
    "chart": "chart, graph, plot$, plots$, plotted$, diagram, *diagramm, *grafik, grafico, grafica,"
    " visualis, visualiz, pie$, draw$, zeichne, dessine",
    "describe": "describe, profile$, columns$, schema$, beschreib, *spalten, decris, decrire,"
    " describ, colonnes, columnas, what is in, whats in, what s in, was steht in, was ist in,"
    " list the files, list files, list my files, which files, look at, tell me about,"
    " overview of, contenido, contenu, inhalt",
    "forecast": "forecast, predict, projection, *prognos, vorhersag, previsi, prevoir, prevision,"
    " pronostic, previs, next quarter, next month, next year, nachstes quartal, nachsten quartal,"
    " naechst, prochain trimestre, proximo trimestre",
    "recall": "last time, past conversation, earlier conversation, previous conversation,"
    " previous session, earlier session, past session, letztes mal, letzten mal, fruhere gespr,"
    " la derniere fois, conversations precedentes, la ultima vez, conversaciones anteriores,"
    " did we discuss, did we answer, did you answer, did we say, did you say, we talked,"
    " did i ask, have i asked, already ask, haben wir besprochen, hast du geantwortet",
    "why": "why$, warum$, weshalb$, wieso$, pourquoi$, por que$, porque$, perche$, driver, drove$,"
    " reason, explain, erklar, explique, ursache, *grund$, grunde$, treiber$, cause, raison",
    "compare": "compar, vergleich, confront, versus$, vs$, gegenuber, difference between, change$,"
    " changed$, development, entwickl, evolution, veranderung, *anderung",
    "lost": "lost$, lose$, loses$, losing$, fell$, fall$, falling$, drop, declin, decreas, shrink,"
    " shrank, verlor, verlier, gesunken, ruckgang, sank$, fiel$, perdu, baisse, diminu, perdi,"
    " cay, bajo$, baja$, perso$, calato$, down$, worse",
    "gained": "gain, grew$, grow$, grown$, growing$, growth$, increas, rose$, rise$, risen$,"
    " gestieg, gewachsen, wuchs$, wachst, zugenommen, anstieg, augment, hausse, croiss, aument,"
    " crec, subi, cresc, improv, up$",
    "question": "what$, which$, how$, who$, when$, where$, was$, welche, welcher, welches, wie$,"
    " wieviel$, wer$, wann$, quel$, quelle$, quels$, quelles$, combien$, cual$, cuales$, que$,"
    " cuanto, cuanta, qual$, quali$, quanto, quanta, show$, list$, give$, zeige, zeig$, nenne,"
    " liste$, montre, donne, muestra, dame$, mostra, total, sum$, summe$, somme$, suma$, average$,"
    " top$, rank, find$, compute$, calculate$, berechne, calcule",
    "data": "data$, daten$, donnees$, datos$, dati$, dados$, table$, tabelle$, file$, datei$,"
    " fichier$, archivo$, csv$, ledger$, spreadsheet$, quarter, *quartal, trimestr, monthly$,"
    " month$, monat, *umsatz, *kosten, per$, pro$",
    "finance": "financ, *finanz, revenue, sales$, *umsatz, *erlos, chiffre d, ingresos, ventas$,"
    " p l$, profit, *ergebnis, quarterly$, *quartal, trimestr, account, *konto, cost, *kosten",
    # How to compute
    "average": "average, mean$, avg$, durchschnitt, *schnitt$, mittelwert, moyen, promedio, media$,"
    " medio$, medie$",
    "median": "median, mediane, mediana",
    "count": "how many, number of, count$, anzahl, wie viele, wieviele, combien de, nombre de,"
    " cuantos$, cuantas$, numero de, quanti$, quante$, quantos$, quantas$",
    "rows": "entries$, entry$, rows$, row$, records$, record$, transaction, booking, eintrag,"
    " eintrage, zeile, buchung, lignes$, ecriture, filas$, registros$, asiento",
    "distinct": "different$, distinct$, unique$, verschieden, unterschiedlich, differents$,"
    " distint, divers",
    "highest": "highest, most$, le plus, la plus, les plus, largest, biggest, best$, top$,"
    " maximum, max$, hochst, grosst,"
    " meist$, meisten$, beste, plus grand, plus eleve, meilleur, mayor$, mayores$, mejor, maggior,"
    " maior$, leading",
    "lowest": "lowest, least$, le moins, la moins, smallest, worst$, minimum, min$, bottom$,"
    " niedrigst, kleinst,"
    " wenigst, schlechtest, plus petit, plus faible, pire$, menor$, menores$, peor, minor$,"
    " minore$",
    "monthly": "by month, per month, monthly$, each month, pro monat, je monat, monatlich,"
    " nach monat, par mois, mensuel, por mes, mensual, al mese, mensil, over time, trend",
    "quarterly": "by quarter, per quarter, quarterly$, each quarter, pro quartal, je quartal,"
    " nach quartal, par trimestre, por trimestre",
    "yearly": "by year, per year, yearly$, annual$, pro jahr, je jahr, nach jahr, par an$,"
    " por ano$",
    # What figures mean
    "revenue": "revenue, sales$, turnover, income$, *umsatz, *erlos, *ertrag$, *ertrage, *einnahme,"
    " chiffre d affaire, chiffre affaire, ca$, recette, vente, ventes$, produits$, ingreso, venta$,"
    " ventas$, factur, ricav, fatturat, vendite$, entrate$, receita, earned$, bookings$",
    "expenses": "expense, expenditure, cost$, costs$, spend$, spending$, spent$, opex$, cogs$,"
    " *kosten$, *aufwand, *aufwendung, *ausgabe, charge$, charges$, depense, cout$, couts$,"
    " gasto, coste$, costes$, costo$, costos$, costi$, egreso, spesa$, spese$, uscite$, despesa,"
    " custo$, custos$",
    "result": "profit, result$, margin$, *ergebnis, *gewinn, resultat$, benefice, beneficio,"
    " ganancia, utile$, lucro, ebit$, ebitda$, earnings$, marge$, net income",
    "amount": "amount, value$, betrag, *betrag$, *wert$, montant, importe$, monto$, importo$,"
    " valor$, valeur$, total$, sum$, summe$, net$, netto$, gross$, brutto$, price total",
    "quantity": "quantity, qty$, units$, pieces$, menge$, *stuck$, stuckzahl, anzahl$, quantite,"
    " qte$, cantidad, unidades$, quantita, quantidade, volume$, sold$",
    "price": "price$, unit price, *preis$, *preise$, prix$, precio, prezzo, preco, rate per",
    "unit": "unit$, einzel, stuck, unitaire, unitario, each$, per$",
    "debit": "debit, soll$, debe$, dare$, debito$",
    "credit": "credit$, credits$, haben$, haber$, avere$, credito$",
    "plan": "budget, plan$, target$, soll wert, forecast$, presupuesto, ziel$, objectif",
    "ratio": "rate$, ratio, percent, percentage, pct$, prozent, *quote$, satz$, *steuersatz,"
    " *zinssatz, *prozentsatz, taux$, tasa$,"
    " share$, discount rate, margin pct, vat rate",
    "code": "id$, ids$, nr$, no$, number$, nummer$, *nummer$, *nr$, code$, key$, zip$, plz$, year$,"
    " jahr$, annee$, ano$, month$, monat$, week$, phone, *stelle$, centre$, center$",
    # What columns group by
    "date": "date$, *datum$, fecha$, data$, day$, tag$, jour$, dia$, posted$, booked$, booking$,"
    " *buchung$, *beleg$, invoice$, order$, period$, month$, monat$, mois$, mes$, timestamp$,"
    " time$",
    "currency": "currency, wahrung, *wahrung$, devise$, moneda$, divisa$, valuta$, moeda$, ccy$",
    "kind": "type$, kind$, typ$, *art$, category$, direction$, richtung$, sens$, tipo$, nature$,"
    " class$, side$, *klasse$, buchungstyp",
    "product": "product, produkt, artikel, produit, producto, prodotto, item$, service$, sku",
    "account": "account, konto, compte$, cuenta, conto$, categor, kategor",
    "dimension": "product, produkt, artikel, produit, producto, prodotto, region, gebiet, account,"
    " konto, compte$, cuenta, categor, kategor, department, abteilung, cost centre, cost center,"
    " kostenstelle, customer, kunde, client, cliente, channel, kanal, country, land$, pays$, pais$,"
    " segment, team$, store, filiale, supplier, vendor, lieferant, fournisseur, project, projekt",
    # What nobody can do by rules
    "creative": "poem, poetry$, gedicht, poeme$, poema$, song$, lyrics$, story$, essay$, joke$,"
    " haiku$, limerick$, slogan, novel$",
    "translation": "translate$, ubersetze, traduire$, traduis$, traduisez$, traduce$, traducir$,"
    " traduci$, tradurre$, traduza$, traduzir$",
    "booking": "book$, buche$, buchen$, reserve$, reserver$, reserva$, reservar$, prenota$,"
    " order me, buy$, purchase me",
    "travel": "flight, flug$, hotel, train ticket, table for, vol$, vuelo$, restaurant, taxi$",
    "legal": "legal advice, lawsuit, sue$, rechtsberatung, rechtlich, conseil juridique, contract"
    " review, asesoria legal, verklag, nda$",
    "correspondence": "email$, e mail, mail$, letter$, brief schreib, *schreiben an",
    "writing": "write$, send$, draft$, compose$, schreib, sende$, rediger$, redige$, ecris$,"
    " ecrire$,"
    " envoie$, escrib, enviar$, envia$, scrivi$, invia$, escreva$, envie$",
    "world": "weather, wetter, meteo, news$, stock price, aktienkurs, internet$, google$, website",
    "code_writing": "write code, python script, write a function, program a, debug$",
}

_UNSERVED = frozenset(
    {"creative", "translation", "booking", "travel", "legal", "correspondence", "writing", "world"}
)

_REVENUE_WORDS = (
    "revenue, sale, income, turnover, earning, *erlos, *ertrag, *umsatz, *umsatze, *einnahme,"
    " produit$, produits$, recette, vente, chiffre d, ingreso, venta, ricav, vendit, entrat,"
    " receita, in$, inflow, subscription, licen, royalt,"
    " credit$, deposit, gutschrift, einzahlung"
)
_EXPENSE_WORDS = (
    "expense, cost, spend, *aufwand, *aufwendung, *kosten, *ausgabe, *miete, charge, depense, cout,"
    " gasto, egreso, spes, uscit, despes, cust$, custo$, out$, outflow, salar, wage, payroll,"
    " rent$,"
    " *gehalt, lohn, lohne, personal, marketing, travel, reise, insurance, versicherung, software,"
    " cloud, office, material, utilit, depreciation, *abschreibung, loyer, purchase, interest paid,"
    " tax$, taxes$, achat, cogs$, freight, legal fee, consult, advertis, energ, fournitur, debit$,"
    " withdraw, lastschrift, auszahlung"
)
_COST_PHRASES = (
    "cost of, costs of, *umsatzkosten, sales commission, income tax, sales tax, *ertragsteuer"
)
_INCOME_WORDS = "revenue, income, *erlos, *umsatz, *ertrag$, *ertrage, ingreso, ricav, receita"

_BALANCE_WORDS = (
    "bank$, cash$, petty cash, *kasse$, *forderung, *verbindlichkeit, receivable, payable, vat$,"
    " *vorsteuer, *umsatzsteuer, *mehrwertsteuer, tva$, iva$, banque$, caisse$, creances,"
    " fournisseurs$, clients$, banco$, caja$, equity$, *eigenkapital, inventory$, transfer"
)

_SIDES = (
    (_COST_PHRASES, "expenses"),
    (_BALANCE_WORDS, "balance"),
    (_INCOME_WORDS, "revenue"),
    (_EXPENSE_WORDS, "expenses"),
    (_REVENUE_WORDS, "revenue"),
)
"""Tried in this order, so that `cost of sales` is an expense and `travel income` is revenue."""


@cache
def _pattern(stems: str) -> re.Pattern[str]:
    parts = []
    for raw in stems.split(","):
        stem = raw.strip()
        inside, whole = stem.startswith("*"), stem.endswith("$")
        body = re.escape(stem.strip("*$")).replace(r"\ ", " ")
        parts.append(("" if inside else r"\b") + body + (r"\b" if whole else ""))
    return re.compile("|".join(parts))


def means(text: str, concept: str) -> bool:
    """Tell whether a text holds a word of a concept."""
    return _pattern(CONCEPTS[concept]).search(" ".join(words_of(text))) is not None


def is_known(text: str) -> bool:
    """Tell whether a text holds a word of any concept that rules can serve."""
    return any(means(text, concept) for concept in CONCEPTS if concept not in _UNSERVED)


def side_of(value: str) -> str | None:
    """Tell what a cell names: `revenue`, `expenses`, a `balance` account, or None."""
    text = " ".join(words_of(value))
    for stems, side in _SIDES:
        if _pattern(stems).search(text):
            return side
    return None
