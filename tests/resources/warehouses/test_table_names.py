"""Names of tables: points between parts, and points within them."""

import pytest

from resources.warehouses.table_names import join_name, split_name, written_parts

NAMES = {
    "t": ["t"],
    "shop.orders": ["shop", "orders"],
    "My shop.t": ["My shop", "t"],
    'shop."a.b"': ["shop", "a.b"],
    'shop."say ""x"""': ["shop", 'say "x"'],
    '"a.b"."c.d".e': ["a.b", "c.d", "e"],
}


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_found_and_make_the_name_again(name):
    assert split_name(name) == NAMES[name]
    assert join_name(*NAMES[name]) == name


def test_what_is_no_name_is_taken_by_its_points():
    assert written_parts('say "x') is None
    assert split_name('say "x.y') == ['say "x', "y"]
