"""Language models behind servers in words: who answered, on what terms, and how well answers named labels."""

from limbeck.evaluation.records import ServedRecord
from limbeck.evaluation.schema import Findings
from limbeck.report.words.numbers import count, several


def about_served(findings: Findings) -> list[str]:
    """Return what answered in the place of a network, a line each; none where nothing did."""
    return [_line(one) for one in (findings.teacher.served if findings.teacher is not None else [])]


def _line(one: ServedRecord) -> str:
    terms = "no terms are stated" if one.terms is None else f"terms as the user states them: {one.terms}"
    money = "" if one.money is None else f", {one.money:,.2f} at the price given"
    said = (
        f"The teacher is the language model `{one.model}` behind a server; its prompt is {one.prompt}, and {terms}. "
        f"It answered for {several(one.texts, 'text')}, in {several(one.requests, 'request')} and {count(one.tokens)} "
        f"tokens{money}."
    )
    if not one.by_votes:
        return said
    unnamed = f", of which {count(one.unnamed)} name no label" if one.unnamed else ""
    uniform = f"; for {several(one.uniform, 'text')} every label counts as equally probable" if one.uniform else ""
    return f"{said} {count(one.by_votes)} of the texts by votes: {several(one.votes, 'answer')}{unnamed}{uniform}."
