"""Tables that spreadsheets show and do not compute."""

from __future__ import annotations

from vos.io.spreadsheet import csv_text


def test_what_looks_like_a_formula_is_text() -> None:
    cells = ["=1+2", "+cmd", "-rm", "@SUM(A1)", "\tx", "plain", "a=b", "", "-0.25", "+3", -0.5, 7, None]
    assert csv_text([cells]) == "'=1+2,'+cmd,'-rm,'@SUM(A1),'\tx,plain,a=b,,-0.25,+3,-0.5,7,\n"


def test_a_carriage_return_ends_no_row() -> None:
    text = csv_text([["a\r=1.png", "\r=2", 3]])
    assert text == "a\\r=1.png,\\r=2,3\n"
