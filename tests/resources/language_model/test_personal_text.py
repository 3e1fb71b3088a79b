"""Texts that look as if they were about a person are refused, texts of products are not."""

import pytest

from resources.language_model.personal_text import looks_personal


@pytest.mark.parametrize(
    "text",
    [
        "mug for ann@example.com", "mug for Ann @ example.com", "call +1 (212) 555-0100", "2125550100",
        "tel. 030/123 45 67", "engraved 4111 1111 1111 1111", "mug @ann_lee", "0171-2345678",
    ],
)  # fmt: skip
def test_mailboxes_numbers_and_accounts_are_refused(text):
    assert looks_personal(text)


@pytest.mark.parametrize(
    "text",
    [
        "GROCERY / SOFT DRINKS / SOFT DRINKS 20PK&24PK CAN CARB", "milk 3.5 % 1000 ml", "SPF 50 200ML",
        "batteries AA 1.5V 12 pk", "BULB 60W E27 2700K", "LOINS @ SALE", "50% AND UNDER",
        "article XB12345678",
        "frames 10 x 15", "whole toms (over 15lbs)",
    ],
)  # fmt: skip
def test_texts_of_products_pass(text):
    assert not looks_personal(text)
